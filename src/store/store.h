/* The store: log, index and mailboxes of one shard, and the one way to change them.
 *
 * A change is composed (change.h), committed to the log, and only then applied: to the index in
 * one batch, to the mailboxes in memory, and to the queue through a hook. Replay after a crash runs
 * the same apply function over the same records, so the index can be lost and made anew. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "index/index.h"
#include "store/change.h"

struct store;

/* The first two are told after a change was applied to the index. None may YIELD. value "": the
 * item is gone. */
struct store_hooks {
    void *context;
    void (*item)(void *context, uint64_t id, uint32_t number, struct text value);
    /* A value of an owner was set or removed. */
    void (*value)(void *context, struct text owner, struct text name);
    /* What is removed from this owner's mailboxes is to be kept for a while (kept.h). */
    bool (*keeps)(void *context, struct text owner);
};

struct store_options {
    const char *directory;         /* made when missing; log/ and index/ live in it */
    bool index_in_memory;          /* tests */
    uint32_t segment_bytes;        /* 0: the log's own size */
    struct task_group *group;      /* tasks of log and store; outlives the store */
    const struct log_files *files; /* NULL: the kernel's; tests put a failing disk beneath */
};

/* Open log and index, replay what the index lacks. A damaged index is made anew. TRY_LATER when
 * another process has the store, or the medium fails. YIELDS. */
enum status store_open(const struct store_options *options, struct store **out);
/* Accepts NULL. YIELDS. */
void store_close(struct store **store);
void store_set_hooks(struct store *store, struct store_hooks hooks);
struct index *store_index(struct store *store);
struct log *store_log(struct store *store);

/* Make the change durable and apply it. It is empty afterwards. TRY_LATER: nothing happened. The
 * record is appended before the first yield, so what was looked up just before still holds.
 * YIELDS. */
enum status store_commit(struct store *store, struct change *change);
/* A change that is appended and not yet applied tells of this message. */
bool store_is_pending(struct store *store, uint64_t id);
/* Until everything appended so far is applied or has failed. YIELDS. */
void store_settle(struct store *store);

/* Note an event under an id; durable soon, with others. Dropped (and counted) above a rate or size.
 * Does not yield. */
void store_story(struct store *store, uint64_t id, struct text event, struct text text);
/* Until there are stories to be written. TRY_LATER when cancelled. YIELDS. */
enum status store_story_await(struct store *store);
/* Write the stories noted so far. YIELDS. */
void store_story_flush(struct store *store);
/* The events told of an id, oldest first. */
typedef void store_story_visit(void *context, int64_t wall_ms, struct text event, struct text text);
bool store_stories(struct store *store, uint64_t id, store_story_visit *visit, void *context);
/* Ids of messages with this Message-ID, at most `most`. */
unsigned store_find_message_id(struct store *store, struct text message_id, uint64_t *ids,
                               unsigned most);
uint64_t store_message_id_hash(struct text message_id);
/* The newest ids, at most `most`, oldest first, of which an event told since then names the address
 * ("@domain": any of it). Reads all that was told since, some at a time. YIELDS. */
unsigned store_find_address(struct store *store, struct text address, int64_t since_wall_ms,
                            uint64_t *ids, unsigned most);
/* Forget stories of ids made before. YIELDS. */
enum status store_expire_stories(struct store *store, int64_t before_wall_ms);

/* Look a message up, into arena. False when there is none. */
bool store_message(struct store *store, uint64_t id, struct arena *arena, struct message *out);
/* Append body bytes [offset, offset + length), cut at the end. A part of a large body is read
 * without a copy when out has room for STORE_READ_SLACK bytes more. YIELDS. */
enum { STORE_READ_SLACK = 128 };
enum status store_read(struct store *store, uint64_t id, uint64_t offset, uint32_t length,
                       struct buffer *out);
/* As store_read, from where these facts say that the body stands. REFUSED: no longer. YIELDS. */
enum status store_read_message(struct store *store, const struct message *message, uint64_t offset,
                               uint32_t length, struct buffer *out);
/* As store_read of a message that was just looked up. YIELDS. */
enum status store_read_known(struct store *store, const struct message *known, uint64_t offset,
                             uint32_t length, struct buffer *out);

/* A body being written that is too large for one record. It stays readable to the reclaimer as in
 * use until finished. */
struct upload;
struct upload *upload_new(struct store *store, uint64_t id);
/* Add bytes; not waited for one by one, but with back-pressure. TRY_LATER: the upload has failed.
 * YIELDS. */
enum status upload_append(struct upload *upload, struct text bytes);
uint64_t upload_size(const struct upload *upload);
/* Where the parts stand, lent; NULL when one has failed. They need not be durable: a record that is
 * appended before anything yields stands behind them, and is durable only if they are. Does not
 * yield. */
struct log_place *upload_extents(struct upload *upload, unsigned *count);
/* The same once all is durable, and can be read. YIELDS. */
struct log_place *upload_finish(struct upload *upload, unsigned *count);
/* After the commit that refers to it, or to abandon it. Accepts NULL. */
void upload_free(struct upload **upload);

/* Space. live counts bytes of messages that are still needed. */
struct store_space {
    uint64_t live_bytes, log_bytes, segments;
    uint64_t stories_dropped;
};
struct store_space store_space_now(struct store *store);
/* Give back the oldest segment: at once when nothing in it is needed; by writing what is needed
 * forward when more than half of the log is dead, or `urgent`. OK: one was dropped; REFUSED: there
 * is nothing to gain. YIELDS. */
enum status store_reclaim(struct store *store, bool urgent);
/* Bound the replay of the next start. YIELDS. */
void store_flush(struct store *store);

/* Check the log's checksums, replay it into an index in memory and compare every key. report gets
 * one line per finding. REFUSED when there were any. YIELDS. */
enum status store_verify(struct store *store, void (*report)(void *context, const char *line),
                         void *context);
/* Remove the index of a store nobody has open; the next open makes it anew. */
enum status store_forget_index(const char *directory);

#endif
