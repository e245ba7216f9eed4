#include "directory/describe.h"

#include "base/check.h"
#include "directory/state.h"

static bool describe_user(struct directory *directory, struct text key, struct arena *arena,
                          struct directory_description *out)
{
    struct directory_user user;
    if (!directory_user_find(directory, key, arena, &user))
        return false;
    *out = (struct directory_description){
        .kind = DESCRIBED_USER, .address = arena_copy(arena, key), .name = user.name};
    return true;
}

static bool describe_list(struct directory *directory, struct text key, struct arena *arena,
                          struct directory_description *out)
{
    struct directory_member *members;
    if (directory_list_kind(directory, key) == 0)
        return false;
    unsigned count = directory_list_members(directory, key, arena, &members);
    *out = (struct directory_description){.kind = DESCRIBED_LIST,
                                          .address = arena_copy(arena, key),
                                          .members = arena_array(arena, count, sizeof(struct text)),
                                          .member_count = count};
    for (unsigned i = 0; i < count; i++)
        out->members[i] = members[i].address;
    return true;
}

static bool describe(struct directory *directory, struct text key, struct arena *arena,
                     struct directory_description *out)
{
    return describe_list(directory, key, arena, out) || describe_user(directory, key, arena, out);
}

/* The same name in two domains may be two persons: which one was meant is not for us to say. */
static unsigned search_domains(struct directory *directory, struct text local_part,
                               struct arena *arena, struct directory_description *out)
{
    const struct settings *settings = directory->settings;
    unsigned found = 0;
    for (unsigned i = 0; i < settings->domain_count && found < 2; i++) {
        struct text key = arena_printf(arena, "%.*s@%.*s", TEXT_ARG(local_part),
                                       TEXT_ARG(settings->domains[i].name));
        found += describe(directory, key, arena, out);
    }
    return found;
}

enum status directory_look_up(struct directory *directory, struct text key, struct arena *arena,
                              struct directory_description *out)
{
    bool has_domain = text_find(key, '@') < key.length;
    unsigned found = has_domain ? describe(directory, key, arena, out)
                                : search_domains(directory, key, arena, out);
    enum status status = directory_ready(directory);
    if (status != OK)
        return status;
    if (found > 1)
        *out = (struct directory_description){.kind = DESCRIBED_SEVERAL};
    return found > 0 ? OK : refused("no such user here");
}
