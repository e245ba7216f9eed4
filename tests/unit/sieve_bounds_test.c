/* A run ends after bounded work, whatever uses it up, and so many actions; then the message is kept
 * and the owner is told. */
#include "sieve_scene.h"

enum { WORK = 32 << 20, STEP = 64, HEADER = 200 << 10, BODY = 100 << 10 };

static struct buffer bytes, source;

/* A message with a large header and a large body. */
static void large_scene(void)
{
    scene_set("");
    buffer_init(&bytes, 1 << 20);
    buffer_append(&bytes, TEXT("Subject: s\r\nTo: roadrunner@acme.example.com\r\n"));
    while (bytes.length < HEADER)
        buffer_printf(&bytes, "X-%06zu: %060d\r\n", bytes.length, 0);
    buffer_append(&bytes, TEXT("\r\n"));
    while (bytes.length < HEADER + BODY)
        buffer_printf(&bytes, "%070d\r\n", 0);
    scene.message.bytes = buffer_text(&bytes);
    scene.message.size = bytes.length;
    buffer_init(&source, 1 << 20);
}

static void end_scene(void)
{
    buffer_finish(&bytes);
    buffer_finish(&source);
}

/* Require everything, and use up all work but about so much. */
static void leave(size_t work)
{
    size_t header = text_find_text(buffer_text(&bytes), TEXT("\r\n\r\n")) + 2;
    size_t times = (WORK - work) / (header + STEP);
    buffer_reset(&source, 1 << 20);
    buffer_append(&source, TEXT("require [\"fileinto\", \"copy\", \"vacation\", \"enotify\", "
                                "\"reject\", \"variables\", \"editheader\", \"body\", \"date\", "
                                "\"encoded-character\", \"regex\"];\n"
                                "if exists [\"Subject\""));
    for (size_t i = 1; i < times; i++)
        buffer_append(&source, TEXT(",\"Subject\""));
    buffer_append(&source, TEXT("] { }\n"));
}

static void add(const char *part, unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        buffer_append(&source, text_from(part));
}

static void expect_at_end(const char *expected)
{
    struct buffer out;
    buffer_append_byte(&source, '\0');
    tell(source.data, &out);
    struct text told = buffer_text(&out);
    if (!text_starts_with(told, TEXT("keep error ")) ||
        text_find_text(told, text_from(expected)) == told.length)
        EXPECT_TEXT(text_head(told, 300), expected);
    buffer_finish(&out);
}

TEST("commands and tests that look at nothing use work up, too")
{
    large_scene();
    leave(0);
    add("keep;", HEADER / STEP + 100);
    expect_at_end("keep: the script takes too long");
    leave(0);
    add("if anyof(false", 1);
    add(",false", HEADER / STEP + 100);
    add(") { }", 1);
    expect_at_end("false: the script takes too long");
    end_scene();
}

TEST("each look at the header, the body or a value uses work up")
{
    static const struct {
        const char *what, *told;
    } rows[] = {
        {"if exists \"X-None\" { }", "exists: the script takes too long"},
        {"if header \"subject\" \"x\" { }", "header: the script takes too long"},
        {"if address \"to\" \"x\" { }", "address: the script takes too long"},
        {"if date \"date\" \"year\" \"1\" { }", "date: the script takes too long"},
        {"addheader \"X\" \"y\";", "addheader: the script takes too long"},
        {"deleteheader \"To\";", "deleteheader: the script takes too long"},
        {"if body :contains \"x\" { }", "body: the script takes too long"},
        {"if body :raw :contains \"x\" { }", "body: the script takes too long"},
        {"set \"v\" \"${v}${v}${v}${v}${v}\";", "set: the script takes too long"},
        {"if string \"${v}${v}${v}${v}${v}\" \"x\" { }", "string: the script takes too long"},
    };
    large_scene();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        leave(0);
        /* Of what is left, less than one more such look: a value of 32 KiB, several times. */
        add("set \"w\" \"", 1);
        add("0123456789abcdef", 2048);
        add("\"; set \"v\" \"${w}\"; ", 1);
        add("if string \"${w}\" \"x\" { }", 2);
        add(rows[i].what, 1);
        add("\n", 1);
        add(rows[i].what, 1);
        expect_at_end(rows[i].told);
    }
    end_scene();
}

TEST("a long pattern or key over a large value uses up more work than there is")
{
    large_scene();
    leave(WORK);
    add("if body :raw :matches \"*", 1);
    add("0123456789abcdef", 300);
    add("*\" { }", 1);
    expect_at_end("body: the script takes too long");
    leave(WORK);
    add("if body :raw :contains \"", 1);
    add("0123456789abcdef", 2000);
    add("\" { }", 1);
    expect_at_end("body: the script takes too long");
    end_scene();
}

TEST("a script does fifty things and no more")
{
    static const char *const further[] = {"fileinto :copy \"one more\";",
                                          "redirect \"a@b.example\";",
                                          "discard;",
                                          "vacation \"away\";",
                                          "keep;",
                                          "notify \"mailto:a@b.example\";"};
    struct buffer out;
    scene_set("To: roadrunner@acme.example.com\r\n\r\n");
    buffer_init(&source, 1 << 20);
    for (size_t i = 0; i < sizeof(further) / sizeof(further[0]); i++) {
        buffer_reset(&source, 1 << 20);
        add("require [\"fileinto\", \"copy\", \"vacation\", \"enotify\", \"reject\"];", 1);
        for (unsigned k = 0; k < SIEVE_ACTIONS_MAX; k++)
            buffer_printf(&source, "fileinto :copy \"box %u\";", k);
        buffer_append_byte(&source, '\0');
        tell(source.data, &out);
        EXPECT(text_ends_with_nocase(buffer_text(&out), TEXT("fileinto box 49; keep")));
        buffer_finish(&out);
        source.length--;
        add(further[i], 1);
        expect_at_end(": too many actions");
    }
    buffer_reset(&source, 1 << 20);
    add("require \"reject\";", 1);
    add("discard;", SIEVE_ACTIONS_MAX);
    add("reject \"no\";", 1);
    expect_at_end("reject: too many actions");
    buffer_finish(&source);
}

TEST("a header that is edited stays under two megabytes")
{
    scene_set("");
    buffer_init(&bytes, SIEVE_MESSAGE_SEEN);
    while (bytes.length + 100 < SIEVE_MESSAGE_SEEN)
        buffer_printf(&bytes, "X-%06zu: %060d\r\n", bytes.length, 0);
    scene.message.bytes = buffer_text(&bytes);
    buffer_init(&source, 1 << 20);
    add("require [\"editheader\", \"variables\"]; set \"v\" \"", 1);
    add("0123456789abcdef", 2048);
    add("\";", 1);
    add("addheader \"X-Large\" \"${v}${v}\";", 17);
    expect_at_end("addheader: the header becomes too large");
    end_scene();
}

TEST("a regular expression is of a length, and what it takes too long or too deep for is not "
     "changed")
{
    struct buffer out;
    scene_set("");
    buffer_init(&bytes, 1 << 20);
    buffer_append(&bytes, TEXT("X-A: b\r\nX-A: "));
    for (unsigned i = 0; i < 5000; i++)
        buffer_append_byte(&bytes, 'a');
    buffer_append(&bytes, TEXT("\r\n\r\n"));
    scene.message.bytes = buffer_text(&bytes);
    expect("require [\"editheader\", \"regex\"]; deleteheader :regex \"X-A\" \"^(b|(a+a+)+c)$\";",
           "keep error line 1: deleteheader: the regular expression takes too long");
    expect("require \"regex\"; if header :regex \"x-a\" \"^(?:(a)|(c))*d$\" { discard; }",
           "keep error line 1: header: the regular expression takes too long");
    expect("require \"regex\"; if header :regex [\"x-a\"] [\"^b$\", \"(\"] { discard; }",
           "line 1, column 21: header: the regular expression is malformed");
    buffer_init(&source, 1 << 20);
    for (unsigned length = 10000; length <= 10001; length++) {
        buffer_reset(&source, 1 << 20);
        add("require \"regex\"; if header :regex \"x-a\" \"", 1);
        add("a", length);
        add("\" { }", 1);
        buffer_append_byte(&source, '\0');
        tell(source.data, &out);
        EXPECT_TEXT(buffer_text(&out),
                    length == 10000
                        ? "keep"
                        : "line 1, column 21: header: the regular expression is malformed");
        buffer_finish(&out);
    }
    end_scene();
}

TEST("a script is as long as a megabyte")
{
    scene_set("");
    buffer_init(&source, SIEVE_SCRIPT_MAX + 10);
    add("discard;", 1);
    while (source.length < SIEVE_SCRIPT_MAX)
        buffer_append_byte(&source, ' ');
    struct sieve_script *script;
    struct buffer error;
    buffer_init(&error, 1000);
    EXPECT(sieve_compile(buffer_text(&source), NULL, &error, &script) == OK);
    sieve_script_free(&script);
    buffer_append_byte(&source, ' ');
    EXPECT(sieve_compile(buffer_text(&source), NULL, &error, &script) == REFUSED);
    EXPECT(text_find_text(buffer_text(&error), TEXT("longer than 1048576 bytes")) < error.length);
    buffer_finish(&error);
    buffer_finish(&source);
}
