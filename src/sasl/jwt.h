/* JSON Web Tokens (RFC 7519) signed (RFC 7515) by a key of a set (RFC 7517): what a bearer shows to
 * log in (RFC 7628). RS256, ES256 and EdDSA with Ed25519; nothing unsigned, nothing with a shared
 * key. Pure: the time comes with the question. */
#ifndef SASL_JWT_H
#define SASL_JWT_H

#include "base/buffer.h"
#include "base/status.h"

struct jwks;
enum {
    JWKS_BYTES_MAX = 256 << 10,
    JWKS_KEYS_MAX = 100,
    JWT_BYTES_MAX = 10000,
    JWT_LEEWAY_S = 60, /* by which the issuer's clock may differ */
};

/* Keys of kinds we do not verify by are passed over. REFUSED with the reason: not a key set, none
 * of its keys is usable, or one that should be is broken. */
enum status jwks_parse(struct text json, struct jwks **out);
/* Accepts NULL. */
void jwks_free(struct jwks **keys);
unsigned jwks_count(const struct jwks *keys);

struct jwt_rules {
    struct text issuer, audience; /* exactly these */
    struct text user_claim;       /* "email", "sub" ... */
    int64_t now_s;                /* wall clock */
};
/* OK: the token holds, and its user claim is in user (NUL-ended, UTF-8, no control bytes). REFUSED
 * with the reason, for logs. */
enum status jwt_verify(const struct jwks *keys, struct text token, const struct jwt_rules *rules,
                       char *user, size_t user_room);
/* The same for what an authority says of a token that it was asked about (RFC 7662 2.2). The
 * audience counts where the rules have one, the issuer where the answer has one too; what it says
 * of times, always. */
enum status introspection_verify(struct text answer, const struct jwt_rules *rules, char *user,
                                 size_t user_room);

#endif
