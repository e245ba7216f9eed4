#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "store/internal.h"
#include "store/sync_point.h"
#include "task/offload.h"

struct store *store_new(void)
{
    struct store *store = calloc(1, sizeof(*store));
    check(store != NULL);
    list_init(&store->pending);
    list_init(&store->uploads);
    list_init(&store->watches);
    store->mailboxes_by_id = map_new();
    store->mailboxes_by_owner = map_new();
    store->totals_by_owner = map_new();
    change_init(&store->stories);
    task_group_init(&store->background);
    task_event_init(&store->named);
    task_event_init(&store->story_news);
    task_event_init(&store->fresh);
    task_event_init(&store->released);
    list_init(&store->warm);
    return store;
}

void store_free(struct store **store)
{
    mailboxes_free(*store);
    owner_totals_free(*store);
    change_finish(&(*store)->stories);
    free((*store)->live);
    free((*store)->directory);
    free((*store)->index_path);
    free(*store);
    *store = NULL;
}

void store_set_hooks(struct store *store, struct store_hooks hooks)
{
    store->hooks = hooks;
}

struct index *store_index(struct store *store)
{
    return store->index;
}

struct log *store_log(struct store *store)
{
    return store->log;
}

static void apply_payload(struct store *store, const struct log_record *record)
{
    struct change_reading reading;
    if (change_read(record->payload, &reading))
        store_apply(store, record->number, record->place, &reading, reading.operations);
    else
        log_error("store.record_malformed", "record=%llu", (unsigned long long)record->number);
}

static bool replay_one(void *context, const struct log_record *record)
{
    struct store *store = context;
    enum { PROGRESS_EVERY = 200000 };
    if (record->type == RECORD_CHANGE)
        apply_payload(store, record);
    if (record->number % PROGRESS_EVERY == 0) {
        log_info("store.replay", "record=%llu", (unsigned long long)record->number);
        log_write_gathered();
    }
    return true;
}

struct opening {
    const char *path;
    struct index **out;
    enum status status;
    char reason[REASON_BYTES];
};

/* On another thread, where the reason would be lost. */
static void open_index(void *argument)
{
    struct opening *opening = argument;
    opening->status = index_open(opening->path, opening->out);
    snprintf(opening->reason, sizeof(opening->reason), "%s", fail_reason());
}

static void make_anew(void *argument)
{
    struct opening *opening = argument;
    opening->status = index_destroy(opening->path);
    if (opening->status == OK)
        open_index(argument);
}

/* What keys say, and so what an index from the log is; not kept in the log. */
#define INDEX_FORM TEXT("5")

static bool has_this_form(struct index *index)
{
    struct key key;
    struct buffer value;
    buffer_init(&value, 64);
    bool has =
        index_get(index, key_form(&key), &value) && text_equals(buffer_text(&value), INDEX_FORM);
    buffer_finish(&value);
    return has;
}

struct index_batch *store_new_batch(struct index *index)
{
    struct index_batch *batch = index_batch_new(index);
    struct key key;
    if (index_applied(index) == 0) /* new: it goes with the first that is applied */
        index_batch_put(batch, key_form(&key), INDEX_FORM);
    return batch;
}

/* NULL, or why the log does not continue this index. */
static const char *find_gap(const struct store *store, struct index *index)
{
    uint64_t applied = index_applied(index);
    if (applied > 0 && !has_this_form(index))
        return "the index has the form of another version";
    if (applied > log_durable(store->log))
        return "the index is ahead of the log";
    /* Segments are given back while the index could not be flushed, or was in memory. What is
     * needed of them was written forward; that they undid something would be missed. */
    if (applied > 0 && applied + 1 < log_first_record(store->log))
        return "the log no longer reaches back to where the index stands";
    return NULL;
}

enum status store_open_index(struct store *store, struct index **out)
{
    struct opening opening = {.path = store->index_path, .out = out};
    if (store->index_path == NULL)
        return index_open(NULL, out);
    task_offload(open_index, &opening);
    const char *gap = opening.status == OK ? find_gap(store, *out) : NULL;
    if (opening.status == OK && gap == NULL)
        return OK;
    if (opening.status == OK) {
        snprintf(opening.reason, sizeof(opening.reason), "%s", gap);
        store_close_index(out);
    }
    log_warning("index.rebuild", "directory=%s reason=%s", log_text(text_from(store->index_path)),
                log_text(text_from(opening.reason)));
    task_offload(make_anew, &opening);
    return opening.status == OK ? OK : try_later("cannot open the index: %s", opening.reason);
}

static bool highest_mailbox(void *context, struct text key, struct text value)
{
    unused(value);
    struct store *store = context;
    store->mailbox_last = key_get_u64(key, 0); /* they ascend */
    return true;
}

static enum status make_directory(const char *path)
{
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        return OK;
    return try_later("cannot make %s: %m", path);
}

static enum status open_parts(struct store *store, const struct store_options *options,
                              const char *log_path)
{
    enum status status = make_directory(store->directory);
    if (status == OK)
        status = make_directory(log_path);
    struct log_options log_options = {.directory = log_path,
                                      .segment_bytes = options->segment_bytes,
                                      .group = options->group,
                                      .files = options->files};
    if (status == OK)
        status = log_open(&log_options, &store->log);
    if (status == OK)
        status = store_open_index(store, &store->index);
    if (status != OK)
        return status;
    index_on_failure(store->index, store_index_lost, store);
    store->batch = store_new_batch(store->index);
    live_load(store);
    index_scan(store->index, TEXT("B"), TEXT(""), highest_mailbox, store);
    mailbox_marks_load(store);
    return log_replay(store->log, index_applied(store->index) + 1, replay_one, store);
}

enum status store_open(const struct store_options *options, struct store **out)
{
    struct arena arena;
    arena_init(&arena);
    struct text log_path = arena_printf(&arena, "%s/log", options->directory);
    struct store *store = store_new();
    store->directory = text_to_string(text_from(options->directory));
    if (!options->index_in_memory)
        store->index_path = text_to_string(arena_printf(&arena, "%s/index", options->directory));
    enum status status = open_parts(store, options, log_path.data);
    arena_finish(&arena);
    if (status == OK)
        store_watch_room(store);
    else
        store_close(&store);
    *out = store; /* not before: closing YIELDS */
    return status;
}

static void close_index(void *argument)
{
    index_close(argument);
}

void store_close_index(struct index **index)
{
    task_offload(close_index, index);
}

void store_index_lost(void *context)
{
    struct store *store = context;
    log_error("index.lost", "directory=%s reason=%s remedy=\"it is made anew from the log\"",
              log_text(text_from(store->directory)),
              log_text(text_from(index_failed(store->index))));
    if (index_has_room(store->index_path)) { /* one in memory does not fail */
        index_close(&store->index);
        if (index_destroy(store->index_path) != OK)
            log_error("index.lost", "directory=%s reason=%s remedy=\"remove it\"",
                      log_text(text_from(store->index_path)), log_text(text_from(fail_reason())));
    }
    _Exit(70);
}

void store_close(struct store **store)
{
    if (*store == NULL)
        return;
    task_group_finish(&(*store)->background);
    if ((*store)->batch != NULL) {
        store_story_flush(*store);
        store_settle(*store);
        index_batch_free(&(*store)->batch);
    }
    store_close_index(&(*store)->index);
    log_close(&(*store)->log);
    store_free(store);
}

enum status store_forget_index(const char *directory)
{
    struct arena arena;
    arena_init(&arena);
    enum status status = index_destroy(arena_printf(&arena, "%s/index", directory).data);
    arena_finish(&arena);
    return status;
}

/* A number given out again tells that the record which had it before failed. */
static void drop_failed(struct store *store, log_number number)
{
    while (!list_is_empty(&store->pending)) {
        struct pending *last = list_entry(store->pending.previous, struct pending, link);
        if (last->number < number)
            return;
        last->failed = true;
        list_remove(&last->link);
    }
}

void store_append_record(struct store *store, enum record_type type, const struct text *pieces,
                         unsigned count, struct pending *pending)
{
    /* Nothing that rests on it gets into the log. */
    if (index_failed(store->index) != NULL)
        store_index_lost(store);
    pending->applied = pending->failed = false;
    bool is_patient = pending->change != NULL && pending->change->is_patient;
    pending->number = (is_patient ? log_append_patient : log_append)(
        store->log, (uint16_t)type, pieces, count, &pending->place);
    drop_failed(store, pending->number);
    list_append(&store->pending, &pending->link);
}

void store_append(struct store *store, struct change *change, struct pending *pending)
{
    char head[5] = {CHANGE_VERSION};
    uint32_t length = (uint32_t)change->operations.length;
    for (unsigned i = 0; i < 4; i++)
        head[1 + i] = (char)(length >> (24 - 8 * i));
    struct text pieces[3] = {text_of(head, sizeof(head)), buffer_text(&change->operations),
                             change->body};
    pending->change = change;
    store_append_record(store, RECORD_CHANGE, pieces, 3, pending);
    sync_point("after-append");
}

static void apply_pending(struct store *store, struct pending *pending)
{
    list_remove(&pending->link);
    pending->applied = true;
    if (pending->change == NULL)
        return;
    const struct change *change = pending->change;
    struct change_reading reading = {.body_offset = (uint32_t)change->operations.length + 5,
                                     .body_length = (uint32_t)change->body.length};
    store_apply(store, pending->number, pending->place, &reading, buffer_text(&change->operations));
    if (store->mirror != NULL)
        store_apply(store->mirror, pending->number, pending->place, &reading,
                    buffer_text(&change->operations));
}

/* The waiters of a batch wake in any order, the index must follow the log's: whoever comes first
 * applies all that stands before its own. */
static void apply_through(struct store *store, struct pending *last)
{
    task_no_yield_begin();
    while (!last->applied)
        apply_pending(store, list_entry(store->pending.next, struct pending, link));
    task_no_yield_end();
}

/* While a shadow makes its last step. The change is durable: whoever waits for it is told so. */
static void await_release(struct store *store)
{
    task_shield_begin();
    while (store->is_held)
        task_event_wait(&store->released, NO_DEADLINE);
    task_shield_end();
}

enum status store_wait(struct store *store, struct pending *pending)
{
    if (pending->failed)
        return try_later("the log could not be written");
    enum status status = log_commit(store->log, pending->number);
    if (status != OK) {
        check(!pending->applied);
        list_remove(&pending->link);
        pending->failed = true;
        return status;
    }
    sync_point("after-commit");
    await_release(store);
    check(!pending->failed);
    apply_through(store, pending);
    sync_point("after-apply");
    return OK;
}

enum status store_commit(struct store *store, struct change *change)
{
    struct pending pending;
    if (change->operations.overflowed || change->body.length > CHANGE_BODY_INLINE_MAX) {
        change_finish(change);
        return refused("the change is too large for one record");
    }
    store_append(store, change, &pending);
    enum status status = store_wait(store, &pending);
    buffer_finish(&change->operations);
    change->body = TEXT("");
    return status;
}

/* Does an operation that is on its way say something of this? */
typedef bool pending_test(const struct operation *operation, const void *wanted);

static bool any_pending(struct store *store, pending_test *test, const void *wanted)
{
    bool found = false;
    struct arena arena;
    arena_init(&arena);
    list_each(link, &store->pending)
    {
        const struct pending *pending = list_entry(link, struct pending, link);
        if (pending->change == NULL)
            continue;
        struct text rest = buffer_text(&pending->change->operations);
        struct operation operation;
        bool bad;
        while (!found && change_next(&rest, &arena, &operation, &bad))
            found = test(&operation, wanted);
        arena_reset(&arena);
    }
    arena_finish(&arena);
    return found;
}

/* Some name UIDs, or many ids; they are rare enough to count as touching all. */
static bool is_of_message(const struct operation *operation, const void *wanted)
{
    uint64_t id = *(const uint64_t *)wanted;
    return operation->type == OPERATION_EXPUNGE || operation->type == OPERATION_FLAGS ||
           operation->type == OPERATION_COPY || operation->type == OPERATION_MAILBOX_DELETE ||
           (operation->type == OPERATION_ITEM && operation->item.id == id) ||
           (operation->type == OPERATION_MESSAGE && operation->message.message.id == id);
}

bool store_is_pending(struct store *store, uint64_t id)
{
    return any_pending(store, is_of_message, &id);
}

static bool is_of_value(const struct operation *operation, const void *wanted)
{
    const struct operation_value *value = wanted;
    return operation->type == OPERATION_VALUE &&
           text_equals(operation->value.owner, value->owner) &&
           text_equals(operation->value.name, value->name);
}

static bool is_of_mailbox(const struct operation *operation, const void *wanted)
{
    uint64_t mailbox = *(const uint64_t *)wanted;
    return (operation->type == OPERATION_FLAGS && operation->flags.mailbox == mailbox) ||
           (operation->type == OPERATION_EXPUNGE && operation->expunge.mailbox == mailbox);
}

bool store_mailbox_is_pending(struct store *store, uint64_t mailbox)
{
    return any_pending(store, is_of_mailbox, &mailbox);
}

static bool takes_out(const struct operation *operation, const void *wanted)
{
    uint64_t mailbox = *(const uint64_t *)wanted;
    return operation->type == OPERATION_EXPUNGE && operation->expunge.mailbox == mailbox;
}

bool store_expunge_is_pending(struct store *store, uint64_t mailbox)
{
    return any_pending(store, takes_out, &mailbox);
}

bool store_value_is_pending(struct store *store, struct text owner, struct text name)
{
    struct operation_value wanted = {.owner = owner, .name = name};
    return any_pending(store, is_of_value, &wanted);
}

void store_settle(struct store *store)
{
    if (list_is_empty(&store->pending))
        return;
    struct change nothing;
    change_init(&nothing);
    store_commit(store, &nothing);
    change_finish(&nothing);
}

struct store_space store_space_now(struct store *store)
{
    struct log_health health = log_health_now(store->log);
    return (struct store_space){.live_bytes = store->live_bytes,
                                .log_bytes = health.bytes,
                                .segments = health.segments,
                                .stories_dropped = store->stories_dropped};
}

struct flushing {
    struct index *index;
    enum status status;
};

static void flush_index(void *argument)
{
    struct flushing *flushing = argument;
    flushing->status = index_flush(flushing->index);
}

void store_flush(struct store *store)
{
    struct flushing flushing = {.index = store->index, .status = index_settle(store->index)};
    task_offload(flush_index, &flushing);
    if (flushing.status != OK)
        store_index_lost(store);
}
