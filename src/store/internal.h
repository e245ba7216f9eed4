/* What the files of store/ share. Included only from store/. */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "store/hierarchy.h"
#include "store/key.h"
#include "store/shown.h"
#include "store/store.h"

/* A record that was appended and is not yet known durable. Kept in log order; applied in it. */
struct pending {
    struct list link;
    log_number number;
    struct log_place place;
    struct change *change; /* NULL: a chunk */
    bool applied, failed;
};

struct live_segment {
    uint64_t segment, bytes;
    bool changed; /* since the last batch */
};

struct store {
    struct log *log;
    struct index *index;
    struct index_batch *batch;
    char *directory;
    char *index_path; /* NULL: in memory */
    struct store_hooks hooks;
    struct list pending;
    struct list uploads;
    struct list watches;     /* watch.h */
    struct task_event fresh; /* fresh.h: there are more */
    uint64_t fresh_told;
    uint64_t derived_changes;  /* derived.h: how many values were kept or forgotten */
    uint64_t blocks_forgotten; /* block.h: how often all of a mailbox were */
    struct list warm;          /* mailboxes that were closed and are still loaded, oldest first */
    size_t warm_bytes;
    struct live_segment *live; /* ascending by segment */
    unsigned live_count;
    uint64_t live_bytes;
    struct map *mailboxes_by_id;    /* key u64 */
    struct map *mailboxes_by_owner; /* key_owner */
    struct map *totals_by_owner;    /* owner -> struct owner_totals: of those asked about */
    uint64_t mailbox_last;          /* highest id given out */
    uint32_t validity_last;         /* highest UIDVALIDITY given out */
    uint64_t mailbox_last_applied;  /* the same as records say it */
    uint32_t validity_last_applied;
    bool is_naming;          /* names of mailboxes are being changed; see hierarchy.c */
    struct task_event named; /* they were */
    struct change stories;
    unsigned story_count;
    struct task_event story_news; /* there are some */
    uint64_t stories_dropped;
    int64_t story_second;
    unsigned story_second_count;
    struct store *mirror; /* verifying: a shadow to which every change is applied as well */
    bool is_held;         /* nothing is applied for a moment; see shadow.c */
    struct task_event released;
    bool reclaiming;
    /* Of reclaim.c: a pass over the log goes on up to this segment, 0: none does; what was dead
     * when it began; and what was dead still, beside what lived, when one had gained next to
     * nothing. */
    uint64_t pass_end, pass_dead, stays_dead, stays_live;
    struct task_group background;
};

struct mailbox {
    struct store *store;
    uint64_t id;
    struct text owner, name; /* owned */
    struct text name_given;  /* owned; a rename is on its way: what records say from now on */
    uint32_t uid_validity;
    uint64_t base_segment; /* where its OPERATION_MAILBOX stands; 0: not durable yet */
    uint64_t base_record;
    uint32_t uid_next; /* applied */
    uint64_t modseq;
    uint32_t uid_given; /* appended: the next to give */
    uint64_t modseq_given;
    unsigned users;
    struct list views;      /* of sessions; see view.h */
    uint32_t recent_from;   /* messages from here on no session was told of */
    unsigned uses;          /* mailbox_use bits */
    struct text *keywords;  /* owned; MAILBOX_KEYWORDS_MAX of room, or NULL */
    unsigned keyword_count; /* given out */
    unsigned keywords_applied;
    struct mailbox_totals totals;
    bool is_going;   /* its deletion is about to be appended, is, or was applied */
    bool is_deleted; /* it was: it lives for its sessions alone */
    bool loaded, locked, changed;
    bool has_snapshot;     /* snapshot.c */
    unsigned unsaved;      /* entries changed since */
    struct list warm_link; /* among the store's while it is loaded and nobody has it open */
    bool is_warm;
    size_t warm_bytes;             /* it counts for there */
    struct mailbox_entry *entries; /* ascending by uid */
    unsigned count, capacity;
};

/* What messages and mailboxes count in their base segment, beside bodies. */
enum { MESSAGE_LIVE_BYTES = 256, MAILBOX_LIVE_BYTES = 128 };

void store_append_record(struct store *store, enum record_type type, const struct text *pieces,
                         unsigned count, struct pending *pending);
/* Append a change's record; the change must stay until it is applied or failed. */
void store_append(struct store *store, struct change *change, struct pending *pending);
/* Wait for an appended record and apply all up to it. YIELDS. */
enum status store_wait(struct store *store, struct pending *pending);
/* A change that is appended and not yet applied sets this value. */
bool store_value_is_pending(struct store *store, struct text owner, struct text name);
/* The same of this mailbox's entries that are there. */
bool store_mailbox_is_pending(struct store *store, uint64_t mailbox);
/* One that takes entries out of it. */
bool store_expunge_is_pending(struct store *store, uint64_t mailbox);
/* A record's operations into index and memory: the one apply function. */
void store_apply(struct store *store, log_number number, struct log_place place,
                 const struct change_reading *reading, struct text operations);

/* Count bytes of a segment as needed, or no longer. */
void live_add(struct store *store, uint64_t segment, int64_t bytes);
uint64_t live_of(struct store *store, uint64_t segment);
void live_put(struct store *store);
void live_load(struct store *store);

/* Mailboxes in memory. find loads it from the index; NULL when there is none. */
struct mailbox *mailbox_by_id(struct store *store, uint64_t id);
/* Also one that is being deleted: its name is taken until it is. */
struct mailbox *mailbox_named(struct store *store, struct text owner, struct text name);
void mailbox_apply(struct store *store, const struct operation_mailbox *operation,
                   log_number number, uint64_t segment);
void mailbox_apply_entry(struct mailbox *box, const struct mailbox_entry *entry);
/* uids ascend. */
void mailbox_apply_expunge(struct mailbox *box, const uint32_t *uids, unsigned count);
void mailbox_apply_delete(struct mailbox *box);
/* Counters never go back: an operation written forward may carry older or newer ones. */
void mailbox_raise_counters(struct mailbox *box, uint32_t uid_next, uint64_t modseq);
/* An entry comes (1) or goes (-1). */
void mailbox_sum(struct mailbox *box, const struct mailbox_entry *entry, int sign);
/* The flags of one that stays became others. */
void mailbox_sum_flags(struct mailbox *box, const struct mailbox_entry *entry,
                       uint64_t flags_before);
/* Sum up anew what the index has: of a mailbox whose record comes after its entries. */
void mailbox_sum_all(struct mailbox *box);
/* The owner's mailboxes are to be summed up anew. */
void owner_totals_forget(struct store *store, struct text owner);
void owner_totals_free(struct store *store);
/* After what changed was applied. A deleted mailbox that nobody has open ends here. */
void mailbox_tell(struct mailbox *box);
void mailbox_free(struct mailbox *box);
void mailbox_marks_load(struct store *store);
/* A new mailbox in memory, of a name that nobody has. */
struct mailbox *mailbox_make(struct store *store, struct text owner, struct text name,
                             unsigned uses);
/* It was not made after all. */
void mailbox_unmake(struct mailbox *box);
/* Add the mailbox as it stands to the change, when a record does not say so yet. */
void mailbox_compose_box(struct mailbox *box, struct change *change);
void mailbox_put(struct mailbox *box);
void mailbox_describe(const struct mailbox *box, struct operation_mailbox *out);
void mailboxes_free(struct store *store);
/* Place of a UID among the entries of an open mailbox, or where it belongs. */
unsigned mailbox_place(const struct mailbox *box, uint32_t uid);
/* Nothing is in it, or on its way. */
bool mailbox_is_empty(const struct mailbox *box);
/* Delete one that is empty; NAMING_MISSING: it is not. Also an INBOX. YIELDS. */
enum naming mailbox_delete_empty(struct store *store, struct text owner, struct text name);
/* Where to keep what is about to be removed from an open mailbox, once nothing of it is on its way;
 * NULL: it is not kept. Lent until the next yield. YIELDS. */
struct mailbox *kept_place(struct mailbox *box);
/* Add to a change that these go away, and into `place`, if there is one. */
void mailbox_compose_expunge(struct mailbox *box, struct mailbox *place, const uint32_t *uids,
                             unsigned count, struct change *change);
/* For entry_scan: an entry into the mailbox's array, which is its context. */
bool mailbox_load_entry(void *context, const struct mailbox_entry *entry);
/* It is loaded though nobody has it open: no longer. */
void mailbox_cool(struct mailbox *box);
/* snapshot.c: the array of a mailbox from its snapshot. False: there is none that is of use. */
bool snapshot_load(struct mailbox *box);
bool snapshot_exists(struct store *store, uint64_t mailbox);
/* The store has another index now: which mailboxes have one there. */
void snapshots_look_again(struct store *store);
/* Make one of a loaded mailbox, when it is worth while. */
void snapshot_save(struct mailbox *box);
/* The rest is part of the batch of a record that is applied. */
void snapshot_note_flags(const struct mailbox *box, const struct operation_flags *operation);
void snapshot_drop(struct store *store, uint64_t mailbox);
/* block.c: those of a mailbox that goes away, in the batch of its record. */
void blocks_drop(struct store *store, uint64_t mailbox);
/* derived_run.c: as store_message; where its bytes stand may be told as it was before. */
bool derived_run_message(struct derived_run *run, uint64_t id, struct arena *arena,
                         struct message *out);
/* fresh.c: there are more now. */
void fresh_tell(struct store *store);
/* The entry went away: views keep its number until their sessions are told. */
void views_note_gone(struct mailbox *box, const uint32_t *uids, unsigned count);
void views_wake(struct mailbox *box);
/* The upload has bytes in this segment. */
bool upload_is_in(const struct upload *upload, uint64_t segment);
/* An empty store over nothing, and what is left once its index and log are closed. */
struct store *store_new(void);
void store_free(struct store **store);
/* The batch of an index, by which a new one says what form it has. */
struct index_batch *store_new_batch(struct index *index);
/* The index on disk, made anew when it is of no use for this log. YIELDS. */
enum status store_open_index(struct store *store, struct index **out);
/* The index has failed; context: the store. What it says from now on is wrong, and everything is in
 * the log: end the process, before it is told to anybody, be started anew, and make a new index. On
 * a full disk its files are not at fault: they stay, for when there is room again. */
_Noreturn void store_index_lost(void *context);
/* YIELDS. */
void store_close_index(struct index **index);

/* A second index over the store's log, which it owns from now on. */
struct store *store_shadow_new(struct store *live, struct index *index);
/* YIELDS. */
void store_shadow_free(struct store **shadow);
/* Replay into the shadow until both stand at the same record; from then on both get each change:
 * live->mirror is the shadow, and nothing has yielded since. Changes go on meanwhile, but for a
 * moment at the end, when they wait. YIELDS. */
enum status store_shadow_follow(struct store *live, struct store *shadow);
/* While the index is a stand-in for want of room: look for room, and return to disk. */
void store_watch_room(struct store *store);

/* Of a message that goes away. */
void derived_drop(struct store *store, uint64_t message);
/* Add to a change that the owner is subscribed to the name. */
void subscription_compose(struct change *change, struct text owner, struct text name);
/* Where a value's record stands; 0: there is none. */
uint64_t value_segment(struct store *store, struct text owner, struct text name);

/* UIDs that went away, for sessions that come back (RFC 7162): kept with the index, as far back as
 * it goes. */
void vanished_put(struct store *store, uint64_t mailbox, uint64_t modseq, const uint32_t *uids,
                  unsigned count);
/* All of a mailbox that goes away. */
void vanished_drop(struct store *store, uint64_t mailbox);

/* A mailbox entry as its key in the index says it; by now its flags may be others: flag_row.h. */
void entry_encode(const struct mailbox_entry *entry, struct buffer *out);
bool entry_decode(struct text value, struct mailbox_entry *out);

#endif
