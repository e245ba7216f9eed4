/* STORE: flags of messages (RFC 9051 6.4.6). */
#include "base/check.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_flags.h"

enum action { ACTION_SET, ACTION_ADD, ACTION_REMOVE };

struct request {
    struct imap_set set;
    enum action action;
    bool is_silent;
    struct imap_flags flags;
    uint64_t add, remove; /* as bits of the mailbox */
};

static void read_request(struct imap_lex *lex, struct request *request)
{
    imap_lex_space(lex);
    imap_lex_set(lex, &request->set);
    imap_lex_space(lex);
    request->action = imap_lex_take(lex, '+')   ? ACTION_ADD
                      : imap_lex_take(lex, '-') ? ACTION_REMOVE
                                                : ACTION_SET;
    request->is_silent = imap_lex_word(lex, "FLAGS.SILENT");
    if (!request->is_silent && !imap_lex_word(lex, "FLAGS"))
        imap_lex_fail(lex, "FLAGS is missing");
    imap_lex_space(lex);
    imap_lex_flags(lex, true, &request->flags);
}

/* False: the mailbox has no room for a new keyword. */
static bool number_flags(struct request *request, struct mailbox *box)
{
    uint64_t flags = request->flags.system;
    if (request->action == ACTION_REMOVE) {
        for (unsigned i = 0; i < request->flags.keyword_count; i++)
            flags |= mailbox_keyword_find(box, request->flags.keywords[i]);
        request->remove = flags;
        return true;
    }
    bool all = imap_flags_number(&request->flags, box, &flags);
    request->add = flags;
    request->remove = request->action == ACTION_SET ? ~flags : 0;
    return all;
}

static bool changes(const struct request *request, const struct mailbox_entry *entry)
{
    return ((entry->flags & ~request->remove) | request->add) != entry->flags;
}

static void say_flags(struct imap_session *session, uint32_t uid)
{
    const struct mailbox_entry *entry = mailbox_entry_find(session->view.box, uid);
    if (entry == NULL)
        return;
    buffer_printf(&session->out, "* %u FETCH (", view_number(&session->view, uid));
    if (imap_is_by_uid(session))
        buffer_printf(&session->out, "UID %u ", uid);
    buffer_append(&session->out, TEXT("FLAGS "));
    imap_put_flags(&session->out, session->view.box, entry->flags);
    buffer_append(&session->out, TEXT(")\r\n"));
    imap_send(session);
}

/* Messages of one record: all of a batch that are in the set, and of these the ones to change. */
struct batch {
    uint32_t named[MAILBOX_AT_ONCE], changing[MAILBOX_AT_ONCE];
    unsigned named_count, changing_count;
};

/* From behind `after` on; returns the last UID looked at, or 0 when none was left. */
static uint32_t gather(const struct imap_session *session, const struct request *request,
                       uint32_t after, struct batch *batch)
{
    const struct mailbox_entry *entry;
    batch->named_count = batch->changing_count = 0;
    while (batch->named_count < MAILBOX_AT_ONCE &&
           (entry = imap_set_next(&request->set, &session->view, after)) != NULL) {
        after = entry->uid;
        batch->named[batch->named_count++] = after;
        if (changes(request, entry))
            batch->changing[batch->changing_count++] = after;
    }
    return batch->named_count == 0 ? 0 : after;
}

/* YIELDS. */
static enum status change_batch(struct imap_session *session, const struct request *request,
                                const struct batch *batch)
{
    struct view *view = &session->view;
    uint64_t modseq, told = view->modseq;
    if (batch->changing_count == 0)
        return OK;
    enum status status = mailbox_flag_many(view->box, batch->changing, batch->changing_count,
                                           request->add, request->remove, &modseq);
    /* What we did ourselves is not told again, unless others did something in between. */
    if (status == OK && told == modseq - 1 && view->modseq == told)
        view->modseq = modseq;
    return status;
}

static void store_all(struct imap_session *session, struct request *request)
{
    struct batch *batch = arena_alloc(&session->line.arena, sizeof(*batch));
    enum status status = OK;
    uint32_t after = 0;
    while (status == OK && (after = gather(session, request, after, batch)) != 0) {
        status = change_batch(session, request, batch);
        for (unsigned i = 0; i < batch->named_count && status == OK && !request->is_silent; i++)
            say_flags(session, batch->named[i]);
    }
    if (status == OK)
        imap_ok(session, "", "Stored");
    else
        imap_fail(session, status);
}

void imap_store(struct imap_session *session)
{
    struct request *request = arena_alloc(&session->line.arena, sizeof(*request));
    read_request(&session->lex, request);
    if (!imap_arguments_end(session) || !imap_set_as_uids(session, &request->set))
        return;
    if (number_flags(request, session->view.box))
        store_all(session, request);
    else
        imap_no(session, "[LIMIT]", "The mailbox has no room for more keywords");
}
