#include "base/wire.h"

#include <endian.h>
#include <string.h>

#include "base/check.h"

static void put(struct buffer *out, const void *bytes, size_t length)
{
    buffer_append(out, text_of(bytes, length));
}

void wire_put_u8(struct buffer *out, uint8_t value)
{
    put(out, &value, sizeof(value));
}

void wire_put_u16(struct buffer *out, uint16_t value)
{
    value = htobe16(value);
    put(out, &value, sizeof(value));
}

void wire_put_u32(struct buffer *out, uint32_t value)
{
    value = htobe32(value);
    put(out, &value, sizeof(value));
}

void wire_put_u64(struct buffer *out, uint64_t value)
{
    value = htobe64(value);
    put(out, &value, sizeof(value));
}

void wire_put_text(struct buffer *out, struct text text)
{
    if (text.length > UINT32_MAX) {
        out->overflowed = true;
        return;
    }
    wire_put_u32(out, (uint32_t)text.length);
    buffer_append(out, text);
}

void wire_set_u32(struct buffer *out, size_t at, uint32_t value)
{
    value = htobe32(value);
    check(at <= out->length && out->length - at >= sizeof(value));
    memcpy(out->data + at, &value, sizeof(value));
}

struct wire_reader wire_reader_of(struct text bytes)
{
    return (struct wire_reader){.rest = bytes};
}

static bool get(struct wire_reader *in, void *out, size_t length)
{
    if (in->bad || in->rest.length < length) {
        in->bad = true;
        memset(out, 0, length);
        return false;
    }
    memcpy(out, in->rest.data, length);
    in->rest = text_from_position(in->rest, length);
    return true;
}

uint8_t wire_get_u8(struct wire_reader *in)
{
    uint8_t value;
    get(in, &value, sizeof(value));
    return value;
}

uint16_t wire_get_u16(struct wire_reader *in)
{
    uint16_t value;
    get(in, &value, sizeof(value));
    return be16toh(value);
}

uint32_t wire_get_u32(struct wire_reader *in)
{
    uint32_t value;
    get(in, &value, sizeof(value));
    return be32toh(value);
}

uint64_t wire_get_u64(struct wire_reader *in)
{
    uint64_t value;
    get(in, &value, sizeof(value));
    return be64toh(value);
}

struct text wire_get_text(struct wire_reader *in)
{
    size_t length = wire_get_u32(in);
    if (in->bad || in->rest.length < length) {
        in->bad = true;
        return TEXT("");
    }
    struct text text = text_head(in->rest, length);
    in->rest = text_from_position(in->rest, length);
    return text;
}

bool wire_end(const struct wire_reader *in)
{
    return !in->bad && in->rest.length == 0;
}
