/* QUOTA (RFC 9208). A quota root is an owner who has a limit: all of his mailboxes together. Limits
 * are the administrator's to set, by the settings and `mailroot user quota`. */
#include <inttypes.h>

#include "account/quota.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_name.h"

enum { STORAGE_UNIT = 1024 }; /* octets: RFC 9208 5.1 */

static bool is_limited(const struct quota *quota)
{
    return quota->bytes_limit > 0 || quota->messages_limit > 0;
}

static uint64_t in_units(uint64_t bytes)
{
    return (bytes + STORAGE_UNIT - 1) / STORAGE_UNIT;
}

static void put_resource(struct buffer *out, const char *name, uint64_t used, uint64_t limit)
{
    if (limit == 0)
        return;
    bool is_first = out->data[out->length - 1] == '(';
    buffer_printf(out, "%s%s %" PRIu64 " %" PRIu64, is_first ? "" : " ", name, used, limit);
}

/* Of a limited one: no list of resources is empty (RFC 9208 6). */
static void put_quota(struct imap_session *session, struct text owner, const struct quota *quota)
{
    struct buffer *out = &session->out;
    buffer_append(out, TEXT("* QUOTA "));
    imap_put_string(out, owner);
    buffer_append(out, TEXT(" ("));
    put_resource(out, "STORAGE", in_units(quota->used.bytes), in_units(quota->bytes_limit));
    put_resource(out, "MESSAGE", quota->used.messages, quota->messages_limit);
    buffer_append(out, TEXT(")\r\n"));
}

void imap_getquota(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text root = imap_lex_astring(&session->lex);
    if (!imap_arguments_end(session))
        return;
    struct quota quota = quota_of(session->options->accounts, session->options->user);
    if (!text_equals(root, session->options->user) || !is_limited(&quota)) {
        imap_no(session, "[NONEXISTENT]", "You have no such quota root");
        return;
    }
    put_quota(session, root, &quota);
    imap_send(session);
    imap_ok(session, "", "That is how much");
}

void imap_getquotaroot(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (!imap_arguments_end(session))
        return;
    const struct mailbox *box = imap_find_mailbox(session, name, "[NONEXISTENT]");
    if (box == NULL)
        return;
    struct text owner = arena_copy(&session->line.arena, mailbox_owner(box));
    buffer_append(&session->out, TEXT("* QUOTAROOT "));
    imap_put_name(&session->out, name, imap_is_utf8(session));
    struct quota quota = quota_of(session->options->accounts, owner);
    if (is_limited(&quota)) {
        buffer_append_byte(&session->out, ' ');
        imap_put_string(&session->out, owner);
    }
    buffer_append(&session->out, TEXT("\r\n"));
    if (is_limited(&quota))
        put_quota(session, owner, &quota);
    imap_send(session);
    imap_ok(session, "", "That is how much");
}

static void read_limits(struct imap_lex *lex)
{
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    for (bool first = true; lex->error == NULL && !imap_lex_take(lex, ')'); first = false) {
        if (!first)
            imap_lex_space(lex);
        imap_lex_atom(lex);
        imap_lex_space(lex);
        imap_lex_number64(lex);
    }
}

/* Understood, and answered as RFC 9208 4.1.3 has it for who is no administrator: here none is. */
void imap_setquota(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    imap_lex_astring(&session->lex);
    read_limits(&session->lex);
    if (imap_arguments_end(session))
        imap_no(session, "[NOPERM]", "Limits are set by the administrator: mailroot user quota");
}
