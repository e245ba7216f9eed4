/* Where the rows of one process go: gathered for a moment, then sent to the store together. Nothing
 * here waits, and memory is bounded: while the store does not take rows, new ones are dropped and
 * counted, and the count goes with the next that are sent. */
#ifndef PROTOLOG_GATHER_H
#define PROTOLOG_GATHER_H

#include "proc/rpc.h"
#include "protolog/row.h"

/* What front and send tell the store, one way: u32 rows that were dropped before, u32 rows that
 * follow, and these. */
enum protolog_method { PROTOLOG_ROWS = 50 };

struct protolog_gather;

/* store: the channel, which must outlive it. Nothing is done, and no task runs, until the first row
 * comes. */
struct protolog_gather *protolog_gather_new(struct rpc_channel *store);
/* Sends what there is. Accepts NULL. YIELDS. */
void protolog_gather_free(struct protolog_gather **gather);
/* The texts are copied. Does not yield. */
void protolog_gather_put(struct protolog_gather *gather, const struct protolog_row *row);

#endif
