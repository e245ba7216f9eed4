/* REPLACE and UID REPLACE (RFC 8508): a message comes, another goes, in one record of the log. */
#include "proto/imap/imap_commands.h"
#include "proto/imap/message/imap_append.h"

/* The message to go; 0 when answered. */
static uint32_t read_replaced(struct imap_session *session)
{
    struct imap_set set;
    imap_lex_space(&session->lex);
    imap_lex_set(&session->lex, &set);
    if (session->lex.error != NULL) {
        imap_bad(session, session->lex.error);
        return 0;
    }
    if (!imap_set_as_uids(session, &set))
        return 0;
    if (set.count != 1 || set.ranges[0].first != set.ranges[0].last) {
        imap_bad(session, "One message is replaced");
        return 0;
    }
    uint32_t uid = set.ranges[0].first;
    const struct mailbox_entry *entry = view_next(&session->view, uid);
    if (entry != NULL && entry->uid == uid)
        return uid;
    imap_no(session, "[NONEXISTENT]", "There is no such message");
    return 0;
}

void imap_replace(struct imap_session *session)
{
    struct imap_appending appending;
    const char *code;
    uint32_t uid = read_replaced(session);
    if (uid == 0)
        return;
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (session->lex.error != NULL) {
        imap_bad(session, session->lex.error);
        return;
    }
    if (!imap_may(session, RIGHT_DELETE_MESSAGES) || !imap_may(session, RIGHT_EXPUNGE)) {
        imap_no(session, "[NOPERM]", "You may not remove messages here");
        return;
    }
    if (!imap_append_begin(&appending, session, name))
        return;
    imap_append_message(&appending, false);
    if (imap_append_read(&appending)) {
        append_replaces(appending.append, mailbox_id(session->view.box), uid);
        if (imap_append_commit(&appending, &code)) {
            /* RFC 8508 3.4: told before the old one is gone. */
            stream_printf(session->line.stream, "* OK %s%sThe replacement is there\r\n", code,
                          code[0] == '\0' ? "" : " ");
            imap_ok(session, "", "Replaced");
        }
    }
    append_free(&appending.append);
}
