#include "queue/queue.h"

#include <stdlib.h>

#include "account/keeping.h"
#include "account/quota.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "decide/notice.h"
#include "directory/recent.h"
#include "queue/filter/scripts_cache.h"
#include "queue/internal.h"

enum {
    STORY_FLUSH_MS = 200,
    RECLAIM_MS = SECOND,
    INDEX_FLUSH_MS = MINUTE,
    INDEX_FLUSH_BYTES = 64 << 20,
    EXPIRE_STORIES_MS = 10 * MINUTE,
    EXPIRE_KEPT_MS = 10 * MINUTE,
    REPORTED_MAX = 10000, /* addresses that reports to are counted of */
};

struct queue *queue_new(void)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    check(queue != NULL);
    task_group_init(&queue->tasks);
    task_group_init(&queue->log_tasks);
    queue->cache = directory_cache_new();
    queue->report_texts = report_catalog_new();
    queue->reported = recent_new(REPORTED_MAX, sizeof(struct notice_tally));
    queue->scripts = scripts_cache_new();
    queue->remembering = map_new();
    queue->uploads = map_new();
    queue->committing = map_new();
    queue->asked = map_new();
    list_init(&queue->watches);
    task_event_init(&queue->call_ended);
    task_event_init(&queue->kept_news);
    task_event_init(&queue->flush_due);
    orders_init(queue);
    schedule_init(queue);
    turn_init(queue);
    links_init(queue);
    return queue;
}

void queue_set_settings(struct queue *queue, struct settings *settings)
{
    struct settings *old = queue->settings;
    queue->settings = settings_hold(settings);
    queue->accounts.settings = settings;
    schedule_follow_settings(queue, old);
    links_follow_settings(queue);
    serve_room_changed(queue);
    if (old != NULL)
        settings_release(&old);
}

void queue_set_report_texts(struct queue *queue, struct report_catalog **catalog)
{
    report_catalog_free(&queue->report_texts);
    queue->report_texts = *catalog;
    *catalog = NULL;
}

void queue_set_owner(struct queue *queue, void *owner)
{
    queue->owner = owner;
}

void *queue_owner(const struct queue *queue)
{
    return queue->owner;
}

void queue_set_protolog(struct queue *queue, struct protolog_writer *writer)
{
    queue->protolog = writer;
}

struct store *queue_store(struct queue *queue)
{
    return queue->store;
}

const struct accounts *queue_accounts(const struct queue *queue)
{
    return &queue->accounts;
}

static void flush_stories(void *argument)
{
    struct queue *queue = argument;
    while (store_story_await(queue->store) == OK && task_sleep(STORY_FLUSH_MS) == OK)
        store_story_flush(queue->store);
}

static bool is_nearly_full(struct queue *queue)
{
    queue_check_room(queue);
    return queue->free_checked_ms != 0 &&
           queue->free_bytes < queue->settings->min_free_bytes + LOG_SEGMENT_BYTES;
}

/* Never on the path of a message: one segment at a time, and others run in between. */
static void reclaim_space(void *argument)
{
    struct queue *queue = argument;
    while (task_sleep(RECLAIM_MS) == OK) {
        enum status status = OK;
        while (status == OK && !task_is_cancelled())
            status = store_reclaim(queue->store, is_nearly_full(queue));
        if (status == TRY_LATER && !task_is_cancelled())
            log_warning("store.reclaim_failed", "reason=%s", log_text(text_from(fail_reason())));
    }
}

static void flush_index(void *argument)
{
    struct queue *queue = argument;
    while (!task_is_cancelled()) {
        task_event_wait(&queue->flush_due, clock_monotonic_ms() + INDEX_FLUSH_MS);
        queue->unflushed_bytes = 0;
        store_flush(queue->store);
    }
}

void queue_note_unflushed(struct queue *queue, uint64_t bytes)
{
    queue->unflushed_bytes += bytes;
    if (queue->unflushed_bytes >= INDEX_FLUSH_BYTES)
        task_event_tell_all(&queue->flush_due);
}

static int64_t keep_now(struct queue *queue)
{
    return keep_clock_now(&queue->keep_clock, clock_wall_ms(), clock_monotonic_ms());
}

static void expire_stories(void *argument)
{
    struct queue *queue = argument;
    do
        store_expire_stories(queue->store, keep_now(queue) - queue->settings->trace_keep_ms);
    while (task_sleep(EXPIRE_STORIES_MS) == OK);
}

/* The first of a heap whose time has come; waits for it. NULL when cancelled. */
static struct timer *next_due(struct queue *queue, const struct timer_heap *heap,
                              struct task_event *news)
{
    for (;;) {
        schedule_heed_clock(queue);
        struct timer *first = timer_first(heap);
        int64_t due = first == NULL ? INT64_MAX : first->deadline_ms;
        if (task_is_cancelled())
            return NULL;
        if (due <= clock_wall_ms())
            return first;
        task_event_wait(news, schedule_deadline(due));
    }
}

static void look_at_items(void *argument)
{
    struct queue *queue = argument;
    struct timer *timer;
    while ((timer = next_due(queue, &queue->looks, &queue->look_news)) != NULL) {
        struct queued_item *item = list_entry(timer, struct queued_item, look);
        struct work work = schedule_begin_work(queue, item);
        outcome_look(queue, item);
        item = schedule_end_work(queue, work, 0);
        /* A failure to write leaves it due: not in a tight loop. */
        if (item != NULL && item->look.position != 0 && item->look.deadline_ms <= clock_wall_ms())
            task_sleep(SECOND);
    }
}

static void send_notices(void *argument)
{
    struct queue *queue = argument;
    struct timer *timer;
    while ((timer = next_due(queue, &queue->reports, &queue->report_news)) != NULL) {
        struct queued_item *item = list_entry(timer, struct queued_item, due);
        if (item->kind == ITEM_ANSWER)
            answer_send(queue, item);
        else
            notice_send(queue, item);
    }
}

static void release_later(void *argument)
{
    struct queue *queue = argument;
    struct timer *timer;
    while ((timer = next_due(queue, &queue->later, &queue->later_news)) != NULL)
        release_item(queue, list_entry(timer, struct queued_item, due));
}

static void write_files(void *argument)
{
    struct queue *queue = argument;
    struct timer *timer;
    while ((timer = next_due(queue, &queue->files, &queue->file_news)) != NULL)
        files_write(queue, list_entry(timer, struct queued_item, due));
}

/* auth says that the directory changed, or is gone: forget its answers. context is the queue, as
 * for rpc_channel_on_down. Does not yield. */
static void directory_changed(void *context)
{
    struct queue *queue = context;
    directory_cache_clear(queue->cache);
    serve_room_changed(queue);
}

void queue_directory_back(struct queue *queue)
{
    directory_changed(queue);
    queue->directory_returns++;
    release_lookups(queue);
}

static void value_changed(void *context, struct text owner, struct text name)
{
    struct queue *queue = context;
    scripts_cache_changed(queue->scripts, owner, name);
    if (quota_is_set_by(name))
        serve_room_changed(queue);
}

static bool keeps_deleted(void *context, struct text owner)
{
    struct queue *queue = context;
    bool is_full, is_on = keeping_is_on(&queue->accounts, owner, &is_full);
    if (is_full)
        task_event_tell_one(&queue->kept_news);
    return is_on;
}

static void expire_kept(void *argument)
{
    struct queue *queue = argument;
    do {
        if (keeping_expire(&queue->accounts, keep_now(queue)) == TRY_LATER)
            log_warning("mailbox.expire_failed", "reason=%s", log_text(text_from(fail_reason())));
        task_event_wait(&queue->kept_news, clock_monotonic_ms() + EXPIRE_KEPT_MS);
    } while (!task_is_cancelled());
}

enum status queue_start(struct queue *queue, const struct queue_options *options)
{
    struct store_options store_options = {.directory = options->directory,
                                          .index_in_memory = options->index_in_memory,
                                          .segment_bytes = options->segment_bytes,
                                          .files = options->disk,
                                          .group = &queue->log_tasks};
    queue_set_settings(queue, options->settings);
    queue->auth = options->auth;
    queue->send = options->send;
    queue->directory = text_to_string(text_from(options->directory));
    enum status status = store_open(&store_options, &queue->store);
    if (status != OK)
        return fail_within(status, "cannot open the store in %s", options->directory);
    queue->accounts.store = queue->store;
    struct store_hooks hooks = {
        .context = queue, .item = schedule_item, .value = value_changed, .keeps = keeps_deleted};
    store_set_hooks(queue->store, hooks);
    orders_load(queue);
    schedule_load(queue);
    queue->serving = true;
    task_event_tell_all(&queue->work);
    if (queue->auth == NULL)
        return OK; /* offline: nothing happens by itself */
    rpc_channel_on_down(queue->auth, directory_changed, queue);
    if (queue->send != NULL)
        rpc_channel_on_down(queue->send, schedule_send_lost, queue);
    release_lookups(queue); /* auth may have told that it is back before they were loaded */
    task_spawn(&queue->tasks, "stories", flush_stories, queue);
    task_spawn(&queue->tasks, "reclaim", reclaim_space, queue);
    task_spawn(&queue->tasks, "index", flush_index, queue);
    task_spawn(&queue->tasks, "old stories", expire_stories, queue);
    task_spawn(&queue->tasks, "kept", expire_kept, queue);
    task_spawn(&queue->tasks, "looks", look_at_items, queue);
    task_spawn(&queue->tasks, "notices", send_notices, queue);
    task_spawn(&queue->tasks, "releases", release_later, queue);
    task_spawn(&queue->tasks, "files", write_files, queue);
    task_spawn(&queue->tasks, "pickup", pickup_run, queue);
    task_spawn(&queue->tasks, "history", history_run, queue);
    links_start(queue);
    return OK;
}

void queue_stop(struct queue **stopped)
{
    struct queue *queue = *stopped;
    *stopped = NULL;
    if (queue == NULL)
        return;
    queue->serving = false;
    if (queue->auth != NULL)
        rpc_channel_on_down(queue->auth, NULL, NULL);
    if (queue->send != NULL)
        rpc_channel_on_down(queue->send, NULL, NULL);
    task_group_finish(&queue->tasks);
    task_event_tell_all(&queue->work);
    while (queue->calls > 0)
        if (task_event_wait(&queue->call_ended, NO_DEADLINE) != OK)
            task_yield();
    serve_finish(queue);
    struct store_hooks none = {0};
    if (queue->store != NULL)
        store_set_hooks(queue->store, none);
    store_close(&queue->store);
    task_group_finish(&queue->log_tasks);
    schedule_finish(queue);
    turn_finish(queue);
    links_finish(queue);
    orders_finish(queue);
    etrn_finish(queue);
    directory_cache_free(&queue->cache);
    report_catalog_free(&queue->report_texts);
    recent_free(&queue->reported);
    scripts_cache_free(&queue->scripts);
    map_free(&queue->remembering);
    map_free(&queue->uploads);
    map_free(&queue->committing);
    if (queue->settings != NULL)
        settings_release(&queue->settings);
    free(queue->directory);
    free(queue);
}
