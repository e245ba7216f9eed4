#include "base/id.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"

enum { LOW_BITS = 22, COUNT_BITS = 12, DIGITS = 13 };
static const int64_t EPOCH_MS = 1577836800000; /* 2020-01-01 */
static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Of this process: whose ids they are, and the last of them. */
static struct {
    uint64_t origin, last;
} maker = {.origin = ID_ORIGINS - 1};

void id_set_origin(unsigned origin)
{
    check(origin < ID_ORIGINS);
    maker.origin = origin;
}

uint64_t id_new(uint64_t after)
{
    uint64_t now = (uint64_t)(clock_wall_ms() - EPOCH_MS) << LOW_BITS;
    uint64_t least = after > maker.last ? after : maker.last;
    /* Random, for a process that follows another over a clock that was set back. */
    uint64_t id = now | maker.origin << COUNT_BITS | random_below(1u << (COUNT_BITS - 1));
    return maker.last = id > least ? id : least + 1;
}

int64_t id_time_ms(uint64_t id)
{
    return (int64_t)(id >> LOW_BITS) + EPOCH_MS;
}

uint64_t id_first(int64_t wall_ms)
{
    return wall_ms <= EPOCH_MS ? 0 : (uint64_t)(wall_ms - EPOCH_MS) << LOW_BITS;
}

const char *id_format(uint64_t id, char out[ID_TEXT_BYTES])
{
    for (int i = DIGITS - 1; i >= 0; i--, id >>= 5)
        out[i] = digits[id & 31];
    out[DIGITS] = '\0';
    return out;
}

static int digit_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c == 'O')
        return 0;
    if (c == 'I' || c == 'L')
        return 1;
    for (int value = 0; value < 32; value++)
        if (digits[value] == c)
            return value;
    return -1;
}

bool id_parse(struct text text, uint64_t *id)
{
    if (text.length != DIGITS)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        int digit = digit_value(text.data[i]);
        if (digit < 0 || value >> 59 != 0)
            return false;
        value = value << 5 | (uint64_t)digit;
    }
    *id = value;
    return value != 0;
}
