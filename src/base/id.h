/* Ids of sessions, messages and refusals: 64 bits, ordered by time, unique in an installation,
 * printed as 13 characters of Crockford's base 32. One name space, so `mailroot trace` takes any.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/text.h"

enum { ID_TEXT_BYTES = 14 };

/* Processes that make ids at the same time need origins that differ; their ids then never meet.
 * Until it is set it is the last one, which the command line has. */
enum { ID_ORIGINS = 1024 };
void id_set_origin(unsigned origin);
/* 42 bits of wall-clock milliseconds since 2020, 10 of origin, 12 that begin at random and count
 * within a millisecond (running over into the next origin's only beyond 2048). Never 0. `after` is
 * an id made before (0: none). Ids of one process rise strictly, even when the clock is set back.
 * Not for threads of the offload pool. */
uint64_t id_new(uint64_t after);
/* The instant in an id, in wall-clock milliseconds since 1970. */
int64_t id_time_ms(uint64_t id);
/* No id made since that instant is below this one. */
uint64_t id_first(int64_t wall_ms);
/* Returns out. */
const char *id_format(uint64_t id, char out[ID_TEXT_BYTES]);
/* Case-insensitive; I, L read as 1 and O as 0. False when it is no id. */
bool id_parse(struct text text, uint64_t *id);

#endif
