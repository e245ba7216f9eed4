/* Checking a password: remembered successes first, then throttling, then the slow hash. All paths
 * that fail cost the same and say the same. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "directory/directory.h"
#include "directory/keys.h"
#include "directory/networks.h"
#include "directory/principal.h"
#include "directory/state.h"

enum {
    REMEMBER_MS = 60 * SECOND,
    PATIENCE_MS = 60 * SECOND, /* longer than this nobody waits for his turn to guess */
    WAITING_MAX = 1000,        /* nor longer than a task's stack is affordable */
    MAC_BYTES = 32,
};

struct attempt {
    struct text account; /* key, or what was typed when that is no address */
    struct text password, peer;
    unsigned char mac[MAC_BYTES]; /* of the password for this account */
};

void directory_forget_login(struct directory *directory, struct text key)
{
    recent_remove(directory->logins, key);
}

static void make_mac(const struct directory *directory, struct attempt *attempt)
{
    unsigned char account[MAC_BYTES];
    unsigned length = MAC_BYTES;
    /* HMAC of the password under a key that is the HMAC of the account: nothing to join up. */
    check(HMAC(EVP_sha256(), directory->secret, (int)sizeof(directory->secret),
               (const unsigned char *)attempt->account.data, attempt->account.length, account,
               &length) != NULL);
    check(HMAC(EVP_sha256(), account, MAC_BYTES, (const unsigned char *)attempt->password.data,
               attempt->password.length, attempt->mac, &length) != NULL);
    explicit_bzero(account, sizeof(account));
}

static bool is_remembered(struct directory *directory, const struct attempt *attempt)
{
    const struct login_memory *memory = recent_find(directory->logins, attempt->account);
    return memory != NULL && clock_monotonic_ms() < memory->until_ms &&
           CRYPTO_memcmp(memory->mac, attempt->mac, MAC_BYTES) == 0;
}

static void remember(struct directory *directory, const struct attempt *attempt)
{
    struct login_memory *memory = recent_take(directory->logins, attempt->account);
    memcpy(memory->mac, attempt->mac, MAC_BYTES);
    memory->until_ms = clock_monotonic_ms() + REMEMBER_MS;
}

struct text directory_login_hash(struct directory *directory, struct text account,
                                 struct arena *arena)
{
    struct directory_user user;
    if (!directory_key_is_valid(account) || directory_is_ours(directory, account) != OK ||
        !directory_user_find(directory, account, arena, &user) || !user.enabled)
        return TEXT("");
    return user.hash;
}

/* OK when an attempt may start; *known when there is no need for one. attempt has the password, or
 * is of a login that sends none. YIELDS. */
static enum status wait_for_turn(struct directory *directory, const struct attempt *attempt,
                                 bool *known)
{
    int64_t patience_end_ms = clock_monotonic_ms() + PATIENCE_MS;
    if (!throttle_knows(directory->throttle, attempt->account, attempt->peer) &&
        network_is_known(directory, attempt->account, attempt->peer))
        throttle_know(directory->throttle, attempt->account, attempt->peer);
    for (;;) {
        if (directory->closing || task_is_cancelled())
            return try_later("the directory is closing");
        *known = attempt->password.length > 0 && is_remembered(directory, attempt);
        int64_t now_ms = clock_monotonic_ms();
        int64_t wait_ms =
            *known ? 0
                   : throttle_start(directory->throttle, attempt->account, attempt->peer, now_ms);
        if (wait_ms == 0)
            return OK;
        if (now_ms + wait_ms > patience_end_ms || directory->waiting_logins >= WAITING_MAX)
            return try_later("too many failed logins; try again later");
        /* Ends early, too, when another login has succeeded: it may have been for us. */
        directory->waiting_logins++;
        task_event_wait(&directory->login_ended, now_ms + wait_ms);
        directory->waiting_logins--;
    }
}

enum status directory_attempt_begin(struct directory *directory, struct text account,
                                    struct text peer)
{
    struct attempt attempt = {.account = account, .peer = peer};
    bool known;
    return wait_for_turn(directory, &attempt, &known);
}

void directory_attempt_end(struct directory *directory, struct text account, struct text peer,
                           enum throttle_outcome outcome)
{
    static const char *const words[] = {[LOCKED_ACCOUNT] = "account",
                                        [LOCKED_NETWORK] = "network",
                                        [LOCKED_PAIR] = "account-from-network"};
    enum throttle_lock lock =
        throttle_end(directory->throttle, account, peer, outcome, clock_monotonic_ms());
    task_event_tell_all(&directory->login_ended);
    if (lock != LOCKED_NOTHING)
        log_warning("auth.locked", "what=%s account=%s peer=%s seconds=%lld", words[lock],
                    log_text(account), log_text(peer),
                    (long long)directory->settings->lockout_ms / SECOND);
    if (outcome == ATTEMPT_GOOD)
        network_note(directory, account, peer);
}

/* YIELDS. */
static enum status verify(struct directory *directory, const struct attempt *attempt,
                          struct arena *arena)
{
    struct text hash = directory_login_hash(directory, attempt->account, arena);
    enum status status = directory_ready(directory);
    if (status == OK)
        status = password_verify(&directory->gate, hash, attempt->password);
    /* Meanwhile the user may have been disabled or given another password. */
    if (status == OK &&
        !text_equals(hash, directory_login_hash(directory, attempt->account, arena)))
        status = refused("authentication failed");
    if (status == OK)
        login_keys_complete(directory, attempt->account, hash, attempt->password);
    return status;
}

/* A stranger's attempt: in turn, and counted. YIELDS. */
static enum status verify_throttled(struct directory *directory, const struct attempt *attempt,
                                    struct arena *arena)
{
    bool known = false;
    enum status status = wait_for_turn(directory, attempt, &known);
    if (status != OK)
        return status;
    if (known && directory_login_hash(directory, attempt->account, arena).length > 0)
        return directory_ready(directory);
    status = verify(directory, attempt, arena);
    enum throttle_outcome outcome = status == OK        ? ATTEMPT_GOOD
                                    : status == REFUSED ? ATTEMPT_WRONG
                                                        : ATTEMPT_UNDECIDED;
    if (status == OK)
        remember(directory, attempt);
    directory_attempt_end(directory, attempt->account, attempt->peer, outcome);
    return status;
}

enum status directory_authenticate(struct directory *directory, const struct directory_login *login,
                                   char user_out[DIRECTORY_USER_MAX])
{
    enum status status = directory_enter(directory);
    if (status != OK)
        return status;
    struct arena arena;
    arena_init(&arena);
    struct attempt attempt = {
        .account = login->user, .password = login->password, .peer = login->peer};
    bool is_address = directory_login_name(directory, login->user, &arena, &attempt.account) == OK;
    if (!is_address)
        attempt.account = login->user;
    make_mac(directory, &attempt);
    status = login->peer.length > 0 ? verify_throttled(directory, &attempt, &arena)
                                    : verify(directory, &attempt, &arena);
    if (status == OK && (!is_address || !text_copy(attempt.account, user_out, DIRECTORY_USER_MAX)))
        status = refused("authentication failed");
    explicit_bzero(attempt.mac, sizeof(attempt.mac));
    arena_finish(&arena);
    directory_leave(directory);
    return status;
}

/* ---- For the administrator ---- */

void directory_attempts(struct directory *directory, throttle_visit *visit, void *context)
{
    throttle_list(directory->throttle, clock_monotonic_ms(), visit, context);
}

/* Those who wait for their turn look again. */
static bool unlocked(struct directory *directory, bool found)
{
    task_event_tell_all(&directory->login_ended);
    return found;
}

bool directory_unlock_account(struct directory *directory, struct text key)
{
    return unlocked(directory, throttle_unlock_account(directory->throttle, key));
}

bool directory_unlock_network(struct directory *directory, struct text network)
{
    return unlocked(directory, throttle_unlock_network(directory->throttle, network));
}
