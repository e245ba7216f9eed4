/* From which networks each user has logged in. They are in the log, so that after a restart too
 * strangers who guess cannot lock out the owner where he is at home. */
#ifndef DIRECTORY_NETWORKS_H
#define DIRECTORY_NETWORKS_H

#include "directory/directory.h"

enum {
    NETWORKS_OF_USER_MAX = 16, /* the one not seen for the longest time is forgotten first */
    NETWORK_FORGET_DAYS = 90,  /* not seen for longer: no longer known */
    NETWORK_AGAIN_DAYS = 7     /* how exactly it is recorded when it was seen */
};

/* Has he logged in from the peer's network before? Does not yield. */
bool network_is_known(struct directory *directory, struct text user, struct text peer);
/* He has logged in from there now. A failure to record it is logged, no more. YIELDS. */
void network_note(struct directory *directory, struct text user, struct text peer);

/* Those of a user, in the order of their text. */
typedef void network_visit(void *context, struct text network, int64_t seen_ms);
void network_list(struct directory *directory, struct text user, network_visit *visit,
                  void *context);

#endif
