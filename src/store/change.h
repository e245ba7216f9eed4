/* What a log record of the store says. A record is one change: operations that happen together or
 * not at all, and at most one message body behind them. Reading is written for hostile bytes: a
 * record may come from a damaged or forged medium. */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/wire.h"
#include "log/log.h"
#include "mail/terms.h"

/* Types of log records. */
enum record_type {
    RECORD_CHANGE = 1, /* version, length of operations, operations, body */
    RECORD_CHUNK = 2,  /* version, message id, part of a large body */
};

enum {
    CHANGE_VERSION = 1,
    CHANGE_OPERATIONS_MAX = 3 << 20,
    CHANGE_BODY_INLINE_MAX = 768 << 10, /* larger bodies are written as chunks before */
    CHUNK_HEAD_BYTES = 9,
    MESSAGE_EXTENTS_MAX = 60000,
};

enum operation_type {
    OPERATION_MESSAGE = 1,      /* a message with its mailbox entries and queue items */
    OPERATION_MAILBOX = 2,      /* a mailbox exists, with at least these counters */
    OPERATION_FLAGS = 3,        /* flags of one mailbox entry change */
    OPERATION_EXPUNGE = 4,      /* mailbox entries go away */
    OPERATION_ITEM = 5,         /* a queue item of a message is set, or removed */
    OPERATION_STORY = 6,        /* something happened that `trace` shows */
    OPERATION_STORY_EXPIRE = 7, /* stories of ids below are forgotten */
    OPERATION_COPY = 8,         /* messages that are there get an entry more each */
};

/* A message as kept, but for who refers to it. */
struct message {
    uint64_t id, session;
    int64_t received_ms; /* wall */
    uint64_t size;       /* of the body as it came */
    struct mail_terms terms;
    struct text sender, message_id, subject;
    struct log_place *extents; /* in the order of the bytes */
    unsigned extent_count;
    /* Kept in the index alone. */
    uint64_t base_record, base_segment; /* the record that made it */
    uint32_t references;                /* mailbox entries and queue items */
};

struct message_entry {
    uint64_t mailbox;
    uint32_t uid, flags;
    uint64_t modseq;
    int64_t date_ms;
};
struct message_item {
    uint32_t number;
    struct text value; /* never empty */
};

struct operation_message {
    struct message message;
    bool body_follows; /* the change's body is this message's; else extents are given */
    struct message_entry *entries;
    unsigned entry_count;
    struct message_item *items;
    unsigned item_count;
};
struct operation_mailbox {
    uint64_t mailbox, modseq;
    struct text owner, name;
    uint32_t uid_validity, uid_next;
};
struct operation_flags {
    uint64_t mailbox, modseq;
    uint32_t uid, add, remove;
};
struct copied_entry {
    uint64_t message, flags;
    int64_t date_ms;
    uint32_t uid;
    uint32_t saved_s; /* when it came into this mailbox, in seconds since 1970; 0: as date_ms */
};
struct operation_copy {
    uint64_t mailbox, modseq; /* it goes into */
    struct copied_entry *entries;
    unsigned entry_count;
};
struct operation_expunge {
    uint64_t mailbox, modseq;
    const uint32_t *uids;
    unsigned uid_count;
};
struct operation_item {
    uint64_t id;
    uint32_t number;
    struct text value; /* "": removed */
};
struct operation_story {
    uint64_t id;
    int64_t wall_ms;
    uint64_t message_id_hash; /* 0: none */
    struct text event, text;
};

struct operation {
    enum operation_type type;
    union {
        struct operation_message message;
        struct operation_mailbox mailbox;
        struct operation_flags flags;
        struct operation_expunge expunge;
        struct operation_copy copy;
        struct operation_item item;
        struct operation_story story;
        uint64_t expire_below;
    };
};

/* A change being composed. body is borrowed. */
struct change {
    struct buffer operations;
    struct text body;
};
void change_init(struct change *change);
void change_finish(struct change *change);
void change_add(struct change *change, const struct operation *operation);
/* The same with text made by printf. */
void change_story(struct change *change, uint64_t id, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Take a record apart. False when it is malformed. */
struct change_reading {
    struct text operations;
    uint32_t body_offset, body_length; /* within the payload */
};
bool change_read(struct text payload, struct change_reading *out);
/* Take the next operation off *rest into arena. False at the end; *bad tells a malformed one. */
bool change_next(struct text *rest, struct arena *arena, struct operation *out, bool *bad);
/* The head of a record holding a part of a body. */
void chunk_head(uint64_t id, char out[CHUNK_HEAD_BYTES]);
bool chunk_read(struct text payload, uint64_t *id);

/* A message as the index keeps it. */
void message_encode(const struct message *message, struct buffer *out);
bool message_decode(struct text value, struct arena *arena, struct message *out);

#endif
