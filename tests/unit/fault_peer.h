/* Scenes of fault_loop.h with a queue in them. */
#ifndef TESTS_UNIT_FAULT_PEER_H
#define TESTS_UNIT_FAULT_PEER_H

#include "fault_loop.h"
#include "queue_peer.h"

struct fault_peer {
    const char *name;
    void (*prepare)(struct queue_peer *peer); /* NULL: there is nothing yet */
    void (*act)(struct queue_peer *peer);     /* with fault_begin and fault_end */
    void (*look)(struct queue_peer *peer);
    bool memory_too;
    bool from_start;  /* fault_begin is before the start, and act does not call it */
    bool to_end;      /* the same of fault_end, behind the stop */
    bool loses_index; /* once prepared */
    bool is_long;
};

void fault_peer_loop(const struct fault_peer *scene);

/* Mail of this many bytes, all "b", to one or two (second not ""). */
enum status fault_peer_mail(struct queue_peer *peer, const char *sender, const char *first,
                            const char *second, size_t size);
/* Prepare: two messages of 3000 bytes in alice's INBOX. */
void fault_peer_deliver_two(struct queue_peer *peer);
/* The index is what the log says, and the log is whole. */
void fault_peer_is_clean(struct queue_peer *peer);
/* A step of its own: one failure is not for ever. And that what it acknowledged is there. */
void fault_peer_recovers(struct queue_peer *peer, unsigned step);
void fault_peer_has_recovered(struct queue_peer *peer, unsigned step);

#endif
