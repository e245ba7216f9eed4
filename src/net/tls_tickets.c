/* The keys of session tickets: a name to know one by, a key that hides, and one that proves. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "net/tls_internal.h"

enum { NAME_BYTES = 16, CIPHER_BYTES = 32, MAC_BYTES = 32, IV_BYTES = 16 };

struct ticket_key {
    unsigned char name[NAME_BYTES], cipher[CIPHER_BYTES], mac[MAC_BYTES];
};
_Static_assert(sizeof(struct ticket_key) == TLS_TICKET_KEY_BYTES, "keys travel as bytes");

struct tls_tickets {
    struct ticket_key keys[TLS_TICKET_KEYS_MAX];
    unsigned count;
};

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *tickets = calloc(1, sizeof(*tickets));
    check(tickets != NULL);
    random_bytes(&tickets->keys[0], sizeof(tickets->keys[0]));
    tickets->count = 1;
    return tickets;
}

void tls_tickets_free(struct tls_tickets **tickets)
{
    if (*tickets == NULL)
        return;
    explicit_bzero(*tickets, sizeof(**tickets));
    free(*tickets);
    *tickets = NULL;
}

enum status tls_tickets_set(struct tls_tickets *tickets, struct text keys)
{
    if (keys.length == 0 || keys.length > sizeof(tickets->keys) ||
        keys.length % TLS_TICKET_KEY_BYTES != 0)
        return refused("malformed ticket keys");
    explicit_bzero(tickets->keys, sizeof(tickets->keys));
    memcpy(tickets->keys, keys.data, keys.length);
    tickets->count = (unsigned)(keys.length / TLS_TICKET_KEY_BYTES);
    return OK;
}

static bool set_keys(const struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int sealing)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end()};
    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) == 1 &&
           EVP_MAC_init(mac, key->mac, sizeof(key->mac), parameters) == 1;
}

int tls_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int sealing)
{
    enum { FAILED = -1, UNKNOWN = 0, USED = 1, USED_RENEW = 2 };
    const struct tls_tickets *tickets = tls_context_tickets(ssl);
    if (sealing) {
        memcpy(name, tickets->keys[0].name, NAME_BYTES);
        if (RAND_bytes(iv, IV_BYTES) != 1)
            return FAILED;
        return set_keys(&tickets->keys[0], iv, cipher, mac, 1) ? USED : FAILED;
    }
    for (unsigned i = 0; i < tickets->count; i++) {
        if (memcmp(tickets->keys[i].name, name, NAME_BYTES) != 0)
            continue;
        if (!set_keys(&tickets->keys[i], iv, cipher, mac, 0))
            return FAILED;
        return i == 0 ? USED : USED_RENEW;
    }
    return UNKNOWN;
}
