/* Changes that are on their way while others look, and space that is given back meanwhile. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/logline.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store/value.h"
#include "store_world.h"
#include "task/simulation.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

static struct mailbox *make(struct store_world *world, const char *name)
{
    EXPECT(mailbox_create(world->store, ALICE, text_from(name), 0) == NAMING_DONE);
    return mailbox_find(world->store, ALICE, text_from(name));
}

/* ---- What is known of a change before it is applied ---- */

static void expect_told(struct store_world *world, struct operation operation, bool of_message,
                        bool of_mailbox, bool of_value)
{
    struct store *store = world->store;
    uint64_t mailbox = mailbox_id(world_inbox(world));
    struct change change;
    struct pending pending;
    change_init(&change);
    change_add(&change, &operation);
    store_append(store, &change, &pending);
    EXPECT(store_is_pending(store, 1000) == of_message);
    EXPECT(store_mailbox_is_pending(store, mailbox) == of_mailbox);
    EXPECT(!store_mailbox_is_pending(store, mailbox + 1));
    EXPECT(!store_expunge_is_pending(store, mailbox + 1));
    EXPECT(store_value_is_pending(store, ALICE, TEXT("note/a")) == of_value);
    EXPECT(!store_value_is_pending(store, ALICE, TEXT("note/b")));
    EXPECT(!store_value_is_pending(store, TEXT("bob"), TEXT("note/a")));
    EXPECT(store_wait(store, &pending) == OK);
    EXPECT(!store_is_pending(store, 1000));
    change_finish(&change);
}

static void on_their_way(struct store_world *world)
{
    uint32_t uid = 1;
    struct uid_range range = {2, 2};
    struct copied_entry entry = {.message = 1001, .uid = 4};
    struct mailbox *box = world_inbox(world);
    world_fill(world, box, 3);
    uint64_t id = mailbox_id(box), gone = mailbox_id(make(world, "gone"));
    struct message message = {.id = 1000};
    expect_told(
        world,
        (struct operation){.type = OPERATION_VALUE, .value = {ALICE, TEXT("note/a"), TEXT("v")}},
        false, false, true);
    expect_told(
        world,
        (struct operation){.type = OPERATION_FLAGS, .flags = {id, 50, FLAG_SEEN, 0, &range, 1}},
        true, true, false);
    expect_told(world, (struct operation){.type = OPERATION_COPY, .copy = {id, 51, &entry, 1}},
                true, false, false);
    expect_told(world, (struct operation){.type = OPERATION_MAILBOX_DELETE, .mailbox_delete = gone},
                true, false, false);
    expect_told(world, (struct operation){.type = OPERATION_ITEM, .item = {1000, 1, TEXT("v")}},
                true, false, false);
    expect_told(world, (struct operation){.type = OPERATION_ITEM, .item = {1001, 1, TEXT("v")}},
                false, false, false);
    message.id = 1001;
    expect_told(world, (struct operation){.type = OPERATION_MESSAGE, .message.message = message},
                false, false, false);
    message.id = 1000;
    expect_told(world, (struct operation){.type = OPERATION_MESSAGE, .message.message = message},
                true, false, false);
    expect_told(world, (struct operation){.type = OPERATION_EXPUNGE, .expunge = {id, 52, &uid, 1}},
                true, true, false);
}

TEST("a change that is on its way is known to touch what it says")
{
    world_run(on_their_way, 1);
}

/* Its number went to another record before it was asked for. */
static void failed_and_followed(struct store_world *world)
{
    struct change changes[3];
    struct pending pending[3];
    struct buffer value;
    for (unsigned i = 0; i < 3; i++) {
        change_init(&changes[i]);
        EXPECT(value_compose(&changes[i], ALICE, i == 0 ? TEXT("note/a") : TEXT("note/b"),
                             i == 2 ? TEXT("again") : TEXT("lost")));
    }
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, 1, EIO, true);
    store_append(world->store, &changes[0], &pending[0]);
    store_append(world->store, &changes[1], &pending[1]);
    EXPECT(store_wait(world->store, &pending[0]) == TRY_LATER);
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    EXPECT(store_commit(world->store, &changes[2]) == OK);
    EXPECT(store_wait(world->store, &pending[1]) == TRY_LATER);
    buffer_init(&value, 100);
    EXPECT(!value_get(world->store, ALICE, TEXT("note/a"), &value));
    EXPECT(value_get(world->store, ALICE, TEXT("note/b"), &value));
    EXPECT_TEXT(buffer_text(&value), "again");
    buffer_finish(&value);
    for (unsigned i = 0; i < 3; i++)
        change_finish(&changes[i]);
}

TEST("a change that failed is told so, though another has its number by now")
{
    world_run(failed_and_followed, 2);
}

/* ---- Giving back while all goes on ---- */

enum {
    WRITERS = 3,
    ROUNDS = MAILBOX_KEYWORDS_MAX,
    BOXES = 100,
    LARGE = 1 << 20,
    FIRST_NOTE = 100,
    LAST_NOTE = 200
};

struct together {
    struct store_world *world;
    unsigned number; /* of a writer */
    unsigned *ended;
};

static void set_note(struct store_world *world, unsigned number, const char *value)
{
    char name[32];
    snprintf(name, sizeof(name), "note/%u", number);
    EXPECT(value_set(world->store, ALICE, text_from(name), text_from(value)) == OK);
}

/* Each has a mailbox of its own: of its messages the odd ones go, the others get keyword after
 * keyword. */
static void write_much(void *argument)
{
    struct together *together = argument;
    struct store_world *world = together->world;
    char name[32], round[32];
    uint32_t all_even[ROUNDS];
    uint64_t modseq;
    snprintf(name, sizeof(name), "of %u", together->number);
    struct mailbox *box = mailbox_find(world->store, ALICE, text_from(name));
    for (unsigned i = 0; i < ROUNDS; i++)
        all_even[i] = 2 * i + 2;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint32_t odd = 2 * i + 1, even = 2 * i + 2, first;
        unsigned one = 1;
        snprintf(round, sizeof(round), "%u", i);
        mailbox_open(box);
        uint64_t keyword = mailbox_keyword_add(box, text_from(round));
        EXPECT(mailbox_flag_many(box, all_even, ROUNDS, keyword, FLAG_DELETED, &modseq) == OK);
        EXPECT(mailbox_expunge(box, &odd, 1) == OK);
        struct mailbox *all = mailbox_find(world->store, ALICE, TEXT("all"));
        EXPECT(mailbox_copy(box, all, &even, &one, false, &first) == OK);
        mailbox_close(&box);
        box = mailbox_find(world->store, ALICE, text_from(name));
        set_note(world, together->number, round);
    }
    ++*together->ended;
}

/* From the last on, once the first is written anew: somewhere between they meet. */
static void delete_boxes(void *argument)
{
    struct together *together = argument;
    struct mailbox *first = mailbox_find(together->world->store, ALICE, TEXT("going 1"));
    uint64_t before = first->base_segment;
    char name[32];
    while (first->base_segment == before)
        EXPECT(task_sleep(1) == OK);
    for (unsigned i = BOXES; i > 0; i--) {
        snprintf(name, sizeof(name), "going %u", i);
        EXPECT(mailbox_delete(together->world->store, ALICE, text_from(name)) == NAMING_DONE);
    }
    ++*together->ended;
}

/* The same way, against the order in which they are written anew. */
static void set_again(void *argument)
{
    struct together *together = argument;
    struct store *store = together->world->store;
    uint64_t before = value_segment(store, ALICE, TEXT("note/100"));
    while (value_segment(store, ALICE, TEXT("note/100")) == before)
        EXPECT(task_sleep(1) == OK);
    for (unsigned i = LAST_NOTE; i >= FIRST_NOTE; i--)
        set_note(together->world, i, "again");
    ++*together->ended;
}

/* Once parts of a large one were written anew. */
static void expunge_moved(void *argument)
{
    struct together *together = argument;
    struct mailbox *box = mailbox_find(together->world->store, ALICE, TEXT("large"));
    uint32_t uid = 1;
    while (list_is_empty(&together->world->store->uploads))
        EXPECT(task_sleep(1) == OK);
    EXPECT(mailbox_expunge(box, &uid, 1) == OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "%u", i);
        EXPECT(mailbox_flag(box, 2, mailbox_keyword_add(box, text_from(name)), 0) == OK);
    }
    ++*together->ended;
}

static void prepare_all(struct store_world *world)
{
    enum { WASTE = 900000 };
    char name[32], *waste = calloc(1, WASTE);
    make(world, "all");
    for (unsigned i = 1; i <= BOXES; i++) {
        snprintf(name, sizeof(name), "going %u", i);
        world_fill(world, make(world, name), 1);
    }
    for (unsigned i = FIRST_NOTE; i <= LAST_NOTE; i++)
        set_note(world, i, "first");
    for (unsigned i = 0; i < WRITERS; i++) {
        snprintf(name, sizeof(name), "of %u", i);
        world_fill(world, make(world, name), 2 * ROUNDS);
        set_note(world, i, "first");
    }
    world_append(world, make(world, "large"), LARGE);
    world_append(world, mailbox_find(world->store, ALICE, TEXT("large")), LARGE);
    for (unsigned i = 0; i < 16; i++)
        EXPECT(value_set(world->store, ALICE, TEXT("note/waste"), text_of(waste, WASTE)) == OK);
    free(waste);
}

static void report(void *context, const char *line)
{
    unused(context);
    fail_msg("%s", line);
}

static bool has_all_keywords(const struct mailbox_entry *entry)
{
    return (entry->flags >> MAILBOX_FIRST_KEYWORD) + 1 == UINT64_C(1) << ROUNDS;
}

static void expect_all(struct store_world *world)
{
    char name[32];
    struct buffer value;
    buffer_init(&value, 2 * LARGE);
    for (unsigned i = 0; i < WRITERS; i++) {
        unsigned count;
        snprintf(name, sizeof(name), "of %u", i);
        struct mailbox *box = mailbox_find(world->store, ALICE, text_from(name));
        mailbox_open(box);
        const struct mailbox_entry *entries = mailbox_entries(box, &count);
        EXPECT(count == ROUNDS);
        for (unsigned k = 0; k < count; k++)
            EXPECT(entries[k].uid == 2 * k + 2 && has_all_keywords(&entries[k]));
        mailbox_close(&box);
        snprintf(name, sizeof(name), "note/%u", i);
        EXPECT(value_get(world->store, ALICE, text_from(name), &value));
        EXPECT_TEXT(buffer_text(&value), "58");
    }
    for (unsigned i = FIRST_NOTE; i <= LAST_NOTE; i++) {
        snprintf(name, sizeof(name), "note/%u", i);
        EXPECT(value_get(world->store, ALICE, text_from(name), &value));
        EXPECT_TEXT(buffer_text(&value), "again");
    }
    EXPECT(mailbox_totals(mailbox_find(world->store, ALICE, TEXT("all"))).messages ==
           WRITERS * ROUNDS);
    for (unsigned i = 1; i <= BOXES; i++) {
        snprintf(name, sizeof(name), "going %u", i);
        EXPECT(mailbox_find(world->store, ALICE, text_from(name)) == NULL);
    }
    struct mailbox *large = mailbox_find(world->store, ALICE, TEXT("large"));
    mailbox_open(large);
    buffer_reset(&value, 2 * LARGE);
    EXPECT(large->count == 1 && large->entries[0].uid == 2);
    EXPECT(has_all_keywords(&large->entries[0]));
    EXPECT(mailbox_read(world->store, large->entries[0].message, 0, LARGE, &value) == OK);
    EXPECT(value.length == LARGE && value.data[0] == 'L' && value.data[LARGE - 1] == 'L');
    mailbox_close(&large);
    buffer_finish(&value);
    EXPECT(store_verify(world->store, report, NULL) == OK);
}

static void all_at_once(struct store_world *world)
{
    unsigned ended = 0, given_back = 0;
    struct together together[WRITERS + 1];
    prepare_all(world);
    for (unsigned i = 0; i <= WRITERS; i++)
        together[i] = (struct together){world, i, &ended};
    for (unsigned i = 0; i < WRITERS; i++)
        task_spawn(&world->group, "write", write_much, &together[i]);
    task_spawn(&world->group, "delete", delete_boxes, &together[WRITERS]);
    task_spawn(&world->group, "expunge", expunge_moved, &together[WRITERS]);
    task_spawn(&world->group, "set", set_again, &together[WRITERS]);
    while (ended < WRITERS + 3) {
        given_back += store_reclaim(world->store, true) == OK;
        EXPECT(task_sleep(1) == OK);
    }
    EXPECT(given_back > 0);
    expect_all(world);
    while (store_reclaim(world->store, true) == OK)
        continue;
    expect_all(world);
    world_restart(world);
    expect_all(world);
}

static int64_t take_a_while(void *context)
{
    uint32_t *state = context;
    *state = *state * 1664525 + 1013904223;
    return (*state >> 8) % 5;
}

/* Who is faster is for the state to say, the same in each run. */
TEST("whatever is changed while space is given back is as its last change says")
{
    for (uint32_t state = 1; state <= 8; state++) {
        uint32_t speed = state;
        struct task_simulation simulation = {
            .now_ms = clock_wall_ms(), .work_takes_ms = take_a_while, .context = &speed};
        task_simulate(&simulation);
        world_run_large(all_at_once, state);
        task_simulate(NULL);
    }
}
