/* Opening and leaving a mailbox (RFC 9051 6.3.2, 6.3.3, 6.4.1, 6.4.2). */
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_name.h"

static void say_mailbox(struct imap_session *session)
{
    const struct mailbox *box = session->view.box;
    struct buffer *out = &session->out;
    imap_put_mailbox_flags(session);
    buffer_printf(out, "* %u EXISTS\r\n", view_count(&session->view));
    if ((session->enabled & IMAP_ENABLED_REV2) == 0)
        buffer_append(out, TEXT("* 0 RECENT\r\n"));
    buffer_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", mailbox_uid_validity(box));
    buffer_printf(out, "* OK [UIDNEXT %u] The next UID\r\n", mailbox_uid_next(box));
}

/* RFC 3501 6.3.1: helps clients to the first message that was not read. */
static void say_unseen(struct imap_session *session)
{
    const struct mailbox_entry *entry = view_next(&session->view, 0);
    while (entry != NULL && (entry->flags & FLAG_SEEN) != 0)
        entry = view_next(&session->view, entry->uid + 1);
    if (entry != NULL)
        buffer_printf(&session->out, "* OK [UNSEEN %u] The first that was not read\r\n",
                      view_number(&session->view, entry->uid));
}

/* RFC 9051 6.3.2: the LIST response tells the name as the server has it. */
static void say_name(struct imap_session *session)
{
    buffer_append(&session->out, TEXT("* LIST () \"/\" "));
    imap_put_name(&session->out, mailbox_name(session->view.box), imap_is_utf8(session));
    buffer_append(&session->out, TEXT("\r\n"));
}

static void wake(void *context)
{
    struct imap_session *session = context;
    if (session->is_idle)
        stream_wake(session->line.stream);
}

static void leave_for_another(struct imap_session *session)
{
    bool had_one = session->view.box != NULL;
    imap_deselect(session);
    if (had_one && (session->enabled & IMAP_ENABLED_REV2) != 0)
        buffer_append(&session->out, TEXT("* OK [CLOSED] The one before is closed\r\n"));
}

static void open_mailbox(struct imap_session *session, bool read_only)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (!imap_arguments_end(session))
        return;
    leave_for_another(session);
    struct mailbox *box = imap_find_mailbox(session, name, "[NONEXISTENT]");
    if (box == NULL)
        return;
    view_open(&session->view, box);
    session->view.wake = wake;
    session->view.context = session;
    session->read_only = read_only;
    say_mailbox(session);
    if ((session->enabled & IMAP_ENABLED_REV2) == 0)
        say_unseen(session);
    else
        say_name(session);
    imap_send(session);
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
