/* Who gets a message, and how: the recipients are looked up, each goes to a mailbox or a next hop,
 * and what cannot go anywhere is to be reported. The core of accepting a message and of releasing
 * one that was held; who plans puts the parts into a record of its own. Included only from queue/.
 */
#ifndef QUEUE_PLAN_H
#define QUEUE_PLAN_H

#include "queue/internal.h"

struct plan {
    struct arena arena;
    struct queue *queue;
    uint64_t id;
    struct text sender;
    const struct queue_recipient *recipients;
    unsigned recipient_count;
    bool client_hears;     /* LMTP: the reply tells of who is unknown, no report */
    uint32_t first_number; /* of the items */
    /* What comes out. The change holds stories and new mailboxes; entries and items go behind. */
    struct change change;
    bool *unknown; /* by recipient: leads nowhere */
    struct message_entry *entries;
    unsigned entry_count;
    struct message_item *items;
    unsigned item_count;
    /* Private. */
    struct text *keys;
    struct directory_target *targets;
    unsigned target_count;
    unsigned *targets_of; /* how many targets each recipient has */
    struct map *groups;   /* hop name -> struct group that has room */
    struct list group_list;
    unsigned stories;
};

/* recipients are borrowed. id, sender and what else differs from zero are set by the caller. */
void plan_init(struct plan *plan, struct queue *queue, const struct queue_recipient *recipients,
               unsigned count);
void plan_finish(struct plan *plan);
/* Ask the directory. YIELDS. */
enum status plan_expand(struct plan *plan);
/* Entries and items as of now; to be appended before the next yield, because UIDs follow the order
 * of the log. */
enum status plan_compose(struct plan *plan, int64_t now);
/* In place of both: items that keep the recipients as they are until then. */
enum status plan_hold(struct plan *plan, int64_t until_ms);

#endif
