#include "decide/peer.h"

#include "decide/route.h"

static const struct setting_peer *find_network(const struct setting_peer *list, unsigned count,
                                               const struct net_address *address)
{
    for (unsigned i = 0; i < count; i++)
        if (text_is_empty(list[i].domain) && net_network_contains(&list[i].network, address))
            return &list[i];
    return NULL;
}

static const struct setting_peer *find_name(const struct setting_peer *list, unsigned count,
                                            struct text name)
{
    for (unsigned i = 0; i < count && !text_is_empty(name); i++)
        if (!text_is_empty(list[i].domain) && decide_space_match(list[i].domain, name) > 0)
            return &list[i];
    return NULL;
}

static bool has_names(const struct setting_peer *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!text_is_empty(list[i].domain))
            return true;
    return false;
}

static struct peer_decision because(const struct peer_facts *facts, enum peer_verdict verdict,
                                    const char *rule, struct text fact)
{
    return (struct peer_decision){verdict,
                                  {.rule = rule, .place = facts->server->place, .fact = fact}};
}

struct peer_decision decide_peer(const struct peer_facts *facts)
{
    const struct setting_server *server = facts->server;
    const struct setting_peer *admitted = server->admitted, *refused = server->refused;
    unsigned admitted_count = server->admitted_count, refused_count = server->refused_count;
    if (find_network(refused, refused_count, facts->address) != NULL)
        return because(facts, PEER_REFUSED, "refuse", TEXT("peer"));
    if (find_name(refused, refused_count, facts->name) != NULL)
        return because(facts, PEER_REFUSED, "refuse", facts->name);
    if (admitted_count == 0 || find_network(admitted, admitted_count, facts->address) != NULL)
        return because(facts, PEER_WELCOME, "", TEXT(""));
    if (facts->is_confirmed && find_name(admitted, admitted_count, facts->name) != NULL)
        return because(facts, PEER_WELCOME, "", TEXT(""));
    if (facts->is_unknown && has_names(admitted, admitted_count))
        return because(facts, PEER_LATER, "admit-name-unknown", TEXT("peer"));
    return because(facts, PEER_REFUSED, "not-admitted", facts->name);
}

bool decide_peer_by_name(const struct setting_server *server, const struct net_address *address)
{
    if (has_names(server->refused, server->refused_count))
        return true;
    return has_names(server->admitted, server->admitted_count) &&
           find_network(server->admitted, server->admitted_count, address) == NULL;
}
