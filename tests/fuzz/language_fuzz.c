/* Lists of languages. Oracle: what is read is bounded, sorted and of valid tags; written plainly it
 * is read again as the same. */
#include "base/buffer.h"
#include "base/check.h"
#include "mail/language.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_same(const struct language_range *ranges, unsigned count)
{
    struct language_range again[LANGUAGE_LIST_MAX];
    struct buffer written;
    buffer_init(&written, 4096);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(&written, "%s%.*s;q=%u.%03u", i > 0 ? "," : "", TEXT_ARG(ranges[i].tag),
                      ranges[i].weight / 1000, ranges[i].weight % 1000);
    if (written.length <= LANGUAGE_FIELD_MAX) {
        check(language_list_parse(buffer_text(&written), again) == count);
        for (unsigned i = 0; i < count; i++)
            check(again[i].weight == ranges[i].weight && text_equals(again[i].tag, ranges[i].tag));
    }
    buffer_finish(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct language_range ranges[LANGUAGE_LIST_MAX];
    unsigned count = language_list_parse(text_of(data, size), ranges);
    check(count <= LANGUAGE_LIST_MAX);
    for (unsigned i = 0; i < count; i++) {
        struct text tag = ranges[i].tag;
        check(text_equals(tag, TEXT("*")) || language_tag_is_valid(tag));
        check(ranges[i].weight >= 1 && ranges[i].weight <= LANGUAGE_WEIGHT_MAX);
        check(i == 0 || ranges[i - 1].weight >= ranges[i].weight);
        while (language_shorten(&tag))
            check(language_tag_is_valid(tag));
    }
    expect_same(ranges, count);
    return 0;
}
