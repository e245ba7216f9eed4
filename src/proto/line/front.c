#include "proto/line/front.h"

#include <stdio.h>

#include "base/id.h"

void line_front_init(struct line_front *front, struct role_context *role)
{
    *front = (struct line_front){.role = role, .directory = directory_cache_new()};
}

void line_front_finish(struct line_front *front)
{
    directory_cache_free(&front->directory);
}

uint64_t line_front_id(struct line_front *front)
{
    return front->last_id = id_new(front->last_id);
}

static bool take_host(struct line_seat *seat, const struct setting_server *server,
                      const struct net_address *peer)
{
    char literal[NET_ADDRESS_TEXT_BYTES], name[NET_ADDRESS_TEXT_BYTES + 256];
    /* The address first: it has no space, so no two pairs look alike. */
    snprintf(name, sizeof(name), "%s %.*s", net_address_literal(peer, literal),
             TEXT_ARG(text_head(server->name, 255)));
    return seats_take(seat->seats, SEATS_OF_HOST, text_from(name),
                      server->max_connections_per_address, &seat->host);
}

bool line_seat_take(struct line_seat *seat, struct line_front *front,
                    const struct setting_server *server, const struct net_address *peer)
{
    *seat = (struct line_seat){.seats = front->role->seats,
                               .by_host = peer->any.sa_family == AF_INET ||
                                          peer->any.sa_family == AF_INET6};
    if (!seats_take(seat->seats, SEATS_OF_SERVER, server->name, server->max_connections,
                    &seat->server))
        return refused("too many connections"), false;
    if (!seat->by_host || take_host(seat, server, peer))
        return true;
    seats_give_back(seat->seats, seat->server);
    return refused("too many connections from your address"), false;
}

void line_seat_give_back(struct line_seat *seat)
{
    seats_give_back(seat->seats, seat->server);
    if (seat->by_host)
        seats_give_back(seat->seats, seat->host);
}
