/* Rows of the index that are not as we write them, though RocksDB has checksums: the store lives
 * on, and the log brings all back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/logline.h"
#include "store/append.h"
#include "store/block.h"
#include "store/derived.h"
#include "store/fresh.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store/kept.h"
#include "store/value.h"
#include "store/view.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

enum { MESSAGES = 5, STORY = 4711 };

/* The log is on a disk in memory, the index in a directory. */
struct rows {
    struct store_world world;
    char directory[64];
};

static void open_rows(struct rows *rows, bool from_log)
{
    struct store_options options = {.directory = rows->directory,
                                    .index_in_memory = from_log,
                                    .segment_bytes = 128 << 10,
                                    .files = memory_disk_files(rows->world.disk),
                                    .group = &rows->world.group};
    check(store_open(&options, &rows->world.store) == OK);
}

static struct mailbox *find(struct rows *rows, const char *name)
{
    return mailbox_find(rows->world.store, ALICE, text_from(name));
}

static void prepare(struct rows *rows)
{
    struct store *store = rows->world.store;
    struct buffer text;
    world_fill(&rows->world, world_inbox(&rows->world), MESSAGES);
    EXPECT(mailbox_create(store, ALICE, TEXT("other/below"), USE_JUNK) == NAMING_DONE);
    world_fill(&rows->world, find(rows, "other/below"), MESSAGES);
    EXPECT(value_set(store, ALICE, TEXT("note/a"), TEXT("kept")) == OK);
    EXPECT(mailbox_subscribe(store, ALICE, TEXT("other"), true) == OK);
    buffer_init(&text, 100);
    store_story(store, STORY, TEXT("sent"), TEXT("id=<a@b.c>"));
    store_story_flush(store);
    buffer_finish(&text);
}

/* What is in the index alone: made anew together with it. */
static void derive(struct rows *rows)
{
    struct store *store = rows->world.store;
    struct mailbox *below = find(rows, "other/below");
    uint32_t uid = 2;
    EXPECT(mailbox_keyword_add(below, TEXT("$Work")) != 0);
    EXPECT(mailbox_flag(below, 1, mailbox_keyword_find(below, TEXT("$Work")), 0) == OK);
    EXPECT(mailbox_expunge(below, &uid, 1) == OK);
    derived_put(store, 1000, DERIVED_HTML, TEXT("derived"));
    fresh_set_version(store, mailbox_id(below), 7);
    struct block *block = block_new(store, mailbox_id(below));
    block_put(block, 0, TEXT("head"));
    EXPECT(block_write(block, 3));
    block_free(&block);
}

/* ---- Rows are damaged ---- */

enum manner { HALF, BYTE_MORE, GONE, MANNERS };

struct damaging {
    struct index_batch *batch;
    enum manner manner;
    unsigned count;
};

static bool damage_one(void *context, struct text key, struct text value)
{
    struct damaging *damaging = context;
    char bytes[2048];
    size_t length = value.length < sizeof(bytes) - 1 ? value.length : sizeof(bytes) - 1;
    memcpy(bytes, value.data, length);
    bytes[length] = 'x';
    damaging->count++;
    length = damaging->manner == HALF ? length / 2 : length + 1;
    if (damaging->manner == GONE)
        index_batch_delete(damaging->batch, key);
    else
        index_batch_put(damaging->batch, key, text_of(bytes, length));
    return true;
}

static unsigned damage(struct rows *rows, char kind, enum manner manner)
{
    char path[80];
    struct index *index;
    snprintf(path, sizeof(path), "%s/index", rows->directory);
    EXPECT(index_open(path, &index) == OK);
    struct damaging damaging = {index_batch_new(index), manner, 0};
    index_scan(index, text_of(&kind, 1), TEXT(""), damage_one, &damaging);
    EXPECT(index_batch_apply(damaging.batch, index_applied(index)) == OK);
    index_batch_free(&damaging.batch);
    index_close(&index);
    return damaging.count;
}

/* ---- Everything is done on them ---- */

static void ignore_line(void *context, const char *line)
{
    unused(context), unused(line);
}

static void ignore_story(void *context, int64_t wall_ms, struct text event, struct text text)
{
    unused(context), unused(wall_ms), unused(event), unused(text);
}

static void ignore_range(void *context, uint32_t first, uint32_t last)
{
    unused(context), unused(first), unused(last);
}

static bool ignore_name(void *context, struct text name)
{
    unused(context), unused(name);
    return true;
}

static bool keep(void *context, struct text owner)
{
    unused(context), unused(owner);
    return true;
}

static void read_mailbox(void *context, struct mailbox *box)
{
    struct store *store = context;
    struct buffer body;
    struct view view = {0};
    unsigned count;
    buffer_init(&body, 1000);
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    view_open(&view, box);
    for (unsigned i = 0; i < count && i < MESSAGES; i++) {
        buffer_reset(&body, 1000);
        (void)mailbox_read(store, entries[i].message, 0, 1000, &body);
        (void)view_number(&view, entries[i].uid);
    }
    mailbox_vanished(box, UINT64_MAX, ignore_range, NULL);
    view_close(&view);
    mailbox_close(&box);
    buffer_finish(&body);
}

static void change_mailbox(struct mailbox *box, struct mailbox *to)
{
    uint32_t uids[] = {3, 4}, first;
    unsigned count = 1;
    uint64_t modseq;
    (void)mailbox_flag(box, 3, FLAG_SEEN, 0);
    (void)mailbox_flag_many(box, uids, 2, FLAG_FLAGGED, 0, &modseq);
    (void)mailbox_expunge(box, uids, 1);
    mailbox_open(box);
    (void)mailbox_flag(box, 4, FLAG_ANSWERED, 0);
    if (to != NULL)
        (void)mailbox_copy(box, to, &uids[1], &count, true, &first);
    mailbox_close(&box);
}

static void look_beside(struct rows *rows, struct mailbox *box)
{
    struct store *store = rows->world.store;
    struct mailbox_entry entry;
    struct fresh_place place = {0};
    struct buffer value;
    uint64_t ids[3];
    uint32_t last;
    buffer_init(&value, DERIVED_BYTES_MAX);
    while (fresh_next(store, &place, &entry))
        fresh_done(store, place);
    (void)store_stories(store, STORY, ignore_story, NULL);
    (void)store_find_message_id(store, TEXT("<a@b.c>"), ids, 3);
    (void)store_find_address(store, TEXT("a@b.c"), 0, ids, 3);
    (void)value_get(store, ALICE, TEXT("note/a"), &value);
    (void)derived_get(store, 1000, DERIVED_HTML, &value);
    mailbox_each_subscription(store, ALICE, ignore_name, NULL);
    mailbox_each_owner(store, ignore_name, NULL);
    if (box != NULL) {
        (void)block_find(store, mailbox_id(box), 1, &last, &value);
        (void)blocks_end(store, mailbox_id(box));
        (void)fresh_version(store, mailbox_id(box));
    }
    buffer_finish(&value);
}

static void do_all(struct rows *rows)
{
    struct store *store = rows->world.store;
    struct buffer waste;
    store_set_hooks(store, (struct store_hooks){.keeps = keep});
    struct mailbox *below = find(rows, "other/below");
    look_beside(rows, below);
    if (below != NULL)
        change_mailbox(below, find(rows, "other"));
    mailbox_each(store, (mailbox_visit *)read_mailbox, store);
    (void)mailbox_rename(store, ALICE, TEXT("other"), TEXT("new"));
    (void)mailbox_delete(store, ALICE, TEXT("new"));
    (void)kept_expire(store, ALICE, INT64_MAX, UINT64_MAX);
    (void)store_expire_stories(store, INT64_MAX);
    (void)store_verify(store, ignore_line, NULL);
    buffer_init(&waste, 1 << 20);
    while (waste.length < 100000)
        buffer_append(&waste, TEXT("waste"));
    for (unsigned i = 0; i < 6; i++)
        (void)value_set(store, ALICE, TEXT("note/waste"), buffer_text(&waste));
    for (unsigned i = 0; i < 10; i++)
        (void)store_reclaim(store, true);
    buffer_finish(&waste);
}

/* INBOX was only looked at. */
static void expect_mail_there(struct rows *rows)
{
    struct mailbox *inbox = find(rows, "INBOX");
    struct buffer body;
    unsigned count;
    EXPECT(inbox != NULL);
    buffer_init(&body, 1000);
    mailbox_open(inbox);
    const struct mailbox_entry *entries = mailbox_entries(inbox, &count);
    EXPECT(count == MESSAGES);
    for (unsigned i = 0; i < count; i++) {
        buffer_reset(&body, 1000);
        EXPECT(store_read(rows->world.store, entries[i].message, 0, 1000, &body) == OK);
        EXPECT_TEXT(buffer_text(&body), "Subject: a\r\n\r\nb\r\n");
    }
    mailbox_close(&inbox);
    buffer_finish(&body);
}

static void expect_mail(struct rows *rows)
{
    EXPECT(store_verify(rows->world.store, ignore_line, NULL) == OK);
    expect_mail_there(rows);
}

static void shell(const char *format, const char *directory)
{
    char command[256];
    snprintf(command, sizeof(command), format, directory, directory);
    EXPECT(system(command) == 0);
}

/* But what a segment counts for: one that is needed for nothing is given back unread. */
static const char kinds[] = "mrbBkugxvotnNdwf";

static void with_damage(struct rows *rows, char kind, enum manner manner)
{
    EXPECT(damage(rows, kind, manner) > 0);
    open_rows(rows, false);
    do_all(rows);
    store_close(&rows->world.store);
    open_rows(rows, true);
    expect_mail(rows);
    store_close(&rows->world.store);
}

static void each_kind(void *argument)
{
    struct rows *rows = argument;
    struct buffer image;
    task_group_init(&rows->world.group);
    open_rows(rows, false);
    prepare(rows);
    derive(rows);
    store_close(&rows->world.store);
    buffer_init(&image, SIZE_MAX);
    memory_disk_save(rows->world.disk, &image);
    shell("mv '%s/index' '%s/prepared'", rows->directory);
    for (unsigned i = 0; i < MANNERS * (sizeof(kinds) - 1); i++) {
        memory_disk_free(&rows->world.disk);
        rows->world.disk = memory_disk_restore(buffer_text(&image));
        shell("rm -rf '%1$s/index' && cp -r '%1$s/prepared' '%1$s/index'", rows->directory);
        with_damage(rows, kinds[i / MANNERS], (enum manner)(i % MANNERS));
    }
    buffer_finish(&image);
    task_group_finish(&rows->world.group);
}

static void run_rows(task_function *function)
{
    struct rows rows = {.world = {.last_id = 999}};
    snprintf(rows.directory, sizeof(rows.directory), "/tmp/mailroot-rows-XXXXXX");
    EXPECT(mkdtemp(rows.directory) != NULL);
    rows.world.disk = memory_disk_new();
    log_setup("test", LOG_LEVEL_ERROR);
    task_loop_run(function, &rows);
    memory_disk_free(&rows.world.disk);
    shell("rm -rf '%s'", rows.directory);
}

TEST("whatever rows of one kind say, or though they are gone, the store lives, and no mail is lost")
{
    run_rows(each_kind);
}

/* ---- Rows that say too much ---- */

static void put_row(struct rows *rows, struct text key, const struct buffer *value)
{
    char path[80];
    struct index *index;
    snprintf(path, sizeof(path), "%s/index", rows->directory);
    EXPECT(index_open(path, &index) == OK);
    struct index_batch *batch = index_batch_new(index);
    index_batch_put(batch, key, buffer_text(value));
    EXPECT(index_batch_apply(batch, index_applied(index)) == OK);
    index_batch_free(&batch);
    index_close(&index);
}

static void say_too_much(void *argument)
{
    struct rows *rows = argument;
    struct buffer value;
    struct key key;
    char bytes[MAILBOX_NAMES_MAX];
    task_group_init(&rows->world.group);
    open_rows(rows, false);
    prepare(rows);
    uint64_t below = mailbox_id(find(rows, "other/below")), other = mailbox_id(find(rows, "other"));
    store_close(&rows->world.store);
    memset(bytes, 'n', sizeof(bytes));
    buffer_init(&value, 10000);
    wire_put_u16(&value, 0);
    for (unsigned i = 0; i < MAILBOX_KEYWORDS_MAX + 5; i++)
        wire_put_text(&value, text_of(bytes, i + 1));
    put_row(rows, key_traits(&key, below), &value);
    buffer_reset(&value, 10000);
    wire_put_text(&value, ALICE);
    wire_put_text(&value, text_of(bytes, sizeof(bytes)));
    for (unsigned i = 0; i < 15; i++) /* five numbers of 4 bytes, five of 8 */
        wire_put_u32(&value, 1);
    put_row(rows, key_mailbox(&key, other), &value);
    buffer_finish(&value);
    open_rows(rows, false);
    EXPECT(mailbox_keyword_count(find(rows, "other/below")) == MAILBOX_KEYWORDS_MAX);
    EXPECT(find(rows, "other") == NULL);
    expect_mail_there(rows);
    store_close(&rows->world.store);
    task_group_finish(&rows->world.group);
}

TEST("a row that says more of a mailbox than there may be is as good as none, or its beginning")
{
    run_rows(say_too_much);
}

/* ---- A log that was set back ---- */

static void set_back(void *argument)
{
    struct rows *rows = argument;
    struct buffer image;
    task_group_init(&rows->world.group);
    open_rows(rows, false);
    prepare(rows);
    store_close(&rows->world.store);
    buffer_init(&image, SIZE_MAX);
    memory_disk_save(rows->world.disk, &image);
    open_rows(rows, false);
    world_fill(&rows->world, world_inbox(&rows->world), 1);
    EXPECT(mailbox_create(rows->world.store, ALICE, TEXT("later"), 0) == NAMING_DONE);
    store_close(&rows->world.store);
    memory_disk_free(&rows->world.disk);
    rows->world.disk = memory_disk_restore(buffer_text(&image));
    open_rows(rows, false);
    EXPECT(find(rows, "later") == NULL && find(rows, "other/below") != NULL);
    expect_mail(rows);
    store_close(&rows->world.store);
    buffer_finish(&image);
    task_group_finish(&rows->world.group);
}

TEST("an index that knows of more than the log is made anew from what the log has")
{
    run_rows(set_back);
}
