/* Tallies in three bounded tables. Counting an attempt from its start, not its end, leaves nothing
 * to win by guessing in parallel. */
#include "directory/throttle.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "directory/recent.h"

struct throttle {
    struct recent *accounts, *peers; /* of struct tally */
    struct recent *known;            /* pairs that succeeded, of struct tally */
    struct throttle_limits limits;
};

struct tally {
    unsigned wrong;
    unsigned running;
    int64_t last_ms, next_ms;
    unsigned wrong_within; /* since within_ms, for locking out */
    int64_t within_ms, locked_until_ms;
};

/* What one attempt is counted under. */
struct names {
    char network[THROTTLE_NETWORK_BYTES], pair[512];
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

const char *throttle_network(struct text peer, char out[THROTTLE_NETWORK_BYTES])
{
    enum { NETWORK_BYTES = 8 }; /* 64 bits */
    struct text host = without_port(peer);
    struct in6_addr v6;
    char text[INET6_ADDRSTRLEN];
    if (!text_copy(host, out, THROTTLE_NETWORK_BYTES))
        text_copy(text_head(host, THROTTLE_NETWORK_BYTES - 1), out, THROTTLE_NETWORK_BYTES);
    if (inet_pton(AF_INET6, out, &v6) != 1)
        return out;
    if (IN6_IS_ADDR_V4MAPPED(&v6)) {
        inet_ntop(AF_INET, &v6.s6_addr[12], out, THROTTLE_NETWORK_BYTES);
        return out;
    }
    memset(&v6.s6_addr[NETWORK_BYTES], 0, sizeof(v6) - NETWORK_BYTES);
    inet_ntop(AF_INET6, &v6, text, sizeof(text));
    snprintf(out, THROTTLE_NETWORK_BYTES, "%s/64", text);
    return out;
}

/* A pair is the account, a NUL, the network. */
static void names_make(struct text account, struct text peer, struct names *names)
{
    names->peer_key = text_from(throttle_network(peer, names->network));
    names->account_key = text_head(account, sizeof(names->pair) - sizeof(names->network) - 1);
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
    if (now_ms < tally->locked_until_ms)
        return tally->locked_until_ms - now_ms;
    if (tally->running == 0 && now_ms - tally->last_ms > THROTTLE_FORGET_MS)
        *tally = (struct tally){
            .last_ms = now_ms, .wrong_within = tally->wrong_within, .within_ms = tally->within_ms};
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

/* One more that was wrong. True when that locks. */
static bool tally_lock(struct tally *tally, const struct throttle_limits *limits, int64_t now_ms)
{
    if (limits->wrong_max == 0)
        return false;
    if (tally->wrong_within == 0 || now_ms - tally->within_ms > limits->within_ms) {
        tally->wrong_within = 0;
        tally->within_ms = now_ms;
    }
    if (++tally->wrong_within < limits->wrong_max)
        return false;
    tally->wrong_within = 0;
    tally->locked_until_ms = now_ms + limits->locked_ms;
    return true;
}

/* True when that locks. The tally may have been pushed out of its table meanwhile: then there is
 * nothing to end. */
static bool tally_end(struct tally *tally, const struct throttle_limits *limits,
                      enum throttle_outcome outcome, int64_t now_ms)
{
    if (tally == NULL)
        return false;
    if (tally->running > 0)
        tally->running--;
    if (outcome != ATTEMPT_WRONG)
        return false;
    tally->wrong++;
    tally_count(tally, now_ms);
    return tally_lock(tally, limits, now_ms);
}

void throttle_use_limits(struct throttle *throttle, const struct throttle_limits *limits)
{
    throttle->limits = *limits;
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

enum throttle_lock throttle_end(struct throttle *throttle, struct text account, struct text peer,
                                enum throttle_outcome outcome, int64_t now_ms)
{
    struct names names;
    enum throttle_lock lock = LOCKED_NOTHING;
    const struct throttle_limits *limits = &throttle->limits;
    names_make(account, peer, &names);
    struct tally *known = recent_find(throttle->known, names.pair_key);
    if (known != NULL && known->running > 0) {
        if (tally_end(known, limits, outcome, now_ms))
            lock = LOCKED_PAIR;
    } else {
        if (tally_end(recent_find(throttle->peers, names.peer_key), limits, outcome, now_ms))
            lock = LOCKED_NETWORK;
        if (tally_end(recent_find(throttle->accounts, names.account_key), limits, outcome, now_ms))
            lock = LOCKED_ACCOUNT;
    }
    /* Success does not clear the counts of account and peer: else one's own account, or the
     * owner's regular logins, would give a guesser ever new free attempts. */
    if (outcome == ATTEMPT_GOOD) {
        known = recent_take(throttle->known, names.pair_key);
        known->wrong = known->wrong_within = 0;
        known->last_ms = now_ms;
    }
    return lock;
}

void throttle_know(struct throttle *throttle, struct text account, struct text peer)
{
    struct names names;
    names_make(account, peer, &names);
    recent_take(throttle->known, names.pair_key);
}

bool throttle_knows(struct throttle *throttle, struct text account, struct text peer)
{
    struct names names;
    names_make(account, peer, &names);
    return recent_find(throttle->known, names.pair_key) != NULL;
}

/* ---- For the administrator ---- */

struct unlocking {
    struct text account;
    bool found;
};

static bool is_counted(const struct tally *tally, int64_t now_ms)
{
    return tally->wrong > 0 || now_ms < tally->locked_until_ms;
}

static void unlock_pair(void *context, struct text key, void *entry)
{
    struct unlocking *unlocking = context;
    struct tally *tally = entry;
    if (!text_equals(text_before(key, '\0'), unlocking->account))
        return;
    unlocking->found = unlocking->found || is_counted(tally, 0);
    *tally = (struct tally){.running = tally->running};
}

bool throttle_unlock_account(struct throttle *throttle, struct text account)
{
    struct unlocking unlocking = {.account = account,
                                  .found = recent_find(throttle->accounts, account) != NULL};
    recent_remove(throttle->accounts, account);
    recent_each(throttle->known, unlock_pair, &unlocking);
    return unlocking.found;
}

bool throttle_unlock_network(struct throttle *throttle, struct text network)
{
    bool found = recent_find(throttle->peers, network) != NULL;
    recent_remove(throttle->peers, network);
    return found;
}

struct listing {
    int64_t now_ms;
    bool of_networks;
    throttle_visit *visit;
    void *context;
};

static void list_tally(void *context, struct text key, void *entry)
{
    const struct listing *listing = context;
    const struct tally *tally = entry;
    if (!is_counted(tally, listing->now_ms))
        return;
    bool is_locked = listing->now_ms < tally->locked_until_ms;
    int64_t next_ms = is_locked ? tally->locked_until_ms : tally->next_ms;
    struct throttle_entry shown = {
        .account = listing->of_networks ? TEXT("") : text_before(key, '\0'),
        .network = listing->of_networks ? key : text_after(key, '\0'),
        .wrong = tally->wrong,
        .waits_ms = next_ms > listing->now_ms ? next_ms - listing->now_ms : 0,
        .is_locked = is_locked};
    listing->visit(listing->context, &shown);
}

void throttle_list(struct throttle *throttle, int64_t now_ms, throttle_visit *visit, void *context)
{
    struct listing listing = {.now_ms = now_ms, .visit = visit, .context = context};
    recent_each(throttle->accounts, list_tally, &listing);
    recent_each(throttle->known, list_tally, &listing);
    listing.of_networks = true;
    recent_each(throttle->peers, list_tally, &listing);
}
