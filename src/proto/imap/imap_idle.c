/* IDLE (RFC 2177): the client waits, and hears what happens. */
#include "base/clock.h"
#include "proto/imap/imap_commands.h"

void imap_idle(struct imap_session *session)
{
    struct line_session *line = &session->line;
    struct text done;
    if (!imap_arguments_end(session))
        return;
    stream_write(line->stream, TEXT("+ Idling\r\n"));
    session->is_idle = true;
    do {
        imap_tell_changes(session, true);
        buffer_reset(&session->out, 0); /* no memory is kept over hours */
        stream_set_deadline(line->stream, clock_monotonic_ms() + line->idle_ms);
    } while (stream_buffered(line->stream).length == 0 && stream_await(line->stream) == OK);
    session->is_idle = false;
    enum status status = line_read(line, &done);
    if (status == TRY_LATER)
        return;
    if (status == OK && text_equals_nocase(done, TEXT("DONE")))
        imap_ok(session, "", "No longer idle");
    else
        imap_bad(session, "DONE ends IDLE");
}
