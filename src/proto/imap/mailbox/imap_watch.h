/* Whose mailboxes a session watches: found anew in each round, for who shares what changes. */
#ifndef PROTO_IMAP_MAILBOX_IMAP_WATCH_H
#define PROTO_IMAP_MAILBOX_IMAP_WATCH_H

#include "store/watch.h"

struct imap_watches {
    struct store *store;
    struct list owners;
    void (*wake)(void *context); /* as in store/watch.h */
    void *context;
    unsigned round;
};

void imap_watches_init(struct imap_watches *watches, struct store *store,
                       void (*wake)(void *context), void *context);
void imap_watches_finish(struct imap_watches *watches);
/* Who was not named again between the two is not watched any more. */
void imap_watches_begin(struct imap_watches *watches);
void imap_watches_end(struct imap_watches *watches);
/* This owner is watched. */
void imap_watch(struct imap_watches *watches, struct text owner);

#endif
