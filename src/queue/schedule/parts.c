/* The parts of a message: its items in memory, by number. Most messages have one, which stands in
 * the message itself. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "queue/internal.h"

struct queued_item **parts_of(struct queued *message)
{
    return message->parts_room == 0 ? &message->parts.one : message->parts.many;
}

/* The first place whose number is not below. New parts mostly go behind all others. */
static uint32_t place_of(struct queued *message, uint32_t number)
{
    struct queued_item **parts = parts_of(message);
    uint32_t low = 0, high = message->part_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (parts[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct queued_item *parts_find(struct queued *message, uint32_t number)
{
    uint32_t place = place_of(message, number);
    struct queued_item **parts = parts_of(message);
    return place < message->part_count && parts[place]->number == number ? parts[place] : NULL;
}

static void make_room(struct queued *message)
{
    uint32_t room = message->parts_room == 0 ? 4 : message->parts_room * 2;
    struct queued_item **more = calloc(room, sizeof(struct queued_item *));
    check(more != NULL);
    memcpy(more, parts_of(message), message->part_count * sizeof(struct queued_item *));
    if (message->parts_room > 0)
        free(message->parts.many);
    message->parts.many = more;
    message->parts_room = room;
}

void parts_add(struct queued *message, struct queued_item *item)
{
    uint32_t place = place_of(message, item->number);
    if (message->part_count >= 1 && message->part_count >= message->parts_room)
        make_room(message);
    struct queued_item **parts = parts_of(message);
    memmove(parts + place + 1, parts + place,
            (message->part_count - place) * sizeof(struct queued_item *));
    parts[place] = item;
    message->part_count++;
}

void parts_remove(struct queued *message, const struct queued_item *item)
{
    uint32_t place = place_of(message, item->number);
    struct queued_item **parts = parts_of(message);
    check(place < message->part_count && parts[place] == item);
    message->part_count--;
    memmove(parts + place, parts + place + 1,
            (message->part_count - place) * sizeof(struct queued_item *));
}

void parts_finish(struct queued *message)
{
    if (message->parts_room > 0)
        free(message->parts.many);
}
