/* What the files of queue/ share in the store role. Included only from queue/. */
#ifndef QUEUE_INTERNAL_H
#define QUEUE_INTERNAL_H

#include "account/account.h"
#include "base/list.h"
#include "base/map.h"
#include "decide/retry.h"
#include "directory/cache.h"
#include "queue/keep_clock.h"
#include "queue/queue.h"
#include "queue/schedule/item.h"
#include "queue/schedule/schedule.h"
#include "queue/wire.h"
#include "routing/table.h"
#include "task/timer.h"

/* A message on its way in, on the stack of who takes it. */
struct arriving {
    struct list link; /* in queue->arriving */
    int64_t begun_ms; /* wall */
    uint64_t size;
};

struct upload_slot {
    uint64_t id;
    struct rpc_channel *channel;
    struct upload *upload;
    bool busy; /* a call is on it */
};

struct links;

struct queue {
    struct store *store;
    struct settings *settings;
    struct accounts accounts; /* of both */
    struct rpc_channel *auth, *send;
    struct directory_cache *cache; /* of what auth answered */
    struct task_group tasks;
    struct task_group log_tasks; /* must outlive the store */
    struct map *messages;        /* id -> struct queued */
    uint64_t item_count;         /* of all messages */
    struct map *hops;            /* name -> struct hop */
    struct paces *paces;
    struct map *leases;     /* lease -> struct queued_item */
    struct map *uploads;    /* channel, id -> struct upload_slot */
    struct map *committing; /* ids being committed */
    struct list watches;    /* of fronts */
    struct timer_heap hops_waiting;
    struct list hops_ready;   /* due: one job each in turn */
    struct list hops_stinted; /* due, but they have their share of what may be out */
    struct list hops_holding;
    struct map *frozen_hops; /* names: also of hops without mail */
    bool is_outbound_off;    /* all hops rest */
    struct map *turns;       /* id -> struct turn: sessions that were turned round */
    uint64_t last_turn;
    struct map *asked; /* connector's name -> when a stranger's ETRN was heeded last */
    struct list leased;
    struct named named[NAMED_COUNT];
    struct list arriving;
    struct timer_heap looks, reports, later, files;
    struct task_event work;      /* for QUEUE_LEASE */
    struct task_event flush_due; /* so much was accepted that the index is to be flushed early */
    uint64_t unflushed_bytes;
    struct task_event kept_news; /* somebody keeps more than he may of what he removed */
    struct task_event look_news, report_news, later_news, file_news;
    struct report_catalog *report_texts;
    struct recent *reported;       /* address to struct notice_tally */
    struct scripts_cache *scripts; /* the active ones, compiled */
    struct map *remembering;       /* owner, key: a memory on its way to the store; see memory.h */
    uint64_t last_lease, last_id;
    uint64_t send_losses;       /* times the send process went away */
    uint64_t directory_returns; /* times that auth came back, or told of a change */
    int64_t loaded_ms;          /* wall */
    int64_t clock_ahead_ms;     /* the wall clock of the monotonic one, as the schedule knows it */
    struct keep_clock keep_clock; /* by which what is kept goes */
    int64_t free_checked_ms;
    uint64_t free_bytes;
    struct links *links; /* what is known of routing groups */
    char *directory;
    void *owner;
    queue_follow_url *follow_url;
    struct protolog_writer *protolog; /* or NULL */
    struct queue_counters counters;
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

/* accept.c */
struct acceptance {
    const struct queue_envelope *envelope;
    struct text body;      /* small */
    struct upload *upload; /* or large; else NULL */
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
/* A whole call that asks for jobs: give appends them and counts them. YIELDS. */
typedef enum status serve_jobs_lease(struct queue *queue, struct text request, struct buffer *jobs,
                                     unsigned *count);
void serve_jobs(struct queue *queue, struct rpc_call *call, struct text request,
                serve_jobs_lease *give);

/* job.c */
/* Append the job of a leased item. TRY_LATER: its message can't be read now. REFUSED: its lease
 * ended meanwhile, as when send reports by a number that it was not given yet, and the item may be
 * gone. YIELDS. */
enum status job_put(struct queue *queue, struct queued_item *queued, struct buffer *out);
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

/* What fronts keep of answers about room (room_cache.h) may be wrong now. Does not yield. */
void serve_room_changed(struct queue *queue);
/* A front that is there, each in turn; NULL: none is. */
struct rpc_channel *serve_some_front(struct queue *queue);
void queue_serve_receive(void *context, struct rpc_call *call, struct text request);

/* etrn.c */
void queue_serve_etrn(void *context, struct rpc_call *call, struct text request);
/* Forget who asked. */
void etrn_finish(struct queue *queue);

/* links_state.c: link states; links_internal.h has the rest. */
void links_init(struct queue *queue);
void links_finish(struct queue *queue);
void links_start(struct queue *queue);
void links_follow_settings(struct queue *queue);
/* What is known of routing groups; NULL: we are in none, or can't say what we have. Lent until the
 * next yield. */
const struct link_table *links_table(const struct queue *queue);
/* We have just begun, and not asked everybody yet. */
bool links_are_awaited(const struct queue *queue);
/* The item was out, frozen or being worked on, and waits again: if ways changed meanwhile it is
 * routed anew. */
void links_item_released(struct queue *queue, struct queued_item *item);
/* A connection to the hop came about, or did not. */
void links_hop_result(struct queue *queue, const struct hop *hop, bool connected);
void queue_serve_link_say(void *context, struct rpc_call *call, struct text request);
void queue_serve_link_answer(void *context, struct rpc_call *call, struct text request);

/* queue.c: so much was accepted, and the index is flushed early after much of it. Does not yield.
 */
void queue_note_unflushed(struct queue *queue, uint64_t bytes);

/* room.c */
void queue_serve_room(void *context, struct rpc_call *call, struct text request);
/* url.c */
void queue_serve_url(void *context, struct rpc_call *call, struct text request);

/* release.c: an ITEM_LATER or ITEM_LOOKUP whose time has come. YIELDS. */
void release_item(struct queue *queue, struct queued_item *item);
/* All that wait for the directory are due. Does not yield. */
void release_lookups(struct queue *queue);
/* Between two attempts to look recipients up. */
enum { QUEUE_LOOKUP_MS = 20 * 1000 };
/* In place of a server's name: it is a report of ours. */
#define QUEUE_REPORT_SERVER TEXT("(report)")

/* answer.c: write what a script wants written (ITEM_ANSWER). YIELDS. */
void answer_send(struct queue *queue, struct queued_item *item);

/* files.c: write what an ITEM_DROP or ITEM_BAD becomes. YIELDS. */
void files_write(struct queue *queue, struct queued_item *item);

/* history.c: the task that forgets what was sent long ago; argument is the queue. */
void history_run(void *queue);

/* pickup.c: the task that takes messages from folders; argument is the queue. */
void pickup_run(void *queue);

/* notice.c: tell the sender of an ITEM_REPORT. YIELDS. */
void notice_send(struct queue *queue, struct queued_item *item);

#endif
