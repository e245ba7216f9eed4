/* What is removed is kept for a while: where it goes, and that it ends. */
#include "store/kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/logline.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

enum { ROUNDS = 40, FAR = INT32_MAX };

static bool keep(void *context, struct text owner)
{
    unused(context), unused(owner);
    return true;
}

static struct mailbox *begin(struct store_world *world, unsigned messages)
{
    store_set_hooks(world->store, (struct store_hooks){.keeps = keep});
    struct mailbox *box = world_inbox(world);
    world_fill(world, box, messages);
    return box;
}

static struct mailbox *kept_box(struct store_world *world)
{
    struct arena arena;
    arena_init(&arena);
    struct mailbox *box = mailbox_find(world->store, kept_owner(ALICE, &arena), TEXT("INBOX"));
    arena_finish(&arena);
    return box;
}

static unsigned count_kept(struct store_world *world)
{
    struct mailbox *box = kept_box(world);
    return box == NULL ? 0 : mailbox_totals(box).messages;
}

static enum status expunge(struct mailbox *box, uint32_t first, uint32_t last)
{
    uint32_t *uids = calloc(last - first + 1, sizeof(*uids));
    for (uint32_t uid = first; uid <= last; uid++)
        uids[uid - first] = uid;
    enum status status = mailbox_expunge(box, uids, last - first + 1);
    free(uids);
    return status;
}

/* ---- Going in parts ---- */

static void by_age(struct store_world *world)
{
    enum { MANY = 700 }; /* more than go at once */
    struct mailbox *box = begin(world, MANY + 3);
    EXPECT(expunge(box, 1, MANY) == OK && count_kept(world) == MANY);
    struct copied_entry late[] = {{.message = 1000 + MANY, .uid = MANY + 1, .saved_s = FAR - 10},
                                  {.message = 1001 + MANY, .uid = MANY + 2, .saved_s = FAR}};
    struct operation copy = {.type = OPERATION_COPY,
                             .copy = {mailbox_id(kept_box(world)), 5000, late, 2}};
    struct change change;
    change_init(&change);
    change_add(&change, &copy);
    EXPECT(store_commit(world->store, &change) == OK);
    change_finish(&change);
    EXPECT(count_kept(world) == MANY + 2);
    EXPECT(kept_expire(world->store, ALICE, 0, UINT64_MAX) == OK && count_kept(world) == MANY + 2);
    EXPECT(kept_expire(world->store, ALICE, (FAR - 10) * (int64_t)SECOND, UINT64_MAX) == OK);
    EXPECT(count_kept(world) == 2);
    EXPECT(kept_expire(world->store, ALICE, FAR * (int64_t)SECOND, UINT64_MAX) == OK);
    EXPECT(count_kept(world) == 1);
    EXPECT(kept_expire(world->store, ALICE, INT64_MAX, UINT64_MAX) == OK);
    EXPECT(kept_box(world) == NULL && mailbox_totals(box).messages == 3);
}

TEST("what is kept goes by its age, and its mailbox with the last of it")
{
    world_run(by_age, 1);
}

/* ---- Going while more comes ---- */

struct removing {
    struct store_world *world;
    bool has_ended;
};

static void remove_each(void *argument)
{
    struct removing *removing = argument;
    struct mailbox *box = world_inbox(removing->world);
    for (uint32_t uid = 1; uid <= ROUNDS; uid++) {
        EXPECT(expunge(box, uid, uid) == OK);
        for (unsigned i = world_pick(removing->world, 200); i > 0; i--)
            task_yield();
    }
    removing->has_ended = true;
}

static void at_once(struct store_world *world)
{
    struct removing removing = {.world = world};
    struct mailbox *box = begin(world, ROUNDS + 1);
    task_spawn(&world->group, "remove", remove_each, &removing);
    while (!removing.has_ended) {
        EXPECT(kept_expire(world->store, ALICE, INT64_MAX, 0) == OK);
        task_yield();
    }
    EXPECT(mailbox_totals(box).messages == 1);
    EXPECT(kept_expire(world->store, ALICE, INT64_MAX, 0) == OK && kept_box(world) == NULL);
    EXPECT(expunge(box, ROUNDS + 1, ROUNDS + 1) == OK && count_kept(world) == 1);
    world_restart(world);
    EXPECT(count_kept(world) == 1 && mailbox_totals(world_inbox(world)).messages == 0);
}

TEST("what is removed while what was kept goes is kept, in a mailbox made anew if need be")
{
    world_run(at_once, 2);
}

/* ---- Where nothing is kept ---- */

static void no_uids_left(struct store_world *world)
{
    struct mailbox *box = begin(world, 4);
    EXPECT(expunge(box, 1, 1) == OK && count_kept(world) == 1);
    kept_box(world)->uid_given = UINT32_MAX - 2;
    EXPECT(expunge(box, 2, 3) == OK && count_kept(world) == 1);
    EXPECT(mailbox_totals(box).messages == 1);
}

TEST("what there is no place for any more goes at once")
{
    world_run(no_uids_left, 3);
}

static void none_of_it(struct store_world *world)
{
    struct mailbox *box = begin(world, 3), *other;
    uint32_t uids[] = {2}, first;
    unsigned count = 1;
    EXPECT(mailbox_create(world->store, ALICE, TEXT("other"), 0) == NAMING_DONE);
    other = mailbox_find(world->store, ALICE, TEXT("other"));
    EXPECT(mailbox_expunge(box, NULL, 0) == OK && mailbox_totals(box).messages == 3);
    EXPECT(expunge(box, 2, 2) == OK && expunge(box, 2, 2) == OK);
    EXPECT(count_kept(world) == 1 && mailbox_totals(box).messages == 2);
    mailbox_open(box);
    EXPECT(mailbox_copy(box, other, uids, &count, true, &first) == OK && count == 0);
    mailbox_close(&box);
    EXPECT(mailbox_totals(other).messages == 0);
}

TEST("of what is gone nothing is removed, copied or kept once more")
{
    world_run(none_of_it, 4);
}

static void fails_in_parts(struct store_world *world)
{
    enum { MANY = MAILBOX_AT_ONCE + 100 };
    struct mailbox *box = begin(world, MANY);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, 1, EIO, true);
    EXPECT(expunge(box, 1, MANY) == TRY_LATER);
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    EXPECT(mailbox_totals(box).messages == MANY && count_kept(world) == 0);
    EXPECT(expunge(box, 1, MANY) == OK && count_kept(world) == MANY);
    EXPECT(mailbox_totals(box).messages == 0);
}

TEST("of very many that are removed none is lost when the disk fails")
{
    world_run_large(fails_in_parts, 5);
}
