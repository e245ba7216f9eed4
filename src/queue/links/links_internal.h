/* Link states inside the store. Included only from queue/. */
#ifndef QUEUE_LINKS_LINKS_INTERNAL_H
#define QUEUE_LINKS_LINKS_INTERNAL_H

#include "queue/internal.h"
#include "queue/links/links.h"
#include "routing/server.h"

/* Whom we talk to: a connector's hosts, or another member by a connector that nobody wrote. */
struct link_peer {
    struct list link;
    struct text hop;    /* the connector's name; owned */
    struct text member; /* of our group; owned; "" for a connector to elsewhere */
    bool leads_to_group;
    bool was_asked, answers, is_running;
    bool is_urgent;        /* to be talked to at once, or again when that is over */
    unsigned failures;     /* in a row */
    int64_t next_ms;       /* monotonic */
    int64_t rest_ms;       /* monotonic: not before, whatever is news */
    int64_t changed_ms;    /* wall: it began, or ceased, to answer */
    struct link_id said;   /* the digest of the table that it was told of last */
    struct link_id agreed; /* and of the one that it has, as it said last; "" never */
    char *trouble;         /* of the last attempt; NULL: none */
};

struct links {
    struct queue *queue;
    struct link_server *server;
    struct list peers;
    struct link_id digest;  /* of the table, when it was looked at last */
    struct link_id master;  /* of our group, as known then */
    bool were_awaited;      /* then not everybody had been asked */
    struct map *since;      /* "group/connector" -> struct link_since */
    struct task_event news; /* some peer may be due */
    struct work *late;      /* routed anew because they were out when ways changed */
    size_t late_count;
    struct task_event late_news;
    struct task_event changed; /* ways may be others: queued mail is routed anew */
    uint64_t changes;          /* how often that was told */
    bool is_unfinished;        /* the disk or the directory failed: all is routed anew once more */
};

/* A connector's state, and since when. */
struct link_since {
    bool is_up;
    int64_t at_ms; /* wall */
};

/* links_state.c */
struct link_peer *links_peer(struct links *links, struct text hop);
/* Something was heard, or time has passed: do what is due, and wake whom it concerns. */
void links_settle(struct links *links);
/* A connector's hosts were reached, or were not. */
void links_note(struct links *links, struct link_peer *peer, bool answers, const char *trouble);

/* links_talk.c: packets. */
void links_question(struct links *links, struct link_peer *peer, struct buffer *out);
/* The peer's answer to step; what to say next, or nothing. */
enum status links_hear(struct links *links, struct link_peer *peer, unsigned step,
                       struct text packet, struct buffer *out);
enum status links_answer(struct links *links, const struct queue_link_question *question,
                         struct buffer *out);

/* links_peers.c: the tasks that talk. */
void links_talk_run(void *links);

/* reroute.c: the task that routes queued mail anew, and what it is told. */
void links_ways_changed(struct links *links);
void reroute_run(void *links);

#endif
