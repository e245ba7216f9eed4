/* What all sessions of one front process share: its role, its ids, what it remembers of the
 * directory and of the store, and its part in the count of connections. */
#ifndef PROTO_LINE_FRONT_H
#define PROTO_LINE_FRONT_H

#include "directory/cache.h"
#include "net/stream.h"
#include "proc/role.h"
#include "proto/line/harvest.h"
#include "protolog/gather.h"
#include "queue/room_cache.h"

struct line_front {
    struct role_context *role;
    uint64_t last_id;
    struct directory_cache *directory;
    struct room_cache *rooms;
    struct harvest *harvest;     /* who guesses addresses */
    struct protolog_gather *log; /* rows of protocol logs */
};

void line_front_init(struct line_front *front, struct role_context *role);
/* Before the first session. */
void line_front_start(struct line_front *front);
/* YIELDS. */
void line_front_finish(struct line_front *front);
/* An id for a session, a message or a refusal. */
uint64_t line_front_id(struct line_front *front);

/* Where the peer is a front proxy that the server's settings list, learn from it who the client is:
 * the stream's peer from now on. To be called before anything else is. False, and logged: it did
 * not say. YIELDS. */
bool line_meet_proxy(const struct setting_server *server, struct stream *stream);
/* The line_flags of commands that this server wants TLS for. */
unsigned line_tls_first(const struct setting_server *server);

/* A place among the connections of a server; in the session's memory. */
struct line_seat {
    struct seats *seats;
    uint32_t server, host; /* places in seats */
    bool by_host;
};
/* Count this connection in; by its server alone where peer is NULL. False when the server, or the
 * peer's host on it, has too many over all fronts (see proc/seats.h); reason says which. Unix
 * sockets are not counted by address. Give the seat back only after true. */
bool line_seat_take(struct line_seat *seat, struct line_front *front,
                    const struct setting_server *server, const struct net_address *peer);
/* The peer turns out to be another: count that host. False when it has too many. */
bool line_seat_move(struct line_seat *seat, const struct setting_server *server,
                    const struct net_address *peer);
void line_seat_give_back(struct line_seat *seat);

#endif
