#include "proto/line/front.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/id.h"

void line_front_init(struct line_front *front, struct role_context *role)
{
    *front = (struct line_front){.role = role,
                                 .directory = directory_cache_new(),
                                 .servers = map_new(),
                                 .addresses = map_new()};
}

void line_front_finish(struct line_front *front)
{
    directory_cache_free(&front->directory);
    map_free(&front->servers);
    map_free(&front->addresses);
}

uint64_t line_front_id(struct line_front *front)
{
    return front->last_id = id_new(front->last_id);
}

/* Counts are kept in the pointers themselves. */
static uintptr_t count_of(const struct map *map, const char *key)
{
    return (uintptr_t)map_get(map, text_from(key));
}

static void count_up(struct map *map, const char *key)
{
    map_put(map, text_from(key), (void *)(count_of(map, key) + 1));
}

static void count_down(struct map *map, const char *key)
{
    uintptr_t count = count_of(map, key);
    check(count > 0);
    if (count == 1)
        map_remove(map, text_from(key));
    else
        map_put(map, text_from(key), (void *)(count - 1));
}

bool line_seat_take(struct line_seat *seat, struct line_front *front,
                    const struct setting_server *server, const struct net_address *peer)
{
    char literal[NET_ADDRESS_TEXT_BYTES];
    *seat = (struct line_seat){.front = front};
    snprintf(seat->server, sizeof(seat->server), "%.*s", TEXT_ARG(text_head(server->name, 60)));
    if (peer->any.sa_family == AF_INET || peer->any.sa_family == AF_INET6)
        snprintf(seat->address, sizeof(seat->address), "%s %s", seat->server,
                 net_address_literal(peer, literal));
    if (count_of(front->servers, seat->server) >= server->max_connections)
        return refused("too many connections"), false;
    if (seat->address[0] != '\0' &&
        count_of(front->addresses, seat->address) >= server->max_connections_per_address)
        return refused("too many connections from your address"), false;
    count_up(front->servers, seat->server);
    if (seat->address[0] != '\0')
        count_up(front->addresses, seat->address);
    return true;
}

void line_seat_give_back(struct line_seat *seat)
{
    count_down(seat->front->servers, seat->server);
    if (seat->address[0] != '\0')
        count_down(seat->front->addresses, seat->address);
}
