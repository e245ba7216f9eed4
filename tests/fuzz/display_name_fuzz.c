/* The author of a header section. Oracle: his field stands in it, and one written anew with his
 * name is read as of the same address. */
#include <string.h>

#include "base/check.h"
#include "mail/display_name.h"

static bool is_clean(struct text name)
{
    for (size_t i = 0; i < name.length; i++)
        if ((unsigned char)name.data[i] < ' ' || name.data[i] == 127)
            return false;
    return name.length > 0 && name.length < 500;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text section = text_of(data, size);
    struct display_name author, again;
    struct buffer out;
    struct arena arena;
    arena_init(&arena);
    buffer_init(&out, 16 << 10);
    if (display_name_find(section, &arena, &author)) {
        struct text whole = author.field.whole;
        check(whole.data >= section.data && whole.data + whole.length <= section.data + size);
        check(author.address.domain_ascii.length > 0);
        if (is_clean(author.name)) {
            display_name_write(author.name, &author.address, &out);
            check(!out.overflowed && display_name_find(buffer_text(&out), &arena, &again));
            check(text_equals(mail_address_key(&again.address, &arena),
                              mail_address_key(&author.address, &arena)));
        }
    }
    buffer_finish(&out);
    arena_finish(&arena);
    return 0;
}
