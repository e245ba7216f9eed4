/* EXPUNGE, UID EXPUNGE and CLOSE (RFC 9051 6.4.2, 6.4.3, 6.4.9). */
#include <inttypes.h>

#include "proto/imap/imap_commands.h"

/* Remove what is marked \Deleted, and in the set if there is one. YIELDS. */
static enum status expunge(struct imap_session *session, const struct imap_set *set)
{
    struct mailbox *box = session->view.box;
    unsigned count, marked = 0;
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    uint32_t *uids = arena_array(&session->line.arena, count, sizeof(*uids));
    for (unsigned i = 0; i < count; i++)
        if ((entries[i].flags & FLAG_DELETED) != 0 &&
            (set == NULL || imap_set_has(set, entries[i].uid)))
            uids[marked++] = entries[i].uid;
    return marked == 0 ? OK : mailbox_expunge(box, uids, marked);
}

/* RFC 7162 3.2.7, 3.2.9: a client that keeps in step need not ask. "" for others. */
static const char *modseq_code(struct imap_session *session)
{
    if ((session->enabled & IMAP_ENABLED_QRESYNC) == 0)
        return "";
    return arena_printf(&session->line.arena, "[HIGHESTMODSEQ %" PRIu64 "]",
                        mailbox_modseq(session->view.box))
        .data;
}

void imap_expunge(struct imap_session *session)
{
    struct imap_set set;
    bool by_uid = imap_is_by_uid(session);
    if (by_uid) {
        imap_lex_space(&session->lex);
        imap_lex_set(&session->lex, &set);
    }
    if (!imap_arguments_end(session) || (by_uid && !imap_set_as_uids(session, &set)))
        return;
    if (!imap_may(session, RIGHT_EXPUNGE)) {
        imap_no(session, "[NOPERM]", "You may not remove messages here");
        return;
    }
    enum status status = expunge(session, by_uid ? &set : NULL);
    if (status == OK)
        imap_ok(session, modseq_code(session), "Expunged");
    else
        imap_fail(session, status);
}

/* RFC 7162 3.2.8: what went away is not told, so neither is the mod-sequence. */
void imap_close(struct imap_session *session)
{
    if (!imap_arguments_end(session))
        return;
    bool expunges = !session->read_only && imap_may(session, RIGHT_EXPUNGE);
    enum status status = expunges ? expunge(session, NULL) : OK;
    imap_deselect(session);
    if (status == OK)
        imap_ok(session, "", "The mailbox is closed");
    else
        imap_fail(session, status);
}
