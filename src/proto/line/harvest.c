#include "proto/line/harvest.h"

#include <stdlib.h>

#include "base/check.h"
#include "directory/recent.h"
#include "directory/throttle.h"

struct harvest {
    struct recent *networks; /* of struct guesses */
};

struct guesses {
    unsigned count;
    int64_t last_ms;
};

struct harvest *harvest_new(void)
{
    struct harvest *harvest = calloc(1, sizeof(*harvest));
    check(harvest != NULL);
    harvest->networks = recent_new(HARVEST_NETWORKS_MAX, sizeof(struct guesses));
    return harvest;
}

void harvest_free(struct harvest **harvest)
{
    if (*harvest == NULL)
        return;
    recent_free(&(*harvest)->networks);
    free(*harvest);
    *harvest = NULL;
}

int64_t harvest_guess(struct harvest *harvest, struct text peer, unsigned free_guesses,
                      int64_t now_ms, unsigned *count)
{
    enum { DOUBLINGS_MOST = 5 };
    char network[THROTTLE_NETWORK_BYTES];
    struct guesses *guesses =
        recent_take(harvest->networks, text_from(throttle_network(peer, network)));
    if (now_ms - guesses->last_ms >= HARVEST_FORGET_MS)
        guesses->count = 0;
    guesses->last_ms = now_ms;
    *count = ++guesses->count;
    if (*count <= free_guesses)
        return 0;
    unsigned doublings = *count - free_guesses - 1;
    return doublings >= DOUBLINGS_MOST ? HARVEST_LONGEST_MS : 1000 << doublings;
}
