/* A store that has just started hears from send what send has in hand of the store before it. */
#include "base/clock.h"
#include "queue_peer.h"

static int64_t now;

static struct queue_claim claim_of(const struct queue_job *job)
{
    return (struct queue_claim){job->id, job->lease, 0, job->item};
}

static void start_anew(struct queue_peer *peer)
{
    queue_peer_close(peer);
    now += SECOND;
    queue_peer_open(peer);
}

static void in_hand(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    uint64_t first = queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    uint64_t second = queue_peer_deliver(peer, "alice@local.test", "y@far.example");
    uint64_t third = queue_peer_deliver(peer, "alice@local.test", "z@far.example");
    EXPECT(queue_peer_lease(peer, 3, &arena, &jobs) == 3);
    EXPECT(jobs[0].id == first && jobs[1].id == second && jobs[2].id == third);
    start_anew(peer);
    struct queue_claim claims[] = {claim_of(&jobs[0]), claim_of(&jobs[2])};
    EXPECT(queue_claim(peer->send, claims, 2) == OK);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->id == second);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK && queue_peer_sent(peer, &jobs[2]) == OK);
    EXPECT(queue_peer_sent(peer, job) == OK && queue_peer_sent(peer, &jobs[1]) == REFUSED);
    EXPECT(queue_peer_lease_left(peer, 3, &arena, &jobs) == 0);
    arena_finish(&arena);
}

TEST("what send has in hand goes on by its lease when the store has started anew")
{
    queue_peer_run_at(&now, in_hand);
}

static void later_death(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    struct queue_claim claim = claim_of(job);
    start_anew(peer);
    EXPECT(queue_claim(peer->send, &claim, 1) == OK);
    EXPECT(queue_peer_rests(peer)); /* also ends this send process */
    struct queue_job *again = queue_peer_lease_one(peer, &arena);
    EXPECT(again != NULL && again->id == job->id && again->lease != job->lease);
    EXPECT(queue_peer_sent(peer, again) == OK);
    arena_finish(&arena);
}

TEST("what was claimed is due at once when send dies")
{
    queue_peer_run_at(&now, later_death);
}

static void no_right(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    struct queue_claim whole = claim_of(job);
    EXPECT(queue_claim(peer->send, &whole, 1) == OK); /* of this store: it is leased already */
    start_anew(peer);
    struct queue_claim wrong[] = {whole, whole, whole, whole};
    wrong[0].lease = 0;
    wrong[1].lease = UINT64_MAX; /* may be one of this store's, later */
    wrong[2].item++;
    wrong[3].id++;
    EXPECT(queue_claim(peer->send, wrong, 4) == OK);
    struct queue_claim twice[] = {whole, whole};
    EXPECT(queue_peer_sent(peer, job) == REFUSED);
    EXPECT(queue_claim(peer->send, twice, 2) == OK);
    EXPECT(queue_peer_sent(peer, job) == OK && queue_peer_sent(peer, job) == REFUSED);
    EXPECT(queue_claim(peer->send, &whole, 1) == OK); /* it is gone */
    EXPECT(queue_peer_sent(peer, job) == REFUSED);
    arena_finish(&arena);
}

TEST("a claim on what is not queued, or by what was no lease, gives nothing")
{
    queue_peer_run_at(&now, no_right);
}
