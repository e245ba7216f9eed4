/* What a disk would still hold of the files that were written: the pages before they were, until
 * they are synced. The caller locks. */
#ifndef TESTS_FAULTS_PAGES_H
#define TESTS_FAULTS_PAGES_H

#include <stdbool.h>
#include <sys/types.h>

/* Bytes are about to be written. offset -1: where the file stands. */
void pages_before_write(int fd, size_t length, off_t offset);
/* A sync ended. One that failed covered pages that are clean now, and not on the disk: they are
 * durable only when they are written and synced once more. */
void pages_synced(int fd, bool succeeded);
/* The file was opened with O_TRUNC. */
void pages_truncated(int fd);
/* The disk is all there is. */
void pages_forget_unsynced(void);

#endif
