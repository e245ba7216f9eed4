/* Addresses and networks that are read are written so that they read back as the same. */
#include <string.h>

#include "base/check.h"
#include "net/address.h"

static void check_endpoint(struct text text)
{
    struct net_address address, again;
    char out[NET_ADDRESS_TEXT_BYTES], second[NET_ADDRESS_TEXT_BYTES];
    if (!net_address_parse_endpoint(text, 25, &address))
        return;
    net_address_text(&address, out);
    check(net_address_parse_endpoint(text_from(out), 0, &again));
    check(strcmp(net_address_text(&again, second), out) == 0);
    check(net_address_same_host(&address, &again));
    check(net_address_port(&address) == net_address_port(&again));
    check(net_address_is_loopback(&address) == net_address_is_loopback(&again));
    check(net_address_is_any(&address) == net_address_is_any(&again));
}

static void check_network(struct text text)
{
    struct net_network network, again;
    char out[NET_ADDRESS_TEXT_BYTES], second[NET_ADDRESS_TEXT_BYTES];
    if (!net_network_parse(text, &network))
        return;
    check(net_network_contains(&network, &network.address));
    net_network_text(&network, out);
    check(net_network_parse(text_from(out), &again));
    check(strcmp(net_network_text(&again, second), out) == 0);
    check(again.prefix_bits == network.prefix_bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text text = text_of(data, size);
    struct net_address address;
    char out[NET_ADDRESS_TEXT_BYTES];
    check_endpoint(text);
    check_network(text);
    if (net_address_parse(text, 0, &address))
        check(strlen(net_address_literal(&address, out)) > 0);
    return 0;
}
