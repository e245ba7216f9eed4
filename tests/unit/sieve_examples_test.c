/* The examples of RFC 5228 and of its extensions, on the messages of RFC 5228 1.5 and on others
 * that have what the example asks for. */
#include "sieve_scene.h"

static const char message_a[] = "Date: Tue, 01 Apr 1997 09:06:31 -0800 (PST)\r\n"
                                "From: coyote@desert.example.org\r\n"
                                "To: roadrunner@acme.example.com\r\n"
                                "Subject: I have a present for you\r\n"
                                "\r\n"
                                "Look, I'm sorry about the whole anvil thing.\r\n";

static const char message_b[] = "From: youcouldberich!@reply-by-postal-mail.invalid\r\n"
                                "Sender: b1ff@de.res.example.com\r\n"
                                "To: rube@landru.example.com\r\n"
                                "Date:  Mon, 31 Mar 1997 18:26:10 -0800\r\n"
                                "Subject: $$$ YOU, TOO, CAN BE A MILLIONAIRE! $$$\r\n"
                                "\r\n"
                                "YOU MAY HAVE ALREADY WON TEN MILLION DOLLARS\r\n";

static void with(const char *message, const char *source, const char *expected)
{
    scene_set(message);
    expect(source, expected);
}

/* What a string is when it is evaluated: a reason shows it. */
static void expect_text_of(const char *before, const char *string, const char *expected)
{
    char source[1000], whole[1000];
    snprintf(source, sizeof(source),
             "require [\"variables\", \"encoded-character\", \"reject\"]; %s reject \"%s\";",
             before, string);
    snprintf(whole, sizeof(whole), "reject \"%s\"", expected);
    with(message_a, source, whole);
}

TEST("RFC 5228 2.3 to 2.5: comments, encoded characters, tests")
{
    with(message_a, "if size :over 100k { # this is a comment\r\n discard;\r\n }", "keep");
    with(message_a,
         "if size :over 100K { /* this is a comment\r\n this is still a comment */ discard /* this "
         "is a comment\r\n */ ;\r\n }",
         "keep");
    with(message_b,
         "require \"encoded-character\";\r\n"
         "if header :contains \"Subject\" \"$${hex:24 24}\" { discard; }",
         "discard");
    static const char *const encodings[][2] = {
        {"$${hex:40}", "$@"},         {"${hex: 40 }", "@"},
        {"${HEX: 40}", "@"},          {"${hex:40", "${hex:40"},
        {"${hex:400}", "${hex:400}"}, {"${hex:4${hex:30}}", "${hex:40}"},
        {"${unicode:40}", "@"},       {"${ unicode:40}", "${ unicode:40}"},
        {"${UNICODE:40}", "@"},       {"${UnICoDE:0000040}", "@"},
        {"${Unicode:40}", "@"},       {"${Unicode:Cool}", "${Unicode:Cool}"},
    };
    for (unsigned i = 0; i < sizeof(encodings) / sizeof(*encodings); i++) {
        char source[300], whole[300];
        snprintf(source, sizeof(source),
                 "require [\"encoded-character\", \"reject\"]; reject \"%s\";", encodings[i][0]);
        snprintf(whole, sizeof(whole), "reject \"%s\"", encodings[i][1]);
        with(message_a, source, whole);
    }
    const char *either = "if anyof (not exists [\"From\", \"Date\"],\r\n"
                         "          header :contains \"from\" \"fool@example.com\") { discard; }";
    with(message_a, either, "keep");
    with("From: fool@example.com\r\nDate: x\r\n\r\n", either, "discard");
    with("From: x@example.com\r\n\r\n", either, "discard");
    with("Subject: You can MAKE MONEY FAST\r\n\r\n",
         "if header :contains :comparator \"i;octet\" \"Subject\" \"MAKE MONEY FAST\" { discard; }",
         "discard");
    with("Subject: You can Make Money Fast\r\n\r\n",
         "if header :contains :comparator \"i;octet\" \"Subject\" \"MAKE MONEY FAST\" { discard; }",
         "keep");
}

TEST("RFC 5228 3 and 4: branches, and what is done")
{
    const char *dropped = "require \"fileinto\";\r\n"
                          "if header :contains \"from\" \"coyote\" { discard;\r\n"
                          "} elsif header :contains [\"subject\"] [\"$$$\"] { discard;\r\n"
                          "} else { fileinto \"INBOX\"; }";
    const char *sent_on = "if header :contains [\"From\"] [\"coyote\"] {\r\n"
                          "   redirect \"acm@example.com\";\r\n"
                          "} elsif header :contains \"Subject\" \"$$$\" {\r\n"
                          "   redirect \"postmaster@example.com\";\r\n"
                          "} else { redirect \"field@example.com\"; }";
    with(message_a, dropped, "discard");
    with(message_b, dropped, "discard");
    with("From: x@example.com\r\n\r\n", dropped, "fileinto INBOX");
    with(message_a, sent_on, "redirect acm@example.com");
    with(message_b, sent_on, "redirect postmaster@example.com");
    with("From: x@example.com\r\n\r\n", sent_on, "redirect field@example.com");
    with(message_a,
         "require \"fileinto\"; if header :contains [\"from\"] \"coyote\" "
         "{ fileinto \"INBOX.harassment\"; }",
         "fileinto INBOX.harassment");
    with(message_a, "redirect \"bart@example.com\";", "redirect bart@example.com");
    with(message_a, "if size :under 1M { keep; } else { discard; }", "keep");
    with(message_a, "if not size :under 1M { discard; }", "keep");
    with(message_a, "if header :contains [\"from\"] [\"idiot@example.com\"] { discard; }", "keep");
}

TEST("RFC 5228 5 and 9: tests, and the extended example")
{
    static const char extended[] =
        "require [\"fileinto\"];\r\n"
        "if header :is \"Sender\" \"owner-filters@lists.example.org\" { fileinto \"filter\"; }\r\n"
        "elsif address :DOMAIN :is [\"From\", \"To\"] \"example.com\" { keep; }\r\n"
        "elsif anyof (NOT address :all :contains [\"To\", \"Cc\", \"Bcc\"] \"me@example.net\",\r\n"
        "   header :matches \"subject\" [\"*make*money*fast*\", \"*university*dipl*mas*\"])\r\n"
        "{ fileinto \"spam\"; }\r\n"
        "else { fileinto \"personal\"; }";
    with(message_a, "if address :is :all \"from\" \"tim@example.com\" { discard; }", "keep");
    with("From: Tim (his name) <TIM@example.com>\r\n\r\n",
         "if address :is :all \"from\" \"tim@example.com\" { discard; }", "discard");
    scene_set(message_a);
    expect_false("", "allof (false, false)");
    expect_false("", "allof (false, true)");
    expect_true("", "allof (true, true)");
    expect_false("", "anyof (false, false)");
    expect_true("", "anyof (false, true)");
    expect_true("", "anyof (true, true)");
    expect_true("\"envelope\"", "envelope :all :is \"from\" \"coyote@desert.example.org\"");
    expect_false("", "not exists [\"From\",\"Date\"]");
    with("Sender: owner-filters@lists.example.org\r\n\r\n", extended, "fileinto filter");
    with("From: a@example.com\r\n\r\n", extended, "keep");
    with("To: you@example.net\r\n\r\n", extended, "fileinto spam");
    with("To: me@example.net\r\nSubject: how to make some money real fast\r\n\r\n", extended,
         "fileinto spam");
    with("To: me@example.net\r\nSubject: lunch\r\n\r\n", extended, "fileinto personal");
}

TEST("RFC 5229 3 and 4: what variables are in strings")
{
    const char *company = "set \"company\" \"ACME\";";
    expect_text_of(company, "&%${}!", "&%${}!");
    expect_text_of(company, "${doh!}", "${doh!}");
    expect_text_of(company, "<${full}>", "<>");
    expect_text_of(company, "${company}", "ACME");
    expect_text_of(company, "${BAD${Company}", "${BADACME");
    expect_text_of(company, "${President, ${Company} Inc.}", "${President, ACME Inc.}");
    expect_text_of("set \"foo\" \"bar\";", "${fo\\o}", "bar");
    expect_text_of("set \"foo\" \"bar\";", "${fo\\\\o}", "${fo\\o}");
    expect_text_of("set \"foo\" \"bar\";", "\\${foo}", "bar");
    expect_text_of("set \"foo\" \"bar\";", "\\\\${foo}", "\\bar");
    expect_text_of("set \"dollar\" \"$\";", "regarding ${dollar}{beep}", "regarding ${beep}");
    expect_text_of("set \"name\" \"Ethelbert\";", "dear${hex:20 24 7b 4e}ame}", "dear Ethelbert");
    expect_text_of("set \"a\" \"juMBlEd lETteRS\";", "${a}", "juMBlEd lETteRS");
    expect_text_of("set :length \"b\" \"juMBlEd lETteRS\";", "${b}", "15");
    expect_text_of("set :lower \"b\" \"juMBlEd lETteRS\";", "${b}", "jumbled letters");
    expect_text_of("set :upperfirst \"b\" \"juMBlEd lETteRS\";", "${b}", "JuMBlEd lETteRS");
    expect_text_of("set :upperfirst :lower \"b\" \"juMBlEd lETteRS\";", "${b}", "Jumbled letters");
    expect_text_of("set :quotewildcard \"b\" \"Rock*\";", "${b}", "Rock\\*");
    expect_text_of("set \"honorific\" \"Mr\"; set \"last_name\" \"Coyote\";",
                   "Dear ${HONORIFIC} ${last_name},", "Dear Mr Coyote,");
    scene_set(message_a);
    with(message_a,
         "require \"variables\"; set \"state\" \"${state} pending\";\r\n"
         "if string :matches \" ${state} \" \"* pending *\" { discard; }",
         "discard");
}

TEST("RFC 5229 3.2: what a match found")
{
    with("List-ID: A list <filters.lists.example.org@x>\r\n\r\n",
         "require [\"fileinto\", \"variables\"];\r\n"
         "if header :matches \"List-ID\" \"*<*@*\" { fileinto \"INBOX.lists.${2}\"; stop; }",
         "fileinto INBOX.lists.filters.lists.example.org");
    with("Subject: [acme-users] [fwd] version 1.0 is out\r\n\r\n",
         "require [\"fileinto\", \"variables\"];\r\n"
         "if header :matches \"Subject\" \"[*] *\" { fileinto \"INBOX.lists.${1}/${2}\"; stop; }",
         "fileinto INBOX.lists.acme-users/[fwd] version 1.0 is out");
    with("To: coyote@ACME.Example.COM\r\n\r\n",
         "require [\"fileinto\", \"variables\"];\r\n"
         "if address :matches [\"To\", \"Cc\"] [\"coyote@**.com\", \"wile@**.com\"] {\r\n"
         " fileinto \"INBOX.business.${2}.${1}.${0}\"; stop; }",
         "fileinto INBOX.business.ACME.Example..coyote@ACME.Example.COM");
    with("To: coyote@ACME.Example.COM\r\n\r\n",
         "require [\"fileinto\", \"variables\"];\r\n"
         "if anyof (true, address :domain :matches \"To\" \"*.com\") { fileinto \"x${0}\"; }",
         "fileinto x");
}

TEST("RFC 5231 6 and 7: values and counts")
{
    static const char counted[] =
        "Received: one\r\nReceived: two\r\nSubject: example\r\n"
        "To: foo@example.com, baz@example.com\r\nCc: qux@example.com\r\n\r\n";
    static const char needs[] = "\"relational\", \"comparator-i;ascii-numeric\"";
    static const char extended[] =
        "require [\"relational\", \"comparator-i;ascii-numeric\", \"fileinto\"];\r\n"
        "if header :value \"lt\" :comparator \"i;ascii-numeric\" [\"x-priority\"] [\"3\"]\r\n"
        "{ fileinto \"Priority\"; }\r\n"
        "elsif address :count \"gt\" :comparator \"i;ascii-numeric\" [\"to\"] [\"5\"]\r\n"
        "{ fileinto \"SPAM\"; }\r\n"
        "elsif address :value \"gt\" :all :comparator \"i;ascii-casemap\" [\"from\"] [\"M\"]\r\n"
        "{ fileinto \"From N-Z\"; } else { fileinto \"From A-M\"; }\r\n"
        "if allof (address :count \"eq\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] "
        "[\"1\"],\r\n"
        "   address :all :comparator \"i;ascii-casemap\" [\"to\", \"cc\"] "
        "[\"me@foo.example.com\"])\r\n"
        "{ fileinto \"Only me\"; }";
    scene_set(counted);
    expect_true(needs,
                "address :count \"ge\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] [\"3\"]");
    expect_false(needs,
                 "anyof (address :count \"ge\" :comparator \"i;ascii-numeric\" [\"to\"] [\"3\"],"
                 " address :count \"ge\" :comparator \"i;ascii-numeric\" [\"cc\"] [\"3\"])");
    expect_false(needs,
                 "header :count \"ge\" :comparator \"i;ascii-numeric\" [\"received\"] [\"3\"]");
    expect_true(needs, "header :count \"ge\" :comparator \"i;ascii-numeric\" "
                       "[\"received\", \"subject\"] [\"3\"]");
    expect_false(needs,
                 "header :count \"ge\" :comparator \"i;ascii-numeric\" [\"to\", \"cc\"] [\"3\"]");
    with("X-Priority: 1\r\nTo: me@foo.example.com\r\n\r\n", extended,
         "fileinto Priority; fileinto Only me");
    with("To: a@x, b@x, c@x, d@x, e@x, f@x\r\n\r\n", extended, "fileinto SPAM");
    with("From: zoe@x\r\n\r\n", extended, "fileinto From N-Z");
    with("From: anna@x\r\n\r\n", extended, "fileinto From A-M");
}

TEST("RFC 5232 3 to 5: flags")
{
    with("From: boss@frobnitzm.example.edu\r\n\r\n",
         "require [\"fileinto\", \"imap4flags\", \"variables\"];\r\n"
         "if header :contains \"from\" \"boss@frobnitzm.example.edu\" {\r\n"
         " setflag \"flagvar\" \"\\\\Flagged\"; fileinto :flags \"${flagvar}\" \"INBOX.From "
         "Boss\"; }",
         "fileinto INBOX.From Boss (\\Flagged)");
    static const char *const alike[] = {
        "addflag \"flagvar\" \"\\\\Deleted\"; addflag \"flagvar\" \"\\\\Answered\";",
        "addflag \"flagvar\" [\"\\\\Deleted\", \"\\\\Answered\"];",
        "addflag \"flagvar\" \"\\\\Deleted \\\\Answered\";",
    };
    for (unsigned i = 0; i < 3; i++) {
        char source[300];
        snprintf(source, sizeof(source),
                 "require [\"imap4flags\", \"variables\"]; %s keep :flags \"${flagvar}\";",
                 alike[i]);
        with(message_a, source, "keep (\\Deleted \\Answered)");
    }
    with("Disposition-Notification-To: mel@example.com\r\nFrom: imap@cac.example.edu\r\n\r\n",
         "require [\"fileinto\", \"imap4flags\", \"variables\"];\r\n"
         "if header :contains \"Disposition-Notification-To\" \"mel@example.com\" "
         "{ addflag \"flagvar\" \"$MDNRequired\"; }\r\n"
         "if header :contains \"from\" \"imap@cac.example.edu\" {\r\n"
         " removeflag \"flagvar\" \"$MDNRequired\";"
         " fileinto :flags \"${flagvar}\" \"INBOX.imap-list\"; }",
         "fileinto INBOX.imap-list");
    with(message_a, "require \"imap4flags\"; setflag \"A B\"; if hasflag :is \"b A\" { discard; }",
         "discard");
    with(message_a,
         "require \"imap4flags\"; setflag \"A B\"; if hasflag [\"b\",\"A\"] { discard; }",
         "discard");
}

TEST("RFC 5232 4: flags are tested")
{
    static const struct {
        const char *test, *expected;
    } tests[] = {
        {"hasflag :contains \"MyVar\" \"Junk\"", "discard"},
        {"hasflag :contains \"MyVar\" \"forward\"", "discard"},
        {"hasflag :contains \"MyVar\" [\"label\", \"forward\"]", "discard"},
        {"hasflag :contains \"MyVar\" [\"junk\", \"forward\"]", "discard"},
        {"hasflag :contains \"MyVar\" \"junk forward\"", "discard"},
        {"hasflag :contains \"MyVar\" \"forward junk\"", "discard"},
        {"hasflag :contains \"MyVar\" \"label\"", "keep"},
        {"hasflag :contains \"MyVar\" [\"label1\", \"label2\"]", "keep"},
        {"hasflag :count \"ge\" :comparator \"i;ascii-numeric\" \"MyVar\" \"8\"", "discard"},
    };
    for (unsigned i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
        char source[600];
        snprintf(source, sizeof(source),
                 "require [\"imap4flags\", \"variables\", \"relational\", "
                 "\"comparator-i;ascii-numeric\"];\r\n"
                 "set \"MyVar\" \"NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk "
                 "$NotJunk\"; if %s { discard; }",
                 tests[i].test);
        with(message_a, source, tests[i].expected);
    }
}

TEST("RFC 5233 4: users and details")
{
    static const char script[] =
        "require [\"envelope\", \"subaddress\", \"fileinto\"];\r\n"
        "if envelope :user \"to\" \"postmaster\" { fileinto \"inbox.postmaster\"; stop; }\r\n"
        "if header :is \"x-list\" \"mta-filters\" { fileinto \"inbox.mta-filters\"; stop; }\r\n"
        "if allof (header :contains [\"subject\", \"x\"] \"ham\",\r\n"
        "          envelope :detail \"to\" \"mtafilters\") { fileinto \"inbox.ham\"; }\r\n"
        "elsif envelope :detail \"to\" \"foobar\" { fileinto \"foo\"; }";
    scene_set("Subject: ham\r\n\r\n");
    scene.message.recipient = TEXT("ken+mtafilters@example.org");
    expect(script, "fileinto inbox.ham");
    scene.message.recipient = TEXT("ken+foobar@example.org");
    expect(script, "fileinto foo");
    scene.message.recipient = TEXT("postmaster@example.org");
    expect(script, "fileinto inbox.postmaster");
    scene.message.recipient = TEXT("ken@example.org");
    expect(script, "keep");
}

TEST("RFC 5173 4 and 5: bodies")
{
    static const char nested[] =
        "From: Whomever\r\nTo: Someone\r\nSubject: whatever\r\n"
        "Content-Type: multipart/mixed; boundary=outer\r\n\r\n"
        "This is a multi-part message in MIME format.\r\n\r\n--outer\r\n"
        "Content-Type: multipart/alternative; boundary=inner\r\n\r\n"
        "This is a nested multi-part message in MIME format.\r\n\r\n--inner\r\n"
        "Content-Type: text/plain; charset=\"us-ascii\"\r\n\r\nHello\r\n\r\n--inner\r\n"
        "Content-Type: text/html; "
        "charset=\"us-ascii\"\r\n\r\n<html><body>Hello</body></html>\r\n\r\n"
        "--inner--\r\n\r\nThis is the end of the inner MIME multipart.\r\n\r\n--outer\r\n"
        "Content-Type: message/rfc822\r\n\r\nFrom: Someone Else\r\nSubject: hello request\r\n\r\n"
        "Please say Hello\r\n\r\n--outer--\r\n\r\nThis is the end of the outer MIME multipart.\r\n";
    scene_set(nested);
    expect_true("\"body\"", "body :content \"multipart\" :contains \"nested\"");
    expect_false("\"body\"", "body :content \"multipart\" :contains \"Hello\"");
    expect_true("\"body\"", "body :content \"text/plain\" :contains \"Hello\"");
    expect_false("\"body\"", "body :content \"text/plain\" :contains \"html\"");
    expect_true("\"body\"", "body :content \"text/html\" :contains \"Hello\"");
    expect_true("\"body\"", "body :content \"text\" :contains \"Hello\"");
    expect_true("\"body\"", "body :content \"message/rfc822\" :contains \"Someone Else\"");
    expect_true("\"body\"", "body :raw :contains \"the outer MIME\"");
    expect_false("\"body\"", "body :content \"audio/mp3\" :contains \"\"");
    with("Subject: x\r\n\r\nThe missile's coordinates\r\n",
         "require [\"body\", \"fileinto\"]; if body :content \"text\" :contains "
         "[\"missile\", \"coordinates\"] { fileinto \"secrets\"; }",
         "fileinto secrets");
    with("Subject: x\r\n\r\nMAKE MONEY FAST\r\n",
         "require \"body\"; if body :raw :contains \"MAKE MONEY FAST\" { discard; }", "discard");
    with("Subject: x\r\n\r\nthe project schedule\r\n",
         "require [\"body\", \"fileinto\"]; if body :text :contains \"project schedule\" "
         "{ fileinto \"project/schedule\"; }",
         "fileinto project/schedule");
}

TEST("RFC 5260 4 to 6: dates, the current one, and the one of several")
{
    static const char dated[] = "Received: by b; Mon, 26 Feb 2007 10:00:00 -0500\r\n"
                                "Received: by a; Mon, 26 Feb 2007 09:30:00 -0500\r\n"
                                "From: boss@example.com\r\n"
                                "Date: Mon, 26 Feb 2007 11:00:00 -0500\r\n\r\n";
    with(dated,
         "require [\"date\", \"relational\", \"fileinto\"];\r\n"
         "if allof(header :is \"from\" \"boss@example.com\",\r\n"
         "  date :value \"ge\" :originalzone \"date\" \"hour\" \"09\",\r\n"
         "  date :value \"lt\" :originalzone \"date\" \"hour\" \"17\") { fileinto \"urgent\"; }",
         "fileinto urgent");
    with(dated,
         "require [\"date\", \"relational\", \"fileinto\"];\r\n"
         "if anyof(date :is \"received\" \"weekday\" \"0\", date :is \"received\" \"weekday\" "
         "\"6\")\r\n"
         "{ fileinto \"weekend\"; }",
         "keep");
    /* Now is a Thursday in November of 2026. */
    with(dated,
         "require [\"date\", \"variables\", \"fileinto\"];\r\n"
         "if currentdate :matches \"month\" \"*\" { set \"month\" \"${1}\"; }\r\n"
         "if currentdate :matches \"year\" \"*\" { set \"year\" \"${1}\"; }\r\n"
         "fileinto \"${month}-${year}\";",
         "fileinto 11-2026");
    with(dated,
         "require [\"date\", \"relational\", \"vacation\"];\r\n"
         "if allof(currentdate :value \"ge\" \"date\" \"2007-06-30\",\r\n"
         "  currentdate :value \"le\" \"date\" \"2007-07-07\")\r\n"
         "{ vacation :days 7 \"I'm away during the first week in July.\"; }",
         "keep");
    with(dated,
         "require [\"date\", \"relational\", \"index\"];\r\n"
         "if date :value \"gt\" :index 2 :zone \"-0500\" \"received\"\r\n"
         "  \"iso8601\" \"2007-02-26T09:00:00-05:00\" { redirect \"aftercutoff@example.org\"; }",
         "redirect aftercutoff@example.org");
}

TEST("RFC 3894 3, RFC 5293 4 to 6, RFC 5429 2: copies, edited headers, refusals")
{
    with(message_a, "require [\"copy\", \"fileinto\"]; fileinto :copy \"incoming\";",
         "fileinto incoming; keep");
    with(message_a,
         "require \"editheader\";\r\n"
         "if not header :contains \"X-Sieve-Filtered\" [\"<kim@job.example.com>\"] {\r\n"
         " addheader \"X-Sieve-Filtered\" \"<kim@job.example.com>\";\r\n"
         " redirect \"kim@home.example.com\"; }",
         "redirect kim@home.example.com");
    with(message_a,
         "require [\"editheader\", \"fileinto\"]; addheader \"X-Hello\" \"World\";\r\n"
         "if header :contains \"X-Hello\" \"World\" { fileinto \"international\"; }",
         "fileinto international");
    with(message_a,
         "require \"editheader\"; addheader \"X-Hello\" \"World\"; deleteheader :index 1 "
         "\"X-Hello\";"
         " if exists \"X-Hello\" { discard; }",
         "keep");
    with("X-Hello: 1\r\nX-Hello: 2\r\nX-Hello: 3\r\n\r\n",
         "require \"editheader\"; deleteheader :index 1 \"X-Hello\"; deleteheader :index 2 "
         "\"X-Hello\"; if header :is \"X-Hello\" \"2\" { discard; }",
         "discard");
    with("Delivered-To: a@example.com\r\nDelivered-To: bob@example.com\r\n\r\n",
         "require \"editheader\"; deleteheader :index 1 :contains \"Delivered-To\" "
         "\"bob@example.com\"; if header :is \"Delivered-To\" \"bob@example.com\" { discard; }",
         "discard");
    with(message_a, "require \"editheader\"; keep; addheader \"X-Flavor\" \"vanilla\"; keep;",
         "keep");
    with(
        message_a,
        "require [\"reject\"]; if header :contains \"from\" \"coyote@desert.example.org\" {\r\n"
        " reject text:\r\nI am not taking mail from you, and I don't\r\n"
        "want your birdseed, either!\r\n.\r\n; }",
        "reject \"I am not taking mail from you, and I don't\r\nwant your birdseed, either!\r\n\"");
    with("From: someone@example.com\r\n\r\n",
         "require [\"ereject\"]; if address \"from\" \"someone@example.com\" "
         "{ ereject \"I no longer accept mail from this address\"; }",
         "reject \"I no longer accept mail from this address\"");
}

TEST("RFC 5235 3.2: how much spam it is")
{
    static const char classes[] =
        "require [\"spamtestplus\", \"fileinto\", \"relational\", "
        "\"comparator-i;ascii-numeric\"];\r\n"
        "if spamtest :value \"eq\" :comparator \"i;ascii-numeric\" \"0\"\r\n"
        "{ fileinto \"INBOX.unclassified\"; }\r\n"
        "elsif spamtest :percent :value \"eq\" :comparator \"i;ascii-numeric\" \"0\"\r\n"
        "{ fileinto \"INBOX.not-spam\"; }\r\n"
        "elsif spamtest :percent :value \"lt\" :comparator \"i;ascii-numeric\" \"37\"\r\n"
        "{ fileinto \"INBOX.spam-trap\"; } else { discard; }";
    scene_set(message_b);
    scene.world.spam_percent = -1;
    expect(classes, "fileinto INBOX.unclassified");
    scene.world.spam_percent = 0;
    expect(classes, "fileinto INBOX.not-spam");
    scene.world.spam_percent = 30;
    expect(classes, "fileinto INBOX.spam-trap");
    scene.world.spam_percent = 99;
    expect(classes, "discard");
}

TEST("RFC 7352 3 and 5: what was seen before")
{
    static const char *const alike[] = {
        "require \"duplicate\"; if duplicate { discard; }",
        "require \"duplicate\"; if duplicate :header \"message-id\" { discard; }",
        ("require [\"duplicate\", \"variables\"]; if header :matches \"message-id\" \"*\" "
         "{ if duplicate :uniqueid \"${0}\" { discard; } }"),
    };
    for (unsigned i = 0; i < 3; i++) {
        with("Message-ID: <1@desert.example.org>\r\n\r\n", alike[i], "discard");
        with("Message-ID: <2@desert.example.org>\r\n\r\n", alike[i], "keep");
    }
}
