/* What the server says it can do (RFC 9051 7.2.2): one table for both halves of a session. */
#ifndef PROTO_IMAP_IMAP_CAPABILITY_H
#define PROTO_IMAP_IMAP_CAPABILITY_H

#include "base/buffer.h"
#include "settings/mechanisms.h"

/* What is true of the session at the moment. */
enum imap_situation {
    IMAP_BEFORE_LOGIN = 1,
    IMAP_AFTER_LOGIN = 2,
    IMAP_MAY_START_TLS = 4,
    IMAP_REFUSES_LOGIN = 8, /* the LOGIN command */
};

struct imap_offer {
    unsigned situation;
    uint32_t mechanisms;   /* MECHANISM_BITs to log in by */
    uint64_t append_bytes; /* RFC 7889 */
};

/* Append "CAPABILITY IMAP4rev1 ...", without the line's end. */
void imap_capability_put(struct buffer *out, const struct imap_offer *offer);

#endif
