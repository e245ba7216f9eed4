/* The grammar of the settings file below its meaning: a line is words, `#` begins a comment,
 * "..." keeps spaces (with \" and \\ inside), a last `{` opens a block, `}` alone closes it. */
#ifndef SETTINGS_GRAMMAR_H
#define SETTINGS_GRAMMAR_H

#include "base/arena.h"
#include "base/buffer.h"

enum { SETTING_LINE_MAX = 64 * 1024 };

struct setting_word {
    struct text text;
    uint32_t column; /* of its first byte as written, from 1 */
    uint32_t length; /* as written, with quotes */
    bool quoted;     /* never a keyword or a brace */
};

struct setting_words {
    struct setting_word *words;
    unsigned count;
};

/* What is wrong with a line, where. */
struct setting_flaw {
    const char *reason;
    uint32_t column, length;
};

/* Take the next line off *rest, without its end. False when there is none. */
bool setting_line_next(struct text *rest, struct text *line);
/* Split a line. The words borrow from it, or from the arena when they had escapes. False: `flaw`
 * says why. */
bool setting_line_split(struct text line, struct arena *arena, struct setting_words *out,
                        struct setting_flaw *flaw);
bool setting_word_is(const struct setting_word *word, const char *keyword);
/* Write a value so that it reads back as one word that is no keyword when `quote` is set. */
void setting_word_write(struct text value, bool quote, struct buffer *out);

/* How many insertions, deletions, replacements and swaps of neighbours lead from a to b; at most
 * 32 bytes are compared, anything longer is far. */
unsigned setting_word_distance(struct text a, struct text b);

#endif
