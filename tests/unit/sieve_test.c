/* Sieve: what scripts do to a message, in one line: "fileinto Lists (\Seen); keep". */
#include "mail/charset.h"
#include "mail/header.h"
#include "sieve_scene.h"

static const char message_bytes[] =
    "Received: from a.test by mx.example.test; Thu, 26 Nov 2026 10:00:00 +0000\r\n"
    "Date: Tue, 01 Apr 1997 09:06:31 -0800 (PST)\r\n"
    "From: coyote@desert.example.org\r\n"
    "To: roadrunner@acme.example.com, \"Bird, B.\" <bird+nest@acme.example.com>\r\n"
    "Subject: =?utf-8?Q?I_have_a_present_for_you_=C3=84?=\r\n"
    "X-Number: 12\r\n"
    "X-Twice: one\r\n"
    "X-Twice: two\r\n"
    "Message-ID: <1@desert.example.org>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n"
    "\r\n"
    "--b\r\n"
    "Content-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
    "Look, I'm sorry about the whole anvil th=E4ng\r\n"
    "--b\r\n"
    "Content-Type: application/x-anvil\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "YW52aWwgcGxhbnM=\r\n"
    "--b--\r\n";

static void scene_reset(void)
{
    scene_set(message_bytes);
}

TEST("without an action the message is kept, with one it is not, and stop stops")
{
    scene_reset();
    expect("", "keep");
    expect("discard;", "discard");
    expect("keep; keep;", "keep");
    expect("redirect \"a@b.test\";", "redirect a@b.test");
    expect("require [\"fileinto\", \"copy\"]; fileinto :copy \"A\";", "fileinto A; keep");
    expect("require \"fileinto\"; fileinto \"A\"; stop; fileinto \"B\";", "fileinto A");
    expect("require \"fileinto\"; fileinto \"A\"; fileinto \"A\"; fileinto \"B\";",
           "fileinto A; fileinto B");
}

TEST("if, elsif and else take one branch")
{
    scene_reset();
    expect("if false { keep; } elsif true { discard; } else { redirect \"a@b.test\"; }", "discard");
    expect("if false { keep; } elsif false { discard; } else { redirect \"a@b.test\"; }",
           "redirect a@b.test");
    expect("if true { if false {} else { discard; } } else { keep; }", "discard");
    expect_true("", "allof(true, not false, anyof(false, true))");
    expect_false("", "allof(true, false)");
}

TEST("headers are compared by is, contains and matches, decoded")
{
    scene_reset();
    expect_true("", "header :is \"X-Number\" \"12\"");
    expect_false("", "header :is \"X-Number\" \"1\"");
    expect_true("", "header :contains [\"x-none\", \"subject\"] [\"nothing\", \"PRESENT\"]");
    expect_true("", "header :matches \"Subject\" \"I have*you \xc3\x84\"");
    expect_true("", "header :matches \"subject\" \"*for you ?\"");
    expect_false("", "header :comparator \"i;octet\" :contains \"Subject\" \"PRESENT\"");
    expect_true("", "header :contains \"subject\" \"\"");
    expect_false("", "header :contains \"x-none\" \"\"");
    expect_true("", "exists [\"From\", \"Date\"]");
    expect_false("", "exists [\"From\", \"X-None\"]");
}

TEST("text that names no charset is read as its owner guesses")
{
    scene_reset();
    scene.message.bytes = TEXT("Subject: \xf4\xc5\xcd\xc1\r\n\r\n\xd0\xd2\xc9\xd7\xc5\xd4\r\n");
    scene.world.charset = charset_number(TEXT("koi8-r"));
    expect_true("", "header :is \"subject\" \"\xd0\xa2\xd0\xb5\xd0\xbc\xd0\xb0\"");
    expect_true("\"body\"", "body :contains \"\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\"");
    scene.world.charset = 0;
    expect_false("", "header :is \"subject\" \"\xd0\xa2\xd0\xb5\xd0\xbc\xd0\xb0\"");
}

TEST("addresses are taken apart, with their details")
{
    scene_reset();
    expect_true("", "address :domain \"from\" \"desert.example.org\"");
    expect_true("", "address :localpart \"to\" \"bird+nest\"");
    expect_true("\"subaddress\"", "address :user \"to\" \"bird\"");
    expect_true("\"subaddress\"", "address :detail \"to\" \"nest\"");
    expect_false("\"subaddress\"", "address :detail \"from\" \"\"");
    expect_true("\"envelope\"", "envelope \"from\" \"coyote@desert.example.org\"");
    expect_true("\"envelope\", \"subaddress\"", "envelope :detail \"to\" \"fast\"");
    expect("require \"envelope\"; if envelope \"auth\" \"x\" { discard; }",
           "keep error line 1: envelope: the envelope has parts from and to");
}

TEST("sizes are compared with their units")
{
    scene_reset();
    expect_true("", "size :under 1M");
    expect_false("", "size :over 100K");
    expect_true("", "size :over 500");
}

TEST("values are compared by relation and counted")
{
    scene_reset();
    expect_true("\"relational\", \"comparator-i;ascii-numeric\"",
                "header :value \"gt\" :comparator \"i;ascii-numeric\" \"x-number\" \"9\"");
    expect_false("\"relational\"", "header :value \"gt\" \"x-number\" \"9\"");
    expect_true("\"relational\", \"comparator-i;ascii-numeric\"",
                "address :count \"eq\" :comparator \"i;ascii-numeric\" \"to\" \"2\"");
    expect_true("\"relational\", \"comparator-i;ascii-numeric\"",
                "header :count \"ge\" :comparator \"i;ascii-numeric\" \"x-twice\" \"2\"");
    expect_true("\"comparator-i;unicode-casemap\"",
                "header :contains :comparator \"i;unicode-casemap\" \"subject\" \"\xc3\xa4\"");
}

TEST("an index chooses one occurrence")
{
    scene_reset();
    expect_true("\"index\"", "header :index 2 \"x-twice\" \"two\"");
    expect_false("\"index\"", "header :index 1 \"x-twice\" \"two\"");
    expect_true("\"index\"", "header :index 1 :last \"x-twice\" \"two\"");
    expect_false("\"index\"", "header :index 3 \"x-twice\" [\"one\", \"two\"]");
}

TEST("regular expressions match and give their groups, and can't take for ever")
{
    scene_reset();
    expect("require [\"regex\", \"variables\", \"fileinto\"];"
           "if header :regex \"from\" \"([a-z]+)@([a-z.]+)\" { fileinto \"${2}/${1}\"; }",
           "fileinto desert.example.org/coyote");
    expect("require \"regex\"; if header :regex \"from\" \"(\" { discard; }",
           "line 1, column 21: header: the regular expression is malformed");
    scene.message.bytes = TEXT("X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\r\n\r\n");
    expect("require \"regex\"; if header :regex \"x\" \"^(a|aa)+$\" { discard; }",
           "keep error line 1: header: the regular expression takes too long");
}

TEST("variables are set, changed and put into strings")
{
    scene_reset();
    expect(
        "require [\"variables\", \"fileinto\"]; set \"a\" \"Juni\"; set :upperfirst :lower \"b\" "
        "\"${a}OR\"; fileinto \"${B}${none}$ {a}\";",
        "fileinto Junior$ {a}");
    expect("require [\"variables\", \"fileinto\"];"
           "if header :matches \"From\" \"*@*.example.*\" { fileinto \"${1}-${2}-${3}\"; }",
           "fileinto coyote-desert-org");
    expect("require [\"variables\", \"fileinto\"]; set :length \"n\" \"\xc3\x84\xc3\x96\";"
           "set :quotewildcard \"q\" \"a*b\"; fileinto \"${n}${q}\";",
           "fileinto 2a\\*b");
    expect_true("\"variables\"", "string :is \"${unset}\" \"\"");
    expect("require [\"enotify\", \"variables\", \"fileinto\"];"
           "set :encodeurl \"u\" \"a b&c\"; fileinto \"${u}\";",
           "fileinto a%20b%26c");
}

TEST("encoded characters are what they mean")
{
    scene_reset();
    expect("require [\"encoded-character\", \"fileinto\"]; fileinto \"${hex:40 24}${unicode:C4}\";",
           "fileinto @$\xc3\x84");
    expect("require [\"encoded-character\", \"fileinto\"]; fileinto \"${hex:4z}${hex: }\";",
           "fileinto ${hex:4z}${hex: }");
    expect("require \"encoded-character\"; redirect \"${unicode:D800}@b.test\";",
           "line 1, column 39: the string has a ${unicode:} that is no character, or bytes that "
           "are not UTF-8");
}

TEST("flags are gathered and stay with what files the message")
{
    scene_reset();
    expect("require [\"imap4flags\", \"fileinto\"]; addflag \"\\\\Seen $Junk\"; addflag "
           "[\"\\\\seen\", \"x\"]; removeflag \"$junk\"; fileinto \"A\"; fileinto :flags \"y\" "
           "\"B\";",
           "fileinto A (\\Seen x); fileinto B (y)");
    expect("require \"imap4flags\"; setflag \"\\\\Flagged\";", "keep (\\Flagged)");
    expect("require [\"imap4flags\", \"variables\"]; setflag \"v\" \"a b\"; if hasflag \"v\" \"B\" "
           "{ discard; }",
           "discard");
}

TEST("bodies are decoded by part, or raw")
{
    scene_reset();
    expect_true("\"body\"", "body :contains \"anvil th\xc3\xa4ng\"");
    expect_false("\"body\"", "body :contains \"anvil plans\"");
    expect_true("\"body\"", "body :content \"application\" :contains \"anvil plans\"");
    expect_true("\"body\"", "body :content \"\" :contains \"anvil plans\"");
    expect_true("\"body\"", "body :raw :contains \"th=E4ng\"");
    expect_false("\"body\"", "body :content \"text/html\" :contains \"anvil\"");
}

TEST("dates are compared by their parts, in any zone")
{
    scene_reset();
    expect_true("\"date\"", "date :originalzone \"date\" \"hour\" \"09\"");
    expect_true("\"date\"", "date \"date\" \"hour\" \"17\"");
    expect_true("\"date\"", "date :zone \"+0130\" \"date\" \"time\" \"18:36:31\"");
    expect_true("\"date\"", "date \"date\" \"weekday\" \"2\"");
    expect_true("\"date\"", "date \"date\" \"julian\" \"50539\"");
    expect_true("\"date\"",
                "date :originalzone \"date\" \"iso8601\" \"1997-04-01T09:06:31-08:00\"");
    expect_true("\"date\"", "date :originalzone \"date\" \"std11\" \"Tue, 1 Apr 1997 09:06:31 "
                            "-0800\"");
    expect_true("\"date\"", "date \"received\" \"date\" \"2026-11-26\"");
    expect_true("\"date\", \"relational\"", "currentdate :value \"ge\" \"date\" \"2026-11-26\"");
    expect("require \"date\"; if date \"date\" \"era\" \"x\" { discard; }",
           "keep error line 1: date: there is no such part of a date");
}

TEST("a vacation answers who wrote to its owner, once")
{
    scene_reset();
    expect("require \"vacation\"; vacation \"Away\"; vacation \"Again\";",
           "vacation coyote@desert.example.org \"Auto: I have a present for you \xc3\x84\" "
           "\"Away\" 604800s; keep");
    expect("require \"vacation\"; vacation :days 0 :subject \"S\" :handle \"h\" \"Away\";",
           "vacation coyote@desert.example.org \"S\" \"Away\" 86400s; keep");
    scene.message.sender = TEXT("");
    expect("require \"vacation\"; vacation \"Away\";", "keep");
    scene_reset();
    scene.message.bytes = TEXT("To: roadrunner@acme.example.com\r\nList-Id: <l>\r\n\r\n");
    expect("require \"vacation\"; vacation \"Away\";", "keep");
    scene.message.bytes = TEXT("To: somebody@else.test\r\n\r\n");
    expect("require \"vacation\"; vacation \"Away\";", "keep");
    expect("require \"vacation\"; vacation :addresses \"Somebody@else.test\" :subject \"S\" \"A\";",
           "vacation coyote@desert.example.org \"S\" \"A\" 604800s; keep");
}

TEST("a message is rejected with the reason, and with nothing beside")
{
    scene_reset();
    expect("require \"reject\"; reject \"no\";", "reject \"no\"");
    expect("require [\"ereject\", \"fileinto\"]; fileinto \"A\"; ereject \"no\";",
           "keep error line 1: ereject: something else was done with the message before");
    expect("require [\"reject\"]; reject \"no\"; keep;",
           "keep error line 1: keep: the message was rejected before");
}

TEST("header fields are added and removed, and seen by what follows")
{
    scene_reset();
    expect_true("\"editheader\"", "not header :is \"x-new\" \"v\"");
    expect("require [\"editheader\", \"index\"]; addheader \"X-New\" \"v\"; deleteheader :index 1 "
           "\"X-Twice\";"
           "if allof(header \"x-new\" \"v\", not header \"x-twice\" \"one\", header \"x-twice\" "
           "\"two\") { discard; }",
           "discard");
    expect("require \"editheader\"; deleteheader :contains \"X-Twice\" \"tw\"; deleteheader "
           "\"Received\"; if allof(header \"x-twice\" \"one\", not header \"x-twice\" \"two\", "
           "exists \"received\") { discard; }",
           "discard");
    expect("require \"editheader\"; addheader \"X:Y\" \"v\";",
           "line 1, column 23: addheader: that is no name of a header field");
}

TEST("a value that is added can't end its field")
{
    struct sieve_script *script;
    struct sieve_result result;
    struct arena arena;
    struct buffer error;
    struct header_field field;
    scene_reset();
    buffer_init(&error, 1000);
    arena_init(&arena);
    EXPECT(sieve_compile(TEXT("require \"editheader\"; addheader \"X-A\" \"a\r\nX-B: b\";"), NULL,
                         &error, &script) == OK);
    sieve_run(script, &scene.message, &scene.world, &arena, &result);
    EXPECT(result.header_changed);
    EXPECT(header_find(result.header, TEXT("X-A"), &field));
    EXPECT(!header_find(result.header, TEXT("X-B"), &field));
    arena_finish(&arena);
    buffer_finish(&error);
    sieve_script_free(&script);
}

TEST("the surroundings are asked")
{
    scene_reset();
    expect_true("\"mailbox\"", "mailboxexists \"Known\"");
    expect_false("\"mailbox\"", "mailboxexists [\"Known\", \"Other\"]");
    expect_true("\"special-use\"", "specialuse_exists \"\\\\Junk\"");
    expect(
        "require [\"fileinto\", \"special-use\", \"mailbox\"]; fileinto :specialuse \"\\\\Junk\" "
        ":create \"Spam\";",
        "fileinto Spam \\Junk create");
    expect_true("\"duplicate\"", "duplicate");
    expect_false("\"duplicate\"", "duplicate :handle \"x\"");
    expect_true("\"spamtest\", \"relational\", \"comparator-i;ascii-numeric\"",
                "spamtest :value \"ge\" :comparator \"i;ascii-numeric\" \"5\"");
    expect_true("\"spamtestplus\"", "spamtest :percent \"50\"");
    expect_true("\"environment\"", "environment \"host\" \"mx.example.test\"");
    expect_true("\"environment\"", "environment :contains \"remote-ip\" \"192.0.2.\"");
    expect_true("\"enotify\"", "valid_notify_method \"mailto:a@b.test\"");
    expect_false("\"enotify\"", "valid_notify_method \"tel:123\"");
    expect("require \"enotify\"; notify :message \"You have mail\" \"mailto:a%40b@c.test\";",
           "keep error line 1: notify: only mailto:ADDRESS can be notified");
    expect("require \"enotify\"; notify :message \"You have mail\" \"mailto:a@c.test?x=y\";",
           "notify a@c.test \"You have mail\"; keep");
}

TEST("scripts include others, whose variables are their own")
{
    scene_reset();
    scene.library = "require [\"include\", \"variables\", \"fileinto\"]; global \"g\";"
                    "set \"own\" \"inner\"; set \"g\" \"shared\"; return; discard;";
    expect(
        "require [\"include\", \"variables\", \"fileinto\"]; global \"g\"; set \"own\" \"outer\";"
        "include :personal \"other\"; fileinto \"${own}-${g}-${global.g}\";",
        "fileinto outer-shared-shared");
    expect("require \"include\"; include \"none\";",
           "line 1, column 20: there is no script \"none\"");
    expect("require \"include\"; include :optional \"none\";", "keep");
    scene.library = "require \"include\"; include \"other\";";
    expect("require \"include\"; include \"other\";",
           "line 1, column 20: too many scripts within scripts (in the script \"other\") (in the "
           "script \"other\") (in the script \"other\") (in the script \"other\") (in the script "
           "\"other\")");
}

TEST("ihave passes over what is not here")
{
    scene_reset();
    expect("require \"ihave\"; if ihave \"x-unknown\" { frobnicate :now \"a\" { b; } } else { "
           "discard; }",
           "discard");
    expect("require \"ihave\"; if ihave \"fileinto\" { fileinto \"A\"; }", "fileinto A");
    expect("require \"ihave\"; error \"stop here\";", "keep error line 1: error: stop here");
}

TEST("what is wrong is told with its place and the remedy")
{
    scene_reset();
    expect("fileinto \"A\";", "line 1, column 1: fileinto needs: require \"fileinto\";");
    expect("require \"nonsense\";", "line 1, column 1: there is no extension \"nonsense\" here");
    expect("keep\n;\nfrob;", "line 3, column 1: there is no command frob");
    expect("if true { keep; ", "line 1, column 17: '}' is missing behind the block");
    expect("keep", "line 1, column 5: ';' is missing at the end of the command");
    expect("else { }", "line 1, column 1: else without an if before it");
    expect("if header :is :contains \"a\" \"b\" {}",
           "line 1, column 15: :contains can't stand beside what stands here already");
    expect("if header \"a\" {}", "line 1, column 4: header takes 2 arguments, not 1");
    expect("redirect \"nobody\";", "line 1, column 1: redirect: that is no mail address");
    expect("if size 5 {}", "line 1, column 4: size: :over or :under must stand here");
    expect("keep; \"x\";", "line 1, column 7: a command must stand here");
    expect("redirect \"a@b.test", "line 1, column 10: the string that begins here has no end");
    expect("/* open", "line 1, column 1: the comment that begins here has no end");
    expect("keep; require \"copy\";", "line 1, column 7: there is no command require");
    expect("}", "line 1, column 1: there is no block that ends here");
}

TEST("strings of many lines are unstuffed, comments are none of the script")
{
    scene_reset();
    expect("require \"reject\"; # a comment\nreject text: # another\nHello\n..dot\n.\n;",
           "reject \"Hello\r\n.dot\r\n\"");
    expect("/* a\n* b */ discard /* c */ ; # d", "discard");
}

TEST("a script of endless work is ended and the message kept")
{
    static char source[200000];
    size_t length = 0;
    scene_reset();
    length += (size_t)snprintf(source, sizeof(source),
                               "require [\"variables\", \"fileinto\"];"
                               "set \"a\" \"%01000d\";",
                               0);
    for (int i = 0; i < 6; i++)
        length +=
            (size_t)snprintf(source + length, sizeof(source) - length, "set \"a\" \"${a}${a}\";");
    for (int i = 0; i < 2000; i++)
        length += (size_t)snprintf(source + length, sizeof(source) - length,
                                   "if string :matches \"${a}\" \"*1*1*1*1*1*1*1*\" {}");
    length += (size_t)snprintf(source + length, sizeof(source) - length, "fileinto \"A\";");
    expect(source, "keep error line 1: string: the script takes too long");
}
