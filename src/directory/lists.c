/* Aliases, groups and further addresses of users: an address that stands for others. An alias is
 * another name for somebody, a group a number of people, who may also be found by a filter. */
#include "base/check.h"
#include "base/clock.h"
#include "directory/attribute.h"
#include "directory/state.h"

static const char *kind_name(enum directory_list_kind kind)
{
    static const char *const names[] = {
        [LIST_ALIAS] = "alias", [LIST_GROUP] = "group", [LIST_ADDRESS] = "address of a user"};
    return names[kind];
}

static bool list_find(struct directory *directory, struct text key, enum directory_list_kind *kind,
                      int64_t *created_ms)
{
    struct buffer value;
    struct directory_record record = {0};
    buffer_init(&value, DIRECTORY_RECORD_MAX);
    bool found = directory_index_find(directory, INDEX_LIST, key, &value, &record);
    buffer_finish(&value);
    *kind = record.kind;
    *created_ms = record.created_ms;
    return found;
}

enum directory_list_kind directory_list_kind(struct directory *directory, struct text key)
{
    enum directory_list_kind kind;
    int64_t created_ms;
    return list_find(directory, key, &kind, &created_ms) ? kind : 0;
}

/* ---- Members ---- */

struct gathering {
    struct arena *arena;
    struct directory_member *members;
    unsigned count;
    size_t prefix_length;
};

static bool count_member(void *context, struct text key, struct text value)
{
    struct gathering *gathering = context;
    unused(key);
    unused(value);
    return ++gathering->count < DIRECTORY_MEMBERS_MAX;
}

static bool gather_member(void *context, struct text key, struct text value)
{
    struct gathering *gathering = context;
    struct directory_member *member = &gathering->members[gathering->count];
    member->key = arena_copy(gathering->arena, text_from_position(key, gathering->prefix_length));
    member->address = arena_copy(gathering->arena, value);
    return ++gathering->count < DIRECTORY_MEMBERS_MAX;
}

static unsigned scan_members(struct directory *directory, struct text key, index_visit *visit,
                             struct gathering *gathering)
{
    struct buffer prefix;
    buffer_init(&prefix, INDEX_KEY_MAX);
    directory_index_key(&prefix, INDEX_MEMBER, key);
    buffer_append_byte(&prefix, '\0');
    gathering->prefix_length = prefix.length;
    gathering->count = 0;
    if (directory->index != NULL)
        index_scan(directory->index, buffer_text(&prefix), TEXT(""), visit, gathering);
    buffer_finish(&prefix);
    return gathering->count;
}

unsigned directory_list_members(struct directory *directory, struct text key, struct arena *arena,
                                struct directory_member **members)
{
    struct gathering gathering = {.arena = arena};
    unsigned count = scan_members(directory, key, count_member, &gathering);
    gathering.members = arena_array(arena, count, sizeof(*gathering.members));
    *members = gathering.members;
    return count == 0 ? 0 : scan_members(directory, key, gather_member, &gathering);
}

static bool has_member(struct directory *directory, struct text list, struct text member)
{
    struct buffer key, value;
    buffer_init(&key, INDEX_KEY_MAX);
    buffer_init(&value, INDEX_KEY_MAX);
    directory_index_key(&key, INDEX_MEMBER, list);
    buffer_append_byte(&key, '\0');
    buffer_append(&key, member);
    bool found = directory->index != NULL && index_get(directory->index, buffer_text(&key), &value);
    buffer_finish(&key);
    buffer_finish(&value);
    return found;
}

/* ---- Changes ---- */

static enum status check_list(struct directory *directory, const struct directory_record *record,
                              bool exists, enum directory_list_kind kind)
{
    enum status status = directory_is_ours(directory, record->key);
    if (status != OK)
        return status;
    if (exists && kind != record->kind)
        return refused("%.*s is %s %s already", TEXT_ARG(record->key),
                       kind == LIST_GROUP ? "a" : "an", kind_name(kind));
    if (!exists && directory_user_exists(directory, record->key))
        return refused("%.*s is a user already", TEXT_ARG(record->key));
    struct gathering gathering = {0};
    if (scan_members(directory, record->key, count_member, &gathering) + record->member_count >
        DIRECTORY_MEMBERS_MAX)
        return refused("%.*s would have more than %d members; split it into groups of groups",
                       TEXT_ARG(record->key), DIRECTORY_MEMBERS_MAX);
    return OK;
}

enum status directory_list_add(struct directory *directory, enum directory_list_kind kind,
                               struct text key, const struct directory_member *members,
                               unsigned count)
{
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    struct buffer run;
    buffer_init(&run, DIRECTORY_RECORD_MAX / 2);
    for (unsigned i = 0; i < count; i++)
        directory_record_put_member(&run, members[i].key, members[i].address);
    struct directory_record record = {
        .type = RECORD_LIST, .key = key, .kind = kind, .created_ms = clock_wall_ms()};
    record.members = buffer_text(&run);
    record.member_count = count;
    enum directory_list_kind kind_now;
    int64_t created_ms;
    bool exists = list_find(directory, key, &kind_now, &created_ms);
    if (exists)
        record.created_ms = created_ms;
    if (count == 0 || run.overflowed)
        status = refused(count == 0 ? "%.*s needs at least one member"
                                    : "too many members for %.*s at once",
                         TEXT_ARG(key));
    if (status == OK)
        status = check_list(directory, &record, exists, kind_now);
    if (status == OK)
        status = directory_ready(directory);
    if (status == OK)
        status = directory_commit(directory, &record);
    buffer_finish(&run);
    directory_change_end(directory);
    return status;
}

enum status directory_group_set_filter(struct directory *directory, struct text key,
                                       struct text filter)
{
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    struct directory_record record = {
        .type = RECORD_LIST, .key = key, .kind = LIST_GROUP, .created_ms = clock_wall_ms()};
    enum directory_list_kind kind_now;
    int64_t created_ms;
    struct arena arena;
    struct text kept;
    arena_init(&arena);
    bool exists = list_find(directory, key, &kind_now, &created_ms);
    status = check_list(directory, &record, exists, kind_now);
    if (status == OK)
        status = directory_ready(directory);
    if (status == OK)
        status = attribute_normalise(directory, ATTRIBUTE_FILTER, filter, &arena, &kept);
    /* In this order: there is no moment in which the group is empty. */
    if (status == OK)
        status = attribute_commit(directory, key, ATTRIBUTE_FILTER, kept);
    if (status == OK && !exists)
        status = directory_commit(directory, &record);
    arena_finish(&arena);
    directory_change_end(directory);
    return status;
}

static bool has_filter(struct directory *directory, struct text key)
{
    struct attributes attributes;
    struct arena arena;
    arena_init(&arena);
    attributes_load(directory, key, &arena, &attributes);
    bool has = attributes.values[ATTRIBUTE_FILTER].length > 0;
    arena_finish(&arena);
    return has;
}

static enum status check_members(struct directory *directory, const struct directory_record *record)
{
    enum directory_list_kind kind;
    int64_t created_ms;
    if (!list_find(directory, record->key, &kind, &created_ms) || kind != record->kind)
        return refused("there is no %s %.*s", kind_name(record->kind), TEXT_ARG(record->key));
    struct text rest = record->members, member, address;
    for (uint32_t i = 0; i < record->member_count; i++) {
        check(directory_record_member(&rest, &member, &address));
        if (!has_member(directory, record->key, member))
            return refused("%.*s does not lead to %.*s", TEXT_ARG(record->key), TEXT_ARG(member));
    }
    return OK;
}

/* Would removing these leave nobody? Members may be named twice. */
static bool are_all_members(struct directory *directory, const struct text *keys, unsigned count,
                            struct text list)
{
    struct gathering gathering = {0};
    unsigned distinct = 0;
    for (unsigned i = 0; i < count; i++) {
        bool seen = false;
        for (unsigned j = 0; j < i && !seen; j++)
            seen = text_equals(keys[i], keys[j]);
        distinct += !seen;
    }
    return scan_members(directory, list, count_member, &gathering) <= distinct;
}

enum status directory_list_remove(struct directory *directory, enum directory_list_kind kind,
                                  struct text key, const struct text *member_keys, unsigned count,
                                  bool *removed)
{
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    struct buffer run;
    buffer_init(&run, DIRECTORY_RECORD_MAX / 2);
    for (unsigned i = 0; i < count; i++)
        directory_record_put_member(&run, member_keys[i], TEXT(""));
    struct directory_record record = {.type = RECORD_MEMBERS_GONE, .key = key, .kind = kind};
    record.members = buffer_text(&run);
    record.member_count = count;
    if (run.overflowed)
        status = refused("too many members at once");
    if (status == OK)
        status = check_members(directory, &record);
    if (directory_ready(directory) != OK)
        status = TRY_LATER; /* what was not found may be there */
    if (status == OK) {
        *removed = count == 0 || (are_all_members(directory, member_keys, count, key) &&
                                  !has_filter(directory, key));
        if (*removed)
            record.member_count = 0, record.members = TEXT("");
        status = directory_commit(directory, &record);
    }
    buffer_finish(&run);
    directory_change_end(directory);
    return status;
}

/* ---- Listing ---- */

struct listing {
    enum directory_list_kind kind;
    directory_list_visit *visit;
    void *context;
};

static bool visit_list(void *context, struct text index_key, struct text value)
{
    const struct listing *listing = context;
    unused(index_key);
    struct directory_record record;
    if (directory_record_decode(RECORD_LIST, value, &record) && record.kind == listing->kind)
        listing->visit(listing->context, record.key, record.created_ms);
    return true;
}

void directory_lists(struct directory *directory, enum directory_list_kind kind,
                     directory_list_visit *visit, void *context)
{
    struct listing listing = {kind, visit, context};
    const char prefix = INDEX_LIST;
    if (directory->index != NULL)
        index_scan(directory->index, text_of(&prefix, 1), TEXT(""), visit_list, &listing);
}
