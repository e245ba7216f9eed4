/* Why does mail not go out to an address, or not come in for one? Each step that it takes is looked
 * at in its order, so that the first fault is where to begin. */
#ifndef QUEUE_LOOK_DIAGNOSE_H
#define QUEUE_LOOK_DIAGNOSE_H

#include "decide/finding.h"
#include "net/address.h"
#include "queue/queue.h"

struct queue_diagnosis {
    struct text address;     /* where the mail goes */
    struct text from, login; /* outbound: whose mail it is; "" anybody's */
};
/* Findings are added. TRY_LATER: the sender or the directory is away, which is said in them too.
 * Both YIELD. */
enum status queue_diagnose_outbound(struct queue *queue, const struct queue_diagnosis *question,
                                    struct findings *findings);
enum status queue_diagnose_inbound(struct queue *queue, const struct queue_diagnosis *question,
                                   struct findings *findings);

/* Who it is that would send, and what. */
struct queue_stranger {
    struct net_address address;
    struct text from; /* "" not said; "<>" the null path */
    struct text to;   /* "" not said */
    struct text server;
};
/* What the filters of a server ("": of any) would do with that, each in its order. REFUSED: there
 * is no such server. YIELDS. */
enum status queue_diagnose_filters(struct queue *queue, const struct queue_stranger *stranger,
                                   struct findings *findings);

#endif
