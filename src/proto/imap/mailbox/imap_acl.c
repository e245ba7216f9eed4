/* ACL (RFC 4314), and MYRIGHTS for LIST (RFC 8440). */
#include "proto/imap/mailbox/imap_acl.h"

#include "proto/imap/imap_commands.h"
#include "proto/imap/mailbox/imap_place.h"

static void put_entry(struct buffer *out, struct text identifier, unsigned rights)
{
    char letters[RIGHTS_LETTERS];
    buffer_append_byte(out, ' ');
    imap_put_astring(out, identifier);
    buffer_append_byte(out, ' ');
    imap_put_astring(out, text_from(rights_write(rights, letters)));
}

static bool put_one(void *context, struct text identifier, unsigned rights)
{
    put_entry(context, identifier, rights);
    return true;
}

void imap_getacl(struct imap_session *session)
{
    struct buffer *out = &session->out;
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (!imap_arguments_end(session))
        return;
    struct mailbox *box = imap_find_mailbox_for(session, name, RIGHT_ADMINISTER, "[NONEXISTENT]");
    if (box == NULL)
        return;
    buffer_append(out, TEXT("* ACL "));
    imap_put_mailbox_name(session, box);
    if (!text_equals(mailbox_owner(box), ACCOUNT_PUBLIC))
        put_entry(out, mailbox_owner(box), RIGHTS_ALL);
    sharing_each(session->store, box, put_one, out);
    buffer_append(out, TEXT("\r\n"));
    imap_send(session);
    imap_ok(session, "", "That is who may do what");
}

/* Read an identifier into the form it is kept in. "" after an error. */
static struct text lex_identifier(struct imap_session *session)
{
    struct text written = imap_lex_astring(&session->lex), identifier = TEXT("");
    if (session->lex.error == NULL &&
        !sharing_identifier(written, session->options->user, &session->line.arena, &identifier))
        imap_lex_fail(&session->lex, "The identifier is none of a user, anyone or authenticated");
    return identifier;
}

/* The list of a mailbox is to be changed by who may. */
static void change_list(struct imap_session *session, struct text name, struct text identifier,
                        enum sharing_how how, unsigned rights)
{
    struct mailbox *box = imap_find_mailbox_for(session, name, RIGHT_ADMINISTER, "[NONEXISTENT]");
    if (box == NULL)
        return;
    if (text_equals(identifier, mailbox_owner(box))) {
        imap_no(session, "[CANNOT]", "Its owner may do everything with a mailbox");
        return;
    }
    enum status status = sharing_change(session->store, mailbox_id(box), identifier, how, rights);
    if (status == OK)
        imap_ok(session, "", "Done");
    else
        imap_fail(session, status);
}

void imap_setacl(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    unsigned rights;
    imap_lex_space(lex);
    struct text name = imap_lex_mailbox(session);
    imap_lex_space(lex);
    struct text identifier = lex_identifier(session);
    imap_lex_space(lex);
    struct text letters = imap_lex_astring(lex);
    enum sharing_how how = text_starts_with(letters, TEXT("+"))   ? SHARING_ADD
                           : text_starts_with(letters, TEXT("-")) ? SHARING_TAKE
                                                                  : SHARING_SET;
    if (!rights_read(text_from_position(letters, how == SHARING_SET ? 0 : 1), &rights))
        imap_lex_fail(lex, "A right is not known");
    if (imap_arguments_end(session))
        change_list(session, name, identifier, how, rights);
}

void imap_deleteacl(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    imap_lex_space(&session->lex);
    struct text identifier = lex_identifier(session);
    if (imap_arguments_end(session))
        change_list(session, name, identifier, SHARING_SET, 0);
}

void imap_listrights(struct imap_session *session)
{
    struct buffer *out = &session->out;
    char all[RIGHTS_LETTERS];
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    imap_lex_space(&session->lex);
    struct text identifier = lex_identifier(session);
    if (!imap_arguments_end(session))
        return;
    struct mailbox *box = imap_find_mailbox_for(session, name, RIGHT_ADMINISTER, "[NONEXISTENT]");
    if (box == NULL)
        return;
    buffer_append(out, TEXT("* LISTRIGHTS "));
    imap_put_mailbox_name(session, box);
    buffer_append_byte(out, ' ');
    imap_put_astring(out, identifier);
    if (text_equals(identifier, mailbox_owner(box)))
        buffer_printf(out, " %s\r\n", rights_write(RIGHTS_ALL, all));
    else
        buffer_append(out, TEXT(" \"\" l r s w i p k x t e a c d\r\n"));
    imap_send(session);
    imap_ok(session, "", "That is what there is");
}

void imap_put_my_rights(struct imap_session *session, const struct mailbox *box)
{
    struct buffer *out = &session->out;
    char letters[RIGHTS_LETTERS];
    buffer_append(out, TEXT("* MYRIGHTS "));
    imap_put_mailbox_name(session, box);
    buffer_printf(out, " %s\r\n", rights_write(imap_rights(session, box), letters));
}

void imap_myrights(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (!imap_arguments_end(session))
        return;
    struct mailbox *box = imap_find_mailbox_for(session, name, 0, "[NONEXISTENT]");
    if (box == NULL)
        return;
    imap_put_my_rights(session, box);
    imap_send(session);
    imap_ok(session, "", "That is what you may do");
}
