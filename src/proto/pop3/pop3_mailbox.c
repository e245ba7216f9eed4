/* POP3 after the login: TRANSACTION and UPDATE. A message is read in ranges, so its size costs no
 * memory; its bytes go out as they are stored, but for the dots and for a CRLF at the very end
 * where the message has none. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "proto/line/dots.h"
#include "proto/line/line.h"
#include "proto/pop3/pop3.h"

enum { LINE_MAX_BYTES = 512, RANGE_BYTES = 32 << 10, ERRORS_MAX = 20, STATE_TRANSACTION = 1 };

struct pop3_session {
    struct line_session line;
    const struct pop3_maildrop *maildrop;
    bool *deleted; /* by index */
};

static struct pop3_session *pop3_session(struct line_session *line)
{
    return line->context;
}

static void say_error(struct line_session *line, const char *text)
{
    stream_printf(line->stream, "-ERR %s\r\n", text);
}

/* The message number that is the whole argument; false when answered with -ERR. */
static bool take_number(struct line_session *line, struct text word, unsigned *index)
{
    struct pop3_session *session = pop3_session(line);
    uint32_t number;
    if (!text_to_u32(word, &number))
        say_error(line, "A message number is missing");
    else if (number == 0 || number > session->maildrop->count)
        say_error(line, "No such message");
    else if (session->deleted[number - 1])
        say_error(line, "The message is deleted");
    else {
        *index = number - 1;
        return true;
    }
    return false;
}

static void count_messages(const struct pop3_session *session, unsigned *count, uint64_t *octets)
{
    const struct pop3_maildrop *maildrop = session->maildrop;
    *count = 0;
    *octets = 0;
    for (unsigned i = 0; i < maildrop->count; i++) {
        if (session->deleted[i])
            continue;
        *count += 1;
        *octets += maildrop->size(maildrop->state, i);
    }
}

static void command_stat(struct line_session *line, struct text arguments)
{
    unsigned count;
    uint64_t octets;
    unused(arguments);
    count_messages(pop3_session(line), &count, &octets);
    stream_printf(line->stream, "+OK %u %" PRIu64 "\r\n", count, octets);
}

static void list_one(struct line_session *line, unsigned index, const char *before)
{
    const struct pop3_maildrop *maildrop = pop3_session(line)->maildrop;
    stream_printf(line->stream, "%s%u %" PRIu64 "\r\n", before, index + 1,
                  maildrop->size(maildrop->state, index));
}

static void uidl_one(struct line_session *line, unsigned index, const char *before)
{
    const struct pop3_maildrop *maildrop = pop3_session(line)->maildrop;
    char uid[POP3_UID_BYTES];
    maildrop->uid(maildrop->state, index, uid);
    stream_printf(line->stream, "%s%u %s\r\n", before, index + 1, uid);
}

/* LIST and UIDL: one message, or all that are not deleted. */
static void list(struct line_session *line, struct text arguments,
                 void (*one)(struct line_session *line, unsigned index, const char *before))
{
    struct pop3_session *session = pop3_session(line);
    unsigned index;
    if (!text_is_empty(text_trim(arguments))) {
        if (take_number(line, text_trim(arguments), &index))
            one(line, index, "+OK ");
        return;
    }
    stream_write(line->stream, TEXT("+OK List follows\r\n"));
    for (index = 0; index < session->maildrop->count; index++)
        if (!session->deleted[index])
            one(line, index, "");
    stream_write(line->stream, TEXT(".\r\n"));
}

static void command_list(struct line_session *line, struct text arguments)
{
    list(line, arguments, list_one);
}

static void command_uidl(struct line_session *line, struct text arguments)
{
    list(line, arguments, uidl_one);
}

/* Sending a message */

/* Where TOP ends: behind the header section and so many lines. */
struct cutter {
    bool is_whole; /* RETR: never */
    bool in_body;
    bool line_is_blank; /* so far */
    uint64_t lines_left;
};

/* How many of these bytes to send; fewer than all: the end was reached. Lines end with LF. */
static size_t cut(struct cutter *cutter, struct text bytes)
{
    if (cutter->is_whole)
        return bytes.length;
    for (size_t i = 0; i < bytes.length; i++) {
        if (cutter->in_body && cutter->lines_left == 0)
            return i;
        char c = bytes.data[i];
        if (c != '\n') {
            cutter->line_is_blank = cutter->line_is_blank && c == '\r';
            continue;
        }
        if (cutter->in_body)
            cutter->lines_left--;
        else
            cutter->in_body = cutter->line_is_blank;
        cutter->line_is_blank = true;
    }
    return bytes.length;
}

static void send_dotted(struct stream *stream, struct dots_writer *writer, struct text rest)
{
    while (rest.length > 0) {
        bool dot;
        struct text part = dots_write(writer, &rest, &dot);
        if (dot)
            stream_write(stream, TEXT("."));
        stream_write(stream, part);
    }
}

/* A message that can't be read to its end: the client must not take what it has for the message,
 * and there is no way to say so within one, so the session breaks off. */
static void send_message(struct line_session *line, unsigned index, struct cutter cutter)
{
    const struct pop3_maildrop *maildrop = pop3_session(line)->maildrop;
    uint64_t size = maildrop->exact_size == NULL ? maildrop->size(maildrop->state, index)
                                                 : maildrop->exact_size(maildrop->state, index);
    uint64_t offset = 0;
    struct dots_writer writer = {0};
    struct buffer range;
    buffer_init(&range, RANGE_BYTES);
    bool is_cut = false;
    while (offset < size && !is_cut && stream_end(line->stream) == STREAM_OPEN) {
        uint32_t length = size - offset < RANGE_BYTES ? (uint32_t)(size - offset) : RANGE_BYTES;
        buffer_reset(&range, RANGE_BYTES);
        enum status status = maildrop->read(maildrop->state, index, offset, length, &range);
        if (status != OK || range.length == 0)
            break;
        if (offset == 0)
            stream_printf(line->stream, "+OK %" PRIu64 " octets\r\n", size);
        size_t wanted = cut(&cutter, buffer_text(&range));
        is_cut = wanted < range.length;
        stream_set_deadline(line->stream, clock_monotonic_ms() + line->idle_ms);
        send_dotted(line->stream, &writer, text_head(buffer_text(&range), wanted));
        offset += range.length;
    }
    buffer_finish(&range);
    if (size == 0)
        stream_write(line->stream, TEXT("+OK 0 octets\r\n"));
    if (offset == size || is_cut)
        stream_write(line->stream, dots_finish(&writer));
    else if (offset == 0)
        say_error(line, "[SYS/TEMP] The message can't be read at the moment");
    else
        line->ended = true;
}

static void command_retr(struct line_session *line, struct text arguments)
{
    unsigned index;
    if (take_number(line, text_trim(arguments), &index))
        send_message(line, index, (struct cutter){.is_whole = true});
}

static void command_top(struct line_session *line, struct text arguments)
{
    struct text number = TEXT(""), lines = TEXT(""), extra;
    struct cutter cutter = {.line_is_blank = true};
    unsigned index;
    text_word(&arguments, &number);
    text_word(&arguments, &lines);
    if (!text_to_u64(lines, &cutter.lines_left) || text_word(&arguments, &extra))
        say_error(line, "TOP needs a message number and a number of lines");
    else if (take_number(line, number, &index))
        send_message(line, index, cutter);
}

/* The rest */

static void command_dele(struct line_session *line, struct text arguments)
{
    unsigned index;
    if (!take_number(line, text_trim(arguments), &index))
        return;
    pop3_session(line)->deleted[index] = true;
    stream_printf(line->stream, "+OK Message %u deleted\r\n", index + 1);
}

static void command_noop(struct line_session *line, struct text arguments)
{
    unused(arguments);
    stream_write(line->stream, TEXT("+OK\r\n"));
}

static void command_rset(struct line_session *line, struct text arguments)
{
    struct pop3_session *session = pop3_session(line);
    unsigned count;
    uint64_t octets;
    unused(arguments);
    for (unsigned i = 0; i < session->maildrop->count; i++)
        session->deleted[i] = false;
    count_messages(session, &count, &octets);
    stream_printf(line->stream, "+OK maildrop has %u messages (%" PRIu64 " octets)\r\n", count,
                  octets);
}

void pop3_put_terms(struct stream *stream, int64_t expire_ms, int64_t delay_ms, bool differs)
{
    const char *user = differs ? " USER" : "";
    if (expire_ms == 0)
        stream_write(stream, TEXT("EXPIRE NEVER\r\n"));
    else
        stream_printf(stream, "EXPIRE %lld%s\r\n", (long long)(expire_ms / (24 * HOUR)), user);
    if (delay_ms > 0)
        stream_printf(stream, "LOGIN-DELAY %lld%s\r\n",
                      (long long)((delay_ms + SECOND - 1) / SECOND), user);
}

static void command_capa(struct line_session *line, struct text arguments)
{
    const struct pop3_maildrop *maildrop = pop3_session(line)->maildrop;
    unused(arguments);
    stream_write(line->stream,
                 TEXT("+OK Capabilities follow\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n"
                      "PIPELINING\r\n"));
    pop3_put_terms(line->stream, maildrop->expire_ms, maildrop->delay_ms, false);
    stream_write(line->stream, TEXT("IMPLEMENTATION mailroot\r\n.\r\n"));
}

/* RFC 1939 6: UPDATE, the only way in which messages are removed. */
static enum status remove_deleted(struct pop3_session *session, unsigned *removed)
{
    const struct pop3_maildrop *maildrop = session->maildrop;
    unsigned *indexes = calloc(maildrop->count + 1u, sizeof(*indexes));
    check(indexes != NULL);
    *removed = 0;
    for (unsigned i = 0; i < maildrop->count; i++)
        if (session->deleted[i] ||
            (maildrop->is_expired != NULL && maildrop->is_expired(maildrop->state, i)))
            indexes[(*removed)++] = i;
    enum status status = *removed == 0 ? OK : maildrop->remove(maildrop->state, indexes, *removed);
    free(indexes);
    return status;
}

static void command_quit(struct line_session *line, struct text arguments)
{
    unsigned removed;
    unused(arguments);
    const struct pop3_maildrop *maildrop = pop3_session(line)->maildrop;
    line->ended = true;
    enum status status = remove_deleted(pop3_session(line), &removed);
    if (maildrop->release != NULL)
        maildrop->release(maildrop->state);
    if (status == OK)
        stream_printf(line->stream, "+OK Goodbye, %u messages deleted\r\n", removed);
    else
        say_error(line, "[SYS/TEMP] The deleted messages are not removed");
}

static const struct line_command commands[] = {
    {"STAT", STATE_TRANSACTION, 0, command_stat}, {"LIST", STATE_TRANSACTION, 0, command_list},
    {"RETR", STATE_TRANSACTION, 0, command_retr}, {"DELE", STATE_TRANSACTION, 0, command_dele},
    {"NOOP", STATE_TRANSACTION, 0, command_noop}, {"RSET", STATE_TRANSACTION, 0, command_rset},
    {"TOP", STATE_TRANSACTION, 0, command_top},   {"UIDL", STATE_TRANSACTION, 0, command_uidl},
    {"CAPA", STATE_TRANSACTION, 0, command_capa}, {"QUIT", STATE_TRANSACTION, 0, command_quit},
};

static unsigned current_state(const struct line_session *line)
{
    unused(line);
    return STATE_TRANSACTION;
}

static void say_fault(struct line_session *line, enum line_fault fault,
                      const struct line_command *command)
{
    static const char *const texts[] = {
        [LINE_TOO_LONG] = "Line too long",
        [LINE_BAD_BYTES] = "A line ends with CRLF and holds no control bytes",
        [LINE_UNKNOWN] = "Command not known, or not after the login",
        [LINE_WRONG_STATE] = "Not now",
        [LINE_NEEDS_TLS] = "Not without TLS",
        [LINE_MANY_ERRORS] = "[SYS/PERM] Too many errors, closing",
        [LINE_SILENT] = "[SYS/TEMP] Nothing heard for too long, closing",
        [LINE_TOO_OLD] = "[SYS/TEMP] The session took too long, closing",
        [LINE_SHUTTING_DOWN] = "[SYS/TEMP] Shutting down, come back soon",
    };
    unused(command);
    say_error(line, texts[fault]);
}

static const struct line_dialect dialect = {
    .commands = commands,
    .command_count = sizeof(commands) / sizeof(commands[0]),
    .max_line = LINE_MAX_BYTES,
    .state = current_state,
    .fault = say_fault,
};

void pop3_serve_mailbox(struct stream *stream, const struct pop3_maildrop *maildrop,
                        int64_t idle_ms)
{
    struct pop3_session session = {.maildrop = maildrop};
    session.deleted = calloc(maildrop->count + 1u, sizeof(*session.deleted));
    check(session.deleted != NULL);
    line_init(&session.line, stream, &dialect, &session);
    session.line.idle_ms = idle_ms < 10 * MINUTE ? 10 * MINUTE : idle_ms;
    session.line.max_errors = ERRORS_MAX;
    stream_printf(stream, "+OK maildrop has %u messages\r\n", maildrop->count);
    line_run(&session.line);
    line_finish(&session.line);
    free(session.deleted);
}

void pop3_refuse_mailbox(struct stream *stream, const char *reason)
{
    stream_printf(stream, "-ERR %s\r\n", reason);
    stream_flush(stream);
}
