/* Tables of link state, as peers send them. Oracle: what is read is written back byte for byte, and
 * the ways through it are finite and never through what is down. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link_table *table;
    struct buffer again;
    if (link_table_parse(text_of(data, size), &table) != OK)
        return 0;
    buffer_init(&again, LINK_TABLE_MAX);
    link_table_write(table, &again);
    check(text_equals(buffer_text(&again), text_of(data, size)));
    if (table->group_count > 0)
        check_paths(table);
    buffer_finish(&again);
    link_table_free(&table);
    return 0;
}
