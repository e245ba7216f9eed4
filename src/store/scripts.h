/* The Sieve scripts of a mailbox's owner: kept under names, at most one of them active. The store
 * keeps bytes; whether they are a script was checked before. */
#ifndef STORE_SCRIPTS_H
#define STORE_SCRIPTS_H

#include "store/store.h"

enum { SCRIPTS_MAX = 64, SCRIPT_NAME_MAX = 128, SCRIPT_BYTES_MAX = 256 << 10 };

/* RFC 5804 1.6: UTF-8, not empty, without control characters; and short enough. */
bool script_name_is_valid(struct text name);

/* A value (value.h) of this name is of the owner's scripts. */
bool script_is_value(struct text name);

/* Into out (reset first). False: there is none of that name. */
bool script_get(struct store *store, struct text owner, struct text name, struct buffer *out);
/* The name of the active one; "" when none is. */
void script_active(struct store *store, struct text owner, struct buffer *out);
/* By name. */
typedef bool script_visit(void *context, struct text name, uint64_t bytes);
void scripts_each(struct store *store, struct text owner, script_visit *visit, void *context);

/* How a change of scripts ends. SCRIPT_LATER: nothing happened, fail_reason() says why. */
enum script_outcome {
    SCRIPT_DONE,
    SCRIPT_ABSENT,   /* no script of that name */
    SCRIPT_EXISTS,   /* there is one of the new name already */
    SCRIPT_IN_USE,   /* it is the active one */
    SCRIPT_TOO_MANY, /* SCRIPTS_MAX */
    SCRIPT_TOO_LONG, /* SCRIPT_BYTES_MAX */
    SCRIPT_LATER
};

/* Would one of this size be taken? */
enum script_outcome script_fits(struct store *store, struct text owner, struct text name,
                                uint64_t bytes);
/* All durable when SCRIPT_DONE, and YIELD. Put replaces; activate "" leaves none active; a rename
 * of the active one leaves it active. */
enum script_outcome script_put(struct store *store, struct text owner, struct text name,
                               struct text source);
enum script_outcome script_delete(struct store *store, struct text owner, struct text name);
enum script_outcome script_rename(struct store *store, struct text owner, struct text from,
                                  struct text to);
enum script_outcome script_activate(struct store *store, struct text owner, struct text name);

#endif
