/* The index of words: whatever of it there is, searches find the same. */
#include <stdio.h>
#include <stdlib.h>

#include "account/preference.h"
#include "base/clock.h"
#include "imap_world.h"
#include "mail/charset.h"
#include "mail/grams.h"
#include "proto/imap/message/imap_message.h"
#include "proto/imap/search/imap_facts.h"
#include "proto/imap/search/imap_index.h"
#include "searched_mail.h"
#include "store/derived.h"
#include "store/fresh.h"
#include "test.h"

enum { MESSAGES = 40, SEARCHES = 300, BEHIND = 500, INPUT_MAX = 1 << 20 };

static unsigned indexed_every;                                             /* 0: none */
static const char *reader = "windows-1252", *indexed_for = "windows-1252"; /* guess so */

static void set_charset(const char *name)
{
    const struct accounts accounts = {.store = imap_world.store};
    EXPECT(preference_set(&accounts, WORLD_USER, PREFERENCE_CHARSET, text_from(name)) == OK);
}

static void index_some(void)
{
    struct mailbox *box = mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX"));
    unsigned count;
    mailbox_open(box);
    for (unsigned i = 0; mailbox_entries(box, &count), i < count; i++) {
        struct imap_message message;
        if (indexed_every == 0 || i % indexed_every != 0)
            continue;
        imap_message_init(&message, imap_world.store, &mailbox_entries(box, &count)[i]);
        message.charset = charset_number(text_from(indexed_for));
        check(imap_index_message(&message) == OK);
        imap_message_finish(&message);
    }
    mailbox_close(&box);
}

static void prepare(void)
{
    struct buffer bytes;
    buffer_init(&bytes, INPUT_MAX);
    mail_state = 7;
    for (int i = 0; i < MESSAGES; i++) {
        buffer_reset(&bytes, INPUT_MAX);
        make_message(&bytes);
        world_put("INBOX", buffer_text(&bytes));
    }
    buffer_finish(&bytes);
    index_some();
    set_charset(reader);
}

/* A piece of a word, or of two. */
static void put_wanted(struct buffer *out)
{
    char joined[128];
    snprintf(joined, sizeof(joined), pick(3) == 0 ? "%s %s" : "%s%.0s", words[pick(WORDS)],
             words[pick(WORDS)]);
    size_t length = strlen(joined), from = pick((unsigned)length), most = length - from;
    struct text piece = text_of(joined + from, 1 + pick((unsigned)most));
    buffer_printf(out, "{%zu+}\r\n%.*s", piece.length, TEXT_ARG(piece));
}

static void put_key(struct buffer *out)
{
    static const char *const keys[] = {"BODY ",     "TEXT ",          "SUBJECT ",
                                       "FROM ",     "HEADER X-Odd ",  "NOT BODY ",
                                       "NOT TEXT ", "HEADER Subject "};
    buffer_append(out, text_from(keys[pick(8)]));
    put_wanted(out);
}

static char *talk(unsigned every)
{
    struct buffer input;
    buffer_init(&input, INPUT_MAX);
    buffer_append(&input, TEXT("a SELECT INBOX\r\n"));
    mail_state = 11;
    for (unsigned i = 0; i < SEARCHES; i++) {
        buffer_printf(&input, "s%u SEARCH RETURN (ALL) CHARSET UTF-8 %s", i,
                      pick(4) == 0 ? "OR " : "");
        put_key(&input);
        buffer_append(&input, TEXT(" "));
        put_key(&input);
        buffer_append(&input, TEXT("\r\n"));
    }
    indexed_every = every;
    char *heard = world_talk(buffer_text(&input), 0, prepare);
    buffer_finish(&input);
    return heard;
}

static unsigned count_text(const char *text, const char *wanted)
{
    unsigned count = 0;
    for (; (text = strstr(text, wanted)) != NULL; text++)
        count++;
    return count;
}

/* Without the UIDVALIDITY before them. */
static const char *answers(const char *heard)
{
    const char *at = strstr(heard, "a OK [READ-WRITE]");
    check(at != NULL);
    return at;
}

/* Whoever it was indexed for. */
static char *expect_same(const char *charset)
{
    reader = charset;
    char *without = talk(0);
    EXPECT(count_text(without, " OK ") >= SEARCHES);
    EXPECT(count_text(without, " ALL ") > SEARCHES / 3);
    static const char *const others[] = {"windows-1252", "koi8-r"};
    for (unsigned i = 0; i < 2; i++) {
        indexed_for = others[i];
        char *with = talk(1), *half = talk(2);
        EXPECT(strcmp(answers(without), answers(with)) == 0);
        EXPECT(strcmp(answers(without), answers(half)) == 0);
        free(with);
        free(half);
    }
    return without;
}

TEST("searches find the same with the index, with half of it and without, whatever one guesses")
{
    char *latin = expect_same("windows-1252"), *russian = expect_same("koi8-r");
    EXPECT(strcmp(answers(latin), answers(russian)) != 0);
    free(latin);
    free(russian);
    reader = indexed_for = "windows-1252";
}

/* What is kept was made for a reader who guessed otherwise, or before any did. */
static void prepare_anew(void)
{
    world_put("INBOX", TEXT("Subject: \xc0\r\n\r\n\xd0\xd2\xc9\xd7\xc5\xd4\r\n"));
    world_put("INBOX", TEXT("Subject: \xc1\r\n\r\nhi\r\n"));
    indexed_every = 1;
    index_some();
    struct mailbox *box = mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX"));
    unsigned count;
    mailbox_open(box);
    for (unsigned i = 0; mailbox_entries(box, &count), i < count; i++) {
        struct imap_message message;
        struct imap_facts facts;
        imap_message_init(&message, imap_world.store, &mailbox_entries(box, &count)[i]);
        check(imap_message_facts(&message, &facts) == OK);
        derived_put(imap_world.store, message.entry.message, DERIVED_PREVIEW,
                    i == 0 ? TEXT("\xff\x01old") : TEXT("older"));
        imap_message_finish(&message);
    }
    mailbox_close(&box);
    set_charset("koi8-r");
}

TEST("nothing is used that was made for one who guesses another charset")
{
    char *heard = world_talk(TEXT("a SELECT INBOX\r\n"
                                  "b SEARCH CHARSET UTF-8 BODY "
                                  "{12+}\r\n\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\r\n"
                                  "c SORT (SUBJECT) UTF-8 ALL\r\n"
                                  "d FETCH 1:2 PREVIEW (LAZY)\r\n"
                                  "e FETCH 1:2 (PREVIEW)\r\n"
                                  "f FETCH 1 PREVIEW (LAZY)\r\n"),
                             0, prepare_anew);
    EXPECT(strstr(heard, "* SEARCH 1\r\nb OK") != NULL);
    EXPECT(strstr(heard, "* SORT 2 1\r\n") != NULL);
    EXPECT(count_text(heard, "PREVIEW NIL") == 2);
    EXPECT(count_text(heard, "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82)\r\n") == 2);
    EXPECT(strstr(heard, "PREVIEW \"hi\"") != NULL);
    free(heard);
}

/* Of the first message, with a mark of our own, if it is for everybody. */
static void spoil_preview(struct mailbox *box)
{
    unsigned count;
    derived_put(imap_world.store, mailbox_entries(box, &count)->message, DERIVED_PREVIEW,
                TEXT("\xff\x02\0\0\0\0\0\0\0\0kept"));
}

static void prepare_named(void)
{
    world_put("INBOX", TEXT("Subject: gr\xc3\xbc\xc3\x9f\r\nContent-Type: text/plain; "
                            "charset=iso-8859-1\r\n\r\ngr\xfc\xdf\r\n"));
    struct mailbox *box = mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX"));
    mailbox_open(box);
    spoil_preview(box);
    mailbox_close(&box);
    set_charset("koi8-r");
}

TEST("what is kept of a message that names its charsets serves who guesses another")
{
    char *heard = world_talk(TEXT("a SELECT INBOX\r\nb FETCH 1 (PREVIEW)\r\n"), 0, prepare_named);
    EXPECT(strstr(heard, "PREVIEW \"kept\"") != NULL);
    free(heard);
}

TEST("a text has the grams of all that it holds, in whatever pieces it came")
{
    mail_state = 5;
    for (int round = 0; round < 200; round++) {
        char text[400];
        struct grams *grams = grams_new();
        struct buffer encoded;
        buffer_init(&encoded, GRAMS_ENCODED_MAX);
        unsigned length = 3 + pick(sizeof(text) - 3);
        for (unsigned i = 0; i < length; i++)
            text[i] = (char)(pick(4) == 0 ? pick(256) : 'a' + pick(6));
        for (unsigned at = 0, some; at < length; at += some) {
            some = 1 + pick(length - at);
            grams_feed(grams, text_of(text + at, some));
        }
        grams_encode(grams, &encoded);
        uint16_t numbers[GRAMS_WANTED_MAX];
        unsigned from = pick(length), most = 1 + pick(length - from);
        unsigned count = grams_of(text_of(text + from, most), numbers);
        EXPECT(grams_have(buffer_text(&encoded), numbers, count));
        grams_free(&grams);
        buffer_finish(&encoded);
    }
}

TEST("most texts that are not there are ruled out")
{
    struct grams *grams = grams_new();
    struct buffer encoded;
    uint16_t numbers[GRAMS_WANTED_MAX];
    buffer_init(&encoded, GRAMS_ENCODED_MAX);
    grams_feed(grams, TEXT("the quick brown fox"));
    grams_break(grams);
    grams_feed(grams, TEXT("jumps"));
    grams_encode(grams, &encoded);
    EXPECT(grams_of(TEXT("qu"), numbers) == 0);
    unsigned count = grams_of(TEXT("quick"), numbers);
    EXPECT(count == 3 && grams_have(buffer_text(&encoded), numbers, count));
    count = grams_of(TEXT("quack"), numbers);
    EXPECT(!grams_have(buffer_text(&encoded), numbers, count));
    count = grams_of(TEXT("oxj"), numbers);
    EXPECT(!grams_have(buffer_text(&encoded), numbers, count));
    grams_free(&grams);
    buffer_finish(&encoded);
}

/* The version, and for everybody. */
#define HEAD "\x03\0\0\0\0\0\0\0\0"

TEST("what is no encoding of grams rules nothing out")
{
    uint16_t numbers[] = {1, 70};
    EXPECT(grams_have(TEXT(""), numbers, 2));
    EXPECT(grams_have(TEXT("\x02\x01\x01"), numbers, 2));
    EXPECT(grams_have(TEXT(HEAD "\x01\xff"), numbers, 2));
    EXPECT(grams_have(TEXT(HEAD "\xff\xff\xff\xff\x7f"), numbers, 2));
    EXPECT(!grams_have(TEXT(HEAD "\x01\x01"), numbers, 2));
    EXPECT(grams_have(TEXT(HEAD "\x01\x44"), numbers, 2));
}

static void wait_until_indexed(uint64_t mailbox)
{
    while (fresh_count(imap_world.store, mailbox) > 0)
        task_sleep(1);
}

static bool may_have(struct mailbox *box, struct text text)
{
    struct imap_message message;
    uint16_t numbers[GRAMS_WANTED_MAX];
    unsigned count;
    imap_message_init(&message, imap_world.store, mailbox_entries(box, &count));
    bool may_have = imap_index_may_have(&message, numbers, grams_of(text, numbers));
    imap_message_finish(&message);
    return may_have;
}

/* The world's INBOX, open, and who looks through it. */
struct indexing {
    struct accounts accounts;
    struct task_group group;
    struct mailbox *box;
    uint64_t id;
};

static struct indexing indexing_of_inbox(void)
{
    struct mailbox *box = mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX"));
    mailbox_open(box);
    return (struct indexing){
        .accounts = {.store = imap_world.store}, .box = box, .id = mailbox_id(box)};
}

static void indexing_begin(struct indexing *indexing)
{
    task_group_init(&indexing->group);
    imap_index_begin(&indexing->group, &indexing->accounts);
}

static void let_it_be_indexed(void)
{
    struct indexing indexing = indexing_of_inbox();
    struct mailbox *box = indexing.box;
    uint64_t id = indexing.id;
    indexing_begin(&indexing);
    world_put("INBOX", TEXT("Subject: a\r\n\r\nSome hidden words.\r\n"));
    EXPECT(may_have(box, TEXT("other words")));
    wait_until_indexed(id);
    EXPECT(!may_have(box, TEXT("other words")));
    EXPECT(imap_index_renew(imap_world.store, id) == 1);
    EXPECT(may_have(box, TEXT("other words")));
    wait_until_indexed(id);
    EXPECT(may_have(box, TEXT("hidden words")));
    EXPECT(!may_have(box, TEXT("other words")));
    mailbox_close(&box);
    task_group_finish(&indexing.group);
}

TEST("a message that was delivered is looked through by itself, and again when told to")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, let_it_be_indexed));
}

/* What an earlier version had looked through. */
static void meet_an_outdated_index(void)
{
    struct indexing indexing = indexing_of_inbox();
    struct mailbox *box = indexing.box;
    uint64_t id = indexing.id;
    unsigned count;
    world_put("INBOX", TEXT("Subject: a\r\n\r\nSome hidden words.\r\n"));
    derived_put(imap_world.store, mailbox_entries(box, &count)->message, DERIVED_GRAMS,
                TEXT("\x01\x01"));
    fresh_done(imap_world.store, (struct fresh_place){id, mailbox_entries(box, &count)->uid});
    fresh_set_version(imap_world.store, id, (GRAMS_VERSION - 1) << 8);
    EXPECT(fresh_count(imap_world.store, id) == 0);
    EXPECT(may_have(box, TEXT("other words")));
    indexing_begin(&indexing);
    while (fresh_version(imap_world.store, id) >> 8 != GRAMS_VERSION)
        task_sleep(1);
    wait_until_indexed(id);
    EXPECT(may_have(box, TEXT("hidden words")));
    EXPECT(!may_have(box, TEXT("other words")));
    task_group_finish(&indexing.group);
    mailbox_close(&box);
}

TEST("what was looked through otherwise than it is now is looked through anew")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, meet_an_outdated_index));
}

static bool is_kept_for(struct mailbox *box, unsigned which, const char *charset)
{
    struct buffer encoded;
    unsigned count;
    buffer_init(&encoded, GRAMS_ENCODED_MAX);
    bool is_for = derived_get(imap_world.store, mailbox_entries(box, &count)[which].message,
                              DERIVED_GRAMS, &encoded) &&
                  grams_are_for(buffer_text(&encoded), charset_number(text_from(charset)));
    buffer_finish(&encoded);
    return is_for;
}

static void guess_one_after_the_other(void)
{
    struct mailbox *box = mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX"));
    world_put("INBOX", TEXT("Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nnamed by nobody\r\n"));
    world_put("INBOX", TEXT("Subject: a\r\n\r\n\xd0\xd2\xc9\xd7\xc5\xd4\r\n"));
    mailbox_open(box);
    indexed_every = 1;
    index_some();
    EXPECT(is_kept_for(box, 0, "windows-1252") && is_kept_for(box, 0, "koi8-r"));
    EXPECT(is_kept_for(box, 1, "windows-1252") && !is_kept_for(box, 1, "koi8-r"));
    indexed_for = "koi8-r";
    index_some();
    indexed_for = "windows-1252";
    EXPECT(is_kept_for(box, 1, "windows-1252") && is_kept_for(box, 1, "koi8-r"));
    EXPECT(!is_kept_for(box, 1, "koi8-u"));
    mailbox_close(&box);
}

TEST("a message that is looked through for another guess stays so for those before")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, guess_one_after_the_other));
}

static void change_the_charset(void)
{
    struct indexing indexing = indexing_of_inbox();
    struct mailbox *box = indexing.box;
    uint64_t id = indexing.id;
    indexing_begin(&indexing);
    world_put("INBOX", TEXT("Subject: gr\xc3\xbc\xc3\x9f\r\n\r\nwords\r\n"));
    world_put("INBOX", TEXT("Subject: a\r\n\r\n\xd0\xd2\xc9\xd7\xc5\xd4\r\n"));
    wait_until_indexed(id);
    EXPECT(is_kept_for(box, 0, "koi8-r") && !is_kept_for(box, 1, "koi8-r"));
    task_group_finish(&indexing.group);
    set_charset("KOI8-R");
    imap_index_follow(&indexing.accounts, TEXT("bob@example.test"));
    EXPECT(fresh_count(imap_world.store, id) == 0);
    imap_index_follow(&indexing.accounts, WORLD_USER);
    EXPECT(fresh_count(imap_world.store, id) == 1);
    indexing_begin(&indexing);
    wait_until_indexed(id);
    EXPECT(is_kept_for(box, 1, "koi8-r"));
    set_charset("default");
    imap_index_follow(&indexing.accounts, TEXT(""));
    EXPECT(fresh_count(imap_world.store, id) == 0);
    task_group_finish(&indexing.group);
    mailbox_close(&box);
}

TEST("after a change of the charset, what it may change is looked through anew, and nothing else")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, change_the_charset));
}

static void look_through_first(void *argument)
{
    struct mailbox *box = argument;
    struct imap_message message;
    unsigned count;
    imap_message_init(&message, imap_world.store, mailbox_entries(box, &count));
    EXPECT(imap_index_message(&message) == TRY_LATER);
    imap_message_finish(&message);
}

static void stop_while_indexed(void)
{
    struct task_group group;
    struct mailbox *box = mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX"));
    mailbox_open(box);
    world_put("INBOX", TEXT("Subject: a\r\n\r\nSome hidden words.\r\n"));
    task_group_init(&group);
    task_spawn(&group, "looking", look_through_first, box);
    task_group_finish(&group);
    EXPECT(may_have(box, TEXT("hidden words")));
    EXPECT(may_have(box, TEXT("other words")));
    mailbox_close(&box);
}

TEST("nothing is kept of a message that is not looked through to its end")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, stop_while_indexed));
}

static void deliver_behind(void)
{
    struct accounts accounts = {.store = imap_world.store};
    struct task_group group;
    uint64_t inbox = mailbox_id(mailbox_find(imap_world.store, WORLD_USER, TEXT("INBOX")));
    uint64_t trash = mailbox_id(mailbox_find(imap_world.store, WORLD_USER, TEXT("Trash")));
    check(inbox < trash);
    for (unsigned i = 0; i < BEHIND; i++)
        world_put("Trash", TEXT("Subject: a\r\n\r\nSome words.\r\n"));
    task_group_init(&group);
    imap_index_begin(&group, &accounts);
    while (fresh_count(imap_world.store, trash) == BEHIND)
        task_yield();
    EXPECT(fresh_count(imap_world.store, trash) > 0);
    world_put("INBOX", TEXT("Subject: a\r\n\r\nSome words.\r\n"));
    wait_until_indexed(trash);
    wait_until_indexed(inbox);
    task_group_finish(&group);
}

TEST("what comes while others are looked through is not forgotten")
{
    free(world_talk(TEXT("a NOOP\r\n"), 0, deliver_behind));
}

/* One filter of 50,000 bytes, asked for so many times. */
static bool takes_filters(unsigned times)
{
    enum { LONG = 50000 };
    struct buffer input;
    buffer_init(&input, 1 << 20);
    buffer_printf(
        &input, "a SELECT INBOX\r\nb SETMETADATA \"\" (/private/filters/values/f {%d+}\r\n", LONG);
    buffer_append(&input, TEXT("SUBJECT \""));
    for (unsigned i = 0; i < LONG - 10; i++)
        buffer_append_byte(&input, 'x');
    buffer_append(&input, TEXT("\")\r\nc SEARCH"));
    for (unsigned i = 0; i < times; i++)
        buffer_append(&input, TEXT(" FILTER f"));
    buffer_append(&input, TEXT("\r\n"));
    char *said = world_talk(buffer_text(&input), 0, NULL);
    bool is_taken = strstr(said, "c OK") != NULL;
    EXPECT(strstr(said, "b OK") != NULL && (is_taken || strstr(said, "c BAD") != NULL));
    free(said);
    buffer_finish(&input);
    return is_taken;
}

TEST("filters bring no more into memory than literals may")
{
    EXPECT(takes_filters(20));
    EXPECT(!takes_filters(22));
}
