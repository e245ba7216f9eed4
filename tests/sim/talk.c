#include "talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "talk_hear.h"
#include "task/task.h"
#include "witness.h"

enum { LINE_MOST = 16 << 10, RESPONSE_MOST = 2 << 20, PATIENCE = 10 * MINUTE };

struct talk *talk_begin(struct ledger *ledger, int fd)
{
    struct talk *talk = calloc(1, sizeof(*talk));
    check(talk != NULL);
    talk->ledger = ledger;
    talk->fd = fd;
    talk->stream = stream_new(fd, NULL);
    buffer_init(&talk->response, RESPONSE_MOST);
    return talk;
}

void talk_end(struct talk **talk)
{
    stream_close(&(*talk)->stream);
    buffer_finish(&(*talk)->response);
    free(*talk);
    *talk = NULL;
}

/* The bytes that a line announces with "{n}" at its end. */
static uint32_t literal_behind(struct text line)
{
    uint32_t length = 0;
    struct text line_end = TEXT("}\r\n");
    if (text_ends_with_nocase(line, line_end))
        text_to_u32(text_before(text_from_position(line, text_find_last(line, '{') + 1), '}'),
                    &length);
    return length;
}

/* One response, with its literals, into talk->response. */
static bool read_response(struct talk *talk)
{
    struct text line;
    buffer_reset(&talk->response, LINE_MOST);
    for (uint32_t literal = 1; literal > 0;) {
        if (stream_read_line(talk->stream, LINE_MOST, &line) != OK)
            return false;
        buffer_append(&talk->response, line);
        literal = literal_behind(line);
        if (literal > 0 && stream_read_exactly(talk->stream, literal, &talk->response) != OK)
            return false;
    }
    log_info("imap.heard", "client=%p text=%s", (void *)talk,
             log_text(buffer_text(&talk->response)));
    return !talk->response.overflowed;
}

static void hear_untagged(struct talk *talk)
{
    struct text response = buffer_text(&talk->response);
    if (text_starts_with(response, TEXT("* ")))
        talk_hear(talk, text_from_position(response, 2));
}

bool talk_greeted(struct talk *talk)
{
    stream_set_deadline(talk->stream, clock_monotonic_ms() + PATIENCE);
    return read_response(talk) && text_starts_with(buffer_text(&talk->response), TEXT("* OK"));
}

/* The answer that a tagged response is; ANSWER_NONE: another response. */
static enum answer take_tagged(struct talk *talk)
{
    struct text rest = buffer_text(&talk->response), tag, word;
    uint32_t number;
    if (!text_word(&rest, &tag) || !text_to_u32(tag, &number) || number != talk->tags)
        return ANSWER_NONE;
    text_word(&rest, &word);
    talk_hear_code(talk, rest);
    talk->ledger->answers++;
    if (!text_equals(word, TEXT("OK")) && !text_equals(word, TEXT("NO")))
        ledger_wrong(talk->ledger, WRONG_TOLD, "answered with %.*s",
                     TEXT_ARG(buffer_text(&talk->response)));
    if (text_starts_with(text_trim(rest), TEXT("[AUTHENTICATIONFAILED]")))
        ledger_wrong(talk->ledger, WRONG_REFUSED, "answered with %.*s",
                     TEXT_ARG(buffer_text(&talk->response)));
    if (text_starts_with(text_trim(rest), TEXT("[UNAVAILABLE]")))
        witness_put_off(talk->ledger, talk->fd, buffer_text(&talk->response));
    return text_equals(word, TEXT("OK")) ? ANSWER_OK : ANSWER_NO;
}

static enum answer read_answer(struct talk *talk, struct text literal)
{
    while (read_response(talk)) {
        enum answer answer = take_tagged(talk);
        if (answer != ANSWER_NONE)
            return answer;
        if (text_starts_with(buffer_text(&talk->response), TEXT("+"))) {
            stream_write(talk->stream, literal);
            stream_write(talk->stream, TEXT("\r\n"));
        }
        hear_untagged(talk);
    }
    witness_silence(talk->ledger, talk->fd, talk->stream);
    return ANSWER_NONE;
}

static void begin_command(struct talk *talk)
{
    talk->asked = ++talk->ledger->moment;
    talk->code[0] = '\0';
    if (talk->shelf != NULL) {
        talk->modseq_then = talk->shelf->modseq;
        talk->next_then = talk->shelf->uid_next;
    }
    stream_set_deadline(talk->stream, clock_monotonic_ms() + PATIENCE);
    stream_printf(talk->stream, "%u ", ++talk->tags);
}

static bool keeps_numbers(struct text command)
{
    return text_starts_with(command, TEXT("FETCH ")) || text_starts_with(command, TEXT("STORE ")) ||
           text_starts_with(command, TEXT("SEARCH "));
}

static enum answer ask(struct talk *talk, const char *format, va_list arguments)
{
    char *text;
    check(vasprintf(&text, format, arguments) > 0);
    begin_command(talk);
    stream_printf(talk->stream, "%s\r\n", text);
    log_info("imap.said", "client=%p tag=%u text=%s", (void *)talk, talk->tags,
             log_text(text_from(text)));
    talk->numbers_hold = keeps_numbers(text_from(text));
    free(text);
    enum answer answer = read_answer(talk, TEXT(""));
    talk->numbers_hold = false;
    return answer;
}

enum answer talk_ask(struct talk *talk, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum answer answer = ask(talk, format, arguments);
    va_end(arguments);
    return answer;
}

enum answer talk_ask_with(struct talk *talk, struct text literal, const char *command)
{
    begin_command(talk);
    stream_printf(talk->stream, "%s {%zu}\r\n", command, literal.length);
    return read_answer(talk, literal);
}

/* ---- IDLE ---- */

struct nap {
    struct stream *stream;
    int64_t milliseconds;
    bool is_over;
};

static void nap_task(void *argument)
{
    struct nap *nap = argument;
    task_sleep(nap->milliseconds);
    nap->is_over = true;
    stream_wake(nap->stream);
}

enum answer talk_idle(struct talk *talk, int64_t milliseconds)
{
    struct nap nap = {.stream = talk->stream, .milliseconds = milliseconds};
    struct task_group group;
    bool is_there = true;
    begin_command(talk);
    stream_write(talk->stream, TEXT("IDLE\r\n"));
    stream_set_deadline(talk->stream, clock_monotonic_ms() + milliseconds + PATIENCE);
    task_group_init(&group);
    task_spawn(&group, "nap", nap_task, &nap);
    while (is_there && !nap.is_over) {
        is_there = stream_await(talk->stream) == OK;
        while (is_there && stream_has_input(talk->stream)) {
            is_there = read_response(talk);
            hear_untagged(talk);
        }
    }
    task_group_finish(&group);
    if (!is_there) {
        witness_silence(talk->ledger, talk->fd, talk->stream);
        return ANSWER_NONE;
    }
    stream_write(talk->stream, TEXT("DONE\r\n"));
    return read_answer(talk, TEXT(""));
}

/* ---- A mailbox ---- */

enum answer talk_select(struct talk *talk, struct shelf *shelf, struct shelf_memory *memory,
                        const char *command)
{
    bool resumes = talk->hears_vanished && memory->until > 0;
    char parameters[64] = "";
    talk->shelf = shelf;
    talk->memory = memory;
    talk->count = 0;
    talk->modseq_told = talk->resumed = 0;
    talk->recalls = resumes;
    if (resumes)
        snprintf(parameters, sizeof(parameters), " (QRESYNC (%u %llu))", shelf->validity,
                 (unsigned long long)memory->until);
    else
        memset(memory, 0, sizeof(*memory));
    enum answer answer = talk_ask(talk, "%s%s", command, parameters);
    if (answer == ANSWER_OK && resumes) {
        talk_recall(talk);
        talk->resumed = talk->highest;
        talk->ledger->resumed++;
    }
    if (answer != ANSWER_OK)
        talk_unselected(talk);
    return answer;
}

void talk_unselected(struct talk *talk)
{
    talk->shelf = NULL;
    talk->memory = NULL;
    talk->count = 0;
}

void talk_recall(struct talk *talk)
{
    unsigned count = 0;
    if (!talk->recalls)
        return;
    talk->recalls = false;
    memset(talk->uids, 0, talk->count * sizeof(*talk->uids));
    for (uint32_t uid = 1; uid < SHELF_UIDS; uid++)
        if (talk->memory->known[uid] != 0 && count++ < talk->count)
            talk->uids[count - 1] = uid;
    if (count > talk->count)
        shelf_wrong(talk->ledger, talk->shelf, 0, "a client that came back knows too many");
}

unsigned talk_number(const struct talk *talk, uint32_t uid)
{
    for (unsigned i = 0; i < talk->count; i++)
        if (talk->uids[i] == uid)
            return i + 1;
    return 0;
}

/* Of the messages up to the first one whose UID was not told. */
static unsigned known_count(const struct talk *talk)
{
    unsigned count = 0;
    while (count < talk->count && talk->uids[count] != 0)
        count++;
    return count;
}

/* What all clients know of the mailbox, and this one from before, must be what is in it. */
static void compare(struct talk *talk)
{
    unsigned known = known_count(talk);
    uint32_t last = known == 0 ? 0 : talk->uids[known - 1];
    bool is_all = known == talk->count;
    for (uint32_t uid = 1; uid < talk->shelf->uid_next && (uid <= last || is_all); uid++) {
        const struct shelf_place *place = &talk->shelf->places[uid];
        bool is_there = talk_number(talk, uid) > 0;
        if (is_there && shelf_must_lack(place, talk->asked))
            shelf_wrong(talk->ledger, talk->shelf, uid, "it is shown, and was gone before");
        if (!is_there && shelf_must_have(place, talk->asked))
            shelf_wrong(talk->ledger, talk->shelf, uid, "it is not shown any more");
        if (!is_there && talk->memory->known[uid] != 0)
            shelf_wrong(talk->ledger, talk->shelf, uid, "a client was not told that it went");
    }
}

enum answer talk_look(struct talk *talk)
{
    uint64_t told = talk->modseq_told;
    enum answer answer =
        talk_ask(talk, "UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (X-SIM)])");
    if (answer != ANSWER_OK)
        return answer;
    compare(talk);
    if (known_count(talk) == talk->count && told > talk->memory->until)
        talk->memory->until = told;
    talk->resumed = 0;
    return answer;
}

enum answer talk_noop(struct talk *talk)
{
    enum answer answer = talk_ask(talk, "NOOP");
    if (answer == ANSWER_OK)
        compare(talk);
    return answer;
}
