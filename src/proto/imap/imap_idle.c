/* IDLE (RFC 2177): the client waits, and hears what happens. */
#include <stdlib.h>

#include "base/clock.h"
#include "proto/imap/imap_commands.h"

/* Nothing that was needed for a moment is kept in memory over hours: of the command only the tag.
 */
static char *keep_tag(struct imap_session *session)
{
    char *tag = text_to_string(session->tag);
    session->tag = text_of(tag, session->tag.length);
    session->lex.rest = session->line.line = TEXT("");
    arena_finish(&session->line.arena);
    return tag;
}

static void wait_for_news(struct imap_session *session)
{
    struct line_session *line = &session->line;
    session->is_idle = true;
    do {
        imap_tell_changes(session, true);
        buffer_reset(&session->out, 0);
        stream_flush(line->stream);
        task_trim_stack();
        stream_set_deadline(line->stream, clock_monotonic_ms() + line->idle_ms);
    } while (stream_buffered(line->stream).length == 0 && stream_await(line->stream) == OK);
    session->is_idle = false;
}

void imap_idle(struct imap_session *session)
{
    struct line_session *line = &session->line;
    struct text done;
    if (!imap_arguments_end(session))
        return;
    char *tag = keep_tag(session);
    stream_write(line->stream, TEXT("+ Idling\r\n"));
    wait_for_news(session);
    enum status status = line_read(line, &done);
    if (status == OK && text_equals_nocase(done, TEXT("DONE")))
        imap_ok(session, "", "No longer idle");
    else if (status != TRY_LATER)
        imap_bad(session, "DONE ends IDLE");
    session->tag = TEXT("");
    free(tag);
}
