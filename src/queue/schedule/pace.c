/* Whose retry intervals a message waits by: those of the server it came in by, while the settings
 * have a server of that name; else those of the retry block. A message knows the name by a number,
 * for there may be a million of them. */
#include <stdlib.h>

#include "base/check.h"
#include "queue/internal.h"

/* Names in memory. Only as many are met as servers were written while the queue was filled. */
enum { PACES_MOST = 10000 };

struct pace {
    char *server;                      /* owned */
    const struct setting_retry *retry; /* of queue->settings */
    bool is_apart;                     /* not as in the retry block */
};
struct paces {
    struct pace *list; /* the first is that of the retry block */
    unsigned count, room;
    struct map *names; /* to struct pace's place, and one */
};

static void follow(const struct settings *settings, struct pace *pace)
{
    const struct setting_server *server =
        pace->server == NULL ? NULL : settings_server_find(settings, text_from(pace->server));
    pace->retry = server == NULL ? &settings->retry : &server->retry;
    pace->is_apart = !setting_retry_equals(pace->retry, &settings->retry);
}

static uint16_t add(struct paces *paces, char *server)
{
    if (paces->count == paces->room) {
        paces->room = paces->room == 0 ? 4 : paces->room * 2;
        paces->list = realloc(paces->list, paces->room * sizeof(*paces->list));
        check(paces->list != NULL);
    }
    paces->list[paces->count] = (struct pace){.server = server};
    return (uint16_t)paces->count++;
}

void pace_init(struct queue *queue)
{
    queue->paces = calloc(1, sizeof(*queue->paces));
    check(queue->paces != NULL);
    queue->paces->names = map_new();
    add(queue->paces, NULL);
}

void pace_finish(struct queue *queue)
{
    for (unsigned i = 0; i < queue->paces->count; i++)
        free(queue->paces->list[i].server);
    map_free(&queue->paces->names);
    free(queue->paces->list);
    free(queue->paces);
    queue->paces = NULL;
}

uint16_t pace_find(struct queue *queue, struct text server)
{
    struct paces *paces = queue->paces;
    uintptr_t known = (uintptr_t)map_get(paces->names, server);
    if (known == 0 && paces->count == PACES_MOST)
        return 0;
    if (known != 0)
        return (uint16_t)(known - 1);
    uint16_t place = add(paces, text_to_string(server));
    map_put(paces->names, server, (void *)(uintptr_t)(place + 1u));
    follow(queue->settings, &paces->list[place]);
    return place;
}

const struct setting_retry *pace_retry(const struct queue *queue, uint16_t pace)
{
    return queue->paces->list[pace].retry;
}

uint16_t pace_lane(const struct queue *queue, uint16_t pace)
{
    return queue->paces->list[pace].is_apart ? pace : 0;
}

bool pace_follow_settings(struct queue *queue, const struct settings *old)
{
    bool changed = false;
    for (unsigned i = 0; i < queue->paces->count; i++) {
        struct pace *pace = &queue->paces->list[i];
        const struct setting_retry *before = pace->retry;
        bool was_apart = pace->is_apart;
        follow(queue->settings, pace);
        changed |= old != NULL &&
                   (was_apart != pace->is_apart || !setting_retry_equals(before, pace->retry));
    }
    return changed;
}
