/* What administrators type about users, aliases and groups, and what they read. */
#include "admin/admin.h"
#include "directory/state.h"
#include "directory_scene.h"

static struct buffer out;
static enum status status;

/* Run a line as typed, with this password as input; the output is in `out`. */
static void run(struct scene *scene, const char *line, const char *password)
{
    struct text rest = text_from(line), words[ADMIN_WORDS_MAX];
    unsigned count = 0;
    buffer_reset(&out, SIZE_MAX);
    while (text_word(&rest, &words[count]))
        count++;
    status = admin_run(admin_directory_actions, scene->directory, words, count, text_from(password),
                       &out);
}

static void expect(struct scene *scene, const char *line, const char *expected)
{
    run(scene, line, "");
    if (status != OK)
        print_error("%s: %s\n", line, fail_reason());
    EXPECT(status == OK);
    EXPECT_TEXT(buffer_text(&out), expected);
}

static void expect_refused(struct scene *scene, const char *line, const char *reason)
{
    run(scene, line, "");
    EXPECT(status == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), reason);
}

static void run_scene(void (*play)(struct scene *))
{
    buffer_init(&out, ADMIN_OUTPUT_MAX);
    scene_run(play);
    buffer_finish(&out);
}

static void users(struct scene *scene)
{
    expect(scene, "user add alice --hash " CHEAP_HASH, "alice@example.test: added\n");
    expect(scene, "user list",
           "bob@example.test                         no-password settings  \n"
           "alice@example.test                       enabled     directory \n");
    expect(scene, "user disable alice@example.test", "alice@example.test: disabled\n");
    run(scene, "user show --json alice", "");
    EXPECT(status == OK);
    EXPECT(text_starts_with(buffer_text(&out),
                            TEXT("{\"address\":\"alice@example.test\",\"state\":\"disabled\","
                                 "\"name\":\"\",\"created_ms\":")));
    EXPECT(text_ends_with_nocase(buffer_text(&out), TEXT(",\"in_settings\":false}\n")));
    expect(scene, "user enable alice", "alice@example.test: enabled\n");
    expect(scene, "user remove --json alice",
           "{\"address\":\"alice@example.test\",\"done\":\"removed\"}\n");
    expect(scene, "user list Example.TEST",
           "bob@example.test                         no-password settings  \n");
    expect(scene, "user show bob",
           "address   bob@example.test\nstate     no-password\nsettings  /etc/mailroot.conf:2\n");
}

TEST("users are added, shown, disabled and removed")
{
    run_scene(users);
}

static void passwords(struct scene *scene)
{
    run(scene, "user passwd bob", "open sesame");
    EXPECT(status == OK);
    run(scene, "login test bob@example.test", "open sesame");
    EXPECT(status == OK);
    EXPECT_TEXT(buffer_text(&out), "bob@example.test: OK\n");
    run(scene, "login test bob", "open sesam");
    EXPECT(status == REFUSED);
    EXPECT_TEXT(buffer_text(&out), "bob: refused\n");
    run(scene, "user add alice", "");
    EXPECT(status == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "the password is empty");
    run(scene, "user add alice --name Alice", "two words");
    EXPECT(status == OK);
    run(scene, "login test alice", "two words");
    EXPECT(status == OK);
    run(scene, "user passwd alice --allow-cram", "two words");
    EXPECT(status == OK);
    expect_refused(scene, "user passwd alice --allow-cram --hash " CHEAP_HASH,
                   "--allow-cram and --ntlm need the password itself, not a hash of it");
}

TEST("a password set is the password that logs in")
{
    run_scene(passwords);
}

#define SHA256 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SHA256_SHOWN                                                                               \
    "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee" \
    ":ff"

static void certificates(struct scene *scene)
{
    expect_refused(scene, "user certificate list bob", "bob@example.test has no certificates");
    expect(scene, "user certificate add bob " SHA256, "bob@example.test: certificate added\n");
    expect_refused(scene, "user certificate add bob " SHA256, "the certificate is his already");
    expect(scene, "user certificate list bob", SHA256_SHOWN "\n");
    expect(scene, "user add alice --hash " CHEAP_HASH, "alice@example.test: added\n");
    expect_refused(scene, "user certificate add alice " SHA256,
                   "the certificate is that of bob@example.test");
    expect_refused(scene, "user certificate remove alice " SHA256,
                   "that is no certificate of alice@example.test");
    expect_refused(scene, "user certificate add nobody " SHA256,
                   "there is no user nobody@example.test");
    expect_refused(scene, "user certificate add bob 00:11",
                   "wanted is a SHA-256 in hexadecimal, as openssl x509 -noout -fingerprint "
                   "-sha256 prints it");
    expect(scene, "user certificate remove bob " SHA256_SHOWN,
           "bob@example.test: certificate removed\n");
    expect_refused(scene, "user certificate list bob", "bob@example.test has no certificates");
}

TEST("certificates are given to users and taken away, each to one")
{
    run_scene(certificates);
}

static void guess(struct scene *scene, const char *peer)
{
    char user[DIRECTORY_USER_MAX];
    struct directory_login login = {.user = TEXT("alice"),
                                    .password = TEXT("wrong"),
                                    .service = SERVICE_SMTP,
                                    .peer = text_from(peer)};
    EXPECT(directory_authenticate(scene->directory, &login, user) == REFUSED);
}

static void lockouts(struct scene *scene)
{
    expect(scene, "user add alice --hash " CHEAP_HASH, "alice@example.test: added\n");
    expect_refused(scene, "login list", "no wrong passwords lately");
    expect_refused(scene, "login networks alice",
                   "alice@example.test has logged in from nowhere yet");
    guess(scene, "192.0.2.1");
    expect(scene, "login list",
           "alice@example.test                       any                      open       1 -\n"
           "any                                      192.0.2.1                open       1 -\n");
    expect(scene, "user unlock alice", "alice@example.test: unlocked\n");
    expect(scene, "login list --json",
           "{\"account\":\"\",\"network\":\"192.0.2.1\",\"state\":\"open\",\"wrong\":1,"
           "\"until_ms\":0}\n");
    expect(scene, "login unlock 192.0.2.1", "192.0.2.1: unlocked\n");
    expect_refused(scene, "login unlock 192.0.2.1",
                   "no wrong passwords came from 192.0.2.1 lately");
    expect_refused(scene, "user unlock alice",
                   "no wrong passwords were tried for alice@example.test lately");
}

TEST("wrong passwords are listed and forgotten at the administrator's word")
{
    run_scene(lockouts);
}

static void mistakes(struct scene *scene)
{
    expect_refused(scene, "user add a@other.test --hash " CHEAP_HASH,
                   "other.test is none of our domains; to make it one, add \"domain other.test\" "
                   "to mailroot.conf and reload");
    expect_refused(scene, "user add a --hash nonsense",
                   "the hash is of no known kind; wanted is crypt(5) form, as $y$ or $6$");
    expect_refused(scene, "user add a --hash", "--hash needs a value");
    expect_refused(scene, "user add", "usage: user add ADDRESS [--name NAME] [--hash HASH]");
    expect_refused(scene, "user add a --shell x",
                   "unknown option --shell; usage: user add ADDRESS [--name NAME] [--hash HASH]");
    expect_refused(scene, "user show nobody", "there is no user nobody@example.test");
    expect_refused(scene, "user passwd nobody --hash " CHEAP_HASH,
                   "there is no user nobody@example.test");
    expect_refused(scene, "alias add info", "usage: alias add ADDRESS TARGET...");
    expect_refused(scene, "alias remove info", "there is no alias info@example.test");
    expect_refused(scene, "alias list", "no aliases");
    expect_refused(scene, "user list other.test", "no users");
    run(scene, "user add a..b@example.test", "x");
    EXPECT(status == REFUSED);
}

TEST("a mistake is answered with what was wrong and what to do")
{
    run_scene(mistakes);
}

static void looking_without_an_index(struct scene *scene)
{
    static const char *const lines[] = {"user list",
                                        "user show alice",
                                        "user show bob",
                                        "alias list",
                                        "group list",
                                        "group show all",
                                        "directory contacts",
                                        "directory check",
                                        "directory set alice",
                                        "resolve alice",
                                        "user certificate list alice",
                                        "login networks alice"};
    run(scene, "user add alice --hash " CHEAP_HASH, "");
    run(scene, "group add all alice", "");
    EXPECT(status == OK);
    index_close(&scene->directory->index); /* as good as failed, from now on */
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        run(scene, lines[i], "");
        if (status != TRY_LATER)
            print_error("%s\n", lines[i]);
        EXPECT(status == TRY_LATER);
        EXPECT_TEXT(text_from(fail_reason()), "the directory's index is being rebuilt");
    }
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    while (directory_ready(scene->directory) != OK && clock_monotonic_ms() < deadline_ms)
        task_yield();
    expect(scene, "group show all", "alice@example.test\n");
}

TEST("while the index is being rebuilt nobody is told that there is nobody")
{
    run_scene(looking_without_an_index);
}

static void lists(struct scene *scene)
{
    expect(scene, "alias add info bob Box@far.test", "info@example.test: added\n");
    expect(scene, "alias list",
           "info@example.test                        bob@example.test Box@far.test\n");
    expect(scene, "alias list --json",
           "{\"address\":\"info@example.test\",\"members\":[\"bob@example.test\","
           "\"Box@far.test\"]}\n");
    expect(scene, "group add all a@far.test b@far.test c@far.test d@far.test e@far.test f@far.test",
           "all@example.test: added\n");
    expect(scene, "group list",
           "all@example.test                         a@far.test b@far.test c@far.test d@far.test "
           "e@far.test and 1 more\n");
    expect(scene, "group remove all a@far.test b@far.test c@far.test d@far.test",
           "all@example.test: members removed\n");
    expect(scene, "group show all", "e@far.test\nf@far.test\n");
    expect(scene, "group remove all e@far.test f@far.test f@far.test",
           "all@example.test: removed, nobody was left in it\n");
    expect_refused(scene, "group show all", "there is no group all@example.test");
    expect(scene, "alias remove info", "info@example.test: removed\n");
    expect_refused(scene, "alias list", "no aliases");
}

TEST("aliases and groups are made, listed and taken apart")
{
    run_scene(lists);
}
