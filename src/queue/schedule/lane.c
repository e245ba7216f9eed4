/* The lanes of a hop. Mail that came in by servers with retry intervals of their own waits apart:
 * what rests for hours must not keep back what is to be tried each minute, nor be tried with it. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "queue/internal.h"

static struct lane *find(const struct hop *hop, uint16_t pace)
{
    for (unsigned i = 0; i < hop->lane_count; i++)
        if (hop->lanes[i].pace == pace)
            return &hop->lanes[i];
    return NULL;
}

struct lane *lane_for(struct hop *hop, uint16_t pace)
{
    struct lane *lane = find(hop, pace);
    if (lane != NULL)
        return lane;
    hop->lanes = realloc(hop->lanes, (hop->lane_count + 1) * sizeof(*hop->lanes));
    check(hop->lanes != NULL);
    lane = &hop->lanes[hop->lane_count++];
    *lane = (struct lane){.pace = pace};
    return lane;
}

const struct lane *lane_of(const struct queue *queue, const struct queued_item *item)
{
    return find(item->hop, pace_lane(queue, item->message->pace));
}

void lanes_finish(struct hop *hop)
{
    for (unsigned i = 0; i < hop->lane_count; i++) {
        timer_heap_finish(&hop->lanes[i].items);
        timer_heap_finish(&hop->lanes[i].ripe);
    }
    free(hop->lanes);
}

/* RFC 6710 5: of what is due the most urgent goes first, and of that what waits longest. */
static int64_t rank_of(const struct queued_item *item)
{
    enum { INSTANT_BITS = 44 }; /* milliseconds until the year 2527 */
    int64_t latest = (INT64_C(1) << INSTANT_BITS) - 1;
    int64_t instant = item->next_try_ms < latest ? item->next_try_ms : latest;
    return ((int64_t)(MAIL_PRIORITY_MOST - item->message->priority) << INSTANT_BITS) + instant;
}

static void ripen(struct lane *lane, int64_t now)
{
    struct timer *first;
    while ((first = timer_first(&lane->items)) != NULL && first->deadline_ms <= now) {
        struct queued_item *item = list_entry(first, struct queued_item, due);
        timer_clear(&lane->items, first);
        item->is_ripe = true;
        timer_set(&lane->ripe, first, rank_of(item));
    }
}

void lanes_ripen(struct hop *hop)
{
    int64_t now = clock_wall_ms();
    for (unsigned i = 0; i < hop->lane_count; i++)
        ripen(&hop->lanes[i], now);
}

static struct timer *first_of(const struct lane *lane)
{
    struct timer *ripe = timer_first(&lane->ripe);
    return ripe != NULL ? ripe : timer_first(&lane->items);
}

/* When its first may be tried; what may be now is due alike, whenever that began. */
static int64_t due_of(const struct lane *lane)
{
    const struct timer *first = first_of(lane);
    if (first == NULL)
        return INT64_MAX;
    int64_t due = timer_first(&lane->ripe) != NULL ? 0 : first->deadline_ms;
    due = due > lane->retry_ms ? due : lane->retry_ms;
    return due > clock_wall_ms() ? due : 0;
}

/* Both have some, due at the same time: of what is in order already the ranks decide. */
static bool goes_before(const struct lane *lane, const struct lane *other)
{
    const struct timer *mine = timer_first(&lane->ripe), *its = timer_first(&other->ripe);
    return mine != NULL && (its == NULL || mine->deadline_ms < its->deadline_ms);
}

static const struct lane *next_of(const struct hop *hop)
{
    const struct lane *next = NULL;
    int64_t earliest = INT64_MAX;
    for (unsigned i = 0; i < hop->lane_count; i++) {
        const struct lane *lane = &hop->lanes[i];
        int64_t due = due_of(lane);
        if (due == INT64_MAX || due > earliest || (due == earliest && !goes_before(lane, next)))
            continue;
        next = lane;
        earliest = due;
    }
    return next;
}

int64_t lanes_due(const struct hop *hop)
{
    const struct lane *next = next_of(hop);
    return next == NULL ? INT64_MAX : due_of(next);
}

struct queued_item *lanes_first(const struct hop *hop)
{
    const struct lane *next = next_of(hop);
    return next == NULL ? NULL : list_entry(first_of(next), struct queued_item, due);
}

unsigned lanes_failures(const struct hop *hop)
{
    unsigned most = 0;
    for (unsigned i = 0; i < hop->lane_count; i++)
        if (hop->lanes[i].failures > most)
            most = hop->lanes[i].failures;
    return most;
}

int64_t lanes_rest(const struct hop *hop)
{
    const struct lane *next = next_of(hop);
    int64_t latest = 0;
    if (next != NULL)
        return next->retry_ms;
    for (unsigned i = 0; i < hop->lane_count; i++)
        if (hop->lanes[i].retry_ms > latest)
            latest = hop->lanes[i].retry_ms;
    return latest;
}

bool lanes_are_down(const struct queue *queue, const struct hop *hop)
{
    for (unsigned i = 0; i < hop->lane_count; i++)
        if (hop->lanes[i].failures > pace_retry(queue, hop->lanes[i].pace)->glitch_count)
            return true;
    return false;
}

void lanes_wake(struct hop *hop)
{
    for (unsigned i = 0; i < hop->lane_count; i++)
        hop->lanes[i].retry_ms = 0;
}

bool lane_fail(struct queue *queue, struct hop *hop, const struct queued_item *item)
{
    uint16_t pace = pace_lane(queue, item->message->pace);
    struct lane *lane = lane_for(hop, pace);
    /* Jobs that were out together fail together: that counts once. */
    if (item->leased_ms < lane->failed_ms)
        return false;
    lane->failures++;
    lane->failed_ms = clock_wall_ms();
    lane->retry_ms = lane->failed_ms + decide_hop_wait(pace_retry(queue, pace), lane->failures);
    return true;
}

void lanes_connected(struct hop *hop)
{
    for (unsigned i = 0; i < hop->lane_count; i++)
        hop->lanes[i].failures = 0;
    lanes_wake(hop);
}
