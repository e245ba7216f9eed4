/* MX data and host names out of DNS answers. The bytes come from strangers: every length is checked
 * against what is there, and a name that no host can have is skipped, not repaired. */
#include "net/dns_answer.h"

#include <string.h>

#include "base/random.h"

enum { LABEL_MAX = 63, PREFERENCE_BYTES = 2 };

/* RFC 1123 2.1, and the underscore that real host names have. */
static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool append_label(char *name, size_t *length, struct text label)
{
    if (*length + (*length > 0) + label.length > DNS_NAME_TEXT_MAX)
        return false;
    if (*length > 0)
        name[(*length)++] = '.';
    for (size_t i = 0; i < label.length; i++) {
        char c = label.data[i];
        if (!is_host_byte(c))
            return false;
        name[(*length)++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    return true;
}

/* No top-level domain is a number, so "192.0.2.1" is an address somebody wrote for a name. */
static bool is_number(struct text label)
{
    for (size_t i = 0; i < label.length; i++)
        if (label.data[i] < '0' || label.data[i] > '9')
            return false;
    return true;
}

bool dns_host_parse(struct text wire, struct arena *arena, struct text *out)
{
    char name[DNS_NAME_TEXT_MAX];
    size_t length = 0;
    struct text label = TEXT("");
    for (;;) {
        if (text_is_empty(wire))
            return false;
        size_t size = (unsigned char)wire.data[0];
        wire = text_from_position(wire, 1);
        if (size == 0)
            break;
        if (size > LABEL_MAX || size > wire.length)
            return false;
        label = text_head(wire, size);
        if (!append_label(name, &length, label))
            return false;
        wire = text_from_position(wire, size);
    }
    if (wire.length > 0 || (length > 0 && is_number(label)))
        return false;
    *out = arena_copy(arena, text_of(name, length));
    return true;
}

enum dns_mx_kind dns_mx_parse(struct text data, struct arena *arena, struct resolver_mx *out)
{
    if (data.length < PREFERENCE_BYTES)
        return DNS_MX_GARBAGE;
    const unsigned char *bytes = (const unsigned char *)data.data;
    out->preference = (uint16_t)(bytes[0] << 8 | bytes[1]);
    struct text host;
    if (!dns_host_parse(text_from_position(data, PREFERENCE_BYTES), arena, &host))
        return DNS_MX_GARBAGE;
    if (text_is_empty(host))
        return DNS_MX_NULL;
    out->host = host;
    return DNS_MX_HOST;
}

bool dns_tlsa_parse(struct text data, struct arena *arena, struct tls_tlsa *out)
{
    enum { HEAD_BYTES = 3 };
    if (data.length <= HEAD_BYTES)
        return false;
    *out = (struct tls_tlsa){.usage = (uint8_t)data.data[0],
                             .selector = (uint8_t)data.data[1],
                             .matching = (uint8_t)data.data[2],
                             .data = arena_copy(arena, text_from_position(data, HEAD_BYTES))};
    return true;
}

bool dns_txt_parse(struct text data, struct arena *arena, struct text *out)
{
    size_t length = 0;
    char *joined = arena_alloc(arena, data.length + 1);
    if (text_is_empty(data))
        return false;
    while (!text_is_empty(data)) {
        size_t size = (unsigned char)data.data[0];
        data = text_from_position(data, 1);
        if (size > data.length)
            return false;
        memcpy(joined + length, data.data, size);
        length += size;
        data = text_from_position(data, size);
    }
    *out = text_of(joined, length);
    return true;
}

void dns_mx_order(struct resolver_mx *list, unsigned count)
{
    /* Insertion keeps equals in the order met, so shuffling first makes it random among them. */
    for (unsigned i = count; i > 1; i--) {
        unsigned other = random_below(i);
        struct resolver_mx held = list[i - 1];
        list[i - 1] = list[other];
        list[other] = held;
    }
    for (unsigned i = 1; i < count; i++) {
        struct resolver_mx held = list[i];
        unsigned place = i;
        for (; place > 0 && list[place - 1].preference > held.preference; place--)
            list[place] = list[place - 1];
        list[place] = held;
    }
}
