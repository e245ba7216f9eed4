/* A queue in a directory of its own with real channels to its peers: a front and a send process
 * played by the test, and an auth role that knows a handful of addresses, or has a directory. */
#ifndef TESTS_UNIT_QUEUE_PEER_H
#define TESTS_UNIT_QUEUE_PEER_H

#include "directory/directory.h"
#include "queue/queue.h"
#include "queue/room_cache.h"
#include "queue/turn/turn.h"
#include "store/mailbox.h"
#include "store/shown.h"
#include "test.h"

enum { QUEUE_PEER_ROUNDS = 300000 };

struct queue_peer {
    char directory[64];
    struct settings *settings;
    struct queue *queue;
    struct task_group group;
    struct rpc_channel *front, *front_in_store; /* both ends */
    struct rpc_channel *send, *send_in_store;
    struct rpc_channel *auth, *auth_in_store;
    uint64_t last_id, last_turn;
    struct room_cache *rooms; /* of the front; NULL: it keeps nothing */
    unsigned turned;          /* times the store gave send a session */
    bool send_is_busy;
    struct text send_says; /* to what it is asked but for turns; "": that it is busy */
    char send_asked[512];  /* what that was */
    size_t send_asked_bytes;
    bool index_on_disk, auth_is_down;
    bool auth_comes_back;        /* right after a question that it does not answer */
    struct directory *addresses; /* auth looks them up there; NULL: the handful */
    /* Before auth answers its next question, once; may YIELD. NULL: nothing. */
    void (*meanwhile)(struct queue_peer *peer);
    uint32_t segment_bytes;
    /* Send is to talk to these hosts about links; NULL: it knows none. */
    void (*serve_links)(struct queue_peer *peer, struct rpc_call *call, struct text hop);
    const struct log_files *disk; /* from the next opening on; NULL: the kernel's */
};

/* Run `test` on a fresh peer, in a loop; the directory is removed afterwards. */
void queue_peer_run(void (*test)(struct queue_peer *peer));
/* The same with the clock in the test's hand: *now is set, and is the time from then on. */
void queue_peer_run_at(int64_t *now, void (*test)(struct queue_peer *peer));
/* The same with a store that may fail to open: the test then does not run. */
void queue_peer_run_failing(const char *directory, uint32_t segment_bytes,
                            void (*test)(struct queue_peer *peer));
/* The same in a directory that stays. */
void queue_peer_run_in(const char *directory, bool index_on_disk,
                       void (*test)(struct queue_peer *peer));
void queue_peer_open(struct queue_peer *peer);
/* The queue gets settings with these lines more. */
void queue_peer_add_settings(struct queue_peer *peer, const char *lines);
/* These in place of all. */
void queue_peer_set_settings(struct queue_peer *peer, const char *lines);
/* And these connectors alone. */
void queue_peer_set_connectors(struct queue_peer *peer, const char *blocks);
enum status queue_peer_try_open(struct queue_peer *peer);
void queue_peer_close(struct queue_peer *peer);
/* As after a crash of the send process. */
void queue_peer_send_dies(struct queue_peer *peer);

/* A message by the client side, one recipient or several; its id. */
struct queue_peer_mail {
    struct text sender, body;
    struct text to[12];
    unsigned to_count, notify;
    bool lmtp;
    struct mail_terms terms;
    struct text message_id;
    struct text server; /* that it comes in by; "": internet */
    struct text login;  /* of who sends it, or "" */
    struct queue_result *results;
    struct arena *arena; /* of the results' reasons */
    uint64_t id;         /* out */
};
enum status queue_peer_mail(struct queue_peer *peer, struct queue_peer_mail *mail);
/* Mail with one line of body from sender to one recipient; its id. */
uint64_t queue_peer_deliver(struct queue_peer *peer, const char *sender, const char *to);
/* How many messages the user's INBOX holds. */
unsigned queue_peer_count(struct queue_peer *peer, const char *owner);
/* And another mailbox; 0 too when there is none. */
unsigned queue_peer_count_in(struct queue_peer *peer, struct text owner, const char *name);
/* The bytes of the n-th message (from 0) as its owner reads it; "" when there is none. */
struct text queue_peer_read(struct queue_peer *peer, const char *owner, unsigned n,
                            struct arena *arena);
/* Lease up to max jobs, at least one, for which there is time enough also on a busy machine; how
 * many. */
unsigned queue_peer_lease(struct queue_peer *peer, unsigned max, struct arena *arena,
                          struct queue_job **jobs);
/* The only job there is; NULL when there is none. */
struct queue_job *queue_peer_lease_one(struct queue_peer *peer, struct arena *arena);
/* The same where there may be none: until nothing is queued any more. */
unsigned queue_peer_lease_left(struct queue_peer *peer, unsigned max, struct arena *arena,
                               struct queue_job **jobs);
/* The same where what is queued may never be given: a twentieth of a second at least. */
unsigned queue_peer_lease_soon(struct queue_peer *peer, unsigned max, struct arena *arena,
                               struct queue_job **jobs);
/* Nothing is given to send for a moment, after which this send process dies. */
bool queue_peer_rests(struct queue_peer *peer);
/* What became of each recipient of the job, to a store that does other work meanwhile: where the
 * clock stands still it would wait for that. */
enum status queue_peer_tell(struct queue_peer *peer, const struct queue_job *job,
                            const struct queue_outcome *outcomes);
/* The same for the job's only recipient, and nothing done for the store: for a task of the test. */
struct queue_peer_telling {
    struct queue_peer *peer;
    const struct queue_job *job;
    struct queue_outcome outcome;
    enum status status; /* out */
};
void queue_peer_tell_task(void *telling);
/* One outcome for all recipients of the job. */
enum status queue_peer_report(struct queue_peer *peer, const struct queue_job *job,
                              enum status status, bool no_connection, const char *enhanced,
                              const char *reply);
/* The next hop has taken it for all recipients. */
enum status queue_peer_sent(struct queue_peer *peer, const struct queue_job *job);
/* Let the store work for one of QUEUE_PEER_ROUNDS, which take a minute: for loops that wait. */
void queue_peer_work(void);
/* Let the store work until the user has this many messages. False: it did not come to that. */
bool queue_peer_await(struct queue_peer *peer, const char *owner, unsigned count);
/* Let the store work for a second; the user does not get as many messages as that. */
bool queue_peer_stays_below(struct queue_peer *peer, const char *owner, unsigned count);
/* Remove a directory and what is in it. */
void queue_peer_remove(const char *directory);

#endif
