/* The queue of a server that does not run, as an administrator opens it: what only its other roles
 * could tell is said not to be known, and what the store has is there. */
#include <stdlib.h>

#include "base/logline.h"
#include "found.h"
#include "queue/block_lists.h"
#include "queue/look/diagnose.h"
#include "queue/look/probe.h"
#include "queue/spf_question.h"
#include "queue_peer.h"
#include "settings_scene.h"

static const char settings[] = "host mx.local.test\nlimit free-space 1MB\n"
                               "domain local.test {\n    user alice\n}\n"
                               "server front {\n    listen 192.0.2.1:25 smtp\n"
                               "    filter connection\n}\n"
                               "block-list zen {\n    zone zen.example\n}\n";

struct offline {
    const char *directory;
    void (*test)(struct queue *queue);
};

static void run_task(void *argument)
{
    const struct offline *offline = argument;
    struct queue *queue = queue_new();
    struct settings *made = settings_made("%s", settings);
    struct queue_options options = {
        .directory = offline->directory, .settings = made, .index_in_memory = true};
    EXPECT(queue_start(queue, &options) == OK);
    offline->test(queue);
    queue_stop(&queue);
    settings_release(&made);
    found_end();
}

static void run(void (*test)(struct queue *queue))
{
    char directory[] = "/tmp/mailroot-offline-XXXXXX";
    EXPECT(mkdtemp(directory) != NULL);
    log_setup("test", LOG_LEVEL_ERROR);
    struct offline offline = {directory, test};
    task_loop_run(run_task, &offline);
    queue_peer_remove(directory);
}

static void nobody_to_ask(struct queue *queue)
{
    static const char down[] = "the server is not running (mailroot serve)";
    struct spf_decision decision;
    struct spf_question spf = {.domain = TEXT("far.example")};
    EXPECT(net_address_parse(TEXT("198.51.100.1"), 0, &spf.ip));
    found_begin();
    EXPECT(queue_spf_check(queue, &spf, &found_arena, &decision) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), down);
    struct queue_probe probe = {.kind = QUEUE_PROBE_HOST, .domain = TEXT("far.example")};
    EXPECT(queue_look(queue, &probe, &found) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), down);
    struct queue_stranger stranger = {.from = TEXT("a@far.example"), .address = spf.ip};
    EXPECT(queue_diagnose_filters(queue, &stranger, &found) == OK);
    found_expect(FINDING_WARNING, "block-list", "can be asked: the server is not running",
                 "mailroot serve");
    EXPECT(queue_check_user(queue, TEXT("who@ever.test")) == OK); /* as nobody can tell */
}

TEST("while no server runs nothing is asked of the network, and that is said")
{
    run(nobody_to_ask);
}

static void diagnoses(struct queue *queue)
{
    struct queue_diagnosis inbound = {.address = TEXT("alice@local.test")};
    found_begin();
    EXPECT(queue_diagnose_inbound(queue, &inbound, &found) == TRY_LATER);
    found_expect(FINDING_OK, "listens", "server front listens at 192.0.2.1:25", "");
    found_expect(FINDING_FAULT, "directory", "", "mailroot serve");
    found_expect(FINDING_FAULT, "sender", "the server is not running", "mailroot serve");
    struct queue_diagnosis outbound = {.address = TEXT("x@far.example")};
    found_begin();
    EXPECT(queue_diagnose_outbound(queue, &outbound, &found) == TRY_LATER);
    found_expect(FINDING_FAULT, "directory", "", "mailroot serve");
}

TEST("diagnoses say as much as the settings tell while no server runs")
{
    run(diagnoses);
}
