#include "mail/address_list.h"

#include "base/buffer.h"
#include "test.h"

/* Every entry in one line: "name|route|local|domain", "{name" and "}". */
static void expect_entries(const char *field, const char *expected)
{
    struct arena arena;
    struct buffer told;
    struct mail_entry entry;
    struct text rest = text_from(field);
    arena_init(&arena);
    buffer_init(&told, 10000);
    while (mail_entry_next(&rest, &arena, &entry)) {
        if (told.length > 0)
            buffer_append(&told, TEXT(" / "));
        if (entry.kind == MAIL_ENTRY_GROUP)
            buffer_printf(&told, "{%.*s", TEXT_ARG(entry.name));
        else if (entry.kind == MAIL_ENTRY_GROUP_END)
            buffer_append(&told, TEXT("}"));
        else
            buffer_printf(&told, "%.*s|%.*s|%.*s|%.*s", TEXT_ARG(entry.name), TEXT_ARG(entry.route),
                          TEXT_ARG(entry.local_part), TEXT_ARG(entry.domain));
    }
    EXPECT_TEXT(buffer_text(&told), expected);
    buffer_finish(&told);
    arena_finish(&arena);
}

TEST("the lists of RFC 5322 appendix A are read")
{
    expect_entries("John Doe <jdoe@machine.example>", "John Doe||jdoe|machine.example");
    expect_entries("\"Joe Q. Public\" <john.q.public@example.com>",
                   "Joe Q. Public||john.q.public|example.com");
    expect_entries("Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
                   "Mary Smith||mary|x.test / ||jdoe|example.org / Who?||one|y.test");
    expect_entries("<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
                   "||boss|nil.test / Giant; \"Big\" Box||sysservices|example.net");
    expect_entries("A Group:Ed Jones <joe@where.test>,joe@where.test,John <jdoe@one.test>;",
                   "{A Group / Ed Jones||joe|where.test / ||joe|where.test / "
                   "John||jdoe|one.test / }");
    expect_entries("Undisclosed recipients:;", "{Undisclosed recipients / }");
    expect_entries("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
                   "Pete||pete|silly.test");
    expect_entries("Joe Q. Public <john.q.public@example.com>",
                   "Joe Q. Public||john.q.public|example.com");
    expect_entries("Mary Smith <@node.test,@other.test:mary@example.net>, , jdoe@test  . example",
                   "Mary Smith|@node.test,@other.test|mary|example.net / ||jdoe|test.example");
}

TEST("a comment names an address that has no other name")
{
    expect_entries("jdoe@one.test (John (the) Doe)", "John (the) Doe||jdoe|one.test");
}

TEST("quoted local parts and address literals are taken whole")
{
    expect_entries("\"a, b\"@one.test, x@[ 192.0.2.1 ]", "||a, b|one.test / ||x|[192.0.2.1]");
}

TEST("what is no address is given as far as it can be read")
{
    expect_entries("nobody", "||nobody|");
    expect_entries("Somebody <", "Somebody|||");
    expect_entries("a <b@c.test> d, e@f.test", "a||b|c.test / ||e|f.test");
    expect_entries("\"open", "||open|");
    expect_entries("(open", "");
    expect_entries(",,;,", "}");
    expect_entries("", "");
}
