/* What the client knows of each mailbox is remembered; whenever something changed, all are held
 * against it. So nothing that happens can be missed, and what happens often is told once. */
#include "proto/imap/mailbox/imap_notify.h"

#include <stdlib.h>

#include "account/sharing.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/mailbox/imap_filter.h"
#include "proto/imap/mailbox/imap_noted.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/mailbox/imap_status.h"
#include "proto/imap/mailbox/imap_watch.h"
#include "proto/imap/message/imap_fetch.h"
#include "store/hierarchy.h"

enum event {
    EVENT_NEW = 1,
    EVENT_EXPUNGE = 2,
    EVENT_FLAGS = 4,
    EVENT_NAME = 8,
    EVENT_SUBSCRIPTION = 16,
    EVENT_NOTES = 32,
    EVENT_SERVER_NOTES = 64,
    EVENTS_OF_MESSAGES = 7,
};
enum { GROUPS_MAX = 50, ITEMS_BYTES_MAX = 4096 };

static const struct {
    const char *name;
    enum event event;
} events[] = {
    {"MessageNew", EVENT_NEW},
    {"MessageExpunge", EVENT_EXPUNGE},
    {"FlagChange", EVENT_FLAGS},
    {"SubscriptionChange", EVENT_SUBSCRIPTION},
    {"MailboxName", EVENT_NAME},
    {"MailboxMetadataChange", EVENT_NOTES},
    {"ServerMetadataChange", EVENT_SERVER_NOTES},
};
enum { EVENTS = sizeof(events) / sizeof(*events) };

struct group {
    struct imap_filter filter;
    unsigned events;
};

/* What the client knows of a mailbox. */
struct known {
    struct text name; /* owned */
    uint32_t uid_next, messages;
    uint64_t modseq;
    bool is_subscribed, is_own;
    unsigned uses;
    struct imap_noted *notes; /* NULL: nobody asked */
    unsigned round;           /* when it was last met */
};

struct imap_notify {
    struct imap_session *session;
    struct imap_watches watches;
    bool has_others;                 /* the groups may mean mailboxes that others share */
    struct arena arena, names;       /* names: of one telling */
    struct group groups[GROUPS_MAX]; /* the selected mailbox's apart */
    unsigned group_count;
    unsigned selected; /* events of the selected mailbox */
    bool is_delayed;   /* its expunges wait for a command */
    struct text items; /* "(UID ENVELOPE)": what new messages there tell; "": nothing */
    struct map *known; /* id: struct known */
    unsigned round;
    bool is_dirty, is_silent; /* silent: to begin with, nothing is news */
    bool tells_status;
    unsigned status_items;
    struct imap_noted *server_notes; /* NULL: nobody asked */
};

/* Reading */

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
static bool read_event(struct imap_notify *notify, struct imap_lex *lex, unsigned *bits)
{
    for (unsigned i = 0; i < EVENTS; i++) {
        if (!imap_lex_word(lex, events[i].name))
            continue;
        *bits |= events[i].event;
        if (events[i].event == EVENT_NEW && text_starts_with(lex->rest, TEXT(" ("))) {
            imap_lex_space(lex);
            notify->items = read_items(lex, &notify->arena);
        }
        return true;
    }
    imap_lex_atom(lex);
    return lex->error != NULL;
}

static bool read_events(struct imap_notify *notify, struct imap_lex *lex, unsigned *bits)
{
    bool are_known = true;
    *bits = 0;
    if (imap_lex_word(lex, "NONE"))
        return true;
    imap_lex_expect(lex, '(');
    do
        are_known = read_event(notify, lex, bits) && are_known;
    while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    /* RFC 5465 5: these come together, and flags not without them. */
    unsigned both = EVENT_NEW | EVENT_EXPUNGE;
    if ((*bits & EVENTS_OF_MESSAGES) != 0 && (*bits & both) != both)
        imap_lex_fail(lex, "MessageNew and MessageExpunge go together");
    return are_known;
}

/* "(personal (MessageNew MessageExpunge))" */
static bool read_group(struct imap_notify *notify, struct imap_lex *lex)
{
    struct group group;
    imap_lex_expect(lex, '(');
    imap_lex_filter(notify->session, &notify->arena, &group.filter);
    imap_lex_space(lex);
    struct text items = notify->items;
    notify->items = TEXT("");
    bool are_known = read_events(notify, lex, &group.events);
    imap_lex_expect(lex, ')');
    bool is_selected =
        group.filter.kind == FILTER_SELECTED || group.filter.kind == FILTER_SELECTED_DELAYED;
    if (is_selected) {
        notify->selected = group.events;
        notify->is_delayed = group.filter.kind == FILTER_SELECTED_DELAYED;
        return are_known;
    }
    if ((group.events & EVENT_SERVER_NOTES) != 0 && notify->server_notes == NULL)
        notify->server_notes = imap_noted_new();
    if (notify->items.length > 0)
        imap_lex_fail(lex, "Items are of messages in the selected mailbox");
    notify->items = items;
    if (notify->group_count == GROUPS_MAX)
        imap_lex_fail(lex, "Too many groups of events");
    else
        notify->groups[notify->group_count++] = group;
    notify->has_others =
        notify->has_others || imap_filter_leaves_own(notify->session, &group.filter);
    return are_known;
}

/* False: some events are not known. */
static bool read_set(struct imap_notify *notify, struct imap_lex *lex)
{
    bool are_known = true;
    imap_lex_space(lex);
    notify->tells_status = imap_lex_word(lex, "STATUS");
    if (notify->tells_status)
        imap_lex_space(lex);
    do
        are_known = read_group(notify, lex) && are_known;
    while (lex->error == NULL && imap_lex_more(lex));
    return are_known;
}

/* Telling */

/* RFC 5465 3: the first group that means the mailbox decides. */
static unsigned events_of(const struct imap_notify *notify, struct text name, bool is_own)
{
    for (unsigned i = 0; i < notify->group_count; i++)
        if (imap_filter_has(notify->session, &notify->groups[i].filter, name, is_own))
            return notify->groups[i].events;
    return 0;
}

static void put_list(struct imap_session *session, struct text name, const char *attribute,
                     struct text old_name)
{
    struct buffer *out = &session->out;
    buffer_printf(out, "* LIST (%s) \"/\" ", attribute);
    imap_put_name(out, name, imap_is_utf8(session));
    if (old_name.length > 0) { /* RFC 9051 6.3.9.7 */
        buffer_append(out, TEXT(" (\"OLDNAME\" ("));
        imap_put_name(out, old_name, imap_is_utf8(session));
        buffer_append(out, TEXT("))"));
    }
    buffer_append(out, TEXT("\r\n"));
}

static void know_name(struct known *known, struct text name)
{
    free((char *)known->name.data);
    known->name = text_from(text_to_string(name));
}

static void known_free(struct known *known)
{
    imap_noted_free(&known->notes);
    free((char *)known->name.data);
    free(known);
}

static struct known *find_or_add(struct imap_notify *notify, uint64_t id, bool *is_new)
{
    struct known *known = map_get(notify->known, MAP_KEY(id));
    *is_new = known == NULL;
    if (known == NULL) {
        known = calloc(1, sizeof(*known));
        check(known != NULL);
        map_put(notify->known, MAP_KEY(id), known);
    }
    return known;
}

static void tell_name(struct imap_notify *notify, struct known *known, struct text name,
                      bool is_new, unsigned wanted)
{
    struct imap_session *session = notify->session;
    bool is_subscribed = mailbox_is_subscribed(session->store, session->options->user, name);
    const char *attribute = is_subscribed ? "\\Subscribed" : "";
    bool is_renamed = !is_new && !text_equals(name, known->name);
    bool is_told = (is_new || is_renamed) && (wanted & EVENT_NAME) != 0;
    bool is_changed = is_subscribed != known->is_subscribed && (wanted & EVENT_SUBSCRIPTION) != 0;
    if ((is_told || is_changed) && !notify->is_silent)
        put_list(session, name, attribute, is_renamed ? known->name : TEXT(""));
    known->is_subscribed = is_subscribed;
    if (is_new || is_renamed)
        know_name(known, name);
}

/* What happens to a mailbox that is not selected is told by its STATUS (RFC 5465 5.1 to 5.3). */
static void tell_messages(struct imap_notify *notify, struct known *known, struct mailbox *box,
                          unsigned wanted)
{
    struct imap_session *session = notify->session;
    uint32_t messages = mailbox_totals(box).messages;
    bool has_news = messages != known->messages || mailbox_uid_next(box) != known->uid_next;
    bool has_flags = mailbox_modseq(box) != known->modseq;
    bool is_told =
        (has_news && (wanted & EVENT_NEW) != 0) || (has_flags && (wanted & EVENT_FLAGS) != 0);
    bool is_asked = notify->is_silent && notify->tells_status && (wanted & EVENTS_OF_MESSAGES) != 0;
    if (session->view.box != box && ((is_told && !notify->is_silent) || is_asked))
        imap_put_status(session, box, notify->status_items);
    known->messages = messages;
    known->uid_next = mailbox_uid_next(box);
    known->modseq = mailbox_modseq(box);
}

/* box NULL: of the server. */
static void put_notes(struct imap_notify *notify, struct imap_noted *notes, struct text name,
                      const struct mailbox *box, bool has_new_use)
{
    struct imap_session *session = notify->session;
    struct annotation_scope scope = {session->store, box, session->options->user};
    struct buffer changed;
    buffer_init(&changed, IMAP_NOTED_MAX);
    imap_noted_compare(notes, &scope, &changed);
    if ((changed.length > 0 || has_new_use) && !notify->is_silent) {
        buffer_append(&session->out, TEXT("* METADATA "));
        imap_put_name(&session->out, name, imap_is_utf8(session));
        buffer_append(&session->out, has_new_use ? TEXT(" /private/specialuse") : TEXT(""));
        buffer_append(&session->out, buffer_text(&changed));
        buffer_append(&session->out, TEXT("\r\n"));
        imap_send(session);
    }
    buffer_finish(&changed);
}

/* Notes, and the use, which is one (RFC 6154 5.4). */
static void tell_notes(struct imap_notify *notify, struct known *known, const struct mailbox *box,
                       unsigned wanted)
{
    bool has_new_use = known->is_own && mailbox_uses(box) != known->uses;
    known->uses = mailbox_uses(box);
    if ((wanted & EVENT_NOTES) == 0)
        return;
    if (known->notes == NULL)
        known->notes = imap_noted_new();
    put_notes(notify, known->notes, known->name, box, has_new_use);
}

static void hold_against(struct imap_notify *notify, struct text name, struct mailbox *box,
                         unsigned wanted)
{
    bool is_new;
    struct known *known = find_or_add(notify, mailbox_id(box), &is_new);
    if (known->round == notify->round)
        return; /* it is shared with the user, and with all */
    known->round = notify->round;
    known->is_own = text_equals(mailbox_owner(box), notify->session->options->user);
    if (is_new) { /* an empty one has no news */
        known->uid_next = 1;
        known->uses = mailbox_uses(box);
        known->modseq = mailbox_modseq(box);
    }
    tell_name(notify, known, name, is_new, wanted);
    tell_messages(notify, known, box, wanted);
    tell_notes(notify, known, box, wanted);
}

static bool hold_own(void *context, struct text name, struct mailbox *box)
{
    struct imap_notify *notify = context;
    if (!mailbox_is_deleted(box))
        hold_against(notify, name, box, events_of(notify, name, true));
    return true;
}

/* RFC 5465 3.1: names take the right to look it up, which the caller has; messages that to read. */
static void hold_shared(void *context, struct mailbox *box)
{
    struct imap_notify *notify = context;
    struct text name = imap_shown_name(notify->session, box, &notify->names);
    unsigned wanted = events_of(notify, name, false);
    /* Also of one that is not meant: its owner may give it the name of one that is. */
    imap_watch(&notify->watches, mailbox_owner(box));
    if (wanted == 0)
        return;
    if ((imap_rights(notify->session, box) & RIGHT_READ) == 0)
        wanted &= ~(unsigned)(EVENTS_OF_MESSAGES | EVENT_NOTES);
    hold_against(notify, name, box, wanted);
}

static void hold_all_shared(struct imap_notify *notify)
{
    struct imap_session *session = notify->session;
    imap_watch(&notify->watches, TEXT("anyone"));
    imap_watch(&notify->watches, TEXT("authenticated"));
    arena_init(&notify->names);
    sharing_each_visible(session->store, session->options->user, hold_shared, notify);
    arena_finish(&notify->names);
}

static void forget(struct imap_notify *notify, struct text key, struct known *known)
{
    map_remove(notify->known, key);
    known_free(known);
}

/* Those that were not met in this round are gone. */
static void tell_gone(struct imap_notify *notify)
{
    size_t position = 0;
    struct text key;
    void *value;
    while (map_next(notify->known, &position, &key, &value)) {
        struct known *known = value;
        if (known->round == notify->round)
            continue;
        if ((events_of(notify, known->name, known->is_own) & EVENT_NAME) != 0)
            put_list(notify->session, known->name, "\\NonExistent", TEXT(""));
        forget(notify, key, known);
        position = 0; /* a changed map is walked anew */
    }
}

void imap_notify_tell(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    if (notify == NULL || !notify->is_dirty)
        return;
    notify->is_dirty = false;
    notify->round++;
    imap_watches_begin(&notify->watches);
    imap_watch(&notify->watches, session->options->user);
    mailbox_each_name(session->store, session->options->user, TEXT(""), hold_own, notify);
    if (notify->has_others)
        hold_all_shared(notify);
    if (notify->server_notes != NULL) {
        imap_watch(&notify->watches, ACCOUNT_PUBLIC); /* the notes for all are on it */
        put_notes(notify, notify->server_notes, TEXT(""), NULL, false);
    }
    imap_watches_end(&notify->watches);
    tell_gone(notify);
    imap_send(session);
}

void imap_notify_new(struct imap_session *session, uint32_t first)
{
    struct imap_notify *notify = session->notify;
    if (notify != NULL && (notify->selected & EVENT_NEW) != 0 && notify->items.length > 0)
        imap_fetch_new(session, notify->items, first);
}

void imap_notify_wait(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    struct line_session *line = &session->line;
    if (notify == NULL || line->ended)
        return;
    session->is_idle = true;
    do {
        if (notify->selected != 0)
            imap_tell_changes(session, !notify->is_delayed);
        else
            imap_notify_tell(session);
        buffer_reset(&session->out, 0); /* no memory is kept over hours */
        stream_set_deadline(line->stream, clock_monotonic_ms() + line->idle_ms);
    } while (stream_buffered(line->stream).length == 0 && stream_await(line->stream) == OK);
    session->is_idle = false;
}

static void wake(void *context)
{
    struct imap_notify *notify = context;
    notify->is_dirty = true;
    if (notify->session->is_idle)
        stream_wake(notify->session->line.stream);
}

static struct imap_notify *notify_new(struct imap_session *session)
{
    struct imap_notify *notify = calloc(1, sizeof(*notify));
    check(notify != NULL);
    notify->session = session;
    notify->known = map_new();
    arena_init(&notify->arena);
    imap_watches_init(&notify->watches, session->store, wake, notify);
    return notify;
}

static void notify_free(struct imap_notify **notify)
{
    size_t position = 0;
    void *value;
    imap_watches_finish(&(*notify)->watches);
    while (map_next((*notify)->known, &position, NULL, &value))
        known_free(value);
    imap_noted_free(&(*notify)->server_notes);
    map_free(&(*notify)->known);
    arena_finish(&(*notify)->arena);
    free(*notify);
    *notify = NULL;
}

void imap_notify_end(struct imap_session *session)
{
    if (session->notify != NULL)
        notify_free(&session->notify);
}

/* From now on this is told. What there is already is no news, but may be asked for. YIELDS. */
static void begin(struct imap_session *session, struct imap_notify *notify)
{
    struct imap_lex lex;
    imap_lex_begin(&lex, &session->line, 0);
    lex.rest = (session->enabled & IMAP_ENABLED_CONDSTORE) != 0
                   ? TEXT("(MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ)")
                   : TEXT("(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)");
    notify->status_items = imap_lex_status_items(&lex);
    imap_notify_end(session);
    session->notify = notify;
    notify->is_dirty = notify->is_silent = true;
    imap_notify_tell(session);
    notify->is_silent = false;
}

void imap_notify(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    imap_lex_space(lex);
    if (imap_lex_word(lex, "NONE")) {
        if (imap_arguments_end(session)) {
            imap_notify_end(session);
            imap_ok(session, "", "Nothing is told");
        }
        return;
    }
    struct imap_notify *notify = notify_new(session);
    bool are_known = true;
    if (imap_lex_word(lex, "SET"))
        are_known = read_set(notify, lex);
    else
        imap_lex_fail(lex, "SET or NONE is wanted");
    if (imap_arguments_end(session)) {
        if (are_known) {
            begin(session, notify);
            notify = NULL;
            imap_ok(session, "", "That will be told");
        } else {
            imap_no(session,
                    "[BADEVENT (MessageNew MessageExpunge FlagChange MailboxName "
                    "SubscriptionChange MailboxMetadataChange ServerMetadataChange)]",
                    "Other events are not told");
        }
    }
    if (notify != NULL)
        notify_free(&notify);
}
