/* Certificates as an administrator handles them: made, requested, put in order, looked at. Nothing
 * here yields; making a key blocks for some milliseconds (RSA: some hundred). */
#ifndef NET_TLS_CERTIFICATE_H
#define NET_TLS_CERTIFICATE_H

#include "base/arena.h"
#include "base/status.h"
#include "net/tls.h"

enum tls_key_kind { TLS_KEY_ECDSA /* P-256 */, TLS_KEY_RSA /* 3072 bits */ };

/* A new private key, in PEM. */
enum status tls_key_make(enum tls_key_kind kind, struct buffer *key_pem);
/* A request (RFC 2986) for a certificate of this key for these DNS names; the first is the common
 * name. REFUSED when the key is not usable. */
enum status tls_certificate_request(const struct text *names, unsigned count, struct text key_pem,
                                    struct buffer *request_pem);
enum status tls_certificate_self_sign(const struct text *names, unsigned count, unsigned days,
                                      struct text key_pem, struct buffer *certificate_pem);

struct tls_certificate {
    struct text subject, issuer; /* RFC 2253 */
    struct text key;             /* "RSA 3072", "ECDSA prime256v1" */
    const struct text *names;    /* DNS names; of the subject when there is no extension */
    unsigned name_count;
    int64_t from_ms, until_ms;     /* wall clock */
    unsigned char fingerprint[32]; /* SHA-256 of the certificate */
    unsigned char key_hash[32];    /* SHA-256 of its public key: what TLSA 3 1 1 publishes */
    bool is_self_signed;
};
/* What a PEM text holds, in its order. REFUSED when it holds no certificate, or a broken one. */
enum status tls_certificate_read(struct text pem, struct arena *arena, struct tls_certificate **out,
                                 unsigned *count);
/* RFC 6125: a name, or one under its wildcard. Of the first certificate. */
bool tls_certificate_is_for(struct text pem, struct text name);
/* It, with its chain, leads to an authority of this system. */
bool tls_certificate_is_known(struct text pem);

/* From any number of certificates in any order, the one of this key and the chain above it, without
 * the root: as a server shows them. *unused: how many did not belong. REFUSED when none has the
 * key. */
enum status tls_certificate_order(struct text pem, struct text key_pem, struct buffer *out,
                                  unsigned *unused_count);

#endif
