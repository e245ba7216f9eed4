/* Mailboxes: numbered entries that refer to messages. An open mailbox is a packed array in memory,
 * loaded by one scan, kept up to date by every applied change and shared by its sessions. */
#ifndef STORE_MAILBOX_H
#define STORE_MAILBOX_H

#include "store/store.h"

struct mailbox;

enum mailbox_flags {
    FLAG_SEEN = 1,
    FLAG_ANSWERED = 2,
    FLAG_FLAGGED = 4,
    FLAG_DELETED = 8,
    FLAG_DRAFT = 16,
};

struct mailbox_entry {
    uint64_t message;
    uint64_t modseq;
    int64_t date_ms;
    uint64_t size; /* as read: with the Return-Path line */
    uint32_t uid, flags;
};

/* The mailbox of this owner, or NULL. Lent by the store for its life; does not load entries. */
struct mailbox *mailbox_find(struct store *store, struct text owner, struct text name);
/* The same, made when there is none. It becomes durable with the first change that names it:
 * mailbox_compose adds that. NULL when the names are too long. */
struct mailbox *mailbox_find_or_make(struct store *store, struct text owner, struct text name);
/* Give the next UID to an entry of `change`, adding the mailbox's creation when it is not durable.
 * To be appended before the next yield. False: this mailbox has no UID left. */
bool mailbox_compose(struct mailbox *box, struct change *change, struct message_entry *entry);

uint64_t mailbox_id(const struct mailbox *box);
struct text mailbox_owner(const struct mailbox *box);
struct text mailbox_name(const struct mailbox *box);
uint32_t mailbox_uid_validity(const struct mailbox *box);
uint32_t mailbox_uid_next(const struct mailbox *box);
uint64_t mailbox_modseq(const struct mailbox *box);

/* Load the entries and share them; each open needs a close. */
void mailbox_open(struct mailbox *box);
void mailbox_close(struct mailbox **box);
/* Of an open mailbox, ascending by UID. Lent until the next yield. */
const struct mailbox_entry *mailbox_entries(const struct mailbox *box, unsigned *count);
/* NULL when there is no such UID. Lent until the next yield. */
const struct mailbox_entry *mailbox_entry_find(const struct mailbox *box, uint32_t uid);
/* Told whenever entries of an open mailbox changed. */
struct task_event *mailbox_news(struct mailbox *box);

/* RFC 1939 4: one POP3 session at a time. False: another has it. */
bool mailbox_lock(struct mailbox *box);
void mailbox_unlock(struct mailbox *box);

/* Remove entries, durably; those already gone are passed over. YIELDS. */
enum status mailbox_expunge(struct mailbox *box, const uint32_t *uids, unsigned count);
/* Set and clear flags of one entry, durably. YIELDS. */
enum status mailbox_flag(struct mailbox *box, uint32_t uid, uint32_t add, uint32_t remove);

/* Bytes of a message as its mailbox shows it: "Return-Path: <sender>" (RFC 5321 4.4), then the
 * body as it came. Appends [offset, offset + length), cut at the end. YIELDS. */
enum status mailbox_read(struct store *store, uint64_t message, uint64_t offset, uint32_t length,
                         struct buffer *out);
/* Length of that first line. */
uint64_t mailbox_prefix_bytes(struct text sender);

/* Every mailbox, by id. */
typedef void mailbox_visit(void *context, struct mailbox *box);
void mailbox_each(struct store *store, mailbox_visit *visit, void *context);

#endif
