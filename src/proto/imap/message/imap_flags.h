/* Flags and keywords of messages (RFC 9051 2.3.2). */
#ifndef PROTO_IMAP_MESSAGE_IMAP_FLAGS_H
#define PROTO_IMAP_MESSAGE_IMAP_FLAGS_H

#include "proto/imap/imap_lex.h"
#include "store/mailbox.h"

/* As the client wrote them: they get numbers in a mailbox. */
struct imap_flags {
    uint64_t system; /* mailbox_flags */
    struct text *keywords;
    unsigned keyword_count;
};

/* "(\Seen foo)", or without parentheses where bare is allowed (RFC 9051 6.4.6). */
void imap_lex_flags(struct imap_lex *lex, bool may_be_bare, struct imap_flags *out);
/* A name that may be a keyword: an atom, and short enough. */
bool imap_is_keyword(struct text name);
/* One flag's bit in a mailbox: of "\Seen", or of a keyword; 0: the mailbox does not have it. */
uint64_t imap_flag_find(const struct mailbox *box, struct text name);
/* All of them as bits of the mailbox, keywords added where there is room. False: there was none for
 * some. */
bool imap_flags_number(const struct imap_flags *flags, struct mailbox *box, uint64_t *out);

/* Bits of all flags and keywords that the mailbox has. */
uint64_t imap_known_flags(const struct mailbox *box);
/* "(\Seen \Answered)" of one message. */
void imap_put_flags(struct buffer *out, const struct mailbox *box, uint64_t flags);
/* All that the mailbox can have, in parentheses; with what `more` says behind. */
void imap_put_all_flags(struct buffer *out, const struct mailbox *box, const char *more);

#endif
