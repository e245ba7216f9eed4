/* Subscriptions: values of the owner, by the names of mailboxes that may not be there. */
#include "base/check.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store/value.h"
#include "store/watch.h"

#define SUBSCRIPTION "subscription/"

static void subscription_name(struct text name, struct buffer *out)
{
    buffer_init(out, MAILBOX_NAMES_MAX + sizeof(SUBSCRIPTION));
    buffer_append(out, TEXT(SUBSCRIPTION));
    buffer_append(out, name);
}

void subscription_compose(struct change *change, struct text owner, struct text name)
{
    struct buffer key;
    subscription_name(name, &key);
    value_compose(change, owner, buffer_text(&key), TEXT("1"));
    buffer_finish(&key);
}

enum status mailbox_subscribe(struct store *store, struct text owner, struct text name, bool on)
{
    struct buffer key;
    if (mailbox_is_subscribed(store, owner, name) == on)
        return OK;
    subscription_name(name, &key);
    enum status status = value_set(store, owner, buffer_text(&key), on ? TEXT("1") : TEXT(""));
    buffer_finish(&key);
    mailbox_watchers_wake(store, owner);
    return status;
}

bool mailbox_is_subscribed(struct store *store, struct text owner, struct text name)
{
    struct buffer key, value;
    subscription_name(name, &key);
    buffer_init(&value, 64);
    bool found = value_get(store, owner, buffer_text(&key), &value);
    buffer_finish(&key);
    buffer_finish(&value);
    return found;
}

struct subscription_walk {
    mailbox_subscription_visit *visit;
    void *context;
};

static bool visit_subscription(void *context, struct text name, struct text value)
{
    const struct subscription_walk *walk = context;
    unused(value);
    return walk->visit(walk->context, text_from_position(name, sizeof(SUBSCRIPTION) - 1));
}

void mailbox_each_subscription(struct store *store, struct text owner,
                               mailbox_subscription_visit *visit, void *context)
{
    struct subscription_walk walk = {visit, context};
    value_each(store, owner, TEXT(SUBSCRIPTION), visit_subscription, &walk);
}
