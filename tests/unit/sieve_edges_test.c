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
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        snprintf(text, sizeof(text), "%s\r\n%s", fields[i], message);
        scene_set(text);
        expect("require \"vacation\"; vacation \"away\";", "keep");
    }
}
