/* What is known of a test before there is a message: what is made of ihave (RFC 5463) alone. So a
 * block that can never run may hold what is not known here. */
#ifndef SIEVE_KNOWN_H
#define SIEVE_KNOWN_H

#include "sieve/tree.h"

enum sieve_known { KNOWN_FALSE, KNOWN_TRUE, NOT_KNOWN };

enum sieve_known sieve_known(const struct sieve_node *test);

#endif
