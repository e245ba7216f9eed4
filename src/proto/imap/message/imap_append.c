/* APPEND (RFC 9051 6.3.12, RFC 3502): the client's bytes go to the log as they come. */
#include "proto/imap/message/imap_append.h"

#include "account/quota.h"
#include "base/check.h"
#include "base/clock.h"
#include "mail/date.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/message/imap_flags.h"

/* RFC 7889 4: has an answer of its own. */
static const char too_large[] = "The message is too large";

enum { MESSAGES_MOST = 1000, DATE_BYTES = 26 };

static uint64_t new_id(void *context)
{
    return imap_new_id(context);
}

/* "17-Jul-2026 02:44:25 -0700": the words of RFC 5322 with other separators. */
static int64_t read_date(struct imap_lex *lex)
{
    char date[DATE_BYTES + 1];
    int64_t date_ms = 0;
    struct text written = imap_lex_string(lex);
    if (lex->error == NULL && written.length == DATE_BYTES &&
        text_copy(written, date, sizeof(date)) && date[2] == '-' && date[6] == '-') {
        date[2] = date[6] = ' ';
        if (mail_date_parse(text_from(date), &date_ms))
            return date_ms;
    }
    imap_lex_fail(lex, "The date is malformed");
    return 0;
}

/* Flags and date, both optional. */
static void begin_message(struct imap_appending *appending)
{
    struct imap_session *session = appending->session;
    struct imap_lex *lex = &session->lex;
    struct imap_flags flags = {0};
    int64_t date_ms = clock_wall_ms();
    imap_lex_space(lex);
    if (imap_lex_peek(lex) == '(') {
        imap_lex_flags(lex, false, &flags);
        imap_lex_space(lex);
    }
    if (imap_lex_peek(lex) == '"') {
        date_ms = read_date(lex);
        imap_lex_space(lex);
    }
    if (append_count(appending->append) == MESSAGES_MOST)
        imap_lex_fail(lex, "Too many messages at once");
    appending->bytes = 0;
    if (lex->error == NULL)
        append_begin(appending->append, flags.system & appending->allowed, flags.keywords,
                     (appending->allowed & FLAG_FLAGGED) != 0 ? flags.keyword_count : 0, date_ms);
}

void imap_append_bytes(struct imap_appending *appending, struct text bytes)
{
    if (appending->status == OK && appending->session->lex.error == NULL)
        appending->status = append_bytes(appending->append, bytes);
}

/* Has the mailbox's owner room for what came so far and these bytes? */
static enum status check_room(const struct imap_appending *appending, uint64_t more)
{
    struct imap_session *session = appending->session;
    struct mailbox *box = mailbox_find_id(session->store, appending->mailbox);
    if (box == NULL)
        return refused("the mailbox was deleted meanwhile");
    return quota_admit(session->options->accounts, mailbox_owner(box),
                       append_count(appending->append), appending->all_bytes + more);
}

bool imap_append_has_room(struct imap_appending *appending, uint64_t more)
{
    struct imap_session *session = appending->session;
    uint64_t left = session->options->append_bytes - appending->bytes;
    if (more > left && session->lex.error == NULL)
        session->lex.error = too_large;
    if (session->lex.error != NULL)
        return false;
    if (appending->status == OK) {
        appending->status = check_room(appending, more);
        appending->is_over = appending->status == REFUSED;
    }
    if (appending->status == OK)
        appending->status = append_expect(appending->append, more);
    appending->bytes += more;
    appending->all_bytes += more;
    return true;
}

void imap_append_literal(struct imap_appending *appending)
{
    struct imap_lex *lex = &appending->session->lex;
    struct imap_literal literal;
    if (!imap_lex_literal_head(lex, &literal) || !imap_append_has_room(appending, literal.bytes))
        return;
    imap_lex_literal_go(lex, &literal);
    for (uint64_t left = literal.bytes; left > 0;) {
        struct text some = imap_lex_literal_some(lex, left);
        if (some.length == 0)
            break;
        left -= some.length;
        imap_append_bytes(appending, some);
    }
    imap_lex_literal_done(lex);
}

void imap_append_utf8(struct imap_appending *appending)
{
    struct imap_lex *lex = &appending->session->lex;
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    imap_append_literal(appending);
    imap_lex_expect(lex, ')');
}

void imap_append_message(struct imap_appending *appending, bool may_follow)
{
    struct imap_lex *lex = &appending->session->lex;
    begin_message(appending);
    if (lex->error != NULL)
        return;
    if (imap_lex_word(lex, "CATENATE"))
        imap_catenate(appending);
    else if (imap_lex_word(lex, "UTF8"))
        imap_append_utf8(appending);
    else
        imap_append_literal(appending);
    bool more = may_follow && imap_lex_peek(lex) == ' ';
    if (appending->status == OK && appending->bad_url.length == 0 && lex->error == NULL)
        appending->status = append_end(appending->append, more);
}

bool imap_append_begin(struct imap_appending *appending, struct imap_session *session,
                       struct text mailbox)
{
    struct mailbox *box = imap_find_mailbox_for(session, mailbox, RIGHT_INSERT, "[TRYCREATE]");
    if (box == NULL)
        return false;
    if (session->options->has_room != NULL &&
        session->options->has_room(session->options->context) != OK) {
        imap_fail(session, TRY_LATER);
        return false;
    }
    *appending = (struct imap_appending){.session = session,
                                         .mailbox = mailbox_id(box),
                                         .allowed = imap_flags_allowed(imap_rights(session, box))};
    appending->append = append_new(session->store, new_id, session);
    return true;
}

bool imap_append_read(struct imap_appending *appending)
{
    struct imap_session *session = appending->session;
    if (session->lex.ended)
        session->is_answered = true; /* nobody is there to hear */
    else if (session->lex.error == too_large)
        imap_no(session, "[TOOBIG]", too_large);
    else if (imap_arguments_end(session)) {
        if (appending->is_over)
            imap_fail_as(session, "[OVERQUOTA]");
        else if (appending->status != OK)
            imap_fail(session, appending->status);
        else if (appending->bad_url.length > 0)
            imap_no(
                session,
                arena_printf(&session->line.arena, "[BADURL %.*s]", TEXT_ARG(appending->bad_url))
                    .data,
                "The URL leads to nothing");
        else
            return true;
    }
    return false;
}

bool imap_append_commit(struct imap_appending *appending, const char **code)
{
    struct imap_session *session = appending->session;
    struct mailbox *box = mailbox_find_id(session->store, appending->mailbox);
    uint32_t first, count = append_count(appending->append);
    /* Others may have used the room up meanwhile. */
    if (check_room(appending, 0) != OK) {
        imap_fail_as(session, box == NULL ? "[TRYCREATE]" : "[OVERQUOTA]");
        return false;
    }
    enum status status = append_commit(appending->append, box, &first);
    if (status != OK) {
        imap_fail(session, status);
        return false;
    }
    *code = "";
    box = mailbox_find_id(session->store, appending->mailbox);
    uint32_t validity = box == NULL ? 0 : imap_uid_validity(&session->showing, box);
    struct arena *arena = &session->line.arena;
    if (box != NULL && count == 1)
        *code = arena_printf(arena, "[APPENDUID %u %u]", validity, first).data;
    else if (box != NULL)
        *code =
            arena_printf(arena, "[APPENDUID %u %u:%u]", validity, first, first + count - 1).data;
    return true;
}

void imap_append(struct imap_session *session)
{
    struct imap_appending appending;
    struct imap_lex *lex = &session->lex;
    const char *code;
    imap_lex_space(lex);
    struct text name = imap_lex_mailbox(session);
    if (lex->error != NULL) {
        imap_bad(session, lex->error);
        return;
    }
    if (!imap_append_begin(&appending, session, name))
        return;
    /* What goes wrong after the first literal must not hide that the client still sends. */
    do
        imap_append_message(&appending, true);
    while (lex->error == NULL && !lex->ended && imap_lex_peek(lex) == ' ');
    if (imap_append_read(&appending) && imap_append_commit(&appending, &code))
        imap_ok(session, code, "Appended");
    append_free(&appending.append);
}
