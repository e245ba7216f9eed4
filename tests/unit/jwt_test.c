/* Bearer tokens: keys and signatures made here, by the library that also checks them; what is
 * tested is which ones are let through. */
#include "sasl/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/encoding.h"
#include "test.h"

static const int64_t now_s = 1800000000;

static void put_base64url(struct text bytes, struct buffer *out)
{
    size_t start = out->length;
    EXPECT(base64_encode(bytes, out));
    for (size_t i = start; i < out->length; i++)
        out->data[i] = (char)(out->data[i] == '+' ? '-' : out->data[i] == '/' ? '_' : out->data[i]);
    while (out->data[out->length - 1] == '=')
        buffer_cut(out, out->length - 1);
}

static void put_number(EVP_PKEY *key, const char *parameter, const char *name, int bytes,
                       struct buffer *jwk)
{
    BIGNUM *number = NULL;
    unsigned char raw[600];
    EXPECT(EVP_PKEY_get_bn_param(key, parameter, &number) == 1);
    int length = bytes > 0 ? bytes : BN_num_bytes(number);
    EXPECT(BN_bn2binpad(number, raw, length) == length);
    buffer_printf(jwk, ",\"%s\":\"", name);
    put_base64url(text_of(raw, (size_t)length), jwk);
    buffer_append(jwk, TEXT("\""));
    BN_free(number);
}

enum kind { KEY_RSA, KEY_EC, KEY_ED };

static EVP_PKEY *make_key(enum kind kind)
{
    return kind == KEY_RSA  ? EVP_RSA_gen(2048)
           : kind == KEY_EC ? EVP_EC_gen("P-256")
                            : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

/* The public part, with more members behind it: ",\"use\":\"enc\"". */
static void put_jwk(EVP_PKEY *key, enum kind kind, const char *id, const char *more,
                    struct buffer *out)
{
    static const char *const types[] = {"\"kty\":\"RSA\"", "\"kty\":\"EC\",\"crv\":\"P-256\"",
                                        "\"kty\":\"OKP\",\"crv\":\"Ed25519\""};
    unsigned char raw[32];
    size_t length = sizeof(raw);
    buffer_printf(out, "{%s,\"kid\":\"%s\"", types[kind], id);
    if (kind == KEY_RSA) {
        put_number(key, OSSL_PKEY_PARAM_RSA_N, "n", 0, out);
        put_number(key, OSSL_PKEY_PARAM_RSA_E, "e", 0, out);
    } else if (kind == KEY_EC) {
        put_number(key, OSSL_PKEY_PARAM_EC_PUB_X, "x", 32, out);
        put_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, "y", 32, out);
    } else {
        EXPECT(EVP_PKEY_get_raw_public_key(key, raw, &length) == 1);
        buffer_append(out, TEXT(",\"x\":\""));
        put_base64url(text_of(raw, length), out);
        buffer_append(out, TEXT("\""));
    }
    buffer_printf(out, "%s}", more);
}

static size_t es256_raw(const unsigned char *der, size_t length, unsigned char raw[64])
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    EXPECT(BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32) == 32);
    EXPECT(BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32) == 32);
    ECDSA_SIG_free(pair);
    return 64;
}

static void sign(EVP_PKEY *key, enum kind kind, const char *header, const char *claims,
                 struct buffer *out)
{
    unsigned char signature[600], raw[64];
    size_t length = sizeof(signature);
    put_base64url(text_from(header), out);
    buffer_append_byte(out, '.');
    put_base64url(text_from(claims), out);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EXPECT(EVP_DigestSignInit(context, NULL, kind == KEY_ED ? NULL : EVP_sha256(), NULL, key) == 1);
    EXPECT(EVP_DigestSign(context, signature, &length, (unsigned char *)out->data, out->length) ==
           1);
    EVP_MD_CTX_free(context);
    const unsigned char *bytes = signature;
    if (kind == KEY_EC) {
        length = es256_raw(signature, length, raw);
        bytes = raw;
    }
    buffer_append_byte(out, '.');
    put_base64url(text_of(bytes, length), out);
}

static struct jwks *parse(const struct buffer *json)
{
    struct jwks *keys = NULL;
    EXPECT(jwks_parse(buffer_text(json), &keys) == OK);
    return keys;
}

static enum status verify(const struct jwks *keys, const struct buffer *token, char user[100])
{
    const struct jwt_rules rules = {.issuer = TEXT("https://id.test"),
                                    .audience = TEXT("mail"),
                                    .user_claim = TEXT("email"),
                                    .now_s = now_s};
    return jwt_verify(keys, buffer_text(token), &rules, user, 100);
}

#define CLAIMS(more)                                                                               \
    "{\"iss\":\"https://id.test\",\"aud\":\"mail\",\"exp\":1800000600,\"email\":"                  \
    "\"alice@example.test\"" more "}"

TEST("tokens signed by a key of the set hold, whatever its kind")
{
    static const char *const headers[] = {
        "{\"alg\":\"RS256\",\"kid\":\"0\"}", "{\"alg\":\"ES256\",\"kid\":\"1\"}",
        "{\"alg\":\"EdDSA\"}"}; /* without a key's id all are tried */
    EVP_PKEY *keys[3];
    struct buffer json;
    buffer_init(&json, 1 << 16);
    buffer_append(&json, TEXT("{\"keys\":["));
    for (enum kind i = KEY_RSA; i <= KEY_ED; i++) {
        char id[2] = {(char)('0' + i), '\0'};
        keys[i] = make_key(i);
        put_jwk(keys[i], i, id, i == KEY_EC ? ",\"alg\":\"ES256\"" : "", &json);
        buffer_append(&json, TEXT(","));
    }
    buffer_append(&json, TEXT("{\"kty\":\"oct\",\"k\":\"AAAA\"}]}")); /* passed over */
    struct jwks *set = parse(&json);
    EXPECT(jwks_count(set) == 3);
    for (enum kind i = KEY_RSA; i <= KEY_ED; i++) {
        struct buffer token;
        char user[100];
        buffer_init(&token, JWT_BYTES_MAX);
        sign(keys[i], i, headers[i], CLAIMS(""), &token);
        EXPECT(verify(set, &token, user) == OK);
        EXPECT_TEXT(text_from(user), "alice@example.test");
        token.data[token.length - 5] ^= 1;
        EXPECT(verify(set, &token, user) == REFUSED && user[0] == '\0');
        buffer_finish(&token);
        EVP_PKEY_free(keys[i]);
    }
    jwks_free(&set);
    buffer_finish(&json);
}

static void one_key(EVP_PKEY **key, struct jwks **set)
{
    struct buffer json;
    buffer_init(&json, 1 << 16);
    *key = make_key(KEY_ED);
    buffer_append(&json, TEXT("{\"keys\":["));
    put_jwk(*key, KEY_ED, "k", "", &json);
    buffer_append(&json, TEXT("]}"));
    *set = parse(&json);
    buffer_finish(&json);
}

static void expect_refused(const char *header, const char *claims, const char *reason)
{
    EVP_PKEY *key;
    struct jwks *set;
    struct buffer token;
    char user[100];
    one_key(&key, &set);
    buffer_init(&token, JWT_BYTES_MAX);
    sign(key, KEY_ED, header, claims, &token);
    EXPECT(verify(set, &token, user) == REFUSED && user[0] == '\0');
    EXPECT_TEXT(text_from(fail_reason()), reason);
    buffer_finish(&token);
    jwks_free(&set);
    EVP_PKEY_free(key);
}

#define EDDSA "{\"alg\":\"EdDSA\",\"kid\":\"k\"}"

TEST("a token of another issuer, for others, out of its time or without a user is refused")
{
    expect_refused(EDDSA, "{\"iss\":\"https://id.test.evil\",\"aud\":\"mail\",\"exp\":1900000000}",
                   "the token is of another issuer");
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":\"web\",\"exp\":1900000000}",
                   "the token is for another audience");
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":[\"web\",5],\"exp\":1900000000}",
                   "the token is for another audience");
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":\"mail\"}",
                   "the token does not say when it expires");
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":\"mail\",\"exp\":\"1900000000\"}",
                   "the token does not say when it expires");
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":\"mail\",\"exp\":1799999940}",
                   "the token has expired");
    expect_refused(EDDSA, CLAIMS(",\"nbf\":1800000061"), "the token is not valid yet");
    expect_refused(EDDSA, CLAIMS(",\"email_verified\":false"),
                   "the issuer has not verified the address");
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":[\"mail\"],\"exp\":1900000000}",
                   "the token has no claim 'email' that names a user");
    expect_refused(EDDSA,
                   "{\"iss\":\"https://id.test\",\"aud\":\"mail\",\"exp\":1900000000,"
                   "\"email\":\"a\\u0007b\"}",
                   "the token's user has control bytes");
}

TEST("a token that says how it wants to be checked is not believed")
{
    expect_refused("{\"alg\":\"none\"}", CLAIMS(""), "no key of that id and algorithm is known");
    expect_refused("{\"alg\":\"HS256\"}", CLAIMS(""), "no key of that id and algorithm is known");
    expect_refused("{\"alg\":\"RS256\",\"kid\":\"k\"}", CLAIMS(""),
                   "no key of that id and algorithm is known");
    expect_refused("{\"alg\":\"EdDSA\",\"kid\":\"x\"}", CLAIMS(""),
                   "no key of that id and algorithm is known");
    expect_refused("{\"alg\":\"EdDSA\",\"crit\":[\"x\"],\"x\":1}", CLAIMS(""),
                   "the token has critical extensions");
    expect_refused("{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}", CLAIMS(""),
                   "not a signed JSON Web Token");
}

TEST("a token of another key, or cut anywhere, is refused")
{
    EVP_PKEY *key, *other = make_key(KEY_ED);
    struct jwks *set;
    struct buffer token;
    char user[100];
    one_key(&key, &set);
    buffer_init(&token, JWT_BYTES_MAX);
    sign(other, KEY_ED, EDDSA, CLAIMS(""), &token);
    EXPECT(verify(set, &token, user) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "the token's signature does not hold");
    buffer_reset(&token, JWT_BYTES_MAX);
    sign(key, KEY_ED, EDDSA, CLAIMS(""), &token);
    EXPECT(verify(set, &token, user) == OK);
    while (token.length > 0) {
        buffer_cut(&token, token.length - 1);
        EXPECT(verify(set, &token, user) == REFUSED);
    }
    buffer_finish(&token);
    jwks_free(&set);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
}

TEST("a file that is no key set, or has a broken or no usable key, is refused with the reason")
{
    static const char *const cases[][2] = {
        {"", "not a JSON Web Key Set: not a JSON object"},
        {"[]", "not a JSON Web Key Set: not a JSON object"},
        {"{\"keys\":5}", "not a JSON Web Key Set: it has no \"keys\", or more than 100"},
        {"{\"keys\":[]}", "no key in the set is for RS256, ES256 or EdDSA (Ed25519) signatures"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"use\":\"enc\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
         "no key in the set is for RS256, ES256 or EdDSA (Ed25519) signatures"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"weak\",\"n\":\"sXch\",\"e\":\"AQAB\"}]}",
         "key 'weak' of type RSA is not usable"},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
         "key '' of type EC is not usable"},
        {"{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"++++\"}]}",
         "key '' of type OKP is not usable"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct jwks *set;
        EXPECT(jwks_parse(text_from(cases[i][0]), &set) == REFUSED && set == NULL);
        EXPECT_TEXT(text_from(fail_reason()), cases[i][1]);
    }
    char deep[400];
    memset(deep, '[', sizeof(deep));
    memcpy(deep, "{\"keys\":", 8);
    struct jwks *set;
    EXPECT(jwks_parse(text_of(deep, sizeof(deep)), &set) == REFUSED);
}

/* ---- Asking ---- */

static void expect_answer(const char *answer, const char *user, const char *reason)
{
    const struct jwt_rules rules = {.issuer = TEXT("https://id.test"),
                                    .audience = TEXT("mail"),
                                    .user_claim = TEXT("username"),
                                    .now_s = now_s};
    char got[100];
    EXPECT(introspection_verify(text_from(answer), &rules, got, sizeof(got)) ==
           (user == NULL ? REFUSED : OK));
    EXPECT_TEXT(text_from(got), user == NULL ? "" : user);
    if (user == NULL)
        EXPECT_TEXT(text_from(fail_reason()), reason);
}

TEST("what an authority says of a token counts, and nothing it does not say")
{
    expect_answer("{\"active\":true,\"username\":\"alice\",\"aud\":\"mail\"}", "alice", NULL);
    expect_answer("{\"active\":true,\"username\":\"alice\"}", NULL,
                  "the token is for another audience, or for none that is told");
    expect_answer("{\"active\":true,\"username\":\"alice\",\"iss\":\"https://id.test\","
                  "\"aud\":[\"mail\"],\"exp\":1800000001}",
                  "alice", NULL);
    expect_answer("{\"active\":false,\"username\":\"alice\"}", NULL,
                  "the authority says that the token is not good");
    expect_answer("{\"active\":\"true\",\"username\":\"alice\"}", NULL,
                  "the authority says that the token is not good");
    expect_answer("{\"active\":true,\"aud\":\"mail\"}", NULL,
                  "the token has no claim 'username' that names a user");
    expect_answer("{\"active\":true,\"username\":\"alice\",\"aud\":\"mail\",\"exp\":1700000000}",
                  NULL, "the token has expired");
    expect_answer("{\"active\":true,\"username\":\"alice\",\"iss\":\"https://x.test\"}", NULL,
                  "the token is of another issuer");
    expect_answer("{\"active\":true,\"username\":\"alice\",\"aud\":\"web\"}", NULL,
                  "the token is for another audience, or for none that is told");
    expect_answer("[true]", NULL, "the authority's answer is not a JSON object");
}

TEST("a date that is none of our time counts as missing")
{
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":\"mail\",\"exp\":1e300}",
                   "the token does not say when it expires");
    expect_refused(EDDSA, "{\"iss\":\"https://id.test\",\"aud\":\"mail\",\"exp\":-5}",
                   "the token does not say when it expires");
    expect_refused(EDDSA, CLAIMS(",\"nbf\":\"1700000000\""), "the token is not valid yet");
    expect_refused(EDDSA, CLAIMS(",\"nbf\":1e300"), "the token is not valid yet");
}

static enum status answer_by(const struct jwt_rules *rules, const char *answer, size_t room)
{
    char user[100];
    enum status status = introspection_verify(text_from(answer), rules, user, room);
    EXPECT((status == OK) == (user[0] != '\0'));
    return status;
}

TEST("a user is named by a claim of fit length, and has a name of fit length")
{
    static const char answer[] =
        "{\"active\":true,\"username\":\"alice\",\"iss\":\"https://x.test\","
        "\"nbf\":1700000000}";
    char name[150];
    struct jwt_rules rules = {
        .issuer = TEXT(""), .audience = TEXT(""), .user_claim = TEXT("username"), .now_s = now_s};
    EXPECT(answer_by(&rules, answer, 6) == OK); /* nobody asks for an issuer */
    EXPECT(answer_by(&rules, answer, 5) == REFUSED);
    memset(name, 'n', sizeof(name));
    rules.user_claim = text_of(name, sizeof(name));
    EXPECT(answer_by(&rules, answer, 100) == REFUSED);
}

TEST("a token that is too long is none")
{
    EVP_PKEY *key;
    struct jwks *set;
    struct buffer token;
    char user[100];
    one_key(&key, &set);
    buffer_init(&token, JWT_BYTES_MAX + 2);
    while (token.length <= JWT_BYTES_MAX)
        buffer_append_byte(&token, token.length % 100 == 0 ? '.' : 'a');
    EXPECT(verify(set, &token, user) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "not a signed JSON Web Token");
    buffer_finish(&token);
    jwks_free(&set);
    EVP_PKEY_free(key);
}
