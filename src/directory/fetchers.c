/* A short list: it holds the few accounts that fetch mail, while they are logged in. */
#include "directory/fetchers.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"

enum { MOST = 1000, KEEP_MS = DAY };

struct fetchers {
    struct list list; /* the oldest first */
    unsigned count;
};

struct fetcher {
    struct list link;
    const void *front;
    uint64_t session;
    int64_t noted_ms; /* monotonic */
    char account[DIRECTORY_USER_MAX];
};

struct fetchers *fetchers_new(void)
{
    struct fetchers *fetchers = calloc(1, sizeof(*fetchers));
    check(fetchers != NULL);
    list_init(&fetchers->list);
    return fetchers;
}

static void fetcher_remove(struct fetchers *fetchers, struct fetcher *fetcher)
{
    list_remove(&fetcher->link);
    fetchers->count--;
    free(fetcher);
}

void fetchers_free(struct fetchers **fetchers)
{
    if (*fetchers == NULL)
        return;
    list_each(link, &(*fetchers)->list)
        fetcher_remove(*fetchers, list_entry(link, struct fetcher, link));
    free(*fetchers);
    *fetchers = NULL;
}

static struct fetcher *find(struct fetchers *fetchers, const void *front, uint64_t session)
{
    list_each(link, &fetchers->list)
    {
        struct fetcher *fetcher = list_entry(link, struct fetcher, link);
        if (fetcher->front == front && fetcher->session == session)
            return fetcher;
    }
    return NULL;
}

/* Those that are too old, and the oldest when there are too many. */
static void make_room(struct fetchers *fetchers, int64_t now)
{
    while (fetchers->count > 0) {
        struct fetcher *oldest = list_entry(fetchers->list.next, struct fetcher, link);
        if (fetchers->count < MOST && now - oldest->noted_ms < KEEP_MS)
            return;
        fetcher_remove(fetchers, oldest);
    }
}

void fetchers_note(struct fetchers *fetchers, const void *front, uint64_t session,
                   struct text account)
{
    int64_t now = clock_monotonic_ms();
    struct fetcher *before = find(fetchers, front, session);
    if (before != NULL)
        fetcher_remove(fetchers, before);
    make_room(fetchers, now);
    struct fetcher *fetcher = calloc(1, sizeof(*fetcher));
    check(fetcher != NULL);
    fetcher->front = front;
    fetcher->session = session;
    fetcher->noted_ms = now;
    check(text_copy(account, fetcher->account, sizeof(fetcher->account)));
    list_append(&fetchers->list, &fetcher->link);
    fetchers->count++;
}

bool fetchers_find(struct fetchers *fetchers, const void *front, uint64_t session,
                   char account[DIRECTORY_USER_MAX])
{
    const struct fetcher *fetcher = find(fetchers, front, session);
    return fetcher != NULL && clock_monotonic_ms() - fetcher->noted_ms < KEEP_MS &&
           text_copy(text_from(fetcher->account), account, DIRECTORY_USER_MAX);
}

void fetchers_forget(struct fetchers *fetchers, const void *front)
{
    list_each(link, &fetchers->list)
    {
        struct fetcher *fetcher = list_entry(link, struct fetcher, link);
        if (fetcher->front == front)
            fetcher_remove(fetchers, fetcher);
    }
}
