/* What the files of net/ know of TLS beyond its headers. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* A session over a transport, which it takes; server or client by the context. A server takes the
 * protocol's ALPN id ("smtp"), which must outlive the session, or NULL; a client the expectation.
 * NULL on failure.
 */
SSL *tls_session_new(struct tls_context *context, BIO *transport, const char *protocol,
                     const struct tls_expectation *expected);
/* A client's context made to verify. */
bool tls_context_verifies(const struct tls_context *context);
/* How many certificates the server of this session has. */
unsigned tls_session_identities(SSL *ssl);
/* The client compares the certificate with a name or an address. */
bool tls_session_has_name(SSL *ssl);
/* Why the last call on this thread failed, in words, alerts of both sides too. Clears the queue. */
const char *tls_error_text(void);

/* All certificates of a PEM text, in order; NULL when there is none or one is malformed. */
STACK_OF(X509) * tls_read_chain(struct text pem);
/* NULL when there is none, or it is locked with a password. */
EVP_PKEY *tls_read_key(struct text pem);

/* ---- the certificates of a server ---- */

struct tls_identities;
/* REFUSED with what is wrong. */
enum status tls_identities_new(const struct tls_pair *pairs, unsigned count,
                               struct tls_identities **out);
void tls_identities_free(struct tls_identities **identities);
/* REFUSED when OpenSSL would not serve one of them (its key is too short, say). */
enum status tls_identities_try(const struct tls_identities *identities, SSL *ssl);
unsigned tls_identities_count(const struct tls_identities *identities);
/* Give the session the pairs for this name; for NULL, or a name nobody knows, the first. */
bool tls_identities_use(const struct tls_identities *identities, const char *name, SSL *ssl);

/* OpenSSL's call-back for tickets; the context's application data is a struct tls_context. */
int tls_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                   EVP_MAC_CTX *mac, int sealing);
struct tls_tickets *tls_context_tickets(SSL *ssl);

#endif
