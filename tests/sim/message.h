/* The messages of the simulation: each has its number in its header, and a body by which it can be
 * seen whether all of it is there. */
#ifndef TESTS_SIM_MESSAGE_H
#define TESTS_SIM_MESSAGE_H

#include "base/buffer.h"

enum { MESSAGE_MOST = 80000 };

/* A body of random length. No line begins with a dot. */
void message_compose(struct buffer *out, unsigned site, uint32_t number);
/* MESSAGES_MAX when there is none in it. */
uint32_t message_number(struct text bytes);
/* A message as it was composed, with more lines in its header. */
bool message_is_whole(struct text bytes);

#endif
