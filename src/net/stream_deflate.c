#include "net/stream_deflate.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/check.h"
#include "net/stream_internal.h"

enum {
    RAW_BYTES = 4096,
    WINDOW_BITS = 15,     /* what peers may use: RFC 4978 4 */
    OUR_WINDOW_BITS = 13, /* what we use: enough for listings, and a quarter of the memory */
    OUR_MEMORY_LEVEL = 6,
};

struct deflated {
    struct stream_layer layer;
    z_stream in, out;
    char raw[RAW_BYTES]; /* received, in.next_in points into it */
    bool is_full;        /* the last output room was used up: there may be more */
};

static struct deflated *deflated_of(const struct stream *stream)
{
    return (struct deflated *)stream->layer;
}

/* Decode into the room. False: it is malformed, or the peer ended it. */
static bool decode(struct deflated *deflated, char *out, size_t room, size_t *made)
{
    deflated->in.next_out = (Bytef *)out;
    deflated->in.avail_out = (uInt)room;
    int result = inflate(&deflated->in, Z_SYNC_FLUSH);
    *made = room - deflated->in.avail_out;
    deflated->is_full = deflated->in.avail_out == 0;
    return *made > 0 || result == Z_OK || result == Z_BUF_ERROR;
}

static bool has_more(const struct stream *stream)
{
    return deflated_of(stream)->in.avail_in > 0 || deflated_of(stream)->is_full;
}

static enum status receive(struct stream *stream, char *out, size_t room, size_t *received)
{
    struct deflated *deflated = deflated_of(stream);
    if (!has_more(stream)) {
        size_t raw;
        if (stream_receive_raw(stream, deflated->raw, RAW_BYTES, &raw) != OK)
            return try_later("%s", stream_error(stream));
        stream->turn_bytes += raw; /* empty blocks make nothing, and take time */
        deflated->in.next_in = (Bytef *)deflated->raw;
        deflated->in.avail_in = (uInt)raw;
    }
    if (!decode(deflated, out, room, received))
        return stream_fail(stream, STREAM_BROKEN, "malformed compressed data");
    return OK;
}

static bool encode(struct stream *stream, struct text bytes, struct buffer *out)
{
    struct deflated *deflated = deflated_of(stream);
    deflated->out.next_in = (Bytef *)bytes.data;
    deflated->out.avail_in = (uInt)bytes.length;
    do {
        char *room = buffer_reserve(out, RAW_BYTES);
        if (room == NULL)
            return false;
        deflated->out.next_out = (Bytef *)room;
        deflated->out.avail_out = RAW_BYTES;
        int result = deflate(&deflated->out, Z_SYNC_FLUSH);
        if (result != Z_OK && result != Z_BUF_ERROR)
            return false;
        buffer_grew(out, RAW_BYTES - deflated->out.avail_out);
    } while (deflated->out.avail_out == 0);
    return true;
}

static void free_layer(struct stream_layer *layer)
{
    struct deflated *deflated = (struct deflated *)layer;
    inflateEnd(&deflated->in);
    deflateEnd(&deflated->out);
    free(deflated);
}

enum status stream_start_deflate(struct stream *stream)
{
    check(stream->layer == NULL);
    if (stream_flush(stream) != OK)
        return TRY_LATER;
    struct deflated *deflated = calloc(1, sizeof(*deflated));
    check(deflated != NULL);
    deflated->layer = (struct stream_layer){
        .receive = receive, .has_more = has_more, .encode = encode, .free = free_layer};
    check(inflateInit2(&deflated->in, -WINDOW_BITS) == Z_OK);
    check(deflateInit2(&deflated->out, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -OUR_WINDOW_BITS,
                       OUR_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK);
    stream->layer = &deflated->layer;
    return OK;
}

bool stream_is_deflated(const struct stream *stream)
{
    return stream->layer != NULL;
}
