/* The keys of a set, for jwt.c. Included only from sasl/. */
#ifndef SASL_JWKS_H
#define SASL_JWKS_H

#include <openssl/evp.h>

#include "sasl/jwt.h"

enum jwt_algorithm { JWT_RS256, JWT_ES256, JWT_EDDSA, JWT_ALGORITHMS };
extern const char *const jwt_algorithm_names[JWT_ALGORITHMS];

struct jwks_key {
    char *id; /* "" when it has none */
    enum jwt_algorithm algorithm;
    EVP_PKEY *key;
};

struct jwks {
    struct jwks_key keys[JWKS_KEYS_MAX];
    unsigned count;
};

/* RFC 4648 5 without padding, strictly: appended to out. */
bool base64url_decode(struct text text, struct buffer *out);

#endif
