/* The log rolled, replayed and given back, the index made anew, starts and stops, while the n-th
 * call to the kernel fails. */
#include "fault_peer.h"
#include "store/kept.h"

enum { RECOVERED = 0, FIRST = 1, MANY = 5, LARGE_BYTES = 400000 };

static void look_at_rest(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    fault_peer_has_recovered(peer, RECOVERED);
}

/* Two messages fill a segment. */
static void act_roll(struct queue_peer *peer)
{
    fault_begin();
    for (unsigned i = 0; i < MANY; i++) {
        fault_ask(FIRST + i);
        fault_tell(FIRST + i,
                   fault_peer_mail(peer, "a@far.example", "bob@local.test", "", LARGE_BYTES + i));
    }
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

static void look_roll(struct queue_peer *peer)
{
    unsigned there[MANY] = {0}, count;
    look_at_rest(peer);
    struct mailbox *box =
        mailbox_find(queue_store(peer->queue), TEXT("bob@local.test"), TEXT("INBOX"));
    if (box != NULL) {
        mailbox_open(box);
        const struct mailbox_entry *entries = mailbox_entries(box, &count);
        for (unsigned i = 0; i < count; i++) {
            struct message message;
            struct arena arena;
            arena_init(&arena);
            fault_expect(
                store_message(queue_store(peer->queue), entries[i].message, &arena, &message) &&
                    message.size - LARGE_BYTES < MANY,
                "it is one of them");
            there[message.size - LARGE_BYTES]++;
            arena_finish(&arena);
        }
        mailbox_close(&box);
    }
    for (unsigned i = 0; i < MANY; i++)
        fault_as_told(FIRST + i, there[i]);
}

TEST("nothing is lost where the log goes on in another file")
{
    fault_peer_loop(&(struct fault_peer){"log roll", fault_peer_deliver_two, act_roll, look_roll,
                                         .is_long = true});
}

/* Segments with little that is still needed. */
static void prepare_waste(struct queue_peer *peer)
{
    fault_peer_deliver_two(peer);
    for (unsigned i = 0; i < MANY; i++)
        fault_expect(fault_peer_mail(peer, "a@far.example", "bob@local.test", "", LARGE_BYTES) ==
                         OK,
                     "it is prepared");
    struct mailbox *box =
        mailbox_find(queue_store(peer->queue), TEXT("bob@local.test"), TEXT("INBOX"));
    mailbox_open(box);
    fault_expect(mailbox_expunge(box, (uint32_t[]){1, 2, 3, 5}, MANY - 1) == OK, "it is prepared");
    mailbox_close(&box);
    fault_expect(kept_expire(queue_store(peer->queue), TEXT("bob@local.test"), INT64_MAX, 0) == OK,
                 "it is prepared");
}

static void act_reclaim(struct queue_peer *peer)
{
    fault_begin();
    for (unsigned i = 0; i < MANY; i++)
        store_reclaim(queue_store(peer->queue), true);
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

static void look_reclaim(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    look_at_rest(peer);
    fault_expect(queue_peer_count(peer, "alice@local.test") == 2 &&
                     queue_peer_count(peer, "bob@local.test") == 1,
                 "all that was needed is there");
    struct text body = queue_peer_read(peer, "bob@local.test", 0, &arena);
    fault_expect(body.length > LARGE_BYTES && body.data[body.length - 1] == 'b', "it is whole");
    arena_finish(&arena);
}

TEST("space is given back without what is still needed")
{
    fault_peer_loop(
        &(struct fault_peer){"reclaim", prepare_waste, act_reclaim, look_reclaim, .is_long = true});
}

/* ---- Start and stop ---- */

static void act_start(struct queue_peer *peer)
{
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

static void look_start(struct queue_peer *peer)
{
    look_at_rest(peer);
    fault_expect(queue_peer_count(peer, "alice@local.test") == 2, "all is there");
}

TEST("a start that fails harms nothing")
{
    fault_peer_loop(&(struct fault_peer){"start", fault_peer_deliver_two, act_start, look_start,
                                         .from_start = true, .is_long = true});
}

TEST("nor does one that makes the index anew")
{
    fault_peer_loop(&(struct fault_peer){"index rebuild", fault_peer_deliver_two, act_start,
                                         look_start, .from_start = true, .is_long = true,
                                         .loses_index = true});
}

TEST("nor does the very first")
{
    fault_peer_loop(&(struct fault_peer){.name = "first start",
                                         .act = act_start,
                                         .look = look_at_rest,
                                         .from_start = true,
                                         .is_long = true});
}

static void act_stop(struct queue_peer *peer)
{
    fault_peer_recovers(peer, RECOVERED);
    fault_begin();
}

TEST("nor does a stop")
{
    fault_peer_loop(&(struct fault_peer){"stop", fault_peer_deliver_two, act_stop, look_start,
                                         .to_end = true, .is_long = true});
}
