/* What users remove is kept for a while: through restarts and a lost index, and not for ever. */
#include <inttypes.h>
#include <stdio.h>

#include "account/keeping.h"
#include "account/preference.h"
#include "account/quota.h"
#include "base/clock.h"
#include "queue_peer.h"
#include "store/append.h"
#include "store/kept.h"

#define ALICE TEXT("alice@local.test")

static struct store *store_of(struct queue_peer *peer)
{
    return queue_store(peer->queue);
}

static struct mailbox *box_of(struct queue_peer *peer, const char *name)
{
    return mailbox_find(store_of(peer), ALICE, text_from(name));
}

static void deliver(struct queue_peer *peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        queue_peer_deliver(peer, "a@far.example", "alice@local.test");
}

static uint64_t kept_messages(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    uint64_t count = mailbox_owner_totals(store_of(peer), kept_owner(ALICE, &arena)).messages;
    arena_finish(&arena);
    return count;
}

static uint64_t restore(struct queue_peer *peer, const char *mailbox, int64_t since_ms)
{
    uint64_t restored;
    struct keeping_choice choice = {ALICE, text_from(mailbox), since_ms};
    EXPECT(keeping_restore(store_of(peer), &choice, &restored) == OK);
    return restored;
}

static void say(void *context, const char *line)
{
    unused(context);
    fprintf(stderr, "%s\n", line);
}

/* With an index that is made anew from the log. */
static void start_anew(struct queue_peer *peer)
{
    EXPECT(store_verify(store_of(peer), say, NULL) == OK);
    queue_peer_close(peer);
    queue_peer_open(peer);
}

static void set(struct queue_peer *peer, enum preference which, const char *value)
{
    EXPECT(preference_set(queue_accounts(peer->queue), ALICE, which, text_from(value)) == OK);
}

static void flags_and_dates(struct queue_peer *peer)
{
    deliver(peer, 3);
    struct mailbox *inbox = box_of(peer, "INBOX");
    mailbox_open(inbox);
    struct mailbox_entry old = *mailbox_entry_find(inbox, 2);
    uint64_t keyword = mailbox_keyword_add(inbox, TEXT("$Work"));
    EXPECT(mailbox_flag(inbox, 2, FLAG_SEEN | FLAG_DELETED | keyword, 0) == OK);
    EXPECT(mailbox_expunge(inbox, (uint32_t[]){2, 2, 9}, 3) == OK);
    mailbox_close(&inbox);
    EXPECT(kept_messages(peer) == 1);
    EXPECT(quota_of(queue_accounts(peer->queue), ALICE).used.messages == 2);
    start_anew(peer);
    EXPECT(kept_messages(peer) == 1);
    EXPECT(restore(peer, "", 0) == 1);
    start_anew(peer);
    EXPECT(kept_messages(peer) == 0);
    EXPECT(quota_of(queue_accounts(peer->queue), ALICE).used.messages == 3);
    inbox = box_of(peer, "INBOX");
    mailbox_open(inbox);
    EXPECT(mailbox_entry_find(inbox, 2) == NULL);
    const struct mailbox_entry *entry = mailbox_entry_find(inbox, 4);
    EXPECT(entry != NULL && entry->date_ms == old.date_ms && entry->message == old.message);
    EXPECT(entry->flags == (FLAG_SEEN | mailbox_keyword_find(inbox, TEXT("$Work"))));
    mailbox_close(&inbox);
    struct buffer body;
    buffer_init(&body, 1 << 20);
    EXPECT(mailbox_read(store_of(peer), old.message, 0, 1 << 20, &body) == OK && body.length > 0);
    buffer_finish(&body);
    EXPECT(restore(peer, "", 0) == 0);
}

TEST("what was removed is put back with its flags and date, but not \\Deleted, under a new UID")
{
    queue_peer_run(flags_and_dates);
}

static uint64_t next_test_id(void *context)
{
    return ++*(uint64_t *)context;
}

static void of_all_kinds(struct queue_peer *peer)
{
    deliver(peer, 2);
    EXPECT(mailbox_create(store_of(peer), ALICE, TEXT("a/b"), 0) == NAMING_DONE);
    struct mailbox *inbox = box_of(peer, "INBOX");
    uint32_t uids[] = {1}, first;
    unsigned count = 1;
    mailbox_open(inbox);
    EXPECT(mailbox_copy(inbox, box_of(peer, "a/b"), uids, &count, true, &first) == OK);
    EXPECT(kept_messages(peer) == 0); /* moved is not removed */
    EXPECT(mailbox_delete(store_of(peer), ALICE, TEXT("a/b")) == NAMING_DONE);
    EXPECT(kept_messages(peer) == 1);
    uint64_t id = 1000;
    struct append *append = append_new(store_of(peer), next_test_id, &id);
    append_begin(append, 0, NULL, 0, 0);
    EXPECT(append_bytes(append, TEXT("Subject: new\r\n\r\n")) == OK);
    EXPECT(append_end(append, false) == OK);
    append_replaces(append, mailbox_id(inbox), 2);
    EXPECT(append_commit(append, inbox, &first) == OK);
    append_free(&append);
    EXPECT(kept_messages(peer) == 2);
    mailbox_close(&inbox);
    start_anew(peer);
    EXPECT(restore(peer, "a/b", 0) == 1);
    EXPECT(box_of(peer, "a/b") != NULL && mailbox_totals(box_of(peer, "a/b")).messages == 1);
    EXPECT(mailbox_is_subscribed(store_of(peer), ALICE, TEXT("a/b")));
    EXPECT(restore(peer, "", 0) == 1);
    EXPECT(mailbox_totals(box_of(peer, "INBOX")).messages == 2);
}

TEST("a mailbox that was deleted, and a message that was replaced, can be put back, too")
{
    queue_peer_run(of_all_kinds);
}

static void with_time(struct queue_peer *peer)
{
    int64_t now_ms = 1800000000LL * SECOND;
    clock_set_for_test(&now_ms);
    const struct accounts *accounts = queue_accounts(peer->queue);
    deliver(peer, 3);
    set(peer, PREFERENCE_KEEP_DELETED, "2d");
    struct mailbox *inbox = box_of(peer, "INBOX");
    EXPECT(mailbox_expunge(inbox, (uint32_t[]){1}, 1) == OK);
    now_ms += DAY;
    EXPECT(mailbox_expunge(inbox, (uint32_t[]){2}, 1) == OK);
    EXPECT(keeping_expire(accounts, now_ms) == OK);
    EXPECT(kept_messages(peer) == 2);
    now_ms += DAY + SECOND;
    EXPECT(keeping_expire(accounts, now_ms) == OK);
    EXPECT(kept_messages(peer) == 1);
    now_ms += DAY;
    EXPECT(keeping_expire(accounts, now_ms) == OK);
    EXPECT(kept_messages(peer) == 0);
    start_anew(peer);
    EXPECT(kept_messages(peer) == 0);
    struct arena arena;
    arena_init(&arena);
    EXPECT(mailbox_find(store_of(peer), kept_owner(ALICE, &arena), TEXT("INBOX")) == NULL);
    arena_finish(&arena);
    set(peer, PREFERENCE_KEEP_DELETED, "0");
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){3}, 1) == OK);
    EXPECT(kept_messages(peer) == 0);
    clock_set_for_test(NULL);
}

TEST("what was removed is kept as long as its owner's setting says, and with 0 not at all")
{
    queue_peer_run(with_time);
}

static void since(struct queue_peer *peer)
{
    int64_t now_ms = 1800000000LL * SECOND;
    clock_set_for_test(&now_ms);
    deliver(peer, 2);
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){1}, 1) == OK);
    now_ms += HOUR;
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){2}, 1) == OK);
    EXPECT(restore(peer, "Sent", now_ms) == 0);
    EXPECT(restore(peer, "INBOX", now_ms) == 1);
    EXPECT(kept_messages(peer) == 1);
    clock_set_for_test(NULL);
}

TEST("what was removed since a time is put back, what was removed before it stays away")
{
    queue_peer_run(since);
}

static void too_much(struct queue_peer *peer)
{
    int64_t now_ms = 1800000000LL * SECOND;
    clock_set_for_test(&now_ms);
    const struct accounts *accounts = queue_accounts(peer->queue);
    struct mailbox *inbox;
    char most[32];
    deliver(peer, 12);
    inbox = box_of(peer, "INBOX");
    uint64_t one = mailbox_totals(inbox).bytes / 12;
    snprintf(most, sizeof(most), "%" PRIu64 "B", 4 * one);
    set(peer, PREFERENCE_KEEP_DELETED_MOST, most);
    for (uint32_t uid = 1; uid <= 6; uid++, now_ms += 2 * MINUTE)
        EXPECT(mailbox_expunge(inbox, &uid, 1) == OK);
    EXPECT(keeping_expire(accounts, now_ms) == OK);
    EXPECT(kept_messages(peer) == 4);
    /* The oldest went: the last that were removed can be put back. */
    EXPECT(restore(peer, "", now_ms - 9 * MINUTE) == 4);
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){7, 8, 9, 10, 11, 12, 13, 14, 15},
                           9) == OK);
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){16}, 1) == OK);
    EXPECT(kept_messages(peer) <= 9); /* above twice the limit nothing is added */
    clock_set_for_test(NULL);
}

TEST("above the limit the oldest goes first, and who removes faster than that keeps no more")
{
    queue_peer_run(too_much);
}

static void space(struct queue_peer *peer)
{
    static char large[600 << 10];
    peer->segment_bytes = 1 << 20;
    queue_peer_close(peer);
    queue_peer_open(peer);
    for (int i = 0; i < 8; i++) {
        struct queue_peer_mail mail = {
            .body = text_of(large, sizeof(large)), .to = {ALICE}, .to_count = 1};
        EXPECT(queue_peer_mail(peer, &mail) == OK);
    }
    struct store *store = store_of(peer);
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8) == OK);
    while (store_reclaim(store, true) == OK)
        ;
    EXPECT(store_space_now(store).live_bytes >= 8 * sizeof(large));
    EXPECT(kept_expire(store, ALICE, INT64_MAX, UINT64_MAX) == OK);
    while (store_reclaim(store, true) == OK)
        ;
    EXPECT(store_space_now(store).live_bytes < sizeof(large));
    EXPECT(store_space_now(store).segments <= 2);
    start_anew(peer);
    EXPECT(kept_messages(peer) == 0);
}

TEST("the space of what was kept is given back once it goes, and not before")
{
    queue_peer_run(space);
}

static void written_forward(struct queue_peer *peer)
{
    static char large[600 << 10];
    peer->segment_bytes = 1 << 20;
    queue_peer_close(peer);
    queue_peer_open(peer);
    deliver(peer, 2);
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){1}, 1) == OK);
    for (int i = 0; i < 8; i++) {
        struct queue_peer_mail mail = {
            .body = text_of(large, sizeof(large)), .to = {TEXT("bob@local.test")}, .to_count = 1};
        EXPECT(queue_peer_mail(peer, &mail) == OK);
    }
    struct store *store = store_of(peer);
    EXPECT(preference_set(queue_accounts(peer->queue), TEXT("bob@local.test"),
                          PREFERENCE_KEEP_DELETED, TEXT("0")) == OK);
    struct mailbox *bob = mailbox_find(store, TEXT("bob@local.test"), TEXT("INBOX"));
    EXPECT(mailbox_expunge(bob, (uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8) == OK);
    while (store_reclaim(store, true) == OK)
        ;
    start_anew(peer);
    EXPECT(kept_messages(peer) == 1);
    EXPECT(restore(peer, "", 0) == 1);
    EXPECT(mailbox_totals(box_of(peer, "INBOX")).messages == 2);
}

TEST("what is kept stays when the log's head, with it, is written forward")
{
    queue_peer_run(written_forward);
}
