/* What fronts and send ask of the queue: the store trusts nothing in it. Each request that can't be
 * is refused, changes nothing, and mail goes on. */
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/wire.h"
#include "queue/wire.h"
#include "queue_peer.h"

enum { WAIT_MS = 60 * SECOND };

static enum status ask(struct rpc_channel *channel, uint16_t method, struct text request)
{
    struct rpc_reply reply = {0};
    enum status status =
        rpc_ask(channel, method, request, -1, clock_monotonic_ms() + WAIT_MS, &reply);
    rpc_reply_finish(&reply);
    return status;
}

/* The queue works as before. */
static void expect_mail_goes_on(struct queue_peer *peer)
{
    struct arena arena;
    unsigned before = queue_peer_count(peer, "bob@local.test");
    queue_peer_deliver(peer, "a@far.example", "bob@local.test");
    EXPECT(queue_peer_count(peer, "bob@local.test") == before + 1);
    arena_init(&arena);
    queue_peer_deliver(peer, "bob@local.test", "x@remote.example");
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && queue_peer_sent(peer, job) == OK);
    arena_finish(&arena);
}

/* ---- Bytes that are no request ---- */

static void malformed(struct queue_peer *peer)
{
    static const uint16_t of_front[] = {QUEUE_APPEND, QUEUE_COMMIT, QUEUE_URL, QUEUE_ETRN,
                                        QUEUE_LINK_ANSWER};
    static const uint16_t of_send[] = {QUEUE_LEASE,      QUEUE_BODY,     QUEUE_CLAIM,  QUEUE_REPORT,
                                       QUEUE_TURN_LEASE, QUEUE_TURN_END, QUEUE_RECEIVE};
    char bytes[64];
    for (int fill = 0; fill < 2; fill++) {
        memset(bytes, fill == 0 ? 0xff : 0, sizeof(bytes));
        for (size_t length = fill; length <= sizeof(bytes); length += 7) {
            for (unsigned i = 0; i < sizeof(of_front) / sizeof(*of_front); i++)
                EXPECT(ask(peer->front, of_front[i], text_of(bytes, length)) == REFUSED);
            for (unsigned i = 0; i < sizeof(of_send) / sizeof(*of_send); i++)
                EXPECT(ask(peer->send, of_send[i], text_of(bytes, length)) == REFUSED);
        }
    }
    expect_mail_goes_on(peer);
}

TEST("bytes that are no request are refused, whatever was asked by them")
{
    queue_peer_run(malformed);
}

static void tell(struct rpc_channel *channel, uint16_t method, const struct buffer *bytes)
{
    EXPECT(rpc_tell(channel, method, buffer_text(bytes)) == OK);
}

static void odd_tellings(struct queue_peer *peer)
{
    struct buffer out;
    struct queue_counters before = *queue_counters_now(peer->queue);
    buffer_init(&out, 100);
    for (unsigned i = 0; i < 4; i++) {
        buffer_reset(&out, 100);
        wire_put_u8(&out, i < 2 ? 255 : 0);
        tell(peer->front, QUEUE_CHECKED, &out); /* the result is missing */
        wire_put_u8(&out, i % 2 == 0 ? 255 : 0);
        tell(peer->front, QUEUE_FILTERED, &out); /* it goes on */
        if (i < 3)
            tell(peer->front, QUEUE_CHECKED, &out);
        tell(peer->front, QUEUE_ABANDON, &out);
        tell(peer->front, QUEUE_STORY, &out);
        tell(peer->send, QUEUE_STORY, &out);
    }
    buffer_reset(&out, 100);
    wire_put_u64(&out, 0);
    wire_put_text(&out, TEXT("event"));
    wire_put_text(&out, TEXT("of nothing"));
    tell(peer->front, QUEUE_STORY, &out);
    buffer_reset(&out, 100);
    wire_put_u8(&out, FILTERED_KINDS);
    tell(peer->front, QUEUE_FILTERED, &out);
    buffer_finish(&out);
    expect_mail_goes_on(peer);
    const struct queue_counters *after = queue_counters_now(peer->queue);
    EXPECT(memcmp(before.filtered, after->filtered, sizeof(before.filtered)) == 0);
    EXPECT(memcmp(before.checked, after->checked, sizeof(before.checked)) == 0);
}

TEST("what is told and can't be counts nothing")
{
    queue_peer_run(odd_tellings);
}

/* ---- A large message in parts ---- */

static enum status append(struct queue_peer *peer, uint64_t id, uint64_t offset, struct text bytes)
{
    struct buffer out;
    buffer_init(&out, QUEUE_INLINE_MAX + 100);
    wire_put_u64(&out, id);
    wire_put_u64(&out, offset);
    wire_put_text(&out, bytes);
    enum status status = ask(peer->front, QUEUE_APPEND, buffer_text(&out));
    buffer_finish(&out);
    return status;
}

static enum status commit(struct queue_peer *peer, uint64_t id, uint64_t appended)
{
    struct queue_recipient recipient = {.address = TEXT("bob@local.test")};
    struct queue_commit_request request = {.envelope = {.id = id,
                                                        .sender = TEXT("a@far.example"),
                                                        .server = TEXT("internet"),
                                                        .recipients = &recipient,
                                                        .recipient_count = 1},
                                           .appended = appended,
                                           .body = TEXT("Subject: parts\r\n\r\nthe end\r\n")};
    struct buffer out;
    buffer_init(&out, 1 << 16);
    queue_commit_encode(&request, &out);
    enum status status = ask(peer->front, QUEUE_COMMIT, buffer_text(&out));
    buffer_finish(&out);
    return status;
}

static void odd_parts(struct queue_peer *peer)
{
    static char bytes[QUEUE_INLINE_MAX + 1];
    uint64_t id = peer->last_id = id_new(peer->last_id);
    memset(bytes, 'b', sizeof(bytes));
    EXPECT(append(peer, 0, 0, TEXT("of nothing")) == REFUSED);
    EXPECT(append(peer, id, 0, TEXT("")) == REFUSED);
    EXPECT(append(peer, id, 0, text_of(bytes, sizeof(bytes))) == REFUSED);
    EXPECT(append(peer, id, 7, TEXT("no beginning")) == TRY_LATER);
    EXPECT(commit(peer, id, 5) == TRY_LATER); /* nothing came before */
    EXPECT(append(peer, id, 0, TEXT("12345")) == OK);
    EXPECT(append(peer, id, 4, TEXT("overlap")) == TRY_LATER);
    EXPECT(append(peer, id, 6, TEXT("a hole")) == TRY_LATER);
    EXPECT(commit(peer, id, 4) == TRY_LATER);
    EXPECT(commit(peer, id, 6) == TRY_LATER);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 0);
    EXPECT(commit(peer, id, 5) == OK);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 1);
    EXPECT(commit(peer, id, 0) == TRY_LATER); /* there is a message of this id */
    EXPECT(queue_peer_count(peer, "bob@local.test") == 1);
    expect_mail_goes_on(peer);
}

TEST("a part of a message goes behind what came before it, and no id is given twice")
{
    queue_peer_run(odd_parts);
}

static void abandoned(struct queue_peer *peer)
{
    struct buffer out;
    uint64_t id = peer->last_id = id_new(peer->last_id);
    EXPECT(append(peer, id, 0, TEXT("never to be ended")) == OK);
    buffer_init(&out, 100);
    wire_put_u64(&out, id);
    tell(peer->front, QUEUE_ABANDON, &out);
    buffer_finish(&out);
    EXPECT(commit(peer, id, 17) == TRY_LATER);
    EXPECT(append(peer, id, 17, TEXT("more")) == TRY_LATER);
    EXPECT(commit(peer, id, 0) == OK); /* it may begin anew */
}

TEST("what was abandoned is gone")
{
    queue_peer_run(abandoned);
}

/* ---- Work for send ---- */

static enum status ask_body(struct queue_peer *peer, uint64_t lease, uint64_t offset,
                            uint32_t length)
{
    struct buffer out;
    buffer_init(&out, 100);
    wire_put_u64(&out, lease);
    wire_put_u64(&out, offset);
    wire_put_u32(&out, length);
    enum status status = ask(peer->send, QUEUE_BODY, buffer_text(&out));
    buffer_finish(&out);
    return status;
}

static void odd_leases(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    EXPECT(ask(peer->send, QUEUE_LEASE, text_of("\0\0\0", 4)) == REFUSED); /* none */
    queue_peer_deliver(peer, "bob@local.test", "x@remote.example");
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL);
    EXPECT(ask_body(peer, job->lease, 0, QUEUE_BODY_CHUNK) == OK);
    EXPECT(ask_body(peer, job->lease, 0, QUEUE_BODY_CHUNK + 1) == REFUSED);
    EXPECT(ask_body(peer, job->lease + 1, 0, 10) == REFUSED);
    struct queue_job other = *job;
    other.lease++;
    EXPECT(queue_peer_sent(peer, &other) == REFUSED);
    EXPECT(queue_peer_sent(peer, job) == OK);
    EXPECT(queue_peer_sent(peer, job) == REFUSED); /* the lease has ended */
    EXPECT(ask_body(peer, job->lease, 0, 10) == REFUSED);
    arena_finish(&arena);
    expect_mail_goes_on(peer);
}

TEST("a body is read and a report made by the lease that is there")
{
    queue_peer_run(odd_leases);
}

static void full_queue(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {.sender = TEXT("bob@local.test"),
                                   .body = TEXT("Subject: x\r\n\r\nx\r\n"),
                                   .to = {TEXT("x@remote.example")},
                                   .to_count = 1};
    queue_peer_add_settings(peer, "limit queue 2\n");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_mail(peer, &mail) == TRY_LATER);
    EXPECT(strstr(fail_reason(), "2 messages in the queue") != NULL);
    uint64_t id = peer->last_id = id_new(peer->last_id);
    EXPECT(append(peer, id, 0, TEXT("large")) == TRY_LATER);
    struct arena arena;
    arena_init(&arena);
    const struct queue_job *job;
    while ((job = queue_peer_lease_one(peer, &arena)) != NULL)
        EXPECT(queue_peer_sent(peer, job) == OK);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    arena_finish(&arena);
}

TEST("a queue that is full asks to come later, until something has left it")
{
    queue_peer_run(full_queue);
}
