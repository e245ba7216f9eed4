/* May this host send for that domain? Fronts and the store ask send, which alone may ask DNS, and
 * which evaluates the records of strangers; the answer is a decision. */
#ifndef QUEUE_SPF_QUESTION_H
#define QUEUE_SPF_QUESTION_H

#include "decide/spf.h"
#include "proc/rpc.h"

/* Beside the methods of proto/line/peer.h and turn.h. */
enum spf_method { SEND_SPF = 17 };

/* RFC 7208 4.6.4: all of an evaluation, and what it takes to be told of it. */
enum { SPF_WAIT_MS = 20 * 1000, SPF_ON_THE_WAY_MS = 2 * 1000 };

struct spf_question {
    struct net_address ip;
    struct text helo, domain, sender; /* as of struct spf_facts */
    enum spf_scope scope;
    bool wants_steps;
};
void spf_question_encode(const struct spf_question *question, struct buffer *out);
/* Borrows from the bytes. False when malformed. */
bool spf_question_decode(struct text bytes, struct spf_question *out);

/* steps: with them. */
void spf_decision_encode(const struct spf_decision *decision, bool steps, struct buffer *out);
/* Borrows from the bytes; what is to stand in a header or a reply is printable ASCII. False when
 * malformed. */
bool spf_decision_decode(struct text bytes, struct arena *arena, struct spf_decision *out);

/* Ask, and take what comes; send being away is a TEMPERROR. In arena. YIELDS. */
struct spf_decision spf_ask(struct rpc_channel *send, const struct spf_question *question,
                            struct arena *arena);
struct queue;
/* The same for an administrator. TRY_LATER: no server runs. YIELDS. */
enum status queue_spf_check(struct queue *queue, const struct spf_question *question,
                            struct arena *arena, struct spf_decision *out);

#endif
