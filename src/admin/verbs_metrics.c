/* What monitoring asks for, in the text format of Prometheus: counters since the store process
 * started, and how long the queues are. No label has an address or a remote domain in it, so that
 * strangers can't make rows. */
#include "admin/verbs_metrics.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "admin/words.h"
#include "base/memory.h"
#include "queue/queue.h"

#define COUNTER(member) offsetof(struct queue_counters, member)

static const struct metric {
    const char *name, *help;
    size_t place; /* in struct queue_counters */
} counters[] = {
    {"accepted_messages", "Messages taken in, our own reports too.", COUNTER(accepted_messages)},
    {"accepted_bytes", "Their bytes.", COUNTER(accepted_bytes)},
    {"delivered_recipients", "Copies put into mailboxes.", COUNTER(delivered)},
    {"dropped_recipients", "Recipients written into drop folders.", COUNTER(dropped)},
    {"sent_recipients", "Recipients taken by next hops.", COUNTER(sent)},
    {"sent_bytes", "Bytes of messages taken by next hops.", COUNTER(sent_bytes)},
    {"put_off_recipients", "Recipients for whom an attempt ended with: later.", COUNTER(put_off)},
    {"refused_recipients", "Recipients refused for good by next hops.", COUNTER(refused)},
    {"expired_recipients", "Recipients given up because their time was over.", COUNTER(expired)},
    {"deleted_recipients", "Recipients deleted by an administrator.", COUNTER(deleted)},
    {"reports", "Delivery reports written.", COUNTER(reports)},
    {"reports_kept_back", "Reports that a policy or reports limit did not let go.",
     COUNTER(reports_kept_back)},
    {"bad_messages", "What could be neither delivered nor returned.", COUNTER(bad)},
};

static void put(struct admin_call *call, const char *name, const char *label, struct text value,
                uint64_t number)
{
    if (call->json) {
        buffer_printf(call->out, "{\"metric\":\"mailroot_%s\"", name);
        if (label != NULL)
            verb_json_field(call->out, label, value);
        buffer_printf(call->out, ",\"value\":%" PRIu64 "}\n", number);
    } else if (label != NULL) {
        buffer_printf(call->out, "mailroot_%s{%s=\"%.*s\"} %" PRIu64 "\n", name, label,
                      TEXT_ARG(value), number);
    } else {
        buffer_printf(call->out, "mailroot_%s %" PRIu64 "\n", name, number);
    }
}

static void put_heading(struct admin_call *call, const char *name, const char *help,
                        const char *type)
{
    if (!call->json)
        buffer_printf(call->out, "# HELP mailroot_%s %s\n# TYPE mailroot_%s %s\n", name, help, name,
                      type);
}

static void put_counters(struct queue *queue, struct admin_call *call)
{
    const char *bytes = (const char *)queue_counters_now(queue);
    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s_total", counters[i].name);
        put_heading(call, name, counters[i].help, "counter");
        put(call, name, NULL, TEXT(""), *(const uint64_t *)(bytes + counters[i].place));
    }
}

static void put_filtered(struct queue *queue, struct admin_call *call)
{
    static const char *const names[FILTERED_KINDS] = {
        [FILTERED_ACCEPTED] = "accept",     [FILTERED_DENIED] = "deny",
        [FILTERED_SENDER] = "sender",       [FILTERED_RECIPIENT] = "recipient",
        [FILTERED_LISTED] = "block-list",   [FILTERED_SPF] = "spf",
        [FILTERED_SENDER_ID] = "sender-id",
    };
    put_heading(call, "filtered_total",
                "How often a filter acted: for a connection, a sender, a recipient.", "counter");
    for (unsigned i = 0; i < FILTERED_KINDS; i++)
        put(call, "filtered_total", "filter", text_from(names[i]),
            queue_counters_now(queue)->filtered[i]);
}

static void put_checked(struct queue *queue, struct admin_call *call)
{
    static const struct {
        const char *name, *help;
    } kinds[2] = {{"spf_total", "Messages by what SPF says of them."},
                  {"sender_id_total", "Messages by what Sender ID says of them."}};
    for (unsigned kind = 0; kind < 2; kind++) {
        put_heading(call, kinds[kind].name, kinds[kind].help, "counter");
        for (enum spf_result result = 0; result < SPF_RESULTS; result++)
            put(call, kinds[kind].name, "result", text_from(spf_result_name(result)),
                queue_counters_now(queue)->checked[kind][result]);
    }
}

/* Of the process that has the mail. `mailroot status` tells of the others. */
static void put_memory(struct admin_call *call)
{
    struct memory_now now = memory_now();
    put_heading(call, "memory_bytes", "Memory of the store process.", "gauge");
    put(call, "memory_bytes", "of", TEXT("held"), now.held);
    put(call, "memory_bytes", "of", TEXT("limit"), now.limit);
    put_heading(call, "memory_refused_total", "What it put off for want of memory.", "counter");
    for (enum memory_for what = 0; what < MEMORY_ASKS; what++)
        put(call, "memory_refused_total", "for", text_from(memory_for_name(what)),
            now.refused[what]);
}

enum { ROWS_MOST = 16 };

/* One of our own queues, or the hops of one state. */
struct row {
    struct text name;
    uint64_t messages, bytes, hops;
};
struct rows {
    struct row rows[ROWS_MOST];
    unsigned count;
    uint64_t sending;
};

/* One figure of each row. */
static const struct family {
    const char *name, *help;
    size_t offset; /* in struct row */
} own_families[] = {{"queue_messages", "Parts of messages in the queues of our own.",
                     offsetof(struct row, messages)},
                    {"queue_bytes", "Their bytes.", offsetof(struct row, bytes)}},
  hop_families[] = {
      {"link_queues", "Next hops with mail, by state.", offsetof(struct row, hops)},
      {"link_messages", "Parts of messages that wait for them.", offsetof(struct row, messages)},
      {"link_bytes", "Their bytes.", offsetof(struct row, bytes)}};

static void add(void *context, struct text name, const struct queue_hop_view *view)
{
    struct rows *rows = context;
    unsigned i = 0;
    while (i < rows->count && !text_equals(rows->rows[i].name, name))
        i++;
    if (i == ROWS_MOST)
        return;
    rows->count += i == rows->count;
    rows->rows[i].name = name;
    rows->rows[i].messages += view->messages;
    rows->rows[i].bytes += view->bytes;
    rows->rows[i].hops++;
}

static void add_named(void *context, const struct queue_hop_view *view)
{
    add(context, view->name, view);
}

static void add_hop(void *context, const struct queue_hop_view *view)
{
    struct rows *rows = context;
    rows->sending += view->sending;
    add(context, text_from(view->state), view);
}

static void put_family(struct admin_call *call, const char *label, const struct rows *rows,
                       const struct family *family)
{
    put_heading(call, family->name, family->help, "gauge");
    for (unsigned i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        put(call, family->name, label, row->name,
            *(const uint64_t *)((const char *)row + family->offset));
    }
}

static void put_rows(struct admin_call *call, const struct rows *own, const struct rows *hops)
{
    for (unsigned i = 0; i < sizeof(own_families) / sizeof(*own_families); i++)
        put_family(call, "queue", own, &own_families[i]);
    for (unsigned i = 0; i < sizeof(hop_families) / sizeof(*hop_families); i++)
        put_family(call, "state", hops, &hop_families[i]);
    put_heading(call, "sending", "Parts of messages being sent.", "gauge");
    put(call, "sending", NULL, TEXT(""), hops->sending);
}

enum status verb_metrics(void *queue, struct admin_call *call)
{
    struct rows own = {0}, hops = {0};
    enum status status = verb_check_words(call, 0, 0, "metrics");
    if (status != OK)
        return status;
    put_counters(queue, call);
    put_filtered(queue, call);
    put_checked(queue, call);
    queue_each_named(queue, add_named, &own);
    queue_each_hop(queue, add_hop, &hops);
    put_rows(call, &own, &hops);
    put_memory(call);
    return OK;
}
