/* Settings that change at each moment take nothing from under what is done meanwhile. */
#include "base/clock.h"
#include "found.h"
#include "queue/look/diagnose.h"
#include "queue_peer.h"
#include "store/scripts.h"

static int64_t now;

#define COPY "copy of reports to x@copy.example\n"

struct reloading {
    struct queue_peer *peer;
    const char *lines;
    struct task_group group;
};

static void reload(void *argument)
{
    const struct reloading *reloading = argument;
    while (!task_is_cancelled()) {
        queue_peer_add_settings(reloading->peer, reloading->lines);
        task_yield();
    }
}

/* From now on, whenever others wait for something. */
static void begin(struct reloading *reloading)
{
    task_group_init(&reloading->group);
    task_spawn(&reloading->group, "reload", reload, reloading);
}

static void end(struct reloading *reloading)
{
    task_group_cancel(&reloading->group);
    task_group_wait(&reloading->group, NO_DEADLINE);
    task_group_finish(&reloading->group);
}

static void copied_report(struct queue_peer *peer)
{
    struct arena arena;
    struct reloading reloading = {.peer = peer, .lines = COPY};
    arena_init(&arena);
    queue_peer_add_settings(peer, COPY);
    queue_peer_deliver(peer, "alice@local.test", "x@far.example");
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    begin(&reloading);
    EXPECT(queue_peer_report(peer, job, REFUSED, false, "5.1.1", "no") == OK);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    end(&reloading);
    job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->recipient_count == 1);
    EXPECT_TEXT(job->recipients[0].address, "x@copy.example");
    arena_finish(&arena);
}

TEST("a report is copied to whom the settings name, while they change as well")
{
    queue_peer_run_at(&now, copied_report);
}

/* With a group that may use it, and one that may not. */
#define GROUPS                                                                                     \
    "connector grouped {\n    to grouped.example\n    smart-host [192.0.2.9]\n"                    \
    "    accept from everyone\n    reject from @one@local.test @group@local.test\n}\n"             \
    "connector open {\n    to grouped.example cost 9\n    smart-host [192.0.2.8]\n}\n"

static void script(struct queue_peer *peer, const char *owner, const char *source)
{
    struct store *store = queue_store(peer->queue);
    EXPECT(script_put(store, text_from(owner), TEXT("main"), text_from(source)) == SCRIPT_DONE);
    EXPECT(script_activate(store, text_from(owner), TEXT("main")) == SCRIPT_DONE);
}

static void mail_goes_on(struct queue_peer *peer)
{
    struct arena arena;
    struct reloading reloading = {.peer = peer, .lines = GROUPS COPY};
    arena_init(&arena);
    script(peer, "alice@local.test",
           "require [\"vacation\", \"copy\"]; vacation \"Away.\"; "
           "redirect :copy \"x@grouped.example\";");
    queue_peer_add_settings(peer, reloading.lines);
    begin(&reloading);
    struct queue_peer_mail mail = {.sender = TEXT("carol@local.test"),
                                   .body = TEXT("From: carol@local.test\r\nTo: alice@local.test\r\n"
                                                "Subject: s\r\n\r\nbody\r\n"),
                                   .to = {TEXT("alice@local.test"), TEXT("group@local.test"),
                                          TEXT("y@grouped.example"), TEXT("z@partner.example"),
                                          TEXT("w@dropped.test"), TEXT("v@branch.test")},
                                   .to_count = 6,
                                   .terms = {.hold_until_ms = now + MINUTE}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    now += MINUTE;
    EXPECT(queue_peer_await(peer, "bob@local.test", 1));   /* of the group */
    EXPECT(queue_peer_await(peer, "carol@local.test", 2)); /* the answer, and who is gone */
    /* x and y, whom nobody else may have rejected, z and far@remote.example */
    for (unsigned sent = 0; sent < 4; sent++) {
        const struct queue_job *job = queue_peer_lease_one(peer, &arena);
        EXPECT(job != NULL && job->recipient_count == 1);
        EXPECT(queue_peer_report(peer, job, sent == 0 ? REFUSED : OK, false, "5.1.1", "no") == OK);
    }
    end(&reloading);
    EXPECT(queue_peer_count(peer, "alice@local.test") == 2); /* by the group as well */
    arena_finish(&arena);
}

TEST("mail that is held, filtered, answered and sent goes on while settings change at each moment")
{
    queue_peer_run_at(&now, mail_goes_on);
}

static void questions(struct queue_peer *peer)
{
    struct reloading reloading = {.peer = peer, .lines = GROUPS COPY};
    struct queue_stranger stranger = {.from = TEXT("a@far.example"), .to = TEXT("bob@local.test")};
    struct queue_diagnosis question = {.address = TEXT("x@grouped.example"),
                                       .from = TEXT("bob@local.test"),
                                       .login = TEXT("bob@local.test")};
    EXPECT(net_address_parse(TEXT("192.0.2.1"), 0, &stranger.address));
    begin(&reloading);
    for (unsigned i = 0; i < 3; i++) {
        found_begin();
        EXPECT(queue_diagnose_outbound(peer->queue, &question, &found) == TRY_LATER);
        found_expect(FINDING_OK, "route", "x@grouped.example goes by connector open", "");
        struct queue_diagnosis inbound = {.address = TEXT("bob@local.test")};
        EXPECT(queue_diagnose_inbound(peer->queue, &inbound, &found) == TRY_LATER);
        found_expect(FINDING_OK, "recipient", "it leads to the mailbox bob@local.test", "");
        EXPECT(queue_diagnose_filters(peer->queue, &stranger, &found) == OK);
        EXPECT(queue_check_user(peer->queue, TEXT("carol@local.test")) == OK);
    }
    end(&reloading);
    found_end();
}

TEST("so do the questions of administrators")
{
    queue_peer_run_at(&now, questions);
}
