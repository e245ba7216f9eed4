/* A file becomes a message. The record that accepts it also remembers which file it was, so that a
 * crash before the file is gone does not deliver it twice. Whoever may write into the folder is a
 * stranger: nothing but plain files is opened, none is followed elsewhere, all are bounded. */
#include "queue/files/pickup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/logline.h"
#include "folder/file.h"
#include "folder/line_ends.h"
#include "folder/message.h"
#include "mail/body_scan.h"
#include "mail/header.h"
#include "store/sync_point.h"
#include "store/value.h"

enum {
    READ_BYTES = 32 << 10,
    READ_PIECE = 2048,  /* a coroutine's stack is small */
    HEAD_MAX = 2 << 20, /* lines of the envelope, and the header */
    PIECE_BYTES = 256 << 10,
};

/* A message being read. */
struct intake {
    struct queue *queue;
    const struct pickup_folder *folder;
    struct settings *settings; /* held */
    const struct setting_server *server;
    const char *name;
    int fd;
    struct stat about;
    uint64_t id;
    struct arena arena;
    struct folder_envelope envelope;
    struct line_ends ends;
    struct buffer bytes;   /* read, lines ended, not yet looked at */
    struct buffer body;    /* small, or what is not uploaded yet */
    struct upload *upload; /* of a large one */
    uint64_t size;
    bool has_ended, is_8bit;
    struct body_scan scan;
    struct header_facts facts;
};

const char *pickup_identity(const struct stat *about, char out[PICKUP_IDENTITY_BYTES])
{
    snprintf(out, PICKUP_IDENTITY_BYTES, "pickup/%llx.%llx.%lx.%llx",
             (unsigned long long)about->st_ino, (unsigned long long)about->st_mtim.tv_sec,
             about->st_mtim.tv_nsec, (unsigned long long)about->st_size);
    return out;
}

static const struct setting_server *server_of(const struct settings *settings, struct text name)
{
    const struct setting_server *server = settings_server_find(settings, name);
    return server != NULL ? server : &settings->servers[0];
}

static bool intake_init(struct intake *intake, struct queue *queue,
                        const struct pickup_folder *folder, const char *name)
{
    struct settings *settings = settings_hold(queue->settings);
    *intake = (struct intake){.queue = queue,
                              .folder = folder,
                              .settings = settings,
                              .server = server_of(settings, folder->server),
                              .name = name};
    /* A FIFO must not keep us waiting. */
    intake->fd =
        openat(folder->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    arena_init(&intake->arena);
    buffer_init(&intake->bytes, HEAD_MAX + 2 * READ_BYTES + 2);
    buffer_init(&intake->body, CHANGE_BODY_INLINE_MAX);
    header_facts_init(&intake->facts);
    return intake->fd >= 0 && fstat(intake->fd, &intake->about) == 0;
}

static void intake_finish(struct intake *intake)
{
    upload_free(&intake->upload);
    buffer_finish(&intake->bytes);
    buffer_finish(&intake->body);
    arena_finish(&intake->arena);
    settings_release(&intake->settings);
    if (intake->fd >= 0)
        close(intake->fd);
}

/* ---- reading ---- */

/* The next bytes of the file. */
static enum status read_more(struct intake *intake)
{
    char bytes[READ_PIECE];
    for (unsigned i = 0; i < READ_BYTES / READ_PIECE && !intake->has_ended; i++) {
        ssize_t length = read(intake->fd, bytes, sizeof(bytes));
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return try_later("cannot read it: %m");
        intake->has_ended = length == 0;
        line_ends_feed(&intake->ends, text_of(bytes, (size_t)length), &intake->bytes);
    }
    if (intake->has_ended)
        line_ends_end(&intake->ends, &intake->bytes);
    return OK;
}

static enum status upload_body(struct intake *intake)
{
    struct text rest = buffer_text(&intake->body);
    enum status status = OK;
    if (intake->upload == NULL)
        intake->upload = upload_new(intake->queue->store, intake->id);
    while (rest.length > 0 && status == OK) {
        struct text piece = text_head(rest, PIECE_BYTES);
        status = upload_append(intake->upload, piece);
        rest = text_from_position(rest, piece.length);
    }
    buffer_reset(&intake->body, CHANGE_BODY_INLINE_MAX);
    return status;
}

static enum status add_bytes(struct intake *intake, struct text bytes)
{
    uint64_t most = intake->server->max_message_bytes;
    intake->size += bytes.length;
    if (most != 0 && intake->size > most)
        return refused("it is larger than %llu bytes", (unsigned long long)most);
    body_scan_feed(&intake->scan, bytes);
    intake->is_8bit |= body_has_8bit(bytes);
    if (intake->body.length + bytes.length > CHANGE_BODY_INLINE_MAX) {
        enum status status = upload_body(intake);
        if (status != OK)
            return status;
    }
    buffer_append(&intake->body, bytes);
    return OK;
}

static struct text domain_of(const struct settings *settings)
{
    return settings->domain_count > 0 ? settings->domains[0].name : settings->host;
}

static enum status read_head(struct intake *intake)
{
    const struct settings *settings = intake->settings;
    struct folder_origin origin = {.host = settings->host,
                                   .domain = domain_of(settings),
                                   .sender = settings->postmaster,
                                   .id = intake->id,
                                   .uid = intake->about.st_uid,
                                   .now_ms = clock_wall_ms()};
    struct buffer header;
    size_t used = 0;
    enum status status = OK;
    while (status == OK && !intake->has_ended && intake->bytes.length < HEAD_MAX)
        status = read_more(intake);
    buffer_init(&header, 4 * HEAD_MAX);
    if (status == OK)
        status = folder_message_read(buffer_text(&intake->bytes), &origin, &intake->arena,
                                     &intake->envelope, &header, &used);
    if (status == OK) {
        header_facts_feed(&intake->facts, buffer_text(&header));
        struct text rest = buffer_text(&header);
        while (rest.length > 0 && status == OK) {
            struct text piece = text_head(rest, PIECE_BYTES);
            status = add_bytes(intake, piece);
            rest = text_from_position(rest, piece.length);
        }
        buffer_consume(&intake->bytes, used);
    }
    buffer_finish(&header);
    return status;
}

static enum status read_body(struct intake *intake)
{
    enum status status = OK;
    for (;;) {
        struct text rest = buffer_text(&intake->bytes);
        while (rest.length > 0 && status == OK) {
            struct text piece = text_head(rest, PIECE_BYTES);
            status = add_bytes(intake, piece);
            rest = text_from_position(rest, piece.length);
        }
        buffer_reset(&intake->bytes, READ_BYTES);
        if (status != OK || intake->has_ended)
            return status;
        status = read_more(intake);
    }
}

static enum status check_message(const struct intake *intake)
{
    if (intake->scan.has_nul)
        return refused("it holds a NUL byte");
    if (intake->facts.received_count > intake->server->max_hops)
        return refused("it goes round in a circle: there are %u Received fields",
                       intake->facts.received_count);
    if (intake->envelope.receiver_count > intake->server->max_recipients)
        return refused("it has %u recipients, more than %u", intake->envelope.receiver_count,
                       intake->server->max_recipients);
    return OK;
}

/* ---- accepting ---- */

/* The bits of the grammar are those of the queue. */
_Static_assert(NOTIFY_NEVER == 1 && NOTIFY_SUCCESS == 2 && NOTIFY_FAILURE == 4 && NOTIFY_DELAY == 8,
               "folder_notify_parse gives these bits");

static struct queue_recipient *recipients_of(struct intake *intake, bool *is_international)
{
    const struct folder_envelope *envelope = &intake->envelope;
    struct queue_recipient *recipients =
        arena_array(&intake->arena, envelope->receiver_count, sizeof(*recipients));
    for (unsigned i = 0; i < envelope->receiver_count; i++) {
        const struct folder_receiver *receiver = &envelope->receivers[i];
        recipients[i].address = receiver->address;
        recipients[i].original_recipient = receiver->original_recipient;
        *is_international |= body_has_8bit(receiver->address);
        folder_notify_parse(receiver->notify, &recipients[i].notify);
    }
    return recipients;
}

static enum status commit(struct intake *intake, struct change *change)
{
    bool is_international = intake->facts.has_8bit_header || body_has_8bit(intake->envelope.sender);
    struct queue_recipient *recipients = recipients_of(intake, &is_international);
    struct mail_terms terms = {.body = intake->is_8bit ? MAIL_BODY_8BIT : MAIL_BODY_7BIT,
                               .is_international = is_international,
                               .return_headers_only = intake->envelope.return_headers_only,
                               .tls_is_optional = intake->facts.tls_is_optional,
                               .envelope_id = intake->envelope.envelope_id};
    struct queue_envelope envelope = {.id = intake->id,
                                      .sender = intake->envelope.sender,
                                      .terms = terms,
                                      .service = SERVICE_SUBMISSION,
                                      .server = intake->server->name,
                                      .message_id = text_from(intake->facts.message_id),
                                      .subject = text_from(intake->facts.subject),
                                      .settings_version = intake->settings->version,
                                      .recipients = recipients,
                                      .recipient_count = intake->envelope.receiver_count};
    struct acceptance acceptance = {
        .envelope = &envelope, .size = intake->size, .change = change, .is_internal = true};
    if (intake->upload != NULL) {
        enum status status = upload_body(intake);
        if (status != OK)
            return status;
        acceptance.upload = intake->upload;
    } else {
        acceptance.body = buffer_text(&intake->body);
    }
    return accept_message(intake->queue, &acceptance);
}

static enum status accept_file(struct intake *intake)
{
    char identity[PICKUP_IDENTITY_BYTES];
    struct change change;
    change_init(&change);
    change_story(&change, intake->id, "picked-up", "file=\"%s\" folder=%s uid=%u", intake->name,
                 intake->folder->path, intake->about.st_uid);
    enum status status = OK;
    if (!value_compose(&change, text_from(intake->folder->path),
                       text_from(pickup_identity(&intake->about, identity)), TEXT("taken")))
        status = try_later("the folder's name is too long");
    if (status == OK)
        status = commit(intake, &change);
    change_finish(&change);
    return status;
}

static bool is_taken_already(const struct intake *intake)
{
    char identity[PICKUP_IDENTITY_BYTES];
    struct buffer value;
    buffer_init(&value, 100);
    bool found = value_get(intake->queue->store, text_from(intake->folder->path),
                           text_from(pickup_identity(&intake->about, identity)), &value);
    buffer_finish(&value);
    return found;
}

static enum status take_in(struct intake *intake)
{
    if (is_taken_already(intake))
        return OK;
    enum status status = queue_check_room(intake->queue);
    intake->id = intake->queue->last_id = id_new(intake->queue->last_id);
    if (status == OK)
        status = read_head(intake);
    if (status == OK)
        status = read_body(intake);
    body_scan_end(&intake->scan);
    if (status == OK)
        status = check_message(intake);
    if (status == OK)
        status = accept_file(intake);
    return status;
}

/* ---- putting away ---- */

/* The reason into a file beside it. */
static enum status write_reason(struct text folder, const char *id, struct text text)
{
    char name[FOLDER_NAME_BYTES];
    struct folder_file file;
    char *path = text_to_string(folder);
    snprintf(name, sizeof(name), "%s.BDR", id);
    enum status status = folder_file_begin(&file, path, 0600);
    if (status == OK)
        status = folder_file_write(&file, text);
    if (status == OK)
        status = folder_file_commit(&file, name);
    folder_file_abandon(&file);
    free(path);
    return status;
}

/* Among the bad mail, under a name of its own; on another disk it stays, under one that is left
 * alone. */
static bool move_away(struct intake *intake, struct text folder, const char *id)
{
    int from = intake->folder->directory;
    struct text there = arena_printf(&intake->arena, "%.*s/%s.BAD", TEXT_ARG(folder), id);
    struct text here = arena_printf(&intake->arena, ".%s.BAD", id);
    return renameat(from, intake->name, AT_FDCWD, there.data) == 0 ||
           renameat(from, intake->name, from, here.data) == 0;
}

static void tell_of_bad(const struct intake *intake, struct text text)
{
    struct change change;
    change_init(&change);
    change_story(&change, intake->id, "badmail", "%.*s", TEXT_ARG(text));
    if (store_commit(intake->queue->store, &change) != OK)
        log_warning("pickup.story", "reason=%s", log_text(text_from(fail_reason())));
    change_finish(&change);
}

static void put_away(struct intake *intake, const char *reason)
{
    char id[ID_TEXT_BYTES];
    struct text folder = intake->settings->badmail_folder;
    struct text text = arena_printf(&intake->arena, "reason=%s file=%s folder=%s uid=%u",
                                    log_text(text_from(reason)), log_text(text_from(intake->name)),
                                    intake->folder->path, intake->about.st_uid);
    id_format(intake->id, id);
    if (!move_away(intake, folder, id)) {
        log_error("pickup.bad", "id=%s file=%s reason=\"%m\"", id,
                  log_text(text_from(intake->name)));
        return;
    }
    if (write_reason(folder, id, text) != OK)
        log_error("pickup.bad", "id=%s reason=%s", id, log_text(text_from(fail_reason())));
    tell_of_bad(intake, text);
    log_warning("pickup.bad", "id=%s %.*s", id, TEXT_ARG(text));
}

/* No mail at all: links, which could lead to files of others, devices, and the like. */
static enum pickup_result remove_odd(const struct pickup_folder *folder, const char *name,
                                     const char *what)
{
    struct stat about;
    if (fstatat(folder->directory, name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        S_ISDIR(about.st_mode))
        return PICKUP_GONE;
    log_warning("pickup.odd", "file=%s folder=%s uid=%u reason=\"%s\"", log_text(text_from(name)),
                log_text(text_from(folder->path)), about.st_uid, what);
    unlinkat(folder->directory, name, 0);
    return PICKUP_GONE;
}

static bool is_settled(const struct stat *about)
{
    int64_t changed_ms =
        (int64_t)about->st_ctim.tv_sec * SECOND + about->st_ctim.tv_nsec / (1000 * 1000);
    int64_t age = clock_wall_ms() - changed_ms;
    return age < 0 || age >= PICKUP_SETTLE_MS; /* below 0: the clock was set back */
}

static void forget_file(struct pickup_folder *folder, const struct intake *intake)
{
    char identity[PICKUP_IDENTITY_BYTES];
    if (unlinkat(folder->directory, intake->name, 0) == 0 || errno == ENOENT)
        wire_put_text(&folder->settled, text_from(pickup_identity(&intake->about, identity)));
    else
        log_error("pickup.unlink", "file=%s folder=%s reason=\"%m\"",
                  log_text(text_from(intake->name)), log_text(text_from(folder->path)));
}

static enum pickup_result take_opened(struct intake *intake, struct pickup_folder *folder)
{
    switch (take_in(intake)) {
    case OK:
        sync_point("picked-up");
        forget_file(folder, intake);
        return PICKUP_GONE;
    case REFUSED:
        put_away(intake, fail_reason());
        return PICKUP_GONE;
    case TRY_LATER:
        break;
    }
    return PICKUP_LATER;
}

/* What nobody but its owner can read, or has another name by which it might be read, or be changed
 * while we do. */
static enum pickup_result put_away_unread(struct intake *intake, const char *reason)
{
    if (fstatat(intake->folder->directory, intake->name, &intake->about, AT_SYMLINK_NOFOLLOW) != 0)
        return PICKUP_GONE;
    if (!is_settled(&intake->about))
        return PICKUP_YOUNG;
    if (S_ISDIR(intake->about.st_mode))
        return PICKUP_GONE;
    intake->id = intake->queue->last_id = id_new(intake->queue->last_id);
    put_away(intake, reason);
    return PICKUP_GONE;
}

enum pickup_result pickup_take(struct queue *queue, struct pickup_folder *folder, const char *name,
                               bool moved)
{
    struct intake intake;
    enum pickup_result result = PICKUP_LATER;
    bool is_open = intake_init(&intake, queue, folder, name);
    if (!is_open && errno == ENOENT)
        result = PICKUP_GONE;
    else if (!is_open && (errno == ELOOP || errno == ENXIO))
        result = remove_odd(folder, name, "it is no plain file");
    else if (!is_open && errno == EACCES)
        result = put_away_unread(&intake, "the server may not read it");
    else if (!is_open)
        try_later("cannot open %s: %m", name);
    else if (!S_ISREG(intake.about.st_mode))
        result = remove_odd(folder, name, "it is no plain file");
    else if (intake.about.st_nlink > 1)
        result = put_away_unread(&intake, "it has another name elsewhere");
    else if (!moved && !is_settled(&intake.about))
        result = PICKUP_YOUNG;
    else
        result = take_opened(&intake, folder);
    intake_finish(&intake);
    return result;
}
