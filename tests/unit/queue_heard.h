/* A queue whose clock is in the test's hand, and what alice hears of it. Include it in one file of
 * a program. */
#ifndef TESTS_UNIT_QUEUE_HEARD_H
#define TESTS_UNIT_QUEUE_HEARD_H

#include "queue_peer.h"

static int64_t now;
static struct arena arena; /* of the test that runs */

static inline void run(void (*test)(struct queue_peer *peer))
{
    arena_init(&arena);
    queue_peer_run_at(&now, test);
    arena_finish(&arena);
}

static inline bool has(struct text text, const char *part)
{
    return text_find_text(text, text_from(part)) < text.length;
}

/* The n-th message (from 0) that alice gets. */
static inline struct text nth_of_alice(struct queue_peer *peer, unsigned n)
{
    EXPECT(queue_peer_await(peer, "alice@local.test", n + 1));
    return queue_peer_read(peer, "alice@local.test", n, &arena);
}

/* Mail of sender to one recipient; its id. */
static inline uint64_t mail_on_terms(struct queue_peer *peer, const char *sender, const char *to,
                                     unsigned notify, struct mail_terms terms)
{
    struct queue_peer_mail mail = {.sender = text_from(sender),
                                   .body = TEXT("Subject: s\r\n\r\nbody\r\n"),
                                   .to = {text_from(to)},
                                   .to_count = 1,
                                   .notify = notify,
                                   .terms = terms};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    return mail.id;
}

#endif
