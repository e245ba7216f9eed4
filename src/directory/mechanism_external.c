/* EXTERNAL (RFC 4422 A): the TLS handshake has shown who it is. A certificate is a user's when it
 * was recorded as his, or when it leads to an authority set for clients and names his address. */
#include "base/check.h"
#include "base/encoding.h"
#include "directory/certificates.h"
#include "directory/exchange.h"
#include "directory/principal.h"
#include "directory/state.h"

static bool may_log_in(struct exchange *exchange, struct text key)
{
    struct directory_user user;
    return directory_is_ours(exchange->directory, key) == OK &&
           directory_user_find(exchange->directory, key, &exchange->arena, &user) && user.enabled;
}

/* One after the other, who the certificate says it may be. False: nobody more. */
static bool next_candidate(struct exchange *exchange, unsigned number, struct text *key)
{
    struct text rest = exchange->facts.certificate_mails, mail, canonical;
    if (number == 0) {
        *key =
            certificate_owner(exchange->directory, exchange->facts.certificate, &exchange->arena);
        return true;
    }
    for (unsigned i = 1; text_split(&rest, '\n', &mail); i++)
        if (i == number) {
            if (directory_address(exchange->directory, mail, &exchange->arena, key, &canonical) !=
                OK)
                *key = TEXT("");
            return true;
        }
    return false;
}

static enum exchange_outcome find_user(struct exchange *exchange, struct text wanted)
{
    struct text key;
    for (unsigned i = 0; next_candidate(exchange, i, &key); i++) {
        bool is_wanted = wanted.length == 0 || text_equals(wanted, key);
        if (key.length == 0 || !is_wanted || !may_log_in(exchange, key))
            continue;
        exchange->claimed = key;
        text_copy(key, exchange->user, sizeof(exchange->user));
        return EXCHANGE_DONE;
    }
    return exchange_failed("the certificate is that of no user here, or of another");
}

enum exchange_outcome mechanism_external(struct exchange *exchange, const struct text *response,
                                         struct buffer *challenge)
{
    struct text wanted = TEXT("");
    unused(challenge);
    if (response == NULL)
        return EXCHANGE_CHALLENGE;
    if (response->length >= DIRECTORY_USER_MAX || !utf8_is_valid(*response) ||
        text_find(*response, '\0') < response->length)
        return exchange_malformed("not a name");
    exchange->claimed = arena_copy(&exchange->arena, *response);
    if (response->length > 0 && directory_login_name(exchange->directory, exchange->claimed,
                                                     &exchange->arena, &wanted) != OK)
        return exchange_failed("no such user");
    enum exchange_outcome outcome = find_user(exchange, wanted);
    return directory_ready(exchange->directory) == OK ? outcome : EXCHANGE_LATER;
}
