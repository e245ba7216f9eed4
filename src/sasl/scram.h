/* SCRAM (RFC 5802 with SHA-1, RFC 7677 with SHA-256): the arithmetic and the grammar that client
 * and server share. Pure; who says what, and when, is with each side. */
#ifndef SASL_SCRAM_H
#define SASL_SCRAM_H

#include "base/buffer.h"

enum scram_hash { SCRAM_SHA_1, SCRAM_SHA_256 };

/* Fewer iterations than 4096 are a server that was set up wrong, or one that fishes for something
 * to guess at (RFC 7677 4); more than the most are an attack on our time. */
enum { SCRAM_HASH_MAX = 32, SCRAM_ITERATIONS_MIN = 4096, SCRAM_ITERATIONS_MAX = 1000000 };

struct scram_digest {
    unsigned char bytes[SCRAM_HASH_MAX];
    unsigned length;
};

/* What a server keeps, and what only a client can make (RFC 5802 3). */
struct scram_keys {
    struct scram_digest client, stored, server;
};

/* Hi(): from the password to what both sides' keys come from. Takes a millisecond for each few
 * thousand iterations: offload. False: the iterations are not within bounds. */
bool scram_salt_password(enum scram_hash hash, struct text password, struct text salt,
                         uint32_t iterations, struct scram_digest *salted);
void scram_keys_derive(enum scram_hash hash, const struct scram_digest *salted,
                       struct scram_keys *out);

/* HMAC(key, message): with the server key the server's signature. */
void scram_sign(enum scram_hash hash, const struct scram_digest *key, struct text message,
                struct scram_digest *out);
/* The client's proof over the exchange. */
void scram_prove(enum scram_hash hash, const struct scram_keys *keys, struct text message,
                 struct scram_digest *proof);
/* The server's check of a proof, with the stored key alone. */
bool scram_proof_holds(enum scram_hash hash, const struct scram_digest *stored, struct text message,
                       struct text proof);
/* In constant time. */
bool scram_digest_equals(const struct scram_digest *digest, struct text bytes);
/* Overwrite keys in a way that is not optimised away. */
void scram_keys_forget(struct scram_keys *keys);

/* RFC 5802 5.1: a user name, in which "," is "=2C" and "=" is "=3D". Decoding is strict. */
bool scram_name_encode(struct text name, struct buffer *out);
bool scram_name_decode(struct text encoded, struct buffer *out);
/* Take "x=value" off the front of *message, and the comma behind it. False when something else
 * stands there. */
bool scram_attribute(struct text *message, char letter, struct text *value);

#endif
