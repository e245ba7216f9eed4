/* What scripts remember of mail: who had an answer (RFC 5230 4.2), what was seen (RFC 7352), that
 * the owner was told of a script that fails. Values of the owner, "memory/KIND/HASH", each good
 * until an instant; written in the record of the message that they are about. Included only from
 * queue/. */
#ifndef QUEUE_FILTER_MEMORY_H
#define QUEUE_FILTER_MEMORY_H

#include "queue/internal.h"

enum memory_kind { MEMORY_ANSWERED = 'a', MEMORY_SEEN = 's', MEMORY_TROUBLE = 't' };

/* Of one owner; beyond, some are forgotten early. */
enum { MEMORIES_MOST = 10000 };

struct memory {
    struct text owner;
    enum memory_kind kind;
    struct text key; /* any bytes */
};

/* It is remembered now, or about to be. */
bool memory_has(struct queue *queue, const struct memory *memory, int64_t now_ms);
/* Remember until then, with the change. Some of what is over is forgotten in it. Returns a name, in
 * arena, to be given to memory_settled once the change is durable, or has failed. */
struct text memory_compose(struct queue *queue, struct change *change, struct arena *arena,
                           const struct memory *memory, int64_t until_ms);
void memory_settled(struct queue *queue, struct text name);

#endif
