/* Probes of hosts: which there are, what TLS they must have, and whether one of them would take
 * mail. */
#include "proto/smtp/send/smtp_probe.h"

#include "proto/smtp/send/smtp_send_tls.h"

enum { PROBE_ADDRESSES = 10 };

struct probing {
    const struct smtp_sender *sender;
    const struct settings *settings;
    const struct setting_connector *connector;
    const struct queue_probe *probe;
    struct findings *findings;
    struct queue_job job; /* of no message, to that domain */
    struct smtp_send_tls tls;
    unsigned tried, good;
};

static const char *const need_words[] = {
    [TLS_NEED_NONE] = "no TLS is wanted",
    [TLS_NEED_OFFERED] = "TLS is wanted when it is offered",
    [TLS_NEED_ENCRYPTION] = "TLS is needed",
    [TLS_NEED_NAME] = "TLS with a certificate for its name is needed",
    [TLS_NEED_DANE] = "TLS with a key that DNSSEC vouches for is needed",
};

static const char *security_word(bool is_secure)
{
    return is_secure ? "proven by DNSSEC" : "not proven by DNSSEC";
}

static void tell_route(struct probing *probing, const struct smtp_route *route)
{
    struct findings *findings = probing->findings;
    if (!route->by_mx) {
        findings_add(findings, FINDING_OK, "hosts", TEXT(""), "%u named by %s", route->count,
                     probing->connector->smart_host_count > 0 ? "the connector" : "the address");
        return;
    }
    bool is_implicit =
        route->count == 1 && text_equals_nocase(route->hosts[0].name, probing->probe->domain);
    for (unsigned i = 0; i < route->count; i++)
        findings_add(findings, FINDING_OK, "mx", TEXT(""), "%.*s%s, %s",
                     TEXT_ARG(route->hosts[i].name),
                     is_implicit ? " itself, for it has no other MX record" : "",
                     security_word(route->is_secure));
}

/* Why there is nowhere to go, and what its owner or we can do about it. */
static void tell_no_route(struct probing *probing, const struct smtp_client_trouble *trouble)
{
    struct text enhanced = text_from(trouble->enhanced);
    struct text remedy =
        TEXT("look whether the address is spelt right; only the domain's owner can change its DNS");
    if (text_equals(enhanced, TEXT("5.4.6")))
        remedy = TEXT("the domain's MX record is this host: add a `domain` block for it, or a "
                      "connector with a smart-host");
    else if (trouble->status == TRY_LATER)
        remedy = TEXT("see whether this machine's DNS works (`dns server` in the settings)");
    findings_add(probing->findings, FINDING_FAULT, "mx", remedy, "%s", trouble->words);
}

/* The addresses of one host, each in turn until one would take mail. YIELDS. */
static void probe_host(struct probing *probing, const struct smtp_route_host *host)
{
    struct findings *findings = probing->findings;
    struct smtp_probe_peer peer = {probing->sender, probing->settings, probing->connector,
                                   probing->probe, host};
    struct resolver_host found;
    struct smtp_host_tls host_tls;
    struct smtp_client_trouble trouble;
    if (smtp_route_addresses(probing->tls.means.resolver, host, findings->arena, &found,
                             &trouble) != OK) {
        findings_add(findings, FINDING_FAULT, "address",
                     TEXT("the host's name leads nowhere: only its owner can change that"), "%s",
                     trouble.words);
        return;
    }
    enum status status = smtp_send_tls_host(&probing->tls, host, &found, &host_tls, &trouble);
    if (status != OK) {
        findings_add(findings, FINDING_FAULT, "tls",
                     TEXT("what is demanded of this host's TLS it cannot meet: see `tls` of the "
                          "connector and of `policy`"),
                     "%.*s: %s", TEXT_ARG(host->name), trouble.words);
        return;
    }
    findings_add(findings, FINDING_OK, "tls", TEXT(""), "%.*s: %s%s%.*s", TEXT_ARG(host->name),
                 need_words[host_tls.decision.need], text_is_empty(host_tls.reason) ? "" : ": ",
                 TEXT_ARG(host_tls.reason));
    peer.host_tls = &host_tls;
    for (unsigned i = 0; i < found.count && probing->tried < PROBE_ADDRESSES; i++) {
        probing->tried++;
        peer.address = &found.addresses[i];
        if (smtp_probe_address(&peer, findings)) {
            probing->good++;
            return;
        }
    }
}

static enum status find_route(struct probing *probing, struct smtp_route *route,
                              struct smtp_client_trouble *trouble)
{
    const struct queue_probe *probe = probing->probe;
    if (probe->kind == QUEUE_PROBE_HOST && !text_starts_with(probe->domain, TEXT("["))) {
        route->hosts = arena_alloc(probing->findings->arena, sizeof(*route->hosts));
        route->hosts[0] = (struct smtp_route_host){probe->domain, probe->port};
        route->count = 1;
        return OK;
    }
    return smtp_route_find(probing->tls.means.resolver, probing->connector, &probing->job,
                           probing->settings, probing->findings->arena, route, trouble);
}

static void probe_route(struct probing *probing)
{
    struct smtp_route route = {0};
    struct smtp_client_trouble trouble;
    if (find_route(probing, &route, &trouble) != OK) {
        tell_no_route(probing, &trouble);
        return;
    }
    for (unsigned i = 0; probing->probe->port != 0 && i < route.count; i++)
        route.hosts[i].port = probing->probe->port;
    tell_route(probing, &route);
    smtp_send_tls_begin(&probing->tls, probing->settings, probing->connector, &route);
    for (unsigned i = 0; i < route.count && probing->good == 0; i++)
        probe_host(probing, &route.hosts[i]);
}

void smtp_probe(const struct smtp_sender *sender, const struct queue_probe *probe,
                struct findings *findings)
{
    struct settings *settings = settings_hold(sender->context->settings);
    if (probe->kind == QUEUE_PROBE_OWN) {
        smtp_probe_own(sender, settings, probe, findings);
        settings_release(&settings);
        return;
    }
    struct probing probing = {
        .sender = sender,
        .settings = settings,
        .connector = smtp_connector_find(settings, probe->connector),
        .probe = probe,
        .findings = findings,
        .job = {.domain = probe->domain},
        .tls = {.sts = sender->sts,
                .means = {.role = sender->context, .settings = settings},
                .arena = findings->arena},
    };
    probing.tls.job = &probing.job;
    if (smtp_resolver_for(sender->resolvers, probing.connector, &probing.tls.means.resolver) == OK)
        probe_route(&probing);
    else
        findings_add(findings, FINDING_FAULT, "mx", TEXT("see `dns` of the connector"), "%s",
                     fail_reason());
    settings_release(&settings);
}
