/* One attempt to deliver one job: over the connection at hand, or by the route's hosts in turn. */
#ifndef SMTP_SEND_ATTEMPT_H
#define SMTP_SEND_ATTEMPT_H

#include "net/resolver.h"
#include "proc/role.h"
#include "proto/smtp/smtp_client.h"

enum { SMTP_RELAY_BYTES = 400 };

/* What every attempt of the role needs. */
struct smtp_sender {
    struct role_context *context;
    struct resolver *resolver;
    struct tls_context *tls, *tls_verifying; /* NULL: could not be made */
};

/* A connection kept between the jobs of a hop; all zero while there is none. */
struct smtp_connection {
    struct smtp_client *client;
    uint64_t settings_version;    /* it was opened under */
    char relay[SMTP_RELAY_BYTES]; /* "mx.example.net[192.0.2.1]:25" of the last peer; "" none */
};

/* An attempt's result beside the outcomes. */
enum smtp_attempt {
    SMTP_ATTEMPTED,  /* outcomes are set */
    SMTP_UNREACHED,  /* so they are: no host of the hop would talk to us; so would it be with the
                      * hop's other jobs */
    SMTP_OVERLOADED, /* put the job back: the hop takes no further connection than it has */
};

/* outcomes: one per recipient. hop_is_connected: other connections to this hop are open.
 * YIELDS. */
enum smtp_attempt smtp_attempt_job(const struct smtp_sender *sender,
                                   struct smtp_connection *connection, const struct queue_job *job,
                                   bool hop_is_connected, struct arena *arena,
                                   struct queue_outcome *outcomes);
/* QUIT and close, if open. YIELDS. */
void smtp_connection_close(struct smtp_connection *connection);

/* The connector a job names, or NULL. */
const struct setting_connector *smtp_connector_find(const struct settings *settings,
                                                    struct text name);

#endif
