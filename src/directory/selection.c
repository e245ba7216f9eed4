#include "directory/selection.h"

#include "base/array.h"
#include "base/check.h"
#include "base/map.h"
#include "directory/state.h"
#include "settings/query.h"

struct selecting {
    struct directory *directory;
    const struct query *query;
    struct arena *arena;
    struct arena scratch; /* of the user being looked at */
    struct directory_member *members;
    unsigned count;
};

void selection_entry(struct directory *directory, const struct directory_user *user,
                     struct arena *arena, struct attribute_entry *out)
{
    out->key = user->key;
    attributes_load(directory, user->key, arena, &out->attributes);
    if (out->attributes.values[ATTRIBUTE_DISPLAY_NAME].length == 0)
        out->attributes.values[ATTRIBUTE_DISPLAY_NAME] = arena_copy(arena, user->name);
}

static void add(struct selecting *selecting, struct text key)
{
    selecting->members = arena_grow(selecting->arena, selecting->members, selecting->count,
                                    sizeof(*selecting->members));
    struct text copy = arena_copy(selecting->arena, key);
    selecting->members[selecting->count++] = (struct directory_member){copy, copy};
}

static void consider(void *context, const struct directory_user *user)
{
    struct selecting *selecting = context;
    struct attribute_entry entry;
    if (selecting->count > DIRECTORY_MEMBERS_MAX ||
        !directory_holds(selecting->directory, user->key))
        return;
    selection_entry(selecting->directory, user, &selecting->scratch, &entry);
    if (query_matches(selecting->query, attribute_look_up, &entry))
        add(selecting, user->key);
    arena_reset(&selecting->scratch);
}

/* What is remembered of a filter, in directory->selections_arena. */
struct selection {
    struct directory_member *members;
    unsigned count;
};

void selection_forget(struct directory *directory)
{
    if (directory->selections == NULL)
        return;
    map_free(&directory->selections);
    arena_finish(&directory->selections_arena);
}

static void remember(struct directory *directory, struct text filter,
                     const struct directory_member *members, unsigned count)
{
    enum { FILTERS_MOST = 100, BYTES_MOST = 16 << 20 };
    /* An index that fails finds nobody. */
    if (directory_ready(directory) != OK)
        return;
    if (directory->selections != NULL && (map_count(directory->selections) >= FILTERS_MOST ||
                                          directory->selections_arena.used_bytes > BYTES_MOST))
        selection_forget(directory);
    if (directory->selections == NULL) {
        directory->selections = map_new();
        arena_init(&directory->selections_arena);
    }
    struct arena *arena = &directory->selections_arena;
    struct selection *selection = arena_alloc(arena, sizeof(*selection));
    selection->members = arena_array(arena, count, sizeof(*members));
    selection->count = count;
    for (unsigned i = 0; i < count; i++) {
        struct text key = arena_copy(arena, members[i].key);
        selection->members[i] = (struct directory_member){key, key};
    }
    map_put(directory->selections, filter, selection);
}

unsigned selection_of(struct directory *directory, struct text filter, struct arena *arena,
                      struct directory_member **members)
{
    struct query *query;
    const struct selection *known =
        directory->selections == NULL ? NULL : map_get(directory->selections, filter);
    if (known != NULL) {
        *members = known->members;
        return known->count;
    }
    if (query_parse(filter, arena, &query) != OK)
        return 0;
    struct selecting selecting = {.directory = directory, .query = query, .arena = arena};
    arena_init(&selecting.scratch);
    directory_user_list(directory, TEXT(""), consider, &selecting);
    arena_finish(&selecting.scratch);
    *members = selecting.members;
    remember(directory, filter, selecting.members, selecting.count);
    return selecting.count;
}
