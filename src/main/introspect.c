#include "main/introspect.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "directory/introspection.h"
#include "net/https.h"
#include "net/resolver.h"
#include "net/url.h"

/* Each takes a thread of the pool for as long as the authority takes: others need some too. */
enum {
    QUESTIONS_MAX = 2,
    WAITING_MAX = 200, /* for their turn */
    WAIT_MS = 15 * SECOND,
    ANSWER_MS = 10 * SECOND,
    FORM_MAX = 3 * INTROSPECTION_TOKEN_MAX + 100
};

struct introspect {
    struct role_context *context;
    struct resolver *resolver; /* NULL before start and while stopping */
    unsigned questions, waiting;
    struct task_event answered;
};

struct introspect *introspect_new(struct role_context *context)
{
    struct introspect *introspect = calloc(1, sizeof(*introspect));
    check(introspect != NULL);
    introspect->context = context;
    task_event_init(&introspect->answered);
    return introspect;
}

enum status introspect_start(struct introspect *introspect)
{
    const struct settings *settings = introspect->context->settings;
    struct resolver_options options = {
        .servers = settings->dns_servers,
        .server_count = settings->dns_server_count,
        .trust_anchors = role_file(introspect->context, settings->trust_anchor_file)};
    return resolver_new(&options, &introspect->resolver);
}

void introspect_stop(struct introspect **introspect)
{
    struct introspect *stopping = *introspect;
    if (stopping == NULL)
        return;
    *introspect = NULL;
    struct resolver *resolver = stopping->resolver;
    stopping->resolver = NULL;
    task_event_tell_all(&stopping->answered);
    task_shield_begin(); /* cancelled or not, no question may be left inside */
    while (stopping->questions + stopping->waiting > 0)
        task_event_wait(&stopping->answered, NO_DEADLINE);
    task_shield_end();
    if (resolver != NULL)
        resolver_free(&resolver);
    free(stopping);
}

static enum status find_host(struct introspect *introspect, const struct https_url *url,
                             struct arena *arena, struct https_request *request)
{
    const struct settings *settings = introspect->context->settings;
    struct resolver_host host = {0};
    if (settings->http_proxy.length > 0) {
        struct net_address *proxy = arena_alloc(arena, sizeof(*proxy));
        *proxy = settings->http_proxy;
        request->proxy = proxy;
        return OK;
    }
    enum status status =
        resolver_find_host(introspect->resolver, request->host, url->port, arena, &host);
    request->addresses = host.addresses;
    request->address_count = host.count;
    return status;
}

/* Everything is copied: a reload may replace the settings while another thread reads. */
static enum status ask(struct introspect *introspect, struct text token, struct arena *arena,
                       struct buffer *answer)
{
    const struct role_context *context = introspect->context;
    const struct settings *settings = context->settings;
    struct https_url url;
    if (!https_url_parse(settings->introspection, &url))
        return try_later("no authority to ask is set");
    struct https_request request = {
        .host = arena_copy(arena, url.host),
        .port = url.port,
        .path = arena_copy(arena, url.path),
        .roots_pem = arena_copy(arena, role_file(context, settings->authorities_file)),
        .timeout_ms = ANSWER_MS,
        .media_type = TEXT("application/json")};
    struct buffer fields, secret;
    buffer_init(&fields, FORM_MAX);
    buffer_reserve(&fields, FORM_MAX); /* one block each, wiped whole */
    buffer_init(&secret, 512);
    buffer_reserve(&secret, 512);
    buffer_append(&secret, text_trim(role_secret(context, settings->oauth_secret)));
    buffer_append(&fields, TEXT("token="));
    https_form_encode(token, &fields);
    struct https_form form = {.fields = buffer_text(&fields),
                              .user = arena_copy(arena, settings->oauth_client),
                              .password = buffer_text(&secret)};
    enum status status = fields.overflowed || secret.overflowed
                             ? try_later("the token or the secret is too long")
                             : find_host(introspect, &url, arena, &request);
    if (status == OK)
        status = https_post(&request, &form, answer);
    buffer_forget(&fields);
    buffer_forget(&secret);
    return status;
}

/* YIELDS. */
static enum status wait_for_turn(struct introspect *introspect)
{
    int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    enum status status = introspect->waiting < WAITING_MAX ? OK : TRY_LATER;
    introspect->waiting++;
    while (status == OK && introspect->resolver != NULL && introspect->questions >= QUESTIONS_MAX)
        status = task_event_wait(&introspect->answered, until_ms);
    introspect->waiting--;
    if (introspect->resolver == NULL) {
        task_event_tell_all(&introspect->answered); /* who stops it waits for us */
        return try_later("the sender is not ready");
    }
    return status == OK ? OK : try_later("too many logins by token at once");
}

static enum status ask_counted(struct introspect *introspect, struct text token,
                               struct buffer *answer)
{
    struct arena arena;
    enum status turn = wait_for_turn(introspect);
    if (turn != OK)
        return turn;
    introspect->questions++;
    arena_init(&arena);
    enum status status = ask(introspect, token, &arena, answer);
    arena_finish(&arena);
    introspect->questions--;
    task_event_tell_all(&introspect->answered);
    return status;
}

void introspect_serve(struct introspect *introspect, struct rpc_call *call, struct text token)
{
    struct buffer answer;
    buffer_init(&answer, INTROSPECTION_ANSWER_MAX);
    enum status status = token.length == 0 || token.length > INTROSPECTION_TOKEN_MAX
                             ? refused("malformed request")
                             : ask_counted(introspect, token, &answer);
    if (status == OK) {
        rpc_answer(&call, buffer_text(&answer));
    } else {
        log_warning("oauth.not-asked", "reason=%s", log_text(text_from(fail_reason())));
        rpc_fail(&call, TRY_LATER, fail_reason());
    }
    buffer_finish(&answer);
}
