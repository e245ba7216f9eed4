/* Being told that something changed in an owner's mailboxes: entries, names, subscriptions, notes;
 * which of them, the watcher finds out. Nothing is kept for those who do not look. */
#ifndef STORE_WATCH_H
#define STORE_WATCH_H

#include "base/list.h"
#include "store/store.h"

struct mailbox_watch {
    struct list link;
    struct text owner;           /* borrowed; "anyone" and the like: what is shared with them */
    void (*wake)(void *context); /* must not YIELD */
    void *context;
};

void mailbox_watch_begin(struct store *store, struct mailbox_watch *watch);
/* Harmless after an end; not on one that never began. */
void mailbox_watch_end(struct mailbox_watch *watch);
/* For those who change something: wake the owner's watchers. */
void mailbox_watchers_wake(struct store *store, struct text owner);

#endif
