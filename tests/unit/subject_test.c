/* Base subjects (RFC 5256 2.1) and the order of texts (RFC 5051). */
#include <string.h>

#include "mail/collate.h"
#include "mail/subject.h"
#include "test.h"

static void expect_base(const char *subject, const char *base, bool is_reply)
{
    struct arena arena;
    bool said;
    arena_init(&arena);
    struct text found = mail_subject_base(text_from(subject), NULL, &arena, &said);
    if (!text_equals(found, text_from(base)) || said != is_reply)
        fail_msg("%s: %.*s, %d", subject, TEXT_ARG(found), said);
    arena_finish(&arena);
}

TEST("a base subject is without what replying puts before it")
{
    expect_base("Re: a", "a", true);
    expect_base("RE : a", "a", true);
    expect_base("re: Re: FWD: fw: a", "a", true);
    expect_base("Re[2]: a", "a", true);
    expect_base("Re [list] : a", "a", true);
    expect_base("[list] Re: a", "a", true);
    expect_base("[x] [list] Re: [list] a", "a", true);
    expect_base("rest: a", "rest: a", false);
    expect_base("Re a", "Re a", false);
    expect_base("Re:", "", true);
}

TEST("a base subject is without a list's name, unless nothing else is there")
{
    expect_base("[list] a", "a", false);
    expect_base("[x][y]  a", "a", false);
    expect_base("[list]", "[list]", false);
    expect_base("[x] [list]", "[list]", false);
    expect_base("[a[b] c", "[a[b] c", false);
    expect_base("a [list]", "a [list]", false);
}

TEST("a base subject is without what forwarding puts around it")
{
    expect_base("a (fwd)", "a", true);
    expect_base("a (FWD) (fwd)  ", "a", true);
    expect_base("[fwd: a]", "a", true);
    expect_base("Fwd: [Fwd: [fwd: Re: a (fwd)]]", "a", true);
    expect_base("[fwd: a] b", "b", false);
    expect_base("[fwd:]", "", true);
}

TEST("a base subject is decoded, and its white space squeezed")
{
    expect_base("=?utf-8?q?Re=3A_gr=C3=BC=C3=9Fe?=",
                "gr\xc3\xbc\xc3\x9f"
                "e",
                true);
    expect_base("  a \t\r\n b ", "a b", false);
    expect_base("", "", false);
}

static int order(const char *left, const char *right)
{
    struct buffer a, b;
    buffer_init(&a, 1000);
    buffer_init(&b, 1000);
    mail_collate(text_from(left), &a);
    mail_collate(text_from(right), &b);
    int order = text_compare(buffer_text(&a), buffer_text(&b));
    buffer_finish(&a);
    buffer_finish(&b);
    return order;
}

TEST("case makes no difference to the order, nor how an accent is written")
{
    EXPECT(order("Hello", "hELLO") == 0);
    EXPECT(order("caf\xc3\xa9", "CAFE\xcc\x81") == 0); /* one character, or two */
    EXPECT(order("\xcf\x83", "\xcf\x82") == 0);        /* sigma, final sigma */
    EXPECT(order("\xc7\x84", "\xc7\x86") == 0);        /* DZ with caron, dz with caron */
    EXPECT(order("stra\xc3\x9f\x65", "strasse") != 0); /* RFC 5051 has no such rule */
    EXPECT(order("\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1") != 0); /* Hangul stays */
}

TEST("letters come before the signs that stand between the cases in ASCII")
{
    EXPECT(order("a", "B") < 0);
    EXPECT(order("a", "_") < 0); /* as it is for titlecase */
    EXPECT(order("a", "ab") < 0);
    EXPECT(order("z", "\xc3\xa4") > 0); /* a with two dots is an A and the dots */
    EXPECT(order("\xff", "\xff") == 0);
}
