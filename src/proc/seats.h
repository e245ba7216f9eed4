/* How many connections each server, and each host on it, has now, over all front processes: a table
 * in shared memory. The parent makes it once and hands it to each front. A row belongs to one
 * front, which alone writes it, and the sum over the rows is the count, so a connection costs no
 * call to another process.
 *
 * A name is counted in the bucket its keyed hash picks. When two share one, each is counted with
 * the other's: at worst a stranger is refused because another host is busy; nobody gets more than
 * the limit. The key is made at random at each start, so nobody can choose whom to share with.
 *
 * Fronts trust each other with these counts and nothing else: one that was taken over can make the
 * others refuse, or forget its own connections. It cannot make them fail. */
#ifndef PROC_SEATS_H
#define PROC_SEATS_H

#include "base/status.h"

struct seats;

/* Counted apart, so that a server's many connections are never taken for one host's. */
enum seats_of { SEATS_OF_SERVER, SEATS_OF_HOST };
enum { SEATS_BUCKETS = 16384 /* for each kind */ };

/* A new table for this many fronts. The caller may clear rows and hand out descriptors, or, where
 * one process is the whole server, be front 0 itself. */
enum status seats_new(unsigned fronts, struct seats **out);
/* Another descriptor of the table, caller's: for seats_map in a front's process. -1 and errno. */
int seats_descriptor(const struct seats *seats);
/* Be this front of the table behind fd, which is closed in any case. Its row must be clear. */
enum status seats_map(int fd, unsigned front, struct seats **out);
/* Accepts NULL. */
void seats_free(struct seats **seats);

/* Forget a front that has died. Not before it has: a row has one writer. */
void seats_clear_row(struct seats *seats, unsigned front);

/* Count one more for name unless that makes it more than limit; place is what to give back. When
 * two fronts take the last seat at the same moment both may be refused, never both admitted. */
bool seats_take(struct seats *seats, enum seats_of kind, struct text name, uint32_t limit,
                uint32_t *place);
void seats_give_back(struct seats *seats, uint32_t place);

#endif
