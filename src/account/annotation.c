/* Values of the mailbox's owner, "mailbox/ID/metadata/shared/..." and for each user
 * "mailbox/ID/metadata/private/USER<1>/..."; for the server the same below "server/metadata", of
 * the user, or of the site. */
#include "account/annotation.h"

#include <inttypes.h>

#include "base/check.h"
#include "store/value.h"
#include "store/watch.h"

#define PRIVATE "/private"
#define SHARED "/shared"

bool annotation_is_private(struct text name)
{
    return text_starts_with(name, TEXT(PRIVATE "/"));
}

/* Also of what is no entry itself: of all that are. */
static bool is_below_private(struct text name)
{
    return annotation_is_private(name) || text_equals(name, TEXT(PRIVATE));
}

static bool is_plain(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        unsigned char byte = (unsigned char)name.data[i];
        bool ends_level = byte == '/' && (i + 1 == name.length || name.data[i + 1] == '/');
        if (byte < 33 || byte > 126 || byte == '*' || byte == '%' || ends_level)
            return false;
    }
    return true;
}

bool annotation_name(struct text written, struct arena *arena, struct text *out)
{
    if (written.length > ANNOTATION_NAME_MAX || !is_plain(written))
        return false;
    char *lower = arena_alloc(arena, written.length + 1);
    for (size_t i = 0; i < written.length; i++) {
        char byte = written.data[i];
        lower[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    *out = text_of(lower, written.length);
    return annotation_is_private(*out) || text_starts_with(*out, TEXT(SHARED "/"));
}

static struct text owner_of(const struct annotation_scope *scope, struct text name)
{
    if (scope->box != NULL)
        return mailbox_owner(scope->box);
    return is_below_private(name) ? scope->user : ACCOUNT_PUBLIC;
}

/* Up to where names of entries begin: the name of an entry follows, without "/private". */
static struct text put_prefix(const struct annotation_scope *scope, bool is_private,
                              struct buffer *out)
{
    buffer_init(out, 4096);
    if (scope->box != NULL)
        buffer_printf(out, "mailbox/%016" PRIx64 "/metadata", mailbox_id(scope->box));
    else
        buffer_append(out, TEXT("server/metadata"));
    if (is_private)
        buffer_printf(out, PRIVATE "/%.*s\001", TEXT_ARG(scope->user));
    return buffer_text(out);
}

static struct text put_name(const struct annotation_scope *scope, struct text name,
                            struct buffer *out)
{
    bool is_private = is_below_private(name);
    put_prefix(scope, is_private, out);
    buffer_append(out, text_from_position(name, is_private ? sizeof(PRIVATE) - 1 : 0));
    return buffer_text(out);
}

struct walk {
    struct text entry;  /* as it is asked for */
    struct text stored; /* as it is kept */
    annotation_visit *visit;
    void *context;
};

/* "/a-b" lies between "/a" and "/a/b" and is neither. */
static bool visit_one(void *context, struct text name, struct text value)
{
    const struct walk *walk = context;
    struct text rest = text_from_position(name, walk->stored.length);
    if (rest.length > 0 && rest.data[0] != '/')
        return true;
    char whole[2 * ANNOTATION_NAME_MAX];
    if (walk->entry.length + rest.length > sizeof(whole))
        return true;
    for (size_t i = 0; i < walk->entry.length; i++)
        whole[i] = walk->entry.data[i];
    for (size_t i = 0; i < rest.length; i++)
        whole[walk->entry.length + i] = rest.data[i];
    return walk->visit(walk->context, text_of(whole, walk->entry.length + rest.length),
                       text_from_position(value, 1));
}

void annotation_each(const struct annotation_scope *scope, struct text name,
                     annotation_visit *visit, void *context)
{
    struct buffer stored;
    struct walk walk = {name, put_name(scope, name, &stored), visit, context};
    value_each(scope->store, owner_of(scope, name), walk.stored, visit_one, &walk);
    buffer_finish(&stored);
}

/* Setting */

static bool count_one(void *context, struct text name, struct text value)
{
    unused(name);
    unused(value);
    return ++*(unsigned *)context <= ANNOTATIONS_MAX;
}

static unsigned count_of(const struct annotation_scope *scope, bool is_private)
{
    struct buffer prefix;
    unsigned count = 0;
    put_prefix(scope, is_private, &prefix);
    if (!is_private)
        buffer_append(&prefix, TEXT(SHARED "/"));
    struct text owner = scope->box != NULL ? mailbox_owner(scope->box)
                        : is_private       ? scope->user
                                           : ACCOUNT_PUBLIC;
    value_each(scope->store, owner, buffer_text(&prefix), count_one, &count);
    buffer_finish(&prefix);
    return count;
}

/* Room for all of them as if they were new: who is at the limit may still remove. */
static bool has_room(const struct annotation_scope *scope, const struct annotation *annotations,
                     unsigned count)
{
    unsigned added[2] = {0, 0};
    for (unsigned i = 0; i < count; i++)
        added[annotation_is_private(annotations[i].name)] += annotations[i].value.data != NULL;
    for (unsigned is_private = 0; is_private < 2; is_private++)
        if (added[is_private] > 0 &&
            count_of(scope, is_private) + added[is_private] > ANNOTATIONS_MAX)
            return false;
    return true;
}

/* A value that is empty is there all the same: one byte stands before each. */
static enum annotating compose(const struct annotation_scope *scope, struct change *change,
                               const struct annotation *annotation)
{
    struct buffer name, value;
    struct text owner = owner_of(scope, annotation->name);
    put_name(scope, annotation->name, &name);
    buffer_init(&value, ANNOTATION_VALUE_MAX + 1);
    if (annotation->value.data != NULL) {
        buffer_append_byte(&value, '=');
        buffer_append(&value, annotation->value);
    }
    bool fits =
        !value.overflowed && value_compose(change, owner, buffer_text(&name), buffer_text(&value));
    buffer_finish(&name);
    buffer_finish(&value);
    return fits ? ANNOTATING_DONE : ANNOTATING_TOO_LARGE;
}

/* What the notes are on may be gone by now. */
static void wake_watchers(struct store *store, uint64_t mailbox, struct text user,
                          const struct annotation *annotations, unsigned count)
{
    struct annotation_scope scope = {.store = store, .user = user};
    if (mailbox != 0 && (scope.box = mailbox_find_id(store, mailbox)) == NULL)
        return;
    for (unsigned i = 0; i < count; i++)
        mailbox_watchers_wake(store, owner_of(&scope, annotations[i].name));
}

enum annotating annotation_set(struct store *store, uint64_t mailbox, struct text user,
                               const struct annotation *annotations, unsigned count)
{
    if (count == 0)
        return ANNOTATING_DONE;
    store_settle(store); /* what is on its way counts */
    struct annotation_scope scope = {.store = store, .user = user};
    struct change change;
    if (mailbox != 0)
        scope.box = mailbox_find_id(store, mailbox);
    if (mailbox != 0 && (scope.box == NULL || mailbox_is_deleted(scope.box)))
        return ANNOTATING_GONE;
    if (!has_room(&scope, annotations, count))
        return ANNOTATING_TOO_MANY;
    enum annotating result = ANNOTATING_DONE;
    change_init(&change);
    for (unsigned i = 0; i < count && result == ANNOTATING_DONE; i++)
        result = compose(&scope, &change, &annotations[i]);
    if (result == ANNOTATING_DONE && change.operations.overflowed)
        result = ANNOTATING_TOO_LARGE;
    if (result == ANNOTATING_DONE && store_commit(store, &change) != OK)
        result = ANNOTATING_LATER;
    change_finish(&change);
    if (result == ANNOTATING_DONE)
        wake_watchers(store, mailbox, user, annotations, count);
    return result;
}
