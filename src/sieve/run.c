/* The walk over the tree, and the commands that steer it. */
#include "sieve/run.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "mail/header.h"

bool run_fail(struct sieve_run *run, const struct sieve_node *node, const char *why)
{
    if (!run->failed)
        run->result->error =
            arena_printf(run->arena, "line %u: %s: %s", node->line, node->verb->name, why);
    run->failed = run->stopped = true;
    return false;
}

bool run_work(struct sieve_run *run, const struct sieve_node *node, size_t bytes)
{
    /* Each step costs something, so that a script of tests on nothing ends too. */
    uint64_t cost = (uint64_t)bytes + 64;
    if (cost > run->work_left)
        return run_fail(run, node, "the script takes too long");
    run->work_left -= cost;
    return true;
}

void run_trace(struct sieve_run *run, const struct sieve_node *node, const char *format, ...)
{
    char words[500];
    va_list arguments;
    if (run->world->trace == NULL)
        return;
    va_start(arguments, format);
    int length = vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    check(length >= 0 && (size_t)length < sizeof(words)); /* names of verbs, and reasons */
    run->world->trace(run->world->context, node->line, text_of(words, (size_t)length));
}

struct sieve_action *run_action(struct sieve_run *run, const struct sieve_node *node,
                                enum sieve_action_kind kind)
{
    struct sieve_result *result = run->result;
    if (result->action_count == SIEVE_ACTIONS_MAX) {
        run_fail(run, node, "too many actions");
        return NULL;
    }
    struct sieve_action *action = &result->actions[result->action_count++];
    *action = (struct sieve_action){.kind = kind, .line = node->line};
    return action;
}

/* Tests */

static bool test_holds(struct sieve_run *run, const struct sieve_node *node)
{
    if (run->stopped || !run_work(run, node, 0))
        return false;
    bool holds = node->verb->holds(run, node) && !run->failed;
    run_trace(run, node, "%s: %s", node->verb->name, holds ? "true" : "false");
    return holds;
}

bool holds_allof(struct sieve_run *run, const struct sieve_node *node)
{
    for (const struct sieve_node *test = node->tests; test != NULL; test = test->next)
        if (!test_holds(run, test))
            return false;
    return true;
}

bool holds_anyof(struct sieve_run *run, const struct sieve_node *node)
{
    for (const struct sieve_node *test = node->tests; test != NULL; test = test->next)
        if (test_holds(run, test))
            return true;
    return false;
}

bool holds_not(struct sieve_run *run, const struct sieve_node *node)
{
    return !test_holds(run, node->tests);
}

bool holds_true(struct sieve_run *run, const struct sieve_node *node)
{
    unused(run);
    unused(node);
    return true;
}

bool holds_false(struct sieve_run *run, const struct sieve_node *node)
{
    unused(run);
    unused(node);
    return false;
}

bool holds_ihave(struct sieve_run *run, const struct sieve_node *node)
{
    unused(run);
    for (unsigned i = 0; i < node->arguments[0].string_count; i++)
        if (sieve_extension_find(node->arguments[0].strings[i]) == EXT_NONE)
            return false;
    return true;
}

/* Control */

static void run_commands(struct sieve_run *run, const struct sieve_node *first)
{
    for (const struct sieve_node *node = first; node != NULL; node = node->next) {
        if (run->stopped || run->returning || !run_work(run, node, 0))
            return;
        if (node->verb->kind == SIEVE_COMMAND)
            run_trace(run, node, "%s", node->verb->name);
        node->verb->act(run, node);
    }
}

static void branch(struct sieve_run *run, const struct sieve_node *node, bool take)
{
    if (take)
        run_commands(run, node->block);
    run->branch_taken = take;
}

void act_if(struct sieve_run *run, const struct sieve_node *node)
{
    branch(run, node, test_holds(run, node->tests));
}

void act_elsif(struct sieve_run *run, const struct sieve_node *node)
{
    if (!run->branch_taken)
        branch(run, node, test_holds(run, node->tests));
}

void act_else(struct sieve_run *run, const struct sieve_node *node)
{
    if (!run->branch_taken)
        branch(run, node, true);
}

void act_stop(struct sieve_run *run, const struct sieve_node *node)
{
    unused(node);
    run->stopped = true;
}

void act_return(struct sieve_run *run, const struct sieve_node *node)
{
    unused(node);
    run->returning = true;
}

void act_error(struct sieve_run *run, const struct sieve_node *node)
{
    struct text words = argument_text(run, node, 0);
    run_fail(run, node, arena_copy(run->arena, text_head(words, 300)).data);
}

/* RFC 6609 3.2. Variables of the other script are its own. */
void act_include(struct sieve_run *run, const struct sieve_node *node)
{
    unsigned scope = run->scope;
    uint64_t bit = UINT64_C(1) << node->include_script;
    if (node->include_number == 0 || (node_has(node, TAG_ONCE) && (run->included & bit) != 0))
        return;
    run->included |= bit;
    run->scope = node->include_number;
    run_commands(run, node->block);
    run->scope = scope;
    run->returning = false;
}

/* The run */

static void keep_implicitly(struct sieve_run *run)
{
    struct sieve_action *keep = &run->result->actions[run->result->action_count++];
    *keep = (struct sieve_action){.kind = SIEVE_KEEP};
    if (!run->failed) {
        keep->flags = run->flags;
        keep->flag_count = run->flag_count;
    }
}

/* What stands in the script literally is the script's, which may go before the result does. */
static void own_texts(struct sieve_result *result, struct arena *arena)
{
    for (unsigned i = 0; i < result->action_count; i++) {
        struct sieve_action *action = &result->actions[i];
        struct text *texts[] = {&action->mailbox, &action->special_use, &action->address,
                                &action->text,    &action->subject,     &action->from,
                                &action->key};
        for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++)
            *texts[k] = arena_copy(arena, *texts[k]);
        struct text *flags = arena_array(arena, action->flag_count, sizeof(*flags));
        for (unsigned k = 0; k < action->flag_count; k++)
            flags[k] = arena_copy(arena, action->flags[k]);
        action->flags = flags;
    }
    for (unsigned i = 0; i < result->seen_count; i++)
        result->seen[i].key = arena_copy(arena, result->seen[i].key);
}

void sieve_run(const struct sieve_script *script, const struct sieve_message *message,
               const struct sieve_world *world, struct arena *arena, struct sieve_result *result)
{
    struct sieve_run run = {.script = script,
                            .message = message,
                            .world = world,
                            .arena = arena,
                            .result = result,
                            .guess = {.charset = world->charset},
                            .header = header_section(message->bytes),
                            .keeps = true,
                            .work_left = RUN_WORK};
    *result = (struct sieve_result){0};
    result->actions = arena_array(arena, SIEVE_ACTIONS_MAX + 1, sizeof(*result->actions));
    result->seen = arena_array(arena, SIEVE_ACTIONS_MAX, sizeof(*result->seen));
    for (unsigned i = 0; i < CAPTURES; i++)
        run.captures[i] = TEXT("");
    run_commands(&run, script->commands);
    if (run.failed) {
        result->action_count = result->seen_count = 0;
        result->header_changed = false;
        run.keeps = true;
    }
    result->header = run.header;
    if (run.keeps)
        keep_implicitly(&run);
    own_texts(result, arena);
}
