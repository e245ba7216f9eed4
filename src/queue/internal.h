/* What the files of queue/ share in the store role. Included only from queue/. */
#ifndef QUEUE_INTERNAL_H
#define QUEUE_INTERNAL_H

#include "account/account.h"
#include "base/list.h"
#include "base/map.h"
#include "decide/retry.h"
#include "directory/cache.h"
#include "queue/item.h"
#include "queue/queue.h"
#include "queue/wire.h"
#include "task/timer.h"

/* A message with items, in memory: what scheduling needs and no more. */
struct queued {
    uint64_t id, size;
    int64_t begun_ms; /* wall: it came, or was to be released */
    enum mail_by by;
    int64_t by_ms;
    int priority;
    struct list items;
    uint32_t next_number; /* for a further item */
};

struct queued_item {
    struct queued *message;
    uint32_t number;
    enum item_kind kind;
    struct list of_message;
    struct hop *hop;     /* ITEM_SEND */
    struct timer due;    /* in a heap of its hop, or in queue->reports, ->later, ->files */
    bool is_ripe;        /* in hop->ripe */
    bool is_scheduled;   /* due only when the connector's schedule lets it go */
    struct timer look;   /* in queue->looks: a notice or expiry may be due */
    int64_t next_try_ms; /* wall */
    uint64_t lease;      /* 0: not out */
    int64_t leased_ms;   /* wall */
    struct list leased;  /* in queue->leased */
    bool busy;           /* a task of ours works on it */
    bool is_frozen;      /* it waits for an administrator, and for nothing else */
    bool delay_told, deadline_told, is_filed;
    struct list of_hop; /* in hop->all */
    struct list held;   /* in hop->held: it waits to be asked for */
    bool is_released; /* by ETRN or an administrator: due whatever holds until it was tried once */
    uint64_t turn;    /* the lease is of this turned session; 0: of the sender */
    uint64_t last_turn; /* the latest turned session that was given it */
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
    struct timer_heap items; /* waiting, by next try */
    struct timer_heap ripe;  /* due, by priority and then by next try */
    struct timer due;        /* in queue->hops_waiting */
    struct list ready;       /* in queue->hops_ready */
    struct list all;         /* its items, waiting or not, the oldest first */
    uint64_t bytes;          /* of these */
    bool is_frozen;          /* by an administrator: nothing is sent, new mail still comes in */
    char *last_error;        /* of the latest attempt that failed, as the peer said it; or NULL */
    unsigned users;          /* items that name it: while there are any, it stays */
    unsigned waiting, leased, limit;
    unsigned failures;           /* failed connections in a row */
    int64_t failed_ms, retry_ms; /* wall; retry_ms 0: active */
};

struct upload_slot {
    uint64_t id;
    struct rpc_channel *channel;
    struct upload *upload;
    bool busy; /* a call is on it */
};

struct queue {
    struct store *store;
    struct settings *settings;
    struct accounts accounts; /* of both */
    struct rpc_channel *auth, *send;
    struct directory_cache *cache; /* of what auth answered */
    struct task_group tasks;
    struct task_group log_tasks; /* must outlive the store */
    struct map *messages;        /* id -> struct queued */
    struct map *items;           /* id, number -> struct queued_item */
    struct map *hops;            /* name -> struct hop */
    struct map *leases;          /* lease -> struct queued_item */
    struct map *uploads;         /* channel, id -> struct upload_slot */
    struct map *committing;      /* ids being committed */
    struct list watches;         /* of fronts */
    struct timer_heap hops_waiting;
    struct list hops_ready; /* due: one job each in turn */
    struct list hops_holding;
    struct map *frozen_hops; /* names: also of hops without mail */
    bool is_outbound_off;    /* all hops rest */
    struct map *turns;       /* id -> struct turn: sessions that were turned round */
    uint64_t last_turn;
    struct map *asked; /* connector's name -> when a stranger's ETRN was heeded last */
    struct list leased;
    struct timer_heap looks, reports, later, files;
    struct task_event work; /* for QUEUE_LEASE */
    struct task_event look_news, report_news, later_news, file_news;
    struct scripts_cache *scripts; /* the active ones, compiled */
    struct map *remembering;       /* owner, key: a memory on its way to the store; see memory.h */
    uint64_t last_lease, last_id;
    uint64_t send_losses; /* times the send process went away */
    int64_t free_checked_ms;
    uint64_t free_bytes;
    char *directory;
    void *owner;
    uint64_t accepted_messages, accepted_bytes;
    bool serving;
    unsigned calls; /* being served */
    struct task_event call_ended;
};

/* orders.c: what an administrator ordered and the store keeps. */
void orders_init(struct queue *queue);
void orders_finish(struct queue *queue);
void orders_load(struct queue *queue);
/* Nothing of the hop is to be sent now. */
bool orders_stop(const struct queue *queue, const struct hop *hop);

/* view.c: one item that is neither out nor busy. */
bool queue_retry_item(struct queue *queue, struct queued_item *item);
/* YIELDS. */
enum status queue_delete_item(struct queue *queue, struct queued_item *item, bool report);

/* opening.c: when the item is due, by its next try and the schedule of its connector; marks it. */
int64_t opening_due(struct queued_item *item);
/* It is due, but the schedule has closed meanwhile. */
bool opening_is_closed(struct queued_item *item);
/* Some of the connector's mail waits for a time. connector may be NULL. */
bool opening_matters(const struct setting_connector *connector);

/* schedule.c */
void schedule_init(struct queue *queue);
void schedule_finish(struct queue *queue);
/* The store's hook. */
void schedule_item(void *context, uint64_t id, uint32_t number, struct text value);
void schedule_load(struct queue *queue);
/* Put the item where it belongs by its state; harmless when it is there. */
void schedule_place(struct queue *queue, struct queued_item *item);
struct queued_item *schedule_find(struct queue *queue, uint64_t id, uint32_t number);
/* When the first of the hop's waiting items is due (wall; 0: one is now); INT64_MAX: none waits. */
int64_t schedule_hop_due(const struct hop *hop);
/* One that waits and is not held, or NULL. */
struct queued_item *schedule_hop_first(const struct hop *hop);
/* The item's wait for its hop as decide_wait takes it. */
struct wait schedule_wait(const struct queued_item *item);
/* The next item to send, leased; NULL: none is due. *wake_ms: when one may be (wall). */
struct queued_item *schedule_lease(struct queue *queue, int64_t *wake_ms);
/* Lease this item to a turned session. */
void schedule_lease_held(struct queue *queue, struct queued_item *item, uint64_t turn);
/* Due now, with its hop. A held one is let go for one attempt. */
void schedule_start(struct queue *queue, struct queued_item *item);
/* The connectors may hold now what they did not, and the other way round. */
void schedule_follow_settings(struct queue *queue);
/* The lease ends; the item, when it still exists, waits again. */
void schedule_release(struct queue *queue, struct queued_item *item);
void schedule_send_lost(void *queue);
/* What a finished attempt says of the hop. */
void schedule_hop_result(struct queue *queue, struct queued_item *item, bool connected);
void schedule_hop_retry(struct queue *queue, struct hop *hop);
/* Its orders have changed. */
void schedule_hop_place(struct queue *queue, struct hop *hop);
void schedule_hop_error(struct hop *hop, struct text enhanced, struct text reply);
/* Wall instant to monotonic, for waiting. */
int64_t schedule_deadline(int64_t wall_ms);

/* accept.c */
struct acceptance {
    const struct queue_envelope *envelope;
    struct text body;          /* small */
    struct log_place *extents; /* or large */
    unsigned extent_count;
    uint64_t size;
    struct queue_result *results; /* per recipient, or NULL: nobody hears */
    struct arena *results_arena;
    /* What else happens in the same record: added before. */
    struct change *change;
    bool is_internal; /* of this process: no limits apply, and what all refuse is reported */
};
/* Expand, route and commit: the one way in. YIELDS. */
enum status accept_message(struct queue *queue, const struct acceptance *acceptance);

/* outcome.c */
/* Read an item's durable state into arena. False: it is gone. */
bool item_read(struct queue *queue, const struct queued_item *item, struct arena *arena,
               struct item *out);
void change_item(struct change *change, uint64_t id, uint32_t number, const struct item *item);
void change_item_gone(struct change *change, uint64_t id, uint32_t number);
/* Record what became of an item's recipients. YIELDS. */
enum status outcome_record(struct queue *queue, struct queued_item *item,
                           const struct queue_report_request *report);
/* Expiry and delay notice, as due. YIELDS. */
void outcome_look(struct queue *queue, struct queued_item *item);
/* All recipients of an ITEM_DROP are in this file. YIELDS. */
enum status outcome_dropped(struct queue *queue, struct queued_item *item, struct text file);
/* Give up on all recipients of an item. report: tell the sender. YIELDS. */
enum status outcome_give_up(struct queue *queue, struct queued_item *item, const char *enhanced,
                            const char *reply, bool report);

/* serve.c */
void serve_finish(struct queue *queue);
/* Around every call that may yield, so that closing can wait for it. TRY_LATER: not serving; the
 * call is to be ended all the same. */
enum status serve_begin_call(struct queue *queue);
void serve_end_call(struct queue *queue);

/* job.c */
/* Append the job of a leased item. False: its message can't be read now. YIELDS. */
bool job_put(struct queue *queue, struct queued_item *queued, struct buffer *out);
/* Bytes of what is sent for a leased item. YIELDS. */
enum status job_read(struct queue *queue, const struct queued_item *queued, uint64_t offset,
                     uint32_t length, struct buffer *out);

/* turn.c */
void queue_serve_turn_lease(void *context, struct rpc_call *call, struct text request);
void queue_serve_turn_end(void *context, struct rpc_call *call, struct text request);
void turn_init(struct queue *queue);
void turn_finish(struct queue *queue);
/* The send process is gone, and with it what it was turned to. */
void turn_send_lost(struct queue *queue);

/* A front that is there, each in turn; NULL: none is. */
struct rpc_channel *serve_some_front(struct queue *queue);
void queue_serve_receive(void *context, struct rpc_call *call, struct text request);

/* etrn.c */
void queue_serve_etrn(void *context, struct rpc_call *call, struct text request);
/* Forget who asked. */
void etrn_finish(struct queue *queue);

/* room.c */
void queue_serve_room(void *context, struct rpc_call *call, struct text request);

/* release.c: an ITEM_LATER whose time has come. YIELDS. */
void release_item(struct queue *queue, struct queued_item *item);

/* answer.c: write what a script wants written (ITEM_ANSWER). YIELDS. */
void answer_send(struct queue *queue, struct queued_item *item);

/* files.c: write what an ITEM_DROP or ITEM_BAD becomes. YIELDS. */
void files_write(struct queue *queue, struct queued_item *item);

/* pickup.c: the task that takes messages from folders; argument is the queue. */
void pickup_run(void *queue);

/* notice.c: tell the sender of an ITEM_REPORT. YIELDS. */
void notice_send(struct queue *queue, struct queued_item *item);

#endif
