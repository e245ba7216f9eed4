/* For how long, and how much of, what a user removed is kept, and giving it back: the settings
 * keep-deleted and keep-deleted-most over store/kept.h. It counts towards no quota. */
#ifndef ACCOUNT_KEEPING_H
#define ACCOUNT_KEEPING_H

#include "account/account.h"
#include "store/mailbox.h"

/* What is removed from the owner's mailboxes is to be kept. *is_full: more is kept than may be, and
 * keeping_expire is to run soon; when it can't keep up, nothing more is kept. Does not yield. */
bool keeping_is_on(const struct accounts *accounts, struct text owner, bool *is_full);
/* Of everybody, let go what was kept long enough when it is now_ms (queue/keep_clock.h), and the
 * oldest of what is too much. YIELDS. */
enum status keeping_expire(const struct accounts *accounts, int64_t now_ms);

/* Some of what is kept of an owner. */
struct keeping_choice {
    struct text owner;
    struct text mailbox; /* "": all */
    int64_t since_ms;    /* removed then or later */
};
/* Tell of each, oldest first within its mailbox. visit must not YIELD. */
typedef void keeping_visit(void *context, struct text mailbox, const struct mailbox_entry *entry);
void keeping_each(struct store *store, const struct keeping_choice *choice, keeping_visit *visit,
                  void *context);
/* Put them back into their mailboxes, made anew when they are gone, with flags and dates and with
 * new UIDs. *restored: how many, also when it fails half-way. REFUSED: a mailbox takes no more.
 * YIELDS. */
enum status keeping_restore(struct store *store, const struct keeping_choice *choice,
                            uint64_t *restored);

#endif
