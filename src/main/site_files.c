#include "main/site_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/logline.h"
#include "net/tls_certificate.h"

enum { FILE_MAX = 1 << 20, FILES_MAX = 1000 };

enum status site_file_read(const char *path, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refused("%s: %m", path);
    enum status status = OK;
    ssize_t count;
    do {
        char *room = buffer_reserve(out, 16384);
        if (room == NULL) {
            status = refused("%s: larger than %zu bytes", path, out->limit);
            break;
        }
        count = read(fd, room, 16384);
        if (count > 0)
            buffer_grew(out, (size_t)count);
        else if (count < 0)
            status = refused("%s: %m", path);
    } while (count > 0);
    close(fd);
    return status;
}

/* The state first: a change while reading shows at the next look. */
static enum status read_again(struct site_file *file, struct buffer *bytes)
{
    if (stat(file->path, &file->seen) != 0)
        memset(&file->seen, 0, sizeof(file->seen));
    buffer_init(bytes, FILE_MAX);
    return site_file_read(file->path, bytes);
}

static void take_up(struct site_file *file, struct buffer *bytes)
{
    buffer_forget(&file->bytes);
    file->bytes = *bytes;
    file->state = file->seen;
}

/* The place of a file in the list, read when it is new. */
static enum status add(struct site_files *files, struct text path, unsigned *place)
{
    for (*place = 0; *place < files->count; ++*place)
        if (text_equals(text_from(files->list[*place].path), path))
            return OK;
    if (files->count == FILES_MAX)
        return refused("the settings name more than %d files", FILES_MAX);
    struct site_file *file = &files->list[files->count++];
    file->path = text_to_string(path);
    struct buffer bytes;
    enum status status = read_again(file, &bytes);
    take_up(file, &bytes);
    return status;
}

/* A file that cannot be read, and where the settings ask for it. */
static enum status missing(const struct setting_place *place, const char *what)
{
    char reason[REASON_BYTES];
    snprintf(reason, sizeof(reason), "%s", fail_reason());
    return refused("%.*s:%u:%u: %s %s (mailroot cert self-sign makes a first one, with its key)",
                   TEXT_ARG(place->file), place->line, place->column, what, reason);
}

/* What is wrong, with the file's name in front and the remedy behind. */
static enum status check_pair(const char *certificate, const char *key, const struct tls_pair *pair)
{
    struct tls_context *trial = NULL;
    enum status status = tls_server_new(pair->certificate_pem, pair->key_pem, &trial);
    tls_release(&trial);
    if (status == OK)
        return OK;
    char reason[REASON_BYTES];
    snprintf(reason, sizeof(reason), "%s", fail_reason());
    return refused("%s with %s: %s (mailroot cert import puts certificate, chain and key in order)",
                   certificate, key, reason);
}

static enum status add_pair(struct site_files *files, const struct setting_certificate *setting)
{
    struct site_pair pair = {0};
    if (add(files, setting->certificate_file, &pair.certificate) != OK)
        return missing(&setting->place, "certificate");
    if (add(files, setting->key_file, &pair.key) != OK)
        return missing(&setting->place, "key");
    for (unsigned i = 0; i < files->pair_count; i++)
        if (files->pairs[i].certificate == pair.certificate && files->pairs[i].key == pair.key)
            return OK;
    const struct site_file *certificate = &files->list[pair.certificate],
                           *key = &files->list[pair.key];
    struct tls_pair bytes = {buffer_text(&certificate->bytes), buffer_text(&key->bytes)};
    files->pairs[files->pair_count++] = pair;
    return check_pair(certificate->path, key->path, &bytes);
}

static enum status add_pairs(struct site_files *files, const struct setting_certificate *settings,
                             unsigned count)
{
    enum status status = OK;
    for (unsigned i = 0; i < count && status == OK; i++)
        status = files->pair_count < FILES_MAX ? add_pair(files, &settings[i])
                                               : refused("more than %d certificates", FILES_MAX);
    return status;
}

static enum status add_authorities(struct site_files *files, struct text path)
{
    unsigned place;
    if (text_is_empty(path))
        return OK;
    if (add(files, path, &place) != OK)
        return fail_within(REFUSED, "authorities");
    struct tls_context *trial = NULL;
    enum status status = tls_client_new(true, buffer_text(&files->list[place].bytes), &trial);
    tls_release(&trial);
    return status == OK ? OK : fail_within(REFUSED, "%.*s", TEXT_ARG(path));
}

/* Whether a key is right only DNS can tell; that it is one of records can be told here. */
static enum status check_anchors(struct text path, struct text bytes)
{
    struct text line, word;
    while (text_split(&bytes, '\n', &line)) {
        bool is_record = false;
        struct text rest = line = text_trim(text_before(line, ';'));
        while (text_word(&rest, &word))
            is_record = is_record || text_equals_nocase(word, TEXT("DS")) ||
                        text_equals_nocase(word, TEXT("DNSKEY"));
        if (!text_is_empty(line) && !is_record)
            return refused(
                "%.*s: '%.*s' is no trust anchor: write DS or DNSKEY records, one a line",
                TEXT_ARG(path), TEXT_ARG(text_head(line, 60)));
    }
    return OK;
}

static enum status add_anchors(struct site_files *files, struct text path)
{
    unsigned place;
    if (text_is_empty(path))
        return OK;
    if (add(files, path, &place) != OK)
        return fail_within(REFUSED, "trust anchor");
    return check_anchors(path, buffer_text(&files->list[place].bytes));
}

enum status site_files_read(const struct settings *settings, struct site_files *out)
{
    *out = (struct site_files){.list = calloc(FILES_MAX, sizeof(*out->list)),
                               .pairs = calloc(FILES_MAX, sizeof(*out->pairs))};
    check(out->list != NULL && out->pairs != NULL);
    enum status status = add_pairs(out, settings->certificates, settings->certificate_count);
    for (unsigned i = 0; i < settings->server_count && status == OK; i++) {
        const struct setting_server *server = &settings->servers[i];
        status = add_pairs(out, server->certificates, server->certificate_count);
        if (status == OK)
            status = add_authorities(out, server->client_authorities_file);
    }
    for (unsigned i = 0; i < settings->connector_count && status == OK; i++)
        status = add_pairs(out, settings->connectors[i].certificates,
                           settings->connectors[i].certificate_count);
    if (status == OK)
        status = add_authorities(out, settings->authorities_file);
    if (status == OK)
        status = add_anchors(out, settings->trust_anchor_file);
    return status;
}

void site_files_free(struct site_files *files)
{
    for (unsigned i = 0; i < files->count; i++) {
        free(files->list[i].path);
        buffer_forget(&files->list[i].bytes);
    }
    free(files->list);
    free(files->pairs);
    *files = (struct site_files){0};
}

static struct text bytes_of(const struct site_files *files, struct text path)
{
    for (unsigned i = 0; i < files->count; i++)
        if (text_equals(text_from(files->list[i].path), path))
            return buffer_text(&files->list[i].bytes);
    return TEXT("");
}

static void encode(const struct site_files *files, struct text path, struct buffer *out)
{
    if (text_is_empty(path))
        return;
    wire_put_text(out, path);
    wire_put_text(out, bytes_of(files, path));
}

static void encode_pairs(const struct site_files *files, const struct setting_certificate *settings,
                         unsigned count, struct buffer *out)
{
    for (unsigned i = 0; i < count; i++) {
        encode(files, settings[i].certificate_file, out);
        encode(files, settings[i].key_file, out);
    }
}

void site_files_encode(const struct site_files *files, const struct settings *settings,
                       enum role_kind kind, struct buffer *out)
{
    if (kind == ROLE_SEND) {
        encode(files, settings->authorities_file, out);
        encode(files, settings->trust_anchor_file, out);
    }
    for (unsigned i = 0; kind == ROLE_SEND && i < settings->connector_count; i++)
        encode_pairs(files, settings->connectors[i].certificates,
                     settings->connectors[i].certificate_count, out);
    if (kind != ROLE_FRONT)
        return;
    encode_pairs(files, settings->certificates, settings->certificate_count, out);
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        encode_pairs(files, server->certificates, server->certificate_count, out);
        encode(files, server->client_authorities_file, out);
    }
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool has_changed(const struct site_file *file, const struct stat *since)
{
    struct stat now;
    if (stat(file->path, &now) != 0)
        memset(&now, 0, sizeof(now));
    return !is_same(&now, since);
}

static void complain(struct site_pair *pair, const struct site_file *certificate)
{
    pair->is_broken = true;
    snprintf(pair->reason, sizeof(pair->reason), "%s", fail_reason());
    log_error("tls.certificate-broken",
              "file=%s reason=%s remedy=\"the one before is served until this is mended; mailroot "
              "cert import FILE checks and installs\"",
              log_text(text_from(certificate->path)), log_text(text_from(pair->reason)));
}

static enum status read_pair(struct site_file *certificate, struct site_file *key)
{
    struct buffer chain, secret;
    enum status status = read_again(certificate, &chain), key_status = read_again(key, &secret);
    struct tls_pair bytes = {buffer_text(&chain), buffer_text(&secret)};
    if (status == OK)
        status = key_status;
    if (status == OK)
        status = check_pair(certificate->path, key->path, &bytes);
    if (status == OK) {
        take_up(certificate, &chain);
        take_up(key, &secret);
        return OK;
    }
    buffer_finish(&chain);
    buffer_forget(&secret);
    return status;
}

static bool refresh_pair(struct site_files *files, struct site_pair *pair)
{
    struct site_file *certificate = &files->list[pair->certificate], *key = &files->list[pair->key];
    if (!has_changed(certificate, &certificate->state) && !has_changed(key, &key->state)) {
        pair->is_broken = false;
        return false;
    }
    bool is_settled =
        !has_changed(certificate, &certificate->seen) && !has_changed(key, &key->seen);
    if (is_settled && pair->is_broken)
        return false;
    if (read_pair(certificate, key) == OK) {
        pair->is_broken = false;
        log_info("tls.certificate-renewed", "file=%s", log_text(text_from(certificate->path)));
        return true;
    }
    if (is_settled)
        complain(pair, certificate);
    else
        pair->is_broken = false;
    return false;
}

bool site_files_refresh(struct site_files *files)
{
    bool any = false;
    for (unsigned i = 0; i < files->pair_count; i++)
        any = refresh_pair(files, &files->pairs[i]) || any;
    return any;
}
