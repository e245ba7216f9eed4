#include "store/kept.h"

#include "base/check.h"
#include "base/clock.h"
#include "store/internal.h"

/* No address begins with it: it would have to be quoted. */
#define PREFIX "deleted:"

enum { SOME = 512, TOGETHER_S = 60 };

struct text kept_owner(struct text owner, struct arena *arena)
{
    return arena_printf(arena, PREFIX "%.*s", TEXT_ARG(owner));
}

bool kept_is_owner(struct text owner, struct text *of)
{
    if (!text_starts_with(owner, TEXT(PREFIX)))
        return false;
    if (of != NULL)
        *of = text_from_position(owner, sizeof(PREFIX) - 1);
    return true;
}

/* Where to */

static bool count_name(void *context, struct text name, struct mailbox *box)
{
    unused(name);
    unused(box);
    return ++*(unsigned *)context < MAILBOXES_MOST;
}

/* Under INBOX there is always room: what has too long a name, or one too many, goes there. */
static struct mailbox *find_place(struct store *store, struct text owner, struct text name)
{
    struct mailbox *kept = mailbox_named(store, owner, name);
    unsigned count = 0;
    if (kept != NULL)
        return kept;
    mailbox_each_name(store, owner, TEXT(""), count_name, &count);
    if (count < MAILBOXES_MOST)
        kept = mailbox_find_or_make(store, owner, name);
    return kept != NULL ? kept : mailbox_find_or_make(store, owner, TEXT("INBOX"));
}

static bool keeps(const struct mailbox *box)
{
    const struct store_hooks *hooks = &box->store->hooks;
    return hooks->keeps != NULL && !kept_is_owner(box->owner, NULL) &&
           hooks->keeps(hooks->context, box->owner);
}

struct mailbox *kept_place(struct mailbox *box)
{
    struct arena arena;
    struct mailbox *place = NULL;
    /* What is being removed already is not kept twice. */
    mailbox_settle(box);
    if (!keeps(box))
        return NULL;
    arena_init(&arena);
    struct text owner = kept_owner(box->owner, &arena);
    while ((place = find_place(box->store, owner, box->name)) != NULL && place->is_going)
        store_settle(box->store);
    arena_finish(&arena);
    return place;
}

/* Letting go */

/* The oldest entry, from the index: most have nothing to let go, and are not to be loaded. */
static bool take_first(void *context, struct text key, struct text value)
{
    unused(key);
    return !entry_decode(value, context);
}

static uint32_t oldest_s(struct mailbox *box)
{
    struct mailbox_entry entry = {.saved_s = UINT32_MAX};
    struct key key;
    index_scan(box->store->index, key_entries(&key, box->id), TEXT(""), take_first, &entry);
    return entry.saved_s;
}

struct oldest {
    struct mailbox *box; /* NULL: nothing is kept */
    uint32_t saved_s;
};

static bool compare_box(void *context, struct text name, struct mailbox *box)
{
    struct oldest *oldest = context;
    unused(name);
    uint32_t saved_s = box->is_going ? UINT32_MAX : oldest_s(box);
    if (saved_s < oldest->saved_s)
        *oldest = (struct oldest){box, saved_s};
    return true;
}

static struct oldest find_oldest(struct store *store, struct text kept)
{
    struct oldest oldest = {.saved_s = UINT32_MAX};
    mailbox_each_name(store, kept, TEXT(""), compare_box, &oldest);
    return oldest;
}

/* The oldest of them, and what was removed together with it. TRY_LATER too when the index, which
 * was asked for the oldest, does not have it: then nothing would ever go. YIELDS. */
static enum status expire_some(struct mailbox *box, uint32_t last_s)
{
    uint32_t uids[SOME];
    unsigned count = 0;
    mailbox_open(box);
    for (unsigned i = 0; i < box->count && count < SOME && box->entries[i].saved_s <= last_s; i++)
        uids[count++] = box->entries[i].uid;
    enum status status = count > 0 ? mailbox_expunge(box, uids, count)
                                   : try_later("the index does not have what is kept the longest");
    mailbox_close(&box);
    return status;
}

struct empty {
    struct arena *arena;
    struct text name;
};

static bool find_empty(void *context, struct text name, struct mailbox *box)
{
    struct empty *empty = context;
    if (!mailbox_is_empty(box))
        return true;
    empty->name = arena_copy(empty->arena, name);
    return false;
}

/* YIELDS. */
static enum status drop_empty(struct store *store, struct text kept, struct arena *arena)
{
    struct empty empty;
    enum naming naming;
    do {
        empty = (struct empty){.arena = arena};
        mailbox_each_name(store, kept, TEXT(""), find_empty, &empty);
        naming = text_is_empty(empty.name) ? NAMING_MISSING
                                           : mailbox_delete_empty(store, kept, empty.name);
    } while (naming == NAMING_DONE);
    return naming == NAMING_LATER ? TRY_LATER : OK;
}

/* Nothing of a time before it is kept; what would not fit is beyond all of them. */
static uint32_t to_seconds(int64_t wall_ms)
{
    if (wall_ms < 0)
        return 0;
    return wall_ms / SECOND > UINT32_MAX ? UINT32_MAX : (uint32_t)(wall_ms / SECOND);
}

enum status kept_expire(struct store *store, struct text owner, int64_t before_ms, uint64_t most)
{
    struct arena arena;
    enum status status = OK;
    uint32_t before_s = to_seconds(before_ms);
    arena_init(&arena);
    struct text kept = kept_owner(owner, &arena);
    for (;;) {
        struct oldest oldest = find_oldest(store, kept);
        bool is_over = mailbox_owner_totals(store, kept).bytes > most;
        if (status != OK || oldest.box == NULL || (!is_over && oldest.saved_s >= before_s))
            break;
        status = expire_some(oldest.box, oldest.saved_s < before_s ? before_s - 1
                                                                   : oldest.saved_s + TOGETHER_S);
    }
    if (status == OK)
        status = drop_empty(store, kept, &arena);
    arena_finish(&arena);
    return status;
}
