#include "store/shown.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/internal.h"

static const char prefix_start[] = "Return-Path: <";
static const char prefix_end[] = ">\r\n";

struct shown {
    struct store *store;
    struct arena arena;
    struct message message;
    struct text prefix;
};

uint64_t mailbox_prefix_bytes(const struct message *message)
{
    if (message->is_as_given)
        return 0;
    return sizeof(prefix_start) - 1 + message->sender.length + sizeof(prefix_end) - 1;
}

struct shown *shown_open(struct store *store, struct derived_run *run, uint64_t message)
{
    struct shown *shown = calloc(1, sizeof(*shown));
    check(shown != NULL);
    shown->store = store;
    arena_init(&shown->arena);
    bool is_there = run == NULL ? store_message(store, message, &shown->arena, &shown->message)
                                : derived_run_message(run, message, &shown->arena, &shown->message);
    if (!is_there) {
        shown_close(&shown);
        return NULL;
    }
    if (!shown->message.is_as_given)
        shown->prefix = arena_printf(&shown->arena, "%s%.*s%s", prefix_start,
                                     TEXT_ARG(shown->message.sender), prefix_end);
    return shown;
}

uint64_t shown_size(const struct shown *shown)
{
    return shown->prefix.length + shown->message.size;
}

/* The body may be written forward while we read; then it is found at its new place. */
static enum status read_body(struct shown *shown, uint64_t offset, uint32_t length,
                             struct buffer *out)
{
    size_t before = out->length;
    enum status status = store_read_message(shown->store, &shown->message, offset, length, out);
    for (unsigned attempt = 0; attempt < 3 && status == REFUSED; attempt++) {
        uint64_t id = shown->message.id;
        struct message again;
        buffer_cut(out, before);
        if (!store_message(shown->store, id, &shown->arena, &again))
            return refused("the message is gone");
        shown->message = again;
        status = store_read_message(shown->store, &shown->message, offset, length, out);
    }
    return status;
}

enum status shown_read(struct shown *shown, uint64_t offset, uint32_t length, struct buffer *out)
{
    struct text prefix = shown->prefix;
    uint64_t skip = offset > prefix.length ? offset - prefix.length : 0;
    if (offset < prefix.length) {
        struct text wanted = text_head(text_from_position(prefix, (size_t)offset), length);
        buffer_append(out, wanted);
        length -= (uint32_t)wanted.length;
    }
    return length == 0 ? OK : read_body(shown, skip, length, out);
}

void shown_close(struct shown **shown)
{
    if (*shown == NULL)
        return;
    arena_finish(&(*shown)->arena);
    free(*shown);
    *shown = NULL;
}

enum status mailbox_read(struct store *store, uint64_t message, uint64_t offset, uint32_t length,
                         struct buffer *out)
{
    struct shown *shown = shown_open(store, NULL, message);
    if (shown == NULL)
        return refused("the message is gone");
    enum status status = shown_read(shown, offset, length, out);
    shown_close(&shown);
    return status;
}
