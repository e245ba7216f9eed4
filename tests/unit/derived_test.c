/* What is read ahead of many messages is what asking for each of them tells. */
#include <string.h>

#include "base/check.h"
#include "log/memory_disk.h"
#include "store/append.h"
#include "store/derived.h"
#include "store/hierarchy.h"
#include "test.h"

enum { MESSAGES = 1200, FIRST_ID = 1000, ASKED = 3000, LARGE_BYTES = 200 << 10 };

static struct world {
    struct memory_disk *disk;
    struct task_group group;
    struct store *store;
    uint64_t last_id;
    uint32_t state;
    void (*test)(void);
} world;

static unsigned pick(unsigned below)
{
    world.state = world.state * 1664525 + 1013904223;
    return (world.state >> 8) % below;
}

static uint64_t new_id(void *context)
{
    unused(context);
    return ++world.last_id;
}

static void fill_mailbox(void)
{
    struct mailbox *box =
        mailbox_find_or_make(world.store, TEXT("alice@example.test"), TEXT("INBOX"));
    struct append *append = append_new(world.store, new_id, NULL);
    uint32_t uid;
    for (unsigned i = 0; i < MESSAGES; i++) {
        append_begin(append, 0, NULL, 0, INT64_C(1700000000000));
        check(append_bytes(append, TEXT("Subject: a\r\n\r\nb\r\n")) == OK &&
              append_end(append, i + 1 < MESSAGES) == OK);
    }
    check(append_commit(append, box, &uid) == OK);
    append_free(&append);
}

/* A value that is of this message and kind alone; length: at least 9. */
static void keep(uint64_t message, enum derived_kind kind, size_t length)
{
    static char bytes[LARGE_BYTES];
    memset(bytes, 'a' + (int)(message % 26), length);
    memcpy(bytes, &message, sizeof(message));
    bytes[sizeof(message)] = (char)kind;
    derived_put(world.store, message, kind, text_of(bytes, length));
}

static void expect_same(struct derived_run *run, uint64_t message, enum derived_kind kind)
{
    struct buffer one, other;
    buffer_init(&one, DERIVED_BYTES_MAX);
    buffer_init(&other, DERIVED_BYTES_MAX);
    bool is_there = derived_get(world.store, message, kind, &one);
    EXPECT(derived_run_get(run, message, kind, &other) == is_there);
    EXPECT(!is_there || text_equals(buffer_text(&one), buffer_text(&other)));
    buffer_finish(&one);
    buffer_finish(&other);
}

/* In steps of up to `most` messages, from the first to the last. */
static void walk(unsigned most)
{
    struct derived_run *run = derived_run_new(world.store);
    for (uint64_t message = FIRST_ID; message <= world.last_id; message += 1 + pick(most)) {
        expect_same(run, message, DERIVED_HEADER);
        expect_same(run, message, DERIVED_GRAMS);
    }
    derived_run_free(&run);
}

static void ask_in_all_orders(void)
{
    fill_mailbox();
    walk(1); /* there are none */
    for (uint64_t message = FIRST_ID; message <= world.last_id; message++) {
        if (pick(8) > 0)
            keep(message, DERIVED_HEADER, 9 + pick(600));
        if (pick(2) > 0)
            keep(message, DERIVED_GRAMS, pick(40) == 0 ? LARGE_BYTES : 9 + pick(2000));
    }
    walk(1);
    walk(3);
    walk(200);
    struct derived_run *run = derived_run_new(world.store);
    for (unsigned i = 0; i < ASKED; i++)
        expect_same(run, FIRST_ID + pick(MESSAGES + 20), 1 + pick(DERIVED_KINDS - 1));
    derived_run_free(&run);
}

static void ask_while_they_are_kept(void)
{
    struct derived_run *run = derived_run_new(world.store);
    fill_mailbox();
    for (uint64_t message = FIRST_ID; message <= world.last_id; message++) {
        expect_same(run, message, DERIVED_STRUCTURE);
        keep(message, DERIVED_STRUCTURE, 40);
        if (message + 2 <= world.last_id)
            keep(message + 2, DERIVED_STRUCTURE, 40);
        expect_same(run, message, DERIVED_STRUCTURE);
    }
    derived_run_free(&run);
}

static void run(void *argument)
{
    unused(argument);
    task_group_init(&world.group);
    struct store_options options = {.directory = "/tmp",
                                    .index_in_memory = true,
                                    .segment_bytes = 8 << 20,
                                    .files = memory_disk_files(world.disk),
                                    .group = &world.group};
    check(store_open(&options, &world.store) == OK);
    world.test();
    store_close(&world.store);
    task_group_finish(&world.group);
}

static void in_world(void (*test)(void))
{
    world = (struct world){
        .disk = memory_disk_new(), .last_id = FIRST_ID - 1, .state = 5, .test = test};
    task_loop_run(run, NULL);
    memory_disk_free(&world.disk);
}

TEST("what is read ahead is what asking for each message tells, in whatever order")
{
    in_world(ask_in_all_orders);
}

TEST("what is kept after others were read ahead is found")
{
    in_world(ask_while_they_are_kept);
}
