#include "base/random.h"
#include "net/dns_answer.h"
#include "test.h"

static enum dns_mx_kind parse(struct text data, struct arena *arena, struct resolver_mx *mx)
{
    arena_init(arena);
    return dns_mx_parse(data, arena, mx);
}

TEST("MX data gives the preference and the host in lower case")
{
    struct arena arena;
    struct resolver_mx mx;
    EXPECT(parse(TEXT("\x01\x0a\2MX\7Example\3net\0"), &arena, &mx) == DNS_MX_HOST);
    EXPECT_TEXT(mx.host, "mx.example.net");
    EXPECT(mx.preference == 266);
    arena_finish(&arena);
}

TEST("the root as MX host is a null MX")
{
    struct arena arena;
    struct resolver_mx mx;
    EXPECT(parse(TEXT("\0\0\0"), &arena, &mx) == DNS_MX_NULL);
    arena_finish(&arena);
}

TEST("MX data that is cut, goes on behind the name, or lies about a length is garbage")
{
    static const struct text bad[] = {
        TEXT(""),        TEXT("\0"),           TEXT("\0\1"),         TEXT("\0\1\2mx"),
        TEXT("\0\1\2m"), TEXT("\0\1\2mx\0\0"), TEXT("\0\1\x40mx\0"), TEXT("\0\1\xc0\x0c"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena arena;
        struct resolver_mx mx;
        EXPECT(parse(bad[i], &arena, &mx) == DNS_MX_GARBAGE);
        arena_finish(&arena);
    }
}

TEST("an address or a name with strange bytes is no MX host")
{
    static const struct text bad[] = {
        TEXT("\0\1\003192\0010\0012\0011\0"),
        TEXT("\0\1\4a\nbc\3net\0"),
        TEXT("\0\1\3a.b\3net\0"),
        TEXT("\0\1\1\0\3net\0"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena arena;
        struct resolver_mx mx;
        EXPECT(parse(bad[i], &arena, &mx) == DNS_MX_GARBAGE);
        arena_finish(&arena);
    }
}

TEST("a name of 253 bytes is a host, one more is garbage")
{
    for (unsigned last = 61; last <= 62; last++) {
        char wire[2 + 300] = {0, 1};
        size_t length = 2;
        for (unsigned label = 0; label < 4; label++) {
            unsigned size = label == 3 ? last : 63;
            wire[length++] = (char)size;
            for (unsigned i = 0; i < size; i++)
                wire[length++] = 'a';
        }
        wire[length++] = 0;
        struct arena arena;
        struct resolver_mx mx;
        enum dns_mx_kind kind = parse(text_of(wire, length), &arena, &mx);
        EXPECT(kind == (last == 61 ? DNS_MX_HOST : DNS_MX_GARBAGE));
        arena_finish(&arena);
    }
}

TEST("MX hosts are tried by preference, and equals in every order")
{
    random_seed_for_test(3);
    unsigned first[3] = {0};
    for (int round = 0; round < 600; round++) {
        struct resolver_mx list[] = {
            {TEXT("c"), 20}, {TEXT("0"), 10}, {TEXT("z"), 30}, {TEXT("1"), 10}, {TEXT("2"), 10},
        };
        dns_mx_order(list, 5);
        for (int i = 0; i < 3; i++)
            EXPECT(list[i].preference == 10);
        EXPECT_TEXT(list[3].host, "c");
        EXPECT_TEXT(list[4].host, "z");
        first[list[0].host.data[0] - '0']++;
    }
    for (int i = 0; i < 3; i++)
        EXPECT(first[i] > 150 && first[i] < 250);
}
