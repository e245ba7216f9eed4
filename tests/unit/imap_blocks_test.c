/* Blocks of the index of words: whatever of them there is, searches find the same. */
#include <stdlib.h>

#include "account/preference.h"
#include "imap_world.h"
#include "proto/imap/search/imap_index.h"
#include "proto/imap/search/imap_words.h"
#include "searched_mail.h"
#include "store/block.h"
#include "store/fresh.h"
#include "test.h"

enum {
    FIRST_MESSAGES = 2 * BLOCK_MEMBERS + 100,
    MORE_MESSAGES = BLOCK_MEMBERS,
    LEFT_OF_FIRST = 300, /* of each of the first two blocks, at least */
    SEARCHES = 60,
    SEARCHED_UIDS = 300, /* by most of the searches: to read is what takes long here */
    INPUT_MAX = 1 << 20,
    MESSAGE_MAX = 1 << 16,
    LOOK_MS = 50, /* looking more often would make the task rest, as for a session */
};

/* When are the messages looked through? */
static enum scene {
    NEVER,
    AT_ONCE,
    BEFORE_SOME_GO, /* and not again when there are more */
    BEFORE_AND_AFTER,
    MEANWHILE,   /* while it is searched */
    DAMAGED,     /* at once, and then what the blocks say is spoiled */
    FOR_ANOTHER, /* at once, but for one who guesses another charset */
    CHANGED,     /* the same, and then what is outdated is looked through for him who searches */
    SCENES,
} scene;

static const char *reader;    /* guesses so */
static bool names_no_charset; /* no message does */

static void set_charset(const char *name)
{
    const struct accounts accounts = {.store = imap_world.store};
    EXPECT(preference_set(&accounts, WORLD_USER, PREFERENCE_CHARSET, text_from(name)) == OK);
}

static struct indexing {
    struct accounts accounts;
    struct task_group group;
} indexing;

static const char *box_name = "INBOX";

static struct mailbox *world_box(void)
{
    return mailbox_find(imap_world.store, WORLD_USER, text_from(box_name));
}

static void index_begin(void)
{
    indexing.accounts = (struct accounts){.store = imap_world.store};
    task_group_init(&indexing.group);
    imap_index_begin(&indexing.group, &indexing.accounts);
}

static void index_end(void)
{
    task_group_finish(&indexing.group);
}

static unsigned blocks_of(uint64_t mailbox)
{
    struct buffer head;
    uint32_t last;
    unsigned count = 0;
    buffer_init(&head, 1 << 20);
    for (uint32_t uid = 1; block_find(imap_world.store, mailbox, uid, &last, &head); uid = last + 1)
        count++;
    buffer_finish(&head);
    return count;
}

/* Until everything is looked through, there is a block up to this UID, and so many in all. */
static void index_all(uint32_t end, unsigned blocks)
{
    uint64_t mailbox = mailbox_id(world_box());
    index_begin();
    while (fresh_count(imap_world.store, mailbox) > 0 || blocks_of(mailbox) != blocks ||
           blocks_end(imap_world.store, mailbox) < end)
        task_sleep(LOOK_MS);
    index_end();
    EXPECT(blocks_of(mailbox) == blocks);
}

/* Fields of which there may be several, or long ones. */
static void put_fields(struct buffer *out)
{
    static const char *const names[] = {"To", "Cc", "Bcc", "Subject", "From"};
    for (unsigned fields = pick(4); fields > 0; fields--) {
        buffer_printf(out, "%s: ", names[pick(5)]);
        for (unsigned repeat = pick(40) == 0 ? 200 : 1 + pick(3); repeat > 0; repeat--)
            buffer_printf(out, "%s%s", words[pick(WORDS)], pick(3) == 0 ? "\r\n " : " ");
        buffer_append(out, TEXT("x\r\n"));
    }
}

static void put_messages(unsigned count)
{
    struct append *append = append_new(imap_world.store, world_id, NULL);
    struct buffer bytes;
    uint32_t uid;
    buffer_init(&bytes, MESSAGE_MAX);
    for (unsigned i = 0; i < count; i++) {
        buffer_reset(&bytes, MESSAGE_MAX);
        put_fields(&bytes);
        if (names_no_charset)
            buffer_printf(&bytes, "X-Odd: %s\r\n", unnamed);
        make_message(&bytes);
        append_begin(append, 0, NULL, 0, INT64_C(1700000000000));
        check(append_bytes(append, buffer_text(&bytes)) == OK);
        check(append_end(append, i + 1 < count) == OK);
    }
    imap_world.last_id += count;
    check(append_commit(append, world_box(), &uid) == OK);
    append_free(&append);
    buffer_finish(&bytes);
}

/* Most of the first two blocks, so that what is left fits into one. */
static void remove_some(void)
{
    static uint32_t uids[2 * BLOCK_MEMBERS];
    unsigned count = 0;
    struct mailbox *box = world_box();
    mailbox_open(box);
    for (uint32_t uid = 1; uid <= 2 * BLOCK_MEMBERS; uid++)
        if (pick(BLOCK_MEMBERS) >= LEFT_OF_FIRST)
            uids[count++] = uid;
    EXPECT(mailbox_expunge(box, uids, count) == OK);
    mailbox_close(&box);
}

/* Garbage, parts of another block, and nothing at all. */
static void spoil(void)
{
    uint64_t mailbox = mailbox_id(world_box());
    uint32_t last = 0;
    struct buffer head, part;
    struct block *block = block_new(imap_world.store, mailbox);
    buffer_init(&head, 1 << 20);
    buffer_init(&part, 1 << 20);
    check(block_find(imap_world.store, mailbox, 1, &last, &head));
    block_put(block, WORDS_HEAD, buffer_text(&head));
    for (unsigned i = 1; i < WORDS_POSTINGS + POSTING_PARTS; i++) {
        buffer_reset(&part, 1 << 20);
        if (pick(2) == 0)
            imap_words_part_encode(TEXT("\x01"), imap_words_stamp(buffer_text(&head)) + 1, &part);
        for (unsigned bytes = pick(40); bytes > 0; bytes--)
            buffer_append_byte(&part, (char)pick(256));
        if (pick(8) > 0)
            block_put(block, i, buffer_text(&part));
    }
    block_replace(block, last);
    EXPECT(block_write(block, last));
    block_free(&block);
    buffer_finish(&head);
    buffer_finish(&part);
}

/* Those in blocks are few; their blocks stay. */
static void change_charset(void)
{
    uint64_t mailbox = mailbox_id(world_box());
    set_charset(reader);
    if (scene != CHANGED)
        return;
    imap_index_follow(&indexing.accounts, WORLD_USER);
    uint64_t outdated = fresh_count(imap_world.store, mailbox);
    EXPECT(outdated > 0 && outdated < FIRST_MESSAGES / 2);
    index_all(2 * BLOCK_MEMBERS, 2);
}

static void prepare(void)
{
    bool is_anew = scene == FOR_ANOTHER || scene == CHANGED;
    mail_state = 7;
    set_charset(is_anew ? "iso-8859-5" : reader);
    put_messages(FIRST_MESSAGES);
    if (is_anew || scene == BEFORE_SOME_GO || scene == BEFORE_AND_AFTER || scene == DAMAGED)
        index_all(2 * BLOCK_MEMBERS, 2);
    if (is_anew)
        change_charset();
    remove_some();
    put_messages(MORE_MESSAGES);
    if (scene == AT_ONCE)
        index_all(1, 1);
    if (scene == BEFORE_AND_AFTER || scene == CHANGED)
        index_all(FIRST_MESSAGES, 2);
    if (scene == DAMAGED)
        spoil();
    if (scene == MEANWHILE) {
        index_begin();
        imap_world.finish = index_end;
    }
}

/* A piece of one to three bytes, or longer ones, in one of two charsets, somewhere or anywhere. */
static void put_search(struct buffer *out, unsigned number)
{
    static const char *const keys[] = {
        "BODY", "TEXT", "SUBJECT",      "FROM",           "TO",
        "CC",   "BCC",  "HEADER X-Odd", "HEADER subject", "HEADER \"\""};
    static const char *const latin[] = {"gr\xfc\xdf", "\xdf", "STRA\xdf", "\xfc\xdf"};
    bool is_latin = pick(4) == 0;
    unsigned first = pick(FIRST_MESSAGES + MORE_MESSAGES), last = first + SEARCHED_UIDS;
    if (number % (SEARCHES / 4) == 0)
        first = 0, last = UINT32_MAX - 1;
    buffer_printf(out, "s%u SEARCH RETURN (ALL) CHARSET %s UID %u:%u %s", number,
                  is_latin ? "ISO-8859-1" : "UTF-8", first + 1, last + 1,
                  pick(4) == 0 ? "OR" : "ALL");
    for (unsigned i = 0; i < 2; i++) {
        buffer_printf(out, "%s %s ", pick(4) == 0 ? " NOT" : "", keys[pick(10)]);
        const char *word = is_latin ? latin[pick(4)] : words[pick(WORDS)];
        size_t length = strlen(word), from = is_latin ? 0 : pick((unsigned)length);
        size_t most = pick(2) == 0 && length - from > 3 ? 3 : length - from;
        size_t some = is_latin ? length : 1 + pick((unsigned)most);
        buffer_printf(out, "{%zu+}\r\n%.*s", some, (int)some, word + from);
    }
    buffer_append(out, TEXT("\r\n"));
}

static char *talk(enum scene wanted)
{
    struct buffer input;
    buffer_init(&input, INPUT_MAX);
    buffer_append(&input, TEXT("a SELECT INBOX\r\n"));
    mail_state = 11;
    for (unsigned i = 0; i < SEARCHES; i++)
        put_search(&input, i);
    scene = wanted;
    char *heard = world_talk(buffer_text(&input), 0, prepare);
    buffer_finish(&input);
    return heard;
}

/* Without the UIDVALIDITY before them. */
static const char *answers(const char *heard)
{
    const char *at = strstr(heard, "a OK [READ-WRITE]");
    check(at != NULL);
    return at;
}

TEST("searches find the same over blocks, and while they are made, joined and spoiled")
{
    reader = "koi8-r";
    char *without = talk(NEVER);
    unsigned count = 0;
    for (const char *at = without; (at = strstr(at, " ALL ")) != NULL; at++)
        count++;
    EXPECT(count > SEARCHES / 3 && strstr(without, "s59 OK") != NULL);
    for (enum scene other = AT_ONCE; other < SCENES; other++) {
        char *with = talk(other);
        EXPECT(strcmp(answers(without), answers(with)) == 0);
        free(with);
    }
    free(without);
}

static bool is_known_by_itself(struct mailbox *box, uint32_t uid)
{
    struct buffer grams;
    buffer_init(&grams, GRAMS_ENCODED_MAX);
    bool is_known =
        derived_get(imap_world.store, mailbox_entry_find(box, uid)->message, DERIVED_GRAMS, &grams);
    buffer_finish(&grams);
    return is_known;
}

static void fill_and_empty(void)
{
    struct mailbox *box = world_box(), *other;
    uint64_t mailbox = mailbox_id(box);
    uint32_t uids[] = {5}, first;
    unsigned count = 1;
    mail_state = 7;
    put_messages(BLOCK_MEMBERS - 1);
    index_all(0, 0);
    mailbox_open(box);
    EXPECT(is_known_by_itself(box, 4) && is_known_by_itself(box, 5));
    other = mailbox_find(imap_world.store, WORLD_USER, TEXT("Trash"));
    EXPECT(mailbox_copy(box, other, uids, &count, false, &first) == OK && count == 1);
    put_messages(1);
    index_all(BLOCK_MEMBERS, 1);
    EXPECT(!is_known_by_itself(box, 4) && is_known_by_itself(box, 5));
    put_messages(2 * BLOCK_MEMBERS);
    index_all(3 * BLOCK_MEMBERS, 3);
    static uint32_t most[2 * BLOCK_MEMBERS];
    for (uint32_t i = 0; i < 2 * BLOCK_MEMBERS; i++)
        most[i] = i + 1;
    EXPECT(mailbox_expunge(box, most, 2 * BLOCK_MEMBERS) == OK);
    EXPECT(blocks_of(mailbox) == 3);
    put_messages(BLOCK_MEMBERS);
    index_all(4 * BLOCK_MEMBERS, 2);
    struct block *block = block_new(imap_world.store, mailbox);
    blocks_forget(imap_world.store, mailbox);
    EXPECT(blocks_of(mailbox) == 0 && blocks_end(imap_world.store, mailbox) == 0);
    EXPECT(!block_write(block, 9) && blocks_of(mailbox) == 0);
    block_free(&block);
    mailbox_close(&box);
}

TEST("blocks take the place of what was known of each message, and go when they are empty")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, fill_and_empty));
}

static void change_the_charset_of_all(void)
{
    uint64_t mailbox = mailbox_id(world_box());
    mail_state = 7;
    names_no_charset = true;
    put_messages(BLOCK_MEMBERS);
    index_all(BLOCK_MEMBERS, 1);
    set_charset("koi8-r");
    imap_index_follow(&indexing.accounts, WORLD_USER);
    EXPECT(blocks_of(mailbox) == 0);
    EXPECT(fresh_count(imap_world.store, mailbox) == BLOCK_MEMBERS);
    index_all(BLOCK_MEMBERS, 1);
    set_charset("koi8-u");
    imap_index_follow(&indexing.accounts, TEXT("bob@example.test"));
    EXPECT(blocks_of(mailbox) == 1);
    names_no_charset = false;
}

TEST("blocks of which a change of the charset outdates much are made anew")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, change_the_charset_of_all));
}

static void delete_with_blocks(void)
{
    check(mailbox_create(imap_world.store, WORLD_USER, TEXT("old"), 0) == NAMING_DONE);
    box_name = "old";
    uint64_t mailbox = mailbox_id(world_box());
    mail_state = 7;
    put_messages(BLOCK_MEMBERS);
    index_all(BLOCK_MEMBERS, 1);
    EXPECT(mailbox_delete(imap_world.store, WORLD_USER, TEXT("old")) == NAMING_DONE);
    EXPECT(blocks_of(mailbox) == 0 && blocks_end(imap_world.store, mailbox) == 0);
    box_name = "INBOX";
}

TEST("blocks go away with their mailbox")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, delete_with_blocks));
}
