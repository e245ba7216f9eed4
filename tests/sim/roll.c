#include "roll.h"

#include "base/clock.h"

void roll_begin(struct roll *roll)
{
    for (unsigned i = 0; i < ROLL_NAMES; i++)
        roll->names[i] = (struct roll_name){.ways = 1u << ROLL_ABSENT};
}

void roll_try(struct roll_name *name, unsigned way)
{
    name->ways |= (uint8_t)(1u << way);
}

void roll_done(struct roll_name *name, unsigned way)
{
    name->ways = (uint8_t)(1u << way);
    name->is_open = false;
}

void roll_unanswered(struct roll_name *name, int64_t now_ms)
{
    name->is_open = true;
    name->rests_until_ms = now_ms + HOUR;
}

bool roll_seen(struct roll_name *name, unsigned ways)
{
    bool can_be = (name->ways & ways) != 0;
    if (can_be && !name->is_open)
        name->ways &= (uint8_t)ways;
    return can_be;
}

unsigned roll_way(const struct roll_name *name)
{
    for (unsigned way = 0; way < ROLL_WAYS; way++)
        if (name->ways == 1u << way)
            return way;
    return ROLL_WAYS;
}
