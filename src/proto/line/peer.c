#include "proto/line/peer.h"

#include "base/clock.h"

void line_peer_encode(const struct line_peer *peer, struct buffer *out)
{
    wire_put_u8(out, peer->is_confirmed);
    wire_put_text(out, text_from(peer->name));
}

static bool is_name(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool is_fine =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        if (!is_fine)
            return false;
    }
    return true;
}

bool line_peer_decode(struct text bytes, struct line_peer *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    *out = (struct line_peer){0};
    out->is_confirmed = wire_get_u8(&in) != 0;
    struct text name = wire_get_text(&in);
    return wire_end(&in) && is_name(name) && text_copy(name, out->name, sizeof(out->name)) &&
           (!out->is_confirmed || !text_is_empty(name));
}

/* YIELDS. */
static void look_up(const struct line_front *front, const struct net_address *address,
                    struct line_peer *out)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    struct rpc_reply reply;
    net_address_text(address, text);
    enum status status = rpc_ask(front->role->send, SEND_PEER_NAME, text_from(text), -1,
                                 clock_monotonic_ms() + PEER_NAME_WAIT_MS, &reply);
    bool is_known = status == OK && line_peer_decode(buffer_text(&reply.bytes), out);
    if (!is_known)
        *out = (struct line_peer){.is_unknown = true};
    out->was_asked = true;
    rpc_reply_finish(&reply);
}

struct peer_decision line_peer_meet(const struct line_front *front,
                                    const struct setting_server *server,
                                    const struct net_address *address, bool wants_name,
                                    struct line_peer *out)
{
    bool is_host = address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
    *out = (struct line_peer){0};
    if (is_host && (wants_name || decide_peer_by_name(server, address)))
        look_up(front, address, out);
    struct peer_facts facts = {.server = server,
                               .address = address,
                               .name = text_from(out->name),
                               .is_confirmed = out->is_confirmed,
                               .is_unknown = out->is_unknown};
    return decide_peer(&facts);
}
