/* Small things that are kept for an owner under a name: a subscription, a note, a script. For those
 * who need no more than that; each keeps to names that begin with a word of its own and "/". */
#ifndef STORE_VALUE_H
#define STORE_VALUE_H

#include "store/store.h"

/* The value into out (reset first). False: there is none. */
bool value_get(struct store *store, struct text owner, struct text name, struct buffer *out);
/* Add to a change that it is set; "" removes it. A change sets a name once. False: owner and name
 * are longer than VALUE_NAMES_MAX, or the value is longer than VALUE_BYTES_MAX. */
bool value_compose(struct change *change, struct text owner, struct text name, struct text value);
/* The same, alone and durably. YIELDS. */
enum status value_set(struct store *store, struct text owner, struct text name, struct text value);
/* The owner's values whose names begin with prefix, in the order of their names, until visit
 * returns false. */
typedef bool value_visit(void *context, struct text name, struct text value);
void value_each(struct store *store, struct text owner, struct text prefix, value_visit *visit,
                void *context);

#endif
