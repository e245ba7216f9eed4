#include "account/keeping.h"

#include "account/preference.h"
#include "base/array.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "store/kept.h"

/* The oldest goes when there is too much, but that takes a while; whoever removes faster than that
 * would fill the disk. */
enum { TOO_MANY_TIMES = 2 };

static uint64_t kept_bytes(struct store *store, struct text owner)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t bytes = mailbox_owner_totals(store, kept_owner(owner, &arena)).bytes;
    arena_finish(&arena);
    return bytes;
}

bool keeping_is_on(const struct accounts *accounts, struct text owner, bool *is_full)
{
    *is_full = false;
    if (preference_get(accounts, owner, PREFERENCE_KEEP_DELETED) == 0)
        return false;
    uint64_t most = preference_get(accounts, owner, PREFERENCE_KEEP_DELETED_MOST);
    uint64_t bytes = most == 0 ? 0 : kept_bytes(accounts->store, owner);
    *is_full = bytes > most;
    return bytes / TOO_MANY_TIMES <= most;
}

/* Names are gathered first: what is done with each yields. */
struct names {
    struct arena *arena;
    struct text *at;
    unsigned count;
};

static bool add_name(void *context, struct text name)
{
    struct names *names = context;
    names->at = arena_grow(names->arena, names->at, names->count, sizeof(*names->at));
    names->at[names->count++] = arena_copy(names->arena, name);
    return true;
}

static bool add_mailbox_name(void *context, struct text name, struct mailbox *box)
{
    unused(box);
    return add_name(context, name);
}

enum status keeping_expire(const struct accounts *accounts, int64_t now_ms)
{
    struct arena arena;
    enum status status = OK;
    arena_init(&arena);
    struct names owners = {.arena = &arena};
    kept_each_owner(accounts->store, add_name, &owners);
    for (unsigned i = 0; i < owners.count && status == OK; i++) {
        struct text owner = owners.at[i];
        uint64_t time_ms = preference_get(accounts, owner, PREFERENCE_KEEP_DELETED);
        uint64_t most = preference_get(accounts, owner, PREFERENCE_KEEP_DELETED_MOST);
        /* 0: what was kept while it was another number goes, too, what came this second included.
         */
        int64_t before_ms = time_ms == 0 ? clock_wall_ms() + SECOND : now_ms - (int64_t)time_ms;
        status = kept_expire(accounts->store, owner, before_ms, most == 0 ? UINT64_MAX : most);
    }
    arena_finish(&arena);
    return status;
}

/* Giving back */

static void gather_names(struct store *store, const struct keeping_choice *choice,
                         struct names *names)
{
    struct text kept = kept_owner(choice->owner, names->arena);
    if (text_is_empty(choice->mailbox))
        mailbox_each_name(store, kept, TEXT(""), add_mailbox_name, names);
    else if (mailbox_find(store, kept, choice->mailbox) != NULL)
        add_name(names, choice->mailbox);
}

static bool is_chosen(const struct keeping_choice *choice, const struct mailbox_entry *entry)
{
    return (int64_t)entry->saved_s * SECOND >= choice->since_ms;
}

void keeping_each(struct store *store, const struct keeping_choice *choice, keeping_visit *visit,
                  void *context)
{
    struct arena arena;
    arena_init(&arena);
    struct names names = {.arena = &arena};
    gather_names(store, choice, &names);
    struct text kept = kept_owner(choice->owner, &arena);
    for (unsigned i = 0; i < names.count; i++) {
        struct mailbox *box = mailbox_find(store, kept, names.at[i]);
        unsigned count;
        if (box == NULL)
            continue;
        mailbox_open(box);
        const struct mailbox_entry *entries = mailbox_entries(box, &count);
        for (unsigned k = 0; k < count; k++)
            if (is_chosen(choice, &entries[k]))
                visit(context, names.at[i], &entries[k]);
        mailbox_close(&box);
    }
    arena_finish(&arena);
}

/* Where it was, or INBOX when there can be no such mailbox any more. YIELDS. */
static struct mailbox *find_target(struct store *store, struct text owner, struct text name)
{
    struct mailbox *box = mailbox_find(store, owner, name);
    if (box == NULL && mailbox_create(store, owner, name, 0) == NAMING_DONE)
        (void)mailbox_subscribe(store, owner, name, true);
    box = mailbox_find(store, owner, name);
    if (box == NULL)
        box = mailbox_find_or_make(store, owner, TEXT("INBOX"));
    return box;
}

/* The next that were chosen, behind *after. */
static unsigned gather_uids(const struct mailbox *box, const struct keeping_choice *choice,
                            uint32_t *after, uint32_t *uids)
{
    const struct mailbox_entry *entry;
    unsigned count = 0;
    while (count < MAILBOX_AT_ONCE && (entry = mailbox_entry_from(box, *after + 1)) != NULL) {
        *after = entry->uid;
        if (is_chosen(choice, entry))
            uids[count++] = entry->uid;
    }
    return count;
}

/* YIELDS. */
static enum status restore_box(struct store *store, const struct keeping_choice *choice,
                               struct mailbox *box, struct text name, uint64_t *restored)
{
    struct arena arena;
    uint32_t after = 0, first;
    unsigned count;
    enum status status = OK;
    arena_init(&arena);
    uint32_t *uids = arena_array(&arena, MAILBOX_AT_ONCE, sizeof(*uids));
    while (status == OK && (count = gather_uids(box, choice, &after, uids)) > 0) {
        struct mailbox *target = find_target(store, choice->owner, name);
        uint64_t target_id = target == NULL ? 0 : mailbox_id(target);
        mailbox_settle_gone(box); /* what is on its way out goes once */
        target = mailbox_find_id(store, target_id);
        status = target == NULL ? refused("there is no mailbox to put it back into")
                                : mailbox_copy(box, target, uids, &count, true, &first);
        *restored += status == OK ? count : 0;
    }
    arena_finish(&arena);
    return status;
}

enum status keeping_restore(struct store *store, const struct keeping_choice *choice,
                            uint64_t *restored)
{
    struct arena arena;
    enum status status = OK;
    arena_init(&arena);
    *restored = 0;
    struct names names = {.arena = &arena};
    gather_names(store, choice, &names);
    struct text kept = kept_owner(choice->owner, &arena);
    for (unsigned i = 0; i < names.count && status == OK; i++) {
        struct mailbox *box = mailbox_find(store, kept, names.at[i]);
        if (box == NULL)
            continue;
        mailbox_open(box);
        status = restore_box(store, choice, box, names.at[i], restored);
        mailbox_close(&box);
    }
    log_info("mailbox.undelete", "user=%s messages=%llu", log_text(choice->owner),
             (unsigned long long)*restored);
    arena_finish(&arena);
    return status;
}
