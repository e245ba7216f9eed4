/* What roles ask of each other about the queue's business when one of them has no answer, or none
 * that can be. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "mail/address.h"
#include "queue/spf_question.h"
#include "queue_peer.h"

/* ---- SPF ---- */

static bool is_read_back(struct spf_question question)
{
    struct buffer bytes;
    struct spf_question read;
    buffer_init(&bytes, 4096);
    spf_question_encode(&question, &bytes);
    bool is_whole = spf_question_decode(buffer_text(&bytes), &read);
    if (is_whole) {
        EXPECT(text_equals(read.helo, question.helo) && text_equals(read.domain, question.domain));
        EXPECT(text_equals(read.sender, question.sender));
    }
    buffer_finish(&bytes);
    return is_whole;
}

static struct spf_question of_far(void)
{
    struct spf_question question = {.helo = TEXT("mx.far.example"),
                                    .domain = TEXT("far.example"),
                                    .sender = TEXT("a@far.example"),
                                    .scope = SPF_SCOPE_MFROM};
    EXPECT(net_address_parse(TEXT("2001:db8::1"), 0, &question.ip));
    return question;
}

TEST("a question about SPF with a name or an address longer than mail has is none")
{
    static char letters[MAIL_ADDRESS_MAX + 1];
    memset(letters, 'x', sizeof(letters));
    struct spf_question question = of_far();
    EXPECT(is_read_back(question));
    question.helo = text_of(letters, MAIL_DOMAIN_MAX);
    EXPECT(is_read_back(question));
    question.helo = text_of(letters, MAIL_DOMAIN_MAX + 1);
    EXPECT(!is_read_back(question));
    question = of_far();
    question.domain = text_of(letters, MAIL_DOMAIN_MAX + 1);
    EXPECT(!is_read_back(question));
    question = of_far();
    question.sender = text_of(letters, MAIL_ADDRESS_MAX);
    EXPECT(is_read_back(question));
    question.sender = text_of(letters, MAIL_ADDRESS_MAX + 1);
    EXPECT(!is_read_back(question));
}

static void spf(struct queue_peer *peer)
{
    struct arena arena;
    struct buffer bytes;
    struct spf_decision decision;
    struct spf_question question = of_far();
    arena_init(&arena);
    buffer_init(&bytes, 4096);
    EXPECT(queue_spf_check(peer->queue, &question, &arena, &decision) == OK);
    EXPECT(decision.result == SPF_TEMPERROR);
    EXPECT_TEXT(decision.problem, "too much to do");
    spf_decision_encode(
        &(struct spf_decision){.result = SPF_FAIL, .domain = TEXT("far.example"), .lookups = 3},
        false, &bytes);
    peer->send_says = buffer_text(&bytes);
    EXPECT(queue_spf_check(peer->queue, &question, &arena, &decision) == OK);
    EXPECT(decision.result == SPF_FAIL && decision.lookups == 3);
    EXPECT_TEXT(decision.domain, "far.example");
    peer->send_says = text_head(peer->send_says, peer->send_says.length - 1);
    EXPECT(queue_spf_check(peer->queue, &question, &arena, &decision) == OK);
    EXPECT(decision.result == SPF_TEMPERROR);
    EXPECT_TEXT(decision.problem, "the answer is malformed");
    buffer_finish(&bytes);
    arena_finish(&arena);
}

TEST("SPF that send does not tell, or not so that it can be read, is an error that may pass")
{
    queue_peer_run(spf);
}

/* ---- a store that is not open yet ---- */

static void ask_all(struct rpc_channel *channel, const struct rpc_method *methods, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct rpc_reply reply = {0};
        if (methods[i].flags & RPC_ONE_WAY) {
            EXPECT(rpc_tell(channel, methods[i].number, TEXT("")) == OK);
            continue;
        }
        EXPECT(rpc_ask(channel, methods[i].number, TEXT(""), -1, clock_monotonic_ms() + MINUTE,
                       &reply) != OK);
        rpc_reply_finish(&reply);
    }
}

static void before_start(void *argument)
{
    int ends[2];
    struct task_group group;
    struct queue_url_answer answer = {0};
    struct queue_room_answer room;
    struct queue_url_question url_of_alice = {
        .url = TEXT("imap://alice@mx.local.test/INBOX/;uid=1"), .login = TEXT("alice@local.test")};
    struct queue_room_question question = {.recipient = TEXT("alice@local.test")};
    unused(argument);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    task_group_init(&group);
    struct queue *queue = queue_new();
    struct rpc_channel *front = rpc_channel_new("store", NULL, 0, NULL, &group);
    struct rpc_channel *in_store =
        rpc_channel_new("front", queue_front_methods, QUEUE_FRONT_METHODS, queue, &group);
    rpc_channel_connect(front, ends[0]);
    rpc_channel_connect(in_store, ends[1]);
    ask_all(front, queue_front_methods, QUEUE_FRONT_METHODS);
    EXPECT(queue_read_url(front, &url_of_alice, &answer) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), "the store is not open");
    EXPECT(queue_room(front, &question, &room) == OK); /* the commit will tell */
    EXPECT(!room.is_open);
    buffer_finish(&answer.bytes);
    queue_stop(&queue);
    rpc_channel_close(&front);
    rpc_channel_close(&in_store);
    task_group_finish(&group);
}

TEST("whatever a front asks before the store is open is to be asked again")
{
    task_loop_run(before_start, NULL);
}
