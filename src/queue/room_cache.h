/* The recipients of whom the store lately said that they take whatever a stranger sends, kept where
 * it is asked (front), so that most RCPTs cost no call. The store tells of every change
 * (FRONT_ROOM_CHANGED), which empties the cache; so must the store's going away. */
#ifndef QUEUE_ROOM_CACHE_H
#define QUEUE_ROOM_CACHE_H

#include "queue/client.h"

struct room_cache;

enum { ROOM_CACHE_MAX = 10000 }; /* then it is emptied */

struct room_cache *room_cache_new(void);
/* No call through it may be under way. */
void room_cache_free(struct room_cache **cache);
/* Forget everything, and what calls under way are about to hear. Does not yield. */
void room_cache_clear(struct room_cache *cache);
/* As queue_room. Answered without a call when a stranger asks for one who takes all. YIELDS. */
enum status room_cache_ask(struct room_cache *cache, struct rpc_channel *store,
                           const struct queue_room_question *question, struct reason *reason);

#endif
