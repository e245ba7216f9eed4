/* From an address to the host that should take its mail. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/id.h"
#include "decide/opening.h"
#include "decide/relay.h"
#include "decide/route.h"
#include "mail/address.h"
#include "queue/internal.h"
#include "queue/look/diagnose.h"
#include "queue/look/probe.h"

enum { WAITING_TOLD = 3 };

struct outbound {
    struct queue *queue;
    const struct queue_diagnosis *question;
    struct settings *settings; /* held */
    struct findings *findings;
    struct text target, domain;                /* where the address leads, and of that */
    const struct setting_connector *connector; /* that takes it, or NULL */
    bool goes_out, is_refused;
    struct text refused_at; /* "mailroot.conf:12" of what excluded the first connector */
    unsigned waiting;
    uint64_t oldest; /* id of the first message that waits for the address */
};

/* " (mailroot.conf:12)", or "". */
static struct text at_place(struct arena *arena, const struct setting_place *place)
{
    if (place->line == 0)
        return TEXT("");
    return arena_printf(arena, " (%.*s:%u)", TEXT_ARG(place->file), place->line);
}

/* ---- which way ---- */

static void on_next_hop(struct outbound *outbound, const struct queue_route_line *line)
{
    struct arena *arena = outbound->findings->arena;
    outbound->goes_out = true;
    outbound->target = arena_copy(arena, line->target);
    outbound->domain =
        text_from_position(outbound->target, text_find_last(outbound->target, '@') + 1);
    const struct setting_connector *connector =
        settings_connector_find(outbound->settings, line->connector);
    if (connector != NULL)
        outbound->connector = connector;
    if (text_is_empty(line->connector))
        findings_add(outbound->findings, FINDING_OK, "route", TEXT(""),
                     "%.*s goes by the MX records of its domain", TEXT_ARG(line->target));
    else
        findings_add(outbound->findings, FINDING_OK, "route", TEXT(""),
                     "%.*s goes by connector %.*s to %.*s%.*s", TEXT_ARG(line->target),
                     TEXT_ARG(line->connector), TEXT_ARG(line->hosts),
                     TEXT_ARG(at_place(arena, &line->place)));
}

static void on_refused(struct outbound *outbound, const struct queue_route_line *line)
{
    outbound->is_refused = true;
    findings_add(outbound->findings, FINDING_FAULT, "route",
                 TEXT("no connector for the domain admits such a message: the settings said below "
                      "exclude it"),
                 "%.*s: %.*s", TEXT_ARG(line->target), TEXT_ARG(line->reason));
}

/* Where else it could have gone matters only when it goes nowhere. */
static void on_other(struct outbound *outbound, const struct queue_route_line *line)
{
    if (outbound->is_refused && !text_is_empty(line->space))
        findings_add(outbound->findings, FINDING_WARNING, "connector", TEXT(""),
                     "not by %.*s: %.*s%.*s", TEXT_ARG(line->connector), TEXT_ARG(line->reason),
                     TEXT_ARG(at_place(outbound->findings->arena, &line->place)));
}

static void on_line(void *context, const struct queue_route_line *line)
{
    struct outbound *outbound = context;
    struct text kind = text_from(line->kind);
    if (text_equals(kind, TEXT("other")))
        on_other(outbound, line);
    else if (text_equals(kind, TEXT("next-hop")))
        on_next_hop(outbound, line);
    else if (text_equals(kind, TEXT("refused")))
        on_refused(outbound, line);
    else if (text_equals(kind, TEXT("unreachable")))
        findings_add(outbound->findings, FINDING_FAULT, "route", TEXT("mailroot routing"),
                     "%.*s: %.*s", TEXT_ARG(line->target), TEXT_ARG(line->reason));
    else if (text_equals(kind, TEXT("mailbox")))
        findings_add(outbound->findings, FINDING_OK, "route",
                     TEXT("see also: mailroot diagnose inbound"),
                     "%.*s is a mailbox here: nothing goes out", TEXT_ARG(line->target));
    else if (text_equals(kind, TEXT("loop")))
        findings_add(outbound->findings, FINDING_FAULT, "route",
                     TEXT("an alias or group leads back to itself: mailroot alias list"),
                     "%.*s is forwarded in a circle", TEXT_ARG(line->target));
    else
        findings_add(outbound->findings, FINDING_FAULT, "route",
                     TEXT("mailroot user add; or, when the domain is not ours alone, say in its "
                          "block: unresolved forward HOST"),
                     "%.*s: the domain is ours, and knows nobody of this name",
                     TEXT_ARG(line->target));
}

/* ---- may it be sent through us? ---- */

static enum relay_verdict relay_verdict_of(const struct outbound *outbound,
                                           const struct setting_server *server)
{
    struct net_address nowhere = {0};
    struct relay_facts facts = {.settings = outbound->settings,
                                .server = server,
                                .service = SERVICE_SUBMISSION,
                                .peer = &nowhere,
                                .login = outbound->question->login,
                                .domain = outbound->domain};
    return decide_relay(&facts).verdict;
}

static void look_at_relaying(struct outbound *outbound)
{
    const struct settings *settings = outbound->settings;
    struct text login = outbound->question->login;
    unsigned open = 0, networks = 0;
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        if (text_is_empty(login))
            open += server->relay_logged_in && server->mechanisms != 0;
        else
            open += relay_verdict_of(outbound, server) == RELAY_ONWARD;
        networks += server->relay_network_count;
    }
    if (open > 0)
        findings_add(outbound->findings, FINDING_OK, "relay", TEXT(""),
                     "%s may send to other domains by %u of %u servers",
                     text_is_empty(login) ? "who is logged in" : "this user", open,
                     settings->server_count);
    else
        findings_add(outbound->findings, networks > 0 ? FINDING_WARNING : FINDING_FAULT, "relay",
                     TEXT("write `relay logged-in` in the server that users send by"),
                     "no server lets %s send to other domains%s",
                     text_is_empty(login) ? "users" : "this user",
                     networks > 0 ? ", only networks may" : "");
}

/* ---- does the connector send now? ---- */

static void look_at_schedule(struct outbound *outbound)
{
    const struct setting_connector *connector = outbound->connector;
    int64_t now_ms = clock_wall_ms();
    struct arena *arena = outbound->findings->arena;
    struct setting_place place =
        settings_connector_place(outbound->settings, connector, "schedule");
    int64_t opens_ms =
        decide_opening(&connector->schedule, now_ms, now_ms, clock_local_east_ms(now_ms));
    char time[CLOCK_TEXT_BYTES];
    if (opens_ms <= now_ms)
        return;
    findings_add(outbound->findings, FINDING_FAULT, "schedule",
                 TEXT("wait, or change `schedule` of the connector; mailroot queue retry --hop "
                      "sends now"),
                 "connector %.*s sends nothing now%s%s%.*s", TEXT_ARG(connector->name),
                 opens_ms == INT64_MAX ? ", nor ever by itself" : "; it does at ",
                 opens_ms == INT64_MAX ? "" : clock_rfc3339(opens_ms, time),
                 TEXT_ARG(at_place(arena, &place)));
}

static void look_at_connector(struct outbound *outbound)
{
    const struct setting_connector *connector = outbound->connector;
    if (connector == NULL)
        return;
    look_at_schedule(outbound);
    if (!connector->holds)
        return;
    struct setting_place place = settings_connector_place(outbound->settings, connector, "hold");
    findings_add(outbound->findings, FINDING_WARNING, "hold",
                 TEXT("the other side must ask for it by ETRN, TURN or ATRN"),
                 "mail of connector %.*s waits to be asked for%.*s", TEXT_ARG(connector->name),
                 TEXT_ARG(at_place(outbound->findings->arena, &place)));
}

/* ---- what waits already ---- */

/* Of the domain alone, or of all that the connector's hosts take. */
static struct text hop_name(const struct outbound *outbound, bool is_by_domain)
{
    struct item item = {.domain = is_by_domain ? outbound->domain : TEXT("")};
    if (outbound->connector != NULL)
        item.connector = outbound->connector->name;
    return item_hop_name(&item, outbound->findings->arena);
}

static void look_at_orders(struct outbound *outbound)
{
    if (queue_outbound_is_off(outbound->queue))
        findings_add(outbound->findings, FINDING_FAULT, "queue", TEXT("mailroot queue resume"),
                     "all mail to other hosts is disabled");
    for (int by_domain = 0; by_domain < 2; by_domain++) {
        struct text name = hop_name(outbound, by_domain);
        if (!text_is_empty(name) && queue_hop_is_frozen(outbound->queue, name))
            findings_add(outbound->findings, FINDING_FAULT, "queue",
                         arena_printf(outbound->findings->arena, "mailroot queue thaw --hop '%.*s'",
                                      TEXT_ARG(name)),
                         "an administrator froze the hop %.*s", TEXT_ARG(name));
    }
}

static void look_at_hop(struct outbound *outbound)
{
    char time[CLOCK_TEXT_BYTES];
    const struct hop *hop = map_get(outbound->queue->hops, hop_name(outbound, true));
    if (hop == NULL)
        hop = map_get(outbound->queue->hops, hop_name(outbound, false));
    if (hop == NULL)
        return;
    int64_t rest_ms = lanes_rest(hop);
    bool waits = rest_ms > clock_wall_ms();
    findings_add(
        outbound->findings, waits ? FINDING_WARNING : FINDING_OK, "queue",
        waits ? TEXT("it is tried by itself; mailroot queue retry --hop tries now") : TEXT(""),
        "%u messages wait for the hop %.*s%s%s%s%s", hop->users, TEXT_ARG(hop->name),
        waits ? ", which is tried again at " : "", waits ? clock_rfc3339(rest_ms, time) : "",
        hop->last_error == NULL ? "" : "; the last error was: ",
        hop->last_error == NULL ? "" : hop->last_error);
}

static void on_waiting(void *context, const struct queue_view *view)
{
    struct outbound *outbound = context;
    struct queue_filter filter = {.to = outbound->target};
    if (!queue_filter_matches(&filter, view) || outbound->waiting++ >= WAITING_TOLD)
        return;
    char id[ID_TEXT_BYTES];
    struct text said = TEXT("");
    for (unsigned i = 0; i < view->recipient_count; i++)
        if (text_equals_nocase(view->recipients[i].address, outbound->target))
            said = view->recipients[i].last_error;
    id_format(view->id, id);
    findings_add(outbound->findings, FINDING_WARNING, "message",
                 arena_printf(outbound->findings->arena, "mailroot queue explain %s", id),
                 "%s, %s for %" PRId64 " minutes%s%.*s", id, view->state,
                 (clock_wall_ms() - view->received_ms) / MINUTE, text_is_empty(said) ? "" : ": ",
                 TEXT_ARG(text_head(said, 400)));
}

/* ---- the host ---- */

static enum status look_at_host(struct outbound *outbound)
{
    struct queue_probe probe = {.kind = QUEUE_PROBE_DOMAIN, .domain = outbound->domain};
    struct arena *arena = outbound->findings->arena;
    struct text ascii;
    if (mail_domain_to_ascii(outbound->domain, arena, &ascii))
        probe.domain = ascii;
    if (outbound->connector != NULL)
        probe.connector = outbound->connector->name;
    probe.from = outbound->question->from;
    probe.recipient = outbound->target;
    probe.asks_recipient = !text_is_empty(probe.from);
    enum status status = queue_look(outbound->queue, &probe, outbound->findings);
    if (status != OK)
        findings_add(outbound->findings, FINDING_FAULT, "sender",
                     TEXT("mailroot status; mailroot serve"), "%s", fail_reason());
    return status;
}

static enum status diagnose(struct outbound *outbound)
{
    const struct queue_diagnosis *question = outbound->question;
    struct findings *findings = outbound->findings;
    struct mail_address address;
    struct queue_route_question route = {
        .to = question->address, .from = question->from, .login = question->login};
    if (mail_address_parse(question->address, findings->arena, &address) != OK) {
        findings_add(findings, FINDING_FAULT, "address", TEXT("write it as user@domain"),
                     "%.*s: %s", TEXT_ARG(text_head(question->address, 300)), fail_reason());
        return OK;
    }
    findings_add(findings, FINDING_OK, "address", TEXT(""), "%.*s is well formed",
                 TEXT_ARG(question->address));
    enum status status = queue_route(outbound->queue, &route, on_line, outbound);
    if (status != OK) {
        findings_add(findings, FINDING_FAULT, "directory", TEXT("mailroot status; mailroot serve"),
                     "%s", fail_reason());
        return status;
    }
    if (!outbound->goes_out)
        return OK;
    look_at_relaying(outbound);
    look_at_connector(outbound);
    look_at_orders(outbound);
    look_at_hop(outbound);
    queue_each(outbound->queue, 0, on_waiting, outbound);
    return look_at_host(outbound);
}

enum status queue_diagnose_outbound(struct queue *queue, const struct queue_diagnosis *question,
                                    struct findings *findings)
{
    struct outbound outbound = {.queue = queue,
                                .question = question,
                                .settings = settings_hold(queue->settings),
                                .findings = findings};
    enum status status = diagnose(&outbound);
    settings_release(&outbound.settings);
    return status;
}
