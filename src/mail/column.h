/* A text, or some, of each member of a block (mail/postings.h) in one piece, so that it is looked
 * for in all of them at once. */
#ifndef MAIL_COLUMN_H
#define MAIL_COLUMN_H

#include "mail/postings.h"

enum {
    COLUMN_TEXT_MAX = 1024,
    COLUMN_ROWS_MAX = 8 * BLOCK_MEMBERS,
    COLUMN_BYTES_MAX = BLOCK_MEMBERS * COLUMN_TEXT_MAX, /* of all texts */
    COLUMN_ENCODED_MAX = 8 + 4 * COLUMN_ROWS_MAX + COLUMN_BYTES_MAX,
};

struct column {
    struct buffer table, texts;
    unsigned rows, last; /* the last one's member */
    unsigned skipped;    /* who was left out last, one more; 0: nobody */
};
void column_init(struct column *column);
void column_finish(struct column *column);
/* Members ascend; one may have several texts. A long text, and what there is no room for, is left
 * out as by column_skip. */
void column_add(struct column *column, unsigned member, struct text text);
/* Of this member something is not here. */
void column_skip(struct column *column, unsigned member);
void column_encode(const struct column *column, struct buffer *out);

/* Add to `found` who has a text that holds `wanted`, which is not empty, and to `skipped` of whom
 * something is not here. False: the bytes are malformed, and what was added says nothing. */
bool column_find(struct text encoded, struct text wanted, struct members *found,
                 struct members *skipped);
/* Show what is there, ascending by member; text.data NULL: of this member something is not here.
 * False: the bytes are malformed. */
typedef void column_visit(void *context, unsigned member, struct text text);
bool column_each(struct text encoded, column_visit *visit, void *context);

#endif
