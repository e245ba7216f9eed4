/* CRAM-MD5 (RFC 2195). Off unless the settings name it, and only for users whose keys for it were
 * asked for: it binds to no channel, and MD5 is fast to guess at. */
#include <openssl/crypto.h>
#include <string.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/random.h"
#include "directory/exchange.h"
#include "directory/keys.h"
#include "directory/principal.h"
#include "directory/state.h"
#include "sasl/cram.h"

/* A challenge in the form of a message id, as the RFC wants. */
static enum exchange_outcome give_challenge(struct exchange *exchange, char *kept,
                                            struct buffer *challenge)
{
    uint64_t random;
    random_bytes(&random, sizeof(random));
    buffer_printf(challenge, "<%llu.%lld@%.*s>", (unsigned long long)random,
                  (long long)clock_wall_ms(), TEXT_ARG(exchange->facts.host));
    text_copy(buffer_text(challenge), kept, MECHANISM_CRAM_STATE_BYTES);
    return EXCHANGE_CHALLENGE;
}

static bool find_key(struct exchange *exchange, struct text account, struct cram_key *out)
{
    struct buffer value;
    struct login_key key;
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    bool found = directory_key_is_valid(account) &&
                 login_key_find(exchange->directory, account, LOGIN_KEY_CRAM_MD5, &value, &key);
    if (found) {
        memcpy(out->inner, key.stored.data, sizeof(out->inner));
        memcpy(out->outer, key.server.data, sizeof(out->outer));
    }
    buffer_forget(&value);
    return found;
}

/* Counted as a guess, in its turn. YIELDS. */
static enum exchange_outcome check_answer(struct exchange *exchange, struct text account,
                                          struct text challenge, struct text said)
{
    struct directory *directory = exchange->directory;
    struct text peer = exchange->facts.peer;
    struct cram_key key;
    char wanted[CRAM_HEX_BYTES];
    if (directory_attempt_begin(directory, account, peer) != OK)
        return EXCHANGE_LATER;
    bool has_key = find_key(exchange, account, &key);
    if (directory_ready(directory) != OK) {
        directory_attempt_end(directory, account, peer, ATTEMPT_UNDECIDED);
        return EXCHANGE_LATER;
    }
    if (!has_key)
        random_bytes(&key, sizeof(key));
    cram_answer(&key, challenge, wanted);
    explicit_bzero(&key, sizeof(key));
    bool holds = has_key && said.length == sizeof(wanted) &&
                 CRYPTO_memcmp(said.data, wanted, sizeof(wanted)) == 0;
    directory_attempt_end(directory, account, peer, holds ? ATTEMPT_GOOD : ATTEMPT_WRONG);
    if (!holds)
        return exchange_failed(has_key ? "wrong password"
                                       : "no such user, or none with a CRAM-MD5 key");
    text_copy(account, exchange->user, sizeof(exchange->user));
    return EXCHANGE_DONE;
}

/* The state is the challenge that was given. */
enum exchange_outcome mechanism_cram(struct exchange *exchange, const struct text *response,
                                     struct buffer *challenge)
{
    char *given = exchange->state;
    if (response == NULL)
        return give_challenge(exchange, given, challenge);
    /* "name digest"; the name may have spaces in it. */
    size_t space = text_find_last(*response, ' ');
    struct text name = text_head(*response, space);
    struct text said = text_from_position(*response, space + 1);
    struct text account;
    if (given[0] == '\0' || space == response->length || name.length == 0 ||
        name.length >= DIRECTORY_USER_MAX || !utf8_is_valid(name))
        return exchange_malformed("not NAME DIGEST");
    exchange->claimed = arena_copy(&exchange->arena, name);
    if (directory_login_name(exchange->directory, exchange->claimed, &exchange->arena, &account) !=
        OK)
        account = exchange->claimed;
    return check_answer(exchange, account, text_from(given), said);
}
