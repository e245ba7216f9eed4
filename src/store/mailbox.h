/* Mailboxes: numbered entries that refer to messages. An open mailbox is a packed array in memory,
 * loaded by one scan, kept up to date by every applied change and shared by its sessions. Their
 * names are hierarchy.h's; sequence numbers are view.h's. */
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
    FLAGS_OF_SYSTEM = 31, /* the bits above are the mailbox's keywords */
};

/* What a mailbox is for (RFC 6154). */
enum mailbox_use {
    USE_ALL = 1,
    USE_ARCHIVE = 2,
    USE_DRAFTS = 4,
    USE_FLAGGED = 8,
    USE_JUNK = 16,
    USE_SENT = 32,
    USE_TRASH = 64,
};

struct mailbox_entry {
    uint64_t message;
    uint64_t modseq;
    int64_t date_ms; /* its internal date */
    uint64_t size;   /* as read: with the Return-Path line, if it has one */
    uint64_t flags;  /* mailbox_flags, and keywords from bit MAILBOX_FIRST_KEYWORD on */
    uint32_t uid;
    uint32_t saved_s; /* when it came into the mailbox, seconds since 1970; 0: as date_ms */
};

/* The mailbox of this owner, or NULL, also where it is being deleted; does not load entries. Lent
 * until it is deleted: hold it over a yield by opening it, or look it up again. */
struct mailbox *mailbox_find(struct store *store, struct text owner, struct text name);
/* The same; but one that is being deleted is found until it is. */
struct mailbox *mailbox_find_id(struct store *store, uint64_t id);
/* The same, made when there is none: for INBOX, which everybody has. It becomes durable with the
 * first change that names it: mailbox_compose adds that. NULL when the names are too long. */
struct mailbox *mailbox_find_or_make(struct store *store, struct text owner, struct text name);
/* Give the next UID to an entry of `change`, adding the mailbox's creation, or new keywords, when
 * that is not durable. To be appended before the next yield. False: this mailbox takes no more
 * messages: it has no UID left, or is being deleted. */
bool mailbox_compose(struct mailbox *box, struct change *change, struct message_entry *entry);

/* Never used for another mailbox, and the same for its life, whatever its name becomes. */
uint64_t mailbox_id(const struct mailbox *box);
struct text mailbox_owner(const struct mailbox *box);
struct text mailbox_name(const struct mailbox *box);
/* Never used for another mailbox of the store. */
uint32_t mailbox_uid_validity(const struct mailbox *box);
uint32_t mailbox_uid_next(const struct mailbox *box);
/* Of the last change that is applied. */
uint64_t mailbox_modseq(const struct mailbox *box);
unsigned mailbox_uses(const struct mailbox *box);
/* It was deleted under its sessions, or is about to be. */
bool mailbox_is_deleted(const struct mailbox *box);

/* Keywords are the mailbox's: the name of flag bit MAILBOX_FIRST_KEYWORD + i. */
unsigned mailbox_keyword_count(const struct mailbox *box);
struct text mailbox_keyword(const struct mailbox *box, unsigned i);
/* Its flag bit, or 0 when the mailbox does not have it. In any case of letters. */
uint64_t mailbox_keyword_find(const struct mailbox *box, struct text keyword);
/* The same, added when there is room; 0: there is none. */
uint64_t mailbox_keyword_add(struct mailbox *box, struct text keyword);

/* Load the entries and share them; each open needs a close. */
void mailbox_open(struct mailbox *box);
void mailbox_close(struct mailbox **box);
/* Of an open mailbox, ascending by UID. Lent until the next yield. */
const struct mailbox_entry *mailbox_entries(const struct mailbox *box, unsigned *count);
/* NULL when there is no such UID. Lent until the next yield. */
const struct mailbox_entry *mailbox_entry_find(const struct mailbox *box, uint32_t uid);
/* The first of this UID or a higher one, or NULL. Lent until the next yield. */
const struct mailbox_entry *mailbox_entry_from(const struct mailbox *box, uint32_t uid);
/* Sums over the entries, kept by every applied change: asking costs nothing. */
struct mailbox_totals {
    uint32_t messages, unseen, deleted;
    uint64_t bytes, deleted_bytes;
};
struct mailbox_totals mailbox_totals(const struct mailbox *box);
/* The sum over all mailboxes of an owner: summed up when first asked for, then kept. */
struct owner_totals {
    uint64_t messages, bytes;
};
struct owner_totals mailbox_owner_totals(struct store *store, struct text owner);

/* RFC 1939 4: one POP3 session at a time. False: another has it. */
bool mailbox_lock(struct mailbox *box);
void mailbox_unlock(struct mailbox *box);

/* Remove entries, durably; those already gone are passed over. YIELDS. */
enum status mailbox_expunge(struct mailbox *box, const uint32_t *uids, unsigned count);
/* Set and clear flags of one entry, durably. YIELDS. */
enum status mailbox_flag(struct mailbox *box, uint32_t uid, uint64_t add, uint64_t remove);

/* What one record changes at most: bounds the work of one apply. Flags are less work. */
enum { MAILBOX_AT_ONCE = 4096, MAILBOX_FLAGS_AT_ONCE = 32768 };
/* The same for entries, ascending, at most MAILBOX_FLAGS_AT_ONCE, of an open mailbox. All get one
 * modseq, returned before the first yield. YIELDS. */
enum status mailbox_flag_many(struct mailbox *box, const uint32_t *uids, unsigned count,
                              uint64_t add, uint64_t remove, uint64_t *modseq);
/* Until no change of its entries is on its way. YIELDS. */
void mailbox_settle(struct mailbox *box);
/* Until none of its entries is on its way out: what is then there stays up to the next yield.
 * YIELDS.
 */
void mailbox_settle_gone(struct mailbox *box);
/* Put entries of an open mailbox into another, the messages shared; with `move` they go away here,
 * all in one record. To be called behind mailbox_settle_gone(from) without a yield in between: of
 * two moves of one message, one must find it gone, and so must a copy of what is being expunged. At
 * most MAILBOX_AT_ONCE, ascending; those that are gone are left out of *uids and *count. They get
 * the UIDs from *first on. REFUSED: `to` takes no more. YIELDS. */
enum status mailbox_copy(struct mailbox *from, struct mailbox *to, uint32_t *uids, unsigned *count,
                         bool move, uint32_t *first);

/* UIDs below uid_next that are gone, as far as whoever knew the mailbox at `modseq` may not know;
 * too many rather than too few. Ascending. Of an open mailbox. */
typedef void mailbox_vanished_visit(void *context, uint32_t first, uint32_t last);
void mailbox_vanished(const struct mailbox *box, uint64_t modseq, mailbox_vanished_visit *visit,
                      void *context);

/* Every mailbox, by id. */
typedef void mailbox_visit(void *context, struct mailbox *box);
void mailbox_each(struct store *store, mailbox_visit *visit, void *context);

#endif
