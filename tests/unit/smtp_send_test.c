#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "net/listener.h"
#include "net/stream.h"
#include "proto/smtp/send/smtp_send.h"
#include "proto/smtp/send/smtp_send_route.h"
#include "queue/wire.h"
#include "settings_scene.h"
#include "test.h"

/* The sender against a store played at the far end of its channel, and peers on loopback sockets.
 * Time flies: a task turns the clock on by some milliseconds whenever the loop comes round. */

enum { MOST = 2000, PEERS = 2, RECIPIENT = 3, ITEM = 5 };

/* SHUT_OUT: who comes second is turned away once the store is dead, and the first is answered when
 * the next one was told. */
enum manner { KIND, SILENT, TWO_AT_A_TIME, SHUT_OUT, DEAD, REFUSING, BROKEN_TLS };

struct peer {
    enum manner manner;
    int fd;
    uint16_t port;
    unsigned connections, now_open, most_open, messages, shut_out;
};

static struct queue {
    struct queue_job jobs[MOST];
    bool known[MOST]; /* claimed, or reported to a store that lived */
    unsigned added, leased, reported, claimed;
    unsigned sent, deferred, failed, no_connection;
    char last_words[200];
    bool holds_reports;   /* they are counted, and answered later */
    bool forgets_reports; /* they are neither */
    struct task_event changed;
} queue;

static int64_t now_ms;
static struct peer peers[PEERS];
static struct task_group world;
static struct smtp_send *sender;
static struct role_context context;
static struct rpc_channel *store; /* the far end */
static struct task_group store_calls;

/* What the sender asks of the store, answered at the far end of its channel. */

static void serve_lease(void *unused_context, struct rpc_call *call, struct text request)
{
    unused(unused_context);
    struct wire_reader in = wire_reader_of(request);
    uint32_t max = wire_get_u32(&in);
    EXPECT(wire_end(&in) && max > 0);
    while (queue.leased == queue.added)
        if (task_event_wait(&queue.changed, NO_DEADLINE) != OK) {
            rpc_fail(&call, TRY_LATER, "the test is over");
            return;
        }
    unsigned left = queue.added - queue.leased;
    unsigned count = left < max ? left : max;
    count = count < QUEUE_JOBS_MAX ? count : QUEUE_JOBS_MAX;
    struct buffer jobs;
    buffer_init(&jobs, RPC_FRAME_MAX);
    wire_put_u32(&jobs, count);
    for (unsigned i = 0; i < count; i++)
        queue_job_encode(&queue.jobs[queue.leased++], &jobs);
    rpc_answer(&call, buffer_text(&jobs));
    buffer_finish(&jobs);
}

/* Those of a store before this one that it will be told of; the others are due again. */
static void serve_claim(void *unused_context, struct rpc_call *call, struct text request)
{
    unused(unused_context);
    struct queue_claim *claims;
    struct arena arena;
    unsigned left = 0;
    arena_init(&arena);
    EXPECT(queue_claims_decode(request, &arena, &claims, &queue.claimed));
    for (unsigned i = 0; i < queue.claimed; i++) {
        EXPECT(claims[i].item == ITEM && claims[i].lease > 0 && claims[i].lease <= MOST);
        queue.known[claims[i].lease - 1] = true;
    }
    arena_finish(&arena);
    for (unsigned i = 0; i < queue.added; i++)
        if (!queue.known[i])
            queue.jobs[left++] = queue.jobs[i];
    queue.added = left;
    queue.leased = 0;
    rpc_answer(&call, TEXT(""));
}

static void serve_report(void *unused_context, struct rpc_call *call, struct text request)
{
    unused(unused_context);
    struct queue_report_request report;
    struct arena arena;
    if (queue.forgets_reports) {
        task_event_wait(&queue.changed, NO_DEADLINE);
        rpc_fail(&call, TRY_LATER, "this store dies");
        return;
    }
    arena_init(&arena);
    EXPECT(queue_report_decode(request, &arena, &report));
    EXPECT(report.count == 1 && report.outcomes[0].number == RECIPIENT);
    EXPECT(report.lease > 0 && report.lease <= MOST);
    queue.known[report.lease - 1] = true;
    queue.reported++;
    queue.sent += report.outcomes[0].status == OK;
    queue.deferred += report.outcomes[0].status == TRY_LATER;
    queue.failed += report.outcomes[0].status == REFUSED;
    queue.no_connection += report.outcomes[0].no_connection;
    text_copy(text_head(report.outcomes[0].reply, 199), queue.last_words, sizeof(queue.last_words));
    arena_finish(&arena);
    task_event_tell_all(&queue.changed);
    while (queue.holds_reports && task_event_wait(&queue.changed, NO_DEADLINE) == OK)
        ;
    rpc_answer(&call, TEXT(""));
}

static const struct rpc_method store_methods[] = {
    {QUEUE_LEASE, 0, "lease", serve_lease},
    {QUEUE_CLAIM, 0, "claim", serve_claim},
    {QUEUE_REPORT, 0, "report", serve_report},
};
enum { STORE_METHODS = sizeof(store_methods) / sizeof(store_methods[0]) };

static void connect_store(void)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    task_group_init(&store_calls);
    store = rpc_channel_new("send", store_methods, STORE_METHODS, NULL, &store_calls);
    rpc_channel_connect(context.store, ends[0]);
    rpc_channel_connect(store, ends[1]);
}

static void open_store(void)
{
    context.store = rpc_channel_new("store", NULL, 0, NULL, &world);
    connect_store();
}

static void kill_store(void)
{
    task_group_finish(&store_calls);
    rpc_channel_close(&store);
    while (rpc_channel_is_up(context.store))
        task_yield();
}

static void close_store(void)
{
    task_group_finish(&store_calls);
    rpc_channel_close(&context.store);
    rpc_channel_close(&store);
}

static void add_jobs(const char *connector, unsigned count)
{
    static const struct queue_job_recipient recipient = {.number = RECIPIENT,
                                                         .address = TEXT("r@them")};
    static uint64_t id;
    for (unsigned i = 0; i < count; i++) {
        check(queue.added < MOST / 2);
        id = id_new(id);
        queue.jobs[queue.added++] = (struct queue_job){.id = id,
                                                       .lease = queue.added,
                                                       .item = ITEM,
                                                       .connector = text_from(connector),
                                                       .domain = TEXT("them.example"),
                                                       .sender = TEXT("a@us"),
                                                       .size = 7,
                                                       .body = TEXT("hello\r\n"),
                                                       .recipients = &recipient,
                                                       .recipient_count = 1};
    }
    task_event_tell_all(&queue.changed);
}

static struct {
    bool is_offered; /* by peers that are KIND */
    unsigned ahead;  /* messages that came with the next MAIL behind them */
} pipelining;

static void speak(struct peer *peer, struct stream *stream)
{
    struct text line;
    bool in_data = false;
    stream_printf(stream, "220 hi\r\n");
    while (stream_read_line(stream, 1000, &line) == OK) {
        if (in_data && !text_equals(line, TEXT(".\r\n")))
            continue;
        peer->messages += in_data;
        while (in_data && peer->manner == SHUT_OUT && queue.claimed == 0)
            task_yield();
        if (peer->manner == BROKEN_TLS && text_starts_with(line, TEXT("EHLO"))) {
            stream_printf(stream, "250-hi\r\n250 STARTTLS\r\n");
            continue;
        }
        if (pipelining.is_offered && text_starts_with(line, TEXT("EHLO"))) {
            stream_printf(stream, "250-hi\r\n250 PIPELINING\r\n");
            continue;
        }
        if (text_starts_with(line, TEXT("STARTTLS"))) {
            stream_printf(stream, "220 go\r\n");
            break; /* and hang up on the handshake */
        }
        if (in_data && text_starts_with(stream_buffered(stream), TEXT("MAIL")))
            pipelining.ahead++;
        bool data = text_starts_with(line, TEXT("DATA"));
        bool rcpt = text_starts_with(line, TEXT("RCPT"));
        in_data = data;
        stream_printf(stream, "%s\r\n",
                      data                                   ? "354 go"
                      : rcpt && peer->manner == REFUSING     ? "550 5.1.1 who"
                      : text_starts_with(line, TEXT("QUIT")) ? "221 bye"
                                                             : "250 ok");
    }
}

static void shut_out(struct peer *peer, struct stream *stream)
{
    while (rpc_channel_is_up(context.store))
        task_yield();
    stream_printf(stream, "421 4.7.0 one at a time\r\n");
    peer->shut_out++;
}

struct visit {
    struct peer *peer;
    int fd;
};

static void serve(void *argument)
{
    struct visit *visit = argument;
    struct peer *peer = visit->peer;
    struct stream *stream = stream_new(visit->fd, NULL);
    free(visit);
    peer->connections++;
    peer->now_open++;
    if (peer->now_open > peer->most_open)
        peer->most_open = peer->now_open;
    if (peer->manner == TWO_AT_A_TIME && peer->now_open > 2)
        stream_printf(stream, "421 4.7.0 two at a time\r\n");
    else if (peer->manner == SHUT_OUT && peer->now_open > 1)
        shut_out(peer, stream);
    else if (peer->manner == SILENT)
        stream_fill(stream);
    else
        speak(peer, stream);
    stream_flush(stream);
    peer->now_open--;
    stream_close(&stream);
}

static void on_connection(void *argument, int fd, const struct net_address *from)
{
    unused(from);
    struct visit *visit = malloc(sizeof(*visit));
    *visit = (struct visit){argument, fd};
    task_spawn(&world, "peer", serve, visit);
}

static void accept_for(void *argument)
{
    struct peer *peer = argument;
    net_accept_loop(peer->fd, on_connection, peer);
}

static void turn_the_clock(void *step_ms)
{
    while (!task_is_cancelled()) {
        now_ms += *(int64_t *)step_ms;
        task_yield();
    }
}

static void open_peer(struct peer *peer, enum manner manner)
{
    struct net_address address;
    *peer = (struct peer){.manner = manner};
    EXPECT(net_address_parse(TEXT("127.0.0.1"), 0, &address));
    EXPECT(net_listen(&address, 0, &peer->fd) == OK);
    socklen_t length = sizeof(address.v4);
    EXPECT(getsockname(peer->fd, &address.any, &length) == 0);
    peer->port = ntohs(address.v4.sin_port);
    if (manner == DEAD)
        close(peer->fd);
    else
        task_spawn(&world, "listener", accept_for, peer);
}

static struct settings *settings_for(const char *more)
{
    struct buffer connectors;
    buffer_init(&connectors, 10000);
    for (int i = 0; i < PEERS; i++)
        buffer_printf(&connectors,
                      "connector c%d {\n to c%d.example\n smart-host [127.0.0.1]:%u\n %s\n}\n", i,
                      i, peers[i].port, more);
    struct settings *settings =
        settings_made("host mx.us.example\ndomain us.example {\n user a\n}\n%.*s",
                      TEXT_ARG(buffer_text(&connectors)));
    buffer_finish(&connectors);
    return settings;
}

struct play {
    enum manner manners[PEERS];
    const char *more; /* in each connector */
    int64_t step_ms;
    void (*act)(void);
};

static void wait_for_reports(unsigned count)
{
    while (queue.reported < count)
        task_event_wait(&queue.changed, NO_DEADLINE);
}

static void run_play(void *argument)
{
    struct play *play = argument;
    task_group_init(&world);
    queue = (struct queue){0};
    task_event_init(&queue.changed);
    for (int i = 0; i < PEERS; i++)
        open_peer(&peers[i], play->manners[i]);
    context = (struct role_context){.settings = settings_for(play->more)};
    task_event_init(&context.reloaded);
    buffer_init(&context.secrets, 1);
    open_store();
    task_spawn(&world, "clock", turn_the_clock, &play->step_ms);
    sender = smtp_send_new(&context);
    EXPECT(smtp_send_start(sender) == OK);
    play->act();
    smtp_send_stop(&sender);
    close_store();
    task_group_finish(&world);
    settings_release(&context.settings);
}

static void run(struct play play)
{
    signal(SIGPIPE, SIG_IGN);
    now_ms = 1790000000000;
    clock_set_for_test(&now_ms);
    task_loop_run(run_play, &play);
    clock_set_for_test(NULL);
}

static void act_one_connection(void)
{
    add_jobs("c0", 30);
    wait_for_reports(30);
    add_jobs("c0", 1); /* within the time it lingers */
    wait_for_reports(31);
}

TEST("messages for one hop follow each other over one connection")
{
    run((struct play){{KIND, KIND}, "limit connections 1", 1, act_one_connection});
    EXPECT(queue.sent == 31 && peers[0].messages == 31);
    EXPECT(peers[0].connections == 1);
}

static void run_pipelining(const char *more)
{
    pipelining.is_offered = true;
    pipelining.ahead = 0;
    run((struct play){{KIND, KIND}, more, 1, act_one_connection});
    pipelining.is_offered = false;
    EXPECT(queue.sent == 31 && peers[0].messages == 31);
}

TEST("who waits for a connection has his envelope sent with the message before it")
{
    run_pipelining("limit connections 1");
    EXPECT(peers[0].connections == 1);
    /* Not at the first, when it is not known how long the peer thinks, nor behind the last two. */
    EXPECT(pipelining.ahead > 0 && pipelining.ahead <= 28);
}

TEST("with a connection for each nobody is bound to one that is busy")
{
    run_pipelining("limit connections 100");
    EXPECT(pipelining.ahead == 0);
}

TEST("masquerading changes the sender, which goes with its own message")
{
    run_pipelining("limit connections 1\n masquerade us.example");
    EXPECT(pipelining.ahead == 0);
}

static void act_slow_reports(void)
{
    queue.holds_reports = true;
    add_jobs("c0", 4);
    wait_for_reports(1);
    while (peers[0].messages < 2)
        task_yield();
    for (int i = 0; i < 100; i++)
        task_yield();
    EXPECT(peers[0].messages == 2 && queue.reported == 1);
    queue.holds_reports = false;
    task_event_tell_all(&queue.changed);
    wait_for_reports(4);
}

TEST("a connection sends one message while the report of another is on its way, not two")
{
    run((struct play){{KIND, KIND}, "limit connections 1", 1, act_slow_reports});
    EXPECT(queue.sent == 4 && peers[0].messages == 4);
    EXPECT(peers[0].connections == 1);
}

static void act_store_dies(void)
{
    queue.forgets_reports = true;
    add_jobs("c0", 4);
    while (peers[0].messages < 2)
        task_yield();
    kill_store();
    queue.forgets_reports = false;
    connect_store();
    wait_for_reports(4);
}

TEST("a store that starts anew is told what is in hand, and nothing is sent twice")
{
    run((struct play){{KIND, KIND}, "limit connections 1", 1, act_store_dies});
    EXPECT(queue.claimed == 2 && queue.sent == 4 && peers[0].messages == 4);
    EXPECT(peers[0].connections == 1);
}

static void act_fails_meanwhile(void)
{
    add_jobs("c0", 1);
    while (peers[0].now_open == 0)
        task_yield();
    kill_store();
    while (peers[0].now_open > 0)
        task_yield();
    EXPECT(queue.reported == 0);
    queue.leased = 0;
    connect_store();
    wait_for_reports(1);
}

TEST("what was put off while the store was away is tried anew for the next one")
{
    run((struct play){{SILENT, KIND}, "", 1000, act_fails_meanwhile});
    EXPECT(queue.claimed == 0 && queue.deferred == 1 && peers[0].connections == 2);
}

static void act_put_back(void)
{
    add_jobs("c0", 2);
    while (peers[0].messages < 1 || peers[0].now_open < 2)
        task_yield();
    kill_store();
    while (peers[0].now_open > 1)
        task_yield();
    for (int i = 0; i < 100; i++) /* it is put back, or is in hand still, which is as well */
        task_yield();
    connect_store();
    wait_for_reports(2);
    while (peers[0].now_open > 0)
        task_yield();
}

TEST("what a full host put back while the store was away is sent once")
{
    run((struct play){{SHUT_OUT, KIND}, "", 1, act_put_back});
    EXPECT(queue.claimed == 2 && peers[0].shut_out == 1);
    EXPECT(queue.sent == 2 && queue.reported == 2 && peers[0].messages == 2);
}

static void act_many(void)
{
    add_jobs("c0", 500);
    wait_for_reports(500);
}

TEST("a hop gets as many connections as allowed and no more")
{
    run((struct play){{KIND, KIND}, "limit connections 7", 1, act_many});
    EXPECT(queue.sent == 500 && peers[0].most_open == 7);
}

TEST("a hop that bears two connections gets everything over two, and nothing is deferred")
{
    run((struct play){{TWO_AT_A_TIME, KIND}, "", 1, act_many});
    EXPECT(queue.sent == 500 && queue.deferred == 0);
    EXPECT(peers[0].messages == 500);
}

static void act_dead(void)
{
    add_jobs("c0", 300);
    wait_for_reports(300);
}

TEST("a hop that no connection reaches defers all its messages, as a glitch of the hop")
{
    run((struct play){{DEAD, KIND}, "", 1, act_dead});
    EXPECT(queue.deferred == 300 && queue.no_connection == 300);
    EXPECT(strstr(queue.last_words, "refused") != NULL);
}

static void act_silent(void)
{
    add_jobs("c0", 100);
    while (peers[0].now_open < 20)
        task_yield();
    add_jobs("c1", 100);
    wait_for_reports(100);
    EXPECT(queue.sent == 100 && peers[1].messages == 100);
}

TEST("a silent hop holds up no other, and shutting down does not wait for it")
{
    run((struct play){{SILENT, KIND}, "", 1, act_silent});
    EXPECT(queue.reported == 100); /* being shut down is no attempt */
    EXPECT(peers[0].connections == 20);
}

static void act_refused(void)
{
    add_jobs("c0", 2);
    wait_for_reports(2);
}

TEST("a recipient that the peer refuses fails with the peer's words")
{
    run((struct play){{REFUSING, KIND}, "", 1, act_refused});
    EXPECT(queue.failed == 2 && queue.no_connection == 0);
    EXPECT_TEXT(text_from(queue.last_words), "550 5.1.1 who (in reply to RCPT TO)");
}

TEST("where TLS is offered but broken, mail goes without it, unless it is required")
{
    run((struct play){{BROKEN_TLS, KIND}, "", 1, act_refused});
    EXPECT(queue.sent == 2 && peers[0].messages == 2);
    run((struct play){{BROKEN_TLS, KIND}, "tls require", 1, act_refused});
    EXPECT(queue.deferred == 2 && peers[0].messages == 0);
    EXPECT(strstr(queue.last_words, "TLS") != NULL);
}

static void act_linger(void)
{
    add_jobs("c0", 1);
    wait_for_reports(1);
    while (peers[0].now_open > 0)
        task_yield();
    add_jobs("c0", 1);
    wait_for_reports(2);
}

TEST("an idle connection is given up after a while, and a new one made when needed")
{
    run((struct play){{KIND, KIND}, "", 1, act_linger});
    EXPECT(queue.sent == 2 && peers[0].connections == 2);
}

static void act_burst_then_trickle(void)
{
    add_jobs("c0", 20);
    wait_for_reports(20);
    EXPECT(peers[0].now_open > 1);
    /* One after another they would all be in use until each has had its hundred. */
    while (peers[0].now_open > 1 && queue.added < MOST / 2) {
        add_jobs("c0", 1);
        wait_for_reports(queue.added);
    }
}

TEST("of connections made for a burst those end that the mail after it does not need")
{
    run((struct play){{KIND, KIND}, "", 1, act_burst_then_trickle});
    EXPECT(queue.sent == queue.added && queue.added < MOST / 2);
}

TEST("mail never goes to our own host nor to hosts less preferred than it")
{
    const struct resolver_mx list[] = {
        {TEXT("a"), 5}, {TEXT("b"), 10}, {TEXT("MX.us.example"), 10}, {TEXT("c"), 20}};
    EXPECT(smtp_route_before_own(list, 4, TEXT("mx.us.example")) == 1);
    EXPECT(smtp_route_before_own(list, 4, TEXT("other.example")) == 4);
    EXPECT(smtp_route_before_own(list + 2, 2, TEXT("mx.us.example")) == 0);
}
