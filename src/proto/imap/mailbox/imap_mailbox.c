/* Making, deleting and renaming mailboxes (RFC 9051 6.3.4 to 6.3.8). */
#include "base/check.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_ids.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/mailbox/imap_uses.h"
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

/* RFC 4314 4: what is made below a mailbox needs its right k. False when answered. */
static bool may_create(struct imap_session *session, const struct imap_place *place)
{
    if (text_equals(place->owner, session->options->user))
        return true;
    const struct mailbox *above = imap_find_above(session, place);
    if (above != NULL && (imap_rights(session, above) & RIGHT_CREATE) != 0)
        return true;
    imap_no(session, "[NOPERM]", "You may not make mailboxes there");
    return false;
}

/* Delete or rename it. Of a name that is no mailbox only the owner is told so. */
static bool may_change(struct imap_session *session, const struct imap_place *place)
{
    if (text_equals(place->owner, session->options->user))
        return true;
    const struct mailbox *box = mailbox_find(session->store, place->owner, place->name);
    unsigned rights = box == NULL ? 0 : imap_rights(session, box);
    if ((rights & RIGHT_DELETE_MAILBOX) != 0)
        return true;
    if ((rights & RIGHT_LOOKUP) != 0)
        imap_no(session, "[NOPERM]", "You may not do that with this mailbox");
    else
        imap_no(session, "[NONEXISTENT]", "No such mailbox");
    return false;
}

/* What is made below a shared mailbox, with the levels between, is shared in the same way. YIELDS.
 */
static enum status inherit(struct imap_session *session, const struct imap_place *place,
                           uint64_t above, size_t from)
{
    enum status status = OK;
    for (size_t i = from + 1; i <= place->name.length && status == OK; i++) {
        if (i < place->name.length && place->name.data[i] != '/')
            continue;
        const struct mailbox *box =
            mailbox_find(session->store, place->owner, text_head(place->name, i));
        if (box != NULL)
            status = sharing_inherit(session->store, above, mailbox_id(box));
    }
    return status;
}

/* RFC 8474 4.2 */
static void answer_made(struct imap_session *session, const struct imap_place *place)
{
    const struct mailbox *box = mailbox_find(session->store, place->owner, place->name);
    char id[IMAP_ID_BYTES];
    struct text code = box == NULL ? TEXT("")
                                   : arena_printf(&session->line.arena, "[MAILBOXID (%s)]",
                                                  imap_mailbox_id(mailbox_id(box), id));
    imap_ok(session, code.data, "Made");
}

/* YIELDS. */
static void create(struct imap_session *session, const struct imap_place *place, unsigned uses)
{
    const struct mailbox *above = imap_find_above(session, place);
    uint64_t above_id = above == NULL ? 0 : mailbox_id(above);
    size_t above_length = above == NULL ? 0 : mailbox_name(above).length;
    enum naming result = mailbox_create(session->store, place->owner, place->name, uses);
    if (result == NAMING_DONE && above_id != 0 &&
        inherit(session, place, above_id, above_length) != OK)
        result = NAMING_LATER;
    if (result == NAMING_DONE)
        answer_made(session, place);
    else
        answer_naming(session, result, "");
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
    struct imap_place place = imap_place_of(session, name);
    if (may_create(session, &place))
        create(session, &place, uses);
}

void imap_delete(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (!imap_arguments_end(session))
        return;
    struct imap_place place = imap_place_of(session, name);
    if (may_change(session, &place))
        answer_naming(session, sharing_delete_mailbox(session->store, place.owner, place.name),
                      "Deleted");
}

void imap_rename(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text from = imap_lex_mailbox(session);
    imap_lex_space(&session->lex);
    struct text to = imap_lex_mailbox(session);
    if (!imap_arguments_end(session))
        return;
    struct imap_place old = imap_place_of(session, from), new = imap_place_of(session, to);
    if (!may_change(session, &old) || !may_create(session, &new))
        return;
    if (!text_equals(old.owner, new.owner))
        imap_no(session, "[CANNOT]", "A mailbox stays its owner's; copy what is in it");
    else
        answer_naming(session, mailbox_rename(session->store, old.owner, old.name, new.name),
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
