/* The PROXY protocol as the accepting side: headers whole, in pieces, and bad. */
#include "net/proxy.h"

#include <string.h>

#include "test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2(bytes) TEXT(SIGNATURE bytes)

static const struct {
    struct text header;
    const char *client; /* "": the proxy's own */
} good[] = {
    {TEXT("PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n"), "192.0.2.7:4711"},
    {TEXT("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"), "255.255.255.255:65535"},
    {TEXT("PROXY TCP6 2001:db8::7 2001:db8::1 0 25\r\n"), "[2001:db8::7]:0"},
    {TEXT("PROXY UNKNOWN\r\n"), "unknown"},
    {TEXT("PROXY UNKNOWN ffff:f...f:ffff whatever 65535\r\n"), "unknown"},
    {V2("\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x19"), "192.0.2.7:4711"},
    {V2("\x21\x11\0\x11\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x19\x04\0\x02\0\0"),
     "192.0.2.7:4711"},
    {V2("\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0"
        "\0\0\0\x01\x12\x67\0\x19"),
     "[2001:db8::7]:4711"},
    {V2("\x21\0\0\0"), "unknown"},
    {V2("\x21\0\0\x03\x04\0\0"), "unknown"},
    {V2("\x20\0\0\0"), ""},
    {V2("\x20\x11\0\x02hm"), ""},
};

static const struct text bad[] = {
    TEXT("EHLO client.test\r\n"),
    TEXT("\x16\x03\x01"),
    TEXT("PROXY\r\n"),
    TEXT("PROXY  TCP4 192.0.2.7 192.0.2.1 1 2\r\n"),
    TEXT("PROXY TCP4 192.0.2.7  192.0.2.1 1 2\r\n"),
    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 \r\n"),
    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n"),
    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n"),
    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n"),
    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 01 2\r\n"),
    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 65536 2\r\n"),
    TEXT("PROXY TCP4 192.0.2.7 192.0.2.1 -1 2\r\n"),
    TEXT("PROXY TCP4 192.0.2.07 192.0.2.1 1 2\r\n"),
    TEXT("PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n"),
    TEXT("PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n"),
    TEXT("PROXY TCP6 [2001:db8::7] 2001:db8::1 1 2\r\n"),
    TEXT("PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n"),
    TEXT("PROXY tcp4 192.0.2.7 192.0.2.1 1 2\r\n"),
    V2("\x11\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x19"), /* version 1 in binary */
    V2("\x22\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x19"), /* command 2 */
    V2("\x21\x12\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x19"), /* datagrams */
    V2("\x21\x11\0\x0b\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0"),
    V2("\x21\x11\0\x0e\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x19\0\0"), /* half a TLV */
    V2("\x21\x11\0\x0f\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\0\x19\x04\0\x01"),
    V2("\x21\x11\xff\xff"),
};

/* shows: S47 */
TEST("a header is whole at its last byte and not before, and names the client")
{
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct net_proxy_header header;
        char text[NET_ADDRESS_TEXT_BYTES], bytes[512];
        for (size_t length = 0; length < good[i].header.length; length++) {
            EXPECT(net_proxy_parse(text_head(good[i].header, length), &header) ==
                   NET_PROXY_INCOMPLETE);
            EXPECT(header.missing > 0 && length + header.missing <= good[i].header.length);
        }
        memcpy(bytes, good[i].header.data, good[i].header.length);
        memcpy(bytes + good[i].header.length, "QUIT\r\n", 6);
        EXPECT(net_proxy_parse(text_of(bytes, good[i].header.length + 6), &header) ==
               NET_PROXY_WHOLE);
        EXPECT(header.length == good[i].header.length);
        EXPECT(header.is_proxys == (good[i].client[0] == '\0'));
        if (!header.is_proxys)
            assert_string_equal(net_address_text(&header.client, text), good[i].client);
    }
}

TEST("what is no header, or not to the letter, is refused")
{
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct net_proxy_header header;
        if (net_proxy_parse(bad[i], &header) != NET_PROXY_BAD)
            print_error("row %zu\n", i);
        EXPECT(net_proxy_parse(bad[i], &header) == NET_PROXY_BAD);
    }
}

TEST("a line without an end is refused at its longest, before memory is spent on it")
{
    char line[NET_PROXY_V1_MAX];
    struct net_proxy_header header;
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    EXPECT(net_proxy_parse(text_of(line, sizeof(line) - 1), &header) == NET_PROXY_INCOMPLETE);
    EXPECT(net_proxy_parse(text_of(line, sizeof(line)), &header) == NET_PROXY_BAD);
}
