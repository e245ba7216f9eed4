/* A header section for the responsible address, and for the fields Authentication-Results that are
 * to go. Oracle: an address that is found is found again in a header of nothing else; what is
 * stripped is stripped whole, and nothing is left to strip. */
#include "base/check.h"
#include "mail/auth_results.h"
#include "mail/header.h"
#include "mail/pra.h"

static void find(struct text section, struct arena *arena)
{
    struct mail_pra pra, again;
    if (!mail_pra_find(section, arena, &pra))
        return;
    check(!text_is_empty(pra.domain) && !text_is_empty(pra.address));
    struct text alone =
        arena_printf(arena, "%.*s: %.*s\r\n", TEXT_ARG(pra.field), TEXT_ARG(pra.address));
    check(mail_pra_find(alone, arena, &again));
    check(text_equals(again.address, pra.address) && text_equals(again.domain, pra.domain) &&
          text_equals(again.field, pra.field));
}

static void strip(struct text section)
{
    static const struct text server = TEXT("mx.example");
    struct buffer once, twice;
    buffer_init(&once, section.length);
    buffer_init(&twice, section.length);
    unsigned count = auth_results_strip(section, server, &once);
    check(!once.overflowed && (count > 0) == (once.length < section.length));
    check(auth_results_strip(buffer_text(&once), server, &twice) == 0);
    check(text_equals(buffer_text(&once), buffer_text(&twice)));
    buffer_finish(&once);
    buffer_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    find(text_of(data, size), &arena);
    strip(text_of(data, size));
    arena_finish(&arena);
    return 0;
}
