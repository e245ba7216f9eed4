/* TLSA and TXT data out of DNS answers. Oracle: a record that is taken is the bytes it came from,
 * and one that is called usable has the length its matching type has. */
#include <string.h>

#include "base/check.h"
#include "net/dns_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct tls_tlsa record;
    struct text joined;
    arena_init(&arena);
    if (dns_tlsa_parse(text_of(data, size), &arena, &record)) {
        check(record.usage == data[0] && record.selector == data[1] && record.matching == data[2]);
        check(record.data.length == size - 3 &&
              memcmp(record.data.data, data + 3, record.data.length) == 0);
        if (tls_tlsa_is_usable(&record)) {
            check(record.usage == 2 || record.usage == 3);
            check(record.matching != 1 || record.data.length == 32);
            check(record.matching != 2 || record.data.length == 64);
        }
    }
    if (dns_txt_parse(text_of(data, size), &arena, &joined)) {
        /* As many bytes as the strings say, each preceded by its length. */
        size_t at = 0, total = 0;
        while (at < size) {
            total += data[at];
            at += 1U + data[at];
        }
        check(at == size && joined.length == total);
    }
    arena_finish(&arena);
    return 0;
}
