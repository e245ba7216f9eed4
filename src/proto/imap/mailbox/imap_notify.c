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
#include "proto/imap/mailbox/imap_events.h"
#include "proto/imap/mailbox/imap_noted.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/mailbox/imap_status.h"
#include "proto/imap/mailbox/imap_watch.h"
#include "proto/imap/message/imap_fetch.h"
#include "store/hierarchy.h"

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
    struct imap_events events;
    struct arena arena, names; /* of the events; of one telling */
    struct map *known;         /* id: struct known */
    unsigned round;
    bool is_dirty, is_silent; /* silent: to begin with, nothing is news */
    unsigned status_items;
    struct imap_noted *server_notes; /* NULL: nobody asked */
};

/* Telling */

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
    bool is_asked =
        notify->is_silent && notify->events.tells_status && (wanted & EVENTS_OF_MESSAGES) != 0;
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
        hold_against(notify, name, box,
                     imap_events_of(notify->session, &notify->events, name, true));
    return true;
}

/* RFC 5465 3.1: names take the right to look it up, which the caller has; messages that to read. */
static void hold_shared(void *context, struct mailbox *box)
{
    struct imap_notify *notify = context;
    struct text name = imap_shown_name(notify->session, box, &notify->names);
    unsigned wanted = imap_events_of(notify->session, &notify->events, name, false);
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
        unsigned wanted =
            imap_events_of(notify->session, &notify->events, known->name, known->is_own);
        if ((wanted & EVENT_NAME) != 0)
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
    if (notify->events.has_others)
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
    if (notify != NULL && (notify->events.selected & EVENT_NEW) != 0 &&
        notify->events.items.length > 0)
        imap_fetch_new(session, notify->events.items, first);
}

void imap_notify_wait(struct imap_session *session)
{
    struct imap_notify *notify = session->notify;
    struct line_session *line = &session->line;
    if (notify == NULL || line->ended)
        return;
    session->is_idle = true;
    do {
        if (notify->events.selected != 0)
            imap_tell_changes(session, !notify->events.is_delayed);
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
    if (session->notify != notify)
        imap_notify_end(session);
    session->notify = notify;
    if ((session->enabled & IMAP_ENABLED_METADATA) != 0) {
        notify->events.always = EVENT_NOTES;
        notify->events.has_others = notify->events.has_server_notes = true;
    }
    if (notify->events.has_server_notes && notify->server_notes == NULL)
        notify->server_notes = imap_noted_new();
    notify->is_dirty = notify->is_silent = true;
    imap_notify_tell(session);
    notify->is_silent = notify->events.tells_status = false;
}

void imap_notify_notes(struct imap_session *session)
{
    imap_notify_tell(session); /* what NOTIFY asked for before goes on */
    begin(session, session->notify != NULL ? session->notify : notify_new(session));
}

void imap_notify(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    imap_lex_space(lex);
    if (imap_lex_word(lex, "NONE")) {
        if (imap_arguments_end(session)) {
            imap_notify_end(session);
            if ((session->enabled & IMAP_ENABLED_METADATA) != 0)
                imap_notify_notes(session);
            imap_ok(session, "", "Nothing is told");
        }
        return;
    }
    struct imap_notify *notify = notify_new(session);
    bool are_known = true;
    if (imap_lex_word(lex, "SET"))
        are_known = imap_lex_events(session, &notify->arena, &notify->events);
    else
        imap_lex_fail(lex, "SET or NONE is wanted");
    if (imap_arguments_end(session)) {
        if (are_known) {
            begin(session, notify);
            notify = NULL;
            imap_ok(session, "", "That will be told");
        } else {
            imap_no(session, IMAP_EVENTS_BAD, "Other events are not told");
        }
    }
    if (notify != NULL)
        notify_free(&notify);
}
