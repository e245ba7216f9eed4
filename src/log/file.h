/* The calls the log makes on files, in one table, so that a test or the simulation can put a disk
 * of its own beneath: one that fails, tears writes, or forgets what was not synced. Each returns
 * as the system call of that name does: -1 and errno. */
#ifndef LOG_FILE_H
#define LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef void log_file_visit(void *context, const char *name);

struct log_files {
    void *context; /* first argument of each */
    int (*open)(void *context, const char *path, int flags);
    int (*close)(void *context, int fd);
    ssize_t (*read)(void *context, int fd, void *out, size_t length, off_t offset);
    /* As read, but -1 and EAGAIN when it would have to wait for the medium. */
    ssize_t (*read_cached)(void *context, int fd, void *out, size_t length, off_t offset);
    ssize_t (*write)(void *context, int fd, const void *bytes, size_t length, off_t offset);
    int (*sync)(void *context, int fd);
    int (*allocate)(void *context, int fd, off_t length);
    int (*rename)(void *context, const char *from, const char *to);
    int (*unlink)(void *context, const char *path);
    int (*make_directory)(void *context, const char *path);
    int (*sync_directory)(void *context, const char *path);
    int (*list)(void *context, const char *path, log_file_visit *visit, void *visit_context);
    /* Create and lock; -1 and EWOULDBLOCK when another holds it. Closing releases it. */
    int (*lock)(void *context, const char *path);
};

/* The kernel's. */
extern const struct log_files log_files_of_kernel;

/* Whole reads and writes over the table; false with errno set. An end of file reads as zeros,
 * because a segment need not have been written to its end. */
bool log_file_read_all(const struct log_files *files, int fd, void *out, size_t length,
                       off_t offset);
bool log_file_write_all(const struct log_files *files, int fd, const void *bytes, size_t length,
                        off_t offset);

#endif
