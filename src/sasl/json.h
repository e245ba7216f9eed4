/* Reading JSON that a stranger wrote: jansson, behind bounds. Include only in files of programs
 * that may be linked with it. */
#ifndef SASL_JSON_H
#define SASL_JSON_H

#include <jansson.h>

#include "base/text.h"

/* The library recurses, on our small stacks: nothing nested deeper than this is given to it. */
enum { JSON_DEPTH_MAX = 16 };

/* An object, owned by the caller (json_decref); no name twice. NULL: it is none. */
json_t *json_object_read(struct text json);
/* A member that is a string without NUL; "" when there is none. Borrowed. */
struct text json_member(const json_t *object, const char *name);

#endif
