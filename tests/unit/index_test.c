/* The contract of the index, on both engines. */
#include "index/index.h"

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
    EXPECT(index_flush(index) == OK && index_failed(index) == NULL);
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

TEST("integers in keys sort as numbers")
{
    struct buffer low, high;
    buffer_init(&low, 20);
    buffer_init(&high, 20);
    index_key_u32(&low, 255);
    index_key_u32(&high, 256);
    EXPECT(text_compare(buffer_text(&low), buffer_text(&high)) < 0);
    index_key_u64(&low, 1);
    EXPECT(low.length == 12);
    buffer_finish(&low);
    buffer_finish(&high);
}
