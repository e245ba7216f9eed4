/* How well a text answers to words that are looked for, when letters may be wrong and the order of
 * words another. Both are folded (mail/fold.h). A word is letters and digits; what is not ASCII
 * counts as letters. It is met, better or worse, by the same word, one that begins with it, one
 * that holds it, and one that differs in a letter, or in two where it is long. */
#ifndef MAIL_FUZZY_H
#define MAIL_FUZZY_H

#include "base/buffer.h"

enum { FUZZY_WORDS_MAX = 16, FUZZY_WORD_BYTES = 64, FUZZY_BEST = 100 };

struct fuzzy {
    /* private */
    struct text wanted, words[FUZZY_WORDS_MAX];
    unsigned count;
    unsigned best[FUZZY_WORDS_MAX]; /* how well each word was met so far */
    bool has_all;                   /* the wanted text stood there as it is */
    struct buffer line;             /* the end of what was fed: a word or the text may go on */
};

/* wanted is borrowed. Of more words the first count. */
void fuzzy_init(struct fuzzy *fuzzy, struct text wanted);
void fuzzy_finish(struct fuzzy *fuzzy);
/* Text that goes on where the last one ended. */
void fuzzy_feed(struct fuzzy *fuzzy, struct text text);
/* What comes next stands elsewhere, or nothing comes. */
void fuzzy_break(struct fuzzy *fuzzy);
/* 1 to FUZZY_BEST; 0: it is no answer. After a break. */
unsigned fuzzy_score(const struct fuzzy *fuzzy);

#endif
