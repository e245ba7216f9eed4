/* The largest there is, and one more; and very many of the smallest. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/logline.h"
#include "store/append.h"
#include "store/derived.h"
#include "store/internal.h"
#include "store/value.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

static char *bytes_of(size_t length)
{
    char *bytes = malloc(length);
    EXPECT(bytes != NULL);
    memset(bytes, 'b', length);
    return bytes;
}

/* ---- Parts of a message ---- */

static void most_parts(struct store_world *world)
{
    struct upload *upload = upload_new(world->store, 5);
    unsigned count;
    EXPECT(upload_finish(upload, &count) == NULL && count == 0); /* of no bytes */
    for (unsigned i = 0; i < MESSAGE_EXTENTS_MAX; i++)
        EXPECT(upload_append(upload, TEXT("b")) == OK);
    EXPECT(upload_append(upload, TEXT("b")) == REFUSED);
    struct log_place *extents = upload_finish(upload, &count);
    EXPECT(extents != NULL && count == MESSAGE_EXTENTS_MAX);
    struct message_entry entry = {.mailbox = mailbox_id(world_inbox(world)), .uid = 1, .modseq = 1};
    struct operation operation = {.type = OPERATION_MESSAGE,
                                  .message = {.message = {.id = 5,
                                                          .size = count,
                                                          .extents = extents,
                                                          .extent_count = count,
                                                          .is_as_given = true},
                                              .entries = &entry,
                                              .entry_count = 1}};
    struct change change;
    change_init(&change);
    mailbox_compose_box(world_inbox(world), &change);
    change_add(&change, &operation);
    EXPECT(store_commit(world->store, &change) == OK);
    change_finish(&change);
    upload_free(&upload);
    struct buffer out;
    buffer_init(&out, MESSAGE_EXTENTS_MAX);
    EXPECT(mailbox_read(world->store, 5, MESSAGE_EXTENTS_MAX - 10, 20, &out) == OK);
    EXPECT_TEXT(buffer_text(&out), "bbbbbbbbbb");
    buffer_finish(&out);
}

TEST("a message has so many parts and no more")
{
    world_run_large(most_parts, 1);
}

static void parts_on_failing_disk(struct store_world *world)
{
    enum { PART = 700 << 10 };
    char *part = bytes_of(PART);
    struct mailbox *box = world_inbox(world);
    uint32_t uid;
    unsigned count;
    world_fill(world, box, 1);
    struct append *append = append_new(world->store, world_next_id, world);
    append_begin(append, 0, NULL, 0, 1000);
    EXPECT(append_bytes(append, text_of(part, PART)) == OK && append_end(append, false) == OK);
    struct upload *upload = upload_new(world->store, 5);
    EXPECT(upload_append(upload, text_of(part, PART)) == OK);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, 1, EIO, true);
    EXPECT(value_set(world->store, ALICE, TEXT("note/a"), TEXT("v")) == TRY_LATER);
    EXPECT(upload_finish(upload, &count) == NULL && upload_finish(upload, &count) == NULL);
    EXPECT(append_commit(append, box, &uid) == TRY_LATER);
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    EXPECT(append_commit(append, box, &uid) == TRY_LATER); /* its parts are lost */
    EXPECT(mailbox_totals(box).messages == 1);
    append_free(&append);
    upload_free(&upload);
    world_fill(world, box, 1);
    EXPECT(mailbox_totals(box).messages == 2);
    free(part);
}

TEST("a message whose parts were lost while another waited for the disk is not taken")
{
    world_run_large(parts_on_failing_disk, 2);
}

static void body_too_large(struct store_world *world)
{
    char *body = bytes_of(CHANGE_BODY_INLINE_MAX + 1);
    struct change change;
    change_init(&change);
    change.body = text_of(body, CHANGE_BODY_INLINE_MAX + 1);
    EXPECT(value_compose(&change, ALICE, TEXT("note/a"), TEXT("v")));
    EXPECT(store_commit(world->store, &change) == REFUSED);
    struct buffer value;
    buffer_init(&value, 100);
    EXPECT(!value_get(world->store, ALICE, TEXT("note/a"), &value));
    buffer_finish(&value);
    change_finish(&change);
    free(body);
}

TEST("a record takes a body of so many bytes and no more")
{
    world_run_large(body_too_large, 3);
}

/* ---- Beside the log ---- */

static void derived_values(struct store_world *world)
{
    char *bytes = bytes_of(DERIVED_BYTES_MAX + 1);
    struct buffer out, small;
    world_fill(world, world_inbox(world), 3);
    buffer_init(&out, DERIVED_BYTES_MAX);
    buffer_init(&small, 10);
    derived_put(world->store, 1000, DERIVED_HTML, text_of(bytes, DERIVED_BYTES_MAX + 1));
    EXPECT(!derived_get(world->store, 1000, DERIVED_HTML, &out));
    for (uint64_t id = 1000; id < 1003; id++)
        derived_put(world->store, id, DERIVED_HTML, text_of(bytes, DERIVED_BYTES_MAX));
    struct derived_run *run = derived_run_new(world->store);
    for (uint64_t id = 1000; id < 1003; id++) {
        EXPECT(derived_run_get(run, id, DERIVED_HTML, &out) && out.length == DERIVED_BYTES_MAX);
        EXPECT(!derived_run_get(run, id, DERIVED_HTML, &small));
    }
    derived_run_free(&run);
    buffer_finish(&out);
    buffer_finish(&small);
    free(bytes);
}

TEST("what is derived from a message is kept up to its bound, and read by who has room for it")
{
    world_run(derived_values, 4);
}

/* More to say of one than is read ahead of all. */
static void large_facts(struct store_world *world)
{
    enum { SUBJECT = 3 << 19, FIRST = 1000 };
    char *subject = bytes_of(SUBJECT);
    struct message_entry entry = {.mailbox = mailbox_id(world_inbox(world)), .modseq = 1};
    struct derived_run *run = derived_run_new(world->store);
    struct arena arena;
    struct message message;
    for (uint32_t i = 1; i <= 4; i++) {
        struct operation operation = {
            .type = OPERATION_MESSAGE,
            .message = {.message = {.id = FIRST + i, .subject = text_of(subject, i % 2 * SUBJECT)},
                        .entries = &entry,
                        .entry_count = 1}};
        struct change change;
        entry.uid = i;
        change_init(&change);
        mailbox_compose_box(world_inbox(world), &change);
        change_add(&change, &operation);
        EXPECT(store_commit(world->store, &change) == OK);
        change_finish(&change);
    }
    arena_init(&arena);
    for (uint32_t i = 1; i <= 4; i++) {
        EXPECT(derived_run_message(run, FIRST + i, &arena, &message));
        EXPECT(message.subject.length == i % 2 * SUBJECT);
    }
    EXPECT(!derived_run_message(run, FIRST + 5, &arena, &message));
    arena_finish(&arena);
    derived_run_free(&run);
    free(subject);
}

TEST("messages with more to say of than is read ahead are found one by one")
{
    world_run_large(large_facts, 5);
}

static void add_range(void *context, uint32_t first, uint32_t last)
{
    *(uint64_t *)context += last - first + 1;
}

static void long_history(struct store_world *world)
{
    enum { REMOVALS = 60000, KNOWN = 50000 };
    struct mailbox *box = world_inbox(world);
    uint64_t told = 0;
    world_fill(world, box, 1);
    struct index_batch *batch = index_batch_new(world->store->index);
    for (uint32_t i = 0; i < REMOVALS; i++) {
        struct key key;
        uint32_t uid = htobe32(i + 2);
        char range[8];
        memcpy(range, &uid, 4);
        memcpy(range + 4, &uid, 4);
        index_batch_put(batch, key_vanished(&key, box->id, 10 + i), text_of(range, 8));
    }
    EXPECT(index_batch_apply(batch, index_applied(world->store->index)) == OK);
    index_batch_free(&batch);
    mailbox_open(box);
    mailbox_raise_counters(box, REMOVALS + 2, 10 + REMOVALS);
    mailbox_vanished(box, box->modseq, add_range, &told);
    mailbox_close(&box);
    EXPECT(told == REMOVALS - KNOWN); /* who knew of all is told of some once more */
}

TEST("of a very long history of removals the newer ones are told once more")
{
    world_run(long_history, 6);
}

/* ---- Stories ---- */

static unsigned told;
static size_t told_bytes;

static void count_story(void *context, int64_t wall_ms, struct text event, struct text text)
{
    unused(context), unused(wall_ms), unused(event);
    told++;
    told_bytes += text.length;
}

static void long_story(struct store_world *world)
{
    enum { LONG = 5000, SHOWN = 1023 };
    char *text = bytes_of(LONG);
    struct change change;
    uint64_t id = id_new(0);
    change_init(&change);
    change_story(&change, id, "sent", "%.*s", LONG, text);
    EXPECT(store_commit(world->store, &change) == OK);
    change_finish(&change);
    told = 0;
    told_bytes = 0;
    EXPECT(store_stories(world->store, id, count_story, NULL) && told == 1);
    EXPECT(told_bytes == SHOWN);
    free(text);
}

TEST("of a very long reason the beginning is told")
{
    world_run(long_story, 7);
}

static void stories_in_parts(struct store_world *world)
{
    enum { MANY = 300, LOST = 256 }; /* more than one record takes */
    uint64_t id = id_new(0);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    for (unsigned i = 0; i < MANY; i++)
        store_story(world->store, id, TEXT("sent"), TEXT("x"));
    memory_disk_fail(world->disk, 1, EIO, true);
    store_story_flush(world->store);
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    told = 0;
    EXPECT(!store_stories(world->store, id, count_story, NULL));
    EXPECT(store_story_await(world->store) == OK); /* the rest is still to be told */
    store_story_flush(world->store);
    EXPECT(store_stories(world->store, id, count_story, NULL) && told == MANY - LOST);
}

TEST("of many stories those are lost that the disk did not take, and no others")
{
    world_run(stories_in_parts, 8);
}

/* ---- Very many of the smallest ---- */

/* More than one record can say where it is. */
static void in_too_many_places(struct store_world *world)
{
    enum { TIMES = 4, PLACES = 20000, WASTE = 900000 };
    struct copied_entry *places = calloc(PLACES, sizeof(*places));
    char *waste = bytes_of(WASTE);
    struct mailbox *box = world_inbox(world);
    world_fill(world, box, 1);
    for (uint32_t i = 0; i < TIMES; i++) {
        struct change change;
        struct operation copy = {.type = OPERATION_COPY,
                                 .copy = {mailbox_id(box), 10 + i, places, PLACES}};
        for (uint32_t k = 0; k < PLACES; k++)
            places[k] = (struct copied_entry){.message = 1000, .uid = 2 + i * PLACES + k};
        change_init(&change);
        change_add(&change, &copy);
        EXPECT(store_commit(world->store, &change) == OK);
        change_finish(&change);
    }
    for (unsigned i = 0; i < 16; i++)
        EXPECT(value_set(world->store, ALICE, TEXT("note/waste"), text_of(waste, WASTE)) == OK);
    EXPECT(store_reclaim(world->store, true) == TRY_LATER);
    EXPECT(strstr(fail_reason(), "fits into no record") != NULL);
    EXPECT(log_first_segment(store_log(world->store)) == 1);
    EXPECT(mailbox_totals(box).messages == 1 + TIMES * PLACES);
    free(waste);
    free(places);
}

TEST("a message in more places than a record can name keeps its segment, and that is told")
{
    world_run_large(in_too_many_places, 10);
}

static void smallest(struct store_world *world)
{
    enum { MANY = 3000 };
    struct mailbox *box = world_inbox(world);
    world_fill(world, box, MANY);
    struct store_space space = store_space_now(world->store);
    EXPECT(space.segments > 1 && space.live_bytes > space.log_bytes); /* as they are counted */
    EXPECT(store_reclaim(world->store, true) == REFUSED);
    EXPECT(store_reclaim(world->store, false) == REFUSED);
    EXPECT(mailbox_totals(world_inbox(world)).messages == MANY);
}

TEST("a log of very small messages is full, and not written anew")
{
    world_run(smallest, 9);
}
