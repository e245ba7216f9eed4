/* A message as a session shows it (imap_showing.h), and what is known of it beyond its entry: its
 * header's common fields, its tree of parts, its size, its bytes; each looked up when it is first
 * asked for. What had to be made from the bytes is kept beside the message (store/derived.h,
 * store/reduced.h), so a listing opens no body twice. */
#ifndef PROTO_IMAP_MESSAGE_IMAP_MESSAGE_H
#define PROTO_IMAP_MESSAGE_IMAP_MESSAGE_H

#include "mail/mime.h"
#include "proto/imap/imap_showing.h"

/* What listings ask for. */
struct imap_header {
    uint64_t body_start;  /* behind the blank line */
    struct text envelope; /* as the answer has it */
    struct text fields;   /* the common ones, as they stand, in their order */
    bool is_cut;          /* not all of them */
};
/* Of longer headers the rest is not looked at. */
enum { IMAP_HEADER_MAX = 1 << 20, IMAP_RANGE_BYTES = 64 << 10 };

struct imap_message {
    struct store *store;
    struct mailbox_entry entry; /* a copy: the mailbox may change meanwhile */
    struct arena arena;
    uint8_t charset;             /* its reader's guess (mail/charset.h): set by who has one */
    struct imap_showing showing; /* as the session has it */
    /* It is searched: whatever of it is shown, what is kept is looked through, as in the index, so
     * that with and without it the same is found, by either kind of a text. */
    bool is_searched;
    unsigned score_sum, scores; /* by fuzzy search keys that it fits */
    struct derived_run *run;    /* it is one of many; NULL: it is not */
    struct imap_words *words;   /* the same while it is searched */
    /* private */
    bool is_found; /* what is shown of it: */
    struct reduced reduced;
    uint64_t size; /* of that */
    struct shown *shown;
    struct imap_header *header;
    struct mime_tree *tree;
};

/* As it is kept. */
void imap_message_init(struct imap_message *message, struct store *store,
                       const struct mailbox_entry *entry);
void imap_message_finish(struct imap_message *message);

/* What these give lives as long as the message. REFUSED: the message is gone; TRY_LATER: it can't
 * be read. YIELD. */
enum status imap_message_header(struct imap_message *message, const struct imap_header **out);
enum status imap_message_tree(struct imap_message *message, const struct mime_tree **out);
/* The number of its bytes, and what it is told to be: RFC822.SIZE. */
enum status imap_message_size(struct imap_message *message, uint64_t *size);
enum status imap_message_told_size(struct imap_message *message, uint64_t *size);
/* Append bytes [offset, offset + length), cut at the end. */
enum status imap_message_read(struct imap_message *message, uint64_t offset, uint32_t length,
                              struct buffer *out);
/* What is kept of it, as derived_get and derived_put. Of one that is searched, getting does not
 * YIELD. */
bool imap_message_kept(struct imap_message *message, enum derived_kind kind, struct buffer *out);
void imap_message_keep(struct imap_message *message, enum derived_kind kind, struct text bytes);

/* A field of this name is among the common ones. */
bool imap_header_has(struct text name);
/* Of a tree made by imap_message_tree: the envelope of the message that a part holds. */
struct text imap_part_envelope(const struct mime_part *part);

/* The tree as bytes and back; for imap_message.c and its tests. Decoding trusts nothing. */
void imap_tree_encode(const struct mime_tree *tree, struct buffer *out);
bool imap_tree_decode(struct text bytes, uint64_t size, struct arena *arena, struct mime_tree *out);

#endif
