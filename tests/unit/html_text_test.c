/* What a reader sees of HTML. */
#include "mail/html_text.h"
#include "test.h"

static void expect_text(const char *html, const char *expected)
{
    struct html_text state;
    struct buffer out;
    html_text_init(&state);
    buffer_init(&out, 10000);
    html_text_feed(&state, text_from(html), &out);
    html_text_end(&state, &out);
    if (!text_equals(buffer_text(&out), text_from(expected)))
        fail_msg("%s: %.*s", html, TEXT_ARG(buffer_text(&out)));
    buffer_finish(&out);
}

TEST("tags go; those that part words leave a line end")
{
    expect_text("<p>a <b>b</b>c</p>", "\na bc\n");
    expect_text("a<br/>b<hr class=x>c", "a\nb\nc");
    expect_text("<a href=\"x>y\" title='>'>link</a>", "link");
    expect_text("<td>1</td><td>2</td>", "\n1\n\n2\n");
    expect_text("<span\nstyle='a'\n>x</span >y", "xy");
}

TEST("scripts, styles and the head are nothing to read")
{
    expect_text("<style>p > a {}</style>x", "\nx");
    expect_text("<script>if (a < b) '</p>' </scripty></SCRIPT>x", "\nx");
    expect_text("<html><head><title>t</title><style>x</style></head><body>y", "\n\n\ny");
    expect_text("<head><title>t<body>y", "\ny");
    expect_text("<title>t</title>y", "\ny");
}

TEST("comments and declarations go, however they are written")
{
    expect_text("a<!-- b > <p> -- -->c", "ac");
    expect_text("a<!-->b<!--->c", "abc");
    expect_text("<!DOCTYPE html>a<?xml version='1'?>b", "ab");
    expect_text("a<!-- never ended", "a");
}

TEST("character references become characters, others stay")
{
    expect_text("&lt;a&gt; &amp;amp; &quot;", "<a> &amp; \"");
    expect_text("gr&uuml;n &#228;&#xE4;&#XE4; &euro;",
                "gr\xc3\xbcn \xc3\xa4\xc3\xa4\xc3\xa4 \xe2\x82\xac");
    expect_text("AT&T & co &nonsense; &#xD800; &#99999999; &",
                "AT&T & co &nonsense; &#xD800; &#99999999; &");
    expect_text("&amp&lt", "&<");
    expect_text("&averyverylongname;", "&averyverylongname;");
    expect_text("&#0;&#1;", "&#0;&#1;");
}

TEST("what only looks like a tag is text")
{
    expect_text("1 < 2 <3", "1 < 2 <3");
    expect_text("a <", "a <");
    expect_text("1 <<b>2", "1 <2");
    expect_text("<script>a <</script>b", "\nb");
    expect_text("</>x</ b>y", "xy");
}
