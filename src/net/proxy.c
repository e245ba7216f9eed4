#include "net/proxy.h"

#include <arpa/inet.h>
#include <string.h>

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

enum { V1_LEAST = sizeof("PROXY UNKNOWN\r\n") - 1 };
enum { V2_HEAD = 16, V2_COMMAND = 12, V2_FAMILY = 13, V2_LENGTH = 14 };

static enum net_proxy_state bad(const char *why)
{
    refused("PROXY header: %s", why);
    return NET_PROXY_BAD;
}

static enum net_proxy_state incomplete(struct net_proxy_header *out, size_t missing)
{
    out->missing = missing;
    return NET_PROXY_INCOMPLETE;
}

/* Version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n". */

/* Parted by single spaces, and nothing left over. */
static bool take_field(struct text *rest, struct text *field)
{
    return text_split(rest, ' ', field) && !text_is_empty(*field);
}

static bool is_port(struct text text, uint16_t *port)
{
    uint32_t number;
    bool is_padded = text.length > 1 && text.data[0] == '0';
    if (is_padded || !text_to_u32(text, &number) || number > UINT16_MAX)
        return false;
    *port = (uint16_t)number;
    return true;
}

static bool parse_host(struct text host, sa_family_t family, uint16_t port, struct net_address *out)
{
    return !text_starts_with(host, TEXT("[")) && net_address_parse(host, port, out) &&
           out->any.sa_family == family;
}

static enum net_proxy_state parse_v1_line(struct text line, struct net_proxy_header *out)
{
    struct text word, family, source, destination, source_port, destination_port;
    struct net_address ignored;
    uint16_t port, ignored_port;
    take_field(&line, &word);
    if (!take_field(&line, &family))
        return bad("no family");
    if (text_equals(family, TEXT("UNKNOWN"))) /* what follows is to be ignored */
        return NET_PROXY_WHOLE;
    bool is_v4 = text_equals(family, TEXT("TCP4"));
    sa_family_t expected = is_v4 ? AF_INET : AF_INET6;
    if (!is_v4 && !text_equals(family, TEXT("TCP6")))
        return bad("family not known");
    if (text_ends_with_nocase(line, TEXT(" ")) || !take_field(&line, &source) ||
        !take_field(&line, &destination) || !take_field(&line, &source_port) ||
        !take_field(&line, &destination_port) || !text_is_empty(line))
        return bad("not two addresses and two ports");
    if (!is_port(source_port, &port) || !is_port(destination_port, &ignored_port))
        return bad("no port");
    if (!parse_host(source, expected, port, &out->client) ||
        !parse_host(destination, expected, 0, &ignored))
        return bad("no address of that family");
    return NET_PROXY_WHOLE;
}

static enum net_proxy_state parse_v1(struct text bytes, struct net_proxy_header *out)
{
    struct text line = text_head(bytes, NET_PROXY_V1_MAX);
    size_t end = text_find(line, '\n');
    if (end == line.length && line.length == NET_PROXY_V1_MAX)
        return bad("the line is too long");
    if (end == line.length)
        return incomplete(out, line.data[end - 1] == '\r' ? 1 : 2);
    if (line.data[end - 1] != '\r')
        return bad("the line does not end with CRLF");
    out->length = end + 1;
    return parse_v1_line(text_head(line, end - 1), out);
}

/* Version 2: the signature, a byte of version and command, one of family and transport, the length
 * of what follows: addresses and then TLVs, which are stepped over. */

static uint16_t u16_at(struct text bytes, size_t position)
{
    uint16_t value;
    memcpy(&value, bytes.data + position, sizeof(value));
    return ntohs(value);
}

static bool tlvs_are_whole(struct text rest)
{
    enum { TLV_HEAD = 3 };
    while (rest.length >= TLV_HEAD) {
        size_t length = TLV_HEAD + u16_at(rest, 1);
        if (length > rest.length)
            return false;
        rest = text_from_position(rest, length);
    }
    return rest.length == 0;
}

static void take_v4(struct text addresses, struct net_proxy_header *out)
{
    out->client = (struct net_address){.length = sizeof(out->client.v4)};
    out->client.v4.sin_family = AF_INET;
    memcpy(&out->client.v4.sin_addr, addresses.data, 4);
    out->client.v4.sin_port = htons(u16_at(addresses, 8));
}

static void take_v6(struct text addresses, struct net_proxy_header *out)
{
    out->client = (struct net_address){.length = sizeof(out->client.v6)};
    out->client.v6.sin6_family = AF_INET6;
    memcpy(&out->client.v6.sin6_addr, addresses.data, 16);
    out->client.v6.sin6_port = htons(u16_at(addresses, 32));
}

static const struct {
    uint8_t family; /* and transport: a stream, or none told */
    size_t bytes;   /* of both addresses and ports */
    void (*take)(struct text addresses, struct net_proxy_header *out);
} v2_families[] = {
    {0x00, 0, NULL},
    {0x11, 12, take_v4},
    {0x21, 36, take_v6},
    {0x31, 216, NULL},
};

static enum net_proxy_state parse_v2_addresses(uint8_t family, struct text body,
                                               struct net_proxy_header *out)
{
    for (size_t i = 0; i < sizeof(v2_families) / sizeof(v2_families[0]); i++) {
        size_t bytes = v2_families[i].bytes;
        if (v2_families[i].family != family)
            continue;
        if (body.length < bytes)
            return bad("too short for its addresses");
        if (!tlvs_are_whole(text_from_position(body, bytes)))
            return bad("what follows the addresses is malformed");
        if (v2_families[i].take != NULL)
            v2_families[i].take(body, out);
        return NET_PROXY_WHOLE;
    }
    return bad("family or transport not known");
}

static enum net_proxy_state parse_v2(struct text bytes, struct net_proxy_header *out)
{
    enum { VERSION_2_LOCAL = 0x20, VERSION_2_PROXY = 0x21 };
    if (bytes.length < V2_HEAD)
        return incomplete(out, V2_HEAD - bytes.length);
    uint8_t command = (uint8_t)bytes.data[V2_COMMAND];
    uint8_t family = (uint8_t)bytes.data[V2_FAMILY];
    size_t length = u16_at(bytes, V2_LENGTH);
    if (command != VERSION_2_LOCAL && command != VERSION_2_PROXY)
        return bad("version or command not known");
    if (V2_HEAD + length > NET_PROXY_V2_MAX)
        return bad("too long");
    if (bytes.length < V2_HEAD + length)
        return incomplete(out, V2_HEAD + length - bytes.length);
    out->length = V2_HEAD + length;
    out->is_proxys = command == VERSION_2_LOCAL;
    if (out->is_proxys) /* a health check: what follows is to be ignored */
        return NET_PROXY_WHOLE;
    return parse_v2_addresses(family, text_of(bytes.data + V2_HEAD, length), out);
}

enum net_proxy_state net_proxy_parse(struct text bytes, struct net_proxy_header *out)
{
    struct text v1 = TEXT("PROXY "), v2 = text_of(v2_signature, sizeof(v2_signature));
    *out = (struct net_proxy_header){0};
    if (text_starts_with(bytes, v1))
        return parse_v1(bytes, out);
    if (text_starts_with(bytes, v2))
        return parse_v2(bytes, out);
    if (text_starts_with(v1, bytes) || text_starts_with(v2, bytes))
        return incomplete(out, V1_LEAST - bytes.length);
    return bad("there is none");
}

enum status net_proxy_meet(struct stream *stream, int64_t deadline_ms)
{
    struct net_proxy_header header;
    stream_set_deadline(stream, deadline_ms);
    for (;;) {
        switch (net_proxy_parse(stream_buffered(stream), &header)) {
        case NET_PROXY_BAD:
            return REFUSED;
        case NET_PROXY_INCOMPLETE:
            /* Not a byte more: TLS may follow at once, and its handshake reads the socket. */
            if (stream_fill_some(stream, header.missing) != OK)
                return fail_within(TRY_LATER, "PROXY header");
            break;
        case NET_PROXY_WHOLE:
            stream_consume(stream, header.length);
            if (!header.is_proxys)
                stream_set_peer(stream, &header.client);
            return OK;
        }
    }
}
