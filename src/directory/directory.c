/* Opening and closing; the one way a change takes: record, commit, apply; and the index, which is
 * brought up from the log by the same apply. */
#include "directory/directory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/logline.h"
#include "base/random.h"
#include "directory/attribute.h"
#include "directory/ntlm_users.h"
#include "directory/oauth.h"
#include "directory/selection.h"
#include "directory/stamp.h"
#include "directory/state.h"
#include "task/offload.h"

/* Records are small and few: small segments, one spare. */
enum { SEGMENT_BYTES = 8 << 20, SPARE_SEGMENTS = 1, LOGINS_REMEMBERED = 1000 };

/* ---- The index ---- */

struct replay {
    struct index *index;
    enum status status;
};

static bool replay_record(void *context, const struct log_record *logged)
{
    struct replay *replay = context;
    struct directory_record record;
    if (directory_record_decode(logged->type, logged->payload, &record))
        replay->status = directory_apply(replay->index, &record, logged->number);
    else
        replay->status = try_later("directory record %llu of type %u cannot be read; was it "
                                   "written by a newer mailroot?",
                                   (unsigned long long)logged->number, (unsigned)logged->type);
    return replay->status == OK;
}

/* Calls of the index that block the thread; reasons do not cross threads by themselves. */
struct index_job {
    const char *path;
    struct index *index;
    enum status status;
    struct reason reason;
};

static void index_job_open(void *argument)
{
    struct index_job *job = argument;
    job->status = index_open(job->path, &job->index);
    if (job->status != OK)
        job->reason = fail_keep();
}

static void index_job_close(void *argument)
{
    struct index_job *job = argument;
    index_close(&job->index);
}

static void index_job_destroy(void *argument)
{
    struct index_job *job = argument;
    index_close(&job->index);
    index_destroy(job->path);
}

static enum status replay_tail(struct directory *directory, struct index *index)
{
    if (index_applied(index) > log_durable(directory->log))
        return try_later("the index is ahead of the log");
    struct replay replay = {.index = index};
    enum status status =
        log_replay(directory->log, index_applied(index) + 1, replay_record, &replay);
    return status == OK ? replay.status : status;
}

static enum status open_index(struct directory *directory, struct index **out)
{
    struct index_job *job = calloc(1, sizeof(*job));
    check(job != NULL);
    job->path = directory->index_path;
    task_offload(index_job_open, job);
    enum status status = job->status;
    if (status != OK)
        try_later("%s", job->reason.text);
    *out = job->index;
    free(job);
    return status;
}

static bool is_stand_in(const struct directory *directory)
{
    return directory->index != NULL && index_is_stand_in(directory->index);
}

static void close_index(struct index *index)
{
    struct index_job job = {.index = index};
    if (index != NULL)
        task_offload(index_job_close, &job);
}

static void destroy_index(struct directory *directory, struct index *index)
{
    struct index_job job = {.path = directory->index_path, .index = index};
    task_offload(index_job_destroy, &job);
}

/* The disk has room again. Within a change, so that none comes between replay and the switch; all
 * look things up in the stand-in until then. */
static enum status return_to_disk(struct directory *directory)
{
    struct index *index;
    enum status status = open_index(directory, &index);
    if (status == OK && !index_is_stand_in(index))
        status = replay_tail(directory, index);
    if (status == OK && !index_is_stand_in(index)) {
        struct index *stand_in = directory->index;
        directory->index = index;
        index = stand_in;
        log_info("directory.index_on_disk", "directory=%s",
                 log_text(text_from(directory->index_path)));
    }
    if (status == OK || task_is_cancelled())
        close_index(index);
    else
        destroy_index(directory, index); /* the next attempt makes it anew */
    return status;
}

static void look_for_room(void *argument)
{
    enum { LOOK_MS = 2000 };
    struct directory *directory = argument;
    while (is_stand_in(directory) && task_sleep(LOOK_MS) == OK) {
        if (!index_has_room(directory->index_path) || directory_change_begin(directory) != OK)
            continue;
        if (return_to_disk(directory) != OK && !task_is_cancelled())
            log_warning("directory.index_in_memory", "reason=%s",
                        log_text(text_from(fail_reason())));
        directory_change_end(directory);
    }
}

static void watch_room(struct directory *directory)
{
    if (is_stand_in(directory) && directory->background.count == 0)
        task_spawn(&directory->background, "directory room", look_for_room, directory);
}

/* Open the index and replay what it has not seen. directory->index stays NULL while it is opened:
 * all others answer "try later". */
static enum status bring_up_once(struct directory *directory)
{
    enum status status = open_index(directory, &directory->index);
    if (status == OK)
        status = replay_tail(directory, directory->index);
    if (status == OK)
        watch_room(directory);
    return status;
}

static void drop_index(struct directory *directory)
{
    struct index *index = directory->index;
    directory->index = NULL;
    destroy_index(directory, index);
}

static enum status bring_up(struct directory *directory)
{
    enum status status = bring_up_once(directory);
    if (status == OK)
        return OK;
    log_warning("directory.index_rebuilt", "reason=%s", log_text(text_from(fail_reason())));
    drop_index(directory);
    return bring_up_once(directory);
}

static void rebuild_alone(struct directory *directory)
{
    const char *failed = directory->index == NULL ? "not open" : index_failed(directory->index);
    log_warning("directory.index_failed", "reason=%s", log_text(text_from(failed)));
    drop_index(directory);
    if (bring_up_once(directory) != OK) {
        log_error("directory.no_index", "reason=%s", log_text(text_from(fail_reason())));
        drop_index(directory);
    }
}

/* Takes its turn among the changes: one that was committed and is about to be applied must find
 * the index it was checked against. */
static void rebuild(void *argument)
{
    struct directory *directory = argument;
    enum status status = OK;
    while (status == OK && directory->changing)
        status = task_event_wait(&directory->unchanged, NO_DEADLINE);
    if (status == OK) {
        directory->changing = true;
        rebuild_alone(directory);
        directory->changing = false;
    }
    task_event_tell_one(&directory->unchanged);
    directory->rebuilding = false;
    directory_leave(directory);
}

enum status directory_ready(struct directory *directory)
{
    bool usable = directory->index != NULL && index_failed(directory->index) == NULL;
    if (usable && !directory->rebuilding)
        return OK;
    if (!directory->rebuilding && !directory->closing) {
        directory->rebuilding = true;
        directory->active++;
        task_spawn(directory->group, "directory rebuild", rebuild, directory);
    }
    return try_later("the directory's index is being rebuilt");
}

/* ---- Changes ---- */

enum status directory_enter(struct directory *directory)
{
    if (directory->closing)
        return try_later("the directory is closing");
    directory->active++;
    return OK;
}

void directory_leave(struct directory *directory)
{
    directory->active--;
    if (directory->active == 0)
        task_event_tell_all(&directory->idle);
}

enum status directory_change_begin(struct directory *directory)
{
    enum status status = directory_enter(directory);
    if (status != OK)
        return status;
    while (status == OK && directory->changing)
        status = task_event_wait(&directory->unchanged, NO_DEADLINE);
    if (status == OK)
        status = directory_ready(directory);
    if (status != OK) {
        task_event_tell_one(&directory->unchanged); /* the turn that may have been ours */
        directory_leave(directory);
        return status;
    }
    directory->changing = true;
    return OK;
}

void directory_change_end(struct directory *directory)
{
    directory->changing = false;
    task_event_tell_one(&directory->unchanged);
    directory_leave(directory);
}

void directory_on_change(struct directory *directory, void (*changed)(void *), void *context)
{
    directory->changed = changed;
    directory->changed_context = context;
}

void directory_use_introspection(struct directory *directory, directory_introspect *ask,
                                 void *context)
{
    directory->introspect = ask;
    directory->introspect_context = context;
}

static void tell_changed(struct directory *directory)
{
    selection_forget(directory);
    if (directory->changed != NULL)
        directory->changed(directory->changed_context);
}

/* Others keep what they were told of addresses; of logins they keep nothing. */
static bool changes_addresses(const struct directory_record *record)
{
    return record->type <= RECORD_MEMBERS_GONE || record->type == RECORD_ATTRIBUTE;
}

/* What a user is called, or that an address is free. */
static bool changes_policies(const struct directory_record *record)
{
    return record->type == RECORD_USER || record->type == RECORD_USER_GONE ||
           record->type == RECORD_MEMBERS_GONE ||
           (record->type == RECORD_ATTRIBUTE &&
            !text_equals(record->attribute, text_from(attribute_name(ATTRIBUTE_PRIMARY_ADDRESS))));
}

static bool changes_logins(const struct directory_record *record)
{
    return record->type == RECORD_USER || record->type == RECORD_USER_GONE ||
           record->type == RECORD_KEYS;
}

enum status directory_commit(struct directory *directory, const struct directory_record *record)
{
    struct buffer bytes;
    buffer_init(&bytes, DIRECTORY_RECORD_MAX);
    directory_record_encode(record, &bytes);
    if (bytes.overflowed) {
        buffer_finish(&bytes);
        return refused("too much for one change");
    }
    struct text piece = buffer_text(&bytes);
    struct directory_record checked;
    uint16_t type = (uint16_t)record->type;
    check(directory_record_decode(type, piece, &checked));
    log_number number = log_append(directory->log, type, &piece, 1, NULL);
    enum status status = log_commit(directory->log, number);
    if (status == OK) {
        if (record->type == RECORD_USER || record->type == RECORD_USER_GONE)
            directory_forget_login(directory, record->key);
        /* It is durable whatever the index says; a failing index is rebuilt from the log. */
        if (directory->index == NULL || directory_apply(directory->index, record, number) != OK)
            directory_ready(directory);
        if (changes_addresses(record))
            tell_changed(directory);
        if (changes_policies(record))
            stamp_wake(directory);
        if (changes_logins(record))
            ntlm_users_changed(directory);
    }
    buffer_forget(&bytes);
    return status;
}

/* ---- Opening and closing ---- */

static enum status make_directory(const char *path)
{
    enum { OWNER_ONLY = 0700 };
    if (mkdir(path, OWNER_ONLY) == 0 || errno == EEXIST)
        return OK;
    return try_later("cannot make the directory %s: %m", path);
}

static void take_settings(struct directory *directory, struct settings *settings)
{
    const struct throttle_limits limits = {.wrong_max = settings->lockout_wrong,
                                           .within_ms = settings->lockout_within_ms,
                                           .locked_ms = settings->lockout_ms};
    directory->settings = settings_hold(settings);
    throttle_use_limits(directory->throttle, &limits);
}

static struct directory *directory_new(const struct directory_options *options)
{
    const char *path = options->path;
    struct directory *directory = calloc(1, sizeof(*directory));
    check(directory != NULL);
    check(asprintf(&directory->path, "%s", path) > 0);
    check(asprintf(&directory->log_path, "%s/log", path) > 0);
    check(asprintf(&directory->index_path, "%s/index", path) > 0);
    directory->group = options->group;
    task_group_init(&directory->background);
    task_group_init(&directory->stamping);
    task_event_init(&directory->stamp_news);
    directory->stamp_wanted = true; /* by the settings there may be others now */
    task_event_init(&directory->idle);
    task_event_init(&directory->unchanged);
    task_event_init(&directory->login_ended);
    directory->throttle = throttle_new();
    directory->oauth = oauth_new();
    take_settings(directory, options->settings);
    directory->logins = recent_new(LOGINS_REMEMBERED, sizeof(struct login_memory));
    random_bytes(directory->secret, sizeof(directory->secret));
    return directory;
}

/* What makes salts of users who do not exist. It lasts, as the others' salts do. */
static enum status bring_up_secret(struct directory *directory)
{
    struct buffer value;
    const char key = INDEX_SECRET;
    buffer_init(&value, sizeof(directory->salt_secret));
    bool found = index_get(directory->index, text_of(&key, 1), &value) &&
                 value.length == sizeof(directory->salt_secret);
    if (found)
        memcpy(directory->salt_secret, value.data, sizeof(directory->salt_secret));
    buffer_forget(&value);
    if (found)
        return OK;
    random_bytes(directory->salt_secret, sizeof(directory->salt_secret));
    struct directory_record record = {
        .type = RECORD_SECRET,
        .secret = text_of(directory->salt_secret, sizeof(directory->salt_secret))};
    enum status status = directory_change_begin(directory);
    if (status != OK)
        return status;
    status = directory_commit(directory, &record);
    directory_change_end(directory);
    return status;
}

static enum status directory_start(struct directory *directory,
                                   const struct directory_options *options)
{
    enum status status = make_directory(directory->log_path);
    if (status != OK)
        return status;
    struct log_options of_log = {
        .directory = directory->log_path,
        .segment_bytes = options->segment_bytes != 0 ? options->segment_bytes : SEGMENT_BYTES,
        .spare_segments = SPARE_SEGMENTS,
        .group = directory->group,
        .files = options->disk};
    status = log_open(&of_log, &directory->log);
    if (status != OK)
        return fail_within(status, "directory");
    status = bring_up(directory);
    if (status != OK)
        return fail_within(status, "directory");
    status = bring_up_secret(directory);
    if (status == OK)
        status = password_gate_init(&directory->gate);
    if (status == OK)
        task_spawn(&directory->stamping, "directory addresses", stamp_run, directory);
    return status;
}

enum status directory_open(const struct directory_options *options, struct directory **out)
{
    struct directory *directory = directory_new(options);
    enum status status = directory_start(directory, options);
    if (status == OK) {
        *out = directory;
        return OK;
    }
    struct reason why = fail_keep();
    directory_close(&directory);
    *out = NULL;
    return fail_again(status, why.text);
}

void directory_close(struct directory **directory)
{
    struct directory *closing = *directory;
    if (closing == NULL)
        return;
    *directory = NULL;
    closing->closing = true;
    task_event_tell_all(&closing->login_ended);
    task_group_finish(&closing->background);
    task_group_finish(&closing->stamping);
    task_shield_begin(); /* cancelled or not, no task may be left inside */
    while (closing->active > 0)
        task_event_wait(&closing->idle, NO_DEADLINE);
    task_shield_end();
    close_index(closing->index);
    log_close(&closing->log);
    settings_release(&closing->settings);
    throttle_free(&closing->throttle);
    oauth_free(&closing->oauth);
    ntlm_users_free(&closing->ntlm);
    recent_free(&closing->logins);
    selection_forget(closing);
    free(closing->path);
    free(closing->log_path);
    free(closing->index_path);
    explicit_bzero(closing->secret, sizeof(closing->secret));
    explicit_bzero(closing->salt_secret, sizeof(closing->salt_secret));
    free(closing);
}

void directory_use_settings(struct directory *directory, struct settings *settings)
{
    if (directory->settings == settings)
        return;
    settings_release(&directory->settings);
    take_settings(directory, settings);
    tell_changed(directory);
    stamp_wake(directory);
    ntlm_users_changed(directory);
}
