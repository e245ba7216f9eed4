/* The exchanges of a channel stand in a fixed ring. An id is a place in it and random bits that no
 * front can guess of another's exchange. */
#include "directory/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "directory/principal.h"
#include "directory/state.h"
#include "task/task.h"

enum { SWEEP_MS = DIRECTORY_SASL_MS / 4 };

/* One place of the ring. */
struct place {
    struct exchange *exchange; /* NULL: free */
    uint64_t id;
    int64_t expires_ms;
    bool is_busy; /* in a step */
    bool is_done;
};

struct exchanges {
    struct place places[EXCHANGES_MAX];
    unsigned next, count;
    struct task_group sweeping;
};

const struct mechanism_steps mechanism_steps[MECHANISM_COUNT] = {
#define SCRAM                                                                                      \
    {                                                                                              \
        mechanism_scram, MECHANISM_SCRAM_STATE_BYTES, NULL                                         \
    }
    [MECHANISM_SCRAM_SHA_256_PLUS] = SCRAM,
    [MECHANISM_SCRAM_SHA_256] = SCRAM,
    [MECHANISM_SCRAM_SHA_1_PLUS] = SCRAM,
    [MECHANISM_SCRAM_SHA_1] = SCRAM,
#undef SCRAM
    [MECHANISM_GSSAPI] = {mechanism_gss, MECHANISM_GSS_STATE_BYTES, mechanism_gss_finish},
    [MECHANISM_GSS_SPNEGO] = {mechanism_gss, MECHANISM_GSS_STATE_BYTES, mechanism_gss_finish},
    [MECHANISM_NTLM] = {mechanism_ntlm, MECHANISM_GSS_STATE_BYTES, mechanism_gss_finish},
    [MECHANISM_CRAM_MD5] = {mechanism_cram, MECHANISM_CRAM_STATE_BYTES, NULL},
    [MECHANISM_OAUTHBEARER] = {mechanism_oauth, MECHANISM_OAUTH_STATE_BYTES, NULL},
    [MECHANISM_XOAUTH2] = {mechanism_oauth, MECHANISM_OAUTH_STATE_BYTES, NULL},
    [MECHANISM_EXTERNAL] = {mechanism_external, 0, NULL},
    [MECHANISM_PLAIN] = {mechanism_plain, 0, NULL},
    [MECHANISM_LOGIN] = {mechanism_login, MECHANISM_LOGIN_STATE_BYTES, NULL},
};

enum exchange_outcome exchange_outcome_of(enum status status)
{
    return status == OK ? EXCHANGE_DONE : status == REFUSED ? EXCHANGE_FAILED : EXCHANGE_LATER;
}

enum exchange_outcome exchange_failed(const char *reason)
{
    refused("%s", reason);
    return EXCHANGE_FAILED;
}

enum exchange_outcome exchange_malformed(const char *reason)
{
    refused("%s", reason);
    return EXCHANGE_MALFORMED;
}

bool exchange_may_act_as(struct exchange *exchange, struct text other, struct text user)
{
    struct text key, other_key;
    struct arena *arena = &exchange->arena;
    if (other.length == 0 || text_equals_nocase(other, user))
        return true;
    return directory_login_name(exchange->directory, other, arena, &other_key) == OK &&
           directory_login_name(exchange->directory, user, arena, &key) == OK &&
           text_equals(key, other_key);
}

bool exchange_is_offered(const struct settings *settings, const struct directory_sasl_facts *facts)
{
    bool is_vouched_for = !text_is_empty(facts->certificate_mails);
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        if ((server->mechanisms & MECHANISM_BIT(facts->mechanism)) == 0 ||
            (is_vouched_for && text_is_empty(server->client_authorities_file)))
            continue;
        for (unsigned k = 0; k < server->listen_count; k++)
            if (server->listens[k].service == facts->service)
                return true;
    }
    return false;
}

/* ---- One exchange ---- */

static void copy_facts(struct exchange *exchange, const struct directory_sasl_facts *facts)
{
    struct directory_sasl_facts *copy = &exchange->facts;
    *copy = *facts;
    copy->peer = arena_copy(&exchange->arena, facts->peer);
    copy->host = arena_copy(&exchange->arena, facts->host);
    copy->tls_exporter = arena_copy(&exchange->arena, facts->tls_exporter);
    copy->tls_server_end_point = arena_copy(&exchange->arena, facts->tls_server_end_point);
    copy->tls_unique = arena_copy(&exchange->arena, facts->tls_unique);
    copy->certificate = arena_copy(&exchange->arena, facts->certificate);
    copy->certificate_mails = arena_copy(&exchange->arena, facts->certificate_mails);
}

static struct exchange *exchange_new(const struct directory_sasl_facts *facts)
{
    struct exchange *exchange = calloc(1, sizeof(*exchange));
    check(exchange != NULL);
    arena_init(&exchange->arena);
    copy_facts(exchange, facts);
    size_t state_bytes = mechanism_steps[facts->mechanism].state_bytes;
    if (state_bytes > 0) {
        exchange->state = calloc(1, state_bytes);
        check(exchange->state != NULL);
    }
    return exchange;
}

static void forget_state(struct exchange *exchange)
{
    const struct mechanism_steps *steps = &mechanism_steps[exchange->facts.mechanism];
    if (exchange->state == NULL)
        return;
    if (steps->finish != NULL)
        steps->finish(exchange->state);
    explicit_bzero(exchange->state, steps->state_bytes);
    free(exchange->state);
    exchange->state = NULL;
}

/* ---- The ring ---- */

static void place_empty(struct exchanges *exchanges, struct place *place)
{
    forget_state(place->exchange);
    arena_finish(&place->exchange->arena);
    free(place->exchange);
    *place = (struct place){0};
    exchanges->count--;
}

static void sweep(void *argument)
{
    struct exchanges *exchanges = argument;
    while (exchanges->count > 0 && task_sleep(SWEEP_MS) == OK)
        for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
            struct place *place = &exchanges->places[i];
            if (place->exchange != NULL && !place->is_busy &&
                clock_monotonic_ms() >= place->expires_ms)
                place_empty(exchanges, place);
        }
}

struct exchanges *exchanges_new(void)
{
    struct exchanges *exchanges = calloc(1, sizeof(*exchanges));
    check(exchanges != NULL);
    task_group_init(&exchanges->sweeping);
    return exchanges;
}

void exchanges_free(struct exchanges **exchanges)
{
    if (*exchanges == NULL)
        return;
    task_group_finish(&(*exchanges)->sweeping);
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        struct place *place = &(*exchanges)->places[i];
        check(!place->is_busy);
        if (place->exchange != NULL)
            place_empty(*exchanges, place);
    }
    free(*exchanges);
    *exchanges = NULL;
}

static uint64_t new_id(unsigned number)
{
    uint64_t random;
    do
        random_bytes(&random, sizeof(random));
    while (random < EXCHANGES_MAX);
    return random / EXCHANGES_MAX * EXCHANGES_MAX + number;
}

/* A free place while there is one: who begins and cancels without end pushes nobody out. Places are
 * looked at in turn, so when none is free, the one that stands in the way is about the oldest.
 * NULL: all are busy. */
static struct place *place_choose(struct exchanges *exchanges)
{
    bool is_full = exchanges->count == EXCHANGES_MAX;
    for (unsigned tried = 0; tried < EXCHANGES_MAX; tried++) {
        struct place *place = &exchanges->places[exchanges->next];
        exchanges->next = (exchanges->next + 1) % EXCHANGES_MAX;
        if (place->exchange == NULL || (is_full && !place->is_busy))
            return place;
    }
    return NULL;
}

static struct place *place_new(struct exchanges *exchanges,
                               const struct directory_sasl_facts *facts)
{
    struct place *place = place_choose(exchanges);
    if (place == NULL)
        return NULL;
    if (place->exchange != NULL)
        place_empty(exchanges, place);
    unsigned number = (unsigned)(place - exchanges->places);
    *place = (struct place){.exchange = exchange_new(facts), .id = new_id(number)};
    exchanges->count++;
    return place;
}

static struct place *place_find(struct exchanges *exchanges, uint64_t id)
{
    struct place *place = &exchanges->places[id % EXCHANGES_MAX];
    if (place->exchange == NULL || place->id != id || place->is_busy)
        return NULL;
    if (clock_monotonic_ms() < place->expires_ms)
        return place;
    place_empty(exchanges, place);
    return NULL;
}

/* ---- Steps ---- */

/* The step itself. YIELDS; the place is busy meanwhile and so stays what it is. */
static enum exchange_outcome step(struct place *place, const struct directory_sasl_request *request,
                                  struct buffer *challenge)
{
    struct exchange *exchange = place->exchange;
    const struct text *response = request->has_response ? &request->response : NULL;
    if (exchange->steps >= EXCHANGE_STEPS_MAX)
        return exchange_malformed("too many messages");
    if (directory_enter(exchange->directory) != OK) /* it stays open as long as the step takes */
        return EXCHANGE_LATER;
    place->is_busy = true;
    enum exchange_outcome outcome =
        mechanism_steps[exchange->facts.mechanism].step(exchange, response, challenge);
    place->is_busy = false;
    directory_leave(exchange->directory);
    exchange->steps++;
    if (outcome == EXCHANGE_CHALLENGE && challenge->overflowed)
        return exchange_failed("challenge too long");
    return outcome;
}

static enum status answer_of(struct exchanges *exchanges, struct place *place,
                             enum exchange_outcome outcome, struct directory_sasl_answer *out)
{
    bool is_kept = outcome == EXCHANGE_CHALLENGE;
    *out = (struct directory_sasl_answer){.exchange = place->id};
    switch (outcome) {
    case EXCHANGE_CHALLENGE:
        out->outcome = DIRECTORY_SASL_CHALLENGE;
        break;
    case EXCHANGE_DONE:
        out->outcome = DIRECTORY_SASL_DONE;
        text_copy(text_from(place->exchange->user), out->user, sizeof(out->user));
        forget_state(place->exchange);
        is_kept = place->is_done = directory_has_mailbox(place->exchange->facts.service);
        break;
    case EXCHANGE_MALFORMED:
        out->outcome = DIRECTORY_SASL_MALFORMED;
        break;
    case EXCHANGE_FAILED:
    case EXCHANGE_LATER:
        break;
    }
    place->expires_ms = clock_monotonic_ms() + DIRECTORY_SASL_MS;
    if (!is_kept)
        place_empty(exchanges, place);
    if (outcome == EXCHANGE_FAILED)
        return refused("authentication failed"); /* which half was wrong is not told */
    return outcome == EXCHANGE_LATER ? TRY_LATER : OK;
}

enum status exchanges_step(struct exchanges *exchanges, struct directory *directory,
                           const struct directory_sasl_request *request,
                           const struct exchange_observer *observer, struct buffer *challenge,
                           struct directory_sasl_answer *out)
{
    struct place *place = request->exchange == 0 ? place_new(exchanges, &request->facts)
                                                 : place_find(exchanges, request->exchange);
    if (place == NULL)
        return try_later(request->exchange == 0 ? "too many logins at once"
                                                : "the login took too long");
    if (place->is_done)
        return refused("authentication failed");
    if (exchanges->sweeping.count == 0)
        task_spawn(&exchanges->sweeping, "auth exchanges", sweep, exchanges);
    place->exchange->directory = directory;
    enum exchange_outcome outcome = step(place, request, challenge);
    if (outcome != EXCHANGE_CHALLENGE)
        observer->finished(observer->context, place->exchange, outcome);
    enum status status = answer_of(exchanges, place, outcome, out);
    out->challenge = out->outcome == DIRECTORY_SASL_CHALLENGE && status == OK
                         ? buffer_text(challenge)
                         : TEXT("");
    return status;
}

void exchanges_cancel(struct exchanges *exchanges, uint64_t id)
{
    struct place *place = place_find(exchanges, id);
    if (place != NULL)
        place_empty(exchanges, place);
}

enum status exchanges_take(struct exchanges *exchanges, uint64_t id, struct arena *arena,
                           struct directory_login *login, char user[DIRECTORY_USER_MAX])
{
    struct place *place = place_find(exchanges, id);
    if (place == NULL || !place->is_done)
        return refused("no login has succeeded here");
    const struct directory_sasl_facts *facts = &place->exchange->facts;
    *login = (struct directory_login){.service = facts->service,
                                      .session = facts->session,
                                      .peer = arena_copy(arena, facts->peer)};
    text_copy(text_from(place->exchange->user), user, DIRECTORY_USER_MAX);
    place_empty(exchanges, place);
    return OK;
}
