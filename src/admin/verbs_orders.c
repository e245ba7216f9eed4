#include "admin/verbs_orders.h"

#include <stdio.h>
#include <stdlib.h>

#include "admin/words.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/map.h"

enum status verb_take_filter(struct admin_call *call, struct queue_filter *filter)
{
    uint64_t older_ms = 0;
    enum status status = verb_take_option(call, TEXT("--to"), &filter->to);
    if (status == OK)
        status = verb_take_option(call, TEXT("--from"), &filter->from);
    if (status == OK)
        status = verb_take_option(call, TEXT("--hop"), &filter->hop);
    if (status == OK)
        status = verb_take_option(call, TEXT("--queue"), &filter->queue);
    if (status == OK)
        status = verb_take_option(call, TEXT("--subject"), &filter->subject);
    if (status == OK)
        status = verb_take_time(call, TEXT("--older"), &older_ms);
    if (status == OK)
        status = verb_take_size(call, TEXT("--larger"), &filter->larger_bytes);
    filter->older_ms = older_ms < INT64_MAX ? older_ms : INT64_MAX;
    return status;
}

/* What a changing verb is about: a message, or what a filter finds. */
struct pick {
    struct queue_filter filter;
    bool all, yes, quiet;
};

static enum status take_pick(struct admin_call *call, struct pick *pick, const char *usage)
{
    pick->all = verb_take_switch(call, TEXT("--all"));
    pick->yes = verb_take_switch(call, TEXT("--yes"));
    pick->quiet = verb_take_switch(call, TEXT("--no-report"));
    enum status status = verb_take_filter(call, &pick->filter);
    bool needs_id = !pick->all && queue_filter_is_empty(&pick->filter);
    if (status == OK)
        status = verb_check_words(call, needs_id, 1, usage);
    if (status == OK && call->count > 0)
        status = verb_take_id(call, &pick->filter.id);
    return status;
}

/* One message is named; of more, the count comes first. */
static enum status confirm(struct queue *queue, const struct pick *pick)
{
    unsigned count;
    if (pick->filter.id != 0 || pick->yes)
        return OK;
    enum status status = queue_act(queue, &pick->filter, QUEUE_COUNT_ONLY, &count);
    if (status != OK)
        return status;
    if (count == 0)
        return refused("nothing matches, or it is being sent already");
    return refused("%u match; nothing was done. To do it, add --yes", count);
}

static enum status act(struct queue *queue, struct admin_call *call, const struct pick *pick,
                       enum queue_action action)
{
    static const struct {
        const char *words, *key;
    } done[] = {
        [QUEUE_COUNT_ONLY] = {"matching", "matching"},
        [QUEUE_FREEZE] = {"frozen", "frozen"},
        [QUEUE_THAW] = {"thawed", "thawed"},
        [QUEUE_RETRY] = {"due now", "retried"},
        [QUEUE_DELETE] = {"deleted, and the senders are told", "deleted"},
        [QUEUE_DROP] = {"deleted, and the senders are not told", "deleted"},
    };
    unsigned count;
    enum status status = queue_act(queue, &pick->filter, action, &count);
    if (call->json)
        buffer_printf(call->out, "{\"%s\":%u}\n", done[action].key, count);
    else
        buffer_printf(call->out, "%s: %u\n", done[action].words, count);
    if (status != OK)
        return status;
    return count > 0 ? OK : refused("nothing matches, or it is being sent already");
}

/* --hop alone is the hop itself, also for what will come. */
static bool is_hop_alone(const struct pick *pick)
{
    struct queue_filter filter = pick->filter;
    filter.hop = TEXT("");
    return !text_is_empty(pick->filter.hop) && queue_filter_is_empty(&filter);
}

static enum status order(struct queue *queue, struct admin_call *call, bool is_frozen,
                         const char *usage)
{
    struct pick pick = {0};
    enum status status = take_pick(call, &pick, usage);
    if (status == OK && is_hop_alone(&pick)) {
        if (!is_frozen && !queue_hop_is_frozen(queue, pick.filter.hop))
            return refused("this hop is not frozen");
        status = queue_freeze_hop(queue, pick.filter.hop, is_frozen);
        if (status == OK)
            buffer_printf(call->out, call->json ? "{\"%s\":1}\n" : "the hop is %s\n",
                          is_frozen ? "frozen" : "thawed");
        return status;
    }
    if (status == OK)
        status = confirm(queue, &pick);
    return status == OK ? act(queue, call, &pick, is_frozen ? QUEUE_FREEZE : QUEUE_THAW) : status;
}

enum status verb_queue_freeze(void *queue, struct admin_call *call)
{
    return order(queue, call, true, "queue freeze ID|--hop HOP|--all|FILTER [--yes]");
}

enum status verb_queue_thaw(void *queue, struct admin_call *call)
{
    return order(queue, call, false, "queue thaw ID|--hop HOP|--all|FILTER [--yes]");
}

enum status verb_queue_retry(void *state, struct admin_call *call)
{
    struct pick pick = {0};
    enum status status = take_pick(call, &pick, "queue retry ID|--hop HOP|--all|FILTER");
    if (status != OK)
        return status;
    /* What waits to be asked for or for its time is only tried when it is named. */
    if (!pick.all && !is_hop_alone(&pick) && pick.filter.id == 0)
        return act(state, call, &pick, QUEUE_RETRY);
    unsigned count = queue_retry(state, pick.filter.id, pick.filter.hop);
    buffer_printf(call->out, call->json ? "{\"retried\":%u}\n" : "due now: %u\n", count);
    return count > 0 ? OK : refused("nothing matches, or it is being sent already");
}

enum status verb_queue_delete(void *state, struct admin_call *call)
{
    struct pick pick = {0};
    enum status status =
        take_pick(call, &pick, "queue delete ID|--all|FILTER [--no-report] [--yes]");
    if (status == OK)
        status = confirm(state, &pick);
    if (status != OK)
        return status;
    if (pick.filter.id == 0)
        return act(state, call, &pick, pick.quiet ? QUEUE_DROP : QUEUE_DELETE);
    status = queue_delete(state, pick.filter.id, !pick.quiet);
    if (status == OK)
        buffer_append(call->out, call->json   ? TEXT("{\"deleted\":true}\n")
                                 : pick.quiet ? TEXT("deleted; the sender is not told\n")
                                              : TEXT("deleted; the sender is told\n"));
    return status;
}

static enum status stop_outbound(struct queue *queue, struct admin_call *call, bool is_off,
                                 const char *usage)
{
    enum status status = verb_check_words(call, 0, 0, usage);
    if (status == OK)
        status = queue_stop_outbound(queue, is_off);
    if (status == OK)
        buffer_printf(call->out, call->json ? "{\"outbound\":\"%s\"}\n" : "outbound mail is %s\n",
                      is_off ? "disabled" : "enabled");
    return status;
}

enum status verb_queue_hold_all(void *queue, struct admin_call *call)
{
    return stop_outbound(queue, call, true, "queue hold-all");
}

enum status verb_queue_resume(void *queue, struct admin_call *call)
{
    return stop_outbound(queue, call, false, "queue resume");
}

enum status verb_queue_resend(void *queue, struct admin_call *call)
{
    uint64_t id;
    unsigned count;
    struct text to;
    enum status status = verb_take_option(call, TEXT("--to"), &to);
    if (status == OK)
        status = verb_check_words(call, 1, 1, "queue resend ID [--to ADDRESS]");
    if (status == OK)
        status = verb_take_id(call, &id);
    if (status == OK)
        status = queue_resend(queue, id, to, &count);
    if (status == OK)
        buffer_printf(call->out, call->json ? "{\"resent\":%u}\n" : "sent again to: %u\n", count);
    return status;
}

/* ---- queue explain ---- */

struct explaining {
    struct admin_call *call;
    unsigned count;
};

static void print_explanation_json(struct buffer *out, const struct queue_explanation *of)
{
    buffer_printf(out, "{\"part\":%u,\"state\":\"%s\"", of->number, of->view->state);
    verb_json_field(out, "hop", of->view->hop);
    verb_json_field(out, "why", of->why);
    verb_json_field(out, "file", of->place.file);
    buffer_printf(out, ",\"line\":%u", of->place.line);
    if (of->view->recipient_count > 0)
        verb_json_field(out, "last_error", of->view->recipients[0].last_error);
    buffer_append(out, TEXT(",\"next_try\":\""));
    verb_time(out, of->next_try_ms);
    buffer_append(out, TEXT("\",\"gives_up\":\""));
    verb_time(out, of->gives_up_ms);
    buffer_append(out, TEXT("\"}\n"));
}

static void print_explanation(void *context, const struct queue_explanation *of)
{
    struct explaining *explaining = context;
    struct buffer *out = explaining->call->out;
    explaining->count++;
    if (explaining->call->json) {
        print_explanation_json(out, of);
        return;
    }
    buffer_printf(out, "part %u for %.*s, %u recipients: %s\n    %.*s", of->number,
                  TEXT_ARG(of->view->hop), of->view->recipient_count, of->view->state,
                  TEXT_ARG(of->why));
    if (of->place.line > 0)
        buffer_printf(out, "   # %.*s:%u", TEXT_ARG(of->place.file), of->place.line);
    for (unsigned i = 0; i < of->view->recipient_count && i < 10; i++) {
        const struct queue_view_recipient *recipient = &of->view->recipients[i];
        if (text_is_empty(recipient->last_error))
            continue;
        buffer_printf(out, "\n    last error, for %.*s: %.*s ", TEXT_ARG(recipient->address),
                      TEXT_ARG(recipient->enhanced));
        verb_clean(out, recipient->last_error);
    }
    buffer_printf(out, "\n    attempts: %u, next: ", of->view->attempts);
    verb_time(out, of->next_try_ms);
    buffer_append(out, TEXT(", given up: "));
    verb_time(out, of->gives_up_ms);
    buffer_append(out, TEXT("\n"));
}

enum status verb_queue_explain(void *state, struct admin_call *call)
{
    uint64_t id;
    struct explaining explaining = {.call = call};
    enum status status = verb_check_words(call, 1, 1, "queue explain ID");
    if (status == OK)
        status = verb_take_id(call, &id);
    if (status != OK)
        return status;
    queue_explain(state, id, print_explanation, &explaining);
    return explaining.count > 0
               ? OK
               : refused("there is no such message in the queue; try `mailroot trace`");
}

/* ---- queue ages ---- */

enum { AGES = 7, AGE_HOPS_MOST = 1000 };
static const int64_t age_limits[AGES - 1] = {5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, DAY, 3 * DAY};
static const char *const age_names[AGES] = {"5m", "15m", "1h", "4h", "1d", "3d", "older"};

struct ages {
    struct map *by_hop; /* name -> struct hop_ages */
    struct hop_ages {
        char *name;
        unsigned total, counts[AGES];
    } rows[AGE_HOPS_MOST + 1]; /* the last: of all other hops */
    unsigned count;
};

static struct hop_ages *row_for(struct ages *ages, struct text hop)
{
    struct hop_ages *row = map_get(ages->by_hop, hop);
    if (row != NULL || ages->count == AGE_HOPS_MOST)
        return row != NULL ? row : &ages->rows[AGE_HOPS_MOST];
    row = &ages->rows[ages->count++];
    row->name = text_to_string(hop);
    map_put(ages->by_hop, hop, row);
    return row;
}

static void count_age(void *context, const struct queue_view *view)
{
    int64_t age = clock_wall_ms() - view->received_ms;
    unsigned i = 0;
    while (i < AGES - 1 && age >= age_limits[i])
        i++;
    if (text_is_empty(view->hop))
        return;
    struct hop_ages *row = row_for(context, view->hop);
    row->total++;
    row->counts[i]++;
}

static int by_total(const void *a, const void *b)
{
    const struct hop_ages *left = a, *right = b;
    return left->total > right->total ? -1 : left->total < right->total;
}

static void print_ages(const struct admin_call *call, const struct hop_ages *row)
{
    const char *name = row->name != NULL ? row->name : "all others";
    if (call->json) {
        buffer_append(call->out, TEXT("{\"hop\":"));
        admin_json_text(call->out, text_from(name));
        buffer_printf(call->out, ",\"total\":%u", row->total);
    } else {
        buffer_printf(call->out, "%-40s %8u", name, row->total);
    }
    for (unsigned i = 0; i < AGES && call->json; i++)
        buffer_printf(call->out, ",\"%s\":%u", age_names[i], row->counts[i]);
    for (unsigned i = 0; i < AGES && !call->json; i++)
        buffer_printf(call->out, " %8u", row->counts[i]);
    buffer_append(call->out, call->json ? TEXT("}\n") : TEXT("\n"));
}

enum status verb_queue_ages(void *state, struct admin_call *call)
{
    enum status status = verb_check_words(call, 0, 0, "queue ages");
    if (status != OK)
        return status;
    struct ages *ages = calloc(1, sizeof(*ages));
    check(ages != NULL);
    ages->by_hop = map_new();
    queue_each(state, 0, count_age, ages);
    qsort(ages->rows, ages->count, sizeof(*ages->rows), by_total);
    if (!call->json) {
        buffer_printf(call->out, "%-40s %8s", "hop", "total");
        for (unsigned i = 0; i < AGES; i++)
            buffer_printf(call->out, " %8s", age_names[i]);
        buffer_append(call->out, TEXT("\n"));
    }
    for (unsigned i = 0; i < ages->count; i++)
        print_ages(call, &ages->rows[i]);
    if (ages->rows[AGE_HOPS_MOST].total > 0)
        print_ages(call, &ages->rows[AGE_HOPS_MOST]);
    for (unsigned i = 0; i < ages->count; i++)
        free(ages->rows[i].name);
    map_free(&ages->by_hop);
    free(ages);
    return OK;
}
