/* Which mailboxes a script's actions mean. */
#include "base/check.h"
#include "queue/filter/filter.h"
#include "store/hierarchy.h"
#include "store/uses.h"

/* RFC 9051 5.1: INBOX is INBOX in any case of letters, as a first level too. */
static struct text canonical(struct text name, struct arena *arena)
{
    struct text first = text_before(name, '/');
    if (!text_equals_nocase(first, TEXT("INBOX")))
        return name;
    return arena_printf(arena, "INBOX%.*s", TEXT_ARG(text_from_position(name, first.length)));
}

struct search {
    unsigned use;
    struct mailbox *found;
};

static bool find_use(void *context, struct text name, struct mailbox *box)
{
    struct search *search = context;
    unused(name);
    if ((mailbox_uses(box) & search->use) != 0 && !mailbox_is_deleted(box))
        search->found = box;
    return search->found == NULL;
}

static struct mailbox *find_by_use(struct store *store, struct text owner, struct text use)
{
    struct search search = {.use = mailbox_use_named(use)};
    if (search.use != 0)
        mailbox_each_name(store, owner, TEXT(""), find_use, &search);
    return search.found;
}

struct mailbox *filter_mailbox_find(struct store *store, struct text owner, struct text name,
                                    struct text use)
{
    struct arena arena;
    if (text_is_empty(name))
        return find_by_use(store, owner, use);
    arena_init(&arena);
    name = canonical(name, &arena);
    /* INBOX may not have been made yet, and is there. */
    struct mailbox *box = text_equals(name, TEXT("INBOX"))
                              ? mailbox_find_or_make(store, owner, name)
                              : mailbox_find(store, owner, name);
    arena_finish(&arena);
    if (box == NULL || mailbox_is_deleted(box))
        return NULL;
    bool fits = text_is_empty(use) || (mailbox_uses(box) & mailbox_use_named(use)) != 0;
    return fits ? box : NULL;
}

/* RFC 8579 3: the mailbox of that use before the one of that name. */
static struct mailbox *meant_by(struct store *store, struct text owner,
                                const struct sieve_action *action)
{
    struct mailbox *box = NULL;
    if (!text_is_empty(action->special_use))
        box = find_by_use(store, owner, action->special_use);
    return box != NULL ? box : filter_mailbox_find(store, owner, action->mailbox, TEXT(""));
}

/* RFC 5490 3.2. What can't be made is told, and the message goes to INBOX. */
static enum naming create(struct plan *plan, const struct filtered *filtered,
                          const struct sieve_action *action)
{
    struct store *store = plan->queue->store;
    return mailbox_create(store, filtered->owner, canonical(action->mailbox, &plan->arena),
                          mailbox_use_named(action->special_use));
}

static struct filter_copy *copy_in(struct filtered *filtered, uint64_t mailbox)
{
    for (unsigned i = 0; i < filtered->copy_count; i++)
        if (filtered->copies[i].mailbox == mailbox)
            return &filtered->copies[i];
    return NULL;
}

static void add_copy(struct filtered *filtered, struct filter_copy copy)
{
    /* RFC 5228 2.10.3: one in each mailbox. */
    if (copy_in(filtered, copy.mailbox) == NULL)
        filtered->copies[filtered->copy_count++] = copy;
}

static uint64_t copy_target(const struct mailbox *box)
{
    return text_equals(mailbox_name(box), TEXT("INBOX")) ? 0 : mailbox_id(box);
}

/* Of what every mail program looks for, some may not be there before the first of them came. */
static enum status file_into(struct plan *plan, struct filtered *filtered,
                             const struct sieve_action *action)
{
    struct store *store = plan->queue->store;
    struct mailbox *box = meant_by(store, filtered->owner, action);
    enum status status = OK;
    enum naming made = NAMING_MISSING;
    if (box == NULL) {
        status = mailboxes_begin(store, filtered->owner);
        box = meant_by(store, filtered->owner, action);
    }
    if (box == NULL && status == OK && action->create) {
        made = create(plan, filtered, action);
        box = meant_by(store, filtered->owner, action);
    }
    if (status != OK || made == NAMING_LATER)
        return TRY_LATER;
    struct filter_copy copy = {.action = action};
    if (box != NULL)
        copy.mailbox = copy_target(box);
    else
        copy.note =
            arena_printf(&plan->arena, "there is no mailbox %.*s", TEXT_ARG(action->mailbox));
    add_copy(filtered, copy);
    return OK;
}

enum status filter_mailboxes(struct plan *plan, struct filtered *filtered)
{
    struct sieve_result *result = &filtered->result;
    enum status status = OK;
    filtered->copies =
        arena_array(&plan->arena, result->action_count + 1, sizeof(*filtered->copies));
    for (unsigned i = 0; i < result->action_count && status == OK; i++) {
        const struct sieve_action *action = &result->actions[i];
        if (action->kind == SIEVE_KEEP)
            add_copy(filtered, (struct filter_copy){.action = action});
        else if (action->kind == SIEVE_FILEINTO)
            status = file_into(plan, filtered, action);
    }
    return status;
}

void filter_keep(struct filtered *filtered, struct text note)
{
    static const struct sieve_action keep = {.kind = SIEVE_KEEP};
    if (filtered->copy_count == 0)
        add_copy(filtered, (struct filter_copy){.action = &keep, .note = note});
}
