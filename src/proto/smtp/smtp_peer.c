#include "proto/smtp/smtp_peer.h"

bool smtp_is_peer(const struct smtp_session *session)
{
    const struct setting_server *server = session->server;
    for (unsigned i = 0; i < server->peer_count; i++)
        if (session->login[0] != '\0' &&
            text_equals_nocase(server->peers[i], text_from(session->login)))
            return true;
    return false;
}

bool smtp_peer_is_welcome(struct smtp_session *session)
{
    struct decision_reason reason = {.rule = "peer", .place = session->server->place};
    if (smtp_is_peer(session))
        return true;
    smtp_answer_because(session, SMTP_NOT_A_PEER, TEXT(""), &reason, 1);
    return false;
}
