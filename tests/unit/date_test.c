#include "mail/date.h"

#include "test.h"

static void expect_date(const char *text, const char *in_utc)
{
    int64_t wall_ms = 0;
    char out[MAIL_DATE_BYTES];
    EXPECT(mail_date_parse(text_from(text), &wall_ms));
    EXPECT_TEXT(text_from(mail_date(wall_ms, out)), in_utc);
}

static void expect_no_date(const char *text)
{
    int64_t wall_ms;
    EXPECT(!mail_date_parse(text_from(text), &wall_ms));
}

TEST("a date is written as RFC 5322 wants it, in UTC")
{
    char out[MAIL_DATE_BYTES];
    EXPECT_TEXT(text_from(mail_date(1795168931004, out)), "Fri, 20 Nov 2026 10:02:11 +0000");
    EXPECT_TEXT(text_from(mail_date(0, out)), "Thu, 1 Jan 1970 00:00:00 +0000");
    EXPECT_TEXT(text_from(mail_date(-1, out)), "Wed, 31 Dec 1969 23:59:59 +0000");
    EXPECT_TEXT(text_from(mail_date(951782400000, out)), "Tue, 29 Feb 2000 00:00:00 +0000");
    mail_date(INT64_MIN, out);
    mail_date(INT64_MAX, out);
}

TEST("every day from 1900 to 2200 is written and read back")
{
    char out[MAIL_DATE_BYTES];
    for (int64_t day = -25567; day < 84006; day++) {
        int64_t wall_ms = day * 86400000 + 3723000, again;
        EXPECT(mail_date_parse(text_from(mail_date(wall_ms, out)), &again));
        EXPECT(again == wall_ms);
    }
}

TEST("zones are counted in, obsolete names too, and unknown names as UTC")
{
    expect_date("Fri, 20 Nov 2026 10:02:11 +0130", "Fri, 20 Nov 2026 08:32:11 +0000");
    expect_date("20 Nov 2026 22:02 -0800", "Sat, 21 Nov 2026 06:02:00 +0000");
    expect_date("20 Nov 2026 10:02:11 EST", "Fri, 20 Nov 2026 15:02:11 +0000");
    expect_date("20 Nov 2026 10:02:11 pdt", "Fri, 20 Nov 2026 17:02:11 +0000");
    expect_date("20 Nov 2026 10:02:11 GMT", "Fri, 20 Nov 2026 10:02:11 +0000");
    expect_date("20 Nov 2026 10:02:11 A", "Fri, 20 Nov 2026 10:02:11 +0000");
    expect_date("20 Nov 2026 10:02:11", "Fri, 20 Nov 2026 10:02:11 +0000");
}

TEST("short years are read as RFC 5322 4.3 says")
{
    expect_date("1 Jan 49 00:00 +0000", "Fri, 1 Jan 2049 00:00:00 +0000");
    expect_date("1 Jan 50 00:00 +0000", "Sun, 1 Jan 1950 00:00:00 +0000");
    expect_date("1 Jan 103 00:00 +0000", "Wed, 1 Jan 2003 00:00:00 +0000");
}

TEST("comments and folding stand anywhere between the words")
{
    expect_date(" Fri (day (nested \\) )) , 20\r\n Nov(x)2026 10 : 02 : 11 +0000 (UTC)",
                "Fri, 20 Nov 2026 10:02:11 +0000");
    expect_no_date("20 Nov 2026 10:02:11 +0000 (open");
    expect_no_date("((((((((((((((((()))))))))))))))))20 Nov 2026 10:02 +0000");
}

TEST("a leap second is the second after")
{
    expect_date("31 Dec 2016 23:59:60 +0000", "Sun, 1 Jan 2017 00:00:00 +0000");
}

TEST("what is no date is not read as one")
{
    static const char *const none[] = {"",
                                       "Fri",
                                       "Fri,",
                                       "30 Feb 2026 10:02 +0000",
                                       "29 Feb 2025 10:02 +0000",
                                       "0 Nov 2026 10:02 +0000",
                                       "20 Nov 2026",
                                       "20 Nov 2026 24:00 +0000",
                                       "20 Nov 2026 10:60 +0000",
                                       "20 Nov 2026 10:02:61 +0000",
                                       "20 Nov 2026 10:02 +000",
                                       "20 Nov 2026 10:02 +0060",
                                       "20 Nov 2026 10:02 +0000 x",
                                       "20 Nov 99999 10:02 +0000",
                                       "20 Nov 1 10:02 +0000",
                                       "2026-11-20T10:02:11Z",
                                       "31 Dec 9999 23:59 -0100",
                                       "1 Jan 1900 00:00 +0001"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        expect_no_date(none[i]);
    EXPECT(!mail_date_parse((struct text){0}, &(int64_t){0}));
}

TEST("dates of RFC 3339 are read in full and strictly")
{
    static const struct {
        const char *text;
        int64_t wall_ms; /* -1: none */
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-11-20T10:02:11.25Z", 1795168931250},
        {"2026-11-20t10:02:11.2509z", 1795168931250},
        {"2026-11-20T11:32:11+01:30", 1795168931000},
        {"2024-02-29T00:00:00-00:00", 1709164800000},
        {"2023-02-29T00:00:00Z", -1},
        {"2026-11-20 10:02:11Z", -1},
        {"2026-11-20T10:02:11", -1},
        {"2026-11-20T10:02:11.Z", -1},
        {"2026-11-20T24:00:00Z", -1},
        {"2026-11-20T10:02:11+0130", -1},
        {"2026-11-20T10:02:11ZZ", -1},
        {"26-11-20T10:02:11Z", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t wall_ms = -2;
        bool is_date = mail_date_parse_rfc3339(text_from(rows[i].text), &wall_ms);
        if (is_date != (rows[i].wall_ms >= 0) || (is_date && wall_ms != rows[i].wall_ms))
            fail_msg("%s: %lld", rows[i].text, (long long)wall_ms);
    }
}
