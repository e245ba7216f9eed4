/* Index, store and directory on a file system that is really full: a small tmpfs of this process's
 * own. Skipped where a process may not mount one. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "directory/state.h"
#include "directory_scene.h"
#include "index/engine.h"
#include "store/mailbox.h"
#include "store/store.h"

enum { DISK_BYTES = 96 << 20 };

/* Before any thread is made, for threads keep the name space they started in. */
static bool may_mount(void)
{
    static bool asked, may;
    if (!asked)
        may = (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
              mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
    asked = true;
    return may;
}

static void mount_disk(char *directory)
{
    char options[64];
    EXPECT(mkdtemp(directory) != NULL);
    snprintf(options, sizeof(options), "size=%d,mode=755", DISK_BYTES);
    if (!may_mount() || mount("full-disk-test", directory, "tmpfs", 0, options) != 0) {
        rmdir(directory);
        skip();
    }
}

static void unmount_disk(const char *directory)
{
    EXPECT(umount2(directory, MNT_DETACH) == 0);
    rmdir(directory);
}

static void fill(const char *directory)
{
    char path[100];
    static char block[1 << 16];
    snprintf(path, sizeof(path), "%s/filler", directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, block, sizeof(block)) > 0)
        ;
    EXPECT(errno == ENOSPC);
    close(fd);
}

static void make_room(const char *directory)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/filler", directory);
    EXPECT(unlink(path) == 0);
}

/* ---- A store whose index fails ---- */

struct store_scene {
    char directory[32], path[64];
    struct task_group group;
    struct store *store;
    void (*play)(struct store_scene *scene);
    bool is_full;
};
static struct store_scene scenes_after_failure[2];

static void open_store(struct store_scene *scene)
{
    task_group_init(&scene->group);
    struct store_options options = {
        .directory = scene->path, .segment_bytes = 1 << 20, .group = &scene->group};
    EXPECT(store_open(&options, &scene->store) == OK);
}

static void close_store(struct store_scene *scene)
{
    store_close(&scene->store);
    task_group_finish(&scene->group);
}

static void store_main(void *argument)
{
    struct store_scene *scene = argument;
    open_store(scene);
    scene->play(scene);
    close_store(scene);
}

static void run_store(void (*play)(struct store_scene *scene))
{
    struct store_scene scene = {.directory = "/tmp/full-disk-XXXXXX", .play = play};
    mount_disk(scene.directory);
    snprintf(scene.path, sizeof(scene.path), "%s/store", scene.directory);
    task_loop_run(store_main, &scene);
    unmount_disk(scene.directory);
}

static struct mailbox *inbox(struct store_scene *scene)
{
    return mailbox_find_or_make(scene->store, TEXT("user"), TEXT("INBOX"));
}

static void put(struct store_scene *scene, uint64_t id)
{
    static char body[50000];
    memset(body, (int)id, sizeof(body));
    struct change change;
    struct message_entry entry = {.date_ms = 1};
    struct mailbox *box = inbox(scene);
    change_init(&change);
    EXPECT(mailbox_compose(box, &change, &entry));
    struct operation operation = {.type = OPERATION_MESSAGE,
                                  .message = {.message = {.id = id, .size = sizeof(body)},
                                              .body_follows = true,
                                              .entries = &entry,
                                              .entry_count = 1}};
    change_add(&change, &operation);
    change.body = text_of(body, sizeof(body));
    EXPECT(store_commit(scene->store, &change) == OK);
    change_finish(&change);
}

static void expect_message(struct store_scene *scene, uint64_t id, bool is_there)
{
    struct buffer out;
    buffer_init(&out, 50000);
    enum status status = store_read(scene->store, id, 0, 50000, &out);
    EXPECT((status == OK) == is_there);
    EXPECT(!is_there || (out.length == 50000 && out.data[49999] == (char)id));
    buffer_finish(&out);
}

static void fail_index(struct store_scene *scene)
{
    put(scene, 1);
    store_flush(scene->store);
    put(scene, 2);
    if (scene->is_full)
        fill(scene->directory);
    index_fail(store_index(scene->store), "a test", "failed");
    put(scene, 3);
    _exit(0); /* not reached */
}

static void read_failing_index(struct store_scene *scene)
{
    put(scene, 1);
    index_fail(store_index(scene->store), "a test", "failed");
    expect_message(scene, 1, true);
    _exit(0); /* not reached */
}

static void look_after_failure(struct store_scene *scene)
{
    expect_message(scene, 1, true);
    expect_message(scene, 2, true);
    expect_message(scene, 3, false); /* nobody was told that it is there */
}

/* The process that has the store ends by itself; returns whether its index was there after that. */
static bool index_outlives_failure(bool is_full)
{
    struct store_scene scene = {.directory = "/tmp/full-disk-XXXXXX", .is_full = is_full};
    char path[100];
    mount_disk(scene.directory);
    snprintf(scene.path, sizeof(scene.path), "%s/store", scene.directory);
    pid_t child = fork();
    scene.play = child == 0 ? fail_index : look_after_failure;
    if (child == 0)
        task_loop_run(store_main, &scene);
    int how;
    EXPECT(waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 70);
    snprintf(path, sizeof(path), "%s/index/CURRENT", scene.path);
    bool is_there = access(path, F_OK) == 0;
    scenes_after_failure[is_full] = scene;
    return is_there;
}

/* These stand first: a forked child lacks the threads of its parent. */
TEST("a store whose index fails ends, and leaves no index that could fail again")
{
    EXPECT(!index_outlives_failure(false));
}

TEST("a store whose index can't be read ends before it tells anybody that nothing is there")
{
    struct store_scene scene = {.directory = "/tmp/full-disk-XXXXXX", .play = read_failing_index};
    mount_disk(scene.directory);
    snprintf(scene.path, sizeof(scene.path), "%s/store", scene.directory);
    pid_t child = fork();
    if (child == 0)
        task_loop_run(store_main, &scene);
    int how;
    EXPECT(waitpid(child, &how, 0) == child && WIFEXITED(how) && WEXITSTATUS(how) == 70);
    unmount_disk(scene.directory);
}

TEST("on a full disk the index is kept, for it is not at fault")
{
    EXPECT(index_outlives_failure(true));
}

TEST("either is served again by the next start, with all that was committed")
{
    for (unsigned i = 0; i < 2; i++) {
        struct store_scene *scene = &scenes_after_failure[i];
        if (scene->play == NULL)
            skip();
        task_loop_run(store_main, scene);
        unmount_disk(scene->directory);
    }
}

/* ---- The index ---- */

static void put_large(struct index *index, uint64_t number)
{
    static char value[1 << 16];
    char key[24];
    struct index_batch *batch = index_batch_new(index);
    snprintf(key, sizeof(key), "k%llu", (unsigned long long)number);
    memset(value, (int)number, sizeof(value));
    index_batch_put(batch, text_from(key), text_of(value, sizeof(value)));
    EXPECT(index_batch_apply(batch, number) == OK);
    index_batch_free(&batch);
}

TEST("an index that runs into a full disk goes on, and keeps what was flushed before")
{
    char directory[] = "/tmp/full-disk-XXXXXX", path[64];
    mount_disk(directory);
    snprintf(path, sizeof(path), "%s/index", directory);
    struct index *index;
    EXPECT(index_open(path, &index) == OK && !index_is_stand_in(index));
    put_large(index, 1);
    EXPECT(index_settle(index) == OK && index_flush(index) == OK);
    fill(directory);
    for (uint64_t number = 2; number <= 400; number++) /* more than is kept back otherwise */
        put_large(index, number);
    EXPECT(index_settle(index) == OK && index_flush(index) == OK && index_failed(index) == NULL);
    struct buffer value;
    buffer_init(&value, 1 << 16);
    EXPECT(index_get(index, TEXT("k400"), &value) && index_applied(index) == 400);
    index_close(&index);
    EXPECT(index_open(path, &index) == OK && index_is_stand_in(index));
    EXPECT(index_applied(index) == 0 && !index_get(index, TEXT("k1"), &value));
    put_large(index, 5);
    EXPECT(index_settle(index) == OK && index_flush(index) == OK &&
           index_get(index, TEXT("k5"), &value));
    index_close(&index);
    make_room(directory);
    EXPECT(index_open(path, &index) == OK && !index_is_stand_in(index));
    EXPECT(index_applied(index) == 1 && index_get(index, TEXT("k1"), &value));
    EXPECT(!index_get(index, TEXT("k5"), &value));
    index_close(&index);
    buffer_finish(&value);
    unmount_disk(directory);
}

/* Of the file that names the tables: it grows once a flush is done. */
static off_t manifest_bytes(const char *path)
{
    char pattern[80];
    glob_t found;
    struct stat about;
    snprintf(pattern, sizeof(pattern), "%s/MANIFEST-*", path);
    EXPECT(glob(pattern, 0, NULL, &found) == 0 && stat(found.gl_pathv[0], &about) == 0);
    globfree(&found);
    return about.st_size;
}

static void wait_for_table(const char *path, off_t manifest_before)
{
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    while (manifest_bytes(path) == manifest_before) {
        EXPECT(clock_monotonic_ms() < deadline_ms);
        usleep(1000);
    }
}

TEST("with room an index flushes by itself before RocksDB would")
{
    char directory[] = "/tmp/full-disk-XXXXXX", path[64];
    mount_disk(directory);
    snprintf(path, sizeof(path), "%s/index", directory);
    struct index *index;
    EXPECT(index_open(path, &index) == OK);
    off_t manifest_before = manifest_bytes(path);
    for (uint64_t number = 1; number <= 400; number++)
        put_large(index, number);
    wait_for_table(path, manifest_before);
    fill(directory); /* so that closing flushes nothing */
    index_close(&index);
    make_room(directory);
    EXPECT(index_open(path, &index) == OK);
    EXPECT(index_applied(index) > 0 && index_applied(index) < 400);
    index_close(&index);
    unmount_disk(directory);
}

TEST("an index that was never made opens on a full disk")
{
    char directory[] = "/tmp/full-disk-XXXXXX", path[64];
    mount_disk(directory);
    snprintf(path, sizeof(path), "%s/index", directory);
    fill(directory);
    struct index *index;
    EXPECT(index_open(path, &index) == OK && index_is_stand_in(index));
    index_close(&index);
    unmount_disk(directory);
}

/* ---- The store on a full disk ---- */

static void say(void *context, const char *line)
{
    unused(context);
    print_message("%s\n", line);
}

static void wait_for_disk(struct store_scene *scene)
{
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    while (index_is_stand_in(store_index(scene->store)) && clock_monotonic_ms() < deadline_ms)
        task_sleep(10);
    EXPECT(!index_is_stand_in(store_index(scene->store)));
}

enum { MANY = 100, KEPT_EVERY = 10 };

static void expunge_most(struct store_scene *scene)
{
    for (uint32_t uid = 1; uid <= MANY; uid++)
        if (uid % KEPT_EVERY != 0)
            EXPECT(mailbox_expunge(inbox(scene), &uid, 1) == OK);
}

static void expect_kept(struct store_scene *scene)
{
    for (uint32_t uid = 1; uid <= MANY; uid++)
        expect_message(scene, 1000 + uid, uid % KEPT_EVERY == 0);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

/* The index on disk knows all messages; what is done to them it never learns, and then the log
 * forgets it as well. */
static void segments_go(struct store_scene *scene)
{
    for (unsigned i = 1; i <= MANY; i++)
        put(scene, 1000 + i);
    close_store(scene);
    fill(scene->directory);
    open_store(scene);
    EXPECT(index_is_stand_in(store_index(scene->store)));
    uint64_t first = log_first_segment(store_log(scene->store));
    expunge_most(scene);
    while (store_reclaim(scene->store, true) == OK)
        continue;
    EXPECT(log_first_segment(store_log(scene->store)) > first + 3);
    expect_kept(scene);
}

static void returns_running(struct store_scene *scene)
{
    segments_go(scene);
    make_room(scene->directory);
    put(scene, 2000);
    wait_for_disk(scene);
    put(scene, 2001);
    expect_kept(scene);
    close_store(scene);
    open_store(scene);
    EXPECT(!index_is_stand_in(store_index(scene->store)));
    expect_message(scene, 2000, true);
    expect_message(scene, 2001, true);
    expect_kept(scene);
}

TEST("a store on a full disk serves, gives segments back, and returns to disk while it runs")
{
    run_store(returns_running);
}

static void returns_at_start(struct store_scene *scene)
{
    segments_go(scene);
    close_store(scene);
    make_room(scene->directory);
    open_store(scene);
    EXPECT(!index_is_stand_in(store_index(scene->store)));
    expect_kept(scene);
}

TEST("what was deleted while the index was in memory is not brought back by the one on disk")
{
    run_store(returns_at_start);
}

static void changes_go_on(struct store_scene *scene)
{
    put(scene, 1);
    close_store(scene);
    fill(scene->directory);
    open_store(scene);
    EXPECT(index_is_stand_in(store_index(scene->store)));
    make_room(scene->directory);
    struct mailbox *box = inbox(scene);
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    for (uint32_t flags = 0; index_is_stand_in(store_index(scene->store)); flags ^= FLAG_FLAGGED) {
        EXPECT(clock_monotonic_ms() < deadline_ms);
        EXPECT(mailbox_flag(box, 1, flags, FLAG_FLAGGED & ~flags) == OK);
        task_sleep(1);
    }
    EXPECT(store_verify(scene->store, say, NULL) == OK); /* at once */
    EXPECT(mailbox_flag(box, 1, FLAG_SEEN, 0) == OK);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

TEST("changes made while a store returns to disk are in both")
{
    run_store(changes_go_on);
}

/* ---- The directory ---- */

static void users(struct scene *scene)
{
    add_user(scene, "alice@example.test");
    directory_close(&scene->directory);
    fill(scene->path);
    scene_open(scene);
    EXPECT(index_is_stand_in(scene->directory->index));
    EXPECT(directory_user_exists(scene->directory, TEXT("alice@example.test")));
    add_user(scene, "carol@example.test");
    make_room(scene->path);
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    while (index_is_stand_in(scene->directory->index) && clock_monotonic_ms() < deadline_ms) {
        EXPECT(directory_user_exists(scene->directory, TEXT("carol@example.test")));
        task_sleep(1);
    }
    EXPECT(!index_is_stand_in(scene->directory->index));
    add_user(scene, "dave@example.test");
    directory_close(&scene->directory);
    scene_open(scene);
    EXPECT(!index_is_stand_in(scene->directory->index));
    EXPECT(directory_user_exists(scene->directory, TEXT("alice@example.test")) &&
           directory_user_exists(scene->directory, TEXT("carol@example.test")) &&
           directory_user_exists(scene->directory, TEXT("dave@example.test")));
    /* Closed while it waits for room. */
    directory_close(&scene->directory);
    fill(scene->path);
    scene_open(scene);
}

TEST("a directory on a full disk answers and changes, and returns to disk by itself")
{
    struct scene scene = {.path = "/tmp/full-disk-XXXXXX", .play = users};
    mount_disk(scene.path);
    scene.settings = scene_settings("domain example.test {\n}\n");
    task_loop_run(scene_main, &scene);
    settings_release(&scene.settings);
    unmount_disk(scene.path);
}
