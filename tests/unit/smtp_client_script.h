/* The server of a scene with an SMTP client: it follows a script. */
#ifndef SMTP_CLIENT_SCRIPT_H
#define SMTP_CLIENT_SCRIPT_H

#include <stdio.h>
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

#endif
