/* What the filters would do with a stranger and his message, in the order in which they are asked.
 */
#include "mail/address.h"
#include "queue/block_lists.h"
#include "queue/internal.h"
#include "queue/look/diagnose.h"

struct look {
    struct queue *queue;
    const struct settings *settings;
    const struct queue_stranger *stranger;
    struct findings *findings;
    struct text peer; /* as a remedy names him */
    uint32_t applied; /* enum setting_filters */
    bool is_excepted; /* the recipient, from block lists */
};

static struct text place_text(const struct look *look, struct setting_place place)
{
    return arena_printf(look->findings->arena, "%.*s:%u", TEXT_ARG(place.file), place.line);
}

/* Which filters the servers apply, and where. */
static bool look_at_servers(struct look *look)
{
    static const char *const words[] = {"connection", "sender", "recipient"};
    const struct settings *settings = look->settings;
    bool is_there = text_is_empty(look->stranger->server);
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        bool is_meant = text_is_empty(look->stranger->server) ||
                        text_equals(server->name, look->stranger->server);
        is_there = is_there || is_meant;
        for (unsigned k = 0; is_meant && k < server->filter_count; k++)
            look->applied |= server->filters[k].filters;
    }
    for (unsigned i = 0; is_there && i < sizeof(words) / sizeof(*words); i++)
        if ((look->applied & UINT32_C(1) << i) == 0)
            findings_add(
                look->findings, FINDING_WARNING, "applied",
                arena_printf(look->findings->arena, "write in a server block: filter %s", words[i]),
                "the filter %s is applied by no server%s%.*s", words[i],
                text_is_empty(look->stranger->server) ? "" : " of the name ",
                TEXT_ARG(look->stranger->server));
    return is_there;
}

/* `accept` and `deny`. False: nothing behind them is asked. */
static bool look_at_address(const struct look *look)
{
    struct filter_decision decision =
        decide_filter_address(look->settings, &look->stranger->address);
    struct text place = place_text(look, decision.reason.place);
    if (decision.verdict == FILTER_WANTED) {
        findings_add(look->findings, FINDING_OK, "accept", TEXT(""),
                     "%.*s is in accept (%.*s), no filter is for it", TEXT_ARG(look->peer),
                     TEXT_ARG(place));
        return false;
    }
    if (decision.verdict == FILTER_UNWANTED && (look->applied & FILTER_CONNECTION) != 0) {
        findings_add(look->findings, FINDING_FAULT, "deny",
                     arena_printf(look->findings->arena, "to let it in: filter { accept %.*s }",
                                  TEXT_ARG(look->peer)),
                     "%.*s is in deny (%.*s), and turned away when it connects: 554 5.7.1",
                     TEXT_ARG(look->peer), TEXT_ARG(place));
        return false;
    }
    findings_add(look->findings, FINDING_OK, "address", TEXT(""),
                 "%.*s is in neither accept nor deny", TEXT_ARG(look->peer));
    return true;
}

static const char *fate_of_sender(const struct setting_filter *filter)
{
    switch (filter->sender_action) {
    case SENDER_REFUSE:
        return filter->archives ? "archived, and refused at its end: 554 5.1.0"
                                : "refused at MAIL: 554 5.1.0";
    case SENDER_DROP:
        return "refused at MAIL and the connection closed: 421 4.7.1";
    case SENDER_DISCARD:
        return filter->archives ? "taken and archived" : "taken and thrown away";
    }
    return "";
}

static void look_at_sender(const struct look *look)
{
    struct mail_address address;
    struct text from = look->stranger->from;
    bool is_null = text_equals(from, TEXT("<>"));
    if (text_is_empty(from) || (look->applied & FILTER_SENDER) == 0 ||
        (!is_null && mail_address_parse(from, look->findings->arena, &address) != OK))
        return;
    struct filter_decision decision =
        decide_filter_sender(look->settings, is_null ? NULL : &address);
    struct text place = place_text(look, decision.reason.place);
    if (decision.verdict == FILTER_UNWANTED)
        findings_add(look->findings, FINDING_FAULT, "sender",
                     arena_printf(look->findings->arena, "see %.*s", TEXT_ARG(place)),
                     "%.*s is filtered by '%s%.*s': its mail is %s", TEXT_ARG(from),
                     is_null ? "sender blank" : "sender ", TEXT_ARG(decision.reason.fact),
                     fate_of_sender(&look->settings->filter));
    else
        findings_add(look->findings, FINDING_OK, "sender", TEXT(""), "%.*s is not filtered",
                     TEXT_ARG(from));
}

static void look_at_recipient(struct look *look)
{
    struct mail_address address;
    struct text to = look->stranger->to;
    if (text_is_empty(to) || mail_address_parse(to, look->findings->arena, &address) != OK)
        return;
    look->is_excepted = decide_filter_excepts(look->settings, &address);
    if ((look->applied & FILTER_RECIPIENT) == 0)
        return;
    struct filter_decision decision = decide_filter_recipient(look->settings, &address);
    struct text place = place_text(look, decision.reason.place);
    if (decision.verdict == FILTER_UNWANTED)
        findings_add(look->findings, FINDING_FAULT, "recipient",
                     arena_printf(look->findings->arena, "see %.*s", TEXT_ARG(place)),
                     "%.*s is filtered by 'recipient %.*s': refused at RCPT, 550 5.7.1",
                     TEXT_ARG(to), TEXT_ARG(decision.reason.fact));
    else
        findings_add(look->findings, FINDING_OK, "recipient", TEXT(""), "%.*s is not filtered",
                     TEXT_ARG(to));
}

/* One answer of a list, and what it means. */
static void tell_code(const struct look *look, const struct setting_block_list *list, uint32_t code)
{
    static const char *const meanings[] = {
        [FILTER_CODE_COUNTS] = "which counts",
        [FILTER_CODE_OTHER] = "which does not count by its codes",
        [FILTER_CODE_NO_ANSWER] = "by which the list says that it does not answer us",
        [FILTER_CODE_FOREIGN] = "which is no answer of a block list (RFC 5782)",
    };
    enum filter_code meaning = decide_filter_code(list, code);
    bool refuses = meaning == FILTER_CODE_COUNTS && !look->is_excepted;
    bool is_useless = meaning == FILTER_CODE_NO_ANSWER || meaning == FILTER_CODE_FOREIGN;
    struct buffer reply;
    buffer_init(&reply, 1024);
    decide_filter_reply(list, look->peer, &reply);
    findings_add(look->findings,
                 refuses      ? FINDING_FAULT
                 : is_useless ? FINDING_WARNING
                              : FINDING_OK,
                 "block-list",
                 refuses ? arena_printf(look->findings->arena,
                                        "to let it in: filter { accept %.*s }, or: block-lists "
                                        "except RECIPIENT",
                                        TEXT_ARG(look->peer))
                         : TEXT(""),
                 "%.*s is %u.%u.%u.%u in %.*s (%.*s), %s%s%.*s", TEXT_ARG(look->peer), code >> 24,
                 code >> 16 & 255, code >> 8 & 255, code & 255, TEXT_ARG(list->name),
                 TEXT_ARG(list->zone), meanings[meaning],
                 refuses                         ? ": refused at RCPT, 550 5.7.1 "
                 : meaning == FILTER_CODE_COUNTS ? ", but not for this recipient"
                                                 : "",
                 TEXT_ARG(refuses ? buffer_text(&reply) : TEXT("")));
    buffer_finish(&reply);
}

static void tell_listing(const struct look *look, const struct setting_block_list *list,
                         const struct filter_listing *listing)
{
    for (unsigned i = 0; listing != NULL && i < listing->code_count; i++)
        tell_code(look, list, listing->codes[i]);
    if (listing == NULL || listing->is_unknown)
        findings_add(look->findings, FINDING_WARNING, "block-list",
                     TEXT("ask it by hand; who is not known there is taken"),
                     "%.*s (%.*s) gave no answer in time", TEXT_ARG(list->name),
                     TEXT_ARG(list->zone));
    else if (listing->code_count == 0)
        findings_add(look->findings, FINDING_OK, "block-list", TEXT(""),
                     "%.*s is not in %.*s (%.*s)", TEXT_ARG(look->peer), TEXT_ARG(list->name),
                     TEXT_ARG(list->zone));
}

/* YIELDS. */
static void look_at_lists(const struct look *look)
{
    const struct settings *settings = look->settings;
    struct filter_listing *listings = NULL;
    unsigned count = 0;
    if ((look->applied & FILTER_CONNECTION) == 0 || settings->block_list_count == 0)
        return;
    if (look->queue->send == NULL ||
        block_lists_ask(look->queue->send, &look->stranger->address, settings->filter.list_wait_ms,
                        look->findings->arena, &listings, &count) != OK) {
        findings_add(look->findings, FINDING_WARNING, "block-list",
                     TEXT("mailroot status; mailroot serve"), "no list can be asked: %s",
                     look->queue->send == NULL ? "the server is not running" : fail_reason());
        return;
    }
    for (unsigned i = 0; i < settings->block_list_count; i++) {
        const struct setting_block_list *list = &settings->block_lists[i];
        const struct filter_listing *found = NULL;
        for (unsigned k = 0; k < count && found == NULL; k++)
            if (text_equals(listings[k].list, list->name))
                found = &listings[k];
        tell_listing(look, list, found);
    }
}

enum status queue_diagnose_filters(struct queue *queue, const struct queue_stranger *stranger,
                                   struct findings *findings)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    struct settings *settings = settings_hold(queue->settings);
    struct look look = {.queue = queue,
                        .settings = settings,
                        .stranger = stranger,
                        .findings = findings,
                        .peer = text_from(net_address_host(&stranger->address, text))};
    enum status status = OK;
    if (!look_at_servers(&look)) {
        status = refused("there is no server '%.*s'", TEXT_ARG(stranger->server));
    } else if (look_at_address(&look)) {
        if (net_network_find(settings->filter.relays, settings->filter.relay_count,
                             &stranger->address) != NULL)
            findings_add(findings, FINDING_WARNING, "relays",
                         TEXT("ask about the host that gave the message to it"),
                         "%.*s is a relay of ours: who gave it the message is looked for in its "
                         "place",
                         TEXT_ARG(look.peer));
        look_at_sender(&look);
        look_at_recipient(&look);
        look_at_lists(&look);
    }
    settings_release(&settings);
    return status;
}
