#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "log/file.h"
#include "queue_peer.h"
#include "store/append.h"

struct scene {
    char directory[64];
    struct task_group group;
    struct store *store;
    void (*test)(struct scene *scene);
    bool index_on_disk;
};

/* The kernel's files, but syncs fail while `disk_is_failing`. */
static bool disk_is_failing;
static int failing_sync(void *context, int fd)
{
    if (!disk_is_failing)
        return log_files_of_kernel.sync(context, fd);
    errno = EIO;
    return -1;
}
static struct log_files files;

static void open_store(struct scene *scene)
{
    task_group_init(&scene->group);
    files = log_files_of_kernel;
    files.sync = failing_sync;
    struct store_options options = {.directory = scene->directory,
                                    .index_in_memory = !scene->index_on_disk,
                                    .segment_bytes = 1 << 20,
                                    .files = &files,
                                    .group = &scene->group};
    EXPECT(store_open(&options, &scene->store) == OK);
}

static void close_store(struct scene *scene)
{
    store_close(&scene->store);
    task_group_finish(&scene->group);
}

static void scene_task(void *argument)
{
    struct scene *scene = argument;
    open_store(scene);
    scene->test(scene);
    close_store(scene);
}

static void run(void (*test)(struct scene *scene), bool index_on_disk)
{
    struct scene scene = {.test = test, .index_on_disk = index_on_disk};
    snprintf(scene.directory, sizeof(scene.directory), "/tmp/mailroot-store-XXXXXX");
    check(mkdtemp(scene.directory) != NULL);
    task_loop_run(scene_task, &scene);
    queue_peer_remove(scene.directory);
}

static struct text owner(unsigned n, char out[16])
{
    snprintf(out, 16, "user%u", n);
    return text_from(out);
}

/* A message of `size` bytes, all the byte `fill`, to one mailbox. */
static enum status put(struct scene *scene, uint64_t id, struct text to, char fill, size_t size)
{
    char *body = malloc(size + 1);
    memset(body, fill, size);
    struct mailbox *box = mailbox_find_or_make(scene->store, to, TEXT("INBOX"));
    struct change change;
    struct message_entry entry = {.date_ms = 1};
    change_init(&change);
    EXPECT(mailbox_compose(box, &change, &entry));
    struct operation operation = {.type = OPERATION_MESSAGE,
                                  .message = {.message = {.id = id, .size = size},
                                              .body_follows = true,
                                              .entries = &entry,
                                              .entry_count = 1}};
    change_add(&change, &operation);
    change.body = text_of(body, size);
    enum status status = store_commit(scene->store, &change);
    change_finish(&change);
    free(body);
    return status;
}

/* With room for nothing else too. */
static void expect_filled(struct scene *scene, uint64_t id, char fill, size_t size)
{
    struct buffer out;
    buffer_init(&out, size);
    EXPECT(store_read(scene->store, id, 0, (uint32_t)size, &out) == OK && out.length == size);
    buffer_finish(&out);
    buffer_init(&out, 4 << 20);
    EXPECT(store_read(scene->store, id, 0, 4 << 20, &out) == OK);
    EXPECT(out.length == size);
    for (size_t i = 0; i < out.length; i++)
        if (out.data[i] != fill)
            fail_msg("byte %zu differs", i);
    buffer_finish(&out);
}

static void say(void *context, const char *line)
{
    unused(context);
    print_message("%s\n", line);
}

/* A run may tell where the body stood when it was read ahead. */
static void expect_shown(struct store *store, struct derived_run *run, uint64_t message, char fill)
{
    enum { SOME = 100 };
    struct shown *shown = shown_open(store, run, message);
    struct buffer end;
    EXPECT(shown != NULL);
    buffer_init(&end, SOME);
    EXPECT(shown_read(shown, shown_size(shown) - SOME, SOME, &end) == OK);
    for (unsigned i = 0; i < SOME; i++)
        EXPECT(end.data[i] == fill);
    buffer_finish(&end);
    shown_close(&shown);
}

static void reclaim(struct scene *scene)
{
    enum { MANY = 60, SIZE = 60000 };
    char name[16];
    struct derived_run *run = derived_run_new(scene->store);
    for (unsigned i = 0; i < MANY; i++)
        EXPECT(put(scene, 1000 + i, owner(i, name), (char)('a' + i % 26), SIZE) == OK);
    struct store_space before = store_space_now(scene->store);
    expect_shown(scene->store, run, 1000, 'a');
    expect_shown(scene->store, run, 1001, 'b');
    EXPECT(store_reclaim(scene->store, false) == REFUSED); /* all of it is needed */
    for (unsigned i = 0; i < MANY; i++) {
        struct mailbox *box = mailbox_find(scene->store, owner(i, name), TEXT("INBOX"));
        EXPECT(mailbox_flag(box, 1, FLAG_FLAGGED, 0) == OK);
        if (i % 6 != 0)
            EXPECT(mailbox_expunge(box, (uint32_t[]){1}, 1) == OK);
    }
    unsigned dropped = 0;
    while (store_reclaim(scene->store, false) == OK)
        dropped++;
    EXPECT(dropped >= 2);
    expect_shown(scene->store, run, 1006, 'g');
    derived_run_free(&run);
    EXPECT(store_space_now(scene->store).log_bytes < before.log_bytes);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < MANY; i += 6) {
            expect_filled(scene, 1000 + i, (char)('a' + i % 26), SIZE);
            struct mailbox *box = mailbox_find(scene->store, owner(i, name), TEXT("INBOX"));
            mailbox_open(box);
            EXPECT(mailbox_entry_find(box, 1)->flags == FLAG_FLAGGED);
            mailbox_close(&box);
        }
        /* The second round: from the log alone. */
        close_store(scene);
        if (scene->index_on_disk)
            EXPECT(store_forget_index(scene->directory) == OK);
        open_store(scene);
    }
    struct mailbox *gone = mailbox_find(scene->store, owner(1, name), TEXT("INBOX"));
    EXPECT(gone != NULL && mailbox_uid_next(gone) == 2);
    mailbox_open(gone);
    EXPECT(mailbox_entry_find(gone, 1) == NULL);
    mailbox_close(&gone);
}

TEST("dead segments are given back, and what lives in them stays readable")
{
    run(reclaim, false);
}

TEST("the same with the index on disk, forgotten and made anew")
{
    run(reclaim, true);
}

/* Each of these has a batch of its own, and so fills whole blocks of the log. */
static void small_and_alone(struct scene *scene)
{
    enum { MANY = 1500, SIZE = 900 };
    for (unsigned i = 0; i < MANY; i++)
        EXPECT(put(scene, 1000 + i, TEXT("alice"), 's', SIZE) == OK);
    struct store_space before = store_space_now(scene->store);
    uint64_t syncs_before = log_health_now(store_log(scene->store)).syncs;
    EXPECT(before.live_bytes < before.log_bytes / 2);
    unsigned dropped = 0;
    while (store_reclaim(scene->store, false) == OK)
        EXPECT(++dropped < before.segments);
    EXPECT(dropped > 0);
    struct store_space after = store_space_now(scene->store);
    EXPECT(after.log_bytes < before.log_bytes);
    EXPECT(log_health_now(store_log(scene->store)).syncs - syncs_before < MANY / 8);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
    close_store(scene);
    EXPECT(store_forget_index(scene->directory) == OK);
    open_store(scene);
    for (unsigned i = 0; i < MANY; i += 7)
        expect_filled(scene, 1000 + i, 's', SIZE);
}

TEST("small messages that came one by one are written forward together, and that ends")
{
    run(small_and_alone, true);
}

static void add_range(void *context, uint32_t first, uint32_t last)
{
    buffer_printf(context, "%u-%u ", first, last);
}

/* What a client that was told all up to this mod-sequence hears of messages that went away. */
static void expect_vanished(struct scene *scene, uint64_t modseq, const char *expected)
{
    struct buffer out;
    struct mailbox *box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    buffer_init(&out, 1000);
    mailbox_open(box);
    mailbox_vanished(box, modseq, add_range, &out);
    mailbox_close(&box);
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
}

static void vanished_and_given_back(struct scene *scene)
{
    enum { MANY = 20, GONE = 14, SIZE = 100000 };
    uint32_t uids[GONE];
    for (uint32_t i = 0; i < MANY; i++)
        EXPECT(put(scene, 1000 + i, TEXT("alice"), 'v', SIZE) == OK);
    for (uint32_t i = 0; i < GONE; i++)
        uids[i] = i + 1;
    struct mailbox *box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    uint64_t before = mailbox_modseq(box);
    EXPECT(mailbox_expunge(box, uids, GONE) == OK);
    uint64_t after = mailbox_modseq(box);
    expect_vanished(scene, before, "1-14 ");
    expect_vanished(scene, after, "");
    EXPECT(store_reclaim(scene->store, false) == OK);
    /* The record of the removal is kept, some of the messages it removed are not. */
    EXPECT(store_verify(scene->store, say, NULL) == OK);
    close_store(scene);
    EXPECT(store_forget_index(scene->directory) == OK);
    open_store(scene);
    expect_vanished(scene, before, "1-14 ");
    expect_vanished(scene, after, "1-10 "); /* once more, which is allowed; never less */
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

TEST("a new index tells all that vanished, though the log lost some of those messages")
{
    run(vanished_and_given_back, true);
}

static void large(struct scene *scene)
{
    enum { PART = 300000, PARTS = 9 };
    char *part = malloc(PART);
    memset(part, 'L', PART);
    struct upload *upload = upload_new(scene->store, 5);
    for (unsigned i = 0; i < PARTS; i++)
        EXPECT(upload_append(upload, text_of(part, PART)) == OK);
    free(part);
    EXPECT(store_reclaim(scene->store, true) == REFUSED); /* it is being written */
    struct mailbox *box = mailbox_find_or_make(scene->store, TEXT("big"), TEXT("INBOX"));
    struct message_entry entry = {0};
    struct change change;
    struct operation operation = {.type = OPERATION_MESSAGE,
                                  .message = {.message = {.id = 5, .size = PART * PARTS},
                                              .entries = &entry,
                                              .entry_count = 1}};
    struct message *message = &operation.message.message;
    message->extents = upload_finish(upload, &message->extent_count);
    EXPECT(message->extents != NULL);
    change_init(&change);
    EXPECT(mailbox_compose(box, &change, &entry));
    change_add(&change, &operation);
    EXPECT(store_commit(scene->store, &change) == OK);
    change_finish(&change);
    upload_free(&upload);
    for (unsigned i = 0; i < 60; i++)
        EXPECT(put(scene, 100 + i, TEXT("small"), 's', 60000) == OK);
    box = mailbox_find(scene->store, TEXT("small"), TEXT("INBOX"));
    uint32_t uids[60];
    for (uint32_t i = 0; i < 60; i++)
        uids[i] = i + 1;
    EXPECT(mailbox_expunge(box, uids, 60) == OK);
    while (store_reclaim(scene->store, false) == OK)
        ;
    expect_filled(scene, 5, 'L', PART * PARTS);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

TEST("a large body in many parts is moved as one")
{
    run(large, false);
}

/* Find the needle in the file and flip a bit in it. */
static bool flip(const char *path, const char *needle)
{
    int fd = open(path, O_RDWR);
    EXPECT(fd >= 0);
    off_t size = lseek(fd, 0, SEEK_END);
    char *bytes = malloc((size_t)size);
    EXPECT(pread(fd, bytes, (size_t)size, 0) == size);
    size_t at = text_find_text(text_of(bytes, (size_t)size), text_from(needle));
    bool found = at < (size_t)size;
    char byte = found ? bytes[at] ^ 1 : 0;
    if (found)
        EXPECT(pwrite(fd, &byte, 1, (off_t)at) == 1);
    free(bytes);
    close(fd);
    return found;
}

/* Flip a bit of a run of this byte, wherever the log has it. */
static void damage(struct scene *scene, char fill)
{
    struct arena arena;
    arena_init(&arena);
    char needle[101];
    memset(needle, fill, 100);
    needle[100] = '\0';
    struct text pattern = arena_printf(&arena, "%s/log/segments/*", scene->directory);
    glob_t segments;
    bool found = false;
    EXPECT(glob(pattern.data, 0, NULL, &segments) == 0);
    for (size_t i = 0; i < segments.gl_pathc && !found; i++)
        found = flip(segments.gl_pathv[i], needle);
    globfree(&segments);
    EXPECT(found);
    arena_finish(&arena);
}

static void flipped(struct scene *scene)
{
    EXPECT(put(scene, 9, TEXT("alice"), 'Z', 5000) == OK);
    EXPECT(put(scene, 10, TEXT("alice"), 'Y', 5000) == OK);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
    damage(scene, 'Z');
    EXPECT(store_verify(scene->store, say, NULL) != OK);
}

TEST("verify finds a single flipped bit")
{
    run(flipped, false);
}

/* Any part of it: also one that is not damaged itself. */
static void expect_unreadable(struct scene *scene, uint64_t id)
{
    struct buffer out;
    buffer_init(&out, 4 << 20);
    EXPECT(store_read(scene->store, id, 0, 4 << 20, &out) == TRY_LATER);
    buffer_reset(&out, 4 << 20);
    EXPECT(store_read(scene->store, id, 4000, 10, &out) == TRY_LATER);
    buffer_finish(&out);
}

static void start_again(struct scene *scene, void (*meanwhile)(struct scene *scene))
{
    store_flush(scene->store);
    close_store(scene);
    meanwhile(scene);
    open_store(scene);
}

static void damage_z(struct scene *scene)
{
    damage(scene, 'Z');
}

static void damaged_while_stopped(struct scene *scene)
{
    enum { MANY = 40, SIZE = 60000 };
    EXPECT(put(scene, 8, TEXT("alice"), 'X', 5000) == OK);
    EXPECT(put(scene, 9, TEXT("alice"), 'Z', 5000) == OK);
    for (unsigned i = 0; i < MANY; i++)
        EXPECT(put(scene, 1000 + i, TEXT("bob"), 'b', SIZE) == OK);
    uint32_t uids[MANY];
    for (uint32_t i = 0; i < MANY; i++)
        uids[i] = i + 1;
    struct mailbox *box = mailbox_find(scene->store, TEXT("bob"), TEXT("INBOX"));
    EXPECT(mailbox_expunge(box, uids, MANY) == OK);
    expect_filled(scene, 9, 'Z', 5000);
    start_again(scene, damage_z);
    expect_unreadable(scene, 9);
    expect_filled(scene, 8, 'X', 5000);
    /* It is not written forward, under a checksum that is right. */
    EXPECT(store_reclaim(scene->store, false) == TRY_LATER);
    expect_unreadable(scene, 9);
    box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    EXPECT(mailbox_expunge(box, (uint32_t[]){2}, 1) == OK);
    EXPECT(store_reclaim(scene->store, false) == OK);
    expect_filled(scene, 8, 'X', 5000);
}

TEST("a body that was damaged while the server was stopped is not given out, nor made good")
{
    run(damaged_while_stopped, true);
}

/* The index is in memory: it is made from what the log still says. */
static void first_damaged(struct scene *scene)
{
    unsigned count;
    EXPECT(put(scene, 9, TEXT("alice"), 'Z', 5000) == OK);
    EXPECT(put(scene, 10, TEXT("alice"), 'Y', 5000) == OK);
    struct mailbox *box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    uint32_t validity = mailbox_uid_validity(box);
    start_again(scene, damage_z);
    box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    EXPECT(box != NULL && mailbox_uid_validity(box) == validity);
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    EXPECT(count == 1 && entries[0].uid == 2 && entries[0].message == 10);
    mailbox_close(&box);
    expect_filled(scene, 10, 'Y', 5000);
    EXPECT(store_verify(scene->store, say, NULL) == REFUSED);
}

TEST("a mailbox outlives the record of its first message, and verify goes on to tell the damage")
{
    run(first_damaged, false);
}

static void cut_oldest(struct scene *scene)
{
    struct arena arena;
    arena_init(&arena);
    glob_t segments;
    struct text pattern = arena_printf(&arena, "%s/log/segments/*.seg", scene->directory);
    EXPECT(glob(pattern.data, 0, NULL, &segments) == 0);
    EXPECT(truncate(segments.gl_pathv[0], 1 << 19) == 0);
    globfree(&segments);
    arena_finish(&arena);
}

static void cut_short(struct scene *scene)
{
    enum { MANY = 40, SIZE = 60000 };
    for (unsigned i = 0; i < MANY; i++)
        EXPECT(put(scene, 1000 + i, TEXT("alice"), 'c', SIZE) == OK);
    start_again(scene, cut_oldest);
    expect_filled(scene, 1000, 'c', SIZE);
    expect_unreadable(scene, 1015);
    expect_filled(scene, 1000 + MANY - 1, 'c', SIZE);
}

TEST("what stood behind the end of a segment that was cut short is not given out as zeros")
{
    run(cut_short, true);
}

static void collect(void *context, int64_t wall_ms, struct text event, struct text text)
{
    unused(wall_ms);
    struct buffer *out = context;
    buffer_printf(out, "%.*s(%.*s)", TEXT_ARG(event), TEXT_ARG(text));
}

static bool finds(struct scene *scene, const char *address, int64_t since_ms, uint64_t id)
{
    uint64_t found[4];
    return store_find_address(scene->store, text_from(address), since_ms, found, 4) == 1 &&
           found[0] == id;
}

/* Whole addresses are found, in any case, and those told of since then alone. */
static void found_by_address(struct scene *scene, uint64_t first)
{
    uint64_t second = id_new(first), found[1];
    store_story(scene->store, first, TEXT("accepted"), TEXT("from=<Ann@x.example> size=1"));
    store_story(scene->store, second, TEXT("sent"),
                TEXT("recipient=bob@x.example reply=\"250 ok\""));
    store_story(scene->store, second, TEXT("failed"), TEXT("reply=\"no joann@x.example.\""));
    store_story_flush(scene->store);
    EXPECT(finds(scene, "ann@X.example", 0, first));
    EXPECT(finds(scene, "bob@x.example", 0, second));
    EXPECT(finds(scene, "joann@x.example", id_time_ms(second), second));
    EXPECT(!finds(scene, "ob@x.example", 0, second) && !finds(scene, "bob@x.ex", 0, second));
    EXPECT(!finds(scene, "bob@x.example", id_time_ms(second) + 1, second));
    EXPECT(store_find_address(scene->store, TEXT("@x.example"), 0, found, 1) == 1);
    EXPECT(found[0] == second);
}

static void stories(struct scene *scene)
{
    struct buffer out;
    uint64_t id = id_new(0), ids[4];
    buffer_init(&out, 10000);
    store_story(scene->store, id, TEXT("one"), TEXT("a=1"));
    store_story_flush(scene->store);
    store_story(scene->store, id, TEXT("two"), TEXT("b=2"));
    store_story_flush(scene->store);
    EXPECT(store_stories(scene->store, id, collect, &out));
    EXPECT_TEXT(buffer_text(&out), "one(a=1)two(b=2)");
    struct change change;
    struct operation told = {.type = OPERATION_STORY,
                             .story = {.id = id,
                                       .event = TEXT("accepted"),
                                       .message_id_hash = store_message_id_hash(TEXT("<m@x>"))}};
    change_init(&change);
    change_add(&change, &told);
    EXPECT(store_commit(scene->store, &change) == OK);
    EXPECT(store_find_message_id(scene->store, TEXT("<m@x>"), ids, 4) == 1 && ids[0] == id);
    found_by_address(scene, id);
    EXPECT(store_expire_stories(scene->store, id_time_ms(id) + 1) == OK);
    EXPECT(!store_stories(scene->store, id, collect, &out));
    EXPECT(store_find_message_id(scene->store, TEXT("<m@x>"), ids, 4) == 0);
    buffer_finish(&out);
}

TEST("stories are told in order, found by Message-ID, and expire")
{
    run(stories, false);
}

static struct scene *shared;

static void put_many(void *argument)
{
    unsigned start = *(unsigned *)argument;
    for (unsigned i = 0; i < 50; i++)
        EXPECT(put(shared, start + i, TEXT("alice"), 'x', 100) == OK);
}

static void together(struct scene *scene)
{
    struct task_group group;
    unsigned starts[20];
    shared = scene;
    task_group_init(&group);
    for (unsigned i = 0; i < 20; i++) {
        starts[i] = 1000 + i * 1000;
        task_spawn(&group, "put", put_many, &starts[i]);
    }
    task_group_wait(&group, NO_DEADLINE);
    struct mailbox *box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    unsigned count;
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    EXPECT(count == 1000);
    for (unsigned i = 0; i < count; i++)
        EXPECT(entries[i].uid == i + 1);
    mailbox_close(&box);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

TEST("many at once get UIDs in the order of the log, without a gap or a double")
{
    run(together, true);
}

static unsigned failures;

static void put_failing(void *argument)
{
    if (put(shared, *(unsigned *)argument, TEXT("alice"), 'f', 100) == TRY_LATER)
        failures++;
}

static void failed_commits(struct scene *scene)
{
    struct task_group group;
    unsigned ids[10];
    shared = scene;
    failures = 0;
    log_setup("test", LOG_LEVEL_ERROR + 1);
    EXPECT(put(scene, 1, TEXT("alice"), 'a', 100) == OK);
    disk_is_failing = true;
    task_group_init(&group);
    for (unsigned i = 0; i < 10; i++) {
        ids[i] = 50 + i;
        task_spawn(&group, "put", put_failing, &ids[i]);
    }
    task_group_wait(&group, NO_DEADLINE);
    disk_is_failing = false;
    EXPECT(failures == 10);
    EXPECT(put(scene, 2, TEXT("alice"), 'b', 100) == OK);
    for (unsigned round = 0; round < 2; round++) {
        struct mailbox *box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
        unsigned count;
        mailbox_open(box);
        const struct mailbox_entry *entries = mailbox_entries(box, &count);
        EXPECT(count == 2 && entries[0].message == 1 && entries[1].message == 2);
        EXPECT(entries[0].uid == 1 && entries[1].uid == 12);
        mailbox_close(&box);
        EXPECT(store_verify(scene->store, say, NULL) == OK);
        close_store(scene);
        open_store(scene);
    }
    log_setup("test", LOG_LEVEL_ERROR);
}

TEST("what could not be written leaves nothing behind, and its UIDs stay unused")
{
    run(failed_commits, false);
}

static void upload_fails(struct scene *scene)
{
    unsigned count;
    log_setup("test", LOG_LEVEL_ERROR + 1);
    struct upload *upload = upload_new(scene->store, 5);
    EXPECT(upload_append(upload, TEXT("lost")) == OK);
    disk_is_failing = true;
    EXPECT(put(scene, 7, TEXT("alice"), 'f', 100) == TRY_LATER);
    disk_is_failing = false;
    /* Its number goes to another record; the part must not take that one for itself. */
    EXPECT(put(scene, 8, TEXT("alice"), 'g', 100) == OK);
    EXPECT(upload_append(upload, TEXT("kept")) == OK);
    EXPECT(upload_finish(upload, &count) == NULL);
    upload_free(&upload);
    log_setup("test", LOG_LEVEL_ERROR);
}

TEST("a large message whose first part was lost is not accepted")
{
    run(upload_fails, false);
}

/* A message of what was uploaded. Does not yield up to the append. */
static enum status commit_upload(struct scene *scene, struct upload *upload, uint64_t id)
{
    struct mailbox *box = mailbox_find_or_make(scene->store, TEXT("alice"), TEXT("INBOX"));
    struct message_entry entry = {.date_ms = 1};
    struct change change;
    struct operation operation = {.type = OPERATION_MESSAGE,
                                  .message = {.message = {.id = id, .size = upload_size(upload)},
                                              .entries = &entry,
                                              .entry_count = 1}};
    struct message *message = &operation.message.message;
    message->extents = upload_extents(upload, &message->extent_count);
    EXPECT(message->extents != NULL);
    change_init(&change);
    EXPECT(mailbox_compose(box, &change, &entry));
    change_add(&change, &operation);
    enum status status = store_commit(scene->store, &change);
    change_finish(&change);
    return status;
}

static void one_sync(struct scene *scene)
{
    enum { PART = 100000 };
    static char part[PART];
    memset(part, 'x', sizeof(part));
    EXPECT(put(scene, 4, TEXT("alice"), 'a', 100) == OK);
    uint64_t syncs = log_health_now(store_log(scene->store)).syncs;
    struct upload *upload = upload_new(scene->store, 5);
    for (unsigned i = 0; i < 3; i++)
        EXPECT(upload_append(upload, text_of(part, PART)) == OK);
    EXPECT(commit_upload(scene, upload, 5) == OK);
    upload_free(&upload);
    EXPECT(log_health_now(store_log(scene->store)).syncs == syncs + 1);
    for (unsigned round = 0; round < 2; round++) {
        expect_filled(scene, 5, 'x', 3 * PART);
        EXPECT(store_verify(scene->store, say, NULL) == OK);
        close_store(scene);
        open_store(scene);
    }
}

TEST("a large message and its record are made durable by one sync")
{
    run(one_sync, false);
}

static void failed_with_parts(struct scene *scene)
{
    struct arena arena;
    struct message message;
    unsigned count;
    arena_init(&arena);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    struct upload *upload = upload_new(scene->store, 5);
    EXPECT(upload_append(upload, TEXT("lost")) == OK);
    disk_is_failing = true;
    EXPECT(commit_upload(scene, upload, 5) == TRY_LATER);
    disk_is_failing = false;
    /* Before its number goes to another record, and afterwards. */
    EXPECT(upload_extents(upload, &count) == NULL);
    EXPECT(put(scene, 6, TEXT("alice"), 'f', 100) == OK);
    EXPECT(upload_extents(upload, &count) == NULL);
    upload_free(&upload);
    for (unsigned round = 0; round < 2; round++) {
        EXPECT(!store_message(scene->store, 5, &arena, &message));
        expect_filled(scene, 6, 'f', 100);
        EXPECT(store_verify(scene->store, say, NULL) == OK);
        close_store(scene);
        open_store(scene);
    }
    log_setup("test", LOG_LEVEL_ERROR);
    arena_finish(&arena);
}

TEST("a large message whose parts could not be written is not there, nor is its record")
{
    run(failed_with_parts, false);
}

static void parts_lost_unseen(struct scene *scene)
{
    unsigned count;
    log_setup("test", LOG_LEVEL_ERROR + 1);
    struct upload *upload = upload_new(scene->store, 5);
    EXPECT(upload_append(upload, TEXT("lost")) == OK);
    disk_is_failing = true;
    EXPECT(put(scene, 6, TEXT("alice"), 'f', 100) == TRY_LATER);
    disk_is_failing = false;
    EXPECT(upload_extents(upload, &count) == NULL);
    upload_free(&upload);
    log_setup("test", LOG_LEVEL_ERROR);
}

TEST("a part that failed is known for it before another record has its number")
{
    run(parts_lost_unseen, false);
}

static uint64_t next_id(void *context)
{
    return ++*(uint64_t *)context;
}

static enum status replace(struct scene *scene, uint32_t uid, uint64_t *last_id)
{
    struct mailbox *box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    struct append *append = append_new(scene->store, next_id, last_id);
    uint32_t first;
    append_begin(append, 0, NULL, 0, 1000);
    EXPECT(append_bytes(append, TEXT("Subject: two\r\n\r\n")) == OK);
    EXPECT(append_end(append, false) == OK);
    append_replaces(append, mailbox_id(box), uid);
    enum status status = append_commit(append, box, &first);
    append_free(&append);
    return status;
}

static void expect_only(struct scene *scene, uint32_t uid)
{
    unsigned count;
    struct mailbox *box = mailbox_find(scene->store, TEXT("alice"), TEXT("INBOX"));
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    EXPECT(count == 1 && entries[0].uid == uid);
    mailbox_close(&box);
}

static void replacement_fails(struct scene *scene)
{
    uint64_t last_id = 100;
    EXPECT(put(scene, 7, TEXT("alice"), 'a', 100) == OK);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    disk_is_failing = true;
    EXPECT(replace(scene, 1, &last_id) == TRY_LATER);
    disk_is_failing = false;
    log_setup("test", LOG_LEVEL_ERROR);
    expect_only(scene, 1);
    EXPECT(replace(scene, 1, &last_id) == OK);
    expect_only(scene, 3);
    EXPECT(replace(scene, 3, &last_id) == OK);
    expect_only(scene, 4);
    close_store(scene);
    open_store(scene);
    expect_only(scene, 4);
}

TEST("a message is replaced, or both stay as they were")
{
    run(replacement_fails, false);
}

struct watching {
    const struct scene *scene;
    bool is_over, was_seen;
};

static void watch_store(void *argument)
{
    struct watching *watching = argument;
    for (; !watching->is_over; task_yield())
        watching->was_seen = watching->was_seen || watching->scene->store != NULL;
}

static void nothing_opens(struct scene *scene)
{
    char lock[96];
    struct store_options options = {
        .directory = scene->directory, .index_in_memory = true, .group = &scene->group};
    struct watching watching = {.scene = scene};
    close_store(scene);
    snprintf(lock, sizeof(lock), "%s/log/log.lock", scene->directory);
    check(unlink(lock) == 0 && mkdir(lock, 0700) == 0);
    task_group_init(&scene->group);
    task_spawn(&scene->group, "watch", watch_store, &watching);
    EXPECT(store_open(&options, &scene->store) == TRY_LATER);
    watching.is_over = true;
    task_group_finish(&scene->group);
    EXPECT(!watching.was_seen);
    check(rmdir(lock) == 0);
    open_store(scene);
}

TEST("a store that does not open is nobody's while it is closed")
{
    run(nothing_opens, false);
}
