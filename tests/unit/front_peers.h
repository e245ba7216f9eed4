/* The far ends of front's channels: a directory with alice and bob, a queue that keeps what it is
 * given. The calls are the real ones, over real channels; what auth and store would answer is said
 * here. Part of front_world.h. */
#ifndef TESTS_UNIT_FRONT_PEERS_H
#define TESTS_UNIT_FRONT_PEERS_H

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "directory/calls.h"
#include "proto/pop3/pop3.h"
#include "queue/wire.h"

enum { WORLD_MESSAGES = 16, WORLD_RECIPIENTS = 8, WORLD_BYTES = 64 << 20 };

struct world_message {
    struct buffer body;
    uint64_t id;
    char sender[400], login[400], recipients[WORLD_RECIPIENTS][400];
    char envelope_id[200], original_recipient[200];
    unsigned recipient_count, notify;
    bool is_8bit, is_international, return_headers_only;
    struct mail_terms terms; /* its texts are not kept */
    char submitter[200];
};

/* What the far ends serve. */
struct front_methods {
    const struct rpc_method *auth, *store, *send;
    unsigned auth_count, store_count, send_count; /* send_count 0: there is no send */
};

static struct front_peers {
    struct world_message messages[WORLD_MESSAGES];
    unsigned message_count, abandoned;
    struct buffer upload; /* of the message whose chunks come */
    enum status append_status, commit_status;
    bool is_full;
    enum status lmtp_results[WORLD_RECIPIENTS];
    const char *lmtp_reason;
    char stories[20000];
    uint64_t story_id;
    struct pop3_maildrop *maildrop;      /* what a POP3 login opens */
    const struct front_methods *methods; /* NULL: those below */
    struct task_group sessions;
    struct rpc_channel *auth, *store, *send; /* the far ends */
} peers;

static void peers_serve_check(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct text key;
    check(directory_check_decode(request, &key));
    if (text_equals(key, TEXT("later@example.test")))
        rpc_fail(&call, TRY_LATER, "directory is down");
    else if (text_equals(key, TEXT("alice@example.test")) ||
             text_equals(key, TEXT("bob@example.test")) ||
             text_equals(key, TEXT("postmaster@example.test")))
        rpc_answer(&call, TEXT(""));
    else
        rpc_fail(&call, REFUSED, "no such user here");
}

static void peers_serve_mailbox(void *argument)
{
    struct stream *stream = argument;
    pop3_serve_mailbox(stream, peers.maildrop, 0);
    stream_close(&stream);
}

static void peers_serve_login(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct directory_login login;
    bool wants_session;
    int fd = rpc_take_fd(call);
    check(directory_login_decode(request, &login, &wants_session) && wants_session == (fd >= 0));
    if (!text_equals(login.user, TEXT("alice@example.test")) ||
        !text_equals(login.password, TEXT("secret word"))) {
        if (fd >= 0)
            close(fd);
        rpc_fail(&call, REFUSED, "authentication failed");
        return;
    }
    if (fd >= 0)
        task_spawn(&peers.sessions, "mailbox", peers_serve_mailbox, stream_new(fd, NULL));
    struct buffer user;
    buffer_init(&user, 100);
    wire_put_text(&user, TEXT("alice@example.test"));
    rpc_answer(&call, buffer_text(&user));
    buffer_finish(&user);
}

/* PLAIN and LOGIN as auth has them. Which message it is follows from the exchange's number. */
enum { PEERS_RESPONSE = 1, PEERS_NAME, PEERS_PASSWORD, PEERS_OVER };

static void peers_plain(struct text response, struct directory_sasl_answer *answer)
{
    bool good = text_equals(response, TEXT("\0alice@example.test\0secret word"));
    bool malformed = text_find(response, '\0') == response.length;
    answer->outcome = malformed ? DIRECTORY_SASL_MALFORMED : DIRECTORY_SASL_DONE;
    text_copy(good ? TEXT("alice@example.test") : TEXT(""), answer->user, sizeof(answer->user));
}

static void peers_login(const struct directory_sasl_request *request,
                        struct directory_sasl_answer *answer)
{
    bool good = text_equals(request->response, TEXT("secret word"));
    if (!request->has_response) {
        answer->exchange = PEERS_NAME;
        answer->challenge = TEXT("Username:");
    } else if (request->exchange != PEERS_PASSWORD) {
        answer->exchange = PEERS_PASSWORD;
        answer->challenge = TEXT("Password:");
    } else {
        answer->outcome = DIRECTORY_SASL_DONE;
        text_copy(good ? TEXT("alice@example.test") : TEXT(""), answer->user, sizeof(answer->user));
    }
    if (request->has_response && text_find(request->response, '\0') < request->response.length)
        answer->outcome = DIRECTORY_SASL_MALFORMED;
}

static void peers_serve_sasl(void *context, struct rpc_call *call, struct text bytes)
{
    unused(context);
    struct directory_sasl_request request;
    struct directory_sasl_answer answer = {.exchange = PEERS_RESPONSE};
    check(directory_sasl_request_decode(bytes, &request));
    bool is_login = request.exchange == 0 ? request.facts.mechanism == MECHANISM_LOGIN
                                          : request.exchange != PEERS_RESPONSE;
    if (is_login)
        peers_login(&request, &answer);
    else if (request.has_response)
        peers_plain(request.response, &answer);
    if (answer.outcome == DIRECTORY_SASL_DONE && answer.user[0] == '\0') {
        rpc_fail(&call, REFUSED, "authentication failed");
        return;
    }
    struct buffer out;
    buffer_init(&out, 1000);
    directory_sasl_answer_encode(&answer, &out);
    rpc_answer(&call, buffer_text(&out));
    buffer_finish(&out);
}

static void peers_serve_sasl_cancel(void *context, struct rpc_call *call, struct text message)
{
    unused(context), unused(call);
    uint64_t exchange;
    check(directory_exchange_decode(message, &exchange) && exchange < PEERS_OVER);
}

static void peers_serve_sasl_session(void *context, struct rpc_call *call, struct text message)
{
    unused(context);
    uint64_t exchange;
    check(directory_exchange_decode(message, &exchange) && exchange < PEERS_OVER);
    int fd = rpc_take_fd(call);
    check(fd >= 0);
    task_spawn(&peers.sessions, "mailbox", peers_serve_mailbox, stream_new(fd, NULL));
    rpc_answer(&call, TEXT(""));
}

static void peers_serve_append(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct wire_reader in = wire_reader_of(request);
    wire_get_u64(&in); /* the message's id */
    check(wire_get_u64(&in) == peers.upload.length);
    buffer_append(&peers.upload, wire_get_text(&in));
    check(wire_end(&in));
    if (peers.append_status == OK)
        rpc_answer(&call, TEXT(""));
    else
        rpc_fail(&call, peers.append_status, peers.is_full ? QUEUE_FULL_REASON : "store is down");
}

static void peers_keep(const struct queue_commit_request *commit)
{
    const struct queue_envelope *envelope = &commit->envelope;
    check(peers.message_count < WORLD_MESSAGES && commit->appended == peers.upload.length);
    struct world_message *kept = &peers.messages[peers.message_count++];
    buffer_append(&peers.upload, commit->body);
    kept->body = peers.upload;
    buffer_init(&peers.upload, WORLD_BYTES);
    kept->id = envelope->id;
    text_copy(envelope->sender, kept->sender, sizeof(kept->sender));
    text_copy(envelope->login, kept->login, sizeof(kept->login));
    text_copy(envelope->terms.envelope_id, kept->envelope_id, sizeof(kept->envelope_id));
    kept->recipient_count = envelope->recipient_count;
    kept->is_8bit = envelope->terms.body != MAIL_BODY_7BIT;
    kept->is_international = envelope->terms.is_international;
    kept->return_headers_only = envelope->terms.return_headers_only;
    kept->terms = envelope->terms;
    text_copy(envelope->terms.submitter, kept->submitter, sizeof(kept->submitter));
    kept->notify = envelope->recipients[0].notify;
    text_copy(envelope->recipients[0].original_recipient, kept->original_recipient, 200);
    for (unsigned i = 0; i < envelope->recipient_count && i < WORLD_RECIPIENTS; i++)
        text_copy(envelope->recipients[i].address, kept->recipients[i], 400);
}

static void peers_serve_commit(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct arena arena;
    struct queue_commit_request commit;
    arena_init(&arena);
    check(queue_commit_decode(request, &arena, &commit));
    struct buffer results;
    buffer_init(&results, QUEUE_RECIPIENTS_MAX);
    for (unsigned i = 0; i < commit.envelope.recipient_count; i++) {
        enum status status = i < WORLD_RECIPIENTS ? peers.lmtp_results[i] : OK;
        wire_put_u8(&results, (uint8_t)status);
        if (status == REFUSED)
            wire_put_text(&results, text_from(peers.lmtp_reason));
    }
    if (peers.commit_status == OK) {
        peers_keep(&commit);
        rpc_answer(&call, buffer_text(&results));
    } else {
        rpc_fail(&call, peers.commit_status, peers.is_full ? QUEUE_FULL_REASON : "store says no");
    }
    buffer_finish(&results);
    arena_finish(&arena);
}

static void peers_serve_abandon(void *context, struct rpc_call *call, struct text message)
{
    unused(context), unused(call), unused(message);
    buffer_reset(&peers.upload, 0);
    peers.abandoned++;
}

static void peers_serve_story(void *context, struct rpc_call *call, struct text message)
{
    unused(context), unused(call);
    struct wire_reader in = wire_reader_of(message);
    peers.story_id = wire_get_u64(&in);
    struct text event = wire_get_text(&in), text = wire_get_text(&in);
    check(wire_end(&in));
    size_t used = strlen(peers.stories);
    snprintf(peers.stories + used, sizeof(peers.stories) - used, "%.*s %.*s\n", TEXT_ARG(event),
             TEXT_ARG(text));
}

#endif
