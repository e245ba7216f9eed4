#include "proto/imap/mailbox/imap_watch.h"

#include <stdlib.h>

#include "base/check.h"

struct watched {
    struct list link;
    struct mailbox_watch watch; /* its owner is owned */
    unsigned round;             /* when it was last named */
};

void imap_watches_init(struct imap_watches *watches, struct store *store,
                       void (*wake)(void *context), void *context)
{
    *watches = (struct imap_watches){.store = store, .wake = wake, .context = context};
    list_init(&watches->owners);
}

static void end_one(struct watched *watched)
{
    mailbox_watch_end(&watched->watch);
    list_remove(&watched->link);
    free((char *)watched->watch.owner.data);
    free(watched);
}

void imap_watches_finish(struct imap_watches *watches)
{
    while (!list_is_empty(&watches->owners))
        end_one(list_entry(watches->owners.next, struct watched, link));
}

void imap_watches_begin(struct imap_watches *watches)
{
    watches->round++;
}

void imap_watches_end(struct imap_watches *watches)
{
    for (struct list *link = watches->owners.next, *next; link != &watches->owners; link = next) {
        struct watched *watched = list_entry(link, struct watched, link);
        next = link->next;
        if (watched->round != watches->round)
            end_one(watched);
    }
}

void imap_watch(struct imap_watches *watches, struct text owner)
{
    list_each(link, &watches->owners)
    {
        struct watched *watched = list_entry(link, struct watched, link);
        if (!text_equals(watched->watch.owner, owner))
            continue;
        watched->round = watches->round;
        return;
    }
    struct watched *watched = calloc(1, sizeof(*watched));
    check(watched != NULL);
    watched->round = watches->round;
    watched->watch = (struct mailbox_watch){.owner = text_from(text_to_string(owner)),
                                            .wake = watches->wake,
                                            .context = watches->context};
    list_append(&watches->owners, &watched->link);
    mailbox_watch_begin(watches->store, &watched->watch);
}
