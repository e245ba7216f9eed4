/* Internet addresses to text and back. Everything that compares hosts first takes IPv4-mapped
 * IPv6 addresses (what a dual-stack listener reports) for the IPv4 addresses they stand for. */
#include "net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

/* An address without port and family: 4 or 16 bytes to compare. 0: not on a network. */
struct host_bytes {
    const uint8_t *bytes;
    unsigned length;
};

static struct host_bytes host_bytes_of(const struct net_address *address)
{
    if (address->any.sa_family == AF_INET)
        return (struct host_bytes){(const uint8_t *)&address->v4.sin_addr, 4};
    if (address->any.sa_family != AF_INET6)
        return (struct host_bytes){NULL, 0};
    const uint8_t *bytes = address->v6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return (struct host_bytes){bytes + 12, 4};
    return (struct host_bytes){bytes, 16};
}

static struct net_address address_v4(struct in_addr host, uint16_t port)
{
    struct net_address out = {.length = sizeof(out.v4)};
    out.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};
    return out;
}

static struct net_address address_v6(const struct in6_addr *host, uint16_t port)
{
    struct net_address out = {.length = sizeof(out.v6)};
    out.v6 = (struct sockaddr_in6){
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *host};
    return out;
}

bool net_address_parse(struct text host, uint16_t port, struct net_address *out)
{
    char string[INET6_ADDRSTRLEN];
    bool bracketed = host.length >= 2 && host.data[0] == '[' && host.data[host.length - 1] == ']';
    if (bracketed)
        host = text_of(host.data + 1, host.length - 2);
    /* inet_pton would stop at a NUL and accept what stands before it. */
    if (text_find(host, '\0') != host.length || !text_copy(host, string, sizeof(string)))
        return false;
    struct in_addr v4;
    struct in6_addr v6;
    if (!bracketed && inet_pton(AF_INET, string, &v4) == 1)
        *out = address_v4(v4, port);
    else if (inet_pton(AF_INET6, string, &v6) == 1)
        *out = address_v6(&v6, port);
    else
        return false;
    return true;
}

static bool parse_local(struct text path, struct net_address *out)
{
    *out = (struct net_address){.length = sizeof(out->local)};
    out->local.sun_family = AF_UNIX;
    return text_find(path, '\0') == path.length &&
           text_copy(path, out->local.sun_path, sizeof(out->local.sun_path));
}

bool net_address_parse_endpoint(struct text text, uint16_t default_port, struct net_address *out)
{
    if (text_starts_with(text, TEXT("/")))
        return parse_local(text, out);

    struct text host = text;
    uint32_t port = default_port;
    size_t colon = text_find_last(text, ':');
    bool bracketed = text_starts_with(text, TEXT("["));
    bool has_port = colon < text.length &&
                    (bracketed ? text.data[colon - 1] == ']' : text_find(text, ':') == colon);
    if (has_port) {
        host = text_head(text, colon);
        if (!text_to_u32(text_from_position(text, colon + 1), &port))
            return false;
    }
    if (port == 0 || port > UINT16_MAX)
        return false;
    if (text_equals(host, TEXT("*"))) {
        *out = address_v6(&in6addr_any, (uint16_t)port);
        return true;
    }
    return net_address_parse(host, (uint16_t)port, out);
}

/* Every bit from `first` to the end is zero. */
static bool bits_are_zero(const uint8_t *bytes, unsigned length, unsigned first)
{
    for (unsigned bit = first; bit < length * 8; bit++) {
        if (bytes[bit / 8] & (0x80u >> bit % 8))
            return false;
    }
    return true;
}

bool net_network_parse(struct text text, struct net_network *out)
{
    size_t slash = text_find(text, '/');
    if (!net_address_parse(text_head(text, slash), 0, &out->address))
        return false;
    struct host_bytes host = host_bytes_of(&out->address);
    bool mapped = out->address.any.sa_family == AF_INET6 && host.length == 4;
    unsigned total = mapped ? 128 : host.length * 8;
    uint32_t prefix = total;
    if (slash < text.length && !text_to_u32(text_from_position(text, slash + 1), &prefix))
        return false;
    if (prefix > total)
        return false;
    if (mapped) {
        /* Within ::ffff:0:0/96 an IPv4 network is meant; a shorter prefix has bits behind it. */
        if (prefix < 96)
            return false;
        prefix -= 96;
        struct in_addr v4;
        memcpy(&v4, host.bytes, sizeof(v4));
        out->address = address_v4(v4, 0);
        host = host_bytes_of(&out->address);
    }
    out->prefix_bits = prefix;
    return bits_are_zero(host.bytes, host.length, prefix);
}

bool net_network_contains(const struct net_network *network, const struct net_address *address)
{
    struct host_bytes base = host_bytes_of(&network->address);
    struct host_bytes host = host_bytes_of(address);
    if (host.length == 0 || host.length != base.length)
        return false;
    unsigned whole = network->prefix_bits / 8;
    unsigned left = network->prefix_bits % 8;
    if (memcmp(base.bytes, host.bytes, whole) != 0)
        return false;
    return left == 0 || (base.bytes[whole] ^ host.bytes[whole]) >> (8 - left) == 0;
}

const struct net_network *net_network_find(const struct net_network *networks, unsigned count,
                                           const struct net_address *address)
{
    for (unsigned i = 0; i < count; i++)
        if (net_network_contains(&networks[i], address))
            return &networks[i];
    return NULL;
}

bool net_address_is_loopback(const struct net_address *address)
{
    struct host_bytes host = host_bytes_of(address);
    if (host.length == 4)
        return host.bytes[0] == 127;
    if (host.length == 16)
        return IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
    return address->any.sa_family == AF_UNIX;
}

bool net_address_is_any(const struct net_address *address)
{
    struct host_bytes host = host_bytes_of(address);
    return host.length > 0 && bits_are_zero(host.bytes, host.length, 0);
}

bool net_address_same_host(const struct net_address *a, const struct net_address *b)
{
    if (a->any.sa_family == AF_UNIX || b->any.sa_family == AF_UNIX)
        return a->any.sa_family == b->any.sa_family;
    struct host_bytes left = host_bytes_of(a), right = host_bytes_of(b);
    return left.length == right.length && left.length > 0 &&
           memcmp(left.bytes, right.bytes, left.length) == 0;
}

bool net_address_is_v4(const struct net_address *address)
{
    return host_bytes_of(address).length == 4;
}

uint16_t net_address_port(const struct net_address *address)
{
    if (address->any.sa_family == AF_INET)
        return ntohs(address->v4.sin_port);
    return address->any.sa_family == AF_INET6 ? ntohs(address->v6.sin6_port) : 0;
}

/* The host alone, as people write it: an IPv4-mapped address as IPv4. */
static void host_text(const struct net_address *address, char out[INET6_ADDRSTRLEN])
{
    struct host_bytes host = host_bytes_of(address);
    int family = host.length == 4 ? AF_INET : AF_INET6;
    check(host.length > 0 && inet_ntop(family, host.bytes, out, INET6_ADDRSTRLEN) != NULL);
}

static const char *no_host(const struct net_address *address)
{
    return address->any.sa_family == AF_UNIX ? "local" : "unknown";
}

const char *net_address_host(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES])
{
    char string[INET6_ADDRSTRLEN];
    bool is_host = host_bytes_of(address).length > 0;
    if (is_host)
        host_text(address, string);
    snprintf(out, NET_ADDRESS_TEXT_BYTES, "%s", is_host ? string : no_host(address));
    return out;
}

const char *net_address_literal(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES])
{
    char host[NET_ADDRESS_TEXT_BYTES];
    bool is_six = host_bytes_of(address).length == 16;
    net_address_host(address, host);
    snprintf(out, NET_ADDRESS_TEXT_BYTES, "%s%.100s", is_six ? "IPv6:" : "", host);
    return out;
}

const char *net_address_text(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES])
{
    struct host_bytes host = host_bytes_of(address);
    if (host.length == 0) {
        bool named = address->any.sa_family == AF_UNIX && address->local.sun_path[0] == '/';
        snprintf(out, NET_ADDRESS_TEXT_BYTES, "%.*s", (int)sizeof(address->local.sun_path),
                 named ? address->local.sun_path : no_host(address));
        return out;
    }
    char string[INET6_ADDRSTRLEN];
    host_text(address, string);
    if (host.length == 16 && net_address_is_any(address))
        snprintf(out, NET_ADDRESS_TEXT_BYTES, "*:%u", net_address_port(address));
    else
        snprintf(out, NET_ADDRESS_TEXT_BYTES, host.length == 4 ? "%s:%u" : "[%s]:%u", string,
                 net_address_port(address));
    return out;
}

const char *net_network_text(const struct net_network *network, char out[NET_ADDRESS_TEXT_BYTES])
{
    char string[INET6_ADDRSTRLEN];
    host_text(&network->address, string);
    snprintf(out, NET_ADDRESS_TEXT_BYTES, "%s/%u", string, network->prefix_bits);
    return out;
}

bool net_address_reversed(const struct net_address *address, char out[NET_REVERSED_BYTES])
{
    struct host_bytes host = host_bytes_of(address);
    size_t at = 0;
    for (unsigned i = host.length; i > 0; i--) {
        unsigned byte = host.bytes[i - 1];
        const char *dot = i > 1 ? "." : "";
        if (host.length == 4)
            at += (size_t)snprintf(out + at, NET_REVERSED_BYTES - at, "%u%s", byte, dot);
        else
            at += (size_t)snprintf(out + at, NET_REVERSED_BYTES - at, "%x.%x%s", byte & 15,
                                   byte >> 4, dot);
    }
    return host.length > 0;
}

bool net_address_reverse_name(const struct net_address *address, char out[NET_REVERSE_NAME_BYTES])
{
    char reversed[NET_REVERSED_BYTES];
    if (!net_address_reversed(address, reversed))
        return false;
    snprintf(out, NET_REVERSE_NAME_BYTES, "%s.%s", reversed,
             net_address_is_v4(address) ? "in-addr.arpa" : "ip6.arpa");
    return true;
}
