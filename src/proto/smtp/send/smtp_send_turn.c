#include "proto/smtp/send/smtp_send_turn.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/id.h"
#include "base/logline.h"
#include "proto/smtp/send/smtp_send_hop.h"

enum { JOBS_AT_ONCE = 4 };

struct turned {
    struct list link;
    struct smtp_turns *turns;
    uint64_t id, session;
    char *account, *peer; /* owned */
    int fd;
    struct smtp_client *client;
    const struct queue_job *job; /* in hand; NULL: none */
    struct buffer relay; /* "branch@example.org[192.0.2.1:4711]", as outcomes name the peer */
    unsigned delivered;
    struct reason reason; /* why it ended early; "" */
};

void smtp_turns_init(struct smtp_turns *turns, const struct smtp_sender *sender)
{
    *turns = (struct smtp_turns){.sender = sender};
    task_group_init(&turns->tasks);
    list_init(&turns->sessions);
}

unsigned smtp_turns_in_hand(const struct smtp_turns *turns, struct queue_claim *claims)
{
    unsigned count = 0;
    list_each(link, &turns->sessions)
    {
        const struct turned *turned = list_entry(link, struct turned, link);
        const struct queue_job *job = turned->job;
        if (job != NULL)
            claims[count++] = (struct queue_claim){job->id, job->lease, turned->id, job->item};
    }
    return count;
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
    turned->job = job;
    enum status status = smtp_client_deliver(turned->client, job, &body, &arena, outcomes);
    for (unsigned i = 0; i < job->recipient_count; i++)
        outcomes[i].remote_host = buffer_text(&turned->relay);
    if (status == OK && !smtp_job_was_cut_short(outcomes, job->recipient_count)) {
        count_delivered(turned, outcomes, job->recipient_count);
        smtp_job_report(sender, job, outcomes);
    }
    turned->job = NULL;
    arena_finish(&arena);
    if (status == OK && smtp_client_is_in_step(turned->client))
        return true;
    end_because(turned, "the connection was lost");
    return false;
}

/* Why no job of a lease is begun any more; NULL: it may be. The next store, which is not told of
 * those that were not begun, gives them to others. */
static const char *why_stop(const struct turned *turned, unsigned stores_lost)
{
    if (turned->turns->stopping || task_is_cancelled())
        return "we are shutting down";
    if (stores_lost != turned->turns->sender->claims->stores_lost)
        return "the store was started anew";
    return NULL;
}

/* Some jobs. False when that was all, or the session can't go on. YIELDS. */
static bool deliver_some(struct turned *turned)
{
    struct rpc_channel *store = turned->turns->sender->context->store;
    unsigned stores_lost = turned->turns->sender->claims->stores_lost;
    struct queue_job *jobs = NULL;
    struct arena arena;
    unsigned count = 0;
    arena_init(&arena);
    enum status status = queue_turn_lease(store, turned->id, JOBS_AT_ONCE, &arena, &jobs, &count);
    bool goes_on = status == OK && count > 0;
    if (status != OK)
        end_because(turned, fail_reason());
    for (unsigned i = 0; i < count && goes_on; i++) {
        const char *why = why_stop(turned, stores_lost);
        if (why != NULL)
            end_because(turned, why);
        goes_on = why == NULL && deliver(turned, &jobs[i]);
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
    list_remove(&turned->link);
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
    if (turns->stopping || turns->tasks.count >= SMTP_TURNS_MOST) {
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
    list_append(&turns->sessions, &turned->link);
    task_spawn(&turns->tasks, "turned session", run_turned, turned);
    return OK;
}
