/* STORE: flags of messages (RFC 9051 6.4.6). */
#include "base/array.h"
#include "base/check.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/message/imap_flags.h"

enum action { ACTION_SET, ACTION_ADD, ACTION_REMOVE };

struct request {
    struct imap_set set;
    enum action action;
    bool is_silent;
    struct imap_flags flags;
    uint64_t allowed;     /* flags that the user may change */
    uint64_t add, remove; /* as bits of the mailbox */
    bool is_conditional;  /* RFC 7162 3.1.3: only of messages that did not change since */
    uint64_t unchanged_since;
    struct imap_set_builder modified; /* those that did: as the client names them */
};

static void read_request(struct imap_lex *lex, struct request *request)
{
    imap_lex_space(lex);
    imap_lex_set(lex, &request->set);
    imap_lex_space(lex);
    request->is_conditional = imap_lex_take(lex, '(');
    if (request->is_conditional) {
        if (!imap_lex_word(lex, "UNCHANGEDSINCE"))
            imap_lex_fail(lex, "UNCHANGEDSINCE is missing");
        imap_lex_space(lex);
        request->unchanged_since = imap_lex_number64(lex);
        imap_lex_expect(lex, ')');
        imap_lex_space(lex);
    }
    request->action = imap_lex_take(lex, '+')   ? ACTION_ADD
                      : imap_lex_take(lex, '-') ? ACTION_REMOVE
                                                : ACTION_SET;
    request->is_silent = imap_lex_word(lex, "FLAGS.SILENT");
    if (!request->is_silent && !imap_lex_word(lex, "FLAGS"))
        imap_lex_fail(lex, "FLAGS is missing");
    imap_lex_space(lex);
    imap_lex_flags(lex, true, &request->flags);
}

/* RFC 4314 4: what the user may not change stays as it is. False: that is all he asked for. */
static bool keep_to_rights(const struct imap_session *session, struct request *request)
{
    struct imap_flags *flags = &request->flags;
    bool names_none = flags->system == 0 && flags->keyword_count == 0;
    request->allowed = imap_selected_flags(session);
    flags->system &= request->allowed;
    if ((request->allowed & FLAG_FLAGGED) == 0)
        flags->keyword_count = 0;
    return flags->system != 0 || flags->keyword_count > 0 || (names_none && request->allowed != 0);
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
    request->remove = request->action == ACTION_SET ? ~flags & request->allowed : 0;
    return all;
}

/* One that the set names. */
struct named {
    uint32_t uid;
    bool is_changing;
    bool is_untold; /* others changed it already, and the client was not told */
    uint64_t flags; /* as the client expects them afterwards */
};

/* Messages of one record: all of a batch that are in the set, and of these the ones to change. */
struct batch {
    struct named *named;
    uint32_t *changing;
    unsigned most, named_count, changing_count;
    uint64_t modseq; /* that they get; 0: none is to change */
};

static struct batch batch_for(struct imap_session *session)
{
    unsigned count = view_count(&session->view);
    struct batch batch = {.most = count < MAILBOX_FLAGS_AT_ONCE ? count : MAILBOX_FLAGS_AT_ONCE};
    batch.named = arena_array(&session->line.arena, batch.most, sizeof(*batch.named));
    batch.changing = arena_array(&session->line.arena, batch.most, sizeof(*batch.changing));
    return batch;
}

static void add_named(struct batch *batch, const struct request *request, const struct view *view,
                      const struct mailbox_entry *entry)
{
    uint64_t flags = (entry->flags & ~request->remove) | request->add;
    bool is_changing = flags != entry->flags;
    batch->named[batch->named_count++] = (struct named){.uid = entry->uid,
                                                        .is_changing = is_changing,
                                                        .is_untold = entry->modseq > view->modseq,
                                                        .flags = flags};
    if (is_changing)
        batch->changing[batch->changing_count++] = entry->uid;
}

/* From behind `after` on; returns the last UID looked at, or 0 when none was left. */
static uint32_t gather(const struct imap_session *session, struct request *request, uint32_t after,
                       struct batch *batch)
{
    const struct mailbox_entry *entry;
    uint32_t last = 0;
    batch->named_count = batch->changing_count = 0;
    while (batch->named_count < batch->most &&
           (entry = imap_set_next(&request->set, &session->view, after)) != NULL) {
        after = last = entry->uid;
        if (request->is_conditional && entry->modseq > request->unchanged_since)
            imap_set_add(&request->modified,
                         imap_is_by_uid(session) ? after : view_number(&session->view, after));
        else
            add_named(batch, request, &session->view, entry);
    }
    return last;
}

/* YIELDS. */
static enum status change_batch(struct imap_session *session, const struct request *request,
                                struct batch *batch)
{
    struct view *view = &session->view;
    uint64_t told = view->modseq;
    batch->modseq = 0;
    if (batch->changing_count == 0)
        return OK;
    enum status status = mailbox_flag_many(view->box, batch->changing, batch->changing_count,
                                           request->add, request->remove, &batch->modseq);
    if (status != OK)
        return status;
    /* What we did ourselves is not told again. */
    if (told == batch->modseq - 1 && view->modseq == told) {
        view->modseq = batch->modseq;
    } else {
        session->own = arena_grow(&session->line.arena, session->own, session->own_count,
                                  sizeof(*session->own));
        session->own[session->own_count++] = batch->modseq;
    }
    return OK;
}

/* What others did is told in any case (RFC 9051 6.4.6), and with one FETCH: with ours when they did
 * it before, at the end of the command when they did it after. */
static void say_flags(struct imap_session *session, const struct request *request,
                      const struct batch *batch, const struct named *named)
{
    const struct mailbox_entry *entry = mailbox_entry_find(session->view.box, named->uid);
    bool is_ours = entry != NULL && entry->modseq == batch->modseq;
    if (entry == NULL || (entry->modseq > session->view.modseq && !is_ours))
        return;
    bool is_unexpected = is_ours && (named->is_untold || entry->flags != named->flags);
    bool tells_flags = !request->is_silent || is_unexpected;
    /* RFC 7162 3.1.3: a silent STORE too tells new mod-sequences to those who want to know them. */
    bool tells_modseq = request->is_conditional || (session->enabled & IMAP_ENABLED_CONDSTORE) != 0;
    if (!tells_flags && !tells_modseq)
        return;
    imap_put_changed(session, entry,
                     (imap_is_by_uid(session) ? IMAP_TELL_UID : 0u) |
                         (tells_flags ? IMAP_TELL_FLAGS : 0u) |
                         (tells_modseq ? IMAP_TELL_MODSEQ : 0u));
    imap_send(session);
}

/* RFC 7162 3.1.3: the messages that were left alone. */
static const char *modified_code(struct imap_session *session, const struct request *request)
{
    struct buffer code;
    if (request->modified.set.count == 0)
        return "";
    buffer_init(&code, IMAP_RESPONSE_MAX);
    buffer_append(&code, TEXT("[MODIFIED "));
    imap_set_put(&code, &request->modified.set);
    buffer_append_byte(&code, ']');
    const char *text = arena_copy(&session->line.arena, buffer_text(&code)).data;
    buffer_finish(&code);
    return text;
}

static void store_all(struct imap_session *session, struct request *request)
{
    struct batch batch = batch_for(session);
    enum status status = OK;
    uint32_t after = 0;
    for (;;) {
        /* What others have on its way counts as changed before. */
        if (request->is_conditional)
            mailbox_settle(session->view.box);
        if ((after = gather(session, request, after, &batch)) == 0 ||
            (status = change_batch(session, request, &batch)) != OK)
            break;
        for (unsigned i = 0; i < batch.named_count; i++)
            say_flags(session, request, &batch, &batch.named[i]);
    }
    if (status == OK)
        imap_ok(session, modified_code(session, request), "Stored");
    else
        imap_fail(session, status);
    session->own = NULL;
    session->own_count = 0;
}

void imap_store(struct imap_session *session)
{
    struct request *request = arena_alloc(&session->line.arena, sizeof(*request));
    request->modified.arena = &session->line.arena;
    read_request(&session->lex, request);
    if (!imap_arguments_end(session) || !imap_set_as_uids(session, &request->set))
        return;
    if (request->is_conditional)
        session->enabled |= IMAP_ENABLED_CONDSTORE;
    if (!keep_to_rights(session, request))
        imap_no(session, "[NOPERM]", "You may not change these flags here");
    else if (number_flags(request, session->view.box))
        store_all(session, request);
    else
        imap_no(session, "[LIMIT]", "The mailbox has no room for more keywords");
}
