#include "fault_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENT = 1 << 20, TRIES = 100, TRY_AGAIN_MS = 20 };

static const struct fault_peer *scene;
static bool was_played;
static void (*played)(struct queue_peer *peer);

static void play_peer(struct queue_peer *peer)
{
    was_played = true;
    played(peer);
}

static void play(const char *directory, void (*part)(struct queue_peer *peer))
{
    played = part;
    was_played = false;
    queue_peer_run_failing(directory, SEGMENT, play_peer);
}

static void prepare_scene(const char *directory)
{
    if (scene->prepare != NULL)
        play(directory, scene->prepare);
    if (scene->loses_index)
        fault_expect(store_forget_index(directory) == OK, "the index is forgotten");
}

static void act_scene(const char *directory)
{
    if (scene->from_start)
        fault_begin();
    play(directory, scene->act);
    if (scene->to_end || !was_played)
        fault_end();
}

static void look_at_anew(struct queue_peer *peer)
{
    enum { ANEW = 31 };
    fault_peer_is_clean(peer);
    fault_peer_recovers(peer, ANEW);
}

static void look_at_scene(const char *directory)
{
    play(directory, fault_is_of_index() ? look_at_anew : scene->look);
    fault_expect(was_played, "the store opens anew");
}

void fault_peer_loop(const struct fault_peer *of)
{
    scene = of;
    fault_loop(&(struct fault_scene){of->name, prepare_scene, act_scene, look_at_scene,
                                     of->memory_too, of->is_long});
}

static void say(void *context, const char *line)
{
    unused(context);
    fprintf(stderr, "%s\n", line);
}

void fault_peer_deliver_two(struct queue_peer *peer)
{
    for (unsigned i = 0; i < 2; i++)
        fault_expect(fault_peer_mail(peer, "a@far.example", "alice@local.test", "", 3000) == OK,
                     "it is prepared");
}

void fault_peer_is_clean(struct queue_peer *peer)
{
    enum status status = TRY_LATER; /* while space is given back */
    for (unsigned i = 0; i < TRIES && status == TRY_LATER; i++) {
        status = store_verify(queue_store(peer->queue), say, NULL);
        if (status == TRY_LATER)
            task_sleep(TRY_AGAIN_MS);
    }
    if (status != OK)
        say(NULL, fail_reason());
    fault_expect(status == OK, "the store is clean");
}

enum status fault_peer_mail(struct queue_peer *peer, const char *sender, const char *first,
                            const char *second, size_t size)
{
    char *body = malloc(size);
    check(body != NULL);
    memset(body, 'b', size);
    struct queue_peer_mail mail = {.sender = text_from(sender),
                                   .body = text_of(body, size),
                                   .to = {text_from(first), text_from(second)},
                                   .to_count = second[0] == '\0' ? 1 : 2};
    enum status status = queue_peer_mail(peer, &mail);
    free(body);
    return status;
}

void fault_peer_recovers(struct queue_peer *peer, unsigned step)
{
    enum status status = TRY_LATER;
    for (unsigned i = 0; i < TRIES && status != OK; i++) {
        status = fault_peer_mail(peer, "a@far.example", "carol@local.test", "", 3000);
        if (status != OK)
            task_sleep(TRY_AGAIN_MS);
    }
    fault_ask(step);
    fault_tell(step, status);
    fault_expect(status == OK, "mail is taken again after one failure");
}

void fault_peer_has_recovered(struct queue_peer *peer, unsigned step)
{
    fault_as_told(step, queue_peer_count(peer, "carol@local.test"));
}
