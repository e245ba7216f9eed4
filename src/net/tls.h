/* TLS 1.2 and 1.3 contexts over OpenSSL: what a stream needs to start TLS. Counted, so that
 * sessions finish on the certificate they began with. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buffer.h"
#include "base/status.h"

struct tls_context;

/* A server's context from PEM text (chain, key). REFUSED with OpenSSL's reason. */
enum status tls_server_new(struct text certificate_pem, struct text key_pem,
                           struct tls_context **out);
/* A client's. verify: the peer's certificate must chain to the system's roots (roots_pem instead,
 * when not empty) and match server_name. Without: any certificate. */
enum status tls_client_new(bool verify, struct text roots_pem, struct tls_context **out);
struct tls_context *tls_hold(struct tls_context *context);
void tls_release(struct tls_context **context);

/* Make a self-signed certificate for these names (the first is the common name) and its key, as
 * PEM: for a first run. Blocks for some milliseconds. */
enum status tls_self_sign(const struct text *names, unsigned count, unsigned days,
                          struct buffer *certificate_pem, struct buffer *key_pem);

#endif
