/* Inside the sender: jobs in hand, and hops with their waiting jobs and connections. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_HOP_H
#define PROTO_SMTP_SEND_SMTP_SEND_HOP_H

#include "base/map.h"
#include "proto/smtp/send/smtp_send_attempt.h"

/* Jobs of one lease share its arena; it ends with the last of them. */
struct smtp_lease {
    struct arena arena;
    unsigned jobs_left;
};

struct smtp_job {
    struct list link;  /* in its hop's waiting */
    struct list begun; /* in hops->in_hand, once it was */
    struct smtp_lease *lease;
    struct smtp_hop *hop;
    const struct queue_job *facts;
};

/* One next hop: a connector's smart hosts, or a domain. Exists while it has jobs or connections. */
struct smtp_hop {
    struct smtp_hops *hops;
    struct list waiting;
    struct task_event work; /* told when a job waits or the sender stops */
    struct text key;
    unsigned jobs; /* waiting or being delivered */
    unsigned waiting_jobs;
    unsigned connections; /* tasks at work */
    unsigned open;        /* of these, with an open connection */
    unsigned idle;        /* of these, waiting for work */
    unsigned most;        /* connections at a time: the setting's, or what the hop stands */
    unsigned reports;     /* on their way to the queue, of jobs that have been delivered */
    struct task_event reported;
    struct list starved; /* in hops->starved: it wants a connection, and all are in use */
};

struct smtp_hops {
    const struct smtp_sender *sender;
    struct map *by_key;
    struct list in_hand;           /* jobs being delivered or reported, or put back */
    struct task_group connections; /* and reports */
    struct task_event eased;       /* told when a job ends */
    struct list starved;           /* the longest first */
    unsigned count;                /* connections of all hops */
    unsigned jobs;                 /* of all hops */
    bool stopping;
};
/* While others wait for a connection one is given up after so many jobs. */
enum { SMTP_LINGER_MS = 5000, SMTP_JOBS_WHILE_STARVED = 10 };

void smtp_hops_init(struct smtp_hops *hops, const struct smtp_sender *sender);
/* All tasks must have ended. */
void smtp_hops_finish(struct smtp_hops *hops);
/* Give the jobs of a lease (owned from now on) to their hops. */
void smtp_hops_add(struct smtp_hops *hops, struct smtp_lease *lease, const struct queue_job *jobs,
                   unsigned count);
/* End the jobs that were not begun, without a report. */
void smtp_hops_drop_waiting(struct smtp_hops *hops);
/* The jobs in hand, for queue_claim, at most hops->jobs; how many. */
unsigned smtp_hops_in_hand(const struct smtp_hops *hops, struct queue_claim *claims);
/* Begin no job any more; idle connections end. */
void smtp_hops_stop(struct smtp_hops *hops);

/* We are shutting down and that is why it failed: no attempt to speak of. */
bool smtp_job_was_cut_short(const struct queue_outcome *outcomes, unsigned count);
/* Tell the queue and the log. YIELDS. */
void smtp_job_report(const struct smtp_sender *sender, const struct queue_job *job,
                     const struct queue_outcome *outcomes);

#endif
