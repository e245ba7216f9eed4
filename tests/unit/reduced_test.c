/* Messages with one kind of each alternative: found once, kept, and read in any ranges. */
#include <errno.h>

#include "base/check.h"
#include "base/logline.h"
#include "base/wire.h"
#include "store/append.h"
#include "store/reduced.h"
#include "store_world.h"
#include "test.h"

static const char mixed[] = "From: a\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
                            "--m\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
                            "--a\r\n\r\nplain\r\n"
                            "--a\r\nContent-Type: text/html\r\n\r\n<b>html</b>\r\n--a--\r\n"
                            "--m\r\nContent-Type: image/png\r\n\r\npng\r\n--m--\r\n";
static const char mixed_plain[] = "From: a\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n"
                                  "--m\r\n\r\nplain\r\n"
                                  "--m\r\nContent-Type: image/png\r\n\r\npng\r\n--m--\r\n";
static const char alone[] = "From: a\r\n\r\nno other kind\r\n";

static uint64_t next_id(void *context)
{
    struct store_world *world = context;
    return ++world->last_id;
}

/* A copy of the new message's entry. YIELDS. */
static struct mailbox_entry put(struct store_world *world, struct text message)
{
    struct append *append = append_new(world->store, next_id, world);
    struct mailbox *box = world_inbox(world);
    uint32_t uid;
    append_begin(append, 0, NULL, 0, INT64_C(1700000000000));
    for (size_t done = 0; done < message.length; done += 1 << 16)
        check(append_bytes(append, text_head(text_from_position(message, done), 1 << 16)) == OK);
    check(append_end(append, false) == OK);
    check(append_commit(append, box, &uid) == OK);
    append_free(&append);
    mailbox_open(box);
    struct mailbox_entry entry = *mailbox_entry_find(box, uid);
    mailbox_close(&box);
    return entry;
}

static void find(struct store_world *world, const struct mailbox_entry *entry, enum reduced_to to,
                 struct arena *arena, struct reduced *out)
{
    EXPECT(reduced_find(world->store, NULL, entry, to, arena, out) == OK);
}

/* All of it, asked for in ranges of this length. */
static void expect_bytes(struct store_world *world, const struct mailbox_entry *entry,
                         const struct reduced *reduced, struct text expected, uint32_t range)
{
    struct shown *shown = shown_open(world->store, NULL, entry->message);
    struct buffer read;
    buffer_init(&read, expected.length + 1);
    EXPECT(reduced_size(reduced, entry) == expected.length);
    for (uint64_t at = 0; at <= expected.length; at += range)
        EXPECT(reduced_read(shown, reduced, at, range, &read) == OK);
    EXPECT(text_equals(buffer_text(&read), expected));
    buffer_finish(&read);
    shown_close(&shown);
}

static void read_in_all_ranges(struct store_world *world)
{
    struct mailbox_entry entry = put(world, text_from(mixed));
    struct reduced reduced;
    struct arena arena;
    arena_init(&arena);
    for (uint32_t range = 1; range < sizeof(mixed); range++) {
        find(world, &entry, REDUCED_TO_PLAIN, &arena, &reduced);
        expect_bytes(world, &entry, &reduced, text_from(mixed_plain), range);
        find(world, &entry, REDUCED_TO_BOTH, &arena, &reduced);
        expect_bytes(world, &entry, &reduced, text_from(mixed), range);
    }
    arena_finish(&arena);
}

TEST("a message is read with one kind of its alternative, in ranges of any length")
{
    world_run(read_in_all_ranges, 1);
}

static void note_and_find_again(struct store_world *world)
{
    struct mailbox_entry entry = put(world, text_from(mixed)), whole = put(world, text_from(alone));
    struct reduced reduced;
    struct arena arena;
    arena_init(&arena);
    find(world, &entry, REDUCED_TO_PLAIN, &arena, &reduced);
    EXPECT(reduced.notes[REDUCED_STRUCTURE].length == 0);
    reduced_set_note(world->store, entry.message, &reduced, REDUCED_STRUCTURE, TEXT("tree"));
    reduced_set_note(world->store, entry.message, &reduced, REDUCED_HEADER, TEXT("header"));
    find(world, &entry, REDUCED_TO_PLAIN, &arena, &reduced);
    EXPECT(text_equals(reduced.notes[REDUCED_STRUCTURE], TEXT("tree")));
    EXPECT(text_equals(reduced.notes[REDUCED_HEADER], TEXT("header")));
    EXPECT(reduced.notes[REDUCED_PREVIEW].length == 0);
    expect_bytes(world, &entry, &reduced, text_from(mixed_plain), 1000);
    find(world, &entry, REDUCED_TO_HTML, &arena, &reduced);
    EXPECT(reduced.pieces.count > 0 && reduced.notes[REDUCED_HEADER].length == 0);
    find(world, &whole, REDUCED_TO_PLAIN, &arena, &reduced);
    expect_bytes(world, &whole, &reduced, text_from(alone), 1000);
    EXPECT(reduced.pieces.count == 0);
    arena_finish(&arena);
}

TEST("what is left out is kept with the message, and notes by the kind that is shown")
{
    world_run(note_and_find_again, 1);
}

/* What could stand there in our form: pieces behind the end, more than all of it, cut short. */
static void put_lie(struct store_world *world, const struct mailbox_entry *entry, unsigned which)
{
    const uint64_t lies[][2] = {{entry->size, 1}, {0, entry->size + 1}, {UINT64_MAX, 2},
                                {2, UINT64_MAX},  {0, entry->size},     {1, 5}};
    enum { LIES = sizeof(lies) / sizeof(*lies) };
    struct buffer bytes;
    buffer_init(&bytes, 1 << 10);
    wire_put_u8(&bytes, 2);
    wire_put_u32(&bytes, which == LIES - 1 ? UINT32_MAX : 2);
    for (unsigned i = 0; i < 2; i++) {
        wire_put_u64(&bytes, lies[which][0]);
        wire_put_u64(&bytes, lies[which][1]);
    }
    for (unsigned i = 0; i < REDUCED_NOTES; i++)
        wire_put_text(&bytes, TEXT(""));
    derived_put(world->store, entry->message, DERIVED_PLAIN, buffer_text(&bytes));
    buffer_finish(&bytes);
}

static void find_among_lies(struct store_world *world)
{
    struct mailbox_entry entry = put(world, text_from(mixed));
    struct reduced reduced;
    struct arena arena;
    arena_init(&arena);
    for (unsigned which = 0; which < 6; which++) {
        put_lie(world, &entry, which);
        find(world, &entry, REDUCED_TO_PLAIN, &arena, &reduced);
        expect_bytes(world, &entry, &reduced, text_from(mixed_plain), 7);
    }
    /* The form of earlier versions, and ours without its end. */
    static const char *const cut[] = {"\1", "\2", "\2\1\1"};
    for (unsigned which = 0; which < 3; which++) {
        derived_put(world->store, entry.message, DERIVED_PLAIN, text_from(cut[which]));
        find(world, &entry, REDUCED_TO_PLAIN, &arena, &reduced);
        expect_bytes(world, &entry, &reduced, text_from(mixed_plain), 7);
    }
    arena_finish(&arena);
}

TEST("what is kept and can't be true is found anew")
{
    world_run(find_among_lies, 1);
}

/* Pieces that are read by themselves, and a disk that fails. */
static void read_large_pieces(struct store_world *world)
{
    enum { LARGE = 300000, AT_ONCE = 100000 };
    static const char *const around[] = {
        "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n\r\nplain\r\n--a\r\n"
        "Content-Type: text/html\r\n\r\n",
        "\r\n--a--\r\n"};
    struct buffer message, read;
    struct reduced reduced;
    struct arena arena;
    arena_init(&arena);
    buffer_init(&message, 2 * LARGE);
    buffer_init(&read, 2 * LARGE);
    buffer_append(&message, text_from(around[0]));
    while (message.length < LARGE)
        buffer_append(&message, TEXT("<b>a line of HTML</b>\r\n"));
    buffer_append(&message, text_from(around[1]));
    struct mailbox_entry entry = put(world, buffer_text(&message));
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, 1, EIO, true);
    EXPECT(reduced_find(world->store, NULL, &entry, REDUCED_TO_HTML, &arena, &reduced) ==
           TRY_LATER);
    memory_disk_fail(world->disk, 0, 0, false);
    find(world, &entry, REDUCED_TO_HTML, &arena, &reduced);
    struct shown *shown = shown_open(world->store, NULL, entry.message);
    EXPECT(reduced.pieces.count > 0 && reduced.pieces.size < entry.size);
    EXPECT(reduced_read(shown, &reduced, 0, 2 * LARGE, &read) == OK);
    EXPECT(read.length == reduced.pieces.size);
    for (uint32_t range = 10; range <= AT_ONCE; range *= 100) {
        memory_disk_fail(world->disk, 1, EIO, true);
        EXPECT(reduced_read(shown, &reduced, 0, range, &read) == TRY_LATER);
        memory_disk_fail(world->disk, 0, 0, false);
        buffer_reset(&read, 2 * LARGE);
        EXPECT(reduced_read(shown, &reduced, 1000, range, &read) == OK && read.length == range);
    }
    log_setup("test", LOG_LEVEL_ERROR);
    shown_close(&shown);
    buffer_finish(&read);
    buffer_finish(&message);
    arena_finish(&arena);
}

TEST("a large piece is read in ranges of its own, and when the disk fails that is told")
{
    world_run_large(read_large_pieces, 1);
}

static void look_at_a_large_one(struct store_world *world)
{
    struct mailbox_entry entry = put(world, text_from(mixed));
    struct reduced reduced;
    struct arena arena;
    arena_init(&arena);
    entry.size = REDUCED_WHOLE_ABOVE + UINT64_C(1);
    find(world, &entry, REDUCED_TO_PLAIN, &arena, &reduced);
    EXPECT(reduced.pieces.count == 0 && reduced_size(&reduced, &entry) == entry.size);
    arena_finish(&arena);
}

TEST("a message above the bound is as it is kept, and is not looked into")
{
    world_run(look_at_a_large_one, 1);
}
