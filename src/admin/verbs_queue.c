/* Verbs about the queue and the story of messages, and the table of all that the store role
 * serves. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/verbs_absence.h"
#include "admin/verbs_account.h"
#include "admin/verbs_kept.h"
#include "admin/verbs_mailbox.h"
#include "admin/verbs_metrics.h"
#include "admin/verbs_orders.h"
#include "admin/verbs_probe.h"
#include "admin/verbs_route.h"
#include "admin/verbs_search.h"
#include "admin/verbs_sieve.h"
#include "admin/verbs_spf.h"
#include "admin/verbs_store.h"
#include "admin/verbs_trace.h"
#include "admin/verbs_transfer.h"
#include "admin/words.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "queue/queue.h"

/* ---- queue list, queue show ---- */

struct listing {
    struct admin_call *call;
    struct queue_filter filter;
    bool whole;       /* queue show */
    bool sent;        /* queue history */
    const char *kind; /* queue status: "own" or "link" */
    unsigned count;
};

static void print_recipients_json(struct buffer *out, const struct queue_view *view)
{
    buffer_append(out, TEXT(",\"recipients\":["));
    for (unsigned i = 0; i < view->recipient_count; i++) {
        buffer_printf(out, "%s{\"address\":", i > 0 ? "," : "");
        admin_json_text(out, view->recipients[i].address);
        verb_json_field(out, "status", view->recipients[i].enhanced);
        verb_json_field(out, "remote", view->recipients[i].remote_host);
        verb_json_field(out, "last_error", view->recipients[i].last_error);
        buffer_append(out, TEXT("}"));
    }
    buffer_append(out, TEXT("]"));
}

static void print_view_json(struct buffer *out, const struct queue_view *view)
{
    char id[ID_TEXT_BYTES];
    buffer_printf(out, "{\"id\":\"%s\",\"part\":%u,\"state\":\"%s\",\"size\":%" PRIu64,
                  id_format(view->id, id), view->number, view->state, view->size);
    verb_json_field(out, "sender", view->sender);
    verb_json_field(out, "hop", view->hop);
    verb_json_field(out, "queue", text_from(view->queue));
    if (!text_is_empty(view->waits_for))
        verb_json_field(out, "waits_for", view->waits_for);
    buffer_append(out, TEXT(",\"received\":\""));
    verb_time(out, view->received_ms);
    buffer_append(out, TEXT("\",\"next_try\":\""));
    verb_time(out, view->next_try_ms);
    buffer_printf(out, "\",\"attempts\":%u", view->attempts);
    print_recipients_json(out, view);
    buffer_append(out, TEXT("}\n"));
}

/* What it waits for. */
static void print_state(struct buffer *out, const struct queue_view *view)
{
    bool is_held = text_equals(text_from(view->state), TEXT("held")) ||
                   text_equals(text_from(view->state), TEXT("sent"));
    buffer_printf(out, "    %s", view->state);
    if (!is_held && !text_is_empty(view->hop))
        buffer_printf(out, " for %.*s, attempts %u", TEXT_ARG(view->hop), view->attempts);
    if (!text_is_empty(view->waits_for)) {
        buffer_printf(out, ", waits for %.*s\n", TEXT_ARG(view->waits_for));
        return;
    }
    bool is_kept = text_equals(text_from(view->state), TEXT("sent"));
    buffer_append(out, is_kept   ? TEXT(", kept until ")
                       : is_held ? TEXT(" until ")
                                 : TEXT(", next try "));
    verb_time(out, view->next_try_ms);
    buffer_append(out, TEXT("\n"));
}

static void print_view(void *context, const struct queue_view *view)
{
    struct listing *listing = context;
    struct buffer *out = listing->call->out;
    char id[ID_TEXT_BYTES];
    /* Bad mail waits for nobody; `badmail list` has it. */
    bool is_bad = text_equals(text_from(view->state), TEXT("bad"));
    bool is_sent = text_equals(text_from(view->state), TEXT("sent"));
    if ((is_bad && !listing->whole) || (is_sent != listing->sent && !listing->whole))
        return;
    listing->count++;
    if (listing->call->json) {
        print_view_json(out, view);
        return;
    }
    buffer_printf(out, "%s %9" PRIu64 " ", id_format(view->id, id), view->size);
    verb_age(out, clock_wall_ms() - view->received_ms);
    buffer_printf(out, "  <%.*s>\n", TEXT_ARG(view->sender));
    unsigned shown = listing->whole || view->recipient_count < 10 ? view->recipient_count : 10;
    for (unsigned i = 0; i < shown; i++) {
        buffer_printf(out, "    %.*s%s%.*s ", TEXT_ARG(view->recipients[i].address),
                      view->recipients[i].last_error.length > 0 ? ": " : "",
                      TEXT_ARG(view->recipients[i].enhanced));
        verb_clean(out, view->recipients[i].last_error);
        buffer_append_byte(out, '\n');
    }
    if (shown < view->recipient_count)
        buffer_printf(out, "    and %u more\n", view->recipient_count - shown);
    print_state(out, view);
}

static enum status list(struct queue *queue, struct admin_call *call, bool sent, const char *usage)
{
    struct listing listing = {.call = call, .sent = sent};
    enum status status = verb_take_filter(call, &listing.filter);
    if (status == OK)
        status = verb_check_words(call, 0, 0, usage);
    if (status != OK)
        return status;
    queue_find(queue, &listing.filter, print_view, &listing);
    return listing.count > 0 || queue_filter_is_empty(&listing.filter) ? OK
                                                                       : refused("nothing matches");
}

static enum status queue_list(void *queue, struct admin_call *call)
{
    return list(queue, call, false, "queue list " VERB_FILTER_USAGE);
}

static enum status queue_history(void *queue, struct admin_call *call)
{
    return list(queue, call, true, "queue history " VERB_FILTER_USAGE);
}

static enum status queue_show(void *state, struct admin_call *call)
{
    uint64_t id;
    struct listing listing = {.call = call, .whole = true};
    enum status status = verb_check_words(call, 1, 1, "queue show ID");
    if (status == OK)
        status = verb_take_id(call, &id);
    if (status != OK)
        return status;
    queue_each(state, id, print_view, &listing);
    if (listing.count == 0)
        return refused("there is no such message in the queue; try `mailroot trace`");
    if (!call->json)
        store_stories(queue_store(state), id, verb_print_story, call);
    return OK;
}

/* ---- queue hops ---- */

static void print_hop_json(struct buffer *out, const struct queue_hop_view *view, const char *kind)
{
    buffer_append(out, kind == NULL ? TEXT("{\"hop\":") : TEXT("{\"queue\":"));
    admin_json_text(out, view->name);
    if (kind != NULL)
        verb_json_field(out, "kind", text_from(kind));
    buffer_printf(out,
                  ",\"state\":\"%s\",\"messages\":%u,\"bytes\":%" PRIu64
                  ",\"waiting\":%u,\"remote\":%u,\"sending\":%u,\"failures\":%u",
                  view->state, view->messages, view->bytes, view->waiting, view->remote,
                  view->sending, view->failures);
    if (!text_is_empty(view->waits_for))
        verb_json_field(out, "waits_for", view->waits_for);
    verb_json_field(out, "last_error", view->last_error);
    buffer_append(out, TEXT(",\"oldest\":\""));
    verb_time(out, view->oldest_ms);
    buffer_append(out, TEXT("\",\"next_try\":\""));
    verb_time(out, view->next_try_ms);
    buffer_append(out, TEXT("\"}\n"));
}

static void print_hop(void *context, const struct queue_hop_view *view)
{
    struct listing *listing = context;
    struct buffer *out = listing->call->out;
    listing->count++;
    if (listing->call->json) {
        print_hop_json(out, view, listing->kind);
        return;
    }
    buffer_printf(out, "%-40.*s %-9s %8u %12" PRIu64 " ", TEXT_ARG(view->name), view->state,
                  view->messages, view->bytes);
    verb_age(out, view->oldest_ms == 0 ? 0 : clock_wall_ms() - view->oldest_ms);
    buffer_printf(out, " %8u %8u ", view->sending, view->failures);
    if (text_equals(text_from(view->state), TEXT("remote")))
        buffer_printf(out, "at %.*s", TEXT_ARG(view->waits_for));
    else
        verb_time(out, view->next_try_ms);
    if (!text_is_empty(view->last_error)) {
        buffer_append(out, TEXT("\n    "));
        verb_clean(out, view->last_error);
    }
    buffer_append(out, TEXT("\n"));
}

static void print_hop_heading(struct queue *queue, struct admin_call *call, const char *what)
{
    if (call->json)
        return;
    buffer_printf(call->out, "%-40s %-9s %8s %12s %5s %8s %8s %s\n", what, "state", "messages",
                  "bytes", "old", "sending", "failures", "next try");
    if (queue_outbound_is_off(queue))
        buffer_append(call->out, TEXT("outbound mail is disabled (mailroot queue resume)\n"));
}

static enum status queue_hops(void *state, struct admin_call *call)
{
    struct listing listing = {.call = call};
    enum status status = verb_check_words(call, 0, 0, "queue hops");
    if (status != OK)
        return status;
    print_hop_heading(state, call, "hop");
    queue_each_hop(state, print_hop, &listing);
    return OK;
}

/* All queues: ours, with or without mail, then one for each next hop that has some. */
static enum status queue_status(void *state, struct admin_call *call)
{
    struct listing listing = {.call = call, .kind = "own"};
    enum status status = verb_check_words(call, 0, 0, "queue status");
    if (status != OK)
        return status;
    print_hop_heading(state, call, "queue");
    queue_each_named(state, print_hop, &listing);
    listing.kind = "link";
    queue_each_hop(state, print_hop, &listing);
    return OK;
}

const struct admin_action admin_queue_actions[] = {
    {"queue list", queue_list},
    {"queue find", queue_list},
    {"queue show", queue_show},
    {"queue explain", verb_queue_explain},
    {"queue ages", verb_queue_ages},
    {"queue freeze", verb_queue_freeze},
    {"queue thaw", verb_queue_thaw},
    {"queue retry", verb_queue_retry},
    {"queue delete", verb_queue_delete},
    {"queue hold-all", verb_queue_hold_all},
    {"queue resume", verb_queue_resume},
    {"queue history", queue_history},
    {"queue resend", verb_queue_resend},
    {"queue export", verb_queue_export},
    {"queue hops", queue_hops},
    {"queue status", queue_status},
    {"mailq", verb_mailq},
    {"route", verb_route},
    {"probe", verb_probe},
    {"spf check", verb_spf_check},
    {"diagnose outbound", verb_diagnose_outbound},
    {"diagnose inbound", verb_diagnose_inbound},
    {"filter check", verb_filter_check},
    {"routing", verb_routing},
    {"trace", verb_trace},
    {"metrics", verb_metrics},
    {"store verify", verb_store_verify},
    {"store rebuild", verb_store_rebuild},
    {"store status", verb_store_status},
    {"mailbox list", verb_mailbox_list},
    {"mailbox messages", verb_mailbox_messages},
    {"user set", verb_user_set},
    {"user oof", verb_user_oof},
    {"user oof message", verb_user_oof_message},
    {"user quota", verb_user_quota},
    {"mailbox create", verb_mailbox_create},
    {"mailbox delete", verb_mailbox_delete},
    {"mailbox rename", verb_mailbox_rename},
    {"mailbox copy", verb_mailbox_copy},
    {"mailbox undelete", verb_mailbox_undelete},
    {"mailbox purge", verb_mailbox_purge},
    {"mailbox share", verb_mailbox_share},
    {"mailbox export", verb_mailbox_export},
    {"mailbox import", verb_mailbox_import},
    {"mailbox verify", verb_mailbox_verify},
    {"mailbox quota", verb_mailbox_quota},
    {"search status", verb_search_status},
    {"search rebuild", verb_search_rebuild},
    {"search filter", verb_search_filter},
    {"sieve list", verb_sieve_list},
    {"sieve show", verb_sieve_show},
    {"sieve put", verb_sieve_put},
    {"sieve activate", verb_sieve_activate},
    {"sieve remove", verb_sieve_remove},
    {"badmail list", verb_badmail_list},
    {"badmail show", verb_badmail_show},
    {"badmail requeue", verb_badmail_requeue},
    {"badmail purge", verb_badmail_purge},
    {NULL, NULL},
};
