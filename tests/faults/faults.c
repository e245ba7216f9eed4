/* See faults.h. Every function here stands before libc's of that name, in the 64-bit and fortified
 * forms too, and does its work by a system call of its own, so it needs nothing of libc's. */
#include "faults.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pages.h"

enum { DESCRIPTORS = 4096 };

static struct {
    char under[PATH_MAX];
    size_t under_length;
    struct faults_plan own, *plan;
    bool keeps_pages; /* the power may be cut */
    bool watched[DESCRIPTORS];
    pthread_mutex_t lock; /* of the pages */
} faults = {.plan = &faults.own, .lock = PTHREAD_MUTEX_INITIALIZER};

static void watch(const char *directory)
{
    snprintf(faults.under, sizeof(faults.under), "%s/", directory);
    faults.under_length = strlen(faults.under);
}

void faults_watch(const char *directory)
{
    watch(directory);
    faults.keeps_pages = true;
}

void faults_arm(unsigned kinds, int error, uint64_t nth)
{
    *faults.plan = (struct faults_plan){.kinds = kinds, .error = (uint32_t)error, .nth = nth};
}

unsigned faults_struck(void)
{
    return __atomic_load_n(&faults.plan->struck, __ATOMIC_SEQ_CST);
}

void faults_cut_power(void)
{
    faults_arm(0, 0, 0);
    pthread_mutex_lock(&faults.lock); /* for good: no other thread writes from here on */
    pages_forget_unsynced();
}

__attribute__((constructor)) static void begin(void)
{
    const char *under = getenv("MAILROOT_FAULTS_UNDER"), *path = getenv("MAILROOT_FAULTS_PLAN");
    if (under == NULL || path == NULL)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    void *plan = fd < 0 ? MAP_FAILED
                        : (void *)syscall(SYS_mmap, NULL, sizeof(struct faults_plan),
                                          PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)0);
    if (plan == MAP_FAILED) {
        fprintf(stderr, "cannot map %s: %m\n", path);
        _exit(1);
    }
    syscall(SYS_close, fd);
    faults.plan = plan;
    watch(under);
}

/* Is it this call's turn to fail? errno is set then. */
static bool strikes(enum fault_kind kind)
{
    struct faults_plan *plan = faults.plan;
    if ((plan->kinds & kind) == 0 || plan->nth == 0)
        return false;
    if (__atomic_add_fetch(&plan->calls, 1, __ATOMIC_SEQ_CST) != plan->nth)
        return false;
    __atomic_store_n(&plan->struck, kind, __ATOMIC_SEQ_CST);
    errno = (int)plan->error;
    return true;
}

bool faults_take(enum fault_kind kind)
{
    return strikes(kind);
}

static bool is_watched(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS && __atomic_load_n(&faults.watched[fd], __ATOMIC_SEQ_CST);
}

static void set_watched(int fd, bool watched)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        __atomic_store_n(&faults.watched[fd], watched, __ATOMIC_SEQ_CST);
}

static bool is_below(int directory, const char *path)
{
    if (faults.under_length == 0)
        return false;
    if (path[0] != '/')
        return is_watched(directory);
    return strncmp(path, faults.under, faults.under_length) == 0 ||
           (strlen(path) + 1 == faults.under_length &&
            memcmp(path, faults.under, faults.under_length - 1) == 0);
}

/* ---- Names ---- */

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
    bool below = is_below(directory, path);
    if (below && strikes(FAULT_OPEN))
        return -1;
    int fd = (int)syscall(SYS_openat, directory, path, flags, mode);
    set_watched(fd, below && fd >= 0);
    if (faults.keeps_pages && below && fd >= 0 && (flags & O_TRUNC) != 0) {
        pthread_mutex_lock(&faults.lock);
        pages_truncated(fd);
        pthread_mutex_unlock(&faults.lock);
    }
    return fd;
}

static mode_t mode_of(int flags, va_list arguments)
{
    bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
    return has_mode ? (mode_t)va_arg(arguments, unsigned) : 0;
}

#define OPEN(name)                                                                                 \
    int name(const char *path, int flags, ...);                                                    \
    int name(const char *path, int flags, ...)                                                     \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        return open_at(AT_FDCWD, path, flags, mode);                                               \
    }
#define OPEN_AT(name)                                                                              \
    int name(int directory, const char *path, int flags, ...);                                     \
    int name(int directory, const char *path, int flags, ...)                                      \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        mode_t mode = mode_of(flags, arguments);                                                   \
        va_end(arguments);                                                                         \
        return open_at(directory, path, flags, mode);                                              \
    }
OPEN(open)
OPEN(open64)
OPEN(__open_2)
OPEN(__open64_2)
OPEN_AT(openat)
OPEN_AT(openat64)
OPEN_AT(__openat_2)
OPEN_AT(__openat64_2)

int close(int fd)
{
    set_watched(fd, false);
    return (int)syscall(SYS_close, fd);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    if (is_below(to_directory, to) && strikes(FAULT_RENAME))
        return -1;
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, 0);
}

int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if (is_below(to_directory, to) && strikes(FAULT_RENAME))
        return -1;
    return (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
}

int link(const char *from, const char *to)
{
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdirat(int directory, const char *path, mode_t mode)
{
    if (is_below(directory, path) && strikes(FAULT_MAKE))
        return -1;
    return (int)syscall(SYS_mkdirat, directory, path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int directory, const char *path, int flags)
{
    if (is_below(directory, path) && strikes(FAULT_REMOVE))
        return -1;
    return (int)syscall(SYS_unlinkat, directory, path, flags);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

/* ---- Bytes ---- */

/* offset -1: where the file stands. */
static ssize_t write_at(int fd, const void *bytes, size_t length, off_t offset)
{
    if (!is_watched(fd))
        return offset < 0 ? syscall(SYS_write, fd, bytes, length)
                          : syscall(SYS_pwrite64, fd, bytes, length, offset);
    bool fails = strikes(FAULT_WRITE);
    bool is_short = fails && faults.plan->error == FAULT_SHORT;
    int error = errno;
    if (is_short && length < 2)
        fails = is_short = false;
    size_t part = fails ? length / 2 : length; /* what fails leaves a part behind */
    if (fails && error == EINTR)
        part = 0;
    pthread_mutex_lock(&faults.lock);
    if (faults.keeps_pages)
        pages_before_write(fd, part, offset);
    ssize_t written = part == 0 && fails ? 0
                      : offset < 0       ? syscall(SYS_write, fd, bytes, part)
                                         : syscall(SYS_pwrite64, fd, bytes, part, offset);
    if (fails && !is_short && offset < 0 && written > 0)
        lseek(fd, -written, SEEK_CUR);
    pthread_mutex_unlock(&faults.lock);
    if (!fails || is_short)
        return written;
    errno = error;
    return -1;
}

static ssize_t write_pieces(int fd, const struct iovec *pieces, int count, off_t offset)
{
    if (!is_watched(fd))
        return offset < 0 ? syscall(SYS_writev, fd, pieces, count)
                          : syscall(SYS_pwritev, fd, pieces, count, (long)offset, 0L);
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        off_t at = offset < 0 ? -1 : offset + (off_t)total;
        ssize_t written = write_at(fd, pieces[i].iov_base, pieces[i].iov_len, at);
        if (written < 0)
            return total > 0 ? total : -1;
        total += written;
        if ((size_t)written < pieces[i].iov_len)
            break;
    }
    return total;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    return write_at(fd, bytes, length, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return write_at(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    return write_at(fd, bytes, length, offset);
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    return write_pieces(fd, pieces, count, -1);
}

ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t offset)
{
    return write_pieces(fd, pieces, count, offset);
}

ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t offset)
{
    return write_pieces(fd, pieces, count, offset);
}

static int sync_one(int fd, long call)
{
    if (!is_watched(fd))
        return (int)syscall(call, fd);
    bool fails = strikes(FAULT_SYNC);
    int error = errno;
    if (!faults.keeps_pages && !fails)
        return (int)syscall(call, fd);
    pthread_mutex_lock(&faults.lock);
    if (faults.keeps_pages)
        pages_synced(fd, !fails);
    pthread_mutex_unlock(&faults.lock);
    errno = error;
    return fails ? -1 : 0;
}

int fsync(int fd)
{
    return sync_one(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_one(fd, SYS_fdatasync);
}

/* A hint, by which nothing becomes durable. It does not fail: RocksDB asserts that. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags)
{
    return is_watched(fd) ? 0 : (int)syscall(SYS_sync_file_range, fd, offset, length, flags);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    if (is_watched(fd) && strikes(FAULT_ALLOCATE))
        return -1;
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
    return fallocate(fd, mode, offset, length);
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
    return fallocate(fd, 0, offset, length) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off64_t offset, off64_t length)
{
    return posix_fallocate(fd, offset, length);
}

int ftruncate(int fd, off_t length)
{
    if (is_watched(fd) && strikes(FAULT_ALLOCATE))
        return -1;
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length)
{
    return ftruncate(fd, length);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
    if (is_watched(fd) && strikes(FAULT_MAP))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset)
{
    return mmap(address, length, protection, flags, fd, offset);
}

/* ---- Bytes that are read ---- */

static bool read_fails(int fd)
{
    return is_watched(fd) && strikes(FAULT_READ);
}

ssize_t read(int fd, void *out, size_t length)
{
    return read_fails(fd) ? -1 : syscall(SYS_read, fd, out, length);
}

ssize_t pread(int fd, void *out, size_t length, off_t offset)
{
    return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, out, length, offset);
}

ssize_t pread64(int fd, void *out, size_t length, off64_t offset)
{
    return pread(fd, out, length, offset);
}

ssize_t preadv2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
    return read_fails(fd) ? -1 : syscall(SYS_preadv2, fd, pieces, count, (long)offset, 0L, flags);
}

ssize_t preadv64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags)
{
    return preadv2(fd, pieces, count, offset, flags);
}

/* ---- Memory ---- */

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    return strikes(FAULT_MEMORY) ? NULL : __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    return strikes(FAULT_MEMORY) ? NULL : __libc_calloc(count, bytes);
}

void *realloc(void *old, size_t bytes)
{
    return strikes(FAULT_MEMORY) ? NULL : __libc_realloc(old, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    return strikes(FAULT_MEMORY) ? NULL : __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    *out = aligned_alloc(alignment, bytes);
    return *out == NULL ? ENOMEM : 0;
}

/* ---- What a library makes of it ---- */

void __assert_fail(const char *assertion, const char *file, unsigned line, const char *function)
{
    fprintf(stderr, "%s:%u: %s: %s\n", file, line, function, assertion);
    _exit(FAULT_EXIT_ASSERTED);
}
