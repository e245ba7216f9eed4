/* The start of a connection from a front proxy. Oracle: a whole header is within its bounds, is the
 * same whatever follows it, and no shorter start of it is whole or bad; an Internet client has an
 * address that can be written. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "net/proxy.h"

static void check_prefixes(struct text header)
{
    struct net_proxy_header part;
    for (size_t length = 0; length < header.length; length++) {
        check(net_proxy_parse(text_head(header, length), &part) == NET_PROXY_INCOMPLETE);
        check(part.missing > 0 && length + part.missing <= header.length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct net_proxy_header header, again;
    char text[NET_ADDRESS_TEXT_BYTES];
    if (size > 2 * NET_PROXY_V2_MAX ||
        net_proxy_parse(text_of(data, size), &header) != NET_PROXY_WHOLE)
        return 0;
    check(header.length > 0 && header.length <= size && header.length <= NET_PROXY_V2_MAX);
    check(net_proxy_parse(text_of(data, header.length), &again) == NET_PROXY_WHOLE);
    check(again.length == header.length && again.is_proxys == header.is_proxys);
    check(memcmp(&again.client, &header.client, sizeof(header.client)) == 0);
    net_address_text(&header.client, text);
    check_prefixes(text_of(data, header.length));
    return 0;
}
