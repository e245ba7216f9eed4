/* The messages of the simulation: each has its number in its header, and a body by which it can be
 * seen whether all of it is there. */
#ifndef TESTS_SIM_MESSAGE_H
#define TESTS_SIM_MESSAGE_H

#include "base/buffer.h"
#include "weather.h"

enum { MESSAGE_MOST = 1600 << 10 };

/* A body of random length; once in a while, as the weather has it, one that goes from role to role
 * in parts (more than 64 KiB), or is several records in the log too (more than 768 KiB). No line
 * begins with a dot. */
void message_compose(struct buffer *out, struct weather *weather, unsigned site, uint32_t number);
/* MESSAGES_MAX when there is none in it. */
uint32_t message_number(struct text bytes);
/* A message as it was composed, with more lines in its header. */
bool message_is_whole(struct text bytes);

#endif
