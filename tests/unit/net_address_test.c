/* Addresses and networks: what is one, how it is written, and what contains what. */
#include <string.h>

#include "net/address.h"
#include "net/url.h"
#include "test.h"

static void expect_endpoint(const char *text, uint16_t port, const char *written)
{
    struct net_address address;
    char out[NET_ADDRESS_TEXT_BYTES];
    EXPECT(net_address_parse_endpoint(text_from(text), port, &address));
    assert_string_equal(net_address_text(&address, out), written);
}

static struct net_address host(const char *text)
{
    struct net_address address;
    EXPECT(net_address_parse(text_from(text), 25, &address));
    return address;
}

static bool contains(const char *network_text, const char *address_text)
{
    struct net_network network;
    EXPECT(net_network_parse(text_from(network_text), &network));
    struct net_address address = host(address_text);
    return net_network_contains(&network, &address);
}

TEST("endpoints are read and written")
{
    expect_endpoint("192.0.2.1:25", 0, "192.0.2.1:25");
    expect_endpoint("192.0.2.1", 53, "192.0.2.1:53");
    expect_endpoint("[2001:DB8:0::1]:465", 0, "[2001:db8::1]:465");
    expect_endpoint("[::1]", 25, "[::1]:25");
    expect_endpoint("2001:db8::1", 53, "[2001:db8::1]:53");
    expect_endpoint("*:25", 0, "*:25");
    expect_endpoint("[::]:25", 0, "*:25");
    expect_endpoint("0.0.0.0:25", 0, "0.0.0.0:25");
    expect_endpoint("/run/mailroot/lmtp", 0, "/run/mailroot/lmtp");
}

TEST("what is no endpoint is refused")
{
    static const char *const bad[] = {
        "",
        "*",
        "192.0.2.1",
        "192.0.2.1:",
        "192.0.2.1:0",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "192.0.2:25",
        "192.0.2.256:25",
        "[192.0.2.1]:25",
        "[::1:25",
        "::1]:25",
        "[]:25",
        ":25",
        "[",
        "]",
        "localhost:25",
        "[::1] :25",
        "192.0.2.1:25x",
        "[::1%lo]:25",
        "01.2.3.4.5:1",
    };
    struct net_address address;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (net_address_parse_endpoint(text_from(bad[i]), 0, &address))
            fail_msg("%s", bad[i]);
    }
    char path[200];
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    EXPECT(!net_address_parse_endpoint(text_of(path, sizeof(path)), 0, &address));
    EXPECT(!net_address_parse_endpoint(TEXT("192.0.2.1\0:25"), 0, &address));
}

TEST("a network contains the addresses that share its prefix")
{
    EXPECT(contains("192.0.2.0/24", "192.0.2.255") && !contains("192.0.2.0/24", "192.0.3.0"));
    EXPECT(contains("192.0.2.128/25", "192.0.2.128") && !contains("192.0.2.128/25", "192.0.2.127"));
    EXPECT(contains("10.0.0.0/7", "11.255.0.1") && !contains("10.0.0.0/7", "12.0.0.0"));
    EXPECT(contains("0.0.0.0/0", "203.0.113.9") && !contains("0.0.0.0/0", "2001:db8::1"));
    EXPECT(contains("192.0.2.1", "192.0.2.1") && !contains("192.0.2.1", "192.0.2.2"));
    EXPECT(contains("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT(!contains("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT(contains("::/0", "2001:db8::1") && !contains("::/0", "192.0.2.1"));
}

TEST("an IPv4-mapped address is the IPv4 address")
{
    EXPECT(contains("192.0.2.0/24", "::ffff:192.0.2.7"));
    EXPECT(contains("::ffff:192.0.2.0/120", "192.0.2.7"));
    EXPECT(!contains("::/0", "::ffff:192.0.2.7"));
    struct net_address mapped = host("::ffff:127.0.0.1"), plain = host("127.0.0.1");
    EXPECT(net_address_same_host(&mapped, &plain) && net_address_is_loopback(&mapped));
    char out[NET_ADDRESS_TEXT_BYTES];
    assert_string_equal(net_address_literal(&mapped, out), "127.0.0.1");
}

TEST("what is no network is refused")
{
    static const char *const bad[] = {"",
                                      "192.0.2.0/",
                                      "192.0.2.0/33",
                                      "192.0.2.1/24",
                                      "2001:db8::/129",
                                      "2001:db8::1/64",
                                      "/24",
                                      "192.0.2.0/ 8",
                                      "192.0.2.0/24/24",
                                      "::ffff:0.0.0.0/95",
                                      "10/8"};
    struct net_network network;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (net_network_parse(text_from(bad[i]), &network))
            fail_msg("%s", bad[i]);
    }
}

TEST("literals are written as Received fields have them")
{
    struct net_address address = host("2001:db8::1");
    char out[NET_ADDRESS_TEXT_BYTES];
    assert_string_equal(net_address_literal(&address, out), "IPv6:2001:db8::1");
    address = host("192.0.2.1");
    assert_string_equal(net_address_literal(&address, out), "192.0.2.1");
    EXPECT(net_address_port(&address) == 25 && !net_address_is_any(&address));
    EXPECT(net_address_parse_endpoint(TEXT("/run/x"), 0, &address));
    assert_string_equal(net_address_literal(&address, out), "local");
    EXPECT(net_address_is_loopback(&address));
    address = (struct net_address){.length = sizeof(sa_family_t)};
    address.any.sa_family = AF_UNIX;
    assert_string_equal(net_address_text(&address, out), "local");
}

TEST("hosts are compared without their ports")
{
    struct net_address a = host("192.0.2.1"), b = host("192.0.2.1"), c = host("192.0.2.2");
    b.v4.sin_port = 0;
    EXPECT(net_address_same_host(&a, &b) && !net_address_same_host(&a, &c));
    struct net_address six = host("::1");
    EXPECT(!net_address_same_host(&a, &six) && net_address_same_host(&six, &six));
    EXPECT(net_address_is_loopback(&six));
}

TEST("the name below which an address resolves back is read from its end")
{
    char name[NET_REVERSE_NAME_BYTES];
    struct net_address address;
    EXPECT(net_address_parse(TEXT("192.0.2.10"), 25, &address));
    EXPECT(net_address_reverse_name(&address, name));
    EXPECT_TEXT(text_from(name), "10.2.0.192.in-addr.arpa");
    EXPECT(net_address_parse(TEXT("::ffff:192.0.2.10"), 25, &address));
    EXPECT(net_address_reverse_name(&address, name));
    EXPECT_TEXT(text_from(name), "10.2.0.192.in-addr.arpa");
    EXPECT(net_address_parse(TEXT("2001:db8::12"), 25, &address));
    EXPECT(net_address_reverse_name(&address, name));
    EXPECT_TEXT(text_from(name),
                "2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
    address.any.sa_family = AF_UNIX;
    EXPECT(!net_address_reverse_name(&address, name));
}

TEST("below a block list's zone an address stands with its end first")
{
    char reversed[NET_REVERSED_BYTES];
    struct net_address address = host("192.0.2.10");
    EXPECT(net_address_reversed(&address, reversed));
    EXPECT_TEXT(text_from(reversed), "10.2.0.192");
    address = host("2001:db8::12");
    EXPECT(net_address_reversed(&address, reversed));
    EXPECT_TEXT(text_from(reversed),
                "2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2");
    address.any.sa_family = AF_UNIX;
    EXPECT(!net_address_reversed(&address, reversed));
}

TEST("addresses of web pages are taken apart, and others refused")
{
    struct https_url url;
    EXPECT(https_url_parse(TEXT("https://id.example.org"), &url));
    EXPECT_TEXT(url.host, "id.example.org");
    EXPECT(url.port == 443);
    EXPECT_TEXT(url.path, "/");
    EXPECT(https_url_parse(TEXT("HTTPS://id.test:8443/a/b?c=d"), &url) && url.port == 8443);
    EXPECT_TEXT(url.path, "/a/b?c=d");
    static const char *const wrong[] = {"http://id.test/",
                                        "https://",
                                        "https:///x",
                                        "https://a:b@id.test",
                                        "https://id.test:0",
                                        "https://id.test:",
                                        "https://id.test:99999",
                                        "https://id test/",
                                        "https://id.test/a#b",
                                        "https://-x/",
                                        "https://id.test/\x01"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        EXPECT(!https_url_parse(text_from(wrong[i]), &url));
}
