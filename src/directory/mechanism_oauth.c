/* OAUTHBEARER (RFC 7628) and XOAUTH2, which is what there was before it: a token that an authority
 * has given the user. When it does not hold the client is told why, in JSON, and has to say one
 * more word before the login fails. */
#include "base/check.h"
#include "base/encoding.h"
#include "directory/exchange.h"
#include "directory/oauth.h"
#include "directory/state.h"
#include "sasl/bearer.h"
#include "sasl/scram.h"

/* The state of the exchange: whether it has failed, and waits for the client's last word. */
_Static_assert(sizeof(struct reason) <= MECHANISM_OAUTH_STATE_BYTES, "the state fits");

/* The name that is said, in arena; "" when none. False: it is none. */
static bool take_name(struct exchange *exchange, struct text said, struct text *name)
{
    struct buffer decoded;
    buffer_init(&decoded, DIRECTORY_USER_MAX - 1);
    bool good = exchange->facts.mechanism == MECHANISM_OAUTHBEARER
                    ? scram_name_decode(said, &decoded)
                    : buffer_append(&decoded, said);
    good = good && utf8_is_valid(buffer_text(&decoded));
    if (good)
        *name = arena_copy(&exchange->arena, buffer_text(&decoded));
    buffer_finish(&decoded);
    return good;
}

/* RFC 7628 3.2.2. The issuer is of the settings, which let no quotes through. */
static enum exchange_outcome tell_failure(struct exchange *exchange, struct buffer *challenge)
{
    const struct settings *settings = exchange->directory->settings;
    bool is_bearer = exchange->facts.mechanism == MECHANISM_OAUTHBEARER;
    struct reason *why = exchange->state;
    text_copy(text_from(fail_reason()), why->text, sizeof(why->text));
    if (is_bearer)
        buffer_printf(challenge,
                      "{\"status\":\"invalid_token\",\"openid-configuration\":"
                      "\"%.*s/.well-known/openid-configuration\"}",
                      TEXT_ARG(settings->oauth_issuer));
    else
        buffer_append(challenge, TEXT("{\"status\":\"401\",\"schemes\":\"bearer\"}"));
    return EXCHANGE_CHALLENGE;
}

static enum exchange_outcome verify(struct exchange *exchange, struct text name, struct text token,
                                    struct buffer *challenge)
{
    char user[DIRECTORY_USER_MAX];
    exchange->claimed = name;
    enum status status =
        token.length == 0 ? refused("no token") : oauth_verify(exchange->directory, token, user);
    if (status == OK && !exchange_may_act_as(exchange, name, text_from(user)))
        status = refused("the token is that of %s", user);
    if (status == TRY_LATER)
        return EXCHANGE_LATER;
    if (status == REFUSED)
        return tell_failure(exchange, challenge);
    exchange->claimed = arena_copy(&exchange->arena, text_from(user));
    text_copy(exchange->claimed, exchange->user, sizeof(exchange->user));
    return EXCHANGE_DONE;
}

enum exchange_outcome mechanism_oauth(struct exchange *exchange, const struct text *response,
                                      struct buffer *challenge)
{
    const struct reason *why = exchange->state;
    struct bearer bearer;
    struct text name;
    if (why->text[0] != '\0')
        return exchange_failed(why->text); /* whatever the last word was */
    if (response == NULL)
        return EXCHANGE_CHALLENGE;
    bool good = exchange->facts.mechanism == MECHANISM_OAUTHBEARER
                    ? bearer_parse(*response, &bearer)
                    : bearer_parse_xoauth2(*response, &bearer);
    if (!good || !take_name(exchange, bearer.user, &name))
        return exchange_malformed("not a bearer's message");
    return verify(exchange, name, bearer.token, challenge);
}
