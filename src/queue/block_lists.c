#include "queue/block_lists.h"

#include "base/clock.h"

enum { ON_THE_WAY_MS = SECOND };

void block_lists_encode(const struct filter_listing *listings, unsigned count, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)count);
    for (unsigned i = 0; i < count; i++) {
        wire_put_text(out, listings[i].list);
        wire_put_u8(out, listings[i].is_unknown);
        wire_put_u8(out, (uint8_t)listings[i].code_count);
        for (unsigned k = 0; k < listings[i].code_count; k++)
            wire_put_u32(out, listings[i].codes[k]);
    }
}

static bool get_listing(struct wire_reader *in, struct arena *arena, struct filter_listing *out)
{
    out->list = wire_get_text(in);
    uint8_t is_unknown = wire_get_u8(in), codes = wire_get_u8(in);
    out->is_unknown = is_unknown == 1;
    if (is_unknown > 1 || codes > BLOCK_LIST_CODES_MAX)
        return false;
    out->codes = arena_array(arena, codes, sizeof(*out->codes));
    for (out->code_count = 0; out->code_count < codes; out->code_count++)
        out->codes[out->code_count] = wire_get_u32(in);
    return true;
}

bool block_lists_decode(struct text bytes, struct arena *arena, struct filter_listing **out,
                        unsigned *count)
{
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u8(&in);
    if (*count > BLOCK_LISTS_MAX)
        return false;
    *out = arena_array(arena, *count, sizeof(**out));
    for (unsigned i = 0; i < *count; i++)
        if (!get_listing(&in, arena, &(*out)[i]))
            return false;
    return wire_end(&in);
}

enum status block_lists_ask(struct rpc_channel *send, const struct net_address *address,
                            int64_t wait_ms, struct arena *arena, struct filter_listing **out,
                            unsigned *count)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    struct rpc_reply reply;
    *count = 0;
    enum status status = rpc_ask(send, SEND_BLOCK_LISTS, text_from(net_address_host(address, text)),
                                 -1, clock_monotonic_ms() + wait_ms + ON_THE_WAY_MS, &reply);
    if (status == OK &&
        !block_lists_decode(arena_copy(arena, buffer_text(&reply.bytes)), arena, out, count)) {
        *count = 0;
        status = try_later("what the block lists said is malformed");
    }
    rpc_reply_finish(&reply);
    return status;
}
