/* From JSON Web Keys to OpenSSL's. Only public parts are read. */
#include "sasl/jwks.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "sasl/json.h"

enum { NUMBER_MAX = 1024, RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, CURVE_BYTES = 32 };

const char *const jwt_algorithm_names[JWT_ALGORITHMS] = {
    [JWT_RS256] = "RS256", [JWT_ES256] = "ES256", [JWT_EDDSA] = "EdDSA"};

bool base64url_decode(struct text text, struct buffer *out)
{
    struct buffer standard;
    buffer_init(&standard, text.length + 4);
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '+' || c == '/' || c == '=')
            break; /* and then the length is wrong */
        buffer_append_byte(&standard, (char)(c == '-' ? '+' : c == '_' ? '/' : c));
    }
    bool good = standard.length == text.length && text.length % 4 != 1;
    while (good && standard.length % 4 != 0)
        buffer_append_byte(&standard, '=');
    good = good && base64_decode(buffer_text(&standard), out);
    buffer_finish(&standard);
    return good;
}

/* A member in base64url, of exactly so many bytes; 0: any, up to a limit. */
static bool take_bytes(const json_t *jwk, const char *name, size_t exactly, struct buffer *out)
{
    buffer_init(out, NUMBER_MAX);
    return base64url_decode(json_member(jwk, name), out) && out->length > 0 &&
           (exactly == 0 || out->length == exactly);
}

static EVP_PKEY *key_from(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    check(parameters != NULL && context != NULL);
    if (EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return key;
}

static EVP_PKEY *rsa_from_numbers(struct text modulus, struct text exponent)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn((const unsigned char *)modulus.data, (int)modulus.length, NULL);
    BIGNUM *e = BN_bin2bn((const unsigned char *)exponent.data, (int)exponent.length, NULL);
    check(build != NULL && n != NULL && e != NULL);
    check(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
          OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1);
    EVP_PKEY *key = NULL;
    if (BN_num_bits(n) >= RSA_BITS_MIN && BN_num_bits(n) <= RSA_BITS_MAX && BN_is_odd(e) &&
        BN_num_bits(e) >= 2 && BN_num_bits(e) <= 64)
        key = key_from("RSA", build);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(build);
    return key;
}

static EVP_PKEY *read_rsa(const json_t *jwk)
{
    struct buffer modulus, exponent;
    bool has_modulus = take_bytes(jwk, "n", 0, &modulus);
    bool has_exponent = take_bytes(jwk, "e", 0, &exponent);
    EVP_PKEY *key = NULL;
    if (has_modulus && has_exponent)
        key = rsa_from_numbers(buffer_text(&modulus), buffer_text(&exponent));
    buffer_finish(&modulus);
    buffer_finish(&exponent);
    return key;
}

static EVP_PKEY *read_p256(const json_t *jwk)
{
    struct buffer x, y;
    unsigned char point[1 + 2 * CURVE_BYTES] = {POINT_CONVERSION_UNCOMPRESSED};
    bool has_x = take_bytes(jwk, "x", CURVE_BYTES, &x),
         has_y = take_bytes(jwk, "y", CURVE_BYTES, &y);
    EVP_PKEY *key = NULL;
    if (has_x && has_y) {
        OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
        check(build != NULL);
        memcpy(point + 1, x.data, CURVE_BYTES);
        memcpy(point + 1 + CURVE_BYTES, y.data, CURVE_BYTES);
        check(OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
                  1 &&
              OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                               sizeof(point)) == 1);
        key = key_from("EC", build);
        OSSL_PARAM_BLD_free(build);
    }
    buffer_finish(&x);
    buffer_finish(&y);
    return key;
}

static EVP_PKEY *read_ed25519(const json_t *jwk)
{
    struct buffer x;
    EVP_PKEY *key = NULL;
    if (take_bytes(jwk, "x", CURVE_BYTES, &x))
        key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (const unsigned char *)x.data,
                                          x.length);
    buffer_finish(&x);
    return key;
}

static const struct {
    const char *type, *curve; /* curve NULL: has none */
    enum jwt_algorithm algorithm;
    EVP_PKEY *(*read)(const json_t *jwk);
} kinds[] = {
    {"RSA", NULL, JWT_RS256, read_rsa},
    {"EC", "P-256", JWT_ES256, read_p256},
    {"OKP", "Ed25519", JWT_EDDSA, read_ed25519},
};

static bool is_of_kind(const json_t *jwk, unsigned kind)
{
    struct text algorithm = json_member(jwk, "alg"), use = json_member(jwk, "use");
    return text_equals(json_member(jwk, "kty"), text_from(kinds[kind].type)) &&
           (kinds[kind].curve == NULL ||
            text_equals(json_member(jwk, "crv"), text_from(kinds[kind].curve))) &&
           (algorithm.length == 0 ||
            text_equals(algorithm, text_from(jwt_algorithm_names[kinds[kind].algorithm]))) &&
           (use.length == 0 || text_equals(use, TEXT("sig")));
}

/* REFUSED: a key of a kind that we know is broken. */
static enum status add_key(struct jwks *keys, const json_t *jwk)
{
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!is_of_kind(jwk, i))
            continue;
        struct text id = json_member(jwk, "kid");
        EVP_PKEY *key = kinds[i].read(jwk);
        ERR_clear_error();
        if (key == NULL)
            return refused("key '%.*s' of type %s is not usable", TEXT_ARG(text_head(id, 80)),
                           kinds[i].type);
        keys->keys[keys->count++] = (struct jwks_key){
            .id = text_to_string(id), .algorithm = kinds[i].algorithm, .key = key};
        return OK;
    }
    return OK;
}

static enum status read_keys(const json_t *set, struct jwks *keys)
{
    const json_t *list = json_object_get(set, "keys");
    enum status status = OK;
    size_t index;
    json_t *jwk;
    if (!json_is_array(list) || json_array_size(list) > JWKS_KEYS_MAX)
        return refused("not a JSON Web Key Set: it has no \"keys\", or more than %d",
                       JWKS_KEYS_MAX);
    json_array_foreach(list, index, jwk)
    {
        if (status == OK)
            status = add_key(keys, jwk);
    }
    if (status == OK && keys->count == 0)
        status = refused("no key in the set is for RS256, ES256 or EdDSA (Ed25519) signatures");
    return status;
}

enum status jwks_parse(struct text json, struct jwks **out)
{
    *out = NULL;
    json_t *set = json.length <= JWKS_BYTES_MAX ? json_object_read(json) : NULL;
    if (set == NULL)
        return refused("not a JSON Web Key Set: not a JSON object");
    struct jwks *keys = calloc(1, sizeof(*keys));
    check(keys != NULL);
    enum status status = read_keys(set, keys);
    json_decref(set);
    if (status == OK)
        *out = keys;
    else
        jwks_free(&keys);
    return status;
}

void jwks_free(struct jwks **keys)
{
    if (*keys == NULL)
        return;
    for (unsigned i = 0; i < (*keys)->count; i++) {
        free((*keys)->keys[i].id);
        EVP_PKEY_free((*keys)->keys[i].key);
    }
    free(*keys);
    *keys = NULL;
}

unsigned jwks_count(const struct jwks *keys)
{
    return keys->count;
}
