/* What a front remembers of the store's answers about room. */
#include "account/preference.h"
#include "queue_peer.h"

#define ALICE TEXT("alice@local.test")

static struct queue_room_question from_stranger(const char *recipient)
{
    return (struct queue_room_question){.recipient = text_from(recipient),
                                        .sender = TEXT("a@far.example"),
                                        .bytes = 5000,
                                        .is_stranger = true};
}

static enum status ask(struct queue_peer *peer, const struct queue_room_question *question)
{
    struct reason reason;
    return room_cache_ask(peer->rooms, peer->front, question, &reason);
}

/* May he have mail, and was that known without asking the store? */
static bool is_known(struct queue_peer *peer, const struct queue_room_question *question)
{
    uint64_t turns = task_turns();
    EXPECT(ask(peer, question) == OK);
    return task_turns() == turns;
}

/* What the store says to this comes behind all that it has told before. */
static void hear_from_store(struct queue_peer *peer)
{
    struct queue_room_question question = from_stranger("bob@local.test");
    question.is_stranger = false;
    question.bytes = 0;
    EXPECT(ask(peer, &question) == OK);
}

static void with_cache(struct queue_peer *peer, void (*body)(struct queue_peer *))
{
    peer->rooms = room_cache_new();
    body(peer);
    room_cache_free(&peer->rooms);
}

static void no_limits(struct queue_peer *peer)
{
    struct queue_room_question alice = from_stranger("alice@local.test");
    EXPECT(!is_known(peer, &alice));
    EXPECT(is_known(peer, &alice));
    alice.sender = TEXT("");
    alice.bytes = 1 << 30;
    EXPECT(is_known(peer, &alice));
    alice.is_stranger = false;
    EXPECT(!is_known(peer, &alice));
}

static void run_no_limits(struct queue_peer *peer)
{
    with_cache(peer, no_limits);
}

TEST("a recipient without limits is asked about once for strangers, and each time for our own")
{
    queue_peer_run(run_no_limits);
}

static void limited(struct queue_peer *peer)
{
    const struct accounts *accounts = queue_accounts(peer->queue);
    struct queue_room_question alice = from_stranger("alice@local.test");
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA_MESSAGES, TEXT("10")) == OK);
    EXPECT(!is_known(peer, &alice) && !is_known(peer, &alice));
}

static void run_limited(struct queue_peer *peer)
{
    with_cache(peer, limited);
}

TEST("who has a limit is asked about each time, while there is room as well")
{
    queue_peer_run(run_limited);
}

static void limit_set(struct queue_peer *peer)
{
    const struct accounts *accounts = queue_accounts(peer->queue);
    struct queue_room_question alice = from_stranger("alice@local.test");
    EXPECT(!is_known(peer, &alice) && is_known(peer, &alice));
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_POP3, TEXT("off")) == OK);
    hear_from_store(peer);
    EXPECT(is_known(peer, &alice)); /* it is no limit */
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA, TEXT("4KB")) == OK);
    hear_from_store(peer);
    EXPECT(ask(peer, &alice) == TRY_LATER);
}

static void run_limit_set(struct queue_peer *peer)
{
    with_cache(peer, limit_set);
}

TEST("a limit holds from when it is set, also for one who was known to have none")
{
    queue_peer_run(run_limit_set);
}

static void settings_change(struct queue_peer *peer)
{
    struct queue_room_question alice = from_stranger("alice@local.test");
    EXPECT(!is_known(peer, &alice) && is_known(peer, &alice));
    queue_directory_back(peer->queue);
    hear_from_store(peer);
    EXPECT(!is_known(peer, &alice) && is_known(peer, &alice));
    queue_peer_add_settings(peer, "limit receive-size 4KB\n");
    hear_from_store(peer);
    EXPECT(ask(peer, &alice) == REFUSED);
}

static void run_settings_change(struct queue_peer *peer)
{
    with_cache(peer, settings_change);
}

TEST("new settings and a changed directory are heard of by those who keep answers")
{
    queue_peer_run(run_settings_change);
}

static void clear(void *argument)
{
    const struct queue_peer *peer = argument;
    room_cache_clear(peer->rooms);
}

static void overtaken(struct queue_peer *peer)
{
    struct queue_room_question alice = from_stranger("alice@local.test");
    task_spawn(&peer->group, "clear", clear, peer); /* it runs while the store is asked */
    EXPECT(!is_known(peer, &alice));
    EXPECT(!is_known(peer, &alice));
    EXPECT(is_known(peer, &alice));
}

static void run_overtaken(struct queue_peer *peer)
{
    with_cache(peer, overtaken);
}

TEST("an answer about room that a change overtook is not kept")
{
    queue_peer_run(run_overtaken);
}
