/* What stands behind struct settings: its memory, its holders, and for each value where it was
 * written. */
#ifndef SETTINGS_OBJECT_H
#define SETTINGS_OBJECT_H

#include "base/arena.h"
#include "base/map.h"
#include "settings/profile.h"
#include "settings/settings.h"
#include "settings/table.h"

/* One object of the settings: a server, a domain ..., or the statements outside blocks. */
struct setting_block {
    struct setting_block *next;
    enum setting_kind_id kind;
    struct text name;
    struct setting_place place;   /* line 0: it is there without being written */
    struct setting_preset preset; /* its defaults are of */
    void *values;                 /* the kind's struct */
    struct setting_place *places; /* by row of the kind; line 0: the default */
};

struct settings_object {
    struct settings settings; /* first: the one is the other */
    struct arena arena;
    unsigned holders;
    struct map *domains; /* name to struct setting_domain */
    /* In the order of their first lines. The first are those without names: top, retry, filter. */
    struct setting_block *blocks, **blocks_end;
    unsigned block_counts[KIND_COUNT];
};

struct settings_object *settings_object_new(uint64_t version);
void settings_object_free(struct settings_object *object);
/* Append a block without values set. */
struct setting_block *settings_object_add(struct settings_object *object, enum setting_kind_id kind,
                                          struct text name, struct setting_place place);
/* Copy the blocks into the arrays of struct settings. Nothing may be added any more. */
void settings_object_finish(struct settings_object *object);

/* Where the value of a row is kept, and where it was written. */
void *setting_block_value(const struct setting_block *block, const struct setting_row *row);
struct setting_place *setting_block_place(const struct setting_block *block,
                                          const struct setting_row *row);
/* The same by the row's name ("limit hops"); and when it was not written, where the block begins.
 */
const struct setting_place *setting_block_row_place(const struct setting_block *block,
                                                    const char *name);
const struct setting_place *setting_place_or_block(const struct setting_block *block,
                                                   const char *name);
unsigned *setting_block_list_count(const struct setting_block *block,
                                   const struct setting_row *row);

#endif
