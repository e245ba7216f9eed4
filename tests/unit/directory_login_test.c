/* Passwords, logins and the slowing down of guesses. */
#include "directory/calls.h"
#include "directory/networks.h"
#include "directory/state.h"
#include "directory_scene.h"
#include "task/task.h"

static char user[DIRECTORY_USER_MAX];

static enum status try_from(struct scene *scene, const char *name, const char *password,
                            const char *peer)
{
    struct directory_login login = {.user = text_from(name),
                                    .password = text_from(password),
                                    .service = SERVICE_POP3,
                                    .session = 1,
                                    .peer = text_from(peer)};
    user[0] = '\0';
    return directory_authenticate(scene->directory, &login, user);
}

static void right_and_wrong(struct scene *scene)
{
    char hash[DIRECTORY_HASH_MAX];
    EXPECT(password_hash(TEXT("correct horse"), hash) == OK);
    EXPECT(strncmp(hash, "$y$", 3) == 0);
    EXPECT(directory_user_add(scene->directory, TEXT("alice@example.test"), text_from(hash),
                              TEXT("")) == OK);
    EXPECT(try_from(scene, "alice@example.test", "correct horse", "192.0.2.1") == OK);
    EXPECT_TEXT(text_from(user), "alice@example.test");
    EXPECT(try_from(scene, "ALICE", "correct horse", "192.0.2.1") == OK);
    EXPECT_TEXT(text_from(user), "alice@example.test");
    const char *const refused[][2] = {
        {"alice@example.test", "correct horsE"},
        {"alice@example.test", ""},
        {"nobody@example.test", "correct horse"},
        {"bob@example.test", ""},
        {"bob@example.test", "x"},
        {"not an address@", "x"},
        {"alice@example.net", "correct horse"},
        {"alice+tag@example.test", "correct horse"},
    };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        EXPECT(try_from(scene, refused[i][0], refused[i][1], "") == REFUSED);
        EXPECT_TEXT(text_from(fail_reason()), "authentication failed");
        EXPECT(user[0] == '\0');
    }
}

TEST("the right password opens, and every other failure says the same")
{
    scene_run(right_and_wrong);
}

static void changed(struct scene *scene)
{
    struct directory *directory = scene->directory;
    char hash[DIRECTORY_HASH_MAX];
    add_user(scene, "alice@example.test");
    EXPECT(try_from(scene, "alice@example.test", "secret", "192.0.2.1") == OK);
    EXPECT(directory_user_enable(directory, TEXT("alice@example.test"), false) == OK);
    EXPECT(try_from(scene, "alice@example.test", "secret", "192.0.2.1") == REFUSED);
    EXPECT(directory_accepts(directory, TEXT("alice@example.test")) == OK);
    EXPECT(directory_user_enable(directory, TEXT("alice@example.test"), true) == OK);
    EXPECT(try_from(scene, "alice@example.test", "secret", "192.0.2.1") == OK);
    EXPECT(password_hash(TEXT("new"), hash) == OK);
    EXPECT(directory_user_set_password(directory, TEXT("alice@example.test"), text_from(hash)) ==
           OK);
    EXPECT(try_from(scene, "alice@example.test", "secret", "192.0.2.1") == REFUSED);
    EXPECT(try_from(scene, "alice@example.test", "new", "192.0.2.1") == OK);
    struct settings *others = scene_settings("domain other.test {\n user x\n}\n");
    directory_use_settings(directory, others);
    settings_release(&others);
    EXPECT(try_from(scene, "alice@example.test", "new", "192.0.2.1") == REFUSED);
}

TEST("a remembered login ends with the password, the user, or his domain")
{
    scene_run(changed);
}

static void migrated(struct scene *scene)
{
    static const char *const hashes[] = {
        CHEAP_HASH,
        "$5$rounds=1000$saltsalt$I.hiVkgSRM7ZO9aC9lsGFdONG/MX8OAWpI2YOWGzC7B",
        "$6$rounds=1000$saltsalt$",
    };
    EXPECT(password_hash_is_usable(text_from(hashes[0])));
    EXPECT(password_hash_is_usable(text_from(hashes[1])));
    EXPECT(!password_hash_is_usable(TEXT("")) && !password_hash_is_usable(TEXT("secret")));
    EXPECT(!password_hash_is_usable(TEXT("{SHA512}abcd")));
    EXPECT(!password_hash_is_usable(TEXT("$y$a:b")));
    EXPECT(directory_user_add(scene->directory, TEXT("a@example.test"), TEXT("plain"), TEXT("")) ==
           REFUSED);
    struct password_gate gate;
    EXPECT(password_gate_init(&gate) == OK);
    EXPECT(password_verify(&gate, text_from(hashes[0]), TEXT("secret")) == OK);
    EXPECT(password_verify(&gate, text_from(hashes[0]), TEXT("secre")) == REFUSED);
    /* A bare setting is nobody's hash, and the decoy is nobody's password. */
    EXPECT(password_verify(&gate, text_from(hashes[2]), TEXT("secret")) == REFUSED);
    EXPECT(password_verify(&gate, TEXT(""), TEXT("secret")) == REFUSED);
    EXPECT(gate.running == 0 && gate.waiting == 0);
}

TEST("hashes of other systems are verified, and what is no hash is refused")
{
    scene_run(migrated);
}

struct flood {
    struct scene *scene;
    unsigned ok, later;
};

static void flood_one(void *argument)
{
    struct flood *flood = argument;
    enum status status = try_from(flood->scene, "nobody@example.test", "x", "");
    flood->later += status == TRY_LATER;
}

static void flooded(struct scene *scene)
{
    enum { EXCESS = 10, ATTEMPTS = PASSWORD_VERIFICATIONS + PASSWORD_WAITING_MAX + EXCESS };
    struct flood flood = {.scene = scene};
    struct task_group group;
    task_group_init(&group);
    for (unsigned i = 0; i < ATTEMPTS; i++)
        task_spawn(&group, "flood", flood_one, &flood);
    task_yield();
    task_yield();
    EXPECT(flood.later == EXCESS);
    task_group_finish(&group); /* those who wait are cancelled */
    EXPECT(flood.later == ATTEMPTS - PASSWORD_VERIFICATIONS);
}

TEST("only so many logins are verified or wait; the others are told to try later")
{
    scene_run(flooded);
}

struct guess {
    struct scene *scene;
    const char *name;
};

static void guess_once(void *argument)
{
    const struct guess *guess = argument;
    EXPECT(try_from(guess->scene, guess->name, "wrong", "192.0.2.1") == REFUSED);
}

static void unknown_user(struct scene *scene)
{
    static const char *const names[] = {"alice", "bob", "nobody", "a@far.test", "no address@"};
    add_user(scene, "alice@example.test");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct guess guess = {scene, names[i]};
        struct task_group group;
        task_group_init(&group);
        task_spawn(&group, "guess", guess_once, &guess);
        task_yield();
        EXPECT(scene->directory->gate.running == 1);
        EXPECT(task_group_wait(&group, NO_DEADLINE) == OK);
        EXPECT(scene->directory->gate.running == 0);
    }
}

TEST("a user who does not exist is verified as slowly as one who does")
{
    scene_run(unknown_user);
}

static void guess_late(void *argument)
{
    struct flood *flood = argument;
    flood->later += try_from(flood->scene, "alice@example.test", "wrong", "192.0.2.9") == TRY_LATER;
}

static void closing(struct scene *scene)
{
    add_user(scene, "alice@example.test");
    for (unsigned i = 0; i < 12; i++) {
        struct flood flood = {.scene = scene};
        struct task_group group;
        task_group_init(&group);
        task_spawn(&group, "guess", guess_late, &flood);
        while (group.count > 0 && scene->directory->waiting_logins == 0)
            task_sleep(1);
        if (group.count == 0)
            continue;
        directory_close(&scene->directory);
        EXPECT(task_group_wait(&group, clock_monotonic_ms() + MINUTE) == OK && flood.later == 1);
        scene_open(scene);
        EXPECT(i == THROTTLE_FREE_ATTEMPTS);
        return;
    }
    EXPECT(false);
}

TEST("guesses are made to wait, and closing sends the waiting away")
{
    scene_run(closing);
}

/* ---- The throttle alone, on a clock of our own ---- */

static const struct text alice = {"alice@example.test", 18};

static int64_t guess(struct throttle *throttle, struct text account, const char *peer,
                     int64_t now_ms)
{
    int64_t wait_ms = throttle_start(throttle, account, text_from(peer), now_ms);
    if (wait_ms == 0)
        throttle_end(throttle, account, text_from(peer), ATTEMPT_WRONG, now_ms);
    return wait_ms;
}

TEST("after five wrong guesses the wait doubles up to thirty seconds, and is forgotten in time")
{
    struct throttle *throttle = throttle_new();
    int64_t now_ms = 1000, waits[] = {0, 0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        if (waits[i] > 0)
            EXPECT(guess(throttle, alice, "192.0.2.1", now_ms) == waits[i]);
        now_ms += waits[i];
        EXPECT(guess(throttle, alice, "192.0.2.1", now_ms) == 0);
    }
    EXPECT(guess(throttle, alice, "192.0.2.1", now_ms + THROTTLE_FORGET_MS + 1) == 0);
    EXPECT(guess(throttle, alice, "192.0.2.1", now_ms + THROTTLE_FORGET_MS + 1) == 0);
    throttle_free(&throttle);
}

TEST("guessing in parallel, from many addresses, or at many accounts wins nothing")
{
    struct throttle *throttle = throttle_new();
    unsigned started = 0;
    for (int i = 0; i < 100; i++)
        started += throttle_start(throttle, alice, TEXT("192.0.2.1:25"), 1000) == 0;
    EXPECT(started == THROTTLE_FREE_ATTEMPTS);
    char name[32];
    started = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "198.51.100.%d", i);
        started += guess(throttle, TEXT("carol@example.test"), name, 1000) == 0;
    }
    EXPECT(started == THROTTLE_FREE_ATTEMPTS);
    started = 0;
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "user%d@example.test", i);
        /* One customer's network, many addresses and ports in it. */
        char peer[64];
        snprintf(peer, sizeof(peer), i % 2 ? "2001:db8:1:2::%x" : "[2001:db8:1:2::%x]:4711", i);
        started += guess(throttle, text_from(name), peer, 1000) == 0;
    }
    EXPECT(started == THROTTLE_FREE_ATTEMPTS);
    throttle_free(&throttle);
}

TEST("who has logged in from an address before is not slowed down by strangers' failures")
{
    struct throttle *throttle = throttle_new();
    EXPECT(throttle_start(throttle, alice, TEXT("192.0.2.1"), 1000) == 0);
    throttle_end(throttle, alice, TEXT("192.0.2.1"), ATTEMPT_GOOD, 1000);
    for (int i = 0; i < 10; i++)
        guess(throttle, alice, "198.51.100.7", 1000);
    EXPECT(guess(throttle, alice, "198.51.100.8", 1000) > 0);
    for (int i = 0; i < 10; i++)
        guess(throttle, TEXT("carol@example.test"), "192.0.2.1", 1000);
    EXPECT(throttle_start(throttle, alice, TEXT("192.0.2.1:999"), 1000) == 0);
    throttle_end(throttle, alice, TEXT("192.0.2.1"), ATTEMPT_UNDECIDED, 1000);
    /* But guessing from there is slowed down as anywhere. */
    for (int i = 0; i < THROTTLE_FREE_ATTEMPTS; i++)
        EXPECT(guess(throttle, alice, "192.0.2.1", 1000) == 0);
    EXPECT(guess(throttle, alice, "192.0.2.1", 1000) == 1000);
    throttle_free(&throttle);
}

TEST("one's own success does not buy free guesses at others")
{
    struct throttle *throttle = throttle_new();
    unsigned started = 0;
    for (int i = 0; i < 50; i++) {
        if (throttle_start(throttle, TEXT("mallory@example.test"), TEXT("192.0.2.1"), 1000) == 0)
            throttle_end(throttle, TEXT("mallory@example.test"), TEXT("192.0.2.1"), ATTEMPT_GOOD,
                         1000);
        started += guess(throttle, alice, "192.0.2.1", 1000) == 0;
    }
    EXPECT(started == THROTTLE_FREE_ATTEMPTS);
    throttle_free(&throttle);
}

/* ---- Lockout ---- */

static const struct throttle_limits twenty = {
    .wrong_max = 20, .within_ms = 15 * MINUTE, .locked_ms = 15 * MINUTE};

/* Wrong guesses, each as soon as it may start, until one is told to wait for longer than the
 * slowing down makes anybody wait. How many were tried; *now_ms moves on. */
static unsigned guess_until_locked(struct throttle *throttle, const char *account, const char *peer,
                                   int64_t *now_ms)
{
    unsigned tried = 0;
    for (;;) {
        int64_t wait_ms = guess(throttle, text_from(account), peer, *now_ms);
        if (wait_ms > THROTTLE_LONGEST_MS)
            return tried;
        tried += wait_ms == 0;
        *now_ms += wait_ms;
    }
}

TEST("after twenty wrong passwords an account is locked for fifteen minutes")
{
    struct throttle *throttle = throttle_new();
    throttle_use_limits(throttle, &twenty);
    int64_t now_ms = 1000;
    EXPECT(guess_until_locked(throttle, "alice@example.test", "192.0.2.1", &now_ms) == 20);
    EXPECT(throttle_start(throttle, alice, TEXT("198.51.100.1"), now_ms) == 15 * MINUTE);
    now_ms += 15 * MINUTE - 1;
    EXPECT(throttle_start(throttle, alice, TEXT("198.51.100.1"), now_ms) == 1);
    EXPECT(throttle_start(throttle, alice, TEXT("198.51.100.1"), now_ms + 1) == 0);
    throttle_free(&throttle);
}

TEST("guesses that are spread over a longer time than that lock nothing")
{
    struct throttle *throttle = throttle_new();
    throttle_use_limits(throttle, &twenty);
    int64_t now_ms = 1000;
    for (unsigned i = 0; i < 200; i++) {
        EXPECT(guess(throttle, alice, "192.0.2.1", now_ms) == 0);
        now_ms += MINUTE;
    }
    throttle_free(&throttle);
}

TEST("strangers can't lock the owner out where he has logged in before")
{
    struct throttle *throttle = throttle_new();
    throttle_use_limits(throttle, &twenty);
    int64_t now_ms = 1000;
    throttle_know(throttle, alice, TEXT("192.0.2.1"));
    guess_until_locked(throttle, "alice@example.test", "198.51.100.7", &now_ms);
    EXPECT(throttle_start(throttle, alice, TEXT("198.51.100.8"), now_ms) > THROTTLE_LONGEST_MS);
    EXPECT(throttle_start(throttle, alice, TEXT("192.0.2.1:993"), now_ms) == 0);
    throttle_end(throttle, alice, TEXT("192.0.2.1:993"), ATTEMPT_GOOD, now_ms);
    /* Guessing from his own network locks that pair, not the account. */
    EXPECT(guess_until_locked(throttle, "alice@example.test", "192.0.2.1", &now_ms) == 20);
    now_ms += 20 * MINUTE;
    EXPECT(throttle_start(throttle, alice, TEXT("198.51.100.9"), now_ms) == 0);
    throttle_free(&throttle);
}

TEST("spraying one password over many accounts locks the network it comes from")
{
    struct throttle *throttle = throttle_new();
    throttle_use_limits(throttle, &twenty);
    int64_t now_ms = 1000;
    unsigned tried = 0;
    throttle_know(throttle, TEXT("bob@example.test"), TEXT("198.51.100.7"));
    for (;; tried++) {
        char name[40];
        snprintf(name, sizeof(name), "user%u@example.test", tried);
        int64_t wait_ms = guess(throttle, text_from(name), "198.51.100.7", now_ms);
        if (wait_ms > THROTTLE_LONGEST_MS)
            break;
        now_ms += wait_ms;
        if (wait_ms > 0)
            EXPECT(guess(throttle, text_from(name), "198.51.100.7", now_ms) == 0);
    }
    EXPECT(tried == 20);
    EXPECT(throttle_start(throttle, alice, TEXT("198.51.100.7"), now_ms) > THROTTLE_LONGEST_MS);
    EXPECT(throttle_start(throttle, alice, TEXT("198.51.100.8"), now_ms) == 0);
    EXPECT(throttle_start(throttle, TEXT("bob@example.test"), TEXT("198.51.100.7"), now_ms) == 0);
    throttle_free(&throttle);
}

struct listed {
    unsigned count, locked;
};

static void count_listed(void *context, const struct throttle_entry *entry)
{
    struct listed *listed = context;
    listed->count++;
    listed->locked += entry->is_locked;
    EXPECT(entry->account.length > 0 || entry->network.length > 0);
}

TEST("the administrator sees what is locked, and unlocks an account or a network")
{
    struct throttle *throttle = throttle_new();
    throttle_use_limits(throttle, &twenty);
    int64_t now_ms = 1000;
    struct listed listed = {0};
    guess_until_locked(throttle, "alice@example.test", "2001:db8:1:2::9", &now_ms);
    throttle_list(throttle, now_ms, count_listed, &listed);
    EXPECT(listed.count == 2 && listed.locked == 2);
    EXPECT(throttle_unlock_account(throttle, alice));
    EXPECT(!throttle_unlock_account(throttle, alice));
    EXPECT(throttle_start(throttle, alice, TEXT("192.0.2.1"), now_ms) == 0);
    EXPECT(throttle_start(throttle, alice, TEXT("2001:db8:1:2::1"), now_ms) > 0);
    EXPECT(throttle_unlock_network(throttle, TEXT("2001:db8:1:2::/64")));
    EXPECT(throttle_start(throttle, alice, TEXT("2001:db8:1:2::1"), now_ms) == 0);
    throttle_free(&throttle);
}

TEST("a network is an IPv4 address, or the half of an IPv6 address that one customer has")
{
    static const char *const cases[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"192.0.2.1:25", "192.0.2.1"},
        {"[2001:db8::1]:25", "2001:db8::/64"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
    };
    char network[THROTTLE_NETWORK_BYTES];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        EXPECT_TEXT(text_from(throttle_network(text_from(cases[i][0]), network)), cases[i][1]);
}

/* ---- Networks that are remembered ---- */

static void count_network(void *context, struct text network, int64_t seen_ms)
{
    EXPECT(network.length > 0 && seen_ms > 0);
    ++*(unsigned *)context;
}

static void networks_last(struct scene *scene)
{
    struct text key = TEXT("alice@example.test");
    add_user(scene, "alice@example.test");
    EXPECT(try_from(scene, "alice", "secret", "192.0.2.1:4711") == OK);
    EXPECT(try_from(scene, "alice", "wrong", "192.0.2.2") == REFUSED);
    EXPECT(network_is_known(scene->directory, key, TEXT("192.0.2.1:99")));
    EXPECT(!network_is_known(scene->directory, key, TEXT("192.0.2.2")));
    directory_close(&scene->directory);
    scene_open(scene);
    EXPECT(network_is_known(scene->directory, key, TEXT("192.0.2.1")));
    for (unsigned i = 0; i < NETWORKS_OF_USER_MAX + 4; i++) {
        char peer[32];
        snprintf(peer, sizeof(peer), "198.51.100.%u", i);
        network_note(scene->directory, key, text_from(peer));
    }
    unsigned count = 0;
    network_list(scene->directory, key, count_network, &count);
    EXPECT(count == NETWORKS_OF_USER_MAX);
    EXPECT(directory_user_remove(scene->directory, key) == OK);
    count = 0;
    network_list(scene->directory, key, count_network, &count);
    EXPECT(count == 0);
}

TEST("the networks of a user are remembered over a restart, bounded, and go with him")
{
    scene_run(networks_last);
}

static void password_forms(struct scene *scene)
{
    char hash[DIRECTORY_HASH_MAX];
    EXPECT(password_hash(TEXT("caf\xc3\xa9"), hash) == OK);
    EXPECT(directory_user_add(scene->directory, TEXT("alice@example.test"), text_from(hash),
                              TEXT("")) == OK);
    EXPECT(try_from(scene, "alice", "caf\xc3\xa9", "") == OK);
    EXPECT(try_from(scene, "alice", "cafe\xcc\x81", "") == OK); /* composed otherwise */
    EXPECT(try_from(scene, "alice", "cafe", "") == REFUSED);
    EXPECT(try_from(scene, "alice", "caf\xe9", "") == REFUSED); /* not UTF-8 */
}

TEST("a password is the same however its letters are composed")
{
    scene_run(password_forms);
}

/* ---- The calls ---- */

TEST("a login request that is too long, empty, or asks for what no service has is malformed")
{
    struct directory_login login = {.user = TEXT("alice"),
                                    .password = TEXT("secret"),
                                    .service = SERVICE_POP3,
                                    .session = 77,
                                    .peer = TEXT("192.0.2.1")},
                           decoded;
    struct buffer bytes;
    bool wants_session;
    buffer_init(&bytes, 4096);
    directory_login_encode(&login, true, &bytes);
    EXPECT(directory_login_decode(buffer_text(&bytes), &decoded, &wants_session));
    EXPECT(wants_session && decoded.session == 77 && decoded.service == SERVICE_POP3);
    EXPECT_TEXT(decoded.password, "secret");
    EXPECT(!directory_login_decode(text_head(buffer_text(&bytes), bytes.length - 1), &decoded,
                                   &wants_session));
    buffer_reset(&bytes, 4096);
    login.service = SERVICE_SUBMISSION;
    directory_login_encode(&login, true, &bytes);
    EXPECT(!directory_login_decode(buffer_text(&bytes), &decoded, &wants_session));
    buffer_reset(&bytes, 4096);
    login.peer = TEXT(""); /* else a broken front could go unthrottled */
    directory_login_encode(&login, false, &bytes);
    EXPECT(!directory_login_decode(buffer_text(&bytes), &decoded, &wants_session));
    buffer_finish(&bytes);
}
