/* HELO, EHLO and LHLO: who the peer says he is. */
#include <stdio.h>

#include "proto/smtp/server/smtp_extensions.h"
#include "proto/smtp/server/smtp_session.h"

static bool is_name(const struct smtp_session *session, struct text name)
{
    bool may_be_missing = !session->server->needs_hello_name;
    return smtp_is_helo_name(name) || (may_be_missing && text_is_empty(name));
}

/* RFC 5321 4.1.4: hello ends a transaction. */
static bool take_hello(struct smtp_session *session, struct text arguments)
{
    struct text name = text_trim(arguments);
    if (!is_name(session, name)) {
        smtp_answer(session, SMTP_BAD_NAME, TEXT(""));
        return false;
    }
    text_copy(name, session->helo, sizeof(session->helo));
    session->said_hello = true;
    smtp_server_transaction_reset(session);
    return true;
}

void smtp_command_helo(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    char greeting[SMTP_GREETING_BYTES];
    if (!take_hello(session, arguments))
        return;
    session->is_extended = false;
    stream_printf(line->stream, "250 %s\r\n", smtp_greeting(session, greeting));
}

void smtp_command_ehlo(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    if (!take_hello(session, arguments))
        return;
    session->is_extended = true;
    smtp_extensions_list(session);
}

/* Telling the peer his address costs nothing and shows him what is between us. */
const char *smtp_greeting(const struct smtp_session *session, char out[SMTP_GREETING_BYTES])
{
    char literal[NET_ADDRESS_TEXT_BYTES];
    const struct net_address *peer = stream_peer(session->line.stream);
    snprintf(out, SMTP_GREETING_BYTES, "%.*s Hello [%s]", TEXT_ARG(session->host),
             net_address_literal(peer, literal));
    return out;
}

void smtp_greet(struct smtp_session *session)
{
    const char *protocol = session->service == SERVICE_LMTP         ? "LMTP"
                           : session->service == SERVICE_ODMR       ? "ODMR"
                           : session->service == SERVICE_LINK_STATE ? "X-LSA-2"
                                                                    : "ESMTP";
    stream_printf(session->line.stream, "220 %.*s %s %.*s\r\n", TEXT_ARG(session->host), protocol,
                  TEXT_ARG(session->server->greeting));
}
