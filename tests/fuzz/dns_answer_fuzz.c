/* MX data. Oracle: a host that is taken is a clean name, and written to the wire again it is the
 * bytes it was read from (but for case). */
#include <string.h>

#include "base/check.h"
#include "net/dns_answer.h"

static void expect_same_wire(struct text host, struct text wire)
{
    struct text label;
    size_t at = 0;
    while (text_split(&host, '.', &label)) {
        check(at < wire.length && (unsigned char)wire.data[at] == label.length);
        check(text_equals_nocase(text_head(text_from_position(wire, at + 1), label.length), label));
        at += 1 + label.length;
    }
    check(at + 1 == wire.length && wire.data[at] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct resolver_mx mx = {0};
    arena_init(&arena);
    if (dns_mx_parse(text_of(data, size), &arena, &mx) == DNS_MX_HOST) {
        check(mx.preference == (data[0] << 8 | data[1]));
        check(mx.host.length > 0 && mx.host.length <= DNS_NAME_TEXT_MAX);
        for (size_t i = 0; i < mx.host.length; i++)
            check(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.", mx.host.data[i]) != NULL &&
                  mx.host.data[i] != '\0');
        expect_same_wire(mx.host, text_of(data + 2, size - 2));
    }
    arena_finish(&arena);
    return 0;
}
