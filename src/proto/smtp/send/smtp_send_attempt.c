/* Attempts: which host next, when to give up, and what that means for the recipients. */
#include "proto/smtp/send/smtp_send_attempt.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/logline.h"
#include "net/listener.h"
#include "proto/smtp/client/smtp_client_log.h"
#include "proto/smtp/send/smtp_send_links.h"
#include "proto/smtp/send/smtp_send_login.h"
#include "proto/smtp/send/smtp_send_request.h"
#include "proto/smtp/send/smtp_send_tls.h"

enum { MOST_ADDRESSES = 10, MOST_TRIES = 3, SUBMISSIONS_PORT = 465, REASON_MOST = 300 };

struct attempt {
    const struct smtp_sender *sender;
    struct smtp_connection *connection;
    const struct settings *settings;
    const struct setting_connector *connector;
    struct resolver *resolver; /* for its hosts */
    const struct queue_job *job;
    struct arena *arena;
    bool logs_in;
    struct smtp_send_login login;
    struct tls_context *tls_context; /* held, or NULL */
    struct smtp_send_tls tls;
    struct smtp_host_tls host_tls; /* of the host that is tried */
    unsigned tried;                /* addresses */
    bool has_trouble;
    bool met_peer;                      /* a connection came about */
    struct smtp_client_trouble trouble; /* the mildest so far */
};

const struct setting_connector *smtp_connector_find(const struct settings *settings,
                                                    struct text name)
{
    const struct setting_connector *connector =
        text_is_empty(name) ? NULL : settings_connector_find(settings, name);
    return connector != NULL ? connector : &settings->direct;
}

void smtp_connection_close(struct smtp_connection *connection)
{
    smtp_client_close(&connection->client);
}

/* Ends with tls_release of its context. */
static void attempt_init(struct attempt *attempt, const struct smtp_sender *sender,
                         const struct settings *settings, const struct setting_connector *connector,
                         const struct queue_job *job, struct arena *arena)
{
    *attempt = (struct attempt){
        .sender = sender,
        .settings = settings,
        .connector = connector,
        .job = job,
        .arena = arena,
        .tls_context = tls_hold(sender->tls),
        .tls = {.sts = sender->sts,
                .means = {.role = sender->context, .settings = settings},
                .job = job,
                .arena = arena},
    };
}

/* A host that may work later outweighs those that never will. */
static void note_trouble(struct attempt *attempt, const struct smtp_client_trouble *trouble)
{
    if (attempt->has_trouble && attempt->trouble.status == TRY_LATER && trouble->status == REFUSED)
        return;
    attempt->trouble = *trouble;
    attempt->has_trouble = true;
}

static void name_relay(struct attempt *attempt, const struct smtp_route_host *host,
                       const struct net_address *address)
{
    char text[NET_ADDRESS_TEXT_BYTES], *relay = attempt->connection->relay;
    if (text_starts_with(host->name, TEXT("["))) {
        snprintf(relay, SMTP_RELAY_BYTES, "%s", net_address_text(address, text));
        return;
    }
    net_address_text(address, text);
    struct text whole = text_from(text);
    size_t colon = text_find_last(whole, ':');
    struct text ip = text_head(whole, colon);
    if (text_starts_with(ip, TEXT("[")))
        ip = text_before(text_from_position(ip, 1), ']');
    snprintf(relay, SMTP_RELAY_BYTES, "%.*s[%.*s]:%u", TEXT_ARG(text_head(host->name, 253)),
             TEXT_ARG(ip), host->port);
}

/* One dial and one dialogue. YIELDS. */
static enum status open_once(struct attempt *attempt, const struct net_address *address,
                             const struct smtp_client_options *options,
                             struct smtp_client_trouble *trouble)
{
    int fd;
    if (net_dial(address, clock_monotonic_ms() + options->timeouts.connect_ms, &fd) != OK)
        return smtp_trouble_set(trouble, TRY_LATER, "4.4.1", text_from(fail_reason()));
    attempt->met_peer = true;
    return smtp_client_open(stream_new(fd, address), options, &attempt->connection->client,
                            trouble);
}

struct smtp_client_options smtp_connector_options(const struct settings *settings,
                                                  const struct setting_connector *connector)
{
    return (struct smtp_client_options){
        .our_host = text_is_empty(connector->our_host) ? settings->host : connector->our_host,
        .tls = TLS_NONE,
        .says_helo = connector->says_helo,
        .without = connector->without,
        .max_messages = connector->max_messages,
        .max_recipients = connector->max_recipients,
        .timeouts = connector->timeouts,
        .logged_by = smtp_client_log_server(settings, connector),
    };
}

struct smtp_client_options smtp_host_options(const struct settings *settings,
                                             const struct setting_connector *connector,
                                             const struct smtp_host_tls *host_tls, uint16_t port)
{
    static const enum tls_policy policies[] = {
        [TLS_NEED_NONE] = TLS_NONE,          [TLS_NEED_OFFERED] = TLS_OFFER,
        [TLS_NEED_ENCRYPTION] = TLS_REQUIRE, [TLS_NEED_NAME] = TLS_VERIFY,
        [TLS_NEED_DANE] = TLS_VERIFY,
    };
    struct smtp_client_options options = smtp_connector_options(settings, connector);
    options.tls = policies[host_tls->decision.need];
    options.expected = &host_tls->expected;
    options.needs_requiretls = host_tls->decision.needs_requiretls;
    options.tls_at_once = options.tls != TLS_NONE && port == SUBMISSIONS_PORT;
    return options;
}

/* For one host. name must stay. */
static struct smtp_client_options options_for(const struct attempt *attempt,
                                              const struct smtp_route_host *host, const char *name)
{
    struct smtp_client_options options =
        smtp_host_options(attempt->settings, attempt->connector, &attempt->host_tls, host->port);
    options.peer_name = name;
    options.log = attempt->sender->log;
    options.next = attempt->connection->next;
    options.without |= attempt->connection->unfit;
    options.tls_context = attempt->login.tls != NULL ? attempt->login.tls : attempt->tls_context;
    options.login = attempt->logs_in ? &attempt->login.login : NULL;
    return options;
}

/* With why TLS was asked for; and where the message itself asks for more than the host has, that is
 * for good (RFC 8689 4.2.1). */
static void explain(const struct attempt *attempt, struct smtp_client_trouble *trouble)
{
    const struct smtp_host_tls *host_tls = &attempt->host_tls;
    struct text words = text_from(trouble->words);
    bool is_about_tls = text_starts_with(text_from(trouble->enhanced), TEXT("4.7.4")) ||
                        text_starts_with(text_from(trouble->enhanced), TEXT("4.7.5"));
    if (!is_about_tls || text_is_empty(host_tls->reason))
        return;
    bool is_final = host_tls->decision.needs_requiretls && trouble->is_unproven;
    words = arena_printf(attempt->arena, "%.*s; %.*s", TEXT_ARG(text_head(words, REASON_MOST)),
                         TEXT_ARG(host_tls->reason));
    char enhanced[SMTP_ENHANCED_BYTES];
    snprintf(enhanced, sizeof(enhanced), "%s", is_final ? "5.7.30" : trouble->enhanced);
    smtp_trouble_set(trouble, is_final ? REFUSED : trouble->status, enhanced, words);
}

/* How the connection came out. RFC 8461 5: under a policy that is being tested a certificate that
 * does not fit is told, and no more. */
static void note_connected(struct attempt *attempt, const struct smtp_route_host *host)
{
    struct smtp_connection *connection = attempt->connection;
    char tls[SMTP_TLS_BYTES];
    struct text reason = text_head(attempt->host_tls.reason, REASON_MOST);
    snprintf(connection->tls, sizeof(connection->tls), "%s%s%.*s%s",
             smtp_client_tls(connection->client, tls), reason.length > 0 ? " (" : "",
             TEXT_ARG(reason), reason.length > 0 ? ")" : "");
    const char *doubt = smtp_client_tls_doubt(connection->client);
    if (attempt->host_tls.decision.tests_sts && *doubt != '\0')
        log_warning("mta-sts.testing", "domain=%s host=%s reason=%s",
                    log_text(attempt->job->domain), log_text(host->name),
                    log_text(text_from(doubt)));
}

/* Connect to one address; again with less where only that was in the way and policy allows:
 * without TLS, with HELO. YIELDS. */
static enum status try_address(struct attempt *attempt, const struct smtp_route_host *host,
                               const struct net_address *address)
{
    bool is_literal = text_starts_with(host->name, TEXT("["));
    char name[NET_ADDRESS_TEXT_BYTES + 256] = "";
    text_copy(is_literal ? text_before(text_from_position(host->name, 1), ']') : host->name, name,
              sizeof(name));
    struct smtp_client_options options = options_for(attempt, host, name);
    struct smtp_client_trouble trouble;
    name_relay(attempt, host, address);
    enum status status = open_once(attempt, address, &options, &trouble);
    for (int tries = 1; status != OK && tries < MOST_TRIES; tries++) {
        if (trouble.is_tls && options.tls != TLS_NONE)
            options.tls = TLS_NONE;
        else if (trouble.is_ehlo && !options.says_helo)
            options.says_helo = true;
        else
            break;
        status = open_once(attempt, address, &options, &trouble);
    }
    if (status == OK) {
        note_connected(attempt, host);
        return OK;
    }
    explain(attempt, &trouble);
    note_trouble(attempt, &trouble);
    return status;
}

/* RFC 5321 5.1: the addresses of a host, in order, before the next host. YIELDS. */
static enum status try_host(struct attempt *attempt, const struct smtp_route_host *host)
{
    struct resolver_host found;
    struct smtp_client_trouble trouble;
    enum status status =
        smtp_route_addresses(attempt->resolver, host, attempt->arena, &found, &trouble);
    if (status == OK)
        status = smtp_send_tls_host(&attempt->tls, host, &found, &attempt->host_tls, &trouble);
    if (status != OK) {
        note_trouble(attempt, &trouble);
        return status;
    }
    for (unsigned i = 0; i < found.count && attempt->tried < MOST_ADDRESSES; i++) {
        attempt->tried++;
        if (try_address(attempt, host, &found.addresses[i]) == OK)
            return OK;
        if (task_is_cancelled())
            break;
    }
    return TRY_LATER;
}

/* The hosts of a route in turn. YIELDS. */
static enum status try_route(struct attempt *attempt, const struct smtp_route *route)
{
    for (unsigned i = 0; i < route->count && attempt->tried < MOST_ADDRESSES; i++) {
        if (try_host(attempt, &route->hosts[i]) == OK)
            return OK;
        if (task_is_cancelled())
            break;
    }
    return attempt->trouble.status;
}

/* What the settings and the message ask of TLS, as far as one connection may differ in it from
 * another of the same hop. */
static unsigned policy_means(const struct settings *settings, const struct queue_job *job)
{
    const struct setting_policy *policy = decide_policy_find(settings, job->domain);
    return policy == NULL ? 0 : policy->tls;
}

static void begin_connection(struct attempt *attempt)
{
    struct smtp_connection *connection = attempt->connection;
    connection->relay[0] = connection->tls[0] = '\0';
    connection->settings_version = attempt->settings->version;
    connection->requires_tls = attempt->job->terms.requires_tls;
    connection->tls_is_optional = attempt->job->terms.tls_is_optional;
    connection->tls_means = policy_means(attempt->settings, attempt->job);
}

static bool was_opened_so(const struct smtp_connection *connection, const struct settings *settings,
                          const struct queue_job *job)
{
    return connection->settings_version == settings->version &&
           connection->requires_tls == job->terms.requires_tls &&
           connection->tls_is_optional == job->terms.tls_is_optional &&
           connection->tls_means == policy_means(settings, job);
}

bool smtp_connection_suits(const struct smtp_sender *sender,
                           const struct smtp_connection *connection, const struct queue_job *job)
{
    const struct settings *settings = sender->context->settings;
    return was_opened_so(connection, settings, job) &&
           text_is_empty(smtp_connector_find(settings, job->connector)->masquerade);
}

static bool may_reuse(const struct attempt *attempt)
{
    const struct smtp_connection *connection = attempt->connection;
    return was_opened_so(connection, attempt->settings, attempt->job) &&
           smtp_client_is_usable(connection->client);
}

/* With the connector's login, if it has one. YIELDS. */
static enum status connect_route(struct attempt *attempt, const struct smtp_route *route)
{
    const struct setting_connector *connector = attempt->connector;
    smtp_send_tls_begin(&attempt->tls, attempt->settings, connector, route);
    attempt->logs_in = setting_client_logs_in(&connector->login);
    if (!attempt->logs_in && connector->certificate_count == 0)
        return try_route(attempt, route);
    if (smtp_send_login_find(attempt->sender->context, connector, &attempt->login) != OK)
        return smtp_trouble_set(&attempt->trouble, TRY_LATER, "4.7.0", text_from(fail_reason()));
    enum status status = try_route(attempt, route);
    smtp_send_login_finish(&attempt->login);
    return status;
}

/* YIELDS. */
static enum status find_route(struct attempt *attempt, struct smtp_route *route)
{
    return smtp_route_find(attempt->resolver, attempt->connector, attempt->job, attempt->settings,
                           attempt->arena, route, &attempt->trouble);
}

/* By whom DNS is asked for the connector's hosts. YIELDS. */
static enum status use_resolver(struct attempt *attempt)
{
    enum status status =
        smtp_resolver_for(attempt->sender->resolvers, attempt->connector, &attempt->resolver);
    attempt->tls.means.resolver = attempt->resolver;
    if (status == OK)
        return OK;
    return smtp_trouble_set(&attempt->trouble, TRY_LATER, "4.4.3", text_from(fail_reason()));
}

/* By way of the connector's hosts. YIELDS. */
static enum status connect_by(struct attempt *attempt, const struct setting_connector *connector)
{
    struct smtp_route route = {0};
    attempt->connector = connector;
    enum status status = use_resolver(attempt);
    if (status == OK)
        status = find_route(attempt, &route);
    return status == OK ? connect_route(attempt, &route) : status;
}

/* direct-first: the hosts of the domain are strangers, who get no login. YIELDS. */
static enum status connect_directly(struct attempt *attempt)
{
    const struct setting_connector *connector = attempt->connector;
    struct setting_connector *direct = arena_alloc(attempt->arena, sizeof(*direct));
    *direct = *connector;
    direct->smart_host_count = 0;
    direct->tls = connector->direct_tls;
    direct->login = (struct setting_client_login){0};
    direct->exps = EXPS_NEVER;
    direct->certificate_count = 0;
    enum status status = connect_by(attempt, direct);
    attempt->connector = connector;
    return status;
}

/* Open a connection to the job's hop. Not OK: attempt->trouble. YIELDS. */
static enum status connect_hop(struct attempt *attempt)
{
    begin_connection(attempt);
    enum status status = REFUSED;
    if (attempt->connector->is_direct_first)
        status = connect_directly(attempt);
    if (status != OK && !task_is_cancelled()) {
        attempt->tried = 0;
        attempt->has_trouble = false;
        status = connect_by(attempt, attempt->connector);
    }
    if (status == OK) {
        smtp_request_when_sending(attempt->connection, attempt->connector);
        smtp_links_when_sending(attempt->sender, attempt->connection, attempt->connector);
    }
    return status;
}

enum status smtp_attempt_connect(const struct smtp_sender *sender,
                                 const struct setting_connector *connector,
                                 const struct settings *settings, struct arena *arena,
                                 struct smtp_connection *connection,
                                 struct smtp_client_trouble *trouble)
{
    struct queue_job nothing = {0};
    struct attempt attempt;
    attempt_init(&attempt, sender, settings, connector, &nothing, arena);
    attempt.connection = connection;
    connection->tls[0] = '\0';
    const struct setting_smart_host *at = &connector->request.at;
    struct smtp_route_host host = {at->host, at->port};
    struct smtp_route route = {&host, 1};
    enum status status = use_resolver(&attempt);
    if (status == OK && text_is_empty(at->host))
        status = find_route(&attempt, &route);
    if (status == OK)
        status = connect_route(&attempt, &route);
    *trouble = attempt.trouble;
    tls_release(&attempt.tls_context);
    return status;
}

/* ETRN may come from anybody, and DNS need not know where mail goes that is fetched: that there is
 * no way to its host is no reason to return it. It waits on for who fetches it. */
static void keep_what_is_held(struct attempt *attempt)
{
    const struct setting_connector *connector = attempt->connector;
    if (!connector->holds || attempt->trouble.status != REFUSED)
        return;
    attempt->trouble.status = TRY_LATER;
    attempt->trouble.enhanced[0] = '4';
}

/* The same outcome for everyone. */
static void settle_all(struct attempt *attempt, bool no_connection, struct queue_outcome *outcomes)
{
    const struct smtp_client_trouble *trouble = &attempt->trouble;
    struct queue_outcome outcome = {.status = trouble->status, .no_connection = no_connection};
    outcome.enhanced = arena_copy(attempt->arena, text_from(trouble->enhanced));
    outcome.reply = arena_copy(attempt->arena, text_from(trouble->words));
    for (unsigned i = 0; i < attempt->job->recipient_count; i++) {
        outcomes[i] = outcome;
        outcomes[i].number = attempt->job->recipients[i].number;
    }
}

static enum status read_body(void *context, const struct queue_job *job, uint64_t offset,
                             uint32_t length, struct buffer *out)
{
    return queue_read_body(context, job, offset, length, out);
}

/* TRY_LATER: another connection is needed, and this one is closed. */
static enum status deliver(struct attempt *attempt, struct queue_outcome *outcomes)
{
    struct smtp_connection *connection = attempt->connection;
    const struct smtp_client_body body = {read_body, attempt->sender->context->store};
    enum status status =
        smtp_client_deliver(connection->client, attempt->job, &body, attempt->arena, outcomes);
    connection->unfit |= smtp_client_unfit(connection->client);
    if (status != OK || !smtp_client_is_usable(connection->client))
        smtp_connection_close(connection);
    return status;
}

static enum smtp_attempt attempt_job(struct attempt *attempt, struct queue_outcome *outcomes)
{
    struct smtp_connection *connection = attempt->connection;
    enum smtp_attempt result = SMTP_ATTEMPTED;
    if (connection->client != NULL && !may_reuse(attempt))
        smtp_connection_close(connection);
    /* The first connection may be stale, the second lack what it offers; the third is neither. */
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        if (connection->client == NULL && connect_hop(attempt) != OK) {
            keep_what_is_held(attempt);
            if (attempt->trouble.status == TRY_LATER)
                result = attempt->met_peer ? SMTP_TURNED_AWAY : SMTP_UNREACHED;
            /* Sent away at the door is the hop's trouble too, whatever the message. */
            settle_all(attempt, result == SMTP_UNREACHED || attempt->trouble.is_greeting, outcomes);
            return result;
        }
        if (deliver(attempt, outcomes) == OK)
            return SMTP_ATTEMPTED;
    }
    smtp_trouble_set(&attempt->trouble, TRY_LATER, "4.4.2", TEXT("connection lost"));
    settle_all(attempt, false, outcomes);
    return SMTP_ATTEMPTED;
}

/* `masquerade`: a sender of one of our domains appears as of another. */
static struct text masquerade(const struct settings *settings,
                              const struct setting_connector *connector, struct text sender,
                              struct arena *arena)
{
    size_t at = text_find_last(sender, '@');
    if (text_is_empty(connector->masquerade) || at == sender.length ||
        settings_domain_find(settings, text_from_position(sender, at + 1)) == NULL)
        return sender;
    return arena_printf(arena, "%.*s@%.*s", TEXT_ARG(text_head(sender, at)),
                        TEXT_ARG(connector->masquerade));
}

enum smtp_attempt smtp_attempt_job(const struct smtp_sender *sender,
                                   struct smtp_connection *connection, const struct queue_job *job,
                                   struct arena *arena, struct queue_outcome *outcomes)
{
    struct settings *settings = settings_hold(sender->context->settings);
    const struct setting_connector *connector = smtp_connector_find(settings, job->connector);
    struct queue_job shown = *job;
    struct attempt attempt;
    shown.sender = masquerade(settings, connector, job->sender, arena);
    attempt_init(&attempt, sender, settings, connector, &shown, arena);
    attempt.connection = connection;
    enum smtp_attempt result = attempt_job(&attempt, outcomes);
    struct text relay = arena_copy(arena, text_from(connection->relay));
    struct text tls = arena_copy(arena, text_from(connection->tls));
    for (unsigned i = 0; i < job->recipient_count; i++) {
        outcomes[i].remote_host = relay;
        outcomes[i].tls = tls;
    }
    tls_release(&attempt.tls_context);
    settings_release(&settings);
    return result;
}
