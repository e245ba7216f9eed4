/* Where the store is, which is the queue and the mailboxes. `queue DIR` says where it should be,
 * and a note in the data directory where it is: they differ from when that was written until the
 * next start, which moves it. */
#ifndef MAIN_QUEUE_PLACE_H
#define MAIN_QUEUE_PLACE_H

#include "main/site.h"

/* Before the store is opened: make its directory when there is none yet, and move it to where the
 * settings want it when that is elsewhere. A move that was cut short at any point is finished, or
 * begun anew. The caller has claimed the data directory (site_lock). TRY_LATER, REFUSED: the store
 * is where it was, whole, and can't be used before this is OK. Blocks. */
enum status queue_place_settle(const struct settings *settings);

#endif
