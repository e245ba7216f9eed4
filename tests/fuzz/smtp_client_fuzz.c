/* A whole session of the SMTP client with a server made of the input: its pieces, parted by 0xff,
 * are said one after each line heard. Oracle: every recipient of every message has an outcome whose
 * code is of its class; nothing is taken for delivered whose end was not sent; no line that we say
 * is broken by what the server said; and it always comes to an end. */
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "net/stream.h"
#include "proto/smtp/client/smtp_client.h"
#include "smtp_client_times.h"
#include "task/task.h"

static int64_t now_ms;

enum { JOBS = 3, RECIPIENTS = 4, HEARD_MAX = 4 << 20 };

struct session {
    struct text script;
    int fds[2];
    unsigned flags;
    struct queue_job jobs[JOBS];
    unsigned at; /* the job that is being delivered */
    struct buffer heard;
};

static void say_next(struct session *session, struct stream *stream)
{
    struct text piece;
    if (!text_split(&session->script, (char)0xff, &piece))
        return stream_end_output(stream);
    stream_write(stream, piece);
    stream_flush(stream);
}

static void serve(void *argument)
{
    struct session *session = argument;
    struct stream *stream = stream_new(session->fds[1], NULL);
    struct text line;
    say_next(session, stream);
    for (;;) {
        enum status status = stream_read_line(stream, 4096, &line);
        if (status == TRY_LATER)
            break;
        if (status == OK)
            buffer_append(&session->heard, line);
        say_next(session, stream);
    }
    buffer_append(&session->heard, stream_buffered(stream));
    stream_close(&stream);
}

/* 100 KiB of lines that the store would give in chunks. */
static enum status read_far(void *context, const struct queue_job *job, uint64_t offset,
                            uint32_t length, struct buffer *out)
{
    (void)context;
    (void)job;
    for (uint64_t i = offset; i < offset + length; i++)
        buffer_append_byte(out, i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x');
    return OK;
}

static struct queue_job job_for(unsigned flags, unsigned number)
{
    static const struct queue_job_recipient recipients[RECIPIENTS] = {
        {.number = 1, .address = TEXT("a@one.example"), .notify = NOTIFY_NEVER},
        {.number = 2, .address = TEXT("b@m\xc3\xbcnchen.example")},
        {.number = 3, .address = TEXT("c@one.example"), .original_recipient = TEXT("rfc822;x@y")},
        {.number = 4, .address = TEXT("d@two.example")}};
    static const struct text bodies[] = {
        TEXT("Subject: x\r\n\r\n..hello\r\n"), TEXT("Subject: x\r\n\r\ngr\xfc\xdf\r\n"),
        TEXT("Content-Transfer-Encoding: binary\r\n\r\n\0\r\n\n"), TEXT("")};
    struct queue_job job = {
        .id = 1 + number, .lease = 7, .sender = TEXT("me@us.example"), .recipients = recipients};
    job.recipient_count = 1 + flags % RECIPIENTS;
    job.terms.body = (enum mail_body)(flags / 4 % 3);
    job.terms.is_international = true;
    job.terms.priority = 3;
    job.body = bodies[flags / 4 % 4];
    job.size = job.body.length > 0 ? job.body.length : 100 << 10;
    return job;
}

static void expect_outcome(const struct queue_outcome *outcome)
{
    static const char classes[] = {[OK] = '2', [TRY_LATER] = '4', [REFUSED] = '5'};
    check(outcome->enhanced.length >= 5 && outcome->enhanced.data[0] == classes[outcome->status]);
    check(outcome->reply.length > 0 && text_find(outcome->reply, '\n') == outcome->reply.length);
}

static unsigned deliver(struct smtp_client *client, const struct queue_job *job)
{
    const struct smtp_client_body body = {.read = read_far};
    struct queue_outcome outcomes[RECIPIENTS];
    struct arena arena;
    unsigned sent = 0;
    arena_init(&arena);
    if (smtp_client_deliver(client, job, &body, &arena, outcomes) == OK) {
        for (unsigned i = 0; i < job->recipient_count; i++) {
            check(outcomes[i].number == job->recipients[i].number);
            expect_outcome(&outcomes[i]);
            sent |= outcomes[i].status == OK;
        }
    }
    arena_finish(&arena);
    return sent;
}

/* Time flies, so that who waits in vain does not wait long; but no envelope goes ahead to a server
 * that thinks long. */
static void turn_clock(void *argument)
{
    const struct session *session = argument;
    while (!task_is_cancelled()) {
        now_ms += (session->flags & 64) != 0 ? 20 : 100;
        task_yield();
    }
}

/* Messages whose end was said, whoever heard it. */
static unsigned count_ends(struct text heard)
{
    unsigned ends = 0;
    struct text line;
    while (text_split(&heard, '\n', &line)) {
        line = text_trim(line);
        ends += text_equals(line, TEXT(".")) || (text_starts_with(line, TEXT("BDAT ")) &&
                                                 text_ends_with_nocase(line, TEXT("LAST")));
    }
    return ends;
}

/* Its envelope may go out with the end of the message before it. */
static const struct queue_job *find_next(void *context)
{
    const struct session *session = context;
    return session->at + 1 < JOBS ? &session->jobs[session->at + 1] : NULL;
}

static void talk(void *argument)
{
    struct session *session = argument;
    struct task_group group, clock;
    struct smtp_client *client = NULL;
    struct smtp_client_trouble trouble;
    unsigned sent = 0;
    struct smtp_client_options options = {.our_host = TEXT("us.example"),
                                          .max_messages = 3,
                                          .max_recipients = 1 + session->flags / 16 % 4,
                                          .timeouts = client_times};
    if ((session->flags & 64) != 0)
        options.next = (struct smtp_client_next){find_next, session};
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, session->fds) == 0);
    task_group_init(&group);
    task_group_init(&clock);
    task_spawn(&group, "server", serve, session);
    task_spawn(&clock, "clock", turn_clock, session);
    struct stream *stream = stream_new(session->fds[0], NULL);
    if (smtp_client_open(stream, &options, &client, &trouble) != OK)
        check(trouble.status != OK && trouble.words[0] != '\0');
    for (unsigned i = 0; i < JOBS; i++)
        session->jobs[i] = job_for(session->flags, i);
    for (session->at = 0; session->at < JOBS; session->at++)
        if (client != NULL && smtp_client_is_usable(client))
            sent += deliver(client, &session->jobs[session->at]);
    smtp_client_close(&client);
    task_group_wait(&group, NO_DEADLINE);
    task_group_finish(&clock);
    check(sent <= count_ends(buffer_text(&session->heard)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > 8192)
        return 0;
    struct session session = {.script = text_of(data + 1, size - 1), .flags = data[0]};
    buffer_init(&session.heard, HEARD_MAX);
    now_ms = 1000;
    clock_set_for_test(&now_ms);
    task_loop_run(talk, &session);
    check(!session.heard.overflowed);
    buffer_finish(&session.heard);
    return 0;
}
