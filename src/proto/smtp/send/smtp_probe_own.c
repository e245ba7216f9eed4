/* Ourselves as others find us: by MX to our host, from its address back to its name, and at last at
 * the door. */
#include "base/clock.h"
#include "net/listener.h"
#include "proto/smtp/send/smtp_probe.h"
#include "proto/smtp/send/smtp_send_tls.h"

enum { REACH_MS = 10 * SECOND, ADDRESSES_MOST = 6 };

struct own {
    const struct smtp_sender *sender;
    const struct settings *settings;
    const struct queue_probe *probe;
    struct findings *findings;
};

static struct text remedy_record(const struct own *own, const char *type, struct text value)
{
    return arena_printf(own->findings->arena, "publish in the DNS: %.*s. %s %.*s",
                        TEXT_ARG(own->probe->domain), type, TEXT_ARG(value));
}

/* YIELDS. */
static void look_at_mx(const struct own *own)
{
    const struct queue_probe *probe = own->probe;
    struct findings *findings = own->findings;
    struct resolver_mx *list;
    struct resolver_mx_facts facts;
    unsigned count;
    struct text wanted = arena_printf(findings->arena, "10 %.*s.", TEXT_ARG(probe->host));
    if (resolver_find_mx(own->sender->resolver, probe->domain, findings->arena, &list, &count,
                         &facts) != OK) {
        findings_add(findings, FINDING_FAULT, "mx", remedy_record(own, "MX", wanted),
                     "no way to %.*s: %s", TEXT_ARG(probe->domain), fail_reason());
        return;
    }
    bool is_ours = false;
    for (unsigned i = 0; i < count; i++)
        is_ours = is_ours || text_equals_nocase(list[i].host, probe->host);
    for (unsigned i = 0; i < count; i++)
        findings_add(findings, is_ours ? FINDING_OK : FINDING_FAULT, "mx",
                     is_ours ? TEXT("") : remedy_record(own, "MX", wanted),
                     "mail for %.*s goes to %.*s%s", TEXT_ARG(probe->domain),
                     TEXT_ARG(list[i].host), is_ours ? "" : ", which is not what we are called");
}

/* The name of an address, which some receivers want to be ours. YIELDS. */
static void look_back(const struct own *own, const struct net_address *address)
{
    struct findings *findings = own->findings;
    char text[NET_ADDRESS_TEXT_BYTES];
    struct text *names;
    unsigned count;
    enum status status =
        resolver_find_names(own->sender->resolver, address, findings->arena, &names, &count);
    net_address_literal(address, text);
    bool is_ours = false;
    for (unsigned i = 0; status == OK && i < count; i++)
        is_ours = is_ours || text_equals_nocase(names[i], own->probe->host);
    struct text remedy = arena_printf(
        findings->arena, "ask whoever gave you the address to let %s resolve back to %.*s", text,
        TEXT_ARG(own->probe->host));
    if (is_ours)
        findings_add(findings, FINDING_OK, "ptr", TEXT(""), "%s resolves back to %.*s", text,
                     TEXT_ARG(own->probe->host));
    else if (status != OK)
        findings_add(findings, FINDING_WARNING, "ptr", remedy, "%s: %s", text, fail_reason());
    else
        findings_add(findings, FINDING_WARNING, "ptr", remedy, "%s resolves back to %.*s", text,
                     TEXT_ARG(count == 0 ? TEXT("no name") : names[0]));
}

/* From here, which may not be how others come. YIELDS. */
static void reach(const struct own *own, const struct net_address *address)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    int fd;
    net_address_text(address, text);
    if (net_dial(address, clock_monotonic_ms() + REACH_MS, &fd) != OK) {
        findings_add(own->findings, FINDING_WARNING, "reachable",
                     TEXT("not from this machine at least: see that a firewall or router passes "
                          "port 25 on, and try from outside"),
                     "%s: %s", text, fail_reason());
        return;
    }
    struct stream *stream = stream_new(fd, address);
    stream_close(&stream);
    findings_add(own->findings, FINDING_OK, "reachable", TEXT(""), "%s answers", text);
}

/* YIELDS. */
static void look_at_host(const struct own *own)
{
    struct findings *findings = own->findings;
    struct resolver_host found;
    struct text host = own->probe->host;
    if (resolver_find_host(own->sender->resolver, host, own->probe->port, findings->arena,
                           &found) != OK) {
        findings_add(findings, FINDING_FAULT, "address",
                     arena_printf(findings->arena,
                                  "publish in the DNS: %.*s. A and this machine's address",
                                  TEXT_ARG(host)),
                     "%.*s: %s", TEXT_ARG(host), fail_reason());
        return;
    }
    for (unsigned i = 0; i < found.count && i < ADDRESSES_MOST; i++) {
        char text[NET_ADDRESS_TEXT_BYTES];
        findings_add(findings, FINDING_OK, "address", TEXT(""), "%.*s has the address %s",
                     TEXT_ARG(host), net_address_literal(&found.addresses[i], text));
        look_back(own, &found.addresses[i]);
        reach(own, &found.addresses[i]);
    }
}

/* Our own server, spoken to. YIELDS. */
static void look_at_door(const struct own *own)
{
    struct net_address address;
    struct smtp_route_host host = {own->probe->host, own->probe->port};
    struct smtp_host_tls host_tls = {.decision = {.need = TLS_NEED_OFFERED}};
    if (!net_address_parse_endpoint(own->probe->listens, own->probe->port, &address))
        return;
    host_tls.expected.server_name = arena_copy(own->findings->arena, own->probe->host).data;
    struct smtp_probe_peer peer = {
        own->sender, own->settings, &own->settings->direct, own->probe, &host, &host_tls, &address};
    (void)smtp_probe_address(&peer, own->findings);
}

void smtp_probe_own(const struct smtp_sender *sender, const struct settings *settings,
                    const struct queue_probe *probe, struct findings *findings)
{
    struct own own = {sender, settings, probe, findings};
    look_at_mx(&own);
    look_at_host(&own);
    look_at_door(&own);
}
