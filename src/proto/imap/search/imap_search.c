/* SEARCH and UID SEARCH (RFC 9051 6.4.4): what is wanted back, and the answer. */
#include "proto/imap/search/imap_search.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/memory.h"
#include "mail/charset.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/search/imap_words.h"

enum {
    YIELD_EVERY = 512,
    ASK_EVERY = 64, /* whether there is memory for more */
    SCORES_MAX = 64 << 20,
    NUMBER_BYTES = 11, /* of an answer, at most */
};

static const struct {
    const char *name;
    unsigned result;
} returns[] = {
    {"MIN", RESULT_MIN},
    {"MAX", RESULT_MAX},
    {"ALL", RESULT_ALL},
    {"COUNT", RESULT_COUNT},
    {"PARTIAL", RESULT_PARTIAL},
    {"SAVE", RESULT_SAVE},
    {"RELEVANCY", RESULT_RELEVANCY},
};
enum { RETURNS = sizeof(returns) / sizeof(*returns) };

void imap_search_init(struct imap_search *search, struct imap_session *session)
{
    struct arena *arena = &session->line.arena;
    *search = (struct imap_search){
        .session = session, .view = &session->view, .found.arena = arena, .saved.arena = arena};
    buffer_init(&search->scores, SCORES_MAX);
}

void imap_search_finish(struct imap_search *search)
{
    buffer_finish(&search->scores);
}

void imap_lex_results(struct imap_search *search)
{
    struct imap_lex *lex = &search->session->lex;
    search->is_extended = true;
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    for (bool first = true; lex->error == NULL && !imap_lex_take(lex, ')'); first = false) {
        unsigned i = 0;
        if (!first)
            imap_lex_space(lex);
        while (i < RETURNS && !imap_lex_word(lex, returns[i].name))
            i++;
        if (i == RETURNS) {
            imap_lex_fail(lex, "Result option not known");
            return;
        }
        search->results |= returns[i].result;
        if (returns[i].result == RESULT_PARTIAL)
            imap_lex_partial(lex, &search->partial);
    }
    /* RFC 9394 3.1 */
    if ((search->results & RESULT_ALL) != 0 && (search->results & RESULT_PARTIAL) != 0)
        imap_lex_fail(lex, "ALL and PARTIAL exclude each other");
    if (search->results == 0)
        search->results = RESULT_ALL;
}

bool imap_lex_criteria(struct imap_search *search, struct text charset)
{
    struct imap_session *session = search->session;
    /* RFC 6855 3: all is UTF-8 then. */
    if (charset.length > 0 && (session->enabled & IMAP_ENABLED_UTF8) != 0 &&
        !text_equals_nocase(charset, TEXT("UTF-8")))
        imap_lex_fail(&session->lex, "Sessions in UTF-8 know no other charset");
    if (session->lex.error == NULL && charset.length > 0 && !charset_is_known(charset)) {
        imap_no(session, "[BADCHARSET (UTF-8)]", "The charset is not known");
        return false;
    }
    imap_lex_search(search, charset);
    /* RFC 6203 4 */
    if ((search->results & RESULT_RELEVANCY) != 0 && !search->has_fuzzy)
        imap_lex_fail(&session->lex, "Without a FUZZY key nothing has a relevancy");
    if (search->missing_filter.length > 0) { /* RFC 5466 3.1 */
        struct text code = arena_printf(&session->line.arena, "[UNDEFINED-FILTER %.*s]",
                                        TEXT_ARG(search->missing_filter));
        imap_no(session, code.data, "There is no such filter");
        return false;
    }
    return imap_arguments_end(session);
}

/* False when answered. YIELDS. */
static bool read_search(struct imap_search *search)
{
    struct imap_session *session = search->session;
    struct imap_lex *lex = &session->lex;
    struct text charset = TEXT("");
    imap_lex_space(lex);
    if (imap_lex_word(lex, "RETURN")) {
        imap_lex_results(search);
        imap_lex_space(lex);
    }
    if (imap_lex_word(lex, "CHARSET")) {
        imap_lex_space(lex);
        charset = imap_lex_astring(lex);
        if ((session->enabled & IMAP_ENABLED_UTF8) != 0)
            imap_lex_fail(lex, "CHARSET is not for sessions in UTF-8");
        imap_lex_space(lex);
    }
    return imap_lex_criteria(search, charset);
}

void imap_search_add(struct imap_search *search, uint32_t uid, unsigned score)
{
    bool is_by_uid = search->is_multi || imap_is_by_uid(search->session);
    imap_set_add(&search->found, is_by_uid ? uid : view_number(search->view, uid));
    if ((search->results & RESULT_SAVE) != 0)
        imap_set_add(&search->saved, uid);
    if ((search->results & RESULT_RELEVANCY) != 0)
        buffer_append_byte(&search->scores, (char)score);
    search->count++;
}

static enum status try_entry(struct imap_search *search, const struct mailbox_entry *entry,
                             imap_search_found *found, void *context)
{
    struct imap_message message;
    bool fits;
    imap_message_init(&message, search->session->store, entry);
    message.charset = search->session->charset;
    message.showing = search->session->showing;
    message.is_searched = true;
    message.run = search->run;
    message.words = search->words;
    enum status status = imap_search_matches(search->view, &message, search->keys, &fits);
    if (status == OK && fits)
        status = found(context, &message);
    if (status == OK && fits && search->modseq < message.entry.modseq)
        search->modseq = message.entry.modseq;
    imap_message_finish(&message);
    return status == REFUSED ? OK : status;
}

enum status imap_search_run(struct imap_search *search, imap_search_found *found, void *context)
{
    const struct mailbox_entry *entry = view_next(search->view, 0);
    uint32_t all = view_count(search->view);
    enum status status = memory_ask(MEMORY_FOR_COMMAND, 0);
    search->run = derived_run_new(search->session->store);
    search->words = imap_words_new(search->session->store, mailbox_id(search->view->box),
                                   search->session->charset);
    for (unsigned tried = 1; entry != NULL && status == OK; tried++) {
        uint32_t uid = entry->uid;
        status = try_entry(search, entry, found, context);
        imap_tell_progress(search->session, tried, all);
        if (tried % YIELD_EVERY == 0)
            task_yield();
        if (tried % ASK_EVERY == 0 && status == OK)
            status = memory_ask(MEMORY_FOR_REST, 0);
        entry = view_next(search->view, uid + 1);
    }
    derived_run_free(&search->run);
    imap_words_free(&search->words);
    return status;
}

/* RFC 3501 7.2.5 */
static void answer_plain(struct imap_search *search)
{
    struct buffer *out = &search->session->out;
    const struct imap_set *found = &search->found.set;
    buffer_append(out, TEXT("* SEARCH"));
    for (unsigned i = 0; i < found->count; i++)
        for (uint32_t value = found->ranges[i].first; value <= found->ranges[i].last; value++)
            buffer_printf(out, " %u", value);
    if (search->has_modseq && search->count > 0)
        buffer_printf(out, " (MODSEQ %" PRIu64 ")", search->modseq);
    buffer_append(out, TEXT("\r\n"));
    imap_send(search->session);
}

/* RFC 9394 3.1: what was asked for is told again, and NIL when nothing stands there. */
static void put_partial(struct buffer *out, const struct imap_search *search)
{
    struct imap_set_builder part = {.arena = search->found.arena};
    imap_partial_take(&search->partial, &search->found.set, search->count, &part);
    buffer_printf(out, " PARTIAL (%" PRId64 ":%" PRId64 " ", search->partial.first,
                  search->partial.last);
    if (part.set.count == 0)
        buffer_append(out, TEXT("NIL"));
    else
        imap_set_put(out, &part.set);
    buffer_append_byte(out, ')');
}

/* RFC 6203 4: for each message that is told, in the order in which it is. */
static void put_scores(struct buffer *out, const struct imap_search *search)
{
    const char *separator = "";
    uint32_t first = 0, end = search->count;
    if ((search->results & RESULT_PARTIAL) != 0)
        imap_partial_bounds(&search->partial, search->count, &first, &end);
    buffer_append(out, TEXT(" RELEVANCY ("));
    for (uint32_t i = first; i < end; i++, separator = " ")
        buffer_printf(out, "%s%u", separator, (unsigned char)search->scores.data[i]);
    buffer_append_byte(out, ')');
}

/* RFC 4731 3.2: of what is told. A message that is gone meanwhile has none. */
static uint64_t modseq_of(const struct imap_search *search, uint32_t value)
{
    bool is_by_uid = search->is_multi || imap_is_by_uid(search->session);
    uint32_t uid = is_by_uid ? value : view_uid(search->view, value);
    const struct mailbox_entry *entry = view_next(search->view, uid);
    return entry != NULL && entry->uid == uid ? entry->modseq : search->modseq;
}

static uint64_t told_modseq(const struct imap_search *search)
{
    const struct imap_set *found = &search->found.set;
    unsigned all = RESULT_ALL | RESULT_COUNT | RESULT_PARTIAL;
    uint64_t modseq = 0;
    if ((search->results & all) != 0 || (search->results & (RESULT_MIN | RESULT_MAX)) == 0)
        return search->modseq;
    if ((search->results & RESULT_MIN) != 0)
        modseq = modseq_of(search, found->ranges[0].first);
    uint64_t last = (search->results & RESULT_MAX) != 0
                        ? modseq_of(search, found->ranges[found->count - 1].last)
                        : 0;
    return last > modseq ? last : modseq;
}

void imap_search_save(struct imap_search *search, bool has_failed)
{
    struct imap_set *all = &search->saved.set;
    struct imap_set_builder some = {.arena = search->saved.arena};
    unsigned parts = search->results & (RESULT_MIN | RESULT_MAX | RESULT_PARTIAL);
    if ((search->results & RESULT_SAVE) == 0)
        return;
    /* RFC 9394 3.2: with these alone, just these are saved. */
    bool is_all = parts == 0 || (search->results & (RESULT_ALL | RESULT_COUNT)) != 0;
    if (!has_failed && !is_all && all->count > 0) {
        if ((parts & RESULT_MIN) != 0)
            imap_set_add(&some, all->ranges[0].first);
        if ((parts & RESULT_MAX) != 0)
            imap_set_add(&some, all->ranges[all->count - 1].last);
        if ((parts & RESULT_PARTIAL) != 0)
            imap_partial_take(&search->partial, all, search->count, &some);
    }
    struct imap_set *saved = !has_failed && is_all ? all : &some.set;
    imap_set_normalise(saved);
    imap_save_set(search->session, saved);
}

void imap_search_answer(struct imap_search *search)
{
    struct imap_session *session = search->session;
    struct buffer *out = &session->out;
    const struct imap_set *found = &search->found.set;
    if (search->results == RESULT_SAVE)
        return;
    buffer_append(out, TEXT("* ESEARCH (TAG "));
    imap_put_string(out, session->tag);
    if (search->is_multi) { /* RFC 7377 2.1 */
        buffer_append(out, TEXT(" MAILBOX "));
        imap_put_mailbox_name(session, search->view->box);
        buffer_printf(out, " UIDVALIDITY %u",
                      imap_uid_validity(&session->showing, search->view->box));
    }
    bool is_by_uid = search->is_multi || imap_is_by_uid(session);
    buffer_append(out, is_by_uid ? TEXT(") UID") : TEXT(")"));
    if (found->count > 0 && (search->results & RESULT_MIN) != 0)
        buffer_printf(out, " MIN %u", found->ranges[0].first);
    if (found->count > 0 && (search->results & RESULT_MAX) != 0)
        buffer_printf(out, " MAX %u", found->ranges[found->count - 1].last);
    if ((search->results & RESULT_COUNT) != 0)
        buffer_printf(out, " COUNT %u", search->count);
    if (found->count > 0 && (search->results & RESULT_ALL) != 0) {
        buffer_append(out, TEXT(" ALL "));
        imap_set_put(out, found);
    }
    if ((search->results & RESULT_PARTIAL) != 0)
        put_partial(out, search);
    if ((search->results & RESULT_RELEVANCY) != 0 && search->count > 0)
        put_scores(out, search);
    if (search->has_modseq && search->count > 0)
        buffer_printf(out, " MODSEQ %" PRIu64, told_modseq(search));
    buffer_append(out, TEXT("\r\n"));
    imap_send(session);
}

enum status imap_search_gather(void *context, struct imap_message *message)
{
    imap_search_add(context, message->entry.uid, imap_message_score(message));
    return OK;
}

static void answer(struct imap_search *search)
{
    struct imap_session *session = search->session;
    /* RFC 9051 6.4.4: SEARCH without RETURN is answered so too. */
    if ((session->enabled & IMAP_ENABLED_REV2) != 0 && !search->is_extended) {
        search->is_extended = true;
        search->results = RESULT_ALL;
    }
    enum status status = imap_search_run(search, imap_search_gather, search);
    if (status == OK)
        status = memory_ask(MEMORY_FOR_REST, (size_t)search->count * NUMBER_BYTES);
    imap_search_save(search, status != OK);
    if (status != OK) {
        imap_fail(session, status);
        return;
    }
    if (search->is_extended)
        imap_search_answer(search);
    else
        answer_plain(search);
    imap_ok(session, "", "That is all");
}

void imap_search(struct imap_session *session)
{
    struct imap_search search;
    imap_search_init(&search, session);
    if (read_search(&search))
        answer(&search);
    else
        imap_search_save(&search, true);
    imap_search_finish(&search);
}
