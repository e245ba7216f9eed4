#include "proto/imap/mailbox/imap_status.h"

#include <inttypes.h>

#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_ids.h"
#include "proto/imap/mailbox/imap_place.h"

static uint64_t messages(struct mailbox *box)
{
    return mailbox_totals(box).messages;
}

static uint64_t unseen(struct mailbox *box)
{
    return mailbox_totals(box).unseen;
}

static uint64_t deleted(struct mailbox *box)
{
    return mailbox_totals(box).deleted;
}

static uint64_t deleted_storage(struct mailbox *box)
{
    return mailbox_totals(box).deleted_bytes;
}

/* RFC 8438 2: at least the sum of RFC822.SIZE, which may be less where messages are shown reduced.
 */
static uint64_t size(struct mailbox *box)
{
    return mailbox_totals(box).bytes;
}

static uint64_t uid_next(struct mailbox *box)
{
    return mailbox_uid_next(box);
}

static uint64_t highest_modseq(struct mailbox *box)
{
    return mailbox_modseq(box);
}

static void put_uid_validity(struct imap_session *session, struct mailbox *box)
{
    buffer_printf(&session->out, "%u", imap_uid_validity(&session->showing, box));
}

/* Nobody is told of a message as the first: then it is not recent for anybody. */
static uint64_t recent(struct mailbox *box)
{
    (void)box;
    return 0;
}

static void put_id(struct imap_session *session, struct mailbox *box)
{
    char id[IMAP_ID_BYTES];
    buffer_printf(&session->out, "(%s)", imap_mailbox_id(mailbox_id(box), id));
}

/* RFC 7889 3: the same for all mailboxes. */
static void put_append_limit(struct imap_session *session, struct mailbox *box)
{
    (void)box;
    buffer_printf(&session->out, "%" PRIu64, session->options->append_bytes);
}

static const struct {
    const char *name;
    uint64_t (*value)(struct mailbox *box); /* a number, or NULL: */
    void (*put)(struct imap_session *session, struct mailbox *box);
} rows[] = {
    {"MESSAGES", messages, NULL},
    {"UIDNEXT", uid_next, NULL},
    {"UIDVALIDITY", NULL, put_uid_validity},
    {"UNSEEN", unseen, NULL},
    {"DELETED", deleted, NULL},
    {"SIZE", size, NULL},
    {"RECENT", recent, NULL},
    {"DELETED-STORAGE", deleted_storage, NULL},
    {"HIGHESTMODSEQ", highest_modseq, NULL},
    {"MAILBOXID", NULL, put_id},
    {"APPENDLIMIT", NULL, put_append_limit},
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static unsigned read_item(struct imap_lex *lex)
{
    for (unsigned i = 0; i < ROWS; i++)
        if (imap_lex_word(lex, rows[i].name))
            return 1u << i;
    imap_lex_fail(lex, "Status item not known");
    return 0;
}

unsigned imap_lex_status_items(struct imap_lex *lex)
{
    unsigned items = 0;
    imap_lex_expect(lex, '(');
    do
        items |= read_item(lex);
    while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    return lex->error == NULL ? items : 0;
}

void imap_put_status(struct imap_session *session, struct mailbox *box, unsigned items)
{
    struct buffer *out = &session->out;
    const char *separator = "";
    buffer_append(out, TEXT("* STATUS "));
    imap_put_mailbox_name(session, box);
    buffer_append(out, TEXT(" ("));
    for (unsigned i = 0; i < ROWS; i++) {
        if ((items & (1u << i)) == 0)
            continue;
        buffer_printf(out, "%s%s ", separator, rows[i].name);
        if (rows[i].value == NULL)
            rows[i].put(session, box);
        else
            buffer_printf(out, "%" PRIu64, rows[i].value(box));
        separator = " ";
    }
    buffer_append(out, TEXT(")\r\n"));
}

void imap_status(struct imap_session *session)
{
    imap_lex_space(&session->lex);
    struct text name = imap_lex_mailbox(session);
    imap_lex_space(&session->lex);
    unsigned items = imap_lex_status_items(&session->lex);
    if (!imap_arguments_end(session))
        return;
    struct mailbox *box = imap_find_mailbox(session, name, "[NONEXISTENT]");
    if (box == NULL)
        return;
    imap_put_status(session, box, items);
    imap_send(session);
    imap_ok(session, "", "That is how it is");
}
