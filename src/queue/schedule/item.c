#include "queue/schedule/item.h"

#include "base/wire.h"

enum { DELAY_TOLD = 1, DEADLINE_TOLD = 2, IS_FILED = 4, FROZEN = 8 };

/* What only scripts and forwarding need: items without look as they did before there were any. */
static bool is_filtered(const struct item *item)
{
    return item->sender.length + item->forwarder.length + item->answer.length > 0;
}

/* What only groups of users need; behind the other, which then is there whatever it says. */
static bool is_grouped(const struct item *item)
{
    size_t shown = 0;
    for (unsigned i = 0; i < item->recipient_count; i++)
        shown += item->recipients[i].shown.length;
    return item->owner.length + shown > 0;
}

/* What only routing groups need, behind both. */
static bool has_origin(const struct item *item)
{
    const struct item_origin *origin = &item->origin;
    return origin->server.length + origin->login.length + origin->member.length +
               origin->domain.length >
           0;
}

static void put_rest(const struct item *item, struct buffer *out)
{
    bool has_group = is_grouped(item) || has_origin(item);
    if (!has_group && !is_filtered(item))
        return;
    wire_put_text(out, item->sender);
    wire_put_text(out, item->forwarder);
    wire_put_text(out, item->answer);
    if (!has_group)
        return;
    wire_put_text(out, item->owner);
    for (unsigned i = 0; i < item->recipient_count; i++)
        wire_put_text(out, item->recipients[i].shown);
    if (!has_origin(item))
        return;
    wire_put_text(out, item->origin.server);
    wire_put_text(out, item->origin.login);
    wire_put_text(out, item->origin.member);
    if (!text_is_empty(item->origin.domain))
        wire_put_text(out, item->origin.domain);
}

static void get_rest(struct wire_reader *in, struct item *out)
{
    if (in->bad || in->rest.length == 0)
        return;
    out->sender = wire_get_text(in);
    out->forwarder = wire_get_text(in);
    out->answer = wire_get_text(in);
    if (in->bad || in->rest.length == 0) {
        in->bad |= !is_filtered(out);
        return;
    }
    out->owner = wire_get_text(in);
    for (unsigned i = 0; i < out->recipient_count; i++)
        out->recipients[i].shown = wire_get_text(in);
    if (in->bad || in->rest.length == 0) {
        in->bad |= !is_grouped(out);
        return;
    }
    out->origin.server = wire_get_text(in);
    out->origin.login = wire_get_text(in);
    out->origin.member = wire_get_text(in);
    if (!in->bad && in->rest.length > 0) {
        out->origin.domain = wire_get_text(in);
        in->bad |= text_is_empty(out->origin.domain);
    }
    in->bad |= !has_origin(out);
}

void item_encode(const struct item *item, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)item->kind);
    wire_put_u8(out, (item->delay_told ? DELAY_TOLD : 0) |
                         (item->deadline_told ? DEADLINE_TOLD : 0) |
                         (item->is_filed ? IS_FILED : 0) | (item->is_frozen ? FROZEN : 0));
    wire_put_text(out, item->connector);
    wire_put_text(out, item->domain);
    wire_put_u64(out, (uint64_t)item->next_try_ms);
    wire_put_u32(out, item->attempts);
    wire_put_u32(out, item->recipient_count);
    for (unsigned i = 0; i < item->recipient_count; i++) {
        const struct item_recipient *recipient = &item->recipients[i];
        wire_put_text(out, recipient->address);
        wire_put_text(out, recipient->original_recipient);
        wire_put_u8(out, (uint8_t)recipient->notify);
        wire_put_u8(out, (uint8_t)recipient->action);
        wire_put_text(out, recipient->enhanced);
        wire_put_text(out, recipient->reply);
        wire_put_text(out, recipient->remote_host);
        wire_put_u64(out, (uint64_t)recipient->last_attempt_ms);
    }
    put_rest(item, out);
}

bool item_decode(struct text bytes, struct arena *arena, struct item *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t kind = wire_get_u8(&in);
    *out = (struct item){.kind = (enum item_kind)kind};
    uint8_t told = wire_get_u8(&in);
    out->is_frozen = (told & FROZEN) != 0;
    out->delay_told = (told & DELAY_TOLD) != 0;
    out->deadline_told = (told & DEADLINE_TOLD) != 0;
    out->is_filed = (told & IS_FILED) != 0;
    out->connector = wire_get_text(&in);
    out->domain = wire_get_text(&in);
    out->next_try_ms = (int64_t)wire_get_u64(&in);
    out->attempts = wire_get_u32(&in);
    out->recipient_count = wire_get_u32(&in);
    enum { RECIPIENT_LEAST = 30 };
    if (in.bad || kind < ITEM_SEND || kind > ITEM_SENT ||
        out->recipient_count > in.rest.length / RECIPIENT_LEAST)
        return false;
    out->recipients = arena_array(arena, out->recipient_count, sizeof(*out->recipients));
    for (unsigned i = 0; i < out->recipient_count; i++) {
        struct item_recipient *recipient = &out->recipients[i];
        recipient->address = wire_get_text(&in);
        recipient->original_recipient = wire_get_text(&in);
        recipient->notify = wire_get_u8(&in);
        uint8_t action = wire_get_u8(&in);
        recipient->action = (enum report_action)action;
        recipient->enhanced = wire_get_text(&in);
        recipient->reply = wire_get_text(&in);
        recipient->remote_host = wire_get_text(&in);
        recipient->last_attempt_ms = (int64_t)wire_get_u64(&in);
        if (action > REPORT_EXPANDED)
            return false;
    }
    get_rest(&in, out);
    return wire_end(&in);
}

struct text item_hop_name(const struct item *item, struct arena *arena)
{
    if (item->kind == ITEM_DROP && text_is_empty(item->domain))
        return TEXT("archive");
    if (item->kind == ITEM_DROP)
        return arena_printf(arena, "drop:%.*s", TEXT_ARG(item->domain));
    if (text_is_empty(item->domain))
        return arena_copy(arena, item->connector);
    const char *space = text_is_empty(item->connector) ? "" : " ";
    return arena_printf(arena, "%.*s%smx:%.*s", TEXT_ARG(item->connector), space,
                        TEXT_ARG(item->domain));
}
