/* The n-th call fails, for every n: a scene is played in a process of its own on a copy of what it
 * was prepared with, one call of it fails, the process ends in order or the power is cut, and
 * another process looks at what is left. Then the next n, until a run has no failure; then all
 * that with another errno.
 *
 * Every *_test.c named fault_ is linked with the calls that fail (faults/faults.h). */
#ifndef TESTS_UNIT_FAULT_LOOP_H
#define TESTS_UNIT_FAULT_LOOP_H

#include "base/status.h"
#include "faults/faults.h"
#include "test.h"

struct fault_scene {
    const char *name;
    void (*prepare)(const char *directory); /* no call fails */
    void (*act)(const char *directory);     /* calls fail between fault_begin and fault_end */
    void (*look)(const char *directory);    /* with fault_expect */
    bool memory_too; /* an allocation fails as well: the process may then end */
    bool is_long;    /* most calls are RocksDB's own, alike in all scenes, or the same again and
                        again: some n only, unless MAILROOT_FAULTS=all is in the environment */
};

void fault_loop(const struct fault_scene *scene);

void fault_begin(void);
/* Does not return when the power is cut. */
void fault_end(void);
/* Before a step of a scene, 0 to 31, and what came of it. */
void fault_ask(unsigned step);
void fault_tell(unsigned step, enum status status);
bool fault_was_kept(unsigned step);
/* What happened to a step is what there is of it: `there` of it, of 1. It may be either when the
 * process ended before it answered. */
void fault_as_told(unsigned step, unsigned there);
/* To who looks: a row of the index was damaged before the scene, and what it told is not promised.
 * The index was made anew since: the store is clean, and serves. */
bool fault_is_of_index(void);
/* Ends the process that looks when it does not hold. */
#define fault_expect(condition, sentence) fault_check(condition, sentence, #condition)
void fault_check(bool holds, const char *sentence, const char *condition);

#endif
