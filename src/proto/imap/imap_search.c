/* SEARCH and UID SEARCH (RFC 9051 6.4.4): what is wanted back, and the answer. */
#include "proto/imap/imap_search.h"

#include <inttypes.h>

#include "base/check.h"
#include "mail/charset.h"
#include "proto/imap/imap_commands.h"

enum results {
    RETURN_MIN = 1,
    RETURN_MAX = 2,
    RETURN_ALL = 4,
    RETURN_COUNT = 8,
    RETURN_SAVE = 16,
};
enum { YIELD_EVERY = 4096 };

static const struct {
    const char *name;
    unsigned result;
} returns[] = {
    {"MIN", RETURN_MIN},     {"MAX", RETURN_MAX},   {"ALL", RETURN_ALL},
    {"COUNT", RETURN_COUNT}, {"SAVE", RETURN_SAVE},
};
enum { RETURNS = sizeof(returns) / sizeof(*returns) };

struct search {
    struct imap_session *session;
    bool is_extended; /* answered by ESEARCH */
    unsigned results;
    struct imap_search_key *keys;
    struct imap_set_builder found; /* numbers, or UIDs */
    struct imap_set_builder saved; /* UIDs, for "$" */
    uint32_t count;
    bool has_modseq; /* MODSEQ was asked about: tell the highest */
    uint64_t modseq;
};

/* "RETURN (MIN MAX)" */
static void read_returns(struct imap_lex *lex, struct search *search)
{
    search->is_extended = true;
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    for (bool first = true; lex->error == NULL && !imap_lex_take(lex, ')'); first = false) {
        unsigned i = 0;
        if (!first)
            imap_lex_space(lex);
        while (i < RETURNS && !imap_lex_word(lex, returns[i].name))
            i++;
        if (i == RETURNS)
            imap_lex_fail(lex, "Result option not known");
        else
            search->results |= returns[i].result;
    }
    if (search->results == 0)
        search->results = RETURN_ALL;
}

/* False when answered. YIELDS. */
static bool read_search(struct search *search)
{
    struct imap_session *session = search->session;
    struct imap_lex *lex = &session->lex;
    struct text charset = TEXT("");
    imap_lex_space(lex);
    if (imap_lex_word(lex, "RETURN")) {
        read_returns(lex, search);
        imap_lex_space(lex);
    }
    if (imap_lex_word(lex, "CHARSET")) {
        imap_lex_space(lex);
        charset = imap_lex_astring(lex);
        /* RFC 6855 3: all is UTF-8 then. */
        if ((session->enabled & IMAP_ENABLED_UTF8) != 0)
            imap_lex_fail(lex, "CHARSET is not for sessions in UTF-8");
        imap_lex_space(lex);
    }
    if (lex->error == NULL && charset.length > 0 && !charset_is_known(charset)) {
        imap_no(session, "[BADCHARSET (UTF-8)]", "The charset is not known");
        return false;
    }
    search->keys = imap_lex_search(session, charset, &search->has_modseq);
    return imap_arguments_end(session);
}

static enum status try_entry(struct search *search, const struct mailbox_entry *entry)
{
    struct imap_session *session = search->session;
    struct imap_message message;
    bool fits;
    uint32_t uid = entry->uid;
    uint64_t modseq = entry->modseq;
    imap_message_init(&message, session->store, entry);
    enum status status = imap_search_matches(session, &message, search->keys, &fits);
    imap_message_finish(&message);
    if (status == OK && fits) {
        imap_set_add(&search->found,
                     imap_is_by_uid(session) ? uid : view_number(&session->view, uid));
        if ((search->results & RETURN_SAVE) != 0)
            imap_set_add(&search->saved, uid);
        if (search->modseq < modseq)
            search->modseq = modseq;
        search->count++;
    }
    return status == REFUSED ? OK : status;
}

/* YIELDS. */
static enum status search_all(struct search *search)
{
    struct imap_session *session = search->session;
    const struct mailbox_entry *entry = view_next(&session->view, 0);
    enum status status = OK;
    for (unsigned tried = 1; entry != NULL && status == OK; tried++) {
        uint32_t uid = entry->uid;
        status = try_entry(search, entry);
        if (tried % YIELD_EVERY == 0)
            task_yield();
        entry = view_next(&session->view, uid + 1);
    }
    return status;
}

/* RFC 5182 2.1, 2.4: what "$" is from now on; of a search that failed, nothing. */
static void save(struct search *search, bool has_failed)
{
    struct imap_set *saved = &search->saved.set;
    unsigned ends = search->results & (RETURN_MIN | RETURN_MAX);
    if ((search->results & RETURN_SAVE) == 0)
        return;
    if (has_failed)
        saved->count = 0;
    /* With MIN and MAX alone just these are saved. */
    bool is_ends = ends != 0 && (search->results & (RETURN_ALL | RETURN_COUNT)) == 0;
    if (is_ends && saved->count > 0) {
        uint32_t least = saved->ranges[0].first, most = saved->ranges[saved->count - 1].last;
        saved->ranges[0].first = saved->ranges[0].last = ends == RETURN_MAX ? most : least;
        saved->count = 1;
        if (ends == (RETURN_MIN | RETURN_MAX) && most != least)
            imap_set_add(&search->saved, most);
    }
    imap_save_set(search->session, saved);
}

/* RFC 3501 7.2.5 */
static void answer_plain(struct search *search)
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

/* RFC 4731 3.1 */
static void answer_extended(struct search *search)
{
    struct imap_session *session = search->session;
    struct buffer *out = &session->out;
    const struct imap_set *found = &search->found.set;
    buffer_append(out, TEXT("* ESEARCH (TAG "));
    imap_put_string(out, session->tag);
    buffer_append(out, imap_is_by_uid(session) ? TEXT(") UID") : TEXT(")"));
    if (found->count > 0 && (search->results & RETURN_MIN) != 0)
        buffer_printf(out, " MIN %u", found->ranges[0].first);
    if (found->count > 0 && (search->results & RETURN_MAX) != 0)
        buffer_printf(out, " MAX %u", found->ranges[found->count - 1].last);
    if ((search->results & RETURN_COUNT) != 0)
        buffer_printf(out, " COUNT %u", search->count);
    if (found->count > 0 && (search->results & RETURN_ALL) != 0) {
        buffer_append(out, TEXT(" ALL "));
        imap_set_put(out, found);
    }
    if (search->has_modseq && search->count > 0)
        buffer_printf(out, " MODSEQ %" PRIu64, search->modseq);
    buffer_append(out, TEXT("\r\n"));
    imap_send(session);
}

void imap_search(struct imap_session *session)
{
    struct search search = {.session = session,
                            .found.arena = &session->line.arena,
                            .saved.arena = &session->line.arena};
    if (!read_search(&search)) {
        save(&search, true);
        return;
    }
    /* RFC 9051 6.4.4: SEARCH without RETURN is answered so too. */
    if ((session->enabled & IMAP_ENABLED_REV2) != 0 && !search.is_extended) {
        search.is_extended = true;
        search.results = RETURN_ALL;
    }
    enum status status = search_all(&search);
    save(&search, status != OK);
    if (status != OK) {
        imap_fail(session, status);
        return;
    }
    if (search.is_extended && search.results != RETURN_SAVE)
        answer_extended(&search);
    else if (!search.is_extended)
        answer_plain(&search);
    imap_ok(session, "", "That is all");
}
