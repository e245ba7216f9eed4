/* The index of words: of each message the grams of all its text (mail/grams.h), kept beside it. It
 * only ever says that a message can't hold a text; all others are read, so a search finds the same
 * with the index, with half of it and without. A message is looked through some time after it was
 * delivered, by a task that leaves the store most of its time: its text is made on a thread that
 * can wait (task/offload.h), of bytes that were read before. */
#ifndef PROTO_IMAP_SEARCH_IMAP_INDEX_H
#define PROTO_IMAP_SEARCH_IMAP_INDEX_H

#include "account/account.h"
#include "proto/imap/message/imap_message.h"

/* Look through what is fresh, now and whenever more comes, until the group is cancelled. accounts
 * must outlive it. */
void imap_index_begin(struct task_group *group, const struct accounts *accounts);

/* False: none of the message's text, as its reader reads it, holds all of these. */
bool imap_index_may_have(struct imap_message *message, const uint16_t *numbers, unsigned count);
/* Look the message through for its reader; what others knew stays. REFUSED: it is gone; TRY_LATER:
 * it can't be read, or the task was cancelled. YIELDS. */
enum status imap_index_message(struct imap_message *message);
/* Of the mailboxes of an owner, "": of all: what was looked through by an earlier version that saw
 * other text, or for an owner who read text without a charset as another one than he does now, is
 * fresh again. To be called after his preference was set or the settings changed. YIELDS. */
void imap_index_follow(const struct accounts *accounts, struct text owner);
/* Forget what is known of a mailbox's messages, so that they are looked through anew. Returns how
 * many there are. YIELDS. */
unsigned imap_index_renew(struct store *store, uint64_t mailbox);

#endif
