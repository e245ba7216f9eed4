#include "protolog/writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/map.h"
#include "protolog/file.h"
#include "task/offload.h"

enum {
    WAITING_MAX = 4 << 20,   /* bytes of batches */
    LATEST_MS = 10 * MINUTE, /* a row is not older than that when it comes */
    TELL_EVERY_MS = 5 * MINUTE,
};

struct protolog_writer {
    struct settings *settings; /* held, or NULL */
    struct buffer waiting;     /* texts: batches */
    struct task_group task;
    bool is_writing; /* the task is there */
    /* Of the thread, while there is a task. */
    struct map *files; /* site's name to struct protolog_file */
    /* What is not told yet. */
    uint64_t lost, malformed;
    int error;
    int64_t told_ms; /* monotonic; 0: never */
};

/* One turn of the thread. */
struct job {
    struct protolog_writer *writer;
    struct settings *settings;
    struct buffer batches;
    int64_t now_ms;
    struct protolog_tally tally;
    uint64_t malformed;
    struct buffer site_name;
};

struct protolog_writer *protolog_writer_new(void)
{
    struct protolog_writer *writer = calloc(1, sizeof(*writer));
    check(writer != NULL);
    buffer_init(&writer->waiting, WAITING_MAX);
    task_group_init(&writer->task);
    writer->files = map_new();
    return writer;
}

static struct protolog_file *file_of(struct job *job, const struct protolog_row *row)
{
    struct map *files = job->writer->files;
    buffer_reset(&job->site_name, SIZE_MAX);
    protolog_site_name(row->service, row->server, &job->site_name);
    struct protolog_file *file = map_get(files, buffer_text(&job->site_name));
    if (file != NULL)
        return file;
    file = protolog_file_new(buffer_text(&job->site_name));
    map_put(files, buffer_text(&job->site_name), file);
    return file;
}

/* A row belongs to about now, whatever its maker says. */
static int64_t time_of(const struct protolog_row *row, int64_t now_ms)
{
    if (row->wall_ms > now_ms)
        return now_ms;
    return row->wall_ms < now_ms - LATEST_MS ? now_ms - LATEST_MS : row->wall_ms;
}

static void put_row(struct job *job, struct protolog_row *row, const struct protolog_disk *disk)
{
    const struct setting_server *server = settings_server_find(job->settings, row->server);
    /* It was logged by older settings. */
    if (server == NULL || server->log.form.format == PROTOLOG_OFF)
        return;
    struct protolog_file *file = file_of(job, row);
    const struct protolog_site site = {.log = &server->log,
                                       .name = buffer_text(&job->site_name),
                                       .computer = text_before(job->settings->host, '.')};
    row->wall_ms = time_of(row, job->now_ms);
    protolog_file_put(file, &site, disk, row, &job->tally);
}

static void put_batch(struct job *job, struct text batch, const struct protolog_disk *disk)
{
    struct wire_reader in = wire_reader_of(batch);
    struct protolog_row row;
    job->tally.lost += wire_get_u32(&in);
    wire_get_u32(&in);
    while (protolog_row_decode(&in, &row))
        put_row(job, &row, disk);
    job->malformed += in.bad;
}

static void flush_all(struct job *job)
{
    size_t position = 0;
    void *file;
    while (map_next(job->writer->files, &position, NULL, &file))
        protolog_file_flush(file, &job->tally);
}

/* On a thread of the pool. */
static void run_job(void *argument)
{
    struct job *job = argument;
    struct wire_reader in = wire_reader_of(buffer_text(&job->batches));
    char *data = text_to_string(job->settings->data_directory);
    /* Mail stops when less than this is free, so that the log must stop before. */
    const struct protolog_disk disk = {data, 2 * job->settings->min_free_bytes};
    while (!in.bad && !text_is_empty(in.rest))
        put_batch(job, wire_get_text(&in), &disk);
    flush_all(job);
    free(data);
}

static const char *reason_of(const struct protolog_writer *writer)
{
    if (writer->error != 0)
        return strerror(writer->error);
    return writer->lost > 0 ? "more came than could be written" : "a batch that is none";
}

/* Told at once, and then so seldom that the telling is no trouble of its own. */
static void tell(struct protolog_writer *writer, bool is_last)
{
    int64_t now_ms = clock_monotonic_ms();
    bool is_due = writer->told_ms == 0 || now_ms - writer->told_ms >= TELL_EVERY_MS || is_last;
    if (writer->lost + writer->malformed == 0 || !is_due)
        return;
    log_warning("protocol-log.lost", "rows=%llu malformed-batches=%llu reason=%s",
                (unsigned long long)writer->lost, (unsigned long long)writer->malformed,
                log_text(text_from(reason_of(writer))));
    writer->lost = writer->malformed = 0;
    writer->error = 0;
    writer->told_ms = now_ms;
}

/* YIELDS. */
static void write_waiting(struct protolog_writer *writer)
{
    struct job job = {.writer = writer,
                      .settings = settings_hold(writer->settings),
                      .batches = writer->waiting,
                      .now_ms = clock_wall_ms()};
    buffer_init(&writer->waiting, WAITING_MAX);
    buffer_init(&job.site_name, 2 * PROTOLOG_NAME_MAX);
    task_offload(run_job, &job);
    writer->lost += job.tally.lost;
    writer->malformed += job.malformed;
    writer->error = job.tally.error == 0 ? writer->error : job.tally.error;
    buffer_finish(&job.site_name);
    buffer_finish(&job.batches);
    settings_release(&job.settings);
    tell(writer, false);
}

static void write_task(void *argument)
{
    struct protolog_writer *writer = argument;
    while (writer->waiting.length > 0)
        write_waiting(writer);
    writer->is_writing = false;
}

void protolog_writer_free(struct protolog_writer **writer)
{
    struct protolog_writer *freed = *writer;
    size_t position = 0;
    void *value;
    if (freed == NULL)
        return;
    *writer = NULL;
    task_group_finish(&freed->task);
    tell(freed, true);
    while (map_next(freed->files, &position, NULL, &value)) {
        struct protolog_file *file = value;
        protolog_file_free(&file);
    }
    map_free(&freed->files);
    settings_release(&freed->settings);
    buffer_finish(&freed->waiting);
    free(freed);
}

void protolog_writer_configure(struct protolog_writer *writer, struct settings *settings)
{
    struct settings *old = writer->settings;
    writer->settings = settings_hold(settings);
    settings_release(&old);
}

/* As its maker says, and no more than it can have. */
static uint64_t rows_of(struct text batch)
{
    struct wire_reader in = wire_reader_of(batch);
    uint64_t dropped = wire_get_u32(&in), count = wire_get_u32(&in);
    return dropped + (count < batch.length ? count : batch.length);
}

void protolog_writer_take(struct protolog_writer *writer, struct text batch)
{
    if (writer->settings == NULL)
        return;
    if (writer->waiting.length + batch.length + sizeof(uint32_t) <= WAITING_MAX)
        wire_put_text(&writer->waiting, batch);
    else
        writer->lost += rows_of(batch);
    if (writer->is_writing)
        return;
    writer->is_writing = true;
    task_spawn(&writer->task, "protocol log", write_task, writer);
}
