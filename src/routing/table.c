#include "routing/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct link_table *link_table_new(void)
{
    struct link_table *table = calloc(1, sizeof(*table));
    check(table != NULL);
    table->digest = link_digest(TEXT(""));
    return table;
}

void link_table_free(struct link_table **table)
{
    if (*table == NULL)
        return;
    for (unsigned i = 0; i < (*table)->group_count; i++)
        link_group_free(&(*table)->groups[i]);
    free((*table)->groups);
    free(*table);
    *table = NULL;
}

/* Its place among the groups, or where it would be. */
static unsigned place_of(const struct link_table *table, const struct link_id *id, bool *is_there)
{
    unsigned at = 0;
    while (at < table->group_count && memcmp(table->groups[at]->id.hex, id->hex, LINK_ID_BYTES) < 0)
        at++;
    *is_there = at < table->group_count && link_id_equals(&table->groups[at]->id, id);
    return at;
}

static void take_digest(struct link_table *table)
{
    struct buffer blocks;
    buffer_init(&blocks, LINK_TABLE_MAX);
    for (unsigned i = 0; i < table->group_count; i++)
        buffer_append(&blocks, table->groups[i]->block);
    table->digest = link_digest(buffer_text(&blocks));
    buffer_finish(&blocks);
}

static size_t bytes_without(const struct link_table *table, const struct link_id *id)
{
    size_t bytes = LINK_ID_BYTES;
    for (unsigned i = 0; i < table->group_count; i++)
        if (!link_id_equals(&table->groups[i]->id, id))
            bytes += table->groups[i]->block.length;
    return bytes;
}

const struct link_group *link_table_find(const struct link_table *table, const struct link_id *id)
{
    bool is_there;
    unsigned at = place_of(table, id, &is_there);
    return is_there ? table->groups[at] : NULL;
}

/* Without taking the digest. room: bytes and groups that are to stay free. */
static bool put(struct link_table *table, struct link_group **group, size_t room_bytes,
                unsigned room_groups)
{
    bool is_there;
    unsigned at = place_of(table, &(*group)->id, &is_there);
    if ((!is_there && table->group_count + room_groups >= LINK_GROUPS_MAX) ||
        bytes_without(table, &(*group)->id) + (*group)->block.length + room_bytes >
            LINK_TABLE_MAX) {
        link_group_free(group);
        return false;
    }
    if (is_there) {
        link_group_free(&table->groups[at]);
    } else {
        unsigned count = table->group_count++;
        table->groups = realloc(table->groups, table->group_count * sizeof(struct link_group *));
        check(table->groups != NULL);
        memmove(&table->groups[at + 1], &table->groups[at],
                (count - at) * sizeof(struct link_group *));
    }
    table->groups[at] = *group;
    *group = NULL;
    return true;
}

bool link_table_put(struct link_table *table, struct link_group **group)
{
    bool is_put = put(table, group, 0, 0);
    if (is_put)
        take_digest(table);
    return is_put;
}

static bool take(struct link_table *table, struct link_group **group)
{
    const struct link_group *known = link_table_find(table, &(*group)->id);
    int order = known == NULL ? 1 : link_version_compare(&(*group)->version, &known->version);
    if (order == 0)
        order = text_compare((*group)->block, known->block);
    if (order > 0)
        return put(table, group, LINK_OWN_BYTES, 1);
    link_group_free(group);
    return false;
}

bool link_table_take(struct link_table *table, struct link_group **group)
{
    bool is_news = take(table, group);
    if (is_news)
        take_digest(table);
    return is_news;
}

void link_table_take_all(struct link_table *table, struct link_table *told)
{
    for (unsigned i = 0; i < told->group_count; i++)
        if (told->groups[i] != NULL)
            take(table, &told->groups[i]);
    take_digest(table);
}

void link_table_write(const struct link_table *table, struct buffer *out)
{
    buffer_append(out, link_id_text(&table->digest));
    for (unsigned i = 0; i < table->group_count; i++)
        buffer_append(out, table->groups[i]->block);
}

enum status link_table_parse(struct text bytes, struct link_table **out)
{
    struct text rest = text_from_position(bytes, LINK_ID_BYTES);
    *out = NULL;
    if (bytes.length < LINK_ID_BYTES || bytes.length > LINK_TABLE_MAX)
        return refused("a table has %d to %d bytes", LINK_ID_BYTES, LINK_TABLE_MAX);
    struct link_table *table = link_table_new();
    enum status status = OK;
    while (status == OK && rest.length > 0) {
        struct link_group *group;
        status = link_group_parse(&rest, &group);
        if (status == OK && table->group_count > 0 &&
            memcmp(table->groups[table->group_count - 1]->id.hex, group->id.hex, LINK_ID_BYTES) >=
                0) {
            link_group_free(&group);
            status = refused("the groups are not in order");
        }
        if (status == OK && !put(table, &group, 0, 0))
            status = refused("there are too many groups");
    }
    take_digest(table);
    if (status == OK && !text_equals(text_head(bytes, LINK_ID_BYTES), link_id_text(&table->digest)))
        status = refused("the table's digest is not its own");
    if (status == OK)
        *out = table;
    else
        link_table_free(&table);
    return status;
}
