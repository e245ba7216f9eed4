/* The tokens of a script (RFC 5228 8.1). Included only from sieve/. */
#ifndef SIEVE_LEXER_H
#define SIEVE_LEXER_H

#include "base/arena.h"

enum sieve_token_kind {
    TOKEN_END,
    TOKEN_WORD,   /* text: the identifier */
    TOKEN_TAG,    /* text: with its colon */
    TOKEN_NUMBER, /* number */
    TOKEN_STRING, /* text: unquoted, line ends CRLF */
    TOKEN_MARK,   /* mark: one of {}()[],; */
    TOKEN_BAD,    /* text: what is wrong */
};

struct sieve_token {
    enum sieve_token_kind kind;
    unsigned line, column; /* where it begins, from 1 */
    char mark;
    uint64_t number;
    struct text text;
};

struct sieve_lexer {
    struct text source;
    size_t position;
    unsigned line;
    size_t line_start;
    struct arena *arena;
};

void sieve_lexer_init(struct sieve_lexer *lexer, struct text source, struct arena *arena);
/* After TOKEN_BAD nothing more is to be read. */
void sieve_lexer_next(struct sieve_lexer *lexer, struct sieve_token *out);

/* Put the characters in that "${hex: 40}" and "${unicode: 40}" mean (RFC 5228 2.4.2.4). False: one
 * is no Unicode character, or the string is not UTF-8 afterwards. */
bool sieve_characters_decode(struct text string, struct arena *arena, struct text *out);

#endif
