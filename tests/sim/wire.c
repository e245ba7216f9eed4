#include "wire.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "net/listener.h"
#include "net/stream.h"
#include "network.h"

struct link {
    struct wire *wire;
    struct stream *ends[2];
    int accepted; /* of the first end */
    unsigned pumps;
};

struct pump {
    struct link *link;
    unsigned from;
};

int wire_listen(uint16_t *port)
{
    struct net_address address;
    int fd = -1;
    check(net_address_parse(TEXT("127.0.0.1"), 0, &address));
    check(net_listen(&address, 0, &fd) == OK);
    struct sockaddr_in bound;
    socklen_t length = sizeof(bound);
    check(getsockname(fd, (struct sockaddr *)&bound, &length) == 0);
    *port = ntohs(bound.sin_port);
    return fd;
}

int wire_dial(uint16_t port)
{
    struct net_address address;
    int fd = -1;
    check(net_address_parse(TEXT("127.0.0.1"), port, &address));
    return net_dial(&address, clock_monotonic_ms() + MINUTE, &fd) == OK ? fd : -1;
}

void wire_open(struct wire *wire)
{
    wire->fd = wire_listen(&wire->port);
}

/* Looked at whenever there is something to carry. */
static bool is_parted(struct wire *wire)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms >= wire->looked_ms + MINUTE && wire->parted_until_ms <= now_ms) {
        wire->looked_ms = now_ms;
        if (weather_strikes(wire->weather, WEATHER_PARTED))
            wire->parted_until_ms = now_ms + weather_below(wire->weather, WEATHER_PARTED, 3 * HOUR);
    }
    return wire->parted_until_ms > now_ms;
}

static bool carry(struct link *link, struct stream *from, struct stream *to)
{
    enum { PIECE_BYTES = 16 << 10 };
    struct wire *wire = link->wire;
    /* What goes the other way is flushed by the other pump, and may be in the middle of that. */
    if (stream_fill_some(from, PIECE_BYTES) != OK)
        return false;
    if (is_parted(wire) || weather_strikes(wire->weather, WEATHER_RESET))
        return false;
    int64_t delay_ms = random_below(20);
    if (weather_strikes(wire->weather, WEATHER_STALL))
        delay_ms = weather_below(wire->weather, WEATHER_STALL, 20 * MINUTE);
    if (task_sleep(delay_ms) != OK)
        return false;
    stream_write(to, stream_buffered(from));
    stream_consume(from, stream_buffered(from).length);
    return stream_flush(to) == OK;
}

static void pump_task(void *argument)
{
    struct pump *pump = argument;
    struct link *link = pump->link;
    struct stream *from = link->ends[pump->from], *to = link->ends[1 - pump->from];
    while (carry(link, from, to))
        continue;
    stream_shut(from);
    stream_shut(to);
    free(pump);
    if (--link->pumps > 0)
        return;
    stream_close(&link->ends[0]);
    stream_close(&link->ends[1]);
    link->wire->links--;
    free(link);
}

static void link_task(void *argument)
{
    struct link *link = argument;
    struct wire *wire = link->wire;
    bool is_refused = is_parted(wire) || weather_strikes(wire->weather, WEATHER_REFUSED);
    int fd = is_refused ? -1 : wire_dial(wire->to_port);
    if (fd < 0) {
        stream_close(&link->ends[0]);
        free(link);
        return;
    }
    network_go_on(link->accepted, fd);
    link->ends[1] = stream_new(fd, NULL);
    wire->links++;
    for (unsigned from = 0; from < 2; from++) {
        struct pump *pump = malloc(sizeof(*pump));
        check(pump != NULL);
        *pump = (struct pump){link, from};
        link->pumps++;
        task_spawn(wire->group, "pump", pump_task, pump);
    }
}

static void on_connection(void *context, int fd, const struct net_address *peer)
{
    struct wire *wire = context;
    unused(peer);
    struct link *link = calloc(1, sizeof(*link));
    check(link != NULL);
    link->wire = wire;
    link->accepted = fd;
    link->ends[0] = stream_new(fd, NULL);
    task_spawn(wire->group, "link", link_task, link);
}

static void serve(void *argument)
{
    struct wire *wire = argument;
    net_accept_loop(wire->fd, on_connection, wire);
    close(wire->fd);
}

void wire_serve(struct wire *wire)
{
    task_spawn(wire->group, "wire", serve, wire);
}
