/* Reading lines strictly. A line ends with CRLF and nothing else (RFC 5321 2.3.8): whoever takes a
 * bare LF for an end sees commands where the sender's peer saw text, and the other way round. */
#include "proto/line/line.h"

#include <string.h>

#include "base/clock.h"

enum { PART_MS = 2 * SECOND, PART_BYTES = 64 << 10 };

void line_init(struct line_session *session, struct stream *stream,
               const struct line_dialect *dialect, void *context)
{
    *session = (struct line_session){
        .stream = stream,
        .dialect = dialect,
        .context = context,
        .idle_ms = 5 * MINUTE,
        .ends_ms = NO_DEADLINE,
        .max_errors = 10,
    };
    arena_init(&session->arena);
}

void line_finish(struct line_session *session)
{
    protolog_session_free(&session->log);
    arena_finish(&session->arena);
}

static void set_deadline(struct line_session *session)
{
    int64_t silent_ms = clock_monotonic_ms() + session->idle_ms;
    bool is_last = session->ends_ms < silent_ms;
    stream_set_deadline(session->stream, is_last ? session->ends_ms : silent_ms);
}

/* The stream has ended. Where that was our doing the peer is told why. */
static void end_of_stream(struct line_session *session)
{
    session->ended = true;
    session->command = NULL;
    session->line = TEXT("");
    enum stream_end end = stream_end(session->stream);
    if (end != STREAM_TIMED_OUT && end != STREAM_CANCELLED)
        return;
    enum line_fault fault = LINE_SHUTTING_DOWN;
    if (end == STREAM_TIMED_OUT)
        fault = clock_monotonic_ms() >= session->ends_ms ? LINE_TOO_OLD : LINE_SILENT;
    stream_revive(session->stream);
    session->dialect->fault(session, fault, NULL);
}

static bool has_bad_bytes(struct text line)
{
    for (size_t i = 0; i < line.length; i++)
        if (((unsigned char)line.data[i] < 32 && line.data[i] != '\t') || line.data[i] == 127)
            return true;
    return false;
}

/* A line with its end, up to LF; consumed, borrowed until the next read. One that is too long is
 * skipped: REFUSED, and *line is its last two bytes at most. YIELDS. */
static enum status read_to_lf(struct line_session *session, struct text *line)
{
    size_t searched = 0;
    bool skipping = false;
    set_deadline(session);
    for (;;) {
        struct text buffered = stream_buffered(session->stream);
        size_t end = searched + text_find(text_from_position(buffered, searched), '\n');
        bool found = end < buffered.length;
        skipping = skipping || (found ? end + 1 : buffered.length + 1) > session->dialect->max_line;
        if (found) {
            *line = text_head(buffered, end + 1);
            stream_consume(session->stream, end + 1);
            if (skipping)
                *line = text_from_position(*line, end > 0 ? end - 1 : 0);
            return skipping ? refused("line too long") : OK;
        }
        /* The last byte is kept: it may be the CR of the end. */
        if (skipping && buffered.length > 1)
            stream_consume(session->stream, buffered.length - 1);
        searched = skipping ? 0 : buffered.length;
        if (stream_fill(session->stream) != OK)
            return TRY_LATER;
    }
}

static bool ends_with_crlf(struct text line)
{
    return line.length >= 2 && line.data[line.length - 2] == '\r';
}

/* Read a line into the command's arena, without its end. What follows a bare LF belongs to the same
 * bad line until a CRLF comes; each piece is answered, so that a person at netcat is not left in
 * silence. YIELDS. */
static enum status take_line(struct line_session *session, struct text *line,
                             enum line_fault *fault)
{
    struct text raw;
    enum status status = read_to_lf(session, &raw);
    if (status == TRY_LATER) {
        end_of_stream(session);
        return TRY_LATER;
    }
    bool was_bad = session->resynchronising;
    session->resynchronising = !ends_with_crlf(raw);
    *fault = status == REFUSED ? LINE_TOO_LONG : LINE_BAD_BYTES;
    if (status == REFUSED)
        return REFUSED;
    raw.length -= ends_with_crlf(raw) ? 2 : 1;
    if (session->resynchronising || was_bad || has_bad_bytes(raw))
        return refused("control bytes or a bare LF in a line");
    *line = arena_copy(&session->arena, raw);
    return OK;
}

enum status line_read_why(struct line_session *session, struct text *line, enum line_fault *fault)
{
    return take_line(session, line, fault);
}

enum status line_read(struct line_session *session, struct text *line)
{
    enum line_fault fault;
    return line_read_why(session, line, &fault);
}

enum status line_fill(struct line_session *session)
{
    set_deadline(session);
    enum status status = stream_fill(session->stream);
    if (status != OK)
        end_of_stream(session);
    return status;
}

enum status line_take(struct line_session *session, size_t count, int64_t within_ms,
                      struct buffer *out)
{
    int64_t deadline_ms = clock_monotonic_ms() + within_ms;
    stream_set_deadline(session->stream,
                        deadline_ms < session->ends_ms ? deadline_ms : session->ends_ms);
    enum status status = stream_read_exactly(session->stream, count, out);
    if (status != OK)
        end_of_stream(session);
    return status;
}

void line_count_error(struct line_session *session)
{
    if (++session->errors < session->max_errors || session->ended)
        return;
    session->ended = true;
    session->dialect->fault(session, LINE_MANY_ERRORS, session->command);
}

static void fault(struct line_session *session, enum line_fault fault)
{
    session->dialect->fault(session, fault, session->command);
    line_count_error(session);
}

const struct line_command *line_command_find(const struct line_session *session, struct text verb)
{
    const struct line_dialect *dialect = session->dialect;
    unsigned without = dialect->without == NULL ? 0 : dialect->without(session);
    for (unsigned i = 0; i < dialect->command_count; i++)
        if (text_equals_nocase(verb, text_from(dialect->commands[i].verb)))
            return (dialect->commands[i].features & without) ? NULL : &dialect->commands[i];
    return NULL;
}

static struct text first_word(struct text line)
{
    struct text word = TEXT("");
    text_word(&line, &word);
    return word;
}

static bool is_like_a_verb(struct text word)
{
    enum { VERB_MOST = 8 };
    for (size_t i = 0; i < word.length; i++)
        if ((word.data[i] | 0x20) < 'a' || (word.data[i] | 0x20) > 'z')
            return false;
    return word.length <= VERB_MOST;
}

/* Behind an attempt to log in, even a refused or misspelled one, clients send secrets blindly. */
static void note_secret(struct line_session *session)
{
    struct text word = text_head(first_word(session->line), 4);
    if ((session->command != NULL && (session->command->flags & LINE_SECRET) != 0) ||
        text_equals_nocase(word, TEXT("AUTH")) || text_equals_nocase(word, TEXT("PASS")))
        session->met_secret = true;
}

static void serve_line(struct line_session *session)
{
    const struct line_dialect *dialect = session->dialect;
    if (dialect->serve != NULL) {
        dialect->serve(session);
        return;
    }
    struct text verb = text_before(session->line, ' ');
    const struct line_command *command = line_command_find(session, verb);
    session->command = command;
    note_secret(session);
    if (command == NULL)
        fault(session, LINE_UNKNOWN);
    else if ((command->flags & session->tls_first) != 0 && !stream_is_tls(session->stream))
        fault(session, LINE_NEEDS_TLS);
    else if ((command->states & dialect->state(session)) == 0)
        fault(session, LINE_WRONG_STATE);
    else
        command->action(session, text_from_position(session->line, verb.length + 1));
}

/* A busy peer never makes a read wait, so what ends a session is looked at here too. */
static bool is_over(struct line_session *session)
{
    bool too_old = clock_monotonic_ms() >= session->ends_ms;
    if (!too_old && !task_is_cancelled())
        return false;
    session->ended = true;
    session->dialect->fault(session, too_old ? LINE_TOO_OLD : LINE_SHUTTING_DOWN, NULL);
    return true;
}

/* Let the peer wait for what was answered; the others do not. YIELDS. */
static void serve_delay(struct line_session *session)
{
    int64_t until_ms = clock_monotonic_ms() + session->delay_ms;
    session->delay_ms = 0;
    task_sleep_until(until_ms < session->ends_ms ? until_ms : session->ends_ms);
    stream_flush(session->stream);
}

/* Bytes of the peer that are behind us. */
static uint64_t heard_bytes(const struct line_session *session)
{
    return stream_bytes_in(session->stream) - stream_buffered(session->stream).length;
}

static void log_end(struct line_session *session)
{
    struct text told = line_loggable(session), verb = text_before(told, ' ');
    if (session->command != NULL)
        verb = text_from(session->command->verb);
    protolog_command_end(session->log, verb, text_after(told, ' '), heard_bytes(session));
}

void line_log_about(struct line_session *session, struct text about)
{
    if (session->log != NULL)
        protolog_command_about(session->log, arena_copy(&session->arena, about));
}

void line_log_now(struct line_session *session, struct text status)
{
    if (session->log == NULL)
        return;
    protolog_command_say(session->log, status);
    log_end(session);
}

static void serve_or_say(struct line_session *session, enum status status, enum line_fault why)
{
    if (status == OK)
        serve_line(session);
    else if (status == REFUSED)
        fault(session, why);
}

/* The same as a row of the protocol log. */
static void serve_logged(struct line_session *session, enum status status, enum line_fault why,
                         uint64_t heard)
{
    struct protolog_command command;
    protolog_command_begin(&command, session->log, heard);
    serve_or_say(session, status, why);
    log_end(session);
}

static void step(struct line_session *session)
{
    enum line_fault why = LINE_BAD_BYTES;
    uint64_t heard = heard_bytes(session);
    /* A peer who has sent nothing more may be silent for long: a block is not kept for him. */
    if (text_is_empty(stream_buffered(session->stream)))
        arena_finish(&session->arena);
    else
        arena_reset(&session->arena);
    session->command = NULL;
    session->line = TEXT("");
    if (is_over(session))
        return;
    enum status status = take_line(session, &session->line, &why);
    if (session->log != NULL && status != TRY_LATER)
        serve_logged(session, status, why, heard);
    else
        serve_or_say(session, status, why);
    if (session->delay_ms > 0)
        serve_delay(session);
}

void line_run(struct line_session *session)
{
    while (!session->ended)
        step(session);
    session->command = NULL;
    line_part(session);
}

void line_part(struct line_session *session)
{
    int64_t deadline_ms = clock_monotonic_ms() + PART_MS;
    uint64_t most = stream_bytes_in(session->stream) + PART_BYTES;
    stream_set_deadline(session->stream, deadline_ms);
    stream_end_output(session->stream);
    while (stream_bytes_in(session->stream) < most) {
        stream_consume(session->stream, stream_buffered(session->stream).length);
        if (stream_fill(session->stream) != OK)
            return;
    }
}

struct text line_loggable(const struct line_session *session)
{
    if (session->dialect->loggable != NULL)
        return session->dialect->loggable(session);
    if (session->command != NULL && (session->command->flags & LINE_SECRET))
        return text_from(session->command->verb);
    if (session->command != NULL || text_is_empty(session->line))
        return session->line;
    /* Not a command: a misspelled AUTH, or the answer to a challenge that was never given. */
    struct text word = first_word(session->line);
    return session->met_secret || !is_like_a_verb(word) ? TEXT("?") : word;
}
