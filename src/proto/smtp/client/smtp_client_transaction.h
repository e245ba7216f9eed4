/* Inside the SMTP client: one message on its way, in one transaction after another. Every recipient
 * starts unsettled and is settled once, by the reply to its RCPT or by what ended a transaction. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_TRANSACTION_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_TRANSACTION_H

#include "mail/convert.h"
#include "proto/smtp/client/smtp_client_dialog.h"

enum smtp_fate {
    SMTP_UNSETTLED,
    SMTP_NAMED,    /* in the present transaction */
    SMTP_ACCEPTED, /* so, and the peer will take it */
    SMTP_SETTLED,
};

enum {
    /* So many replies at most are on their way while we still write: they must fit the socket
     * buffers, or both sides wait for each other (RFC 2920 3.1). */
    SMTP_RECIPIENTS_AT_ONCE = 100,
    SMTP_ONE_SHOT_MOST = 24 << 10, /* a body sent behind its RCPTs without knowing their fate */
};

struct smtp_transaction {
    struct smtp_client *client;
    const struct queue_job *job;
    const struct smtp_client_body *body;
    struct arena *arena;
    struct queue_outcome *outcomes;
    unsigned char *fates; /* enum smtp_fate, by recipient */

    /* What the peer is told and given, by what it can take. */
    struct text sender;
    struct text *addresses; /* by recipient */
    enum mail_body kind;
    bool is_international;
    uint64_t size;
    struct convert *convert; /* NULL: the body goes as it is */

    /* The present transaction. */
    unsigned *named; /* recipients, in the order of their RCPTs */
    unsigned named_count, accepted;
    bool mail_accepted;
    bool is_ahead;     /* its envelope went out with the message before it */
    bool data_is_sent; /* DATA went out with the envelope */
    bool is_one_shot;  /* so did BDAT with the whole body */
    int64_t body_deadline_ms;
};

/* Recipient i is settled by the client's trouble; or all that are not settled yet are. */
void smtp_transaction_settle(struct smtp_transaction *tx, unsigned i);
void smtp_transaction_settle_rest(struct smtp_transaction *tx);

/* Every recipient unsettled, and nothing fitted yet. */
void smtp_transaction_begin(struct smtp_transaction *tx, struct smtp_client *client,
                            const struct queue_job *job, struct arena *arena,
                            struct queue_outcome *outcomes);
/* As many of those still unsettled as the peer and we allow at once. False when there is none. */
bool smtp_transaction_name_recipients(struct smtp_transaction *tx);

/* The end of tx's message has been written: the envelope of the next follows, where that saves a
 * round trip and the peer allows it. Of the next message no more than that goes before this one is
 * answered, so that a crash then repeats one of them and not two. */
void smtp_transaction_write_next(const struct smtp_transaction *tx);
/* Take up what was so written for tx's message. False: nothing was. */
bool smtp_transaction_take_ahead(struct smtp_transaction *tx);

/* Fit the message to what the peer can take: addresses, body, terms. OK, with those settled that
 * can't be reached through it; else the trouble of the whole message, found without asking the
 * peer. YIELDS. */
enum status smtp_transaction_fit(struct smtp_transaction *tx);
/* It fits without a byte being changed, or even read. Does not yield. */
bool smtp_transaction_fits_as_it_is(struct smtp_transaction *tx);
/* MAIL, and RCPT for those named, and what may follow without waiting. OK: the envelope stands for
 * tx->accepted recipients (perhaps none). TRY_LATER: it is over; who is not settled gets the
 * client's trouble. YIELDS. */
enum status smtp_transaction_envelope(struct smtp_transaction *tx);
/* The same at once without waiting for anything, for those named. */
void smtp_transaction_write_envelope(struct smtp_transaction *tx);
/* The message, for at least one accepted recipient. OK: the peer took it, in client->reply. YIELDS.
 */
enum status smtp_transaction_body(struct smtp_transaction *tx);
/* Nobody was accepted: read the replies to what was sent ahead, to stay in step. YIELDS. */
void smtp_transaction_forgo_body(struct smtp_transaction *tx);

/* Whether the peer should get properties by XEXCH50; then they go before the body. OK: whatever it
 * said, the message may follow. TRY_LATER: the connection is lost. YIELDS. */
bool smtp_transaction_has_properties(const struct smtp_transaction *tx);
enum status smtp_transaction_properties(struct smtp_transaction *tx);

/* MAIL with all parameters that the peer understands, buffered; RCPT for recipient i. */
void smtp_transaction_write_mail(const struct smtp_transaction *tx);
void smtp_transaction_write_rcpt(const struct smtp_transaction *tx, unsigned i);

/* The bytes to send, as they are or converted. */
struct smtp_source {
    struct smtp_transaction *tx;
    uint64_t offset;     /* read so far */
    struct text rest;    /* read, and not given yet */
    struct buffer held;  /* what was read, when the job does not hold it */
    struct buffer ready; /* converted */
};
void smtp_source_open(struct smtp_source *source, struct smtp_transaction *tx);
void smtp_source_close(struct smtp_source *source);
/* The next bytes, at most a block of SMTP_SOURCE_MOST; *is_last: none follow. Not OK: the client's
 * trouble says why. YIELDS. */
enum { SMTP_SOURCE_MOST = 1 << 21 };
enum status smtp_source_next(struct smtp_source *source, struct text *bytes, bool *is_last);

#endif
