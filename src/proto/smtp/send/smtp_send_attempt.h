/* One attempt to deliver one job: over the connection at hand, or by the route's hosts in turn. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_ATTEMPT_H
#define PROTO_SMTP_SEND_SMTP_SEND_ATTEMPT_H

#include "proc/role.h"
#include "proto/smtp/client/smtp_client.h"
#include "proto/smtp/send/smtp_send_resolvers.h"
#include "proto/smtp/send/smtp_sts.h"

enum { SMTP_RELAY_BYTES = 400, SMTP_TLS_TOLD_BYTES = 480 };

/* Does the store know which jobs are in hand? One that has just started knows of none, and would
 * give them out again: it is told before it is asked for more, and reports wait for that. */
struct smtp_claims {
    enum { SMTP_STORE_AWAY, SMTP_STORE_ASKED, SMTP_STORE_KNOWS } state;
    unsigned stores_lost;
    struct task_event known;
};

/* What every attempt of the role needs. */
struct smtp_sender {
    struct role_context *context;
    struct smtp_claims *claims;
    struct smtp_resolvers *resolvers;
    struct resolver *resolver; /* of these, the one for all */
    struct tls_context *tls;   /* NULL: could not be made; hold it over use */
    struct smtp_sts *sts;
    struct protolog_gather *log; /* rows of protocol logs */
};

/* A connection kept between the jobs of a hop; client NULL while there is none. */
struct smtp_connection {
    struct smtp_client *client;
    uint64_t settings_version;    /* it was opened under */
    uint32_t unfit;               /* EXTENSION_BITs that hosts of the hop only seem to know */
    struct smtp_client_next next; /* of the jobs; find NULL: none is known before its turn */
    /* What was asked of its TLS: a message that asks for something else needs another. */
    bool requires_tls, tls_is_optional;
    unsigned tls_means;            /* of a policy, 0 none */
    char tls[SMTP_TLS_TOLD_BYTES]; /* smtp_client_tls, and why it had to be so; "" none */
    char relay[SMTP_RELAY_BYTES];  /* "mx.example.net[192.0.2.1]:25" of the last peer; "" none */
};

/* What came of an attempt, for the hop's other jobs. */
enum smtp_attempt {
    SMTP_ATTEMPTED,
    SMTP_UNREACHED,   /* no host could be connected to */
    SMTP_TURNED_AWAY, /* one could, but would not talk to us now */
};

/* outcomes: one per recipient; all are set. YIELDS. */
enum smtp_attempt smtp_attempt_job(const struct smtp_sender *sender,
                                   struct smtp_connection *connection, const struct queue_job *job,
                                   struct arena *arena, struct queue_outcome *outcomes);
/* Connect to where the connector requests mail (its `request at`, else its smart hosts), with its
 * TLS and login. Not OK: *trouble. YIELDS. */
enum status smtp_attempt_connect(const struct smtp_sender *sender,
                                 const struct setting_connector *connector,
                                 const struct settings *settings, struct arena *arena,
                                 struct smtp_connection *connection,
                                 struct smtp_client_trouble *trouble);
/* Whether a job of the same hop goes over the connection as it was opened, and unchanged. */
bool smtp_connection_suits(const struct smtp_sender *sender,
                           const struct smtp_connection *connection, const struct queue_job *job);
/* QUIT and close, if open. YIELDS. */
void smtp_connection_close(struct smtp_connection *connection);

/* The connector a job names, or the one for all that have none. */
const struct setting_connector *smtp_connector_find(const struct settings *settings,
                                                    struct text name);
/* What a connector says about all its hosts, but for their names and the login. */
struct smtp_client_options smtp_connector_options(const struct settings *settings,
                                                  const struct setting_connector *connector);
/* The same for one of them, with the TLS that was decided for it; host_tls must stay. */
struct smtp_host_tls;
struct smtp_client_options smtp_host_options(const struct settings *settings,
                                             const struct setting_connector *connector,
                                             const struct smtp_host_tls *host_tls, uint16_t port);

#endif
