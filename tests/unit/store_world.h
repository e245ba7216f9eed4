/* A store on a disk in memory, with its index in memory and small segments, for tests of what it
 * keeps. */
#ifndef STORE_WORLD_H
#define STORE_WORLD_H

#include "log/memory_disk.h"
#include "store/mailbox.h"
#include "task/task.h"

struct store_world {
    struct memory_disk *disk;
    struct task_group group;
    struct store *store;
    uint64_t last_id; /* of a message */
    uint32_t state;   /* what world_pick goes on from */
    uint32_t segment_bytes;
    void (*test)(struct store_world *world);
};

/* Run it, as a task, in a world of its own. */
void world_run(void (*test)(struct store_world *world), uint32_t state);
/* The same with segments that large messages fit into. */
void world_run_large(void (*test)(struct store_world *world), uint32_t state);
uint64_t world_next_id(void *world);
/* A number below this one, the same in each run. */
unsigned world_pick(struct store_world *world, unsigned below);
struct mailbox *world_inbox(struct store_world *world);
/* So many more messages, with some flags. YIELDS. */
void world_fill(struct store_world *world, struct mailbox *box, unsigned count);
/* A message of so many bytes, all "L". YIELDS. */
void world_append(struct store_world *world, struct mailbox *box, size_t bytes);
/* End it and start it again on what the disk has: the index is made anew from the log. No mailbox
 * may be open. YIELDS. */
void world_restart(struct store_world *world);

#endif
