/* Schedules of connectors, applied to what waits. */
#include "decide/opening.h"

#include "base/clock.h"
#include "queue/internal.h"

bool opening_matters(const struct setting_connector *connector)
{
    return connector != NULL && (connector->schedule.is_set || connector->oversize_bytes > 0);
}

int64_t opening_due(struct queued_item *item)
{
    int64_t due = item->next_try_ms, now = clock_wall_ms(), least = due > now ? due : now;
    item->is_scheduled = false;
    if (!opening_matters(item->hop->settings) || item->is_released)
        return due;
    int64_t opening = decide_opening(decide_schedule(item->hop->settings, item->message->size),
                                     item->message->begun_ms, least, clock_local_east_ms(least));
    item->is_scheduled = opening > least;
    return item->is_scheduled ? opening : due;
}

bool opening_is_closed(struct queued_item *item)
{
    return opening_matters(item->hop->settings) && opening_due(item) > clock_wall_ms();
}
