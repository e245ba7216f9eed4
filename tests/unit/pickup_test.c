/* Files that programs put into a pickup folder: which of them become mail, under which limits, and
 * what becomes of the others. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/logline.h"
#include "queue/files/pickup_file.h"
#include "queue_peer.h"
#include "settings_scene.h"
#include "store/value.h"

/* Until what is on the disk was looked at again. */
enum { LOOK_MS = 30 * SECOND, MOMENT_ROUNDS = 100 };

#define TO_ALICE "To: alice@local.test\nSubject: x\n\n"

static int64_t now;

/* ---- the scene: "in" is picked up, "bad" is for what is no mail ---- */

static const char *path_of(const struct queue_peer *peer, const char *name)
{
    static char path[2][400];
    static unsigned used;
    char *out = path[used++ % 2];
    snprintf(out, sizeof(path[0]), "%s/%s", peer->directory, name);
    return out;
}

static void make(const struct queue_peer *peer, const char *name)
{
    EXPECT(mkdir(path_of(peer, name), 0700) == 0);
}

static void set(struct queue_peer *peer, const char *lines)
{
    char all[2000];
    snprintf(all, sizeof(all), "pickup %s/in\nbadmail folder %s/bad\n%s", peer->directory,
             peer->directory, lines);
    queue_peer_add_settings(peer, all);
}

/* It starts with these lines. */
static void start_with(struct queue_peer *peer, const char *lines)
{
    set(peer, lines);
    queue_peer_close(peer);
    queue_peer_open(peer);
}

static void start(struct queue_peer *peer, const char *lines)
{
    make(peer, "in");
    make(peer, "bad");
    start_with(peer, lines);
}

static void write_file(const struct queue_peer *peer, const char *name, struct text bytes)
{
    int fd = open(path_of(peer, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    EXPECT(fd >= 0 && write(fd, bytes.data, bytes.length) == (ssize_t)bytes.length);
    EXPECT(close(fd) == 0);
}

/* Whole when it gets its name, as programs should. */
static void put(const struct queue_peer *peer, const char *name, struct text bytes)
{
    write_file(peer, "unfinished", bytes);
    EXPECT(rename(path_of(peer, "unfinished"), path_of(peer, name)) == 0);
}

static bool is_there(const struct queue_peer *peer, const char *name)
{
    return access(path_of(peer, name), F_OK) == 0;
}

static void expect_gone(const struct queue_peer *peer, const char *name)
{
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && is_there(peer, name); i++)
        queue_peer_work();
    EXPECT(!is_there(peer, name));
}

static void wait_a_moment(void)
{
    for (unsigned i = 0; i < MOMENT_ROUNDS; i++)
        queue_peer_work();
}

/* The name of a file in the folder that ends so, once there is one. */
static void find(const struct queue_peer *peer, const char *folder, const char *ending,
                 char out[300])
{
    bool found = false;
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && !found; i++) {
        DIR *entries = opendir(path_of(peer, folder));
        for (struct dirent *entry; !found && (entry = readdir(entries)) != NULL;) {
            found = text_ends_with_nocase(text_from(entry->d_name), text_from(ending));
            snprintf(out, 300, "%s/%s", folder, entry->d_name);
        }
        closedir(entries);
        queue_peer_work();
    }
    EXPECT(found);
}

/* The only bad file there is: why. It is taken away. */
static void expect_bad(const struct queue_peer *peer, const char *why)
{
    char name[300], said[500] = "";
    find(peer, "bad", ".BDR", name);
    FILE *file = fopen(path_of(peer, name), "r");
    EXPECT(file != NULL && fgets(said, sizeof(said), file) != NULL);
    fclose(file);
    if (strstr(said, why) == NULL)
        fail_msg("'%s' is not in '%s'", why, said);
    EXPECT(unlink(path_of(peer, name)) == 0);
    find(peer, "bad", ".BAD", name);
    EXPECT(unlink(path_of(peer, name)) == 0);
}

static struct text repeated(const char *line, unsigned times, const char *rest, struct arena *arena)
{
    struct buffer out;
    buffer_init(&out, 64 << 20);
    for (unsigned i = 0; i < times; i++)
        buffer_printf(&out, line, i);
    buffer_append(&out, text_from(rest));
    struct text text = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

/* ---- limits ---- */

static void limits(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    start(peer, "server sub {\n    listen 127.0.0.1:587 submission\n    limit hops 5\n"
                "    limit recipients 100\n}\n");
    put(peer, "in/round", repeated("Received: from %u by x\n", 6, TO_ALICE, &arena));
    expect_bad(peer, "it goes round in a circle: there are 7 Received fields");
    put(peer, "in/many", repeated("x-receiver: a%u@far.example\n", 101, TO_ALICE, &arena));
    expect_bad(peer, "it has 101 recipients, more than 100");
    EXPECT(queue_counts_now(peer->queue).items == 0);
    put(peer, "in/most", repeated("Received: from %u by x\n", 4, TO_ALICE, &arena));
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    put(peer, "in/all", repeated("x-receiver: a%u@far.example\n", 100, TO_ALICE, &arena));
    expect_gone(peer, "in/all");
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    arena_finish(&arena);
}

TEST("a file that goes in a circle, or to too many, is bad mail, and one less of each is mail")
{
    queue_peer_run_at(&now, limits);
}

static void of_two_servers(struct queue_peer *peer)
{
    char lines[500];
    struct arena arena;
    arena_init(&arena);
    make(peer, "two");
    make(peer, "two/Pickup");
    snprintf(lines, sizeof(lines),
             "server sub {\n    listen 127.0.0.1:587 submission\n    limit recipients 100\n}\n"
             "server two {\n    listen 127.0.0.1:1587 submission\n    folders %s/two\n}\n",
             peer->directory);
    start(peer, lines);
    struct text many = repeated("x-receiver: a%u@far.example\n", 101, TO_ALICE, &arena);
    put(peer, "in/many", many);
    expect_bad(peer, "more than 100");
    put(peer, "two/Pickup/many", many);
    expect_gone(peer, "two/Pickup/many");
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    arena_finish(&arena);
}

TEST("what is in a server's own folder is taken under its limits, all else under the first's")
{
    queue_peer_run_at(&now, of_two_servers);
}

static void server_goes(struct queue_peer *peer)
{
    enum { FILES = 20 };
    char lines[500], name[50];
    make(peer, "two");
    make(peer, "two/Pickup");
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "two/Pickup/%u", i);
        write_file(peer, name, TEXT(TO_ALICE));
    }
    snprintf(lines, sizeof(lines),
             QUIET "server two {\n    listen 127.0.0.1:1587 submission\n"
                   "    folders %s/two\n}\n",
             peer->directory);
    start(peer, lines);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && queue_peer_count(peer, "alice@local.test") == 0;
         i++)
        queue_peer_work();
    EXPECT(queue_peer_count(peer, "alice@local.test") < FILES);
    set(peer, QUIET);
    EXPECT(queue_peer_await(peer, "alice@local.test", FILES));
}

TEST("what is being looked at when its server goes away is taken in all the same")
{
    queue_peer_run_at(&now, server_goes);
}

static void large(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    static const char no_limit[] =
        "server sub {\n    listen 127.0.0.1:587 submission\n    limit message 0\n}\n";
    start(peer, no_limit);
    struct text bytes =
        repeated("%u hello hello hello hello hello hello hello\n", 800000, "", &arena);
    struct text file = arena_printf(&arena, TO_ALICE "%.*s", TEXT_ARG(bytes));
    EXPECT(file.length > 35 << 20);
    put(peer, "in/large", file);
    /* Settings that come meanwhile take nothing from under it. */
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && is_there(peer, "in/large"); i++) {
        set(peer, no_limit);
        queue_peer_work();
    }
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    struct text there = queue_peer_read(peer, "alice@local.test", 0, &arena);
    size_t ends = 0;
    for (size_t i = 0; i + 1 < there.length; i++)
        ends += there.data[i] == '\r' && there.data[i + 1] == '\n';
    EXPECT(ends > 800000 && there.length > bytes.length + 800000);
    EXPECT(
        text_ends_with_nocase(there, TEXT("799999 hello hello hello hello hello hello hello\r\n")));
    arena_finish(&arena);
}

TEST("without a limit a file of any size is taken whole, while settings change as well")
{
    queue_peer_run_at(&now, large);
}

/* ---- what it says of the mail ---- */

static void expect_international(struct queue_peer *peer, const char *bytes, bool is_international)
{
    struct arena arena;
    arena_init(&arena);
    put(peer, "in/mail", text_from(bytes));
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->terms.is_international == is_international);
    EXPECT(queue_peer_sent(peer, job) == OK);
    arena_finish(&arena);
}

static void international(struct queue_peer *peer)
{
    start(peer, "");
    expect_international(peer, "From: a@local.test\nTo: x@far.example\n\ngr\303\274n\n", false);
    expect_international(peer, "To: x@far.example\nSubject: gr\303\274n\n\nx\n", true);
    expect_international(peer,
                         "x-sender: j\303\274rgen@local.test\nx-receiver: x@far.example\n"
                         "From: a@local.test\n\nx\n",
                         true);
    expect_international(peer,
                         "x-sender: a@local.test\nx-receiver: j\303\274rgen@far.example\n"
                         "From: a@local.test\n\nx\n",
                         true);
}

TEST("a header, a sender or a recipient beyond ASCII makes it international mail, a body does not")
{
    queue_peer_run_at(&now, international);
}

static void without_domain(struct queue_peer *peer)
{
    struct arena arena;
    char text[500];
    arena_init(&arena);
    make(peer, "in");
    snprintf(text, sizeof(text), "host lonely.example\nlimit free-space 1MB\npickup %s/in\n",
             peer->directory);
    queue_peer_set_settings(peer, text);
    queue_peer_close(peer);
    queue_peer_open(peer);
    put(peer, "in/mail", TEXT("To: root\nSubject: x\n\nx\n"));
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->recipient_count == 1);
    EXPECT_TEXT(job->recipients[0].address, "root@lonely.example");
    EXPECT_TEXT(job->sender, "postmaster@lonely.example");
    EXPECT(queue_peer_sent(peer, job) == OK);
    arena_finish(&arena);
}

TEST("on a host without a domain of its own the host's name completes addresses")
{
    queue_peer_run_at(&now, without_domain);
}

/* ---- folders ---- */

static void make_older(const struct queue_peer *peer, const char *name, int64_t age_ms)
{
    struct timespec at = {.tv_sec = (now - age_ms) / SECOND};
    struct timespec times[2] = {at, at};
    EXPECT(utimensat(AT_FDCWD, path_of(peer, name), times, 0) == 0);
}

static void stale(struct queue_peer *peer)
{
    make(peer, "in");
    make(peer, "in/.folder.tmp");
    write_file(peer, "in/.old.tmp", TEXT("To:"));
    write_file(peer, "in/.late.TMP", TEXT("To:"));
    write_file(peer, "in/.young.tmp", TEXT("To:"));
    write_file(peer, "in/.old.eml", TEXT("To:"));
    make_older(peer, "in/.folder.tmp", 2 * DAY);
    make_older(peer, "in/.old.tmp", 2 * DAY);
    make_older(peer, "in/.late.TMP", DAY + 13 * HOUR);
    make_older(peer, "in/.young.tmp", DAY + 11 * HOUR);
    make_older(peer, "in/.old.eml", 2 * DAY);
    start_with(peer, "");
    expect_gone(peer, "in/.old.tmp");
    expect_gone(peer, "in/.late.TMP");
    EXPECT(is_there(peer, "in/.young.tmp") && is_there(peer, "in/.old.eml"));
    EXPECT(is_there(peer, "in/.folder.tmp"));
}

TEST("what nobody ended to write in a day and a half is removed, if its name says so")
{
    queue_peer_run_at(&now, stale);
}

static void comes_and_goes(struct queue_peer *peer)
{
    start_with(peer, ""); /* there is none */
    wait_a_moment();
    for (unsigned round = 1; round <= 2; round++) {
        now += LOOK_MS; /* still not */
        wait_a_moment();
        make(peer, "in");
        write_file(peer, "in/early", TEXT(TO_ALICE));
        now += LOOK_MS;
        EXPECT(queue_peer_await(peer, "alice@local.test", 2 * round - 1));
        put(peer, "in/at-once", TEXT(TO_ALICE)); /* without a look */
        EXPECT(queue_peer_await(peer, "alice@local.test", 2 * round));
        expect_gone(peer, "in/at-once");
        EXPECT(rmdir(path_of(peer, "in")) == 0);
        now += LOOK_MS;
        wait_a_moment();
    }
}

TEST("a folder that somebody makes later, or removes and makes anew, is found")
{
    queue_peer_run_at(&now, comes_and_goes);
}

static void no_bad_folder(struct queue_peer *peer)
{
    char name[300];
    make(peer, "in");
    start_with(peer, "");
    put(peer, "in/bad", TEXT("Subject: to nobody\n\nx\n"));
    find(peer, "in", ".BAD", name);
    EXPECT(!is_there(peer, "in/bad"));
    EXPECT(text_starts_with(text_from(name), TEXT("in/.")));
    put(peer, "in/good", TEXT(TO_ALICE));
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    EXPECT(is_there(peer, name)); /* it is left alone there */
}

TEST("bad mail whose folder is not there is kept where it was, out of the way")
{
    queue_peer_run_at(&now, no_bad_folder);
}

static void no_room(struct queue_peer *peer)
{
    char text[500];
    make(peer, "in");
    snprintf(text, sizeof(text),
             "host mx.local.test\nlimit free-space 1000TB\npickup %s/in\n"
             "domain local.test {\n    user alice\n}\n",
             peer->directory);
    queue_peer_set_settings(peer, text);
    queue_peer_close(peer);
    queue_peer_open(peer);
    EXPECT(queue_counts_now(peer->queue).low_space == false); /* nobody has looked yet */
    put(peer, "in/waits", TEXT(TO_ALICE));
    put(peer, "in/waits-too", TEXT(TO_ALICE));
    for (unsigned i = 0; i < 3; i++) {
        wait_a_moment();
        now += 6 * SECOND;
    }
    EXPECT(queue_counts_now(peer->queue).low_space);
    EXPECT(is_there(peer, "in/waits") && is_there(peer, "in/waits-too"));
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
    start_with(peer, "");
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
    expect_gone(peer, "in/waits");
    expect_gone(peer, "in/waits-too");
    EXPECT(!queue_counts_now(peer->queue).low_space);
}

TEST("while the disk has too little room files stay where they are, and are taken afterwards")
{
    queue_peer_run_at(&now, no_room);
}

/* ---- once ---- */

static bool remembers(struct queue_peer *peer, const char *identity)
{
    struct buffer value;
    buffer_init(&value, 100);
    bool found = value_get(queue_store(peer->queue), text_from(path_of(peer, "in")),
                           text_from(identity), &value);
    buffer_finish(&value);
    return found;
}

static void remember(struct queue_peer *peer, const char *identity)
{
    EXPECT(value_set(queue_store(peer->queue), text_from(path_of(peer, "in")), text_from(identity),
                     TEXT("taken")) == OK);
}

static void once(struct queue_peer *peer)
{
    struct stat about;
    char identity[PICKUP_IDENTITY_BYTES];
    static const char gone[] = "pickup/1.2.3.4";
    make(peer, "in");
    write_file(peer, "in/again", TEXT(TO_ALICE));
    EXPECT(stat(path_of(peer, "in/again"), &about) == 0);
    pickup_identity(&about, identity);
    remember(peer, identity);
    remember(peer, gone);
    start_with(peer, "");
    expect_gone(peer, "in/again");
    for (unsigned i = 0;
         i < QUEUE_PEER_ROUNDS && (remembers(peer, gone) || remembers(peer, identity)); i++)
        queue_peer_work();
    EXPECT(!remembers(peer, gone) && !remembers(peer, identity));
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
    write_file(peer, "in/other", TEXT(TO_ALICE));
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
}

TEST("a file that was taken before a crash is not taken twice, and is forgotten once it is gone")
{
    queue_peer_run_at(&now, once);
}
