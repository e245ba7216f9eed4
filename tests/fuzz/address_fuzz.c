/* Addresses: what is parsed prints as a text that parses back to the same, and is its own
 * canonical form; a path is an address in brackets. */
#include "base/check.h"
#include "mail/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct mail_address *a, const struct mail_address *b)
{
    check(text_equals(a->local_part, b->local_part));
    check(text_equals(a->domain, b->domain));
    check(text_equals(a->domain_ascii, b->domain_ascii));
    check(a->is_literal == b->is_literal && a->is_international == b->is_international);
}

static void expect_canonical(const struct mail_address *address, struct arena *arena)
{
    struct mail_address again;
    bool is_null;
    struct text printed = mail_address_text(address, arena);
    check(printed.length <= MAIL_ADDRESS_MAX);
    for (size_t i = 0; i < printed.length; i++)
        check((unsigned char)printed.data[i] >= 32 && printed.data[i] != 127);
    struct text path = arena_printf(arena, "<%.*s>rest", TEXT_ARG(printed));
    check(mail_path_parse(&path, arena, &again, &is_null) == OK && !is_null);
    check(text_equals(path, TEXT("rest")));
    expect_same(address, &again);
    if (address->domain.length == 0)
        return;
    check(mail_address_parse(printed, arena, &again) == OK);
    expect_same(address, &again);
    struct text key = mail_address_key(address, arena), ascii;
    check(key.length <= MAIL_ADDRESS_MAX);
    if (address->is_literal)
        return;
    check(mail_domain_to_ascii(address->domain, arena, &ascii));
    check(text_equals(ascii, address->domain_ascii));
    check(mail_domain_to_ascii(ascii, arena, &ascii));
    check(text_equals(ascii, address->domain_ascii));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    struct text input = text_of(data, size), rest = input;
    struct mail_address address;
    bool is_null;
    if (mail_address_parse(input, &arena, &address) == OK)
        expect_canonical(&address, &arena);
    if (mail_path_parse(&rest, &arena, &address, &is_null) == OK) {
        check(rest.length < input.length);
        check(input.data[input.length - rest.length - 1] == '>');
        check(is_null == (address.local_part.length == 0));
        if (!is_null)
            expect_canonical(&address, &arena);
    } else {
        check(rest.length == input.length);
    }
    arena_finish(&arena);
    return 0;
}
