/* The text of a message as a reader sees it, folded (mail/fold.h) for being searched: encoded words
 * and transfer encodings undone, any charset as UTF-8, HTML without its markup. In bounded memory:
 * a body comes in pieces that end at a line's end where there is one. */
#ifndef PROTO_IMAP_SEARCH_IMAP_TEXT_H
#define PROTO_IMAP_SEARCH_IMAP_TEXT_H

#include "proto/imap/message/imap_message.h"
#include "task/task.h"

/* Who is shown the text. Only run YIELDS. */
struct imap_text_sink {
    void *context;
    /* What follows stands elsewhere: another field, another part. */
    void (*begin)(void *context);
    /* More of it, lent. False: it is enough, the rest is not looked at. */
    bool (*take)(void *context, struct text folded);
    /* Run this work, some milliseconds of it, maybe on another thread, and return when it has
     * ended: it makes text of bytes, and shows it to begin and take. NULL: it is done at once. */
    void (*run)(void *context, task_function *work, void *argument);
    /* Set when some of it was read as message->charset for want of another. NULL: nobody asks. */
    bool *is_guessed;
};

/* These show values of the message's fields of a name; its parts that are text, which is what BODY
 * looks at (RFC 9051 6.4.4: "doesn't match any header fields"); and those with all fields, its own,
 * its parts' and those of messages in it, and the names of attachments decoded, as TEXT does.
 * REFUSED: the message is gone; TRY_LATER: it can't be read. YIELD. */
enum status imap_text_field(struct imap_message *message, struct text name,
                            const struct imap_text_sink *sink);
enum status imap_text_body(struct imap_message *message, const struct imap_text_sink *sink);
enum status imap_text_whole(struct imap_message *message, const struct imap_text_sink *sink);

/* All that any of them shows of the message, some of it twice. YIELDS. */
enum status imap_text_all(struct imap_message *message, const struct imap_text_sink *sink);

#endif
