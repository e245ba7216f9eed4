/* What the directory answered lately, kept where it is asked (front, store), so that most mail
 * costs no call. auth tells of every change (DIRECTORY_CHANGED), which empties the cache; so does
 * auth's going away. Only good answers are kept, so strangers cannot fill it with addresses that do
 * not exist. */
#ifndef DIRECTORY_CACHE_H
#define DIRECTORY_CACHE_H

#include "directory/client.h"

struct directory_cache;

enum { DIRECTORY_CACHE_MAX = 10000 }; /* then it is emptied */

struct directory_cache *directory_cache_new(void);
/* Accepts NULL. No call through it may be under way. */
void directory_cache_free(struct directory_cache **cache);
/* Forget everything, and what calls under way are about to hear. Does not yield. */
void directory_cache_clear(struct directory_cache *cache);

/* As directory_check. YIELDS. */
enum status directory_cache_check(struct directory_cache *cache, struct rpc_channel *auth,
                                  struct text address_key);
/* As directory_expand. Answered without a call when every key is outside our domains or known to be
 * one mailbox that takes mail from everybody, and the sender's limits are known. YIELDS. */
enum status directory_cache_expand(struct directory_cache *cache, struct rpc_channel *auth,
                                   const struct directory_question *question, struct arena *arena,
                                   struct directory_answer *out);
/* As directory_rights. YIELDS. */
enum status directory_cache_rights(struct directory_cache *cache, struct rpc_channel *auth,
                                   struct text user, struct text server,
                                   struct directory_rights *out);

#endif
