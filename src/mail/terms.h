/* The terms a message travels under: what its sender asks of every system on the way, beside the
 * addresses. They come with MAIL, are kept with the message, and go on to the next hop. */
#ifndef MAIL_TERMS_H
#define MAIL_TERMS_H

#include "base/wire.h"

/* BODY= (RFC 6152, RFC 3030), from the least that a next hop must be able to take to the most. */
enum mail_body {
    MAIL_BODY_7BIT,
    MAIL_BODY_8BIT,
    MAIL_BODY_BINARY, /* any bytes, lines of any length: travels by BDAT alone */
};

/* BY= (RFC 2852): what happens when the time is up. */
enum mail_by {
    MAIL_BY_NONE,
    MAIL_BY_RETURN, /* "R": give up and return it */
    MAIL_BY_NOTIFY, /* "N": say so and go on */
};

enum { MAIL_PRIORITY_LEAST = -9, MAIL_PRIORITY_MOST = 9 };
/* "-9" to "9" (RFC 6710 5): one digit, no plus, no "-0". */
bool mail_priority_parse(struct text text, int *out);

enum { MAIL_PROPERTIES_MAX = 256 << 10 };

struct mail_terms {
    enum mail_body body;
    bool is_international;    /* SMTPUTF8: an address or the header is not ASCII, RFC 6531 */
    bool return_headers_only; /* RET=HDRS, RFC 3461 4.3 */
    bool requires_tls;        /* REQUIRETLS, RFC 8689 2 */
    bool tls_is_optional;     /* the field "TLS-Required: No", RFC 8689 3 */
    enum mail_by by;
    bool by_trace;           /* "T": every hop reports */
    int64_t by_ms;           /* wall; of by */
    int priority;            /* MT-PRIORITY, RFC 6710: -9 to 9, 0 when not given */
    int64_t hold_until_ms;   /* wall; HOLDFOR and HOLDUNTIL, RFC 4865; 0: not held */
    struct text envelope_id; /* ENVID decoded, or "", RFC 3461 4.4 */
    /* What XEXCH50 brought: properties of the message and its recipients, for the next server of
     * the same organisation; or "". */
    struct text properties;
    struct text submitter; /* AUTH= decoded, "<>" for nobody known, or "": RFC 4954 5 */
};

/* As bytes, in two parts with other facts in between: the head is as old as the store, and records
 * without a tail must stay readable. Getting sets in->bad for bytes that no put can have written;
 * texts are borrowed. The ENVID is left to the caller. */
void mail_terms_put_head(struct buffer *out, const struct mail_terms *terms);
/* Nothing for terms that need none. */
void mail_terms_put_tail(struct buffer *out, const struct mail_terms *terms);
/* True when a tail follows. */
bool mail_terms_get_head(struct wire_reader *in, struct mail_terms *out);
/* After the head, into the same *out. */
void mail_terms_get_tail(struct wire_reader *in, struct mail_terms *out);

#endif
