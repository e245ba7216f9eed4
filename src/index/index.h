/* Ordered keys derived from the log. A local view that may lose its unflushed tail, or all of
 * itself, and is rebuilt by replay. Engines: RocksDB without WAL, and memory (tests, simulation).
 *
 * Every batch carries the log number it applied; what is on disk is always a prefix of the log. */
#ifndef INDEX_INDEX_H
#define INDEX_INDEX_H

#include "base/buffer.h"
#include "base/status.h"

struct index;
struct index_batch;

/* Opening RocksDB on a full disk harms it, up to the end of the process; so does flushing it. With
 * less room than this for the files of the index, neither is tried. */
enum { INDEX_ROOM_BYTES = 32 << 20 };
bool index_has_room(const char *directory);

/* Open or create. directory NULL: in memory. Without room an empty stand-in in memory is returned,
 * and a warning logged: what is on disk stays as it is, and the caller replays the whole log into
 * the stand-in and opens anew when there is room again. A damaged index is reported TRY_LATER with
 * the reason and the remedy; the caller may index_destroy and open anew. Blocks: offload or
 * start-up only. */
enum status index_open(const char *directory, struct index **out);
/* Flushes. Accepts NULL. Blocks. */
void index_close(struct index **index);
/* In memory only for want of room on disk. */
bool index_is_stand_in(const struct index *index);
/* Remove the whole index from disk (it must be closed). */
enum status index_destroy(const char *directory);

/* Log number of the last applied batch that is visible; 0 when new. */
uint64_t index_applied(const struct index *index);

struct index_batch *index_batch_new(struct index *index);
void index_batch_put(struct index_batch *batch, struct text key, struct text value);
void index_batch_delete(struct index_batch *batch, struct text key);
/* Apply all or nothing, and record `applied`. Empties the batch for reuse. Does not yield.
 * TRY_LATER: the index is unusable from now on; drop and rebuild it. */
enum status index_batch_apply(struct index_batch *batch, uint64_t applied);
void index_batch_free(struct index_batch **batch);

/* Read one value into out (reset first). False when absent. An I/O error sets index_failed. */
bool index_get(struct index *index, struct text key, struct buffer *out);
/* Visit keys that start with prefix and are >= from (from empty: all of the prefix), ascending.
 * visit returning false ends it. A consistent snapshot. */
typedef bool index_visit(void *context, struct text key, struct text value);
void index_scan(struct index *index, struct text prefix, struct text from, index_visit *visit,
                void *context);
/* Before a flush that is to have all that was applied so far. Does not block. TRY_LATER: as of
 * index_batch_apply. */
enum status index_settle(struct index *index);
/* Make what was applied when it was settled survive a crash of the machine (bounds replay). Without
 * room nothing is done, which is no failure: the next replay is longer. The index may be used
 * meanwhile. Blocks: offload. */
enum status index_flush(struct index *index);
/* NULL, or why the index must be rebuilt. */
const char *index_failed(const struct index *index);
/* Call this when it has failed, before the call it failed in returns: one that reads says from then
 * on that nothing is there. Of calls inside a visit, when the scan ends; index_flush, which may be
 * on another thread, does not call it. NULL: nobody. */
typedef void index_failure(void *context);
void index_on_failure(struct index *index, index_failure *failure, void *context);

#endif
