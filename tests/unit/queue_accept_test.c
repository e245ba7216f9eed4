#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue_peer.h"
#include "store/kept.h"

static struct text filled(struct arena *arena, size_t length)
{
    char *bytes = arena_alloc(arena, length);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(i * 2654435761u >> 13); /* every value, NUL too */
    return text_of(bytes, length);
}

static void expect_body(struct text read, struct text body)
{
    struct text prefix = TEXT("Return-Path: <a@remote.example>\r\n");
    EXPECT(text_starts_with(read, prefix));
    EXPECT(text_equals(text_from_position(read, prefix.length), body));
}

static void deliver_and_read(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    static const size_t sizes[] = {0, 1, 70000, 262143, 262144, 262145, 5 << 20};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct queue_peer_mail mail = {.sender = TEXT("a@remote.example"),
                                       .body = filled(&arena, sizes[i]),
                                       .to = {TEXT("alice@local.test")},
                                       .to_count = 1};
        EXPECT(queue_peer_mail(peer, &mail) == OK);
        expect_body(queue_peer_read(peer, "alice@local.test", i, &arena), mail.body);
    }
    arena_finish(&arena);
}

TEST("what was accepted is read back byte for byte, whatever its size")
{
    queue_peer_run(deliver_and_read);
}

static void ten_recipients(struct queue_peer *peer)
{
    struct queue_peer_mail mail = {.sender = TEXT("a@remote.example"),
                                   .body = TEXT("Subject: x\r\n\r\nonce\r\n"),
                                   .to_count = 10};
    struct arena arena;
    arena_init(&arena);
    for (int i = 0; i < 10; i++)
        mail.to[i] = arena_printf(&arena, "user%d@local.test", i);
    struct log_health before = log_health_now(store_log(queue_store(peer->queue)));
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct log_health after = log_health_now(store_log(queue_store(peer->queue)));
    EXPECT(after.records == before.records + 1);
    for (int i = 0; i < 10; i++)
        expect_body(queue_peer_read(peer, mail.to[i].data, 0, &arena), mail.body);
    arena_finish(&arena);
}

TEST("a message for ten mailboxes is one record with one body")
{
    queue_peer_run(ten_recipients);
}

static void reopen(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    peer->index_on_disk = false;
    for (int i = 0; i < 20; i++)
        queue_peer_deliver(peer, "a@remote.example", i % 2 ? "alice@local.test" : "x@far.example");
    queue_peer_close(peer);
    queue_peer_open(peer); /* the index was in memory: all of it is replayed */
    EXPECT(queue_peer_count(peer, "alice@local.test") == 10);
    EXPECT(queue_counts_now(peer->queue).messages == 10);
    EXPECT(queue_peer_read(peer, "alice@local.test", 9, &arena).length > 30);
    arena_finish(&arena);
}

TEST("everything acknowledged is there again when the index is lost")
{
    queue_peer_run(reopen);
}

static void uids_rise(struct queue_peer *peer)
{
    queue_peer_deliver(peer, "", "alice@local.test");
    queue_peer_deliver(peer, "", "alice@local.test");
    struct mailbox *box =
        mailbox_find(queue_store(peer->queue), TEXT("alice@local.test"), TEXT("INBOX"));
    uint32_t validity = mailbox_uid_validity(box);
    EXPECT(mailbox_expunge(box, (uint32_t[]){2, 7, 1}, 3) == OK);
    EXPECT(queue_peer_count(peer, "alice@local.test") == 0);
    EXPECT(kept_expire(queue_store(peer->queue), TEXT("alice@local.test"), INT64_MAX, 0) == OK);
    EXPECT(store_space_now(queue_store(peer->queue)).live_bytes < 200);
    queue_peer_close(peer);
    queue_peer_open(peer);
    queue_peer_deliver(peer, "", "alice@local.test");
    box = mailbox_find(queue_store(peer->queue), TEXT("alice@local.test"), TEXT("INBOX"));
    EXPECT(mailbox_uid_validity(box) == validity);
    mailbox_open(box);
    unsigned count;
    EXPECT(mailbox_entries(box, &count)[0].uid == 3 && count == 1);
    mailbox_close(&box);
}

TEST("a UID is never used twice, not even after its message and the index are gone")
{
    queue_peer_run(uids_rise);
}

struct lookups {
    unsigned waiting;
};

static void count_lookup(void *context, const struct queue_view *view)
{
    struct lookups *lookups = context;
    lookups->waiting += text_equals(text_from(view->state), TEXT("lookup"));
}

static unsigned lookups(struct queue_peer *peer)
{
    struct lookups found = {0};
    queue_each(peer->queue, 0, count_lookup, &found);
    return found.waiting;
}

static void directory_rests(struct queue_peer *peer)
{
    peer->auth_is_down = true;
    struct queue_peer_mail mail = {
        .body = TEXT("x\r\n"), .to = {TEXT("alice@local.test")}, .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(lookups(peer) == 1);
    EXPECT(mailbox_find(queue_store(peer->queue), TEXT("alice@local.test"), TEXT("INBOX")) == NULL);
    queue_peer_close(peer);
    queue_peer_open(peer);
    EXPECT(lookups(peer) == 1);
    peer->auth_is_down = false;
    queue_directory_back(peer->queue);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

/* shows: T03 */
TEST("while the directory does not answer mail is taken and waits, and goes on when it is back")
{
    queue_peer_run(directory_rests);
}

static int64_t now;

static void directory_is_back_first(struct queue_peer *peer)
{
    peer->auth_is_down = true;
    queue_peer_deliver(peer, "carol@local.test", "alice@local.test");
    queue_peer_close(peer);
    peer->auth_is_down = false;
    queue_peer_open(peer);
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
}

TEST("mail that waits for the directory is looked up at a start, whoever came first")
{
    queue_peer_run_at(&now, directory_is_back_first);
}

static void directory_comes_back_meanwhile(struct queue_peer *peer)
{
    peer->auth_is_down = peer->auth_comes_back = true;
    queue_peer_deliver(peer, "carol@local.test", "alice@local.test");
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
}

TEST("mail that comes while the directory comes back does not wait for the next look-up")
{
    queue_peer_run(directory_comes_back_meanwhile);
}

static void directory_comes_back_at_last(struct queue_peer *peer)
{
    peer->auth_is_down = true;
    queue_peer_deliver(peer, "carol@local.test", "alice@local.test");
    queue_peer_deliver(peer, "carol@local.test", "bob@local.test");
    EXPECT(lookups(peer) == 2);
    peer->auth_comes_back = true; /* but to the next that asks it does not answer yet */
    now += 20 * SECOND;
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    EXPECT(queue_peer_await(peer, "bob@local.test", 1));
}

TEST(
    "mail that is being looked up while the directory comes back does not wait for the next either")
{
    queue_peer_run_at(&now, directory_comes_back_at_last);
}

static void group_with_a_gone_member(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    queue_peer_deliver(peer, "carol@local.test", "group@local.test");
    EXPECT(queue_peer_count(peer, "alice@local.test") == 1);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 1);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "far@remote.example");
    EXPECT_TEXT(jobs[0].body, "Subject: hello\r\n\r\nbody\r\n");
    EXPECT(queue_peer_await(peer, "carol@local.test", 1));
    struct text report = queue_peer_read(peer, "carol@local.test", 0, &arena);
    EXPECT(text_find_text(report, TEXT("gone@local.test")) < report.length);
    EXPECT(text_find_text(report, TEXT("5.1.1")) < report.length);
    EXPECT(text_find_text(report, TEXT("alice@local.test")) == report.length);
    arena_finish(&arena);
}

TEST("a group's member who is gone is reported to the sender, the others get the message")
{
    queue_peer_run(group_with_a_gone_member);
}

static void unknown_alone(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_result results[2] = {{OK, TEXT("")}};
    arena_init(&arena);
    struct queue_peer_mail mail = {.body = TEXT("x\r\n"),
                                   .to = {TEXT("nobody@local.test"), TEXT("bob@local.test")},
                                   .to_count = 1,
                                   .arena = &arena,
                                   .results = results};
    EXPECT(queue_peer_mail(peer, &mail) == REFUSED);
    mail.lmtp = true;
    mail.to_count = 2;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(results[0].status == REFUSED && results[1].status == OK);
    EXPECT_TEXT(results[0].reason, "no such user here");
    arena_finish(&arena);
}

TEST("an unknown recipient alone is refused; over LMTP beside others it alone is")
{
    queue_peer_run(unknown_alone);
}

static void case_is_kept(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    queue_peer_deliver(peer, "a@remote.example", "John.Doe@Partner.Example");
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].connector, "partner");
    EXPECT_TEXT(jobs[0].domain, "");
    EXPECT(text_starts_with(jobs[0].recipients[0].address, TEXT("John.Doe@")));
    arena_finish(&arena);
}

TEST("a remote recipient goes out as written, by the connector of its domain")
{
    queue_peer_run(case_is_kept);
}

static void count_line(void *context, const char *line)
{
    if (*(int *)context >= 0)
        ++*(int *)context;
    unused(line);
}

static void verify_finds_nothing_wrong(struct queue_peer *peer)
{
    int lines = 0;
    for (int i = 0; i < 5; i++) {
        queue_peer_deliver(peer, "a@remote.example", "alice@local.test");
        queue_peer_deliver(peer, "a@remote.example", "x@far.example");
    }
    struct mailbox *box =
        mailbox_find(queue_store(peer->queue), TEXT("alice@local.test"), TEXT("INBOX"));
    EXPECT(mailbox_expunge(box, (uint32_t[]){2}, 1) == OK);
    EXPECT(mailbox_flag(box, 3, FLAG_SEEN, 0) == OK);
    store_story(queue_store(peer->queue), 77, TEXT("smtp.refused"), TEXT("why=test"));
    EXPECT(store_verify(queue_store(peer->queue), count_line, &lines) == OK);
    EXPECT(lines == 0);
    /* An index that says more than the log is found out. */
    struct index *index = store_index(queue_store(peer->queue));
    struct index_batch *batch = index_batch_new(index);
    index_batch_put(batch, TEXT("m12345678"), TEXT("forged"));
    EXPECT(index_batch_apply(batch, index_applied(index)) == OK);
    index_batch_free(&batch);
    EXPECT(store_verify(queue_store(peer->queue), count_line, &lines) == REFUSED);
    EXPECT(lines == 1);
}

TEST("verify replays the log and compares every key")
{
    queue_peer_run(verify_finds_nothing_wrong);
}
