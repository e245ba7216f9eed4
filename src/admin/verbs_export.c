/* A message of the queue as a file: what can still be done with it elsewhere, or here again. */
#include "admin/verbs_store.h"
#include "admin/words.h"
#include "folder/envelope.h"
#include "queue/queue.h"

struct exporting {
    struct folder_envelope envelope;
    struct arena arena;
    enum status status;
};

/* Who has not got it yet, or never will: not whoever is only to be told. */
static void add_view(void *context, const struct queue_view *view)
{
    struct exporting *exporting = context;
    struct text state = text_from(view->state);
    if (text_equals(state, TEXT("report")) || text_equals(state, TEXT("answer")))
        return;
    exporting->envelope.has_sender = true;
    exporting->envelope.sender = arena_copy(&exporting->arena, view->sender);
    for (unsigned i = 0; i < view->recipient_count && exporting->status == OK; i++) {
        struct folder_receiver receiver = {
            .address = arena_copy(&exporting->arena, view->recipients[i].address)};
        exporting->status = folder_envelope_add(&exporting->envelope, &exporting->arena, &receiver);
    }
}

static enum status print_message(struct queue *queue, uint64_t id, struct buffer *out)
{
    enum { AT_ONCE = 256 << 10 };
    struct arena arena;
    struct message message;
    enum status status = OK;
    arena_init(&arena);
    if (!store_message(queue_store(queue), id, &arena, &message))
        status = refused("there is no such message");
    else if (message.size + out->length > ADMIN_OUTPUT_MAX)
        status = refused("the message is larger than %d bytes", ADMIN_OUTPUT_MAX);
    for (uint64_t at = 0; status == OK && at < message.size; at += AT_ONCE)
        status = store_read(queue_store(queue), id, at, AT_ONCE, out);
    arena_finish(&arena);
    return status;
}

enum status verb_queue_export(void *state, struct admin_call *call)
{
    uint64_t id;
    struct exporting exporting = {.status = OK};
    enum status status = verb_check_words(call, 1, 1, "queue export ID");
    if (status == OK)
        status = verb_take_id(call, &id);
    if (status != OK)
        return status;
    arena_init(&exporting.arena);
    queue_each(state, id, add_view, &exporting);
    status = exporting.status;
    if (status == OK && exporting.envelope.receiver_count == 0)
        status = refused("there is no such message in the queue");
    if (status == OK) {
        folder_envelope_write(&exporting.envelope, call->out);
        status = print_message(state, id, call->out);
    }
    arena_finish(&exporting.arena);
    return status;
}
