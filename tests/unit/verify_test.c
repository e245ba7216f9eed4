/* Each kind of key of the index is held against the log. */
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "store/value.h"
#include "verify_scene.h"

#define ALICE TEXT("alice@example.test")

static void changed_differs(struct store_world *world, struct text key)
{
    struct buffer was;
    buffer_init(&was, 1 << 20);
    EXPECT(index_get(world->store->index, key, &was));
    put(world, key, TEXT("other"));
    expect_told(world, REFUSED, "differs from what the log says");
    drop(world, key);
    expect_told(world, REFUSED, "is missing");
    put(world, key, buffer_text(&was));
    expect_told(world, OK, "");
    buffer_finish(&was);
}

static void some(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    uint32_t uids[] = {2, 3};
    world_fill(world, box, 5);
    EXPECT(value_set(world->store, ALICE, TEXT("note/a"), TEXT("b")) == OK);
    EXPECT(mailbox_flag(box, 1, FLAG_FLAGGED, 0) == OK);
    EXPECT(mailbox_expunge(box, uids, 2) == OK);
    expect_told(world, OK, "");
}

static void each_kind(struct store_world *world)
{
    struct key key;
    some(world);
    struct mailbox *box = world_inbox(world);
    changed_differs(world, key_message(&key, 1000));
    changed_differs(world, key_entry(&key, box->id, 1));
    changed_differs(world, key_value(&key, ALICE, TEXT("note/a")));
    changed_differs(world, key_mailbox(&key, box->id));
    changed_differs(world, key_owner(&key, ALICE, TEXT("INBOX")));
    changed_differs(world, key_flags(&key, box->id, 0));
    changed_differs(world, key_vanished(&key, box->id, box->modseq));
}

TEST("a key of the index that is missing or says other than the log is told of")
{
    world_run(each_kind, 1);
}

static void unknown_to_log(struct store_world *world)
{
    struct key key;
    uint64_t id = id_new(0);
    some(world);
    put(world, key_message(&key, 77), TEXT("forged"));
    expect_told(world, REFUSED, "the log knows nothing of it");
    drop(world, key_message(&key, 77));
    /* What outlives the segments it was told in. */
    put(world, key_hash(&key, 5, 77), TEXT(""));
    put(world, key_vanished(&key, 99, 5), TEXT("12345678"));
    put(world, key_story(&key, id, 0), TEXT("told"));
    expect_told(world, OK, "");
    put(world, key_story(&key, id, 5000), TEXT("told")); /* by a record there is not */
    expect_told(world, REFUSED, "the log knows nothing of it");
}

TEST("what the log knows nothing of is told of, but for what may outlive its segment")
{
    world_run(unknown_to_log, 2);
}

static void very_many(struct store_world *world)
{
    enum { MANY = 2500, TOLD = 100 }; /* more than a step compares */
    struct key key;
    struct buffer found;
    unsigned lines = 0;
    some(world);
    buffer_init(&found, 1 << 20);
    for (uint64_t id = 1; id <= MANY; id++)
        put(world, key_message(&key, 1 << 20 | id), TEXT("forged"));
    EXPECT(store_verify(world->store, collect, &found) == REFUSED);
    for (size_t i = 0; i < found.length; i++)
        lines += found.data[i] == '\n';
    EXPECT(lines == TOLD);
    EXPECT(strstr(fail_reason(), "2500 keys") != NULL);
    buffer_finish(&found);
}

TEST("all findings are counted, and the first of them told")
{
    world_run(very_many, 3);
}

struct verifying {
    struct store *store;
    bool has_ended;
    enum status status;
};

static void verify_too(void *argument)
{
    struct verifying *verifying = argument;
    verifying->status = store_verify(verifying->store, collect, NULL);
    verifying->has_ended = true;
}

/* No segment may go away under the one that reads them all. */
static void one_at_a_time(struct store_world *world)
{
    struct verifying verifying = {.store = world->store};
    unsigned refused_meanwhile = 0;
    some(world);
    task_spawn(&world->group, "verify", verify_too, &verifying);
    while (!verifying.has_ended) {
        task_yield();
        if (world->store->reclaiming) {
            EXPECT(store_reclaim(world->store, true) == REFUSED);
            EXPECT(store_verify(world->store, collect, NULL) == TRY_LATER);
            refused_meanwhile++;
        }
    }
    EXPECT(verifying.status == OK && refused_meanwhile > 0);
    expect_told(world, OK, "");
}

TEST("while a store is verified nothing is given back, and it is not verified twice at once")
{
    world_run(one_at_a_time, 4);
}
