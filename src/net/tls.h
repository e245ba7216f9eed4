/* TLS 1.2 and 1.3 contexts over OpenSSL: what a stream needs to start TLS. Counted, so that
 * sessions finish on the certificate they began with. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "base/buffer.h"
#include "base/status.h"

struct tls_context;
struct tls_tickets;

/* A chain, the server's own certificate first, and its key; in PEM. */
struct tls_pair {
    struct text certificate_pem, key_pem;
};

/* Whether a server asks its clients for a certificate. */
enum tls_ask {
    TLS_ASK_NOTHING,
    TLS_ASK_OPTIONAL, /* any or none will do; stream_tls_peer tells whether it verified */
    TLS_ASK_REQUIRED, /* no handshake without one that verifies */
};

struct tls_server_options {
    /* The first one is shown to who names no host of them. Who names one gets the pair for it, an
     * exact name before a wildcard, and of several for one name that whose kind of key (RSA, ECDSA)
     * suits the client. */
    const struct tls_pair *pairs;
    unsigned pair_count;
    bool only_1_3; /* else 1.2 as well */
    bool only_256; /* ciphers of less than 256 bits are not taken */
    enum tls_ask ask;
    struct text authorities_pem; /* clients' certificates are verified by these; "" by none */
    /* Sessions are resumed only under the same scope: contexts that ask different things of their
     * clients must have different ones. */
    struct text scope;
    struct tls_tickets *tickets; /* lent, must outlive the context; NULL: keys of its own */
};
/* A server's context. REFUSED with the reason, which names the pair when there are several. */
enum status tls_server_open(const struct tls_server_options *options, struct tls_context **out);
/* The same for one certificate and no wishes. */
enum status tls_server_new(struct text certificate_pem, struct text key_pem,
                           struct tls_context **out);

/* A client's. verify: unless a handshake says otherwise, the peer's certificate must match
 * server_name and chain to the system's roots; to roots_pem instead, when that is not empty. */
enum status tls_client_new(bool verify, struct text roots_pem, struct tls_context **out);
/* From now on the client shows this certificate to servers that ask for one. REFUSED with the
 * reason. */
enum status tls_client_identify(struct tls_context *context, const struct tls_pair *pair);
struct tls_context *tls_hold(struct tls_context *context);
void tls_release(struct tls_context **context);

/* How sure a client must be, or is, of whom it speaks to. */
enum tls_check {
    TLS_CHECK_NONE,
    TLS_CHECK_NAME, /* a certificate for that name, by an authority we know (RFC 5280, RFC 6125) */
    TLS_CHECK_DANE, /* a certificate that fits the TLSA records (RFC 7671) */
};

/* A TLSA record (RFC 6698 2.1). */
struct tls_tlsa {
    uint8_t usage, selector, matching;
    struct text data;
};
enum { TLS_TLSA_MAX = 32 };
/* SMTP can use it: usage DANE-TA or DANE-EE, known selector and matching type, data of the right
 * form (RFC 7672 3.1). */
bool tls_tlsa_is_usable(const struct tls_tlsa *record);

/* What a client expects of one handshake. Lent for the call. */
struct tls_expectation {
    const char *server_name; /* for SNI; the host's name in certificates. NULL: none */
    enum tls_check check;
    const char *other_name; /* with DANE: another name that will do, or NULL (RFC 7672 3.2.2) */
    const struct tls_tlsa *records; /* with DANE */
    unsigned record_count;
};

/* The keys that session tickets are sealed with (RFC 5077, RFC 8446 4.6.1). Processes that share
 * them resume each other's sessions. */
enum { TLS_TICKET_KEY_BYTES = 80, TLS_TICKET_KEYS_MAX = 8 };
/* With one random key. */
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets **tickets);
/* Up to TLS_TICKET_KEYS_MAX random keys one behind the other: the first seals, all of them open.
 * REFUSED when there is none or a part of one; then nothing changes. */
enum status tls_tickets_set(struct tls_tickets *tickets, struct text keys);

/* Make a self-signed certificate for these names (the first is the common name) and its key, as
 * PEM: for a first run. Blocks for some milliseconds. */
enum status tls_self_sign(const struct text *names, unsigned count, unsigned days,
                          struct buffer *certificate_pem, struct buffer *key_pem);

#endif
