/* What waits, in memory: messages, their parts, and the hops these wait for. Made from the store's
 * items at start, and follows them. Included only from queue/. */
#ifndef QUEUE_SCHEDULE_SCHEDULE_H
#define QUEUE_SCHEDULE_SCHEDULE_H

#include "base/list.h"
#include "decide/retry.h"
#include "queue/queue.h"
#include "queue/schedule/item.h"
#include "task/timer.h"

/* A message with items, in memory: what scheduling needs and no more, for there may be a million.
 */
struct queued {
    uint64_t id, size;
    int64_t begun_ms; /* wall: it came, or was to be released */
    int64_t by_ms;
    union {
        struct queued_item *one, **many;
    } parts; /* see parts_of */
    uint32_t part_count, parts_room;
    uint32_t next_number; /* for a further item */
    enum mail_by by;
    int priority;
    uint16_t pace; /* of the server it came in by: see pace.c */
};

/* Where what is of no next hop waits; also a message that could not be read for its hop. */
enum named_queue {
    NAMED_NONE,
    NAMED_LOOKUP,   /* to be looked up in the directory */
    NAMED_LOCAL,    /* to be written into a drop folder */
    NAMED_FAILED,   /* we could not read it, or record what became of it */
    NAMED_REPORTS,  /* a report or a script's answer is to be written */
    NAMED_DEFERRED, /* its sender asked to have it sent later */
    NAMED_COUNT
};
struct named {
    struct list all; /* the oldest first */
    unsigned count;
    uint64_t bytes;
    char *last_error; /* of the latest attempt, when it failed; or NULL */
};

struct queued_item {
    struct queued *message;
    struct hop *hop;     /* ITEM_SEND */
    struct timer due;    /* in a heap of its hop, or in queue->reports, ->later, ->files */
    struct timer look;   /* in queue->looks: a notice or expiry may be due */
    int64_t next_try_ms; /* wall */
    uint64_t lease;      /* 0: not out */
    int64_t leased_ms;   /* wall */
    struct list leased;  /* in queue->leased */
    struct list of_hop;  /* in hop->all, or in that of its named queue */
    struct list held;    /* in hop->held: it waits to be asked for */
    uint64_t turn;       /* the lease is of this turned session; 0: of the sender */
    uint64_t last_turn;  /* the latest turned session that was given it */
    uint32_t number;
    enum item_kind kind;
    enum named_queue named;
    uint16_t lane;     /* of the hop's: whose it is, when it waits in one */
    bool is_ripe;      /* in lane->ripe */
    bool is_scheduled; /* due only when the connector's schedule lets it go */
    bool busy;         /* a task of ours works on it */
    bool is_frozen;    /* it waits for an administrator, and for nothing else */
    bool delay_told, deadline_told, is_filed;
    bool is_to_route; /* it was out when ways changed */
    bool has_failed;  /* it could not be read, or what became of it not be recorded */
    bool is_released; /* by ETRN or an administrator: due whatever holds until it was tried once */
};

/* What of a hop waits by the same retry intervals: it fails, and rests, together. Most hops have
 * one. */
struct lane {
    uint16_t pace;
    struct timer_heap items;     /* waiting, by next try */
    struct timer_heap ripe;      /* due, by priority and then by next try */
    unsigned failures;           /* failed connections in a row */
    int64_t failed_ms, retry_ms; /* wall; retry_ms 0: it rests not */
};

struct hop {
    struct text name;      /* owned; also the key */
    struct text connector; /* owned; "" when there is none */
    struct text domain;    /* owned; "" when the connector's smart hosts take all */
    const struct setting_connector *settings; /* of queue->settings; NULL: no connector's */
    bool holds;                               /* the connector's mail waits to be asked for */
    struct list holding;                      /* then: in queue->hops_holding */
    struct list held;                         /* items that wait for that, the longest first */
    unsigned held_count;
    struct lane *lanes; /* of what waits for its time; in no order */
    unsigned lane_count;
    struct timer due;    /* in queue->hops_waiting */
    struct list ready;   /* in queue->hops_ready, or ->hops_stinted */
    bool is_stinted;     /* in the latter */
    struct list all;     /* its items, waiting or not, the oldest first */
    uint64_t bytes;      /* of these */
    bool is_frozen;      /* by an administrator: nothing is sent, new mail still comes in */
    bool is_unreachable; /* of what no way is known for: nothing is sent */
    char *last_error;    /* of the latest attempt that failed, as the peer said it; or NULL */
    unsigned users;      /* items that name it: while there are any, it stays */
    unsigned waiting, leased, limit;
};

/* opening.c: when the item is due, by its next try and the schedule of its connector; marks it. */
int64_t opening_due(struct queued_item *item);
/* It is due, but the schedule has closed meanwhile. */
bool opening_is_closed(struct queued_item *item);
/* Some of the connector's mail waits for a time. connector may be NULL. */
bool opening_matters(const struct setting_connector *connector);

/* parts.c: a message's items by number. */
struct queued_item **parts_of(struct queued *message);
/* NULL: it has none of this number. */
struct queued_item *parts_find(struct queued *message, uint32_t number);
void parts_add(struct queued *message, struct queued_item *item);
void parts_remove(struct queued *message, const struct queued_item *item);
void parts_finish(struct queued *message);

/* pace.c: whose retry intervals a message waits by. */
void pace_init(struct queue *queue);
void pace_finish(struct queue *queue);
/* Of what came in by the server of this name; 0, the one of the retry block, if there were too many
 * names. */
uint16_t pace_find(struct queue *queue, struct text server);
/* Lent until the settings change. */
const struct setting_retry *pace_retry(const struct queue *queue, uint16_t pace);
/* The lane that such messages wait in: servers without intervals of their own share one. */
uint16_t pace_lane(const struct queue *queue, uint16_t pace);
/* True when some message's have changed. old may be NULL. */
bool pace_follow_settings(struct queue *queue, const struct settings *old);

/* lane.c */
/* That of the pace; made when it is the first. Lent until the next call. */
struct lane *lane_for(struct hop *hop, uint16_t pace);
/* That of an item's message; NULL: the hop never had any. */
const struct lane *lane_of(const struct queue *queue, const struct queued_item *item);
void lanes_finish(struct hop *hop);
/* What is due is put in order. */
void lanes_ripen(struct hop *hop);
/* When the first of the hop's waiting items may be tried (wall; 0: one may now); INT64_MAX: none
 * waits. */
int64_t lanes_due(const struct hop *hop);
/* That item, or NULL. */
struct queued_item *lanes_first(const struct hop *hop);
/* How often a connection failed in a row, at the worst; 0: the latest came about. */
unsigned lanes_failures(const struct hop *hop);
/* Until when it rests, when all that waits does so; 0 or past: it rests not. */
int64_t lanes_rest(const struct hop *hop);
/* More failures than are taken for a glitch. */
bool lanes_are_down(const struct queue *queue, const struct hop *hop);
/* They rest no longer. */
void lanes_wake(struct hop *hop);
/* What an attempt said of a message's lane; true: this is a failure more. */
bool lane_fail(struct queue *queue, struct hop *hop, const struct queued_item *item);
void lanes_connected(struct hop *hop);

/* hop.c */
/* That of an ITEM_SEND; made when it is the first. */
struct hop *hop_for(struct queue *queue, const struct item *item);
void hop_free(struct queue *queue, struct hop *hop);
void hop_follow_settings(struct queue *queue, struct hop *hop);
/* Put it where it belongs by what it has, its orders and its failures; one that nothing names is
 * freed. */
void hop_place(struct queue *queue, struct hop *hop);
/* The item's hop was `before`. */
void hop_join(struct queued_item *item, struct hop *before);
void hop_leave(struct queue *queue, struct hop *hop, uint64_t bytes);
/* What a finished attempt says of the item's hop. */
void hop_note_result(struct queue *queue, struct queued_item *item, bool connected);
void hop_note_error(struct hop *hop, struct text enhanced, struct text reply);
/* When the oldest of its mail came, wall; 0: it has none. */
int64_t hop_oldest(const struct hop *hop);
/* A lease has ended: hops that had their share may have more now. */
void hops_unstint(struct queue *queue);
/* It rests no longer. */
void hop_retry(struct queue *queue, struct hop *hop);

/* named.c */
void named_init(struct queue *queue);
void named_finish(struct queue *queue);
/* Put the item into the queue where it belongs by its kind and time, or take it out. */
void named_place(struct queue *queue, struct queued_item *item);
void named_leave(struct queue *queue, struct queued_item *item);
/* What the latest attempt ended with; NULL: it went well. */
void named_note(struct queue *queue, enum named_queue which, const char *error);
/* "lookup", or "" of a hop's. */
const char *named_name(const struct queue *queue, const struct queued_item *item);
/* The hop's mail waits until the other servers of the routing group have told what ways there are;
 * it stands in "routing", not in "unreachable". */
bool named_is_routing(const struct queue *queue, const struct hop *hop);

/* schedule.c */
void schedule_init(struct queue *queue);
void schedule_finish(struct queue *queue);
/* The store's hook. */
void schedule_item(void *context, uint64_t id, uint32_t number, struct text value);
void schedule_load(struct queue *queue);
/* Put the item where it belongs by its state; harmless when it is there. */
void schedule_place(struct queue *queue, struct queued_item *item);
struct queued_item *schedule_find(struct queue *queue, uint64_t id, uint32_t number);
/* Around what a task of ours does with an item, which is nobody else's meanwhile. It is named by
 * its numbers then, for it may go. */
struct work {
    uint64_t id;
    uint32_t number;
};
struct work schedule_begin_work(struct queue *queue, struct queued_item *item);
/* It waits again, and at least rest_ms long when that is not 0; NULL: it is gone. */
struct queued_item *schedule_end_work(struct queue *queue, struct work work, int64_t rest_ms);
/* The item's wait for its hop as decide_wait takes it. */
struct wait schedule_wait(const struct queued_item *item);
/* The next item to send, leased; NULL: none is due. *wake_ms: when one may be (wall). */
struct queued_item *schedule_lease(struct queue *queue, int64_t *wake_ms);
/* Lease this item to a turned session. */
void schedule_lease_held(struct queue *queue, struct queued_item *item, uint64_t turn);
/* Lease an item by the lease that the store before us gave for it. False: it waits no more, or the
 * lease is none of an earlier time. */
struct queue_claim;
bool schedule_lease_again(struct queue *queue, const struct queue_claim *claim);
/* Due now, with its hop. A held one is let go for one attempt. */
void schedule_start(struct queue *queue, struct queued_item *item);
/* The connectors may hold now what they did not, and the other way round; mail may wait by other
 * intervals. old may be NULL. */
void schedule_follow_settings(struct queue *queue, const struct settings *old);
/* The lease ends; the item, when it still exists, waits again. */
void schedule_release(struct queue *queue, struct queued_item *item);
void schedule_send_lost(void *queue);
/* All items anew: what decides of their places has changed. */
void schedule_place_all(struct queue *queue);
/* schedule_clock.c: before instants are held against now, or are made from it. When the wall clock
 * was set they are set with it. Does not yield. */
void schedule_heed_clock(struct queue *queue);
/* Wall instant to monotonic, for waiting. */
int64_t schedule_deadline(int64_t wall_ms);

#endif
