/* Who gets a message, and how: the recipients are looked up, each goes to a mailbox or a next hop,
 * and what cannot go anywhere is to be reported. The core of accepting a message and of releasing
 * one that was held; who plans puts the parts into a record of its own. Included only from queue/.
 */
#ifndef QUEUE_PLAN_H
#define QUEUE_PLAN_H

#include "queue/internal.h"

struct filter_source;
struct filtered;
struct forward;

/* A memory (memory.h) that is on its way to the store with the change. */
struct remembered {
    struct list link;
    struct text name;
};

struct plan {
    struct arena arena;
    struct queue *queue;
    uint64_t id;
    struct text sender, login, server; /* the last two: that it came by, or "" */
    struct text from_member;           /* a server of our organisation it is from, or "" */
    uint64_t size;
    int priority;
    const struct queue_recipient *recipients;
    unsigned recipient_count; /* those that scripts send it on to stand behind asked_count */
    unsigned asked_count;
    bool client_hears;     /* LMTP: the reply tells of who does not take it, no report */
    bool is_internal;      /* a report of ours: no limits apply */
    uint32_t first_number; /* of the items */
    /* What comes out. The change holds stories, new mailboxes and what scripts do beside; entries
     * and items go behind. */
    struct change change;
    struct text *refusals; /* by recipient: "", or why he does not get it */
    struct text refusal;   /* the sender may not send it at all, for this reason; or "" */
    struct message_entry *entries;
    unsigned entry_count;
    struct message_item *items;
    unsigned item_count;
    /* Private. */
    struct text *keys;
    struct directory_target *targets;
    unsigned target_count;
    struct directory_group *groups_met; /* that targets are members of */
    unsigned group_met_count;
    struct text *sender_groups; /* that connectors name */
    unsigned sender_group_count;
    unsigned *targets_of; /* how many targets each recipient has */
    struct map *groups;   /* hop name and in whose name -> struct group that has room */
    struct list group_list;
    unsigned stories;
    /* Of the scripts; see filter.h. */
    const struct filter_source *source;
    struct filtered **filtered; /* by target, NULL where there is no script; or all NULL */
    struct forward *forwards;   /* by recipient, from asked_count on */
    struct text *senders;       /* by target: in whose name it goes out, or ""; or NULL */
    struct buffer seen;         /* what was read for scripts */
    struct text seen_text;
    uint32_t seen_wanted;
    struct list edits;      /* of struct edited */
    struct list remembered; /* of struct remembered */
};

/* recipients are borrowed. id, sender and what else differs from zero are set by the caller. */
void plan_init(struct plan *plan, struct queue *queue, const struct queue_recipient *recipients,
               unsigned count);
/* After the change is durable, or has failed. */
void plan_finish(struct plan *plan);
/* Ask the directory. Then plan_filter (filter.h) runs the scripts. YIELDS. */
enum status plan_expand(struct plan *plan);
/* Entries and items as of now; to be appended before the next yield, because UIDs follow the order
 * of the log. */
enum status plan_compose(struct plan *plan, int64_t now);
/* In place of all: items of the kind (ITEM_LATER, ITEM_LOOKUP) that keep the recipients as they are
 * until then. */
enum status plan_hold(struct plan *plan, enum item_kind kind, int64_t until_ms);
/* In place of all: nobody gets it, it is written into the archive of filtered mail, and nobody is
 * told. */
enum status plan_archive(struct plan *plan, int64_t now);

/* categorize.c: ask the directory about keys of the plan, with what is known of the message.
 * YIELDS.
 */
enum status plan_ask(struct plan *plan, const struct text *keys, unsigned count,
                     struct directory_answer *out);
/* Who may not send so much, or get it, is refused: by the sender's limits and each mailbox's. */
void plan_limit(struct plan *plan, const struct directory_answer *answer);
/* The group by which a target is reached, or NULL. */
const struct directory_group *plan_group_of(const struct plan *plan,
                                            const struct directory_target *target);

/* For filter_compose.c. */
/* A story may be told; counts those that may not. */
bool plan_may_tell(struct plan *plan);
/* The target's recipient as items and reports name him. */
struct item_recipient plan_recipient(struct plan *plan, const struct directory_target *target);
/* An item of its own. */
void plan_add_item(struct plan *plan, const struct item *item, struct item_recipient recipient);
/* A fate that is known at once. */
void plan_add_report(struct plan *plan, struct item_recipient recipient, int64_t now);
/* He has it: told to senders who asked for that. */
void plan_delivered(struct plan *plan, struct item_recipient recipient, int64_t now);
/* The directory knows nobody of that name, but the domain has another system that may. */
bool plan_is_known_elsewhere(const struct plan *plan, const struct directory_target *target);

#endif
