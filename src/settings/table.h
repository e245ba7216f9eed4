/* What there is to set: kinds of blocks, rows (one per setting) and types of values. Everything
 * else about settings (parser, check, show, manual) walks these tables. */
#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include "base/buffer.h"

enum setting_kind_id {
    KIND_TOP,
    KIND_DOMAIN,
    KIND_SERVER,
    KIND_CONNECTOR,
    KIND_POLICY,
    KIND_GROUP,
    KIND_RECIPIENTS,
    KIND_RETRY,
    KIND_FILTER,
    KIND_BLOCK_LIST,
    KIND_COUNT
};

/* The rows of a kind, the clauses of a statement behind it. */
struct setting_rows {
    const struct setting_row *first;
    unsigned count;
};

struct setting_kind {
    const struct setting_rows *rows;
    const char *word;    /* what opens the block; "" for the statements outside blocks */
    const char *names;   /* how its names are written in the manual; "" when it has none */
    unsigned names_most; /* names in one opening line */
    unsigned most;       /* objects of this kind */
    size_t size;         /* of the struct */
    /* Where the struct has its name and place, and `struct settings` its array and count. */
    size_t name_offset, place_offset, array_offset, count_offset;
    bool needs_braces;
    const char *help;
};

struct setting_row;
struct setting_reader;

struct setting_type {
    const char *syntax; /* in the manual */
    size_t size;        /* of a value; of one element of a list */
    bool list;
    bool repeats;            /* may be set by several statements, though it is no list to us */
    bool alone;              /* the statement may stand without a value */
    const char *before_last; /* a word that may stand before the last element of a list */
    /* Read one value off the words. False when it is none, and then the error is reported. */
    bool (*parse)(struct setting_reader *in, void *value);
    /* The opposite. Writing nothing means that the value is empty. */
    void (*write)(const struct setting_row *row, const void *value, struct buffer *out);
    /* For numbers, whose rows have bounds: the writing of one. */
    void (*write_bound)(uint64_t bound, struct buffer *out);
};

struct setting_row {
    enum setting_kind_id kind;
    /* The statement's word, or that and the word of a clause: "to cost" is the cost of
     * `to * cost 10`. A clause without a row for the statement itself stands alone: `limit idle`.
     */
    const char *name;
    const struct setting_type *type;
    const char *standard;  /* the default, as it would be written; NULL: there is none */
    const char *otherwise; /* then: what holds instead, for the manual */
    uint64_t low, high;    /* of the value; for a list: how many elements */
    const char *const *choices;
    size_t offset, count_offset; /* in the kind's struct; the second for lists */
    size_t width;                /* of a choice */
    const char *same_as;         /* another way to write this row of the kind */
    const char *help;
};

extern const struct setting_kind setting_kinds[KIND_COUNT];

/* The rows of a kind: the first, and how many. */
const struct setting_row *setting_kind_rows(enum setting_kind_id kind, unsigned *count);
/* The row `statement` or, with a clause, `statement clause`; NULL when there is none. */
const struct setting_row *setting_row_find(enum setting_kind_id kind, struct text statement,
                                           struct text clause);
/* The row that keeps the value: the row itself unless it is another way to write one. */
const struct setting_row *setting_row_kept(const struct setting_row *row);
/* The statement's word, and the clause's ("" when the row is the statement). */
struct text setting_row_statement(const struct setting_row *row);
struct text setting_row_clause(const struct setting_row *row);
/* How a value is written: as its type is, or one of the choices. */
void setting_row_put_syntax(const struct setting_row *row, struct buffer *out);
/* Some row of the kind is of this statement. */
bool setting_statement_exists(enum setting_kind_id kind, struct text statement);
/* It is none yet. */
bool setting_is_later(enum setting_kind_id kind, struct text statement);

#endif
