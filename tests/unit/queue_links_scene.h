/* A queue in a routing group: the send process answers as the test says when it is asked to talk to
 * a hop about links, and time passes in the test's hand. */
#ifndef TESTS_UNIT_QUEUE_LINKS_SCENE_H
#define TESTS_UNIT_QUEUE_LINKS_SCENE_H

#include <string.h>

#include "queue/internal.h"
#include "queue/links/links.h"
#include "queue_peer.h"
#include "routing/packet.h"

struct links_scene {
    int64_t now;
    struct arena arena;
    const char *held_hop;        /* its question stays unanswered */
    struct rpc_call *unanswered; /* this one; NULL: none was asked yet */
};
extern struct links_scene links_scene;

void links_scene_run(void (*test)(struct queue_peer *peer));
/* What send says when it is asked to talk to the hop (OK at first), and how often it was asked. */
void links_scene_says(const char *hop, enum status status);
unsigned links_scene_asked(const char *hop);
/* Time passes, and the store works in it. */
void links_scene_pass(int64_t ms);
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        for (unsigned i_ = 0; i_ < 3000 && !(condition); i_++)                                     \
            links_scene_pass(250);                                                                 \
        EXPECT(condition);                                                                         \
    } while (0)

/* Settings of one server, with these lines. */
#define NORTH "    login lsa@local.test secret lsa\n    link-state report check 30s retry 1s\n}\n"
#define ALONE "routing-group north {\n    member mx.local.test\n" NORTH
#define TO_SOUTH "connector south {\n    to-group south\n    smart-host [192.0.2.9]\n}\n"
#define TO_EAST "connector east {\n    to-group east\n    smart-host [192.0.2.10]\n}\n"
void links_scene_set(struct queue_peer *peer, const char *lines);
/* The table has our group, and everybody was asked. */
bool links_scene_is_ready(struct queue_peer *peer);

/* "{hhhhhhhh}" and a table of one group with a connector that takes `space`, of a server of it that
 * is its master. */
struct text links_scene_table(const char *name, const char *master, const char *space,
                              unsigned major);
struct text links_scene_packet(enum link_state_word word, struct text arguments);
/* At a front a server asks; its answer, or "" when it is refused. */
struct text links_scene_ask(struct queue_peer *peer, bool is_member, struct text packet);
/* It tells such a table. */
void links_scene_tell(struct queue_peer *peer, struct text table);

#endif
