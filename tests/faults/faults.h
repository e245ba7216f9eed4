/* Calls to the kernel that fail on demand: a shared library before libc, for tests alone. A unit
 * test is linked with it; the real programs are given it by LD_PRELOAD, and then
 *
 *     MAILROOT_FAULTS_UNDER   the folder whose files are meant
 *     MAILROOT_FAULTS_PLAN    a file with a struct faults_plan, which the test writes and reads
 *
 * After faults_watch syncing costs nothing: faults_cut_power undoes what was written and not
 * synced, and what a sync that failed covered, page by page, as a kernel forgets it. Names (made,
 * renamed, removed) count as durable at once. */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

/* What the n-th is counted of. */
enum fault_kind {
    FAULT_OPEN = 1,      /* open, openat */
    FAULT_WRITE = 2,     /* write, pwrite, writev, pwritev */
    FAULT_SYNC = 4,      /* fsync, fdatasync */
    FAULT_RENAME = 8,    /* rename, renameat, link, linkat */
    FAULT_ALLOCATE = 16, /* fallocate, posix_fallocate, ftruncate */
    FAULT_MAKE = 32,     /* mkdir, mkdirat */
    FAULT_REMOVE = 64,   /* unlink, unlinkat */
    FAULT_MAP = 128,     /* mmap of a file */
    FAULT_FILES = 255,
    FAULT_MEMORY = 256, /* malloc, calloc, realloc, aligned ones; no folder is asked for */
    FAULT_READ = 512,   /* read, pread, preadv */
    FAULT_INDEX = 1024, /* what RocksDB is asked: a key, keys in order, to write, to flush */
    FAULT_ASK = 2048,   /* whatever asks faults_take */
};

/* In place of an errno: half of a write is written, and nothing fails. */
enum { FAULT_SHORT = 10000 };

/* How a process ends that calls assert(3): Debian's RocksDB does, on a file whose write failed. We
 * never do. */
enum { FAULT_EXIT_ASSERTED = 71 };

struct faults_plan {
    uint32_t kinds;  /* bits of fault_kind */
    uint32_t error;  /* errno, or FAULT_SHORT */
    uint64_t nth;    /* 1: the next. 0: none */
    uint64_t calls;  /* counted since */
    uint32_t struck; /* the kind of the call that failed; 0: none did */
    uint32_t unused;
};

void faults_watch(const char *directory);
/* The n-th call of these kinds fails once; calls are counted anew. nth 0: none does. */
void faults_arm(unsigned kinds, int error, uint64_t nth);
/* The kind of the call that failed since; 0: none did. */
unsigned faults_struck(void);
/* Of a call that is not here: is it its turn to fail? errno is set then. */
bool faults_take(enum fault_kind kind);
/* Leave the files as a power cut would. Whichever thread writes afterwards waits for ever: the
 * process is to end. */
void faults_cut_power(void);

#endif
