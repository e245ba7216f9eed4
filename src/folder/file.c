#include "folder/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"

const char *folder_random_name(char out[33])
{
    unsigned char bytes[16];
    random_bytes(bytes, sizeof(bytes));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        snprintf(out + i * 2, 3, "%02x", bytes[i]);
    return out;
}

enum status folder_file_begin(struct folder_file *file, const char *directory, unsigned mode)
{
    char name[33];
    *file = (struct folder_file){.fd = -1};
    file->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->directory < 0)
        return try_later("cannot open the folder %s: %m", directory);
    snprintf(file->written_as, sizeof(file->written_as), ".%s.tmp", folder_random_name(name));
    file->fd = openat(file->directory, file->written_as,
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file->fd >= 0 && fchmod(file->fd, mode) == 0)
        return OK;
    enum status status = try_later("cannot make a file in %s: %m", directory);
    folder_file_abandon(file);
    return status;
}

enum status folder_file_write(struct folder_file *file, struct text bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(file->fd, bytes.data, bytes.length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return try_later("cannot write the file: %m");
        file->size += (uint64_t)written;
        bytes = text_from_position(bytes, (size_t)written);
    }
    return OK;
}

static void end(struct folder_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    if (file->directory >= 0)
        close(file->directory);
    file->fd = file->directory = -1;
}

enum status folder_file_commit(struct folder_file *file, const char *name)
{
    bool renamed = fsync(file->fd) == 0 &&
                   renameat(file->directory, file->written_as, file->directory, name) == 0;
    if (renamed && fsync(file->directory) == 0) {
        end(file);
        return OK;
    }
    enum status status = try_later("cannot put the file %s into place: %m", name);
    if (renamed) /* it may be there after a crash, or not; now it must not be */
        unlinkat(file->directory, name, 0);
    folder_file_abandon(file);
    return status;
}

void folder_file_abandon(struct folder_file *file)
{
    if (file->fd >= 0)
        unlinkat(file->directory, file->written_as, 0);
    end(file);
}
