/* FETCH (RFC 9051 6.4.5): which items, of which messages. */
#include "proto/imap/message/imap_fetch.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"
#include "mail/date.h"
#include "proto/imap/imap_commands.h"
#include "proto/imap/imap_ids.h"
#include "proto/imap/imap_partial.h"
#include "proto/imap/message/imap_flags.h"
#include "proto/imap/message/imap_structure.h"

/* Items that need the entry alone, and the size */

static enum status fetch_flags(struct imap_fetch_message *fetched,
                               const struct imap_fetch_item *item)
{
    struct buffer *out = &fetched->session->out;
    buffer_printf(out, "%.*s ", TEXT_ARG(item->label));
    imap_put_flags(out, fetched->session->view.box, fetched->message.entry.flags);
    return OK;
}

static enum status fetch_uid(struct imap_fetch_message *fetched, const struct imap_fetch_item *item)
{
    buffer_printf(&fetched->session->out, "%.*s %u", TEXT_ARG(item->label),
                  fetched->message.entry.uid);
    return OK;
}

static enum status fetch_date(struct imap_fetch_message *fetched,
                              const struct imap_fetch_item *item)
{
    char date[MAIL_DATE_BYTES];
    buffer_printf(&fetched->session->out, "%.*s \"%s\"", TEXT_ARG(item->label),
                  mail_date_imap(fetched->message.entry.date_ms, date));
    return OK;
}

static enum status fetch_size(struct imap_fetch_message *fetched,
                              const struct imap_fetch_item *item)
{
    uint64_t size;
    enum status status = imap_message_told_size(&fetched->message, &size);
    if (status == OK)
        buffer_printf(&fetched->session->out, "%.*s %" PRIu64, TEXT_ARG(item->label), size);
    return status;
}

static enum status fetch_modseq(struct imap_fetch_message *fetched,
                                const struct imap_fetch_item *item)
{
    buffer_printf(&fetched->session->out, "%.*s (%" PRIu64 ")", TEXT_ARG(item->label),
                  fetched->message.entry.modseq);
    return OK;
}

/* RFC 8514: when the message came into this mailbox. */
static enum status fetch_save_date(struct imap_fetch_message *fetched,
                                   const struct imap_fetch_item *item)
{
    char date[MAIL_DATE_BYTES];
    const struct mailbox_entry *entry = &fetched->message.entry;
    int64_t saved_ms = entry->saved_s == 0 ? entry->date_ms : (int64_t)entry->saved_s * SECOND;
    buffer_printf(&fetched->session->out, "%.*s \"%s\"", TEXT_ARG(item->label),
                  mail_date_imap(saved_ms, date));
    return OK;
}

static enum status fetch_email_id(struct imap_fetch_message *fetched,
                                  const struct imap_fetch_item *item)
{
    char id[IMAP_ID_BYTES];
    buffer_printf(&fetched->session->out, "%.*s (%s)", TEXT_ARG(item->label),
                  imap_email_id(&fetched->session->showing, fetched->message.entry.message, id));
    return OK;
}

/* RFC 8474 5.2: NIL where threads are not kept. */
static enum status fetch_thread_id(struct imap_fetch_message *fetched,
                                   const struct imap_fetch_item *item)
{
    buffer_printf(&fetched->session->out, "%.*s NIL", TEXT_ARG(item->label));
    return OK;
}

/* Items made from the bytes, once */

static enum status fetch_envelope(struct imap_fetch_message *fetched,
                                  const struct imap_fetch_item *item)
{
    const struct imap_header *header;
    enum status status = imap_message_header(&fetched->message, &header);
    if (status == OK)
        buffer_printf(&fetched->session->out, "%.*s ", TEXT_ARG(item->label));
    if (status == OK)
        buffer_append(&fetched->session->out, header->envelope);
    return status;
}

static enum status fetch_structure(struct imap_fetch_message *fetched,
                                   const struct imap_fetch_item *item)
{
    const struct mime_tree *tree;
    enum status status = imap_message_tree(&fetched->message, &tree);
    if (status != OK)
        return status;
    buffer_printf(&fetched->session->out, "%.*s ", TEXT_ARG(item->label));
    imap_put_structure(&fetched->session->out, tree->root,
                       text_equals(item->label, TEXT("BODYSTRUCTURE")));
    return OK;
}

static const struct imap_fetch_row rows[] = {
    {"FLAGS", IMAP_FORM_PLAIN, false, fetch_flags},
    {"UID", IMAP_FORM_PLAIN, false, fetch_uid},
    {"INTERNALDATE", IMAP_FORM_PLAIN, false, fetch_date},
    {"RFC822.SIZE", IMAP_FORM_PLAIN, false, fetch_size},
    {"MODSEQ", IMAP_FORM_PLAIN, false, fetch_modseq},
    {"SAVEDATE", IMAP_FORM_PLAIN, false, fetch_save_date},
    {"EMAILID", IMAP_FORM_PLAIN, false, fetch_email_id},
    {"THREADID", IMAP_FORM_PLAIN, false, fetch_thread_id},
    {"ENVELOPE", IMAP_FORM_PLAIN, false, fetch_envelope},
    {"BODY", IMAP_FORM_PLAIN, false, fetch_structure},
    {"BODYSTRUCTURE", IMAP_FORM_PLAIN, false, fetch_structure},
    {"PREVIEW", IMAP_FORM_PLAIN, false, imap_fetch_preview},
    {"BODY", IMAP_FORM_SECTION, true, imap_fetch_body},
    {"BODY.PEEK", IMAP_FORM_SECTION, false, imap_fetch_body},
    {"BINARY", IMAP_FORM_PART, true, imap_fetch_binary},
    {"BINARY.PEEK", IMAP_FORM_PART, false, imap_fetch_binary},
    {"BINARY.SIZE", IMAP_FORM_PART, false, imap_fetch_binary_size},
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
    {"ALL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"}},
    {"FULL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"}},
    {"FAST", {"FLAGS", "INTERNALDATE", "RFC822.SIZE"}},
};

struct request {
    struct imap_fetch_item items[IMAP_FETCH_ITEMS_MAX];
    unsigned count;
    bool has_since, tells_vanished; /* RFC 7162 3.1.4, 3.2.6 */
    uint64_t changed_since;
    bool is_partial; /* RFC 9394 3.3 */
    struct imap_partial partial;
    struct derived_run *run; /* NULL: of no other message */
};

static const struct imap_fetch_row *find_row(struct text name, bool has_section)
{
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if ((rows[i].form != IMAP_FORM_PLAIN) == has_section &&
            text_equals_nocase(name, text_from(rows[i].name)))
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

/* "[HEADER.FIELDS (Date)]": the words in capitals, whatever the client wrote, for there are clients
 * that look for them so; names of fields stay. */
static struct text section_label(struct arena *arena, struct text written)
{
    size_t words = text_find(written, '(');
    char *label = arena_alloc(arena, written.length);
    for (size_t i = 0; i < written.length; i++) {
        char byte = written.data[i];
        label[i] = i < words && byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
    }
    return text_of(label, written.length);
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
    if (row->form == IMAP_FORM_PART && item->section.kind != IMAP_SECTION_ALL)
        imap_lex_fail(lex, "A part's number is wanted");
    if (lex->error != NULL)
        return;
    struct text section =
        section_label(&lex->line->arena, text_of(start, (size_t)(lex->rest.data - start)));
    read_partial(lex, item);
    struct text base = text_from(row->name);
    item->label =
        arena_printf(&lex->line->arena, "%.*s%.*s", (int)text_find_text(base, TEXT(".PEEK")),
                     base.data, TEXT_ARG(section));
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

/* "PREVIEW (LAZY)": not a fetch modifier, though one could stand there. */
static void read_preview(struct imap_lex *lex, struct imap_fetch_item *item)
{
    if (item->row->answer != imap_fetch_preview ||
        !text_starts_with_nocase(lex->rest, TEXT(" (LAZY)")))
        return;
    item->is_lazy = true;
    lex->rest = text_from_position(lex->rest, TEXT(" (LAZY)").length);
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
        read_preview(lex, add_item(request, row, text_from(row->name)));
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

/* Behind the items: "(CHANGEDSINCE 12345 VANISHED)" */
static void read_modifiers(struct imap_session *session, struct request *request)
{
    struct imap_lex *lex = &session->lex;
    if (!imap_lex_more(lex))
        return;
    imap_lex_expect(lex, '(');
    do {
        if (imap_lex_word(lex, "CHANGEDSINCE")) {
            imap_lex_space(lex);
            request->has_since = true;
            request->changed_since = imap_lex_number64(lex);
        } else if (imap_lex_word(lex, "VANISHED")) {
            request->tells_vanished = true;
        } else if (imap_is_by_uid(session) && imap_lex_word(lex, "PARTIAL")) {
            request->is_partial = true;
            imap_lex_partial(lex, &request->partial);
        } else {
            imap_lex_fail(lex, "Fetch modifier not known");
        }
    } while (lex->error == NULL && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
    bool may_vanish = (session->enabled & IMAP_ENABLED_QRESYNC) != 0 && imap_is_by_uid(session);
    if (request->tells_vanished && (!request->has_since || !may_vanish))
        imap_lex_fail(lex, "VANISHED needs UID FETCH, CHANGEDSINCE, and QRESYNC enabled");
}

/* What is told though it was not asked for: the UID (RFC 9051 6.4.9), the mod-sequence (RFC 7162
 * 3.1.4.1). */
static void add_implied(struct request *request, const char *name)
{
    const struct imap_fetch_row *row = find_row(text_from(name), false);
    for (unsigned i = 0; i < request->count; i++)
        if (request->items[i].row == row)
            return;
    if (request->count < IMAP_FETCH_ITEMS_MAX)
        add_item(request, row, text_from(name));
}

static bool asks_modseq(const struct request *request)
{
    for (unsigned i = 0; i < request->count; i++)
        if (request->items[i].row->answer == fetch_modseq)
            return true;
    return request->has_since;
}

/* RFC 9051 6.4.5: what was fetched was seen; told with the other changes at the end. */
struct seen {
    uint32_t uids[MAILBOX_AT_ONCE];
    unsigned count;
};

/* YIELDS. */
static enum status mark_seen(struct imap_session *session, struct seen *seen)
{
    uint64_t modseq;
    unsigned count = seen->count;
    seen->count = 0;
    if (count == 0)
        return OK;
    return mailbox_flag_many(session->view.box, seen->uids, count, FLAG_SEEN, 0, &modseq);
}

static bool sets_seen(const struct imap_session *session, const struct request *request)
{
    bool sets = false;
    for (unsigned i = 0; i < request->count; i++)
        sets = sets || request->items[i].row->sets_seen;
    return sets && !session->read_only && imap_may(session, RIGHT_SEEN);
}

static enum status answer_items(struct imap_fetch_message *fetched, const struct request *request)
{
    struct imap_session *session = fetched->session;
    imap_put_fetch(session, fetched->message.entry.uid);
    enum status status = OK;
    for (unsigned i = 0; i < request->count && status == OK; i++) {
        if (i > 0)
            buffer_append_byte(&session->out, ' ');
        status = request->items[i].row->answer(fetched, &request->items[i]);
    }
    if (status == OK) {
        buffer_append(&session->out, TEXT(")\r\n"));
        imap_send(session);
        return OK;
    }
    buffer_reset(&session->out, 0);
    /* Half an answer can't be taken back. */
    session->line.ended = session->line.ended || fetched->is_begun;
    return session->line.ended ? TRY_LATER : status;
}

static enum status answer_message(struct imap_session *session, const struct mailbox_entry *entry,
                                  const struct request *request)
{
    struct imap_fetch_message fetched = {.session = session};
    imap_message_init(&fetched.message, session->store, entry);
    fetched.message.charset = session->charset;
    fetched.message.showing = session->showing;
    fetched.message.run = request->run;
    enum status status = answer_items(&fetched, request);
    imap_message_finish(&fetched.message);
    return status;
}

static enum status answer_all(struct imap_session *session, const struct imap_set *set,
                              const struct request *request, bool *any_gone)
{
    struct seen *seen =
        sets_seen(session, request) ? arena_alloc(&session->line.arena, sizeof(*seen)) : NULL;
    uint32_t uid = 0;
    enum status status = OK;
    const struct mailbox_entry *entry;
    while (status == OK && !session->line.ended &&
           stream_end(session->line.stream) == STREAM_OPEN &&
           (entry = imap_set_next(set, &session->view, uid)) != NULL) {
        uid = entry->uid;
        if (request->has_since && entry->modseq <= request->changed_since)
            continue;
        if (seen != NULL && (entry->flags & FLAG_SEEN) == 0)
            seen->uids[seen->count++] = uid;
        status = answer_message(session, entry, request);
        *any_gone = *any_gone || status == REFUSED;
        if (status == REFUSED)
            status = OK;
        if (status == OK && seen != NULL && seen->count == MAILBOX_AT_ONCE)
            status = mark_seen(session, seen);
    }
    return status == OK && seen != NULL ? mark_seen(session, seen) : status;
}

static bool names_gone(const struct imap_session *session, const struct imap_set *set)
{
    for (unsigned i = 0; i < set->count; i++)
        if (view_has_gone(&session->view, set->ranges[i].first, set->ranges[i].last))
            return true;
    return false;
}

static void run(struct imap_session *session, const struct imap_set *set, struct request *request)
{
    /* Gone, and the client can't know: it names them by numbers. */
    bool any_gone = !imap_is_by_uid(session) && names_gone(session, set);
    session->has_unknown_encoding = false;
    if (request->tells_vanished)
        imap_say_vanished(session, request->changed_since, set);
    request->run = derived_run_new(session->store);
    enum status status = answer_all(session, set, request, &any_gone);
    derived_run_free(&request->run);
    if (session->line.ended)
        return;
    if (status != OK)
        imap_fail(session, status);
    else if (session->has_unknown_encoding)
        imap_no(session, "[UNKNOWN-CTE]", "An encoding is not known");
    else if (any_gone)
        imap_no(session, "[EXPUNGEISSUED]", "Some of the messages are gone");
    else
        imap_ok(session, "", "That is all");
}

/* scratch: whose arena the request lives in. */
static bool read_items(struct text items, struct line_session *scratch, struct request *request)
{
    struct imap_lex lex;
    imap_lex_begin(&lex, scratch, 0);
    lex.rest = items;
    read_request(&lex, request);
    return lex.error == NULL && lex.rest.length == 0;
}

bool imap_fetch_items_are_valid(struct text items)
{
    struct line_session scratch = {0};
    arena_init(&scratch.arena);
    struct request *request = arena_alloc(&scratch.arena, sizeof(*request));
    bool are_valid = read_items(items, &scratch, request);
    arena_finish(&scratch.arena);
    return are_valid;
}

void imap_fetch_new(struct imap_session *session, struct text items, uint32_t first)
{
    struct line_session scratch = {0};
    arena_init(&scratch.arena);
    struct request *request = arena_alloc(&scratch.arena, sizeof(*request));
    check(read_items(items, &scratch, request));
    if ((session->enabled & IMAP_ENABLED_UIDONLY) == 0)
        add_implied(request, "UID");
    const struct mailbox_entry *entry = view_next(&session->view, first);
    while (entry != NULL && !session->line.ended &&
           stream_end(session->line.stream) == STREAM_OPEN) {
        uint32_t uid = entry->uid;
        if (answer_message(session, entry, request) == TRY_LATER)
            break;
        entry = session->view.box == NULL ? NULL : view_next(&session->view, uid + 1);
    }
    arena_finish(&scratch.arena);
}

/* Of the messages that are there, those at the places wanted. */
static void take_partial(struct imap_session *session, const struct request *request,
                         struct imap_set *set)
{
    struct imap_set_builder there = {.arena = &session->line.arena};
    struct imap_set_builder part = {.arena = &session->line.arena};
    const struct mailbox_entry *entry = imap_set_next(set, &session->view, 0);
    uint32_t count = 0;
    for (; entry != NULL; entry = imap_set_next(set, &session->view, entry->uid), count++)
        imap_set_add(&there, entry->uid);
    imap_partial_take(&request->partial, &there.set, count, &part);
    *set = part.set;
}

void imap_fetch(struct imap_session *session)
{
    struct imap_set set;
    struct request *request = arena_alloc(&session->line.arena, sizeof(*request));
    imap_lex_space(&session->lex);
    imap_lex_set(&session->lex, &set);
    imap_lex_space(&session->lex);
    read_request(&session->lex, request);
    read_modifiers(session, request);
    if (!imap_arguments_end(session) || !imap_set_as_uids(session, &set))
        return;
    if (imap_is_by_uid(session) && (session->enabled & IMAP_ENABLED_UIDONLY) == 0)
        add_implied(request, "UID");
    if (asks_modseq(request))
        session->enabled |= IMAP_ENABLED_CONDSTORE;
    if (request->has_since)
        add_implied(request, "MODSEQ");
    if (request->is_partial)
        take_partial(session, request, &set);
    run(session, &set, request);
}
