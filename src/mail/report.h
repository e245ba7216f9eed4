/* Delivery reports: composing multipart/report messages (RFC 3461-3464, 6522, 6533). Pure: facts
 * in, message bytes out. */
#ifndef MAIL_REPORT_H
#define MAIL_REPORT_H

#include "base/buffer.h"
#include "mail/report_texts.h"

enum report_action {
    REPORT_FAILED,
    REPORT_DELAYED,
    REPORT_DELIVERED,
    REPORT_RELAYED,
    REPORT_EXPANDED
};

struct report_recipient {
    struct text address;            /* Final-Recipient, rfc822 or utf-8 */
    struct text original_recipient; /* ORCPT as given ("rfc822;a+2Bb@c"), or "" */
    enum report_action action;
    struct text status;          /* "5.1.1" */
    struct text diagnostic;      /* the peer's reply or our reason, any bytes */
    struct text remote_host;     /* Remote-MTA as "name[address]:port" or a name alone, or "" */
    int64_t last_attempt_ms;     /* wall; 0: none */
    int64_t will_retry_until_ms; /* wall; delayed only */
};

struct report {
    struct text reporting_host;
    struct text to;                        /* the sender's address */
    const struct report_texts *texts;      /* what people read */
    const struct report_texts *more_texts; /* and the same in a second language, or NULL */
    struct text subject;                   /* of the original, decoded, or "" */
    struct text message_id_host;
    uint64_t id;             /* of the report; makes Message-ID and the boundary */
    uint64_t original_id;    /* the message reported on: its id, for `mailroot trace` */
    struct text envelope_id; /* ENVID decoded, or "" */
    int64_t arrival_ms;      /* wall */
    int64_t deliver_by_ms;   /* wall; RFC 2852; 0: none was set */
    int64_t hold_until_ms;   /* wall; RFC 4865; 0: it was not held */
    int64_t now_ms;          /* wall */
    const struct report_recipient *recipients;
    unsigned recipient_count;
    struct text original; /* the message, or its header section */
    bool original_is_header_only;
    bool original_is_lost; /* it can't be read any more: the report goes without, and says so */
    bool original_is_international; /* its header may hold UTF-8: RFC 6532 */
    bool is_international;          /* the report itself: RFC 6533 */
    bool tls_is_optional;           /* as the original asked for: RFC 8689 5 */
};

/* RFC 3463 2: class "." subject "." detail. */
bool report_status_is_valid(struct text status);

/* Compose the whole message, header first, CRLF line ends. A header section that is returned alone
 * gets "?" for a NUL and for a CR or LF that stands alone, so that it can travel as text. False
 * when out overflows. */
bool report_compose(const struct report *report, struct buffer *out);

#endif
