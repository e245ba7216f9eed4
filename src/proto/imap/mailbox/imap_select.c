/* Opening and leaving a mailbox (RFC 9051 6.3.2, 6.3.3, 6.4.1, 6.4.2). */
#include <inttypes.h>

#include "base/memory.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_ids.h"
#include "proto/imap/mailbox/imap_place.h"

/* RFC 7162 3.2.5: what a session that comes back knows. */
struct resync {
    bool is_wanted;
    uint32_t uid_validity;
    uint64_t modseq;
    struct imap_set known; /* the UIDs it knows; none: all of them */
};

struct request {
    struct text name;
    struct resync resync;
};

static void read_resync(struct imap_session *session, struct resync *resync)
{
    struct imap_lex *lex = &session->lex;
    struct imap_set ignored;
    if ((session->enabled & IMAP_ENABLED_QRESYNC) == 0)
        imap_lex_fail(lex, "QRESYNC is not enabled");
    resync->is_wanted = true;
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    resync->uid_validity = imap_lex_nonzero(lex);
    imap_lex_space(lex);
    resync->modseq = imap_lex_number64(lex);
    if (imap_lex_take(lex, ' ') && imap_lex_peek(lex) != '(') {
        imap_lex_set(lex, &resync->known);
        imap_lex_take(lex, ' ');
    }
    /* Pairs of numbers and UIDs would save a few of what is told below; not telling them too is
     * allowed. */
    if (imap_lex_take(lex, '(')) {
        if ((session->enabled & IMAP_ENABLED_UIDONLY) != 0)
            imap_lex_fail(lex, IMAP_NUMBERS_REFUSED);
        imap_lex_set(lex, &ignored);
        imap_lex_space(lex);
        imap_lex_set(lex, &ignored);
        imap_lex_expect(lex, ')');
    }
    imap_lex_expect(lex, ')');
}

static void read_parameters(struct imap_session *session, struct request *request)
{
    struct imap_lex *lex = &session->lex;
    if (!imap_lex_more(lex))
        return;
    imap_lex_expect(lex, '(');
    do {
        if (imap_lex_word(lex, "CONDSTORE"))
            session->enabled |= IMAP_ENABLED_CONDSTORE;
        else if (imap_lex_word(lex, "QRESYNC"))
            read_resync(session, &request->resync);
        else
            imap_lex_fail(lex, "Parameter not known");
    } while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
}

static void say_mailbox(struct imap_session *session)
{
    const struct mailbox *box = session->view.box;
    struct buffer *out = &session->out;
    char id[IMAP_ID_BYTES];
    imap_put_mailbox_flags(session);
    buffer_printf(out, "* %u EXISTS\r\n", view_count(&session->view));
    if ((session->enabled & IMAP_ENABLED_REV2) == 0)
        buffer_append(out, TEXT("* 0 RECENT\r\n"));
    buffer_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n",
                  imap_uid_validity(&session->showing, box));
    buffer_printf(out, "* OK [UIDNEXT %u] The next UID\r\n", mailbox_uid_next(box));
    buffer_printf(out, "* OK [HIGHESTMODSEQ %" PRIu64 "] The last change\r\n", mailbox_modseq(box));
    buffer_printf(out, "* OK [MAILBOXID (%s)] Its name for ever\r\n",
                  imap_mailbox_id(mailbox_id(box), id));
    buffer_append(out, TEXT("* OK " IMAP_URLMECH " How URLs are authorised\r\n"));
}

/* What changed since. The view is new, so all of it is told already. YIELDS. */
static void say_changed(struct imap_session *session, const struct resync *resync)
{
    const struct mailbox_entry *entry = view_next(&session->view, 0);
    while (entry != NULL) {
        uint32_t uid = entry->uid;
        bool is_known = resync->known.count == 0 || imap_set_has(&resync->known, uid);
        if (is_known && entry->modseq > resync->modseq) {
            imap_put_changed(session, entry, IMAP_TELL_UID | IMAP_TELL_FLAGS);
            imap_send(session);
        }
        entry = view_next(&session->view, uid + 1);
    }
}

static void resync(struct imap_session *session, struct resync *resync)
{
    if (!resync->is_wanted ||
        resync->uid_validity != imap_uid_validity(&session->showing, session->view.box))
        return;
    imap_set_resolve(&resync->known, mailbox_uid_next(session->view.box) - 1);
    imap_say_vanished(session, resync->modseq, resync->known.count == 0 ? NULL : &resync->known);
    say_changed(session, resync);
}

/* RFC 3501 6.3.1: helps clients to the first message that was not read. */
static void say_unseen(struct imap_session *session)
{
    unsigned count = 0, at = 0;
    if (mailbox_totals(session->view.box).unseen == 0)
        return;
    /* The view is new: its numbers are the places. */
    const struct mailbox_entry *entries = mailbox_entries(session->view.box, &count);
    while (at < count && (entries[at].flags & FLAG_SEEN) != 0)
        at++;
    if (at < count)
        buffer_printf(&session->out, "* OK [UNSEEN %u] The first that was not read\r\n", at + 1);
}

/* RFC 9051 6.3.2: the LIST response tells the name as the server has it. */
static void say_name(struct imap_session *session)
{
    buffer_append(&session->out, TEXT("* LIST () \"/\" "));
    imap_put_mailbox_name(session, session->view.box);
    buffer_append(&session->out, TEXT("\r\n"));
}

static void wake(void *context)
{
    struct imap_session *session = context;
    if (session->is_idle)
        stream_wake(session->line.stream);
}

struct imap_session *imap_session_of_view(const struct view *view)
{
    return view->wake == wake ? view->context : NULL;
}

static void leave_for_another(struct imap_session *session)
{
    bool had_one = session->view.box != NULL;
    imap_deselect(session);
    if (had_one && (session->enabled & (IMAP_ENABLED_REV2 | IMAP_ENABLED_QRESYNC)) != 0)
        buffer_append(&session->out, TEXT("* OK [CLOSED] The one before is closed\r\n"));
}

static void open_mailbox(struct imap_session *session, bool read_only)
{
    struct request request = {.name = TEXT("")};
    imap_lex_space(&session->lex);
    request.name = imap_lex_mailbox(session);
    read_parameters(session, &request);
    if (!imap_arguments_end(session))
        return;
    leave_for_another(session);
    struct mailbox *box = imap_find_mailbox(session, request.name, "[NONEXISTENT]");
    if (box == NULL)
        return;
    size_t bytes = mailbox_totals(box).messages * sizeof(struct mailbox_entry);
    if (memory_ask(MEMORY_FOR_COMMAND, bytes) != OK) {
        imap_fail(session, TRY_LATER);
        return;
    }
    view_open(&session->view, box);
    session->view.wake = wake;
    session->view.context = session;
    /* RFC 4314 5.2 */
    if (!imap_may(session, RIGHTS_OF_CHANGE))
        read_only = true;
    session->read_only = read_only;
    say_mailbox(session);
    if ((session->enabled & IMAP_ENABLED_REV2) == 0)
        say_unseen(session);
    else
        say_name(session);
    imap_send(session);
    resync(session, &request.resync);
    imap_ok(session, read_only ? "[READ-ONLY]" : "[READ-WRITE]", "The mailbox is open");
}

void imap_select(struct imap_session *session)
{
    open_mailbox(session, false);
}

void imap_examine(struct imap_session *session)
{
    open_mailbox(session, true);
}

void imap_unselect(struct imap_session *session)
{
    if (!imap_arguments_end(session))
        return;
    imap_deselect(session);
    imap_ok(session, "", "The mailbox is left");
}

void imap_check(struct imap_session *session)
{
    if (imap_arguments_end(session))
        imap_ok(session, "", "All is on the disk as it is");
}
