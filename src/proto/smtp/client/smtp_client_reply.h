/* What an SMTP server answers (RFC 5321 4.2): replies of one or more lines, read from any cutting
 * of the stream with bounded memory. Pure. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_REPLY_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_REPLY_H

#include "base/buffer.h"
#include "base/status.h"

enum { SMTP_REPLY_MAX_BYTES = 64 << 10, SMTP_REPLY_MAX_LINES = 512, SMTP_ENHANCED_BYTES = 12 };

enum smtp_reply_progress { SMTP_REPLY_MORE, SMTP_REPLY_DONE, SMTP_REPLY_GARBAGE };

struct smtp_reply {
    unsigned code;                      /* 200..599; of the last line */
    char enhanced[SMTP_ENHANCED_BYTES]; /* "5.1.1" when given and of the code's class, else "" */
    struct buffer words;                /* the lines behind their codes, each ended by LF */
    unsigned lines;
    struct buffer line; /* what there is of the present one */
    size_t bytes;
};

void smtp_reply_init(struct smtp_reply *reply);
void smtp_reply_finish(struct smtp_reply *reply);
/* Forget the last reply and await another. */
void smtp_reply_reset(struct smtp_reply *reply);

/* Take bytes off the front of *bytes up to the end of the reply. DONE: the rest belongs to the next
 * one. GARBAGE: no SMTP server speaks so (or it is beyond the limits); end the connection. Control
 * bytes in words become "?". */
enum smtp_reply_progress smtp_reply_feed(struct smtp_reply *reply, struct text *bytes);

/* The words in one line with the code before them, as reports and logs show them: at most `most`
 * bytes are added to out. */
void smtp_reply_describe(const struct smtp_reply *reply, size_t most, struct buffer *out);

/* What a reply means: 2xx OK, 4xx TRY_LATER, 5xx REFUSED; 3xx, out of place, TRY_LATER. */
enum status smtp_reply_status(const struct smtp_reply *reply);

#endif
