/* The owner's copy with an edited header (RFC 5293): a message of its own, of which all others know
 * nothing. The body is written once more, in parts, for the log gives space back by message. */
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "mail/header.h"
#include "queue/filter/filter.h"

enum { PART_BYTES = 256 << 10 };

static enum status write_rest(struct plan *plan, const struct filter_source *source,
                              uint64_t offset, struct upload *upload)
{
    struct buffer part;
    enum status status = OK;
    buffer_init(&part, PART_BYTES);
    while (offset < source->facts.size && status == OK) {
        buffer_reset(&part, PART_BYTES);
        status = filter_read(plan, source, offset, PART_BYTES, &part);
        if (status == OK && part.length == 0)
            status = try_later("the message ends early");
        if (status == OK)
            status = upload_append(upload, buffer_text(&part));
        offset += part.length;
    }
    buffer_finish(&part);
    return status;
}

static enum status write_header(struct text header, struct upload *upload)
{
    enum status status = OK;
    while (header.length > 0 && status == OK) {
        struct text part = text_head(header, PART_BYTES);
        status = upload_append(upload, part);
        header = text_from_position(header, part.length);
    }
    return status;
}

void filter_edit(struct plan *plan, const struct filter_source *source, struct filtered *filtered)
{
    struct queue *queue = plan->queue;
    struct edited *edited = arena_alloc(&plan->arena, sizeof(*edited));
    size_t header_bytes = header_section(plan->seen_text).length;
    edited->id = queue->last_id = id_new(queue->last_id);
    edited->upload = upload_new(queue->store, edited->id);
    edited->entries = arena_array(&plan->arena, filtered->copy_count, sizeof(*edited->entries));
    list_append(&plan->edits, &edited->link);
    /* Of a header that was not seen whole there is no telling where the body begins. */
    enum status status =
        header_bytes < plan->seen_text.length || plan->seen_text.length == source->facts.size
            ? write_header(filtered->result.header, edited->upload)
            : refused("the header is too long");
    if (status == OK)
        status = write_rest(plan, source, header_bytes, edited->upload);
    if (status == OK)
        edited->extents = upload_finish(edited->upload, &edited->extent_count);
    if (edited->extents != NULL) {
        filtered->edited = edited;
        return;
    }
    log_warning("sieve.not_edited", "owner=%s reason=%s", log_text(filtered->owner),
                log_text(text_from(fail_reason())));
}

void filter_edits_finish(struct plan *plan)
{
    list_each(link, &plan->edits) upload_free(&list_entry(link, struct edited, link)->upload);
}

void filter_edits_compose(struct plan *plan, int64_t now)
{
    list_each(link, &plan->edits)
    {
        struct edited *edited = list_entry(link, struct edited, link);
        struct operation operation = {.type = OPERATION_MESSAGE};
        if (edited->entry_count == 0)
            continue;
        struct message *message = &operation.message.message;
        *message = plan->source->facts;
        message->id = edited->id;
        message->received_ms = now;
        message->size = upload_size(edited->upload);
        message->extents = edited->extents;
        message->extent_count = edited->extent_count;
        operation.message.entries = edited->entries;
        operation.message.entry_count = edited->entry_count;
        change_add(&plan->change, &operation);
        char text[ID_TEXT_BYTES];
        change_story(&plan->change, edited->id, "edited", "copy-of=%s", id_format(plan->id, text));
    }
}
