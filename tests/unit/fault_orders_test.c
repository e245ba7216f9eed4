/* What an administrator orders while the n-th call to the kernel fails: it is so, also after the
 * next start, or he is told that it is not. */
#include "fault_peer.h"

enum { HOP = 0, OUTBOUND = 1, MESSAGE = 2, RECOVERED = 3 };

static void queue_one(struct queue_peer *peer)
{
    fault_expect(fault_peer_mail(peer, "alice@local.test", "x@remote.example", "", 3000) == OK,
                 "queued");
}

static enum status act_on_all(struct queue_peer *peer, enum queue_action action)
{
    unsigned count = 0;
    struct queue_filter all_of_alice = {.from = TEXT("alice@local.test")};
    enum status status = queue_act(peer->queue, &all_of_alice, action, &count);
    fault_expect(count == 0 || (status == OK && count == 1), "what is not done is not counted");
    return count == 1 ? OK : TRY_LATER;
}

static void act_freeze(struct queue_peer *peer)
{
    fault_begin();
    fault_ask(HOP);
    fault_tell(HOP, queue_freeze_hop(peer->queue, TEXT("mx:remote.example"), true));
    fault_ask(OUTBOUND);
    fault_tell(OUTBOUND, queue_stop_outbound(peer->queue, true));
    fault_ask(MESSAGE);
    fault_tell(MESSAGE, act_on_all(peer, QUEUE_FREEZE));
    fault_expect(fault_was_kept(HOP) == queue_hop_is_frozen(peer->queue, TEXT("mx:remote.example")),
                 "it is at once as was told");
    fault_expect(fault_was_kept(OUTBOUND) == queue_outbound_is_off(peer->queue),
                 "it is at once as was told");
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

static void see_frozen(void *context, const struct queue_view *view)
{
    unsigned *frozen = context;
    if (text_equals(view->sender, TEXT("alice@local.test")))
        *frozen += text_equals(text_from(view->state), TEXT("frozen"));
}

static void look_freeze(struct queue_peer *peer)
{
    unsigned frozen = 0;
    fault_peer_is_clean(peer);
    fault_as_told(HOP, queue_hop_is_frozen(peer->queue, TEXT("mx:remote.example")));
    fault_as_told(OUTBOUND, queue_outbound_is_off(peer->queue));
    queue_each(peer->queue, 0, see_frozen, &frozen);
    fault_as_told(MESSAGE, frozen);
    fault_peer_has_recovered(peer, RECOVERED);
    /* And back. */
    fault_expect(queue_freeze_hop(peer->queue, TEXT("mx:remote.example"), false) == OK &&
                     queue_stop_outbound(peer->queue, false) == OK &&
                     (frozen == 0 || act_on_all(peer, QUEUE_THAW) == OK),
                 "it is taken back");
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    fault_expect(queue_peer_lease(peer, 10, &arena, &jobs) == 1 && jobs[0].size == 3000,
                 "the message goes out");
    arena_finish(&arena);
}

TEST("what an administrator freezes is frozen from then on, or he is told that it is not")
{
    fault_peer_loop(&(struct fault_peer){"freeze", queue_one, act_freeze, look_freeze});
}

static void act_delete(struct queue_peer *peer)
{
    fault_begin();
    fault_ask(MESSAGE);
    fault_tell(MESSAGE, act_on_all(peer, QUEUE_DELETE));
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

static void look_delete(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    bool is_deleted = queue_peer_lease_left(peer, 10, &arena, &jobs) == 0;
    fault_as_told(MESSAGE, is_deleted);
    fault_expect(queue_peer_await(peer, "alice@local.test", is_deleted), "the sender is told once");
    fault_expect(queue_counts_now(peer->queue).items == !is_deleted, "nothing else is left of it");
    fault_peer_has_recovered(peer, RECOVERED);
    arena_finish(&arena);
}

TEST("a message that an administrator deletes is told of once, or is there still")
{
    fault_peer_loop(&(struct fault_peer){"delete", queue_one, act_delete, look_delete});
}
