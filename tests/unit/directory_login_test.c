/* Passwords, logins and the slowing down of guesses. */
#include "directory/calls.h"
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
        if (task_group_wait(&group, clock_monotonic_ms() + 500) == OK)
            continue;
        directory_close(&scene->directory);
        EXPECT(task_group_wait(&group, clock_monotonic_ms() + 5000) == OK && flood.later == 1);
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
