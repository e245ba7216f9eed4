#include "proto/smtp/send/smtp_send_turn.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/send/smtp_send_hop.h"

enum { TURNS_MOST = 1000, JOBS_AT_ONCE = 4 };

struct turned {
    struct smtp_turns *turns;
    uint64_t id, session;
    char *account, *peer; /* owned */
    int fd;
    struct smtp_client *client;
    struct buffer relay; /* "branch@example.org[192.0.2.1:4711]", as outcomes name the peer */
    unsigned delivered;
    struct reason reason; /* why it ended early; "" */
};

void smtp_turns_init(struct smtp_turns *turns, const struct smtp_sender *sender)
{
    *turns = (struct smtp_turns){.sender = sender};
    task_group_init(&turns->tasks);
}

static void end_because(struct turned *turned, const char *why)
{
    text_copy(text_head(text_from(why), REASON_BYTES - 1), turned->reason.text, REASON_BYTES);
}

static enum status read_body(void *context, const struct queue_job *job, uint64_t offset,
                             uint32_t length, struct buffer *out)
{
    return queue_read_body(context, job, offset, length, out);
}

static void count_delivered(struct turned *turned, const struct queue_outcome *outcomes,
                            unsigned count)
{
    bool any = false;
    for (unsigned i = 0; i < count; i++)
        any |= outcomes[i].status == OK;
    turned->delivered += any;
}

/* False when the session can't go on. A job that was not begun is not reported: it goes back with
 * the end of the turn, as if it had never been given. YIELDS. */
static bool deliver(struct turned *turned, const struct queue_job *job)
{
    const struct smtp_sender *sender = turned->turns->sender;
    const struct smtp_client_body body = {read_body, sender->context->store};
    struct arena arena;
    arena_init(&arena);
    struct queue_outcome *outcomes = arena_array(&arena, job->recipient_count, sizeof(*outcomes));
    enum status status = smtp_client_deliver(turned->client, job, &body, &arena, outcomes);
    for (unsigned i = 0; i < job->recipient_count; i++)
        outcomes[i].remote_host = buffer_text(&turned->relay);
    if (status == OK && !smtp_job_was_cut_short(outcomes, job->recipient_count)) {
        count_delivered(turned, outcomes, job->recipient_count);
        smtp_job_report(sender, job, outcomes);
    }
    arena_finish(&arena);
    if (status == OK && smtp_client_is_in_step(turned->client))
        return true;
    end_because(turned, "the connection was lost");
    return false;
}

/* Some jobs. False when that was all, or the session can't go on. YIELDS. */
static bool deliver_some(struct turned *turned)
{
    struct rpc_channel *store = turned->turns->sender->context->store;
    struct queue_job *jobs = NULL;
    struct arena arena;
    unsigned count = 0;
    arena_init(&arena);
    enum status status = queue_turn_lease(store, turned->id, JOBS_AT_ONCE, &arena, &jobs, &count);
    bool goes_on = status == OK && count > 0;
    if (status != OK)
        end_because(turned, fail_reason());
    for (unsigned i = 0; i < count && goes_on; i++) {
        bool stopping = turned->turns->stopping || task_is_cancelled();
        if (stopping)
            end_because(turned, "we are shutting down");
        goes_on = !stopping && deliver(turned, &jobs[i]);
    }
    arena_finish(&arena);
    return goes_on;
}

/* The peer greets us now. TLS, if there is any, is around the connection: front has it. YIELDS. */
static void talk(struct turned *turned)
{
    struct settings *settings = settings_hold(turned->turns->sender->context->settings);
    struct smtp_client_options options = smtp_connector_options(settings, &settings->direct);
    options.tls = TLS_NONE;
    struct smtp_client_trouble trouble;
    struct stream *stream = stream_new(turned->fd, NULL);
    if (smtp_client_open(stream, &options, &turned->client, &trouble) == OK) {
        while (deliver_some(turned))
            continue;
    } else {
        end_because(turned, trouble.words);
    }
    settings_release(&settings);
}

static void run_turned(void *argument)
{
    struct turned *turned = argument;
    char session[ID_TEXT_BYTES];
    talk(turned);
    /* Even when this task is being ended: what was not sent should not wait for our end. */
    task_shield_begin();
    queue_turn_end(turned->turns->sender->context->store, turned->id,
                   text_from(turned->reason.text));
    task_shield_end();
    smtp_client_close(&turned->client);
    log_info("smtp.turn-ended", "session=%s account=%s delivered=%u reason=%s",
             id_format(turned->session, session), log_text(text_from(turned->account)),
             turned->delivered, log_text(text_from(turned->reason.text)));
    buffer_finish(&turned->relay);
    free(turned->account);
    free(turned->peer);
    free(turned);
}

enum status smtp_turns_begin(struct smtp_turns *turns, const struct queue_turn *turn, int fd)
{
    if (turns->stopping || turns->tasks.count >= TURNS_MOST) {
        close(fd);
        return try_later("no session can be turned round at the moment");
    }
    struct turned *turned = calloc(1, sizeof(*turned));
    check(turned != NULL);
    *turned = (struct turned){.turns = turns, .id = turn->id, .session = turn->session, .fd = fd};
    turned->account = text_to_string(turn->account);
    turned->peer = text_to_string(turn->peer);
    buffer_init(&turned->relay, SMTP_RELAY_BYTES);
    buffer_printf(&turned->relay, "%.*s[%.*s]", TEXT_ARG(text_head(turn->account, 255)),
                  TEXT_ARG(text_head(turn->peer, 100)));
    task_spawn(&turns->tasks, "turned session", run_turned, turned);
    return OK;
}
