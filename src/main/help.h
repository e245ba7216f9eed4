/* `mailroot help`: what the command can do, on one page or by its first words. */
#ifndef MAIN_HELP_H
#define MAIN_HELP_H

#include "base/buffer.h"

/* Of a verb: its name ("queue list"), its arguments, and one line. */
struct help_row {
    const char *name, *usage, *help;
};

/* All verbs, a line each, in the order of their names, which the rows then have too; and what else
 * there is help about. */
void help_overview(struct help_row *rows, unsigned count, struct buffer *out);
/* The verbs that begin with these words, with their arguments. False: there is none. */
bool help_verbs(const struct help_row *rows, unsigned count, struct text words, struct buffer *out);
/* The same for words that were given one by one; and the statements of a block of the configuration
 * that they name, "settings" being those outside of blocks. False: there is neither. */
bool help_about(const struct help_row *rows, unsigned count, char **words, unsigned word_count,
                struct buffer *out);

#endif
