/* SASL exchanges in the auth role: what a mechanism implements, and the exchanges under way. Front
 * is not trusted: what was said between two steps is kept here, bounded in number and time. */
#ifndef DIRECTORY_EXCHANGE_H
#define DIRECTORY_EXCHANGE_H

#include "directory/calls.h"
#include "directory/directory.h"

enum exchange_outcome {
    EXCHANGE_CHALLENGE, /* challenge goes to the client; there is more to come */
    EXCHANGE_DONE,      /* exchange->user has logged in */
    EXCHANGE_FAILED,    /* or REFUSED: wrong, forbidden; fail_reason() for the log alone */
    EXCHANGE_LATER,     /* or TRY_LATER: not possible now; fail_reason() */
    EXCHANGE_MALFORMED  /* not what the mechanism sends; fail_reason() for the log alone */
};

struct exchange {
    struct directory *directory;       /* of this step */
    struct directory_sasl_facts facts; /* text in arena */
    struct arena arena;                /* of the exchange; never for secrets */
    struct text claimed;               /* in arena: who the client says it is, for the log; or "" */
    void *state;                       /* the mechanism's; wiped at the end */
    unsigned steps;                    /* before this one */
    char user[DIRECTORY_USER_MAX];     /* canonical address, set with EXCHANGE_DONE */
};

/* One message from the client, NULL when none came with the command; the answer is appended to
 * challenge. The step counts the attempt with the throttle where it verifies something. YIELDS. */
typedef enum exchange_outcome mechanism_step(struct exchange *exchange, const struct text *response,
                                             struct buffer *challenge);
struct mechanism_steps {
    mechanism_step *step;
    size_t state_bytes;          /* of state, zeroed before the first step; 0: none */
    void (*finish)(void *state); /* before state is wiped and freed; NULL: nothing to do */
};
/* By enum mechanism. */
extern const struct mechanism_steps mechanism_steps[MECHANISM_COUNT];

mechanism_step mechanism_plain, mechanism_login, mechanism_scram, mechanism_cram, mechanism_gss,
    mechanism_external, mechanism_oauth, mechanism_ntlm;
enum {
    MECHANISM_LOGIN_STATE_BYTES = DIRECTORY_USER_MAX,
    MECHANISM_SCRAM_STATE_BYTES = 640,
    MECHANISM_CRAM_STATE_BYTES = 320,
    MECHANISM_OAUTH_STATE_BYTES = REASON_BYTES,
    MECHANISM_GSS_STATE_BYTES = 16
};

void mechanism_gss_finish(void *state);

/* Nobody acts for another here, but the two names may be written differently. */
bool exchange_may_act_as(struct exchange *exchange, struct text other, struct text user);

/* Does a server of this service offer the mechanism at all? Front is not believed that it does:
 * least of all EXTERNAL, where all that auth sees of a certificate is what front says of it. Its
 * names count only where authorities for clients are set. */
bool exchange_is_offered(const struct settings *settings, const struct directory_sasl_facts *facts);

/* The outcome that a login's status means. */
enum exchange_outcome exchange_outcome_of(enum status status);
/* The same, with a reason: EXCHANGE_FAILED and EXCHANGE_MALFORMED in one statement. */
enum exchange_outcome exchange_failed(const char *reason);
enum exchange_outcome exchange_malformed(const char *reason);

/* The exchanges of one channel. */
struct exchanges;
enum { EXCHANGES_MAX = 1024, EXCHANGE_STEPS_MAX = 16 };
struct exchanges *exchanges_new(void);
/* None may be in a step. Accepts NULL. YIELDS. */
void exchanges_free(struct exchanges **exchanges);

/* Serve DIRECTORY_SASL_STEP. When there are too many, the oldest is forgotten. out->challenge is in
 * the buffer given. finished: told once for every exchange that succeeded or failed, for the log.
 * OK: out is the answer. REFUSED "authentication failed", TRY_LATER. YIELDS. */
typedef void exchange_finished(void *context, const struct exchange *exchange,
                               enum exchange_outcome outcome);
struct exchange_observer {
    exchange_finished *finished;
    void *context;
};
enum status exchanges_step(struct exchanges *exchanges, struct directory *directory,
                           const struct directory_sasl_request *request,
                           const struct exchange_observer *observer, struct buffer *challenge,
                           struct directory_sasl_answer *out);
/* Serve DIRECTORY_SASL_CANCEL. */
void exchanges_cancel(struct exchanges *exchanges, uint64_t id);
/* Serve DIRECTORY_SASL_SESSION: take the login of an exchange that is done, for a service with
 * mailboxes; it is then over. facts and user are filled in, text in arena. REFUSED: no such. */
enum status exchanges_take(struct exchanges *exchanges, uint64_t id, struct arena *arena,
                           struct directory_login *login, char user[DIRECTORY_USER_MAX]);

#endif
