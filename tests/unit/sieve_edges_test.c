/* Modifiers, limits, and what a run-time value makes of a test or an action. */
#include "sieve_scene.h"

static const char message[] = "From: coyote@desert.example.org\r\n"
                              "To: roadrunner@acme.example.com\r\n"
                              "Message-ID: <1@desert.example.org>\r\n"
                              "X-Twice: one\r\n"
                              "X-Twice: two\r\n"
                              "Subject: \xc3\xa4hm, so\r\n"
                              "\r\n"
                              "body\r\n";

TEST("a value is set as its modifiers say, in the order of their precedence")
{
    static const struct {
        const char *set, *value;
    } rows[] = {
        {":upper \"v\" \"grün\"", "GRÜN"},
        {":lower \"v\" \"GRÜN\"", "grün"},
        {":lowerfirst \"v\" \"ÄHM So\"", "äHM So"},
        {":upperfirst \"v\" \"ähm so\"", "Ähm so"},
        {":upperfirst \"v\" \"\"", ""},
        {":upperfirst :lower \"v\" \"VIEL LAUT\"", "Viel laut"},
        {":lowerfirst :upper \"v\" \"viel\"", "vIEL"},
        {":length \"v\" \"grün\"", "4"},
        {":length :upper \"v\" \"\"", "0"},
    };
    char source[500];
    scene_set(message);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(
            source, sizeof(source),
            "require [\"variables\"]; set %s; if string :comparator \"i;octet\" \"${v}\" \"%s\" "
            "{ discard; }",
            rows[i].set, rows[i].value);
        expect(source, "discard");
    }
    expect("require [\"variables\", \"enotify\"]; set :encodeurl \"v\" \"a Z9-._~/@\"; "
           "if string \"${v}\" \"a%20Z9-._~%2F%40\" { discard; }",
           "discard");
}

TEST("what is counted are values, not their text")
{
    scene_set(message);
    static const char require[] =
        "\"relational\", \"comparator-i;ascii-numeric\", \"variables\", \"spamtest\"";
    expect_true(require, "string :count \"eq\" [\"a\", \"\", \"b\"] \"2\"");
    expect_true(require, "spamtest :count \"eq\" \"1\"");
    scene.world.spam_percent = -1;
    expect_true(require, "spamtest :count \"eq\" \"0\"");
    expect_true(require, "spamtest \"0\"");
}

TEST("a world that knows no mailboxes and has seen nothing answers so")
{
    scene_set(message);
    expect_false("\"special-use\"", "specialuse_exists [\"\\\\Junk\", \"\\\\Sent\"]");
    scene.world.mailbox_exists = NULL;
    scene.world.special_use_exists = NULL;
    scene.world.was_seen = NULL;
    expect_false("\"mailbox\"", "mailboxexists \"Known\"");
    expect_false("\"special-use\"", "specialuse_exists \"\\\\Junk\"");
    expect_false("\"duplicate\"", "duplicate");
}

/* Each as "key seconds". */
static void expect_seen(const char *source, const char *expected)
{
    struct sieve_script *script;
    struct sieve_result result;
    struct arena arena;
    struct buffer out;
    buffer_init(&out, 1000);
    arena_init(&arena);
    EXPECT(sieve_compile(text_from(source), NULL, &out, &script) == OK);
    sieve_run(script, &scene.message, &scene.world, &arena, &result);
    for (unsigned i = 0; i < result.seen_count; i++)
        buffer_printf(&out, "%s%.*s %lld", i == 0 ? "" : "; ", TEXT_ARG(result.seen[i].key),
                      (long long)result.seen[i].seconds);
    EXPECT_TEXT(buffer_text(&out), expected);
    sieve_script_free(&script);
    arena_finish(&arena);
    buffer_finish(&out);
}

TEST("a duplicate is remembered from the first on, or from the last, for so long and no longer")
{
    scene_set(message);
    expect_seen("require \"duplicate\"; if duplicate { keep; }", "");
    expect_seen("require \"duplicate\"; if duplicate :last { keep; }",
                "0:<1@desert.example.org> 604800");
    expect_seen("require \"duplicate\"; if duplicate :handle \"h\" :seconds 60 { keep; }",
                "1:h<1@desert.example.org> 60");
    expect_seen("require \"duplicate\"; if duplicate :uniqueid \"u\" :seconds 99999999 { keep; }",
                "0:u 7776000");
    expect_seen("require \"duplicate\"; if duplicate :header \"X-None\" { keep; }", "");
    expect_seen("require \"duplicate\"; if duplicate :header \"X-Twice\" { keep; }",
                "0:one 604800");
}

TEST("tests for duplicates are bounded, and what was decided before the end is kept")
{
    struct buffer source, out;
    scene_set(message);
    buffer_init(&source, 10000);
    buffer_append(&source, TEXT("require \"duplicate\";"));
    for (unsigned i = 0; i <= SIEVE_ACTIONS_MAX; i++)
        buffer_printf(&source, " if duplicate :uniqueid \"u%u\" { stop; }", i);
    buffer_append_byte(&source, '\0');
    tell(source.data, &out);
    EXPECT(text_find_text(buffer_text(&out), TEXT("too many tests for duplicates")) < out.length);
    buffer_finish(&out);
    buffer_finish(&source);
}

TEST("a field is taken out by its place from the front or from the end")
{
    scene_set(message);
    static const struct {
        const char *deletes, *is_left;
    } rows[] = {
        {":index 1 \"X-Twice\"", "two"},
        {":index 1 :last \"X-Twice\"", "one"},
        {":index 2 :last \"X-Twice\"", "two"},
    };
    char source[500];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(source, sizeof(source),
                 "require [\"editheader\", \"index\"]; deleteheader %s; "
                 "if allof(header \"x-twice\" \"%s\", not header :index 2 :matches \"x-twice\" "
                 "\"*\") { discard; }",
                 rows[i].deletes, rows[i].is_left);
        expect(source, "discard");
    }
    expect("require [\"editheader\", \"index\", \"relational\", \"comparator-i;ascii-numeric\"]; "
           "deleteheader :index 3 :last \"X-Twice\"; deleteheader :index 3 \"X-Twice\"; "
           "if header :count \"eq\" \"x-twice\" \"2\" { discard; }",
           "discard");
}

TEST("a name or an address that a variable makes is looked at when it is used")
{
    scene_set(message);
    expect("require [\"editheader\", \"variables\"]; set \"n\" \"X Y\"; addheader \"${n}\" \"v\";",
           "keep error line 1: addheader: that is no name of a header field");
    expect("require [\"editheader\", \"variables\"]; set \"n\" \"Received\"; addheader \"${n}\" "
           "\"v\"; if not header :contains \"received\" \"v\" { discard; }",
           "discard");
    expect("require [\"variables\"]; set \"a\" \"no body\"; redirect \"${a}\";",
           "keep error line 1: redirect: that is no mail address");
    expect("require [\"variables\"]; set \"a\" \"b@c.example\"; redirect \"${a}\";",
           "redirect b@c.example");
}

TEST("lists' own mail, and what was sent automatically, is not answered")
{
    static const char *const fields[] = {"List-Post: <mailto:l@x.example>",
                                         "List-Help: <mailto:l@x.example>",
                                         "List-Unsubscribe: <mailto:l@x.example>",
                                         "Auto-Submitted: auto-replied", "Precedence: bulk"};
    char text[600];
    struct buffer out;
    scene_set(message);
    tell("require \"vacation\"; vacation \"away\";", &out);
    EXPECT(text_find_text(buffer_text(&out), TEXT("vacation")) < out.length); /* without them */
    buffer_finish(&out);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        snprintf(text, sizeof(text), "%s\r\n%s", fields[i], message);
        scene_set(text);
        expect("require \"vacation\"; vacation \"away\";", "keep");
    }
}

/* prefix, part many times, suffix: a script, and what comes of it. */
static void expect_repeated(const char *prefix, const char *part, unsigned times,
                            const char *suffix, const char *expected)
{
    struct buffer source, out;
    buffer_init(&source, 1 << 20);
    buffer_append(&source, text_from(prefix));
    for (unsigned i = 0; i < times; i++)
        buffer_append(&source, text_from(part));
    buffer_append(&source, text_from(suffix));
    buffer_append_byte(&source, '\0');
    tell(source.data, &out);
    if (text_find_text(buffer_text(&out), text_from(expected)) == out.length)
        EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
    buffer_finish(&source);
}

TEST("a script that is too deep, too long a list, or too much to do, is refused or ended")
{
    scene_set(message);
    expect_repeated("if ", "not ", 40, "true { keep; }", "nested deeper than 32");
    expect_repeated("", "if true { ", 40, "keep;", "nested deeper than 32");
    expect_repeated("if header [\"x\"", ", \"x\"", 1000, "] \"y\" { keep; }",
                    "a list holds strings, separated by commas, 1000 at most");
    expect_repeated("require [\"copy\"];", "redirect :copy \"a@b.example\";", 11, "",
                    "too many redirections");
    expect_repeated("require \"include\";", "include \"other\";", 1001, "", "too many scripts");
}

TEST("a user has so many variables and flags, and names of a length")
{
    char source[600];
    scene_set(message);
    struct buffer many;
    buffer_init(&many, 1 << 20);
    buffer_append(&many, TEXT("require [\"variables\"];"));
    for (unsigned i = 0; i < 257; i++)
        buffer_printf(&many, "set \"v%u\" \"x\";", i);
    buffer_append_byte(&many, '\0');
    expect(many.data, "keep error line 1: set: too many variables");
    buffer_reset(&many, 1 << 20);
    buffer_append(&many, TEXT("require [\"imap4flags\"]; addflag \""));
    for (unsigned i = 0; i < 120; i++)
        buffer_printf(&many, " f%u", i);
    buffer_append(&many, TEXT("\"; if allof(hasflag \"f99\", not hasflag \"f100\") { discard; }"));
    buffer_append_byte(&many, '\0');
    expect(many.data, "discard");
    buffer_finish(&many);
    expect("require \"imap4flags\"; setflag [\"\\\\\", \"a\\x7f\", \"b{\", \"good\"]; keep;",
           "keep (ax7f good)");
    snprintf(source, sizeof(source), "require \"variables\"; set \"%070d\" \"x\";", 0);
    expect(source, "line 1, column 22: set: that is no name of a variable");
    expect("require \"variables\"; set \"a1\" \"x\"; if string \"${a1}${1a}${\" \"x${1a}${\" "
           "{ discard; }",
           "discard");
}

TEST("types of parts are a type, a type and a subtype, or none")
{
    scene_set("Content-Type: text/plain\r\n\r\nhello\r\n");
    expect_true("\"body\"", "body :content \"text/plain\" :contains \"hello\"");
    expect_true("\"body\"", "body :content \"text\" :contains \"hello\"");
    expect_true("\"body\"", "body :content \"\" :contains \"hello\"");
    expect_false("\"body\"", "body :content \"/plain\" :contains \"hello\"");
    expect_false("\"body\"", "body :content \"text/\" :contains \"hello\"");
    expect_false("\"body\"", "body :content \"text/plain/x\" :contains \"hello\"");
    expect_false("\"body\"", "body :content \"text/html\" :contains \"hello\"");
}

TEST("a zone is four digits behind a sign")
{
    scene_set("Date: Tue, 01 Apr 2025 23:30:00 +0000\r\n\r\n");
    expect_true("\"date\"", "date :zone \"+0130\" \"date\" \"day\" \"02\"");
    expect_true("\"date\"", "date :zone \"-0130\" \"date\" \"hour\" \"22\"");
    static const char *const wrong[] = {"0130", "+01300", "x0130", "+01x0", "+0160", "+2400"};
    char test[100];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buffer out;
        snprintf(test, sizeof(test),
                 "require \"date\"; if date :zone \"%s\" \"date\" \"day\" \"02\" { discard; }",
                 wrong[i]);
        tell(test, &out);
        EXPECT(!text_equals(buffer_text(&out), TEXT("discard")));
        buffer_finish(&out);
    }
}

TEST("who is notified is a mail address, written as a URL has it")
{
    scene_set(message);
    expect_true("\"enotify\"", "valid_notify_method \"mailto:a%40b.example?subject=x\"");
    expect_true("\"enotify\"", "valid_notify_method \"mailto:%61%2Db@c.exampl%65\"");
    expect_false("\"enotify\"",
                 "valid_notify_method [\"mailto:a@b.example\", \"xmpp:a@b.example\"]");
    expect_false("\"enotify\"", "valid_notify_method \"mailto:a%4\"");
    expect_true("\"enotify\"",
                "notify_method_capability \"mailto:a@b.example\" \"Online\" \"maybe\"");
    expect_false("\"enotify\"",
                 "notify_method_capability \"mailto:a@b.example\" \"other\" \"maybe\"");
    expect_false("\"enotify\"", "notify_method_capability \"tel:1\" \"online\" \"maybe\"");
    scene_set("Auto-Submitted: no\r\nFrom: a@b.example\r\n\r\n");
    expect("require \"enotify\"; notify :message \"m\" \"mailto:a@b.example\";",
           "notify a@b.example \"m\"; keep");
    scene_set("Auto-Submitted: auto-generated\r\n\r\n");
    expect("require \"enotify\"; notify :message \"m\" \"mailto:a@b.example\";", "keep");
}

TEST("text over several lines begins behind a line that ends, with a comment or without")
{
    scene_set(message);
    expect("require \"reject\"; reject text: \t # why\r\n..dot\r\nno\r\n.\r\n;",
           "reject \".dot\r\nno\r\n\"");
    expect("require \"reject\"; reject text:\nno\n.\n;", "reject \"no\r\n\"");
    expect("require \"reject\"; reject text: no\r\n.\r\n;",
           "line 1, column 26: behind text: the line must end");
    expect("require \"reject\"; reject \"no", "line 1, column 26: the string that begins here has "
                                              "no end");
    expect("require \"encoded-character\"; if header \"subject\" \"${unicode: }\" { keep; }",
           "keep");
    expect("keep; \x01", "line 1, column 7: this character has no place here");
}
