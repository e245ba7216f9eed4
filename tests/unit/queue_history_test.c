/* What was sent and is kept for a while: that it ends, however much there is, and how it goes out
 * again. */
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "queue_peer.h"

static int64_t now;

static void send_all(struct queue_peer *peer, unsigned count)
{
    while (count > 0) {
        struct arena arena;
        struct queue_job *jobs;
        arena_init(&arena);
        unsigned given = queue_peer_lease(peer, count, &arena, &jobs);
        EXPECT(given > 0 && given <= count);
        for (unsigned i = 0; i < given; i++)
            EXPECT(queue_peer_sent(peer, &jobs[i]) == OK);
        count -= given;
        arena_finish(&arena);
    }
}

/* A message to a user in each of so many domains: as many parts. */
static void deliver_as(struct queue_peer *peer, uint64_t id, unsigned domains)
{
    struct arena arena;
    arena_init(&arena);
    struct queue_recipient *recipients = arena_array(&arena, domains, sizeof(*recipients));
    for (unsigned i = 0; i < domains; i++)
        recipients[i].address = arena_printf(&arena, "x@d%u.example", i);
    struct queue_envelope envelope = {.id = id,
                                      .sender = TEXT("alice@local.test"),
                                      .service = SERVICE_SMTP,
                                      .server = TEXT("internet"),
                                      .recipients = recipients,
                                      .recipient_count = domains};
    struct queue_message *message = queue_begin(peer->front, &envelope);
    queue_append(message, TEXT("Subject: s\r\n\r\nbody\r\n"));
    EXPECT(queue_commit(&message, NULL, NULL) == OK);
    arena_finish(&arena);
}

static uint64_t deliver_to(struct queue_peer *peer, unsigned domains)
{
    deliver_as(peer, peer->last_id = id_new(peer->last_id), domains);
    return peer->last_id;
}

static void count_kept(void *context, const struct queue_view *view)
{
    *(unsigned *)context += text_equals(text_from(view->state), TEXT("sent"));
}

static unsigned kept(struct queue_peer *peer, uint64_t id)
{
    unsigned count = 0;
    queue_each(peer->queue, id, count_kept, &count);
    return count;
}

static void expect_forgotten(struct queue_peer *peer, uint64_t id)
{
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && kept(peer, id) > 0; i++) {
        now += SECOND; /* it is looked for now and then */
        queue_peer_work();
    }
    EXPECT(kept(peer, id) == 0);
}

static void explained(void *context, const struct queue_explanation *explanation)
{
    unused(explanation);
    ++*(unsigned *)context;
}

/* Orders about what waits are none about it. */
static void expect_no_part_waits(struct queue_peer *peer, uint64_t id)
{
    unsigned count = 0;
    static const enum queue_action actions[] = {QUEUE_COUNT_ONLY, QUEUE_FREEZE, QUEUE_RETRY,
                                                QUEUE_DELETE};
    for (unsigned i = 0; i < sizeof(actions) / sizeof(*actions); i++)
        EXPECT(queue_act(peer->queue, &(struct queue_filter){.id = id}, actions[i], &count) == OK &&
               count == 0);
    queue_explain(peer->queue, id, explained, &count);
    EXPECT(count == 0);
}

static void ends(struct queue_peer *peer)
{
    enum { MANY = 600 }; /* more than are forgotten at a time */
    queue_peer_add_settings(peer, "sent keep 1d\n");
    uint64_t many = deliver_to(peer, MANY);
    send_all(peer, MANY);
    now += 12 * HOUR;
    uint64_t later = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    send_all(peer, 1);
    expect_no_part_waits(peer, later);
    EXPECT(kept(peer, many) == MANY && kept(peer, later) == 1);
    now += 13 * HOUR;
    expect_forgotten(peer, many);
    EXPECT(kept(peer, later) == 1);
    EXPECT(store_space_now(queue_store(peer->queue)).live_bytes > 0);
    now += DAY;
    expect_forgotten(peer, later);
    EXPECT(store_space_now(queue_store(peer->queue)).live_bytes == 0);
}

TEST("what was sent is forgotten when its time is over, however much it is, and nothing before")
{
    queue_peer_run_at(&now, ends);
}

static void behind_others(struct queue_peer *peer)
{
    enum { MESSAGES = 10, DOMAINS = 500 }; /* more parts than are looked at at a time */
    queue_peer_add_settings(peer, "sent keep 1h\n");
    uint64_t last = id_new(peer->last_id) + (1 << 20);
    deliver_as(peer, last, 1);
    send_all(peer, 1);
    for (unsigned i = 0; i < MESSAGES; i++)
        EXPECT(deliver_to(peer, DOMAINS) < last);
    EXPECT(kept(peer, last) == 1);
    now += HOUR;
    expect_forgotten(peer, last);
    EXPECT(queue_counts_now(peer->queue).items == MESSAGES * DOMAINS);
}

TEST("it is found behind thousands that still wait, which stay")
{
    queue_peer_run_at(&now, behind_others);
}

static void again(struct queue_peer *peer)
{
    struct arena arena;
    unsigned count;
    arena_init(&arena);
    queue_peer_add_settings(peer, "sent keep 1d\n");
    struct queue_peer_mail mail = {.sender = TEXT("alice@local.test"),
                                   .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                   .to_count = 12};
    for (unsigned i = 0; i < 12; i++)
        mail.to[i] = arena_printf(&arena, i == 0 ? "x@else.example" : "x%u@far.example", i);
    EXPECT(queue_freeze_hop(peer->queue, TEXT("mx:else.example"), true) == OK);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    for (unsigned i = 0; i < 3; i++) {
        const struct queue_job *job = queue_peer_lease_one(peer, &arena);
        EXPECT(job != NULL && job->id == mail.id && job->recipient_count == 11);
        EXPECT_TEXT(job->recipients[0].address, "x1@far.example");
        EXPECT_TEXT(job->recipients[10].address, "x11@far.example");
        EXPECT(queue_peer_sent(peer, job) == OK);
        EXPECT(kept(peer, mail.id) == i + 1);
        /* The part that waits still does, and is none of it. */
        EXPECT(queue_counts_now(peer->queue).items == 1);
        EXPECT(queue_resend(peer->queue, mail.id, TEXT("x@else.example"), &count) == REFUSED);
        EXPECT(queue_resend(peer->queue, mail.id, TEXT(""), &count) == OK && count == 11);
    }
    EXPECT(queue_freeze_hop(peer->queue, TEXT("mx:else.example"), false) == OK);
    send_all(peer, 2);
    EXPECT(queue_counts_now(peer->queue).items == 0);
    arena_finish(&arena);
}

TEST("what is sent again goes to each once, also while a part of the message still waits")
{
    queue_peer_run_at(&now, again);
}
