/* X-LINK2STATE: two servers of one organisation compare what they know of its links. A packet comes
 * in chunks, FIRST to LAST, each a line of its own. MS05-021 is why a chunk without a FIRST is
 * refused, and why nothing here is without a bound. */
#include "base/logline.h"
#include "routing/packet.h"
#include "proto/smtp/smtp_peer.h"

enum {
    CHUNK_MAX = 512,
    PACKET_MAX = 1 << 20,
    ANSWER_MAX = 1024,
};

enum chunk_place { CHUNK_ONLY_OR_NEXT, CHUNK_FIRST, CHUNK_NEXT, CHUNK_LAST };
struct chunk {
    enum chunk_place place;
    struct text data;
};

/* "[FIRST | NEXT | LAST] CHUNK=data": the data is the rest of the line, spaces and all. */
static bool parse_chunk(struct text arguments, struct chunk *out)
{
    static const char *const places[] = {
        [CHUNK_FIRST] = "FIRST", [CHUNK_NEXT] = "NEXT", [CHUNK_LAST] = "LAST"};
    struct text word = text_before(arguments, ' ');
    out->place = CHUNK_ONLY_OR_NEXT;
    for (unsigned i = CHUNK_FIRST; i <= CHUNK_LAST; i++)
        if (text_equals_nocase(word, text_from(places[i])))
            out->place = (enum chunk_place)i;
    if (out->place != CHUNK_ONLY_OR_NEXT)
        arguments = text_from_position(arguments, word.length + 1);
    if (!text_starts_with_nocase(arguments, TEXT("CHUNK=")))
        return refused("no CHUNK="), false;
    out->data = text_from_position(arguments, sizeof("CHUNK=") - 1);
    if (out->data.length == 0 || out->data.length > CHUNK_MAX)
        return refused("a chunk has 1 to %d octets", CHUNK_MAX), false;
    return true;
}

void smtp_link_state_reset(struct smtp_session *session)
{
    buffer_finish(&session->link_state);
    buffer_init(&session->link_state, PACKET_MAX);
    session->has_link_state = false;
}

/* A FIRST begins; a LAST alone is a whole packet; the others go on with what was begun. */
static bool is_due(const struct smtp_session *session, enum chunk_place place)
{
    if (place == CHUNK_FIRST)
        return !session->has_link_state;
    return session->has_link_state || place == CHUNK_LAST;
}

static void answer_packet(struct smtp_session *session)
{
    struct link_state_packet asked, answer;
    struct buffer text;
    if (link_state_parse(buffer_text(&session->link_state), &asked) != OK ||
        link_state_answer(&asked, &answer) != OK) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, text_from(fail_reason()));
        return;
    }
    buffer_init(&text, ANSWER_MAX);
    buffer_append(&text, TEXT("LAST CHUNK="));
    link_state_write(&answer, &text);
    log_info("smtp.link-state", "peer=%s login=%s parts=%u", log_text(text_from(session->peer)),
             log_text(text_from(session->login)), asked.part_count);
    smtp_answer_lines(session, SMTP_LINK_STATE, buffer_text(&text));
    buffer_finish(&text);
}

/* True when more has to come. */
static bool take_chunk(struct smtp_session *session, struct text arguments)
{
    struct chunk chunk;
    if (!parse_chunk(arguments, &chunk)) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, text_from(fail_reason()));
        return false;
    }
    if (!is_due(session, chunk.place)) {
        smtp_answer(session, SMTP_CHUNK_WITHOUT_FIRST, TEXT(""));
        return false;
    }
    session->has_link_state = true;
    if (!buffer_append(&session->link_state, chunk.data)) {
        smtp_answer(session, SMTP_LINK_STATE_TOO_LARGE, TEXT(""));
        return false;
    }
    if (chunk.place == CHUNK_LAST)
        answer_packet(session);
    else
        smtp_answer(session, SMTP_LINK_STATE, TEXT(""));
    return chunk.place != CHUNK_LAST;
}

void smtp_command_xlink2state(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    if (!smtp_peer_is_welcome(session))
        return;
    /* Whatever went wrong, the next packet begins anew. */
    if (!take_chunk(session, arguments))
        smtp_link_state_reset(session);
}
