#include "store/hierarchy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "base/encoding.h"
#include "store/internal.h"
#include "store/kept.h"
#include "store/value.h"
#include "store/watch.h"

enum { NAME_BYTES_MAX = 400, RECORD_BYTES = 1 << 20, SOME = 512 };

/* One at a time */

/* False: this task is to end. YIELDS. */
static bool begin(struct store *store)
{
    while (store->is_naming)
        if (task_event_wait(&store->named, NO_DEADLINE) != OK)
            return false;
    store->is_naming = true;
    return true;
}

static enum naming end(struct store *store, enum naming result)
{
    store->is_naming = false;
    task_event_tell_one(&store->named);
    return result;
}

/* Names */

static bool is_level(struct text level)
{
    for (size_t i = 0; i < level.length; i++)
        if ((unsigned char)level.data[i] < 32 || level.data[i] == 127)
            return false;
    return level.length > 0;
}

bool mailbox_name_is_valid(struct text owner, struct text name)
{
    if (name.length == 0 || name.length > NAME_BYTES_MAX || name.data[name.length - 1] == '/' ||
        owner.length + name.length > MAILBOX_NAMES_MAX || !utf8_is_valid(name))
        return false;
    struct text level;
    while (text_split(&name, '/', &level))
        if (!is_level(level))
            return false;
    return true;
}

/* Is `name` below `above`: does it begin with it and a "/"? */
static bool is_below(struct text name, struct text above)
{
    return name.length > above.length && text_starts_with(name, above) &&
           name.data[above.length] == '/';
}

struct walk {
    struct store *store;
    mailbox_name_visit *visit;
    void *context;
    size_t owner_length;
};

static bool visit_one(void *context, struct text key, struct text value)
{
    const struct walk *walk = context;
    struct wire_reader in = wire_reader_of(value);
    struct mailbox *box = mailbox_by_id(walk->store, wire_get_u64(&in));
    return box == NULL ||
           walk->visit(walk->context, text_from_position(key, walk->owner_length + 2), box);
}

void mailbox_each_name(struct store *store, struct text owner, struct text prefix,
                       mailbox_name_visit *visit, void *context)
{
    struct key key;
    struct walk walk = {store, visit, context, owner.length};
    struct text from = key_owner(&key, owner, prefix);
    if (!text_is_empty(from))
        index_scan(store->index, from, TEXT(""), visit_one, &walk);
}

/* The first name behind those of an owner: index keys are owner NUL name. */
struct owner_search {
    char owner[KEY_BYTES];
    size_t length;
    bool found;
};

static bool take_owner(void *context, struct text key, struct text value)
{
    struct owner_search *search = context;
    unused(value);
    struct text owner = text_before(text_from_position(key, 1), '\0');
    check(owner.length < sizeof(search->owner)); /* no key is longer */
    search->found = true;
    search->length = owner.length;
    memcpy(search->owner, owner.data, owner.length);
    return false;
}

/* Owners of either kind: of mailboxes, or of what is kept. */
static void each_owner(struct store *store, bool is_kept, mailbox_owner_visit *visit, void *context)
{
    struct owner_search search = {0};
    char from[KEY_BYTES + 2] = "b";
    size_t length = 0;
    for (;;) {
        search.found = false;
        index_scan(store->index, TEXT("b"), text_of(from, length), take_owner, &search);
        if (!search.found)
            return;
        memcpy(from + 1, search.owner, search.length);
        from[1 + search.length] = 1; /* behind the NUL, whatever the name */
        length = search.length + 2;
        struct text owner = text_of(search.owner, search.length);
        if (kept_is_owner(owner, &owner) == is_kept && !visit(context, owner))
            return;
    }
}

void mailbox_each_owner(struct store *store, mailbox_owner_visit *visit, void *context)
{
    each_owner(store, false, visit, context);
}

void kept_each_owner(struct store *store, mailbox_owner_visit *visit, void *context)
{
    each_owner(store, true, visit, context);
}

struct search {
    struct text above;
    bool found;
};

static bool find_below(void *context, struct text name, struct mailbox *box)
{
    struct search *search = context;
    unused(box);
    search->found = is_below(name, search->above);
    /* "a b" and "a-b" lie between "a" and "a/b". */
    return !search->found;
}

/* Some mailbox lies below. */
static bool has_mailbox_below(struct store *store, struct text owner, struct text name)
{
    struct search search = {.above = name};
    mailbox_each_name(store, owner, name, find_below, &search);
    return search.found;
}

static bool count_one(void *context, struct text name, struct mailbox *box)
{
    unused(name);
    unused(box);
    return ++*(unsigned *)context < MAILBOXES_MOST;
}

/* Making */

/* What one change makes; to be undone when it fails. */
struct making {
    struct store *store;
    struct text owner;
    struct change change;
    struct mailbox *made[NAME_BYTES_MAX];
    unsigned count;
};

static void making_init(struct making *making, struct store *store, struct text owner)
{
    *making = (struct making){.store = store, .owner = owner};
    change_init(&making->change);
}

static void make_one(struct making *making, struct text name, unsigned uses)
{
    struct mailbox *box = mailbox_make(making->store, making->owner, name, uses);
    making->made[making->count++] = box;
    mailbox_compose_box(box, &making->change);
}

/* The levels above a name that are no mailboxes. */
static void make_above(struct making *making, struct text name)
{
    for (size_t i = 1; i < name.length; i++) {
        struct text above = text_head(name, i);
        if (name.data[i] == '/' && mailbox_named(making->store, making->owner, above) == NULL)
            make_one(making, above, 0);
    }
}

/* YIELDS. */
static enum status making_commit(struct making *making)
{
    enum status status = store_commit(making->store, &making->change);
    for (unsigned i = 0; i < making->count && status != OK; i++)
        mailbox_unmake(making->made[i]);
    change_finish(&making->change);
    return status;
}

static enum naming create(struct store *store, struct text owner, struct text name, unsigned uses)
{
    unsigned count = 0;
    if (mailbox_named(store, owner, name) != NULL)
        return NAMING_EXISTS;
    mailbox_each_name(store, owner, TEXT(""), count_one, &count);
    if (count >= MAILBOXES_MOST)
        return NAMING_TOO_MANY;
    struct making *making = malloc(sizeof(*making));
    check(making != NULL);
    making_init(making, store, owner);
    make_above(making, name);
    make_one(making, name, uses);
    enum status status = making_commit(making);
    free(making);
    return status == OK ? NAMING_DONE : NAMING_LATER;
}

enum naming mailbox_create(struct store *store, struct text owner, struct text name, unsigned uses)
{
    if (!mailbox_name_is_valid(owner, name))
        return NAMING_MALFORMED;
    if (!begin(store))
        return NAMING_LATER;
    return end(store, create(store, owner, name, uses));
}

/* Deleting */

struct dropping {
    struct change *change;
    struct text owner;
};

static enum status empty(struct mailbox *box)
{
    uint32_t uids[SOME];
    enum status status = OK;
    while (status == OK && box->count > 0) {
        unsigned count = 0;
        for (; count < box->count && count < SOME; count++)
            uids[count] = box->entries[count].uid;
        status = mailbox_expunge(box, uids, count);
    }
    return status;
}

static bool drop_value(void *context, struct text name, struct text value)
{
    const struct dropping *dropping = context;
    unused(value);
    value_compose(dropping->change, dropping->owner, name, TEXT(""));
    return true;
}

/* What the owner keeps of it. */
static void drop_values(struct mailbox *box, struct change *change)
{
    char prefix[32];
    struct dropping dropping = {change, box->owner};
    snprintf(prefix, sizeof(prefix), "mailbox/%016" PRIx64 "/", box->id);
    value_each(box->store, box->owner, text_from(prefix), drop_value, &dropping);
}

static enum naming delete_box(struct mailbox *box, mailbox_delete_compose *compose, void *context)
{
    struct store *store = box->store;
    struct change change;
    struct operation operation = {.type = OPERATION_MAILBOX_DELETE, .mailbox_delete = box->id};
    change_init(&change);
    box->is_going = true;
    mailbox_open(box);
    /* First what is in it, with what is on its way, so that no record does too much at once. */
    store_settle(store);
    enum status status = empty(box);
    drop_values(box, &change);
    if (compose != NULL)
        compose(context, box, &change);
    change_add(&change, &operation);
    if (status == OK)
        status = store_commit(store, &change);
    change_finish(&change);
    box->is_going = status == OK;
    mailbox_close(&box);
    return status == OK ? NAMING_DONE : NAMING_LATER;
}

enum naming mailbox_delete(struct store *store, struct text owner, struct text name)
{
    return mailbox_delete_with(store, owner, name, NULL, NULL);
}

enum naming mailbox_delete_with(struct store *store, struct text owner, struct text name,
                                mailbox_delete_compose *compose, void *context)
{
    if (text_equals(name, TEXT("INBOX")))
        return NAMING_INBOX;
    if (!begin(store))
        return NAMING_LATER;
    struct mailbox *box = mailbox_named(store, owner, name);
    if (box != NULL)
        return end(store, delete_box(box, compose, context));
    bool has_children = has_mailbox_below(store, owner, name);
    return end(store, has_children ? NAMING_HAS_CHILDREN : NAMING_MISSING);
}

bool mailbox_is_empty(const struct mailbox *box)
{
    return box->totals.messages == 0 && box->uid_given == box->uid_next && !box->is_going;
}

enum naming mailbox_delete_empty(struct store *store, struct text owner, struct text name)
{
    if (!begin(store))
        return NAMING_LATER;
    struct mailbox *box = mailbox_named(store, owner, name);
    bool is_empty = box != NULL && mailbox_is_empty(box);
    return end(store, is_empty ? delete_box(box, NULL, NULL) : NAMING_MISSING);
}

/* Renaming */

/* Mailboxes to be renamed: none goes away before end(). */
struct renaming {
    struct store *store;
    struct text owner, from, to;
    struct mailbox **boxes;
    unsigned count, done;
    bool is_taken; /* a new name */
    bool is_long;
};

static struct text new_name(const struct renaming *renaming, struct text name, char *out)
{
    size_t length = renaming->to.length;
    for (size_t i = 0; i < length; i++)
        out[i] = renaming->to.data[i];
    for (size_t i = renaming->from.length; i < name.length; i++)
        out[length++] = name.data[i];
    return text_of(out, length);
}

static bool plan_one(void *context, struct text name, struct mailbox *box)
{
    struct renaming *renaming = context;
    char room[2 * KEY_BYTES];
    if (!text_equals(name, renaming->from) && !is_below(name, renaming->from))
        return true;
    struct text next = new_name(renaming, name, room);
    renaming->is_long = !mailbox_name_is_valid(renaming->owner, next);
    renaming->is_taken = mailbox_named(renaming->store, renaming->owner, next) != NULL;
    if (renaming->is_taken || renaming->is_long)
        return false;
    renaming->boxes = array_grow(renaming->boxes, renaming->count, sizeof(struct mailbox *));
    renaming->boxes[renaming->count++] = box;
    return true;
}

static void settle_name(struct mailbox *box)
{
    free((char *)box->name_given.data);
    box->name_given = TEXT("");
    box->name_given.data = NULL;
}

/* As many as go into one record, with the levels above the new name. YIELDS. */
static enum status rename_some(struct renaming *renaming, struct making *making)
{
    unsigned first = renaming->done;
    while (renaming->done < renaming->count && making->change.operations.length < RECORD_BYTES) {
        struct mailbox *box = renaming->boxes[renaming->done++];
        char room[2 * KEY_BYTES];
        struct operation operation = {.type = OPERATION_MAILBOX};
        struct text next = new_name(renaming, box->name, room);
        box->name_given = text_of(text_to_string(next), next.length);
        mailbox_describe(box, &operation.mailbox);
        change_add(&making->change, &operation);
    }
    enum status status = making_commit(making);
    for (unsigned i = first; i < renaming->done; i++)
        settle_name(renaming->boxes[i]);
    return status;
}

static enum naming rename_planned(struct renaming *renaming)
{
    struct making *making = malloc(sizeof(*making));
    check(making != NULL);
    enum status status = OK;
    while (status == OK && renaming->done < renaming->count) {
        making_init(making, renaming->store, renaming->owner);
        if (renaming->done == 0)
            make_above(making, renaming->to);
        status = rename_some(renaming, making);
    }
    free(making);
    return status == OK ? NAMING_DONE : NAMING_LATER;
}

static enum naming rename_tree(struct renaming *renaming)
{
    mailbox_each_name(renaming->store, renaming->owner, renaming->from, plan_one, renaming);
    enum naming result = NAMING_MISSING;
    if (renaming->is_long)
        result = NAMING_MALFORMED;
    else if (renaming->is_taken)
        result = NAMING_EXISTS;
    else if (renaming->count > 0)
        result = rename_planned(renaming);
    free(renaming->boxes);
    return result;
}

/* The first entries below end. YIELDS before it looks. */
static unsigned oldest(struct mailbox *box, uint32_t end, uint32_t *uids)
{
    unsigned count = 0;
    mailbox_settle_gone(box);
    for (; count < box->count && count < SOME && box->entries[count].uid < end; count++)
        uids[count] = box->entries[count].uid;
    return count;
}

/* Everything that is in INBOX goes to the new mailbox. */
static enum naming move_inbox(struct store *store, struct text owner, struct text to)
{
    struct mailbox *inbox = mailbox_find_or_make(store, owner, TEXT("INBOX"));
    enum naming result = create(store, owner, to, 0);
    if (result != NAMING_DONE || inbox == NULL)
        return result;
    struct mailbox *box = mailbox_named(store, owner, to);
    check(box != NULL);
    uint32_t uids[SOME], first;
    enum status status = OK;
    mailbox_open(inbox);
    mailbox_open(box);
    uint32_t end_uid = inbox->uid_next; /* what comes meanwhile stays */
    unsigned count;
    while (status == OK && (count = oldest(inbox, end_uid, uids)) > 0)
        status = mailbox_copy(inbox, box, uids, &count, true, &first);
    mailbox_close(&inbox);
    mailbox_close(&box);
    return status == OK ? NAMING_DONE : NAMING_LATER;
}

enum naming mailbox_rename(struct store *store, struct text owner, struct text from, struct text to)
{
    if (!mailbox_name_is_valid(owner, to))
        return NAMING_MALFORMED;
    if (text_equals(to, TEXT("INBOX")) || text_equals(from, to))
        return NAMING_EXISTS;
    if (!begin(store))
        return NAMING_LATER;
    if (text_equals(from, TEXT("INBOX")))
        return end(store, move_inbox(store, owner, to));
    if (is_below(to, from))
        return end(store, NAMING_WITHIN);
    struct renaming renaming = {.store = store, .owner = owner, .from = from, .to = to};
    if (mailbox_named(store, owner, to) != NULL)
        return end(store, NAMING_EXISTS);
    return end(store, rename_tree(&renaming));
}

enum status mailbox_set_uses(struct store *store, uint64_t id, unsigned uses)
{
    if (!begin(store))
        return try_later("the server is stopping");
    struct mailbox *box = mailbox_by_id(store, id);
    enum status status = box == NULL ? refused("the mailbox was deleted") : OK;
    if (status == OK) {
        struct change change;
        struct operation operation = {.type = OPERATION_MAILBOX};
        unsigned old = box->uses;
        box->uses = uses; /* for records that follow before this one is applied */
        mailbox_describe(box, &operation.mailbox);
        change_init(&change);
        change_add(&change, &operation);
        status = store_commit(store, &change);
        change_finish(&change);
        if (status != OK)
            box->uses = old;
    }
    end(store, NAMING_DONE);
    return status;
}

/* The beginning */

/* What mail programs look for (RFC 6154 2). */
static const struct {
    const char *name;
    unsigned uses;
} first_mailboxes[] = {
    {"INBOX", 0},       {"Archive", USE_ARCHIVE}, {"Drafts", USE_DRAFTS},
    {"Junk", USE_JUNK}, {"Sent", USE_SENT},       {"Trash", USE_TRASH},
};

static void make_first(struct making *making)
{
    for (unsigned i = 0; i < sizeof(first_mailboxes) / sizeof(*first_mailboxes); i++) {
        struct text name = text_from(first_mailboxes[i].name);
        struct mailbox *box = mailbox_named(making->store, making->owner, name);
        if (box == NULL)
            make_one(making, name, first_mailboxes[i].uses);
        else
            mailbox_compose_box(box, &making->change);
        subscription_compose(&making->change, making->owner, name);
    }
}

enum status mailboxes_begin(struct store *store, struct text owner)
{
    static const struct text marker = {"mailboxes/begun", 15};
    struct buffer value;
    enum status status = OK;
    if (!begin(store))
        return try_later("the server is stopping");
    buffer_init(&value, 64);
    if (!value_get(store, owner, marker, &value)) {
        struct making *making = malloc(sizeof(*making));
        check(making != NULL);
        making_init(making, store, owner);
        make_first(making);
        value_compose(&making->change, owner, marker, TEXT("1"));
        status = making_commit(making);
        free(making);
    }
    buffer_finish(&value);
    end(store, NAMING_DONE);
    return status;
}
