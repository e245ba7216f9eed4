#include "directory/turn.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/encoding.h"
#include "directory/calls.h"

enum { TURN_WAIT = MINUTE, DOMAIN_MAX = 255 };

void directory_turn_encode(const struct directory_turn *turn, struct buffer *out)
{
    wire_put_text(out, turn->account);
    wire_put_u64(out, turn->session);
    wire_put_text(out, turn->peer);
    wire_put_u32(out, turn->domain_count);
    for (unsigned i = 0; i < turn->domain_count; i++)
        wire_put_text(out, turn->domains[i]);
}

static bool is_name(struct text text, size_t most)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 127)
            return false;
    return text.length <= most && utf8_is_valid(text);
}

bool directory_turn_decode(struct text bytes, struct arena *arena, struct directory_turn *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    *out = (struct directory_turn){.account = wire_get_text(&in)};
    out->session = wire_get_u64(&in);
    out->peer = wire_get_text(&in);
    out->domain_count = wire_get_u32(&in);
    if (in.bad || out->domain_count > DIRECTORY_TURN_DOMAINS_MAX ||
        !is_name(out->account, DIRECTORY_USER_MAX - 1) || !is_name(out->peer, DIRECTORY_PEER_MAX))
        return false;
    struct text *domains = arena_array(arena, out->domain_count, sizeof(*domains));
    bool good = true;
    for (unsigned i = 0; i < out->domain_count; i++) {
        domains[i] = wire_get_text(&in);
        good &= domains[i].length > 0 && is_name(domains[i], DOMAIN_MAX);
    }
    out->domains = domains;
    return wire_end(&in) && good;
}

void directory_turn_put_verdict(enum directory_turn_verdict verdict, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)verdict);
}

bool directory_turn_get_verdict(struct text bytes, enum directory_turn_verdict *verdict)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t value = wire_get_u8(&in);
    *verdict = (enum directory_turn_verdict)value;
    return wire_end(&in) && value < TURN_VERDICTS;
}

enum status directory_turn(struct rpc_channel *auth, const struct directory_turn *turn, int fd,
                           enum directory_turn_verdict *verdict)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 64 << 10);
    directory_turn_encode(turn, &request);
    enum status status = rpc_ask(auth, DIRECTORY_TURN, buffer_text(&request), fd,
                                 clock_monotonic_ms() + TURN_WAIT, &reply);
    buffer_finish(&request);
    if (status == OK && !directory_turn_get_verdict(buffer_text(&reply.bytes), verdict))
        status = try_later("malformed answer from the directory");
    rpc_reply_finish(&reply);
    return status;
}
