#include "proto/smtp/server/smtp_checks.h"

#include "mail/auth_results.h"
#include "proto/smtp/server/smtp_filter.h"
#include "proto/smtp/server/smtp_stamp.h"
#include "queue/spf_question.h"

enum { FACT_MAX = 400 };

static bool is_relay(const struct smtp_session *session)
{
    const struct setting_filter *filter = &session->settings->filter;
    return net_network_find(filter->relays, filter->relay_count,
                            stream_peer(session->line.stream)) != NULL;
}

/* Who is one of us is not asked where he is from. What relays of ours pass on has a client before
 * them, of whom HELO and MAIL are not known: that leaves Sender ID. */
static bool applies(const struct smtp_session *session, enum setting_filters filter)
{
    const struct net_address *peer = stream_peer(session->line.stream);
    return (session->filtering.applied & filter) != 0 && session->login[0] == '\0' &&
           !session->transaction.is_trusted &&
           session->transaction.filtered.verdict != FILTER_UNWANTED &&
           (peer->any.sa_family == AF_INET || peer->any.sa_family == AF_INET6) &&
           (filter == FILTER_SENDER_ID || !is_relay(session));
}

static struct smtp_checks *checks_of(struct smtp_session *session)
{
    struct smtp_server_transaction *transaction = &session->transaction;
    if (transaction->checks == NULL)
        transaction->checks = arena_alloc(&transaction->arena, sizeof(*transaction->checks));
    return transaction->checks;
}

/* YIELDS. */
static struct spf_decision ask_spf(struct smtp_session *session, struct text domain,
                                   struct text sender)
{
    struct spf_question question = {.ip = *stream_peer(session->line.stream),
                                    .helo = text_from(session->helo),
                                    .domain = domain,
                                    .sender = sender,
                                    .scope = SPF_SCOPE_SPF};
    return spf_ask(session->front->role->send, &question, &session->transaction.arena);
}

/* What becomes of it */

/* "mail-from fail: -all of example.com", or why there was no result. */
static struct text fact_of(struct smtp_session *session, const struct spf_decision *decision,
                           const char *identity)
{
    struct arena *arena = &session->transaction.arena;
    struct text why = decision->problem;
    if (text_is_empty(why))
        why = arena_printf(arena, "%.*s of %.*s", TEXT_ARG(decision->term),
                           TEXT_ARG(decision->domain));
    return text_head(arena_printf(arena, "%s %s: %.*s", identity, spf_result_name(decision->result),
                                  TEXT_ARG(why)),
                     FACT_MAX);
}

static struct text detail_of(struct smtp_session *session, struct text domain,
                             const struct spf_decision *decision)
{
    struct arena *arena = &session->transaction.arena;
    if (!text_is_empty(decision->problem))
        return decision->problem;
    if (text_is_empty(decision->explanation))
        return arena_copy(arena, domain);
    return arena_printf(arena, "%.*s, which explains: %.*s", TEXT_ARG(domain),
                        TEXT_ARG(decision->explanation));
}

/* One outcome and what the settings say of it. */
struct outcome {
    enum setting_check_action action;
    enum smtp_answer answer;
    const char *row, *rule; /* in the settings, in stories */
};

/* False: mail with that result is taken. */
static bool outcome_of_spf(const struct smtp_session *session, enum spf_result result,
                           struct outcome *out)
{
    const struct setting_filter *filter = &session->settings->filter;
    const struct {
        enum spf_result result;
        struct outcome outcome;
    } rows[] = {
        {SPF_FAIL, {filter->spf_fail, SMTP_SPF_FAILED, "spf fail", "spf-fail"}},
        {SPF_SOFTFAIL, {filter->spf_softfail, SMTP_SPF_FAILED, "spf softfail", "spf-softfail"}},
        {SPF_PERMERROR,
         {filter->spf_permerror, SMTP_SPF_UNUSABLE, "spf permerror", "spf-permerror"}},
        {SPF_TEMPERROR,
         {filter->spf_waits ? CHECK_REFUSE : CHECK_ACCEPT, SMTP_SPF_LATER, "spf temperror",
          "spf-temperror"}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].result == result) {
            *out = rows[i].outcome;
            return out->action != CHECK_ACCEPT;
        }
    return false;
}

static bool outcome_of_sender_id(const struct smtp_session *session,
                                 const struct smtp_checks *checks, struct outcome *out)
{
    const struct setting_filter *filter = &session->settings->filter;
    const struct outcome missing = {filter->sender_id_missing, SMTP_SENDER_ID_MISSING,
                                    "sender-id missing", "sender-id-missing"},
                         fail = {filter->sender_id_fail, SMTP_SENDER_ID_FAILED, "sender-id fail",
                                 "sender-id-fail"},
                         softfail = {filter->sender_id_softfail, SMTP_SENDER_ID_FAILED,
                                     "sender-id softfail", "sender-id-softfail"},
                         later = {filter->sender_id_waits ? CHECK_REFUSE : CHECK_ACCEPT,
                                  SMTP_SENDER_ID_LATER, "sender-id temperror",
                                  "sender-id-temperror"};
    if (text_is_empty(checks->pra.domain))
        *out = missing;
    else if (checks->sender_id.result == SPF_FAIL)
        *out = fail;
    else if (checks->sender_id.result == SPF_SOFTFAIL)
        *out = softfail;
    else if (checks->sender_id.result == SPF_TEMPERROR)
        *out = later;
    else
        return false;
    return out->action != CHECK_ACCEPT;
}

static void decide(struct smtp_session *session, const struct outcome *outcome, struct text fact,
                   struct text detail)
{
    struct smtp_checks *checks = session->transaction.checks;
    checks->action = outcome->action;
    checks->answer = outcome->answer;
    checks->detail = detail;
    checks->reason =
        (struct decision_reason){.rule = outcome->rule,
                                 .place = settings_filter_place(session->settings, outcome->row),
                                 .fact = fact};
}

/* SPF */

/* RFC 7208 2.3: a host that may not call itself so is not asked for whom it sends. YIELDS. */
static void check_helo(struct smtp_session *session, struct smtp_checks *checks)
{
    struct arena *arena = &session->transaction.arena;
    struct text helo = text_from(session->helo), domain;
    struct outcome outcome;
    if (text_find(helo, '.') == helo.length || text_starts_with(helo, TEXT("[")) ||
        !mail_domain_to_ascii(helo, arena, &domain))
        return;
    checks->helo =
        ask_spf(session, domain, arena_printf(arena, "postmaster@%.*s", TEXT_ARG(domain)));
    checks->has_helo = true;
    bool is_decisive = checks->helo.result == SPF_FAIL || session->transaction.mail.is_null;
    if (is_decisive && outcome_of_spf(session, checks->helo.result, &outcome))
        decide(session, &outcome, fact_of(session, &checks->helo, "helo"),
               detail_of(session, domain, &checks->helo));
}

/* YIELDS. */
static void check_sender(struct smtp_session *session, struct smtp_checks *checks)
{
    const struct smtp_server_transaction *transaction = &session->transaction;
    struct text domain = transaction->mail.sender.domain_ascii;
    struct outcome outcome;
    if (transaction->mail.is_null || text_is_empty(domain))
        return;
    checks->sender = ask_spf(session, domain, transaction->envelope.sender);
    checks->has_sender = true;
    if (outcome_of_spf(session, checks->sender.result, &outcome))
        decide(session, &outcome, fact_of(session, &checks->sender, "mail-from"),
               detail_of(session, domain, &checks->sender));
}

/* RFC 7208 2.4: of the null path, HELO is the sender. */
static enum spf_result spf_result_of(const struct smtp_checks *checks)
{
    return checks->has_sender ? checks->sender.result
           : checks->has_helo ? checks->helo.result
                              : SPF_NONE;
}

/* YIELDS. */
static void check_spf(struct smtp_session *session)
{
    struct smtp_checks *checks = checks_of(session);
    struct rpc_channel *store = session->front->role->store;
    check_helo(session, checks);
    if (checks->action == CHECK_ACCEPT)
        check_sender(session, checks);
    checks->filter = FILTERED_SPF;
    queue_count_checked(store, false, spf_result_of(checks));
}

static void refuse(struct smtp_session *session)
{
    const struct smtp_checks *checks = session->transaction.checks;
    queue_count_filtered(session->front->role->store, checks->filter);
    smtp_answer_because(session, checks->answer, checks->detail, &checks->reason, 1);
}

bool smtp_checks_sender(struct smtp_session *session)
{
    if (!applies(session, FILTER_SPF))
        return true;
    if (session->transaction.checks == NULL)
        check_spf(session);
    if (session->transaction.checks->action != CHECK_REFUSE)
        return true;
    refuse(session);
    return false;
}

/* Sender ID */

/* YIELDS. */
static struct spf_decision ask_sender_id(struct smtp_session *session, const struct mail_pra *pra,
                                         const struct net_address *client)
{
    struct spf_question question = {.ip = *client,
                                    .helo = is_relay(session) ? TEXT("unknown")
                                                              : text_from(session->helo),
                                    .domain = pra->domain,
                                    .sender = pra->address,
                                    .scope = SPF_SCOPE_PRA};
    return spf_ask(session->front->role->send, &question, &session->transaction.arena);
}

/* YIELDS. */
static void check_sender_id(struct smtp_session *session, struct text section,
                            const struct net_address *client)
{
    struct smtp_checks *checks = checks_of(session);
    struct outcome outcome;
    checks->has_sender_id = true;
    checks->filter = FILTERED_SENDER_ID;
    checks->sender_id.problem = TEXT("the header does not say who sent it");
    if (mail_pra_find(section, &session->transaction.arena, &checks->pra))
        checks->sender_id = ask_sender_id(session, &checks->pra, client);
    else
        checks->pra = (struct mail_pra){0};
    queue_count_checked(session->front->role->store, true, checks->sender_id.result);
    if (outcome_of_sender_id(session, checks, &outcome))
        decide(session, &outcome, fact_of(session, &checks->sender_id, "pra"),
               checks->sender_id.explanation);
}

void smtp_checks_header(struct smtp_session *session, struct text section)
{
    struct net_address path[SMTP_PATH_MOST];
    if (!applies(session, FILTER_SENDER_ID) || smtp_checks_action(session) != CHECK_ACCEPT)
        return;
    const struct net_address *client = smtp_filter_origin(session, section, path);
    if (client == NULL || /* it began at a relay of ours */
        decide_filter_address(session->settings, client).verdict == FILTER_WANTED)
        return;
    check_sender_id(session, section, client);
}

/* Telling */

bool smtp_checks_stamp(const struct smtp_session *session)
{
    return applies(session, FILTER_SPF) || applies(session, FILTER_SENDER_ID);
}

/* "header.from" */
static struct text header_property(const struct mail_pra *pra, struct arena *arena)
{
    struct text property = arena_printf(arena, "header.%.*s", TEXT_ARG(pra->field));
    char *bytes = (char *)(uintptr_t)property.data;
    for (size_t i = 0; i < property.length; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] | 0x20);
    return property;
}

static void write_results(struct smtp_session *session, const struct smtp_checks *checks,
                          struct buffer *out)
{
    struct auth_result results[3];
    unsigned count = 0;
    struct arena *arena = &session->transaction.arena;
    if (checks->has_sender)
        results[count++] =
            (struct auth_result){TEXT("spf"), text_from(spf_result_name(checks->sender.result)),
                                 TEXT("smtp.mailfrom"), session->transaction.envelope.sender};
    if (checks->has_helo)
        results[count++] =
            (struct auth_result){TEXT("spf"), text_from(spf_result_name(checks->helo.result)),
                                 TEXT("smtp.helo"), text_from(session->helo)};
    if (checks->has_sender_id)
        results[count++] = (struct auth_result){
            TEXT("sender-id"), text_from(spf_result_name(checks->sender_id.result)),
            text_is_empty(checks->pra.domain) ? TEXT("") : header_property(&checks->pra, arena),
            checks->pra.address};
    auth_results_write(session->host, results, count, out);
}

void smtp_checks_write(struct smtp_session *session, struct buffer *out)
{
    const struct smtp_checks *checks = session->transaction.checks;
    if (checks == NULL)
        return;
    write_results(session, checks, out);
    if (!checks->has_sender && !checks->has_helo)
        return;
    struct smtp_stamp_spf stamp = {
        .decision = checks->has_sender ? &checks->sender : &checks->helo,
        .peer = stream_peer(session->line.stream),
        .sender = session->transaction.envelope.sender,
        .helo = text_from(session->helo),
        .identity = checks->has_sender ? "mailfrom" : "helo",
        .host = session->host,
    };
    smtp_stamp_received_spf(&stamp, out);
}

struct text smtp_checks_text(struct smtp_session *session)
{
    struct arena *arena = &session->transaction.arena;
    const struct smtp_checks *checks = session->transaction.checks;
    if (checks == NULL)
        return TEXT("");
    struct text text = TEXT("");
    if (checks->has_sender || checks->has_helo)
        text = arena_printf(arena, "spf=%s", spf_result_name(spf_result_of(checks)));
    if (checks->has_helo)
        text = arena_printf(arena, "%.*s spf-helo=%s", TEXT_ARG(text),
                            spf_result_name(checks->helo.result));
    if (checks->has_sender_id)
        text =
            arena_printf(arena, "%.*s%ssender-id=%s", TEXT_ARG(text),
                         text_is_empty(text) ? "" : " ", spf_result_name(checks->sender_id.result));
    return text;
}

enum setting_check_action smtp_checks_action(const struct smtp_session *session)
{
    const struct smtp_checks *checks = session->transaction.checks;
    return checks == NULL ? CHECK_ACCEPT : checks->action;
}

void smtp_checks_answer(struct smtp_session *session)
{
    const struct smtp_checks *checks = session->transaction.checks;
    if (checks->action == CHECK_REFUSE) {
        refuse(session);
        return;
    }
    queue_count_filtered(session->front->role->store, checks->filter);
    smtp_filter_answer_discarded(session, &checks->reason);
}
