#include "main/sendmail_spool.h"

#include "main/site_files.h"
#include "settings/settings.h"

#define DEFAULT_FOLDER "/var/lib/mailroot/pickup"

/* The user's group may not read it; that of the folder, which is the server's, has to. */
enum { FILE_MODE = 0640, ENVELOPE_MAX = 8 << 20, MESSAGES_MAX = 1 << 20, IMPORT_MAX = 64 << 20 };

void spool_find(const char *settings_path, struct arena *arena, struct spool *out)
{
    struct settings_source *source = NULL;
    struct settings *settings = NULL;
    struct buffer messages;
    *out = (struct spool){.folder = DEFAULT_FOLDER, .file = {.directory = -1, .fd = -1}};
    buffer_init(&messages, MESSAGES_MAX);
    if (settings_read(settings_path, &source) == OK &&
        settings_parse(source, 1, &messages, &settings) == OK) {
        out->folder = arena_copy(arena, settings->pickup_folder).data;
        out->most = settings->server_count > 0 ? settings->servers[0].max_message_bytes : 0;
        settings_release(&settings);
    }
    settings_source_free(&source);
    buffer_finish(&messages);
}

enum status spool_begin(struct spool *spool, const struct folder_envelope *envelope)
{
    struct buffer lines;
    buffer_init(&lines, ENVELOPE_MAX);
    folder_envelope_write(envelope, &lines);
    enum status status = lines.overflowed
                             ? refused("the recipients are too many")
                             : folder_file_begin(&spool->file, spool->folder, FILE_MODE);
    if (status == OK)
        status = folder_file_write(&spool->file, buffer_text(&lines));
    buffer_finish(&lines);
    return status;
}

enum status spool_write(struct spool *spool, struct text bytes)
{
    if (text_find(bytes, '\0') < bytes.length)
        return refused("the message holds a NUL byte");
    if (spool->most != 0 && spool->file.size + bytes.length > spool->most)
        return refused("the message is larger than %llu bytes", (unsigned long long)spool->most);
    return folder_file_write(&spool->file, bytes);
}

enum status spool_commit(struct spool *spool)
{
    char random[33];
    return folder_file_commit(&spool->file, folder_random_name(random));
}

enum status spool_import(struct spool *spool, const char *path)
{
    struct arena arena;
    struct buffer bytes;
    struct folder_envelope envelope;
    arena_init(&arena);
    buffer_init(&bytes, IMPORT_MAX);
    enum status status = site_file_read(path, &bytes);
    struct text rest = buffer_text(&bytes);
    if (status == OK)
        status = folder_envelope_read(&rest, &arena, &envelope);
    if (status == OK && (!envelope.has_sender || envelope.receiver_count == 0))
        status = refused("%s does not begin with lines x-sender and x-receiver", path);
    if (status == OK)
        status = spool_begin(spool, &envelope);
    if (status == OK)
        status = spool_write(spool, rest);
    if (status == OK)
        status = spool_commit(spool);
    spool_abandon(spool);
    buffer_finish(&bytes);
    arena_finish(&arena);
    return status;
}

void spool_abandon(struct spool *spool)
{
    folder_file_abandon(&spool->file);
}
