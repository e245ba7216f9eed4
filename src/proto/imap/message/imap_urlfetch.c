/* URLFETCH (RFC 4467 7): what URLs lead to, for who may follow them. No mailbox is selected for it,
 * and no flag changes. What must not be followed, leads nowhere or is no URL is NIL, all alike. */
#include "base/check.h"
#include "base/logline.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/message/imap_urlauth.h"

enum { URLS_MOST = 500 };

/* The token is a secret: the rump alone is told. */
static void tell_refused(const struct imap_session *session, const struct imap_full_url *url)
{
    log_info("imap.url-refused", "user=%s peer=%s url=%s reason=%s",
             log_text(session->options->user), log_text(session->options->peer),
             log_text(url->rump), log_text(text_from(fail_reason())));
}

/* As imap_fetch_body begins an answer. */
static struct text label_of(struct imap_session *session, struct text url)
{
    struct buffer label;
    buffer_init(&label, 2 * url.length + 64);
    buffer_append(&label, TEXT("* URLFETCH "));
    imap_put_string(&label, url);
    struct text copy = arena_copy(&session->line.arena, buffer_text(&label));
    buffer_finish(&label);
    return copy;
}

/* REFUSED: it leads nowhere, and nothing was answered. YIELDS. */
static enum status put_data(struct imap_session *session, struct text label,
                            const struct imap_full_url *url)
{
    struct imap_urlauth_asker asker = {.accounts = session->options->accounts,
                                       .user = session->options->user};
    struct imap_fetch_message fetched = {.session = session};
    struct imap_fetch_item item;
    enum status status = imap_urlauth_follow(&asker, url, &session->line, &fetched.message, &item);
    if (status != OK)
        return status;
    item.label = label;
    status = imap_fetch_body(&fetched, &item);
    imap_message_finish(&fetched.message);
    if (status == OK)
        return OK;
    buffer_reset(&session->out, 0);
    /* Half an answer can't be taken back. */
    session->line.ended = session->line.ended || fetched.is_begun;
    return fetched.is_begun ? TRY_LATER : status;
}

/* TRY_LATER: it can't be read now. YIELDS. */
static enum status answer_url(struct imap_session *session, struct text written)
{
    struct imap_full_url url;
    struct text label = label_of(session, written);
    enum status status = REFUSED;
    if (imap_full_url_read(written, &session->line.arena, &url)) {
        status = put_data(session, label, &url);
        if (status == REFUSED)
            tell_refused(session, &url);
    }
    if (status == TRY_LATER)
        return status;
    if (status == REFUSED)
        buffer_printf(&session->out, "%.*s NIL", TEXT_ARG(label));
    buffer_append(&session->out, TEXT("\r\n"));
    imap_send(session);
    return OK;
}

void imap_urlfetch(struct imap_session *session)
{
    struct imap_lex *lex = &session->lex;
    struct text *urls = arena_array(&session->line.arena, URLS_MOST, sizeof(*urls));
    enum status status = OK;
    unsigned count = 0;
    imap_lex_space(lex);
    do {
        if (count == URLS_MOST)
            imap_lex_fail(lex, "Too many URLs");
        struct text url = imap_lex_astring(lex);
        if (lex->error == NULL)
            urls[count++] = url;
    } while (imap_lex_more(lex));
    if (!imap_arguments_end(session))
        return;
    for (unsigned i = 0; i < count && status == OK; i++)
        status = answer_url(session, urls[i]);
    if (session->line.ended)
        return;
    if (status == OK)
        imap_ok(session, "", "That is what they lead to");
    else
        imap_fail(session, status);
}
