/* FETCH (RFC 9051 6.4.5): which items, of which messages. */
#include "proto/imap/imap_fetch.h"

#include <inttypes.h>

#include "base/check.h"
#include "mail/date.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_flags.h"

/* Items that need the entry alone */

static enum status fetch_flags(struct imap_fetch_message *message,
                               const struct imap_fetch_item *item)
{
    struct buffer *out = &message->session->out;
    buffer_printf(out, "%.*s ", TEXT_ARG(item->label));
    imap_put_flags(out, message->session->view.box, message->entry.flags);
    return OK;
}

static enum status fetch_uid(struct imap_fetch_message *message, const struct imap_fetch_item *item)
{
    buffer_printf(&message->session->out, "%.*s %u", TEXT_ARG(item->label), message->entry.uid);
    return OK;
}

static enum status fetch_date(struct imap_fetch_message *message,
                              const struct imap_fetch_item *item)
{
    char date[MAIL_DATE_BYTES];
    buffer_printf(&message->session->out, "%.*s \"%s\"", TEXT_ARG(item->label),
                  mail_date_imap(message->entry.date_ms, date));
    return OK;
}

static enum status fetch_size(struct imap_fetch_message *message,
                              const struct imap_fetch_item *item)
{
    buffer_printf(&message->session->out, "%.*s %" PRIu64, TEXT_ARG(item->label),
                  message->entry.size);
    return OK;
}

static const struct imap_fetch_row rows[] = {
    {"FLAGS", false, false, fetch_flags},        {"UID", false, false, fetch_uid},
    {"INTERNALDATE", false, false, fetch_date},  {"RFC822.SIZE", false, false, fetch_size},
    {"BODY.PEEK", true, false, imap_fetch_body}, {"BODY", true, true, imap_fetch_body},
};

/* RFC 3501 6.4.5: older names for sections. */
static const struct {
    const char *name, *item;
    enum imap_section_kind kind;
} aliases[] = {
    {"RFC822", "BODY", IMAP_SECTION_ALL},
    {"RFC822.HEADER", "BODY.PEEK", IMAP_SECTION_HEADER},
    {"RFC822.TEXT", "BODY", IMAP_SECTION_TEXT},
};

static const struct {
    const char *name;
    const char *items[6];
} macros[] = {
    {"FAST", {"FLAGS", "INTERNALDATE", "RFC822.SIZE"}},
};

struct request {
    struct imap_fetch_item items[IMAP_FETCH_ITEMS_MAX];
    unsigned count;
};

static const struct imap_fetch_row *find_row(struct text name, bool has_section)
{
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (rows[i].has_section == has_section && text_equals_nocase(name, text_from(rows[i].name)))
            return &rows[i];
    return NULL;
}

static struct imap_fetch_item *add_item(struct request *request, const struct imap_fetch_row *row,
                                        struct text label)
{
    check(request->count < IMAP_FETCH_ITEMS_MAX);
    struct imap_fetch_item *item = &request->items[request->count++];
    *item = (struct imap_fetch_item){.row = row, .label = label};
    return item;
}

static bool is_item_char(char byte)
{
    return byte != '[' && byte != '<' && imap_is_atom_char(byte);
}

/* "<0.1000>" */
static void read_partial(struct imap_lex *lex, struct imap_fetch_item *item)
{
    if (!imap_lex_take(lex, '<'))
        return;
    item->is_partial = true;
    item->offset = imap_lex_number64(lex);
    imap_lex_expect(lex, '.');
    item->length = imap_lex_nonzero(lex);
    imap_lex_expect(lex, '>');
}

/* An item with "[": its label is what was written, without .PEEK and the length. */
static void read_section_item(struct imap_lex *lex, struct request *request, struct text name)
{
    const struct imap_fetch_row *row = find_row(name, true);
    if (row == NULL) {
        imap_lex_fail(lex, "Item not known");
        return;
    }
    struct imap_fetch_item *item = add_item(request, row, TEXT(""));
    const char *start = lex->rest.data;
    imap_lex_section(lex, &item->section);
    if (lex->error != NULL)
        return;
    struct text written = text_of(start, (size_t)(lex->rest.data - start));
    read_partial(lex, item);
    size_t peek = text_find_text(name, TEXT(".PEEK"));
    item->label =
        arena_printf(&lex->line->arena, "%.*s%.*s", (int)peek, name.data, TEXT_ARG(written));
    if (item->is_partial)
        item->label = arena_printf(&lex->line->arena, "%.*s<%" PRIu64 ">", TEXT_ARG(item->label),
                                   item->offset);
}

static bool read_alias(struct request *request, struct text name)
{
    for (unsigned i = 0; i < sizeof(aliases) / sizeof(*aliases); i++) {
        if (!text_equals_nocase(name, text_from(aliases[i].name)))
            continue;
        const struct imap_fetch_row *row = find_row(text_from(aliases[i].item), true);
        add_item(request, row, text_from(aliases[i].name))->section.kind = aliases[i].kind;
        return true;
    }
    return false;
}

static void read_item(struct imap_lex *lex, struct request *request)
{
    struct text name = imap_lex_run(lex, is_item_char, "An item is missing");
    if (request->count == IMAP_FETCH_ITEMS_MAX) {
        imap_lex_fail(lex, "Too many items");
        return;
    }
    if (imap_lex_peek(lex) == '[') {
        read_section_item(lex, request, name);
        return;
    }
    const struct imap_fetch_row *row = find_row(name, false);
    if (row != NULL)
        add_item(request, row, text_from(row->name));
    else if (!read_alias(request, name))
        imap_lex_fail(lex, "Item not known");
}

static bool read_macro(struct imap_lex *lex, struct request *request)
{
    for (unsigned i = 0; i < sizeof(macros) / sizeof(*macros); i++) {
        if (!imap_lex_word(lex, macros[i].name))
            continue;
        for (const char *const *name = macros[i].items; *name != NULL; name++)
            add_item(request, find_row(text_from(*name), false), text_from(*name));
        return true;
    }
    return false;
}

static void read_request(struct imap_lex *lex, struct request *request)
{
    if (imap_lex_take(lex, '(')) {
        do
            read_item(lex, request);
        while (imap_lex_take(lex, ' '));
        imap_lex_expect(lex, ')');
    } else if (!read_macro(lex, request)) {
        read_item(lex, request);
    }
}

/* RFC 9051 6.4.9: the answer to a UID command tells the UID, asked for or not. */
static void add_uid(struct request *request)
{
    for (unsigned i = 0; i < request->count; i++)
        if (request->items[i].row->answer == fetch_uid)
            return;
    if (request->count < IMAP_FETCH_ITEMS_MAX)
        add_item(request, find_row(TEXT("UID"), false), TEXT("UID"));
}

static enum status answer_message(struct imap_fetch_message *message, const struct request *request)
{
    struct imap_session *session = message->session;
    buffer_printf(&session->out, "* %u FETCH (", view_number(&session->view, message->entry.uid));
    enum status status = OK;
    for (unsigned i = 0; i < request->count && status == OK; i++) {
        if (i > 0)
            buffer_append_byte(&session->out, ' ');
        status = request->items[i].row->answer(message, &request->items[i]);
    }
    if (status != OK) {
        buffer_reset(&session->out, 0);
        return status;
    }
    buffer_append(&session->out, TEXT(")\r\n"));
    imap_send(session);
    return OK;
}

static void answer_all(struct imap_session *session, const struct imap_set *set,
                       const struct request *request)
{
    struct arena arena;
    arena_init(&arena);
    uint32_t uid = 0;
    enum status status = OK;
    const struct mailbox_entry *entry;
    while (status != TRY_LATER && (entry = imap_set_next(set, &session->view, uid)) != NULL) {
        struct imap_fetch_message message = {.session = session, .entry = *entry, .arena = &arena};
        uid = entry->uid;
        status = answer_message(&message, request);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    if (status == TRY_LATER)
        imap_fail(session, status);
    else
        imap_ok(session, "", "That is all");
}

void imap_fetch(struct imap_session *session)
{
    struct imap_set set;
    struct request *request = arena_alloc(&session->line.arena, sizeof(*request));
    imap_lex_space(&session->lex);
    imap_lex_set(&session->lex, &set);
    imap_lex_space(&session->lex);
    read_request(&session->lex, request);
    if (!imap_arguments_end(session) || !imap_set_as_uids(session, &set))
        return;
    if (imap_is_by_uid(session))
        add_uid(request);
    answer_all(session, &set, request);
}
