/* Inside the SMTP client: what its files share. A connection in dialogue: commands out, replies in,
 * each waited for as long as the settings say and no longer. */
#ifndef PROTO_SMTP_CLIENT_SMTP_CLIENT_DIALOG_H
#define PROTO_SMTP_CLIENT_SMTP_CLIENT_DIALOG_H

#include "proto/smtp/client/smtp_client.h"
#include "settings/extensions.h"

enum smtp_client_step {
    SMTP_STEP_GREETING,
    SMTP_STEP_HELLO,
    SMTP_STEP_STARTTLS,
    SMTP_STEP_HANDSHAKE,
    SMTP_STEP_AUTH,
    SMTP_STEP_MAIL,
    SMTP_STEP_RCPT,
    SMTP_STEP_XEXCH50,
    SMTP_STEP_DATA,
    SMTP_STEP_BLOCK,
    SMTP_STEP_END_OF_DATA,
    SMTP_STEP_BDAT,
    SMTP_STEP_RSET,
    SMTP_STEP_ASK,
    SMTP_STEP_QUIT,
};

struct smtp_client_log;

/* The envelope of a message that went out with the end of the one before. */
struct smtp_client_ahead {
    bool is_out;
    uint64_t id, lease; /* whose */
    bool has_data;      /* with DATA behind it */
    bool is_doubtful;   /* the one before was not taken, and may be what a refusal of MAIL means */
};

struct smtp_client {
    struct stream *stream;
    struct smtp_reply reply;           /* the last one read */
    uint32_t offered;                  /* EXTENSION_BITs, of those we may use */
    uint32_t without;                  /* those we may not */
    uint32_t unfit;                    /* offered, but not known when used */
    uint32_t auth_offers, exps_offers; /* SASL_BITs of AUTH and of X-EXPS */
    uint64_t size_limit;               /* 0: none told */
    /* RFC 9422, 0: none told. */
    uint32_t most_recipients, most_domains, most_mails;
    uint32_t least_by_seconds;             /* RFC 2852 2 */
    uint32_t max_messages, max_recipients; /* our own limits */
    struct setting_timeouts timeouts;
    struct smtp_client_watch watch;
    struct smtp_client_next next;
    struct smtp_client_ahead ahead;
    int64_t thought_ms; /* how long the peer took to answer the end of a message, the last time */
    struct smtp_client_log *log; /* the protocol log's, or NULL */
    int64_t opened_ms;           /* monotonic */
    uint32_t mails;              /* transactions begun */
    bool is_logged_in;
    bool is_exps;     /* by X-EXPS: the peer takes us for a server of its own */
    bool knows_bdat;  /* it took a chunk */
    bool needs_reset; /* a transaction was left behind */
    bool is_broken;   /* out of step, lost, or the peer said 421 */
    struct smtp_client_trouble trouble;
};

static inline bool smtp_client_offers(const struct smtp_client *client, enum extension extension)
{
    return (client->offered & EXTENSION_BIT(extension)) != 0;
}

/* The deadline of the stream for this step, from now. */
void smtp_client_set_deadline(struct smtp_client *client, enum smtp_client_step step);

/* Read the next reply, sending first what is buffered. OK: it is in client->reply, whatever it
 * says. TRY_LATER: there is none; client->trouble is set, the client broken. YIELDS. */
enum status smtp_client_read(struct smtp_client *client, enum smtp_client_step step);
/* The same, and judged: OK for 2xx; else client->trouble tells the refusal. YIELDS. */
enum status smtp_client_expect(struct smtp_client *client, enum smtp_client_step step);

/* Nothing is awaited from the peer: OK when it is silent. Else the client is broken, and its
 * trouble tells how the peer refuses a message under way, or TRY_LATER: an answer given too early
 * would be taken for the answer to a later question. YIELDS. */
enum status smtp_client_expect_silence(struct smtp_client *client, enum smtp_client_step step);

/* Set client->trouble from our own words, or from the reply just read; return its status. */
enum status smtp_client_fail(struct smtp_client *client, enum status status, const char *enhanced,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));
enum status smtp_client_fail_reply(struct smtp_client *client, enum smtp_client_step step);
/* The stream ended: TRY_LATER with the reason and in what step. */
enum status smtp_client_fail_lost(struct smtp_client *client, enum smtp_client_step step);

/* Note what an EHLO reply's words offer (first line: the greeting); "" for HELO. Pure. */
void smtp_client_note_offers(struct smtp_client *client, struct text words);

#endif
