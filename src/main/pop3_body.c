#include "main/pop3_body.h"

#include "base/check.h"
#include "base/wire.h"
#include "mail/alternative.h"
#include "store/derived.h"
#include "store/shown.h"

enum { FORM = 1, AT_ONCE = 256 << 10 };

static enum derived_kind kept_as(enum pop3_body body)
{
    return body == POP3_BODY_HTML ? DERIVED_HTML : DERIVED_PLAIN;
}

static void encode(const struct alternative_pieces *pieces, struct buffer *out)
{
    wire_put_u8(out, FORM);
    for (unsigned i = 0; i < pieces->count; i++) {
        wire_put_u64(out, pieces->at[i].offset);
        wire_put_u64(out, pieces->at[i].length);
    }
}

static bool decode(struct text bytes, struct arena *arena, struct alternative_pieces *out)
{
    enum { PIECE_BYTES = 16 };
    struct wire_reader in = wire_reader_of(bytes);
    bool is_ours = wire_get_u8(&in) == FORM;
    *out = (struct alternative_pieces){.count = (unsigned)(in.rest.length / PIECE_BYTES)};
    out->at = arena_array(arena, out->count, sizeof(*out->at));
    for (unsigned i = 0; i < out->count; i++) {
        out->at[i].offset = wire_get_u64(&in);
        out->at[i].length = wire_get_u64(&in);
        out->size += out->at[i].length;
    }
    return is_ours && wire_end(&in);
}

/* Read the message and look. YIELDS. */
static enum status make_pieces(struct store *store, const struct mailbox_entry *entry,
                               enum pop3_body body, struct arena *arena,
                               struct alternative_pieces *out)
{
    enum alternative_kind kind = body == POP3_BODY_HTML ? ALTERNATIVE_HTML : ALTERNATIVE_PLAIN;
    struct buffer whole, kept;
    enum status status = OK;
    buffer_init(&whole, POP3_BODY_WHOLE_ABOVE);
    for (uint64_t at = 0; at < entry->size && status == OK; at += AT_ONCE)
        status = mailbox_read(store, entry->message, at, AT_ONCE, &whole);
    *out = (struct alternative_pieces){0};
    if (status == OK)
        (void)alternative_reduce(buffer_text(&whole), kind, arena, out);
    buffer_finish(&whole);
    buffer_init(&kept, DERIVED_BYTES_MAX);
    encode(out, &kept);
    if (status == OK && !kept.overflowed)
        derived_put(store, entry->message, kept_as(body), buffer_text(&kept));
    buffer_finish(&kept);
    return status;
}

/* No pieces: it is as it is. YIELDS. */
static enum status find_pieces(struct store *store, const struct mailbox_entry *entry,
                               enum pop3_body body, struct arena *arena,
                               struct alternative_pieces *out)
{
    struct buffer kept;
    *out = (struct alternative_pieces){0};
    if (body == POP3_BODY_BOTH || entry->size > POP3_BODY_WHOLE_ABOVE)
        return OK;
    buffer_init(&kept, DERIVED_BYTES_MAX);
    bool found = derived_get(store, entry->message, kept_as(body), &kept) &&
                 decode(buffer_text(&kept), arena, out);
    buffer_finish(&kept);
    return found ? OK : make_pieces(store, entry, body, arena, out);
}

uint64_t pop3_body_size(struct store *store, const struct mailbox_entry *entry, enum pop3_body body)
{
    struct arena arena;
    struct alternative_pieces pieces;
    arena_init(&arena);
    enum status status = find_pieces(store, entry, body, &arena, &pieces);
    arena_finish(&arena);
    return status == OK && pieces.count > 0 ? pieces.size : entry->size;
}

/* YIELDS. */
static enum status read_pieces(struct store *store, const struct mailbox_entry *entry,
                               const struct alternative_pieces *pieces,
                               struct pop3_body_range range, struct buffer *out)
{
    enum status status = OK;
    uint64_t at = 0; /* where the piece begins in what is shown */
    for (unsigned i = 0; i < pieces->count && status == OK && at < range.end; i++) {
        const struct alternative_piece *piece = &pieces->at[i];
        uint64_t skip = range.offset > at ? range.offset - at : 0;
        uint64_t end = range.end - at < piece->length ? range.end - at : piece->length;
        if (skip < end)
            status = mailbox_read(store, entry->message, piece->offset + skip,
                                  (uint32_t)(end - skip), out);
        at += piece->length;
    }
    return status;
}

enum status pop3_body_read(struct store *store, const struct mailbox_entry *entry,
                           enum pop3_body body, struct pop3_body_range range, struct buffer *out)
{
    struct arena arena;
    struct alternative_pieces pieces;
    check(range.end >= range.offset && range.end - range.offset <= UINT32_MAX);
    arena_init(&arena);
    enum status status = find_pieces(store, entry, body, &arena, &pieces);
    if (status == OK && pieces.count > 0)
        status = read_pieces(store, entry, &pieces, range, out);
    else if (status == OK)
        status = mailbox_read(store, entry->message, range.offset,
                              (uint32_t)(range.end - range.offset), out);
    arena_finish(&arena);
    return status;
}
