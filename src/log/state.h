/* The inside of struct log: what commit.c, read.c and log.c share. Included only from log/.
 *
 * A batch is one write. It is made by the first append after the batch before it was taken for
 * writing, and starts a task of its own, which waits for the task of the batch before, and until
 * something in it is urgent, writes, syncs and ends; whoever waits for the batch waits for that
 * task's group. So every batch wakes exactly its own waiters, and none of these waits is ended by
 * cancellation. */
#ifndef LOG_STATE_H
#define LOG_STATE_H

#include "base/buffer.h"
#include "log/segment.h"

enum {
    LOG_REASON_BYTES = 256,
    BATCH_BYTES = 1 << 20, /* more are written one after the other, but for a longer record */
    BUFFERS_KEPT = 4,
    CHECKED_MOST = 1024
};

struct batch_bytes {
    char *data;
    size_t capacity;
};

struct batch {
    struct log *log;
    struct batch *before; /* held until our task has waited for it */
    struct list link;     /* in log->batches until it has ended */
    struct task_group task;
    struct batch_bytes bytes;
    uint32_t length;
    uint64_t segment;
    uint32_t offset; /* on a block */
    log_number first;
    uint32_t count;
    unsigned holders; /* waiters, the batch behind, and log->latest */
    bool closed;      /* takes no more records */
    bool is_urgent;   /* a record of it was appended in a hurry */
    int64_t until_ms; /* and if none is, it is written then */
    struct task_event hurried;
    enum status status; /* not OK: it failed, or a batch before it did */
    char reason[LOG_REASON_BYTES];
};

struct log {
    struct segments segments;
    const struct log_files *files;
    int lock_fd;
    unsigned spares_wanted;

    /* Where the next record goes. */
    log_number next_number;
    uint64_t next_segment;
    uint32_t next_offset;

    log_number durable;
    struct list batches;  /* in order; the first is being written */
    struct batch *latest; /* the last one made; may have ended */
    size_t pending_bytes;
    struct batch_bytes kept[BUFFERS_KEPT];
    unsigned kept_count;

    /* Payloads that were found good lately, each in the place its hash gives. Numbers of segments
     * are not used again, so none of these is ever wrong. */
    struct log_place checked[CHECKED_MOST];

    struct task_event changed; /* a reader left */
    struct task_group background;
    bool spares_short; /* the last attempt to make one failed */
    bool closing;

    uint64_t torn_bytes;
    uint32_t sync_us;
    uint64_t syncs, batches_written, appended;
    bool failing;
    char reason[LOG_REASON_BYTES];
};

/* A call made on another thread; the reason of its failure is carried back to the task. */
struct log_job {
    enum status (*call)(void *argument);
    void *argument;
    enum status status;
    char reason[LOG_REASON_BYTES];
};
/* YIELDS. */
enum status log_offload(enum status (*call)(void *argument), void *argument);

/* Until every batch has ended. YIELDS. */
void log_batches_finish(struct log *log);
/* Make missing spares, in the background. Does not yield. */
void log_spares_start(struct log *log);

/* Scans a segment's file through a window. */
struct file_source {
    struct scan_source source;
    const struct log_files *files;
    int fd;
    bool offloaded; /* read on another thread: the caller is a task */
    char *window;
    uint32_t window_offset, window_length, window_capacity;
    int error; /* errno of a read that failed */
};
/* Covers the first `length` bytes of fd. */
void file_source_init(struct file_source *source, const struct log_files *files, int fd,
                      uint32_t length);
void file_source_finish(struct file_source *source);

#endif
