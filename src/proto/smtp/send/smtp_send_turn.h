/* Turned sessions in the sender: the peer logged in at our server and asked for its mail (TURN,
 * ATRN), so we are the client on a connection that it opened. What it may have is the store's to
 * say (queue/turn/turn.h): here a turn is a number to ask for jobs with. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_TURN_H
#define PROTO_SMTP_SEND_SMTP_SEND_TURN_H

#include "proto/smtp/send/smtp_send_attempt.h"
#include "queue/turn/turn.h"

enum { SMTP_TURNS_MOST = QUEUE_CLAIMS_MOST - QUEUE_LEASES_MOST };

struct smtp_turns {
    const struct smtp_sender *sender;
    struct task_group tasks;
    struct list sessions;
    bool stopping; /* no job is begun any more */
};

void smtp_turns_init(struct smtp_turns *turns, const struct smtp_sender *sender);
/* Serve the peer on fd, owned from now on, in a task of its own. TRY_LATER: not now, and fd is
 * closed. turn is copied. */
enum status smtp_turns_begin(struct smtp_turns *turns, const struct queue_turn *turn, int fd);
/* The jobs in hand, for queue_claim, one a session and at most SMTP_TURNS_MOST; how many. */
unsigned smtp_turns_in_hand(const struct smtp_turns *turns, struct queue_claim *claims);

#endif
