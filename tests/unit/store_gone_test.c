/* What is asked of a message, or a mailbox, that went away meanwhile. */
#include <stdlib.h>
#include <string.h>

#include "store/block.h"
#include "store/derived.h"
#include "store/fresh.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store/reduced.h"
#include "store/value.h"
#include "store/view.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

static void expunge_one(struct mailbox *box, uint32_t uid)
{
    EXPECT(mailbox_expunge(box, &uid, 1) == OK);
}

static void give_back(struct store_world *world)
{
    enum { WASTE = 100000, TIMES = 12 };
    char *waste = calloc(1, WASTE);
    for (unsigned i = 0; i < TIMES; i++)
        EXPECT(value_set(world->store, ALICE, TEXT("note/waste"), text_of(waste, WASTE)) == OK);
    while (store_reclaim(world->store, true) == OK)
        continue;
    EXPECT(log_first_segment(store_log(world->store)) > 1);
    free(waste);
}

static void while_it_is_read(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct buffer out;
    world_fill(world, box, 2);
    buffer_init(&out, 1000);
    struct shown *first = shown_open(world->store, NULL, 1000);
    struct shown *second = shown_open(world->store, NULL, 1001);
    expunge_one(box, 1);
    EXPECT(shown_read(first, 0, 1000, &out) == OK); /* its bytes are still there */
    EXPECT_TEXT(buffer_text(&out), "Subject: a\r\n\r\nb\r\n");
    give_back(world);
    buffer_reset(&out, 1000);
    EXPECT(shown_read(first, 0, 1000, &out) == REFUSED && out.length == 0);
    EXPECT(shown_read(second, 0, 1000, &out) == OK); /* it stands elsewhere now */
    EXPECT_TEXT(buffer_text(&out), "Subject: a\r\n\r\nb\r\n");
    EXPECT(mailbox_read(world->store, 1000, 0, 1000, &out) == REFUSED);
    shown_close(&first);
    shown_close(&second);
    buffer_finish(&out);
}

TEST("a message that goes away while it is read ends with its bytes, and one that moves does not")
{
    world_run(while_it_is_read, 1);
}

static void not_reduced(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct arena arena;
    struct reduced reduced;
    arena_init(&arena);
    world_fill(world, box, 1);
    mailbox_open(box);
    struct mailbox_entry entry = *mailbox_entry_find(box, 1);
    expunge_one(box, 1);
    EXPECT(reduced_find(world->store, NULL, &entry, REDUCED_TO_PLAIN, &arena, &reduced) == REFUSED);
    mailbox_close(&box);
    arena_finish(&arena);
}

TEST("of a message that is gone no part is looked for")
{
    world_run(not_reduced, 2);
}

/* ---- What is kept beside the log ---- */

static void fresh_ones(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct fresh_place place = {0};
    struct mailbox_entry entry;
    struct key key;
    uint32_t uids[] = {1, 2, 3};
    world_fill(world, box, 3);
    uint64_t id = mailbox_id(box);
    EXPECT(fresh_count(world->store, id) == 3);
    for (uint32_t uid = 1; uid <= 3; uid++)
        fresh_done(world->store, (struct fresh_place){id, uid});
    expunge_one(box, 2);
    fresh_renew_some(world->store, id, uids, 3);
    EXPECT(fresh_count(world->store, id) == 2);
    /* A note of one that is gone is passed over, and removed. */
    struct index_batch *batch = index_batch_new(world->store->index);
    index_batch_put(batch, key_fresh(&key, id, 2), TEXT("1"));
    index_batch_put(batch, key_entry(&key, id, 3), TEXT("cut"));
    EXPECT(index_batch_apply(batch, index_applied(world->store->index)) == OK);
    index_batch_free(&batch);
    EXPECT(fresh_next(world->store, &place, &entry) && entry.uid == 1);
    fresh_done(world->store, place);
    EXPECT(!fresh_next(world->store, &place, &entry));
    EXPECT(fresh_count(world->store, id) == 0);
}

TEST("what is new is looked for once, and what is gone not at all")
{
    world_run(fresh_ones, 3);
}

static void blocks_of_nothing(struct store_world *world)
{
    struct buffer head;
    uint32_t last;
    EXPECT(mailbox_create(world->store, ALICE, TEXT("gone"), 0) == NAMING_DONE);
    struct mailbox *gone = mailbox_find(world->store, ALICE, TEXT("gone"));
    uint64_t id = mailbox_id(gone);
    world_fill(world, gone, 2);
    derived_put(world->store, 1000, DERIVED_HTML, TEXT("kept"));
    struct block *block = block_new(world->store, id);
    block_put(block, 0, TEXT("head"));
    block_replace_derived(block, 5000, DERIVED_HTML); /* no message */
    block_replace_derived(block, 1000, DERIVED_HTML);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("gone")) == NAMING_DONE);
    EXPECT(!block_write(block, 2));
    block_free(&block);
    block_free(&block); /* nothing */
    buffer_init(&head, 1000);
    EXPECT(!block_find(world->store, id, 1, &last, &head));
    fresh_set_version(world->store, id, 7);
    EXPECT(fresh_version(world->store, id) == 0);
    buffer_finish(&head);
}

TEST("of a mailbox that is gone nothing is noted")
{
    world_run(blocks_of_nothing, 4);
}

/* ---- Numbers ---- */

static void numbers(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct view view = {0};
    world_fill(world, box, 6);
    expunge_one(box, 2);
    expunge_one(box, 6);
    mailbox_open(box);
    view_open(&view, box);
    EXPECT(view_number(&view, 2) == 0 && view_number(&view, 6) == 0);
    expunge_one(box, 4);
    EXPECT(view_number(&view, 2) == 0); /* another one is gone since */
    EXPECT(view_number(&view, 4) == 3 && view_number(&view, 5) == 4 && view_number(&view, 6) == 0);
    expunge_one(box, 5);
    EXPECT(view_number(&view, 5) == 4 && view_number(&view, 6) == 0);
    view_close(&view);
    mailbox_close(&box);
}

TEST("what was gone before a session began has no number in it")
{
    world_run(numbers, 5);
}

static void cool(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    mailbox_cool(box);
    EXPECT(!box->loaded && box->has_snapshot);
}

/* Ranges of what changes go over those that are gone. */
static void snapshots(struct store_world *world)
{
    enum { MANY = 2500 };
    struct mailbox *box = world_inbox(world);
    uint32_t around[] = {4, 6};
    uint64_t modseq;
    world_fill(world, box, MANY);
    mailbox_open(box);
    expunge_one(box, 5);
    mailbox_close(&box);
    box = world_inbox(world);
    mailbox_open(box);
    EXPECT(mailbox_flag_many(box, around, 2, FLAG_FLAGGED, 0, &modseq) == OK);
    EXPECT(mailbox_flag_many(box, around, 0, FLAG_DELETED, 0, &modseq) == OK);
    mailbox_close(&box);
    cool(world);
    box = world_inbox(world);
    mailbox_open(box);
    EXPECT(box->count == MANY - 1 && mailbox_entry_find(box, 5) == NULL);
    EXPECT((mailbox_entry_find(box, 4)->flags & FLAG_FLAGGED) != 0);
    EXPECT((mailbox_entry_find(box, 6)->flags & FLAG_FLAGGED) != 0);
    EXPECT((mailbox_entry_find(box, 7)->flags & FLAG_FLAGGED) == 0);
    mailbox_close(&box);
}

TEST("a large mailbox is opened as it is, though flags of ranges with gaps changed since")
{
    world_run_large(snapshots, 6);
}
