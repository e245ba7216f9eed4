/* The queue, in the store role: the one door messages come in by, the schedule of what has to go
 * out, and the reports about what could not. Everything durable is in the store; what is here in
 * memory is made from its queue items at start and follows them. */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "account/account.h"
#include "mail/report_texts.h"
#include "queue/client.h"
#include "store/store.h"

struct queue;

struct queue_options {
    const char *directory;        /* of the store; made when missing */
    struct settings *settings;    /* held */
    struct rpc_channel *auth;     /* NULL: offline, nothing is accepted or expanded */
    struct rpc_channel *send;     /* NULL: offline */
    bool index_in_memory;         /* tests */
    uint32_t segment_bytes;       /* 0: the log's own size */
    const struct log_files *disk; /* NULL: the kernel's files */
};

/* No I/O; so that channels can be given it as context before it serves. */
struct queue *queue_new(void);
/* Open the store, schedule what is queued, and begin to serve. TRY_LATER with the reason. YIELDS.
 */
enum status queue_start(struct queue *queue, const struct queue_options *options);
/* Finish commits, close and free. Accepts NULL. YIELDS. */
void queue_stop(struct queue **queue);
void queue_set_settings(struct queue *queue, struct settings *settings);
/* What reports say from now on; until the first call it is what is shipped. Takes the catalog. */
void queue_set_report_texts(struct queue *queue, struct report_catalog **catalog);
/* It is back, or has changed: mail that waits for it is looked up now. Does not yield. */
void queue_directory_back(struct queue *queue);
struct store *queue_store(struct queue *queue);
/* What holds for users; lent, follows the settings. */
const struct accounts *queue_accounts(const struct queue *queue);
/* Is there a user of this canonical address? REFUSED: there is none. OK without asking while
 * offline. YIELDS. */
enum status queue_check_user(struct queue *queue, struct text user);
/* TRY_LATER with the reason: the disk has less room than mail is taken with. */
enum status queue_check_room(struct queue *queue);
/* What the program that runs the queue keeps with it: handlers are given the queue alone. */
void queue_set_owner(struct queue *queue, void *owner);
void *queue_owner(const struct queue *queue);

struct protolog_writer;
/* Who gets the rows of protocol logs that fronts and send tell. Does not yield. */
void queue_set_protolog(struct queue *queue, struct protolog_writer *writer);

/* Who knows what URLs of messages lead to. Sets *answer, whose bytes are empty before. TRY_LATER:
 * it can't be told now. YIELDS. */
typedef enum status queue_follow_url(const struct accounts *accounts,
                                     const struct queue_url_question *question,
                                     struct queue_url_answer *answer);
/* Before fronts may ask. */
void queue_set_urls(struct queue *queue, queue_follow_url *follow);

/* What fronts and send may call; context is the queue. */
enum { QUEUE_FRONT_METHODS = 11, QUEUE_SEND_METHODS = 10 };
extern const struct rpc_method queue_front_methods[QUEUE_FRONT_METHODS];
extern const struct rpc_method queue_send_methods[QUEUE_SEND_METHODS];
/* STORE_TURN, for the table of auth. */
void queue_serve_turn(void *context, struct rpc_call *call, struct text request);
/* QUEUE_STORY for further peers' tables. */
void queue_serve_story(void *context, struct rpc_call *call, struct text request);
/* Drop what a front began and did not finish when its process goes away. */
void queue_watch_front(struct queue *queue, struct rpc_channel *channel);

/* For administrators. Lent to the visitor. */
struct queue_view_recipient {
    struct text address, last_error, enhanced, remote_host;
};
struct queue_view {
    uint64_t id;
    uint32_t number;
    /* "waiting", "scheduled" (until its connector's time), "remote" (until it is asked for),
     * "lookup" (until the directory answers), "routing" (until the other servers have said which
     * ways there are), "unreachable" (until there is a way), "frozen" (until it is thawed),
     * "sending", "report", "bad", "answer" (a script's, about to be written), "held" until
     * next_try_ms, as the sender asked, or "sent" and kept until then */
    const char *state;
    const char *queue; /* as queue_each_named names it; "" in the queue of its hop, and bad mail */
    struct text waits_for; /* of "remote": what lets it go, for people */
    struct text hop;       /* or "": it waits for none */
    struct text connector, domain, sender, subject;
    uint64_t size;
    int64_t received_ms, next_try_ms; /* wall */
    uint32_t attempts;
    const struct queue_view_recipient *recipients;
    unsigned recipient_count;
};
typedef void queue_view_visit(void *context, const struct queue_view *view);
/* Every queue item by age, or those of one message (id != 0). YIELDS. */
void queue_each(struct queue *queue, uint64_t id, queue_view_visit *visit, void *context);

struct queue_hop_view {
    struct text name;
    const char *state; /* "active", "ready", "retry", "scheduled", "remote", "frozen", "disabled",
                        * "routing", "unreachable" */
    unsigned messages; /* all of them */
    uint64_t bytes;
    int64_t oldest_ms;      /* wall: the first of these came */
    struct text last_error; /* as the peer said it, or "" */
    unsigned waiting, remote, sending, failures;
    int64_t next_try_ms;   /* of those that wait for their time. Wall; 0: now */
    struct text waits_for; /* of the `remote` ones: what lets them go, or "" */
};
typedef void queue_hop_visit(void *context, const struct queue_hop_view *view);
void queue_each_hop(struct queue *queue, queue_hop_visit *visit, void *context);
/* The same of what waits for no next hop: "submission", "lookup", "routing", "local", "failed",
 * "reports" and "deferred"; and "unreachable", all hops that could not be reached. YIELDS. */
void queue_each_named(struct queue *queue, queue_hop_visit *visit, void *context);

/* Make due now: all items (id 0, hop ""), those of a message, or those of a hop. What is remote
 * only goes when its message or hop is named, what is held when its message is. Returns how many.
 */
unsigned queue_retry(struct queue *queue, uint64_t id, struct text hop);
/* Remove what waits of a message, telling the sender when `report`. Items being sent stay and make
 * it TRY_LATER; REFUSED: there is no such message. YIELDS. */
enum status queue_delete(struct queue *queue, uint64_t id, bool report);
/* Why a part of a message is where it is. Lent to the visitor. */
struct queue_explanation {
    uint32_t number;
    const struct queue_view *view;
    struct text why;
    struct setting_place place; /* of the setting that says so; line 0: none, or its default */
    int64_t next_try_ms;        /* wall; 0: none by itself */
    int64_t gives_up_ms;        /* wall; 0: never by itself */
};
typedef void queue_explain_visit(void *context, const struct queue_explanation *explanation);
/* YIELDS. */
void queue_explain(struct queue *queue, uint64_t id, queue_explain_visit *visit, void *context);

/* What administrators pick messages by; what is empty or 0 is not asked about. */
struct queue_filter {
    uint64_t id;
    struct text hop, from; /* whole */
    struct text queue;     /* as queue_each_named names it */
    struct text to;        /* of a recipient, or how his address ends ("@example.org") */
    struct text subject;   /* a part of it; ASCII letters in any case */
    uint64_t older_ms, larger_bytes;
};
/* Every item that matches; of one hop without looking at others. YIELDS. */
void queue_find(struct queue *queue, const struct queue_filter *filter, queue_view_visit *visit,
                void *context);
bool queue_filter_is_empty(const struct queue_filter *filter);
bool queue_filter_matches(const struct queue_filter *filter, const struct queue_view *view);
enum queue_action {
    QUEUE_COUNT_ONLY, /* nothing happens */
    QUEUE_FREEZE,     /* not sent, not reported, not expired until it is thawed; durable */
    QUEUE_THAW,
    QUEUE_RETRY,  /* as queue_retry of a message */
    QUEUE_DELETE, /* the sender is told */
    QUEUE_DROP,   /* and here not */
};
/* Do so with every item that matches and that it is possible with. *count: how many those were.
 * TRY_LATER: it could not be written; what went before stays done.
 * YIELDS. */
enum status queue_act(struct queue *queue, const struct queue_filter *filter,
                      enum queue_action action, unsigned *count);
/* Freeze or thaw a hop, with or without mail: nothing of it is sent, and more comes in. Durable.
 * YIELDS. */
enum status queue_freeze_hop(struct queue *queue, struct text hop, bool is_frozen);
/* All hops rest, or do not; local delivery goes on. Durable. YIELDS. */
enum status queue_stop_outbound(struct queue *queue, bool is_off);
bool queue_outbound_is_off(const struct queue *queue);
bool queue_hop_is_frozen(const struct queue *queue, struct text hop);

/* Send what is kept of a message that was sent (`sent keep`) once more: to all its recipients, or
 * to the one. They are looked up anew. *count: how many. REFUSED: nothing of it is kept. YIELDS. */
enum status queue_resend(struct queue *queue, uint64_t id, struct text to, unsigned *count);

/* Forget bad mail: one message, or all (id 0). *count is how many. YIELDS. */
enum status queue_purge_bad(struct queue *queue, uint64_t id, unsigned *count);

/* Put a bad message back: its recipients are looked up and tried anew, for as long as a new
 * message's. *count is how many parts. YIELDS. */
enum status queue_requeue_bad(struct queue *queue, uint64_t id, unsigned *count);

/* Which way would a message go, and why not another? Nothing is sent. */
struct queue_route_question {
    struct text to, from, login, server;
    uint64_t size;
    int priority;
};
struct queue_route_line {
    struct text target; /* the address that `to` leads to */
    /* "mailbox", "next-hop", "unknown", "loop", "refused", "unreachable", "other" */
    const char *kind;
    struct text connector; /* of a next hop and of an alternative; "" by MX */
    struct text space;     /* that matched, or "" */
    uint32_t cost;
    struct text hosts; /* where it goes then */
    struct text to;    /* "group/connector" of another server that it goes by in the end, or "" */
    struct text way;   /* the groups on the way there, "north > south"; "" within ours */
    struct text reason;
    struct setting_place place; /* line 0: no setting decided */
    struct text note;
};
typedef void queue_route_visit(void *context, const struct queue_route_line *line);
/* Each target, and behind it its alternatives ("other"). REFUSED: the address is malformed, or
 * there is no such server. TRY_LATER: the directory is not there. YIELDS. */
enum status queue_route(struct queue *queue, const struct queue_route_question *question,
                        queue_route_visit *visit, void *context);

/* What happened since the process started. Recipients, where nothing else is said. */
struct queue_counters {
    uint64_t accepted_messages, accepted_bytes;  /* also reports and answers of our own */
    uint64_t delivered, dropped;                 /* into mailboxes, into drop folders */
    uint64_t sent, sent_bytes, put_off, refused; /* what next hops said */
    uint64_t expired, deleted;
    uint64_t reports, reports_kept_back, bad; /* messages */
    uint64_t filtered[FILTERED_KINDS];
    uint64_t checked[2][SPF_RESULTS]; /* messages, by SPF and by Sender ID */
};
const struct queue_counters *queue_counters_now(const struct queue *queue);

struct queue_counts {
    uint64_t messages, items, hops, sending;
    bool low_space;
};
struct queue_counts queue_counts_now(const struct queue *queue);

#endif
