/* Named places where the crash test kills the process: MAILROOT_CRASH_AT=name[:n] ends it by
 * SIGKILL at the n-th pass. One comparison when the variable is not set. */
#ifndef STORE_SYNC_POINT_H
#define STORE_SYNC_POINT_H

/* Names in use: after-append, after-commit, after-apply, before-answer, after-chunk, picked-up; and
 * of a queue that is moved: queue-copying, queue-copied, queue-noted, queue-renamed, queue-removed.
 */
void sync_point(const char *name);

#endif
