/* GENURLAUTH and RESETKEY (RFC 4467 7): URLs that others may follow, and an end to that. */
#include "base/check.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_name.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/message/imap_urlauth.h"

enum { URLS_MOST = 500 };

struct wish {
    struct text rump;
    uint64_t mailbox;
};

/* NULL: a URL may be made of it, for the messages of *box. Else what is wrong. */
static const char *look_at(struct imap_session *session, struct text written, struct mailbox **box)
{
    struct arena *arena = &session->line.arena;
    struct imap_section section;
    struct imap_full_url url;
    struct text owner, name;
    if (!imap_full_url_read(written, arena, &url))
        return "That is no URL of a message or a part of one";
    if (url.access == IMAP_URL_ACCESS_NONE)
        return "The URL does not say who may follow it";
    if (url.mechanism.length > 0)
        return "The URL has a token already";
    if (url.user.length == 0)
        return "The URL does not say whose mailbox it is of";
    if (!imap_urlauth_is_ours(session->options->accounts->settings, &url))
        return "The URL is of another server";
    if (!sharing_user(url.user, session->options->user, arena, &owner) ||
        !text_equals(owner, session->options->user))
        return "The URL is of another user";
    if (url.access_user.length > 0 && !sharing_user(url.access_user, owner, arena, &name))
        return "Who may follow the URL is no user";
    if (!imap_section_read(url.message.section, &session->line, &section))
        return "The URL's section is none";
    if (!imap_name_read(url.message.mailbox, true, arena, &name))
        return "The URL's mailbox can't be one";
    struct imap_place place = imap_place_for(owner, name);
    *box = mailbox_find(session->store, place.owner, place.name);
    if (*box == NULL || (imap_rights(session, *box) & RIGHT_READ) == 0)
        return "The URL's mailbox does not exist";
    if (url.message.validity != 0 &&
        url.message.validity != imap_uid_validity(&session->showing, *box))
        return "The URL is of a mailbox that was there before";
    return NULL;
}

/* YIELDS, as keys may have to be made. */
static enum status put_urls(struct imap_session *session, const struct wish *wishes, unsigned count)
{
    struct buffer url, *out = &session->out;
    enum status status = OK;
    buffer_init(&url, 64 << 10);
    buffer_append(out, TEXT("* GENURLAUTH"));
    for (unsigned i = 0; i < count && status == OK; i++) {
        struct access_key key;
        status = access_key_get(session->store, session->options->user, wishes[i].mailbox, &key);
        if (status != OK)
            break;
        buffer_reset(&url, 64 << 10);
        imap_urlauth_put(&url, wishes[i].rump, &key);
        access_key_wipe(&key);
        buffer_append_byte(out, ' ');
        imap_put_string(out, buffer_text(&url));
    }
    buffer_append(out, TEXT("\r\n"));
    buffer_finish(&url);
    return status;
}

void imap_genurlauth(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    struct wish *wishes = arena_array(&session->line.arena, URLS_MOST, sizeof(*wishes));
    struct mailbox *box = NULL;
    bool is_internal = true;
    unsigned count = 0;
    imap_lex_space(lex);
    do {
        if (count == URLS_MOST)
            imap_lex_fail(lex, "Too many URLs");
        struct text rump = imap_lex_astring(lex);
        imap_lex_space(lex);
        is_internal = text_equals_nocase(imap_lex_atom(lex), TEXT("INTERNAL")) && is_internal;
        if (lex->error == NULL)
            wishes[count++].rump = rump;
    } while (imap_lex_more(lex));
    if (!imap_arguments_end(session))
        return;
    const char *wrong = NULL;
    for (unsigned i = 0; i < count && wrong == NULL; i++) {
        wrong = look_at(session, wishes[i].rump, &box);
        wishes[i].mailbox = wrong == NULL ? mailbox_id(box) : 0;
    }
    if (wrong != NULL) {
        imap_bad(session, wrong);
    } else if (!is_internal) {
        imap_no(session, "[CANNOT]", "Only INTERNAL is known");
    } else if (put_urls(session, wishes, count) == OK) {
        imap_send(session);
        imap_ok(session, "", "Whom you give them to may follow them");
    } else {
        buffer_reset(&session->out, 0);
        imap_fail(session, TRY_LATER);
    }
}

/* RESETKEY */

struct telling {
    struct imap_session *session;
    bool also_itself;
};

static void tell_view(void *context, struct view *view)
{
    const struct telling *telling = context;
    struct imap_session *other = imap_session_of_view(view);
    if (other == NULL || (other == telling->session && !telling->also_itself) ||
        !text_equals(other->options->user, telling->session->options->user))
        return;
    other->key_was_reset = true;
    view->wake(view->context);
}

/* RFC 4467 7: the user's sessions that have the mailbox open hear of it. */
static void tell_sessions(struct imap_session *session, uint64_t mailbox, bool also_itself)
{
    struct telling telling = {session, also_itself};
    struct mailbox *box = mailbox_find_id(session->store, mailbox);
    if (box != NULL)
        view_each(box, tell_view, &telling);
}

static void told_removed(void *context, uint64_t mailbox)
{
    tell_sessions(context, mailbox, true);
}

static void remove_all(struct imap_session *session)
{
    enum status status =
        access_keys_remove(session->store, session->options->user, told_removed, session);
    if (status == OK)
        imap_ok(session, "", "All keys are gone");
    else
        imap_fail(session, status);
}

static void renew(struct imap_session *session, struct text name)
{
    struct mailbox *box = imap_find_mailbox(session, name, "[NONEXISTENT]");
    if (box == NULL)
        return;
    uint64_t mailbox = mailbox_id(box);
    enum status status = access_key_renew(session->store, session->options->user, mailbox);
    if (status != OK) {
        imap_fail(session, status);
        return;
    }
    tell_sessions(session, mailbox, false);
    imap_ok(session, IMAP_URLMECH, "The key is new");
}

void imap_resetkey(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    struct text name = TEXT("");
    bool is_one = imap_lex_more(lex), is_internal = true;
    if (is_one)
        name = imap_lex_mailbox(session);
    while (is_one && imap_lex_more(lex))
        is_internal = text_equals_nocase(imap_lex_atom(lex), TEXT("INTERNAL")) && is_internal;
    if (!imap_arguments_end(session))
        return;
    if (!is_internal)
        imap_no(session, "[CANNOT]", "Only INTERNAL is known");
    else if (is_one)
        renew(session, name);
    else
        remove_all(session);
}
