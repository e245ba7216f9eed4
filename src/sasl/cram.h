/* CRAM-MD5 (RFC 2195) without keeping the password: HMAC-MD5 begins by hashing one block made of
 * the key on each side, and what MD5 is then is enough to go on from (RFC 2104 4). */
#ifndef SASL_CRAM_H
#define SASL_CRAM_H

#include "base/text.h"

enum { CRAM_DIGEST_BYTES = 16, CRAM_HEX_BYTES = 2 * CRAM_DIGEST_BYTES };

struct cram_key {
    unsigned char inner[CRAM_DIGEST_BYTES], outer[CRAM_DIGEST_BYTES];
};

void cram_key_make(struct text password, struct cram_key *out);
/* HMAC-MD5 of the challenge, in lower-case hexadecimal. */
void cram_answer(const struct cram_key *key, struct text challenge, char out[CRAM_HEX_BYTES]);

#endif
