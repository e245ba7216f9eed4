#include "store/watch.h"

#include "store/internal.h"

void mailbox_watch_begin(struct store *store, struct mailbox_watch *watch)
{
    list_append(&store->watches, &watch->link);
}

void mailbox_watch_end(struct mailbox_watch *watch)
{
    list_remove(&watch->link);
}

void mailbox_watchers_wake(struct store *store, struct text owner)
{
    list_each(link, &store->watches)
    {
        struct mailbox_watch *watch = list_entry(link, struct mailbox_watch, link);
        if (text_equals(watch->owner, owner))
            watch->wake(watch->context);
    }
}
