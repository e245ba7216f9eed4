#include "proto/line/sasl.h"

#include <string.h>

#include "base/encoding.h"

void sasl_forget(struct sasl_credentials *credentials)
{
    explicit_bzero(credentials, sizeof(*credentials));
}

bool sasl_plain_parse(struct text message, struct sasl_credentials *out)
{
    size_t first = text_find(message, '\0');
    struct text authorization = text_head(message, first);
    struct text rest = text_from_position(message, first + 1);
    size_t second = text_find(rest, '\0');
    if (first == message.length || second == rest.length)
        return false;
    struct text user = text_head(rest, second);
    struct text password = text_from_position(rest, second + 1);
    if (text_is_empty(user) || text_is_empty(password) ||
        text_find(password, '\0') < password.length)
        return false;
    if (!text_is_empty(authorization) && !text_equals_nocase(authorization, user))
        return false;
    return text_copy(user, out->user, sizeof(out->user)) &&
           text_copy(password, out->password, sizeof(out->password));
}

/* One response, decoded onto out. initial: what came with the command, if anything. */
static enum sasl_outcome read_response(struct line_session *session, struct text *initial,
                                       const char *challenge, struct buffer *out)
{
    struct text line = *initial;
    *initial = TEXT("");
    buffer_reset(out, SASL_LINE_MAX);
    if (text_is_empty(line)) {
        stream_printf(session->stream, "%s\r\n", challenge);
        switch (line_read(session, &line)) {
        case OK:
            break;
        case REFUSED:
            return SASL_MALFORMED;
        case TRY_LATER:
            return SASL_ENDED;
        }
        if (text_equals(line, TEXT("*")))
            return SASL_CANCELLED;
    } else if (text_equals(line, TEXT("="))) {
        return SASL_DONE; /* RFC 4954 4: an initial response of no bytes */
    }
    return base64_decode(line, out) ? SASL_DONE : SASL_MALFORMED;
}

static enum sasl_outcome exchange_plain(struct line_session *session, struct text initial,
                                        const char *prompt, struct sasl_credentials *out)
{
    struct buffer message;
    buffer_init(&message, SASL_LINE_MAX);
    enum sasl_outcome outcome = read_response(session, &initial, prompt, &message);
    if (outcome == SASL_DONE && !sasl_plain_parse(buffer_text(&message), out))
        outcome = SASL_MALFORMED;
    buffer_forget(&message);
    return outcome;
}

static bool take_name(const struct buffer *from, char out[SASL_NAME_MAX])
{
    struct text name = buffer_text(from);
    return name.length > 0 && text_find(name, '\0') == name.length &&
           text_copy(name, out, SASL_NAME_MAX);
}

/* "VXNlcm5hbWU6" and "UGFzc3dvcmQ6" are "Username:" and "Password:"; some clients compare them. */
static enum sasl_outcome exchange_login(struct line_session *session, struct text initial,
                                        const char *prompt, struct sasl_credentials *out)
{
    char challenge[32];
    struct buffer response;
    buffer_init(&response, SASL_LINE_MAX);
    text_copy(arena_printf(&session->arena, "%sVXNlcm5hbWU6", prompt), challenge, 32);
    enum sasl_outcome outcome = read_response(session, &initial, challenge, &response);
    if (outcome == SASL_DONE && !take_name(&response, out->user))
        outcome = SASL_MALFORMED;
    if (outcome == SASL_DONE) {
        text_copy(arena_printf(&session->arena, "%sUGFzc3dvcmQ6", prompt), challenge, 32);
        outcome = read_response(session, &initial, challenge, &response);
        if (outcome == SASL_DONE && !take_name(&response, out->password))
            outcome = SASL_MALFORMED;
    }
    buffer_forget(&response);
    return outcome;
}

enum sasl_outcome sasl_exchange(struct line_session *session, struct text arguments,
                                const char *prompt, struct sasl_credentials *out)
{
    struct text mechanism, initial = TEXT(""), extra;
    *out = (struct sasl_credentials){0};
    if (!text_word(&arguments, &mechanism))
        return SASL_MALFORMED;
    text_word(&arguments, &initial);
    if (text_word(&arguments, &extra))
        return SASL_MALFORMED;
    if (text_equals_nocase(mechanism, TEXT("PLAIN")))
        return exchange_plain(session, initial, prompt, out);
    if (text_equals_nocase(mechanism, TEXT("LOGIN")))
        return exchange_login(session, initial, prompt, out);
    return SASL_UNKNOWN;
}
