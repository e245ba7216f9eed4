#include "sasl/jwt.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "base/check.h"
#include "base/encoding.h"
#include "sasl/json.h"
#include "sasl/jwks.h"

enum { ES256_BYTES = 64, SIGNATURE_MAX = 1100, DER_MAX = 80 };

/* ---- The signature ---- */

/* JWS has r and s side by side (RFC 7518 3.4), OpenSSL wants them in DER. */
static bool es256_to_der(struct text signature, unsigned char der[DER_MAX], size_t *length)
{
    if (signature.length != ES256_BYTES)
        return false;
    const unsigned char *bytes = (const unsigned char *)signature.data;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(bytes, ES256_BYTES / 2, NULL);
    BIGNUM *s = BN_bin2bn(bytes + ES256_BYTES / 2, ES256_BYTES / 2, NULL);
    check(pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1);
    int needed = i2d_ECDSA_SIG(pair, NULL);
    check(needed > 0 && needed <= DER_MAX); /* there is room for any two of such length */
    *length = (size_t)i2d_ECDSA_SIG(pair, &der);
    ECDSA_SIG_free(pair);
    return true;
}

static bool signature_holds(const struct jwks_key *key, struct text message, struct text signature)
{
    unsigned char der[DER_MAX];
    const unsigned char *bytes = (const unsigned char *)signature.data;
    size_t length = signature.length;
    if (key->algorithm == JWT_ES256) {
        if (!es256_to_der(signature, der, &length))
            return false;
        bytes = der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    check(context != NULL);
    const EVP_MD *hash = key->algorithm == JWT_EDDSA ? NULL : EVP_sha256();
    bool holds = EVP_DigestVerifyInit(context, NULL, hash, NULL, key->key) == 1 &&
                 EVP_DigestVerify(context, bytes, length, (const unsigned char *)message.data,
                                  message.length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return holds;
}

/* The algorithm is the key's; the token only says which it means. */
static enum status check_signature(const struct jwks *keys, const json_t *header,
                                   struct text message, struct text signature)
{
    struct text algorithm = json_member(header, "alg"), id = json_member(header, "kid");
    bool has_key = false;
    if (json_object_get(header, "crit") != NULL)
        return refused("the token has critical extensions");
    for (unsigned i = 0; i < keys->count; i++) {
        const struct jwks_key *key = &keys->keys[i];
        if (!text_equals(algorithm, text_from(jwt_algorithm_names[key->algorithm])) ||
            (id.length > 0 && !text_equals(id, text_from(key->id))))
            continue;
        has_key = true;
        if (signature_holds(key, message, signature))
            return OK;
    }
    return refused(has_key ? "the token's signature does not hold"
                           : "no key of that id and algorithm is known");
}

/* ---- The claims ---- */

/* RFC 7519 4.1.3: one audience, or a list. */
static bool is_for(const json_t *claims, struct text audience)
{
    const json_t *said = json_object_get(claims, "aud");
    if (!json_is_array(said))
        return text_equals(json_member(claims, "aud"), audience);
    for (size_t i = 0; i < json_array_size(said); i++) {
        const json_t *one = json_array_get(said, i);
        if (json_is_string(one) &&
            text_equals(text_of(json_string_value(one), json_string_length(one)), audience))
            return true;
    }
    return false;
}

/* A NumericDate, whole or not; false when absent or no number of our time. */
static bool take_date(const json_t *claims, const char *name, int64_t *out)
{
    const json_t *date = json_object_get(claims, name);
    double value = json_number_value(date);
    if (!json_is_number(date) || !(value >= 0 && value < 1e15))
        return false;
    *out = (int64_t)value;
    return true;
}

static enum status check_times(const json_t *claims, int64_t now_s, bool must_expire)
{
    int64_t expires_s = INT64_MAX - JWT_LEEWAY_S, begins_s;
    bool expires = must_expire || json_object_get(claims, "exp") != NULL;
    if (expires && !take_date(claims, "exp", &expires_s))
        return refused("the token does not say when it expires");
    if (now_s >= expires_s + JWT_LEEWAY_S)
        return refused("the token has expired");
    if (json_object_get(claims, "nbf") == NULL)
        return OK;
    if (!take_date(claims, "nbf", &begins_s) || now_s + JWT_LEEWAY_S < begins_s)
        return refused("the token is not valid yet");
    return OK;
}

static enum status take_user(const json_t *claims, struct text name, char *user, size_t room)
{
    char claim[100];
    struct text value =
        text_copy(name, claim, sizeof(claim)) ? json_member(claims, claim) : TEXT("");
    for (size_t i = 0; i < value.length; i++)
        if ((unsigned char)value.data[i] < ' ' || value.data[i] == 0x7f)
            return refused("the token's user has control bytes");
    if (value.length == 0 || !text_copy(value, user, room))
        return refused("the token has no claim '%.*s' that names a user", TEXT_ARG(name));
    if (text_equals(name, TEXT("email")) &&
        json_is_false(json_object_get(claims, "email_verified")))
        return refused("the issuer has not verified the address");
    return OK;
}

static enum status check_claims(const json_t *claims, const struct jwt_rules *rules, char *user,
                                size_t room)
{
    if (!text_equals(json_member(claims, "iss"), rules->issuer))
        return refused("the token is of another issuer");
    if (!is_for(claims, rules->audience))
        return refused("the token is for another audience");
    enum status status = check_times(claims, rules->now_s, true);
    return status == OK ? take_user(claims, rules->user_claim, user, room) : status;
}

/* ---- The token ---- */

static json_t *decode_object(struct text encoded)
{
    struct buffer bytes;
    buffer_init(&bytes, JWT_BYTES_MAX);
    json_t *object =
        base64url_decode(encoded, &bytes) ? json_object_read(buffer_text(&bytes)) : NULL;
    buffer_finish(&bytes);
    return object;
}

/* header "." payload "." signature (RFC 7515 7.1) */
static bool split(struct text token, struct text parts[3])
{
    size_t first = text_find(token, '.'), last = text_find_last(token, '.');
    if (token.length > JWT_BYTES_MAX || first == token.length || first == last)
        return false;
    parts[0] = text_head(token, first);
    parts[1] = text_head(text_from_position(token, first + 1), last - first - 1);
    parts[2] = text_from_position(token, last + 1);
    return text_find(parts[1], '.') == parts[1].length;
}

enum status jwt_verify(const struct jwks *keys, struct text token, const struct jwt_rules *rules,
                       char *user, size_t user_room)
{
    struct text parts[3];
    struct buffer signature;
    user[0] = '\0';
    if (!split(token, parts))
        return refused("not a signed JSON Web Token");
    buffer_init(&signature, SIGNATURE_MAX);
    json_t *header = decode_object(parts[0]), *claims = decode_object(parts[1]);
    enum status status = refused("not a signed JSON Web Token");
    if (header != NULL && claims != NULL && base64url_decode(parts[2], &signature)) {
        struct text message = text_head(token, parts[0].length + 1 + parts[1].length);
        status = check_signature(keys, header, message, buffer_text(&signature));
        if (status == OK)
            status = check_claims(claims, rules, user, user_room);
    }
    json_decref(header);
    json_decref(claims);
    buffer_finish(&signature);
    if (status != OK)
        user[0] = '\0';
    return status;
}

/* ---- An authority's answer ---- */

static enum status check_answer(const json_t *answer, const struct jwt_rules *rules, char *user,
                                size_t room)
{
    struct text issuer = json_member(answer, "iss");
    if (!json_is_true(json_object_get(answer, "active")))
        return refused("the authority says that the token is not good");
    if (issuer.length > 0 && rules->issuer.length > 0 && !text_equals(issuer, rules->issuer))
        return refused("the token is of another issuer");
    if (rules->audience.length > 0 && !is_for(answer, rules->audience))
        return refused("the token is for another audience, or for none that is told");
    enum status status = check_times(answer, rules->now_s, false);
    return status == OK ? take_user(answer, rules->user_claim, user, room) : status;
}

enum status introspection_verify(struct text answer, const struct jwt_rules *rules, char *user,
                                 size_t user_room)
{
    user[0] = '\0';
    json_t *object = json_object_read(answer);
    enum status status = object == NULL ? refused("the authority's answer is not a JSON object")
                                        : check_answer(object, rules, user, user_room);
    json_decref(object);
    if (status != OK)
        user[0] = '\0';
    return status;
}
