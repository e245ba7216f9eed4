/* The arguments of XCLIENT. Oracle: what is accepted is safe in a header and in a log line, and an
 * address is an Internet address. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "proto/smtp/server/smtp_xclient.h"

static void check_safe(struct text value)
{
    check(value.length <= SMTP_XCLIENT_VALUE_MAX);
    for (size_t i = 0; i < value.length; i++)
        check(value.data[i] > 32 && value.data[i] < 127);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_xclient told;
    struct arena arena;
    arena_init(&arena);
    if (smtp_xclient_parse(text_of(data, size), &arena, &told)) {
        check(told.given != 0);
        check_safe(told.name);
        check_safe(told.helo);
        check_safe(told.login);
        check(!told.has_address || told.address.any.sa_family == AF_INET ||
              told.address.any.sa_family == AF_INET6);
        check(!told.has_address || net_address_port(&told.address) == told.port);
    }
    arena_finish(&arena);
    return 0;
}
