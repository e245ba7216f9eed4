/* A line is written with all of its bytes or, where the disk fails half-way, cut off again. What a
 * crash left of a last line is cut off when the file is opened again. */
#include "protolog/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "protolog/name.h"

enum { GATHERED_MOST = 64 << 10, FILE_MODE = 0640, DIRECTORY_MODE = 0750 };

struct protolog_file {
    struct text site; /* owned */
    int fd;           /* -1: none is open */
    char *directory;  /* owned; "" at first */
    char name[PROTOLOG_FILE_NAME_BYTES];
    struct setting_log log; /* it was opened for; the directory's text is not kept */
    uint32_t number;        /* of a numbered file */
    int64_t from_ms;        /* of the row that it was opened for */
    uint64_t size;          /* on disk, whole lines */
    bool is_limited;        /* it shares its disk with the data */
    bool owes_header;       /* the file that is open has none of ours yet */
    uint64_t lost;          /* rows since the last line on disk */
    int trouble;            /* errno of this batch, which is not tried on; 0: none */
    struct buffer gathered; /* whole lines */
    unsigned rows;          /* in gathered */
};

struct protolog_file *protolog_file_new(struct text site_name)
{
    struct protolog_file *file = calloc(1, sizeof(*file));
    check(file != NULL);
    file->site = text_of(text_to_string(site_name), site_name.length);
    file->directory = text_to_string(TEXT(""));
    file->fd = -1;
    buffer_init(&file->gathered, GATHERED_MOST + PROTOLOG_LINE_MAX);
    return file;
}

static void close_file(struct protolog_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}

void protolog_file_free(struct protolog_file **file)
{
    if (*file == NULL)
        return;
    close_file(*file);
    buffer_finish(&(*file)->gathered);
    free((*file)->directory);
    free((char *)(uintptr_t)(*file)->site.data);
    free(*file);
    *file = NULL;
}

static void note_lost(struct protolog_file *file, unsigned rows, int error,
                      struct protolog_tally *tally)
{
    file->lost += rows;
    file->trouble = error;
    tally->lost += rows;
    tally->error = error;
}

/* All of it, or none: what was written of it is taken back. */
static bool write_whole(struct protolog_file *file, struct text bytes)
{
    size_t done = 0;
    ssize_t count = 0;
    while (done < bytes.length && (count >= 0 || errno == EINTR)) {
        count = write(file->fd, bytes.data + done, bytes.length - done);
        done += count > 0 ? (size_t)count : 0;
    }
    if (done == bytes.length) {
        file->size += done;
        return true;
    }
    int error = errno;
    if (done > 0 && ftruncate(file->fd, (off_t)file->size) != 0)
        close_file(file); /* opening it again cuts the rest off */
    errno = error;
    return false;
}

static bool has_room(const struct protolog_file *file, const struct protolog_disk *disk)
{
    struct statvfs about;
    if (!file->is_limited || fstatvfs(file->fd, &about) != 0)
        return true;
    unsigned long long unused_bytes = (unsigned long long)about.f_bavail * about.f_frsize;
    return unused_bytes > disk->reserve;
}

static void write_gathered(struct protolog_file *file, struct protolog_tally *tally)
{
    if (file->gathered.length == 0)
        return;
    if (file->fd >= 0 && write_whole(file, buffer_text(&file->gathered))) {
        tally->written += file->rows;
        file->owes_header = false;
        file->lost = 0;
    } else {
        note_lost(file, file->rows, errno, tally);
    }
    file->rows = 0;
    buffer_reset(&file->gathered, 0);
}

void protolog_file_flush(struct protolog_file *file, struct protolog_tally *tally)
{
    write_gathered(file, tally);
    file->trouble = 0;
}

/* Opening */

/* Cut off what is behind the last whole line. */
static bool cut_torn_line(struct protolog_file *file, uint64_t size)
{
    size_t length = size < PROTOLOG_LINE_MAX ? (size_t)size : PROTOLOG_LINE_MAX;
    file->size = size;
    if (length == 0)
        return true;
    char *tail = buffer_reserve(&file->gathered, length);
    if (pread(file->fd, tail, length, (off_t)(size - length)) != (ssize_t)length)
        return false;
    size_t end = text_find_last(text_of(tail, length), '\n');
    /* Without any it is a line that is not ours, or the first. */
    size_t kept = end < length ? end + 1 : size > length ? length : 0;
    file->size = size - (length - kept);
    return file->size == size || ftruncate(file->fd, (off_t)file->size) == 0;
}

static bool open_named(struct protolog_file *file)
{
    struct stat about;
    int directory = open(file->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return false;
    file->fd = openat(directory, file->name,
                      O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, FILE_MODE);
    int error = errno;
    close(directory);
    errno = error;
    if (file->fd < 0)
        return false;
    if (fstat(file->fd, &about) == 0 && S_ISREG(about.st_mode) &&
        cut_torn_line(file, (uint64_t)about.st_size))
        return true;
    close_file(file);
    errno = EIO;
    return false;
}

static bool make_directory(const char *directory)
{
    return mkdir(directory, DIRECTORY_MODE) == 0 || errno == EEXIST;
}

/* Names of ours in the directory: removes what is older than that (0: nothing), and returns the
 * highest number of this format. */
static uint32_t look_through(const struct protolog_file *file, int64_t oldest_ms)
{
    uint32_t highest = 0, number;
    DIR *directory = opendir(file->directory);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        struct text name = text_from(entry->d_name);
        struct stat about;
        if (protolog_name_parse(name, file->log.form.format, &number) && number > highest)
            highest = number;
        if (oldest_ms > 0 && protolog_name_parse(name, PROTOLOG_OFF, &number) &&
            fstatat(dirfd(directory), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(about.st_mode) && (int64_t)about.st_mtim.tv_sec * SECOND < oldest_ms)
            unlinkat(dirfd(directory), entry->d_name, 0);
    }
    if (directory != NULL)
        closedir(directory);
    return highest;
}

/* Open the file that a row of this time goes into. */
static bool open_for(struct protolog_file *file, const struct setting_log *log, int64_t wall_ms)
{
    free(file->directory);
    check(asprintf(&file->directory, "%.*s/%.*s", TEXT_ARG(log->directory), TEXT_ARG(file->site)) >
          0);
    file->log = *log;
    file->log.directory = TEXT("");
    file->from_ms = wall_ms;
    file->owes_header = true;
    if (!make_directory(file->directory))
        return false;
    uint32_t highest = look_through(file, log->keep_ms == 0 ? 0 : wall_ms - log->keep_ms);
    if (file->number < highest && log->form.every == PROTOLOG_BY_SIZE)
        file->number = highest;
    if (file->number == 0 || log->form.every == PROTOLOG_UNLIMITED)
        file->number = 1;
    protolog_file_name(log, wall_ms, file->number, file->name);
    return open_named(file);
}

static bool is_for(const struct protolog_file *file, const struct setting_log *log)
{
    size_t length = log->directory.length;
    return file->log.form.format == log->form.format && file->log.form.every == log->form.every &&
           file->log.fields == log->fields && file->log.is_local == log->is_local &&
           strncmp(file->directory, log->directory.data, length) == 0 &&
           file->directory[length] == '/' &&
           text_equals(text_from(file->directory + length + 1), file->site);
}

static bool is_full(const struct protolog_file *file, const struct setting_log *log)
{
    return log->form.every == PROTOLOG_BY_SIZE &&
           file->size + file->gathered.length >= log->form.most_bytes;
}

static bool is_due(const struct protolog_file *file, const struct setting_log *log, int64_t wall_ms)
{
    char name[PROTOLOG_FILE_NAME_BYTES];
    if (log->form.every == PROTOLOG_BY_SIZE || wall_ms <= file->from_ms)
        return is_full(file, log);
    protolog_file_name(log, wall_ms, file->number, name);
    return strcmp(name, file->name) != 0;
}

/* Somebody removed it. */
static bool is_gone(const struct protolog_file *file)
{
    struct stat about;
    return file->gathered.length == 0 && fstat(file->fd, &about) == 0 && about.st_nlink == 0;
}

/* Be ready for this row. */
static bool turn_to(struct protolog_file *file, const struct setting_log *log,
                    const struct protolog_disk *disk, int64_t wall_ms, struct protolog_tally *tally)
{
    struct stat ours, data;
    bool is_ours = file->fd >= 0 && is_for(file, log);
    if (is_ours && !is_due(file, log, wall_ms) && !is_gone(file))
        return true;
    write_gathered(file, tally);
    if (!is_ours)
        file->number = 0;
    do {
        file->number += file->fd >= 0 && is_full(file, log);
        close_file(file);
        if (!open_for(file, log, wall_ms))
            return false;
    } while (is_full(file, log));
    file->is_limited = disk->data != NULL && fstat(file->fd, &ours) == 0 &&
                       stat(disk->data, &data) == 0 && ours.st_dev == data.st_dev;
    return true;
}

/* What stands before the first line of a batch. */
static void put_directives(struct protolog_file *file)
{
    char words[80];
    if (file->owes_header)
        protolog_write_header(&file->log, file->from_ms, &file->gathered);
    snprintf(words, sizeof(words), "%llu rows before this line could not be written",
             (unsigned long long)file->lost);
    if (file->lost > 0)
        protolog_write_remark(&file->log, words, &file->gathered);
}

void protolog_file_put(struct protolog_file *file, const struct protolog_site *site,
                       const struct protolog_disk *disk, const struct protolog_row *row,
                       struct protolog_tally *tally)
{
    int trouble = file->trouble;
    if (trouble == 0 && !turn_to(file, site->log, disk, row->wall_ms, tally))
        trouble = errno;
    else if (trouble == 0 && file->gathered.length == 0 && !has_room(file, disk))
        trouble = ENOSPC;
    if (trouble != 0) {
        note_lost(file, 1, trouble, tally);
        return;
    }
    if (file->gathered.length == 0)
        put_directives(file);
    protolog_write_row(site, row, &file->gathered);
    file->rows++;
    if (file->gathered.length >= GATHERED_MOST)
        write_gathered(file, tally);
}
