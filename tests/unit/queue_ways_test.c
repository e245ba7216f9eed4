/* By which connector mail goes, as far as groups of its sender decide, and what an administrator is
 * told who asks which way a message would go. */
#include <string.h>

#include "filter_scene.h"
#include "settings_scene.h"

static struct arena arena;

/* The connector by which a message from sender to x@far.example waits; "" by MX. */
static struct text way_of(struct queue_peer *peer, const char *sender)
{
    queue_peer_deliver(peer, sender, "x@far.example");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_sent(peer, job) == OK);
    return job->connector;
}

static const char by_group[] = "connector interns {\n to far.example cost 1\n by mx\n"
                               " accept from @interns@local.test @trainees@local.test\n}\n"
                               "connector others {\n to far.example cost 9\n by mx\n"
                               " accept from everyone except @interns@local.test\n}\n";

static void groups(struct queue_peer *peer)
{
    ADD_GROUP(peer, "interns@local.test", BOB, "y@other.example");
    ADD_GROUP(peer, "trainees@local.test", "carol@local.test");
    ADD_ALIAS(peer, "sales@local.test", BOB);
    queue_peer_add_settings(peer, by_group);
    EXPECT_TEXT(way_of(peer, ALICE), "others");
    EXPECT_TEXT(way_of(peer, BOB), "interns");
    EXPECT_TEXT(way_of(peer, "sales@local.test"), "interns");
    EXPECT_TEXT(way_of(peer, "carol@local.test"), "interns");
    EXPECT_TEXT(way_of(peer, "Y@Other.example"), "interns");
    EXPECT_TEXT(way_of(peer, "no address"), "others");
}

TEST("members of a group, by whichever of their addresses, are let in by connectors that name it")
{
    run_with_directory(&arena, groups);
}

static void too_many_groups(struct queue_peer *peer)
{
    struct buffer lines;
    buffer_init(&lines, 10000);
    for (unsigned i = 1; i <= 101; i++)
        buffer_printf(&lines, "%s @g%u@local.test",
                      i == 1 ? "connector some {\n to far.example cost 1\n by mx\n accept from"
                      : i == 61
                          ? "\n}\nconnector more {\n to far.example cost 2\n by mx\n accept from"
                          : "",
                      i);
    buffer_append(&lines, TEXT("\n}\nconnector others {\n to far.example cost 9\n by mx\n}\n"));
    buffer_append_byte(&lines, '\0');
    ADD_GROUP(peer, "g100@local.test", ALICE);
    ADD_GROUP(peer, "g101@local.test", BOB);
    queue_peer_add_settings(peer, lines.data);
    EXPECT_TEXT(way_of(peer, ALICE), "more");
    EXPECT_TEXT(way_of(peer, BOB), "others");
    buffer_finish(&lines);
}

TEST("a sender is looked for in a hundred groups and no more")
{
    run_with_directory(&arena, too_many_groups);
}

static void directory_goes_away(struct queue_peer *peer)
{
    ADD_GROUP(peer, "interns@local.test", BOB);
    queue_peer_add_settings(peer, by_group);
    queue_peer_deliver(peer, BOB, ALICE); /* whose limits are known from now on, and no more */
    struct queue_peer_mail mail = {
        .sender = TEXT(BOB), .body = TEXT(MESSAGE), .to = {TEXT("x@far.example")}, .to_count = 1};
    peer->auth_is_down = true;
    EXPECT(queue_peer_mail(peer, &mail) == TRY_LATER);
    peer->auth_is_down = false;
    EXPECT(queue_peer_mail(peer, &mail) == OK); /* bob is known, and no group is */
    peer->auth_is_down = true;
    EXPECT(queue_peer_mail(peer, &mail) == TRY_LATER);
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    EXPECT_TEXT(take_jobs(peer, 1, &arena)->connector, "interns");
}

TEST("without a directory to tell in which groups the sender is, the message is not taken")
{
    run_with_directory(&arena, directory_goes_away);
}

static void many_ways(struct queue_peer *peer)
{
    struct buffer lines;
    buffer_init(&lines, 10000);
    for (unsigned i = 0; i < 11; i++)
        buffer_printf(&lines, "connector way%u {\n to far.example cost %u\n by mx\n}\n", i, i + 1);
    buffer_append_byte(&lines, '\0');
    queue_peer_add_settings(peer, lines.data);
    uint64_t id = queue_peer_deliver(peer, BOB, "x@far.example");
    EXPECT(is_told(peer, id, "connector=way0 ") && is_told(peer, id, "not-by=way8:"));
    EXPECT(!is_told(peer, id, "not-by=way9:"));
    buffer_finish(&lines);
}

TEST("a story tells of eight ways that were not taken, and no more")
{
    run_with_directory(&arena, many_ways);
}

static void tell_line(void *context, const struct queue_route_line *line)
{
    if (strcmp(line->kind, "other") == 0)
        return;
    buffer_printf(context, "%.*s %s %.*s [%.*s] %.*s\n", TEXT_ARG(line->target), line->kind,
                  TEXT_ARG(line->connector), TEXT_ARG(line->hosts), TEXT_ARG(line->reason));
}

static enum status ask_way(struct queue *queue, const char *to, struct buffer *out)
{
    struct queue_route_question question = {.to = text_from(to), .from = TEXT(BOB)};
    buffer_reset(out, 4000);
    return queue_route(queue, &question, tell_line, out);
}

static void expect_way(struct queue_peer *peer, const char *to, const char *told)
{
    struct buffer out;
    buffer_init(&out, 4000);
    EXPECT(ask_way(peer->queue, to, &out) == OK);
    EXPECT_TEXT(buffer_text(&out), told);
    buffer_finish(&out);
}

static void ways(struct queue_peer *peer)
{
    struct buffer out;
    buffer_init(&out, 4000);
    queue_peer_add_settings(peer, "domain moved.test {\n unresolved forward old.test\n}\n"
                                  "connector direct {\n to direct.example\n smart-host a.example "
                                  "b.example:26 direct-first\n}\n");
    ADD_GROUP(peer, "team@local.test", ALICE);
    set_attribute(peer, "team@local.test", ATTRIBUTE_EXPAND_AT, "branch.example");
    expect_way(peer, "x@direct.example",
               "x@direct.example next-hop direct [mx a.example:25 b.example:26] "
               "the closest address space, at the least cost\n");
    expect_way(peer, "nobody@moved.test",
               "nobody@moved.test next-hop unresolved:moved.test [old.test:25] "
               "unknown here, and the domain has another host\n");
    expect_way(peer, "team@local.test",
               "team@local.test next-hop  [mx] no connector has this domain\n");
    expect_way(peer, "nobody@local.test", "nobody@local.test unknown  [] \n");
    EXPECT(ask_way(peer->queue, "no address", &out) == REFUSED);
    peer->auth_is_down = true;
    EXPECT(ask_way(peer->queue, "nobody@local.test", &out) == TRY_LATER);
    EXPECT(out.length == 0);
    buffer_finish(&out);
}

TEST("who asks is told the hosts of a way, whichever is tried first, and where the unknown go")
{
    run_with_directory(&arena, ways);
}

static void offline(struct queue_peer *peer)
{
    struct buffer out;
    char directory[] = "/tmp/mailroot-offline-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    struct queue *queue = queue_new();
    struct queue_options options = {.directory = directory, .settings = peer->settings};
    buffer_init(&out, 4000);
    EXPECT(queue_start(queue, &options) == OK);
    EXPECT(ask_way(queue, BOB, &out) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), "the directory is not there");
    buffer_finish(&out);
    queue_stop(&queue);
    queue_peer_remove(directory);
}

TEST("a queue without roles beside it can't tell the way")
{
    run_with_directory(&arena, offline);
}
