/* SCRAM-SHA-1 and SCRAM-SHA-256 (RFC 5802, RFC 7677) with and without channel binding (RFC 9266,
 * RFC 5929). A user who does not exist or has no keys gets a salt all the same, always the same
 * one, and a proof that cannot hold: who exists is not told. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/random.h"
#include "directory/exchange.h"
#include "directory/keys.h"
#include "directory/principal.h"
#include "directory/state.h"
#include "sasl/saslprep.h"
#include "sasl/scram.h"
#include "sasl/scram_message.h"

enum { NONCE_BYTES = 18 };
enum stage { CLIENT_FIRST, CLIENT_FINAL, CLIENT_ACKNOWLEDGES };

/* Text in the exchange's arena. */
struct scram {
    enum stage stage;
    struct text header;       /* gs2-header with its commas */
    struct text binding_name; /* "" none */
    struct text first_bare, server_first, nonce;
    struct text account; /* the user's key, or what he said */
    char user[DIRECTORY_USER_MAX];
    bool has_keys;
    struct scram_digest stored, server;
};
_Static_assert(sizeof(struct scram) <= MECHANISM_SCRAM_STATE_BYTES, "the state fits");

static enum scram_hash hash_of(const struct exchange *exchange)
{
    enum mechanism mechanism = exchange->facts.mechanism;
    bool is_sha_1 = mechanism == MECHANISM_SCRAM_SHA_1 || mechanism == MECHANISM_SCRAM_SHA_1_PLUS;
    return is_sha_1 ? SCRAM_SHA_1 : SCRAM_SHA_256;
}

static bool is_plus(const struct exchange *exchange)
{
    return (mechanism_rows[exchange->facts.mechanism].flags & MECHANISM_BINDS) != 0;
}

/* ---- The client's first message ---- */

static struct text binding_of(const struct exchange *exchange, struct text name)
{
    if (text_equals(name, TEXT("tls-exporter")))
        return exchange->facts.tls_exporter;
    if (text_equals(name, TEXT("tls-server-end-point")))
        return exchange->facts.tls_server_end_point;
    if (text_equals(name, TEXT("tls-unique")))
        return exchange->facts.tls_unique;
    return TEXT("");
}

/* RFC 5802 6: what the client knows of channel binding must agree with what was offered, or
 * somebody between has taken a -PLUS off the list. NULL: it does; else why not. */
static const char *binding_conflict(const struct exchange *exchange,
                                    const struct scram_first *first)
{
    struct text name = first->binding_name;
    const struct directory_sasl_facts *facts = &exchange->facts;
    bool was_offered = facts->tls_exporter.length > 0 || facts->tls_server_end_point.length > 0 ||
                       facts->tls_unique.length > 0;
    if (name.length > 0 && !is_plus(exchange))
        return "channel binding without a -PLUS mechanism";
    if (name.length > 0)
        return binding_of(exchange, name).length > 0 ? NULL
                                                     : "no such channel binding on this channel";
    if (is_plus(exchange))
        return "a -PLUS mechanism without channel binding";
    if (first->flag == 'y' && was_offered)
        return "the client was not shown the -PLUS mechanisms that are offered: somebody may be "
               "in between";
    return NULL;
}

/* A saslname to what the directory takes for a name. */
static bool take_name(struct exchange *exchange, struct text encoded, struct text *name)
{
    struct buffer plain, prepared;
    buffer_init(&plain, DIRECTORY_USER_MAX);
    buffer_init(&prepared, DIRECTORY_USER_MAX - 1);
    bool good = scram_name_decode(encoded, &plain) && saslprep(buffer_text(&plain), &prepared) &&
                prepared.length > 0;
    if (good)
        *name = arena_copy(&exchange->arena, buffer_text(&prepared));
    buffer_finish(&plain);
    buffer_finish(&prepared);
    return good;
}

/* ---- Salt and keys ---- */

/* The same for the same name, and like any other to those who do not know the secret. */
static void decoy_salt(const struct exchange *exchange, const struct scram *scram,
                       unsigned char salt[DIRECTORY_DIGEST_BYTES])
{
    const struct directory *directory = exchange->directory;
    unsigned length = DIRECTORY_DIGEST_BYTES;
    struct buffer name;
    buffer_init(&name, DIRECTORY_USER_MAX + 1);
    buffer_append_byte(&name, (char)('0' + hash_of(exchange)));
    buffer_append(&name, scram->account);
    check(HMAC(EVP_sha256(), directory->salt_secret, (int)sizeof(directory->salt_secret),
               (const unsigned char *)name.data, name.length, salt, &length) != NULL);
    buffer_finish(&name);
}

static void take_digest(struct text bytes, struct scram_digest *out)
{
    memcpy(out->bytes, bytes.data, bytes.length);
    out->length = (unsigned)bytes.length;
}

/* The keys into the state, salt and iterations out. */
static void find_keys(const struct exchange *exchange, struct scram *scram,
                      unsigned char salt[DIRECTORY_SALT_MAX], size_t *salt_length,
                      uint32_t *iterations)
{
    enum login_key_kind kind =
        hash_of(exchange) == SCRAM_SHA_1 ? LOGIN_KEY_SCRAM_SHA_1 : LOGIN_KEY_SCRAM_SHA_256;
    struct buffer value;
    struct login_key key;
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    scram->has_keys = directory_key_is_valid(scram->account) &&
                      login_key_find(exchange->directory, scram->account, kind, &value, &key);
    if (scram->has_keys) {
        take_digest(key.stored, &scram->stored);
        take_digest(key.server, &scram->server);
        memcpy(salt, key.salt.data, key.salt.length);
        *salt_length = key.salt.length;
        *iterations = key.iterations;
    } else {
        decoy_salt(exchange, scram, salt);
        *salt_length = LOGIN_KEY_SALT_BYTES;
        *iterations = LOGIN_KEY_ITERATIONS;
        scram->stored.length = hash_of(exchange) == SCRAM_SHA_1 ? 20 : 32;
        random_bytes(scram->stored.bytes, scram->stored.length);
    }
    buffer_forget(&value);
}

static enum exchange_outcome answer_first(struct exchange *exchange, struct scram *scram,
                                          struct text client_nonce, struct buffer *challenge)
{
    unsigned char random[NONCE_BYTES], salt[DIRECTORY_SALT_MAX];
    size_t salt_length = 0;
    uint32_t iterations = 0;
    find_keys(exchange, scram, salt, &salt_length, &iterations);
    if (directory_ready(exchange->directory) != OK)
        return EXCHANGE_LATER;
    random_bytes(random, sizeof(random));
    buffer_printf(challenge, "r=%.*s", TEXT_ARG(client_nonce));
    base64_encode(text_of(random, sizeof(random)), challenge);
    scram->nonce = arena_copy(&exchange->arena, text_from_position(buffer_text(challenge), 2));
    buffer_append(challenge, TEXT(",s="));
    base64_encode(text_of(salt, salt_length), challenge);
    buffer_printf(challenge, ",i=%u", iterations);
    scram->server_first = arena_copy(&exchange->arena, buffer_text(challenge));
    scram->stage = CLIENT_FINAL;
    return EXCHANGE_CHALLENGE;
}

static enum exchange_outcome client_first(struct exchange *exchange, struct scram *scram,
                                          struct text message, struct buffer *challenge)
{
    struct scram_first first;
    struct text name, other;
    if (!scram_first_parse(message, &first))
        return exchange_malformed("not a client's first message");
    if (!take_name(exchange, first.name, &name) ||
        (first.other.length > 0 && !take_name(exchange, first.other, &other)))
        return exchange_malformed("not a name");
    exchange->claimed = name;
    const char *conflict = binding_conflict(exchange, &first);
    if (conflict != NULL)
        return exchange_failed(conflict);
    if (first.other.length > 0 && !exchange_may_act_as(exchange, other, name))
        return exchange_failed("asks to act as somebody else");
    scram->header = arena_copy(&exchange->arena, first.header);
    scram->binding_name = arena_copy(&exchange->arena, first.binding_name);
    scram->first_bare = arena_copy(&exchange->arena, first.bare);
    if (directory_login_name(exchange->directory, name, &exchange->arena, &scram->account) != OK)
        scram->account = name;
    return answer_first(exchange, scram, first.nonce, challenge);
}

/* ---- The client's final message ---- */

/* c= is the header again, with the binding's bytes behind it. */
static bool binding_holds(const struct exchange *exchange, const struct scram *scram,
                          struct text encoded)
{
    struct buffer said, wanted;
    buffer_init(&said, 2 * SCRAM_HEADER_MAX);
    buffer_init(&wanted, 2 * SCRAM_HEADER_MAX);
    buffer_append(&wanted, scram->header);
    if (scram->binding_name.length > 0)
        buffer_append(&wanted, binding_of(exchange, scram->binding_name));
    bool holds =
        base64_decode(encoded, &said) && text_equals(buffer_text(&said), buffer_text(&wanted));
    buffer_finish(&said);
    buffer_finish(&wanted);
    return holds;
}

/* Counted as a guess, in its turn. YIELDS. */
static enum exchange_outcome check_proof(struct exchange *exchange, const struct scram *scram,
                                         struct text message, struct text proof)
{
    struct directory *directory = exchange->directory;
    struct text peer = exchange->facts.peer;
    if (directory_attempt_begin(directory, scram->account, peer) != OK)
        return EXCHANGE_LATER;
    bool holds = scram_proof_holds(hash_of(exchange), &scram->stored, message, proof);
    /* While he waited the user may have been disabled or given another password. */
    struct buffer value;
    struct login_key key;
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    enum login_key_kind kind =
        hash_of(exchange) == SCRAM_SHA_1 ? LOGIN_KEY_SCRAM_SHA_1 : LOGIN_KEY_SCRAM_SHA_256;
    holds = holds && scram->has_keys &&
            login_key_find(directory, scram->account, kind, &value, &key) &&
            scram_digest_equals(&scram->stored, key.stored);
    buffer_forget(&value);
    directory_attempt_end(directory, scram->account, peer, holds ? ATTEMPT_GOOD : ATTEMPT_WRONG);
    if (holds)
        return EXCHANGE_DONE;
    return exchange_failed(scram->has_keys ? "wrong password"
                                           : "no such user, or none with SCRAM keys");
}

/* The server's signature proves to the client that we know his password's keys. */
static void sign(const struct exchange *exchange, const struct scram *scram, struct text message,
                 struct buffer *challenge)
{
    struct scram_digest signature;
    scram_sign(hash_of(exchange), &scram->server, message, &signature);
    buffer_append(challenge, TEXT("v="));
    base64_encode(text_of(signature.bytes, signature.length), challenge);
}

static enum exchange_outcome client_final(struct exchange *exchange, struct scram *scram,
                                          struct text message, struct buffer *challenge)
{
    struct scram_final final;
    struct buffer proof_bytes, signed_message;
    if (!scram_final_parse(message, &final))
        return exchange_malformed("not a client's final message");
    if (!text_equals(final.nonce, scram->nonce))
        return exchange_failed("the nonce is not the one that was given");
    if (!binding_holds(exchange, scram, final.binding))
        return exchange_failed("channel bindings do not match: somebody may be in between");
    buffer_init(&proof_bytes, SCRAM_HASH_MAX);
    buffer_init(&signed_message, 3 * DIRECTORY_SASL_MAX);
    enum exchange_outcome outcome = exchange_malformed("the proof is not base64");
    buffer_printf(&signed_message, "%.*s,%.*s,%.*s", TEXT_ARG(scram->first_bare),
                  TEXT_ARG(scram->server_first), TEXT_ARG(final.without_proof));
    if (base64_decode(final.proof, &proof_bytes))
        outcome =
            check_proof(exchange, scram, buffer_text(&signed_message), buffer_text(&proof_bytes));
    if (outcome == EXCHANGE_DONE) {
        sign(exchange, scram, buffer_text(&signed_message), challenge);
        scram->stage = CLIENT_ACKNOWLEDGES;
        outcome = EXCHANGE_CHALLENGE;
    }
    buffer_finish(&proof_bytes);
    buffer_finish(&signed_message);
    return outcome;
}

enum exchange_outcome mechanism_scram(struct exchange *exchange, const struct text *response,
                                      struct buffer *challenge)
{
    struct scram *scram = exchange->state;
    if (response == NULL)
        return EXCHANGE_CHALLENGE;
    switch (scram->stage) {
    case CLIENT_FIRST:
        return client_first(exchange, scram, *response, challenge);
    case CLIENT_FINAL:
        return client_final(exchange, scram, *response, challenge);
    case CLIENT_ACKNOWLEDGES:
        break;
    }
    /* None of our protocols lets the server's last word come along with the success. */
    if (response->length > 0)
        return exchange_malformed("the last response is empty");
    text_copy(scram->account, exchange->user, sizeof(exchange->user));
    return EXCHANGE_DONE;
}
