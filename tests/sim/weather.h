/* How bad the world is at the moment, by chance from the seed. */
#ifndef TESTS_SIM_WEATHER_H
#define TESTS_SIM_WEATHER_H

#include <stdbool.h>
#include <stdint.h>

/* Each is "once in so many"; 0: never. */
struct weather {
    uint32_t reset;       /* a piece of a conversation: the connection breaks */
    uint32_t stall;       /* a piece: nothing for up to 20 minutes */
    uint32_t refused;     /* a connection is not taken */
    uint32_t greylisted;  /* a recipient outside: not now */
    uint32_t unknown;     /* a recipient outside: never */
    uint32_t answer_lost; /* a message outside: taken, and then the host is gone */
    uint32_t disk_error;  /* an epoch: one call fails */
    uint32_t disk_full;   /* an epoch: no room for a while */
};

extern const struct weather weather_calm;
struct weather weather_by_chance(void);
/* It happens. */
bool weather_strikes(uint32_t once_in);

#endif
