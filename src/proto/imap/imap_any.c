/* Commands of any state (RFC 9051 6.1), and those of the state before. */
#include "net/stream_deflate.h"
#include "proto/imap/imap_capability.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/mailbox/imap_notify.h"

void imap_capability(struct imap_session *session)
{
    if (!imap_arguments_end(session))
        return;
    buffer_append(&session->out, TEXT("* "));
    imap_capability_put(&session->out,
                        &(struct imap_offer){.situation = IMAP_AFTER_LOGIN,
                                             .append_bytes = session->options->append_bytes});
    buffer_append(&session->out, TEXT("\r\n"));
    imap_send(session);
    imap_ok(session, "", "That is what is offered");
}

void imap_noop(struct imap_session *session)
{
    if (imap_arguments_end(session))
        imap_ok(session, "", "Nothing done");
}

void imap_logout(struct imap_session *session)
{
    if (!imap_arguments_end(session))
        return;
    imap_deselect(session);
    stream_write(session->line.stream, TEXT("* BYE Goodbye\r\n"));
    imap_ok(session, "", "Logged out");
    session->line.ended = true;
}

void imap_id(struct imap_session *session)
{
    imap_lex_id(&session->lex);
    if (!imap_arguments_end(session))
        return;
    stream_write(session->line.stream, TEXT("* ID (\"name\" \"mailroot\")\r\n"));
    imap_ok(session, "", "Pleased to meet you");
}

/* RFC 4978. Not behind commands that were sent ahead: what follows the command is compressed, and
 * only the answer says that it may be. */
void imap_compress(struct imap_session *session)
{
    struct stream *stream = session->line.stream;
    imap_lex_space(&session->lex);
    struct text mechanism = imap_lex_atom(&session->lex);
    if (!imap_arguments_end(session))
        return;
    if (!text_equals_nocase(mechanism, TEXT("DEFLATE"))) {
        imap_bad(session, "Only DEFLATE is known");
    } else if (stream_is_deflated(stream)) {
        imap_no(session, "[COMPRESSIONACTIVE]", "It is on already");
    } else if (stream_buffered(stream).length > 0) {
        imap_bad(session, "Nothing can be sent ahead of the answer to COMPRESS");
    } else {
        imap_ok(session, "", "Compressed from here on");
        stream_start_deflate(stream);
    }
}

/* RFC 8437: back to the state before the login, which is front's; this session ends here, with all
 * it knows of its user. Only TLS stays. What was compressed can't be told from what is not any more
 * (4.1), so nothing may be sent ahead then. */
void imap_unauthenticate(struct imap_session *session)
{
    struct stream *stream = session->line.stream;
    if (!imap_arguments_end(session))
        return;
    if (stream_is_deflated(stream) && stream_holds_input(stream)) {
        imap_bad(session, "Nothing can be sent ahead of the answer when it is compressed");
        return;
    }
    imap_notify_end(session);
    imap_deselect(session);
    stream_flush(stream);
    imap_ok(session, "", "Nobody is logged in");
    stream_give_back(stream);
    session->line.ended = true;
}

static const struct {
    const char *name;
    unsigned enables;
} extensions[] = {
    {"IMAP4rev2", IMAP_ENABLED_REV2},
    {"UTF8=ACCEPT", IMAP_ENABLED_UTF8},
    {"UIDONLY", IMAP_ENABLED_UIDONLY},
    {"CONDSTORE", IMAP_ENABLED_CONDSTORE},
    {"QRESYNC", IMAP_ENABLED_CONDSTORE | IMAP_ENABLED_QRESYNC},
    {"METADATA", IMAP_ENABLED_METADATA},
};

/* RFC 9051 6.3.1: names that are not known are passed over. */
void imap_enable(struct imap_session *session)
{
    unsigned before = session->enabled;
    imap_lex_space(&session->lex);
    buffer_append(&session->out, TEXT("* ENABLED"));
    do {
        struct text name = imap_lex_atom(&session->lex);
        for (unsigned i = 0; i < sizeof(extensions) / sizeof(*extensions); i++) {
            if (!text_equals_nocase(name, text_from(extensions[i].name)) ||
                (session->enabled & extensions[i].enables) == extensions[i].enables)
                continue;
            session->enabled |= extensions[i].enables;
            buffer_printf(&session->out, " %s", extensions[i].name);
        }
    } while (imap_lex_more(&session->lex));
    buffer_append(&session->out, TEXT("\r\n"));
    if (!imap_arguments_end(session)) {
        buffer_reset(&session->out, 0);
        return;
    }
    imap_send(session);
    if ((session->enabled & ~before & IMAP_ENABLED_METADATA) != 0)
        imap_notify_notes(session);
    imap_ok(session, "", "Enabled");
}

void imap_refused_now(struct imap_session *session)
{
    imap_bad(session, "Not possible after the login");
}
