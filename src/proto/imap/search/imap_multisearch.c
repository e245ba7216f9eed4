/* ESEARCH (RFC 7377): SEARCH in several mailboxes, none of which need be selected. */
#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/mailbox/imap_filter.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/search/imap_search.h"
#include "store/hierarchy.h"

enum { SOURCES_MAX = 20 };

struct sources {
    struct imap_session *session;
    struct imap_filter filters[SOURCES_MAX];
    unsigned count;
    bool is_selected; /* the selected mailbox is one of them */
    bool has_others;
    uint64_t *boxes; /* ids of the others, for a mailbox may go while another is searched */
    unsigned box_count;
};

/* "IN (mailboxes (a b) subtree c)" */
static void read_sources(struct sources *sources)
{
    struct imap_session *session = sources->session;
    struct imap_lex *lex = &session->lex;
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    do {
        struct imap_filter *filter = &sources->filters[sources->count];
        if (sources->count == SOURCES_MAX) {
            imap_lex_fail(lex, "Too many sources");
            return;
        }
        imap_lex_filter(session, &session->line.arena, filter);
        if (filter->kind == FILTER_SELECTED_DELAYED)
            imap_lex_fail(lex, "selected-delayed is for NOTIFY");
        if (filter->kind == FILTER_SELECTED)
            sources->is_selected = true;
        else
            sources->count++;
    } while (lex->error == NULL && imap_lex_more(lex));
    imap_lex_expect(lex, ')');
    imap_lex_space(lex);
    sources->has_others = sources->count > 0;
}

static void consider(struct sources *sources, struct text name, struct mailbox *box, bool is_own)
{
    struct imap_session *session = sources->session;
    bool has = false;
    for (unsigned i = 0; i < sources->count && !has; i++)
        has = imap_filter_has(session, &sources->filters[i], name, is_own);
    if (!has || mailbox_is_deleted(box))
        return;
    if (session->view.box == box) {
        sources->is_selected = true;
        return;
    }
    sources->boxes = array_grow(sources->boxes, sources->box_count, sizeof(*sources->boxes));
    sources->boxes[sources->box_count++] = mailbox_id(box);
}

static bool add_own(void *context, struct text name, struct mailbox *box)
{
    consider(context, name, box, true);
    return true;
}

static void add_shared(void *context, struct mailbox *box)
{
    struct sources *sources = context;
    consider(sources, imap_shown_name(sources->session, box, &sources->session->line.arena), box,
             false);
}

/* False when answered. YIELDS. */
static bool read_esearch(struct imap_search *search, struct sources *sources)
{
    struct imap_session *session = search->session;
    struct imap_lex *lex = &session->lex;
    struct text charset = TEXT("");
    sources->is_selected = !imap_lex_more(lex) || !imap_lex_word(lex, "IN");
    if (!sources->is_selected)
        read_sources(sources);
    search->is_extended = search->is_multi = true;
    search->is_many = sources->has_others;
    search->results = RESULT_ALL;
    if (imap_lex_word(lex, "RETURN")) {
        search->results = 0;
        imap_lex_results(search);
        imap_lex_space(lex);
    }
    if (imap_lex_word(lex, "CHARSET")) {
        imap_lex_space(lex);
        charset = imap_lex_astring(lex);
        imap_lex_space(lex);
    }
    if (sources->is_selected && session->view.box == NULL)
        imap_lex_fail(lex, "No mailbox is selected");
    /* RFC 7377 2.1: "$" is of one mailbox. */
    if (sources->has_others && (search->results & RESULT_SAVE) != 0)
        imap_lex_fail(lex, "SAVE is for the selected mailbox alone");
    return imap_lex_criteria(search, charset);
}

/* RFC 7377 2.1: a mailbox where nothing was found is not told of. YIELDS. */
static enum status search_view(struct imap_search *search, struct view *view)
{
    search->view = view;
    search->found.set.count = 0;
    search->count = 0;
    search->modseq = 0;
    buffer_reset(&search->scores, 0);
    enum status status = imap_search_run(search, imap_search_gather, search);
    if (status == OK && search->count > 0 && view->box != NULL)
        imap_search_answer(search);
    return status;
}

/* YIELDS. */
static enum status search_others(struct imap_search *search, const struct sources *sources)
{
    enum status status = OK;
    for (unsigned i = 0; i < sources->box_count && status == OK; i++) {
        struct mailbox *box = mailbox_find_id(search->session->store, sources->boxes[i]);
        struct view view;
        if (box == NULL || mailbox_is_deleted(box) ||
            (imap_rights(search->session, box) & RIGHT_READ) == 0)
            continue; /* RFC 7377 2.1: no word of it */
        view_open(&view, box);
        status = search_view(search, &view);
        view_close(&view);
    }
    return status;
}

/* RFC 7377 2.2: those of others, too, by the names that LIST tells. */
static void choose_mailboxes(struct sources *sources)
{
    struct store *store = sources->session->store;
    struct text user = sources->session->options->user;
    mailbox_each_name(store, user, TEXT(""), add_own, sources);
    sharing_each_visible(store, user, add_shared, sources);
}

static void answer(struct imap_search *search, struct sources *sources)
{
    struct imap_session *session = search->session;
    enum status status = OK;
    if (sources->has_others)
        choose_mailboxes(sources);
    if (sources->is_selected)
        status = search_view(search, &session->view);
    imap_search_save(search, status != OK);
    if (status == OK)
        status = search_others(search, sources);
    free(sources->boxes);
    if (status == OK)
        imap_ok(session, "", "That is all");
    else
        imap_fail(session, status);
}

void imap_multisearch(struct imap_session *session)
{
    struct imap_search search;
    struct sources *sources = arena_alloc(&session->line.arena, sizeof(*sources));
    imap_search_init(&search, session);
    sources->session = session;
    if (read_esearch(&search, sources))
        answer(&search, sources);
    else
        imap_search_save(&search, true);
    imap_search_finish(&search);
}
