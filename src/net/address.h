/* Internet addresses: IPv4, IPv6 and Unix sockets, and networks written 192.0.2.0/24. */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"

struct net_address {
    socklen_t length;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
};

struct net_network {
    struct net_address address;
    unsigned prefix_bits;
};

enum { NET_ADDRESS_TEXT_BYTES = 128 };

/* "192.0.2.1", "[2001:db8::1]" or "2001:db8::1"; port in host order. */
bool net_address_parse(struct text host, uint16_t port, struct net_address *out);
/* "192.0.2.1:25", "[::1]:25", "*:25" (all IPv4 and IPv6), "/path". A missing port: default_port,
 * or false when that is 0. */
bool net_address_parse_endpoint(struct text text, uint16_t default_port, struct net_address *out);
/* "192.0.2.0/24", "2001:db8::/32", or a single address. Bits beyond the prefix must be zero. */
bool net_network_parse(struct text text, struct net_network *out);
/* IPv4-mapped IPv6 addresses match IPv4 networks. */
bool net_network_contains(const struct net_network *network, const struct net_address *address);
/* The first that contains the address, or NULL. */
const struct net_network *net_network_find(const struct net_network *networks, unsigned count,
                                           const struct net_address *address);
bool net_address_is_loopback(const struct net_address *address);
/* "*", 0.0.0.0 or ::, in a listener. */
bool net_address_is_any(const struct net_address *address);
/* Same host, whatever the port. */
bool net_address_same_host(const struct net_address *a, const struct net_address *b);
/* IPv4, also when it is written as an IPv6 address. */
bool net_address_is_v4(const struct net_address *address);
uint16_t net_address_port(const struct net_address *address);
/* An address literal's inside as RFC 5321 4.1.3 writes it: "192.0.2.1", "IPv6:2001:db8::1",
 * for Received; "local" for a Unix socket, "unknown" for an address that is not told (all zero).
 * Returns out. */
const char *net_address_literal(const struct net_address *address,
                                char out[NET_ADDRESS_TEXT_BYTES]);
/* "192.0.2.1", "2001:db8::1"; of others as above. Returns out. */
const char *net_address_host(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES]);
/* "192.0.2.1:25" for people and logs. Returns out. */
const char *net_address_text(const struct net_address *address, char out[NET_ADDRESS_TEXT_BYTES]);
/* Its bytes as names in DNS have them, the last first: "1.2.0.192", or 32 digits of an IPv6 address
 * (RFC 5782 2.1, 2.4). False for a Unix socket. */
enum { NET_REVERSED_BYTES = 64, NET_REVERSE_NAME_BYTES = 80 };
bool net_address_reversed(const struct net_address *address, char out[NET_REVERSED_BYTES]);
/* The name its PTR record is below: "1.2.0.192.in-addr.arpa" (RFC 1035 3.5), or of ip6.arpa (RFC
 * 3596 2.5). False for a Unix socket. */
bool net_address_reverse_name(const struct net_address *address, char out[NET_REVERSE_NAME_BYTES]);
/* "192.0.2.0/24". Returns out. */
const char *net_network_text(const struct net_network *network, char out[NET_ADDRESS_TEXT_BYTES]);

#endif
