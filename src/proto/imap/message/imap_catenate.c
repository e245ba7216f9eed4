/* CATENATE (RFC 4469): a message made of what the client sends and of parts of messages that are
 * here already. */
#include "base/encoding.h"
#include "proto/imap/mailbox/imap_place.h"
#include "proto/imap/message/imap_append.h"
#include "proto/imap/message/imap_fetch.h"
#include "proto/imap/message/imap_url.h"

enum { PARTS_MOST = 1000, URL_SHOWN_MAX = 1000 };

/* The first that is wrong is told, as far as an answer may hold it. */
static void note_bad(struct imap_appending *appending, struct text url)
{
    bool is_plain = url.length > 0 && url.length <= URL_SHOWN_MAX;
    for (size_t i = 0; i < url.length; i++)
        is_plain = is_plain && url.data[i] > ' ' && url.data[i] < 127 && url.data[i] != ']';
    if (appending->bad_url.length == 0)
        appending->bad_url = is_plain ? url : TEXT("\"\"");
}

/* False: the section is none. */
static bool read_section(struct imap_session *session, const struct imap_url *url,
                         struct imap_fetch_item *item)
{
    item->is_partial = url->is_partial;
    item->offset = url->offset;
    item->length = url->length;
    return imap_section_read(url->section, &session->line, &item->section);
}

/* YIELDS. */
static enum status copy_range(struct imap_appending *appending, struct imap_message *message,
                              const struct imap_piece *piece)
{
    struct buffer range;
    buffer_init(&range, IMAP_RANGE_BYTES);
    enum status status = OK;
    for (uint64_t done = 0; status == OK && done < piece->length; done += range.length) {
        uint64_t left = piece->length - done;
        buffer_reset(&range, IMAP_RANGE_BYTES);
        status =
            imap_message_read(message, piece->offset + done,
                              left < IMAP_RANGE_BYTES ? (uint32_t)left : IMAP_RANGE_BYTES, &range);
        if (status == OK && range.length == 0)
            status = refused("the message is shorter than it was");
        if (status == OK)
            imap_append_bytes(appending, buffer_text(&range));
    }
    buffer_finish(&range);
    return status;
}

/* REFUSED: the URL leads to nothing. YIELDS. */
static enum status copy_piece(struct imap_appending *appending, const struct mailbox_entry *entry,
                              const struct imap_fetch_item *item)
{
    struct imap_message message;
    struct imap_piece piece;
    imap_message_init(&message, appending->session->store, entry);
    message.showing = appending->session->showing;
    enum status status = imap_find_piece(&message, item, &piece);
    if (status == OK && piece.is_absent)
        status = REFUSED;
    if (status == OK &&
        imap_append_has_room(appending, piece.is_made ? piece.made.length : piece.length)) {
        if (piece.is_made)
            imap_append_bytes(appending, piece.made);
        else
            status = copy_range(appending, &message, &piece);
    }
    imap_message_finish(&message);
    return status;
}

/* YIELDS. */
static enum status copy_url(struct imap_appending *appending, struct text url)
{
    struct imap_session *session = appending->session;
    struct imap_fetch_item item = {0};
    struct imap_url parsed;
    if (!imap_url_read(url, &session->line.arena, &parsed) || !utf8_is_valid(parsed.mailbox) ||
        !read_section(session, &parsed, &item))
        return REFUSED;
    struct imap_place place = imap_place_of(session, parsed.mailbox);
    struct mailbox *box = mailbox_find(session->store, place.owner, place.name);
    if (box == NULL || (imap_rights(session, box) & RIGHT_READ) == 0 ||
        (parsed.validity != 0 && parsed.validity != imap_uid_validity(&session->showing, box)))
        return REFUSED;
    mailbox_open(box);
    const struct mailbox_entry *entry = mailbox_entry_find(box, parsed.uid);
    enum status status = entry == NULL ? REFUSED : copy_piece(appending, entry, &item);
    mailbox_close(&box);
    return status;
}

static void take_url(struct imap_appending *appending)
{
    struct imap_lex *lex = &appending->session->lex;
    imap_lex_space(lex);
    struct text url = imap_lex_astring(lex);
    if (lex->error != NULL || appending->bad_url.length > 0 || appending->status != OK)
        return;
    enum status status = copy_url(appending, url);
    if (status == REFUSED)
        note_bad(appending, url);
    else if (appending->status == OK)
        appending->status = status;
}

void imap_catenate(struct imap_appending *appending)
{
    struct imap_lex *lex = &appending->session->lex;
    unsigned parts = 0;
    imap_lex_space(lex);
    imap_lex_expect(lex, '(');
    do {
        if (++parts > PARTS_MOST)
            imap_lex_fail(lex, "Too many parts");
        else if (imap_lex_word(lex, "URL"))
            take_url(appending);
        else if (imap_lex_word(lex, "UTF8"))
            imap_append_utf8(appending);
        else if (!imap_lex_word(lex, "TEXT"))
            imap_lex_fail(lex, "TEXT, UTF8 or URL is wanted");
        else if (imap_lex_space(lex), lex->error == NULL)
            imap_append_literal(appending);
    } while (lex->error == NULL && !lex->ended && imap_lex_take(lex, ' '));
    imap_lex_expect(lex, ')');
}
