/* What a store does not take: it says so, and all stays as it was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/logline.h"
#include "base/memory.h"
#include "store/append.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store/value.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

static unsigned count_in(struct mailbox *box)
{
    unsigned count;
    mailbox_open(box);
    mailbox_entries(box, &count);
    mailbox_close(&box);
    return count;
}

static struct append *begin_append(struct store_world *world)
{
    struct append *append = append_new(world->store, world_next_id, world);
    append_begin(append, 0, NULL, 0, 1000);
    return append;
}

static enum status append_one(struct store_world *world, struct mailbox *box)
{
    uint32_t uid;
    struct append *append = begin_append(world);
    EXPECT(append_bytes(append, TEXT("a: b\r\n\r\n")) == OK && append_end(append, false) == OK);
    enum status status = append_commit(append, box, &uid);
    append_free(&append);
    return status;
}

static void full_of_uids(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct mailbox *full = mailbox_find_or_make(world->store, ALICE, TEXT("full"));
    uint32_t uid = 1, first;
    unsigned one = 1;
    world_fill(world, box, 1);
    world_fill(world, full, 1);
    full->uid_given = UINT32_MAX;
    EXPECT(append_one(world, full) == REFUSED);
    mailbox_open(box);
    EXPECT(mailbox_copy(box, full, &uid, &one, true, &first) == REFUSED);
    mailbox_close(&box);
    EXPECT(count_in(full) == 1 && count_in(world_inbox(world)) == 1);
}

TEST("a mailbox that has given all its UIDs takes no more, and the message stays where it was")
{
    world_run(full_of_uids, 1);
}

static void gone_meanwhile(struct store_world *world)
{
    struct mailbox *box = world_inbox(world), *gone;
    uint32_t uid = 1, first;
    unsigned one = 1;
    EXPECT(mailbox_create(world->store, ALICE, TEXT("gone"), 0) == NAMING_DONE);
    gone = mailbox_find(world->store, ALICE, TEXT("gone"));
    world_fill(world, box, 1);
    mailbox_open(gone);
    uint64_t id = mailbox_id(gone);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("gone")) == NAMING_DONE);
    EXPECT(append_one(world, gone) == REFUSED);
    mailbox_open(box);
    EXPECT(mailbox_copy(box, gone, &uid, &one, false, &first) == REFUSED);
    /* What it was to replace is gone: it comes all the same. */
    struct append *append = begin_append(world);
    EXPECT(append_end(append, false) == OK); /* of no bytes */
    append_replaces(append, id, 1);
    EXPECT(append_commit(append, box, &first) == OK && first == 2);
    append_free(&append);
    append_free(&append); /* nothing */
    mailbox_close(&gone);
    mailbox_close(&box);
    EXPECT(count_in(world_inbox(world)) == 2);
}

TEST("a mailbox that was deleted meanwhile takes nothing, and its last user ends it")
{
    world_run(gone_meanwhile, 2);
}

static void keywords(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    char long_one[MAILBOX_KEYWORD_BYTES_MAX + 1], name[8] = "k00";
    memset(long_one, 'k', sizeof(long_one));
    EXPECT(mailbox_keyword_add(box, TEXT("")) == 0);
    EXPECT(mailbox_keyword_add(box, text_of(long_one, MAILBOX_KEYWORD_BYTES_MAX + 1)) == 0);
    EXPECT(mailbox_keyword_add(box, text_of(long_one, MAILBOX_KEYWORD_BYTES_MAX)) != 0);
    for (unsigned i = 1; i < MAILBOX_KEYWORDS_MAX; i++) {
        name[1] = (char)('0' + i / 10), name[2] = (char)('0' + i % 10);
        EXPECT(mailbox_keyword_add(box, text_from(name)) != 0);
    }
    EXPECT(mailbox_keyword_add(box, TEXT("more")) == 0);
    EXPECT(mailbox_keyword_add(box, TEXT("K01")) == mailbox_keyword_find(box, TEXT("k01")));
    EXPECT(mailbox_keyword_count(box) == MAILBOX_KEYWORDS_MAX);
    world_fill(world, box, 1);
    world_restart(world);
    EXPECT(mailbox_keyword_count(world_inbox(world)) == MAILBOX_KEYWORDS_MAX);
}

TEST("a mailbox has so many keywords, none empty or too long, and those it has it keeps")
{
    world_run(keywords, 3);
}

static bool visit_never(void *context, struct text name, struct text value)
{
    unused(context), unused(name), unused(value);
    fail();
    return false;
}

static void values(struct store_world *world)
{
    char *bytes = malloc(VALUE_BYTES_MAX + 1);
    struct buffer out;
    buffer_init(&out, VALUE_BYTES_MAX);
    memset(bytes, 'v', VALUE_BYTES_MAX + 1);
    struct text long_one = text_of(bytes, VALUE_NAMES_MAX + 1);
    EXPECT(value_set(world->store, ALICE, long_one, TEXT("v")) == REFUSED);
    EXPECT(value_set(world->store, ALICE, TEXT("n"), text_of(bytes, VALUE_BYTES_MAX + 1)) ==
           REFUSED);
    EXPECT(!value_get(world->store, ALICE, TEXT("n"), &out));
    struct text longer = text_of(bytes, KEY_BYTES);
    EXPECT(!value_get(world->store, ALICE, longer, &out));
    value_each(world->store, longer, TEXT(""), visit_never, NULL);
    value_each(world->store, ALICE, TEXT(""), visit_never, NULL);
    EXPECT(mailbox_find_or_make(world->store, ALICE, text_of(bytes, MAILBOX_NAMES_MAX)) == NULL);
    buffer_finish(&out);
    free(bytes);
}

TEST("a value or a mailbox whose name is too long is not there, and not made")
{
    world_run(values, 4);
}

static void changes(struct store_world *world)
{
    char *bytes = malloc(VALUE_BYTES_MAX);
    struct change change;
    memset(bytes, 'v', VALUE_BYTES_MAX);
    change_init(&change);
    const char *names[] = {"a", "b", "c"};
    for (unsigned i = 0; i < 3; i++)
        EXPECT(value_compose(&change, ALICE, text_from(names[i]), text_of(bytes, VALUE_BYTES_MAX)));
    EXPECT(store_commit(world->store, &change) == REFUSED); /* with its heads it is too much */
    change_finish(&change);
    value_each(world->store, ALICE, TEXT(""), visit_never, NULL);
    struct upload *upload = upload_new(world->store, 5);
    EXPECT(upload_append(upload, text_of(bytes, CHANGE_BODY_INLINE_MAX + 1)) == REFUSED);
    EXPECT(upload_append(upload, TEXT("")) == OK && upload_size(upload) == 0);
    upload_free(&upload);
    upload_free(&upload); /* nothing */
    free(bytes);
}

TEST("a change that is too large for a record is refused whole, as is a part of a body")
{
    world_run_large(changes, 5);
}

/* Bytes are waited for once some megabytes of them are on their way. */
static void large_on_failing_disk(struct store_world *world)
{
    enum { PART = 600 << 10, PARTS = 12 };
    char *bytes = calloc(1, PART);
    struct mailbox *box = world_inbox(world);
    enum status status = OK;
    world_fill(world, box, 1);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    struct append *append = begin_append(world);
    memory_disk_fail(world->disk, 1, EIO, true);
    for (unsigned i = 0; i < PARTS && status == OK; i++)
        status = append_bytes(append, text_of(bytes, PART));
    EXPECT(status == TRY_LATER);
    EXPECT(append_bytes(append, text_of(bytes, PART)) == TRY_LATER); /* and it stays so */
    memory_disk_fail(world->disk, 0, 0, false);
    append_free(&append);
    log_setup("test", LOG_LEVEL_ERROR);
    EXPECT(append_one(world, box) == OK && count_in(box) == 2);
    free(bytes);
}

TEST("a large message on a disk that fails is told so before its end, and the next one is taken")
{
    world_run_large(large_on_failing_disk, 6);
}

static void no_memory(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct append *append = begin_append(world);
    uint32_t uid;
    world_fill(world, box, 1);
    memory_limit(1);
    EXPECT(append_expect(append, 100000) == TRY_LATER);
    EXPECT(append_bytes(append, TEXT("a: b\r\n\r\n")) == OK && append_end(append, false) == OK);
    EXPECT(append_commit(append, box, &uid) == TRY_LATER);
    EXPECT(count_in(box) == 1);
    memory_limit(0);
    EXPECT(append_commit(append, box, &uid) == OK);
    EXPECT(count_in(box) == 2);
    append_free(&append);
}

TEST("a message there is no memory for now comes later")
{
    world_run(no_memory, 7);
}
