#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/encoding.h"
#include "base/id.h"
#include "base/map.h"
#include "base/random.h"
#include "base/status.h"
#include "base/wire.h"
#include "test.h"

TEST("a buffer refuses to grow past its limit and says so")
{
    struct buffer buffer;
    buffer_init(&buffer, 4);
    EXPECT(buffer_append(&buffer, TEXT("four")));
    EXPECT(!buffer_append_byte(&buffer, '!'));
    EXPECT(buffer.overflowed);
    EXPECT_TEXT(buffer_text(&buffer), "four");
    buffer_finish(&buffer);
}

TEST("splitting keeps empty parts in the middle")
{
    struct text rest = TEXT("a,,b"), part;
    EXPECT(text_split(&rest, ',', &part));
    EXPECT_TEXT(part, "a");
    EXPECT(text_split(&rest, ',', &part));
    EXPECT_TEXT(part, "");
    EXPECT(text_split(&rest, ',', &part));
    EXPECT_TEXT(part, "b");
    EXPECT(!text_split(&rest, ',', &part));
}

TEST("comparing without case looks at the bytes behind a NUL")
{
    EXPECT(text_equals_nocase(text_of("A\0b", 3), text_of("a\0B", 3)));
    EXPECT(!text_equals_nocase(text_of("a\0b", 3), text_of("a\0c", 3)));
    EXPECT(!text_equals_nocase(TEXT("[x]"), TEXT("{x}")));
}

TEST("what lies behind the end of a text is its empty end")
{
    struct text text = TEXT("abc");
    EXPECT(text_from_position(text, 9).data == text.data + 3);
    EXPECT(text_from_position(text, 9).length == 0);
}

TEST("a number that overflows is no number")
{
    uint64_t wide;
    uint32_t narrow;
    EXPECT(text_to_u64(TEXT("18446744073709551615"), &wide) && wide == UINT64_MAX);
    EXPECT(!text_to_u64(TEXT("18446744073709551616"), &wide));
    EXPECT(!text_to_u32(TEXT("4294967296"), &narrow));
    EXPECT(!text_to_u32(TEXT(""), &narrow) && !text_to_u32(TEXT("-1"), &narrow));
}

/* Of 1 to 17 bytes: a map keeps short ones and long ones in different places. */
static struct text map_key(uint32_t number, char bytes[17])
{
    memset(bytes, 'k', 17);
    bytes[0] = (char)number;
    return text_of(bytes, 1 + number % 17);
}

TEST("choices are spread over all there is to choose from")
{
    unsigned met[5] = {0};
    for (int i = 0; i < 5000; i++) {
        uint32_t choice = random_below(5);
        EXPECT(choice < 5);
        met[choice]++;
    }
    /* Each a thousand times, give or take ten standard deviations. */
    for (int i = 0; i < 5; i++)
        EXPECT(met[i] > 700 && met[i] < 1300);
}

TEST("a map agrees with a plain array through random puts and removes")
{
    char bytes[17];
    random_seed_for_test(7);
    struct map *map = map_new();
    static char values[64];
    const void *model[64] = {0};
    for (int step = 0; step < 20000; step++) {
        uint32_t key = random_below(64);
        if (random_below(2) == 0) {
            map_put(map, map_key(key, bytes), &values[key]);
            model[key] = &values[key];
        } else {
            EXPECT(map_remove(map, map_key(key, bytes)) == model[key]);
            model[key] = NULL;
        }
        uint32_t probe = random_below(64);
        EXPECT(map_get(map, map_key(probe, bytes)) == model[probe]);
    }
    map_free(&map);
}

TEST("base64 decodes what it encodes, and nothing malformed")
{
    struct buffer encoded, decoded;
    buffer_init(&encoded, 100);
    buffer_init(&decoded, 100);
    EXPECT(base64_encode(TEXT("any carnal pleas"), &encoded));
    EXPECT_TEXT(buffer_text(&encoded), "YW55IGNhcm5hbCBwbGVhcw==");
    EXPECT(base64_decode(buffer_text(&encoded), &decoded));
    EXPECT_TEXT(buffer_text(&decoded), "any carnal pleas");
    EXPECT(!base64_decode(TEXT("YQ="), &decoded));
    EXPECT(!base64_decode(TEXT("Y==="), &decoded));
    EXPECT(!base64_decode(TEXT("YQ==YQ=="), &decoded));
    EXPECT(!base64_decode(TEXT("YR=="), &decoded)); /* unused bits set */
    buffer_finish(&encoded);
    buffer_finish(&decoded);
}

TEST("xtext is decoded strictly")
{
    struct buffer out;
    buffer_init(&out, 100);
    EXPECT(xtext_encode(TEXT("a+b=c"), &out));
    EXPECT_TEXT(buffer_text(&out), "a+2Bb+3Dc");
    EXPECT(!xtext_decode(TEXT("a+2b"), &out));
    EXPECT(!xtext_decode(TEXT("a="), &out));
    buffer_finish(&out);
}

TEST("overlong, surrogate and truncated UTF-8 is refused")
{
    EXPECT(utf8_is_valid(TEXT("gr\xc3\xbc\xc3\x9f")));
    EXPECT(!utf8_is_valid(TEXT("\xc0\x80")));
    EXPECT(!utf8_is_valid(TEXT("\xed\xa0\x80")));
    EXPECT(!utf8_is_valid(TEXT("\xe2\x82")));
    EXPECT(!utf8_is_valid(TEXT("\xf4\x90\x80\x80")));
}

TEST("a wire reader never runs past its end")
{
    struct buffer out;
    buffer_init(&out, 100);
    wire_put_u16(&out, 513);
    wire_put_u32(&out, 0);
    wire_put_text(&out, TEXT("hello"));
    wire_set_u32(&out, 2, 70000);
    struct wire_reader in = wire_reader_of(buffer_text(&out));
    EXPECT(wire_get_u16(&in) == 513);
    EXPECT(wire_get_u32(&in) == 70000);
    EXPECT_TEXT(wire_get_text(&in), "hello");
    EXPECT(wire_end(&in));
    EXPECT(wire_get_u64(&in) == 0 && in.bad);
    in = wire_reader_of(TEXT("\xff\xff\xff\xffx"));
    EXPECT(wire_get_text(&in).length == 0 && in.bad);
    buffer_finish(&out);
}

TEST("ids rise even when the clock is set back, and survive printing")
{
    int64_t now = 1800000000000;
    clock_set_for_test(&now);
    uint64_t first = id_new(0), parsed;
    now -= 5000;
    uint64_t second = id_new(first);
    clock_set_for_test(NULL);
    EXPECT(second > first);
    EXPECT(id_time_ms(first) == 1800000000000);
    char out[ID_TEXT_BYTES];
    EXPECT(id_parse(text_from(id_format(first, out)), &parsed) && parsed == first);
    EXPECT(!id_parse(TEXT("ZZZZZZZZZZZZZ"), &parsed));
}

TEST("the reason of a failure can be put in context")
{
    EXPECT(refused("no such user") == REFUSED);
    EXPECT(fail_within(REFUSED, "recipient %d", 3) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "recipient 3: no such user");
}

TEST("arrays that grow one by one keep what they hold, on the heap and in an arena, shrunk or not")
{
    struct arena arena;
    unsigned *on_heap = NULL, *in_arena = NULL;
    arena_init(&arena);
    for (unsigned step = 0; step < 5700; step++) {
        unsigned count = step < 700 ? step : step - 697; /* from 700 it falls to 3 */
        on_heap = array_grow(on_heap, count, sizeof(*on_heap));
        in_arena = arena_grow(&arena, in_arena, count, sizeof(*in_arena));
        on_heap[count] = in_arena[count] = count;
    }
    for (unsigned i = 0; i < 5000; i++)
        EXPECT(on_heap[i] == i && in_arena[i] == i);
    free(on_heap);
    arena_finish(&arena);
}

TEST("an arena gives aligned, zeroed memory of any size")
{
    struct arena arena;
    arena_init(&arena);
    for (size_t size = 1; size < 20000; size = size * 3 + 1) {
        char *bytes = arena_alloc(&arena, size);
        EXPECT((uintptr_t)bytes % 16 == 0 && bytes[0] == 0 && bytes[size - 1] == 0);
    }
    EXPECT_TEXT(arena_printf(&arena, "%d-%s", 5, "x"), "5-x");
    for (int width = 250; width < 260; width++) {
        struct text wide = arena_printf(&arena, "%*d", width, 7);
        EXPECT(wide.length == (size_t)width && wide.data[width - 1] == '7');
    }
    arena_reset(&arena);
    EXPECT(arena.used_bytes == 0);
    arena_finish(&arena);
}
