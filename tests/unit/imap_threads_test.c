/* Threads (RFC 5256 3), and what of a header they are made of. */
#include <stdio.h>

#include "base/random.h"
#include "proto/imap/search/imap_threads.h"
#include "test.h"

struct mail {
    const char *id, *references, *subject;
    int date; /* minute; 0: its place */
};

static uint32_t same(void *context, uint32_t uid)
{
    (void)context;
    return uid;
}

static void add(struct imap_threads *threads, uint32_t uid, const struct mail *mail)
{
    struct arena arena;
    struct imap_facts facts;
    char header[1000];
    int minute = mail->date == 0 ? (int)uid : mail->date;
    arena_init(&arena);
    snprintf(header, sizeof(header),
             "Date: Mon, 7 Feb 1994 10:%02d:00 +0000\r\nSubject: %s\r\n%s%s\r\n%s%s\r\n", minute,
             mail->subject,
             mail->id == NULL ? "X: " : "Message-ID: ", mail->id == NULL ? "" : mail->id,
             mail->references == NULL ? "X: " : "References: ",
             mail->references == NULL ? "" : mail->references);
    imap_facts_of(text_from(header), NULL, &arena, &facts);
    EXPECT(facts.has_sent);
    EXPECT(imap_threads_add(threads, uid, &facts));
    arena_finish(&arena);
}

static void expect_threads(enum imap_threading threading, const struct mail *mails, unsigned count,
                           const char *expected)
{
    struct buffer out;
    struct imap_threads *threads = imap_threads_new(threading);
    for (unsigned i = 0; i < count; i++)
        add(threads, i + 1, &mails[i]);
    imap_threads_end(threads);
    buffer_init(&out, 1 << 20);
    imap_threads_put(threads, &out, same, NULL);
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
    imap_threads_free(&threads);
}
#define EXPECT_THREADS(threading, expected, ...)                                                   \
    do {                                                                                           \
        const struct mail mails[] = {__VA_ARGS__};                                                 \
        expect_threads(threading, mails, sizeof(mails) / sizeof(*mails), expected);                \
    } while (0)
#define BY_REFERENCES(expected, ...) EXPECT_THREADS(THREAD_REFERENCES, expected, __VA_ARGS__)

TEST("answers stand below what they answer, beside each other by date")
{
    BY_REFERENCES("(1 (2 4)(3))", {"<a@x>", NULL, "s"}, {"<b@x>", "<a@x>", "Re: s"},
                  {"<c@x>", "<a@x>", "Re: s"}, {"<d@x>", "<a@x> <b@x>", "Re: s"});
    BY_REFERENCES("(1 (3)(2))", {"<a@x>", NULL, "s"}, {"<b@x>", "<a@x>", "Re: s", 9},
                  {"<c@x>", "<a@x>", "Re: s", 8});
    BY_REFERENCES("(2)(1)", {"<a@x>", NULL, "s", 5}, {"<b@x>", NULL, "t", 4});
}

TEST("a message that is not there holds its answers together")
{
    BY_REFERENCES("((1)(2))", {"<b@x>", "<a@x>", "s"}, {"<c@x>", "<a@x>", "t"});
    BY_REFERENCES("(1)(2)", {"<b@x>", "<a@x>", "s"}, {"<c@x>", "<z@x>", "t"});
    /* In the middle it goes, and its answers come in its place. */
    BY_REFERENCES("(1 (2)(3))", {"<a@x>", NULL, "s"}, {"<c@x>", "<a@x> <b@x>", "t"},
                  {"<d@x>", "<a@x> <b@x>", "u"});
}

TEST("references that lead in a circle break where they would close it")
{
    BY_REFERENCES("(2 1)", {"<a@x>", "<b@x>", "s"}, {"<b@x>", "<a@x>", "t"});
    BY_REFERENCES("(1)", {"<a@x>", "<a@x>", "s"});
    BY_REFERENCES("(1 2)", {"<a@x>", NULL, "s"}, {"<b@x>", "<a@x> <b@x> <a@x>", "t"});
}

TEST("a message's own references count more than what others say of it")
{
    /* 3 says that b answers z; b itself says a. */
    BY_REFERENCES("(1 2 3)", {"<a@x>", NULL, "s"}, {"<b@x>", "<a@x>", "t"},
                  {"<c@x>", "<z@x> <b@x>", "u"});
    /* 1 says that c answers b; c itself says it answers nothing. */
    BY_REFERENCES("(2 1)(3)", {"<d@x>", "<b@x> <c@x>", "s", 9}, {"<c@x>", NULL, "t", 2},
                  {"<b@x>", NULL, "u", 3});
}

TEST("of messages with one id the first has it, and one without is by itself")
{
    BY_REFERENCES("(1 3)(2)", {"<a@x>", NULL, "s"}, {"<a@x>", NULL, "t"}, {"<b@x>", "<a@x>", "u"});
    BY_REFERENCES("(1)(2)", {NULL, NULL, "s"}, {"no id", NULL, "t"});
    BY_REFERENCES("(1 2)", {"<\"a\"@x>", NULL, "s"}, {"<b@x>", "<a@x>", "t"});
}

TEST("threads of one subject are joined: an answer below, others side by side")
{
    BY_REFERENCES("(1 2)", {"<a@x>", NULL, "s"}, {"<b@x>", NULL, "Re: S"});
    BY_REFERENCES("(2 1)", {"<a@x>", NULL, "Re: s", 1}, {"<b@x>", NULL, "s", 2});
    BY_REFERENCES("((1)(2))", {"<a@x>", NULL, "s"}, {"<b@x>", NULL, "s"});
    BY_REFERENCES("((1)(2)(3))", {"<a@x>", NULL, "Re: s"}, {"<b@x>", NULL, "Re: s"},
                  {"<c@x>", NULL, "Re: s"});
    /* Below a message that is not there, and two of those together. */
    BY_REFERENCES("((1)(2)(3))", {"<b@x>", "<a@x>", "Re: s"}, {"<c@x>", "<a@x>", "Re: s"},
                  {"<d@x>", NULL, "s"});
    BY_REFERENCES("((1)(2)(3)(4))", {"<b@x>", "<a@x>", "s"}, {"<c@x>", "<a@x>", "s"},
                  {"<d@x>", "<z@x>", "s"}, {"<e@x>", "<z@x>", "s"});
    BY_REFERENCES("(1)(2)", {"<a@x>", NULL, ""}, {"<b@x>", NULL, "Re:"});
}

TEST("by ordered subject the first has all others below it")
{
    EXPECT_THREADS(THREAD_ORDEREDSUBJECT, "(1 (3)(4))(2)", {"<a@x>", NULL, "s"},
                   {"<b@x>", NULL, "t"}, {"<c@x>", "<b@x>", "Re: s"}, {NULL, NULL, "S (fwd)"});
    EXPECT_THREADS(THREAD_ORDEREDSUBJECT, "(2)(3 1)", {NULL, NULL, "s", 9}, {NULL, NULL, "t", 1},
                   {NULL, NULL, "s", 5});
}

TEST("a thread as deep as it is long is told, and one of random references tells each once")
{
    enum { MESSAGES = 3000 };
    struct imap_threads *threads = imap_threads_new(THREAD_REFERENCES);
    char id[40], reference[100];
    unsigned numbers = 0, open = 0, closed = 0;
    struct buffer out;
    random_seed_for_test(7);
    for (unsigned i = 1; i <= MESSAGES; i++) {
        struct mail mail = {id, reference, "", 5};
        snprintf(id, sizeof(id), "<%u@x>", i);
        if (i <= MESSAGES / 2)
            snprintf(reference, sizeof(reference), "<%u@x>", i - 1);
        else
            snprintf(reference, sizeof(reference), "<%u@x> <%u@x> <%u@x>",
                     random_below(MESSAGES + 100), random_below(MESSAGES), random_below(MESSAGES));
        add(threads, i, &mail);
    }
    imap_threads_end(threads);
    buffer_init(&out, 1 << 20);
    imap_threads_put(threads, &out, same, NULL);
    for (size_t i = 0; i < out.length; i++) {
        char before = i == 0 ? '(' : out.data[i - 1], c = out.data[i];
        numbers += c >= '0' && c <= '9' && (before < '0' || before > '9');
        open += c == '(';
        closed += c == ')';
    }
    EXPECT(numbers == MESSAGES);
    EXPECT(open == closed);
    buffer_finish(&out);
    imap_threads_free(&threads);
}

TEST("facts: the first mailbox, the name that is shown, a day whose time is none")
{
    struct arena arena;
    struct imap_facts facts;
    arena_init(&arena);
    imap_facts_of(TEXT("From: =?utf-8?q?J=C3=B6rg?= <joe@x.example>, b@x\r\n"
                       "To: Friends: a@b.example;\r\nCc: <c@x.example>\r\n"
                       "Date: Mon, 7 Feb 1994 99:99:99 +0100\r\n"
                       "In-Reply-To: nonsense <a b@c> <q@x> <r@x>\r\n"),
                  NULL, &arena, &facts);
    EXPECT_TEXT(facts.texts[FACT_FROM], "JOE");
    EXPECT_TEXT(facts.texts[FACT_DISPLAY_FROM], "JO\xcc\x88RG");
    EXPECT_TEXT(facts.texts[FACT_TO], "FRIENDS");
    EXPECT_TEXT(facts.texts[FACT_DISPLAY_TO], "FRIENDS");
    EXPECT_TEXT(facts.texts[FACT_CC], "C");
    EXPECT(facts.has_sent && facts.sent_ms == INT64_C(760579200000));
    EXPECT(facts.id.length == 0 && facts.references.length == FACT_ID_BYTES);
    imap_facts_of(TEXT("From: <a@b.example>\r\nDate: yesterday\r\n"), NULL, &arena, &facts);
    EXPECT_TEXT(facts.texts[FACT_DISPLAY_FROM], "A@B.EXAMPLE");
    EXPECT_TEXT(facts.texts[FACT_DISPLAY_TO], "");
    EXPECT(!facts.has_sent);
    arena_finish(&arena);
}
