#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/stream.h"
#include "proto/smtp/smtp_client.h"
#include "smtp_client_times.h"
#include "task/task.h"
#include "test.h"

/* A server is a script, one step a string:
 *     "S:text"   say it and CRLF          "C:text"  the next line must be it ("*" ends a prefix)
 *     "message"  take DATA up to its dot  "bytes N" take so many ("skip")
 *     "stall"    an eternity passes       "hang up" close
 *     "flood"    10 MB without line end   "TLS"     shake hands
 *     "zeros"    a reply full of NULs */
struct scene {
    const char *const *script;
    struct smtp_client_options options;
    struct queue_job jobs[3]; /* delivered one after the other */
    unsigned job_count;
    /* Results. */
    enum status opened;
    struct smtp_client_trouble trouble;
    enum status delivered[3];
    struct queue_outcome outcomes[3][200];
    bool is_usable;
    char mail[4096]; /* what the server took as message, last */
    const char *bad_step;
    struct arena arena;
};

static int64_t now_ms;
static struct tls_context *server_tls, *client_tls;

static bool line_is(struct text line, const char *wanted)
{
    struct text want = text_from(wanted);
    line = text_trim(line);
    if (want.length > 0 && want.data[want.length - 1] == '*')
        return text_starts_with(line, text_head(want, want.length - 1));
    return text_equals(line, want);
}

static void take_message(struct scene *scene, struct stream *stream)
{
    struct text line;
    scene->mail[0] = '\0';
    size_t used = 0;
    while (stream_read_line(stream, 4096, &line) == OK && !text_equals(line, TEXT(".\r\n"))) {
        check(used + line.length < sizeof(scene->mail));
        memcpy(scene->mail + used, line.data, line.length);
        used += line.length;
        scene->mail[used] = '\0';
    }
}

static void take_bytes(struct scene *scene, struct stream *stream, struct text count)
{
    uint32_t wanted = 0;
    struct buffer bytes;
    EXPECT(text_to_u32(count, &wanted));
    buffer_init(&bytes, sizeof(scene->mail) - 1);
    stream_read_exactly(stream, wanted, &bytes);
    text_copy(buffer_text(&bytes), scene->mail, sizeof(scene->mail));
    buffer_finish(&bytes);
}

static void skip_bytes(struct stream *stream, struct text count)
{
    uint32_t wanted = 0;
    struct buffer bytes;
    EXPECT(text_to_u32(count, &wanted));
    buffer_init(&bytes, wanted);
    stream_read_exactly(stream, wanted, &bytes);
    buffer_finish(&bytes);
}

static void flood(struct stream *stream)
{
    char block[1000];
    memset(block, '2', sizeof(block));
    for (int i = 0; i < 10000 && stream_end(stream) == STREAM_OPEN; i++)
        stream_write(stream, text_of(block, sizeof(block)));
}

static bool play(struct scene *scene, struct stream *stream, const char *step)
{
    struct text line;
    if (strncmp(step, "S:", 2) == 0)
        stream_printf(stream, "%s\r\n", step + 2);
    else if (strncmp(step, "C:", 2) == 0)
        return stream_read_line(stream, 4096, &line) == OK && line_is(line, step + 2);
    else if (strcmp(step, "message") == 0)
        take_message(scene, stream);
    else if (strncmp(step, "bytes ", 6) == 0)
        take_bytes(scene, stream, text_from(step + 6));
    else if (strncmp(step, "skip ", 5) == 0)
        skip_bytes(stream, text_from(step + 5));
    else if (strcmp(step, "TLS") == 0)
        return stream_start_tls(stream, server_tls, NULL, NULL) == OK;
    else if (strcmp(step, "flood") == 0)
        flood(stream);
    else if (strcmp(step, "zeros") == 0)
        stream_write(stream, TEXT("220 \0\0\0\r\n"));
    else if (strcmp(step, "stall") == 0)
        now_ms += HOUR;
    else
        return false;
    return true;
}

struct server {
    struct scene *scene;
    int fd;
};

static void serve(void *argument)
{
    struct server *server = argument;
    struct scene *scene = server->scene;
    struct stream *stream = stream_new(server->fd, NULL);
    for (const char *const *step = scene->script; *step != NULL; step++) {
        if (strcmp(*step, "hang up") == 0) {
            stream_flush(stream);
            stream_close(&stream);
            return;
        }
        if (!play(scene, stream, *step)) {
            scene->bad_step = *step;
            break;
        }
    }
    struct text rest;
    while (stream_read_line(stream, 4096, &rest) != TRY_LATER || stream_end(stream) == STREAM_OPEN)
        if (line_is(rest, "QUIT"))
            stream_printf(stream, "221 bye\r\n");
    stream_close(&stream);
}

/* The body of a job whose text is not inline. */
static enum status read_far(void *context, const struct queue_job *job, uint64_t offset,
                            uint32_t length, struct buffer *out)
{
    unused(job);
    if (context == NULL)
        return try_later("store is away");
    EXPECT(length <= QUEUE_BODY_CHUNK);
    for (uint64_t i = offset; i < offset + length; i++)
        buffer_append_byte(out, i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x');
    return OK;
}

static void deliver_all(struct scene *scene, int fd)
{
    struct smtp_client *client = NULL;
    static const char tale[] = "far";
    const struct smtp_client_body body = {
        read_far, scene->options.our_host.length == 2 ? (void *)(uintptr_t)tale : NULL};
    struct stream *stream = stream_new(fd, NULL);
    scene->opened = smtp_client_open(stream, &scene->options, &client, &scene->trouble);
    for (unsigned i = 0; client != NULL && i < scene->job_count; i++)
        scene->delivered[i] =
            smtp_client_deliver(client, &scene->jobs[i], &body, &scene->arena, scene->outcomes[i]);
    scene->is_usable = client != NULL && smtp_client_is_usable(client);
    smtp_client_close(&client);
}

static void run_scene(void *argument)
{
    struct scene *scene = argument;
    struct task_group group;
    int fds[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    struct server server = {scene, fds[1]};
    task_group_init(&group);
    task_spawn(&group, "server", serve, &server);
    deliver_all(scene, fds[0]);
    task_group_wait(&group, NO_DEADLINE); /* it sees us hang up */
}

static void run(struct scene *scene, const char *const *script)
{
    now_ms = 1000;
    clock_set_for_test(&now_ms);
    arena_init(&scene->arena);
    scene->script = script;
    if (text_is_empty(scene->options.our_host))
        scene->options.our_host = TEXT("us");
    scene->options.timeouts = client_times;
    if (scene->options.max_messages == 0)
        scene->options.max_messages = 100;
    task_loop_run(run_scene, scene);
    clock_set_for_test(NULL);
    if (scene->bad_step != NULL)
        print_error("the client did not do: %s\n", scene->bad_step);
    EXPECT(scene->bad_step == NULL);
}

static void done(struct scene **scene)
{
    arena_finish(&(*scene)->arena);
    free(*scene);
}

/* A scene with one message "hello" from a@us to r0..r(count-1)@them. */
static struct scene *scene_for(unsigned recipients)
{
    static char names[200][16];
    static struct queue_job_recipient list[200];
    struct scene *scene = calloc(1, sizeof(*scene));
    for (unsigned i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "r%u@them", i);
        list[i] = (struct queue_job_recipient){.number = i + 7, .address = text_from(names[i])};
    }
    struct queue_job job = {.sender = TEXT("a@us"), .size = 7, .body = TEXT("hello\r\n")};
    job.recipients = list;
    job.recipient_count = recipients;
    for (int i = 0; i < 3; i++)
        scene->jobs[i] = job;
    scene->job_count = 1;
    return scene;
}
#define SCRIPT(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static void expect_outcome(const struct scene *scene, unsigned i, enum status status,
                           const char *enhanced)
{
    EXPECT(scene->delivered[0] == OK);
    EXPECT(scene->outcomes[0][i].number == i + 7);
    EXPECT_TEXT(scene->outcomes[0][i].enhanced, enhanced);
    EXPECT(scene->outcomes[0][i].status == status);
}

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

static void expect_not_opened(const char *const *script, enum status status, const char *enhanced)
{
    struct scene *scene = scene_for(1);
    run(scene, script);
    EXPECT(scene->opened == status);
    EXPECT(scene->trouble.status == status);
    EXPECT_TEXT(text_from(scene->trouble.enhanced), enhanced);
    done(&scene);
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
                      "C:MAIL*", "C:RCPT*", "S:250 ok", "S:250 ok", "C:BDAT 262144", "skip 262144",
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

static void with_tls(struct scene *scene, enum tls_policy policy)
{
    if (server_tls == NULL) {
        signal(SIGPIPE, SIG_IGN); /* as every program of ours does: OpenSSL writes by write() */
        struct buffer certificate, key;
        struct text name = TEXT("them");
        buffer_init(&certificate, 100000);
        buffer_init(&key, 100000);
        EXPECT(tls_self_sign(&name, 1, 10, &certificate, &key) == OK);
        EXPECT(tls_server_new(buffer_text(&certificate), buffer_text(&key), &server_tls) == OK);
        EXPECT(tls_client_new(false, TEXT(""), &client_tls) == OK);
        buffer_finish(&certificate);
        buffer_finish(&key);
    }
    scene->options.tls = policy;
    scene->options.tls_context = client_tls;
    scene->options.peer_name = "them";
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
                          "S:220 go", "skip 5", "S:no TLS here"));
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
