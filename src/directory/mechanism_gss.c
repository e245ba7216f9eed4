/* GSSAPI (RFC 4752) as Kerberos has it and as Exchange does, GSS-SPNEGO, and NTLM. The library's
 * calls block, so they run on other threads. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "directory/exchange.h"
#include "directory/ntlm_users.h"
#include "directory/principal.h"
#include "directory/state.h"
#include "sasl/gss.h"
#include "sasl/gss_token.h"
#include "task/offload.h"

enum { NO_LAYER = 1, LAYER_BYTES = 4, PATH_BYTES = 1000 };

/* What comes next from the client. */
enum gss_phase {
    GSS_TOKEN,
    GSS_WORD_BEFORE_LAYER, /* nothing, after our last token; then we offer layers */
    GSS_LAYER,             /* its choice */
    GSS_LAST_WORD          /* nothing, after our last token; then it is logged in */
};

struct gss_state {
    struct sasl_gss *gss;
    enum gss_phase phase;
    bool is_microsoft; /* no round about layers */
};
_Static_assert(sizeof(struct gss_state) <= MECHANISM_GSS_STATE_BYTES, "the state fits");

void mechanism_gss_finish(void *state)
{
    struct gss_state *gss = state;
    sasl_gss_free(&gss->gss);
}

/* ---- Calls of the library ---- */

struct gss_job {
    enum status (*call)(struct gss_job *job);
    struct sasl_gss **gss;
    const struct sasl_gss_acceptor *acceptor; /* to begin with; NULL after that */
    struct text token;
    struct buffer *out;
    struct sasl_gss_source source;
    enum status status;
    struct reason reason;
};

static void run_job(void *argument)
{
    struct gss_job *job = argument;
    job->status = job->call(job);
    if (job->status != OK)
        snprintf(job->reason.text, sizeof(job->reason.text), "%s", fail_reason());
}

/* YIELDS. */
static enum status offload(struct gss_job *job)
{
    task_offload(run_job, job);
    switch (job->status) {
    case OK:
        return OK;
    case TRY_LATER:
        return try_later("%s", job->reason.text);
    case REFUSED:
        break;
    }
    return refused("%s", job->reason.text);
}

static enum status call_step(struct gss_job *job)
{
    enum status status = OK;
    if (job->acceptor != NULL)
        status = sasl_gss_accept(job->acceptor, job->gss);
    if (status == OK)
        status = sasl_gss_step(*job->gss, job->token, job->out);
    if (status == OK && sasl_gss_is_complete(*job->gss))
        status = sasl_gss_tell_source(*job->gss, &job->source);
    return status;
}

static enum status call_wrap(struct gss_job *job)
{
    return sasl_gss_wrap(*job->gss, job->token, job->out);
}

static enum status call_unwrap(struct gss_job *job)
{
    return sasl_gss_unwrap(*job->gss, job->token, job->out);
}

/* ---- Who it is ---- */

/* A ticket for another service of ours is no ticket for this one. */
static bool is_for_service(struct text target, enum service service)
{
    static const char *const smtp[] = {"smtp", "SMTPSVC", NULL};
    static const char *const pop3[] = {"pop", NULL};
    static const char *const imap[] = {"imap", NULL};
    static const char *const sieve[] = {"sieve", NULL};
    static const char *const *const names[] = {
        [SERVICE_SMTP] = smtp,         [SERVICE_SUBMISSION] = smtp, [SERVICE_SMTPS] = smtp,
        [SERVICE_LMTP] = smtp,         [SERVICE_POP3] = pop3,       [SERVICE_POP3S] = pop3,
        [SERVICE_IMAP] = imap,         [SERVICE_IMAPS] = imap,      [SERVICE_ODMR] = smtp,
        [SERVICE_MANAGESIEVE] = sieve, [SERVICE_LINK_STATE] = smtp,
    };
    struct text name = text_before(target, '/');
    for (const char *const *known = names[service]; *known != NULL; known++)
        if (text_equals_nocase(name, text_from(*known)))
            return true;
    return false;
}

static enum exchange_outcome know_user(struct exchange *exchange,
                                       const struct sasl_gss_source *source)
{
    struct text key;
    exchange->claimed = arena_copy(&exchange->arena, text_from(source->name));
    if (!is_for_service(text_from(source->target), exchange->facts.service))
        return exchange_failed("the ticket is for another service");
    enum status status =
        directory_principal_find(exchange->directory, exchange->claimed, &exchange->arena, &key);
    if (status == OK && !text_copy(key, exchange->user, sizeof(exchange->user)))
        status = refused("the user's name is too long");
    return exchange_outcome_of(status);
}

/* ---- The exchange ---- */

/* RFC 4752 3.2: we protect nothing; TLS does. */
static enum exchange_outcome offer_layers(struct gss_state *state, struct buffer *challenge)
{
    static const char none[LAYER_BYTES] = {NO_LAYER, 0, 0, 0};
    struct gss_job job = {.call = call_wrap,
                          .gss = &state->gss,
                          .token = text_of(none, sizeof(none)),
                          .out = challenge};
    state->phase = GSS_LAYER;
    return offload(&job) == OK ? EXCHANGE_CHALLENGE : exchange_outcome_of(job.status);
}

/* The client's choice, and whom it wants to act as. YIELDS. */
static enum exchange_outcome take_layer(struct exchange *exchange, struct text response)
{
    struct gss_state *state = exchange->state;
    struct buffer choice;
    buffer_init(&choice, DIRECTORY_SASL_MAX);
    struct gss_job job = {
        .call = call_unwrap, .gss = &state->gss, .token = response, .out = &choice};
    enum exchange_outcome outcome = EXCHANGE_DONE;
    if (offload(&job) != OK)
        outcome = EXCHANGE_FAILED;
    else if (choice.length < LAYER_BYTES || choice.data[0] != NO_LAYER)
        outcome = exchange_malformed("not a choice of the layers offered");
    struct text other = text_from_position(buffer_text(&choice), LAYER_BYTES);
    if (outcome == EXCHANGE_DONE && !text_equals(other, exchange->claimed) &&
        !exchange_may_act_as(exchange, other, text_from(exchange->user)))
        outcome = exchange_failed("asks to act as somebody else");
    buffer_finish(&choice);
    return outcome;
}

/* Both sides know each other: what is left to say? YIELDS. */
static enum exchange_outcome completed(struct exchange *exchange,
                                       const struct sasl_gss_source *source,
                                       struct buffer *challenge)
{
    struct gss_state *state = exchange->state;
    enum exchange_outcome outcome = know_user(exchange, source);
    if (outcome != EXCHANGE_DONE)
        return outcome;
    state->phase = state->is_microsoft ? GSS_LAST_WORD : GSS_WORD_BEFORE_LAYER;
    if (challenge->length > 0)
        return EXCHANGE_CHALLENGE;
    return state->is_microsoft ? EXCHANGE_DONE : offer_layers(state, challenge);
}

/* Is the first token one of this mechanism? Exchange wraps Kerberos in SPNEGO and calls that GSSAPI
 * too; it then leaves out the round about layers. */
static bool begin(struct exchange *exchange, struct text token)
{
    struct gss_state *state = exchange->state;
    enum sasl_gss_kind kind;
    if (!sasl_gss_token_kind(token, &kind) || kind == SASL_GSS_NTLMSSP)
        return false;
    state->is_microsoft = kind == SASL_GSS_NEGOTIATE;
    return state->is_microsoft || exchange->facts.mechanism == MECHANISM_GSSAPI;
}

/* YIELDS. */
static enum exchange_outcome take_token(struct exchange *exchange, struct text token,
                                        struct buffer *challenge)
{
    struct gss_state *state = exchange->state;
    const struct settings *settings = exchange->directory->settings;
    bool is_first = state->gss == NULL;
    if (text_is_empty(settings->keytab_file))
        return exchange_outcome_of(try_later("no keytab is set"));
    if (is_first && !begin(exchange, token))
        return exchange_malformed("not a token of the mechanism");
    const struct sasl_gss_acceptor acceptor = {
        .keytab = arena_copy(&exchange->arena, settings->keytab_file),
        .replay_cache =
            arena_printf(&exchange->arena, "file2:%s/replays", exchange->directory->path)};
    struct gss_job job = {.call = call_step,
                          .gss = &state->gss,
                          .acceptor = is_first ? &acceptor : NULL,
                          .token = token,
                          .out = challenge};
    if (offload(&job) != OK)
        return exchange_outcome_of(job.status);
    return sasl_gss_is_complete(state->gss) ? completed(exchange, &job.source, challenge)
                                            : EXCHANGE_CHALLENGE;
}

enum exchange_outcome mechanism_gss(struct exchange *exchange, const struct text *response,
                                    struct buffer *challenge)
{
    struct gss_state *state = exchange->state;
    if (response == NULL)
        return exchange->steps == 0 ? EXCHANGE_CHALLENGE : exchange_malformed("no response");
    switch (state->phase) {
    case GSS_TOKEN:
        return take_token(exchange, *response, challenge);
    case GSS_WORD_BEFORE_LAYER:
    case GSS_LAST_WORD:
        if (!text_is_empty(*response))
            return exchange_malformed("more than the exchange has");
        return state->phase == GSS_LAST_WORD ? EXCHANGE_DONE : offer_layers(state, challenge);
    case GSS_LAYER:
        break;
    }
    return take_layer(exchange, *response);
}

/* ---- NTLM ---- */

/* One message for the plug-in, which reads the users' file for the last. YIELDS. */
static enum exchange_outcome ntlm_step(struct exchange *exchange, struct text token,
                                       struct buffer *challenge)
{
    struct gss_state *state = exchange->state;
    const struct sasl_gss_acceptor acceptor = {.takes_ntlm = true};
    struct gss_job job = {.call = call_step,
                          .gss = &state->gss,
                          .acceptor = state->gss == NULL ? &acceptor : NULL,
                          .token = token,
                          .out = challenge};
    uint64_t writing;
    if (ntlm_users_settle(exchange->directory, &writing) != OK || offload(&job) == TRY_LATER)
        return EXCHANGE_LATER;
    if (job.status != OK)
        return EXCHANGE_FAILED;
    if (!sasl_gss_is_complete(state->gss))
        return EXCHANGE_CHALLENGE;
    if (ntlm_users_find(exchange->directory, writing, text_from(job.source.name), exchange->user))
        return EXCHANGE_DONE;
    return exchange_outcome_of(try_later("the users changed meanwhile"));
}

/* The last message counts as a guess at whom it speaks for. YIELDS. */
static enum exchange_outcome ntlm_guess(struct exchange *exchange, struct text token,
                                        struct text claim, struct buffer *challenge)
{
    static const enum throttle_outcome outcomes[] = {[EXCHANGE_CHALLENGE] = ATTEMPT_UNDECIDED,
                                                     [EXCHANGE_DONE] = ATTEMPT_GOOD,
                                                     [EXCHANGE_FAILED] = ATTEMPT_WRONG,
                                                     [EXCHANGE_LATER] = ATTEMPT_UNDECIDED,
                                                     [EXCHANGE_MALFORMED] = ATTEMPT_WRONG};
    struct directory *directory = exchange->directory;
    char key[DIRECTORY_USER_MAX];
    uint64_t writing;
    exchange->claimed = arena_copy(&exchange->arena, claim);
    if (ntlm_users_settle(directory, &writing) != OK)
        return EXCHANGE_LATER;
    struct text account = exchange->claimed;
    if (ntlm_users_find(directory, writing, account, key))
        account = text_from(key);
    if (directory_attempt_begin(directory, account, exchange->facts.peer) != OK)
        return EXCHANGE_LATER;
    enum exchange_outcome outcome = ntlm_step(exchange, token, challenge);
    directory_attempt_end(directory, account, exchange->facts.peer, outcomes[outcome]);
    return outcome;
}

enum exchange_outcome mechanism_ntlm(struct exchange *exchange, const struct text *response,
                                     struct buffer *challenge)
{
    struct gss_state *state = exchange->state;
    if (response == NULL)
        return exchange->steps == 0 ? EXCHANGE_CHALLENGE : exchange_malformed("no response");
    struct buffer claim, message;
    buffer_init(&claim, DIRECTORY_USER_MAX);
    buffer_init(&message, DIRECTORY_SASL_MAX);
    enum exchange_outcome outcome = EXCHANGE_MALFORMED;
    if (!sasl_ntlm_normalise(*response, &message))
        outcome = exchange_malformed("not a message of NTLM");
    else if (state->gss == NULL)
        outcome = ntlm_step(exchange, buffer_text(&message), challenge);
    else if (!sasl_ntlm_claim(buffer_text(&message), &claim))
        outcome = exchange_failed("nobody is named");
    else
        outcome = ntlm_guess(exchange, buffer_text(&message), buffer_text(&claim), challenge);
    buffer_finish(&claim);
    buffer_finish(&message);
    return outcome;
}
