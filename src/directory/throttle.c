/* Tallies in three bounded tables. Counting an attempt from its start, not its end, leaves nothing
 * to win by guessing in parallel. */
#include "directory/throttle.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "directory/recent.h"

struct throttle {
    struct recent *accounts, *peers; /* of struct tally */
    struct recent *known;            /* pairs that succeeded, of struct tally */
};

struct tally {
    unsigned wrong;
    unsigned running;
    int64_t last_ms, next_ms;
};

/* What one attempt is counted under. */
struct names {
    char peer[64], pair[512];
    struct text account_key, peer_key, pair_key;
};

struct throttle *throttle_new(void)
{
    struct throttle *throttle = calloc(1, sizeof(*throttle));
    check(throttle != NULL);
    throttle->accounts = recent_new(THROTTLE_TABLE_MAX, sizeof(struct tally));
    throttle->peers = recent_new(THROTTLE_TABLE_MAX, sizeof(struct tally));
    throttle->known = recent_new(THROTTLE_TABLE_MAX, sizeof(struct tally));
    return throttle;
}

void throttle_free(struct throttle **throttle)
{
    if (*throttle == NULL)
        return;
    recent_free(&(*throttle)->accounts);
    recent_free(&(*throttle)->peers);
    recent_free(&(*throttle)->known);
    free(*throttle);
    *throttle = NULL;
}

static struct text without_port(struct text peer)
{
    if (text_starts_with(peer, TEXT("[")))
        return text_before(text_from_position(peer, 1), ']');
    bool one_colon = text_find(peer, ':') == text_find_last(peer, ':');
    return one_colon ? text_before(peer, ':') : peer;
}

static void names_make(struct text account, struct text peer, struct names *names)
{
    enum { NETWORK_BYTES = 8 }; /* 64 bits */
    struct text host = without_port(peer);
    struct in6_addr v6;
    if (!text_copy(host, names->peer, sizeof(names->peer)))
        host = text_head(host, sizeof(names->peer));
    names->peer_key = host;
    if (inet_pton(AF_INET6, names->peer, &v6) == 1 && !IN6_IS_ADDR_V4MAPPED(&v6)) {
        memcpy(names->peer, &v6, NETWORK_BYTES);
        names->peer_key = text_of(names->peer, NETWORK_BYTES);
    }
    names->account_key = text_head(account, sizeof(names->pair) - sizeof(names->peer) - 1);
    memcpy(names->pair, names->account_key.data, names->account_key.length);
    names->pair[names->account_key.length] = '\0';
    memcpy(names->pair + names->account_key.length + 1, names->peer_key.data,
           names->peer_key.length);
    names->pair_key = text_of(names->pair, names->account_key.length + 1 + names->peer_key.length);
}

static int64_t delay_ms(unsigned count)
{
    if (count < THROTTLE_FREE_ATTEMPTS)
        return 0;
    unsigned doublings = count - THROTTLE_FREE_ATTEMPTS;
    return doublings >= 5 ? THROTTLE_LONGEST_MS : 1000 << doublings;
}

static int64_t tally_wait(struct tally *tally, int64_t now_ms)
{
    if (tally->running == 0 && now_ms - tally->last_ms > THROTTLE_FORGET_MS)
        *tally = (struct tally){.last_ms = now_ms};
    if (tally->wrong + tally->running < THROTTLE_FREE_ATTEMPTS || now_ms >= tally->next_ms)
        return 0;
    return tally->next_ms - now_ms;
}

static void tally_count(struct tally *tally, int64_t now_ms)
{
    int64_t next_ms = now_ms + delay_ms(tally->wrong + tally->running);
    tally->last_ms = now_ms;
    if (next_ms > tally->next_ms)
        tally->next_ms = next_ms;
}

static void tally_start(struct tally *tally, int64_t now_ms)
{
    tally->running++;
    tally_count(tally, now_ms);
}

/* The tally may have been pushed out of its table meanwhile: then there is nothing to end. */
static void tally_end(struct tally *tally, enum throttle_outcome outcome, int64_t now_ms)
{
    if (tally == NULL)
        return;
    if (tally->running > 0)
        tally->running--;
    if (outcome == ATTEMPT_WRONG) {
        tally->wrong++;
        tally_count(tally, now_ms);
    }
}

int64_t throttle_start(struct throttle *throttle, struct text account, struct text peer,
                       int64_t now_ms)
{
    struct names names;
    names_make(account, peer, &names);
    struct tally *known = recent_find(throttle->known, names.pair_key);
    if (known != NULL) {
        int64_t wait_ms = tally_wait(known, now_ms);
        if (wait_ms == 0)
            tally_start(known, now_ms);
        return wait_ms;
    }
    struct tally *of_account = recent_take(throttle->accounts, names.account_key);
    struct tally *of_peer = recent_take(throttle->peers, names.peer_key);
    int64_t account_ms = tally_wait(of_account, now_ms);
    int64_t peer_ms = tally_wait(of_peer, now_ms);
    if (account_ms > 0 || peer_ms > 0)
        return account_ms > peer_ms ? account_ms : peer_ms;
    tally_start(of_account, now_ms);
    tally_start(of_peer, now_ms);
    return 0;
}

void throttle_end(struct throttle *throttle, struct text account, struct text peer,
                  enum throttle_outcome outcome, int64_t now_ms)
{
    struct names names;
    names_make(account, peer, &names);
    struct tally *known = recent_find(throttle->known, names.pair_key);
    if (known != NULL && known->running > 0) {
        tally_end(known, outcome, now_ms);
    } else {
        tally_end(recent_find(throttle->accounts, names.account_key), outcome, now_ms);
        tally_end(recent_find(throttle->peers, names.peer_key), outcome, now_ms);
    }
    /* Success does not clear the counts of account and peer: else one's own account, or the
     * owner's regular logins, would give a guesser ever new free attempts. */
    if (outcome == ATTEMPT_GOOD) {
        known = recent_take(throttle->known, names.pair_key);
        known->wrong = 0;
        known->last_ms = now_ms;
    }
}
