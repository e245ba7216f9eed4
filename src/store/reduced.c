#include "store/reduced.h"

#include "base/memory.h"
#include "base/wire.h"
#include "task/offload.h"

enum { FORM = 2, AT_ONCE = 256 << 10, PIECE_BYTES = 16, WINDOW_BYTES = 64 << 10 };

static enum derived_kind kept_as(enum reduced_to to)
{
    return to == REDUCED_TO_HTML ? DERIVED_HTML : DERIVED_PLAIN;
}

static void encode(const struct reduced *reduced, struct buffer *out)
{
    const struct alternative_pieces *pieces = &reduced->pieces;
    wire_put_u8(out, FORM);
    wire_put_u32(out, pieces->count);
    for (unsigned i = 0; i < pieces->count; i++) {
        wire_put_u64(out, pieces->at[i].offset);
        wire_put_u64(out, pieces->at[i].length);
    }
    for (unsigned i = 0; i < REDUCED_NOTES; i++)
        wire_put_text(out, reduced->notes[i]);
}

/* size: of the message. Pieces that don't lie in it, or are more than it, are none of ours. */
static bool decode_pieces(struct wire_reader *in, uint64_t size, struct arena *arena,
                          struct alternative_pieces *out)
{
    unsigned count = wire_get_u32(in);
    if (in->bad || count > in->rest.length / PIECE_BYTES)
        return false;
    *out = (struct alternative_pieces){.count = count};
    out->at = arena_array(arena, count, sizeof(*out->at));
    for (unsigned i = 0; i < count; i++) {
        struct alternative_piece piece = {.offset = wire_get_u64(in)};
        piece.length = wire_get_u64(in);
        if (piece.offset > size || piece.length > size - piece.offset ||
            piece.length > size - out->size)
            return false;
        out->at[i] = piece;
        out->size += piece.length;
    }
    return true;
}

/* bytes: in arena. */
static bool decode(struct text bytes, uint64_t size, struct arena *arena, struct reduced *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    if (wire_get_u8(&in) != FORM || !decode_pieces(&in, size, arena, &out->pieces))
        return false;
    for (unsigned i = 0; i < REDUCED_NOTES; i++)
        out->notes[i] = wire_get_text(&in);
    return wire_end(&in);
}

static void keep(struct store *store, uint64_t message, const struct reduced *reduced)
{
    struct buffer bytes;
    buffer_init(&bytes, DERIVED_BYTES_MAX);
    encode(reduced, &bytes);
    if (!bytes.overflowed)
        derived_put(store, message, kept_as(reduced->to), buffer_text(&bytes));
    buffer_finish(&bytes);
}

static bool load(struct store *store, struct derived_run *run, const struct mailbox_entry *entry,
                 struct arena *arena, struct reduced *out)
{
    struct reduced loaded = {.to = out->to};
    enum derived_kind kind = kept_as(out->to);
    struct buffer bytes;
    buffer_init(&bytes, DERIVED_BYTES_MAX);
    bool found = run == NULL ? derived_get(store, entry->message, kind, &bytes)
                             : derived_run_get(run, entry->message, kind, &bytes);
    found = found && decode(arena_copy(arena, buffer_text(&bytes)), entry->size, arena, &loaded);
    buffer_finish(&bytes);
    if (found)
        *out = loaded;
    return found;
}

/* YIELDS. */
static enum status read_all(struct store *store, struct derived_run *run,
                            const struct mailbox_entry *entry, struct buffer *out)
{
    struct shown *shown = shown_open(store, run, entry->message);
    enum status status = shown == NULL ? refused("the message is gone")
                                       : memory_ask(MEMORY_FOR_REST, (size_t)entry->size);
    for (uint64_t at = 0; at < entry->size && status == OK; at += AT_ONCE)
        status = shown_read(shown, at, AT_ONCE, out);
    shown_close(&shown);
    return status;
}

struct reducing {
    struct text whole;
    enum alternative_kind kind;
    struct arena *arena;
    struct alternative_pieces *out;
};

static void reduce(void *argument)
{
    const struct reducing *reducing = argument;
    (void)alternative_reduce(reducing->whole, reducing->kind, reducing->arena, reducing->out);
}

/* Read the message and look. YIELDS. */
static enum status make(struct store *store, struct derived_run *run,
                        const struct mailbox_entry *entry, struct arena *arena, struct reduced *out)
{
    enum alternative_kind kind = out->to == REDUCED_TO_HTML ? ALTERNATIVE_HTML : ALTERNATIVE_PLAIN;
    struct buffer whole;
    buffer_init(&whole, REDUCED_WHOLE_ABOVE);
    enum status status = read_all(store, run, entry, &whole);
    if (status == OK) {
        struct reducing reducing = {buffer_text(&whole), kind, arena, &out->pieces};
        /* Large ones, and those made to, would hold the others up. */
        if (whole.length > AT_ONCE)
            task_offload(reduce, &reducing);
        else
            reduce(&reducing);
        keep(store, entry->message, out);
    }
    buffer_finish(&whole);
    return status;
}

enum status reduced_find(struct store *store, struct derived_run *run,
                         const struct mailbox_entry *entry, enum reduced_to to, struct arena *arena,
                         struct reduced *out)
{
    *out = (struct reduced){.to = to};
    if (to == REDUCED_TO_BOTH || entry->size > REDUCED_WHOLE_ABOVE ||
        load(store, run, entry, arena, out))
        return OK;
    return make(store, run, entry, arena, out);
}

void reduced_set_note(struct store *store, uint64_t message, struct reduced *reduced,
                      enum reduced_note which, struct text bytes)
{
    reduced->notes[which] = bytes;
    keep(store, message, reduced);
}

uint64_t reduced_size(const struct reduced *reduced, const struct mailbox_entry *entry)
{
    return reduced->pieces.count > 0 ? reduced->pieces.size : entry->size;
}

/* Bytes of the message that were read for one piece and may do for the next: small ones lie close
 * together, and each reading looks at a whole record of the log. */
struct window {
    uint64_t offset;
    struct buffer bytes;
};

/* YIELDS. */
static enum status read_piece(struct shown *shown, struct window *window, uint64_t offset,
                              uint32_t length, struct buffer *out)
{
    if (length >= WINDOW_BYTES)
        return shown_read(shown, offset, length, out);
    enum status status = OK;
    bool is_there =
        offset >= window->offset && offset + length <= window->offset + window->bytes.length;
    if (!is_there) {
        buffer_reset(&window->bytes, WINDOW_BYTES);
        window->offset = offset;
        status = shown_read(shown, offset, WINDOW_BYTES, &window->bytes);
    }
    if (status == OK)
        buffer_append(out, text_head(text_from_position(buffer_text(&window->bytes),
                                                        (size_t)(offset - window->offset)),
                                     length));
    return status;
}

/* YIELDS. */
static enum status read_pieces(struct shown *shown, const struct alternative_pieces *pieces,
                               uint64_t offset, uint64_t end, struct buffer *out)
{
    struct window window = {.offset = 0};
    enum status status = OK;
    uint64_t at = 0; /* where the piece begins in what is given */
    buffer_init(&window.bytes, WINDOW_BYTES);
    for (unsigned i = 0; i < pieces->count && status == OK && at < end; i++) {
        const struct alternative_piece *piece = &pieces->at[i];
        uint64_t skip = offset > at ? offset - at : 0;
        uint64_t stop = end - at < piece->length ? end - at : piece->length;
        if (skip < stop)
            status = read_piece(shown, &window, piece->offset + skip, (uint32_t)(stop - skip), out);
        at += piece->length;
    }
    buffer_finish(&window.bytes);
    return status;
}

enum status reduced_read(struct shown *shown, const struct reduced *reduced, uint64_t offset,
                         uint32_t length, struct buffer *out)
{
    if (reduced->pieces.count == 0)
        return shown_read(shown, offset, length, out);
    return read_pieces(shown, &reduced->pieces, offset, offset + length, out);
}
