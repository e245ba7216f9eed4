/* APPEND (RFC 9051 6.3.12, RFC 3502): the client's bytes go to the log as they come. */
#include "account/quota.h"
#include "base/check.h"
#include "base/clock.h"
#include "mail/date.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_flags.h"
#include "store/append.h"

/* RFC 7889 4: has an answer of its own. */
static const char too_large[] = "The message is too large";

enum { MESSAGES_MOST = 1000, DATE_BYTES = 26 };

struct appending {
    struct append *append;
    uint64_t box_id; /* it may go while we wait */
    uint64_t bytes;  /* of the messages so far */
    bool is_over;    /* there is no room for them */
};

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

/* Before a message's literal: flags and date, both optional. */
static void read_head(struct imap_session *session, struct append *append,
                      struct imap_literal *literal)
{
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
    if (imap_lex_literal_head(lex, literal) && append_count(append) == MESSAGES_MOST)
        imap_lex_fail(lex, "Too many messages at once");
    if (lex->error == NULL && literal->bytes > session->options->append_bytes)
        lex->error = too_large;
    if (lex->error == NULL)
        append_begin(append, flags.system, flags.keywords, flags.keyword_count, date_ms);
}

/* Has the mailbox's owner room for what came so far and these bytes? */
static enum status check_room(struct imap_session *session, const struct appending *appending,
                              uint64_t bytes)
{
    struct mailbox *box = mailbox_find_id(session->store, appending->box_id);
    if (box == NULL)
        return refused("the mailbox was deleted meanwhile");
    return quota_admit(session->options->accounts, mailbox_owner(box),
                       append_count(appending->append), appending->bytes + bytes);
}

/* The literal itself, kept as long as status is OK. What can't be written is read on all the same,
 * so that we stay in step. YIELDS. */
static enum status take_message(struct imap_session *session, struct append *append,
                                const struct imap_literal *literal, enum status status)
{
    struct imap_lex *lex = &session->lex;
    imap_lex_literal_go(lex, literal);
    for (uint64_t left = literal->bytes; left > 0;) {
        struct text some = imap_lex_literal_some(lex, left);
        if (some.length == 0)
            break;
        left -= some.length;
        if (status == OK)
            status = append_bytes(append, some);
    }
    imap_lex_literal_done(lex);
    return status;
}

/* All messages of the command. What goes wrong after the first literal must not hide that the
 * client still sends. YIELDS. */
static enum status take_messages(struct imap_session *session, struct appending *appending)
{
    struct imap_lex *lex = &session->lex;
    struct append *append = appending->append;
    struct imap_literal literal;
    enum status status = OK;
    bool more = true;
    while (more && lex->error == NULL && !lex->ended) {
        read_head(session, append, &literal);
        if (lex->error != NULL)
            break;
        if (status == OK)
            status = check_room(session, appending, literal.bytes);
        appending->is_over = appending->is_over || status == REFUSED;
        appending->bytes += literal.bytes;
        status = take_message(session, append, &literal, status);
        more = imap_lex_peek(lex) == ' ';
        if (status == OK && lex->error == NULL)
            status = append_end(append, more);
    }
    return status;
}

static void commit(struct imap_session *session, struct appending *appending)
{
    struct mailbox *box = mailbox_find_id(session->store, appending->box_id);
    uint32_t first, count = append_count(appending->append);
    /* Others may have used the room up meanwhile. */
    if (check_room(session, appending, 0) != OK) {
        imap_fail_as(session, box == NULL ? "[TRYCREATE]" : "[OVERQUOTA]");
        return;
    }
    enum status status = append_commit(appending->append, box, &first);
    if (status != OK) {
        imap_fail(session, status);
        return;
    }
    box = mailbox_find_id(session->store, appending->box_id);
    uint32_t validity = box == NULL ? 0 : mailbox_uid_validity(box);
    struct text code =
        count == 1 ? arena_printf(&session->line.arena, "[APPENDUID %u %u]", validity, first)
                   : arena_printf(&session->line.arena, "[APPENDUID %u %u:%u]", validity, first,
                                  first + count - 1);
    imap_ok(session, validity == 0 ? "" : code.data, "Appended");
}

void imap_append(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    if (session->lex.error != NULL) {
        imap_bad(session, session->lex.error);
        return;
    }
    struct mailbox *box = imap_find_mailbox(session, name, "[TRYCREATE]");
    if (box == NULL)
        return;
    if (session->options->has_room != NULL &&
        session->options->has_room(session->options->context) != OK) {
        imap_fail(session, TRY_LATER);
        return;
    }
    struct appending appending = {.append = append_new(session->store, new_id, session),
                                  .box_id = mailbox_id(box)};
    enum status status = take_messages(session, &appending);
    if (session->lex.ended)
        session->is_answered = true; /* nobody is there to hear */
    else if (session->lex.error == too_large)
        imap_no(session, "[TOOBIG]", too_large);
    else if (imap_arguments_end(session)) {
        if (status == OK)
            commit(session, &appending);
        else if (appending.is_over)
            imap_fail_as(session, "[OVERQUOTA]");
        else
            imap_fail(session, status);
    }
    append_free(&appending.append);
}
