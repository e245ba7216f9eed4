/* Who an address means: finding the object behind it. */
#include "base/check.h"
#include "directory/directory.h"
#include "directory/state.h"
#include "mail/address.h"

bool directory_holds(const struct directory *directory, struct text key)
{
    return settings_domain_find(directory->settings, directory_domain(key)) != NULL;
}

static enum found_kind kind_of(struct directory *directory, struct text key)
{
    enum directory_list_kind kind = directory_list_kind(directory, key);
    /* A user named in the settings file after his address was given to somebody else. An alias
     * stands before him by intention: see directory.h. */
    if (kind == LIST_ADDRESS || kind == LIST_GROUP)
        return directory_user_exists(directory, key) ? FOUND_AMBIGUOUS : FOUND_LIST;
    if (kind != 0)
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
        (!directory_holds(directory, key) || find_made(directory, key, arena).kind != FOUND_NOBODY))
        return key;
    return first_user(directory, arena);
}

static bool is_standing(struct text key)
{
    struct text local_part = directory_local_part(key);
    return text_equals(local_part, TEXT("postmaster")) || text_equals(local_part, TEXT("abuse"));
}

struct found directory_find(struct directory *directory, struct text key, struct arena *arena)
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
    if (!directory_holds(directory, key))
        return refused("not in a domain of ours");
    struct arena arena;
    arena_init(&arena);
    struct found found = directory_find(directory, key, &arena);
    bool has_target = found.key.length > 0;
    arena_finish(&arena);
    enum status status = directory_ready(directory);
    if (status != OK)
        return status;
    if (found.kind == FOUND_NOBODY)
        return refused("no such user here");
    return has_target ? OK : try_later("there is no user yet who could get this");
}

struct text directory_user_of(struct directory *directory, struct text key, struct arena *arena)
{
    enum { STEPS_MOST = 3 };
    for (unsigned step = 0; step < STEPS_MOST; step++) {
        struct found found = directory_find(directory, key, arena);
        struct directory_member *members;
        if (found.kind == FOUND_USER)
            return arena_copy(arena, found.key);
        if (found.kind != FOUND_LIST || directory_list_kind(directory, found.key) == LIST_GROUP ||
            directory_list_members(directory, found.key, arena, &members) != 1)
            break;
        key = members[0].key;
    }
    return TEXT("");
}
