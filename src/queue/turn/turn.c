/* Sessions that were turned round: what their account may take goes out over them, each item to one
 * of them or to the sender, never to both. See turn.h for who is believed. */
#include "queue/turn/turn.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "decide/route.h"
#include "directory/turn.h"
#include "queue/internal.h"

enum { TURNS_MOST = 1000, JOBS_MOST = 8, JOBS_BYTES = 2 << 20, HAND_OVER_MS = 10 * SECOND };

struct turn {
    uint64_t id, session;
    struct text account, peer; /* owned, as all texts here */
    struct text *domains;      /* only these; none: all that the account may take */
    unsigned domain_count;
    unsigned given; /* messages */
};

void turn_init(struct queue *queue)
{
    queue->turns = map_new();
    queue->last_turn = id_new(0);
}

static struct text own(struct text text)
{
    return text_of(text_to_string(text), text.length);
}

static struct turn *turn_new(struct queue *queue, const struct directory_turn *asked)
{
    struct turn *turn = calloc(1, sizeof(*turn));
    check(turn != NULL);
    turn->id = queue->last_turn = id_new(queue->last_turn);
    turn->session = asked->session;
    turn->account = own(asked->account);
    turn->peer = own(asked->peer);
    turn->domains = calloc(asked->domain_count + 1u, sizeof(*turn->domains));
    check(turn->domains != NULL);
    for (unsigned i = 0; i < asked->domain_count; i++)
        turn->domains[turn->domain_count++] = own(asked->domains[i]);
    return turn;
}

static void turn_free(struct turn *turn)
{
    for (unsigned i = 0; i < turn->domain_count; i++)
        free((char *)turn->domains[i].data);
    free(turn->domains);
    free((char *)turn->account.data);
    free((char *)turn->peer.data);
    free(turn);
}

void turn_send_lost(struct queue *queue)
{
    size_t position = 0;
    void *value;
    while (map_next(queue->turns, &position, NULL, &value))
        turn_free(value);
    map_free(&queue->turns);
    queue->turns = map_new();
}

void turn_finish(struct queue *queue)
{
    turn_send_lost(queue);
    map_free(&queue->turns);
}

/* What a turn may take */

static bool names_domain(const struct turn *turn, struct text domain)
{
    for (unsigned i = 0; i < turn->domain_count; i++)
        if (text_equals_nocase(turn->domains[i], domain))
            return true;
    return turn->domain_count == 0;
}

/* By the settings of now, whatever they were when the mail came: the domain's mail goes by the
 * connector it waits for, and that one holds it for this account. */
static bool may_take_domain(const struct queue *queue, const struct turn *turn,
                            struct text connector, struct text domain)
{
    struct route route = decide_route_of_domain(queue->settings, domain);
    return route.connector != NULL && text_equals(route.connector->name, connector) &&
           decide_may_fetch(route.connector, turn->account) && names_domain(turn, domain);
}

/* An item of before its connector held mail, for domains of several: all or nothing. */
static bool may_take_recipients(struct queue *queue, const struct turn *turn,
                                const struct queued_item *queued)
{
    struct arena arena;
    struct item item;
    arena_init(&arena);
    bool may = item_read(queue, queued, &arena, &item);
    for (unsigned i = 0; i < item.recipient_count && may; i++) {
        struct text address = item.recipients[i].address;
        struct text domain = text_from_position(address, text_find_last(address, '@') + 1);
        may = may_take_domain(queue, turn, queued->hop->connector, domain);
    }
    arena_finish(&arena);
    return may;
}

static bool may_take(struct queue *queue, const struct turn *turn, const struct queued_item *item)
{
    return text_is_empty(item->hop->domain) ? may_take_recipients(queue, turn, item) : true;
}

static bool may_take_of_hop(const struct queue *queue, const struct turn *turn,
                            const struct hop *hop)
{
    return !orders_stop(queue, hop) && (text_is_empty(hop->domain) ||
                                        may_take_domain(queue, turn, hop->connector, hop->domain));
}

/* The next item it was not given yet. What fails is held again, at the end of the list: behind the
 * first that was given to this turn or a later one there is nothing that was here at its start. */
static struct queued_item *next_item(struct queue *queue, const struct turn *turn)
{
    list_each(link, &queue->hops_holding)
    {
        struct hop *hop = list_entry(link, struct hop, holding);
        if (!may_take_of_hop(queue, turn, hop))
            continue;
        list_each(held, &hop->held)
        {
            struct queued_item *item = list_entry(held, struct queued_item, held);
            if (item->last_turn >= turn->id)
                break;
            if (may_take(queue, turn, item))
                return item;
        }
    }
    return NULL;
}

/* What ETRN let go and nobody has taken yet is held again: the peer wants it here now. */
static void hold_back(struct queue *queue, struct hop *hop)
{
    struct queued_item *item;
    while ((item = lanes_first(hop)) != NULL) {
        item->is_released = false;
        schedule_place(queue, item);
    }
}

static unsigned count_items(struct queue *queue, const struct turn *turn)
{
    unsigned count = 0;
    list_each(link, &queue->hops_holding)
    {
        struct hop *hop = list_entry(link, struct hop, holding);
        if (!may_take_of_hop(queue, turn, hop))
            continue;
        hold_back(queue, hop);
        list_each(held, &hop->held) count +=
            may_take(queue, turn, list_entry(held, struct queued_item, held));
    }
    return count;
}

static bool may_take_all(const struct settings *settings, const struct directory_turn *asked)
{
    for (unsigned i = 0; i < asked->domain_count; i++)
        if (!decide_may_fetch_domain(settings, asked->account, asked->domains[i]))
            return false;
    return decide_is_fetcher(settings, asked->account);
}

/* Beginning and end */

static void tell_session(struct queue *queue, uint64_t session, const char *event,
                         struct text facts)
{
    char id[ID_TEXT_BYTES];
    struct arena arena;
    arena_init(&arena);
    if (session != 0 && queue->serving)
        store_story(queue->store, session, text_from(event), facts);
    struct text name = arena_printf(&arena, "queue.%s", event);
    log_info(name.data, "session=%s %.*s", id_format(session, id), TEXT_ARG(facts));
    arena_finish(&arena);
}

/* The descriptor goes to send, which from then on asks for the turn's jobs. YIELDS. */
static enum status hand_over(struct queue *queue, const struct turn *turn, int fd)
{
    struct queue_turn told = {turn->id, turn->session, turn->account, turn->peer};
    struct buffer request;
    struct rpc_reply reply = {0};
    buffer_init(&request, 4096);
    queue_turn_encode(&told, &request);
    enum status status = rpc_ask(queue->send, SEND_TURN, buffer_text(&request), fd,
                                 clock_monotonic_ms() + HAND_OVER_MS, &reply);
    rpc_reply_finish(&reply);
    buffer_finish(&request);
    return status;
}

/* Closes fd whatever happens. YIELDS. */
static enum status begin(struct queue *queue, struct turn *turn, unsigned count, int fd)
{
    struct arena arena;
    uint64_t id = turn->id, session = turn->session;
    arena_init(&arena);
    struct text facts =
        arena_printf(&arena, "account=%s peer=%s domains=%u messages=%u", log_text(turn->account),
                     log_text(turn->peer), turn->domain_count, count);
    map_put(queue->turns, MAP_KEY(id), turn);
    enum status status = hand_over(queue, turn, fd);
    if (status == OK) {
        tell_session(queue, session, "turned", facts);
    } else {
        turn = map_remove(queue->turns, MAP_KEY(id)); /* or it went with send */
        if (turn != NULL)
            turn_free(turn);
    }
    arena_finish(&arena);
    return status;
}

/* Closes fd whatever happens. YIELDS. */
static enum status turn_session(struct queue *queue, const struct directory_turn *asked, int fd,
                                enum directory_turn_verdict *verdict)
{
    if (!may_take_all(queue->settings, asked)) {
        close(fd);
        *verdict = TURN_REFUSED;
        return OK;
    }
    struct turn *turn = turn_new(queue, asked);
    unsigned count = count_items(queue, turn);
    if (count > 0 && queue->send != NULL && map_count(queue->turns) < TURNS_MOST) {
        *verdict = TURN_BEGUN;
        return begin(queue, turn, count, fd);
    }
    turn_free(turn);
    close(fd);
    *verdict = TURN_NO_MAIL;
    return count == 0 ? OK : try_later("no session can be turned round at the moment");
}

void queue_serve_turn(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct directory_turn asked;
    struct arena arena;
    struct buffer answer;
    enum directory_turn_verdict verdict = TURN_REFUSED;
    int fd = rpc_take_fd(call);
    arena_init(&arena);
    buffer_init(&answer, 16);
    enum status status = serve_begin_call(queue);
    if (status == OK &&
        (fd < 0 || !directory_turn_decode(request, &arena, &asked) || text_is_empty(asked.account)))
        status = refused("malformed request");
    if (status == OK)
        status = turn_session(queue, &asked, fd, &verdict);
    else if (fd >= 0)
        close(fd);
    directory_turn_put_verdict(verdict, &answer);
    if (status == OK)
        rpc_answer(&call, buffer_text(&answer));
    else
        rpc_fail(&call, status, fail_reason());
    buffer_finish(&answer);
    arena_finish(&arena);
    serve_end_call(queue);
}

/* Also of a turn of the store before us, of which send claimed something. */
static void give_back(struct queue *queue, uint64_t turn)
{
    list_each(link, &queue->leased)
    {
        struct queued_item *item = list_entry(link, struct queued_item, leased);
        if (item->turn == turn && !item->busy)
            schedule_release(queue, item);
    }
}

void queue_serve_turn_end(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct wire_reader in = wire_reader_of(request);
    uint64_t id = wire_get_u64(&in);
    struct text reason = wire_get_text(&in);
    struct turn *turn = NULL;
    if (wire_end(&in) && id != 0) {
        give_back(queue, id);
        turn = map_remove(queue->turns, MAP_KEY(id));
    }
    if (turn == NULL) {
        rpc_fail(&call, REFUSED, "there is no such turn");
        return;
    }
    struct arena arena;
    arena_init(&arena);
    tell_session(queue, turn->session, "turn-ended",
                 arena_printf(&arena, "account=%s given=%u reason=%s", log_text(turn->account),
                              turn->given, log_text(reason)));
    arena_finish(&arena);
    turn_free(turn);
    rpc_answer(&call, TEXT(""));
}

/* Leases */

static void tell_message(struct queue *queue, const struct turn *turn, uint64_t message)
{
    char session[ID_TEXT_BYTES];
    struct arena arena;
    arena_init(&arena);
    struct text facts =
        arena_printf(&arena, "account=%s peer=%s session=%s", log_text(turn->account),
                     log_text(turn->peer), id_format(turn->session, session));
    store_story(queue->store, message, TEXT("turned"), facts);
    arena_finish(&arena);
}

/* One more job into out, if there is one; one whose message can't be read now holds up no other.
 * YIELDS. */
static enum status lease_one(struct queue *queue, uint64_t id, struct buffer *out, bool *more,
                             unsigned *count)
{
    struct turn *turn = map_get(queue->turns, MAP_KEY(id));
    uint64_t losses = queue->send_losses;
    if (turn == NULL)
        return refused("there is no such turn");
    struct queued_item *item = next_item(queue, turn);
    *more = item != NULL;
    if (item == NULL)
        return OK;
    schedule_lease_held(queue, item, id);
    enum status status = job_put(queue, item, out);
    if (losses != queue->send_losses)
        return try_later("the send process went away");
    turn = map_get(queue->turns, MAP_KEY(id));
    if (turn == NULL) /* ended meanwhile, and its leases with it */
        return refused("there is no such turn");
    if (status == TRY_LATER)
        schedule_release(queue, item);
    if (status != OK)
        return OK;
    *count += 1;
    turn->given++;
    tell_message(queue, turn, item->message->id);
    return OK;
}

static enum status lease(struct queue *queue, struct text request, struct buffer *jobs,
                         unsigned *count)
{
    struct wire_reader in = wire_reader_of(request);
    uint64_t id = wire_get_u64(&in);
    uint32_t most = wire_get_u32(&in);
    if (!wire_end(&in) || most == 0)
        return refused("malformed request");
    enum status status = OK;
    bool more = true;
    while (status == OK && more && *count < most && *count < JOBS_MOST && jobs->length < JOBS_BYTES)
        status = lease_one(queue, id, jobs, &more, count);
    return status;
}

void queue_serve_turn_lease(void *context, struct rpc_call *call, struct text request)
{
    serve_jobs(context, call, request, lease);
}

/* The store has no part in it but to know both: send and front are strangers to each other. */
void queue_serve_receive(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct rpc_reply reply = {0};
    int fd = rpc_take_fd(call);
    struct rpc_channel *front = serve_some_front(queue);
    enum status status = OK;
    if (fd < 0)
        status = refused("malformed request");
    else if (front == NULL)
        status = try_later("no front is there");
    if (status == OK)
        status =
            rpc_ask(front, FRONT_RECEIVE, request, fd, clock_monotonic_ms() + HAND_OVER_MS, &reply);
    else if (fd >= 0)
        close(fd);
    if (status == OK)
        rpc_answer(&call, TEXT(""));
    else
        rpc_fail(&call, status, fail_reason());
    rpc_reply_finish(&reply);
}
