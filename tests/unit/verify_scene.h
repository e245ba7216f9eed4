/* Rows of a world's index that are forged or lost, and what verify tells of it. Include it in one
 * file of a program. */
#ifndef TESTS_UNIT_VERIFY_SCENE_H
#define TESTS_UNIT_VERIFY_SCENE_H

#include "store/internal.h"
#include "store_world.h"
#include "test.h"

/* value.data NULL: the row goes. */
static inline void set_row(struct store_world *world, struct text key, struct text value)
{
    struct index_batch *batch = index_batch_new(world->store->index);
    if (value.data == NULL)
        index_batch_delete(batch, key);
    else
        index_batch_put(batch, key, value);
    EXPECT(index_batch_apply(batch, index_applied(world->store->index)) == OK);
    index_batch_free(&batch);
}

static inline void put(struct store_world *world, struct text key, struct text value)
{
    set_row(world, key, value);
}

static inline void drop(struct store_world *world, struct text key)
{
    set_row(world, key, (struct text){NULL, 0});
}

static inline void collect(void *context, const char *line)
{
    buffer_printf(context, "%s\n", line);
}

/* Verify ends so, and tells this, perhaps among more; "": nothing. */
static inline void expect_told(struct store_world *world, enum status wanted, const char *complaint)
{
    struct buffer told;
    buffer_init(&told, 1 << 20);
    EXPECT(store_verify(world->store, collect, &told) == wanted);
    if (complaint[0] == '\0')
        EXPECT_TEXT(buffer_text(&told), "");
    else if (text_find_text(buffer_text(&told), text_from(complaint)) >= told.length)
        fail_msg("not told: %s, but %.*s", complaint, TEXT_ARG(buffer_text(&told)));
    buffer_finish(&told);
}

#endif
