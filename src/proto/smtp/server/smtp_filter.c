#include "proto/smtp/server/smtp_filter.h"

#include <inttypes.h>

#include "base/id.h"
#include "base/logline.h"
#include "mail/received.h"
#include "queue/block_lists.h"

enum { REPLY_MAX = 1024, STORY_MAX = 2048 };

static bool applies(const struct smtp_session *session, enum setting_filters filter)
{
    return (session->filtering.applied & filter) != 0 && session->login[0] == '\0';
}

static void count(const struct smtp_session *session, enum queue_filtered what)
{
    queue_count_filtered(session->front->role->store, what);
}

struct filter_decision smtp_filter_meet(struct smtp_session *session)
{
    struct smtp_filtering *filtering = &session->filtering;
    const struct settings *settings = session->settings;
    const struct net_address *peer = stream_peer(session->line.stream);
    struct filter_decision decision = {.verdict = FILTER_UNKNOWN};
    struct net_address local;
    *filtering = (struct smtp_filtering){0};
    if (session->server->filter_count == 0 || !stream_local(session->line.stream, &local))
        return decision;
    filtering->applied = decide_filters(session->server, session->service, &local);
    if (filtering->applied == 0)
        return decision;
    decision = decide_filter_address(settings, peer);
    if (decision.verdict == FILTER_WANTED) {
        filtering->applied = 0;
        count(session, FILTERED_ACCEPTED);
        log_info("smtp.unfiltered", "peer=%s reason=%s", log_text(text_from(session->peer)),
                 decision.reason.rule);
    }
    /* Whom `accept` has no filter is for; `deny` is a matter of `connection` alone. */
    if ((filtering->applied & FILTER_CONNECTION) == 0)
        return (struct filter_decision){.verdict = FILTER_UNKNOWN};
    filtering->is_behind =
        net_network_find(settings->filter.relays, settings->filter.relay_count, peer) != NULL;
    if (decision.verdict == FILTER_UNWANTED)
        count(session, FILTERED_DENIED);
    return decision;
}

/* MAIL */

bool smtp_filter_sender(struct smtp_session *session, const struct mail_address *sender)
{
    const struct setting_filter *filter = &session->settings->filter;
    if (!applies(session, FILTER_SENDER))
        return true;
    struct filter_decision decision = decide_filter_sender(session->settings, sender);
    if (decision.verdict != FILTER_UNWANTED)
        return true;
    count(session, FILTERED_SENDER);
    if (filter->sender_action == SENDER_DROP) {
        session->line.ended = true;
        smtp_answer_because(session, SMTP_SENDER_DROPPED, TEXT(""), &decision.reason, 1);
        return false;
    }
    if (filter->sender_action == SENDER_REFUSE && !filter->archives) {
        smtp_answer_because(session, SMTP_SENDER_FILTERED, TEXT(""), &decision.reason, 1);
        return false;
    }
    session->transaction.filtered = decision;
    return true;
}

static bool is_unwanted(const struct smtp_session *session)
{
    return session->transaction.filtered.verdict == FILTER_UNWANTED;
}

bool smtp_filter_archives(const struct smtp_session *session)
{
    return is_unwanted(session) && session->settings->filter.archives;
}

bool smtp_filter_discards(const struct smtp_session *session)
{
    return is_unwanted(session) && !session->settings->filter.archives;
}

static void tell(struct smtp_session *session, const struct decision_reason *reason,
                 const char *fate)
{
    const struct smtp_server_transaction *transaction = &session->transaction;
    const struct queue_envelope *envelope = &transaction->envelope;
    char id[ID_TEXT_BYTES], session_id[ID_TEXT_BYTES];
    struct buffer story;
    id_format(envelope->id, id);
    buffer_init(&story, STORY_MAX);
    buffer_printf(&story, "session=%s peer=%s from=%s to-count=%u size=%" PRIu64 " reason=%s",
                  id_format(session->id, session_id), log_text(text_from(session->peer)),
                  log_text(envelope->sender), envelope->recipient_count, transaction->intake.size,
                  log_text(text_from(reason->rule)));
    buffer_printf(&story, " setting=%.*s:%u fact=%s fate=%s",
                  TEXT_ARG(text_head(reason->place.file, 200)), reason->place.line,
                  log_text(reason->fact), fate);
    queue_story(session->front->role->store, envelope->id, TEXT("smtp.filtered"),
                buffer_text(&story));
    log_info("smtp.filtered", "id=%s %.*s", id, (int)story.length, story.data);
    buffer_finish(&story);
}

void smtp_filter_answer_discarded(struct smtp_session *session,
                                  const struct decision_reason *reason)
{
    char id[ID_TEXT_BYTES];
    tell(session, reason, "discarded");
    smtp_answer(session, SMTP_MESSAGE_ACCEPTED,
                text_from(id_format(session->transaction.envelope.id, id)));
}

void smtp_filter_answer_unwanted(struct smtp_session *session)
{
    const struct smtp_server_transaction *transaction = &session->transaction;
    const struct decision_reason *reason = &transaction->filtered.reason;
    char id[ID_TEXT_BYTES];
    tell(session, reason, smtp_filter_archives(session) ? "archived" : "discarded");
    if (session->settings->filter.sender_action == SENDER_REFUSE)
        smtp_answer_because(session, SMTP_SENDER_FILTERED, TEXT(""), reason, 1);
    else
        smtp_answer(session, SMTP_MESSAGE_ACCEPTED,
                    text_from(id_format(transaction->envelope.id, id)));
}

/* RCPT */

bool smtp_filter_recipient(struct smtp_session *session, const struct mail_address *recipient)
{
    if (!applies(session, FILTER_RECIPIENT))
        return true;
    struct filter_decision decision = decide_filter_recipient(session->settings, recipient);
    if (decision.verdict != FILTER_UNWANTED)
        return true;
    count(session, FILTERED_RECIPIENT);
    smtp_answer_because(session, SMTP_RECIPIENT_FILTERED, TEXT(""), &decision.reason, 1);
    return false;
}

/* Which list has the address, if any; what cannot be found out refuses nobody. YIELDS. */
static void look_up(struct smtp_session *session, const struct net_address *address,
                    struct smtp_filtering *found)
{
    struct arena *arena = &session->line.arena;
    const struct settings *settings = session->settings;
    struct filter_listing *listings;
    unsigned listing_count;
    char text[NET_ADDRESS_TEXT_BYTES];
    found->was_listed = true;
    if (block_lists_ask(session->front->role->send, address, settings->filter.list_wait_ms, arena,
                        &listings, &listing_count) != OK)
        log_info("smtp.block-lists-away", "peer=%s address=%s reason=%s",
                 log_text(text_from(session->peer)), net_address_host(address, text),
                 log_text(text_from(fail_reason())));
    found->list = decide_filter_listed(settings, listings, listing_count, &found->code);
}

static void refuse_listed(struct smtp_session *session, const struct net_address *address,
                          const struct smtp_filtering *found)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    struct buffer reply;
    struct text host = text_from(net_address_host(address, text));
    struct text fact =
        arena_printf(&session->line.arena, "%.*s is %u.%u.%u.%u in %.*s", TEXT_ARG(host),
                     found->code >> 24, found->code >> 16 & 255, found->code >> 8 & 255,
                     found->code & 255, TEXT_ARG(found->list->zone));
    struct decision_reason reason = {
        .rule = "block-list", .place = found->list->place, .fact = fact};
    count(session, FILTERED_LISTED);
    buffer_init(&reply, REPLY_MAX);
    decide_filter_reply(found->list, host, &reply);
    smtp_answer_because(session, SMTP_BLOCKED, buffer_text(&reply), &reason, 1);
    buffer_finish(&reply);
}

bool smtp_filter_lists(struct smtp_session *session, const struct mail_address *recipient)
{
    struct smtp_filtering *filtering = &session->filtering;
    const struct net_address *peer = stream_peer(session->line.stream);
    if (!applies(session, FILTER_CONNECTION) || filtering->is_behind || is_unwanted(session) ||
        session->settings->block_list_count == 0 ||
        decide_filter_excepts(session->settings, recipient))
        return true;
    if (!filtering->was_listed)
        look_up(session, peer, filtering);
    if (filtering->list == NULL)
        return true;
    refuse_listed(session, peer, filtering);
    return false;
}

/* The message */

bool smtp_filter_wants_header(const struct smtp_session *session)
{
    return applies(session, FILTER_CONNECTION) && session->filtering.is_behind &&
           !is_unwanted(session);
}

/* The addresses that it came by, the last hop first: ours to him, him to ... */
static unsigned find_path(const struct smtp_session *session, struct text header,
                          struct net_address path[SMTP_PATH_MOST])
{
    struct header_field field;
    unsigned length = 1;
    path[0] = *stream_peer(session->line.stream);
    while (length < SMTP_PATH_MOST && header_next_valid(&header, &field)) {
        if (!text_equals_nocase(field.name, TEXT("Received")))
            continue;
        if (!received_from_address(field.body, &path[length]))
            break;
        length++;
    }
    return length;
}

const struct net_address *smtp_filter_origin(const struct smtp_session *session, struct text header,
                                             struct net_address path[SMTP_PATH_MOST])
{
    return decide_filter_origin(session->settings, path, find_path(session, header, path));
}

/* The answer is for all of them at once, so that whom an exception is for takes the others along.
 */
static bool is_for_excepted(struct smtp_session *session)
{
    const struct queue_envelope *envelope = &session->transaction.envelope;
    struct mail_address address;
    for (unsigned i = 0; i < envelope->recipient_count; i++)
        if (mail_address_parse(envelope->recipients[i].address, &session->line.arena, &address) ==
                OK &&
            decide_filter_excepts(session->settings, &address))
            return true;
    return false;
}

bool smtp_filter_message(struct smtp_session *session)
{
    struct net_address path[SMTP_PATH_MOST];
    struct smtp_filtering found = {0};
    if (!smtp_filter_wants_header(session))
        return true;
    const struct net_address *origin =
        smtp_filter_origin(session, buffer_text(&session->transaction.intake.seen), path);
    if (origin == NULL)
        return true;
    struct filter_decision decision = decide_filter_address(session->settings, origin);
    if (decision.verdict == FILTER_UNWANTED) {
        char text[NET_ADDRESS_TEXT_BYTES];
        decision.reason.fact = text_from(net_address_host(origin, text));
        count(session, FILTERED_DENIED);
        smtp_answer_because(session, SMTP_ORIGIN_REFUSED, TEXT(""), &decision.reason, 1);
        return false;
    }
    if (decision.verdict == FILTER_WANTED || session->settings->block_list_count == 0 ||
        is_for_excepted(session))
        return true;
    look_up(session, origin, &found);
    if (found.list == NULL)
        return true;
    refuse_listed(session, origin, &found);
    return false;
}
