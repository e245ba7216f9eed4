/* Tables of link state, as peers send them. Oracle: what is read is written back byte for byte, and
 * the ways through it are finite and never through what is down. Who takes a table, knowing
 * nothing, has the same, and learns nothing from it a second time. */
#include <stdlib.h>

#include "base/check.h"
#include "routing/table.h"

static void check_paths(const struct link_table *table)
{
    struct link_path *paths = calloc(table->group_count + 1, sizeof(*paths));
    check(paths != NULL);
    link_paths_find(table, &table->groups[0]->id, NULL, paths);
    for (unsigned i = 0; i < table->group_count; i++) {
        check(!paths[i].is_known || paths[i].hops < table->group_count);
        check(paths[i].hops == 0 || (paths[i].by->is_up && paths[i].from->is_up));
    }
    for (unsigned i = 0; i < table->groups[0]->connector_count && i < 10; i++)
        link_has_alternate(table, table->groups[0], &table->groups[0]->connectors[i]);
    free(paths);
}

static struct link_table *parsed(struct text bytes)
{
    struct link_table *table;
    check(link_table_parse(bytes, &table) == OK);
    return table;
}

static void expect_written(const struct link_table *table, struct text bytes)
{
    struct buffer again;
    buffer_init(&again, LINK_TABLE_MAX);
    link_table_write(table, &again);
    check(text_equals(buffer_text(&again), bytes));
    buffer_finish(&again);
}

static void check_taking(struct text bytes, unsigned groups)
{
    struct link_table *mine = link_table_new(), *told = parsed(bytes);
    if (bytes.length < LINK_TABLE_MAX / 2 && groups < LINK_GROUPS_MAX - 1) {
        link_table_take_all(mine, told);
        expect_written(mine, bytes);
        link_table_free(&told);
        told = parsed(bytes);
        for (unsigned i = 0; i < groups; i++) {
            const struct link_id id = told->groups[i]->id;
            check(link_table_find(mine, &id) != NULL);
            check(!link_table_take(mine, &told->groups[i]));
        }
        expect_written(mine, bytes);
    }
    link_table_free(&mine);
    link_table_free(&told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link_table *table;
    if (link_table_parse(text_of(data, size), &table) != OK)
        return 0;
    expect_written(table, text_of(data, size));
    if (table->group_count > 0)
        check_paths(table);
    check_taking(text_of(data, size), table->group_count);
    link_table_free(&table);
    return 0;
}
