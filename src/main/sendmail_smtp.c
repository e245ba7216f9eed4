/* SMTP on standard input and output (sendmail -bs), for programs that know no other way: MTAs of
 * the small kind, some mail readers. What it takes goes into the pickup folder. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/check.h"
#include "main/sendmail_spool.h"

enum { LINE_MAX_BYTES = 2048 };

struct dialogue {
    struct spool *spool;
    struct arena arena; /* of the transaction */
    struct folder_envelope envelope;
    bool has_ended;
};

static void say(const char *reply)
{
    printf("%s\r\n", reply);
    fflush(stdout);
}

/* The next line without its end. False at the end of input; *is_long: it did not fit. */
static bool read_line(char out[LINE_MAX_BYTES], struct text *line, bool *is_long)
{
    size_t length = 0;
    int c;
    *is_long = false;
    while ((c = getchar_unlocked()) != EOF && c != '\n') {
        *is_long |= length == LINE_MAX_BYTES;
        if (length < LINE_MAX_BYTES)
            out[length++] = (char)c;
    }
    if (length > 0 && out[length - 1] == '\r')
        length--;
    *line = text_of(out, length);
    return c != EOF || length > 0;
}

static void reset(struct dialogue *dialogue)
{
    arena_reset(&dialogue->arena);
    dialogue->envelope = (struct folder_envelope){0};
}

static void say_hello(struct dialogue *dialogue, struct text rest)
{
    unused(rest);
    reset(dialogue);
    say("250-mailroot\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n"
        "250 ENHANCEDSTATUSCODES");
}

/* "FROM:<path> words", as x-sender and x-receiver have it behind their colon. */
static enum status read_path(struct dialogue *dialogue, const char *line_name, struct text rest,
                             struct folder_envelope *out)
{
    struct buffer line;
    buffer_init(&line, LINE_MAX_BYTES + 100);
    buffer_printf(&line, "%s:%.*s\n", line_name, TEXT_ARG(rest));
    struct text lines = arena_copy(&dialogue->arena, buffer_text(&line));
    buffer_finish(&line);
    return folder_envelope_read(&lines, &dialogue->arena, out);
}

/* What is said of the message and means nothing to a file: it is seen when it is read. */
static struct text without_known_words(struct dialogue *dialogue, struct text rest)
{
    static const struct text known[] = {{"BODY=", 5}, {"SIZE=", 5}, {"SMTPUTF8", 8}};
    struct text kept = TEXT(""), word;
    while (text_word(&rest, &word)) {
        bool is_known = false;
        for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
            is_known |= text_starts_with_nocase(word, known[i]);
        if (!is_known)
            kept = arena_printf(&dialogue->arena, "%.*s %.*s", TEXT_ARG(kept), TEXT_ARG(word));
    }
    return kept;
}

static void take_mail(struct dialogue *dialogue, struct text rest)
{
    struct text ignored;
    if (dialogue->envelope.has_sender) {
        say("503 5.5.1 There is a sender already");
        return;
    }
    enum status status = text_starts_with_nocase(rest, TEXT("FROM:")) ? OK : refused("write FROM:");
    rest = without_known_words(dialogue, text_from_position(rest, 5));
    if (status == OK)
        status = read_path(dialogue, "x-sender", rest, &dialogue->envelope);
    if (status == OK && dialogue->envelope.sender.length > 0)
        status = folder_address(dialogue->envelope.sender, TEXT("localhost"), &dialogue->arena,
                                &ignored);
    if (status == OK) {
        say("250 2.1.0 OK");
        return;
    }
    reset(dialogue);
    say("501 5.1.7 That is no sender");
}

static void take_rcpt(struct dialogue *dialogue, struct text rest)
{
    struct folder_envelope one = {0};
    struct text ignored;
    if (!dialogue->envelope.has_sender) {
        say("503 5.5.1 MAIL first");
        return;
    }
    enum status status = text_starts_with_nocase(rest, TEXT("TO:")) ? OK : refused("write TO:");
    if (status == OK)
        status = read_path(dialogue, "x-receiver", text_from_position(rest, 3), &one);
    if (status == OK)
        status =
            folder_address(one.receivers[0].address, TEXT("localhost"), &dialogue->arena, &ignored);
    if (status != OK) {
        say("501 5.1.3 That is no recipient");
        return;
    }
    status = folder_envelope_add(&dialogue->envelope, &dialogue->arena, &one.receivers[0]);
    say(status == OK ? "250 2.1.5 OK" : "452 4.5.3 There are too many recipients");
}

/* Up to the dot, whether it is taken or not: RFC 5321 4.5.2. */
static enum status copy_data(struct dialogue *dialogue, enum status status)
{
    char bytes[LINE_MAX_BYTES];
    struct text line;
    bool is_long;
    while (read_line(bytes, &line, &is_long)) {
        if (text_equals(line, TEXT(".")))
            return status;
        if (text_starts_with(line, TEXT(".")))
            line = text_from_position(line, 1);
        if (status == OK && is_long)
            status = refused("a line is longer than %d bytes", LINE_MAX_BYTES);
        if (status == OK)
            status = spool_write(dialogue->spool, line);
        if (status == OK)
            status = spool_write(dialogue->spool, TEXT("\r\n"));
    }
    dialogue->has_ended = true;
    return try_later("the input ended within the message");
}

static void take_data(struct dialogue *dialogue, struct text rest)
{
    unused(rest);
    if (dialogue->envelope.receiver_count == 0) {
        say("503 5.5.1 RCPT first");
        return;
    }
    enum status status = spool_begin(dialogue->spool, &dialogue->envelope);
    say("354 Go on, and end with a dot");
    status = copy_data(dialogue, status);
    if (status == OK)
        status = spool_commit(dialogue->spool);
    spool_abandon(dialogue->spool);
    reset(dialogue);
    if (dialogue->has_ended)
        return;
    if (status == OK)
        say("250 2.0.0 It is on its way");
    else
        printf("%s %s\r\n", status == REFUSED ? "554 5.6.0" : "451 4.3.0", fail_reason());
    fflush(stdout);
}

static void take_reset(struct dialogue *dialogue, struct text rest)
{
    unused(rest);
    reset(dialogue);
    say("250 2.0.0 OK");
}

static void take_noop(struct dialogue *dialogue, struct text rest)
{
    unused(dialogue);
    unused(rest);
    say("250 2.0.0 OK");
}

static void take_verify(struct dialogue *dialogue, struct text rest)
{
    unused(dialogue);
    unused(rest);
    say("252 2.1.5 It will be tried");
}

static void take_quit(struct dialogue *dialogue, struct text rest)
{
    unused(rest);
    dialogue->has_ended = true;
    say("221 2.0.0 Bye");
}

static const struct verb {
    const char *name;
    void (*run)(struct dialogue *dialogue, struct text rest);
} verbs[] = {
    {"EHLO", say_hello}, {"HELO", say_hello},   {"MAIL", take_mail},
    {"RCPT", take_rcpt}, {"DATA", take_data},   {"RSET", take_reset},
    {"NOOP", take_noop}, {"VRFY", take_verify}, {"QUIT", take_quit},
};

static void run_line(struct dialogue *dialogue, struct text line)
{
    struct text name = text_before(line, ' ');
    for (unsigned i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        if (!text_equals_nocase(name, text_from(verbs[i].name)))
            continue;
        verbs[i].run(dialogue, text_trim(text_after(line, ' ')));
        return;
    }
    say("500 5.5.2 There is no such command");
}

int sendmail_smtp(struct spool *spool)
{
    struct dialogue dialogue = {.spool = spool};
    char bytes[LINE_MAX_BYTES];
    struct text line;
    bool is_long;
    arena_init(&dialogue.arena);
    say("220 mailroot ESMTP, for this machine's programs");
    while (!dialogue.has_ended && read_line(bytes, &line, &is_long)) {
        if (is_long)
            say("500 5.5.2 The line is too long");
        else
            run_line(&dialogue, line);
    }
    arena_finish(&dialogue.arena);
    return EX_OK;
}
