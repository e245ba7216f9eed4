/* AUTH as a client, towards servers that mean well and servers that do not. */
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/stream.h"
#include "proto/smtp/client/smtp_client_dialog.h"
#include "smtp_client_times.h"
#include "task/task.h"
#include "test.h"

/* A server is a script, one step a string: "S:text" says it, "C:text" awaits that line ("*" ends a
 * prefix). */
struct scene {
    const char *const *script;
    struct smtp_client_login login;
    bool is_anonymous;
    enum status opened;
    bool is_exps;
    struct smtp_client_trouble trouble;
    const char *bad_step;
    int fds[2];
};

static bool line_is(struct text line, struct text want)
{
    line = text_trim(line);
    if (want.length > 0 && want.data[want.length - 1] == '*')
        return text_starts_with(line, text_head(want, want.length - 1));
    return text_equals(line, want);
}

static bool play(struct stream *stream, const char *step)
{
    struct text line;
    if (strncmp(step, "S:", 2) == 0)
        stream_printf(stream, "%s\r\n", step + 2);
    else
        return stream_read_line(stream, 20000, &line) == OK && line_is(line, text_from(step + 2));
    return true;
}

static void serve(void *argument)
{
    struct scene *scene = argument;
    struct stream *stream = stream_new(scene->fds[1], NULL);
    for (const char *const *step = scene->script; *step != NULL; step++) {
        if (!play(stream, *step)) {
            scene->bad_step = *step;
            break;
        }
    }
    struct text rest;
    while (stream_read_line(stream, 20000, &rest) == OK)
        stream_printf(stream, line_is(rest, TEXT("QUIT")) ? "221 bye\r\n" : "501 what\r\n");
    stream_close(&stream);
}

static void run_scene(void *argument)
{
    struct scene *scene = argument;
    struct task_group group;
    struct smtp_client *client = NULL;
    struct smtp_client_options options = {.our_host = TEXT("us"),
                                          .timeouts = client_times,
                                          .peer_name = "them",
                                          .login = scene->is_anonymous ? NULL : &scene->login};
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, scene->fds) == 0);
    task_group_init(&group);
    task_spawn(&group, "server", serve, scene);
    scene->opened =
        smtp_client_open(stream_new(scene->fds[0], NULL), &options, &client, &scene->trouble);
    scene->is_exps = client != NULL && client->is_exps;
    smtp_client_close(&client);
    task_group_wait(&group, NO_DEADLINE);
}

static struct scene scene_with_password(void)
{
    return (struct scene){.login.identity = {.user = TEXT("us"),
                                             .password = TEXT("secret"),
                                             .allowed = SASL_ANY_MECHANISM,
                                             .secrecy = SASL_OVER_ANYTHING}};
}

static void run(struct scene *scene, const char *const *script)
{
    scene->script = script;
    task_loop_run(run_scene, scene);
    if (scene->bad_step != NULL)
        print_error("the client did not do: %s\n", scene->bad_step);
}

static void expect_trouble(const struct scene *scene, const char *enhanced, const char *words)
{
    EXPECT(scene->opened == TRY_LATER && scene->trouble.status == TRY_LATER);
    EXPECT_TEXT(text_from(scene->trouble.enhanced), enhanced);
    if (strstr(scene->trouble.words, words) == NULL)
        print_error("the trouble is: %s\n", scene->trouble.words);
    EXPECT(strstr(scene->trouble.words, words) != NULL);
    EXPECT(strstr(scene->trouble.words, "secret") == NULL);
}

#define SCRIPT(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define OFFERS(mechanisms) "S:220 hi", "C:EHLO us", "S:250-hi", "S:250 AUTH " mechanisms

/* ---- Servers that mean well ---- */

TEST("PLAIN goes out with the command")
{
    struct scene scene = scene_with_password();
    run(&scene, SCRIPT(OFFERS("PLAIN LOGIN"), "C:AUTH PLAIN AHVzAHNlY3JldA==", "S:235 ok", "C:QUIT",
                       "S:221 bye"));
    EXPECT(scene.opened == OK && scene.bad_step == NULL && !scene.is_exps);
}

TEST("an offer in the old form is one too")
{
    struct scene scene = scene_with_password();
    run(&scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", "S:250 AUTH=LOGIN", "C:AUTH LOGIN",
                       "S:334 VXNlcm5hbWU6", "C:dXM=", "S:334 UGFzc3dvcmQ6", "C:c2VjcmV0",
                       "S:235 2.7.0 ok", "C:QUIT", "S:221 bye"));
    EXPECT(scene.opened == OK && scene.bad_step == NULL);
}

TEST("CRAM-MD5 waits for its challenge")
{
    struct scene scene = scene_with_password();
    run(&scene, SCRIPT(OFFERS("CRAM-MD5 PLAIN"), "C:AUTH CRAM-MD5", "S:334 PDFAdGhlbT4=", "C:dXMg*",
                       "S:235 ok", "C:QUIT", "S:221 bye"));
    EXPECT(scene.opened == OK && scene.bad_step == NULL);
}

TEST("a first message that does not fit in a command waits to be asked for, in whatever words")
{
    static char token[600];
    memset(token, 'x', sizeof(token) - 1);
    struct scene scene = scene_with_password();
    scene.login.identity.token = text_from(token);
    run(&scene, SCRIPT(OFFERS("XOAUTH2 PLAIN"), "C:AUTH XOAUTH2", "S:334 XOAUTH2 supported",
                       "C:dXNlcj11cwFhdXRoPUJlYXJlciB4eHh4*", "S:235 ok", "C:QUIT", "S:221 bye"));
    EXPECT(scene.opened == OK && scene.bad_step == NULL);
}

TEST("an error of a bearer's token is acknowledged, and the verdict after it is told")
{
    struct scene scene = scene_with_password();
    scene.login.identity.token = TEXT("t");
    run(&scene, SCRIPT(OFFERS("OAUTHBEARER"), "C:AUTH OAUTHBEARER bixh*", "S:334 eyJzdGF0dXMi",
                       "C:AQ==", "S:535 5.7.8 token expired", "C:QUIT", "S:221 bye"));
    expect_trouble(&scene, "4.7.8", "login by OAUTHBEARER: 535 5.7.8 token expired");
}

/* shows: S24 */
TEST("without a login nothing is said of one")
{
    struct scene scene = {.is_anonymous = true};
    run(&scene, SCRIPT(OFFERS("PLAIN"), "C:QUIT", "S:221 bye"));
    EXPECT(scene.opened == OK && scene.bad_step == NULL);
}

/* ---- Refusals ---- */

TEST("every refusal leaves the mail waiting, with the words of the host")
{
    static const struct {
        const char *reply, *enhanced, *words;
    } cases[] = {
        {"S:535 5.7.8 bad credentials", "4.7.8", "login by PLAIN: 535 5.7.8 bad credentials"},
        {"S:535 no", "4.0.0", "535 no"},
        {"S:454 4.7.0 later", "4.7.0", "454 4.7.0 later"},
        {"S:432 4.7.12 change your password", "4.7.12", "432 4.7.12 change your password"},
        {"S:534 5.7.9 too weak", "4.7.9", "534 5.7.9 too weak"},
        {"S:538 5.7.11 needs encryption", "4.7.11", "538 5.7.11 needs encryption"},
        {"S:500 what", "4.0.0", "500 what"},
        {"S:421 closing", "4.0.0", "421 closing"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene scene = scene_with_password();
        run(&scene, SCRIPT(OFFERS("PLAIN LOGIN"), "C:AUTH PLAIN*", cases[i].reply));
        expect_trouble(&scene, cases[i].enhanced, cases[i].words);
    }
}

TEST("a mechanism that was offered and is not there gives way to the next, which is tried once")
{
    struct scene scene = scene_with_password();
    run(&scene, SCRIPT(OFFERS("CRAM-MD5 PLAIN"), "C:AUTH CRAM-MD5", "S:504 5.5.4 not here",
                       "C:AUTH PLAIN*", "S:504 5.5.4 nor this", "C:QUIT", "S:221 bye"));
    expect_trouble(&scene, "4.5.4", "login by PLAIN: 504");
    EXPECT(scene.bad_step == NULL);
}

TEST("a wrong password is not tried a second time by another mechanism")
{
    struct scene scene = scene_with_password();
    run(&scene, SCRIPT(OFFERS("CRAM-MD5 PLAIN"), "C:AUTH CRAM-MD5", "S:334 PDFAdGhlbT4=", "C:dXMg*",
                       "S:535 5.7.8 no", "C:QUIT", "S:221 bye"));
    expect_trouble(&scene, "4.7.8", "login by CRAM-MD5");
    EXPECT(scene.bad_step == NULL);
}

/* ---- Servers that do not mean well ---- */

TEST("challenges that are not one line of base64 end the exchange with a star")
{
    static const char *const wrong[] = {"S:334 %%%", "S:334 PDFAdGhlbT4", "S:334-PDFA\r\n334 dGhl",
                                        "S:334 PDFAdGhlbT4= =", "S:334 what is your name?"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct scene scene = scene_with_password();
        run(&scene, SCRIPT(OFFERS("CRAM-MD5"), "C:AUTH CRAM-MD5", wrong[i], "C:*", "S:501 ok",
                           "C:QUIT", "S:221 bye"));
        expect_trouble(&scene, "4.7.0", "not base64");
        EXPECT(scene.bad_step == NULL);
    }
}

TEST("a server that asks without end is left")
{
    struct scene scene = scene_with_password();
    scene.login.identity.token = TEXT("t");
    run(&scene, SCRIPT(OFFERS("XOAUTH2"), "C:AUTH XOAUTH2*",
                       "S:334 e30=", "C:", "S:334 e30=", "C:*", "S:334 e30="));
    expect_trouble(&scene, "4.7.0", "more than the mechanism has");
    EXPECT(scene.bad_step == NULL);
}

TEST("a challenge instead of the verdict is refused")
{
    struct scene scene = scene_with_password();
    run(&scene, SCRIPT(OFFERS("PLAIN"), "C:AUTH PLAIN*", "S:334 ", "C:*", "S:501 ok", "C:QUIT",
                       "S:221 bye"));
    expect_trouble(&scene, "4.7.0", "more than the mechanism has");
    EXPECT(scene.bad_step == NULL);
}

TEST("a success before the exchange is over is no success")
{
    static const char *const mechanisms[] = {"S:250 AUTH SCRAM-SHA-256", "S:250 AUTH LOGIN",
                                             "S:250 AUTH CRAM-MD5"};
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        struct scene scene = scene_with_password();
        run(&scene, SCRIPT("S:220 hi", "C:EHLO us", "S:250-hi", mechanisms[i], "C:AUTH*",
                           "S:235 2.7.0 welcome"));
        expect_trouble(&scene, "4.7.0", "has not proved who it is");
    }
}

TEST("other positive replies are no success, and end the dialogue")
{
    static const char *const wrong[] = {"S:250 ok", "S:354 go", "S:220 hi"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct scene scene = scene_with_password();
        run(&scene, SCRIPT(OFFERS("PLAIN"), "C:AUTH PLAIN*", wrong[i]));
        expect_trouble(&scene, "4.5.0", "unexpected");
    }
}

TEST("a server that goes on as if it had been told nothing is left after the star")
{
    struct scene scene = scene_with_password();
    run(&scene,
        SCRIPT(OFFERS("CRAM-MD5 PLAIN"), "C:AUTH CRAM-MD5", "S:334 !", "C:*", "S:235 welcome"));
    expect_trouble(&scene, "4.7.0", "not base64");
}

TEST("a connection that ends in the exchange is tried again later")
{
    struct scene scene = scene_with_password();
    run(&scene, SCRIPT(OFFERS("CRAM-MD5"), "C:AUTH CRAM-MD5", "S:334 PDFAdGhlbT4=", "C:dXMg*",
                       "S:421 4.3.2 shutting down"));
    expect_trouble(&scene, "4.3.2", "421 4.3.2 shutting down");
}

/* ---- X-EXPS ---- */

#define EXPS_OFFERS(mechanisms)                                                                    \
    "S:220 hi", "C:EHLO us", "S:250-hi", "S:250-X-EXPS " mechanisms, "S:250 AUTH LOGIN"

TEST("X-EXPS is used where it is offered, and remembered")
{
    struct scene scene = scene_with_password();
    scene.login.exps = EXPS_TRY;
    run(&scene,
        SCRIPT(EXPS_OFFERS("GSSAPI LOGIN"), "C:X-EXPS LOGIN", "S:334 VXNlcm5hbWU6",
               "C:dXM=", "S:334 UGFzc3dvcmQ6", "C:c2VjcmV0", "S:235 ok", "C:QUIT", "S:221 bye"));
    EXPECT(scene.opened == OK && scene.is_exps && scene.bad_step == NULL);
}

TEST("where X-EXPS is missing or fails, the session goes on anonymously if that is allowed")
{
    struct scene scene = scene_with_password();
    scene.login.exps = EXPS_TRY;
    run(&scene, SCRIPT(OFFERS("LOGIN"), "C:QUIT", "S:221 bye"));
    EXPECT(scene.opened == OK && !scene.is_exps && scene.bad_step == NULL);
    scene = scene_with_password();
    scene.login.exps = EXPS_TRY;
    run(&scene, SCRIPT(EXPS_OFFERS("LOGIN"), "C:X-EXPS LOGIN", "S:535 5.7.3 not one of ours",
                       "C:QUIT", "S:221 bye"));
    EXPECT(scene.opened == OK && !scene.is_exps && scene.bad_step == NULL);
}

TEST("where X-EXPS is required, there is no delivery without it")
{
    struct scene scene = scene_with_password();
    scene.login.exps = EXPS_REQUIRE;
    run(&scene, SCRIPT(OFFERS("LOGIN"), "C:QUIT", "S:221 bye"));
    expect_trouble(&scene, "4.7.0", "no login that we know");
    scene = scene_with_password();
    scene.login.exps = EXPS_REQUIRE;
    run(&scene, SCRIPT(EXPS_OFFERS("LOGIN"), "C:X-EXPS LOGIN", "S:535 5.7.3 not one of ours",
                       "C:QUIT", "S:221 bye"));
    expect_trouble(&scene, "4.7.3", "535 5.7.3 not one of ours");
}
