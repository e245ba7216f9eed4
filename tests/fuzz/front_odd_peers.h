/* The far ends of front's channels as sessions seldom meet them: a directory that answers all it
 * may be asked, send, and by the mood of a run one that fails, or refuses. Behind front_world.h. */
#ifndef TESTS_FUZZ_FRONT_ODD_PEERS_H
#define TESTS_FUZZ_FRONT_ODD_PEERS_H

#include "front_world.h"
#include "proto/line/peer.h"
#include "queue/block_lists.h"
#include "queue/client.h"
#include "queue/spf_question.h"

/* What is not as it should be. */
enum odd_mood {
    ODD_RIGHTS_FAIL = 1,
    ODD_FEW_RIGHTS = 2,
    ODD_STORE_FAILS = 4,
    ODD_STORE_REFUSES = 8,
    ODD_NO_ROOM = 16,
    ODD_FULL = 32,
    ODD_SPF = 64, /* fails; else it passes */
    ODD_NAMES = 128,
};
static unsigned odd_mood;

static bool odd_is(enum odd_mood what)
{
    return (odd_mood & what) != 0;
}

static void odd_answer(struct rpc_call *call, struct buffer *bytes)
{
    rpc_answer(&call, buffer_text(bytes));
    buffer_finish(bytes);
}

static void odd_serve_rights(void *context, struct rpc_call *call, struct text request)
{
    struct directory_rights rights = {true, true, DIRECTORY_NO_LIMIT, DIRECTORY_NO_LIMIT};
    struct text user, server;
    struct buffer out;
    unused(context);
    check(directory_rights_decode(request, &user, &server));
    if (odd_is(ODD_RIGHTS_FAIL)) {
        rpc_fail(&call, TRY_LATER, "directory is down");
        return;
    }
    if (odd_is(ODD_FEW_RIGHTS))
        rights = (struct directory_rights){
            .may_submit = !odd_is(ODD_NAMES), .send_bytes = 1000, .recipients = 1};
    buffer_init(&out, 1000);
    directory_rights_answer_encode(&rights, &out);
    odd_answer(call, &out);
}

static void odd_serve_describe(void *context, struct rpc_call *call, struct text request)
{
    static struct text members[] = {TEXT("alice@example.test"), TEXT("x@else.example")};
    struct directory_description about = {
        .address = TEXT("alice@example.test"), .name = TEXT("Alice \xc3\xa4"), .members = members};
    struct text key;
    struct buffer out;
    unused(context);
    check(directory_describe_decode(request, &key));
    struct text local = text_before(key, '@');
    if (local.length == 0 || local.length > 5) {
        rpc_fail(&call, local.length == 0 ? TRY_LATER : REFUSED, "no such user here");
        return;
    }
    about.kind = (enum directory_described)(5 - local.length);
    about.member_count = about.kind == DESCRIBED_LIST ? 2 : 0;
    buffer_init(&out, 1000);
    directory_description_encode(&about, &out);
    odd_answer(call, &out);
}

/* Also for who may connect: where it is known, and where it fails. */
static void odd_serve_peer_name(void *context, struct rpc_call *call, struct text request)
{
    struct line_peer peer = {.is_confirmed = true, .name = "client.example"};
    struct buffer out;
    unused(context), unused(request);
    if (odd_is(ODD_NAMES)) {
        rpc_fail(&call, TRY_LATER, "DNS is down");
        return;
    }
    buffer_init(&out, 1000);
    line_peer_encode(&peer, &out);
    odd_answer(call, &out);
}

static void odd_serve_spf(void *context, struct rpc_call *call, struct text request)
{
    struct spf_question question;
    struct buffer out;
    unused(context);
    check(spf_question_decode(request, &question));
    unsigned letter = question.domain.length > 0 ? (unsigned char)question.domain.data[0] : 0;
    struct spf_decision decision = {.result =
                                        odd_is(ODD_SPF) ? (enum spf_result)(letter % 7) : SPF_PASS,
                                    .domain = question.domain,
                                    .term = TEXT("-all"),
                                    .explanation = TEXT("not by you")};
    buffer_init(&out, 10000);
    spf_decision_encode(&decision, false, &out);
    odd_answer(call, &out);
}

static void odd_serve_block_lists(void *context, struct rpc_call *call, struct text request)
{
    struct buffer out;
    unused(context), unused(request);
    buffer_init(&out, 1000);
    block_lists_encode(NULL, 0, &out);
    odd_answer(call, &out);
}

static void odd_serve_room(void *context, struct rpc_call *call, struct text request)
{
    unused(context), unused(request);
    if (!odd_is(ODD_NO_ROOM))
        rpc_answer(&call, TEXT(""));
    else if (odd_is(ODD_FULL))
        rpc_fail(&call, TRY_LATER, "mailbox is full");
    else
        rpc_fail(&call, REFUSED, "mailbox stays full");
}

static void odd_refuse(struct rpc_call *call, enum status status, const char *why)
{
    int fd = rpc_take_fd(call);
    if (fd >= 0)
        close(fd);
    rpc_fail(&call, status, why);
}

/* What a client calls himself need be no name at all. */
static void odd_serve_login(void *context, struct rpc_call *call, struct text request)
{
    struct directory_login login;
    bool wants_session;
    if (odd_is(ODD_RIGHTS_FAIL))
        odd_refuse(call, TRY_LATER, "directory is down");
    else if (!directory_login_decode(request, &login, &wants_session))
        odd_refuse(call, REFUSED, "malformed request");
    else
        peers_serve_login(context, call, request);
}

static void odd_serve_sasl(void *context, struct rpc_call *call, struct text request)
{
    if (odd_is(ODD_RIGHTS_FAIL) && odd_is(ODD_NAMES))
        rpc_fail(&call, TRY_LATER, "directory is down");
    else
        peers_serve_sasl(context, call, request);
}

static const struct rpc_method odd_auth[] = {
    {DIRECTORY_CHECK, RPC_INLINE, "check", peers_serve_check},
    {DIRECTORY_LOGIN, RPC_INLINE, "login", odd_serve_login},
    {DIRECTORY_SASL_STEP, RPC_INLINE, "sasl", odd_serve_sasl},
    {DIRECTORY_SASL_CANCEL, RPC_INLINE | RPC_ONE_WAY, "sasl-cancel", peers_serve_sasl_cancel},
    {DIRECTORY_SASL_SESSION, RPC_INLINE, "sasl-session", peers_serve_sasl_session},
    {DIRECTORY_RIGHTS, RPC_INLINE, "rights", odd_serve_rights},
    {DIRECTORY_DESCRIBE, RPC_INLINE, "describe", odd_serve_describe},
};
static const struct rpc_method odd_store[] = {
    {QUEUE_APPEND, RPC_INLINE, "append", peers_serve_append},
    {QUEUE_COMMIT, RPC_INLINE, "commit", peers_serve_commit},
    {QUEUE_ABANDON, RPC_INLINE | RPC_ONE_WAY, "abandon", peers_serve_abandon},
    {QUEUE_STORY, RPC_INLINE | RPC_ONE_WAY, "story", peers_serve_story},
    {QUEUE_ROOM, RPC_INLINE, "room", odd_serve_room},
    {QUEUE_URL, RPC_INLINE, "url", peers_serve_url},
};
static const struct rpc_method odd_send[] = {
    {SEND_PEER_NAME, RPC_INLINE, "name", odd_serve_peer_name},
    {SEND_SPF, RPC_INLINE, "spf", odd_serve_spf},
    {SEND_BLOCK_LISTS, RPC_INLINE, "lists", odd_serve_block_lists},
};
static const struct front_methods odd_methods = {
    .auth = odd_auth,
    .auth_count = sizeof(odd_auth) / sizeof(odd_auth[0]),
    .store = odd_store,
    .store_count = sizeof(odd_store) / sizeof(odd_store[0]),
    .send = odd_send,
    .send_count = sizeof(odd_send) / sizeof(odd_send[0]),
};

/* What was said is the same. Under TLS a client whose next byte meets a server that has hung up
 * does not hear its last words. */
static bool odd_is_same(const char *one, const char *other, bool is_tls)
{
    size_t length = strlen(one), others = strlen(other);
    return is_tls ? strncmp(one, other, length < others ? length : others) == 0
                  : strcmp(one, other) == 0;
}

/* 0xfe and a byte stand for as many kilobytes of lines, which may be more of a header field. */
static inline void odd_expand(struct text input, struct buffer *out)
{
    struct text plain;
    while (text_find(input, (char)0xfe) < input.length && text_split(&input, (char)0xfe, &plain)) {
        buffer_append(out, plain);
        for (unsigned i = input.length == 0 ? 0 : 16 * (uint8_t)input.data[0]; i > 0; i--)
            buffer_printf(out, " %061d\r\n", 0);
        input = text_from_position(input, input.length == 0 ? 0 : 1);
    }
    buffer_append(out, input);
}

/* Behind world_open(). */
static void odd_peers(unsigned mood)
{
    odd_mood = mood;
    log_setup("test", LOG_LEVEL_ERROR + 1);
    peers.methods = &odd_methods;
    peers.is_full = odd_is(ODD_FULL);
    if (odd_is(ODD_STORE_FAILS))
        peers.commit_status = peers.append_status = TRY_LATER;
    else if (odd_is(ODD_STORE_REFUSES))
        peers.commit_status = REFUSED;
    peers.lmtp_results[1] = odd_is(ODD_NO_ROOM) ? REFUSED : OK;
    peers.lmtp_reason = "over quota";
}

#endif
