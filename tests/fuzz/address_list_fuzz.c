/* Address lists: the end is reached, each entry takes something off, and gives no more than that.
 */
#include "base/check.h"
#include "mail/address_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct text rest = text_of(data, size);
    struct mail_entry entry;
    arena_init(&arena);
    while (true) {
        size_t before = rest.length;
        if (!mail_entry_next(&rest, &arena, &entry))
            break;
        size_t taken = before - rest.length;
        check(taken > 0);
        check(entry.name.length <= taken && entry.route.length <= taken);
        check(entry.local_part.length + entry.domain.length <= taken);
    }
    check(rest.length == 0);
    arena_finish(&arena);
    return 0;
}
