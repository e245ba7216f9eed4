/* What the index knows of many messages at once. The messages of a mailbox that were looked through
 * lie in blocks (store/block.h) of up to BLOCK_MEMBERS; of each block there are lists of who has
 * which grams (mail/postings.h), and the fields that are searched most (mail/column.h). Blocks are
 * made by imap_blocks.h. A message that lies in none is asked for by itself (imap_index.h). */
#ifndef PROTO_IMAP_SEARCH_IMAP_WORDS_H
#define PROTO_IMAP_SEARCH_IMAP_WORDS_H

#include "mail/postings.h"
#include "proto/imap/message/imap_message.h"
#include "proto/imap/search/imap_search.h"

/* Of one search, while it is run, ascending by UID; for one who guesses this charset. */
struct imap_words;
struct imap_words *imap_words_new(struct store *store, uint64_t mailbox, uint8_t charset);
/* Accepts NULL. */
void imap_words_free(struct imap_words **words);

enum imap_words_answer {
    WORDS_UNKNOWN, /* read it */
    WORDS_NO,
    WORDS_YES,
};
/* Does the message have the key's text where the key looks for it? Does not YIELD. */
enum imap_words_answer imap_words_ask(struct imap_words *words, struct imap_message *message,
                                      const struct imap_search_key *key);

/* The parts of a block. All but the head begin with a checksum over the head and what they say. */
enum { WORDS_HEAD = 0, WORDS_COLUMNS = 1, WORDS_POSTINGS = 16, WORDS_STAMP_BYTES = 8 };
/* The fields that have a column, in the order of these; NULL behind the last one. */
extern const char *const imap_words_fields[];

/* A head: who is in the block, ascending by UID. */
struct imap_words_head {
    unsigned count;
    uint32_t uids[BLOCK_MEMBERS];
    struct members unread;  /* nothing is known of these here */
    struct members guessed; /* of these some text was read as this charset, for want of another */
    uint8_t charset;
};
void imap_words_head_encode(const struct imap_words_head *head, struct buffer *out);
/* False: the bytes are malformed, or of another version. */
bool imap_words_head_decode(struct text bytes, struct imap_words_head *out);
/* To one who guesses this charset, what others guessed is unread. */
void imap_words_head_read(struct imap_words_head *head, uint8_t charset);
uint64_t imap_words_stamp(struct text head);
/* Append a part of the block whose head has this stamp. */
void imap_words_part_encode(struct text bytes, uint64_t stamp, struct buffer *out);
/* Cut a part down to what it says; false: it is damaged, or of another block. */
bool imap_words_part_decode(struct text *part, uint64_t stamp);

#endif
