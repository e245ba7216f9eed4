/* What block lists say of an address: fronts and the store ask send, which alone may ask DNS. It
 * asks the lists of its settings, all at once, and those alone. */
#ifndef QUEUE_BLOCK_LISTS_H
#define QUEUE_BLOCK_LISTS_H

#include "decide/filter.h"
#include "proc/rpc.h"

/* Beside the methods of proto/line/peer.h and turn.h; the request is an address as text, without a
 * port. */
enum block_lists_method { SEND_BLOCK_LISTS = 16 };

enum { BLOCK_LISTS_MAX = 20, BLOCK_LIST_CODES_MAX = 32 };

void block_lists_encode(const struct filter_listing *listings, unsigned count, struct buffer *out);
/* Texts are lent by the bytes, codes are in arena. False when malformed. */
bool block_lists_decode(struct text bytes, struct arena *arena, struct filter_listing **out,
                        unsigned *count);

/* Ask, and wait for so long at most, then a moment for the answer to get here. TRY_LATER: nothing
 * is known. Answers are in arena. YIELDS. */
enum status block_lists_ask(struct rpc_channel *send, const struct net_address *address,
                            int64_t wait_ms, struct arena *arena, struct filter_listing **out,
                            unsigned *count);

#endif
