/* What a stream's TLS session says of itself and of the peer: for logs, for logins by certificate
 * (EXTERNAL) and for channel binding (SCRAM-PLUS). Nothing here yields. */
#ifndef NET_STREAM_TLS_H
#define NET_STREAM_TLS_H

#include "base/arena.h"
#include "net/stream.h"

enum { TLS_EXPORTER_BYTES = 32, TLS_END_POINT_MAX = 64, TLS_FINGERPRINT_BYTES = 32 };

/* RFC 9266: the channel binding "tls-exporter". False: plain, or a session that has none (TLS 1.2
 * without extended master secret). */
bool stream_tls_exporter(const struct stream *stream, unsigned char out[TLS_EXPORTER_BYTES]);
/* RFC 5929 3: "tls-unique", of TLS 1.2 with extended master secret (RFC 7627): without that it
 * binds to nothing. How many bytes; 0: plain, or another version. */
size_t stream_tls_unique(const struct stream *stream, unsigned char out[TLS_END_POINT_MAX]);
/* RFC 5929 4: "tls-server-end-point", the hash of the server's certificate, ours or the peer's.
 * How many bytes; 0: plain, or the certificate's signature has no hash that could be used. */
size_t stream_tls_server_end_point(const struct stream *stream,
                                   unsigned char out[TLS_END_POINT_MAX]);

/* How sure a client is of the peer, whatever it had to be. */
enum tls_check stream_tls_checked(const struct stream *stream);
/* What is wrong with the peer's certificate, in words, also when the handshake failed of it; ""
 * nothing, or there was none. */
const char *stream_tls_doubt(const struct stream *stream);

/* The peer's certificate. All in the arena that was given. */
struct tls_peer {
    /* It chains to an authority that was set for such peers. When not, the names are claims; only
     * the fingerprint, or the whole certificate, can be compared with what is known. */
    bool is_verified;
    struct text der;
    struct text subject;      /* RFC 2253: "CN=alice,O=Example" */
    struct text common_name;  /* "" none */
    const struct text *mails; /* e-mail addresses: of subjectAltName, then of the subject */
    unsigned mail_count;
    unsigned char fingerprint[TLS_FINGERPRINT_BYTES]; /* SHA-256 of der */
};
bool stream_tls_has_peer(const struct stream *stream);
/* False: plain, or the peer showed none. */
bool stream_tls_peer(const struct stream *stream, struct arena *arena, struct tls_peer *out);

#endif
