#include "proto/smtp/server/smtp_peer.h"

bool smtp_is_peer(const struct smtp_session *session)
{
    return decide_is_peer(session->server, text_from(session->login));
}

bool smtp_peer_is_welcome(struct smtp_session *session)
{
    struct decision_reason reason = {.rule = "peer", .place = session->server->place};
    if (smtp_is_peer(session))
        return true;
    smtp_answer_because(session, SMTP_NOT_A_PEER, TEXT(""), &reason, 1);
    return false;
}
