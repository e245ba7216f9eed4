/* The contract of the index, on both engines. */
#include "index/index.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "test.h"

static void run_command(const char *format, const char *a, const char *b)
{
    char command[200];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(command, sizeof(command), format, a, b);
#pragma GCC diagnostic pop
    EXPECT(system(command) == 0);
}

/* Key k holds the position it was last applied at: whatever prefix survives, they must agree. */
static uint64_t expect_prefix(const char *directory)
{
    struct index *index;
    EXPECT(index_open(directory, &index) == OK);
    uint64_t applied = index_applied(index), stored = 0;
    struct buffer value;
    buffer_init(&value, sizeof(stored));
    if (index_get(index, TEXT("k"), &value))
        memcpy(&stored, value.data, sizeof(stored));
    EXPECT(stored == applied);
    buffer_finish(&value);
    index_close(&index);
    return applied;
}

static void apply_number(struct index *index, uint64_t number)
{
    struct index_batch *batch = index_batch_new(index);
    index_batch_put(batch, TEXT("k"), text_of(&number, sizeof(number)));
    EXPECT(index_batch_apply(batch, number) == OK);
    index_batch_free(&batch);
}

/* Stands first: RocksDB's threads, once started, are missing in a forked child. */
TEST("a killed process leaves a prefix behind, at least what was flushed")
{
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    pid_t child = fork();
    if (child == 0) {
        struct index *index;
        check(index_open(directory, &index) == OK);
        for (uint64_t number = 1;; number++) {
            apply_number(index, number);
            if (number == 300)
                check(index_settle(index) == OK && index_flush(index) == OK);
            if (number == 1000)
                kill(getpid(), SIGKILL);
        }
    }
    int how;
    EXPECT(waitpid(child, &how, 0) == child && WIFSIGNALED(how));
    uint64_t applied = expect_prefix(directory);
    EXPECT(applied >= 300 && applied <= 1000);
    run_command("rm -rf %s%s", directory, "");
}

static void on_both(void (*play)(struct index *index))
{
    struct index *index;
    EXPECT(index_open(NULL, &index) == OK);
    play(index);
    index_close(&index);
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    EXPECT(index_open(directory, &index) == OK);
    play(index);
    index_close(&index);
    run_command("rm -rf %s%s", directory, "");
}

static void put_one(struct index *index, const char *key, const char *value, uint64_t applied)
{
    struct index_batch *batch = index_batch_new(index);
    index_batch_put(batch, text_from(key), text_from(value));
    EXPECT(index_batch_apply(batch, applied) == OK);
    index_batch_free(&batch);
    EXPECT(batch == NULL);
}

static void expect_stored(struct index *index, const char *key, const char *expected)
{
    struct buffer out;
    buffer_init(&out, 1000);
    buffer_append(&out, TEXT("left over"));
    bool found = index_get(index, text_from(key), &out);
    EXPECT(found == (expected != NULL));
    EXPECT_TEXT(buffer_text(&out), expected != NULL ? expected : "");
    buffer_finish(&out);
}

static void batches(struct index *index)
{
    EXPECT(index_applied(index) == 0);
    struct index_batch *batch = index_batch_new(index);
    index_batch_put(batch, TEXT("a"), TEXT("1"));
    index_batch_put(batch, TEXT("b"), TEXT(""));
    expect_stored(index, "a", NULL);
    EXPECT(index_batch_apply(batch, 5) == OK);
    EXPECT(index_applied(index) == 5);
    expect_stored(index, "a", "1");
    expect_stored(index, "b", "");
    index_batch_delete(batch, TEXT("a"));
    index_batch_put(batch, TEXT("c"), TEXT("x"));
    index_batch_put(batch, TEXT("c"), TEXT("y"));
    EXPECT(index_batch_apply(batch, 6) == OK);
    index_batch_free(&batch);
    expect_stored(index, "a", NULL);
    expect_stored(index, "c", "y");
    EXPECT(index_settle(index) == OK && index_flush(index) == OK && index_failed(index) == NULL);
    expect_stored(index, "a", NULL);
    expect_stored(index, "c", "y");
}

TEST("a batch is applied whole, in order, and carries its position")
{
    on_both(batches);
}

struct listing {
    struct index *index;
    char keys[200];
    unsigned most;
};

static bool list_key(void *context, struct text key, struct text value)
{
    struct listing *listing = context;
    unused(value);
    size_t length = strlen(listing->keys);
    snprintf(listing->keys + length, sizeof(listing->keys) - length, "%.*s ", TEXT_ARG(key));
    /* What happens meanwhile must not show. */
    if (index_applied(listing->index) < 100)
        put_one(listing->index, "p9", "late", 100);
    return --listing->most > 0;
}

static void scans(struct index *index)
{
    put_one(index, "p2", "", 1);
    put_one(index, "p1", "", 2);
    put_one(index, "p11", "", 3);
    put_one(index, "q", "", 4);
    put_one(index, "o\xff", "", 5);
    struct listing listing = {.index = index, .most = 100};
    index_scan(index, TEXT("p"), TEXT(""), list_key, &listing);
    EXPECT_TEXT(text_from(listing.keys), "p1 p11 p2 ");
    listing = (struct listing){.index = index, .most = 100};
    index_scan(index, TEXT("p"), TEXT("p11"), list_key, &listing);
    EXPECT_TEXT(text_from(listing.keys), "p11 p2 p9 ");
    listing = (struct listing){.index = index, .most = 2};
    index_scan(index, TEXT(""), TEXT("p"), list_key, &listing);
    EXPECT_TEXT(text_from(listing.keys), "p1 p11 ");
    listing = (struct listing){.index = index, .most = 2};
    index_scan(index, TEXT("z"), TEXT(""), list_key, &listing);
    EXPECT_TEXT(text_from(listing.keys), "");
}

TEST("a scan shows a snapshot of the prefix, ascending, from where it is told")
{
    on_both(scans);
}

static void only_ours(struct index *index)
{
    put_one(index, "k", "", 1);
    struct listing listing = {.index = index, .most = 100};
    index_scan(index, TEXT(""), TEXT(""), list_key, &listing);
    EXPECT_TEXT(text_from(listing.keys), "k ");
}

TEST("the applied position never shows in a scan")
{
    on_both(only_ours);
}

enum { KEYS = 50, STEPS = 3000 };

struct model {
    bool there[KEYS];
    unsigned values[KEYS];
    unsigned visited;
    int last;
};

static bool compare_with_model(void *context, struct text key, struct text value)
{
    struct model *model = context;
    EXPECT(key.length == 3 && key.data[0] == 'k');
    int number = (key.data[1] - '0') * 10 + key.data[2] - '0';
    EXPECT(number > model->last && model->there[number]);
    EXPECT(text_equals(value, text_of(&model->values[number], sizeof(unsigned))));
    model->last = number;
    model->visited++;
    return true;
}

static void expect_model(struct index *index, struct model *model, unsigned count)
{
    model->visited = 0;
    model->last = -1;
    index_scan(index, TEXT("k"), TEXT(""), compare_with_model, model);
    EXPECT(model->visited == count);
    struct buffer value;
    buffer_init(&value, sizeof(unsigned));
    for (unsigned number = 0; number < KEYS; number++) {
        char key[4];
        snprintf(key, sizeof(key), "k%02u", number % 100);
        EXPECT(index_get(index, text_from(key), &value) == model->there[number]);
        if (model->there[number])
            EXPECT(text_equals(buffer_text(&value),
                               text_of(&model->values[number], sizeof(unsigned))));
    }
    buffer_finish(&value);
}

/* Settled now and then, so that each key is at times gathered, at times written, at times both. */
static void agrees_with_model(struct index *index)
{
    random_seed_for_test(11);
    struct model model = {0};
    struct index_batch *batch = index_batch_new(index);
    unsigned count = 0;
    for (unsigned step = 1; step <= STEPS; step++) {
        unsigned number = random_below(KEYS);
        char key[4];
        snprintf(key, sizeof(key), "k%02u", number % 100);
        bool keep = random_below(3) > 0;
        count = count + keep - model.there[number];
        model.there[number] = keep;
        model.values[number] = step;
        if (keep)
            index_batch_put(batch, text_from(key), text_of(&step, sizeof(step)));
        else
            index_batch_delete(batch, text_from(key));
        if (step % 3 != 0)
            continue;
        EXPECT(index_batch_apply(batch, step) == OK);
        expect_model(index, &model, count);
        if (random_below(8) == 0)
            EXPECT(index_settle(index) == OK);
    }
    index_batch_free(&batch);
}

TEST("an index agrees with a plain array through random puts and deletes")
{
    on_both(agrees_with_model);
}

/* With what is only gathered too; and of keys below and above those that were there when it was
 * opened. */
TEST("an index that is closed and opened again agrees with it as well")
{
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    random_seed_for_test(12);
    struct model model = {0};
    unsigned count = 0;
    for (unsigned round = 0; round < 20; round++) {
        struct index *index;
        EXPECT(index_open(directory, &index) == OK && index_applied(index) == round * 20);
        expect_model(index, &model, count);
        struct index_batch *batch = index_batch_new(index);
        for (unsigned step = round * 20 + 1; step <= round * 20 + 20; step++) {
            unsigned number = random_below(KEYS);
            char key[4];
            snprintf(key, sizeof(key), "k%02u", number % 100);
            bool keep = random_below(3) == 0;
            count = count + keep - model.there[number];
            model.there[number] = keep;
            model.values[number] = step;
            if (keep)
                index_batch_put(batch, text_from(key), text_of(&step, sizeof(step)));
            else
                index_batch_delete(batch, text_from(key));
            EXPECT(index_batch_apply(batch, step) == OK);
            expect_model(index, &model, count);
        }
        index_batch_free(&batch);
        index_close(&index);
    }
    run_command("rm -rf %s%s", directory, "");
}

TEST("much that is applied is written without being asked, and found")
{
    enum { COUNT = 300, BYTES = 10000 };
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    struct index *index;
    static char large[BYTES];
    struct buffer value;
    EXPECT(index_open(directory, &index) == OK);
    buffer_init(&value, BYTES);
    for (unsigned number = 1; number <= COUNT; number++) {
        struct index_batch *batch = index_batch_new(index);
        snprintf(large, sizeof(large), "k%03u", number);
        index_batch_put(batch, text_from(large), text_of(large, sizeof(large)));
        EXPECT(index_batch_apply(batch, number) == OK);
        index_batch_free(&batch);
    }
    for (unsigned number = 1; number <= COUNT; number++) {
        snprintf(large, sizeof(large), "k%03u", number);
        EXPECT(index_get(index, text_from(large), &value) &&
               text_equals(buffer_text(&value), text_of(large, sizeof(large))));
    }
    buffer_finish(&value);
    index_close(&index);
    run_command("rm -rf %s%s", directory, "");
}

static void count_failures(struct index *index)
{
    struct buffer small;
    buffer_init(&small, 3);
    put_one(index, "key", "four", 1);
    EXPECT(!index_get(index, TEXT("key"), &small) && small.overflowed);
    EXPECT(index_failed(index) == NULL);
    buffer_finish(&small);
}

TEST("a value larger than the reader allows is not given in part")
{
    on_both(count_failures);
}

TEST("closing and opening again finds everything, and destroying finds nothing")
{
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    struct index *index;
    EXPECT(index_open(directory, &index) == OK);
    put_one(index, "k", "v", 77);
    index_close(&index);
    EXPECT(index == NULL && index_open(directory, &index) == OK);
    EXPECT(index_applied(index) == 77);
    expect_stored(index, "k", "v");
    index_close(&index);
    EXPECT(index_destroy(directory) == OK);
    EXPECT(index_open(directory, &index) == OK);
    EXPECT(index_applied(index) == 0);
    expect_stored(index, "k", NULL);
    index_close(&index);
    run_command("rm -rf %s%s", directory, "");
}

TEST("a copy taken at any time is the prefix that was flushed, position and all")
{
    char directory[] = "/tmp/index-test-XXXXXX", copy[] = "/tmp/index-copy-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL && mkdtemp(copy) != NULL);
    struct index *index;
    EXPECT(index_open(directory, &index) == OK);
    for (uint64_t number = 1; number <= 40; number++) {
        apply_number(index, number);
        if (number == 25)
            EXPECT(index_settle(index) == OK && index_flush(index) == OK);
    }
    run_command("cp -r %s/. %s", directory, copy);
    EXPECT(expect_prefix(copy) == 25);
    index_close(&index);
    EXPECT(expect_prefix(directory) == 40);
    run_command("rm -rf %s %s", directory, copy);
}

TEST("a damaged index is said to be so, with the remedy, and can be destroyed")
{
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    struct index *index;
    EXPECT(index_open(directory, &index) == OK);
    put_one(index, "k", "v", 1);
    index_close(&index);
    run_command("for f in %s/MANIFEST-*; do echo scrambled > $f; done%s", directory, "");
    EXPECT(index_open(directory, &index) == TRY_LATER);
    EXPECT(strstr(fail_reason(), "rebuilt from the log") != NULL);
    EXPECT(index_destroy(directory) == OK);
    EXPECT(index_open(directory, &index) == OK && index_applied(index) == 0);
    index_close(&index);
    run_command("rm -rf %s%s", directory, "");
}

/* Opened anew, and then the block that has "ke" reads as zeros. */
static struct index *open_scrambled(const char *directory)
{
    struct index *index;
    EXPECT(index_open(directory, &index) == OK);
    static char large[20000]; /* so that ke is not in a block that opening reads */
    random_bytes(large, sizeof(large));
    struct index_batch *batch = index_batch_new(index);
    for (const char *letter = "abcdefghi"; *letter != '\0'; letter++) {
        const char key[] = {'k', *letter};
        index_batch_put(batch, text_of(key, sizeof(key)), text_of(large, sizeof(large)));
    }
    EXPECT(index_batch_apply(batch, 1) == OK);
    index_batch_free(&batch);
    index_close(&index);
    EXPECT(index_open(directory, &index) == OK);
    run_command(
        "for f in %s/*.sst; do dd if=/dev/zero of=$f bs=1 seek=89000 count=600 conv=notrunc; "
        "done 2>/dev/null%s",
        directory, "");
    return index;
}

static void count_failure(void *context)
{
    ++*(unsigned *)context;
}

TEST("a table scrambled under a running index fails it for good")
{
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    struct index *index = open_scrambled(directory);
    struct buffer value;
    unsigned told = 0;
    buffer_init(&value, 30000);
    index_on_failure(index, count_failure, &told);
    EXPECT(index_get(index, TEXT("kb"), &value) && told == 0);
    EXPECT(!index_get(index, TEXT("ke"), &value) && told == 1);
    EXPECT(index_failed(index) != NULL);
    struct index_batch *batch = index_batch_new(index);
    index_batch_put(batch, TEXT("l"), TEXT("v"));
    EXPECT(index_batch_apply(batch, 2) == TRY_LATER && told == 2);
    index_batch_free(&batch);
    EXPECT(index_settle(index) == TRY_LATER && told == 3);
    buffer_finish(&value);
    index_close(&index);
    run_command("rm -rf %s%s", directory, "");
}

struct walk_told {
    struct index *index;
    unsigned told, visits;
};

static bool get_scrambled(void *context, struct text key, struct text value)
{
    struct walk_told *walk = context;
    struct buffer out;
    unused(key), unused(value);
    buffer_init(&out, 30000);
    EXPECT(!index_get(walk->index, TEXT("ke"), &out) && walk->told == 0);
    buffer_finish(&out);
    return ++walk->visits < 2;
}

TEST("a failure inside a scan is told when the scan has ended")
{
    char directory[] = "/tmp/index-test-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    struct walk_told walk = {.index = open_scrambled(directory)};
    index_on_failure(walk.index, count_failure, &walk.told);
    index_scan(walk.index, TEXT("k"), TEXT(""), get_scrambled, &walk);
    EXPECT(walk.visits == 2 && walk.told == 1);
    index_close(&walk.index);
    run_command("rm -rf %s%s", directory, "");
}
