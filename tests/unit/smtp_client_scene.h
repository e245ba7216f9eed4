/* A scene: an SMTP client, and a server that follows a script. */
#ifndef SMTP_CLIENT_SCENE_H
#define SMTP_CLIENT_SCENE_H

#include <signal.h>
#include <stdlib.h>

#include "smtp_client_script.h"

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
