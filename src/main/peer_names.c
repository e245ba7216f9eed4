#include "main/peer_names.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "net/resolver.h"
#include "proto/line/peer.h"
#include "queue/block_lists.h"

/* A front that was taken over must not use up our memory with questions. */
enum { QUESTIONS_MAX = 500, LONG_QUESTIONS_MAX = 200, LISTINGS_BYTES = 16 << 10 };

struct peer_names {
    struct role_context *context;
    struct resolver *resolver; /* NULL before the first question */
    struct task_event changed; /* told when `starting` or `questions` is another */
    unsigned questions;
    unsigned long_questions; /* of those */
    bool starting, stopping;
};

struct peer_names *peer_names_new(struct role_context *context)
{
    struct peer_names *names = calloc(1, sizeof(*names));
    check(names != NULL);
    names->context = context;
    task_event_init(&names->changed);
    return names;
}

void peer_names_stop(struct peer_names **names)
{
    struct peer_names *stopping = *names;
    if (stopping == NULL)
        return;
    *names = NULL;
    stopping->stopping = true;
    task_shield_begin(); /* cancelled or not, no question may be left inside */
    while (stopping->questions > 0)
        task_event_wait(&stopping->changed, NO_DEADLINE);
    task_shield_end();
    resolver_free(&stopping->resolver);
    free(stopping);
}

/* YIELDS. */
static enum status set_up(struct peer_names *names)
{
    const struct settings *settings = names->context->settings;
    struct resolver_options options = {.servers = settings->dns_servers,
                                       .server_count = settings->dns_server_count,
                                       .trust_anchors =
                                           role_file(names->context, settings->trust_anchor_file)};
    while (names->starting)
        if (task_event_wait(&names->changed, NO_DEADLINE) != OK)
            return TRY_LATER;
    if (names->resolver != NULL)
        return OK;
    names->starting = true;
    enum status status = resolver_new(&options, &names->resolver);
    names->starting = false;
    task_event_tell_all(&names->changed);
    return status;
}

/* YIELDS. */
static enum status find(struct peer_names *names, const struct net_address *address,
                        struct line_peer *out)
{
    struct arena arena;
    struct resolver_peer found;
    arena_init(&arena);
    enum status status = set_up(names);
    if (status == OK)
        status = resolver_find_peer(names->resolver, address,
                                    clock_monotonic_ms() + PEER_NAME_WAIT_MS, &arena, &found);
    if (status == OK) {
        text_copy(found.name, out->name, sizeof(out->name));
        out->is_confirmed = found.is_confirmed;
    }
    arena_finish(&arena);
    return status;
}

/* A question begins, when the request is an address. False when the call was answered; else
 * question_end. */
static bool question_begin(struct peer_names *names, struct rpc_call *call, bool is_address)
{
    if (!is_address) {
        rpc_fail(&call, REFUSED, "malformed request");
        return false;
    }
    if (names->stopping || names->questions >= QUESTIONS_MAX) {
        rpc_fail(&call, TRY_LATER, "too many questions");
        return false;
    }
    names->questions++;
    return true;
}

static void question_end(struct peer_names *names, struct rpc_call *call, enum status status,
                         struct buffer *answer)
{
    names->questions--;
    task_event_tell_all(&names->changed);
    if (status == OK)
        rpc_answer(&call, buffer_text(answer));
    else
        rpc_fail(&call, TRY_LATER, fail_reason());
    buffer_finish(answer);
}

void peer_names_serve(struct peer_names *names, struct rpc_call *call, struct text request)
{
    struct net_address address;
    struct line_peer peer = {0};
    struct buffer answer;
    if (!question_begin(names, call,
                        net_address_parse_endpoint(request, 0, &address) &&
                            address.any.sa_family != AF_UNIX))
        return;
    enum status status = find(names, &address, &peer);
    buffer_init(&answer, 2 * sizeof(peer));
    line_peer_encode(&peer, &answer);
    question_end(names, call, status, &answer);
}

/* Block lists */

/* Whoever runs a list should hear of it, and so should we: it refuses nobody. */
static void log_useless(const struct setting_block_list *list,
                        const struct resolver_listing *listing)
{
    if (listing->status != OK)
        log_info("block-list.away", "list=%s zone=%s", log_text(list->name), log_text(list->zone));
    for (unsigned i = 0; i < listing->count; i++) {
        enum filter_code code = decide_filter_code(list, listing->codes[i]);
        if (code == FILTER_CODE_NO_ANSWER || code == FILTER_CODE_FOREIGN)
            log_info("block-list.useless", "list=%s zone=%s answer=%u.%u.%u.%u",
                     log_text(list->name), log_text(list->zone), listing->codes[i] >> 24,
                     listing->codes[i] >> 16 & 255, listing->codes[i] >> 8 & 255,
                     listing->codes[i] & 255);
    }
}

/* YIELDS. */
static enum status find_listings(struct peer_names *names, const struct settings *settings,
                                 const struct net_address *address, struct arena *arena,
                                 struct buffer *answer)
{
    unsigned count = settings->block_list_count;
    struct resolver_listing *found = arena_array(arena, count, sizeof(*found));
    struct filter_listing *listings = arena_array(arena, count, sizeof(*listings));
    for (unsigned i = 0; i < count; i++)
        found[i].zone = settings->block_lists[i].zone;
    enum status status = set_up(names);
    if (status == OK)
        status = resolver_find_listings(names->resolver, address,
                                        clock_monotonic_ms() + settings->filter.list_wait_ms, arena,
                                        found, count);
    for (unsigned i = 0; i < count && status == OK; i++) {
        listings[i] = (struct filter_listing){.list = settings->block_lists[i].name,
                                              .is_unknown = found[i].status != OK,
                                              .codes = found[i].codes,
                                              .code_count = found[i].count};
        log_useless(&settings->block_lists[i], &found[i]);
    }
    block_lists_encode(listings, count, answer);
    return status;
}

void peer_names_serve_lists(struct peer_names *names, struct rpc_call *call, struct text request)
{
    struct net_address address;
    struct arena arena;
    struct buffer answer;
    if (!question_begin(names, call, net_address_parse(request, 0, &address)))
        return;
    struct settings *settings = settings_hold(names->context->settings);
    arena_init(&arena);
    buffer_init(&answer, LISTINGS_BYTES);
    enum status status = find_listings(names, settings, &address, &arena, &answer);
    question_end(names, call, status, &answer);
    arena_finish(&arena);
    settings_release(&settings);
}

/* Others: each may take long and lead to many questions of DNS, and leaves room for the short ones.
 */

enum status peer_names_begin(struct peer_names *names, struct resolver **resolver)
{
    if (names->stopping || names->long_questions >= LONG_QUESTIONS_MAX ||
        names->questions >= QUESTIONS_MAX)
        return try_later("too many questions");
    names->questions++;
    names->long_questions++;
    enum status status = set_up(names);
    *resolver = names->resolver;
    if (status != OK)
        peer_names_end(names);
    return status;
}

void peer_names_end(struct peer_names *names)
{
    names->questions--;
    names->long_questions--;
    task_event_tell_all(&names->changed);
}
