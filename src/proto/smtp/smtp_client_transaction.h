/* Inside the SMTP client: one message on its way. Every recipient starts unsettled and is settled
 * once, by the reply to its RCPT or by what ended the transaction. */
#ifndef SMTP_CLIENT_TRANSACTION_H
#define SMTP_CLIENT_TRANSACTION_H

#include "proto/smtp/smtp_client_dialog.h"

enum smtp_fate { SMTP_UNSETTLED, SMTP_ACCEPTED, SMTP_SETTLED };

struct smtp_transaction {
    struct smtp_client *client;
    const struct queue_job *job;
    const struct smtp_client_body *body;
    struct arena *arena;
    struct queue_outcome *outcomes;
    unsigned char *fates; /* enum smtp_fate, by recipient */
    unsigned accepted;
    bool mail_accepted;
    bool data_is_sent; /* DATA went out with the envelope */
    bool is_one_shot;  /* so did BDAT with the whole body */
    int64_t body_deadline_ms;
};

/* Recipient i is settled by the client's trouble; or all that are not settled yet are. */
void smtp_transaction_settle(struct smtp_transaction *tx, unsigned i);
void smtp_transaction_settle_rest(struct smtp_transaction *tx);

/* OK, or the trouble of the whole message, found without asking the peer. */
enum status smtp_transaction_check(struct smtp_transaction *tx);
/* MAIL and all RCPTs, and what may follow without waiting. OK: the envelope stands for tx->accepted
 * recipients (perhaps none). TRY_LATER: it is over; who is not settled gets the client's trouble.
 * YIELDS. */
enum status smtp_transaction_envelope(struct smtp_transaction *tx);
/* The message, for at least one accepted recipient. OK: the peer took it, in client->reply. YIELDS.
 */
enum status smtp_transaction_body(struct smtp_transaction *tx);
/* Nobody was accepted: read the replies to what was sent ahead, to stay in step. YIELDS. */
void smtp_transaction_forgo_body(struct smtp_transaction *tx);

#endif
