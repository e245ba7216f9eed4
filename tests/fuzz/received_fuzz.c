/* Received fields. Oracle: what is found is an Internet address that stands in the field, and how
 * the field is folded does not matter. */
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "mail/header.h"
#include "mail/received.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text body = text_of(data, size);
    struct net_address address, unfolded;
    struct arena arena;
    arena_init(&arena);
    bool found = received_from_address(body, &address);
    check(found == received_from_address(header_unfold(body, &arena), &unfolded));
    if (found) {
        check(address.any.sa_family == AF_INET || address.any.sa_family == AF_INET6);
        check(net_address_port(&address) == 0);
        check(address.length == unfolded.length && net_address_same_host(&address, &unfolded));
        check(text_find(body, '(') < body.length);
    }
    arena_finish(&arena);
    return 0;
}
