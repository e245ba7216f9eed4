#include "queue/filter/filter.h"

#include "account/preference.h"
#include "base/clock.h"
#include "base/logline.h"
#include "mail/header.h"
#include "queue/filter/memory.h"
#include "queue/filter/scripts_cache.h"

enum { HEADER_SEEN = 256 << 10, ROUNDS_MOST = 5 };

/* Scripts are the only ones that see a large message before it has its record. YIELDS. */
static enum status read_upload(struct store *store, const struct filter_source *source,
                               uint64_t offset, uint32_t length, struct buffer *out)
{
    struct message message = source->facts;
    message.extents = upload_finish(source->upload, &message.extent_count);
    if (message.extents == NULL)
        return try_later("a part of the message could not be written");
    return store_read_message(store, &message, offset, length, out);
}

enum status filter_read(struct plan *plan, const struct filter_source *source, uint64_t offset,
                        uint32_t length, struct buffer *out)
{
    struct store *store = plan->queue->store;
    if (source->is_stored)
        return store_read(store, plan->id, offset, length, out);
    if (source->upload != NULL)
        return read_upload(store, source, offset, length, out);
    buffer_append(out, text_head(text_from_position(source->body, offset), length));
    return OK;
}

/* The bytes a script may look at; read once for all scripts that need no more. */
static enum status see(struct plan *plan, const struct filter_source *source, bool with_body)
{
    uint32_t wanted = with_body ? SIEVE_MESSAGE_SEEN : HEADER_SEEN;
    if (wanted <= plan->seen_wanted)
        return OK;
    plan->seen_wanted = wanted;
    if (!source->is_stored && source->upload == NULL) {
        plan->seen_text = text_head(source->body, wanted);
        return OK;
    }
    buffer_reset(&plan->seen, SIEVE_MESSAGE_SEEN);
    enum status status = filter_read(plan, source, 0, wanted, &plan->seen);
    plan->seen_text = buffer_text(&plan->seen);
    return status;
}

/* What scripts ask about */

struct world {
    struct queue *queue;
    struct text owner;
    int64_t now_ms;
};

static bool mailbox_exists(void *context, struct text name)
{
    const struct world *world = context;
    return filter_mailbox_find(world->queue->store, world->owner, name, TEXT("")) != NULL;
}

static bool special_use_exists(void *context, struct text name, struct text use)
{
    const struct world *world = context;
    return filter_mailbox_find(world->queue->store, world->owner, name, use) != NULL;
}

static bool was_seen(void *context, struct text key)
{
    const struct world *world = context;
    struct memory memory = {world->owner, MEMORY_SEEN, key};
    return memory_has(world->queue, &memory, world->now_ms);
}

/* What the message was sent to, when that means this owner alone: his alias, or himself with a tag.
 * Of a group nobody is asked to answer for all. */
static unsigned own_address(const struct plan *plan, const struct directory_target *target,
                            struct text *address)
{
    *address = plan->recipients[target->recipient].address;
    return plan->targets_of[target->recipient] == 1;
}

static void run(struct plan *plan, const struct filter_source *source,
                const struct directory_target *target, const struct sieve_script *script,
                struct sieve_result *result)
{
    struct world surroundings = {plan->queue, target->address, clock_wall_ms()};
    struct text address;
    unsigned address_count = own_address(plan, target, &address);
    struct sieve_message message = {.bytes = plan->seen_text,
                                    .size = source->facts.size,
                                    .sender = plan->sender,
                                    .recipient = address,
                                    .login = source->login};
    struct sieve_world world = {
        .context = &surroundings,
        .now_ms = surroundings.now_ms,
        .user = target->address,
        .charset = preference_charset(&plan->queue->accounts, target->address),
        .addresses = &address,
        .address_count = address_count,
        .host = plan->queue->settings->host,
        .remote_ip = text_head(source->peer, text_find_last(source->peer, ':')),
        .spam_percent = -1,
        .mailbox_exists = mailbox_exists,
        .special_use_exists = special_use_exists,
        .was_seen = was_seen};
    sieve_run(script, &message, &world, &plan->arena, result);
}

/* As a script that says nothing would have it. */
static void keep_it(struct plan *plan, struct filtered *filtered)
{
    filtered->result = (struct sieve_result){.action_count = 1};
    filtered->result.actions = arena_alloc(&plan->arena, sizeof(*filtered->result.actions));
    filtered->result.actions->kind = SIEVE_KEEP;
}

static const struct sieve_action *rejection(const struct sieve_result *result)
{
    for (unsigned i = 0; i < result->action_count; i++)
        if (result->actions[i].kind == SIEVE_REJECT)
            return &result->actions[i];
    return NULL;
}

/* He gets it, and nothing else was answered for him. */
static bool may_answer(const struct filtered *filtered)
{
    bool arrives = false;
    for (unsigned i = 0; i < filtered->result.action_count; i++) {
        enum sieve_action_kind kind = filtered->result.actions[i].kind;
        if (kind == SIEVE_VACATION)
            return false;
        arrives |= kind == SIEVE_KEEP || kind == SIEVE_FILEINTO || kind == SIEVE_REDIRECT;
    }
    return arrives;
}

/* Behind what his own script decided: the answer while he is away. */
static void add_absence(struct plan *plan, const struct filter_source *source,
                        const struct directory_target *target, const struct cached_script *script,
                        struct filtered *filtered)
{
    struct sieve_result answer, *result = &filtered->result;
    int64_t now_ms = clock_wall_ms();
    if (script->absence == NULL || !may_answer(filtered) || now_ms < script->absent_from_ms ||
        (script->absent_until_ms != 0 && now_ms >= script->absent_until_ms))
        return;
    run(plan, source, target, script->absence, &answer);
    struct sieve_action *actions =
        arena_array(&plan->arena, result->action_count + 1, sizeof(*actions));
    for (unsigned i = 0; i < result->action_count; i++)
        actions[i] = result->actions[i];
    result->actions = actions;
    for (unsigned i = 0; i < answer.action_count; i++)
        if (answer.actions[i].kind == SIEVE_VACATION) {
            actions[result->action_count] = answer.actions[i];
            actions[result->action_count++].line = 0; /* of no script of his */
            return;
        }
}

static void decide(struct plan *plan, const struct filter_source *source,
                   const struct directory_target *target, const struct cached_script *script,
                   struct filtered *filtered)
{
    filtered->script = arena_copy(&plan->arena, script->name);
    if (script->compiled != NULL) {
        run(plan, source, target, script->compiled, &filtered->result);
        filtered->trouble = filtered->result.error;
    } else {
        filtered->trouble = arena_copy(&plan->arena, script->error);
        keep_it(plan, filtered);
    }
    add_absence(plan, source, target, script, filtered);
}

static enum status filter_target(struct plan *plan, const struct filter_source *source, unsigned i)
{
    const struct directory_target *target = &plan->targets[i];
    struct queue *queue = plan->queue;
    const struct cached_script *script =
        scripts_cache_find(queue->scripts, queue->store, target->address);
    bool reads_body =
        script != NULL && script->compiled != NULL && sieve_script_reads_body(script->compiled);
    enum status status = script == NULL ? OK : see(plan, source, reads_body);
    if (script == NULL || status != OK)
        return status;
    /* It may be another one by now; that it sees less of a body then is no harm. */
    script = scripts_cache_find(queue->scripts, queue->store, target->address);
    if (script == NULL)
        return OK;
    struct filtered *filtered = arena_alloc(&plan->arena, sizeof(*filtered));
    filtered->owner = target->address;
    decide(plan, source, target, script, filtered);
    plan->filtered[i] = filtered;
    filtered->rejects = rejection(&filtered->result);
    status = filter_mailboxes(plan, filtered);
    if (status == OK && filtered->result.header_changed && filtered->copy_count > 0)
        filter_edit(plan, source, filtered);
    return status;
}

static bool any_script(const struct plan *plan, unsigned first)
{
    struct queue *queue = plan->queue;
    for (unsigned i = first; i < plan->target_count; i++)
        if (plan->targets[i].kind == TARGET_MAILBOX &&
            scripts_cache_find(queue->scripts, queue->store, plan->targets[i].address) != NULL)
            return true;
    return false;
}

enum status plan_filter(struct plan *plan, const struct filter_source *source)
{
    enum status status = OK;
    unsigned first = 0;
    plan->source = source;
    if (any_script(plan, 0))
        plan->filtered = arena_array(&plan->arena, plan->target_count, sizeof(struct filtered *));
    for (unsigned round = 0; plan->filtered != NULL && first < plan->target_count; round++) {
        unsigned end = plan->target_count;
        for (unsigned i = first; i < end && status == OK; i++)
            if (plan->targets[i].kind == TARGET_MAILBOX)
                status = filter_target(plan, source, i);
        if (status == OK)
            status = filter_follow(plan, first, end, round == ROUNDS_MOST);
        if (status != OK)
            return status;
        first = end;
    }
    return filter_senders(plan);
}
