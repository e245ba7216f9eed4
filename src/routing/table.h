/* All that a server knows of the routing groups of its organisation, and the ways between them.
 * Every server has such a table, in memory alone; they are alike when their digests are. */
#ifndef ROUTING_TABLE_H
#define ROUTING_TABLE_H

#include "routing/group.h"

enum { LINK_GROUPS_MAX = 256, LINK_OWN_BYTES = LINK_TABLE_MAX / 4 };

struct link_table {
    struct link_group **groups; /* by id; sealed */
    unsigned group_count;
    struct link_id digest; /* of the blocks, in that order */
};

struct link_table *link_table_new(void);
void link_table_free(struct link_table **table); /* accepts NULL */

const struct link_group *link_table_find(const struct link_table *table, const struct link_id *id);
/* Put the group in the place of what was known of it, or beside the others; owned. False: there are
 * too many, and it is freed. */
bool link_table_put(struct link_table *table, struct link_group **group);
/* The same when its version is higher than that of what is known, or that is nothing; of equal
 * versions that differ the higher digest wins, so that all settle on one. LINK_OWN_BYTES and a
 * place stay free: whatever others say, our own group can be put. False: it was no news, or is too
 * much, and is freed. */
bool link_table_take(struct link_table *table, struct link_group **group);
/* The same of all that are in another table, which is left without them. Some there may be NULL. */
void link_table_take_all(struct link_table *table, struct link_table *told);

/* "DIGEST" and the blocks: what stands behind ORGINFO. At most LINK_TABLE_MAX bytes. */
void link_table_write(const struct link_table *table, struct buffer *out);
/* The opposite, into a new table. REFUSED with the reason. */
enum status link_table_parse(struct text bytes, struct link_table **out);

/* A way from our group to another. */
struct link_path {
    bool is_known;
    uint32_t cost;                     /* of all connectors on it; 0 for our own group */
    unsigned hops;                     /* connectors */
    const struct link_group *before;   /* the group that the last of them leaves; NULL: ours */
    const struct link_connector *by;   /* the last */
    const struct link_connector *from; /* the first: by it mail leaves our group */
};
/* Which connectors may be on a way: NULL admits all that are up. */
struct link_admission {
    bool (*admits)(void *context, const struct link_group *group,
                   const struct link_connector *connector);
    void *context;
};
/* The cheapest way to each group of the table (paths: one each, in that order); of equally cheap
 * ones the one of fewer hops, then by the order of groups and connectors, so that equal tables give
 * equal ways. Each step on a way has a lower cost left than the one before, so mail that follows
 * equal tables can't go round. Connectors that are down are on none. */
void link_paths_find(const struct link_table *table, const struct link_id *own,
                     const struct link_admission *admission, struct link_path *paths);

/* Is there another way for what this connector of `group` leads to: a connector for each of its
 * spaces, and a way to each of its groups, that works without it? What is asked of bridgeheads is
 * whether they work, not what state was told. */
bool link_has_alternate(const struct link_table *table, const struct link_group *group,
                        const struct link_connector *connector);

#endif
