/* What send is given of an item: the envelope it goes out with, and the bytes. */
#include "mail/body_scan.h"
#include "queue/internal.h"

/* What a mailbox sends on bears its name (RFC 9228), so that it is known when it comes back. */
static struct text job_mark(const struct item *item, const struct message *message,
                            struct arena *arena)
{
    struct text forwarder = item->forwarder;
    if (text_is_empty(forwarder) || (body_has_8bit(forwarder) && !message->terms.is_international))
        return TEXT("");
    return arena_printf(arena, "Delivered-To: %.*s\r\n", TEXT_ARG(forwarder));
}

static enum status read_marked(struct queue *queue, const struct message *message,
                               const struct item *item, uint64_t offset, uint32_t length,
                               struct buffer *out)
{
    struct arena arena;
    arena_init(&arena);
    struct text mark = job_mark(item, message, &arena);
    struct text part = text_head(text_from_position(mark, offset), length);
    buffer_append(out, part);
    offset = offset < mark.length ? 0 : offset - mark.length;
    length -= (uint32_t)part.length;
    arena_finish(&arena);
    return length == 0 ? OK : store_read_known(queue->store, message, offset, length, out);
}

static struct text job_sender(const struct item *item, const struct message *message)
{
    if (text_equals(item->sender, ITEM_NO_SENDER))
        return TEXT("");
    return item->sender.length > 0 ? item->sender : message->sender;
}

static void fill_job(struct queue_job *job, const struct queued_item *queued,
                     const struct message *message, const struct item *item, struct arena *arena)
{
    *job = (struct queue_job){.id = message->id,
                              .lease = queued->lease,
                              .item = queued->number,
                              .connector = item->connector,
                              .domain = item->domain,
                              .sender = job_sender(item, message),
                              .terms = message->terms,
                              .size = job_mark(item, message, arena).length + message->size,
                              .recipient_count = item->recipient_count};
    struct queue_job_recipient *recipients =
        arena_array(arena, item->recipient_count, sizeof(*recipients));
    for (unsigned i = 0; i < item->recipient_count; i++)
        recipients[i] = (struct queue_job_recipient){.number = i,
                                                     .address = item->recipients[i].address,
                                                     .original_recipient =
                                                         item->recipients[i].original_recipient,
                                                     .notify = item->recipients[i].notify};
    job->recipients = recipients;
}

/* The body, behind what was encoded with none. */
static bool put_body(struct queue *queue, const struct message *message, const struct item *item,
                     struct buffer *out)
{
    size_t begin = out->length;
    if (read_marked(queue, message, item, 0, QUEUE_BODY_INLINE_MAX, out) != OK)
        return false;
    wire_set_u32(out, begin - sizeof(uint32_t), (uint32_t)(out->length - begin));
    return true;
}

enum status job_put(struct queue *queue, struct queued_item *queued, struct buffer *out)
{
    struct arena arena;
    struct message message;
    struct item item;
    struct queue_job job;
    size_t before = out->length;
    uint64_t lease = queued->lease;
    arena_init(&arena);
    bool known = store_message(queue->store, queued->message->id, &arena, &message) &&
                 item_read(queue, queued, &arena, &item);
    if (known) {
        fill_job(&job, queued, &message, &item, &arena);
        queue_job_encode(&job, out);
        if (job.size <= QUEUE_BODY_INLINE_MAX)
            known = put_body(queue, &message, &item, out);
    }
    enum status status = known ? OK : TRY_LATER;
    if (map_get(queue->leases, MAP_KEY(lease)) == NULL)
        status = refused("the lease has ended");
    if (status != OK)
        buffer_cut(out, before);
    arena_finish(&arena);
    return status;
}

enum status job_read(struct queue *queue, const struct queued_item *queued, uint64_t offset,
                     uint32_t length, struct buffer *out)
{
    struct arena arena;
    struct message message;
    struct item item;
    arena_init(&arena);
    enum status status = store_message(queue->store, queued->message->id, &arena, &message) &&
                                 item_read(queue, queued, &arena, &item)
                             ? read_marked(queue, &message, &item, offset, length, out)
                             : refused("the message is gone");
    arena_finish(&arena);
    return status;
}
