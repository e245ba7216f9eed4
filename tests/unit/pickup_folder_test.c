/* Pickup folders that come and go, and what else than mail is in them; that nothing is taken twice.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "pickup_scene.h"
#include "queue/files/pickup_file.h"
#include "store/value.h"

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

static void touched(struct queue_peer *peer)
{
    struct stat about;
    char identity[PICKUP_IDENTITY_BYTES];
    make(peer, "in");
    write_file(peer, "in/again", TEXT(TO_ALICE));
    EXPECT(stat(path_of(peer, "in/again"), &about) == 0);
    remember(peer, pickup_identity(&about, identity));
    EXPECT(chmod(path_of(peer, "in/again"), 0640) == 0); /* somebody is still at it */
    start_with(peer, "");
    expect_gone(peer, "in/again");
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
}

TEST("nor is it when somebody has just touched it")
{
    queue_peer_run(touched);
}

/* ---- what goes away ---- */

/* We have it open, somewhere. */
static bool is_open(const struct queue_peer *peer, const char *name)
{
    char target[400], link[64];
    struct text path = text_from(path_of(peer, name));
    for (int fd = 0; fd < 200; fd++) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, target, sizeof(target));
        if (length > 0 && text_equals(text_of(target, (size_t)length), path))
            return true;
    }
    return false;
}

static void removed(struct queue_peer *peer)
{
    static char large[3 << 20];
    start(peer, "");
    wait_a_moment(); /* it is watched */
    put(peer, "in/at-once", TEXT(TO_ALICE));
    EXPECT(unlink(path_of(peer, "in/at-once")) == 0);
    wait_a_moment();
    memset(large, 'x', sizeof(large));
    for (size_t i = 70; i < sizeof(large); i += 70)
        large[i] = '\n';
    memcpy(large, TO_ALICE, sizeof(TO_ALICE) - 1);
    put(peer, "in/read", text_of(large, sizeof(large)));
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && !is_open(peer, "in/read"); i++)
        queue_peer_work();
    EXPECT(unlink(path_of(peer, "in/read")) == 0);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    put(peer, "in/after", TEXT(TO_ALICE));
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
}

TEST("a file that is removed before it is read is no mail, and one that is being read is")
{
    queue_peer_run_at(&now, removed);
}

static void no_files(struct queue_peer *peer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    start(peer, "");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path_of(peer, "in/socket"));
    EXPECT(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    EXPECT(mkfifo(path_of(peer, "in/pipe"), 0600) == 0);
    EXPECT(symlink("/etc/passwd", path_of(peer, "in/link")) == 0);
    make(peer, "in/folder");
    expect_gone(peer, "in/socket");
    expect_gone(peer, "in/pipe");
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS; i++) {
        if (readlink(path_of(peer, "in/link"), (char[10]){0}, 10) < 0 && errno == ENOENT)
            break;
        queue_peer_work();
    }
    EXPECT(!is_there(peer, "in/link") && is_there(peer, "in/folder"));
    EXPECT(queue_counts_now(peer->queue).items == 0);
    close(fd);
}

TEST("sockets, pipes and links are removed from a pickup folder, and folders are left")
{
    queue_peer_run_at(&now, no_files);
}

static void long_name(struct queue_peer *peer)
{
    char name[1200], lines[1300];
    int length = snprintf(name, sizeof(name), "%s/", peer->directory);
    for (unsigned i = 0; i < 4; i++) {
        memset(name + length, 'd', 200);
        length += 200;
        name[length] = 0;
        EXPECT(mkdir(name, 0700) == 0);
        name[length++] = '/';
    }
    snprintf(lines, sizeof(lines), "pickup %.*s\n", length - 1, name);
    snprintf(name + length, sizeof(name) - (size_t)length, "mail");
    queue_peer_add_settings(peer, lines);
    queue_peer_close(peer);
    queue_peer_open(peer);
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    EXPECT(write(fd, TO_ALICE, sizeof(TO_ALICE) - 1) > 0 && close(fd) == 0);
    for (unsigned i = 0; i < 5; i++) {
        now += LOOK_MS;
        wait_a_moment();
    }
    EXPECT(access(name, F_OK) == 0 && queue_peer_count(peer, "alice@local.test") == 0);
}

TEST("from a folder whose name is too long to be remembered nothing is taken, and nothing lost")
{
    queue_peer_run_at(&now, long_name);
}
