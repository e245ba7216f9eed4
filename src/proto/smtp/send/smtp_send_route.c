/* Routes: MX look-ups with the rules of RFC 5321 5.1, smart hosts, address literals. */
#include "proto/smtp/send/smtp_send_route.h"

#include <stdio.h>

#include "base/random.h"

enum { SMTP_PORT = 25 };

enum status smtp_trouble_set(struct smtp_client_trouble *trouble, enum status status,
                             const char *enhanced, struct text words)
{
    *trouble = (struct smtp_client_trouble){.status = status};
    snprintf(trouble->enhanced, sizeof(trouble->enhanced), "%s", enhanced);
    text_copy(text_head(words, sizeof(trouble->words) - 1), trouble->words, sizeof(trouble->words));
    return status;
}

unsigned smtp_route_before_own(const struct resolver_mx *list, unsigned count, struct text our_host)
{
    unsigned own = 0;
    while (own < count && !text_equals_nocase(list[own].host, our_host))
        own++;
    if (own == count)
        return count;
    unsigned before = 0;
    while (list[before].preference < list[own].preference)
        before++;
    return before;
}

/* The same for each name that we have. */
static unsigned before_ours(const struct resolver_mx *list, unsigned count,
                            const struct settings *settings)
{
    unsigned before = smtp_route_before_own(list, count, settings->host);
    for (unsigned i = 0; i < settings->server_count; i++)
        before = smtp_route_before_own(list, before, settings->servers[i].host);
    return before;
}

static enum status route_by_mx(struct resolver *resolver, const struct queue_job *job,
                               uint16_t port, const struct settings *settings, struct arena *arena,
                               struct smtp_route *route, struct smtp_client_trouble *trouble)
{
    struct resolver_mx *list;
    unsigned count;
    struct resolver_mx_facts facts;
    enum status status = resolver_find_mx(resolver, job->domain, arena, &list, &count, &facts);
    if (status == TRY_LATER)
        return smtp_trouble_set(trouble, TRY_LATER, "4.4.3", text_from(fail_reason()));
    if (status == REFUSED)
        return smtp_trouble_set(trouble, REFUSED, facts.is_null ? "5.1.10" : "5.1.2",
                                text_from(fail_reason()));
    count = before_ours(list, count, settings);
    if (count == 0)
        return smtp_trouble_set(trouble, REFUSED, "5.4.6",
                                TEXT("mail for the domain loops back to this host"));
    route->by_mx = true;
    route->is_secure = facts.is_secure;
    route->hosts = arena_array(arena, count, sizeof(*route->hosts));
    route->count = count;
    for (unsigned i = 0; i < count; i++)
        route->hosts[i] = (struct smtp_route_host){list[i].host, port};
    return OK;
}

/* In random order, to spread the load. The names are copied: settings may change meanwhile. */
static void route_by_smart_hosts(const struct setting_connector *connector, struct arena *arena,
                                 struct smtp_route *route)
{
    unsigned count = connector->smart_host_count;
    route->hosts = arena_array(arena, count, sizeof(*route->hosts));
    route->count = count;
    for (unsigned i = 0; i < count; i++) {
        const struct setting_smart_host *host = &connector->smart_hosts[i];
        unsigned place = random_below(i + 1);
        route->hosts[i] = route->hosts[place];
        route->hosts[place] = (struct smtp_route_host){arena_copy(arena, host->host),
                                                       host->port == 0 ? SMTP_PORT : host->port};
    }
}

enum status smtp_route_find(struct resolver *resolver, const struct setting_connector *connector,
                            const struct queue_job *job, const struct settings *settings,
                            struct arena *arena, struct smtp_route *route,
                            struct smtp_client_trouble *trouble)
{
    uint16_t port = connector->port;
    if (connector->smart_host_count > 0) {
        route_by_smart_hosts(connector, arena, route);
        return OK;
    }
    if (text_starts_with(job->domain, TEXT("["))) {
        route->hosts = arena_array(arena, 1, sizeof(*route->hosts));
        route->hosts[0] = (struct smtp_route_host){job->domain, port};
        route->count = 1;
        return OK;
    }
    return route_by_mx(resolver, job, port, settings, arena, route, trouble);
}

/* RFC 5321 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". */
static enum status literal_address(const struct smtp_route_host *host, struct arena *arena,
                                   struct resolver_host *out, struct smtp_client_trouble *trouble)
{
    struct text inside = text_before(text_from_position(host->name, 1), ']');
    if (text_starts_with_nocase(inside, TEXT("IPv6:")))
        inside = text_from_position(inside, TEXT("IPv6:").length);
    *out = (struct resolver_host){.addresses = arena_alloc(arena, sizeof(*out->addresses)),
                                  .count = 1,
                                  .canonical = host->name};
    if (net_address_parse(inside, host->port, out->addresses))
        return OK;
    return smtp_trouble_set(trouble, REFUSED, "5.1.2", TEXT("not an address literal"));
}

enum status smtp_route_addresses(struct resolver *resolver, const struct smtp_route_host *host,
                                 struct arena *arena, struct resolver_host *out,
                                 struct smtp_client_trouble *trouble)
{
    if (text_starts_with(host->name, TEXT("[")))
        return literal_address(host, arena, out, trouble);
    enum status status = resolver_find_host(resolver, host->name, host->port, arena, out);
    if (status == OK)
        return OK;
    struct text words = arena_printf(arena, "%.*s: %s", TEXT_ARG(host->name), fail_reason());
    return smtp_trouble_set(trouble, status, status == REFUSED ? "5.4.4" : "4.4.3", words);
}
