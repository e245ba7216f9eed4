/* What looking into something found: steps in their order, each good, doubtful or wrong, in words,
 * and what to do about it. Probes, diagnoses and audits give these. */
#ifndef DECIDE_FINDING_H
#define DECIDE_FINDING_H

#include "base/arena.h"
#include "base/buffer.h"

enum finding_level { FINDING_OK, FINDING_WARNING, FINDING_FAULT, FINDING_LEVELS };

struct finding {
    enum finding_level level;
    struct text step;   /* "mx", "connect": one word */
    struct text words;  /* may be a stranger's: not to be printed as they are */
    struct text remedy; /* "" when there is nothing to do */
};

enum { FINDINGS_MAX = 400, FINDING_WORDS_MAX = 1000 };
struct findings {
    struct arena *arena; /* has the texts */
    struct finding *list;
    unsigned count;
};

void findings_init(struct findings *findings, struct arena *arena);
/* step and remedy are literals or in the arena. Beyond FINDINGS_MAX nothing more is noted, and
 * words end at FINDING_WORDS_MAX. */
void findings_add(struct findings *findings, enum finding_level level, const char *step,
                  struct text remedy, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* All of another list, whose texts stay where they are. */
void findings_append(struct findings *findings, const struct findings *others);
/* The first of this level at least, or NULL: what to begin with. */
const struct finding *findings_first(const struct findings *findings, enum finding_level level);

/* "ok", "warn", "FAIL". */
const char *finding_level_name(enum finding_level level);

/* As bytes between roles. Decoding borrows from the bytes; false when they are malformed. */
void findings_encode(const struct findings *findings, struct buffer *out);
bool findings_decode(struct text bytes, struct findings *out);

#endif
