/* The dispatcher: one task that keeps as many jobs in hand as there is room for. */
#include "proto/smtp/send/smtp_send.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "proto/smtp/send/smtp_probe.h"
#include "proto/smtp/send/smtp_send_hop.h"
#include "proto/smtp/send/smtp_send_links.h"
#include "proto/smtp/send/smtp_send_request.h"
#include "proto/smtp/send/smtp_send_turn.h"
#include "queue/links/links.h"
#include "queue/turn/turn.h"

enum {
    STORE_AWAY_MS = 200,
    PROBE_ANSWER_MAX = 1 << 20,
    STOP_PATIENCE_MS = 5 * SECOND,
};

struct smtp_send {
    struct smtp_sender sender;
    struct smtp_claims claims;
    struct smtp_hops hops;
    struct smtp_turns turns;
    struct smtp_requests requests;
    struct task_group dispatching, probing;
    bool is_started;
    struct task_event started;
};

struct smtp_send *smtp_send_new(struct role_context *context)
{
    struct smtp_send *send = calloc(1, sizeof(*send));
    check(send != NULL);
    send->sender.context = context;
    send->sender.claims = &send->claims;
    send->claims.state = SMTP_STORE_KNOWS; /* nothing is in hand */
    task_event_init(&send->claims.known);
    task_group_init(&send->dispatching);
    task_group_init(&send->probing);
    task_event_init(&send->started);
    smtp_hops_init(&send->hops, &send->sender);
    smtp_turns_init(&send->turns, &send->sender);
    smtp_requests_init(&send->requests, &send->sender);
    return send;
}

/* One lease, handed out. YIELDS. */
static enum status lease_some(struct smtp_send *send, unsigned room)
{
    struct smtp_lease *lease = calloc(1, sizeof(*lease));
    check(lease != NULL);
    arena_init(&lease->arena);
    struct queue_job *jobs = NULL;
    unsigned count = 0;
    enum status status =
        queue_lease(send->sender.context->store, room, &lease->arena, &jobs, &count);
    /* A store that died right behind its answer is not whom it has to be told to. */
    bool is_ours = status == OK && send->claims.state == SMTP_STORE_KNOWS;
    if (is_ours && count > 0 && !task_is_cancelled()) {
        smtp_hops_add(&send->hops, lease, jobs, count);
        return OK;
    }
    arena_finish(&lease->arena);
    free(lease);
    return status == OK ? TRY_LATER : status;
}

/* A new store learns what is in hand, unless it goes away meanwhile too. YIELDS. */
static enum status claim(struct smtp_send *send)
{
    struct arena arena;
    arena_init(&arena);
    unsigned most = send->hops.jobs + SMTP_TURNS_MOST;
    struct queue_claim *claims = arena_array(&arena, most, sizeof(*claims));
    unsigned count = smtp_hops_in_hand(&send->hops, claims);
    count += smtp_turns_in_hand(&send->turns, claims + count);
    send->claims.state = SMTP_STORE_ASKED;
    enum status status = count == 0 ? OK : queue_claim(send->sender.context->store, claims, count);
    arena_finish(&arena);
    if (status == TRY_LATER || send->claims.state == SMTP_STORE_AWAY) {
        send->claims.state = SMTP_STORE_AWAY;
        return TRY_LATER;
    }
    send->claims.state = SMTP_STORE_KNOWS;
    task_event_tell_all(&send->claims.known);
    return OK;
}

static void dispatch(void *argument)
{
    struct smtp_send *send = argument;
    while (!task_is_cancelled()) {
        unsigned jobs = send->hops.jobs;
        if (send->claims.state != SMTP_STORE_KNOWS && claim(send) != OK)
            task_sleep(STORE_AWAY_MS);
        else if (jobs >= QUEUE_LEASES_MOST)
            task_event_wait(&send->hops.eased, NO_DEADLINE);
        else if (lease_some(send, QUEUE_LEASES_MOST - jobs) != OK)
            task_sleep(STORE_AWAY_MS);
    }
}

/* The next store knows nothing of these leases: what was begun it is told of, and what was not is
 * left to it, who gives it again. */
static void store_down(void *argument)
{
    struct smtp_send *send = argument;
    send->claims.state = SMTP_STORE_AWAY;
    send->claims.stores_lost++;
    smtp_hops_drop_waiting(&send->hops);
    task_event_tell_all(&send->hops.eased); /* all in hand: none ends before its claim */
}

/* With the authorities of the settings, which may change; connections under way keep theirs. */
static void renew_tls(struct smtp_send *send)
{
    const struct role_context *context = send->sender.context;
    struct tls_context *tls = NULL;
    struct text roots = role_file(context, context->settings->authorities_file);
    if (tls_client_new(false, roots, &tls) != OK) {
        log_error("smtp.tls-client", "reason=%s", log_text(text_from(fail_reason())));
        return;
    }
    tls_release(&send->sender.tls);
    send->sender.tls = tls;
}

static void watch_settings(void *argument)
{
    struct smtp_send *send = argument;
    while (task_event_wait(&send->sender.context->reloaded, NO_DEADLINE) == OK)
        renew_tls(send);
}

enum status smtp_send_start(struct smtp_send *send)
{
    enum status status = smtp_resolvers_open(send->sender.context, &send->sender.resolvers);
    if (status == OK)
        status = smtp_resolver_for(send->sender.resolvers, NULL, &send->sender.resolver);
    if (status != OK)
        return status;
    renew_tls(send);
    send->sender.sts = smtp_sts_new();
    send->sender.log = protolog_gather_new(send->sender.context->store);
    rpc_channel_on_down(send->sender.context->store, store_down, send);
    task_spawn(&send->dispatching, "smtp settings", watch_settings, send);
    task_spawn(&send->dispatching, "smtp dispatcher", dispatch, send);
    smtp_requests_start(&send->requests);
    send->is_started = true;
    task_event_tell_all(&send->started);
    return OK;
}

/* Others may ask for something while we set up DNS. YIELDS. */
static void await_start(struct smtp_send *send)
{
    while (!send->is_started && task_event_wait(&send->started, NO_DEADLINE) == OK)
        ;
}

void smtp_send_stop(struct smtp_send **send)
{
    struct smtp_send *stopping = *send;
    *send = NULL;
    if (stopping->is_started)
        rpc_channel_on_down(stopping->sender.context->store, NULL, NULL);
    task_group_finish(&stopping->dispatching);
    task_group_finish(&stopping->probing);
    smtp_requests_finish(&stopping->requests);
    smtp_hops_stop(&stopping->hops);
    stopping->turns.stopping = true;
    int64_t until_ms = clock_monotonic_ms() + STOP_PATIENCE_MS;
    task_group_wait(&stopping->hops.connections, until_ms);
    task_group_wait(&stopping->turns.tasks, until_ms);
    task_group_finish(&stopping->hops.connections);
    task_group_finish(&stopping->turns.tasks);
    smtp_hops_finish(&stopping->hops);
    smtp_resolvers_close(&stopping->sender.resolvers);
    tls_release(&stopping->sender.tls);
    smtp_sts_free(&stopping->sender.sts);
    protolog_gather_free(&stopping->sender.log);
    free(stopping);
}

static void serve_turn(void *context, struct rpc_call *call, struct text request)
{
    struct smtp_send *send = context;
    struct queue_turn turn;
    int fd = rpc_take_fd(call);
    enum status status = REFUSED;
    if (fd >= 0 && queue_turn_decode(request, &turn))
        status = smtp_turns_begin(&send->turns, &turn, fd);
    else if (fd >= 0)
        close(fd);
    if (status == OK)
        rpc_answer(&call, TEXT(""));
    else
        rpc_fail(&call, status, status == REFUSED ? "malformed request" : fail_reason());
}

/* A probe under way, for as long as its host takes. */
struct probing {
    struct smtp_send *send;
    struct rpc_call *call;
    struct arena arena;
    struct queue_probe probe;
};

static void run_probe(void *argument)
{
    struct probing *probing = argument;
    struct findings findings;
    struct buffer answer;
    findings_init(&findings, &probing->arena);
    await_start(probing->send);
    smtp_probe(&probing->send->sender, &probing->probe, &findings);
    buffer_init(&answer, PROBE_ANSWER_MAX);
    findings_encode(&findings, &answer);
    rpc_answer(&probing->call, buffer_text(&answer));
    buffer_finish(&answer);
    arena_finish(&probing->arena);
    free(probing);
}

static void serve_probe(void *context, struct rpc_call *call, struct text request)
{
    struct smtp_send *send = context;
    struct probing *probing = calloc(1, sizeof(*probing));
    check(probing != NULL);
    probing->send = send;
    probing->call = call;
    arena_init(&probing->arena);
    if (queue_probe_decode(arena_copy(&probing->arena, request), &probing->probe)) {
        task_spawn(&send->probing, "smtp probe", run_probe, probing);
        return;
    }
    rpc_fail(&call, REFUSED, "malformed request");
    arena_finish(&probing->arena);
    free(probing);
}

static void serve_links(void *context, struct rpc_call *call, struct text request)
{
    struct smtp_send *send = context;
    await_start(send);
    enum status status = smtp_links_talk(&send->sender, request);
    if (status == OK)
        rpc_answer(&call, TEXT(""));
    else
        rpc_fail(&call, status, fail_reason());
}

const struct rpc_method smtp_send_methods[SMTP_SEND_METHODS] = {
    {SEND_TURN, RPC_INLINE, "send.turn", serve_turn},
    {SEND_PROBE, RPC_INLINE, "send.probe", serve_probe},
    {SEND_LINKS, 0, "send.links", serve_links},
};
