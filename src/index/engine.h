/* What an engine of the index provides. Included only from index/. */
#ifndef INDEX_ENGINE_H
#define INDEX_ENGINE_H

#include "index/index.h"

/* Holds the applied position, 8 bytes big-endian. Callers' keys never begin with its first byte. */
#define INDEX_APPLIED_KEY TEXT("!applied")

enum { INDEX_VALUE_MAX = 64 << 20, INDEX_REASON_BYTES = 256 };

/* The calls of index.h, without what is common to all engines: batches, keys checked, position
 * kept. */
struct index_engine {
    void (*close)(struct index *index);
    bool (*get)(struct index *index, struct text key, struct buffer *out);
    void (*scan)(struct index *index, struct text prefix, struct text from, index_visit *visit,
                 void *context);
    enum status (*settle)(struct index *index);
    enum status (*flush)(struct index *index);
    /* index->applied says the position already. */
    enum status (*apply)(struct index *index, struct text changes);
};

/* The common beginning of an engine's own structs. */
struct index {
    const struct index_engine *engine;
    uint64_t applied;
    bool failed, stand_in;
    unsigned scans; /* in progress, one in the other */
    index_failure *failure;
    void *failure_context;
    char reason[INDEX_REASON_BYTES];
};
struct index_batch {
    struct index *index;
    struct buffer changes;
};

/* Lent until the next. */
struct text index_batch_changes(const struct index_batch *batch);
/* The changes of a batch, in the order they were made in. False: no more. */
struct index_change {
    struct text key, value;
    bool is_delete;
};
bool index_change_next(struct text *changes, struct index_change *out);

/* Note why the index is of no use any more; the first reason stays. Returns TRY_LATER with it. */
enum status index_fail(struct index *index, const char *what, const char *why);

enum status rocks_open(const char *directory, struct index **out);
enum status rocks_destroy(const char *directory);
struct index *memory_open(void);

#endif
