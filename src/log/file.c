/* The kernel behind the table of file calls. */
#include "log/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/check.h"

static int file_open(void *context, const char *path, int flags)
{
    unused(context);
    return open(path, flags | O_CLOEXEC, 0600);
}

static int file_close(void *context, int fd)
{
    unused(context);
    return close(fd);
}

static ssize_t file_read(void *context, int fd, void *out, size_t length, off_t offset)
{
    unused(context);
    return pread(fd, out, length, offset);
}

static ssize_t file_read_cached(void *context, int fd, void *out, size_t length, off_t offset)
{
    unused(context);
    struct iovec piece = {.iov_base = out, .iov_len = length};
    ssize_t got = preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
    if (got < 0 && errno == EOPNOTSUPP)
        errno = EAGAIN;
    return got;
}

static ssize_t file_write(void *context, int fd, const void *bytes, size_t length, off_t offset)
{
    unused(context);
    return pwrite(fd, bytes, length, offset);
}

static int file_sync(void *context, int fd)
{
    unused(context);
    return fdatasync(fd);
}

/* Some file systems cannot allocate ahead; a log that grows as it is written is slower, not wrong.
 */
static int file_allocate(void *context, int fd, off_t length)
{
    unused(context);
    if (fallocate(fd, 0, 0, length) == 0)
        return 0;
    return errno == EOPNOTSUPP ? ftruncate(fd, length) : -1;
}

static int file_rename(void *context, const char *from, const char *to)
{
    unused(context);
    return rename(from, to);
}

static int file_unlink(void *context, const char *path)
{
    unused(context);
    return unlink(path);
}

static int file_make_directory(void *context, const char *path)
{
    unused(context);
    return mkdir(path, 0700);
}

static int file_sync_directory(void *context, const char *path)
{
    unused(context);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int result = fsync(fd);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

static int file_list(void *context, const char *path, log_file_visit *visit, void *visit_context)
{
    unused(context);
    DIR *directory = opendir(path);
    if (directory == NULL)
        return -1;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL; errno = 0)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(visit_context, entry->d_name);
    int error = errno;
    closedir(directory);
    errno = error;
    return error == 0 ? 0 : -1;
}

static int file_lock(void *context, const char *path)
{
    unused(context);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

const struct log_files log_files_of_kernel = {
    .open = file_open,
    .close = file_close,
    .read = file_read,
    .read_cached = file_read_cached,
    .write = file_write,
    .sync = file_sync,
    .allocate = file_allocate,
    .rename = file_rename,
    .unlink = file_unlink,
    .make_directory = file_make_directory,
    .sync_directory = file_sync_directory,
    .list = file_list,
    .lock = file_lock,
};

bool log_file_read_all(const struct log_files *files, int fd, void *out, size_t length,
                       off_t offset)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = files->read(files->context, fd, (char *)out + done, length - done,
                                  offset + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (got == 0) {
            memset((char *)out + done, 0, length - done);
            return true;
        }
        done += (size_t)got;
    }
    return true;
}

bool log_file_write_all(const struct log_files *files, int fd, const void *bytes, size_t length,
                        off_t offset)
{
    for (size_t done = 0; done < length;) {
        ssize_t put = files->write(files->context, fd, (const char *)bytes + done, length - done,
                                   offset + (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put == 0)
            errno = ENOSPC;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}
