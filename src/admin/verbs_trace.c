/* `trace`: what was told of a message, a session or a refusal, by its id or by who is named. */
#include "admin/verbs_trace.h"

#include <stdlib.h>

#include "admin/tracking.h"
#include "admin/words.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/id.h"
#include "queue/queue.h"
#include "store/store.h"

enum { MESSAGES_MOST = 20, ADDRESS_IDS_MOST = 50 };

/* `,"tracking":[1019,1025]`, where Exchange has numbers for it. */
static void put_tracking(struct buffer *out, struct text event, struct text facts)
{
    unsigned count;
    const uint16_t *steps = tracking_of(event, facts, &count);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(out, "%s%u", i == 0 ? ",\"tracking\":[" : ",", steps[i]);
    if (count > 0)
        buffer_append(out, TEXT("]"));
}

void verb_print_story(void *context, int64_t wall_ms, struct text event, struct text text)
{
    struct admin_call *call = context;
    if (call->json) {
        buffer_append(call->out, TEXT("{\"time\":\""));
        verb_time(call->out, wall_ms);
        buffer_append(call->out, TEXT("\""));
        verb_json_field(call->out, "event", event);
        verb_json_field(call->out, "text", text);
        put_tracking(call->out, event, text);
        buffer_append(call->out, TEXT("}\n"));
        return;
    }
    verb_time(call->out, wall_ms);
    buffer_append(call->out, TEXT(" "));
    verb_clean(call->out, event);
    buffer_append(call->out, TEXT(" "));
    verb_clean(call->out, text);
    buffer_append(call->out, TEXT("\n"));
}

/* One row of Exchange's message tracking. */
static void print_step(struct admin_call *call, int64_t wall_ms, uint16_t number,
                       struct text recipient)
{
    const char *words = tracking_words(number);
    if (call->json) {
        buffer_append(call->out, TEXT("{\"time\":\""));
        verb_time(call->out, wall_ms);
        buffer_printf(call->out, "\",\"number\":%u", number);
        verb_json_field(call->out, "meaning", text_from(words));
        verb_json_field(call->out, "recipient", recipient);
        buffer_append(call->out, TEXT("}\n"));
        return;
    }
    verb_time(call->out, wall_ms);
    buffer_printf(call->out, " %4u %s", number, words);
    if (!text_is_empty(recipient)) {
        buffer_append(call->out, TEXT(": "));
        verb_clean(call->out, recipient);
    }
    buffer_append(call->out, TEXT("\n"));
}

static void print_tracking(void *context, int64_t wall_ms, struct text event, struct text text)
{
    unsigned count;
    const uint16_t *steps = tracking_of(event, text, &count);
    for (unsigned i = 0; i < count; i++)
        print_step(context, wall_ms, steps[i], tracking_recipient(text));
}

/* What is asked, and how each line is printed: as we tell it, or as Exchange would track it. */
struct tracer {
    struct admin_call *call;
    struct store *store;
    store_story_visit *print;
};

struct tracing {
    struct arena arena;
    struct trace_line {
        int64_t wall_ms;
        struct text event, text;
    } * lines;
    unsigned count;
};

static void gather_line(void *context, int64_t wall_ms, struct text event, struct text text)
{
    enum { LINES_MOST = 10000 };
    struct tracing *tracing = context;
    if (tracing->count == LINES_MOST)
        return;
    tracing->lines =
        arena_grow(&tracing->arena, tracing->lines, tracing->count, sizeof(*tracing->lines));
    tracing->lines[tracing->count++] = (struct trace_line){
        wall_ms, arena_copy(&tracing->arena, event), arena_copy(&tracing->arena, text)};
}

static int by_time(const void *a, const void *b)
{
    const struct trace_line *left = a, *right = b;
    return left->wall_ms < right->wall_ms ? -1 : left->wall_ms > right->wall_ms;
}

static bool trace_one(const struct tracer *tracer, uint64_t id)
{
    struct store *store = tracer->store;
    struct tracing tracing = {.count = 0};
    struct message message;
    arena_init(&tracing.arena);
    store_stories(store, id, gather_line, &tracing);
    /* What its session told belongs to it. */
    if (store_message(store, id, &tracing.arena, &message) && message.session != 0 &&
        message.session != id)
        store_stories(store, message.session, gather_line, &tracing);
    if (tracing.count > 1)
        qsort(tracing.lines, tracing.count, sizeof(*tracing.lines), by_time);
    for (unsigned i = 0; i < tracing.count; i++)
        tracer->print(tracer->call, tracing.lines[i].wall_ms, tracing.lines[i].event,
                      tracing.lines[i].text);
    bool found = tracing.count > 0;
    arena_finish(&tracing.arena);
    return found;
}

/* A block for each id. */
static void trace_all(const struct tracer *tracer, const char *what, const uint64_t *ids,
                      unsigned count)
{
    char text[ID_TEXT_BYTES];
    struct admin_call *call = tracer->call;
    for (unsigned i = 0; i < count; i++) {
        if (!call->json)
            buffer_printf(call->out, "%s%s %s\n", i > 0 ? "\n" : "", what, id_format(ids[i], text));
        trace_one(tracer, ids[i]);
    }
}

/* Of messages, sessions and refusals in which an address, or one of a domain, is named. */
static enum status trace_address(const struct tracer *tracer, uint64_t since_ms)
{
    uint64_t ids[ADDRESS_IDS_MOST];
    int64_t since = since_ms == 0 ? 0 : clock_wall_ms() - (int64_t)since_ms;
    unsigned count =
        store_find_address(tracer->store, tracer->call->words[0], since, ids, ADDRESS_IDS_MOST);
    trace_all(tracer, "id", ids, count);
    return count > 0 ? OK : refused("nothing that is kept (trace keep) names this address");
}

enum status verb_trace(void *state, struct admin_call *call)
{
    uint64_t ids[MESSAGES_MOST], since_ms;
    struct tracer tracer = {call, queue_store(state), verb_print_story};
    if (verb_take_switch(call, TEXT("--events")))
        tracer.print = print_tracking;
    enum status status = verb_take_time(call, TEXT("--since"), &since_ms);
    if (status == OK)
        status =
            verb_check_words(call, 1, 1, "trace ID|MESSAGE-ID|ADDRESS [--since TIME] [--events]");
    if (status != OK)
        return status;
    store_story_flush(tracer.store);
    if (id_parse(call->words[0], &ids[0]))
        return trace_one(&tracer, ids[0]) ? OK : refused("nothing is known of this id (any more)");
    unsigned count = store_find_message_id(tracer.store, call->words[0], ids, MESSAGES_MOST);
    trace_all(&tracer, "message", ids, count);
    if (count > 0)
        return OK;
    if (text_find_text(call->words[0], TEXT("@")) < call->words[0].length &&
        call->words[0].data[0] != '<')
        return trace_address(&tracer, since_ms);
    return refused("this is no id, no Message-ID of a message that is known, and no address");
}
