/* Two streams that are each other's peers. */
#ifndef TESTS_UNIT_STREAM_PAIR_H
#define TESTS_UNIT_STREAM_PAIR_H

#include "net/stream.h"

/* Both end by themselves, an error for who waits, when nothing comes for five seconds. */
void stream_pair(struct stream **near, struct stream **far);

#endif
