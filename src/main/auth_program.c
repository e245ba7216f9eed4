/* The auth role: serves the directory to front and store, and its verbs to the administrator. After
 * a login it alone tells the store whose session a descriptor carries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/memory.h"
#include "decide/route.h"
#include "directory/calls.h"
#include "directory/describe.h"
#include "directory/directory.h"
#include "directory/exchange.h"
#include "directory/fetchers.h"
#include "directory/introspection.h"
#include "directory/ntlm_users.h"
#include "directory/turn.h"
#include "main/programs.h"
#include "queue/client.h"
#include "sasl/gss.h"

enum { HAND_OVER_WAIT = 20 * SECOND, TURN_OVER_WAIT = 40 * SECOND };

/* A login and the front that carries its messages. */
struct carried {
    struct auth *auth;
    const struct rpc_channel *front;
};

struct auth {
    struct role_context *context;
    struct directory *directory;                  /* NULL before start and while stopping */
    struct task_group serving;                    /* verbs, and the watch for new settings */
    struct task_group storage;                    /* the log's commit task: ends last */
    struct exchanges *exchanges[ROLE_FRONTS_MAX]; /* of each front; made when first needed */
    struct fetchers *fetchers;                    /* whose sessions may be turned round */
    struct carried lost[ROLE_FRONTS_MAX];         /* for front_lost */
    unsigned calls;                               /* being served */
    struct task_event no_calls;
};

static bool auth_enter(struct auth *auth, struct rpc_call **call)
{
    auth->calls++;
    if (auth->directory != NULL)
        return true;
    rpc_fail(call, TRY_LATER, "the directory is not open");
    return false;
}

static void auth_leave(struct auth *auth)
{
    auth->calls--;
    if (auth->calls == 0)
        task_event_tell_all(&auth->no_calls);
}

static void answer(struct rpc_call **call, enum status status, struct text bytes)
{
    if (status == OK)
        rpc_answer(call, bytes);
    else
        rpc_fail(call, status, fail_reason());
}

static void serve_check(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    struct text key;
    if (auth_enter(auth, &call)) {
        enum status status = directory_check_decode(request, &key)
                                 ? directory_accepts(auth->directory, key)
                                 : refused("malformed request");
        answer(&call, status, TEXT(""));
    }
    auth_leave(auth);
}

static void serve_describe(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        struct arena arena;
        struct buffer bytes;
        struct text key;
        struct directory_description description;
        arena_init(&arena);
        buffer_init(&bytes, DIRECTORY_CALL_MAX);
        enum status status = refused("malformed request");
        if (directory_describe_decode(request, &key))
            status = directory_look_up(auth->directory, key, &arena, &description);
        if (status == OK)
            directory_description_encode(&description, &bytes);
        answer(&call, bytes.overflowed ? refused("too many members") : status, buffer_text(&bytes));
        buffer_finish(&bytes);
        arena_finish(&arena);
    }
    auth_leave(auth);
}

static void serve_expand(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        struct arena arena;
        struct buffer bytes;
        struct directory_question question;
        struct directory_answer result;
        arena_init(&arena);
        buffer_init(&bytes, DIRECTORY_CALL_MAX);
        enum status status = refused("malformed request");
        if (memory_ask(MEMORY_FOR_COMMAND, 0) != OK)
            status = TRY_LATER;
        else if (directory_expand_decode(request, &arena, &question))
            status = directory_resolve(auth->directory, &question, &arena, &result);
        if (status == OK)
            directory_answer_encode(&result, &bytes);
        if (bytes.overflowed)
            status = refused("too many recipients");
        answer(&call, status, buffer_text(&bytes));
        buffer_finish(&bytes);
        arena_finish(&arena);
    }
    auth_leave(auth);
}

static void serve_rights(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        struct buffer bytes;
        struct text user, server;
        struct directory_rights rights;
        buffer_init(&bytes, 64);
        enum status status = refused("malformed request");
        if (directory_rights_decode(request, &user, &server))
            status = directory_user_rights(auth->directory, user, server, &rights);
        if (status == OK)
            directory_rights_answer_encode(&rights, &bytes);
        answer(&call, status, buffer_text(&bytes));
        buffer_finish(&bytes);
    }
    auth_leave(auth);
}

static void serve_forward(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        struct arena arena;
        struct text sender, domain, rewritten = TEXT("");
        arena_init(&arena);
        enum status status =
            directory_forward_decode(request, &sender, &domain)
                ? directory_rewrite(auth->directory, sender, domain, &arena, &rewritten)
                : refused("malformed request");
        answer(&call, status, rewritten);
        arena_finish(&arena);
    }
    auth_leave(auth);
}

/* The store believes nobody else who says so. The descriptor goes with it. YIELDS. */
static enum status hand_over(struct auth *auth, const struct directory_login *login,
                             const char *user, int fd)
{
    struct buffer request;
    buffer_init(&request, 2 * DIRECTORY_USER_MAX + DIRECTORY_PEER_MAX);
    wire_put_u8(&request, (uint8_t)login->service);
    wire_put_text(&request, text_from(user));
    wire_put_u64(&request, login->session);
    wire_put_text(&request, login->peer);
    struct rpc_reply reply;
    enum status status = rpc_ask(auth->context->store, STORE_SESSION, buffer_text(&request), fd,
                                 clock_monotonic_ms() + HAND_OVER_WAIT, &reply);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

static enum status login(struct auth *auth, struct text request, int fd, char *user_out)
{
    struct directory_login attempt;
    bool wants_session;
    char id[ID_TEXT_BYTES];
    enum status status = refused("malformed request");
    if (directory_login_decode(request, &attempt, &wants_session) && wants_session == (fd >= 0)) {
        status = directory_authenticate(auth->directory, &attempt, user_out);
        const char *word = status == OK ? "ok" : status_name(status);
        log_info("auth.login", "session=%s user=%s peer=%s result=\"%s\"",
                 id_format(attempt.session, id), log_text(attempt.user), log_text(attempt.peer),
                 word);
    }
    if (status == OK && fd >= 0)
        return hand_over(auth, &attempt, user_out, fd);
    if (fd >= 0)
        close(fd);
    return status;
}

static void serve_login(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        char user[DIRECTORY_USER_MAX] = "";
        struct buffer bytes;
        buffer_init(&bytes, 2 * DIRECTORY_USER_MAX);
        enum status status = login(auth, request, rpc_take_fd(call), user);
        wire_put_text(&bytes, text_from(user));
        answer(&call, status, buffer_text(&bytes));
        buffer_finish(&bytes);
    }
    auth_leave(auth);
}

/* ---- SASL ---- */

/* Those of the front that calls: no front can go on with another's. */
static struct exchanges *exchanges_of(struct auth *auth, const struct rpc_channel *front)
{
    unsigned number = 0;
    while (number < ROLE_FRONTS_MAX && auth->context->fronts[number] != front)
        number++;
    check(number < ROLE_FRONTS_MAX);
    if (auth->exchanges[number] == NULL)
        auth->exchanges[number] = exchanges_new();
    return auth->exchanges[number];
}

static void exchange_ended(void *context, const struct exchange *exchange,
                           enum exchange_outcome outcome)
{
    static const char *const words[] = {[EXCHANGE_DONE] = "ok",
                                        [EXCHANGE_FAILED] = "refused",
                                        [EXCHANGE_LATER] = "try later",
                                        [EXCHANGE_MALFORMED] = "malformed"};
    const struct directory_sasl_facts *facts = &exchange->facts;
    char id[ID_TEXT_BYTES];
    const struct carried *carried = context;
    struct auth *auth = carried->auth;
    /* Asking for the mail that is held for him comes later on the same session (TURN, ATRN). */
    if (outcome == EXCHANGE_DONE &&
        decide_is_fetcher(auth->context->settings, text_from(exchange->user)))
        fetchers_note(auth->fetchers, carried->front, facts->session, text_from(exchange->user));
    log_info("auth.login", "session=%s user=%s peer=%s mechanism=%s result=\"%s\" reason=%s",
             id_format(facts->session, id), log_text(exchange->claimed), log_text(facts->peer),
             mechanism_rows[facts->mechanism].name, words[outcome],
             log_text(outcome == EXCHANGE_DONE ? TEXT("") : text_from(fail_reason())));
}

static enum status begin_or_go_on(struct auth *auth, struct rpc_call *call,
                                  const struct directory_sasl_request *step,
                                  struct buffer *challenge, struct directory_sasl_answer *result)
{
    struct carried carried = {auth, rpc_call_channel(call)};
    const struct exchange_observer observer = {exchange_ended, &carried};
    if (carried.front == NULL)
        return try_later("the front went away");
    if (step->exchange == 0 && !exchange_is_offered(auth->context->settings, &step->facts)) {
        log_warning("auth.not-offered", "peer=%s mechanism=%s", log_text(step->facts.peer),
                    mechanism_rows[step->facts.mechanism].name);
        return refused("authentication failed");
    }
    return exchanges_step(exchanges_of(auth, carried.front), auth->directory, step, &observer,
                          challenge, result);
}

static void serve_sasl_step(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        struct directory_sasl_request step;
        struct directory_sasl_answer result;
        struct buffer challenge, bytes;
        buffer_init(&challenge, DIRECTORY_SASL_MAX);
        buffer_init(&bytes, DIRECTORY_SASL_MAX + 2 * DIRECTORY_USER_MAX);
        enum status status = refused("malformed request");
        if (directory_sasl_request_decode(request, &step))
            status = begin_or_go_on(auth, call, &step, &challenge, &result);
        if (status == OK)
            directory_sasl_answer_encode(&result, &bytes);
        answer(&call, status, buffer_text(&bytes));
        buffer_finish(&challenge);
        buffer_finish(&bytes);
    }
    auth_leave(auth);
}

static void serve_sasl_cancel(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    uint64_t id;
    if (auth->directory != NULL && directory_exchange_decode(request, &id))
        exchanges_cancel(exchanges_of(auth, rpc_call_channel(call)), id);
}

static enum status sasl_session(struct auth *auth, struct rpc_call *call, struct text request,
                                int fd)
{
    struct directory_login login;
    struct arena arena;
    char user[DIRECTORY_USER_MAX];
    uint64_t id;
    const struct rpc_channel *front = rpc_call_channel(call);
    arena_init(&arena);
    enum status status = refused("malformed request");
    if (front == NULL)
        status = try_later("the front went away");
    else if (fd >= 0 && directory_exchange_decode(request, &id))
        status = exchanges_take(exchanges_of(auth, front), id, &arena, &login, user);
    if (status == OK)
        status = hand_over(auth, &login, user, fd);
    else if (fd >= 0)
        close(fd);
    arena_finish(&arena);
    return status;
}

static void serve_sasl_session(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        enum status status = sasl_session(auth, call, request, rpc_take_fd(call));
        answer(&call, status, TEXT(""));
    }
    auth_leave(auth);
}

/* ---- TURN and ATRN ---- */

/* He may have been disabled since. */
static bool is_enabled(struct auth *auth, const char *account)
{
    struct arena arena;
    struct directory_user user;
    arena_init(&arena);
    bool enabled =
        directory_user_find(auth->directory, text_from(account), &arena, &user) && user.enabled;
    arena_finish(&arena);
    return enabled;
}

/* The store believes nobody else who says whose session it is. The descriptor goes with it, and the
 * store's answer back to front. YIELDS. */
static enum status turn_over(struct auth *auth, const struct directory_turn *asked, int fd,
                             struct buffer *verdict)
{
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 64 << 10);
    directory_turn_encode(asked, &request);
    enum status status = rpc_ask(auth->context->store, STORE_TURN, buffer_text(&request), fd,
                                 clock_monotonic_ms() + TURN_OVER_WAIT, &reply);
    buffer_append(verdict, buffer_text(&reply.bytes));
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

static enum status turn(struct auth *auth, struct rpc_call *call, struct text request,
                        struct buffer *verdict)
{
    struct directory_turn asked;
    struct arena arena;
    char account[DIRECTORY_USER_MAX];
    int fd = rpc_take_fd(call);
    arena_init(&arena);
    enum status status = OK;
    if (fd < 0 || !directory_turn_decode(request, &arena, &asked))
        status = refused("malformed request");
    else if (!fetchers_find(auth->fetchers, rpc_call_channel(call), asked.session, account) ||
             !text_equals(asked.account, text_from(account)) || !is_enabled(auth, account))
        status = try_later("the login is not known (any more)");
    if (status == OK)
        status = turn_over(auth, &asked, fd, verdict);
    else if (fd >= 0)
        close(fd);
    arena_finish(&arena);
    return status;
}

static void serve_turn(void *context, struct rpc_call *call, struct text request)
{
    struct auth *auth = context;
    if (auth_enter(auth, &call)) {
        struct buffer verdict;
        buffer_init(&verdict, 64);
        enum status status = turn(auth, call, request, &verdict);
        answer(&call, status, buffer_text(&verdict));
        buffer_finish(&verdict);
    }
    auth_leave(auth);
}

static void front_lost(void *argument)
{
    const struct carried *lost = argument;
    fetchers_forget(lost->auth->fetchers, lost->front);
}

static const struct rpc_method from_front[] = {
    {DIRECTORY_CHECK, RPC_INLINE, "directory.check", serve_check},
    {DIRECTORY_DESCRIBE, RPC_INLINE, "directory.describe", serve_describe},
    {DIRECTORY_LOGIN, 0, "directory.login", serve_login},
    {DIRECTORY_SASL_STEP, 0, "directory.sasl-step", serve_sasl_step},
    {DIRECTORY_SASL_CANCEL, RPC_INLINE | RPC_ONE_WAY, "directory.sasl-cancel", serve_sasl_cancel},
    {DIRECTORY_SASL_SESSION, 0, "directory.sasl-session", serve_sasl_session},
    {DIRECTORY_TURN, 0, "directory.turn", serve_turn},
    {DIRECTORY_RIGHTS, RPC_INLINE, "directory.rights", serve_rights},
};
static const struct rpc_method from_store[] = {
    {DIRECTORY_EXPAND, RPC_INLINE, "directory.expand", serve_expand},
    {DIRECTORY_FORWARD, RPC_INLINE, "directory.forward", serve_forward},
};

/* ---- The role's life ---- */

static void *auth_new(struct role_context *context)
{
    struct auth *auth = calloc(1, sizeof(*auth));
    check(auth != NULL);
    auth->context = context;
    auth->fetchers = fetchers_new();
    task_event_init(&auth->no_calls);
    task_group_init(&auth->serving);
    task_group_init(&auth->storage);
    return auth;
}

static enum status ask_about_token(void *context, struct text token, struct buffer *answer)
{
    const struct role_context *role = context;
    return introspection_ask(role->send, token, answer);
}

/* What front and store keep of our answers may be wrong now. A channel that is down has nobody
 * behind it who keeps any. */
static void tell_changed(void *argument)
{
    const struct role_context *context = ((struct auth *)argument)->context;
    rpc_tell(context->store, DIRECTORY_CHANGED, TEXT(""));
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        if (context->fronts[i] != NULL && rpc_channel_is_up(context->fronts[i]))
            rpc_tell(context->fronts[i], DIRECTORY_CHANGED, TEXT(""));
}

static void watch_settings(void *argument)
{
    struct auth *auth = argument;
    while (task_event_wait(&auth->context->reloaded, NO_DEADLINE) == OK)
        directory_use_settings(auth->directory, auth->context->settings);
}

static void serve_verbs(void *argument)
{
    struct auth *auth = argument;
    admin_serve(auth->context->admin_fd, admin_directory_actions, auth->directory);
}

/* The library's plug-ins and their files are out of reach once the sandbox has closed. */
static void auth_prepare(const struct settings *settings)
{
    if (!text_is_empty(settings->keytab_file) || ntlm_is_wanted(settings))
        sasl_gss_load();
    if (!ntlm_is_wanted(settings))
        return;
    struct arena arena;
    arena_init(&arena);
    ntlm_environment_set(settings, role_directory(role_find(ROLE_AUTH), settings, &arena).data);
    arena_finish(&arena);
    if (!sasl_gss_has_ntlm())
        log_error("auth.ntlm", "reason=\"the GSS library has no plug-in for NTLM\" "
                               "remedy=\"install gss-ntlmssp, and start again\"");
}

static enum status auth_start(void *state)
{
    struct auth *auth = state;
    struct settings *settings = auth->context->settings;
    struct arena arena;
    arena_init(&arena);
    struct text path = role_directory(role_find(ROLE_AUTH), settings, &arena);
    struct directory_options options = {
        .path = path.data, .settings = settings, .group = &auth->storage};
    if (auth->context->disk != NULL) {
        options.disk = auth->context->disk->files;
        options.segment_bytes = auth->context->disk->segment_bytes;
    }
    enum status status = directory_open(&options, &auth->directory);
    arena_finish(&arena);
    if (status != OK)
        return status;
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        if (auth->context->fronts[i] != NULL) {
            auth->lost[i] = (struct carried){auth, auth->context->fronts[i]};
            rpc_channel_on_down(auth->context->fronts[i], front_lost, &auth->lost[i]);
        }
    directory_on_change(auth->directory, tell_changed, auth);
    directory_use_introspection(auth->directory, ask_about_token, auth->context);
    if (ntlm_is_wanted(settings))
        ntlm_users_start(auth->directory);
    /* Opening took time, in which newer settings may have come. */
    directory_use_settings(auth->directory, auth->context->settings);
    tell_changed(auth); /* who waited for us need not any more */
    task_spawn(&auth->serving, "auth settings", watch_settings, auth);
    if (auth->context->admin_fd >= 0)
        task_spawn(&auth->serving, "auth verbs", serve_verbs, auth);
    return OK;
}

static void auth_stop(void *state)
{
    struct auth *auth = state;
    task_group_finish(&auth->serving);
    directory_close(&auth->directory);
    task_shield_begin(); /* cancelled or not, no call may be left behind */
    while (auth->calls > 0)
        task_event_wait(&auth->no_calls, NO_DEADLINE);
    task_shield_end();
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        exchanges_free(&auth->exchanges[i]);
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        if (auth->lost[i].front != NULL)
            rpc_channel_on_down(auth->context->fronts[i], NULL, NULL);
    fetchers_free(&auth->fetchers);
    task_group_finish(&auth->storage);
    free(auth);
}

const struct role_program auth_program = {
    .kind = ROLE_AUTH,
    .methods = {[ROLE_FRONT] = from_front, [ROLE_STORE] = from_store},
    .method_count = {[ROLE_FRONT] = sizeof(from_front) / sizeof(from_front[0]),
                     [ROLE_STORE] = sizeof(from_store) / sizeof(from_store[0])},
    .new_state = auth_new,
    .prepare = auth_prepare,
    .start = auth_start,
    .stop = auth_stop,
};
