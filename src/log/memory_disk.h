/* A disk in memory that behaves as badly as real ones may, for tests and the simulation: calls
 * fail on demand, a failed write leaves a part behind, a failed sync leaves any of the sectors
 * behind and forgets that the others were dirty, and a crash keeps of what was not synced whatever
 * chance decides, sector by sector. Repeatable under random_seed_for_test. */
#ifndef LOG_MEMORY_DISK_H
#define LOG_MEMORY_DISK_H

#include "base/buffer.h"
#include "log/file.h"

struct memory_disk;

struct memory_disk *memory_disk_new(void);
void memory_disk_free(struct memory_disk **disk);
/* Borrowed; lives as long as the disk. */
const struct log_files *memory_disk_files(struct memory_disk *disk);

/* From now on: the n-th call (1 is the next) fails with this errno; with `for_ever` all behind it
 * too. 0: none. */
void memory_disk_fail(struct memory_disk *disk, uint64_t nth, int error, bool for_ever);
/* Calls since memory_disk_fail. */
uint64_t memory_disk_calls(const struct memory_disk *disk);
/* Files can hold this many bytes together; SIZE_MAX at first. */
void memory_disk_set_capacity(struct memory_disk *disk, size_t bytes);
/* Power fails and comes back: locks and descriptors are gone, and what was not synced is kept or
 * not. Nothing may be in progress. */
void memory_disk_crash(struct memory_disk *disk);
/* A process ends and the kernel goes on: all that was written becomes durable. Nothing may be in
 * progress. */
void memory_disk_settle(struct memory_disk *disk);
/* The process that had files open is killed and the kernel goes on: its descriptors and locks are
 * gone. What it wrote is read as before, durable or not. */
void memory_disk_abandon(struct memory_disk *disk);
/* What is durable, as bytes, and a disk made of them: one that outlives its process. NULL: they are
 * none. */
void memory_disk_save(const struct memory_disk *disk, struct buffer *out);
struct memory_disk *memory_disk_restore(struct text image);
/* A bit of this byte of a file is another one, on the medium too. */
void memory_disk_rot(struct memory_disk *disk, const char *path, size_t offset);
/* The bytes of a file as they stand; NULL when there is none. For tests that scramble them. */
char *memory_disk_bytes(struct memory_disk *disk, const char *path, size_t *length);

#endif
