/* PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login): the password itself is sent. */
#include "base/check.h"
#include "base/encoding.h"
#include "directory/exchange.h"

/* The password is right. YIELDS. */
static enum exchange_outcome log_in(struct exchange *exchange, struct text user,
                                    struct text password)
{
    const struct directory_sasl_facts *facts = &exchange->facts;
    struct directory_login login = {.user = user,
                                    .password = password,
                                    .service = facts->service,
                                    .session = facts->session,
                                    .peer = facts->peer};
    exchange->claimed = arena_copy(&exchange->arena, user);
    return exchange_outcome_of(directory_authenticate(exchange->directory, &login, exchange->user));
}

static bool is_name(struct text text)
{
    return text.length > 0 && text.length < DIRECTORY_USER_MAX &&
           text_find(text, '\0') == text.length && utf8_is_valid(text);
}

static bool is_password(struct text text)
{
    return text.length > 0 && text.length <= DIRECTORY_PASSWORD_MAX &&
           text_find(text, '\0') == text.length;
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd. */
enum exchange_outcome mechanism_plain(struct exchange *exchange, const struct text *response,
                                      struct buffer *challenge)
{
    if (response == NULL)
        return exchange->steps == 0 ? EXCHANGE_CHALLENGE : exchange_malformed("no response");
    unused(challenge);
    struct text other = text_before(*response, '\0');
    struct text rest = text_from_position(*response, other.length + 1);
    struct text user = text_before(rest, '\0');
    struct text password = text_from_position(rest, user.length + 1);
    if (!is_name(user) || !is_password(password) || (other.length > 0 && !is_name(other)))
        return exchange_malformed("not [authzid] NUL authcid NUL passwd");
    if (!exchange_may_act_as(exchange, other, user)) {
        exchange->claimed = arena_copy(&exchange->arena, user);
        return exchange_failed("asks to act as somebody else");
    }
    return log_in(exchange, user, password);
}

/* The state is the name, once it is known. */
enum exchange_outcome mechanism_login(struct exchange *exchange, const struct text *response,
                                      struct buffer *challenge)
{
    char *name = exchange->state;
    if (response == NULL) {
        buffer_append(challenge, TEXT("Username:")); /* some clients compare it, and the other */
        return EXCHANGE_CHALLENGE;
    }
    if (name[0] != '\0') {
        if (!is_password(*response))
            return exchange_malformed("not a password");
        return log_in(exchange, text_from(name), *response);
    }
    if (!is_name(*response))
        return exchange_malformed("not a name");
    text_copy(*response, name, DIRECTORY_USER_MAX);
    buffer_append(challenge, TEXT("Password:"));
    return EXCHANGE_CHALLENGE;
}
