#include "store/shown.h"

static const char prefix_start[] = "Return-Path: <";
static const char prefix_end[] = ">\r\n";

uint64_t mailbox_prefix_bytes(const struct message *message)
{
    if (message->is_as_given)
        return 0;
    return sizeof(prefix_start) - 1 + message->sender.length + sizeof(prefix_end) - 1;
}

enum status mailbox_read(struct store *store, uint64_t message, uint64_t offset, uint32_t length,
                         struct buffer *out)
{
    struct arena arena;
    struct message facts;
    arena_init(&arena);
    if (!store_message(store, message, &arena, &facts)) {
        arena_finish(&arena);
        return refused("the message is gone");
    }
    struct text prefix = TEXT("");
    if (!facts.is_as_given)
        prefix = arena_printf(&arena, "%s%.*s%s", prefix_start, TEXT_ARG(facts.sender), prefix_end);
    struct text wanted = text_head(text_from_position(prefix, (size_t)offset), length);
    if (offset < prefix.length)
        buffer_append(out, wanted);
    else
        wanted = TEXT("");
    uint64_t skip = offset > prefix.length ? offset - prefix.length : 0;
    uint32_t rest = length - (uint32_t)wanted.length;
    arena_finish(&arena);
    return rest == 0 ? OK : store_read(store, message, skip, rest, out);
}
