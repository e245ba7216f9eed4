#include "directory/describe.h"

#include "base/check.h"
#include "directory/attribute.h"
#include "directory/selection.h"
#include "directory/state.h"

static bool describe_user(struct directory *directory, struct text key, struct arena *arena,
                          struct directory_description *out)
{
    struct directory_user user;
    struct attributes attributes;
    if (!directory_user_find(directory, key, arena, &user))
        return false;
    attributes_load(directory, key, arena, &attributes);
    struct text shown = attributes.values[ATTRIBUTE_DISPLAY_NAME];
    *out = (struct directory_description){.kind = DESCRIBED_USER,
                                          .address = arena_copy(arena, key),
                                          .name = text_is_empty(shown) ? user.name : shown};
    return true;
}

/* Those who are listed, and those whom a group's filter means. */
static void list_members(struct directory *directory, struct text key, struct text filter,
                         struct arena *arena, struct directory_description *out)
{
    struct directory_member *listed, *selected = NULL;
    unsigned count = directory_list_members(directory, key, arena, &listed), more = 0;
    if (filter.length > 0)
        more = selection_of(directory, filter, arena, &selected);
    out->members = arena_array(arena, count + more, sizeof(struct text));
    for (unsigned i = 0; i < count; i++)
        out->members[out->member_count++] = listed[i].address;
    for (unsigned i = 0; i < more; i++)
        out->members[out->member_count++] = selected[i].address;
}

static bool describe_list(struct directory *directory, struct text key, struct arena *arena,
                          struct directory_description *out)
{
    struct attributes attributes;
    if (directory_list_kind(directory, key) == 0)
        return false;
    attributes_load(directory, key, arena, &attributes);
    bool is_hidden = attributes_flag(&attributes, ATTRIBUTE_HIDE_MEMBERS);
    *out = (struct directory_description){.kind = is_hidden ? DESCRIBED_HIDDEN : DESCRIBED_LIST,
                                          .address = arena_copy(arena, key)};
    if (!is_hidden)
        list_members(directory, key, attributes.values[ATTRIBUTE_FILTER], arena, out);
    return true;
}

static bool describe_contact(struct directory *directory, struct text key, struct arena *arena,
                             struct directory_description *out)
{
    struct attributes attributes;
    if (attribute_object(directory, key) != OBJECT_CONTACT)
        return false;
    attributes_load(directory, key, arena, &attributes);
    *out = (struct directory_description){.kind = DESCRIBED_CONTACT,
                                          .address = arena_copy(arena, key),
                                          .name = attributes.values[ATTRIBUTE_DISPLAY_NAME]};
    return !text_is_empty(out->name);
}

static bool describe(struct directory *directory, struct text key, struct arena *arena,
                     struct directory_description *out)
{
    return describe_list(directory, key, arena, out) || describe_user(directory, key, arena, out) ||
           describe_contact(directory, key, arena, out);
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
