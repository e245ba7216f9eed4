#include "folder/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

int folder_tree_open(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int open_below(int in, const char *name)
{
    return openat(in, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* With a position of its own, so that the caller's may be walked as well. */
static DIR *entries_of(int directory)
{
    int fd = open_below(directory, ".");
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);
    if (entries == NULL && fd >= 0)
        close(fd);
    return entries;
}

/* The next name but "." and ".."; NULL: the end, or *failed. */
static const char *next_name(DIR *entries, bool *failed)
{
    const struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(entries);
    } while (entry != NULL &&
             (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    *failed = entry == NULL && errno != 0;
    return entry == NULL ? NULL : entry->d_name;
}

static bool give_facts(int fd, const struct stat *facts)
{
    return fchown(fd, facts->st_uid, facts->st_gid) == 0 &&
           fchmod(fd, facts->st_mode & 07777) == 0 && fsync(fd) == 0;
}

static bool copy_bytes(int source, int target, off_t size)
{
    enum { AT_ONCE = 16 << 20 };
    off_t done = 0;
    while (done < size) {
        ssize_t count = sendfile(target, source, NULL, AT_ONCE);
        if (count == 0)
            errno = EIO; /* it was longer a moment ago */
        if (count <= 0)
            return false;
        done += count;
    }
    return true;
}

static enum status copy_file(int from, int to, const char *name)
{
    struct stat facts;
    int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int target = source < 0
                     ? -1
                     : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool good = target >= 0 && fstat(source, &facts) == 0 && S_ISREG(facts.st_mode) &&
                copy_bytes(source, target, facts.st_size) && give_facts(target, &facts);
    int failure = errno;
    if (source >= 0)
        close(source);
    if (target >= 0)
        close(target);
    errno = failure;
    return good ? OK : try_later("cannot copy the file %s: %m", name);
}

/* A second name where that is possible: other file systems, and some that know no such thing, get
 * the bytes. */
static enum status add_file(int from, int to, const char *name)
{
    if (linkat(from, name, to, name, 0) == 0)
        return OK;
    return copy_file(from, to, name);
}

static enum status copy_directory(int from, int to, const char *name, unsigned depth);

static enum status copy_entry(int from, int to, const char *name, unsigned depth)
{
    struct stat facts;
    if (fstatat(from, name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
        return try_later("cannot look at %s: %m", name);
    if (S_ISREG(facts.st_mode))
        return add_file(from, to, name);
    if (!S_ISDIR(facts.st_mode))
        return refused("%s is neither a file nor a directory", name);
    int below = open_below(from, name);
    if (below < 0)
        return try_later("cannot open the directory %s: %m", name);
    enum status status = copy_directory(below, to, name, depth + 1);
    close(below);
    return status;
}

static enum status copy_entries(int from, int to, unsigned depth)
{
    bool failed = false;
    const char *name;
    enum status status = OK;
    DIR *entries = entries_of(from);
    if (entries == NULL)
        return try_later("cannot read a directory: %m");
    while (status == OK && (name = next_name(entries, &failed)) != NULL)
        status = copy_entry(from, to, name, depth);
    if (status == OK && failed)
        status = try_later("cannot read a directory: %m");
    closedir(entries);
    return status;
}

static enum status copy_directory(int from, int to, const char *name, unsigned depth)
{
    struct stat facts;
    if (depth > FOLDER_TREE_DEPTH_MAX)
        return refused("%s is too deep", name);
    if (fstat(from, &facts) != 0 || mkdirat(to, name, 0700) != 0)
        return try_later("cannot make the directory %s: %m", name);
    int made = open_below(to, name);
    if (made < 0)
        return try_later("cannot open the directory %s: %m", name);
    enum status status = copy_entries(from, made, depth);
    if (status == OK && !give_facts(made, &facts))
        status = try_later("cannot finish the directory %s: %m", name);
    close(made);
    return status;
}

enum status folder_tree_copy(int from, int to, const char *name)
{
    enum status status = copy_directory(from, to, name, 0);
    if (status == OK && fsync(to) != 0)
        status = try_later("cannot write to the disk: %m");
    return status;
}

static enum status remove_entry(int in, const char *name, unsigned depth);

static enum status remove_entries(int in, unsigned depth)
{
    bool failed = false;
    const char *name;
    enum status status = OK;
    DIR *entries = entries_of(in);
    if (entries == NULL)
        return try_later("cannot read a directory: %m");
    while (status == OK && (name = next_name(entries, &failed)) != NULL)
        status = remove_entry(in, name, depth);
    if (status == OK && failed)
        status = try_later("cannot read a directory: %m");
    closedir(entries);
    return status;
}

static enum status remove_entry(int in, const char *name, unsigned depth)
{
    if (unlinkat(in, name, 0) == 0 || errno == ENOENT)
        return OK;
    if ((errno != EISDIR && errno != EPERM) || depth > FOLDER_TREE_DEPTH_MAX)
        return try_later("cannot remove %s: %m", name);
    int below = open_below(in, name);
    if (below < 0)
        return try_later("cannot open %s: %m", name);
    enum status status = remove_entries(below, depth + 1);
    close(below);
    if (status == OK && unlinkat(in, name, AT_REMOVEDIR) != 0)
        status = try_later("cannot remove %s: %m", name);
    return status;
}

enum status folder_tree_remove(int in, const char *name)
{
    enum status status = remove_entry(in, name, 0);
    if (status == OK && fsync(in) != 0)
        status = try_later("cannot write to the disk: %m");
    return status;
}
