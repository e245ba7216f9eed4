/* Link states as an SMTP client: packets by X-LINK2STATE, in chunks as lines, and on port 691 as
 * they are. */
#include "proto/smtp/client/smtp_client_links.h"

#include "base/clock.h"
#include "proto/smtp/client/smtp_client_log.h"
#include "routing/packet.h"

enum { CHUNK_MAX = 512, PACKET_MAX = 2 << 20, TALK_MS = MINUTE };

/* The chunks of a reply's lines, put together. */
static enum status take_chunks(struct smtp_client *client, struct buffer *answer)
{
    struct text words = buffer_text(&client->reply.words), line;
    while (text_split(&words, '\n', &line)) {
        size_t at = text_find_text(line, TEXT("CHUNK="));
        if (at == line.length)
            return smtp_client_fail(client, REFUSED, "5.5.0", "no chunk in the reply");
        if (!buffer_append(answer, text_from_position(line, at + 6)))
            return smtp_client_fail(client, REFUSED, "5.5.0", "the reply is too large");
    }
    return OK;
}

enum status smtp_client_say_links(struct smtp_client *client, struct text packet,
                                  struct buffer *answer, struct smtp_client_trouble *said)
{
    enum status status = OK;
    if (!smtp_client_offers(client, EXTENSION_XLINK2STATE))
        status = smtp_client_fail(client, REFUSED, "5.5.0", "the peer offers no X-LINK2STATE");
    for (size_t at = 0; status == OK && at < packet.length; at += CHUNK_MAX) {
        struct text chunk = text_head(text_from_position(packet, at), CHUNK_MAX);
        const char *word = at + CHUNK_MAX >= packet.length ? "LAST" : at == 0 ? "FIRST" : "NEXT";
        stream_printf(client->stream, "X-LINK2STATE %s CHUNK=", word);
        stream_write(client->stream, chunk);
        stream_write(client->stream, TEXT("\r\n"));
        status = smtp_client_expect(client, SMTP_STEP_ASK);
    }
    if (status == OK)
        status = take_chunks(client, answer);
    *said = client->trouble;
    client->trouble.status = TRY_LATER; /* it is not said of a message that may follow */
    return status;
}

enum status smtp_client_begin_links(struct smtp_client *client, struct text our_host,
                                    struct smtp_client_trouble *said)
{
    stream_printf(client->stream, "X-LSA-2 %.*s\r\n", TEXT_ARG(our_host));
    enum status status = smtp_client_expect(client, SMTP_STEP_ASK);
    if (status == OK)
        client->is_broken = true; /* no replies come any more */
    *said = client->trouble;
    return status;
}

enum status smtp_client_say_packet(struct smtp_client *client, struct text packet,
                                   struct buffer *answer)
{
    struct stream *stream = client->stream;
    size_t length;
    stream_set_deadline(stream, clock_monotonic_ms() + TALK_MS);
    smtp_client_write_octets(client, packet);
    if (stream_read_exactly(stream, LINK_STATE_COUNT_BYTES, answer) != OK)
        return try_later("no answer: %s", stream_error(stream));
    if (!link_state_length(buffer_text(answer), &length) || length > PACKET_MAX)
        return refused("the answer is no packet");
    return stream_read_exactly(stream, length, answer) == OK
               ? OK
               : try_later("no whole answer: %s", stream_error(stream));
}
