/* COPY and MOVE (RFC 9051 6.4.7, 6.4.8). No byte of a message is copied. */
#include "account/quota.h"
#include "base/check.h"
#include "proto/imap/imap_commands.h"

struct copying {
    struct imap_session *session;
    struct imap_set set;
    uint64_t to; /* id of the mailbox: it may go while we wait */
    bool move;
    uint64_t allowed; /* flags that the user may set there; the others are left behind */
    struct imap_set_builder from_uids, to_uids;
};

static unsigned gather(struct copying *copying, uint32_t after, uint32_t *uids)
{
    const struct mailbox_entry *entry;
    unsigned count = 0;
    while (count < MAILBOX_AT_ONCE &&
           (entry = imap_set_next(&copying->set, &copying->session->view, after)) != NULL)
        uids[count++] = after = entry->uid;
    return count;
}

/* RFC 4314 4: flags that the user may not set do not come along. YIELDS. */
static enum status leave_flags(const struct copying *copying, uint32_t first, unsigned count)
{
    struct mailbox *to = mailbox_find_id(copying->session->store, copying->to);
    uint32_t *uids = arena_array(&copying->session->line.arena, count, sizeof(*uids));
    uint64_t modseq;
    for (unsigned i = 0; i < count; i++)
        uids[i] = first + i;
    return to == NULL || count == 0
               ? OK
               : mailbox_flag_many(to, uids, count, 0, ~copying->allowed, &modseq);
}

/* YIELDS. */
static enum status copy_all(struct copying *copying)
{
    struct imap_session *session = copying->session;
    uint32_t *uids = arena_array(&session->line.arena, MAILBOX_AT_ONCE, sizeof(*uids));
    uint32_t after = 0, first;
    unsigned count;
    for (;;) {
        mailbox_settle_gone(session->view.box);
        if ((count = gather(copying, after, uids)) == 0)
            return OK;
        struct mailbox *to = mailbox_find_id(session->store, copying->to);
        after = uids[count - 1];
        if (to == NULL)
            return refused("the mailbox was deleted meanwhile");
        enum status status =
            mailbox_copy(session->view.box, to, uids, &count, copying->move, &first);
        if (status == OK && copying->allowed != UINT64_MAX)
            status = leave_flags(copying, first, count);
        if (status != OK)
            return status;
        for (unsigned i = 0; i < count; i++) {
            imap_set_add(&copying->from_uids, uids[i]);
            imap_set_add(&copying->to_uids, first + i);
        }
    }
}

/* RFC 4315 3. "" when nothing was copied. */
static const char *uid_code(struct copying *copying)
{
    struct imap_session *session = copying->session;
    const struct mailbox *to = mailbox_find_id(session->store, copying->to);
    if (copying->from_uids.set.count == 0 || to == NULL)
        return "";
    struct buffer code;
    buffer_init(&code, IMAP_RESPONSE_MAX);
    buffer_printf(&code, "[COPYUID %u ", imap_uid_validity(&session->showing, to));
    imap_set_put(&code, &copying->from_uids.set);
    buffer_append_byte(&code, ' ');
    imap_set_put(&code, &copying->to_uids.set);
    buffer_append_byte(&code, ']');
    const char *text = arena_copy(&session->line.arena, buffer_text(&code)).data;
    buffer_finish(&code);
    return text;
}

/* All of it or nothing (RFC 9051 6.4.7). Within an owner's mailboxes a move takes no room. */
static enum status check_room(const struct copying *copying)
{
    struct imap_session *session = copying->session;
    const struct mailbox *to = mailbox_find_id(session->store, copying->to);
    const struct mailbox *from = session->view.box;
    const struct mailbox_entry *entry;
    uint64_t messages = 0, bytes = 0;
    if (to == NULL || (copying->move && text_equals(mailbox_owner(from), mailbox_owner(to))))
        return OK;
    for (uint32_t after = 0; (entry = imap_set_next(&copying->set, &session->view, after)) != NULL;
         after = entry->uid) {
        messages++;
        bytes += entry->size;
    }
    return quota_admit(session->options->accounts, mailbox_owner(to), messages, bytes);
}

static void run(struct copying *copying)
{
    struct imap_session *session = copying->session;
    if (check_room(copying) != OK) {
        imap_fail_as(session, "[OVERQUOTA]");
        return;
    }
    enum status status = copy_all(copying);
    if (status != OK) {
        imap_fail(session, status);
        return;
    }
    const char *code = uid_code(copying);
    /* RFC 6851 4.3: before the messages go, that the client knows where to. */
    if (copying->move && code[0] != '\0') {
        stream_printf(session->line.stream, "* OK %s Moved\r\n", code);
        code = "";
    }
    imap_ok(session, code, copying->move ? "Moved" : "Copied");
}

static void copy(struct imap_session *session, bool move)
{
    struct arena *arena = &session->line.arena;
    struct copying copying = {
        .session = session, .move = move, .from_uids.arena = arena, .to_uids.arena = arena};
    imap_lex_space(&session->lex);
    imap_lex_set(&session->lex, &copying.set);
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (!imap_arguments_end(session) || !imap_set_as_uids(session, &copying.set))
        return;
    if (move && !(imap_may(session, RIGHT_DELETE_MESSAGES) && imap_may(session, RIGHT_EXPUNGE))) {
        imap_no(session, "[NOPERM]", "You may not remove messages here");
        return;
    }
    struct mailbox *to = imap_find_mailbox_for(session, name, RIGHT_INSERT, "[TRYCREATE]");
    if (to == NULL)
        return;
    copying.allowed = imap_flags_allowed(imap_rights(session, to));
    copying.to = mailbox_id(to);
    run(&copying);
}

void imap_copy(struct imap_session *session)
{
    copy(session, false);
}

void imap_move(struct imap_session *session)
{
    copy(session, true);
}
