/* What is sent from a mailbox by its URL (RFC 4468): the store's side of BURL. Each piece is asked
 * for by the URL anew, so that front, which may have been taken over, needs one that is good. */
#include "proto/imap/imap.h"
#include "proto/imap/message/imap_urlauth.h"

static void refuse(struct queue_url_answer *answer, enum queue_url_way way, const char *reason)
{
    answer->way = way;
    text_copy(text_head(text_from(reason), REASON_BYTES - 1), answer->reason.text, REASON_BYTES);
}

/* The bytes of the piece from the offset on. YIELDS. */
static enum status read_piece(struct imap_message *message, const struct imap_piece *piece,
                              uint64_t offset, struct queue_url_answer *answer)
{
    answer->size = piece->is_made ? piece->made.length : piece->length;
    if (answer->size == 0 || piece->is_absent)
        return refused("there is nothing of that name in the message");
    if (offset >= answer->size)
        return refused("it is no longer than that");
    uint64_t left = answer->size - offset;
    uint32_t length = left < QUEUE_BODY_CHUNK ? (uint32_t)left : QUEUE_BODY_CHUNK;
    if (!piece->is_made)
        return imap_message_read(message, piece->offset + offset, length, &answer->bytes);
    buffer_append(&answer->bytes, text_head(text_from_position(piece->made, offset), length));
    return OK;
}

/* REFUSED: it leads nowhere. YIELDS. */
static enum status follow(const struct accounts *accounts,
                          const struct queue_url_question *question,
                          const struct imap_full_url *url, struct queue_url_answer *answer)
{
    struct imap_urlauth_asker asker = {
        .accounts = accounts, .user = question->login, .submits = true};
    struct line_session scratch = {0};
    struct imap_message message;
    struct imap_fetch_item item;
    struct imap_piece piece;
    arena_init(&scratch.arena);
    enum status status = imap_urlauth_follow(&asker, url, &scratch, &message, &item);
    if (status == OK) {
        status = imap_find_piece(&message, &item, &piece);
        if (status == OK)
            status = read_piece(&message, &piece, question->offset, answer);
        imap_message_finish(&message);
    }
    arena_finish(&scratch.arena);
    return status;
}

enum status imap_follow_sent(const struct accounts *accounts,
                             const struct queue_url_question *question,
                             struct queue_url_answer *answer)
{
    struct imap_full_url url;
    struct arena arena;
    arena_init(&arena);
    enum status status = OK;
    if (!imap_full_url_read(question->url, &arena, &url))
        refuse(answer, QUEUE_URL_NOWHERE, "it is no URL of a message or a part of one");
    else if (!imap_urlauth_is_ours(accounts->settings, &url))
        refuse(answer, QUEUE_URL_ELSEWHERE, "it is of another server");
    else
        status = follow(accounts, question, &url, answer);
    if (status == REFUSED)
        refuse(answer, QUEUE_URL_NOWHERE, fail_reason());
    arena_finish(&arena);
    return status == TRY_LATER ? TRY_LATER : OK;
}
