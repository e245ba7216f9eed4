/* DATA and BDAT: taking the bytes of a message off the wire without ever losing step. */
#include "proto/line/dots.h"
#include "proto/smtp/server/smtp_extensions.h"
#include "proto/smtp/server/smtp_session.h"

/* RFC 3030 2 has a refused chunk swallowed; one beyond any limit of messages is a lie or an attack,
 * and swallowing it would keep the session for days. */
static const uint64_t CHUNK_SWALLOWED_MAX = UINT64_C(4) << 30;

/* RFC 5321 4.1.1.4: only CRLF.CRLF ends the data. A bare CR or LF is refused rather than repaired,
 * because repairing it lets a sender smuggle a second message. */
static bool take_dotted(struct smtp_session *session, struct dots_reader *reader)
{
    struct stream *stream = session->line.stream;
    while (!reader->ended) {
        struct text buffered = stream_buffered(stream), rest = buffered;
        if (rest.length == 0 && line_fill(&session->line) != OK)
            return false;
        while (rest.length > 0 && !reader->ended)
            smtp_intake_take(session, dots_read(reader, &rest));
        stream_consume(stream, buffered.length - rest.length);
    }
    return true;
}

void smtp_command_data(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct dots_reader reader = {0};
    if (!text_is_empty(text_trim(arguments))) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
        return;
    }
    /* RFC 3030 3: DATA ends at a line, and binary bodies know no lines. */
    if (session->transaction.mail.terms.body == MAIL_BODY_BINARY) {
        smtp_answer(session, SMTP_BINARY_BY_BDAT, TEXT(""));
        return;
    }
    smtp_answer(session, SMTP_GO_AHEAD, TEXT(""));
    smtp_intake_begin(session);
    if (!take_dotted(session, &reader)) {
        smtp_intake_drop(session);
        return;
    }
    struct smtp_intake *intake = &session->transaction.intake;
    if (reader.has_bare && intake->trouble == SMTP_NO_TROUBLE)
        intake->trouble = SMTP_TROUBLE_BARE;
    smtp_intake_end(session);
}

/* RFC 3030 2: exactly size octets follow, whether we like them or not. */
static bool take_chunk(struct smtp_session *session, uint64_t size, bool is_wanted)
{
    struct stream *stream = session->line.stream;
    while (size > 0) {
        if (stream_buffered(stream).length == 0 && line_fill(&session->line) != OK)
            return false;
        struct text part = stream_buffered(stream);
        if (part.length > size)
            part.length = (size_t)size;
        if (is_wanted)
            smtp_intake_take_chunk(session, part);
        stream_consume(stream, part.length);
        size -= part.length;
    }
    return true;
}

/* A chunk that has no place here: swallowed, then refused. */
static void refuse_chunk(struct smtp_session *session, uint64_t size)
{
    struct line_session *line = &session->line;
    if (!take_chunk(session, size, false))
        return;
    if (smtp_extension_is_off(session, EXTENSION_CHUNKING))
        smtp_answer(session, SMTP_UNKNOWN_COMMAND, TEXT(""));
    else if ((line->tls_first & LINE_TLS_FIRST) != 0 && !stream_is_tls(line->stream))
        smtp_answer(session, SMTP_TLS_FIRST, TEXT(""));
    else
        smtp_answer(session, SMTP_RCPT_FIRST, TEXT(""));
}

void smtp_command_bdat(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct smtp_server_transaction *transaction = &session->transaction;
    struct smtp_bdat bdat;
    if (!smtp_parse_bdat(arguments, &bdat)) {
        /* How much follows is not known, so what follows can't be told from commands. */
        line->ended = true;
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
        return;
    }
    if (bdat.size > CHUNK_SWALLOWED_MAX) {
        line->ended = true;
        smtp_answer(session, SMTP_TOO_LARGE, TEXT(""));
        return;
    }
    if ((transaction->state & (SMTP_ADDRESSED | SMTP_CHUNKING)) == 0 ||
        smtp_extension_is_off(session, EXTENSION_CHUNKING)) {
        refuse_chunk(session, bdat.size);
        return;
    }
    if (transaction->state == SMTP_ADDRESSED)
        smtp_intake_begin(session);
    transaction->state = SMTP_CHUNKING;
    if (!take_chunk(session, bdat.size, true)) {
        smtp_intake_drop(session);
        return;
    }
    /* Trouble is told with the chunk that met it; the chunks behind it get 503. */
    if (bdat.is_last || transaction->intake.trouble != SMTP_NO_TROUBLE)
        smtp_intake_end(session);
    else
        smtp_answer(session, SMTP_CHUNK_OK, TEXT(""));
}
