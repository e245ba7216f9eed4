/* Which members of a block have which grams (mail/grams.h). A block is some texts that are looked
 * for together; of each gram there is a list of the members that have it. The lists of a block come
 * in parts, so that a search reads few of them. */
#ifndef MAIL_POSTINGS_H
#define MAIL_POSTINGS_H

#include "base/buffer.h"
#include "mail/grams.h"

enum {
    BLOCK_MEMBERS = 1024,
    POSTING_PARTS = 256,
    POSTING_PART_MAX = 1 + GRAM_NUMBERS / POSTING_PARTS * (2 + BLOCK_MEMBERS / 8), /* bytes */
};

/* Some of a block's members. */
struct members {
    uint64_t words[BLOCK_MEMBERS / 64];
};

void members_add(struct members *members, unsigned member);
bool members_have(const struct members *members, unsigned member);
unsigned members_count(const struct members *members);
/* Those of `more` too. */
void members_join(struct members *members, const struct members *more);

/* All lists while they are made: 8 MiB. */
struct postings;
struct postings *postings_new(void);
/* Accepts NULL. */
void postings_free(struct postings **postings);
void postings_add(struct postings *postings, unsigned member, uint16_t gram);
/* Append one part. */
void postings_encode(const struct postings *postings, unsigned part, struct buffer *out);

/* The part that a gram's list is in. */
unsigned postings_part(uint16_t gram);
/* Take those out who do not have the gram. False: the bytes are malformed, and nobody is. */
bool postings_keep(struct text encoded, uint16_t gram, struct members *members);
/* Show what a part holds, ascending. False: the bytes are malformed. */
typedef void postings_visit(void *context, uint16_t gram, unsigned member);
bool postings_each(struct text encoded, unsigned part, postings_visit *visit, void *context);

#endif
