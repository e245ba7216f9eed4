/* HELP (RFC 5321 4.1.1.8): the verbs as they are known in this session, and its status. */
#include "base/id.h"
#include "proto/smtp/server/smtp_extensions.h"
#include "proto/smtp/server/smtp_session.h"

enum { HELP_MAX = 4096, VERBS_IN_LINE = 8 };

/* A verb that is switched off or would be refused in any case is not listed. */
static bool is_listed(const struct smtp_session *session, const struct line_command *command)
{
    const struct line_session *line = &session->line;
    if (line_command_find(line, text_from(command->verb)) == NULL)
        return false;
    for (unsigned i = 0; i < EXTENSION_COUNT; i++)
        if ((command->features & EXTENSION_BIT(i)) != 0 && !smtp_extension_is_offered(session, i))
            return false;
    return true;
}

static void list_verbs(struct smtp_session *session)
{
    const struct line_dialect *dialect = session->line.dialect;
    struct buffer lines;
    unsigned listed = 0;
    buffer_init(&lines, HELP_MAX);
    buffer_append(&lines,
                  TEXT("Verbs known here; HELP VERB tells more, HELP STATUS of the session"));
    for (unsigned i = 0; i < dialect->command_count; i++) {
        if (!is_listed(session, &dialect->commands[i]))
            continue;
        buffer_printf(&lines, "%s%s", listed++ % VERBS_IN_LINE == 0 ? "\n" : " ",
                      dialect->commands[i].verb);
    }
    smtp_answer_lines(session, SMTP_HELP, buffer_text(&lines));
    buffer_finish(&lines);
}

/* RFC 5321 4.2.3: 211 is system status, or a help reply. What it tells the peer knows already. */
static void tell_status(struct smtp_session *session)
{
    const struct stream *stream = session->line.stream;
    char id[ID_TEXT_BYTES];
    struct buffer lines;
    buffer_init(&lines, HELP_MAX);
    buffer_printf(&lines, "%.*s, mailroot, session %s\n", TEXT_ARG(session->host),
                  id_format(session->id, id));
    buffer_printf(&lines, "You are %s, hello %s\n", session->peer,
                  session->said_hello ? session->helo : "not said");
    if (stream_is_tls(stream))
        buffer_printf(&lines, "%s %s\n", stream_tls_version(stream), stream_tls_cipher(stream));
    else
        buffer_append(&lines, TEXT("No TLS\n"));
    if (session->login[0] != '\0')
        buffer_printf(&lines, "Logged in as %s\n", session->login);
    else
        buffer_append(&lines, TEXT("Not logged in\n"));
    buffer_printf(&lines, "%u errors, %u transactions", session->line.errors,
                  session->message_count);
    smtp_answer_lines(session, SMTP_STATUS, buffer_text(&lines));
    buffer_finish(&lines);
}

void smtp_command_help(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct text verb = text_trim(arguments);
    const struct line_command *command = line_command_find(line, verb);
    if (text_is_empty(verb))
        list_verbs(session);
    else if (text_equals_nocase(verb, TEXT("STATUS")))
        tell_status(session);
    else if (command == NULL)
        smtp_answer(session, SMTP_NO_SUCH_VERB, TEXT(""));
    else
        smtp_answer_lines(session, SMTP_HELP,
                          text_from(command->help == NULL ? command->verb : command->help));
}
