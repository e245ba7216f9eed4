/* Search filters. Oracle: what parses is within its limits, written out it parses again to the same
 * text, and both say the same of some entries; a filter and its negation never agree. */
#include "base/check.h"
#include "settings/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct entry {
    struct text names[3], values[3];
} entries[] = {
    {{TEXT("department"), TEXT("city"), TEXT("city")},
     {TEXT("Sales"), TEXT("Oslo"), TEXT("Bergen")}},
    {{TEXT("a"), TEXT("b"), TEXT("c")}, {TEXT("10"), TEXT("a*b(c)"), TEXT("\xc3\xa9t\xc3\xa9")}},
    {{TEXT(""), TEXT(""), TEXT("")}, {TEXT(""), TEXT(""), TEXT("")}},
};

static bool look_up(void *context, struct text attribute, unsigned number, struct text *value)
{
    const struct entry *entry = context;
    for (unsigned i = 0; i < 3; i++)
        if (text_equals_nocase(entry->names[i], attribute) && number-- == 0) {
            *value = entry->values[i];
            return true;
        }
    return false;
}

static void compare(const struct query *query, struct text written, struct arena *arena)
{
    struct query *again, *negated;
    struct buffer twice;
    buffer_init(&twice, 8 * QUERY_MAX);
    check(query_parse(written, arena, &again) == OK);
    query_write(again, &twice);
    check(text_equals(buffer_text(&twice), written));
    struct text not = arena_printf(arena, "(!%.*s)", TEXT_ARG(written));
    bool fits = query_parse(not, arena, &negated) == OK;
    for (unsigned i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        bool holds = query_matches(query, look_up, (void *)&entries[i]);
        check(holds == query_matches(again, look_up, (void *)&entries[i]));
        check(!fits || holds != query_matches(negated, look_up, (void *)&entries[i]));
    }
    buffer_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct query *query;
    struct arena arena;
    struct buffer written;
    arena_init(&arena);
    buffer_init(&written, 8 * QUERY_MAX);
    bool good = query_parse(text_of(data, size), &arena, &query) == OK;
    check(arena.used_bytes <= 64 * size + (64 << 10));
    if (good) {
        query_write(query, &written);
        if (written.length <= QUERY_MAX)
            compare(query, buffer_text(&written), &arena);
    }
    buffer_finish(&written);
    arena_finish(&arena);
    return 0;
}
