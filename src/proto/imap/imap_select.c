/* Opening and leaving a mailbox (RFC 9051 6.3.2, 6.3.3, 6.4.1, 6.4.2). */
#include "proto/imap/imap_commands.h"

static void say_mailbox(struct imap_session *session)
{
    const struct mailbox *box = session->view.box;
    struct stream *out = session->line.stream;
    stream_printf(out, "* %u EXISTS\r\n* 0 RECENT\r\n", view_count(&session->view));
    stream_printf(out, "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n");
    stream_printf(out, "* OK [PERMANENTFLAGS ()] No flag can be changed\r\n");
    stream_printf(out, "* OK [UIDVALIDITY %u] UIDs are valid\r\n", mailbox_uid_validity(box));
    stream_printf(out, "* OK [UIDNEXT %u] The next UID\r\n", mailbox_uid_next(box));
}

static void open_mailbox(struct imap_session *session, bool read_only)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_astring(&session->lex);
    if (!imap_arguments_end(session))
        return;
    imap_deselect(session);
    if (text_equals_nocase(name, TEXT("INBOX")))
        name = TEXT("INBOX");
    struct mailbox *box = mailbox_find_or_make(session->store, session->options->user, name);
    if (box == NULL) {
        imap_no(session, "[NONEXISTENT]", "No such mailbox");
        return;
    }
    view_open(&session->view, box);
    session->read_only = read_only;
    say_mailbox(session);
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
