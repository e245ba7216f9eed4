/* Into which mailboxes scripts put a message: by name and by use, while one is being deleted, and
 * where there is none; and with which header. */
#include <string.h>

#include "account/preference.h"
#include "base/logline.h"
#include "filter_scene.h"
#include "store/hierarchy.h"

#define FILING "require [\"fileinto\", \"special-use\", \"mailbox\", \"copy\"]; "

static struct arena arena;

static void make(struct queue_peer *peer, const char *name, unsigned uses)
{
    EXPECT(mailbox_create(queue_store(peer->queue), TEXT(ALICE), text_from(name), uses) ==
           NAMING_DONE);
}

/* How many messages alice's mailbox holds; 0 when there is none. */
static unsigned count_in(struct queue_peer *peer, const char *name)
{
    return queue_peer_count_in(peer, TEXT(ALICE), name);
}

static bool is_true(struct queue_peer *peer, const char *test)
{
    unsigned count = queue_peer_count(peer, ALICE);
    set_script(peer, ALICE, arena_printf(&arena, FILING "if %s { discard; }", test).data);
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    return holds(peer, ALICE, count);
}

static void asks(struct queue_peer *peer)
{
    make(peer, "Bills", 0);
    EXPECT(!is_true(peer, "specialuse_exists \"\\\\Junk\""));
    make(peer, "Spam", USE_JUNK);
    EXPECT(is_true(peer, "specialuse_exists \"\\\\junk\""));
    EXPECT(is_true(peer, "specialuse_exists \"Spam\" \"\\\\Junk\""));
    EXPECT(!is_true(peer, "specialuse_exists \"Bills\" \"\\\\Junk\""));
    EXPECT(!is_true(peer, "specialuse_exists \"Nowhere\" \"\\\\Junk\""));
    EXPECT(!is_true(peer, "specialuse_exists \"\\\\Nonsense\""));
    EXPECT(is_true(peer, "mailboxexists [\"inbox\", \"Bills\"]"));
    EXPECT(!is_true(peer, "mailboxexists [\"Bills\", \"Nowhere\"]"));
}

TEST("a script asks for mailboxes by their name and by their use")
{
    run_with_directory(&arena, asks);
}

static void one_in_each(struct queue_peer *peer)
{
    make(peer, "Spam", USE_JUNK);
    set_script(peer, ALICE,
               FILING "fileinto \"Spam\"; fileinto :specialuse \"\\\\Junk\" \"Other\"; keep; "
                      "fileinto \"inbox\"; fileinto :specialuse \"\\\\Nonsense\" \"Spam\"; "
                      "fileinto :create \"Bills/\"; fileinto :create \"Bills//2026\";");
    uint64_t id = queue_peer_deliver(peer, FAR, ALICE);
    EXPECT(count_in(peer, "Spam") == 1 && count_in(peer, "INBOX") == 1);
    EXPECT(mailbox_find(queue_store(peer->queue), TEXT(ALICE), TEXT("Bills")) == NULL);
    set_script(peer, ALICE, FILING "fileinto :create \"Bills//2026\"; fileinto \"Spam\";");
    id = queue_peer_deliver(peer, FAR, ALICE);
    EXPECT(count_in(peer, "Spam") == 2 && count_in(peer, "INBOX") == 2);
    EXPECT(is_told(peer, id, "there is no mailbox Bills//2026"));
}

/* RFC 5228 2.10.3 */
TEST("a message is put once into each mailbox, by however many names it is meant")
{
    run_with_directory(&arena, one_in_each);
}

static struct task_group deleting;

static void delete_bills(void *argument)
{
    struct queue_peer *peer = argument;
    EXPECT(mailbox_delete(queue_store(peer->queue), TEXT(ALICE), TEXT("Bills")) == NAMING_DONE);
}

static void begin_to_delete(struct queue_peer *peer)
{
    struct mailbox *box = mailbox_find(queue_store(peer->queue), TEXT(ALICE), TEXT("Bills"));
    task_group_init(&deleting);
    task_spawn(&deleting, "delete", delete_bills, peer);
    while (!mailbox_is_deleted(box))
        task_yield();
}

/* Alice is asked about while her mailbox Bills begins to go. */
static void while_it_goes(struct queue_peer *peer, const char *script)
{
    make(peer, "Bills", USE_ARCHIVE);
    set_script(peer, ALICE, FILING "fileinto \"Bills\";");
    for (unsigned i = 0; i < 3; i++) /* which takes a record to be emptied, and one more */
        queue_peer_deliver(peer, FAR, ALICE);
    EXPECT(count_in(peer, "Bills") == 3);
    set_script(peer, ALICE, script);
    queue_directory_back(peer->queue); /* so that she is asked about again */
    peer->meanwhile = begin_to_delete;
    queue_peer_deliver(peer, FAR, ALICE);
    task_group_wait(&deleting, NO_DEADLINE);
    EXPECT(mailbox_find(queue_store(peer->queue), TEXT(ALICE), TEXT("Bills")) == NULL);
}

static void being_deleted(struct queue_peer *peer)
{
    while_it_goes(peer, FILING "fileinto :specialuse \"\\\\Archive\" \"Bills\";");
    EXPECT(count_in(peer, "Archive") == 1 && holds(peer, ALICE, 0));
    while_it_goes(peer, FILING "fileinto \"Bills\";");
    EXPECT(count_in(peer, "Archive") == 1 && holds(peer, ALICE, 1));
}

TEST("a message for a mailbox that is being deleted comes into another, and is not lost with it")
{
    run_with_directory(&arena, being_deleted);
}

static void delete_now(struct queue_peer *peer)
{
    delete_bills(peer);
}

static void deleted_meanwhile(struct queue_peer *peer)
{
    make(peer, "Bills", 0);
    queue_peer_deliver(peer, FAR, ALICE); /* from now on she is known without asking */
    set_script(peer, ALICE, FILING "fileinto \"Bills\"; redirect \"" BOB "\";");
    peer->meanwhile = delete_now;
    uint64_t id = queue_peer_deliver(peer, FAR, ALICE);
    EXPECT(holds(peer, ALICE, 2) && holds(peer, BOB, 1));
    EXPECT(is_told(peer, id, "action=fileinto mailbox=\"INBOX\" uid=2"));

    make(peer, "Bills", 0);
    set_script(peer, ALICE, FILING "fileinto \"Bills\";");
    queue_peer_deliver(peer, FAR, ALICE);
    set_script(peer, ALICE, FILING "fileinto \"Bills\"; redirect \"carol@local.test\";");
    peer->meanwhile = begin_to_delete;
    queue_peer_deliver(peer, FAR, ALICE);
    task_group_wait(&deleting, NO_DEADLINE);
    EXPECT(holds(peer, ALICE, 3) && holds(peer, "carol@local.test", 1));
}

TEST("so does one for a mailbox that goes after the script has chosen it")
{
    run_with_directory(&arena, deleted_meanwhile);
}

static const char editing[] =
    "require [\"editheader\", \"reject\"]; addheader \"X-Seen\" \"yes\"; ";

static void set_editing(struct queue_peer *peer, const char *more)
{
    set_script(peer, ALICE, arena_printf(&arena, "%s%s", editing, more).data);
}

static struct text read_without_path(struct queue_peer *peer, unsigned n)
{
    struct text read = queue_peer_read(peer, ALICE, n, &arena);
    return text_from_position(read, strlen("Return-Path: <" FAR ">\r\n"));
}

static void edits(struct queue_peer *peer)
{
    set_editing(peer, "");
    EXPECT(send_to(peer, HEADER, ALICE) == OK);
    EXPECT_TEXT(read_without_path(peer, 0), "X-Seen: yes\r\n" HEADER);

    struct buffer huge;
    buffer_init(&huge, 1 << 20);
    while (huge.length < 300000)
        buffer_printf(&huge, "X-%zu: y\r\n", huge.length);
    buffer_append(&huge, TEXT("\r\nbody\r\n"));
    buffer_append_byte(&huge, '\0');
    log_setup("test", LOG_LEVEL_ERROR + 1); /* it warns of that */
    EXPECT(send_to(peer, huge.data, ALICE) == OK);
    EXPECT_TEXT(read_without_path(peer, 1), huge.data);
    buffer_finish(&huge);

    set_editing(peer, "redirect \"x@far.example\";");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(holds(peer, ALICE, 2));
    EXPECT_TEXT(take_jobs(peer, 1, &arena)->body, "Delivered-To: " ALICE "\r\n" MESSAGE);
}

TEST("a header alone is edited too; one that is not seen whole, and what is sent on, stays as it "
     "came")
{
    run_with_directory(&arena, edits);
}

static void say_wrong(void *context, const char *line)
{
    unused(context);
    print_error("%s\n", line);
}

static void edits_for_nobody(struct queue_peer *peer)
{
    enum { LARGE = 3 << 20 };
    struct store *store = queue_store(peer->queue);
    set_editing(peer, "reject \"No.\";");
    EXPECT(send_to(peer, MESSAGE, ALICE) == REFUSED);
    set_editing(peer, "");
    EXPECT(preference_set(queue_accounts(peer->queue), TEXT(ALICE), PREFERENCE_QUOTA_MESSAGES,
                          TEXT("1")) == OK);
    queue_peer_deliver(peer, BOB, ALICE);
    EXPECT(holds(peer, ALICE, 1));
    uint64_t live = store_space_now(store).live_bytes;
    char *large = arena_alloc(&arena, LARGE);
    memset(large, 'x', LARGE);
    memcpy(large, HEADER "\r\n", sizeof(HEADER) + 1);
    struct queue_peer_mail mail = {
        .sender = TEXT(BOB), .body = text_of(large, LARGE), .to = {TEXT(ALICE)}, .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_await(peer, BOB, 1));
    EXPECT(has(queue_peer_read(peer, BOB, 0, &arena), "5.2.2"));
    EXPECT(holds(peer, ALICE, 1) && queue_counts_now(peer->queue).items == 0);
    EXPECT(store_space_now(store).live_bytes < live + LARGE / 2);
    EXPECT(store_verify(store, say_wrong, NULL) == OK);
}

TEST("what is edited for who rejects it, or whose mailbox is full, leaves nothing behind")
{
    run_with_directory(&arena, edits_for_nobody);
}
