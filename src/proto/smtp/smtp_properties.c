#include "proto/smtp/smtp_properties.h"

enum {
    TYPE_LONG = 0x0003,
    TYPE_BOOLEAN = 0x000b,
    TYPE_LONG_LONG = 0x0014,
    TYPE_STRING8 = 0x001e,
    TYPE_UNICODE = 0x001f,
    TYPE_TIME = 0x0040,
    TYPE_BINARY = 0x0102,
};
#define TAG_SPAM_LEVEL (UINT32_C(0x4076) << 16 | TYPE_LONG)

/* How a value is written. */
static const struct {
    uint16_t type;
    unsigned bytes; /* 0: a length tells */
} types[] = {
    {TYPE_LONG, 4},    {TYPE_BOOLEAN, 4}, {TYPE_LONG_LONG, 8}, {TYPE_TIME, 8},
    {TYPE_STRING8, 0}, {TYPE_UNICODE, 0}, {TYPE_BINARY, 0},
};

static bool take(struct text *rest, size_t length, struct text *out)
{
    if (rest->length < length)
        return refused("properties end too early"), false;
    *out = text_head(*rest, length);
    *rest = text_from_position(*rest, length);
    return true;
}

static bool take_u32(struct text *rest, uint32_t *out)
{
    struct text bytes;
    if (!take(rest, sizeof(*out), &bytes))
        return false;
    *out = 0;
    for (unsigned i = 0; i < sizeof(*out); i++)
        *out |= (uint32_t)(unsigned char)bytes.data[i] << 8 * i;
    return true;
}

static bool take_padding(struct text *rest, size_t length)
{
    struct text padding;
    if (!take(rest, (4 - length % 4) % 4, &padding))
        return false;
    for (size_t i = 0; i < padding.length; i++)
        if (padding.data[i] != 0)
            return refused("padding is not zero"), false;
    return true;
}

static bool take_value(struct text *rest, uint16_t type, struct text *value)
{
    uint32_t length;
    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].type != type)
            continue;
        if (types[i].bytes > 0)
            return take(rest, types[i].bytes, value);
        return take_u32(rest, &length) && take(rest, length, value) && take_padding(rest, length);
    }
    return refused("property type 0x%04x is not known", type), false;
}

static bool take_property(struct text *rest, struct smtp_properties *out)
{
    uint32_t tag, level;
    struct text value;
    if (!take_u32(rest, &tag) || !take_value(rest, (uint16_t)tag, &value))
        return false;
    out->properties++;
    if (tag == TAG_SPAM_LEVEL && out->rows == 0 && take_u32(&value, &level)) {
        out->has_spam_level = true;
        out->spam_level = (int32_t)level;
    }
    return true;
}

static bool take_row(struct text *rest, struct smtp_properties *out)
{
    uint32_t count;
    if (!take_u32(rest, &count))
        return false;
    if (count > SMTP_PROPERTIES_ROW_MAX)
        return refused("more than %d properties in a row", SMTP_PROPERTIES_ROW_MAX), false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_property(rest, out))
            return false;
    out->rows++;
    return true;
}

enum status smtp_properties_check(struct text octets, unsigned rows_max,
                                  struct smtp_properties *out)
{
    size_t length = octets.length;
    *out = (struct smtp_properties){0};
    while (octets.length > 0) {
        if (out->rows == rows_max)
            return refused("more rows of properties than recipients");
        if (!take_row(&octets, out))
            return REFUSED;
        if (out->rows == 1)
            out->message_bytes = length - octets.length;
    }
    return OK;
}
