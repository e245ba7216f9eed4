/* Logging in as a client (RFC 4422): which mechanism, and what it says. The messages are pure
 * bytes; base64, lines and waiting are the protocol's. Nothing here yields. */
#ifndef SASL_CLIENT_H
#define SASL_CLIENT_H

#include "base/buffer.h"
#include "base/status.h"
#include "sasl/mechanism.h"

/* Whom we talk to. Borrowed as well. */
struct sasl_peer {
    uint32_t offered;    /* SASL_BITs */
    const char *service; /* of the Kerberos name: "smtp" */
    struct text host;    /* the name by which it was asked for */
    uint16_t port;
    bool is_tls, is_verified; /* verified: its certificate chains to a root and names the host */
    bool is_local;            /* loopback: nobody listens between us */
    const char *binding_type; /* RFC 5056: "tls-exporter"; NULL: this connection has none */
    struct text binding;
    bool wraps; /* SPNEGO around Kerberos in GSSAPI, as Exchange does in X-EXPS */
};

/* What to use: of the offered and allowed ones (without those in `tried`) the strongest that the
 * identity suffices for. SASL_MECHANISMS and fail_reason(): there is none. */
enum sasl_mechanism sasl_client_choose(const struct sasl_identity *identity,
                                       const struct sasl_peer *peer, uint32_t tried);

struct sasl_client;
struct sasl_client *sasl_client_new(enum sasl_mechanism mechanism,
                                    const struct sasl_identity *identity,
                                    const struct sasl_peer *peer);
/* Wipes what it holds. Accepts NULL. */
void sasl_client_free(struct sasl_client **client);
/* The message that answers a challenge. With SASL_SPEAKS_FIRST the first may go with the command
 * (as initial response): its challenge is "", and what a peer asks for it in means nothing. With
 * SASL_BLOCKS it does (a KDC, a million hashes): offload. Not OK, with fail_reason(): end the
 * exchange; TRY_LATER when the cause is on our side, REFUSED when the peer can't be trusted or
 * understood. */
enum status sasl_client_step(struct sasl_client *client, struct text challenge,
                             struct buffer *response);
/* The peer says that we are logged in. REFUSED: it has not proved what the mechanism makes it prove
 * (that it knows our password too), so it may be anyone. */
enum status sasl_client_succeed(const struct sasl_client *client);

#endif
