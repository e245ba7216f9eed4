/* Calls of a disk that say that they have synced, and have not: for a process that is killed before
 * its syncs, and where nobody's power fails. */
#ifndef TESTS_UNIT_NO_SYNCS_H
#define TESTS_UNIT_NO_SYNCS_H

#include "base/check.h"
#include "log/log.h"

static inline int no_sync(void *context, int fd)
{
    unused(context), unused(fd);
    return 0;
}

static inline int no_sync_directory(void *context, const char *path)
{
    unused(context), unused(path);
    return 0;
}

/* The same calls, but for that. */
static inline struct log_files without_syncs(const struct log_files *files)
{
    struct log_files without = *files;
    without.sync = no_sync;
    without.sync_directory = no_sync_directory;
    return without;
}

#endif
