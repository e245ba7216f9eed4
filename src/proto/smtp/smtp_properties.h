/* The octets that XEXCH50 carries: rows of MAPI properties, the first of the message, then one for
 * each recipient in the order of RCPT. Little-endian. A row is a count and so many properties; a
 * property is its tag (id << 16 | type) and its value: 4 or 8 octets, or a length and as many
 * octets, padded with zeros to a multiple of 4. Exchange's own form was never published; this is
 * ours. */
#ifndef PROTO_SMTP_SMTP_PROPERTIES_H
#define PROTO_SMTP_SMTP_PROPERTIES_H

#include "base/status.h"

enum { SMTP_PROPERTIES_ROW_MAX = 512 /* properties in a row */ };

/* What one look tells. */
struct smtp_properties {
    unsigned rows, properties;
    size_t message_bytes; /* of the first row */
    bool has_spam_level;  /* PidTagContentFilterSpamConfidenceLevel of the message */
    int32_t spam_level;
};
/* Check octets of at most so many rows. REFUSED with the reason. Pure. */
enum status smtp_properties_check(struct text octets, unsigned rows_max,
                                  struct smtp_properties *out);

#endif
