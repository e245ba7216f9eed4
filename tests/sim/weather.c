#include "weather.h"

#include "base/check.h"

struct kind {
    const char *name;
    uint32_t once_in;
    bool is_scaled; /* by how bad this epoch is */
};

static const struct kind kinds[WEATHER_KINDS] = {
    [WEATHER_RESET] = {"reset", 30, true},
    [WEATHER_STALL] = {"stall", 60, true},
    [WEATHER_REFUSED] = {"refused", 4, true},
    [WEATHER_GREYLISTED] = {"greylisted", 2, true},
    [WEATHER_UNKNOWN] = {"unknown", 5, true},
    [WEATHER_ANSWER_LOST] = {"answer-lost", 4, true},
    [WEATHER_DISK_ERROR] = {"disk-error", 2, false},
    [WEATHER_POWER_CUT] = {"power-cut", 2, false},
    [WEATHER_KILL] = {"kill", 2, false},
    [WEATHER_PARTED] = {"parted", 6, true},
    [WEATHER_SHORT_WRITE] = {"short-write", 2, true},
    [WEATHER_RELOAD] = {"reload", 1, true},
    [WEATHER_LARGE] = {"large", 12, false},
    [WEATHER_CLOCK_SET] = {"clock-set", 3, false},
    [WEATHER_ORDER] = {"order", 2, false},
    [WEATHER_ROLL] = {"roll", 1, false},
    [WEATHER_INDEX_ERROR] = {"index-error", 3, false},
    [WEATHER_ROT] = {"rot", 4, false},
    [WEATHER_SLOW_DISK] = {"slow-disk", 15, true},
    [WEATHER_KILL_FRONT] = {"kill-front", 2, false},
    [WEATHER_KILL_STORE] = {"kill-store", 2, false},
    [WEATHER_KILL_AUTH] = {"kill-auth", 2, false},
    [WEATHER_KILL_SEND] = {"kill-send", 2, false},
};

enum { SCALES = 20 };

const char *weather_name(enum weather_kind kind)
{
    return kinds[kind].name;
}

/* splitmix64, public domain by S. Vigna. */
static uint32_t roll(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ (z >> 31)) >> 32);
}

static uint32_t roll_below(uint64_t *state, uint32_t bound)
{
    check(bound > 0);
    return (uint32_t)((uint64_t)roll(state) * bound >> 32);
}

struct weather weather_calm(uint64_t seed, const uint32_t *most, uint32_t *happened)
{
    struct weather weather = {.most = most, .happened = happened};
    uint64_t dice = seed;
    for (unsigned i = 0; i < WEATHER_KINDS; i++)
        weather.dice[i] = (uint64_t)roll(&dice) << 32 | roll(&dice);
    for (unsigned i = WEATHER_KILL_FRONT; i <= WEATHER_KILL_SEND; i++)
        weather.once_in[i] = kinds[i].once_in;
    weather.once_in[WEATHER_LARGE] = kinds[WEATHER_LARGE].once_in;
    weather.once_in[WEATHER_INDEX_ERROR] = kinds[WEATHER_INDEX_ERROR].once_in;
    return weather;
}

struct weather weather_by_chance(uint64_t seed, const uint32_t *most, uint32_t *happened)
{
    struct weather weather = weather_calm(seed, most, happened);
    uint64_t dice = ~seed;
    uint32_t scale = 1 + roll_below(&dice, SCALES);
    for (unsigned i = 0; i < WEATHER_KINDS; i++)
        weather.once_in[i] = kinds[i].once_in * (kinds[i].is_scaled ? scale : 1);
    return weather;
}

uint32_t weather_below(struct weather *weather, enum weather_kind kind, uint32_t bound)
{
    return roll_below(&weather->dice[kind], bound);
}

bool weather_happens(struct weather *weather, enum weather_kind kind)
{
    if (weather->happened[kind] >= weather->most[kind])
        return false;
    weather->happened[kind]++;
    return true;
}

bool weather_strikes(struct weather *weather, enum weather_kind kind)
{
    uint32_t once_in = weather->once_in[kind];
    return once_in != 0 && weather_below(weather, kind, once_in) == 0 &&
           weather_happens(weather, kind);
}
