/* The SMTP client towards servers that are odd, old, limited, broken or hostile: each has one
 * defined outcome, and no mail is taken for delivered that was not. */
#include "settings/extensions.h"
#include "smtp_client_scene.h"

#define HELLO "S:220 hi", "C:EHLO us"
#define MAIL "C:MAIL FROM:<a@us>", "S:250 ok"
#define RCPT "C:RCPT TO:<r0@them>", "S:250 ok"
#define DATA "C:DATA", "S:354 go", "message"

static void give(struct queue_job *job, struct text body, enum mail_body kind)
{
    job->body = body;
    job->size = body.length;
    job->terms.body = kind;
}

/* The answers to EHLO, and whether HELO follows. */
/* shows: V04 V49 */
TEST("HELO follows where EHLO is not known, and nowhere else")
{
    static const char *const unknown[] = {"S:500 XXXX", "S:501 bad", "S:502-not\r\n502 here",
                                          "S:504 no", "S:550 forbidden"};
    for (size_t i = 0; i < 5; i++) {
        struct scene *scene = scene_for(1);
        run(scene, SCRIPT("S:220 **************0*****2", "C:EHLO us", unknown[i], "C:HELO us",
                          "S:250 hi", MAIL, RCPT, DATA, "S:250 ok"));
        expect_outcome(scene, 0, OK, "2.0.0");
        done(&scene);
    }
    expect_not_opened(SCRIPT(HELLO, "S:503 bad sequence", "C:QUIT", "S:221 x"), REFUSED, "5.0.0");
    expect_not_opened(SCRIPT(HELLO, "S:554 5.7.1 no", "C:QUIT", "S:221 x"), REFUSED, "5.7.1");
    expect_not_opened(SCRIPT(HELLO, "S:421 4.3.2 no", "hang up"), TRY_LATER, "4.3.2");
}

TEST("a server that hangs up on EHLO may be tried with HELO; one that is slow may not")
{
    struct scene *scene = scene_for(1);
    run(scene, SCRIPT(HELLO, "hang up"));
    EXPECT(scene->opened == TRY_LATER && scene->trouble.is_ehlo);
    done(&scene);
    scene = scene_for(1);
    run(scene, SCRIPT(HELLO, "stall"));
    EXPECT(scene->opened == TRY_LATER && !scene->trouble.is_ehlo);
    done(&scene);
}

/* shows: S36 */
TEST("HELO is all that is said where the settings want that")
{
    struct scene *scene = scene_for(1);
    scene->options.says_helo = true;
    run(scene, SCRIPT("S:220 hi", "C:HELO us", "S:250-hi", "S:250 PIPELINING", MAIL, RCPT, DATA,
                      "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

/* shows: V50 */
TEST("replies of many lines, of none, in drops and without CR are replies")
{
    struct scene *scene = scene_for(1);
    run(scene, SCRIPT("D:220-first", "D:220-", "D:220", "C:EHLO us", "R:250-hi\n250\n",
                      "C:MAIL FROM:<a@us>", "S:250", "C:RCPT TO:<r0@them>", "D:250-a", "D:250-b",
                      "D:250 c", "C:DATA", "S:354-send", "S:354-your", "S:354 mail", "message",
                      "S:250-2.0.0 taken", "S:250 2.0.0 thanks"));
    expect_outcome(scene, 0, OK, "2.0.0");
    EXPECT_TEXT(text_from(scene->mail), "hello\r\n");
    done(&scene);
}

TEST("keywords are known in any case, behind any blanks; what cannot be read is not offered")
{
    struct scene *scene = scene_for(1);
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250-  pipeLining  ", "S:250-SIZE=many", "S:250-\tdsn",
                      "S:250-LIMITS RCPTMAX= MAILMAX=x RCPTMAX=-1 WHAT=9", "S:250-DELIVERBY soon",
                      "S:250-PIPELINING2", "S:250-", "S:250 XCHUNKING", "C:MAIL FROM:<a@us> SIZE=7",
                      "C:RCPT TO:<r0@them>", "C:DATA", "S:250 ok", "S:250 ok", "S:354 go",
                      "message", "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    EXPECT(scene->outcomes[0][0].peer_reports_success);
    done(&scene);
}

/* shows: V46 V23 */
TEST("what is switched off is not used, whatever is offered")
{
    struct scene *scene = scene_for(1);
    scene->options.without = EXTENSION_BIT(EXTENSION_PIPELINING) |
                             EXTENSION_BIT(EXTENSION_CHUNKING) | EXTENSION_BIT(EXTENSION_SIZE);
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250-SIZE 1", "S:250-CHUNKING", "S:250 PIPELINING", MAIL,
                      RCPT, DATA, "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

static void expect_deferred(const char *const *script, const char *enhanced)
{
    struct scene *scene = scene_for(1);
    run(scene, script);
    expect_outcome(scene, 0, TRY_LATER, enhanced);
    EXPECT(!scene->is_usable);
    done(&scene);
}

TEST("an answer that comes before its question ends the dialogue, and no mail is lost to it")
{
    expect_deferred(SCRIPT(HELLO, "S:250 hi\r\n250 ok"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, "C:DATA", "S:354 go\r\n250 ok"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, "C:DATA", "S:354 go\r\n421 4.3.2 bye"),
                    "4.3.2");
    expect_not_opened(SCRIPT("S:220 hi\r\n220 ho"), TRY_LATER, "4.5.0");
}

TEST("a refusal while the message is under way is the message's")
{
    struct scene *scene = scene_for(1);
    run(scene, SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, "C:DATA", "S:354 go\r\n552 5.3.4 too big"));
    expect_outcome(scene, 0, REFUSED, "5.3.4");
    EXPECT(!scene->is_usable);
    done(&scene);
}

TEST("codes of the wrong class are no answer, and end the dialogue")
{
    expect_deferred(SCRIPT(HELLO, "S:250 hi", "C:MAIL*", "S:354 what"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, "C:RCPT*", "S:334 what"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, "C:DATA", "S:250 taken"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, DATA, "S:354 more"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, DATA, "S:150 wait"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, DATA, "S:2e0 ok"), "4.5.0");
    expect_deferred(SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, DATA,
                           "S:250"
                           "\x01 ok"),
                    "4.5.0");
}

TEST("a server that goes away in the idle time is left for a new connection, nothing sent")
{
    struct scene *scene = scene_for(1);
    scene->job_count = 2;
    run(scene, SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, DATA, "S:250 ok\r\n421 4.4.2 idle"));
    EXPECT(scene->delivered[0] == OK && scene->outcomes[0][0].status == OK);
    EXPECT(scene->delivered[1] == TRY_LATER && !scene->is_usable);
    done(&scene);
}

/* shows: V49 */
TEST("a firewall that does not let BDAT pass costs a connection, not the mail")
{
    static const char *const masked[] = {"S:500 XXXX", "S:502 5.5.1 no such command"};
    for (size_t i = 0; i < 2; i++) {
        struct scene *scene = scene_for(1);
        run(scene,
            SCRIPT(HELLO, "S:250-hi", "S:250 CHUNKING", MAIL, RCPT, "C:BDAT 7 LAST", masked[i]));
        EXPECT(scene->delivered[0] == TRY_LATER && !scene->is_usable);
        EXPECT(scene->unfit == EXTENSION_BIT(EXTENSION_CHUNKING));
        done(&scene);
    }
}

/* shows: V25 */
TEST("the last chunk follows only when all before it were taken")
{
    struct scene *scene = scene_for(1);
    scene->job_count = 2;
    scene->jobs[0].body = TEXT("");
    scene->jobs[0].size = 3 * QUEUE_BODY_CHUNK;
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250-CHUNKING", "S:250 PIPELINING", "C:MAIL*", "C:RCPT*",
                      "S:250 ok", "S:250 ok", "C:BDAT 262144", "bytes 262144", "C:BDAT 262144",
                      "bytes 262144", "S:452 4.3.1 full", "S:503 5.5.1 no", "C:RSET", "S:250 ok",
                      "C:MAIL*", "C:RCPT*", "C:BDAT 7 LAST", "bytes 7", "S:250 ok", "S:250 ok",
                      "S:250 ok"));
    expect_outcome(scene, 0, TRY_LATER, "4.3.1");
    EXPECT(scene->outcomes[1][0].status == OK);
    done(&scene);
}

/* shows: S52 */
TEST("what is too many for one transaction goes in the next")
{
    struct scene *scene = scene_for(4);
    run(scene,
        SCRIPT(HELLO, "S:250-hi", "S:250 PIPELINING", "C:MAIL*", "C:RCPT*", "C:RCPT*", "C:RCPT*",
               "C:RCPT*", "C:DATA", "S:250 ok", "S:250 ok", "S:452 4.5.3 too many",
               "S:552 too many recipients", "S:452 4.2.2 mailbox full", "S:354 go", "message",
               "S:250 first", "C:MAIL*", "C:RCPT TO:<r1@them>", "C:RCPT TO:<r2@them>", "C:DATA",
               "S:250 ok", "S:250 ok", "S:550 5.1.1 no", "S:354 go", "message", "S:250 second"));
    EXPECT_TEXT(scene->outcomes[0][0].reply, "250 first");
    EXPECT_TEXT(scene->outcomes[0][1].reply, "250 second");
    expect_outcome(scene, 2, REFUSED, "5.1.1");
    expect_outcome(scene, 3, TRY_LATER, "4.2.2");
    done(&scene);
}

TEST("too many when there is none yet is no reason to go on")
{
    struct scene *scene = scene_for(2);
    run(scene,
        SCRIPT(HELLO, "S:250 hi", MAIL, "C:RCPT*", "S:452 too many", "C:RCPT*", "S:452 too many"));
    expect_outcome(scene, 0, TRY_LATER, "4.0.0");
    expect_outcome(scene, 1, TRY_LATER, "4.0.0");
    done(&scene);
}

TEST("limits that the server tells and our own are kept")
{
    struct scene *scene = scene_for(3);
    scene->options.max_recipients = 2;
    scene->options.max_messages = 2;
    run(scene, SCRIPT(HELLO, "S:250 hi", "C:MAIL*", "S:250 ok", "C:RCPT*", "S:250 ok", "C:RCPT*",
                      "S:550 no", DATA, "S:250 ok", "C:MAIL*", "S:250 ok", "C:RCPT TO:<r2@them>",
                      "S:250 ok", DATA, "S:250 ok", "C:QUIT", "S:221 bye"));
    expect_outcome(scene, 2, OK, "2.0.0");
    EXPECT(!scene->is_usable);
    done(&scene);
    scene = scene_for(3);
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250 LIMITS MAILMAX=2 RCPTMAX=1", "C:MAIL*", "S:250 ok",
                      "C:RCPT*", "S:250 ok", DATA, "S:250 ok", "C:MAIL*", "S:250 ok", "C:RCPT*",
                      "S:250 ok", DATA, "S:250 ok"));
    expect_outcome(scene, 1, OK, "2.0.0");
    expect_outcome(scene, 2, TRY_LATER, "4.5.3");
    EXPECT(!scene->is_usable);
    done(&scene);
}

TEST("recipients of more domains than the server takes at once are split by domain")
{
    struct scene *scene = scene_for(3);
    static const struct queue_job_recipient mixed[] = {{.number = 7, .address = TEXT("a@one")},
                                                       {.number = 8, .address = TEXT("b@two")},
                                                       {.number = 9, .address = TEXT("c@ONE")}};
    scene->jobs[0].recipients = mixed;
    run(scene,
        SCRIPT(HELLO, "S:250-hi", "S:250 LIMITS RCPTDOMAINMAX=1", "C:MAIL*", "S:250 ok",
               "C:RCPT TO:<a@one>", "S:250 ok", "C:RCPT TO:<c@ONE>", "S:250 ok", DATA, "S:250 ok",
               "C:MAIL*", "S:250 ok", "C:RCPT TO:<b@two>", "S:250 ok", DATA, "S:250 ok"));
    expect_outcome(scene, 1, OK, "2.0.0");
    done(&scene);
}

TEST("those of the next transaction wait when the server leaves after the first")
{
    struct scene *scene = scene_for(2);
    scene->options.max_recipients = 1;
    run(scene,
        SCRIPT(HELLO, "S:250 hi", MAIL, RCPT, DATA, "S:250 ok\r\n421 4.3.2 enough", "hang up"));
    expect_outcome(scene, 0, OK, "2.0.0");
    expect_outcome(scene, 1, TRY_LATER, "4.3.2");
    done(&scene);
}

/* shows: V26 */
TEST("8-bit text goes to an old server as quoted-printable, and its size is told rightly")
{
    struct scene *scene = scene_for(1);
    give(&scene->jobs[0], TEXT("Content-Type: text/plain\r\n\r\n..gr\xfc\xdf\r\n"), MAIL_BODY_8BIT);
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250 SIZE", "C:MAIL FROM:<a@us> SIZE=104", "S:250 ok",
                      RCPT, DATA, "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    EXPECT_TEXT(text_from(scene->mail),
                "Content-Type: text/plain\r\nMIME-Version: 1.0\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n...gr=FC=DF\r\n");
    done(&scene);
}

TEST("a converted message of more than one transaction is converted in each")
{
    struct scene *scene = scene_for(2);
    scene->options.max_recipients = 1;
    give(&scene->jobs[0], TEXT("Content-Type: text/plain\r\n\r\ngr\xfc\xdf \r\n"), MAIL_BODY_8BIT);
    run(scene,
        SCRIPT(HELLO, "S:250-hi", "S:250-PIPELINING", "S:250 CHUNKING", "C:MAIL*", "C:RCPT*",
               "S:250 ok", "S:250 ok", "C:BDAT 105 LAST", "bytes 105", "S:250 ok", "C:MAIL*",
               "C:RCPT*", "S:250 ok", "S:250 ok", "C:BDAT 105 LAST", "bytes 105", "S:250 ok"));
    expect_outcome(scene, 1, OK, "2.0.0");
    EXPECT(strstr(scene->mail, "gr=FC=DF=20\r\n") != NULL);
    done(&scene);
}

/* shows: V26 */
TEST("a binary body goes by BDAT alone, to whom takes it as it is")
{
    struct scene *scene = scene_for(1);
    struct text body = TEXT("Content-Type: a/b\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n\n");
    give(&scene->jobs[0], body, MAIL_BODY_BINARY);
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250-8BITMIME", "S:250-CHUNKING", "S:250 BINARYMIME",
                      "C:MAIL FROM:<a@us> BODY=BINARYMIME", "S:250 ok", RCPT, "C:BDAT 59 LAST",
                      "bytes 59", "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    EXPECT_TEXT(body, scene->mail);
    done(&scene);
    scene = scene_for(1);
    give(&scene->jobs[0], body, MAIL_BODY_BINARY);
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250-8BITMIME", "S:250 BINARYMIME",
                      "C:MAIL FROM:<a@us> BODY=8BITMIME", "S:250 ok", RCPT, DATA, "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    EXPECT(strstr(scene->mail, "base64\r\n\r\nDQoK\r\n") != NULL);
    done(&scene);
}

TEST("domains become A-labels for a server without SMTPUTF8, local parts cannot")
{
    struct scene *scene = scene_for(2);
    static const struct queue_job_recipient mixed[] = {
        {.number = 7, .address = TEXT("a@m\xc3\xbcnchen.example")},
        {.number = 8, .address = TEXT("\xc3\xbc@them.example")}};
    scene->jobs[0].recipients = mixed;
    scene->jobs[0].terms.is_international = true;
    run(scene, SCRIPT(HELLO, "S:250 hi", MAIL, "C:RCPT TO:<a@xn--mnchen-3ya.example>", "S:250 ok",
                      DATA, "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    expect_outcome(scene, 1, REFUSED, "5.6.7");
    done(&scene);
    scene = scene_for(1);
    scene->jobs[0].terms.is_international = true;
    give(&scene->jobs[0], TEXT("Subject: gr\xc3\xbc\xc3\x9f\x65\r\n\r\nx\r\n"), MAIL_BODY_8BIT);
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250 8BITMIME"));
    expect_outcome(scene, 0, REFUSED, "5.6.9");
    done(&scene);
}

TEST("the sender's terms are passed on where they are understood")
{
    struct scene *scene = scene_for(1);
    struct mail_terms *terms = &scene->jobs[0].terms;
    terms->by = MAIL_BY_NOTIFY;
    terms->by_trace = true;
    terms->by_ms = SECOND - HOUR; /* a scene begins in the first second */
    terms->priority = -4;
    terms->submitter = TEXT("someone@us");
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250-DELIVERBY 60", "S:250-AUTH PLAIN",
                      "S:250 MT-PRIORITY MIXER", "C:MAIL FROM:<a@us> BY=-36*", "S:250 ok", RCPT,
                      DATA, "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    EXPECT(scene->outcomes[0][0].peer_keeps_time);
    done(&scene);
}

TEST("a message with a deadline or that wants TLS goes to nobody who cannot keep that")
{
    struct scene *scene = scene_for(1);
    scene->job_count = 3;
    scene->jobs[0].terms.requires_tls = true;
    for (int i = 1; i < 3; i++) {
        scene->jobs[i].terms.by = MAIL_BY_RETURN;
        scene->jobs[i].terms.by_ms = i == 1 ? 30 * SECOND : HOUR;
    }
    run(scene, SCRIPT(HELLO, "S:250-hi", "S:250-REQUIRETLS", "S:250 DELIVERBY 60", "C:MAIL*",
                      "S:250 ok", RCPT, DATA, "S:250 ok"));
    EXPECT_TEXT(scene->outcomes[0][0].enhanced, "5.7.30");
    EXPECT_TEXT(scene->outcomes[1][0].enhanced, "5.4.7");
    EXPECT(scene->outcomes[2][0].status == OK);
    done(&scene);
}

/* A server of our organisation, and properties for two recipients: three rows of none. */
static struct scene *scene_with_properties(unsigned recipients)
{
    static struct smtp_client_login login = {.exps = EXPS_REQUIRE,
                                             .identity = {.user = TEXT("us"),
                                                          .password = TEXT("secret"),
                                                          .allowed = SASL_ANY_MECHANISM,
                                                          .secrecy = SASL_OVER_ANYTHING}};
    struct scene *scene = scene_for(recipients);
    scene->options.login = &login;
    scene->jobs[0].terms.properties = TEXT("\0\0\0\0\0\0\0\0\0\0\0\0");
    return scene;
}
#define FRIEND                                                                                     \
    HELLO, "S:250-hi", "S:250-X-EXPS LOGIN", "S:250-PIPELINING", "S:250 XEXCH50",                  \
        "C:X-EXPS LOGIN", "S:334 VXNlcm5hbWU6", "C:dXM=", "S:334 UGFzc3dvcmQ6", "C:c2VjcmV0",      \
        "S:235 ok"

/* shows: V39 */
TEST("properties go to a server of our own behind the last recipient")
{
    struct scene *scene = scene_with_properties(2);
    run(scene, SCRIPT(FRIEND, "C:MAIL*", "C:RCPT*", "C:RCPT*", "S:250 ok", "S:250 ok", "S:250 ok",
                      "C:XEXCH50 12 3", "S:354 Send binary data", "bytes 12", "S:250 ok", DATA,
                      "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
    scene = scene_with_properties(1);
    run(scene, SCRIPT(FRIEND, "C:MAIL*", "C:RCPT*", "S:250 ok", "S:250 ok", "C:XEXCH50 4 1",
                      "S:354 Send binary data", "bytes 4", "S:500 no", DATA, "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

/* shows: V39 */
TEST("a server that refuses the properties gets the mail, one that eats them gets it without")
{
    struct scene *scene = scene_with_properties(1);
    run(scene, SCRIPT(FRIEND, "C:MAIL*", "C:RCPT*", "S:250 ok", "S:250 ok", "C:XEXCH50 4 1",
                      "S:504 Need to authenticate first", DATA, "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
    scene = scene_with_properties(1);
    run(scene, SCRIPT(FRIEND, "C:MAIL*", "C:RCPT*", "S:250 ok", "S:250 ok", "C:XEXCH50 4 1",
                      "S:354 Send binary data", "bytes 4", "stall"));
    EXPECT(scene->delivered[0] == TRY_LATER);
    EXPECT(scene->unfit == EXTENSION_BIT(EXTENSION_XEXCH50));
    done(&scene);
}
