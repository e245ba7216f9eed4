#include "proto/line/front.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "net/proxy.h"
#include "proto/line/line.h"

enum { PROXY_WAIT_MS = 10 * SECOND }; /* it sends its header at once */

void line_front_init(struct line_front *front, struct role_context *role)
{
    *front = (struct line_front){.role = role,
                                 .directory = directory_cache_new(),
                                 .rooms = room_cache_new(),
                                 .harvest = harvest_new()};
}

void line_front_start(struct line_front *front)
{
    front->log = protolog_gather_new(front->role->store);
}

void line_front_finish(struct line_front *front)
{
    protolog_gather_free(&front->log);
    directory_cache_free(&front->directory);
    room_cache_free(&front->rooms);
    harvest_free(&front->harvest);
}

uint64_t line_front_id(struct line_front *front)
{
    return front->last_id = id_new(front->last_id);
}

unsigned line_tls_first(const struct setting_server *server)
{
    static const unsigned flags[] = {
        [TLS_FOR_ALL] = LINE_TLS_FIRST, [TLS_FOR_MAIL] = LINE_MAIL, [TLS_FOR_LOGIN] = LINE_SECRET};
    return server->tls == TLS_REQUIRE ? flags[server->tls_for] : 0;
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

static bool is_host(const struct net_address *peer)
{
    return peer->any.sa_family == AF_INET || peer->any.sa_family == AF_INET6;
}

bool line_seat_move(struct line_seat *seat, const struct setting_server *server,
                    const struct net_address *peer)
{
    if (seat->by_host)
        seats_give_back(seat->seats, seat->host);
    seat->by_host = is_host(peer) && take_host(seat, server, peer);
    if (is_host(peer) && !seat->by_host)
        return refused("too many connections from your address"), false;
    return true;
}

bool line_seat_take(struct line_seat *seat, struct line_front *front,
                    const struct setting_server *server, const struct net_address *peer)
{
    *seat = (struct line_seat){.seats = front->role->seats};
    if (!seats_take(seat->seats, SEATS_OF_SERVER, server->name, server->max_connections,
                    &seat->server))
        return refused("too many connections"), false;
    if (peer == NULL || line_seat_move(seat, server, peer))
        return true;
    seats_give_back(seat->seats, seat->server);
    return false;
}

void line_seat_give_back(struct line_seat *seat)
{
    seats_give_back(seat->seats, seat->server);
    if (seat->by_host)
        seats_give_back(seat->seats, seat->host);
}

bool line_meet_proxy(const struct setting_server *server, struct stream *stream)
{
    char proxy[NET_ADDRESS_TEXT_BYTES], client[NET_ADDRESS_TEXT_BYTES];
    net_address_text(stream_peer(stream), proxy);
    if (net_network_find(server->proxy_networks, server->proxy_network_count,
                         stream_peer(stream)) == NULL)
        return true;
    if (net_proxy_meet(stream, clock_monotonic_ms() + PROXY_WAIT_MS) != OK) {
        log_warning("proxy.dropped", "proxy=%s server=%s reason=%s", log_text(text_from(proxy)),
                    log_text(server->name), log_text(text_from(fail_reason())));
        return false;
    }
    log_debug("proxy.client", "proxy=%s client=%s", log_text(text_from(proxy)),
              log_text(text_from(net_address_text(stream_peer(stream), client))));
    return true;
}
