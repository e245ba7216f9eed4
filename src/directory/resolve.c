/* Who an address means: finding the object behind it, and expanding it down to mailboxes and
 * addresses elsewhere. A walk with its own stack and a set of what was seen: nothing recursive,
 * every list is opened once a call. */
#include "base/check.h"
#include "base/map.h"
#include "directory/directory.h"
#include "directory/state.h"
#include "mail/address.h"

enum found_kind { FOUND_NOBODY, FOUND_USER, FOUND_LIST, FOUND_SENDER, FOUND_STANDING };

struct found {
    enum found_kind kind;
    struct text key; /* of the user, list or rewritten sender; where a standing address leads ("":
                      * nowhere) */
};

static bool is_ours(const struct directory *directory, struct text key)
{
    return settings_domain_find(directory->settings, directory_domain(key)) != NULL;
}

static enum found_kind kind_of(struct directory *directory, struct text key)
{
    if (directory_list_kind(directory, key) != 0)
        return FOUND_LIST;
    const struct setting_domain *domain =
        settings_domain_find(directory->settings, directory_domain(key));
    /* Who takes dropped mail knows its users; we do not. */
    if (domain != NULL && domain->drops)
        return FOUND_USER;
    return directory_user_exists(directory, key) ? FOUND_USER : FOUND_NOBODY;
}

/* The key itself, or what stands before its "+tag". */
static struct found find_made(struct directory *directory, struct text key, struct arena *arena)
{
    struct found found = {kind_of(directory, key), key};
    struct text local_part = directory_local_part(key);
    size_t plus = text_find(local_part, '+');
    if (found.kind != FOUND_NOBODY || plus == 0 || plus == local_part.length)
        return found;
    struct text base = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(text_head(key, plus)),
                                    TEXT_ARG(directory_domain(key)));
    return (struct found){kind_of(directory, base), base};
}

struct first {
    struct arena *arena;
    struct text key;
};

static bool take_first(void *context, struct text index_key, struct text value)
{
    struct directory_record record;
    struct first *first = context;
    unused(index_key);
    if (!directory_record_decode(RECORD_USER, value, &record))
        return true;
    first->key = arena_copy(first->arena, record.key);
    return false;
}

static struct text first_recorded_user(struct directory *directory, struct text domain,
                                       struct arena *arena)
{
    struct first first = {arena, TEXT("")};
    struct buffer prefix;
    buffer_init(&prefix, INDEX_KEY_MAX);
    directory_index_domain(&prefix, INDEX_USER, domain);
    if (directory->index != NULL)
        index_scan(directory->index, buffer_text(&prefix), TEXT(""), take_first, &first);
    buffer_finish(&prefix);
    return first.key;
}

static struct text first_user(struct directory *directory, struct arena *arena)
{
    const struct settings *settings = directory->settings;
    struct text key = TEXT("");
    for (unsigned i = 0; i < settings->domain_count && key.length == 0; i++) {
        const struct setting_domain *domain = &settings->domains[i];
        key = domain->user_count > 0 ? directory_file_user_key(domain, 0, arena)
                                     : first_recorded_user(directory, domain->name, arena);
    }
    return key;
}

/* Where mail for postmaster@ and abuse@ goes when nobody was given that address. */
static struct text standing_target(struct directory *directory, struct arena *arena)
{
    struct text key, canonical, postmaster = directory->settings->postmaster;
    if (postmaster.length > 0 &&
        directory_address(directory, postmaster, arena, &key, &canonical) == OK &&
        (!is_ours(directory, key) || find_made(directory, key, arena).kind != FOUND_NOBODY))
        return key;
    return first_user(directory, arena);
}

static bool is_standing(struct text key)
{
    struct text local_part = directory_local_part(key);
    return text_equals(local_part, TEXT("postmaster")) || text_equals(local_part, TEXT("abuse"));
}

static struct found find(struct directory *directory, struct text key, struct arena *arena)
{
    struct found found = find_made(directory, key, arena);
    struct text sender;
    if (found.kind == FOUND_NOBODY && directory_rewritten(directory, key, arena, &sender))
        return (struct found){FOUND_SENDER, sender};
    if (found.kind == FOUND_NOBODY && is_standing(key))
        found = (struct found){FOUND_STANDING, standing_target(directory, arena)};
    return found;
}

enum status directory_accepts(struct directory *directory, struct text key)
{
    if (!is_ours(directory, key))
        return refused("not in a domain of ours");
    struct arena arena;
    arena_init(&arena);
    struct found found = find(directory, key, &arena);
    bool has_target = found.key.length > 0;
    arena_finish(&arena);
    enum status status = directory_ready(directory);
    if (status != OK)
        return status;
    if (found.kind == FOUND_NOBODY)
        return refused("no such user here");
    return has_target ? OK : try_later("there is no user yet who could get this");
}

/* ---- Expansion ---- */

/* Work is bounded by members looked at, whether or not they lead to someone new. The first few of
 * each recipient are free, so that a monstrous group does not take others' mail down with it. */
enum { STEPS_MAX = 4 * DIRECTORY_TARGETS_MAX, STEPS_FREE = 16 };

/* A list being walked, or the address asked about (key ""). */
struct level {
    struct text key;
    struct directory_member *members;
    unsigned count, next;
};

struct seen {
    struct text key;
    struct seen *before;
};

struct expansion {
    struct directory *directory;
    struct arena *arena;
    struct map *seen;        /* users, lists and addresses that came up */
    struct seen *seen_newly; /* for the present recipient */
    struct directory_target *targets;
    unsigned count, capacity, limit;
    unsigned recipient;
    unsigned steps_free, steps; /* for the present recipient; beyond those, for all */
    bool overflowed;            /* the present recipient's targets do not fit */
    struct level levels[DIRECTORY_DEPTH_MAX + 1];
    unsigned depth;
};

/* True when it is new. */
static bool note_seen(struct expansion *expansion, struct text key)
{
    if (map_put(expansion->seen, key, expansion) != NULL)
        return false;
    struct seen *seen = arena_alloc(expansion->arena, sizeof(*seen));
    *seen = (struct seen){key, expansion->seen_newly};
    expansion->seen_newly = seen;
    return true;
}

static void grow_targets(struct expansion *expansion)
{
    unsigned capacity = expansion->capacity * 2;
    struct directory_target *more = arena_array(expansion->arena, capacity, sizeof(*more));
    memcpy(more, expansion->targets, expansion->count * sizeof(*more));
    expansion->targets = more;
    expansion->capacity = capacity;
}

static void emit(struct expansion *expansion, enum directory_target_kind kind, struct text address)
{
    if (expansion->count >= expansion->limit) {
        expansion->overflowed = true;
        return;
    }
    if (expansion->count == expansion->capacity)
        grow_targets(expansion);
    expansion->targets[expansion->count++] =
        (struct directory_target){kind, address, expansion->recipient};
}

static void emit_loop(struct expansion *expansion, struct text key)
{
    /* Byte 1 is in no key: the list itself and its loop are different things to have seen. */
    if (note_seen(expansion, arena_printf(expansion->arena, "\1%.*s", TEXT_ARG(key))))
        emit(expansion, TARGET_LOOP, key);
}

static bool is_open(const struct expansion *expansion, struct text key)
{
    for (unsigned i = 0; i < expansion->depth; i++)
        if (text_equals(expansion->levels[i].key, key))
            return true;
    return false;
}

static void open_list(struct expansion *expansion, struct text key)
{
    if (is_open(expansion, key)) {
        emit_loop(expansion, key);
    } else if (map_get(expansion->seen, key) == NULL) {
        if (expansion->depth > DIRECTORY_DEPTH_MAX) {
            emit_loop(expansion, key);
            return;
        }
        note_seen(expansion, key);
        struct level *level = &expansion->levels[expansion->depth++];
        *level = (struct level){.key = key};
        level->count =
            directory_list_members(expansion->directory, key, expansion->arena, &level->members);
    }
}

static void open_standing(struct expansion *expansion, struct text key, struct text target)
{
    if (target.length == 0) {
        emit(expansion, TARGET_UNKNOWN, key);
    } else if (expansion->depth > DIRECTORY_DEPTH_MAX) {
        emit_loop(expansion, key);
    } else if (note_seen(expansion, key)) {
        struct level *level = &expansion->levels[expansion->depth++];
        *level = (struct level){.key = key, .count = 1};
        level->members = arena_alloc(expansion->arena, sizeof(*level->members));
        *level->members = (struct directory_member){target, target};
    }
}

static void follow(struct expansion *expansion, const struct directory_member *member)
{
    if (!is_ours(expansion->directory, member->key)) {
        if (note_seen(expansion, member->key))
            emit(expansion, TARGET_REMOTE, member->address);
        return;
    }
    struct found found = find(expansion->directory, member->key, expansion->arena);
    switch (found.kind) {
    case FOUND_USER:
        if (note_seen(expansion, found.key))
            emit(expansion, TARGET_MAILBOX, found.key);
        break;
    case FOUND_LIST:
        open_list(expansion, found.key);
        break;
    case FOUND_SENDER:
        if (note_seen(expansion, found.key))
            emit(expansion, TARGET_REMOTE, found.key);
        break;
    case FOUND_STANDING:
        open_standing(expansion, member->key, found.key);
        break;
    case FOUND_NOBODY:
        if (note_seen(expansion, member->key))
            emit(expansion, TARGET_UNKNOWN, member->key);
        break;
    }
}

/* Take back what the present recipient led to, so that the others' mail still goes out. */
static void take_back(struct expansion *expansion, unsigned count, struct text key)
{
    for (struct seen *seen = expansion->seen_newly; seen != NULL; seen = seen->before)
        map_remove(expansion->seen, seen->key);
    expansion->count = count;
    expansion->overflowed = false;
    emit(expansion, TARGET_LOOP, key);
}

static bool may_step(struct expansion *expansion)
{
    if (expansion->steps_free > 0)
        expansion->steps_free--;
    else
        expansion->steps++;
    return expansion->steps <= STEPS_MAX;
}

static void expand_one(struct expansion *expansion, struct text key)
{
    unsigned count_before = expansion->count;
    struct directory_member self = {key, key};
    expansion->seen_newly = NULL;
    expansion->steps_free = STEPS_FREE;
    expansion->levels[0] = (struct level){.key = TEXT(""), .members = &self, .count = 1};
    expansion->depth = 1;
    while (expansion->depth > 0 && !expansion->overflowed) {
        struct level *level = &expansion->levels[expansion->depth - 1];
        if (level->next == level->count)
            expansion->depth--;
        else if (may_step(expansion))
            follow(expansion, &level->members[level->next++]);
        else
            expansion->overflowed = true;
    }
    if (expansion->overflowed)
        take_back(expansion, count_before, key);
}

enum status directory_resolve(struct directory *directory, const struct text *keys, unsigned count,
                              struct arena *arena, struct directory_target **targets,
                              unsigned *target_count)
{
    if (count > DIRECTORY_TARGETS_MAX)
        return refused("too many recipients");
    struct expansion *expansion = arena_alloc(arena, sizeof(*expansion));
    expansion->directory = directory;
    expansion->arena = arena;
    expansion->seen = map_new();
    expansion->capacity = count + 1;
    expansion->targets = arena_array(arena, expansion->capacity, sizeof(*expansion->targets));
    for (unsigned i = 0; i < count; i++) {
        /* Each of the recipients still to come has room for one target. */
        expansion->limit = DIRECTORY_TARGETS_MAX - (count - i - 1);
        expansion->recipient = i;
        expand_one(expansion, keys[i]);
    }
    map_free(&expansion->seen);
    *targets = expansion->targets;
    *target_count = expansion->count;
    return directory_ready(directory);
}
