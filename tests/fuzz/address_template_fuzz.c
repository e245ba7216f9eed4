/* Templates of addresses: the first line is the template, those behind it the names. Oracle: what
 * passes the check expands to nothing or to a local part that makes an address as it stands; what
 * does not pass expands harmlessly. */
#include "base/check.h"
#include "mail/address.h"
#include "settings/address_template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text rest = text_of(data, size), lines[6] = {TEXT("")};
    struct mail_address address;
    struct arena arena;
    for (unsigned i = 0; i < 6; i++)
        text_split(&rest, '\n', &lines[i]);
    struct address_parts parts = {lines[1], lines[2], lines[3], lines[4], lines[5]};
    arena_init(&arena);
    struct text local = address_template_expand(lines[0], &parts, &arena);
    if (local.length > 0) {
        struct text whole = arena_printf(&arena, "%.*s9999@example.org", TEXT_ARG(local));
        check(mail_address_parse(whole, &arena, &address) == OK);
        check(text_equals(mail_address_text(&address, &arena), whole));
    }
    if (address_template_check(lines[0]) == OK)
        check(address_template_domain(lines[0]).length < lines[0].length);
    arena_finish(&arena);
    return 0;
}
