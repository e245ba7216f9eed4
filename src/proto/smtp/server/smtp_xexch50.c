/* XEXCH50: a server of our own organisation hands over the properties of a message that its header
 * can't hold. Documented by Microsoft for administrators only (KB 818222, 843106); MS03-046 is why
 * the length is counted twice. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/server/smtp_peer.h"
#include "proto/smtp/smtp_properties.h"

enum {
    MESSAGE_BYTES = 64 << 10,
    RECIPIENT_BYTES = 4 << 10,
    /* A firewall that eats the octets leaves both sides waiting. */
    WAIT_MS = 2 * MINUTE,
};

static size_t most_bytes(const struct smtp_session *session)
{
    size_t most =
        MESSAGE_BYTES + (size_t)RECIPIENT_BYTES * session->transaction.envelope.recipient_count;
    return most < MAIL_PROPERTIES_MAX ? most : MAIL_PROPERTIES_MAX;
}

/* "size rows". The second was seen to be anything, so it is a number and no more. */
static bool parse_size(struct smtp_session *session, struct text arguments, uint32_t *size)
{
    struct text first = TEXT(""), second = TEXT(""), extra;
    uint32_t rows;
    text_word(&arguments, &first);
    text_word(&arguments, &second);
    return text_to_u32(first, size) && text_to_u32(second, &rows) &&
           !text_word(&arguments, &extra) && *size > 0 && *size <= most_bytes(session);
}

static void log_taken(struct smtp_session *session, const struct smtp_properties *seen, size_t size)
{
    char id[ID_TEXT_BYTES];
    log_info("smtp.properties", "session=%s size=%zu rows=%u properties=%u spam-level=%" PRId32,
             id_format(session->id, id), size, seen->rows, seen->properties,
             seen->has_spam_level ? seen->spam_level : 0);
}

static void take_octets(struct smtp_session *session, struct text octets)
{
    struct smtp_server_transaction *transaction = &session->transaction;
    struct smtp_properties seen;
    unsigned rows = transaction->envelope.recipient_count + 1;
    if (smtp_properties_check(octets, rows, &seen) != OK) {
        smtp_answer(session, SMTP_BAD_PROPERTIES, text_from(fail_reason()));
        return;
    }
    transaction->mail.terms.properties = arena_copy(&transaction->arena, octets);
    log_taken(session, &seen, octets.length);
    smtp_answer(session, SMTP_PROPERTIES_TAKEN, TEXT(""));
}

void smtp_command_xexch50(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct buffer octets;
    uint32_t size;
    if (!smtp_peer_is_welcome(session))
        return;
    if (!text_is_empty(session->transaction.mail.terms.properties)) {
        smtp_answer(session, SMTP_NESTED_PROPERTIES, TEXT(""));
        return;
    }
    if (!parse_size(session, arguments, &size)) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT(""));
        return;
    }
    smtp_answer(session, SMTP_SEND_PROPERTIES, TEXT(""));
    buffer_init(&octets, size);
    if (line_take(line, size, WAIT_MS, &octets) == OK)
        take_octets(session, buffer_text(&octets));
    buffer_finish(&octets);
}
