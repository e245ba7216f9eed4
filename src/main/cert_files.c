#include "main/cert_files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

static enum status write_all(int fd, struct text bytes)
{
    while (bytes.length > 0) {
        ssize_t count = write(fd, bytes.data, bytes.length);
        if (count < 0)
            return REFUSED;
        bytes = text_from_position(bytes, (size_t)count);
    }
    return fsync(fd) == 0 ? OK : REFUSED;
}

static enum status create(const char *path, mode_t mode, const struct stat *like, struct text bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return errno == EEXIST ? refused("%s exists already: remove it, or name another file", path)
                               : refused("%s: %m", path);
    enum status status = OK;
    if (like != NULL && (like->st_uid != geteuid() || like->st_gid != getegid()))
        status = fchown(fd, like->st_uid, like->st_gid) == 0 ? OK : REFUSED;
    if (status == OK)
        status = write_all(fd, bytes);
    if (status != OK)
        refused("%s: %m", path);
    close(fd);
    if (status != OK)
        unlink(path);
    return status;
}

enum status cert_file_create(const char *path, mode_t mode, struct text bytes)
{
    return create(path, mode, NULL, bytes);
}

/* So that the renaming itself outlives a crash. */
static void sync_directory_of(const char *path)
{
    char *copy = text_to_string(text_from(path));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(copy);
}

/* By another name beside it, then renamed. */
static enum status replace(const char *path, const char *temporary, mode_t mode, struct text bytes)
{
    struct stat old;
    bool replaces = stat(path, &old) == 0;
    enum status status = create(temporary, mode, replaces ? &old : NULL, bytes);
    if (status != OK)
        return status;
    if (rename(temporary, path) == 0) {
        sync_directory_of(path);
        return OK;
    }
    status = refused("%s: %m", path);
    unlink(temporary);
    return status;
}

enum status cert_file_replace(const char *path, mode_t mode, struct text bytes)
{
    /* A link stays one: what it leads to is replaced. */
    char *real = realpath(path, NULL), *temporary;
    check(asprintf(&temporary, "%s.tmp-%d", real == NULL ? path : real, (int)getpid()) > 0);
    enum status status = replace(real == NULL ? path : real, temporary, mode, bytes);
    free(temporary);
    free(real);
    return status;
}

enum status cert_files_check(const char *certificate, const char *key)
{
    struct buffer chain, secret;
    struct tls_context *trial = NULL;
    buffer_init(&chain, CERT_FILE_MAX);
    buffer_init(&secret, CERT_FILE_MAX);
    enum status status = site_file_read(certificate, &chain);
    if (status == OK)
        status = site_file_read(key, &secret);
    if (status == OK && tls_server_new(buffer_text(&chain), buffer_text(&secret), &trial) != OK)
        status = fail_within(REFUSED, "%s with %s", certificate, key);
    tls_release(&trial);
    buffer_forget(&chain);
    buffer_forget(&secret);
    return status;
}
