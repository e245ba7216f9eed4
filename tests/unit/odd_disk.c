#include "odd_disk.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

enum { LOOK_US = 100 };

static atomic_int is;
static struct log_files files;

static int wait_and_sync(void *context, int fd)
{
    while (is == DISK_SYNCS_WAIT)
        usleep(LOOK_US);
    return is == DISK_NEVER_SYNCS ? 0 : log_files_of_kernel.sync(context, fd);
}

/* What might be at hand is not: it would not wait. */
static ssize_t read_cached(void *context, int fd, void *out, size_t length, off_t offset)
{
    if (is != DISK_READS_WAIT && is != DISK_READS_FAIL)
        return log_files_of_kernel.read_cached(context, fd, out, length, offset);
    errno = EAGAIN;
    return -1;
}

static ssize_t wait_and_read(void *context, int fd, void *out, size_t length, off_t offset)
{
    while (is == DISK_READS_WAIT)
        usleep(LOOK_US);
    if (is != DISK_READS_FAIL)
        return log_files_of_kernel.read(context, fd, out, length, offset);
    errno = EIO;
    return -1;
}

void odd_disk_use(struct queue_peer *peer)
{
    is = DISK_FINE;
    files = log_files_of_kernel;
    files.sync = wait_and_sync;
    files.read = wait_and_read;
    files.read_cached = read_cached;
    peer->disk = &files;
    queue_peer_close(peer);
    queue_peer_open(peer);
}

void odd_disk_is(enum odd_disk how)
{
    is = (int)how;
}
