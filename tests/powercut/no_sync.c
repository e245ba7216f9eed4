/* Syncs that do nothing, for a program started with LD_PRELOAD: a server under it must be seen to
 * lose mail when the power is cut, or the test would not see a server that forgets to sync. */
#include <unistd.h>

int fsync(int fd)
{
    (void)fd;
    return 0;
}

int fdatasync(int fd)
{
    (void)fd;
    return 0;
}
