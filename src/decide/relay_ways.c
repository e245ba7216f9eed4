/* The ways to relay that the settings open, each with whom it is open to. */
#include "decide/exposure.h"

struct text decide_place_text(struct arena *arena, const struct setting_place *place)
{
    if (place->line == 0)
        return TEXT("");
    return arena_printf(arena, " (%.*s:%u)", TEXT_ARG(place->file), place->line);
}

/* RFC 1918, RFC 4193 and their like: nobody comes from there but by a line of one's own. */
static bool is_private(const struct net_network *network)
{
    static const char *const names[] = {"10.0.0.0/8",  "172.16.0.0/12",  "192.168.0.0/16",
                                        "127.0.0.0/8", "169.254.0.0/16", "100.64.0.0/10",
                                        "fc00::/7",    "fe80::/10",      "::1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct net_network private;
        if (net_network_parse(text_from(names[i]), &private) &&
            network->prefix_bits >= private.prefix_bits &&
            net_network_contains(&private, &network->address))
            return true;
    }
    return false;
}

/* How many hosts there are, as far as that tells a mistake from an intention. */
static enum finding_level level_of(const struct net_network *network)
{
    unsigned many = network->address.any.sa_family == AF_INET ? 24 : 48;
    if (network->prefix_bits == 0)
        return FINDING_FAULT;
    return is_private(network) || network->prefix_bits >= many ? FINDING_OK : FINDING_WARNING;
}

static void add_networks(const struct setting_server *server, struct findings *findings)
{
    struct text place = decide_place_text(findings->arena, &server->place);
    if (server->relay_all_except)
        findings_add(findings, FINDING_FAULT, "network",
                     TEXT("name those who may, not those who may not: relay NETWORK ..."),
                     "everybody may relay by server %.*s%.*s, all but %u networks",
                     TEXT_ARG(server->name), TEXT_ARG(place), server->relay_network_count);
    for (unsigned i = 0; i < server->relay_network_count && !server->relay_all_except; i++) {
        const struct net_network *network = &server->relay_networks[i];
        enum finding_level level = level_of(network);
        char text[NET_ADDRESS_TEXT_BYTES];
        findings_add(findings, level, "network",
                     level == FINDING_OK
                         ? TEXT("")
                         : TEXT("name only the hosts that must send without a login: relay"),
                     "%s may relay by server %.*s%.*s%s", net_network_text(network, text),
                     TEXT_ARG(server->name), TEXT_ARG(place),
                     level == FINDING_FAULT     ? ": that is everybody"
                     : level == FINDING_WARNING ? ": those are many"
                                                : "");
    }
}

static void add_logins(const struct setting_server *server, struct findings *findings)
{
    if (server->relay_logged_in && server->mechanisms != 0)
        findings_add(findings, FINDING_OK, "login", TEXT(""),
                     "who is logged in may relay by server %.*s%.*s", TEXT_ARG(server->name),
                     TEXT_ARG(decide_place_text(findings->arena, &server->place)));
}

/* They may say that they are somebody else, who may relay. */
static void add_xclient(const struct setting_server *server, struct findings *findings)
{
    for (unsigned i = 0; i < server->xclient_network_count; i++) {
        char text[NET_ADDRESS_TEXT_BYTES];
        bool is_own = is_private(&server->xclient_networks[i]);
        findings_add(findings, is_own ? FINDING_OK : FINDING_WARNING, "xclient",
                     is_own ? TEXT("") : TEXT("take it out of `xclient` unless a filter is there"),
                     "%s may name any address and user by XCLIENT at server %.*s%.*s",
                     net_network_text(&server->xclient_networks[i], text), TEXT_ARG(server->name),
                     TEXT_ARG(decide_place_text(findings->arena, &server->place)));
    }
    for (unsigned i = 0; i < server->proxy_network_count; i++) {
        char text[NET_ADDRESS_TEXT_BYTES];
        bool is_own = is_private(&server->proxy_networks[i]);
        findings_add(findings, is_own ? FINDING_OK : FINDING_WARNING, "proxy",
                     is_own ? TEXT("") : TEXT("take it out of `proxy` unless a proxy is there"),
                     "%s says by the PROXY protocol from where others come, at server %.*s%.*s",
                     net_network_text(&server->proxy_networks[i], text), TEXT_ARG(server->name),
                     TEXT_ARG(decide_place_text(findings->arena, &server->place)));
    }
}

static void add_connector(const struct setting_connector *connector, struct findings *findings)
{
    for (unsigned i = 0; i < connector->space_count; i++) {
        const struct setting_space *space = &connector->spaces[i];
        bool is_all = text_equals(space->pattern, TEXT("*"));
        if (space->relays)
            findings_add(findings, is_all ? FINDING_FAULT : FINDING_WARNING, "connector",
                         is_all ? TEXT("take `relay` away: this is an open relay")
                                : TEXT("that is what `relay` of a connector says; take it away if "
                                       "it was not meant"),
                         "everybody may relay to %.*s by connector %.*s%.*s",
                         TEXT_ARG(space->pattern), TEXT_ARG(connector->name),
                         TEXT_ARG(decide_place_text(findings->arena, &space->place)));
    }
}

void decide_ways_to_relay(const struct settings *settings, struct findings *findings)
{
    for (unsigned i = 0; i < settings->server_count; i++) {
        add_logins(&settings->servers[i], findings);
        add_networks(&settings->servers[i], findings);
        add_xclient(&settings->servers[i], findings);
    }
    for (unsigned i = 0; i < settings->connector_count; i++)
        add_connector(&settings->connectors[i], findings);
    findings_add(findings, FINDING_OK, "pickup", TEXT(""), "who can write to %.*s sends as anybody",
                 TEXT_ARG(settings->pickup_folder));
}
