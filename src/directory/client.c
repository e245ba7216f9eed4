/* The caller's side of the directory: encode, ask, decode. */
#include "directory/client.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "directory/calls.h"
#include "mail/address.h"

/* A login may wait for its turn (throttling, then the queue of verifications). */
enum { CHECK_WAIT = 20 * SECOND, EXPAND_WAIT = 20 * SECOND, LOGIN_WAIT = 2 * MINUTE };

enum status directory_check(struct rpc_channel *auth, struct text address_key)
{
    struct buffer request;
    buffer_init(&request, 1024);
    directory_check_encode(address_key, &request);
    if (request.overflowed) {
        buffer_finish(&request);
        return refused("address is too long");
    }
    struct rpc_reply reply;
    enum status status = rpc_ask(auth, DIRECTORY_CHECK, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CHECK_WAIT, &reply);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

/* The answer's texts outlive it in arena: it is copied whole. */
static enum status read_description(struct text bytes, struct arena *arena,
                                    struct directory_description *out)
{
    if (!directory_description_decode(arena_copy(arena, bytes), arena, out))
        return try_later("malformed answer from the directory");
    return OK;
}

enum status directory_describe(struct rpc_channel *auth, struct text key, struct arena *arena,
                               struct directory_description *out)
{
    struct buffer request;
    struct rpc_reply reply;
    buffer_init(&request, 1024);
    directory_describe_encode(key, &request);
    enum status status = rpc_ask(auth, DIRECTORY_DESCRIBE, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CHECK_WAIT, &reply);
    if (status == OK)
        status = read_description(buffer_text(&reply.bytes), arena, out);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

/* The texts outlive the reply: it is copied whole. */
static enum status read_answer(struct text bytes, unsigned asked, struct arena *arena,
                               struct directory_answer *out)
{
    if (!directory_answer_decode(arena_copy(arena, bytes), asked, arena, out))
        return try_later("malformed answer from the directory");
    return OK;
}

enum status directory_expand(struct rpc_channel *auth, const struct directory_question *question,
                             struct arena *arena, struct directory_answer *out)
{
    struct buffer request;
    buffer_init(&request, DIRECTORY_CALL_MAX);
    directory_expand_encode(question, &request);
    if (request.overflowed || question->count > DIRECTORY_TARGETS_MAX) {
        buffer_finish(&request);
        return refused("too many recipients");
    }
    struct rpc_reply reply;
    enum status status = rpc_ask(auth, DIRECTORY_EXPAND, buffer_text(&request), -1,
                                 clock_monotonic_ms() + EXPAND_WAIT, &reply);
    if (status == OK)
        status = read_answer(buffer_text(&reply.bytes), question->count, arena, out);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

enum status directory_rights(struct rpc_channel *auth, struct text user, struct text server,
                             struct directory_rights *out)
{
    struct buffer request;
    struct rpc_reply reply;
    buffer_init(&request, 2048);
    directory_rights_encode(user, server, &request);
    enum status status = rpc_ask(auth, DIRECTORY_RIGHTS, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CHECK_WAIT, &reply);
    if (status == OK && !directory_rights_answer_decode(buffer_text(&reply.bytes), out))
        status = try_later("malformed answer from the directory");
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

enum status directory_forward(struct rpc_channel *auth, struct text sender, struct text domain,
                              struct arena *arena, struct text *out)
{
    struct buffer request;
    struct rpc_reply reply;
    buffer_init(&request, 2048);
    directory_forward_encode(sender, domain, &request);
    enum status status = rpc_ask(auth, DIRECTORY_FORWARD, buffer_text(&request), -1,
                                 clock_monotonic_ms() + CHECK_WAIT, &reply);
    if (status == OK)
        *out = arena_copy(arena, buffer_text(&reply.bytes));
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    if (status == OK && (out->length == 0 || out->length > MAIL_ADDRESS_MAX))
        return try_later("malformed answer from the directory");
    return status;
}

static enum status read_user(struct text bytes, char user_out[DIRECTORY_USER_MAX])
{
    struct wire_reader in = wire_reader_of(bytes);
    struct text user = wire_get_text(&in);
    if (!wire_end(&in) || user.length == 0 || !text_copy(user, user_out, DIRECTORY_USER_MAX))
        return try_later("malformed answer from the directory");
    return OK;
}

enum status directory_login(struct rpc_channel *auth, const struct directory_login *login,
                            int hand_over_fd, char user_out[DIRECTORY_USER_MAX])
{
    user_out[0] = '\0';
    /* One block from the start, so that no outgrown copy of the password is left in the heap. */
    enum { REQUEST_MAX = 2048 };
    struct buffer request;
    buffer_init(&request, REQUEST_MAX);
    buffer_reserve(&request, REQUEST_MAX);
    directory_login_encode(login, hand_over_fd >= 0, &request);
    if (request.overflowed) {
        explicit_bzero(request.data, request.capacity);
        buffer_finish(&request);
        if (hand_over_fd >= 0)
            close(hand_over_fd);
        return refused("authentication failed");
    }
    struct rpc_reply reply;
    enum status status = rpc_ask(auth, DIRECTORY_LOGIN, buffer_text(&request), hand_over_fd,
                                 clock_monotonic_ms() + LOGIN_WAIT, &reply);
    explicit_bzero(request.data, request.capacity);
    if (status == OK)
        status = read_user(buffer_text(&reply.bytes), user_out);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

/* ---- SASL ---- */

static enum status read_sasl(struct text bytes, struct arena *arena,
                             struct directory_sasl_answer *out)
{
    if (!directory_sasl_answer_decode(bytes, out))
        return try_later("malformed answer from the directory");
    out->challenge = arena_copy(arena, out->challenge);
    return OK;
}

static enum status ask_sasl(struct rpc_channel *auth, const struct directory_sasl_request *request,
                            struct arena *arena, struct directory_sasl_answer *out)
{
    enum { REQUEST_MAX = DIRECTORY_SASL_MAX + 1024 };
    *out = (struct directory_sasl_answer){0};
    struct buffer bytes;
    buffer_init(&bytes, REQUEST_MAX);
    buffer_reserve(&bytes, REQUEST_MAX); /* one block, as above */
    directory_sasl_request_encode(request, &bytes);
    if (bytes.overflowed) {
        buffer_forget(&bytes);
        return refused("authentication failed");
    }
    struct rpc_reply reply;
    enum status status = rpc_ask(auth, DIRECTORY_SASL_STEP, buffer_text(&bytes), -1,
                                 clock_monotonic_ms() + LOGIN_WAIT, &reply);
    buffer_forget(&bytes);
    if (status == OK)
        status = read_sasl(buffer_text(&reply.bytes), arena, out);
    rpc_reply_finish(&reply);
    return status;
}

enum status directory_sasl_begin(struct rpc_channel *auth, const struct directory_sasl_facts *facts,
                                 const struct text *response, struct arena *arena,
                                 struct directory_sasl_answer *out)
{
    struct directory_sasl_request request = {.facts = *facts, .has_response = response != NULL};
    if (response != NULL)
        request.response = *response;
    return ask_sasl(auth, &request, arena, out);
}

enum status directory_sasl_step(struct rpc_channel *auth, uint64_t exchange, struct text response,
                                struct arena *arena, struct directory_sasl_answer *out)
{
    struct directory_sasl_request request = {
        .exchange = exchange, .has_response = true, .response = response};
    return ask_sasl(auth, &request, arena, out);
}

void directory_sasl_cancel(struct rpc_channel *auth, uint64_t exchange)
{
    struct buffer bytes;
    buffer_init(&bytes, 16);
    directory_exchange_encode(exchange, &bytes);
    rpc_tell(auth, DIRECTORY_SASL_CANCEL, buffer_text(&bytes));
    buffer_finish(&bytes);
}

enum status directory_sasl_session(struct rpc_channel *auth, uint64_t exchange, int fd)
{
    struct buffer bytes;
    buffer_init(&bytes, 16);
    directory_exchange_encode(exchange, &bytes);
    struct rpc_reply reply;
    enum status status = rpc_ask(auth, DIRECTORY_SASL_SESSION, buffer_text(&bytes), fd,
                                 clock_monotonic_ms() + LOGIN_WAIT, &reply);
    rpc_reply_finish(&reply);
    buffer_finish(&bytes);
    return status;
}

bool directory_service_is_off(void)
{
    return text_equals(text_from(fail_reason()), TEXT(DIRECTORY_SERVICE_OFF));
}
