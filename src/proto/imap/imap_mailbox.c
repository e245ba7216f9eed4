/* Making, deleting and renaming mailboxes (RFC 9051 6.3.4 to 6.3.8). */
#include "base/check.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_ids.h"
#include "proto/imap/imap_uses.h"
#include "store/hierarchy.h"

static const struct {
    const char *code, *text;
} refusals[] = {
    [NAMING_EXISTS] = {"[ALREADYEXISTS]", "There is a mailbox of this name"},
    [NAMING_MISSING] = {"[NONEXISTENT]", "No such mailbox"},
    [NAMING_HAS_CHILDREN] = {"[HASCHILDREN]", "It is no mailbox, and others lie below"},
    [NAMING_MALFORMED] = {"[CANNOT]", "No mailbox can have this name"},
    [NAMING_INBOX] = {"[CANNOT]", "INBOX stays"},
    [NAMING_WITHIN] = {"[CANNOT]", "A mailbox can't go below itself"},
    [NAMING_TOO_MANY] = {"[LIMIT]", "There are too many mailboxes"},
};

static void answer_naming(struct imap_session *session, enum naming result, const char *done)
{
    if (result == NAMING_DONE)
        imap_ok(session, "", done);
    else if (result == NAMING_LATER)
        imap_fail(session, TRY_LATER);
    else
        imap_no(session, refusals[result].code, refusals[result].text);
}

/* RFC 6154 3: "(USE (\Drafts))" */
static unsigned read_uses(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    unsigned uses = 0;
    if (!imap_lex_more(lex))
        return 0;
    imap_lex_expect(lex, '(');
    if (!imap_lex_word(lex, "USE"))
        imap_lex_fail(lex, "USE is missing");
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    if (imap_lex_take(lex, ')')) {
        imap_lex_expect(lex, ')');
        return 0;
    }
    do
        uses |= imap_lex_use(lex);
    while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    imap_lex_expect(lex, ')');
    return uses;
}

void imap_create(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    unsigned uses = read_uses(session);
    if (!imap_arguments_end(session))
        return;
    if ((uses & IMAP_USE_UNKNOWN) != 0) {
        imap_no(session, "[USEATTR]", "This use is not known here");
        return;
    }
    /* RFC 3501 6.3.3: a separator at the end says that there will be others below. */
    if (name.length > 1 && name.data[name.length - 1] == '/')
        name.length--;
    enum naming result = mailbox_create(session->store, session->options->user, name, uses);
    const struct mailbox *box =
        result == NAMING_DONE ? mailbox_find(session->store, session->options->user, name) : NULL;
    if (box == NULL) {
        answer_naming(session, result, "Made");
        return;
    }
    char id[IMAP_ID_BYTES];
    imap_ok(
        session,
        arena_printf(&session->line.arena, "[MAILBOXID (%s)]", imap_mailbox_id(mailbox_id(box), id))
            .data,
        "Made");
}

void imap_delete(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (imap_arguments_end(session))
        answer_naming(session, mailbox_delete(session->store, session->options->user, name),
                      "Deleted");
}

void imap_rename(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text from = imap_lex_mailbox(session);
    imap_lex_space(&session->lex);
    struct text to = imap_lex_mailbox(session);
    if (imap_arguments_end(session))
        answer_naming(session, mailbox_rename(session->store, session->options->user, from, to),
                      "Renamed");
}

static void subscribe(struct imap_session *session, bool on)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (!imap_arguments_end(session))
        return;
    if (on && !mailbox_name_is_valid(session->options->user, name)) {
        answer_naming(session, NAMING_MALFORMED, "");
        return;
    }
    enum status status = mailbox_subscribe(session->store, session->options->user, name, on);
    if (status == OK)
        imap_ok(session, "", on ? "Subscribed" : "No longer subscribed");
    else
        imap_fail(session, status);
}

void imap_subscribe(struct imap_session *session)
{
    subscribe(session, true);
}

void imap_unsubscribe(struct imap_session *session)
{
    subscribe(session, false);
}
