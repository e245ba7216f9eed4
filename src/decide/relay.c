#include "decide/relay.h"

#include "decide/route.h"

static void because(struct relay_decision *decision, const char *rule, struct setting_place place,
                    struct text fact)
{
    if (decision->reason_count < RELAY_REASONS_MAX)
        decision->reasons[decision->reason_count++] =
            (struct decision_reason){.rule = rule, .place = place, .fact = fact};
}

static bool is_listed(const struct relay_facts *facts)
{
    const struct setting_server *server = facts->server;
    return net_network_find(server->relay_networks, server->relay_network_count, facts->peer) !=
           NULL;
}

/* Not with all-except, which knows nobody. */
static bool is_in_relay_network(const struct relay_facts *facts)
{
    return !facts->server->relay_all_except && is_listed(facts);
}

/* `to ... relay` of some connector. */
static const struct setting_space *relayed_space(const struct relay_facts *facts)
{
    const struct settings *settings = facts->settings;
    for (unsigned i = 0; i < settings->connector_count; i++) {
        const struct setting_connector *connector = &settings->connectors[i];
        for (unsigned k = 0; k < connector->space_count; k++)
            if (connector->spaces[k].relays &&
                decide_space_match(connector->spaces[k].pattern, facts->domain) > 0)
                return &connector->spaces[k];
    }
    return NULL;
}

bool decide_is_peer(const struct setting_server *server, struct text login)
{
    for (unsigned i = 0; i < server->peer_count; i++)
        if (!text_is_empty(login) && text_equals_nocase(server->peers[i], login))
            return true;
    return false;
}

struct relay_decision decide_relay(const struct relay_facts *facts)
{
    struct relay_decision decision = {.verdict = RELAY_DENIED};
    struct setting_place nowhere = {0}, server = facts->server->place;
    /* RFC 5321 4.1.1.3: <postmaster> without a domain is always ours. */
    if (text_is_empty(facts->domain)) {
        because(&decision, "postmaster", nowhere, facts->domain);
        decision.verdict = RELAY_LOCAL;
        return decision;
    }
    const struct setting_domain *domain = settings_domain_find(facts->settings, facts->domain);
    if (domain != NULL) {
        because(&decision, "own-domain", domain->place, facts->domain);
        decision.verdict = RELAY_LOCAL;
        return decision;
    }
    because(&decision, "not-own-domain", nowhere, facts->domain);
    /* RFC 2033 hands over to mailboxes; it is no way to send mail. */
    if (facts->service == SERVICE_LMTP) {
        because(&decision, "lmtp-is-local", server, facts->domain);
        return decision;
    }
    /* Mail between routing groups passes through, whoever else may relay. */
    if (settings_group(facts->settings) != NULL && decide_is_peer(facts->server, facts->login)) {
        because(&decision, "peer", server, facts->login);
        decision.verdict = RELAY_ONWARD;
        return decision;
    }
    if (!text_is_empty(facts->login) && facts->may_not_relay) {
        because(&decision, "relay-users", facts->server->relayers.place, facts->login);
    } else if (!text_is_empty(facts->login) && facts->server->relay_logged_in) {
        because(&decision, "relay-logged-in", server, facts->login);
        decision.verdict = RELAY_ONWARD;
        return decision;
    }
    if (is_in_relay_network(facts)) {
        because(&decision, "relay-network", server, TEXT("peer"));
        decision.verdict = RELAY_ONWARD;
        return decision;
    }
    if (facts->server->relay_all_except && !is_listed(facts)) {
        because(&decision, "relay-all-except", server, TEXT("peer"));
        decision.verdict = RELAY_ONWARD;
        return decision;
    }
    const struct setting_space *space = relayed_space(facts);
    if (space != NULL) {
        because(&decision, "relay-connector", space->place, facts->domain);
        decision.verdict = RELAY_ONWARD;
        return decision;
    }
    because(&decision, text_is_empty(facts->login) ? "not-logged-in" : "login-may-not-relay",
            server, facts->login);
    because(&decision, facts->server->relay_all_except ? "relay-excepted" : "no-relay-network",
            server, TEXT("peer"));
    return decision;
}

bool decide_is_trusted(const struct relay_facts *facts)
{
    return !text_is_empty(facts->login) || is_in_relay_network(facts);
}
