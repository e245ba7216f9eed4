/* Search filters (RFC 4515): by them groups and recipient policies say who is meant, for example
 * (&(department=sales)(!(city=Oslo))). Understood are & | ! and the comparisons = (with * for
 * "there is one" and for any part), >=, <= and ~=, which is as =. Extensible matches (:=) are
 * not. Pure. */
#ifndef SETTINGS_QUERY_H
#define SETTINGS_QUERY_H

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"

enum { QUERY_MAX = 4096, QUERY_NODES_MAX = 200, QUERY_DEPTH_MAX = 20 };

struct query;

/* REFUSED with what is wrong and where. In arena; text must stay as long. */
enum status query_parse(struct text text, struct arena *arena, struct query **out);
/* The same filter, written without spaces and with what must be escaped escaped. */
void query_write(const struct query *query, struct buffer *out);
/* Each name of an attribute that it asks about. */
typedef void query_visit(void *context, struct text attribute);
void query_attributes(const struct query *query, query_visit *visit, void *context);

/* A value of an attribute, the first for number 0: false when there are no more. */
typedef bool query_lookup(void *context, struct text attribute, unsigned number,
                          struct text *value);
/* Does it hold? ASCII letters are compared in any case; >= and <= compare numbers as such. An
 * attribute that is not there matches nothing, so its negation does. */
bool query_matches(const struct query *query, query_lookup *lookup, void *context);

#endif
