/* What holds for users: their settings and limits, live and after the index was lost. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "account/access_key.h"
#include "account/preference.h"
#include "account/quota.h"
#include "account/sharing.h"
#include "queue_peer.h"
#include "store/hierarchy.h"

#define ALICE TEXT("alice@local.test")

static void expect_used(struct queue_peer *peer, uint64_t messages, uint64_t bytes)
{
    struct quota quota = quota_of(queue_accounts(peer->queue), ALICE);
    EXPECT(quota.used.messages == messages);
    EXPECT(quota.used.bytes == bytes);
}

static void say_nothing(void *context, const char *line)
{
    unused(context);
    fprintf(stderr, "%s\n", line);
}

/* The log says the same: read anew, and after a start without an index. */
static void expect_durable(struct queue_peer *peer, uint64_t messages, uint64_t bytes)
{
    expect_used(peer, messages, bytes);
    EXPECT(store_verify(queue_store(peer->queue), say_nothing, NULL) == OK);
    queue_peer_close(peer);
    queue_peer_open(peer); /* the index was in memory */
    expect_used(peer, messages, bytes);
}

static struct mailbox *box_of(struct queue_peer *peer, const char *name)
{
    struct mailbox *box = mailbox_find(queue_store(peer->queue), ALICE, text_from(name));
    EXPECT(box != NULL);
    return box;
}

static void what_comes_and_goes(struct queue_peer *peer)
{
    struct store *store = queue_store(peer->queue);
    for (int i = 0; i < 4; i++)
        queue_peer_deliver(peer, "a@far.example", "alice@local.test");
    uint64_t one = mailbox_totals(box_of(peer, "INBOX")).bytes / 4;
    EXPECT(one > 0);
    expect_used(peer, 4, 4 * one);
    EXPECT(mailbox_create(store, ALICE, TEXT("a/b"), 0) == NAMING_DONE);
    struct mailbox *inbox = box_of(peer, "INBOX"), *other = box_of(peer, "a/b");
    uint32_t uids[] = {1, 2}, first;
    unsigned count = 2;
    mailbox_open(inbox);
    EXPECT(mailbox_copy(inbox, other, uids, &count, false, &first) == OK);
    expect_used(peer, 6, 6 * one);
    uids[0] = 3;
    count = 1;
    EXPECT(mailbox_copy(inbox, other, uids, &count, true, &first) == OK);
    EXPECT(mailbox_flag(inbox, 4, FLAG_DELETED | FLAG_SEEN, 0) == OK);
    mailbox_close(&inbox);
    struct mailbox_totals totals = mailbox_totals(box_of(peer, "INBOX"));
    EXPECT(totals.messages == 3 && totals.unseen == 2 && totals.deleted == 1);
    EXPECT(totals.deleted_bytes == one && totals.bytes == 3 * one);
    expect_durable(peer, 6, 6 * one);
    store = queue_store(peer->queue);
    EXPECT(mailbox_expunge(box_of(peer, "INBOX"), (uint32_t[]){1, 1, 9}, 3) == OK);
    EXPECT(mailbox_rename(store, ALICE, TEXT("a"), TEXT("c")) == NAMING_DONE);
    expect_durable(peer, 5, 5 * one);
    store = queue_store(peer->queue);
    EXPECT(mailbox_delete(store, ALICE, TEXT("c/b")) == NAMING_DONE);
    expect_durable(peer, 2, 2 * one);
}

TEST("what an owner keeps is counted with every change, and the log says the same")
{
    queue_peer_run(what_comes_and_goes);
}

static void written_forward(struct queue_peer *peer)
{
    peer->segment_bytes = 1 << 20;
    queue_peer_close(peer);
    queue_peer_open(peer);
    for (int i = 0; i < 3; i++)
        queue_peer_deliver(peer, "a@far.example", "alice@local.test");
    uint64_t bytes = mailbox_totals(box_of(peer, "INBOX")).bytes;
    static char large[600 << 10];
    for (int i = 0; i < 8; i++) {
        struct queue_peer_mail mail = {
            .body = text_of(large, sizeof(large)), .to = {TEXT("bob@local.test")}, .to_count = 1};
        EXPECT(queue_peer_mail(peer, &mail) == OK);
    }
    struct store *store = queue_store(peer->queue);
    struct mailbox *bob = mailbox_find(store, TEXT("bob@local.test"), TEXT("INBOX"));
    EXPECT(mailbox_expunge(bob, (uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8}, 8) == OK);
    while (store_reclaim(store, true) == OK)
        ;
    expect_durable(peer, 3, bytes);
}

TEST("the count is right when the log's head, with the mailbox, was written forward")
{
    queue_peer_run(written_forward);
}

static void limits(struct queue_peer *peer)
{
    const struct accounts *accounts = queue_accounts(peer->queue);
    EXPECT(quota_admit(accounts, ALICE, 1000, UINT64_MAX) == OK); /* none is set */
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA, TEXT("1KB")) == OK);
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA_MESSAGES, TEXT("2")) == OK);
    EXPECT(quota_admit(accounts, ALICE, 2, 1024) == OK);
    EXPECT(quota_admit(accounts, ALICE, 3, 0) == REFUSED);
    EXPECT(quota_admit(accounts, ALICE, 1, 1025) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "over quota: 0 of 1024 bytes are used");
    EXPECT(quota_admit(accounts, ALICE, UINT64_MAX, UINT64_MAX) == REFUSED);
    queue_peer_deliver(peer, "carol@local.test", "alice@local.test");
    queue_peer_deliver(peer, "carol@local.test", "alice@local.test");
    EXPECT(quota_admit(accounts, ALICE, 1, 0) == REFUSED);
    EXPECT(quota_admit(accounts, ALICE, 0, 1) == OK);
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA_MESSAGES, TEXT("default")) == OK);
    EXPECT(quota_admit(accounts, ALICE, 1, 1) == OK);
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA, TEXT("5 apples")) == REFUSED);
}

TEST("a limit holds from one more than it on, and whoever is above it may come down")
{
    queue_peer_run(limits);
}

static void full_in_a_group(struct queue_peer *peer)
{
    struct arena arena;
    const struct accounts *accounts = queue_accounts(peer->queue);
    arena_init(&arena);
    EXPECT(preference_set(accounts, ALICE, PREFERENCE_QUOTA_MESSAGES, TEXT("1")) == OK);
    queue_peer_deliver(peer, "carol@local.test", "group@local.test");
    EXPECT(queue_peer_count(peer, "alice@local.test") == 1);
    queue_peer_deliver(peer, "carol@local.test", "group@local.test");
    EXPECT(queue_peer_count(peer, "alice@local.test") == 1);
    EXPECT(queue_peer_count(peer, "bob@local.test") == 2);
    EXPECT(queue_peer_await(peer, "carol@local.test", 2)); /* the group has a gone member too */
    struct text report = queue_peer_read(peer, "carol@local.test", 1, &arena);
    EXPECT(text_find_text(report, TEXT("5.2.2")) < report.length);
    EXPECT(text_find_text(report, TEXT("alice@local.test")) < report.length);
    arena_finish(&arena);
}

TEST("a member of a group whose mailbox is full is reported, the others get the message")
{
    queue_peer_run(full_in_a_group);
}

static bool is_key(struct queue_peer *peer, uint64_t mailbox, const struct access_key *key)
{
    struct access_key found;
    return access_key_find(queue_store(peer->queue), ALICE, mailbox, &found) &&
           memcmp(found.bytes, key->bytes, sizeof(found.bytes)) == 0;
}

static void count_removed(void *context, uint64_t mailbox)
{
    *(uint64_t *)context += mailbox;
}

static void keys_come_and_go(struct queue_peer *peer)
{
    struct store *store = queue_store(peer->queue);
    struct access_key first, second, again;
    EXPECT(mailbox_create(store, ALICE, TEXT("a"), 0) == NAMING_DONE);
    EXPECT(mailbox_create(store, ALICE, TEXT("b"), 0) == NAMING_DONE);
    uint64_t a = mailbox_id(box_of(peer, "a")), b = mailbox_id(box_of(peer, "b")), removed = 0;
    EXPECT(!access_key_find(store, ALICE, a, &first));
    EXPECT(access_key_get(store, ALICE, a, &first) == OK);
    EXPECT(access_key_get(store, ALICE, b, &second) == OK);
    EXPECT(access_key_get(store, ALICE, a, &again) == OK);
    EXPECT(is_key(peer, a, &first) && is_key(peer, a, &again) && !is_key(peer, a, &second));
    EXPECT(!access_key_find(store, TEXT("bob@local.test"), a, &again));
    queue_peer_close(peer);
    queue_peer_open(peer); /* the index was in memory */
    store = queue_store(peer->queue);
    EXPECT(is_key(peer, a, &first) && is_key(peer, b, &second));
    EXPECT(access_key_renew(store, ALICE, a) == OK);
    EXPECT(!is_key(peer, a, &first) && is_key(peer, b, &second));
    EXPECT(mailbox_rename(store, ALICE, TEXT("b"), TEXT("c")) == NAMING_DONE);
    EXPECT(is_key(peer, b, &second));
    EXPECT(sharing_delete_mailbox(store, ALICE, TEXT("c")) == NAMING_DONE);
    EXPECT(!is_key(peer, b, &second));
    EXPECT(access_keys_remove(store, ALICE, count_removed, &removed) == OK);
    EXPECT(removed == a && !access_key_find(store, ALICE, a, &again));
    EXPECT(access_keys_remove(store, ALICE, count_removed, &removed) == OK);
    EXPECT(removed == a);
}

TEST("a user's access key of a mailbox stays until it is renewed or removed, or the mailbox goes")
{
    queue_peer_run(keys_come_and_go);
}
