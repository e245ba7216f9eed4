/* What a front remembers of the store's answers about room. */
#include <stdio.h>

#include "account/preference.h"
#include "base/wire.h"
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

static void some_only(struct queue_peer *peer)
{
    struct queue_room_question one = from_stranger("one@local.test");
    struct queue_room_question small = from_stranger("small@local.test");
    struct queue_room_question elsewhere = from_stranger("alias@local.test");
    EXPECT(!is_known(peer, &one) && !is_known(peer, &one));
    EXPECT(ask(peer, &small) == REFUSED);
    small.bytes = 4000;
    EXPECT(!is_known(peer, &small) && !is_known(peer, &small));
    EXPECT(!is_known(peer, &elsewhere) && !is_known(peer, &elsewhere));
}

static void run_some_only(struct queue_peer *peer)
{
    with_cache(peer, some_only);
}

TEST("who is reached by a group, takes small mail only, or is elsewhere, is asked about each time")
{
    queue_peer_run(run_some_only);
}

static void when_full(struct queue_peer *peer)
{
    const struct accounts *accounts = queue_accounts(peer->queue);
    struct queue_room_question alice = from_stranger("alice@local.test");
    queue_peer_set_settings(peer, "host mx.local.test\nlimit free-space 1MB\ndomain local.test {\n"
                                  "    user alice bob carol\n    quota when-full refuse\n}\n");
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA, TEXT("4KB")) == OK);
    hear_from_store(peer);
    EXPECT(ask(peer, &alice) == REFUSED);
}

static void run_when_full(struct queue_peer *peer)
{
    with_cache(peer, when_full);
}

TEST("a domain may say that mail for a full mailbox is refused, and not put off")
{
    queue_peer_run(run_when_full);
}

static void very_many(struct queue_peer *peer)
{
    char address[40];
    struct queue_room_question alice = from_stranger("alice@local.test");
    EXPECT(!is_known(peer, &alice));
    for (unsigned i = 1; i < ROOM_CACHE_MAX; i++) {
        snprintf(address, sizeof(address), "u%u@local.test", i);
        struct queue_room_question other = from_stranger(address);
        EXPECT(ask(peer, &other) == OK);
    }
    EXPECT(is_known(peer, &alice));
    struct queue_room_question last = from_stranger("bob@local.test");
    EXPECT(!is_known(peer, &last) && is_known(peer, &last));
    EXPECT(!is_known(peer, &alice));
}

static void run_very_many(struct queue_peer *peer)
{
    with_cache(peer, very_many);
}

TEST("ten thousand are remembered, and one more begins anew")
{
    queue_peer_run(run_very_many);
}

static void odd_questions(struct queue_peer *peer)
{
    const struct {
        struct text recipient;
        bool goes_on;
    } questions[] = {{TEXT("")}, {ALICE, true}};
    for (unsigned i = 0; i < 2; i++) {
        struct buffer request;
        struct rpc_reply reply = {0};
        buffer_init(&request, 1000);
        wire_put_u64(&request, 0);
        wire_put_text(&request, questions[i].recipient);
        wire_put_text(&request, TEXT(""));
        wire_put_text(&request, TEXT(""));
        if (questions[i].goes_on)
            wire_put_u8(&request, 1);
        EXPECT(rpc_ask(peer->front, QUEUE_ROOM, buffer_text(&request), -1, NO_DEADLINE, &reply) ==
               OK);
        EXPECT(reply.bytes.length > 0 && reply.bytes.data[0] == REFUSED);
        rpc_reply_finish(&reply);
        buffer_finish(&request);
    }
}

TEST("for nobody there is no room, nor for what goes on behind the question")
{
    queue_peer_run(odd_questions);
}

static void users(struct queue_peer *peer)
{
    EXPECT(queue_check_user(peer->queue, ALICE) == OK);
    EXPECT(queue_check_user(peer->queue, TEXT("alice+x@local.test")) == REFUSED);
    EXPECT(queue_check_user(peer->queue, TEXT("group@local.test")) == REFUSED);
    EXPECT(queue_check_user(peer->queue, TEXT("alias@local.test")) == REFUSED);
    EXPECT(queue_check_user(peer->queue, TEXT("nobody@local.test")) == REFUSED);
    peer->auth_is_down = true;
    EXPECT(queue_check_user(peer->queue, TEXT("carol@local.test")) == TRY_LATER);
}

TEST("a user is who has a mailbox under that very address; while nobody knows, that is not told")
{
    queue_peer_run(users);
}
