#include "proto/imap/mailbox/imap_events.h"

#include "proto/imap/message/imap_fetch.h"

enum { ITEMS_BYTES_MAX = 4096 };

/* What is being read, and where to. */
struct reading {
    struct imap_session *session;
    struct arena *arena;
    struct imap_events *events;
};

static const struct {
    const char *name;
    enum imap_event event;
} known_events[] = {
    {"MessageNew", EVENT_NEW},
    {"MessageExpunge", EVENT_EXPUNGE},
    {"FlagChange", EVENT_FLAGS},
    {"SubscriptionChange", EVENT_SUBSCRIPTION},
    {"MailboxName", EVENT_NAME},
    {"MailboxMetadataChange", EVENT_NOTES},
    {"ServerMetadataChange", EVENT_SERVER_NOTES},
};
enum { EVENTS = sizeof(known_events) / sizeof(*known_events) };

/* "(UID ENVELOPE)" is kept as it stands and read anew for each answer. */
static struct text read_items(struct imap_lex *lex, struct arena *arena)
{
    size_t depth = 0, end = 0;
    bool is_quoted = false;
    for (; end < lex->rest.length && end < ITEMS_BYTES_MAX; end++) {
        char c = lex->rest.data[end];
        if (c == '"')
            is_quoted = !is_quoted;
        if (c == '{' || c == '\\')
            break;
        depth += !is_quoted && c == '(';
        if (!is_quoted && c == ')' && --depth == 0) {
            struct text items = arena_copy(arena, text_head(lex->rest, end + 1));
            lex->rest = text_from_position(lex->rest, end + 1);
            if (!imap_fetch_items_are_valid(items))
                imap_lex_fail(lex, "The items of new messages are malformed");
            return items;
        }
    }
    imap_lex_fail(lex, "The items of new messages are malformed");
    return TEXT("");
}

/* False: not known; the client is told which are. */
static bool read_event(const struct reading *in, struct imap_lex *lex, unsigned *bits)
{
    for (unsigned i = 0; i < EVENTS; i++) {
        if (!imap_lex_word(lex, known_events[i].name))
            continue;
        *bits |= known_events[i].event;
        if (known_events[i].event == EVENT_NEW && text_starts_with(lex->rest, TEXT(" ("))) {
            imap_lex_space(lex);
            in->events->items = read_items(lex, in->arena);
        }
        return true;
    }
    imap_lex_atom(lex);
    return lex->error != NULL;
}

static bool read_events(const struct reading *in, struct imap_lex *lex, unsigned *bits)
{
    bool are_known = true;
    *bits = 0;
    if (imap_lex_word(lex, "NONE"))
        return true;
    imap_lex_expect(lex, '(');
    do
        are_known = read_event(in, lex, bits) && are_known;
    while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    /* RFC 5465 5: these come together, and flags not without them. */
    unsigned both = EVENT_NEW | EVENT_EXPUNGE;
    if ((*bits & EVENTS_OF_MESSAGES) != 0 && (*bits & both) != both)
        imap_lex_fail(lex, "MessageNew and MessageExpunge go together");
    return are_known;
}

/* "(personal (MessageNew MessageExpunge))" */
static bool read_group(const struct reading *in, struct imap_lex *lex)
{
    struct imap_events *events = in->events;
    struct imap_event_group group;
    imap_lex_expect(lex, '(');
    imap_lex_filter(in->session, in->arena, &group.filter);
    imap_lex_space(lex);
    struct text items = events->items;
    events->items = TEXT("");
    bool are_known = read_events(in, lex, &group.events);
    imap_lex_expect(lex, ')');
    bool is_selected =
        group.filter.kind == FILTER_SELECTED || group.filter.kind == FILTER_SELECTED_DELAYED;
    if (is_selected) {
        events->selected = group.events;
        events->is_delayed = group.filter.kind == FILTER_SELECTED_DELAYED;
        return are_known;
    }
    events->has_server_notes |= (group.events & EVENT_SERVER_NOTES) != 0;
    if (events->items.length > 0)
        imap_lex_fail(lex, "Items are of messages in the selected mailbox");
    events->items = items;
    if (events->group_count == EVENT_GROUPS_MAX)
        imap_lex_fail(lex, "Too many groups of events");
    else
        events->groups[events->group_count++] = group;
    events->has_others = events->has_others || imap_filter_leaves_own(in->session, &group.filter);
    return are_known;
}

bool imap_lex_events(struct imap_session *session, struct arena *arena, struct imap_events *out)
{
    const struct reading in = {session, arena, out};
    struct imap_lex *lex = &session->lex;
    bool are_known = true;
    imap_lex_space(lex);
    out->tells_status = imap_lex_word(lex, "STATUS");
    if (out->tells_status)
        imap_lex_space(lex);
    do
        are_known = read_group(&in, lex) && are_known;
    while (lex->error == NULL && imap_lex_more(lex));
    return are_known;
}

/* RFC 5465 3: the first group that means the mailbox decides. */
unsigned imap_events_of(struct imap_session *session, const struct imap_events *events,
                        struct text name, bool is_own)
{
    for (unsigned i = 0; i < events->group_count; i++)
        if (imap_filter_has(session, &events->groups[i].filter, name, is_own))
            return events->groups[i].events | events->always;
    return events->always;
}
