#include "protolog/row.h"

#include "settings/server.h"

/* Of the year 9999. */
static const uint64_t LATEST_MS = UINT64_C(253402300799999);

void protolog_row_encode(const struct protolog_row *row, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)row->kind);
    wire_put_u8(out, row->service);
    wire_put_u64(out, (uint64_t)row->wall_ms);
    wire_put_text(out, text_head(row->server, PROTOLOG_NAME_MAX));
    wire_put_text(out, text_head(row->peer, PROTOLOG_NAME_MAX));
    wire_put_text(out, text_head(row->user, PROTOLOG_NAME_MAX));
    wire_put_text(out, text_head(row->address, PROTOLOG_NAME_MAX));
    wire_put_u16(out, row->port);
    wire_put_text(out, text_head(row->verb, PROTOLOG_VERB_MAX));
    wire_put_text(out, text_head(row->arguments, PROTOLOG_ARGUMENTS_MAX));
    wire_put_text(out, text_head(row->status, PROTOLOG_STATUS_MAX));
    wire_put_u64(out, row->sent);
    wire_put_u64(out, row->received);
    wire_put_u32(out, row->took_ms);
}

static struct text get_text(struct wire_reader *in, size_t most)
{
    struct text text = wire_get_text(in);
    in->bad = in->bad || text.length > most;
    return in->bad ? TEXT("") : text;
}

bool protolog_row_decode(struct wire_reader *in, struct protolog_row *row)
{
    if (in->bad || text_is_empty(in->rest))
        return false;
    uint8_t kind = wire_get_u8(in);
    *row = (struct protolog_row){.kind = kind, .service = wire_get_u8(in)};
    in->bad = in->bad || kind >= PROTOLOG_KINDS || row->service > SERVICE_LAST;
    uint64_t wall_ms = wire_get_u64(in);
    in->bad = in->bad || wall_ms > LATEST_MS;
    row->wall_ms = in->bad ? 0 : (int64_t)wall_ms;
    row->server = get_text(in, PROTOLOG_NAME_MAX);
    row->peer = get_text(in, PROTOLOG_NAME_MAX);
    row->user = get_text(in, PROTOLOG_NAME_MAX);
    row->address = get_text(in, PROTOLOG_NAME_MAX);
    row->port = wire_get_u16(in);
    row->verb = get_text(in, PROTOLOG_VERB_MAX);
    row->arguments = get_text(in, PROTOLOG_ARGUMENTS_MAX);
    row->status = get_text(in, PROTOLOG_STATUS_MAX);
    row->sent = wire_get_u64(in);
    row->received = wire_get_u64(in);
    row->took_ms = wire_get_u32(in);
    return !in->bad;
}
