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
    MAILBOX_FIRST_KEYWORD = 5, /* flag bits below are mailbox_flags */
    MAILBOX_KEYWORDS_MAX = 59,
    MAILBOX_KEYWORD_BYTES_MAX = 100,
    MAILBOX_NAMES_MAX = 600, /* bytes of owner and name together */
    VALUE_NAMES_MAX = 600,   /* of owner and a value's name */
    VALUE_BYTES_MAX = 1 << 20,
};

/* Numbers are for ever. 1, 2 and 3 were narrower forms of 11, 12 and 14, and 13 had a list of UIDs
 * where 14 has ranges: still read, as those. */
enum operation_type {
    OPERATION_EXPUNGE = 4,        /* mailbox entries go away */
    OPERATION_ITEM = 5,           /* a queue item of a message is set, or removed */
    OPERATION_STORY = 6,          /* something happened that `trace` shows */
    OPERATION_STORY_EXPIRE = 7,   /* stories of ids below are forgotten */
    OPERATION_COPY = 8,           /* messages that are there get an entry more each */
    OPERATION_MAILBOX_DELETE = 9, /* a mailbox goes away, with what is left in it */
    OPERATION_VALUE = 10,         /* a value of an owner is set, or removed */
    OPERATION_MESSAGE = 11,       /* a message with its mailbox entries and queue items */
    OPERATION_MAILBOX = 12,       /* a mailbox as it stands, with at least these counters */
    OPERATION_FLAGS = 14,         /* flags of mailbox entries change */
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
    bool is_as_given; /* by its owner: shown as it is, without a Return-Path line before it */
    /* Kept in the index alone. */
    uint64_t base_record, base_segment; /* the record that made it */
    uint32_t references;                /* mailbox entries and queue items */
    uint32_t body_offset; /* where in that record's payload its body begins; 0: it is in chunks */
};

struct message_entry {
    uint64_t mailbox;
    uint64_t flags; /* mailbox_flags, and the mailbox's keywords */
    uint64_t modseq;
    int64_t date_ms;
    uint32_t uid;
    uint32_t saved_s; /* when it came into this mailbox, in seconds since 1970; 0: as date_ms */
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
/* All there is to say of a mailbox beside its entries. */
struct operation_mailbox {
    uint64_t mailbox, modseq;
    struct text owner, name;
    uint32_t uid_validity, uid_next;
    unsigned uses;         /* mailbox_use bits */
    struct text *keywords; /* the first is flag bit MAILBOX_FIRST_KEYWORD */
    unsigned keyword_count;
    /* Highest id and UIDVALIDITY that the store had given out by then: neither is given again. */
    uint64_t mailbox_last;
    uint32_t validity_last;
};
struct uid_range {
    uint32_t first, last;
};
/* Of those UIDs among the ranges that are there. */
struct operation_flags {
    uint64_t mailbox, modseq;
    uint64_t add, remove;
    const struct uid_range *ranges; /* ascending, and apart */
    unsigned range_count;
};
struct copied_entry {
    uint64_t message, flags;
    int64_t date_ms;
    uint32_t uid, saved_s;
};
struct operation_copy {
    uint64_t mailbox, modseq; /* it goes into */
    struct copied_entry *entries;
    unsigned entry_count;
};
/* Small things kept for an owner: a subscription, a script. */
struct operation_value {
    struct text owner, name;
    struct text value; /* "": removed */
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
        struct operation_value value;
        uint64_t mailbox_delete; /* its id */
        struct operation_item item;
        struct operation_story story;
        uint64_t expire_below;
    };
};

/* A change being composed. body is borrowed. */
struct change {
    struct buffer operations;
    struct text body;
    bool is_patient; /* it may be synced a little later, with others: log_append_patient */
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
