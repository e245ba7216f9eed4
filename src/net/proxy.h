/* The PROXY protocol of HAProxy, versions 1 and 2, as the side that accepts: a front proxy begins
 * each connection with a header that says whom it speaks for. It must be asked for only from
 * proxies that are known to send it, and then it is required: whoever may choose whether to send it
 * may choose his address. */
#ifndef NET_PROXY_H
#define NET_PROXY_H

#include "net/stream.h"

enum {
    NET_PROXY_V1_MAX = 107,  /* bytes, with CRLF */
    NET_PROXY_V2_MAX = 4096, /* of ours: addresses and what proxies add to them */
};

enum net_proxy_state {
    NET_PROXY_INCOMPLETE, /* more has to come */
    NET_PROXY_WHOLE,
    NET_PROXY_BAD, /* fail_reason() says why */
};
struct net_proxy_header {
    size_t length;  /* bytes it takes */
    size_t missing; /* INCOMPLETE: so many bytes more are its own for certain */
    bool is_proxys; /* LOCAL: the connection is the proxy's own */
    /* Otherwise. All zero where the proxy does not know, or knows no Internet address: a client of
     * unknown origin must not pass for the proxy. */
    struct net_address client;
};
/* Parse the start of a connection. Pure. */
enum net_proxy_state net_proxy_parse(struct text bytes, struct net_proxy_header *out);

/* Take the header off a new connection; its peer is then the client. REFUSED: there is none, or a
 * bad one; TRY_LATER: it did not come in time. YIELDS. */
enum status net_proxy_meet(struct stream *stream, int64_t deadline_ms);

#endif
