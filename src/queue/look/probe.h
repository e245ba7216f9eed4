/* Looking instead of sending: what the store asks of send when an administrator probes a host or
 * wants to know why mail does not go or come. Send alone may connect and ask the DNS, and it looks
 * as it would for a message: same resolver, same hosts, same TLS. */
#ifndef QUEUE_LOOK_PROBE_H
#define QUEUE_LOOK_PROBE_H

#include "decide/finding.h"
#include "queue/client.h"

enum queue_probe_kind {
    QUEUE_PROBE_HOST,   /* this host, as if the settings named it */
    QUEUE_PROBE_DOMAIN, /* as mail for the domain goes: by the connector, or by MX */
    QUEUE_PROBE_OWN,    /* as others see us: the domain is ours, and host what we are called */
    QUEUE_PROBE_KINDS
};

struct queue_probe {
    enum queue_probe_kind kind;
    struct text domain;          /* or the host's name, or its address in brackets */
    uint16_t port;               /* 0: the connector's */
    struct text connector;       /* "" none */
    struct text host;            /* of QUEUE_PROBE_OWN */
    struct text listens;         /* of QUEUE_PROBE_OWN: where we listen, "127.0.0.1:25" */
    bool asks_recipient;         /* whether the host would take mail from and to these */
    struct text from, recipient; /* addresses; from "" is the null path */
};
void queue_probe_encode(const struct queue_probe *probe, struct buffer *out);
/* Borrows from the bytes. False when malformed. */
bool queue_probe_decode(struct text bytes, struct queue_probe *out);

struct queue;
/* Ask send; what it found is added, in the findings' arena. REFUSED: there is
 * no such connector. TRY_LATER: send is away. YIELDS. */
enum status queue_look(struct queue *queue, const struct queue_probe *probe,
                       struct findings *findings);

#endif
