#include "proto/smtp/server/smtp_limits.h"

/* What the store can hold as one message. */
#define STORE_MESSAGE_MAX (UINT64_C(2) << 30)

uint64_t smtp_limit_message(const struct smtp_session *session)
{
    uint64_t most = session->server->max_message_bytes;
    return most == 0 ? STORE_MESSAGE_MAX : most;
}

static bool session_is_full(const struct smtp_session *session, uint64_t more)
{
    uint64_t most = session->server->max_session_bytes;
    return most > 0 && (more > most || session->message_bytes > most - more);
}

bool smtp_limits_allow(struct smtp_session *session, uint64_t size)
{
    struct decision_reason reason = {.rule = "limit-messages", .place = session->server->place};
    uint32_t most = session->server->max_messages;
    if (most > 0 && session->message_count >= most) {
        session->line.ended = true;
        smtp_answer_because(session, SMTP_MANY_MESSAGES, TEXT(""), &reason, 1);
        return false;
    }
    if (size > smtp_limit_message(session)) {
        reason.rule = "limit-message";
        smtp_answer_because(session, SMTP_TOO_LARGE, TEXT(""), &reason, 1);
        return false;
    }
    if (session_is_full(session, size)) {
        session->line.ended = true;
        reason.rule = "limit-session-size";
        smtp_answer_because(session, SMTP_SESSION_TOO_LARGE, TEXT(""), &reason, 1);
        return false;
    }
    session->message_count++;
    return true;
}

bool smtp_limits_count(struct smtp_session *session, size_t bytes)
{
    session->message_bytes += bytes;
    return !session_is_full(session, 0);
}

void smtp_limits_write(const struct smtp_session *session, struct buffer *out)
{
    buffer_printf(out, "RCPTMAX=%u", session->server->max_recipients);
    if (session->server->max_messages > 0)
        buffer_printf(out, " MAILMAX=%u", session->server->max_messages);
}
