/* BINARY (RFC 3516, RFC 9051 6.4.5): parts with their transfer encoding undone. Two passes over a
 * part, since its length is told before its bytes: neither holds more than a range of it. */
#include <inttypes.h>

#include "base/check.h"
#include "mail/transfer_decoding.h"
#include "proto/imap/message/imap_fetch.h"
#include "proto/imap/message/imap_structure.h"

/* Decoded bytes, as they come: counted, or sent as far as they are asked for. */
struct sink {
    struct stream *stream; /* NULL: count only */
    uint64_t length;       /* so far */
    uint64_t from, to;     /* what is sent */
    bool has_nul;
};

struct binary {
    uint64_t offset, length;
    enum mime_encoding encoding;
    bool is_absent;
};

static void drain(struct sink *sink, struct buffer *decoded)
{
    struct text bytes = buffer_text(decoded);
    uint64_t start = sink->length;
    sink->length += bytes.length;
    sink->has_nul = sink->has_nul || text_find(bytes, '\0') < bytes.length;
    if (sink->stream != NULL && sink->length > sink->from && start < sink->to) {
        if (start < sink->from)
            bytes = text_from_position(bytes, (size_t)(sink->from - start));
        if (start < sink->from)
            start = sink->from;
        stream_write(sink->stream, text_head(bytes, (size_t)(sink->to - start)));
    }
    buffer_reset(decoded, 2 * IMAP_RANGE_BYTES);
}

/* YIELDS. */
static enum status decode(struct imap_message *message, const struct binary *binary,
                          struct sink *sink)
{
    struct transfer_decoder decoder;
    struct buffer range, decoded;
    buffer_init(&range, IMAP_RANGE_BYTES);
    buffer_init(&decoded, 4 * IMAP_RANGE_BYTES);
    transfer_decoder_init(&decoder, binary->encoding);
    enum status status = OK;
    for (uint64_t done = 0; status == OK && done < binary->length; done += range.length) {
        uint64_t left = binary->length - done;
        buffer_reset(&range, IMAP_RANGE_BYTES);
        status =
            imap_message_read(message, binary->offset + done,
                              left < IMAP_RANGE_BYTES ? (uint32_t)left : IMAP_RANGE_BYTES, &range);
        if (status == OK && range.length == 0)
            status = refused("the message is shorter than it was");
        transfer_decoder_feed(&decoder, buffer_text(&range), &decoded);
        drain(sink, &decoded);
    }
    transfer_decoder_end(&decoder, &decoded);
    drain(sink, &decoded);
    buffer_finish(&range);
    buffer_finish(&decoded);
    return status;
}

static enum status find(struct imap_message *message, const struct imap_section *section,
                        struct binary *out)
{
    const struct mime_tree *tree;
    *out = (struct binary){.encoding = MIME_BINARY};
    if (section->part_depth == 0)
        return imap_message_size(message, &out->length);
    enum status status = imap_message_tree(message, &tree);
    if (status != OK)
        return status;
    const struct mime_part *part = imap_part_find(tree, section->part, section->part_depth);
    *out = (struct binary){.is_absent = part == NULL};
    if (part != NULL)
        *out =
            (struct binary){.offset = part->body_start,
                            .length = part->body_length,
                            .encoding = part->first_child == NULL ? part->encoding : MIME_BINARY};
    return OK;
}

enum status imap_fetch_binary(struct imap_fetch_message *fetched,
                              const struct imap_fetch_item *item)
{
    struct imap_session *session = fetched->session;
    struct binary binary;
    struct sink counting = {0};
    enum status status = find(&fetched->message, &item->section, &binary);
    if (status == OK && !binary.is_absent)
        status = decode(&fetched->message, &binary, &counting);
    if (status != OK)
        return status;
    fetched->session->has_unknown_encoding |= binary.encoding == MIME_ENCODING_UNKNOWN;
    buffer_printf(&session->out, "%.*s ", TEXT_ARG(item->label));
    if (binary.is_absent || binary.encoding == MIME_ENCODING_UNKNOWN) {
        buffer_append(&session->out, TEXT("NIL"));
        return OK;
    }
    struct sink sending = {.stream = session->line.stream, .to = counting.length};
    if (item->is_partial) {
        sending.from = item->offset < counting.length ? item->offset : counting.length;
        sending.to = counting.length - sending.from > item->length ? sending.from + item->length
                                                                   : counting.length;
    }
    buffer_printf(&session->out, "%s{%" PRIu64 "}\r\n", counting.has_nul ? "~" : "",
                  sending.to - sending.from);
    imap_send(session);
    fetched->is_begun = true;
    return decode(&fetched->message, &binary, &sending);
}

enum status imap_fetch_binary_size(struct imap_fetch_message *fetched,
                                   const struct imap_fetch_item *item)
{
    struct binary binary;
    struct sink counting = {0};
    enum status status = find(&fetched->message, &item->section, &binary);
    if (status == OK && !binary.is_absent)
        status = decode(&fetched->message, &binary, &counting);
    if (status != OK)
        return status;
    fetched->session->has_unknown_encoding |= binary.encoding == MIME_ENCODING_UNKNOWN;
    buffer_printf(&fetched->session->out, "%.*s %" PRIu64, TEXT_ARG(item->label), counting.length);
    return OK;
}
