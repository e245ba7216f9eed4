/* What this process holds in memory, against what it may: its part of the setting `memory`. One
 * account for the process, as its heap is one.
 *
 * Held is what the kernel said when it was last looked at, libraries, caches and stacks included,
 * and what arenas, buffers and other large holders drew since. Who goes on with a little more is
 * never refused, for a process can't do without. What begins asks first, and so does what grows by
 * much. Each asks for something, and the lesser is refused while the greater still passes: a new
 * session before a new message, and that before the rest of one that was begun. So what is there
 * can end, and gives back. Being refused is "later": 4xx, NO [LIMIT], or a next attempt. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum memory_for {
    MEMORY_FOR_SESSION, /* one more connection, login, or attempt to send */
    MEMORY_FOR_REFUSAL, /* one more connection that is told to come later: else it waits unheard */
    MEMORY_FOR_MESSAGE, /* one more message */
    MEMORY_FOR_COMMAND, /* what a session wants: a mailbox, an answer, an order of messages */
    MEMORY_FOR_REST,    /* the next part of what was begun */
    MEMORY_ASKS
};

/* The process may hold so much; 0: no limit. From any time on. */
void memory_limit(size_t bytes);

/* What a cache or the like may grow to: `most`, or this part of the limit where that is less. */
size_t memory_part(size_t most, unsigned part);

/* Drawn and given back, by whoever allocates much or often. From any thread. */
void memory_draw(size_t bytes);
void memory_give_back(size_t bytes);

/* May this be begun, of which so many bytes are known already? TRY_LATER: no, with the reason. It
 * draws nothing. From the loop's thread alone. Does not yield. */
enum status memory_ask(enum memory_for what, size_t bytes);

struct memory_now {
    size_t limit, held, drawn;
    uint64_t refused[MEMORY_ASKS];
};
struct memory_now memory_now(void);
/* "session", "message" ... */
const char *memory_for_name(enum memory_for what);

/* Three quarters of what the machine has, or the control group of this process. Reads files. */
size_t memory_of_machine(void);

#endif
