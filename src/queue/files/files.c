/* Mail that ends as a file: what is for a domain that drops it (ITEM_DROP), and copies of bad mail
 * (ITEM_BAD) for those who look for it in a folder. A file's name follows from its item, so one
 * that is written again after a crash takes the place of the first. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "folder/envelope.h"
#include "folder/file.h"
#include "queue/internal.h"
#include "task/offload.h"

enum {
    RETRY_MS = MINUTE,
    ROOM_MS = 10 * MINUTE, /* until the folder of bad mail is looked at again */
    READ_BYTES = 256 << 10,
    LINES_MAX = 8 << 20,
    DROP_MODE = 0640,
    BAD_MODE = 0600,
};

/* An item being written. */
struct filing {
    struct queue *queue;
    struct queued_item *queued;
    struct arena arena;
    struct message message;
    struct item item;
    const char *folder;
    unsigned mode;
    struct text base; /* of the file's name */
};

/* ---- one file ---- */

struct commit {
    struct folder_file *file;
    const char *name;
    enum status status;
    char reason[REASON_BYTES];
};

static void commit_file(void *argument)
{
    struct commit *commit = argument;
    commit->status = folder_file_commit(commit->file, commit->name);
    snprintf(commit->reason, sizeof(commit->reason), "%s", fail_reason());
}

/* The message behind what was written. */
static enum status copy_message(struct filing *filing, struct folder_file *file)
{
    struct buffer part;
    enum status status = OK;
    buffer_init(&part, READ_BYTES + STORE_READ_SLACK);
    for (uint64_t at = 0; at < filing->message.size && status == OK; at += part.length) {
        buffer_reset(&part, READ_BYTES + STORE_READ_SLACK);
        status = store_read(filing->queue->store, filing->message.id, at, READ_BYTES, &part);
        if (status == OK && part.length == 0)
            status = try_later("the message can't be read");
        if (status == OK)
            status = folder_file_write(file, buffer_text(&part));
    }
    buffer_finish(&part);
    return status;
}

static enum status write_file(struct filing *filing, const char *ending, struct text text,
                              bool with_message)
{
    struct folder_file file;
    struct text name = arena_printf(&filing->arena, "%.*s%s", TEXT_ARG(filing->base), ending);
    enum status status = folder_file_begin(&file, filing->folder, filing->mode);
    if (status == OK)
        status = folder_file_write(&file, text);
    if (status == OK && with_message)
        status = copy_message(filing, &file);
    if (status == OK) {
        struct commit commit = {.file = &file, .name = name.data};
        task_offload(commit_file, &commit);
        status = commit.status == OK ? OK : try_later("%s", commit.reason);
    }
    folder_file_abandon(&file);
    return status;
}

static void write_envelope(struct filing *filing, struct buffer *out)
{
    struct folder_envelope envelope = {.has_sender = true,
                                       .sender = filing->message.sender,
                                       .receivers =
                                           arena_array(&filing->arena, filing->item.recipient_count,
                                                       sizeof(struct folder_receiver)),
                                       .receiver_count = filing->item.recipient_count};
    for (unsigned i = 0; i < envelope.receiver_count; i++)
        envelope.receivers[i].address = filing->item.recipients[i].address;
    folder_envelope_write(&envelope, out);
}

/* ---- mail that is dropped ---- */

static enum status find_folder(struct filing *filing)
{
    const struct settings *settings = filing->queue->settings;
    const struct setting_domain *domain = settings_domain_find(settings, filing->item.domain);
    bool is_archived = text_is_empty(filing->item.domain);
    if (!is_archived && (domain == NULL || !domain->drops))
        return try_later("the domain %.*s has no drop folder any more",
                         TEXT_ARG(filing->item.domain));
    struct text folder = is_archived ? settings->filter.archive_folder : domain->drop_folder;
    filing->folder = arena_copy(&filing->arena, folder).data;
    filing->mode = is_archived ? BAD_MODE : DROP_MODE;
    return OK;
}

static enum status write_drop(struct filing *filing)
{
    struct buffer lines;
    if (find_folder(filing) != OK)
        return TRY_LATER;
    buffer_init(&lines, LINES_MAX);
    write_envelope(filing, &lines);
    enum status status = write_file(filing, ".eml", buffer_text(&lines), true);
    buffer_finish(&lines);
    if (status != OK)
        return status;
    return outcome_dropped(
        filing->queue, filing->queued,
        arena_printf(&filing->arena, "%s/%.*s.eml", filing->folder, TEXT_ARG(filing->base)));
}

/* It stays in the queue, with the reason for whoever looks. */
static void put_off(struct filing *filing, const char *reason)
{
    struct item *item = &filing->item;
    struct change change;
    named_note(filing->queue, NAMED_LOCAL, reason);
    log_warning("drop.put_off", "domain=%s reason=%s", log_text(item->domain),
                log_text(text_from(reason)));
    item->attempts++;
    item->next_try_ms = clock_wall_ms() + RETRY_MS;
    for (unsigned i = 0; i < item->recipient_count; i++) {
        item->recipients[i].enhanced = TEXT("4.3.0");
        item->recipients[i].reply = text_from(reason);
        item->recipients[i].last_attempt_ms = clock_wall_ms();
    }
    change_init(&change);
    change_story(&change, filing->message.id, "deferred", "domain=%.*s attempt=%u reason=\"%s\"",
                 TEXT_ARG(item->domain), item->attempts, reason);
    change_item(&change, filing->message.id, filing->queued->number, item);
    store_commit(filing->queue->store, &change); /* or it is tried again as it is */
    change_finish(&change);
}

/* ---- bad mail ---- */

static uint64_t bytes_in(const char *folder)
{
    uint64_t bytes = 0;
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        struct stat about;
        if (fstatat(dirfd(entries), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(about.st_mode))
            bytes += (uint64_t)about.st_size;
    }
    if (entries != NULL)
        closedir(entries);
    return bytes;
}

static void write_reasons(struct filing *filing, struct buffer *out)
{
    for (unsigned i = 0; i < filing->item.recipient_count; i++) {
        const struct item_recipient *recipient = &filing->item.recipients[i];
        buffer_printf(out, "%.*s: %.*s %.*s\r\n", TEXT_ARG(recipient->address),
                      TEXT_ARG(recipient->enhanced), TEXT_ARG(recipient->reply));
    }
}

/* .BAD last: who finds it finds the others. */
static enum status write_triplet(struct filing *filing)
{
    struct buffer properties, reasons;
    char received[CLOCK_TEXT_BYTES];
    buffer_init(&properties, LINES_MAX);
    buffer_init(&reasons, LINES_MAX);
    write_envelope(filing, &properties);
    buffer_printf(&properties, "x-received: %s\r\nx-subject: %.*s\r\n",
                  clock_rfc3339(filing->message.received_ms, received),
                  TEXT_ARG(filing->message.subject));
    write_reasons(filing, &reasons);
    enum status status = write_file(filing, ".BDP", buffer_text(&properties), false);
    if (status == OK)
        status = write_file(filing, ".BDR", buffer_text(&reasons), false);
    if (status == OK)
        status = write_file(filing, ".BAD", TEXT(""), true);
    buffer_finish(&properties);
    buffer_finish(&reasons);
    return status;
}

static enum status record_filed(struct filing *filing)
{
    struct change change;
    uint64_t id = filing->message.id;
    change_init(&change);
    change_story(&change, id, "filed", "file=%s/%.*s.BAD", filing->folder, TEXT_ARG(filing->base));
    filing->item.is_filed = true;
    change_item(&change, id, filing->queued->number, &filing->item);
    enum status status = store_commit(filing->queue->store, &change);
    change_finish(&change);
    return status;
}

static enum status write_bad(struct filing *filing)
{
    const struct settings *settings = filing->queue->settings;
    filing->folder = arena_copy(&filing->arena, settings->badmail_folder).data;
    filing->mode = BAD_MODE;
    filing->queued->next_try_ms = clock_wall_ms() + ROOM_MS;
    if (settings->badmail_most == 0)
        return OK;
    if (settings->badmail_most != UINT64_MAX &&
        bytes_in(filing->folder) + filing->message.size > settings->badmail_most)
        return try_later("the folder holds as much as badmail size allows");
    enum status status = write_triplet(filing);
    return status == OK ? record_filed(filing) : status;
}

/* ---- both ---- */

static void write_one(struct filing *filing)
{
    char id[ID_TEXT_BYTES], reason[REASON_BYTES];
    if (!store_message(filing->queue->store, filing->queued->message->id, &filing->arena,
                       &filing->message) ||
        !item_read(filing->queue, filing->queued, &filing->arena, &filing->item))
        return;
    filing->base = arena_printf(&filing->arena, "%s-%u", id_format(filing->message.id, id),
                                filing->queued->number);
    bool is_bad = filing->item.kind == ITEM_BAD;
    if ((is_bad ? write_bad(filing) : write_drop(filing)) == OK) {
        if (!is_bad)
            named_note(filing->queue, NAMED_LOCAL, NULL);
        return;
    }
    snprintf(reason, sizeof(reason), "%s", fail_reason());
    if (is_bad)
        log_warning("badmail.put_off", "id=%s reason=%s", id, log_text(text_from(reason)));
    else
        put_off(filing, reason);
}

void files_write(struct queue *queue, struct queued_item *item)
{
    struct filing filing = {.queue = queue, .queued = item};
    struct work work = schedule_begin_work(queue, item);
    arena_init(&filing.arena);
    write_one(&filing);
    arena_finish(&filing.arena);
    schedule_end_work(queue, work, RETRY_MS);
}
