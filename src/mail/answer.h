/* Messages that a machine writes for somebody: the answer of who is away (RFC 5230, RFC 3834), a
 * note that mail has come (RFC 5436), a word to the owner himself. Pure: facts in, message bytes
 * out. */
#ifndef MAIL_ANSWER_H
#define MAIL_ANSWER_H

#include "base/arena.h"
#include "base/buffer.h"

struct answer {
    struct text from, to;    /* addresses, canonical */
    struct text from_name;   /* ASCII words, or "" */
    struct text subject;     /* UTF-8; cut to REPORT_LINE_MAX bytes */
    struct text text;        /* UTF-8, or a MIME entity with its own header */
    bool is_mime;            /* which: of an entity's header only the Content- fields go in */
    const char *submitted;   /* Auto-Submitted: "auto-replied", ... */
    struct text in_reply_to; /* Message-ID of what is answered, or "" */
    struct text references;  /* those before it, as they stand in its References; or "" */
    bool is_important;
    struct text host; /* of Message-ID */
    uint64_t id;
    int64_t now_ms; /* wall */
};

/* The whole message, header first, CRLF line ends; 7-bit but for what an entity brings along and
 * for addresses that are not ASCII. False when out overflows. */
bool answer_compose(const struct answer *answer, struct buffer *out);

#endif
