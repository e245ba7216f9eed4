/* The kernel's files beneath a queue of queue_peer.h, which a test holds up or has fail. One at a
 * time in a program. */
#ifndef TESTS_UNIT_ODD_DISK_H
#define TESTS_UNIT_ODD_DISK_H

#include "queue_peer.h"

enum odd_disk {
    DISK_FINE,
    DISK_NEVER_SYNCS, /* it has everything at once */
    DISK_SYNCS_WAIT,  /* until it is something else */
    DISK_READS_WAIT,
    DISK_READS_FAIL, /* with EIO */
};

/* The peer is opened anew, on this disk; it is fine. */
void odd_disk_use(struct queue_peer *peer);
/* From now on it is so. */
void odd_disk_is(enum odd_disk how);

#endif
