/* A log with records of another version, or of a bug: what is malformed is told and passed over,
 * what makes no sense does nothing, and the mail beside it stays what it was. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/append.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store/value.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

enum { MESSAGES = 5, FOREIGN = 55, SAME = 77, UNKNOWN = 99 };

/* ---- Records as nobody here writes them ---- */

static void write_record(struct store_world *world, unsigned type, struct text payload)
{
    struct log *log = store_log(world->store);
    EXPECT(log_commit(log, log_append(log, (uint16_t)type, &payload, 1, NULL)) == OK);
}

static void write_change(struct store_world *world, struct change *change)
{
    struct buffer payload;
    buffer_init(&payload, LOG_PAYLOAD_MAX);
    wire_put_u8(&payload, CHANGE_VERSION);
    wire_put_text(&payload, buffer_text(&change->operations));
    buffer_append(&payload, change->body);
    write_record(world, RECORD_CHANGE, buffer_text(&payload));
    buffer_finish(&payload);
    change_finish(change);
}

static void write_operation(struct store_world *world, struct operation operation)
{
    struct change change;
    change_init(&change);
    change_add(&change, &operation);
    write_change(world, &change);
}

/* With these bytes for an operation's own. */
static void write_bytes(struct store_world *world, unsigned code, struct text bytes)
{
    struct change change;
    change_init(&change);
    wire_put_u8(&change.operations, (uint8_t)code);
    wire_put_text(&change.operations, bytes);
    write_change(world, &change);
}

static void write_flags(struct store_world *world, uint64_t mailbox, const struct uid_range *ranges,
                        unsigned count)
{
    write_operation(world, (struct operation){.type = OPERATION_FLAGS,
                                              .flags = {.mailbox = mailbox,
                                                        .modseq = 1000,
                                                        .add = FLAG_DELETED,
                                                        .ranges = ranges,
                                                        .range_count = count}});
}

static void write_value(struct store_world *world, struct text owner, struct text name,
                        struct text value)
{
    write_operation(world,
                    (struct operation){.type = OPERATION_VALUE, .value = {owner, name, value}});
}

static void write_box(struct store_world *world, struct operation_mailbox box)
{
    box.mailbox_last = 100;
    write_operation(world, (struct operation){.type = OPERATION_MAILBOX, .mailbox = box});
}

static void write_message(struct store_world *world, struct operation_message message,
                          struct text body)
{
    struct operation operation = {.type = OPERATION_MESSAGE, .message = message};
    struct change change;
    change_init(&change);
    change_add(&change, &operation);
    change.body = body;
    write_change(world, &change);
}

static void write_copy(struct store_world *world, uint64_t mailbox, uint64_t message, uint32_t uid)
{
    struct copied_entry entry = {.message = message, .uid = uid};
    write_operation(
        world, (struct operation){
                   .type = OPERATION_COPY,
                   .copy = {.mailbox = mailbox, .modseq = 1, .entries = &entry, .entry_count = 1}});
}

/* ---- What is malformed ---- */

static unsigned write_malformed_heads(struct store_world *world)
{
    static const char newer[] = {CHANGE_VERSION + 1, 0, 0, 0, 0};
    static const char lies[] = {CHANGE_VERSION, 0, 1, 0, 0, 'x'};
    static const char unfinished[] = {CHANGE_VERSION, 0, 0, 0, 3, OPERATION_ITEM, 0, 0};
    write_record(world, RECORD_CHANGE, text_of(newer, sizeof(newer)));
    write_record(world, RECORD_CHANGE, text_of(lies, sizeof(lies)));
    write_record(world, RECORD_CHANGE, text_of(unfinished, sizeof(unfinished)));
    write_bytes(world, 77, TEXT("of another version"));
    write_bytes(world, OPERATION_MAILBOX_DELETE, TEXT("12345678 and more"));
    write_bytes(world, OPERATION_EXPUNGE, TEXT("12345678123456781234"));
    write_bytes(world, OPERATION_COPY, TEXT("12345678123456781234"));
    return 7;
}

static unsigned write_malformed_flags(struct store_world *world, uint64_t inbox)
{
    static const struct uid_range ranges[][2] = {
        {{0, 1}}, {{1, UINT32_MAX}}, {{3, 2}}, {{1, 3}, {3, 4}}};
    static const char narrow[32] = {0};
    for (unsigned i = 0; i < 4; i++)
        write_flags(world, inbox, ranges[i], i == 3 ? 2 : 1);
    write_bytes(world, 3, text_of(narrow, 28)); /* of UID 0, in the oldest form */
    write_copy(world, inbox, 1000, 0);
    return 6;
}

static unsigned write_malformed_boxes(struct store_world *world)
{
    char bytes[MAILBOX_NAMES_MAX + 1];
    struct text keywords[MAILBOX_KEYWORDS_MAX + 1];
    memset(bytes, 'k', sizeof(bytes));
    for (unsigned i = 0; i < MAILBOX_KEYWORDS_MAX + 1; i++)
        keywords[i] = TEXT("k");
    struct operation_mailbox box = {.mailbox = FOREIGN, .owner = ALICE, .name = TEXT("foreign")};
    struct operation_mailbox nameless = box, many = box, empty = box, longer = box;
    nameless.mailbox = 0;
    box.name = text_of(bytes, sizeof(bytes));
    many.keywords = keywords;
    many.keyword_count = MAILBOX_KEYWORDS_MAX + 1;
    struct text of_none = TEXT(""), of_many = text_of(bytes, MAILBOX_KEYWORD_BYTES_MAX + 1);
    empty.keywords = &of_none;
    longer.keywords = &of_many;
    empty.keyword_count = longer.keyword_count = 1;
    write_box(world, nameless);
    write_box(world, box);
    write_box(world, many);
    write_box(world, empty);
    write_box(world, longer);
    return 5;
}

static unsigned write_malformed_values(struct store_world *world)
{
    char *bytes = calloc(1, VALUE_BYTES_MAX + 1);
    memset(bytes, 'v', VALUE_NAMES_MAX);
    write_value(world, TEXT(""), TEXT("note/a"), TEXT("v"));
    write_value(world, ALICE, TEXT(""), TEXT("v"));
    write_value(world, ALICE, text_of(bytes, VALUE_NAMES_MAX), TEXT("v"));
    write_value(world, text_of("a\0b", 3), TEXT("note/a"), TEXT("v"));
    write_value(world, ALICE, TEXT("note/a"), text_of(bytes, VALUE_BYTES_MAX + 1));
    free(bytes);
    return 5;
}

static unsigned write_malformed_messages(struct store_world *world, uint64_t inbox)
{
    struct log_place place = {1, 64, 3};
    struct message_entry of_none = {.mailbox = inbox};
    struct message_item removed = {.number = 1};
    write_message(world, (struct operation_message){.message.id = 0}, TEXT(""));
    write_message(world,
                  (struct operation_message){
                      .message = {.id = 5, .size = 4, .extents = &place, .extent_count = 1}},
                  TEXT(""));
    write_message(
        world, (struct operation_message){.message.id = 5, .entries = &of_none, .entry_count = 1},
        TEXT(""));
    write_message(world,
                  (struct operation_message){.message.id = 5, .items = &removed, .item_count = 1},
                  TEXT(""));
    write_bytes(world, OPERATION_MESSAGE, TEXT("\xff"));
    return 5;
}

/* ---- What makes no sense ---- */

static void write_senseless(struct store_world *world, uint64_t inbox)
{
    static const char listed[] = {0, 0, 0, 0, 0, 0, 0, UNKNOWN, 0, 0, 0, 0, 0, 0, 0, 9,
                                  0, 0, 0, 0, 0, 0, 0, 2,       0, 0, 0, 0, 0, 0, 0, 0,
                                  0, 0, 0, 3, 0, 0, 0, 0,       0, 0, 0, 2, 0, 0, 0, 1};
    uint32_t uids[] = {900, 800, 800};
    struct operation expunge = {
        .type = OPERATION_EXPUNGE,
        .expunge = {.mailbox = inbox, .modseq = 7, .uids = uids, .uid_count = 3}};
    write_record(world, 9, TEXT("of no type we know"));
    write_record(world, RECORD_CHUNK, TEXT("?"));
    write_record(world, RECORD_CHUNK,
                 TEXT("\x7f"
                      "12345678 of another version"));
    write_bytes(world, 13, text_of(listed, sizeof(listed)));
    write_flags(world, inbox, NULL, 0);
    write_flags(world, UNKNOWN, &(struct uid_range){1, 2}, 1);
    write_operation(world, expunge);
    expunge.expunge.mailbox = UNKNOWN;
    write_operation(world, expunge);
    write_copy(world, inbox, 5000, 500);
    write_copy(world, UNKNOWN, 1000, 1);
    write_operation(
        world, (struct operation){.type = OPERATION_MAILBOX_DELETE, .mailbox_delete = UNKNOWN});
    write_message(world, (struct operation_message){.message.id = 6}, TEXT(""));
    write_operation(world, (struct operation){.type = OPERATION_ITEM,
                                              .item = {.id = 7, .number = 1, .value = TEXT("v")}});
}

/* Two of one name: that one of them goes leaves it to the other. */
static void write_of_one_name(struct store_world *world)
{
    struct operation_mailbox box = {.mailbox = SAME, .owner = ALICE, .name = TEXT("twice")};
    write_box(world, box);
    box.mailbox++;
    write_box(world, box);
    write_operation(world,
                    (struct operation){.type = OPERATION_MAILBOX_DELETE, .mailbox_delete = SAME});
}

/* ---- The mail beside it ---- */

static void expect_mail(struct store_world *world)
{
    struct mailbox *box = world_inbox(world);
    struct buffer body;
    unsigned count;
    buffer_init(&body, 1000);
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    EXPECT(count == MESSAGES && mailbox_totals(box).messages == MESSAGES);
    for (unsigned i = 0; i < count; i++) {
        EXPECT(entries[i].uid == i + 1 && (entries[i].flags & FLAG_DELETED) == 0);
        buffer_reset(&body, 1000);
        EXPECT(mailbox_read(world->store, entries[i].message, 0, 1000, &body) == OK);
        EXPECT_TEXT(buffer_text(&body), "Subject: a\r\n\r\nb\r\n");
    }
    mailbox_close(&box);
    EXPECT(value_get(world->store, ALICE, TEXT("note/kept"), &body));
    EXPECT_TEXT(buffer_text(&body), "kept");
    buffer_finish(&body);
}

static void report(void *context, const char *line)
{
    unused(context);
    fail_msg("%s", line);
}

/* How often this stands in what is written to standard error while the store starts. */
static unsigned count_told(struct store_world *world, const char *wanted)
{
    enum { MOST = 1 << 16 };
    int ends[2], before = dup(STDERR_FILENO);
    char *told = calloc(1, MOST);
    EXPECT(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    dup2(ends[1], STDERR_FILENO);
    world_restart(world);
    dup2(before, STDERR_FILENO);
    unsigned count = 0;
    if (read(ends[0], told, MOST - 1) > 0)
        for (const char *at = told; (at = strstr(at, wanted)) != NULL; at++)
            count++;
    close(before), close(ends[0]), close(ends[1]);
    free(told);
    return count;
}

static void waste(struct store_world *world)
{
    enum { WASTE = 900000 };
    char *bytes = calloc(1, WASTE);
    for (unsigned i = 0; i < 8; i++)
        EXPECT(value_set(world->store, ALICE, TEXT("note/waste"), text_of(bytes, WASTE)) == OK);
    EXPECT(value_set(world->store, ALICE, TEXT("note/waste"), TEXT("")) == OK);
    free(bytes);
}

static void some_mail(struct store_world *world)
{
    world_fill(world, world_inbox(world), MESSAGES);
    struct mailbox *box = world_inbox(world);
    for (uint32_t uid = 1; uid <= MESSAGES; uid++)
        EXPECT(mailbox_flag(box, uid, 0, FLAG_DELETED) == OK);
    EXPECT(value_set(world->store, ALICE, TEXT("note/kept"), TEXT("kept")) == OK);
}

static void expect_well(struct store_world *world)
{
    expect_mail(world);
    EXPECT(store_verify(world->store, report, NULL) == OK);
    waste(world);
    while (store_reclaim(world->store, true) == OK)
        expect_mail(world);
    EXPECT(log_first_segment(store_log(world->store)) > 1);
    EXPECT(store_verify(world->store, report, NULL) == OK);
    world_restart(world);
    expect_mail(world);
    world_fill(world, world_inbox(world), 1);
}

static void malformed(struct store_world *world)
{
    some_mail(world);
    uint64_t inbox = mailbox_id(world_inbox(world));
    unsigned wrong = write_malformed_heads(world) + write_malformed_flags(world, inbox) +
                     write_malformed_boxes(world) + write_malformed_values(world) +
                     write_malformed_messages(world, inbox);
    EXPECT(count_told(world, "store.record_malformed") == wrong);
    expect_well(world);
}

TEST("a malformed record is told of and passed over, and the mail beside it stays")
{
    world_run_large(malformed, 1);
}

static void senseless(struct store_world *world)
{
    some_mail(world);
    write_senseless(world, mailbox_id(world_inbox(world)));
    write_of_one_name(world);
    EXPECT(count_told(world, "store.record_malformed") == 0);
    EXPECT(mailbox_id(mailbox_find(world->store, ALICE, TEXT("twice"))) == SAME + 1);
    EXPECT(mailbox_find_id(world->store, SAME) == NULL);
    expect_well(world);
}

TEST("a record that says what cannot be does nothing, and the mail beside it stays")
{
    world_run_large(senseless, 2);
}

/* ---- What may be, though nobody here does it so ---- */

/* A mailbox whose own record stood before all that is left of the log. */
static void headless(struct store_world *world)
{
    struct message_entry entry = {.mailbox = FOREIGN, .uid = 1, .modseq = 1};
    some_mail(world);
    write_message(world,
                  (struct operation_message){.message = {.id = 5, .is_as_given = true},
                                             .body_follows = true,
                                             .entries = &entry,
                                             .entry_count = 1},
                  TEXT("a: b\r\n\r\n"));
    write_copy(world, FOREIGN, 5, 2);
    write_flags(world, FOREIGN, &(struct uid_range){1, 2}, 1);
    write_flags(world, FOREIGN, &(struct uid_range){2, 2}, 1);
    write_operation(
        world, (struct operation){.type = OPERATION_MAILBOX_DELETE, .mailbox_delete = FOREIGN});
    world_restart(world);
    struct arena arena;
    struct message message;
    arena_init(&arena);
    EXPECT(!store_message(world->store, 5, &arena, &message));
    arena_finish(&arena);
    expect_well(world);
}

TEST("a mailbox the log knows only by what is in it is deleted with that")
{
    world_run_large(headless, 3);
}

/* One record changes flags in two mailboxes and ends one of them. */
static void many_at_once(struct store_world *world)
{
    struct change change;
    some_mail(world);
    EXPECT(mailbox_create(world->store, ALICE, TEXT("other"), 0) == NAMING_DONE);
    struct mailbox *other = mailbox_find(world->store, ALICE, TEXT("other"));
    world_fill(world, other, 3);
    struct uid_range range = {1, 2};
    struct operation flags = {
        .type = OPERATION_FLAGS,
        .flags = {.modseq = 500, .add = FLAG_FLAGGED, .ranges = &range, .range_count = 1}};
    struct operation end = {.type = OPERATION_MAILBOX_DELETE, .mailbox_delete = mailbox_id(other)};
    change_init(&change);
    flags.flags.mailbox = mailbox_id(other);
    change_add(&change, &flags);
    flags.flags.mailbox = mailbox_id(world_inbox(world));
    change_add(&change, &flags);
    flags.flags.mailbox = mailbox_id(other);
    change_add(&change, &flags);
    change_add(&change, &end);
    EXPECT(value_compose(&change, ALICE, TEXT("note/twice"), TEXT("first")));
    EXPECT(value_compose(&change, ALICE, TEXT("note/other"), TEXT("other")));
    EXPECT(value_compose(&change, ALICE, TEXT("note/twice"), TEXT("last")));
    EXPECT(store_commit(world->store, &change) == OK);
    change_finish(&change);
    EXPECT(mailbox_find(world->store, ALICE, TEXT("other")) == NULL);
    struct buffer value;
    buffer_init(&value, 100);
    EXPECT(value_get(world->store, ALICE, TEXT("note/twice"), &value));
    EXPECT_TEXT(buffer_text(&value), "last");
    buffer_finish(&value);
    struct mailbox *box = world_inbox(world);
    mailbox_open(box);
    EXPECT((mailbox_entry_find(box, 2)->flags & FLAG_FLAGGED) != 0);
    EXPECT((mailbox_entry_find(box, 3)->flags & FLAG_FLAGGED) == 0);
    mailbox_close(&box);
    expect_well(world);
}

TEST("operations of one record follow each other, whatever else is in it")
{
    world_run_large(many_at_once, 4);
}

/* ---- A long one ---- */

static void very_long(struct store_world *world)
{
    enum { RECORDS = 200000 };
    static const char nothing[] = {CHANGE_VERSION, 0, 0, 0, 0};
    struct text payload = text_of(nothing, sizeof(nothing));
    struct log *log = store_log(world->store);
    log_number last = 0;
    while (last < RECORDS) {
        last = log_append(log, RECORD_CHANGE, &payload, 1, NULL);
        if (last % 1000 == 0)
            EXPECT(log_commit(log, last) == OK);
    }
    EXPECT(count_told(world, "store.replay record=200000") == 1);
}

TEST("who starts with a long log tells how far he is")
{
    world_run_large(very_long, 5);
}
