/* A second index beside the live one, brought up from the log while changes go on: to compare with
 * (verify.c), or to take the place of a stand-in once the disk has room again. */
#include <stdlib.h>

#include "base/check.h"
#include "base/logline.h"
#include "store/internal.h"

struct store *store_shadow_new(struct store *live, struct index *index)
{
    struct store *shadow = store_new();
    shadow->log = live->log;
    shadow->index = index;
    index_on_failure(index, store_index_lost, shadow);
    shadow->batch = store_new_batch(index);
    shadow->directory = text_to_string(text_from(live->directory));
    if (live->index_path != NULL)
        shadow->index_path = text_to_string(text_from(live->index_path));
    live_load(shadow);
    return shadow;
}

void store_shadow_free(struct store **shadow)
{
    index_batch_free(&(*shadow)->batch);
    store_close_index(&(*shadow)->index);
    store_free(shadow);
}

struct following {
    struct store *live, *shadow;
};

static bool follow_one(void *context, const struct log_record *record)
{
    struct following *following = context;
    struct change_reading reading;
    uint64_t applied = index_applied(following->live->index);
    if (record->number <= applied && record->type == RECORD_CHANGE &&
        change_read(record->payload, &reading))
        store_apply(following->shadow, record->number, record->place, &reading, reading.operations);
    if (record->number < applied)
        return true;
    following->live->mirror = following->shadow;
    return false;
}

static enum status replay_into(struct store *live, struct store *shadow)
{
    struct following following = {live, shadow};
    if (index_applied(shadow->index) < index_applied(live->index))
        return log_replay(live->log, index_applied(shadow->index) + 1, follow_one, &following);
    live->mirror = shadow;
    return OK;
}

enum status store_shadow_follow(struct store *live, struct store *shadow)
{
    enum status status = replay_into(live, shadow);
    if (status != OK || live->mirror == shadow)
        return status;
    /* While the end of the log was read more was applied, and on a busy store it always is. So what
     * came since is read once more, and nothing is applied meanwhile. */
    live->is_held = true;
    status = replay_into(live, shadow);
    live->is_held = false;
    task_event_tell_all(&live->released);
    if (status == OK && live->mirror != shadow)
        status = try_later("the log ends before the index does");
    return status;
}

/* What is derived from the log changes hands; what is on its way stays. Does not yield. */
static void take_over(struct store *store, struct store *shadow)
{
    struct store old = *store;
    store->index = shadow->index;
    index_on_failure(store->index, store_index_lost, store);
    store->batch = shadow->batch;
    store->live = shadow->live;
    store->live_count = shadow->live_count;
    store->live_bytes = shadow->live_bytes;
    store->mirror = NULL;
    shadow->index = old.index;
    shadow->batch = old.batch;
    shadow->live = old.live;
    snapshots_look_again(store);
}

static enum status return_to_disk(struct store *store)
{
    struct index *index;
    if (store->reclaiming)
        return OK;            /* another time */
    store->reclaiming = true; /* no segment goes away under us */
    struct store *shadow = NULL;
    enum status status = store_open_index(store, &index);
    if (status == OK) {
        shadow = store_shadow_new(store, index);
        if (!index_is_stand_in(index))
            status = store_shadow_follow(store, shadow);
        if (store->mirror == shadow) {
            take_over(store, shadow);
            log_info("index.on_disk", "directory=%s", log_text(text_from(store->index_path)));
        }
    }
    store->reclaiming = false; /* from here on who sees the new index may verify it, or reclaim */
    if (shadow != NULL)
        store_shadow_free(&shadow);
    return status;
}

static void watch_room(void *argument)
{
    enum { LOOK_MS = 2000 };
    struct store *store = argument;
    while (index_is_stand_in(store->index) && task_sleep(LOOK_MS) == OK)
        if (index_has_room(store->index_path) && return_to_disk(store) != OK &&
            !task_is_cancelled())
            log_warning("index.in_memory", "directory=%s reason=%s",
                        log_text(text_from(store->index_path)), log_text(text_from(fail_reason())));
}

void store_watch_room(struct store *store)
{
    if (index_is_stand_in(store->index))
        task_spawn(&store->background, "store room", watch_room, store);
}
