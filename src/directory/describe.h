/* What an address of ours is, for those who may ask by VRFY and EXPN. */
#ifndef DIRECTORY_DESCRIBE_H
#define DIRECTORY_DESCRIBE_H

#include "directory/directory.h"

/* By key, or by a local part alone (no "@"): the object of that name in whichever domain of ours.
 * REFUSED: there is none. In arena. Does not yield. */
enum status directory_look_up(struct directory *directory, struct text key, struct arena *arena,
                              struct directory_description *out);

#endif
