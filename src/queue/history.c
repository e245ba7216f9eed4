/* What was sent, kept for a while so that it can be sent again. It stands in the store alone: its
 * items hold the message, and are found by its id or by a walk. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "queue/internal.h"
#include "store/key.h"

enum { WALK_MS = 10 * MINUTE, AT_ONCE = 256 };

/* Its end */

struct ended {
    int64_t now;
    struct ended_item {
        uint64_t id;
        uint32_t number;
    } items[AT_ONCE];
    unsigned count, seen;
    struct key next; /* where the walk goes on */
    bool more;
};

static bool gather_ended(void *context, struct text key, struct text value)
{
    struct ended *ended = context;
    struct ended_item item = {key_get_u64(key, 0), key_get_u32(key, 8)};
    if (ended->count == AT_ONCE || ended->seen++ == AT_ONCE * 16) {
        key_item(&ended->next, item.id, item.number);
        ended->more = true;
        return false;
    }
    if (value.length == 0 || value.data[0] != ITEM_SENT)
        return true;
    struct arena arena;
    struct item facts;
    arena_init(&arena);
    if (item_decode(value, &arena, &facts) && facts.next_try_ms <= ended->now)
        ended->items[ended->count++] = item;
    arena_finish(&arena);
    return true;
}

static enum status forget(struct queue *queue, const struct ended *ended)
{
    struct change change;
    if (ended->count == 0)
        return OK;
    change_init(&change);
    for (unsigned i = 0; i < ended->count; i++)
        change_item_gone(&change, ended->items[i].id, ended->items[i].number);
    enum status status = store_commit(queue->store, &change);
    change_finish(&change);
    return status;
}

/* In pages, and others run in between. */
static enum status forget_ended(struct queue *queue)
{
    struct ended *ended = calloc(1, sizeof(*ended));
    check(ended != NULL);
    enum status status = OK;
    ended->now = clock_wall_ms();
    do {
        struct text from = text_of(ended->next.bytes, ended->next.length);
        ended->count = ended->seen = 0;
        ended->more = false;
        index_scan(store_index(queue->store), TEXT("q"), from, gather_ended, ended);
        status = forget(queue, ended);
        task_yield();
    } while (status == OK && ended->more && !task_is_cancelled());
    free(ended);
    return status;
}

void history_run(void *argument)
{
    struct queue *queue = argument;
    while (task_sleep(WALK_MS) == OK)
        if (forget_ended(queue) != OK)
            log_warning("queue.history", "reason=%s", log_text(text_from(fail_reason())));
}

/* Sending again */

struct again {
    struct arena arena;
    struct text to;
    uint32_t next_number;
    struct item later;
    unsigned room;
    bool is_kept;
};

static void add_recipient(struct again *again, const struct item_recipient *kept)
{
    struct item *later = &again->later;
    for (unsigned i = 0; i < later->recipient_count; i++) /* it was sent again before */
        if (text_equals(later->recipients[i].address, kept->address))
            return;
    if (later->recipient_count == again->room) {
        again->room = again->room == 0 ? 8 : again->room * 2;
        struct item_recipient *more = arena_array(&again->arena, again->room, sizeof(*more));
        for (unsigned i = 0; i < later->recipient_count; i++)
            more[i] = later->recipients[i];
        later->recipients = more;
    }
    later->recipients[later->recipient_count++] =
        (struct item_recipient){.address = kept->address,
                                .original_recipient = kept->original_recipient,
                                .notify = kept->notify};
}

static bool gather_sent(void *context, struct text key, struct text value)
{
    struct again *again = context;
    struct item item;
    again->next_number = key_get_u32(key, 8) + 1;
    if (value.length == 0 || value.data[0] != ITEM_SENT ||
        !item_decode(arena_copy(&again->arena, value), &again->arena, &item))
        return true;
    again->is_kept = true;
    for (unsigned i = 0; i < item.recipient_count; i++)
        if (text_is_empty(again->to) || text_equals_nocase(item.recipients[i].address, again->to))
            add_recipient(again, &item.recipients[i]);
    return again->later.recipient_count < ITEM_RECIPIENTS_MAX;
}

/* As if it came now: looked up, filtered and routed anew, and given the time of a new message. */
static enum status write_again(struct queue *queue, uint64_t id, struct again *again)
{
    struct queued *message = map_get(queue->messages, MAP_KEY(id));
    uint32_t number = message == NULL ? again->next_number : message->next_number++;
    struct change change;
    change_init(&change);
    again->later.kind = ITEM_LATER;
    again->later.next_try_ms = clock_wall_ms();
    change_story(&change, id, "resent", "by=administrator recipients=%u",
                 again->later.recipient_count);
    change_item(&change, id, number, &again->later);
    enum status status = store_commit(queue->store, &change);
    change_finish(&change);
    struct queued_item *item = schedule_find(queue, id, number);
    if (item != NULL)
        item->message->begun_ms = again->later.next_try_ms;
    return status;
}

enum status queue_resend(struct queue *queue, uint64_t id, struct text to, unsigned *count)
{
    struct again again = {.to = to};
    struct key key;
    arena_init(&again.arena);
    index_scan(store_index(queue->store), key_items(&key, id), TEXT(""), gather_sent, &again);
    *count = again.later.recipient_count;
    enum status status =
        *count > 0      ? write_again(queue, id, &again)
        : again.is_kept ? refused("it was not sent to this address")
                        : refused("nothing of it is kept (see `sent keep`), or it was not sent");
    arena_finish(&again.arena);
    return status;
}
