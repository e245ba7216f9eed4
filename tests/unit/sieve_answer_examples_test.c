/* The examples of the extensions of Sieve that answer, tell somebody, take in other scripts and ask
 * where they run; with names of our own. */
#include "sieve_scene.h"

#define TO_OWNER "To: roadrunner@acme.example.com\r\n"

static void with(const char *message, const char *source, const char *expected)
{
    scene_set(message);
    expect(source, expected);
}

/* The key by which the answer of a script is known, in room for 200 bytes. */
static void answer_key(const char *message, const char *source, char *key)
{
    struct sieve_script *script;
    struct sieve_result result;
    struct buffer error;
    struct arena arena;
    scene_set(message);
    buffer_init(&error, 1000);
    arena_init(&arena);
    check(sieve_compile(text_from(source), NULL, &error, &script) == OK);
    sieve_run(script, &scene.message, &scene.world, &arena, &result);
    check(result.action_count > 0 && result.actions[0].kind == SIEVE_VACATION);
    check(text_copy(result.actions[0].key, key, 200));
    arena_finish(&arena);
    buffer_finish(&error);
    sieve_script_free(&script);
}

static bool is_one_answer(const char *source)
{
    char lunch[200], other[200];
    answer_key(TO_OWNER "Subject: lunch on friday with cyrus\r\n\r\n", source, lunch);
    answer_key(TO_OWNER "Subject: the anvil\r\n\r\n", source, other);
    return strcmp(lunch, other) == 0;
}

TEST("RFC 5230 4.1 and 4.3: how often somebody is answered, and under which addresses")
{
    static const char away[] = "require \"vacation\";\r\n"
                               "vacation :days 23 :addresses [\"tjs@example.edu\",\r\n"
                               "                              \"ts4z@landru.example.edu\"]\r\n"
                               "  \"I'm away until October 19.\";";
    with("To: ts4z@landru.example.edu\r\nSubject: hello\r\n\r\n", away,
         "vacation coyote@desert.example.org \"Auto: hello\" \"I'm away until October 19.\" "
         "1987200s; keep");
    with("To: somebody@example.edu\r\nSubject: hello\r\n\r\n", away, "keep");
    with(TO_OWNER "Subject: \r\n\r\n",
         "require [\"vacation\", \"variables\"];\r\n"
         "if header :matches \"subject\" \"*\" {\r\n"
         "  vacation :subject \"Automatic response to: ${1}\" \"I'm away\";\r\n"
         "}",
         "vacation coyote@desert.example.org \"Automatic response to: \" \"I'm away\" 604800s; "
         "keep");
    with(TO_OWNER "\r\n",
         "require \"vacation\"; vacation :from \"roadrunner@acme.example.com\" :subject \"Out\" "
         "\"Away\";",
         "vacation coyote@desert.example.org \"Out\" \"Away\" 604800s; keep");
}

TEST("RFC 5230 4.2: answers that say the same are one, and those that have one handle")
{
    EXPECT(!is_one_answer("require \"vacation\";\r\n"
                          "if header :contains \"subject\" \"cyrus\" {\r\n"
                          "  vacation :subject \"Out\" \"I'm out -- send mail to cyrus-bugs\";\r\n"
                          "} else {\r\n"
                          "  vacation :subject \"Out\" \"I'm out -- call me\";\r\n"
                          "}"));
    EXPECT(is_one_answer("require \"vacation\";\r\n"
                         "if header :contains \"subject\" \"lunch\" {\r\n"
                         "  vacation :handle \"ran-away\" \"I'm out and can't meet for lunch\";\r\n"
                         "} else {\r\n"
                         "  vacation :handle \"ran-away\" \"I'm out\";\r\n"
                         "}"));
    EXPECT(!is_one_answer("require \"vacation\";\r\n"
                          "if header :contains \"subject\" \"lunch\" {\r\n"
                          "  vacation :handle \"ran-away\" \"I'm out\";\r\n"
                          "} else {\r\n"
                          "  vacation :handle \"second\" \"I'm out\";\r\n"
                          "}"));
    EXPECT(is_one_answer("require \"vacation\"; vacation :subject \"Out\" \"I'm out\";"));
}

TEST("RFC 5230 4.4 and 4.6: an answer of parts, and who gets none")
{
    with(TO_OWNER "Subject: x\r\n\r\n",
         "require \"vacation\";\r\n"
         "vacation :mime text:\r\n"
         "Content-Type: multipart/alternative; boundary=foo\r\n"
         "\r\n"
         "--foo\r\n"
         "\r\n"
         "I'm at the beach relaxing.\r\n"
         "--foo--\r\n"
         ".\r\n"
         ";",
         "vacation coyote@desert.example.org \"Auto: x\" \"Content-Type: multipart/alternative; "
         "boundary=foo\r\n\r\n--foo\r\n\r\nI'm at the beach relaxing.\r\n--foo--\r\n\" 604800s; "
         "keep");
    static const char *const silent[] = {
        "Auto-Submitted: auto-replied\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "List-Id: <birds.example.org>\r\n",
        "List-Unsubscribe: <mailto:x@example.org>\r\n",
        "Precedence: bulk\r\n",
    };
    for (size_t i = 0; i < sizeof(silent) / sizeof(*silent); i++) {
        char message[200];
        snprintf(message, sizeof(message), TO_OWNER "%s\r\n", silent[i]);
        with(message, "require \"vacation\"; vacation \"Away\";", "keep");
    }
    static const char *const machines[] = {"owner-birds@example.org", "birds-request@example.org",
                                           "MAILER-DAEMON@example.org", "listserv@example.org"};
    for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
        scene_set(TO_OWNER "\r\n");
        scene.message.sender = text_from(machines[i]);
        expect("require \"vacation\"; vacation \"Away\";", "keep");
    }
}

TEST("RFC 5230 5: beside other actions; RFC 6131 2: within seconds")
{
    static const char message[] =
        "From: wile@ourdivision.example.com\r\n" TO_OWNER "Subject: x\r\n\r\n";
    with(message,
         "require [\"fileinto\", \"vacation\"];\r\n"
         "if address :matches \"from\" \"*@ourdivision.example.com\" {\r\n"
         "  vacation :subject \"Gone fishing\" \"Back in a day or two!\";\r\n"
         "  fileinto \"Work\";\r\n"
         "}",
         "vacation coyote@desert.example.org \"Gone fishing\" \"Back in a day or two!\" 604800s; "
         "fileinto Work");
    with(message,
         "require \"vacation-seconds\"; vacation :addresses [\"a@b.test\"] :seconds 1800 "
         "\"I am in a meeting.\";",
         "vacation coyote@desert.example.org \"Auto: x\" \"I am in a meeting.\" 1800s; keep");
    with(message, "require \"vacation-seconds\"; vacation :days 2 \"Away\";",
         "vacation coyote@desert.example.org \"Auto: x\" \"Away\" 172800s; keep");
    with(message, "require \"vacation\"; vacation :seconds 5 \"Away\";",
         "line 1, column 30: :seconds needs: require \"vacation-seconds\";");
    with(message, "require \"vacation-seconds\"; vacation :days 2 :seconds 5 \"Away\";",
         "line 1, column 46: :seconds can't stand beside what stands here already");
}

TEST("RFC 5435 3: who is told of what")
{
    static const char by_sender[] =
        "require [\"enotify\", \"fileinto\", \"variables\"];\r\n"
        "if header :contains \"from\" \"boss@example.org\" {\r\n"
        "  notify :importance \"1\" :message \"This is probably very important\"\r\n"
        "         \"mailto:alm@example.com\";\r\n"
        "  stop;\r\n"
        "}\r\n"
        "if header :contains \"to\" \"sievemailinglist@example.org\" {\r\n"
        "  if header :matches \"Subject\" \"*\" { set \"subject\" \"${1}\"; }\r\n"
        "  if header :matches \"From\" \"*\" { set \"from\" \"${1}\"; }\r\n"
        "  notify :importance \"3\" :message \"[SIEVE] ${from}: ${subject}\"\r\n"
        "         \"mailto:alm@example.com\";\r\n"
        "  fileinto \"INBOX.sieve\";\r\n"
        "}";
    static const char with_envelope[] =
        "require [\"enotify\", \"fileinto\", \"variables\", \"envelope\"];\r\n"
        "if header :matches \"from\" \"*@*.example.org\" {\r\n"
        "  if envelope :all :matches \"from\" \"*\" { set \"env_from\" \" [really: ${1}]\"; }\r\n"
        "  if header :matches \"Subject\" \"*\" { set \"subject\" \"${1}\"; }\r\n"
        "  if address :matches :all \"from\" \"*\" { set \"from_addr\" \"${1}\"; }\r\n"
        "  notify :message \"${from_addr}${env_from}: ${subject}\" \"mailto:alm@example.com\";\r\n"
        "}";
    static const char by_variable[] =
        "require [\"enotify\", \"variables\"];\r\n"
        "set \"notif_method\" \"mailto:tim@example.com?subject=SIEVE\";\r\n"
        "if header :contains \"subject\" \"Your dog\" "
        "{ set \"notif_method\" \"mailto:dog@example.com\"; }\r\n"
        "if header :contains \"to\" \"list@example.org\" { set \"notif_method\" \"\"; }\r\n"
        "if not string :is \"${notif_method}\" \"\" { notify :message \"x\" \"${notif_method}\"; }";
    with("From: boss@example.org\r\nTo: sievemailinglist@example.org\r\n\r\n", by_sender,
         "notify alm@example.com \"This is probably very important\"; keep");
    with("From: c@example.org\r\nTo: sievemailinglist@example.org\r\nSubject: index\r\n\r\n",
         by_sender,
         "notify alm@example.com \"[SIEVE] c@example.org: index\"; fileinto INBOX.sieve");
    with(
        "From: a@b.example.org\r\nSubject: hi\r\n\r\n", with_envelope,
        "notify alm@example.com \"a@b.example.org [really: coyote@desert.example.org]: hi\"; keep");
    with("Subject: Your dog is back\r\n\r\n", by_variable, "notify dog@example.com \"x\"; keep");
    with("Subject: other\r\n\r\n", by_variable, "notify tim@example.com \"x\"; keep");
    with("To: list@example.org\r\nSubject: Your dog\r\n\r\n", by_variable, "keep");
}

TEST("RFC 5435 4 to 6: what can be notified, and what goes into its URI; RFC 5436 3")
{
    scene_set("Subject: x\r\n\r\n");
    expect_false("\"enotify\"",
                 "valid_notify_method [\"mailto:\", \"http://gw.example.net/notify?test\"]");
    expect_true("\"enotify\"", "valid_notify_method \"mailto:alm@example.com\"");
    expect_false("\"enotify\"",
                 "notify_method_capability "
                 "\"xmpp:tim@example.com?message;subject=SIEVE\" \"Online\" \"yes\"");
    expect_true("\"enotify\"",
                "notify_method_capability \"mailto:tim@example.com\" \"Online\" \"maybe\"");
    expect("require [\"enotify\", \"variables\", \"reject\"];\r\n"
           "set :encodeurl \"body_param\" \"Safe body&evil=evilbody\";\r\n"
           "reject \"mailto:tim@example.com?body=${body_param}\";",
           "reject \"mailto:tim@example.com?body=Safe%20body%26evil%3Devilbody\"");
    with("From: Bob <bob@b.test>\r\nSubject: lunch\r\n\r\n",
         "require \"enotify\"; notify :from \"notifier@example.com\" \"mailto:alm@example.com\";",
         "notify alm@example.com \"Bob <bob@b.test>: lunch\"; keep");
    with("Subject: x\r\nAuto-Submitted: auto-notified; owner-email=\"me@example.com\"\r\n\r\n",
         "require \"enotify\"; notify \"mailto:alm@example.com\";", "keep");
}

TEST("RFC 6609 3.2: scripts of one's own and of all, one behind the other")
{
    static const char *const scripts[][2] = {
        {"personal/always_allow", "if header :is \"From\" \"boss@example.com\" { keep; stop; }"},
        {"global/spam_tests",
         "require [\"reject\"];\r\n"
         "if anyof (header :contains \"Subject\" \"$$$\",\r\n"
         "          header :contains \"Subject\" \"Make money\") { reject \"Not wanted\"; }"},
        {"personal/spam_tests",
         "require [\"reject\"];\r\n"
         "if header :contains \"Subject\" \"Viagra\" { reject \"None for me\"; }"},
        {"personal/mailing_lists",
         "require [\"fileinto\"];\r\n"
         "if header :is \"List-ID\" \"sieve.lists.example\" { fileinto \"lists.sieve\"; }\r\n"
         "elsif header :is \"List-ID\" \"imap.lists.example\" { fileinto \"lists.imap\"; }"},
        {NULL},
    };
    static const char source[] = "require [\"include\"];\r\n"
                                 "include :personal \"always_allow\";\r\n"
                                 "include :global \"spam_tests\";\r\n"
                                 "include :personal \"spam_tests\";\r\n"
                                 "include :personal \"mailing_lists\";";
    static const struct {
        const char *message, *expected;
    } rows[] = {
        {"From: boss@example.com\r\nSubject: $$$\r\n\r\n", "keep"},
        {"From: a@example.com\r\nSubject: Make money\r\n\r\n", "reject \"Not wanted\""},
        {"From: a@example.com\r\nSubject: Viagra\r\n\r\n", "reject \"None for me\""},
        {"From: a@example.com\r\nList-ID: imap.lists.example\r\n\r\n", "fileinto lists.imap"},
        {"From: a@example.com\r\nSubject: lunch\r\n\r\n", "keep"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        scene_set(rows[i].message);
        scene.scripts = scripts;
        expect(source, rows[i].expected);
    }
}

TEST("RFC 6609 3.3 and 3.4: what is included returns, once, and shares variables that are global")
{
    static const char *const scripts[][2] = {
        {"personal/subject_tests", "require [\"include\", \"variables\", \"fileinto\"];\r\n"
                                   "global [\"test\", \"test_mailbox\"];\r\n"
                                   "if header :contains \"Subject\" \"${test}\" {\r\n"
                                   "  set \"test_mailbox\" \"spam-${test}\"; return;\r\n"
                                   "}\r\n"
                                   "set \"own\" \"seen\";"},
        {"personal/vacation", "require [\"include\", \"variables\", \"vacation\"];\r\n"
                              "if string :is \"${global.i_am_on_vacation}\" \"1\" {\r\n"
                              "  vacation :subject \"Away\" \"It's true, I am on vacation.\";\r\n"
                              "}"},
        {NULL},
    };
    static const char shared[] = "require [\"fileinto\", \"include\", \"variables\"];\r\n"
                                 "global \"test\"; global \"test_mailbox\";\r\n"
                                 "set \"test\" \"$$$\"; include \"subject_tests\";\r\n"
                                 "set \"test\" \"Make money\"; include \"subject_tests\";\r\n"
                                 "if not string \"${test_mailbox}\" \"\" "
                                 "{ fileinto \"${test_mailbox}${own}\"; }";
    static const char prefixed[] = "require [\"include\", \"variables\"];\r\n"
                                   "set \"global.i_am_on_vacation\" \"1\";\r\n"
                                   "include :once \"vacation\"; include :once \"vacation\";";
    static const struct {
        const char *message, *source, *expected;
    } rows[] = {
        {"Subject: Make money\r\n\r\n", shared, "fileinto spam-Make money"},
        {"Subject: the $$$\r\n\r\n", shared, "fileinto spam-$$$"},
        {"Subject: lunch\r\n\r\n", shared, "keep"},
        {TO_OWNER "\r\n", prefixed,
         "vacation coyote@desert.example.org \"Away\" \"It's true, I am on vacation.\" 604800s; "
         "keep"},
        {TO_OWNER "\r\n", "require [\"include\"]; include :optional \"none\"; discard;", "discard"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        scene_set(rows[i].message);
        scene.scripts = scripts;
        expect(rows[i].source, rows[i].expected);
    }
}

TEST("RFC 5183 4: where it runs; RFC 5463 4 and 5: what is there; RFC 5490 3: which mailboxes are")
{
    scene_set("Subject: x\r\n\r\n");
    expect_true("\"environment\"", "environment :is \"domain\" \"example.test\"");
    expect_true("\"environment\"", "environment \"host\" \"MX.example.test\"");
    expect_true("\"environment\"", "environment :is \"location\" \"MDA\"");
    expect_true("\"environment\"", "environment :is \"name\" \"mailroot\"");
    expect_true("\"environment\"", "environment :is \"phase\" \"during\"");
    expect_true("\"environment\"", "environment :is \"remote-ip\" \"192.0.2.1\"");
    expect_true("\"environment\"", "environment :matches \"version\" \"*\"");
    expect_false("\"environment\"", "environment :matches \"vnd.acme.thing\" \"*\"");
    expect("require \"ihave\"; if ihave [\"fileinto\", \"copy\"] { fileinto :copy \"A\"; }",
           "fileinto A; keep");
    expect("require \"ihave\"; if ihave [\"fileinto\", \"vnd.acme.thing\"] { fileinto \"A\"; }"
           "else { discard; }",
           "discard");
    expect("require \"ihave\"; if anyof (ihave \"foo\", ihave \"variables\") { discard; }",
           "discard");
    expect("require \"ihave\"; if allof (ihave \"vnd.acme.thing\", thing (:now \"x\")) { thing; }"
           "elsif not ihave \"thing\" { discard; } else { thing { stop; } }",
           "discard");
    expect("require \"ihave\"; if ihave \"copy\" { if ihave \"thing\" { thing; } } else { thing; }",
           "keep");
    expect("require \"ihave\"; if not ihave \"vnd.acme.thing\" { error \"No thing here\"; }",
           "keep error line 1: error: No thing here");
    expect(
        "require [\"fileinto\", \"mailbox\"]; if mailboxexists \"Known\" { fileinto \"Known\"; }",
        "fileinto Known");
    expect("require [\"fileinto\", \"mailbox\"]; if not mailboxexists [\"Known\", \"Partners\"] "
           "{ fileinto :create \"Partners\"; }",
           "fileinto Partners create");
    expect("require \"mboxmetadata\";", "line 1, column 1: there is no extension \"mboxmetadata\" "
                                        "here");
}
