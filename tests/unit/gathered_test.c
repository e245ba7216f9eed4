/* What the index gathers before RocksDB has it: what is found here, what is left to be written. */
#include "index/gathered.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "index/engine.h"
#include "test.h"

struct world {
    struct gathered gathered;
    struct index *index; /* makes the batches */
    struct index_batch *batch;
    char written[200];
};

static void begin(struct world *world)
{
    *world = (struct world){0};
    gathered_init(&world->gathered);
    EXPECT(index_open(NULL, &world->index) == OK);
    world->batch = index_batch_new(world->index);
}

static void end(struct world *world)
{
    index_batch_free(&world->batch);
    index_close(&world->index);
    gathered_finish(&world->gathered);
}

static void apply(struct world *world)
{
    gathered_apply(&world->gathered, index_batch_changes(world->batch));
    index_batch_free(&world->batch);
    world->batch = index_batch_new(world->index);
}

static void put(struct world *world, const char *key, const char *value)
{
    index_batch_put(world->batch, text_from(key), text_from(value));
    apply(world);
}

static void take_out(struct world *world, const char *key)
{
    index_batch_delete(world->batch, text_from(key));
    apply(world);
}

static void note(void *context, struct text key, struct text value, bool is_gone)
{
    struct world *world = context;
    size_t length = strlen(world->written);
    snprintf(world->written + length, sizeof(world->written) - length, "%s%.*s=%.*s ",
             is_gone ? "-" : "", TEXT_ARG(key), TEXT_ARG(value));
}

/* What goes to the engine now: "key=value -deleted= ". */
static void expect_written(struct world *world, const char *expected)
{
    world->written[0] = '\0';
    gathered_write(&world->gathered, note, world);
    EXPECT_TEXT(text_from(world->written), expected);
    EXPECT(gathered_bytes(&world->gathered) == 0);
}

static enum gathered_answer get(struct world *world, const char *key)
{
    struct buffer out;
    buffer_init(&out, 100);
    enum gathered_answer answer = gathered_get(&world->gathered, text_from(key), &out);
    buffer_finish(&out);
    return answer;
}

TEST("what came and went is not written, nor is anything left to be deleted")
{
    struct world world;
    begin(&world);
    put(&world, "m1", "a");
    put(&world, "m2", "b");
    take_out(&world, "m1");
    EXPECT(get(&world, "m1") == GATHERED_NOWHERE && get(&world, "m2") == GATHERED_HERE);
    expect_written(&world, "m2=b ");
    end(&world);
}

TEST("the last value is written, keys in order")
{
    struct world world;
    begin(&world);
    put(&world, "q2", "a");
    put(&world, "m1", "b");
    put(&world, "q2", "c");
    put(&world, "q1", "");
    expect_written(&world, "m1=b q1= q2=c ");
    expect_written(&world, "");
    end(&world);
}

TEST("a key above all that the engine has is nowhere; one below it may be there")
{
    struct world world;
    begin(&world);
    gathered_note_written(&world.gathered, TEXT("m5"));
    gathered_note_written(&world.gathered, TEXT("m3"));
    EXPECT(get(&world, "m6") == GATHERED_NOWHERE && get(&world, "m51") == GATHERED_NOWHERE);
    EXPECT(get(&world, "m5") == GATHERED_UNKNOWN && get(&world, "m4") == GATHERED_UNKNOWN);
    EXPECT(get(&world, "q1") == GATHERED_NOWHERE); /* of that first byte it has none */
    end(&world);
}

TEST("what was written is above all from then on, until something else is")
{
    struct world world;
    begin(&world);
    put(&world, "m5", "a");
    expect_written(&world, "m5=a ");
    EXPECT(get(&world, "m5") == GATHERED_UNKNOWN && get(&world, "m6") == GATHERED_NOWHERE);
    take_out(&world, "m5");
    EXPECT(get(&world, "m5") == GATHERED_NOWHERE);
    expect_written(&world, "-m5= ");
    put(&world, "m7", "b");
    take_out(&world, "m7");
    expect_written(&world, "");
    end(&world);
}

/* As of a message whose id is below others because the clock was set back. */
TEST(
    "a key that is not above all is deleted in the engine too, though it may never have been there")
{
    struct world world;
    begin(&world);
    gathered_note_written(&world.gathered, TEXT("m5"));
    put(&world, "m4", "a");
    take_out(&world, "m4");
    EXPECT(get(&world, "m4") == GATHERED_NOWHERE);
    take_out(&world, "m3");
    expect_written(&world, "-m3= -m4= ");
    end(&world);
}

TEST("a deleted key that is put again is there again, and deleted once more is deleted")
{
    struct world world;
    begin(&world);
    gathered_note_written(&world.gathered, TEXT("m5"));
    take_out(&world, "m5");
    put(&world, "m5", "b");
    EXPECT(get(&world, "m5") == GATHERED_HERE);
    take_out(&world, "m5");
    EXPECT(get(&world, "m5") == GATHERED_NOWHERE);
    expect_written(&world, "-m5= ");
    end(&world);
}

/* Only the first eight bytes are compared; where these are equal it does not claim to know. */
TEST("long keys with one beginning are not told apart")
{
    struct world world;
    begin(&world);
    gathered_note_written(&world.gathered, TEXT("m1234567-1"));
    EXPECT(get(&world, "m1234567-2") == GATHERED_UNKNOWN);
    EXPECT(get(&world, "m1234567") == GATHERED_UNKNOWN);
    EXPECT(get(&world, "m1234568") == GATHERED_NOWHERE);
    end(&world);
}

static void expect_step(struct gathered_walk *walk, const char *key, const char *value)
{
    EXPECT(walk->current != NULL);
    EXPECT_TEXT(walk->current->key, key);
    EXPECT_TEXT(walk->current->value, value);
    gathered_walk_step(walk);
}

TEST("a walk shows what was there when it began, whatever happens meanwhile")
{
    struct world world;
    struct gathered_walk walk, other;
    begin(&world);
    gathered_note_written(&world.gathered, TEXT("m9"));
    put(&world, "m1", "a");
    put(&world, "m2", "b");
    take_out(&world, "m3");
    put(&world, "m4", "c");
    put(&world, "q1", "d");
    gathered_walk_begin(&world.gathered, TEXT("m"), TEXT("m1"), &walk);
    gathered_walk_begin(&world.gathered, TEXT("m"), TEXT("m4"), &other);
    expect_step(&walk, "m1", "a");
    put(&world, "m2", "later");
    put(&world, "m3", "later");
    expect_written(&world, "m1=a m2=later m3=later m4=c q1=d ");
    put(&world, "m5", "later");
    expect_step(&walk, "m2", "b");
    EXPECT(walk.current->is_gone);
    expect_step(&walk, "m3", "");
    expect_step(&walk, "m4", "c");
    EXPECT(walk.current == NULL);
    gathered_walk_end(&walk);
    expect_step(&other, "m4", "c");
    EXPECT(other.current == NULL);
    gathered_walk_end(&other);
    end(&world);
}

TEST("what it holds is drawn from the account of memory, and given back")
{
    struct world world;
    size_t before = memory_now().drawn;
    begin(&world);
    put(&world, "m1", "some value");
    EXPECT(memory_now().drawn == before + gathered_bytes(&world.gathered));
    expect_written(&world, "m1=some value ");
    EXPECT(memory_now().drawn == before);
    put(&world, "m2", "another");
    end(&world);
    EXPECT(memory_now().drawn == before);
}
