#include "proto/imap/mailbox/imap_filter.h"

#include "proto/imap/mailbox/imap_place.h"
#include "store/hierarchy.h"

static const struct {
    const char *word;
    enum imap_filter_kind kind;
    bool has_names;
} rows[] = {
    {"selected", FILTER_SELECTED},
    {"selected-delayed", FILTER_SELECTED_DELAYED},
    /* Scripts may deliver anywhere; RFC 5465 6.3 has "inboxes" mean all of them then. */
    {"inboxes", FILTER_PERSONAL},
    {"personal", FILTER_PERSONAL},
    {"subscribed", FILTER_SUBSCRIBED},
    {"subtree", FILTER_SUBTREE, true},
    {"subtree-one", FILTER_SUBTREE_ONE, true},
    {"mailboxes", FILTER_MAILBOXES, true},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static void add_name(struct imap_session *session, struct arena *arena, struct imap_filter *out)
{
    struct text name = imap_lex_mailbox(session);
    if (out->count == IMAP_FILTER_NAMES_MAX)
        imap_lex_fail(&session->lex, "Too many mailboxes");
    else
        out->names[out->count++] = arena_copy(arena, name);
}

/* One, or some in parentheses. */
static void read_names(struct imap_session *session, struct arena *arena, struct imap_filter *out)
{
    struct imap_lex *lex = &session->lex;
    imap_lex_space(lex);
    out->names = arena_array(arena, IMAP_FILTER_NAMES_MAX, sizeof(*out->names));
    if (!imap_lex_take(lex, '(')) {
        add_name(session, arena, out);
        return;
    }
    do
        add_name(session, arena, out);
    while (lex->error == NULL && imap_lex_more(lex));
    imap_lex_expect(lex, ')');
}

void imap_lex_filter(struct imap_session *session, struct arena *arena, struct imap_filter *out)
{
    unsigned i = 0;
    *out = (struct imap_filter){0};
    while (i < ROWS && !imap_lex_word(&session->lex, rows[i].word))
        i++;
    if (i == ROWS) {
        imap_lex_fail(&session->lex, "Mailboxes can't be chosen so");
        return;
    }
    out->kind = rows[i].kind;
    if (rows[i].has_names)
        read_names(session, arena, out);
}

/* How many levels it lies below; 0: it is this one. False: it does not. */
static bool lies_below(struct text name, struct text above, unsigned *levels)
{
    *levels = 0;
    if (text_equals(name, above))
        return true;
    /* "" is above all. */
    if (above.length > 0 && (!text_starts_with(name, above) || name.data[above.length] != '/'))
        return false;
    struct text below = text_from_position(name, above.length);
    for (size_t i = 0; i < below.length; i++)
        *levels += below.data[i] == '/';
    *levels += above.length == 0;
    return true;
}

static bool names_have(const struct imap_filter *filter, struct text name, unsigned most_levels)
{
    unsigned levels;
    for (unsigned i = 0; i < filter->count; i++)
        if (lies_below(name, filter->names[i], &levels) && levels <= most_levels)
            return true;
    return false;
}

bool imap_filter_has(struct imap_session *session, const struct imap_filter *filter,
                     struct text name, bool is_own)
{
    switch (filter->kind) {
    case FILTER_SELECTED:
    case FILTER_SELECTED_DELAYED:
        return false;
    case FILTER_PERSONAL:
        return is_own;
    case FILTER_SUBSCRIBED:
        return mailbox_is_subscribed(session->store, session->options->user, name);
    case FILTER_SUBTREE:
        return names_have(filter, name, ~0u);
    case FILTER_SUBTREE_ONE:
        return names_have(filter, name, 1);
    case FILTER_MAILBOXES:
        return names_have(filter, name, 0);
    }
    return false;
}

bool imap_filter_leaves_own(const struct imap_session *session, const struct imap_filter *filter)
{
    if (filter->kind == FILTER_SUBSCRIBED)
        return true;
    for (unsigned i = 0; i < filter->count; i++)
        if (text_is_empty(filter->names[i]) ||
            !text_equals(imap_place_of(session, filter->names[i]).owner, session->options->user))
            return true;
    return false;
}
