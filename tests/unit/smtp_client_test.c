#include "smtp_client_scene.h"

TEST("a plain server gets one message, step by step")
{
    struct scene *scene = scene_for(1);
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250 hi", "C:MAIL FROM:<a@us>", "S:250 ok",
                      "C:RCPT TO:<r0@them>", "S:250 ok", "C:DATA", "S:354 go", "message",
                      "S:250 2.6.0 taken"));
    expect_outcome(scene, 0, OK, "2.6.0");
    EXPECT_TEXT(scene->outcomes[0][0].reply, "250 2.6.0 taken");
    EXPECT_TEXT(text_from(scene->mail), "hello\r\n");
    EXPECT(scene->is_usable);
    done(&scene);
}

TEST("a server that does not know EHLO is greeted with HELO")
{
    struct scene *scene = scene_for(1);
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:502 what", "C:HELO us", "S:250 hi",
                      "C:MAIL FROM:<a@us>", "S:250 ok", "C:RCPT TO:<r0@them>", "S:250 ok", "C:DATA",
                      "S:354 go", "message", "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

TEST("with PIPELINING envelope and DATA leave together, with CHUNKING the body too")
{
    struct scene *scene = scene_for(2);
    scene->job_count = 1;
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250-SIZE 1000", "S:250 PIPELINING",
               "C:MAIL FROM:<a@us> SIZE=7", "C:RCPT TO:<r0@them>", "C:RCPT TO:<r1@them>", "C:DATA",
               "S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "message", "S:250 ok"));
    expect_outcome(scene, 1, OK, "2.0.0");
    done(&scene);
    scene = scene_for(2);
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250-CHUNKING", "S:250 PIPELINING",
               "C:MAIL FROM:<a@us>", "C:RCPT TO:<r0@them>", "C:RCPT TO:<r1@them>", "C:BDAT 7 LAST",
               "bytes 7", "S:250 ok", "S:550 5.1.1 no", "S:250 ok", "S:250 ok"));
    expect_outcome(scene, 0, REFUSED, "5.1.1");
    expect_outcome(scene, 1, OK, "2.0.0");
    EXPECT_TEXT(text_from(scene->mail), "hello\r\n");
    done(&scene);
}

TEST("one of 50 recipients is refused, one must wait, the others get the message")
{
    struct scene *scene = scene_for(50);
    const char *script[200] = {"S:220 hi", "C:EHLO us", "S:250-hi", "S:250 PIPELINING",
                               "C:MAIL FROM:<a@us>"};
    unsigned step = 5;
    for (int i = 0; i < 50; i++)
        script[step++] = "C:RCPT TO:<r*";
    script[step++] = "C:DATA";
    for (int i = -1; i < 50; i++)
        script[step++] = i == 11 ? "S:550 5.1.1 who" : i == 12 ? "S:451 4.2.1 not now" : "S:250 ok";
    script[step++] = "S:354 go";
    script[step++] = "message";
    script[step++] = "S:250 ok";
    run(scene, script);
    expect_outcome(scene, 0, OK, "2.0.0");
    expect_outcome(scene, 11, REFUSED, "5.1.1");
    expect_outcome(scene, 12, TRY_LATER, "4.2.1");
    expect_outcome(scene, 49, OK, "2.0.0");
    done(&scene);
}

TEST("200 recipients go in batches, so that neither side waits for the other")
{
    struct scene *scene = scene_for(200);
    static const char *script[500] = {"S:220 hi", "C:EHLO us", "S:250-hi", "S:250 PIPELINING",
                                      "C:MAIL FROM:<a@us>"};
    unsigned step = 5;
    for (int batch = 0; batch < 2; batch++) {
        for (int i = 0; i < 100; i++)
            script[step++] = "C:RCPT TO:<r*";
        if (batch == 1)
            script[step++] = "C:DATA";
        for (int i = batch == 0 ? -1 : 0; i < 100; i++)
            script[step++] = "S:250 ok";
    }
    script[step++] = "S:354 go";
    script[step++] = "message";
    script[step++] = "S:250 ok";
    run(scene, script);
    expect_outcome(scene, 199, OK, "2.0.0");
    done(&scene);
}

TEST("354 though nobody was accepted is answered with an empty message")
{
    struct scene *scene = scene_for(1);
    scene->job_count = 2;
    scene->jobs[1].recipient_count = 2;
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 PIPELINING", "C:MAIL FROM:<a@us>",
                      "C:RCPT TO:<r0@them>", "C:DATA", "S:250 ok", "S:550 no", "S:354 go",
                      "message", "S:554 nobody", "C:RSET", "S:250 ok", "C:MAIL FROM:<a@us>",
                      "C:RCPT TO:<r0@them>", "C:RCPT TO:<r1@them>", "C:DATA", "S:250 ok",
                      "S:250 ok", "S:550 no", "S:354 go", "message", "S:250 ok"));
    expect_outcome(scene, 0, REFUSED, "5.0.0");
    EXPECT(scene->delivered[1] == OK && scene->outcomes[1][0].status == OK);
    EXPECT(scene->outcomes[1][1].status == REFUSED);
    done(&scene);
}

TEST("a refused MAIL refuses everyone, and the connection stays of use")
{
    struct scene *scene = scene_for(2);
    scene->job_count = 2;
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250-CHUNKING", "S:250 PIPELINING", "C:MAIL*",
               "C:RCPT*", "C:RCPT*", "C:BDAT 7 LAST", "bytes 7", "S:550 5.7.1 go away", "S:503 no",
               "S:503 no", "S:503 no", "C:RSET", "S:250 ok", "C:MAIL*", "C:RCPT*", "C:RCPT*",
               "C:BDAT 7 LAST", "bytes 7", "S:250 ok", "S:250 ok", "S:250 ok", "S:250 ok"));
    expect_outcome(scene, 0, REFUSED, "5.7.1");
    expect_outcome(scene, 1, REFUSED, "5.7.1");
    EXPECT(scene->outcomes[1][1].status == OK && scene->is_usable);
    done(&scene);
}

TEST("421 in the middle defers everyone and ends the connection")
{
    struct scene *scene = scene_for(3);
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 PIPELINING", "C:MAIL*", "C:RCPT*",
                      "C:RCPT*", "C:RCPT*", "C:DATA", "S:250 ok", "S:250 ok",
                      "S:421 4.3.2 shutting down", "hang up"));
    for (unsigned i = 0; i < 3; i++)
        expect_outcome(scene, i, TRY_LATER, "4.3.2");
    EXPECT(!scene->is_usable);
    done(&scene);
}

TEST("a connection lost after the final dot defers the accepted ones alone")
{
    struct scene *scene = scene_for(2);
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 PIPELINING", "C:MAIL*", "C:RCPT*",
                      "C:RCPT*", "C:DATA", "S:250 ok", "S:250 ok", "S:550 5.1.1 no", "S:354 go",
                      "message", "hang up"));
    expect_outcome(scene, 0, TRY_LATER, "4.4.2");
    expect_outcome(scene, 1, REFUSED, "5.1.1");
    done(&scene);
}

TEST("250 followed at once by the end is a delivery")
{
    struct scene *scene = scene_for(1);
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 PIPELINING", "C:MAIL*", "C:RCPT*",
               "C:DATA", "S:250 ok", "S:250 ok", "S:354 go", "message", "S:250 ok", "hang up"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

TEST("a server that ended a reused connection is told apart from one that fails a message")
{
    struct scene *scene = scene_for(1);
    scene->job_count = 2;
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250 hi", "C:MAIL*", "S:250 ok", "C:RCPT*",
                      "S:250 ok", "C:DATA", "S:354 go", "message", "S:250 ok", "hang up"));
    expect_outcome(scene, 0, OK, "2.0.0");
    EXPECT(scene->delivered[1] == TRY_LATER);
    done(&scene);
}

TEST("silence at any step ends in time")
{
    static const char *const steps[] = {"S:220 hi", "C:EHLO us", "S:250 hi", "C:MAIL*",
                                        "S:250 ok", "C:RCPT*",   "S:250 ok", "C:DATA",
                                        "S:354 go", "message",   "S:250 ok"};
    for (unsigned said = 0; said < 11; said += 2) {
        const char *script[12] = {0};
        memcpy(script, steps, said * sizeof(*steps));
        script[said] = "stall"; /* where the next word of the server was due */
        struct scene *scene = scene_for(1);
        run(scene, script);
        EXPECT(!scene->is_usable);
        if (scene->opened == OK)
            expect_outcome(scene, 0, TRY_LATER, "4.4.2");
        else
            EXPECT_TEXT(text_from(scene->trouble.enhanced), "4.4.2");
        done(&scene);
    }
}

TEST("a server that speaks no SMTP is left, to be tried again")
{
    expect_not_opened(SCRIPT("S:SSH-2.0-OpenSSH_9.2"), TRY_LATER, "4.5.0");
    expect_not_opened(SCRIPT("flood"), TRY_LATER, "4.5.0");
    expect_not_opened(SCRIPT("hang up"), TRY_LATER, "4.4.2");
    expect_not_opened(SCRIPT("S:220-half", "hang up"), TRY_LATER, "4.4.2");
    expect_not_opened(SCRIPT("S:354 what"), TRY_LATER, "4.5.0");
    expect_not_opened(SCRIPT("zeros", "C:EHLO us", "S:25", "hang up"), TRY_LATER, "4.5.0");
}

TEST("greeting and EHLO may defer or refuse us")
{
    expect_not_opened(SCRIPT("S:421 4.3.2 busy", "hang up"), TRY_LATER, "4.3.2");
    expect_not_opened(SCRIPT("S:554 5.7.1 no", "C:QUIT", "S:221 bye"), REFUSED, "5.7.1");
    expect_not_opened(SCRIPT("S:220 hi", "C:EHLO us", "S:451 later"), TRY_LATER, "4.0.0");
    expect_not_opened(SCRIPT("S:220 hi", "C:EHLO us", "S:550 no", "C:HELO us", "S:550 no"), REFUSED,
                      "5.0.0");
}

/* shows: V19 V26 */
TEST("what the peer cannot take is refused without asking it")
{
    struct scene *scene = scene_for(1);
    scene->job_count = 3;
    scene->jobs[0].size = 2000;
    scene->jobs[1].terms.body = MAIL_BODY_8BIT;
    scene->jobs[1].body = TEXT("Content-Type: multipart/mixed\r\n\r\n\xfc\r\n");
    scene->jobs[1].size = scene->jobs[1].body.length;
    scene->jobs[2].terms.is_international = true;
    scene->jobs[2].sender = TEXT("gr\xc3\xbc\xc3\x9f@us");
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 SIZE 1999", "C:QUIT", "S:221 x"));
    EXPECT_TEXT(scene->outcomes[0][0].enhanced, "5.3.4");
    EXPECT_TEXT(scene->outcomes[1][0].enhanced, "5.6.3");
    EXPECT_TEXT(scene->outcomes[2][0].enhanced, "5.6.7");
    for (int i = 0; i < 3; i++)
        EXPECT(scene->outcomes[i][0].status == REFUSED);
    done(&scene);
}

TEST("a line end in an address never becomes a command")
{
    struct scene *scene = scene_for(1);
    static const struct queue_job_recipient evil = {
        .number = 7, .address = TEXT("a@b>\r\nRSET\r\nMAIL FROM:<c@d")};
    scene->jobs[0].recipients = &evil;
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250 hi", "C:QUIT", "S:221 bye"));
    expect_outcome(scene, 0, REFUSED, "5.1.3");
    done(&scene);
}

TEST("the wishes for reports go to a peer that knows DSN")
{
    struct scene *scene = scene_for(1);
    static const struct queue_job_recipient wishes = {
        .number = 7,
        .address = TEXT("r@them"),
        .original_recipient = TEXT("rfc822;x+2By@them"),
        .notify = NOTIFY_SUCCESS | NOTIFY_DELAY,
    };
    scene->jobs[0].recipients = &wishes;
    scene->jobs[0].terms.return_headers_only = true;
    scene->jobs[0].terms.envelope_id = TEXT("a b");
    scene->jobs[0].terms.body = MAIL_BODY_8BIT;
    scene->jobs[0].terms.is_international = true;
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250-DSN", "S:250-8bitmime", "S:250 SMTPUTF8",
               "C:MAIL FROM:<a@us> BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+20b", "S:250 ok",
               "C:RCPT TO:<r@them> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@them", "S:250 ok",
               "C:DATA", "S:354 go", "message", "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

TEST("a large body is read in chunks and sent in chunks")
{
    struct scene *scene = scene_for(1);
    scene->jobs[0].body = TEXT("");
    scene->jobs[0].size = QUEUE_BODY_CHUNK + 64;
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250-CHUNKING", "S:250 PIPELINING",
                      "C:MAIL*", "C:RCPT*", "S:250 ok", "S:250 ok", "C:BDAT 262144", "bytes 262144",
                      "S:250 ok", "C:BDAT 64 LAST", "bytes 64", "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

TEST("a body that can't be read leaves the peer without the message")
{
    struct scene *scene = scene_for(1);
    scene->jobs[0].body = TEXT("");
    scene->jobs[0].size = 100 << 10;
    scene->options.our_host = TEXT("lonely");
    run(scene, SCRIPT("S:220 hi", "C:EHLO lonely", "S:250 hi", "C:MAIL*", "S:250 ok", "C:RCPT*",
                      "S:250 ok", "C:DATA", "S:354 go"));
    expect_outcome(scene, 0, TRY_LATER, "4.3.0");
    EXPECT(!scene->is_usable);
    done(&scene);
}

TEST("TLS is taken when offered, and what was offered before it is forgotten")
{
    struct scene *scene = scene_for(1);
    with_tls(scene, TLS_OFFER);
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250-PIPELINING", "S:250 STARTTLS",
               "C:STARTTLS", "S:220 go", "TLS", "C:EHLO us", "S:250 hi", "C:MAIL*", "S:250 ok",
               "C:RCPT*", "S:250 ok", "C:DATA", "S:354 go", "message", "S:250 ok"));
    expect_outcome(scene, 0, OK, "2.0.0");
    done(&scene);
}

TEST("words behind the 220 of STARTTLS are an injection")
{
    struct scene *scene = scene_for(1);
    with_tls(scene, TLS_REQUIRE);
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 STARTTLS", "C:STARTTLS",
                      "S:220 go\r\n250 evil", "TLS"));
    EXPECT(scene->opened == TRY_LATER && !scene->trouble.is_tls);
    EXPECT_TEXT(text_from(scene->trouble.enhanced), "4.5.0");
    done(&scene);
}

TEST("without TLS a peer is left when TLS is required, and used when it is not")
{
    struct scene *scene = scene_for(1);
    with_tls(scene, TLS_REQUIRE);
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250 hi", "C:QUIT", "S:221 bye"));
    EXPECT(scene->opened == TRY_LATER);
    EXPECT_TEXT(text_from(scene->trouble.enhanced), "4.7.4");
    done(&scene);
    scene = scene_for(1);
    with_tls(scene, TLS_OFFER);
    run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 STARTTLS", "C:STARTTLS",
                      "S:454 no", "C:MAIL*", "S:250 ok", "C:RCPT*", "S:550 5.1.1 no"));
    expect_outcome(scene, 0, REFUSED, "5.1.1");
    done(&scene);
}

TEST("a broken handshake suggests a connection without TLS only where that is allowed")
{
    for (enum tls_policy policy = TLS_OFFER; policy <= TLS_REQUIRE; policy++) {
        struct scene *scene = scene_for(1);
        with_tls(scene, policy);
        run(scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 STARTTLS", "C:STARTTLS",
                          "S:220 go", "bytes 5", "S:no TLS here"));
        EXPECT(scene->opened == TRY_LATER);
        EXPECT_TEXT(text_from(scene->trouble.enhanced), "4.7.5");
        EXPECT(scene->trouble.is_tls == (policy == TLS_OFFER));
        done(&scene);
    }
}

TEST("the password goes out under TLS alone")
{
    static const struct smtp_client_login login = {.identity = {.user = TEXT("u"),
                                                                .password = TEXT("p"),
                                                                .allowed = SASL_ANY_MECHANISM,
                                                                .secrecy = SASL_OVER_TLS}};
    struct scene *scene = scene_for(1);
    scene->options.login = &login;
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 AUTH PLAIN", "C:QUIT", "S:221 x"));
    EXPECT(scene->opened == TRY_LATER);
    done(&scene);
    scene = scene_for(1);
    with_tls(scene, TLS_OFFER);
    scene->options.login = &login;
    run(scene,
        SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 STARTTLS", "C:STARTTLS", "S:220 go",
               "TLS", "C:EHLO us", "S:250-hi", "S:250 AUTH X-OTHER LOGIN", "C:AUTH LOGIN",
               "S:334 VXNlcm5hbWU6", "C:dQ==", "S:334 UGFzc3dvcmQ6", "C:cA==", "S:535 5.7.8 bad"));
    EXPECT(scene->opened == TRY_LATER);
    EXPECT_TEXT(text_from(scene->trouble.enhanced), "4.7.8");
    done(&scene);
}
