/* Link states: what the store knows of routing groups, and how it gets about.
 *
 *     store   has the table and decides who is asked, and when; what it says are packets
 *             (routing/packet.h), which it makes and reads
 *     send    connects to whom the store names and carries packets there and back
 *     front   carries the packets of servers that connect to us; auth told who they are
 *
 * Whom we talk to: the other members of our group (the master with all, the others with the master)
 * on port 691, and the hosts of connectors that lead to other groups, by X-LINK2STATE, there also
 * before mail goes over a new connection. */
#ifndef QUEUE_LINKS_LINKS_H
#define QUEUE_LINKS_LINKS_H

#include "proc/rpc.h"
#include "routing/table.h"
#include "settings/settings.h"

/* What front asks of the store for a server that is connected to it. */
struct queue_link_question {
    bool is_member;     /* it came on port 691: it may be one of our group, and may report */
    struct text packet; /* as it came, whole */
};
/* SEND_LINKS asks send to talk to the hosts of a connector, by its name, about links. OK: it was
 * done, or at least the hosts are there. REFUSED: send knows no such connector (yet). */

/* The packet to answer with is appended to out. REFUSED: malformed. TRY_LATER: the store is away.
 * YIELDS. */
enum status queue_link_answer(struct rpc_channel *store, const struct queue_link_question *question,
                              struct buffer *out);
/* What send asks of it, once connected to the hosts of a connector: what to say. step counts from
 * 0; heard is the answer to the last step, "" at first. An empty packet: it is done. YIELDS. */
enum status queue_link_say(struct rpc_channel *store, struct text connector, unsigned step,
                           struct text heard, struct buffer *out);

/* For administrators. Lent until the next yield. */
struct queue;
struct queue_links_view {
    const struct link_table *table; /* NULL: this server is in no routing group */
    struct text group, self;
    bool is_master;
    bool is_awaited; /* not everybody was asked yet: mail for others waits */
};
struct queue_links_view queue_links(const struct queue *queue);
/* Since when a connector of the table is up or down (wall); 0: it is not known. */
int64_t queue_links_since(const struct queue *queue, struct text group, struct text connector);

/* Whom we talk to about links. */
struct queue_link_peer_view {
    struct text connector, member; /* member: "" for hosts of another group or elsewhere */
    bool was_asked, answers;
    bool agrees;         /* it knew what we know when it was talked to last */
    int64_t since_ms;    /* wall: it began, or ceased, to answer */
    struct text trouble; /* of the last attempt, or "" */
};
typedef void queue_link_peer_visit(void *context, const struct queue_link_peer_view *peer);
void queue_each_link_peer(const struct queue *queue, queue_link_peer_visit *visit, void *context);

bool queue_link_question_decode(struct text bytes, struct queue_link_question *out);

#endif
