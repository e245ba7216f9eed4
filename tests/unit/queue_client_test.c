/* What front and send make of the store's answers: of those that can't be too. The test is the
 * store, which says what it likes. */
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "queue/client.h"
#include "queue/links/links.h"
#include "queue/turn/turn.h"
#include "queue/wire.h"
#include "test.h"

static struct text answer; /* to whatever is asked next; data NULL: it is refused */
static bool is_full;       /* parts of large messages are to come later */
static unsigned told;      /* stories */

static void serve(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(request);
    if (answer.data == NULL)
        rpc_fail(&call, REFUSED, "no");
    else
        rpc_answer(&call, answer);
}

static void serve_append(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(request);
    if (is_full)
        rpc_fail(&call, TRY_LATER, QUEUE_FULL_REASON ": 0 MB free");
    else
        rpc_answer(&call, TEXT(""));
}

static void serve_story(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(call);
    unused(request);
    told++;
}

static const struct rpc_method methods[] = {
    {QUEUE_APPEND, RPC_INLINE, "append", serve_append},
    {QUEUE_COMMIT, RPC_INLINE, "commit", serve},
    {QUEUE_ABANDON, RPC_INLINE | RPC_ONE_WAY, "abandon", serve_story},
    {QUEUE_STORY, RPC_INLINE | RPC_ONE_WAY, "story", serve_story},
    {QUEUE_URL, RPC_INLINE, "url", serve},
    {QUEUE_ETRN, RPC_INLINE, "etrn", serve},
    {QUEUE_ROOM, RPC_INLINE, "room", serve},
    {QUEUE_LINK_ANSWER, RPC_INLINE, "link answer", serve},
    {QUEUE_LEASE, RPC_INLINE, "lease", serve},
    {QUEUE_BODY, RPC_INLINE, "body", serve},
    {QUEUE_REPORT, RPC_INLINE, "report", serve},
    {QUEUE_TURN_LEASE, RPC_INLINE, "turn lease", serve}};

static struct rpc_channel *store;
static struct arena arena;

static void run_task(void *argument)
{
    void (*const *test)(void) = argument;
    struct task_group group;
    int ends[2];
    task_group_init(&group);
    struct rpc_channel *ours =
        rpc_channel_new("front", methods, sizeof(methods) / sizeof(*methods), NULL, &group);
    store = rpc_channel_new("store", NULL, 0, NULL, &group);
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(ours, ends[0]);
    rpc_channel_connect(store, ends[1]);
    arena_init(&arena);
    is_full = false;
    told = 0;
    (*test)();
    arena_finish(&arena);
    rpc_channel_close(&store);
    rpc_channel_close(&ours);
    task_group_finish(&group);
}

static void run(void (*test)(void))
{
    task_loop_run(run_task, &test);
}

#define BYTES(literal) text_of(literal, sizeof(literal) - 1)

/* ---- Messages ---- */

static struct queue_recipient two[] = {{.address = {"a@x.test", 8}}, {.address = {"b@x.test", 8}}};
static struct queue_result results[2];

static enum status commit(struct text bytes)
{
    struct queue_envelope envelope = {.id = 1, .recipients = two, .recipient_count = 2};
    struct queue_message *message = queue_begin(store, &envelope);
    EXPECT(queue_append(message, TEXT("Subject: x\r\n\r\nx\r\n")) == OK);
    answer = bytes;
    return queue_commit(&message, &arena, results);
}

static void commits(void)
{
    EXPECT(commit(BYTES("\x00\x00")) == OK);
    EXPECT(results[0].status == OK && results[1].status == OK);
    EXPECT(commit(BYTES("\x00\x02\x00\x00\x00\x02no")) == OK);
    EXPECT(results[0].status == OK && results[1].status == REFUSED);
    EXPECT_TEXT(results[1].reason, "no");
    EXPECT(commit(BYTES("")) == TRY_LATER);
    EXPECT(commit(BYTES("\x00")) == TRY_LATER);
    EXPECT(commit(BYTES("\x00\x00\x00")) == TRY_LATER);
    EXPECT(commit(BYTES("\x00\x07")) == TRY_LATER);
    EXPECT(commit(BYTES("\x00\x02\x00\x00\x00\x03no")) == TRY_LATER);
    EXPECT(commit((struct text){NULL, 0}) == REFUSED);
}

TEST("a message whose answer can't be read is to be sent again")
{
    run(commits);
}

static char large[QUEUE_INLINE_MAX + 10];

static void full_store(void)
{
    struct queue_envelope envelope = {.id = 1, .recipients = two, .recipient_count = 2};
    struct queue_message *message = queue_begin(store, &envelope);
    memset(large, 'b', sizeof(large));
    is_full = true;
    EXPECT(queue_append(message, text_of(large, sizeof(large))) == TRY_LATER);
    EXPECT(queue_append(message, TEXT("and on")) == TRY_LATER); /* it is swallowed */
    answer = BYTES("\x00\x00");
    EXPECT(queue_commit(&message, &arena, results) == TRY_LATER && message == NULL);
    EXPECT(queue_commit_is_full());
    queue_story(store, 1, TEXT("event"), TEXT("the last"));
    while (told < 2)
        task_yield();
    EXPECT(told == 2); /* what was begun is abandoned too */
}

TEST("a large message of which a part was put off is put off whole, and says that space is lacking")
{
    run(full_store);
}

static void large_envelope(void)
{
    enum { COUNT = 6000 };
    static char name[1000];
    struct queue_recipient *many = arena_array(&arena, COUNT, sizeof(*many));
    memset(name, 'r', sizeof(name));
    for (unsigned i = 0; i < COUNT; i++)
        many[i] = (struct queue_recipient){.address = TEXT("a@x.test"),
                                           .original_recipient = text_of(name, sizeof(name))};
    struct queue_envelope envelope = {.id = 1, .recipients = many, .recipient_count = COUNT};
    struct queue_message *message = queue_begin(store, &envelope);
    answer = BYTES("");
    EXPECT(queue_commit(&message, &arena, NULL) == REFUSED && message == NULL);
}

TEST("an envelope that is larger than a call is refused")
{
    run(large_envelope);
}

static bool decodes_body(size_t length)
{
    struct queue_commit_request out, request = {.envelope = {.id = 1,
                                                             .server = TEXT("internet"),
                                                             .recipients = two,
                                                             .recipient_count = 2},
                                                .body = text_of(large, length)};
    struct buffer bytes;
    buffer_init(&bytes, RPC_FRAME_MAX);
    queue_commit_encode(&request, &bytes);
    bool done = queue_commit_decode(buffer_text(&bytes), &arena, &out);
    buffer_finish(&bytes);
    return done;
}

static void bodies(void)
{
    EXPECT(decodes_body(QUEUE_INLINE_MAX));
    EXPECT(!decodes_body(QUEUE_INLINE_MAX + 1));
}

TEST("a body that is too large for a commit is none")
{
    run(bodies);
}

static void reasons(void)
{
    static const struct {
        const char *reason;
        bool has_status;
    } cases[] = {{"status 5.2.2 full", true}, {"status 4.2.2 full", false},
                 {"status 5.2 full", false},  {"status 5.2.22 full", false},
                 {"status", false},           {"no", false}};
    struct text status, words;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        EXPECT(queue_status_reason(text_from(cases[i].reason), &status, &words) ==
               cases[i].has_status);
    EXPECT(queue_status_reason(text_from(cases[0].reason), &status, &words));
    EXPECT_TEXT(status, "5.2.2");
    EXPECT_TEXT(words, "full");
}

TEST("a reason has a status of its own when that is one of a failure for good")
{
    run(reasons);
}

/* ---- Questions ---- */

static void rooms(void)
{
    struct queue_room_question question = {.recipient = TEXT("a@x.test")};
    struct queue_room_answer found;
    answer = BYTES("\x00\x01\x00\x00\x00\x00");
    EXPECT(queue_room(store, &question, &found) == OK && found.is_open);
    answer = BYTES("\x02\x01\x00\x00\x00\x04"
                   "full");
    EXPECT(queue_room(store, &question, &found) == REFUSED && !found.is_open);
    EXPECT_TEXT(text_from(found.reason.text), "full");
    const struct text odd[] = {TEXT(""), TEXT("\x03\x01\x01\x01"), TEXT("\x01\x01"), {NULL, 0}};
    for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        answer = odd[i];
        EXPECT(queue_room(store, &question, &found) == OK && !found.is_open);
        EXPECT_TEXT(text_from(found.reason.text), "");
    }
    answer = BYTES("\x07\x01\x00\x00\x00\x00");
    EXPECT(queue_room(store, &question, &found) == OK && !found.is_open);
}

TEST("a recipient of whom the store says nothing that can be read is taken, and is not known as "
     "open")
{
    run(rooms);
}

static enum status read_url(struct text url, struct text bytes)
{
    struct queue_url_question question = {.url = url, .login = TEXT("a@x.test")};
    struct queue_url_answer found = {.way = QUEUE_URL_WAYS};
    buffer_init(&found.bytes, 2 * QUEUE_BODY_CHUNK);
    answer = bytes;
    enum status status = queue_read_url(store, &question, &found);
    buffer_finish(&found.bytes);
    return status;
}

static void urls(void)
{
    struct queue_url_answer found = {.way = QUEUE_URL_FOUND, .size = 5};
    struct buffer bytes;
    buffer_init(&found.bytes, 2 * QUEUE_BODY_CHUNK);
    buffer_init(&bytes, RPC_FRAME_MAX);
    buffer_append(&found.bytes, TEXT("12345"));
    queue_url_answer_encode(&found, &bytes);
    EXPECT(read_url(TEXT("imap://x.test/"), buffer_text(&bytes)) == OK);
    EXPECT(read_url(TEXT("imap://x.test/"), TEXT("junk")) == TRY_LATER);
    EXPECT(read_url(TEXT("imap://x.test/"), (struct text){NULL, 0}) == TRY_LATER);
    EXPECT(read_url(text_of(large, sizeof(large)), buffer_text(&bytes)) == TRY_LATER);
    while (found.bytes.length <= QUEUE_BODY_CHUNK)
        buffer_append(&found.bytes, text_of(large, 1000));
    buffer_reset(&bytes, RPC_FRAME_MAX);
    queue_url_answer_encode(&found, &bytes);
    EXPECT(read_url(TEXT("imap://x.test/"), buffer_text(&bytes)) == TRY_LATER);
    found.bytes.length = 5;
    found.way = QUEUE_URL_WAYS;
    buffer_reset(&bytes, RPC_FRAME_MAX);
    queue_url_answer_encode(&found, &bytes);
    EXPECT(read_url(TEXT("imap://x.test/"), buffer_text(&bytes)) == TRY_LATER);
    buffer_finish(&bytes);
    buffer_finish(&found.bytes);
}

TEST("what can't be read of a URL's part, or is more than was asked for, is to be asked for later")
{
    run(urls);
}

static void etrns(void)
{
    struct queue_etrn etrn = {.node = TEXT("node.test"), .peer = TEXT("192.0.2.1:4711")};
    enum queue_etrn_verdict verdict;
    unsigned count;
    answer = BYTES("\x00\x00\x00\x00\x05");
    EXPECT(queue_etrn(store, &etrn, &verdict, &count) == OK && count == 5);
    answer = BYTES("\x00\x00\x00\x05");
    EXPECT(queue_etrn(store, &etrn, &verdict, &count) == TRY_LATER);
    answer = BYTES("\x7f\x00\x00\x00\x05");
    EXPECT(queue_etrn(store, &etrn, &verdict, &count) == TRY_LATER);
}

TEST("an answer to ETRN that can't be read is none")
{
    run(etrns);
}

static bool etrn_decodes(size_t node, size_t peer)
{
    struct queue_etrn out, etrn = {.node = text_of(large, node), .peer = text_of(large, peer)};
    struct buffer bytes;
    buffer_init(&bytes, 4096);
    queue_etrn_encode(&etrn, &bytes);
    bool done = queue_etrn_decode(buffer_text(&bytes), &out);
    buffer_finish(&bytes);
    return done;
}

static bool turn_decodes(size_t account, size_t peer)
{
    struct queue_turn out, turn = {1, 1, text_of(large, account), text_of(large, peer)};
    struct buffer bytes;
    buffer_init(&bytes, 4096);
    queue_turn_encode(&turn, &bytes);
    bool done = queue_turn_decode(buffer_text(&bytes), &out);
    buffer_finish(&bytes);
    return done;
}

static void names(void)
{
    struct queue_link_question question;
    memset(large, 'b', sizeof(large));
    EXPECT(etrn_decodes(255, QUEUE_FACT_MAX));
    EXPECT(!etrn_decodes(256, 1) && !etrn_decodes(1, QUEUE_FACT_MAX + 1));
    large[3] = ' ';
    EXPECT(!etrn_decodes(4, 1) && !etrn_decodes(1, 4));
    EXPECT(turn_decodes(QUEUE_FACT_MAX, QUEUE_FACT_MAX));
    struct queue_turn turn;
    EXPECT(!queue_turn_decode(TEXT("junk"), &turn));
    EXPECT(!turn_decodes(QUEUE_FACT_MAX + 1, 1) && !turn_decodes(1, QUEUE_FACT_MAX + 1));
    EXPECT(queue_link_question_decode(BYTES("\x01\x00\x00\x00\x00"), &question));
    EXPECT(!queue_link_question_decode(BYTES("\x02\x00\x00\x00\x00"), &question));
}

TEST("a name that is longer than names are is none")
{
    run(names);
}

/* ---- Work ---- */

static enum status lease(struct text bytes)
{
    struct queue_job *jobs;
    unsigned count;
    answer = bytes;
    enum status status = queue_lease(store, 1, &arena, &jobs, &count);
    EXPECT(queue_turn_lease(store, 1, 1, &arena, &jobs, &count) == status);
    return status;
}

static void leases(void)
{
    struct queue_job_recipient recipient = {.address = TEXT("a@x.test")};
    struct queue_job job = {.id = 1,
                            .lease = 1,
                            .domain = TEXT("x.test"),
                            .recipients = &recipient,
                            .recipient_count = 1};
    struct buffer bytes;
    buffer_init(&bytes, RPC_FRAME_MAX);
    wire_put_u32(&bytes, 1);
    queue_job_encode(&job, &bytes);
    struct text good = buffer_text(&bytes);
    EXPECT(lease(good) == OK);
    EXPECT(lease(BYTES("\x00\x00\x00\x00")) == OK);
    for (size_t length = 0; length < good.length; length++)
        EXPECT(lease(text_head(good, length)) == TRY_LATER);
    EXPECT(lease(BYTES("\x00\x00\x00\x00more")) == TRY_LATER);
    EXPECT(lease(BYTES("\x00\x00\x00\x41")) == TRY_LATER); /* more than may be leased */
    EXPECT(lease((struct text){NULL, 0}) == REFUSED);
    buffer_finish(&bytes);
}

TEST("jobs that can't be read are to come later")
{
    run(leases);
}

static void read_bodies(void)
{
    struct queue_job job = {.lease = 1};
    struct buffer out;
    buffer_init(&out, 8);
    answer = TEXT("12345");
    EXPECT(queue_read_body(store, &job, 0, 4, &out) == TRY_LATER); /* more than asked for */
    EXPECT(out.length == 0);
    EXPECT(queue_read_body(store, &job, 0, 5, &out) == OK);
    EXPECT(queue_read_body(store, &job, 5, 5, &out) == TRY_LATER); /* there is room for 3 */
    EXPECT_TEXT(buffer_text(&out), "12345");
    buffer_reset(&out, 8);
    EXPECT(queue_read_body(store, &job, 0, 9, &out) == OK); /* it may have been longer */
    answer = TEXT("678");
    EXPECT(queue_read_body(store, &job, 5, 5, &out) == OK);
    EXPECT_TEXT(buffer_text(&out), "12345678");
    answer = (struct text){NULL, 0};
    EXPECT(queue_read_body(store, &job, 8, 5, &out) == REFUSED);
    EXPECT_TEXT(buffer_text(&out), "12345678");
    buffer_finish(&out);
}

TEST("of a body no more is read than was asked for, and than there is room for")
{
    run(read_bodies);
}

static void large_report(void)
{
    enum { COUNT = 3000 };
    struct queue_job job = {.lease = 1};
    struct queue_outcome *outcomes = arena_array(&arena, COUNT, sizeof(*outcomes));
    for (unsigned i = 0; i < COUNT; i++)
        outcomes[i].reply = outcomes[i].tls = text_of(large, 1000);
    answer = TEXT("");
    EXPECT(queue_report(store, &job, outcomes, 1000) == OK);
    EXPECT(queue_report(store, &job, outcomes, COUNT) == REFUSED);
}

TEST("a report that is larger than a call is refused")
{
    run(large_report);
}

static void packets(void)
{
    struct queue_link_question question = {.packet = TEXT("packet")};
    struct buffer out;
    buffer_init(&out, 4);
    answer = TEXT("1234");
    EXPECT(queue_link_answer(store, &question, &out) == OK);
    EXPECT(queue_link_answer(store, &question, &out) == TRY_LATER);
    EXPECT_TEXT(buffer_text(&out), "1234");
    buffer_finish(&out);
}

TEST("an answer about links that is longer than may be said is none")
{
    run(packets);
}

static void many_stories(void)
{
    enum { COUNT = 1000 };
    for (unsigned i = 0; i < COUNT; i++)
        queue_story(store, 1, TEXT("event"), text_of(large, 5000));
    answer = TEXT("");
    struct queue_job job = {.lease = 1};
    EXPECT(queue_report(store, &job, NULL, 0) == OK); /* behind them */
    EXPECT(told > 200 && told < 300);                 /* what fits into a megabyte */
}

TEST("stories that the store does not keep up with are lost, before anything waits for them")
{
    run(many_stories);
}
