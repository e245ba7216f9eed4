/* What stream.c needs of a TLS context. Included only from net/. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/tls.h"

/* A session over a descriptor, server or client by the context; NULL on failure. */
SSL *tls_session_new(struct tls_context *context, int fd, const char *server_name);
/* OpenSSL's first queued error, in words. Clears the queue. */
const char *tls_error_text(void);

#endif
