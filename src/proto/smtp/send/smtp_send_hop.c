/* Hops: as many connections as there is work for, up to the limit; each takes job after job, and
 * lingers a while for the next one before it says QUIT. */
#include "proto/smtp/send/smtp_send_hop.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

enum { MOST_KEY = 600 };

void smtp_hops_init(struct smtp_hops *hops, const struct smtp_sender *sender)
{
    *hops = (struct smtp_hops){.sender = sender, .by_key = map_new()};
    task_group_init(&hops->connections);
    task_event_init(&hops->eased);
    list_init(&hops->starved);
    list_init(&hops->in_hand);
}

void smtp_hops_finish(struct smtp_hops *hops)
{
    check(map_count(hops->by_key) == 0);
    map_free(&hops->by_key);
}

static const struct setting_connector *connector_of(const struct smtp_hops *hops,
                                                    const struct queue_job *job)
{
    return smtp_connector_find(hops->sender->context->settings, job->connector);
}

/* Smart hosts serve all domains of their connector; by MX every domain is a hop of its own. */
static void hop_key(const struct smtp_hops *hops, const struct queue_job *job, struct buffer *key)
{
    const struct setting_connector *connector = connector_of(hops, job);
    buffer_append(key, job->connector);
    buffer_append_byte(key, '/');
    if (connector->smart_host_count == 0 || connector->is_direct_first)
        buffer_append(key, job->domain);
}

static struct smtp_hop *hop_for(struct smtp_hops *hops, const struct queue_job *job)
{
    struct buffer key;
    buffer_init(&key, MOST_KEY + job->connector.length + job->domain.length);
    hop_key(hops, job, &key);
    struct smtp_hop *hop = map_get(hops->by_key, buffer_text(&key));
    if (hop == NULL) {
        hop = calloc(1, sizeof(*hop));
        check(hop != NULL);
        hop->hops = hops;
        hop->key.data = text_to_string(buffer_text(&key));
        hop->key.length = key.length;
        list_init(&hop->waiting);
        list_init(&hop->starved);
        task_event_init(&hop->work);
        task_event_init(&hop->reported);
        map_put(hops->by_key, hop->key, hop);
    }
    buffer_finish(&key);
    return hop;
}

static void job_end(struct smtp_job *job)
{
    struct smtp_hop *hop = job->hop;
    struct smtp_hops *hops = hop->hops;
    struct smtp_lease *lease = job->lease;
    hop->jobs--;
    hops->jobs--;
    list_remove(&job->link);
    list_remove(&job->begun);
    free(job);
    if (--lease->jobs_left == 0) {
        arena_finish(&lease->arena);
        free(lease);
    }
    task_event_tell_all(&hops->eased);
}

static void drop_waiting(struct smtp_hop *hop)
{
    list_each(link, &hop->waiting)
    {
        hop->waiting_jobs--;
        job_end(list_entry(link, struct smtp_job, link));
    }
}

static void hop_free_if_unused(struct smtp_hop *hop)
{
    if (hop->hops->stopping)
        drop_waiting(hop);
    if (hop->jobs > 0 || hop->connections > 0)
        return;
    list_remove(&hop->starved);
    map_remove(hop->hops->by_key, hop->key);
    free((char *)hop->key.data);
    free(hop);
}

static struct smtp_job *hop_take(struct smtp_hop *hop)
{
    if (hop->hops->stopping || list_is_empty(&hop->waiting))
        return NULL;
    struct smtp_job *job = list_entry(hop->waiting.next, struct smtp_job, link);
    list_remove(&job->link);
    list_remove(&job->begun);
    list_append(&hop->hops->in_hand, &job->begun);
    hop->waiting_jobs--;
    return job;
}

/* One connection of a hop, and what it is about to serve. */
struct hop_line {
    struct smtp_hop *hop;
    struct smtp_connection connection;
    struct smtp_job *following; /* taken while the one before it was sent; NULL: none was */
};

/* For its envelope to go out with the end of the present message: a job that no other connection
 * is there for. */
static const struct queue_job *find_following(void *context)
{
    struct hop_line *line = context;
    struct smtp_hop *hop = line->hop;
    const struct smtp_job *job = line->following;
    if (job == NULL && hop->waiting_jobs > hop->idle && list_is_empty(&hop->hops->starved))
        job = list_entry(hop->waiting.next, struct smtp_job, link);
    if (job == NULL || !smtp_connection_suits(hop->hops->sender, &line->connection, job->facts))
        return NULL;
    if (line->following == NULL)
        line->following = hop_take(hop);
    return line->following == NULL ? NULL : line->following->facts;
}

static struct smtp_job *take_following(struct hop_line *line)
{
    struct smtp_job *job = line->following;
    if (job == NULL || line->hop->hops->stopping)
        return hop_take(line->hop);
    line->following = NULL;
    return job;
}

/* The next job; NULL: none came in time to be worth keeping the connection. YIELDS. */
static struct smtp_job *hop_next_job(struct hop_line *line)
{
    struct smtp_hop *hop = line->hop;
    const struct smtp_connection *connection = &line->connection;
    int64_t until_ms = clock_monotonic_ms() + SMTP_LINGER_MS;
    struct smtp_job *job = take_following(line);
    while (job == NULL && connection->client != NULL && !hop->hops->stopping &&
           list_is_empty(&hop->hops->starved)) {
        hop->idle++;
        enum status status = task_event_wait(&hop->work, until_ms);
        hop->idle--;
        job = hop_take(hop);
        if (status != OK)
            break;
    }
    return job;
}

/* What no host of the hop would take from one job, none will take from the others now: they learn
 * it at once instead of each waiting for a connection in turn. YIELDS. */
static void fail_waiting(struct smtp_hop *hop, const struct queue_outcome *same)
{
    struct smtp_job *job;
    while ((job = hop_take(hop)) != NULL) {
        struct arena arena;
        arena_init(&arena);
        unsigned count = job->facts->recipient_count;
        struct queue_outcome *outcomes = arena_array(&arena, count, sizeof(*outcomes));
        for (unsigned i = 0; i < count; i++) {
            outcomes[i] = *same;
            outcomes[i].number = job->facts->recipients[i].number;
        }
        smtp_job_report(hop->hops->sender, job->facts, outcomes);
        arena_finish(&arena);
        job_end(job);
    }
}

bool smtp_job_was_cut_short(const struct queue_outcome *outcomes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (outcomes[i].status == OK)
            return false;
    return task_is_cancelled();
}

/* The store is gone, which may be why, and the next one is told nothing of this job: it gives it
 * again at once, and not only after the time that a failure has to wait. */
static bool is_left_to_next_store(const struct smtp_hop *hop, const struct queue_outcome *outcomes,
                                  unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (outcomes[i].status != TRY_LATER)
            return false;
    return !rpc_channel_is_up(hop->hops->sender->context->store);
}

/* The hop takes others, or may: then this job is better left to them, and the hop is given no more
 * connections than these until it has rested. */
static bool is_one_too_many(const struct smtp_hop *hop, enum smtp_attempt result)
{
    return (result == SMTP_UNREACHED && hop->open > 0) ||
           (result == SMTP_TURNED_AWAY && hop->connections > 1);
}

static void put_back(struct smtp_hop *hop, struct smtp_job *job)
{
    list_prepend(&hop->waiting, &job->link);
    hop->waiting_jobs++;
    task_event_tell_last(&hop->work);
}

/* An outcome on its way to the queue. */
struct reporting {
    struct smtp_job *job;
    struct arena arena;
    struct queue_outcome *outcomes;
};

static void reporting_free(struct reporting *reporting)
{
    arena_finish(&reporting->arena);
    free(reporting);
}

static void run_report(void *argument)
{
    struct reporting *reporting = argument;
    struct smtp_hop *hop = reporting->job->hop;
    smtp_job_report(hop->hops->sender, reporting->job->facts, reporting->outcomes);
    hop->reports--;
    task_event_tell_one(&hop->reported);
    job_end(reporting->job);
    reporting_free(reporting);
    hop_free_if_unused(hop);
}

/* The connection goes on meanwhile, but not far: what a crash keeps from being reported is sent
 * again. YIELDS. */
static void begin_report(struct reporting *reporting)
{
    struct smtp_hop *hop = reporting->job->hop;
    while (hop->reports >= hop->connections && task_event_wait(&hop->reported, NO_DEADLINE) == OK)
        ;
    hop->reports++;
    task_spawn(&hop->hops->connections, "smtp report", run_report, reporting);
}

/* False when the connection should not go on. YIELDS. */
static bool serve_job(struct smtp_hop *hop, struct smtp_connection *connection,
                      struct smtp_job *job)
{
    struct reporting *reporting = calloc(1, sizeof(*reporting));
    check(reporting != NULL);
    reporting->job = job;
    arena_init(&reporting->arena);
    unsigned count = job->facts->recipient_count;
    struct queue_outcome *outcomes = arena_array(&reporting->arena, count, sizeof(*outcomes));
    reporting->outcomes = outcomes;
    hop->open -= connection->client != NULL;
    enum smtp_attempt result =
        smtp_attempt_job(hop->hops->sender, connection, job->facts, &reporting->arena, outcomes);
    bool goes_on = !is_one_too_many(hop, result);
    hop->open += connection->client != NULL;
    if (!goes_on) {
        put_back(hop, job);
        hop->most = hop->connections - 1;
    } else if (result == SMTP_UNREACHED && count > 0) {
        fail_waiting(hop, &outcomes[0]);
    }
    if (goes_on && !smtp_job_was_cut_short(outcomes, count) &&
        !is_left_to_next_store(hop, outcomes, count)) {
        begin_report(reporting);
        return true;
    }
    if (goes_on)
        job_end(job);
    reporting_free(reporting);
    return goes_on;
}

static void run_connection(void *argument);

/* One more connection, when there is work for it and none of the limits is reached. */
static void hop_grow(struct smtp_hop *hop)
{
    struct smtp_hops *hops = hop->hops;
    if (hops->stopping || hop->waiting_jobs <= hop->idle || hop->connections >= hop->most)
        return;
    list_remove(&hop->starved);
    bool is_one_more = hops->count > 0; /* the first is never refused, so that some mail goes */
    if (hops->count >= hops->sender->context->settings->max_outbound ||
        (is_one_more && memory_ask(MEMORY_FOR_SESSION, 0) != OK)) {
        list_append(&hops->starved, &hop->starved);
        return;
    }
    hop->connections++;
    hops->count++;
    task_spawn(&hops->connections, "smtp connection", run_connection, hop);
}

/* A connection has ended: whoever waited longest for one gets it. */
static void feed_starved(struct smtp_hops *hops)
{
    if (list_is_empty(&hops->starved))
        return;
    struct smtp_hop *hop = list_entry(hops->starved.next, struct smtp_hop, starved);
    list_remove(&hop->starved);
    hop_grow(hop);
}

static void run_connection(void *argument)
{
    struct smtp_hop *hop = argument;
    struct smtp_hops *hops = hop->hops;
    struct hop_line line = {.hop = hop};
    struct smtp_connection *connection = &line.connection;
    struct smtp_job *job;
    bool goes_on = true;
    connection->next = (struct smtp_client_next){find_following, &line};
    for (unsigned jobs = 1; goes_on && (job = hop_next_job(&line)) != NULL; jobs++)
        goes_on = serve_job(hop, connection, job) &&
                  (jobs < SMTP_JOBS_WHILE_STARVED || list_is_empty(&hops->starved));
    if (line.following != NULL)
        put_back(hop, line.following);
    /* Until it is closed it counts: the peer counts it too. */
    hop->open -= connection->client != NULL;
    smtp_connection_close(connection);
    hop->connections--;
    hops->count--;
    hop_grow(hop);
    hop_free_if_unused(hop);
    feed_starved(hops);
}

static void hop_add(struct smtp_hop *hop, struct smtp_job *job)
{
    struct smtp_hops *hops = hop->hops;
    const struct setting_connector *connector = connector_of(hops, job->facts);
    if (hop->jobs == 0 && hop->connections == 0)
        hop->most = connector->max_connections;
    list_append(&hop->waiting, &job->link);
    hop->waiting_jobs++;
    hop->jobs++;
    hops->jobs++;
    /* So that those of a burst that are too many for now become idle for good, and end. */
    task_event_tell_last(&hop->work);
    hop_grow(hop);
}

void smtp_hops_add(struct smtp_hops *hops, struct smtp_lease *lease, const struct queue_job *jobs,
                   unsigned count)
{
    lease->jobs_left = count;
    for (unsigned i = 0; i < count; i++) {
        struct smtp_job *job = calloc(1, sizeof(*job));
        check(job != NULL);
        list_init(&job->link);
        list_init(&job->begun);
        job->lease = lease;
        job->facts = &jobs[i];
        job->hop = hop_for(hops, &jobs[i]);
        hop_add(job->hop, job);
    }
}

void smtp_hops_drop_waiting(struct smtp_hops *hops)
{
    size_t position = 0;
    void *value;
    while (map_next(hops->by_key, &position, NULL, &value))
        drop_waiting(value);
    list_each(link, &hops->starved) hop_free_if_unused(list_entry(link, struct smtp_hop, starved));
}

unsigned smtp_hops_in_hand(const struct smtp_hops *hops, struct queue_claim *claims)
{
    unsigned count = 0;
    list_each(link, &hops->in_hand)
    {
        const struct queue_job *facts = list_entry(link, struct smtp_job, begun)->facts;
        claims[count++] = (struct queue_claim){facts->id, facts->lease, 0, facts->item};
    }
    return count;
}

void smtp_hops_stop(struct smtp_hops *hops)
{
    size_t position = 0;
    void *value;
    hops->stopping = true;
    while (map_next(hops->by_key, &position, NULL, &value))
        task_event_tell_all(&((struct smtp_hop *)value)->work);
    smtp_hops_drop_waiting(hops);
}
