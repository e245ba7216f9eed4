/* Users that a search filter means, found by looking at each. */
#ifndef DIRECTORY_SELECTION_H
#define DIRECTORY_SELECTION_H

#include "directory/attribute.h"

/* Those for whom it holds; at most DIRECTORY_MEMBERS_MAX + 1. Looked for once and remembered until
 * something changes, so that strangers who name the group again and again keep nobody from work;
 * lent until then, or in arena. A filter that is malformed (from a newer version) selects nobody.
 * Does not yield. */
unsigned selection_of(struct directory *directory, struct text filter, struct arena *arena,
                      struct directory_member **members);
/* Something has changed. Does not yield. */
void selection_forget(struct directory *directory);
/* What filters and templates see of a user, in arena. */
void selection_entry(struct directory *directory, const struct directory_user *user,
                     struct arena *arena, struct attribute_entry *out);

#endif
