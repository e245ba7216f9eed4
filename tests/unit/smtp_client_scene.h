/* A scene: an SMTP client, and a server that follows a script. */
#ifndef SMTP_CLIENT_SCENE_H
#define SMTP_CLIENT_SCENE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/stream.h"
#include "proto/smtp/client/smtp_client.h"
#include "smtp_client_times.h"
#include "task/task.h"
#include "test.h"

/* A server is a script, one step a string:
 *     "S:text"   say it and CRLF          "C:text"  the next line must be it ("*" ends a prefix)
 *     "message"  take DATA up to its dot  "bytes N" take so many ("skip")
 *     "R:text"   say it as it is      "D:text"  say it and CRLF, a byte at a time
 *     "stall"    an eternity passes       "hang up" close
 *     "flood"    10 MB without line end   "TLS"     shake hands
 *     "nothing"  nothing more was said with what came last
 *     "think"    a second passes       "rest"   the client has heard what was said
 *     "zeros"    a reply full of NULs */
struct scene {
    const char *const *script;
    struct smtp_client_options options;
    struct queue_job jobs[3]; /* delivered one after the other */
    unsigned job_count;
    unsigned present;                /* of them */
    const struct queue_job *instead; /* it is told as the next, and then not delivered */
    /* Results. */
    enum status opened;
    struct smtp_client_trouble trouble;
    enum status delivered[3];
    struct queue_outcome outcomes[3][200];
    bool is_usable;
    uint32_t unfit;
    char mail[4096]; /* what the server took as message, last */
    const char *bad_step;
    struct arena arena;
};

static int64_t now_ms;
static struct tls_context *server_tls, *client_tls;

static inline bool line_is(struct text line, const char *wanted)
{
    struct text want = text_from(wanted);
    line = text_trim(line);
    if (want.length > 0 && want.data[want.length - 1] == '*')
        return text_starts_with(line, text_head(want, want.length - 1));
    return text_equals(line, want);
}

static inline bool is_said(struct text line, const char *wanted)
{
    if (line_is(line, wanted))
        return true;
    print_error("the client said: %.*s\n", TEXT_ARG(text_trim(line)));
    return false;
}

static inline void take_message(struct scene *scene, struct stream *stream)
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

/* Into scene->mail, or nowhere when they would not fit. */
static inline void take_bytes(struct scene *scene, struct stream *stream, struct text count)
{
    uint32_t wanted = 0;
    struct buffer bytes;
    EXPECT(text_to_u32(count, &wanted));
    buffer_init(&bytes, wanted);
    stream_read_exactly(stream, wanted, &bytes);
    text_copy(buffer_text(&bytes), scene->mail, sizeof(scene->mail));
    buffer_finish(&bytes);
}

static inline void flood(struct stream *stream)
{
    char block[1000];
    memset(block, '2', sizeof(block));
    for (int i = 0; i < 10000 && stream_end(stream) == STREAM_OPEN; i++)
        stream_write(stream, text_of(block, sizeof(block)));
}

static inline void drip(struct stream *stream, const char *line)
{
    for (; *line != '\0'; line++) {
        stream_write(stream, text_of(line, 1));
        stream_flush(stream);
        task_yield();
    }
    stream_write(stream, TEXT("\r\n"));
}

static inline void rest(struct stream *stream)
{
    stream_flush(stream);
    for (int i = 0; i < 20; i++) /* the loop looks for input at every fourth */
        task_yield();
}

static inline bool play(struct scene *scene, struct stream *stream, const char *step)
{
    struct text line;
    if (strncmp(step, "S:", 2) == 0)
        stream_printf(stream, "%s\r\n", step + 2);
    else if (strncmp(step, "R:", 2) == 0)
        stream_write(stream, text_from(step + 2));
    else if (strncmp(step, "D:", 2) == 0)
        drip(stream, step + 2);
    else if (strncmp(step, "C:", 2) == 0)
        return stream_read_line(stream, 4096, &line) == OK && is_said(line, step + 2);
    else if (strcmp(step, "message") == 0)
        take_message(scene, stream);
    else if (strncmp(step, "bytes ", 6) == 0)
        take_bytes(scene, stream, text_from(step + 6));
    else if (strcmp(step, "TLS") == 0)
        return stream_start_tls(stream, server_tls, NULL, NULL) == OK;
    else if (strcmp(step, "flood") == 0)
        flood(stream);
    else if (strcmp(step, "zeros") == 0)
        stream_write(stream, TEXT("220 \0\0\0\r\n"));
    else if (strcmp(step, "nothing") == 0)
        return !stream_has_input(stream);
    else if (strcmp(step, "rest") == 0)
        rest(stream);
    else if (strcmp(step, "think") == 0)
        now_ms += SECOND;
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

static inline void serve(void *argument)
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
            stream_close(&stream);
            return;
        }
    }
    struct text rest;
    while (stream_read_line(stream, 4096, &rest) != TRY_LATER || stream_end(stream) == STREAM_OPEN)
        if (line_is(rest, "QUIT"))
            stream_printf(stream, "221 bye\r\n");
    stream_close(&stream);
}

/* The body of a job whose text is not inline. */
static inline enum status read_far(void *context, const struct queue_job *job, uint64_t offset,
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

/* As options.next, for scenes in which the next message is known. */
static inline const struct queue_job *find_next(void *context)
{
    struct scene *scene = context;
    if (scene->present + 1 >= scene->job_count)
        return NULL;
    return scene->instead != NULL ? scene->instead : &scene->jobs[scene->present + 1];
}

static inline void deliver_all(struct scene *scene, int fd)
{
    struct smtp_client *client = NULL;
    static const char tale[] = "far";
    const struct smtp_client_body body = {
        read_far, scene->options.our_host.length == 2 ? (void *)(uintptr_t)tale : NULL};
    struct stream *stream = stream_new(fd, NULL);
    scene->opened = smtp_client_open(stream, &scene->options, &client, &scene->trouble);
    for (unsigned i = 0; client != NULL && i < scene->job_count; i++) {
        scene->present = i;
        scene->delivered[i] =
            smtp_client_deliver(client, &scene->jobs[i], &body, &scene->arena, scene->outcomes[i]);
    }
    scene->is_usable = client != NULL && smtp_client_is_usable(client);
    scene->unfit = client == NULL ? 0 : smtp_client_unfit(client);
    smtp_client_close(&client);
}

static inline void run_scene(void *argument)
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

static inline void run(struct scene *scene, const char *const *script)
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

static inline void done(struct scene **scene)
{
    arena_finish(&(*scene)->arena);
    free(*scene);
}

/* A scene with one message "hello" from a@us to r0..r(count-1)@them. */
static inline struct scene *scene_for(unsigned recipients)
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
    for (unsigned i = 0; i < 3; i++) {
        scene->jobs[i] = job;
        scene->jobs[i].id = i + 1;
    }
    scene->job_count = 1;
    return scene;
}
#define SCRIPT(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static inline void expect_outcome(const struct scene *scene, unsigned i, enum status status,
                                  const char *enhanced)
{
    EXPECT(scene->delivered[0] == OK);
    EXPECT(scene->outcomes[0][i].number == i + 7);
    EXPECT_TEXT(scene->outcomes[0][i].enhanced, enhanced);
    EXPECT(scene->outcomes[0][i].status == status);
}

static inline void with_tls(struct scene *scene, enum tls_policy policy)
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
    static const struct tls_expectation expected = {.server_name = "them"};
    scene->options.expected = &expected;
}

static inline void expect_not_opened(const char *const *script, enum status status,
                                     const char *enhanced)
{
    struct scene *scene = scene_for(1);
    run(scene, script);
    EXPECT(scene->opened == status);
    EXPECT(scene->trouble.status == status);
    EXPECT_TEXT(text_from(scene->trouble.enhanced), enhanced);
    done(&scene);
}

#endif
