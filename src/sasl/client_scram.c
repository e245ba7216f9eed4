/* SCRAM as a client (RFC 5802 5): three messages of ours and two of the server's, the last of which
 * proves that it knows the password's verifier. */
#include <string.h>

#include "base/encoding.h"
#include "base/random.h"
#include "sasl/client_internal.h"
#include "sasl/saslprep.h"

static bool is_plus(const struct sasl_client *client)
{
    return client->mechanism == SASL_SCRAM_SHA_256_PLUS ||
           client->mechanism == SASL_SCRAM_SHA_1_PLUS;
}

static enum scram_hash hash_of(const struct sasl_client *client)
{
    bool is_256 =
        client->mechanism == SASL_SCRAM_SHA_256 || client->mechanism == SASL_SCRAM_SHA_256_PLUS;
    return is_256 ? SCRAM_SHA_256 : SCRAM_SHA_1;
}

static void make_nonce(struct buffer *out)
{
    char random[SASL_NONCE_BYTES];
    random_bytes(random, sizeof(random));
    base64_encode(text_of(random, sizeof(random)), out);
}

/* RFC 5802 6. "y" tells a server that does bind that someone between us took its offer away; it
 * would be wrong where we saw the offer and the settings keep us from it. */
static void write_header(struct sasl_client *client)
{
    const uint32_t plus = SASL_BIT(SASL_SCRAM_SHA_256_PLUS) | SASL_BIT(SASL_SCRAM_SHA_1_PLUS);
    bool misses = client->peer.binding_type != NULL && (client->peer.offered & plus) == 0;
    if (is_plus(client))
        buffer_printf(&client->header, "p=%s,,", client->peer.binding_type);
    else
        buffer_append(&client->header, misses ? TEXT("y,,") : TEXT("n,,"));
}

/* RFC 5802 5.1: as SASLprep has it, and escaped. */
static bool write_name(struct sasl_client *client)
{
    struct buffer name;
    buffer_init(&name, SASL_MESSAGE_MAX);
    buffer_append(&client->messages, TEXT("n="));
    bool written = saslprep(client->identity.user, &name) &&
                   scram_name_encode(buffer_text(&name), &client->messages);
    buffer_finish(&name);
    return written;
}

static enum status write_first(struct sasl_client *client, struct buffer *response)
{
    write_header(client);
    if (client->nonce.length == 0) /* else a test has set it */
        make_nonce(&client->nonce);
    if (!write_name(client))
        return refused("the user's name can't be sent");
    buffer_printf(&client->messages, ",r=%.*s", TEXT_ARG(buffer_text(&client->nonce)));
    buffer_append(response, buffer_text(&client->header));
    buffer_append(response, buffer_text(&client->messages));
    return OK;
}

struct server_first {
    struct text nonce, salt, iterations;
    struct buffer salt_bytes;
    uint32_t iteration_count;
};

/* RFC 5802 7: server-first-message. "m=" asks for an extension that we can't know. */
static enum status parse_first(const struct sasl_client *client, struct text message,
                               struct server_first *out)
{
    struct text ours = buffer_text(&client->nonce);
    if (!scram_attribute(&message, 'r', &out->nonce) ||
        !scram_attribute(&message, 's', &out->salt) ||
        !scram_attribute(&message, 'i', &out->iterations) ||
        !base64_decode(out->salt, &out->salt_bytes) || text_is_empty(out->salt))
        return refused("the peer's SCRAM challenge is malformed");
    if (!text_starts_with(out->nonce, ours) || out->nonce.length == ours.length)
        return refused("the peer's SCRAM challenge answers another exchange");
    if (!text_to_u32(out->iterations, &out->iteration_count))
        return refused("the peer's SCRAM challenge has no iteration count");
    return OK;
}

/* "c=" and what it carries: the header, and with -PLUS what the TLS channel is known by. */
static void write_binding(const struct sasl_client *client, struct buffer *response)
{
    struct buffer bound;
    buffer_init(&bound, SASL_MESSAGE_MAX);
    buffer_append(&bound, buffer_text(&client->header));
    if (is_plus(client))
        buffer_append(&bound, client->peer.binding);
    buffer_append(response, TEXT("c="));
    base64_encode(buffer_text(&bound), response);
    buffer_finish(&bound);
}

static enum status salt_password(const struct sasl_client *client, const struct server_first *first,
                                 struct scram_digest *salted)
{
    struct buffer password;
    enum status status = OK;
    buffer_init(&password, SASL_MESSAGE_MAX);
    buffer_reserve(&password, 4 * client->identity.password.length); /* one block, wiped whole */
    if (!saslprep(client->identity.password, &password) || password.length == 0)
        status = try_later("the password has characters that SASLprep (RFC 4013) forbids");
    else if (!scram_salt_password(hash_of(client), buffer_text(&password),
                                  buffer_text(&first->salt_bytes), first->iteration_count, salted))
        status = refused("the peer asks for %u iterations; %d to %d are good for anything",
                         first->iteration_count, SCRAM_ITERATIONS_MIN, SCRAM_ITERATIONS_MAX);
    buffer_forget(&password);
    return status;
}

static enum status write_proof(struct sasl_client *client, const struct server_first *first,
                               struct buffer *response)
{
    enum scram_hash hash = hash_of(client);
    struct scram_digest salted, proof;
    struct scram_keys keys;
    enum status status = salt_password(client, first, &salted);
    if (status != OK)
        return status;
    scram_keys_derive(hash, &salted, &keys);
    scram_prove(hash, &keys, buffer_text(&client->messages), &proof);
    scram_sign(hash, &keys.server, buffer_text(&client->messages), &client->verdict);
    buffer_append(response, TEXT(",p="));
    base64_encode(text_of((const char *)proof.bytes, proof.length), response);
    scram_keys_forget(&keys);
    explicit_bzero(&salted, sizeof(salted));
    return OK;
}

static enum status write_final(struct sasl_client *client, struct text challenge,
                               struct buffer *response)
{
    struct server_first first = {0};
    buffer_init(&first.salt_bytes, SASL_MESSAGE_MAX);
    enum status status = parse_first(client, challenge, &first);
    if (status == OK) {
        write_binding(client, response);
        buffer_printf(response, ",r=%.*s", TEXT_ARG(first.nonce));
        buffer_printf(&client->messages, ",%.*s,", TEXT_ARG(challenge));
        buffer_append(&client->messages, buffer_text(response));
        status = client->messages.overflowed
                     ? refused("the peer's SCRAM challenge is larger than it may be")
                     : write_proof(client, &first, response);
    }
    buffer_finish(&first.salt_bytes);
    return status;
}

/* server-final-message: the signature, or what is wrong. */
static enum status read_final(struct sasl_client *client, struct text challenge)
{
    struct text value;
    char shown[64];
    struct buffer signature;
    if (scram_attribute(&challenge, 'e', &value)) {
        text_copy(text_head(value, sizeof(shown) - 1), shown, sizeof(shown));
        for (char *c = shown; *c != '\0'; c++)
            *c = *c < ' ' || *c > '~' ? '?' : *c;
        return refused("the peer says: %s", shown);
    }
    if (!scram_attribute(&challenge, 'v', &value))
        return refused("the peer's SCRAM answer is malformed");
    buffer_init(&signature, SASL_MESSAGE_MAX);
    bool holds = base64_decode(value, &signature) &&
                 scram_digest_equals(&client->verdict, buffer_text(&signature));
    buffer_finish(&signature);
    if (!holds)
        return refused("the peer's signature is wrong: it does not know our password");
    client->is_complete = true;
    return OK;
}

enum status sasl_step_scram(struct sasl_client *client, struct text challenge,
                            struct buffer *response)
{
    switch (client->steps) {
    case 0:
        return write_first(client, response);
    case 1:
        return write_final(client, challenge, response);
    case 2:
        return read_final(client, challenge);
    default:
        return refused("the peer asks for more than the mechanism has");
    }
}
