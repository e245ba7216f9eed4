/* EVP cannot begin in the middle of a hash, so this uses the older calls of OpenSSL. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sasl/cram.h"

#include <openssl/md5.h>
#include <string.h>

#include "base/check.h"

enum { INNER_PAD = 0x36, OUTER_PAD = 0x5c };

/* The four words of MD5 little-endian, as in its digest. */
static void save(const MD5_CTX *md5, unsigned char out[CRAM_DIGEST_BYTES])
{
    const MD5_LONG words[] = {md5->A, md5->B, md5->C, md5->D};
    for (unsigned i = 0; i < CRAM_DIGEST_BYTES; i++)
        out[i] = (unsigned char)(words[i / 4] >> (8 * (i % 4)));
}

static void restore(MD5_CTX *md5, const unsigned char saved[CRAM_DIGEST_BYTES])
{
    MD5_LONG words[4] = {0};
    for (unsigned i = 0; i < CRAM_DIGEST_BYTES; i++)
        words[i / 4] |= (MD5_LONG)saved[i] << (8 * (i % 4));
    check(MD5_Init(md5) == 1);
    md5->A = words[0];
    md5->B = words[1];
    md5->C = words[2];
    md5->D = words[3];
    md5->Nl = 8 * MD5_CBLOCK; /* bits: one block has gone in */
}

static void save_padded(const unsigned char block[MD5_CBLOCK], unsigned char pad,
                        unsigned char out[CRAM_DIGEST_BYTES])
{
    unsigned char padded[MD5_CBLOCK];
    MD5_CTX md5;
    for (unsigned i = 0; i < MD5_CBLOCK; i++)
        padded[i] = block[i] ^ pad;
    check(MD5_Init(&md5) == 1 && MD5_Update(&md5, padded, sizeof(padded)) == 1);
    save(&md5, out);
    explicit_bzero(padded, sizeof(padded));
    explicit_bzero(&md5, sizeof(md5));
}

void cram_key_make(struct text password, struct cram_key *out)
{
    unsigned char block[MD5_CBLOCK] = {0};
    if (password.length > sizeof(block))
        check(MD5((const unsigned char *)password.data, password.length, block) != NULL);
    else
        memcpy(block, password.data, password.length);
    save_padded(block, INNER_PAD, out->inner);
    save_padded(block, OUTER_PAD, out->outer);
    explicit_bzero(block, sizeof(block));
}

void cram_answer(const struct cram_key *key, struct text challenge, char out[CRAM_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[MD5_DIGEST_LENGTH];
    MD5_CTX md5;
    restore(&md5, key->inner);
    check(MD5_Update(&md5, challenge.data, challenge.length) == 1 && MD5_Final(digest, &md5) == 1);
    restore(&md5, key->outer);
    check(MD5_Update(&md5, digest, sizeof(digest)) == 1 && MD5_Final(digest, &md5) == 1);
    for (unsigned i = 0; i < CRAM_HEX_BYTES; i++)
        out[i] = digits[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    explicit_bzero(&md5, sizeof(md5));
}
