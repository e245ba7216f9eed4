/* Messages on their way into a mailbox, for APPEND and REPLACE. Trouble sticks, and the client's
 * bytes are read all the same, so that the session stays in step. */
#ifndef PROTO_IMAP_MESSAGE_IMAP_APPEND_H
#define PROTO_IMAP_MESSAGE_IMAP_APPEND_H

#include "proto/imap/imap_session.h"
#include "store/append.h"

struct imap_appending {
    struct imap_session *session;
    uint64_t mailbox; /* its id */
    struct append *append;
    uint64_t allowed;    /* flags that the user may set there; the others are left out */
    uint64_t bytes;      /* of the message so far */
    uint64_t all_bytes;  /* of all messages */
    enum status status;  /* the first that was not OK */
    bool is_over;        /* there is no room for them */
    struct text bad_url; /* the first that leads to nothing (RFC 4469) */
};

/* False when answered: there is no such mailbox, or no room. Else end with append_free. */
bool imap_append_begin(struct imap_appending *appending, struct imap_session *session,
                       struct text mailbox);
/* Read flags, date, and the message as a literal or in parts. may_follow: another one may. YIELDS.
 */
void imap_append_message(struct imap_appending *appending, bool may_follow);
/* All was read, and nothing was wrong. False when answered. */
bool imap_append_read(struct imap_appending *appending);
/* Make it durable. code: for the answer. False when answered. YIELDS. */
bool imap_append_commit(struct imap_appending *appending, const char **code);

/* For parts. So many bytes more are not too many. */
bool imap_append_has_room(struct imap_appending *appending, uint64_t more);
void imap_append_bytes(struct imap_appending *appending, struct text bytes);
/* The literal that is next. YIELDS. */
void imap_append_literal(struct imap_appending *appending);
/* The literal with the brackets of RFC 6855 4, after the word: its header is in UTF-8. Any message
 * is kept as it comes, so this is one like the others. YIELDS. */
void imap_append_utf8(struct imap_appending *appending);
/* imap_catenate.c: the parts (RFC 4469), after the word. YIELDS. */
void imap_catenate(struct imap_appending *appending);

#endif
