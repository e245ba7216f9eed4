/* Inside the SMTP client: what its files share. A connection in dialogue: commands out, replies in,
 * each waited for as long as RFC 5321 4.5.3.2 says and no longer. */
#ifndef SMTP_CLIENT_DIALOG_H
#define SMTP_CLIENT_DIALOG_H

#include "proto/smtp/smtp_client.h"

enum smtp_client_step {
    SMTP_STEP_GREETING,
    SMTP_STEP_HELLO,
    SMTP_STEP_STARTTLS,
    SMTP_STEP_HANDSHAKE,
    SMTP_STEP_AUTH,
    SMTP_STEP_MAIL,
    SMTP_STEP_RCPT,
    SMTP_STEP_DATA,
    SMTP_STEP_BLOCK,
    SMTP_STEP_END_OF_DATA,
    SMTP_STEP_BDAT,
    SMTP_STEP_RSET,
    SMTP_STEP_QUIT,
};

enum smtp_client_extension {
    SMTP_CAN_PIPELINE = 1,
    SMTP_CAN_8BITMIME = 2,
    SMTP_CAN_SMTPUTF8 = 4,
    SMTP_CAN_DSN = 8,
    SMTP_CAN_SIZE = 16,
    SMTP_CAN_CHUNKING = 32,
    SMTP_CAN_STARTTLS = 64,
};

struct smtp_client {
    struct stream *stream;
    struct smtp_reply reply;           /* the last one read */
    unsigned extensions;               /* smtp_client_extension */
    uint64_t size_limit;               /* 0: none told */
    uint32_t auth_offers, exps_offers; /* SASL_BITs of AUTH and of X-EXPS */
    bool is_exps;      /* logged in by X-EXPS: the peer takes us for a server of its own */
    int64_t opened_ms; /* monotonic */
    unsigned attempts; /* messages begun */
    bool needs_reset;  /* a transaction was left behind */
    bool is_broken;    /* out of step, lost, or the peer said 421 */
    struct smtp_client_trouble trouble;
};

/* The deadline of the stream for this step, from now. */
void smtp_client_set_deadline(struct smtp_client *client, enum smtp_client_step step);

/* Read the next reply, sending first what is buffered. OK: it is in client->reply, whatever it
 * says. TRY_LATER: there is none; client->trouble is set, the client broken. YIELDS. */
enum status smtp_client_read(struct smtp_client *client, enum smtp_client_step step);
/* The same, and judged: OK for 2xx; else client->trouble tells the refusal. YIELDS. */
enum status smtp_client_expect(struct smtp_client *client, enum smtp_client_step step);

/* Set client->trouble from our own words, or from the reply just read; return its status. */
enum status smtp_client_fail(struct smtp_client *client, enum status status, const char *enhanced,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
enum status smtp_client_fail_reply(struct smtp_client *client, enum smtp_client_step step);
/* The stream ended: TRY_LATER with the reason and in what step. */
enum status smtp_client_fail_lost(struct smtp_client *client, enum smtp_client_step step);

/* Note what an EHLO reply's words offer (first line: the greeting). Pure. */
void smtp_client_note_extensions(struct smtp_client *client, struct text words);

#endif
