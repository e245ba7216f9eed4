/* What stream.c needs of a TLS context. Included only from net/. */
#ifndef NET_TLS_INTERNAL_H
#define NET_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "net/stream.h"

/* A session over a descriptor, server or client by the context; NULL on failure. */
SSL *tls_session_new(struct tls_context *context, int fd, const char *server_name);
/* The session of a stream, lent; NULL when it is plain. */
SSL *stream_openssl(const struct stream *stream);
/* OpenSSL's first queued error, in words. Clears the queue. */
const char *tls_error_text(void);

#endif
