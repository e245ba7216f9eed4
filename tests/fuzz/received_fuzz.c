/* Received fields. Oracle: what is found is an Internet address that stands in the field, and how
 * the field is folded does not matter. */
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "mail/header.h"
#include "mail/received.h"

/* As header_next takes fields: each further line begins with a blank. */
static bool is_field_body(struct text body)
{
    for (size_t i = 0; i + 1 < body.length; i++)
        if (body.data[i] == '\n' && body.data[i + 1] != ' ' && body.data[i + 1] != '\t')
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text body = text_of(data, size);
    struct net_address address, unfolded;
    struct arena arena;
    arena_init(&arena);
    bool found = received_from_address(body, &address);
    if (is_field_body(body)) {
        check(found == received_from_address(header_unfold(body, &arena), &unfolded));
        check(!found || net_address_same_host(&address, &unfolded));
    }
    if (found) {
        check(address.any.sa_family == AF_INET || address.any.sa_family == AF_INET6);
        check(net_address_port(&address) == 0);
        check(text_find(body, '(') < body.length);
    }
    arena_finish(&arena);
    return 0;
}
