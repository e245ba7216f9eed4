#include "queue_peer.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "directory/calls.h"
#include "mail/srs.h"
#include "queue/block_lists.h"
#include "queue/spf_question.h"
#include "settings_scene.h"

static const char settings_text[] = "host mx.local.test\n"
                                    "limit free-space 1MB\n"
                                    "domain local.test {\n    user alice bob carol\n}\n"
                                    "domain dropped.test {\n    drop /nonexistent/drop\n}\n"
                                    "retry {\n    local delay-notice 1h\n    local expire 3h\n}\n"
                                    "connector partner {\n    to partner.example\n"
                                    "    smart-host [192.0.2.9]\n}\n"
                                    "connector branch {\n    to branch.test *.branch.test\n"
                                    "    hold for bob@local.test carol@local.test\n}\n"
                                    "connector second {\n    to second.test\n"
                                    "    hold for bob@local.test\n}\n"
                                    "connector hourly {\n    to hourly.test\n"
                                    "    schedule every 1h\n    by mx\n}\n"
                                    "connector night {\n    to night.test\n"
                                    "    schedule 22:00-04:00\n    by mx\n}\n"
                                    "connector node {\n    to node.test *.node.test\n"
                                    "    smart-host gate.test\n    hold\n}\n";

/* group@ is alice, bob, far@remote.example and a member that is gone; one@ is a group of alice
 * alone, small@ takes 4 KB at most, circle@ leads to itself. */
static unsigned expand_one(struct text key, unsigned recipient, struct directory_target *out)
{
    struct text domain = text_after(key, '@');
    if (text_equals(domain, TEXT("dropped.test"))) {
        out[0] = (struct directory_target){TARGET_MAILBOX, key, recipient};
        return 1;
    }
    if (!text_equals(domain, TEXT("local.test"))) {
        out[0] = (struct directory_target){TARGET_REMOTE, key, recipient};
        return 1;
    }
    if (text_equals(key, TEXT("group@local.test"))) {
        out[0] = (struct directory_target){TARGET_MAILBOX, TEXT("alice@local.test"), recipient};
        out[1] = (struct directory_target){TARGET_MAILBOX, TEXT("bob@local.test"), recipient};
        out[2] = (struct directory_target){TARGET_REMOTE, TEXT("far@remote.example"), recipient};
        out[3] = (struct directory_target){TARGET_UNKNOWN, TEXT("gone@local.test"), recipient};
        return 4;
    }
    if (text_equals(key, TEXT("alias@local.test"))) {
        out[0] = (struct directory_target){TARGET_REMOTE, TEXT("far@remote.example"), recipient};
        return 1;
    }
    if (text_starts_with(key, TEXT("alice+"))) {
        out[0] = (struct directory_target){TARGET_MAILBOX, TEXT("alice@local.test"), recipient};
        return 1;
    }
    if (text_equals(key, TEXT("circle@local.test"))) {
        out[0] = (struct directory_target){TARGET_LOOP, key, recipient};
        return 1;
    }
    if (text_equals(key, TEXT("one@local.test"))) {
        out[0] = (struct directory_target){TARGET_MAILBOX, TEXT("alice@local.test"), recipient, 1};
        return 1;
    }
    if (text_equals(key, TEXT("small@local.test"))) {
        out[0] = (struct directory_target){TARGET_MAILBOX, key, recipient, .receive_bytes = 4096};
        return 1;
    }
    bool unknown = text_starts_with(key, TEXT("nobody"));
    out[0] = (struct directory_target){unknown ? TARGET_UNKNOWN : TARGET_MAILBOX, key, recipient};
    return 1;
}

static void expand_all(const struct directory_question *question, struct arena *arena,
                       struct directory_answer *out)
{
    enum { TARGETS_OF_ONE = 4 };
    *out = (struct directory_answer){.send_bytes = DIRECTORY_NO_LIMIT,
                                     .recipients = DIRECTORY_NO_LIMIT};
    out->targets = arena_array(arena, TARGETS_OF_ONE * question->count, sizeof(*out->targets));
    for (unsigned i = 0; i < question->count; i++)
        out->target_count += expand_one(question->keys[i], i, &out->targets[out->target_count]);
    out->groups = arena_alloc(arena, sizeof(*out->groups));
    out->groups[0].address = TEXT("one@local.test");
    for (unsigned i = 0; i < out->target_count; i++) {
        struct directory_target *target = &out->targets[i];
        if (target->receive_bytes == 0)
            target->receive_bytes = DIRECTORY_NO_LIMIT;
        out->group_count |= target->group;
    }
}

static void answer_expand(struct queue_peer *peer, struct rpc_call *call, struct text request)
{
    struct arena arena;
    struct directory_question question;
    struct directory_answer answer;
    struct buffer out;
    arena_init(&arena);
    buffer_init(&out, 1 << 20);
    check(directory_expand_decode(request, &arena, &question));
    if (peer->addresses != NULL)
        check(directory_resolve(peer->addresses, &question, &arena, &answer) == OK);
    else
        expand_all(&question, &arena, &answer);
    directory_answer_encode(&answer, &out);
    rpc_answer(&call, buffer_text(&out));
    buffer_finish(&out);
    arena_finish(&arena);
}

struct asked {
    struct queue_peer *peer;
    struct rpc_call *call;
    struct text request;
};

static void answer_after(void *argument)
{
    struct asked *asked = argument;
    void (*meanwhile)(struct queue_peer * peer) = asked->peer->meanwhile;
    asked->peer->meanwhile = NULL;
    meanwhile(asked->peer);
    answer_expand(asked->peer, asked->call, asked->request);
    free((char *)asked->request.data);
    free(asked);
}

static void serve_expand(void *context, struct rpc_call *call, struct text request)
{
    struct queue_peer *peer = context;
    if (peer->auth_is_down) {
        peer->auth_is_down = !peer->auth_comes_back;
        if (peer->auth_comes_back)
            queue_directory_back(peer->queue);
        rpc_fail(&call, TRY_LATER, "the directory is resting");
    } else if (peer->meanwhile != NULL) {
        struct asked *asked = malloc(sizeof(*asked));
        check(asked != NULL);
        *asked = (struct asked){peer, call, text_of(text_to_string(request), request.length)};
        task_spawn(&peer->group, "asked", answer_after, asked);
    } else {
        answer_expand(peer, call, request);
    }
}

static void serve_forward(void *context, struct rpc_call *call, struct text request)
{
    struct arena arena;
    struct text sender, domain, out = TEXT("");
    const struct queue_peer *peer = context;
    arena_init(&arena);
    check(directory_forward_decode(request, &sender, &domain));
    enum status status =
        peer->auth_is_down ? try_later("the directory is resting")
        : peer->addresses != NULL
            ? directory_rewrite(peer->addresses, sender, domain, &arena, &out)
            : srs_rewrite(TEXT("a key"), sender, domain, clock_wall_ms(), &arena, &out);
    if (status == OK)
        rpc_answer(&call, out);
    else
        rpc_fail(&call, status, fail_reason());
    arena_finish(&arena);
}

static const struct rpc_method auth_methods[] = {
    {DIRECTORY_EXPAND, RPC_INLINE, "expand", serve_expand},
    {DIRECTORY_FORWARD, RPC_INLINE, "forward", serve_forward}};

static const struct rpc_method methods_for_auth[] = {{STORE_TURN, 0, "turn", queue_serve_turn}};

/* The send process takes what it is turned to, and does nothing with it. */
static void serve_turn(void *context, struct rpc_call *call, struct text request)
{
    struct queue_peer *peer = context;
    int fd = rpc_take_fd(call);
    struct queue_turn turn;
    check(fd >= 0 && queue_turn_decode(request, &turn));
    close(fd);
    peer->turned++;
    peer->last_turn = turn.id;
    if (peer->send_is_busy)
        rpc_fail(&call, TRY_LATER, "too much to do");
    else
        rpc_answer(&call, TEXT(""));
}

static void serve_question(void *context, struct rpc_call *call, struct text request)
{
    struct queue_peer *peer = context;
    check(request.length <= sizeof(peer->send_asked));
    memcpy(peer->send_asked, request.data, request.length);
    peer->send_asked_bytes = request.length;
    if (text_is_empty(peer->send_says))
        rpc_fail(&call, TRY_LATER, "too much to do");
    else
        rpc_answer(&call, peer->send_says);
}

static void serve_links(void *context, struct rpc_call *call, struct text hop)
{
    struct queue_peer *peer = context;
    if (peer->serve_links != NULL)
        peer->serve_links(peer, call, hop);
    else
        rpc_fail(&call, REFUSED, "no such connector");
}

static const struct rpc_method send_methods[] = {
    {SEND_TURN, RPC_INLINE, "turn", serve_turn},
    {SEND_PROBE, RPC_INLINE, "probe", serve_question},
    {SEND_BLOCK_LISTS, RPC_INLINE, "block lists", serve_question},
    {SEND_SPF, RPC_INLINE, "spf", serve_question},
    {SEND_LINKS, RPC_INLINE, "links", serve_links}};
enum { SEND_METHODS = sizeof(send_methods) / sizeof(*send_methods) };

static void serve_room_changed(void *context, struct rpc_call *call, struct text message)
{
    const struct queue_peer *peer = context;
    unused(call);
    unused(message);
    if (peer->rooms != NULL)
        room_cache_clear(peer->rooms);
}

static const struct rpc_method front_methods[] = {
    {FRONT_ROOM_CHANGED, RPC_INLINE | RPC_ONE_WAY, "room changed", serve_room_changed}};

static void connect_pair(struct rpc_channel *a, struct rpc_channel *b)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(a, ends[0]);
    rpc_channel_connect(b, ends[1]);
}

enum status queue_peer_try_open(struct queue_peer *peer)
{
    task_group_init(&peer->group);
    peer->queue = queue_new();
    peer->front = rpc_channel_new("store", front_methods, 1, peer, &peer->group);
    peer->front_in_store = rpc_channel_new("front", queue_front_methods, QUEUE_FRONT_METHODS,
                                           peer->queue, &peer->group);
    peer->send = rpc_channel_new("store", send_methods, SEND_METHODS, peer, &peer->group);
    peer->send_in_store =
        rpc_channel_new("send", queue_send_methods, QUEUE_SEND_METHODS, peer->queue, &peer->group);
    peer->auth = rpc_channel_new("store", auth_methods, 2, peer, &peer->group);
    peer->auth_in_store = rpc_channel_new("auth", methods_for_auth, 1, peer->queue, &peer->group);
    connect_pair(peer->front, peer->front_in_store);
    connect_pair(peer->send, peer->send_in_store);
    connect_pair(peer->auth, peer->auth_in_store);
    struct queue_options options = {.directory = peer->directory,
                                    .settings = peer->settings,
                                    .auth = peer->auth_in_store,
                                    .send = peer->send_in_store,
                                    .index_in_memory = !peer->index_on_disk,
                                    .segment_bytes = peer->segment_bytes,
                                    .disk = peer->disk};
    enum status status = queue_start(peer->queue, &options);
    if (status == OK)
        queue_watch_front(peer->queue, peer->front_in_store);
    return status;
}

void queue_peer_open(struct queue_peer *peer)
{
    enum status status = queue_peer_try_open(peer);
    if (status != OK)
        fprintf(stderr, "queue_start: %s\n", fail_reason());
    EXPECT(status == OK);
}

void queue_peer_close(struct queue_peer *peer)
{
    queue_stop(&peer->queue);
    rpc_channel_close(&peer->front);
    rpc_channel_close(&peer->front_in_store);
    rpc_channel_close(&peer->send);
    rpc_channel_close(&peer->send_in_store);
    rpc_channel_close(&peer->auth);
    rpc_channel_close(&peer->auth_in_store);
    task_group_finish(&peer->group);
}

void queue_peer_send_dies(struct queue_peer *peer)
{
    rpc_channel_close(&peer->send);
    while (rpc_channel_is_up(peer->send_in_store))
        task_yield();
    peer->send = rpc_channel_new("store", send_methods, SEND_METHODS, peer, &peer->group);
    connect_pair(peer->send, peer->send_in_store);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    unused(facts);
    unused(type);
    unused(place);
    return remove(path);
}

void queue_peer_remove(const char *directory)
{
    nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct run {
    void (*test)(struct queue_peer *peer);
    bool may_fail;
    struct queue_peer peer;
};

static void set_settings(struct queue_peer *peer, struct settings *settings)
{
    settings_release(&peer->settings);
    peer->settings = settings;
    queue_set_settings(peer->queue, peer->settings);
    if (peer->addresses != NULL)
        directory_use_settings(peer->addresses, peer->settings);
}

void queue_peer_add_settings(struct queue_peer *peer, const char *lines)
{
    set_settings(peer, settings_made("%s%s", settings_text, lines));
}

void queue_peer_set_settings(struct queue_peer *peer, const char *lines)
{
    set_settings(peer, settings_made("%s", lines));
}

void queue_peer_set_connectors(struct queue_peer *peer, const char *blocks)
{
    set_settings(peer, settings_made("host mx.local.test\nlimit free-space 1MB\n"
                                     "domain local.test {\n    user alice bob carol\n}\n%s",
                                     blocks));
}

static void run_task(void *argument)
{
    struct run *run = argument;
    run->peer.settings = settings_made("%s", settings_text);
    bool opened = true;
    if (run->may_fail)
        opened = queue_peer_try_open(&run->peer) == OK;
    else
        queue_peer_open(&run->peer);
    if (opened)
        run->test(&run->peer);
    queue_peer_close(&run->peer);
    settings_release(&run->peer.settings);
}

void queue_peer_run_in(const char *directory, bool index_on_disk,
                       void (*test)(struct queue_peer *peer))
{
    struct run run = {.test = test, .peer.index_on_disk = index_on_disk};
    snprintf(run.peer.directory, sizeof(run.peer.directory), "%s", directory);
    log_setup("test", LOG_LEVEL_ERROR);
    task_loop_run(run_task, &run);
}

void queue_peer_run_failing(const char *directory, uint32_t segment_bytes,
                            void (*test)(struct queue_peer *peer))
{
    struct run run = {.test = test,
                      .may_fail = true,
                      .peer = {.index_on_disk = true, .segment_bytes = segment_bytes}};
    snprintf(run.peer.directory, sizeof(run.peer.directory), "%s", directory);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    task_loop_run(run_task, &run);
}

void queue_peer_run(void (*test)(struct queue_peer *peer))
{
    char directory[] = "/tmp/mailroot-queue-XXXXXX";
    check(mkdtemp(directory) != NULL);
    queue_peer_run_in(directory, false, test);
    queue_peer_remove(directory);
}

void queue_peer_run_at(int64_t *now, void (*test)(struct queue_peer *peer))
{
    *now = 1790000000000;
    clock_set_for_test(now);
    queue_peer_run(test);
    clock_set_for_test(NULL);
}

enum status queue_peer_mail(struct queue_peer *peer, struct queue_peer_mail *mail)
{
    struct queue_recipient recipients[12];
    for (unsigned i = 0; i < mail->to_count; i++)
        recipients[i] = (struct queue_recipient){.address = mail->to[i], .notify = mail->notify};
    mail->id = peer->last_id = id_new(peer->last_id);
    struct queue_envelope envelope = {.id = mail->id,
                                      .sender = mail->sender,
                                      .terms = mail->terms,
                                      .service = mail->lmtp ? SERVICE_LMTP : SERVICE_SMTP,
                                      .server = text_is_empty(mail->server) ? TEXT("internet")
                                                                            : mail->server,
                                      .peer = TEXT("192.0.2.1:4711"),
                                      .helo = TEXT("client.example"),
                                      .login = mail->login,
                                      .message_id = mail->message_id,
                                      .recipients = recipients,
                                      .recipient_count = mail->to_count};
    struct queue_message *message = queue_begin(peer->front, &envelope);
    queue_append(message, mail->body);
    return queue_commit(&message, mail->arena, mail->results);
}

uint64_t queue_peer_deliver(struct queue_peer *peer, const char *sender, const char *to)
{
    struct queue_peer_mail mail = {.sender = text_from(sender),
                                   .body = TEXT("Subject: hello\r\n\r\nbody\r\n"),
                                   .to = {text_from(to)},
                                   .to_count = 1};
    enum status status = queue_peer_mail(peer, &mail);
    if (status != OK)
        fprintf(stderr, "mail: %s\n", fail_reason());
    EXPECT(status == OK);
    return mail.id;
}

unsigned queue_peer_count_in(struct queue_peer *peer, struct text owner, const char *name)
{
    struct mailbox *box = mailbox_find(queue_store(peer->queue), owner, text_from(name));
    unsigned count = 0;
    if (box == NULL)
        return 0;
    mailbox_open(box);
    mailbox_entries(box, &count);
    mailbox_close(&box);
    return count;
}

unsigned queue_peer_count(struct queue_peer *peer, const char *owner)
{
    return queue_peer_count_in(peer, text_from(owner), "INBOX");
}

struct text queue_peer_read(struct queue_peer *peer, const char *owner, unsigned n,
                            struct arena *arena)
{
    struct store *store = queue_store(peer->queue);
    struct mailbox *box = mailbox_find(store, text_from(owner), TEXT("INBOX"));
    unsigned count;
    if (box == NULL)
        return TEXT("");
    mailbox_open(box);
    const struct mailbox_entry *entries = mailbox_entries(box, &count);
    struct mailbox_entry entry = n < count ? entries[n] : (struct mailbox_entry){0};
    mailbox_close(&box);
    struct buffer out;
    buffer_init(&out, 64 << 20);
    if (entry.uid != 0) {
        EXPECT(mailbox_read(store, entry.message, 0, (uint32_t)entry.size, &out) == OK);
        EXPECT(out.length == entry.size);
    }
    struct text text = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

void queue_peer_work(void)
{
    usleep(200); /* the disk's time is real, whatever the test's clock says */
    task_yield();
}

bool queue_peer_await(struct queue_peer *peer, const char *owner, unsigned count)
{
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && queue_peer_count(peer, owner) < count; i++)
        queue_peer_work();
    return queue_peer_count(peer, owner) == count;
}

bool queue_peer_stays_below(struct queue_peer *peer, const char *owner, unsigned count)
{
    enum { A_SECOND = 5000 };
    for (unsigned i = 0; i < A_SECOND && queue_peer_count(peer, owner) < count; i++)
        queue_peer_work();
    return queue_peer_count(peer, owner) < count;
}

enum { LEASE_ROUNDS = 500000 }; /* of 50 us and more */

struct leasing {
    struct queue_peer *peer;
    unsigned max, count;
    struct arena *arena;
    struct queue_job **jobs;
    bool while_queued; /* in vain when nothing is queued any more */
};

static void lease_task(void *argument)
{
    struct leasing *leasing = argument;
    if (queue_lease(leasing->peer->send, leasing->max, leasing->arena, leasing->jobs,
                    &leasing->count) != OK)
        leasing->count = 0;
}

/* As many rounds as that, or until it is answered. Nothing is due: the store would hold the call,
 * so this send process dies. */
static unsigned lease(struct leasing *leasing, unsigned rounds)
{
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "lease", lease_task, leasing);
    for (unsigned i = 0; i < rounds && group.count > 0; i++) {
        if (leasing->while_queued && queue_counts_now(leasing->peer->queue).items == 0)
            break;
        usleep(50);
        task_yield();
    }
    if (group.count > 0) {
        task_group_cancel(&group);
        task_group_wait(&group, NO_DEADLINE);
        queue_peer_send_dies(leasing->peer);
        return 0;
    }
    return leasing->count;
}

unsigned queue_peer_lease(struct queue_peer *peer, unsigned max, struct arena *arena,
                          struct queue_job **jobs)
{
    struct leasing leasing = {peer, max, 0, arena, jobs, false};
    return lease(&leasing, LEASE_ROUNDS);
}

unsigned queue_peer_lease_left(struct queue_peer *peer, unsigned max, struct arena *arena,
                               struct queue_job **jobs)
{
    struct leasing leasing = {peer, max, 0, arena, jobs, true};
    return lease(&leasing, LEASE_ROUNDS);
}

struct queue_job *queue_peer_lease_one(struct queue_peer *peer, struct arena *arena)
{
    struct queue_job *jobs;
    return queue_peer_lease(peer, 1, arena, &jobs) == 1 ? &jobs[0] : NULL;
}

unsigned queue_peer_lease_soon(struct queue_peer *peer, unsigned max, struct arena *arena,
                               struct queue_job **jobs)
{
    struct leasing leasing = {peer, max, 0, arena, jobs, false};
    return lease(&leasing, 1000);
}

bool queue_peer_rests(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    struct leasing leasing = {peer, 1, 0, &arena, &jobs, false};
    unsigned count = lease(&leasing, 100);
    arena_finish(&arena);
    return count == 0;
}

struct telling {
    struct queue_peer *peer;
    const struct queue_job *job;
    const struct queue_outcome *outcomes;
    enum status status;
    char reason[REASON_BYTES];
};

static void tell_task(void *argument)
{
    struct telling *telling = argument;
    telling->status = queue_report(telling->peer->send, telling->job, telling->outcomes,
                                   telling->job->recipient_count);
    snprintf(telling->reason, sizeof(telling->reason), "%s", fail_reason());
}

enum status queue_peer_tell(struct queue_peer *peer, const struct queue_job *job,
                            const struct queue_outcome *outcomes)
{
    struct telling telling = {.peer = peer, .job = job, .outcomes = outcomes};
    struct task_group group;
    task_group_init(&group);
    task_spawn(&group, "tell", tell_task, &telling);
    while (group.count > 0) {
        store_settle(queue_store(peer->queue));
        task_yield();
    }
    if (telling.status == REFUSED)
        return refused("%s", telling.reason);
    return telling.status == OK ? OK : try_later("%s", telling.reason);
}

void queue_peer_tell_task(void *argument)
{
    struct queue_peer_telling *telling = argument;
    telling->status = queue_report(telling->peer->send, telling->job, &telling->outcome, 1);
}

enum status queue_peer_report(struct queue_peer *peer, const struct queue_job *job,
                              enum status status, bool no_connection, const char *enhanced,
                              const char *reply)
{
    struct queue_outcome outcomes[32];
    check(job->recipient_count <= 32);
    for (unsigned i = 0; i < job->recipient_count; i++)
        outcomes[i] = (struct queue_outcome){.number = job->recipients[i].number,
                                             .status = status,
                                             .no_connection = no_connection,
                                             .remote_host = TEXT("mx.remote.example[192.0.2.7]:25"),
                                             .enhanced = text_from(enhanced),
                                             .reply = text_from(reply)};
    return queue_peer_tell(peer, job, outcomes);
}

enum status queue_peer_sent(struct queue_peer *peer, const struct queue_job *job)
{
    return queue_peer_report(peer, job, OK, false, "2.0.0", "ok");
}
