/* X-LINK2STATE: two servers of one organisation compare what they know of its links. A packet comes
 * in chunks, FIRST to LAST, each a line of its own. MS05-021 is why a chunk without a FIRST is
 * refused, and why nothing here is without a bound. */
#include "base/clock.h"
#include "base/logline.h"
#include "proto/smtp/server/smtp_peer.h"
#include "queue/links/links.h"
#include "routing/packet.h"

enum {
    CHUNK_MAX = 512,
    PACKET_MAX = 1 << 20,
    ANSWER_MAX = 50 << 10, /* clients take replies of 64 KiB */
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

/* Where there are routing groups the store answers; else there is nothing to tell. YIELDS. */
static enum status answer_of(struct smtp_session *session, struct buffer *out)
{
    struct link_state_packet asked, answer;
    struct queue_link_question question = {.packet = buffer_text(&session->link_state)};
    /* Read here first, where there is nothing to take. */
    if (link_state_parse(question.packet, &asked) != OK)
        return REFUSED;
    if (settings_group(session->settings) != NULL)
        return queue_link_answer(session->front->role->store, &question, out);
    if (link_state_answer(&asked, &answer) != OK)
        return REFUSED;
    link_state_write(&answer, out);
    return OK;
}

/* In lines of their own, as chunks are: a client need not take longer ones. */
static void write_chunks(struct text packet, struct buffer *out)
{
    const char *word = packet.length > CHUNK_MAX ? "FIRST" : "LAST";
    for (size_t at = 0; at < packet.length; at += CHUNK_MAX) {
        struct text chunk = text_head(text_from_position(packet, at), CHUNK_MAX);
        buffer_printf(out, "%s%s CHUNK=", at == 0 ? "" : "\n", word);
        buffer_append(out, chunk);
        word = at + 2 * CHUNK_MAX >= packet.length ? "LAST" : "NEXT";
    }
}

/* What is too large for a reply is not told so: the other side tells what it knows instead. */
static void shorten(struct buffer *packet)
{
    static const struct link_state_packet other = {.parts = {{LINK_STATE_RESPONSE, {"", 0}}},
                                                   .part_count = 1};
    buffer_reset(packet, ANSWER_MAX);
    link_state_write(&other, packet);
}

static void answer_packet(struct smtp_session *session)
{
    struct buffer packet, text;
    buffer_init(&packet, 2 * PACKET_MAX);
    buffer_init(&text, 2 * ANSWER_MAX);
    enum status status = answer_of(session, &packet);
    if (status != OK) {
        smtp_answer(session, status == REFUSED ? SMTP_BAD_ARGUMENTS : SMTP_NO_LINKS_NOW,
                    text_from(fail_reason()));
    } else {
        if (packet.length > ANSWER_MAX)
            shorten(&packet);
        write_chunks(buffer_text(&packet), &text);
        log_info("smtp.link-state", "peer=%s login=%s bytes=%zu",
                 log_text(text_from(session->peer)), log_text(text_from(session->login)),
                 packet.length);
        smtp_answer_lines(session, SMTP_LINK_STATE, buffer_text(&text));
    }
    buffer_finish(&text);
    buffer_finish(&packet);
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

/* Port 691 */

/* One packet, "{hhhhhhhh}" and what it counts. False: the peer is gone, or does not speak so.
 * YIELDS. */
static bool read_packet(struct smtp_session *session, struct buffer *packet)
{
    struct stream *stream = session->line.stream;
    size_t length;
    buffer_reset(packet, PACKET_MAX);
    stream_set_deadline(stream, clock_monotonic_ms() + session->line.idle_ms);
    if (stream_read_exactly(stream, LINK_STATE_COUNT_BYTES, packet) != OK)
        return false;
    if (!link_state_length(buffer_text(packet), &length) || length > PACKET_MAX) {
        log_info("smtp.link-state", "peer=%s reason=\"no packet\"",
                 log_text(text_from(session->peer)));
        return false;
    }
    return stream_read_exactly(stream, length, packet) == OK;
}

/* YIELDS. */
static bool exchange(struct smtp_session *session, struct buffer *packet, struct buffer *answer)
{
    struct queue_link_question question = {.is_member = true};
    struct link_state_packet asked;
    if (!read_packet(session, packet))
        return false;
    question.packet = buffer_text(packet);
    enum status status = link_state_parse(question.packet, &asked);
    if (status == OK)
        status = queue_link_answer(session->front->role->store, &question, answer);
    log_info("smtp.link-state", "peer=%s login=%s bytes=%zu status=%s reason=%s",
             log_text(text_from(session->peer)), log_text(text_from(session->login)),
             packet->length, status_name(status),
             log_text(text_from(status == OK ? "" : fail_reason())));
    if (status != OK)
        return false;
    stream_write(session->line.stream, buffer_text(answer));
    buffer_reset(answer, PACKET_MAX);
    return stream_flush(session->line.stream) == OK;
}

/* "X-LSA-2 name": from here on packets go to and fro, until the peer has heard enough. */
void smtp_command_lsa(struct line_session *line, struct text arguments)
{
    struct smtp_session *session = smtp_session(line);
    struct buffer packet, answer;
    if (!smtp_peer_is_welcome(session))
        return;
    if (text_is_empty(text_trim(arguments)) || settings_group(session->settings) == NULL) {
        smtp_answer(session, SMTP_BAD_ARGUMENTS, TEXT("no routing group"));
        return;
    }
    smtp_answer(session, SMTP_LINK_STATE, TEXT(""));
    stream_flush(line->stream);
    buffer_init(&packet, 2 * PACKET_MAX);
    buffer_init(&answer, 2 * PACKET_MAX);
    while (exchange(session, &packet, &answer))
        continue;
    line->ended = true;
    buffer_finish(&answer);
    buffer_finish(&packet);
}
