/* Messages in an mbox: one behind the other, each after a line "From SENDER DATE" and before an
 * empty one. Lines of messages that look so are quoted with a ">" more, which is undone when read
 * (known as mboxrd). Lines end with LF; a message read has CRLF, and a line end at its end.
 *
 * The file's own fields are Status and X-Status (as mail programs have them: R O, A F D T) and
 * X-Keywords; they are not in messages. Reading is written for hostile bytes. */
#ifndef MAIL_MBOX_H
#define MAIL_MBOX_H

#include "base/arena.h"
#include "base/buffer.h"

enum { MBOX_KEYWORDS_BYTES = 8192, MBOX_NAME_BYTES = 16 };

/* The line before a message: date in UTC. sender "": "MAILER-DAEMON". */
void mbox_put_from(struct buffer *out, struct text sender, int64_t date_ms);
/* A line, without its end, is one. "From " alone is not: some programs do not quote. */
bool mbox_is_from(struct text line, int64_t *date_ms);

/* A message on its way into the file. */
struct mbox_writer {
    struct text flags; /* borrowed: "\Seen work" */
    char start[MBOX_NAME_BYTES];
    unsigned length;     /* of start: the beginning of a line, kept until it is known what it is */
    bool is_in_header;   /* still */
    bool is_in_start;    /* of a line */
    bool is_begun;       /* the line has bytes */
    bool is_quoted;      /* the first is ">" */
    bool is_passed_over; /* the field is one of the file's own */
    bool has_cr;         /* kept, too: it goes if LF follows */
};
void mbox_writer_init(struct mbox_writer *writer, struct text flags);
/* Append what these bytes become. */
void mbox_write(struct mbox_writer *writer, struct text bytes, struct buffer *out);
/* Append the rest, and the empty line. */
void mbox_write_end(struct mbox_writer *writer, struct buffer *out);

/* A message on its way out of it, line by line. */
struct mbox_reader {
    bool is_in_header;
    bool is_passed_over;
    bool has_blank;    /* an empty line that may be the last, and not the message's */
    struct text flags; /* in arena */
    struct arena *arena;
};
void mbox_reader_init(struct mbox_reader *reader, struct arena *arena);
/* Append what a line becomes, or part of one: bytes up to and with its LF, if it is there.
 * is_begun: its beginning came before. */
void mbox_read(struct mbox_reader *reader, struct text bytes, bool is_begun, struct buffer *out);
/* The flags that the fields told: "\Seen work". After the last line. */
struct text mbox_read_flags(const struct mbox_reader *reader);

#endif
