/* Commands that say what becomes of the message. */
#include "mail/address.h"
#include "sieve/run.h"

static bool has_rejected(const struct sieve_run *run)
{
    for (unsigned i = 0; i < run->result->action_count; i++)
        if (run->result->actions[i].kind == SIEVE_REJECT)
            return true;
    return false;
}

/* RFC 5429 2.2: what delivers can't stand beside a refusal. */
static struct sieve_action *delivering(struct sieve_run *run, const struct sieve_node *node,
                                       enum sieve_action_kind kind)
{
    if (!has_rejected(run))
        return run_action(run, node, kind);
    run_fail(run, node, "the message was rejected before");
    return NULL;
}

static void set_flags(struct sieve_run *run, const struct sieve_node *node,
                      struct sieve_action *action)
{
    const struct sieve_argument *flags = node_tag(node, TAG_FLAGS);
    action->flags = run->flags;
    action->flag_count = run->flag_count;
    if (flags->is_there)
        action->flags =
            flags_of(run, argument_list(run, flags), flags->string_count, &action->flag_count);
}

/* RFC 5228 2.10.3: the same thing twice is done once. */
static bool is_done_already(const struct sieve_run *run, const struct sieve_action *action)
{
    for (unsigned i = 0; i < run->result->action_count; i++) {
        const struct sieve_action *other = &run->result->actions[i];
        if (other != action && other->kind == action->kind &&
            text_equals(other->mailbox, action->mailbox) &&
            text_equals(other->address, action->address))
            return true;
    }
    return false;
}

static void drop_if_done(struct sieve_run *run, const struct sieve_action *action)
{
    if (is_done_already(run, action))
        run->result->action_count--;
}

void act_keep(struct sieve_run *run, const struct sieve_node *node)
{
    struct sieve_action *action = delivering(run, node, SIEVE_KEEP);
    if (action == NULL)
        return;
    set_flags(run, node, action);
    run->keeps = false;
    drop_if_done(run, action);
}

void act_discard(struct sieve_run *run, const struct sieve_node *node)
{
    run_action(run, node, SIEVE_DISCARD);
    run->keeps = false;
}

void act_fileinto(struct sieve_run *run, const struct sieve_node *node)
{
    struct text mailbox = argument_text(run, node, 0);
    if (text_is_empty(mailbox)) {
        run_fail(run, node, "the mailbox has no name");
        return;
    }
    struct sieve_action *action = delivering(run, node, SIEVE_FILEINTO);
    if (action == NULL)
        return;
    action->mailbox = mailbox;
    action->special_use = tag_text(run, node, TAG_SPECIALUSE);
    action->create = node_has(node, TAG_CREATE);
    set_flags(run, node, action);
    if (!node_has(node, TAG_COPY))
        run->keeps = false;
    drop_if_done(run, action);
}

bool address_is_valid(struct text address)
{
    struct arena arena;
    struct mail_address parsed;
    arena_init(&arena);
    bool fine = mail_address_parse(address, &arena, &parsed) == OK;
    arena_finish(&arena);
    return fine;
}

bool check_redirect(const struct sieve_node *node, const char **why)
{
    struct text address = node->arguments[0].strings[0];
    *why = "that is no mail address";
    return has_variables(address) || address_is_valid(address);
}

void act_redirect(struct sieve_run *run, const struct sieve_node *node)
{
    struct text address = argument_text(run, node, 0);
    if (!address_is_valid(address)) {
        run_fail(run, node, "that is no mail address");
        return;
    }
    if (run->redirects == SIEVE_REDIRECTS_MAX) {
        run_fail(run, node, "too many redirections");
        return;
    }
    struct sieve_action *action = delivering(run, node, SIEVE_REDIRECT);
    if (action == NULL)
        return;
    action->address = address;
    run->redirects++;
    if (!node_has(node, TAG_COPY))
        run->keeps = false;
    drop_if_done(run, action);
}

void act_reject(struct sieve_run *run, const struct sieve_node *node)
{
    for (unsigned i = 0; i < run->result->action_count; i++)
        if (run->result->actions[i].kind != SIEVE_DISCARD) {
            run_fail(run, node, "something else was done with the message before");
            return;
        }
    struct sieve_action *action = run_action(run, node, SIEVE_REJECT);
    if (action != NULL)
        action->text = argument_text(run, node, 0);
    run->keeps = false;
}
