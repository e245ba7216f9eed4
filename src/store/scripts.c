#include "store/scripts.h"

#include "base/check.h"
#include "base/encoding.h"
#include "store/value.h"

/* Values "sieve/NAME" and "sieve-active". */
#define PREFIX "sieve/"
#define ACTIVE TEXT("sieve-active")

bool script_name_is_valid(struct text name)
{
    for (size_t i = 0; i < name.length; i++)
        if ((unsigned char)name.data[i] < ' ' || name.data[i] == 127)
            return false;
    return name.length > 0 && name.length <= SCRIPT_NAME_MAX && utf8_is_valid(name);
}

bool script_is_value(struct text name)
{
    return text_starts_with(name, TEXT(PREFIX)) || text_equals(name, ACTIVE);
}

static struct text value_name(struct text name, struct arena *arena)
{
    return arena_printf(arena, PREFIX "%.*s", TEXT_ARG(name));
}

bool script_get(struct store *store, struct text owner, struct text name, struct buffer *out)
{
    struct arena arena;
    arena_init(&arena);
    buffer_reset(out, SIZE_MAX);
    bool found =
        script_name_is_valid(name) && value_get(store, owner, value_name(name, &arena), out);
    arena_finish(&arena);
    return found;
}

void script_active(struct store *store, struct text owner, struct buffer *out)
{
    buffer_reset(out, SIZE_MAX);
    if (!value_get(store, owner, ACTIVE, out))
        buffer_reset(out, SIZE_MAX);
}

struct walk {
    script_visit *visit;
    void *context;
    unsigned count;
};

static bool visit_one(void *context, struct text name, struct text value)
{
    struct walk *walk = context;
    walk->count++;
    return walk->visit == NULL ||
           walk->visit(walk->context, text_from_position(name, sizeof(PREFIX) - 1), value.length);
}

void scripts_each(struct store *store, struct text owner, script_visit *visit, void *context)
{
    struct walk walk = {.visit = visit, .context = context};
    value_each(store, owner, TEXT(PREFIX), visit_one, &walk);
}

static bool is_active(struct store *store, struct text owner, struct text name)
{
    struct buffer active;
    buffer_init(&active, VALUE_BYTES_MAX);
    script_active(store, owner, &active);
    bool is = text_equals(buffer_text(&active), name);
    buffer_finish(&active);
    return is;
}

static bool exists(struct store *store, struct text owner, struct text name)
{
    struct buffer source;
    buffer_init(&source, VALUE_BYTES_MAX);
    bool found = script_get(store, owner, name, &source);
    buffer_finish(&source);
    return found;
}

enum script_outcome script_fits(struct store *store, struct text owner, struct text name,
                                uint64_t bytes)
{
    struct walk walk = {0};
    if (bytes > SCRIPT_BYTES_MAX)
        return SCRIPT_TOO_LONG;
    value_each(store, owner, TEXT(PREFIX), visit_one, &walk);
    return walk.count >= SCRIPTS_MAX && !exists(store, owner, name) ? SCRIPT_TOO_MANY : SCRIPT_DONE;
}

/* A value of no bytes would be none, so an empty script is a comment. */
static struct text kept_source(struct text source)
{
    return text_is_empty(source) ? TEXT("#") : source;
}

enum script_outcome script_put(struct store *store, struct text owner, struct text name,
                               struct text source)
{
    enum script_outcome outcome = script_fits(store, owner, name, source.length);
    if (outcome != SCRIPT_DONE)
        return outcome;
    struct arena arena;
    arena_init(&arena);
    enum status status = value_set(store, owner, value_name(name, &arena), kept_source(source));
    arena_finish(&arena);
    return status == OK ? SCRIPT_DONE : SCRIPT_LATER;
}

enum script_outcome script_delete(struct store *store, struct text owner, struct text name)
{
    if (!exists(store, owner, name))
        return SCRIPT_ABSENT;
    if (is_active(store, owner, name))
        return SCRIPT_IN_USE;
    struct arena arena;
    arena_init(&arena);
    enum status status = value_set(store, owner, value_name(name, &arena), TEXT(""));
    arena_finish(&arena);
    return status == OK ? SCRIPT_DONE : SCRIPT_LATER;
}

static enum status commit_rename(struct store *store, struct text owner, struct text from,
                                 struct text to)
{
    struct buffer source;
    struct arena arena;
    struct change change;
    buffer_init(&source, VALUE_BYTES_MAX);
    arena_init(&arena);
    change_init(&change);
    check(script_get(store, owner, from, &source)); /* who asks has just found it */
    bool composed = value_compose(&change, owner, value_name(to, &arena), buffer_text(&source));
    value_compose(&change, owner, value_name(from, &arena), TEXT(""));
    if (is_active(store, owner, from))
        value_compose(&change, owner, ACTIVE, to);
    enum status status = composed ? store_commit(store, &change) : refused("the name is too long");
    change_finish(&change);
    arena_finish(&arena);
    buffer_finish(&source);
    return status;
}

enum script_outcome script_rename(struct store *store, struct text owner, struct text from,
                                  struct text to)
{
    if (!exists(store, owner, from))
        return SCRIPT_ABSENT;
    if (exists(store, owner, to))
        return SCRIPT_EXISTS;
    return commit_rename(store, owner, from, to) == OK ? SCRIPT_DONE : SCRIPT_LATER;
}

enum script_outcome script_activate(struct store *store, struct text owner, struct text name)
{
    if (!text_is_empty(name) && !exists(store, owner, name))
        return SCRIPT_ABSENT;
    return value_set(store, owner, ACTIVE, name) == OK ? SCRIPT_DONE : SCRIPT_LATER;
}
