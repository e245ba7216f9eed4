/* What is written oddly in scripts, and odd bytes in what they look at. */
#include "sieve_scene.h"

static const char message[] = "From: coyote@desert.example.org\r\n"
                              "To: friends: roadrunner@acme.example.com, coyote;, local-alone\r\n"
                              "To: bird@acme.example.com\r\n"
                              "Date: Tue, 01 Apr 2025 23:30:00\r\n"
                              "X-Empty:\r\n"
                              "X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                              "X-Many: b\r\n"
                              "Subject: so\r\n"
                              "\r\n"
                              "body\r\n";

/* A script whose bytes C would cut. */
static void expect_bytes(struct text source, const char *expected)
{
    struct sieve_script *script = NULL;
    struct buffer error;
    buffer_init(&error, 1000);
    EXPECT(sieve_compile(source, NULL, &error, &script) == REFUSED);
    EXPECT_TEXT(buffer_text(&error), expected);
    buffer_finish(&error);
}

TEST("strings and lines that the end of the script cuts off are refused, however they end")
{
    scene_set(message);
    expect("require \"reject\"; reject \"no\\",
           "line 1, column 26: the string that begins here has no end");
    static const char cut[] =
        "line 1, column 26: the text: that begins here has no line with a dot alone";
    expect("require \"reject\"; reject text:\nno", cut);
    expect("require \"reject\"; reject text:\n", cut);
    expect("require \"reject\"; reject text:\n.\rno\n", cut);
    expect("require \"reject\"; reject text:\nno\n.",
           "line 3, column 2: ';' is missing at the end of the command");
    expect("require \"reject\"; reject text:\rno\n.\n;",
           "line 1, column 26: behind text: the line must end");
    expect("require \"reject\"; reject text:\r\n.\rno\r\n.\r\n;", "reject \"\rno\r\n\"");
    expect_bytes(text_of("keep; \0 keep;", 13),
                 "line 1, column 7: this character has no place here");
}

TEST("characters by number: none, wrong ones, and those that are no text")
{
    static const char wrong[] = "line 1, column 49: the string has a ${unicode:} that is no "
                                "character, or bytes that are not UTF-8";
    scene_set(message);
    expect("require [\"encoded-character\", \"reject\"]; reject \"${unicode:d800 d801}\";", wrong);
    expect("require [\"encoded-character\", \"reject\"]; reject \"${hex:ff}\";", wrong);
    expect("require [\"encoded-character\", \"reject\"]; reject \"${hex:}${hex: }${hex:4 4g}\";",
           "reject \"${hex:}${hex: }${hex:4 4g}\"");
    expect("require [\"encoded-character\", \"reject\"]; reject \"${unicode: 0041\t42 }\";",
           "reject \"AB\"");
}

TEST("an else or elsif stands behind an if, an elsif, and nothing else")
{
    scene_set(message);
    expect("if false { keep; } elsif false { keep; } elsif true { discard; } else { keep; }",
           "discard");
    expect("keep; elsif true { discard; }", "line 1, column 7: elsif without an if before it");
    expect("if true { keep; } else { keep; } else { keep; }",
           "line 1, column 34: else without an if before it");
}

TEST("a script that includes another needs somebody to find it")
{
    static const char source[] = "require \"include\"; include \"other\";";
    scene_set(message);
    expect_bytes(text_from(source), "line 1, column 20: there is no script \"other\"");
}

#define COUNTS "require [\"include\", \"variables\"]; global \"n\"; "

/* RFC 6609 3.2 */
TEST("what is included once runs once, wherever it was included before, and may include its host")
{
    static const char *const scripts[][2] = {
        {"personal/x", COUNTS "set \"n\" \"${n}x\";"},
        {"personal/through", COUNTS "include \"x\";"},
        {"personal/a", COUNTS "set \"n\" \"${n}a\"; include :once \"b\";"},
        {"personal/b", COUNTS "set \"n\" \"${n}b\"; include :once \"a\"; include :once \"b\";"},
        {"global/x", COUNTS "set \"n\" \"${n}g\";"},
        {"personal/loop", "require \"include\"; include \"loop\";"},
        {NULL, NULL}};
    static const struct {
        const char *includes, *n;
    } rows[] = {
        {"include \"x\"; include \"x\";", "xx"},
        {"include :once \"x\"; include :once \"x\";", "x"},
        {"include \"x\"; include :once \"x\";", "x"},
        {"include :once \"x\"; include \"x\";", "xx"},
        {"include \"through\"; include :once \"x\";", "x"},
        {"if false { include :once \"x\"; } include :once \"x\";", "x"},
        {"include :once \"x\"; include :global :once \"x\"; include :global :once \"x\";", "xg"},
        {"include \"a\";", "ab"},
        {"include :once \"a\"; include :once \"b\"; include \"b\";", "abb"},
    };
    char source[500];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene_set(message);
        scene.scripts = scripts;
        snprintf(source, sizeof(source), COUNTS "%s if string \"${n}\" \"%s\" { discard; }",
                 rows[i].includes, rows[i].n);
        expect(source, "discard");
    }
    struct buffer out;
    tell("require \"include\"; include \"loop\";", &out);
    EXPECT(text_find_text(buffer_text(&out), TEXT("too many scripts within scripts")) < out.length);
    buffer_finish(&out);
}

TEST("a variable is declared global by its name, once or twice, and there are so many")
{
    scene_set(message);
    expect("require [\"include\", \"variables\"]; global [\"v\", \"V\", \"v\"]; set \"v\" \"1\"; "
           "if string \"${global.v}\" \"1\" { discard; }",
           "discard");
    expect("require [\"include\", \"variables\"]; global [\"v\", \"no name\"];",
           "keep error line 1: global: that is no name of a variable");
    struct buffer many;
    buffer_init(&many, 20000);
    buffer_append(&many, TEXT("require [\"include\", \"variables\"]; global [\"v\""));
    for (unsigned i = 0; i < 256; i++)
        buffer_printf(&many, ", \"v%u\"", i);
    buffer_append(&many, TEXT("];\0"));
    expect(many.data, "keep error line 1: global: too many variables");
    buffer_finish(&many);
}

TEST("an address in a group counts, a group's name and a local part alone as what they are")
{
    scene_set(message);
    expect_true("", "address \"to\" \"roadrunner@acme.example.com\"");
    expect_true("", "address \"to\" \"local-alone\"");
    expect_true("", "address :localpart \"to\" \"coyote\"");
    expect_true("", "address :domain \"to\" \"\"");
    expect_false("", "address :localpart \"to\" \"\"");
    expect_false("", "address :contains \"to\" \"friends\"");
    expect_true("", "address [\"to\", \"from\"] \"roadrunner@acme.example.com\"");
    expect_true("\"envelope\"", "envelope [\"from\", \"to\"] \"coyote@desert.example.org\"");
    expect_true("", "header [\"subject\", \"from\"] \"so\"");
    expect_true("", "header :contains [\"x-many\", \"from\"] \"aaa\"");
}

TEST("an empty key is in every value, an empty one too")
{
    scene_set(message);
    expect_true("", "header :comparator \"i;octet\" :contains \"x-empty\" \"\"");
    expect_true("", "header :contains \"x-empty\" \"\"");
    expect_true("", "header :comparator \"i;octet\" :contains \"subject\" \"\"");
    expect_false("", "header :comparator \"i;octet\" :contains \"x-empty\" \"s\"");
    expect_true("\"relational\", \"comparator-i;ascii-numeric\"",
                "header :count \"eq\" :comparator \"i;ascii-numeric\" \"x-many\" [\"2\", \"3\"]");
}

TEST("bytes that are no text stand for characters that nobody knows")
{
    scene_set("Subject: x\r\n\r\nraw \xff\xc3 bytes\r\n");
    expect_true("\"body\", \"comparator-i;unicode-casemap\"",
                "body :raw :comparator \"i;unicode-casemap\" :contains \"bytes\"");
    scene.message.sender = TEXT("\xff\xc3@Desert.example.org");
    static const char source[] =
        "require [\"envelope\", \"variables\", \"reject\"]; "
        "if envelope :matches \"from\" \"*@*\" { set :upper \"v\" \"${1}\"; set :lower \"w\" "
        "\"${2}\"; reject \"${v}@${w}\"; }";
    expect(source, "reject \"\xef\xbf\xbd\xef\xbf\xbd@desert.example.org\"");
}

TEST("a NUL by number is quoted and encoded as any other byte, and left out of a field")
{
    struct sieve_script *script;
    struct sieve_result result;
    struct arena arena;
    struct buffer error;
    static const char source[] =
        "require [\"encoded-character\", \"variables\", \"enotify\", \"editheader\", \"regex\"];"
        "set :quotewildcard \"q\" \"a*${hex:00}\"; set :encodeurl \"u\" \"${hex:00}/\";"
        "addheader :last \"X-Nul\" \"<${q}>${u}\";";
    scene_set(message);
    arena_init(&arena);
    buffer_init(&error, 1000);
    EXPECT(sieve_compile(text_from(source), NULL, &error, &script) == OK);
    sieve_run(script, &scene.message, &scene.world, &arena, &result);
    EXPECT_TEXT(result.error, "");
    EXPECT(text_ends_with_nocase(result.header, TEXT("Subject: so\r\nX-Nul: <a\\*>%00%2F\r\n")));
    sieve_script_free(&script);
    buffer_finish(&error);
    arena_finish(&arena);
}

TEST("a field's name is printable ASCII of a length")
{
    char source[600];
    static const char wrong[] = "that is no name of a header field";
    struct buffer out;
    scene_set(message);
    expect("require \"editheader\"; addheader \"X-\xc3\xbc\" \"v\";",
           "line 1, column 23: addheader: that is no name of a header field");
    expect("require \"editheader\"; addheader \"X-\x7f\" \"v\";",
           "line 1, column 23: addheader: that is no name of a header field");
    expect("require [\"editheader\", \"variables\"]; addheader \"${none}\" \"v\";",
           "keep error line 1: addheader: that is no name of a header field");
    for (int length = 200; length <= 201; length++) {
        snprintf(source, sizeof(source), "require \"editheader\"; addheader \"%0*d\" \"v\";",
                 length, 0);
        tell(source, &out);
        EXPECT((text_find_text(buffer_text(&out), text_from(wrong)) < out.length) ==
               (length == 201));
        buffer_finish(&out);
    }
}

TEST("a name of a variable is of a length")
{
    char source[300];
    scene_set(message);
    for (int length = 64; length <= 65; length++) {
        snprintf(source, sizeof(source),
                 "require [\"variables\", \"imap4flags\"]; set \"v%0*d\" \"x\"; discard;",
                 length - 1, 0);
        expect(source,
               length == 64 ? "discard" : "line 1, column 38: set: that is no name of a variable");
    }
    expect("require [\"variables\", \"imap4flags\"]; setflag \"no name\" \"x\";",
           "keep error line 1: setflag: that is no name of a variable");
}

TEST("a flag is ASCII of a length; keys of a test are looked for in each of its variables")
{
    char source[600];
    scene_set(message);
    snprintf(source, sizeof(source),
             "require \"imap4flags\"; setflag [\"gr\xc3\xbcn\", \"a\x01\", \"%0100d\", \"%0101d\", "
             "\"$ok\"];",
             1, 2);
    struct buffer out;
    tell(source, &out);
    EXPECT(text_ends_with_nocase(buffer_text(&out), TEXT("1 $ok)")));
    EXPECT(text_starts_with(buffer_text(&out), TEXT("keep (000")));
    buffer_finish(&out);
    expect("require [\"imap4flags\", \"variables\"]; setflag \"a\" \"one two\"; setflag \"b\" "
           "\"three\"; if allof(hasflag [\"a\", \"b\"] \"one\", hasflag [\"a\", \"b\"] \"three\", "
           "not hasflag [\"a\", \"b\"] \"four\") { discard; }",
           "discard");
    struct buffer many;
    buffer_init(&many, 5000);
    buffer_append(&many, TEXT("require \"imap4flags\"; setflag \"last\"; if hasflag \""));
    for (unsigned i = 0; i < 100; i++)
        buffer_printf(&many, "f%u ", i);
    buffer_append(&many, TEXT("last\" { discard; }\0"));
    expect(many.data, "keep (last)");
    buffer_finish(&many);
}

TEST("who is away answers a person, as often as may be, from an address that is made in the run")
{
    scene_set("Auto-Submitted: no\r\nTo: bird@acme.example.com\r\nSubject: so\r\n\r\n");
    expect("require \"vacation\"; vacation :days 500 :subject \"s\" \"away\";",
           "vacation coyote@desert.example.org \"s\" \"away\" 7776000s; keep");
    expect("require \"vacation\"; vacation :subject \"s\" \"away\"; keep; "
           "vacation :subject \"t\" \"again\";",
           "vacation coyote@desert.example.org \"s\" \"away\" 604800s; keep");
    expect("require [\"vacation\", \"variables\"]; set \"me\" \"a@b.example\"; "
           "vacation :from \"${me}\" :subject \"s\" \"away\";",
           "vacation coyote@desert.example.org \"s\" \"away\" 604800s; keep");
    expect("require \"vacation\"; vacation :from \"no address\" \"away\";",
           "line 1, column 21: vacation: :from must be a mail address");
    expect_false("\"enotify\"", "valid_notify_method \"mailto:a%/1@b.example%\"");
    expect_true("\"enotify\"", "valid_notify_method \"mailto:a%zz%4g@b.example\"");
}

TEST("a date without a zone is one of Greenwich")
{
    scene_set(message);
    expect_true("\"date\"", "date :originalzone \"date\" \"zone\" \"+0000\"");
    expect_true("\"date\"", "date :originalzone \"date\" \"hour\" \"23\"");
}

TEST("a mailbox has a name, and what was only thrown away can still be rejected")
{
    scene_set(message);
    expect("require \"fileinto\"; fileinto \"\";",
           "keep error line 1: fileinto: the mailbox has no name");
    expect("require \"reject\"; discard; reject \"no\";", "discard; reject \"no\"");
}

TEST("the first thing that goes wrong is told, and nothing that follows is decided")
{
    scene_set(message);
    expect("require \"date\"; if currentdate :zone \"x\" \"no part\" \"1\" { discard; }",
           "keep error line 1: currentdate: a zone is written like \"+0100\"");
    expect("require \"envelope\"; if not envelope \"auth\" \"x\" { discard; }",
           "keep error line 1: envelope: the envelope has parts from and to");
    expect("require \"envelope\"; if anyof(envelope \"auth\" \"x\", true) { discard; }",
           "keep error line 1: envelope: the envelope has parts from and to");
}
