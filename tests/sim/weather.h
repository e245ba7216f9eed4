/* How bad the world is at the moment, by chance from the seed. Each kind of weather has dice of its
 * own, so that a run without one kind, or with less of it, is the same run up to there. */
#ifndef TESTS_SIM_WEATHER_H
#define TESTS_SIM_WEATHER_H

#include <stdbool.h>
#include <stdint.h>

enum weather_kind {
    WEATHER_RESET,       /* a piece of a conversation: the connection breaks */
    WEATHER_STALL,       /* a piece: nothing for up to 20 minutes */
    WEATHER_REFUSED,     /* a connection is not taken */
    WEATHER_GREYLISTED,  /* a recipient outside: not now */
    WEATHER_UNKNOWN,     /* a recipient outside: never */
    WEATHER_ANSWER_LOST, /* a message outside: taken, and then the host is gone */
    WEATHER_DISK_ERROR,  /* an epoch, for each site: one call fails */
    WEATHER_POWER_CUT,   /* an epoch ends by it, at one site */
    WEATHER_KILL,        /* an epoch ends by it, for all roles of both sites */
    WEATHER_PARTED,      /* a wire, now and then: it carries nothing for up to 3 hours */
    WEATHER_SHORT_WRITE, /* a write to a disk: a part of it is done, and told */
    WEATHER_RELOAD,      /* a site, now and then: it gets other settings */
    WEATHER_LARGE,       /* a message: it has up to 1.6 MB */
    WEATHER_SLOW_DISK,   /* work of a thread, a sync most of all: it takes up to 2 minutes */
    WEATHER_CLOCK_SET,   /* the wall clock, now and then: by up to three days, or right again */
    WEATHER_ORDER,       /* a queue, now and then: the administrator does something with it */
    WEATHER_ROLL,        /* a directory, now and then: a user or an alias comes, changes or goes */
    WEATHER_INDEX_ERROR, /* an epoch: calls of RocksDB fail, now and then */
    WEATHER_ROT,         /* a site, before it starts: an old record has another bit */
    /* A role of one site, alone: SIGKILL. In the order of enum role_kind. */
    WEATHER_KILL_FRONT,
    WEATHER_KILL_STORE,
    WEATHER_KILL_AUTH,
    WEATHER_KILL_SEND,
    WEATHER_KINDS
};

/* "reset": as in --without-reset, and in the last line of a run. */
const char *weather_name(enum weather_kind kind);

/* Of one epoch. */
struct weather {
    uint32_t once_in[WEATHER_KINDS]; /* 0: never */
    uint64_t dice[WEATHER_KINDS];
    const uint32_t *most; /* by kind: so often in the whole run */
    uint32_t *happened;   /* by kind, so far in the run */
};

/* Nothing happens, whatever is rolled, but that roles die, indexes fail, and messages are large. */
struct weather weather_calm(uint64_t seed, const uint32_t *most, uint32_t *happened);
/* From nearly nothing to hardly anything that works. */
struct weather weather_by_chance(uint64_t seed, const uint32_t *most, uint32_t *happened);

/* By the dice of this kind alone. */
uint32_t weather_below(struct weather *weather, enum weather_kind kind, uint32_t bound);
/* It happens now, and is counted; for who decided by itself when. False: there was enough of it. */
bool weather_happens(struct weather *weather, enum weather_kind kind);
/* It happens now by chance, and is counted. */
bool weather_strikes(struct weather *weather, enum weather_kind kind);

#endif
