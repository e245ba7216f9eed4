/* What was applied to an index and not written to its files' engine yet: the newest puts and
 * deletes, which stand before what that has. Whoever holds it writes it there, in order and
 * together with the position, before it grows large.
 *
 * Most keys of a message that is relayed live for a moment: they come and go here. For that it
 * knows the last key that the engine has of each first byte: above it there is none, so nothing
 * need be looked up, and nothing is left to delete there. That holds whatever keys mean: those of
 * new messages are the highest, because ids rise with time; when a clock was set back they are
 * not, and then the engine is asked.
 *
 * Included only from index/. Not for two threads at once. */
#ifndef INDEX_GATHERED_H
#define INDEX_GATHERED_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "index/sorted.h"

enum { GATHERED_FIRST_BYTES = 256 };

struct gathered {
    struct sorted keys;
    uint64_t last[GATHERED_FIRST_BYTES]; /* sorted_beginning of the engine's last key of each */
    size_t drawn;                        /* of the memory account */
    struct list walks;
};

void gathered_init(struct gathered *gathered);
void gathered_finish(struct gathered *gathered);
/* The engine has this key. Of each first byte it has to be told of the last one, at the beginning.
 */
void gathered_note_written(struct gathered *gathered, struct text key);

/* Does not fail. changes: of a batch (engine.h). */
void gathered_apply(struct gathered *gathered, struct text changes);
size_t gathered_bytes(const struct gathered *gathered);

enum gathered_answer {
    GATHERED_HERE,    /* appended to out, unless that is too small */
    GATHERED_NOWHERE, /* deleted, or never put */
    GATHERED_UNKNOWN, /* the engine has it or not */
};
enum gathered_answer gathered_get(const struct gathered *gathered, struct text key,
                                  struct buffer *out);

/* One that is gone hides the engine's. */
struct gathered_key {
    struct gathered_key *next;
    struct text key, value;
    bool is_gone;
};
/* A walk over the keys with a prefix as they are when it begins, ascending. */
struct gathered_walk {
    struct list link;
    struct arena arena;
    struct text prefix;
    const struct sorted_key *at;  /* the next, while nothing has changed since */
    struct gathered_key *copied;  /* else the rest of them */
    struct gathered_key *current; /* NULL: at the end */
};
void gathered_walk_begin(struct gathered *gathered, struct text prefix, struct text from,
                         struct gathered_walk *walk);
/* To the next. The one before stays as it is until the walk ends. */
void gathered_walk_step(struct gathered_walk *walk);
void gathered_walk_end(struct gathered_walk *walk);

/* All of them, ascending, to the engine; it has them from then on. */
typedef void gathered_write_one(void *context, struct text key, struct text value, bool is_gone);
void gathered_write(struct gathered *gathered, gathered_write_one *write, void *context);

#endif
