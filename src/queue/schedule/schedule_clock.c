/* The wall clock is set: by a person, by NTP after a start with a wrong one, or because the machine
 * slept. Instants of the schedule are wall-clock ones, for they outlive us; so they are set with
 * it, and what waits waits on for as long as it had to. */
#include "base/clock.h"
#include "base/logline.h"
#include "queue/internal.h"

/* Less is not worth the walk, and adds up until it is. */
enum { CLOCK_STEP_MS = 10 * SECOND };

/* What a sender chose by the calendar is not set: the instant until which a message is held. */
static void set_message(struct queued *message, int64_t step_ms, int64_t before)
{
    bool is_held = message->begun_ms > before;
    if (!is_held)
        message->begun_ms += step_ms;
    if (message->by != MAIL_BY_NONE)
        message->by_ms += step_ms;
    for (uint32_t i = 0; i < message->part_count; i++) {
        struct queued_item *item = parts_of(message)[i];
        item->leased_ms += step_ms;
        if (item->kind != ITEM_LATER || !is_held)
            item->next_try_ms += step_ms;
    }
}

static void set_hop(struct hop *hop, int64_t step_ms)
{
    for (unsigned i = 0; i < hop->lane_count; i++) {
        struct lane *lane = &hop->lanes[i];
        lane->failed_ms += step_ms;
        if (lane->retry_ms != 0)
            lane->retry_ms += step_ms;
    }
}

void schedule_heed_clock(struct queue *queue)
{
    int64_t now = clock_wall_ms(), ahead_ms = now - clock_monotonic_ms();
    int64_t step_ms = ahead_ms - queue->clock_ahead_ms;
    if (step_ms < CLOCK_STEP_MS && step_ms > -CLOCK_STEP_MS)
        return;
    queue->clock_ahead_ms = ahead_ms;
    queue->loaded_ms += step_ms;
    log_warning("clock.set", "by-seconds=%lld messages=%zu", (long long)(step_ms / SECOND),
                map_count(queue->messages));
    size_t position = 0;
    void *value;
    while (map_next(queue->hops, &position, NULL, &value))
        set_hop(value, step_ms);
    position = 0;
    while (map_next(queue->messages, &position, NULL, &value))
        set_message(value, step_ms, now - step_ms);
    schedule_place_all(queue);
}
