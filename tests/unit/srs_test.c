#include "mail/srs.h"

#include "base/clock.h"
#include "test.h"

static const struct text key = {"a secret that is thirty-two long", 32};
enum { NOW_DAY = 20700 };
#define NOW_MS (NOW_DAY * (int64_t)DAY)

static struct text rewritten(const char *sender, const char *domain, struct arena *arena)
{
    struct text out = TEXT("");
    EXPECT(srs_rewrite(key, text_from(sender), text_from(domain), NOW_MS, arena, &out) == OK);
    return out;
}

static void expect_back(struct text address, const char *sender, struct arena *arena)
{
    struct text out;
    EXPECT(srs_is_rewritten(address));
    EXPECT(srs_reverse(key, address, NOW_MS, arena, &out) == OK);
    EXPECT_TEXT(out, sender);
    EXPECT(srs_read(address, arena, &out));
    EXPECT_TEXT(out, sender);
}

TEST("a rewritten sender is in the forwarding domain and leads back to the sender")
{
    struct arena arena;
    arena_init(&arena);
    struct text out = rewritten("Alice@far.example", "ours.example", &arena);
    EXPECT(text_starts_with(out, TEXT("SRS0=")));
    EXPECT(text_ends_with_nocase(out, TEXT("=far.example=Alice@ours.example")));
    expect_back(out, "Alice@far.example", &arena);
    expect_back(rewritten("a=b+c@far.example", "ours.example", &arena), "a=b+c@far.example",
                &arena);
    expect_back(rewritten("\"a b\"@far.example", "ours.example", &arena), "\"a b\"@far.example",
                &arena);
    arena_finish(&arena);
}

TEST("what was folded to lower case on its way still leads back")
{
    struct arena arena;
    struct text out;
    arena_init(&arena);
    struct text address = rewritten("Alice@far.example", "ours.example", &arena);
    char *bytes = (char *)address.data;
    for (size_t i = 0; i < address.length; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] | 0x20);
    EXPECT(srs_reverse(key, address, NOW_MS, &arena, &out) == OK);
    EXPECT_TEXT(out, "alice@far.example");
    arena_finish(&arena);
}

TEST("a sender who was rewritten before is rewritten to the first forwarder, and stays so short")
{
    struct arena arena;
    arena_init(&arena);
    struct text second =
        rewritten("SRS0+abcd=xy=far.example=bob@first.example", "ours.example", &arena);
    EXPECT(text_starts_with(second, TEXT("SRS1=")));
    EXPECT(text_ends_with_nocase(second,
                                 TEXT("=first.example=+abcd=xy=far.example=bob@ours.example")));
    expect_back(second, "SRS0+abcd=xy=far.example=bob@first.example", &arena);
    struct text third = rewritten("SRS1=zzzz=first.example==ab=xy=f.test=bob@second.example",
                                  "ours.example", &arena);
    expect_back(third, "SRS0=ab=xy=f.test=bob@first.example", &arena);
    arena_finish(&arena);
}

TEST("a forged, foreign or old address leads nowhere")
{
    struct arena arena;
    struct text out;
    arena_init(&arena);
    static const char *const wrong[] = {"SRS0=aaaaaa=aa=far.example=bob@ours.example",
                                        "SRS0=@ours.example",
                                        "SRS0=aaaaaa=aa=far.example@ours.example",
                                        "SRS1=aaaaaa=far.example@ours.example",
                                        "SRS0@ours.example",
                                        "bob@ours.example",
                                        "SRS1=aaaaaa=f.example=x@ours.example",
                                        "SRS0=aaaaaa=aa=far.example=@ours.example"};
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        EXPECT(srs_reverse(key, text_from(wrong[i]), NOW_MS, &arena, &out) == REFUSED);
    struct text address = rewritten("bob@far.example", "ours.example", &arena);
    EXPECT(srs_reverse(TEXT("another secret"), address, NOW_MS, &arena, &out) == REFUSED);
    EXPECT(srs_reverse(key, address, NOW_MS + SRS_DAYS_MOST * (int64_t)DAY, &arena, &out) == OK);
    EXPECT(srs_reverse(key, address, NOW_MS + (SRS_DAYS_MOST + 1) * (int64_t)DAY, &arena, &out) ==
           REFUSED);
    arena_finish(&arena);
}

TEST("a sender whose rewritten address would be too long is refused")
{
    struct arena arena;
    struct text out;
    arena_init(&arena);
    EXPECT(srs_rewrite(key, TEXT("bounces+0123456789-user=example.org@em.news.example"),
                       TEXT("ours.example"), NOW_MS, &arena, &out) == REFUSED);
    arena_finish(&arena);
}

TEST("what is no address is neither rewritten nor read")
{
    static const char *const wrong[] = {"",
                                        "nonsense",
                                        "SRS0=aaaaaa=aa=far.example=bob",
                                        "bob@ours.example",
                                        "SRS0=aaaaaa=aa=..=bob@ours.example",
                                        "SRS0=aaaaaa=aa=a..b=bob@ours.example"};
    struct arena arena;
    struct text out;
    arena_init(&arena);
    EXPECT(srs_rewrite(key, TEXT("nonsense"), TEXT("ours.example"), NOW_MS, &arena, &out) ==
           REFUSED);
    EXPECT(!srs_is_rewritten(TEXT("")));
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        EXPECT(!srs_read(text_from(wrong[i]), &arena, &out));
    EXPECT(srs_reverse(key, TEXT("nonsense"), NOW_MS, &arena, &out) == REFUSED);
    arena_finish(&arena);
}
