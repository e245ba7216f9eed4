/* Charsets. The input is a name, and behind a LF the bytes. Oracle: what comes out is UTF-8 and
 * bounded; UTF-8 under its own name stays as it is; and of a charset with one byte for each
 * character, iconv makes the same bytes again. (iso-8859-1 is read as windows-1252.) */
#include <iconv.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/encoding.h"
#include "mail/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const single_bytes[] = {"iso-8859-2",   "iso-8859-5", "iso-8859-7",
                                           "iso-8859-15",  "koi8-r",     "windows-1250",
                                           "windows-1251", "koi8-u",     "windows-1252"};

static bool has_single_bytes(struct text name)
{
    bool found = false;
    for (size_t i = 0; i < sizeof(single_bytes) / sizeof(*single_bytes); i++)
        found |= text_equals_nocase(name, text_from(single_bytes[i]));
    return found;
}

/* What could be no character at all is left out: its place in UTF-8 says so. */
static void expect_back(struct text name, struct text converted, struct text bytes)
{
    char *to = text_to_string(name);
    iconv_t back = iconv_open(to, "UTF-8");
    check(back != (iconv_t)-1);
    char *out = malloc(bytes.length + 1), *in = (char *)(uintptr_t)converted.data, *next = out;
    size_t in_left = converted.length, out_left = bytes.length;
    check(iconv(back, &in, &in_left, &next, &out_left) == 0 && in_left == 0 && out_left == 0);
    check(text_equals(text_of(out, bytes.length), bytes));
    iconv_close(back);
    free(out);
    free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char unknown[] = "\xef\xbf\xbd"; /* U+FFFD */
    struct text all = text_of(data, size);
    struct text name = text_before(all, '\n'), bytes = text_after(all, '\n');
    struct buffer out;
    buffer_init(&out, 8 * size + 64);
    check(charset_to_utf8(name, bytes, NULL, &out));
    struct text converted = buffer_text(&out);
    check(utf8_is_valid(converted));
    if (text_equals_nocase(name, TEXT("utf-8")) && utf8_is_valid(bytes))
        check(text_equals(converted, bytes));
    if (has_single_bytes(name) && bytes.length > 0 &&
        text_find_text(converted, text_from(unknown)) == converted.length)
        expect_back(name, converted, bytes);
    buffer_finish(&out);
    buffer_init(&out, 4);
    charset_to_utf8(name, bytes, NULL, &out);
    check(out.length <= 4);
    buffer_finish(&out);
    return 0;
}
