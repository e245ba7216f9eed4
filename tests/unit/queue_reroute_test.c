/* What becomes of mail that waits when ways change. */
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "odd_disk.h"
#include "queue_links_scene.h"

static struct arena *const arena = &links_scene.arena;

static bool has(struct text text, const char *part)
{
    return text_find_text(text, text_from(part)) < text.length;
}

static struct queued_item *first_part(struct queue_peer *peer, uint64_t id)
{
    struct queued *message = map_get(peer->queue->messages, MAP_KEY(id));
    return message == NULL ? NULL : parts_of(message)[0];
}

/* The hop of the message's first item. */
static const char *waits_for(struct queue_peer *peer, uint64_t id)
{
    static char name[600];
    const struct queued_item *item = first_part(peer, id);
    struct text text = item == NULL || item->hop == NULL ? TEXT("nothing") : item->hop->name;
    text_copy(text, name, sizeof(name));
    return name;
}

static uint64_t begin_unreachable(struct queue_peer *peer)
{
    links_scene_set(peer, ALONE TO_SOUTH);
    AWAIT(links_scene_is_ready(peer));
    links_scene_tell(peer, links_scene_table("east", "e1.test", "east.test", 1));
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@east.test");
    EXPECT_TEXT(text_from(waits_for(peer, id)), "unreachable:");
    return id;
}

static void given_up(struct queue_peer *peer)
{
    begin_unreachable(peer);
    EXPECT(queue_peer_rests(peer));
    links_scene.now += 12 * HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1)); /* it is late */
    links_scene.now += 36 * HOUR;
    EXPECT(queue_peer_await(peer, "alice@local.test", 2));
    struct text report = queue_peer_read(peer, "alice@local.test", 1, arena);
    EXPECT(has(report, "Status: 5.4.4\r\n"));
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("mail to where no way leads is given up with that as the reason")
{
    links_scene_run(given_up);
}

static void way_comes(struct queue_peer *peer)
{
    uint64_t id = begin_unreachable(peer);
    links_scene_set(peer, ALONE TO_SOUTH TO_EAST);
    AWAIT(strcmp(waits_for(peer, id), "east") == 0);
    const struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL && job->id == id);
    EXPECT_TEXT(job->connector, "east");
    /* While it is out the way goes elsewhere again. */
    links_scene_set(peer, ALONE TO_SOUTH);
    links_scene_pass(10 * SECOND);
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "connection refused") == OK);
    AWAIT(strcmp(waits_for(peer, id), "unreachable:") == 0);
    links_scene_set(peer, ""); /* no groups: everything is by the settings, and by MX */
    AWAIT(strcmp(waits_for(peer, id), "mx:east.test") == 0);
}

TEST("mail goes the way that has come, and what was out meanwhile is routed anew when it is back")
{
    links_scene_run(way_comes);
}

static void frozen(struct queue_peer *peer)
{
    unsigned count;
    uint64_t id = begin_unreachable(peer);
    struct queue_filter filter = {.id = id};
    EXPECT(queue_act(peer->queue, &filter, QUEUE_FREEZE, &count) == OK && count == 1);
    links_scene_set(peer, ALONE TO_SOUTH TO_EAST);
    links_scene_pass(10 * SECOND);
    EXPECT_TEXT(text_from(waits_for(peer, id)), "unreachable:"); /* nobody touches it */
    EXPECT(queue_act(peer->queue, &filter, QUEUE_THAW, &count) == OK && count == 1);
    AWAIT(strcmp(waits_for(peer, id), "east") == 0);
}

TEST("mail that was frozen when a way came goes that way when it is thawed")
{
    links_scene_run(frozen);
}

#define BOTH ALONE "connector a {\n to a.test b.test\n smart-host h.test\n}\n"

static struct queue_peer_mail two = {.sender = {"alice@local.test", 16},
                                     .body = {"Subject: s\r\n\r\nx\r\n", 17},
                                     .to = {{"x@a.test", 8}, {"y@b.test", 8}},
                                     .to_count = 2};

/* "a b": the hops of its items, in their order. */
static const char *parts(struct queue_peer *peer, uint64_t id)
{
    static char out[300];
    out[0] = '\0';
    struct queued *message = map_get(peer->queue->messages, MAP_KEY(id));
    for (unsigned i = 0; message != NULL && i < message->part_count; i++) {
        size_t length = strlen(out);
        snprintf(out + length, sizeof(out) - length, "%s%.*s", length > 0 ? " " : "",
                 TEXT_ARG(parts_of(message)[i]->hop->name));
    }
    return out;
}

static uint64_t mail_two(struct queue_peer *peer)
{
    links_scene_set(peer, BOTH);
    AWAIT(links_scene_is_ready(peer));
    EXPECT(queue_peer_mail(peer, &two) == OK);
    EXPECT_TEXT(text_from(parts(peer, two.id)), "a");
    return two.id;
}

static void one_moves(struct queue_peer *peer)
{
    uint64_t id = mail_two(peer);
    queue_peer_deliver(peer, "alice@local.test", "bob@local.test");
    links_scene_set(peer, ALONE "connector a {\n to a.test\n smart-host h.test\n}\n"
                                "connector b {\n to b.test\n smart-host h.test\n}\n");
    AWAIT(strcmp(parts(peer, id), "a b") == 0);
    /* And both leave it. */
    links_scene_set(peer, ALONE "connector c {\n to a.test\n by mx\n}\n"
                                "connector d {\n to b.test\n smart-host h.test\n}\n");
    AWAIT(strcmp(parts(peer, id), "c mx:a.test d") == 0);
    for (unsigned i = 0; i < 2; i++)
        EXPECT(queue_peer_sent(peer, queue_peer_lease_one(peer, arena)) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

static void all_move(struct queue_peer *peer)
{
    uint64_t id = mail_two(peer);
    links_scene_set(peer, ALONE "connector a {\n to a.test b.test\n by mx\n}\n");
    AWAIT(strcmp(parts(peer, id), "a mx:a.test a mx:b.test") == 0);
    const struct queue_job *first = queue_peer_lease_one(peer, arena);
    const struct queue_job *second = queue_peer_lease_one(peer, arena);
    EXPECT(first->recipient_count == 1 && second->recipient_count == 1);
    EXPECT(!text_equals(first->recipients[0].address, second->recipients[0].address));
    EXPECT(queue_peer_sent(peer, first) == OK && queue_peer_sent(peer, second) == OK);
    EXPECT(queue_counts_now(peer->queue).messages == 0);
}

TEST("of a message of which one recipient has another way now the other stays")
{
    links_scene_run(one_moves);
}

TEST("recipients whose ways part are sent to each by his own, and once")
{
    links_scene_run(all_move);
}

static void not_admitted(struct queue_peer *peer)
{
    uint64_t id = mail_two(peer);
    links_scene_set(peer, ALONE "connector a {\n to a.test b.test\n smart-host h.test\n"
                                "    accept from bob@local.test\n}\n");
    links_scene_pass(10 * SECOND);
    EXPECT_TEXT(text_from(parts(peer, id)), "a");
    const struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL && job->recipient_count == 2);
}

TEST("mail that its connector would not admit now stays, for it was let in")
{
    links_scene_run(not_admitted);
}

#define AT_A ALONE "connector a {\n to a.test\n smart-host h.test\n}\n"
#define AT_B ALONE "connector b {\n to a.test\n smart-host h.test\n}\n"

struct acting {
    struct queue_peer *peer;
    uint64_t id;
};

static void delete_task(void *argument)
{
    struct acting *acting = argument;
    unsigned count;
    struct queue_filter filter = {.id = acting->id};
    EXPECT(queue_act(acting->peer->queue, &filter, QUEUE_DROP, &count) == OK && count == 1);
}

/* The disk is held when the first of these, a to z, is on its way to another hop. */
static void begin_moving(struct queue_peer *peer, uint64_t *ids, unsigned count)
{
    odd_disk_use(peer);
    links_scene_set(peer, AT_A);
    AWAIT(links_scene_is_ready(peer));
    for (unsigned i = 0; i < count; i++)
        ids[i] = queue_peer_deliver(peer, "alice@local.test", "x@a.test");
    struct queue_peer_mail later = {.sender = TEXT("alice@local.test"),
                                    .body = TEXT("Subject: later\r\n\r\nx\r\n"),
                                    .to = {TEXT("x@a.test")},
                                    .to_count = 1,
                                    .terms = {.hold_until_ms = links_scene.now + DAY}};
    EXPECT(queue_peer_mail(peer, &later) == OK);
    links_scene_pass(SECOND);
    odd_disk_is(DISK_SYNCS_WAIT);
    links_scene_set(peer, AT_B);
    links_scene_pass(SECOND);
}

static void moves_on(struct queue_peer *peer)
{
    uint64_t ids[4];
    struct task_group group;
    struct acting acting = {.peer = peer};
    begin_moving(peer, ids, 4);
    unsigned busy = 0, free = 0;
    for (unsigned i = 0; i < 4; i++)
        if (first_part(peer, ids[i])->busy)
            busy = i;
    free = busy == 3 ? 2 : 3;
    acting.id = ids[free];
    task_group_init(&group);
    task_spawn(&group, "delete", delete_task, &acting);
    const struct queue_job *job = queue_peer_lease_one(peer, arena); /* while others are moved */
    EXPECT(job != NULL && job->id != acting.id && job->id != ids[busy]);
    EXPECT_TEXT(job->connector, "a");
    odd_disk_is(DISK_FINE);
    task_group_wait(&group, NO_DEADLINE);
    links_scene_pass(2 * SECOND);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_TEXT(text_from(parts(peer, ids[i])), ids[i] == job->id     ? "a"
                                                    : ids[i] == acting.id ? ""
                                                                          : "b");
    EXPECT(queue_peer_report(peer, job, TRY_LATER, true, "4.4.1", "refused") == OK);
    AWAIT(strcmp(parts(peer, job->id), "b") == 0);
}

TEST("mail that is deleted, or sent, while other mail is routed anew is left to that")
{
    links_scene_run(moves_on);
}

static void let_go_task(void *argument)
{
    unused(argument);
    for (unsigned i = 0; i < 50; i++)
        queue_peer_work();
    odd_disk_is(DISK_FINE);
}

static void closes(struct queue_peer *peer)
{
    uint64_t ids[4];
    struct task_group group;
    begin_moving(peer, ids, 4);
    task_group_init(&group);
    task_spawn(&group, "let go", let_go_task, NULL);
    queue_peer_close(peer);
    task_group_wait(&group, NO_DEADLINE);
    queue_peer_open(peer);
    links_scene_set(peer, AT_B);
    for (unsigned i = 0; i < 4; i++)
        AWAIT(strcmp(parts(peer, ids[i]), "b") == 0);
}

TEST("mail that was being routed anew when the store ended is so when it has begun again")
{
    links_scene_run(closes);
}

static void no_directory(struct queue_peer *peer)
{
    links_scene_set(peer, AT_A);
    AWAIT(links_scene_is_ready(peer));
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@a.test");
    peer->auth_is_down = true;
    links_scene_set(peer, AT_B "connector c {\n to c.test\n smart-host h.test\n"
                               " accept from everyone except @group\n}\n");
    links_scene_pass(5 * SECOND);
    EXPECT_TEXT(text_from(parts(peer, id)), "a"); /* whose it is can't be told */
    peer->auth_is_down = false;
    links_scene_pass(20 * SECOND);
    AWAIT(strcmp(parts(peer, id), "b") == 0);
}

TEST("mail that could not be routed anew for want of the directory is so a while later")
{
    links_scene_run(no_directory);
}

static void thousand(struct queue_peer *peer)
{
    enum { COUNT = 1000 };
    static struct queue_recipient many[COUNT];
    links_scene_set(peer, AT_A);
    AWAIT(links_scene_is_ready(peer));
    for (unsigned i = 0; i < COUNT; i++)
        many[i].address = arena_printf(arena, "r%u@a.test", i);
    struct queue_envelope envelope = {.id = peer->last_id = id_new(peer->last_id),
                                      .sender = TEXT("alice@local.test"),
                                      .server = TEXT("internet"),
                                      .recipients = many,
                                      .recipient_count = COUNT};
    struct queue_message *message = queue_begin(peer->front, &envelope);
    queue_append(message, TEXT("Subject: x\r\n\r\nx\r\n"));
    EXPECT(queue_commit(&message, arena, NULL) == OK);
    links_scene_set(peer, AT_B);
    AWAIT(strcmp(parts(peer, envelope.id), "b") == 0);
    const struct queue_job *job = queue_peer_lease_one(peer, arena);
    EXPECT(job != NULL && job->recipient_count == COUNT);
}

TEST("a message with a thousand recipients is routed anew whole")
{
    links_scene_run(thousand);
}

static void by_member(struct queue_peer *peer)
{
    links_scene_set(peer, "routing-group north {\n    member mx.local.test m2.test\n"
                          "    master m2.test\n" NORTH);
    AWAIT(links_scene_asked("links:m2.test") > 0);
    links_scene_tell(peer, links_scene_table("north", "m2.test", "far.test", 1));
    AWAIT(links_scene_is_ready(peer));
    uint64_t id = queue_peer_deliver(peer, "alice@local.test", "x@far.test");
    EXPECT_TEXT(text_from(parts(peer, id)), "member:m2.test");
    links_scene_set(peer, ""); /* we are no member any more */
    AWAIT(strcmp(parts(peer, id), "mx:far.test") == 0);
}

TEST("mail that waits for another member goes by the settings once there is no group")
{
    links_scene_run(by_member);
}
