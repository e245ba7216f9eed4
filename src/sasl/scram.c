#include "sasl/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/check.h"

static const EVP_MD *function_of(enum scram_hash hash)
{
    switch (hash) {
    case SCRAM_SHA_1:
        return EVP_sha1();
    case SCRAM_SHA_256:
        break;
    }
    return EVP_sha256();
}

bool scram_salt_password(enum scram_hash hash, struct text password, struct text salt,
                         uint32_t iterations, struct scram_digest *salted)
{
    const EVP_MD *function = function_of(hash);
    if (iterations < SCRAM_ITERATIONS_MIN || iterations > SCRAM_ITERATIONS_MAX)
        return false;
    check(password.length <= INT32_MAX && salt.length <= INT32_MAX);
    salted->length = (unsigned)EVP_MD_get_size(function);
    /* Hi() is PBKDF2 of one block (RFC 5802 2.2). */
    return PKCS5_PBKDF2_HMAC(password.data, (int)password.length, (const unsigned char *)salt.data,
                             (int)salt.length, (int)iterations, function, (int)salted->length,
                             salted->bytes) == 1;
}

void scram_sign(enum scram_hash hash, const struct scram_digest *key, struct text message,
                struct scram_digest *out)
{
    check(HMAC(function_of(hash), key->bytes, (int)key->length, (const unsigned char *)message.data,
               message.length, out->bytes, &out->length) != NULL);
}

static void digest_of(enum scram_hash hash, const struct scram_digest *in, struct scram_digest *out)
{
    check(EVP_Digest(in->bytes, in->length, out->bytes, &out->length, function_of(hash), NULL) ==
          1);
}

void scram_keys_derive(enum scram_hash hash, const struct scram_digest *salted,
                       struct scram_keys *out)
{
    scram_sign(hash, salted, TEXT("Client Key"), &out->client);
    scram_sign(hash, salted, TEXT("Server Key"), &out->server);
    digest_of(hash, &out->client, &out->stored);
}

void scram_prove(enum scram_hash hash, const struct scram_keys *keys, struct text message,
                 struct scram_digest *proof)
{
    scram_sign(hash, &keys->stored, message, proof);
    for (unsigned i = 0; i < proof->length; i++)
        proof->bytes[i] ^= keys->client.bytes[i];
}

bool scram_proof_holds(enum scram_hash hash, const struct scram_digest *stored, struct text message,
                       struct text proof)
{
    struct scram_digest client, again;
    scram_sign(hash, stored, message, &client);
    if (proof.length != client.length)
        return false;
    for (unsigned i = 0; i < client.length; i++)
        client.bytes[i] ^= (unsigned char)proof.data[i];
    digest_of(hash, &client, &again);
    explicit_bzero(&client, sizeof(client));
    return scram_digest_equals(stored, text_of((const char *)again.bytes, again.length));
}

bool scram_digest_equals(const struct scram_digest *digest, struct text bytes)
{
    return bytes.length == digest->length &&
           CRYPTO_memcmp(bytes.data, digest->bytes, digest->length) == 0;
}

void scram_keys_forget(struct scram_keys *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}

bool scram_name_encode(struct text name, struct buffer *out)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        if (c == '\0')
            return false;
        bool added = c == ','   ? buffer_append(out, TEXT("=2C"))
                     : c == '=' ? buffer_append(out, TEXT("=3D"))
                                : buffer_append_byte(out, c);
        if (!added)
            return false;
    }
    return true;
}

bool scram_name_decode(struct text encoded, struct buffer *out)
{
    while (!text_is_empty(encoded)) {
        size_t escape = text_find(encoded, '=');
        struct text plain = text_head(encoded, escape);
        encoded = text_from_position(encoded, escape);
        if (text_find(plain, ',') < plain.length || text_find(plain, '\0') < plain.length ||
            !buffer_append(out, plain))
            return false;
        if (text_is_empty(encoded))
            return true;
        bool is_comma = text_starts_with(encoded, TEXT("=2C"));
        if (!is_comma && !text_starts_with(encoded, TEXT("=3D")))
            return false;
        if (!buffer_append_byte(out, is_comma ? ',' : '='))
            return false;
        encoded = text_from_position(encoded, 3);
    }
    return true;
}

bool scram_attribute(struct text *message, char letter, struct text *value)
{
    if (message->length < 2 || message->data[0] != letter || message->data[1] != '=')
        return false;
    struct text whole = text_from_position(*message, 2);
    size_t end = text_find(whole, ',');
    *value = text_head(whole, end);
    *message = text_from_position(whole, end + 1);
    return true;
}
