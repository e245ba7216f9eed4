/* Mailboxes being changed while the n-th call to the kernel fails. */
#include <stdlib.h>
#include <string.h>

#include "account/keeping.h"
#include "base/id.h"
#include "fault_peer.h"
#include "store/append.h"
#include "store/kept.h"

#define ALICE TEXT("alice@local.test")

enum { CHANGED = 0, RECOVERED = 1 };

static struct mailbox *open_box(struct queue_peer *peer, struct text owner, const char *name)
{
    struct mailbox *box = mailbox_find(queue_store(peer->queue), owner, text_from(name));
    fault_expect(box != NULL, "the mailbox is there");
    mailbox_open(box);
    return box;
}

static unsigned count_kept(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    unsigned count = queue_peer_count_in(peer, kept_owner(ALICE, &arena), "INBOX");
    arena_finish(&arena);
    return count;
}

/* Two messages in INBOX, and a mailbox to move to. */
static void prepare(struct queue_peer *peer)
{
    fault_peer_deliver_two(peer);
    fault_expect(mailbox_create(queue_store(peer->queue), ALICE, TEXT("other"), 0) == NAMING_DONE,
                 "it is prepared");
}

/* What is done to INBOX while calls fail. */
static void change_inbox(struct queue_peer *peer,
                         enum status (*change)(struct queue_peer *peer, struct mailbox *inbox))
{
    struct mailbox *inbox = open_box(peer, ALICE, "INBOX");
    fault_begin();
    fault_ask(CHANGED);
    fault_tell(CHANGED, change(peer, inbox));
    mailbox_settle(inbox);
    fault_end();
    mailbox_close(&inbox);
    fault_peer_recovers(peer, RECOVERED);
}

static void look_at_rest(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    fault_peer_has_recovered(peer, RECOVERED);
}

/* ---- APPEND ---- */

static uint64_t next_id(void *context)
{
    struct queue_peer *peer = context;
    return peer->last_id = id_new(peer->last_id);
}

/* Two messages at once, the second too large for one record. */
static enum status append_two(struct queue_peer *peer, struct mailbox *inbox)
{
    enum { LARGE = 1000000 };
    struct append *append = append_new(queue_store(peer->queue), next_id, peer);
    char *body = malloc(LARGE);
    uint32_t uid;
    memset(body, 'a', LARGE);
    append_begin(append, FLAG_SEEN, NULL, 0, 1000);
    enum status status = append_bytes(append, text_of(body, 3000));
    if (status == OK)
        status = append_end(append, true);
    append_begin(append, FLAG_SEEN, NULL, 0, 1000);
    if (status == OK)
        status = append_bytes(append, text_of(body, LARGE));
    if (status == OK)
        status = append_end(append, false);
    if (status == OK)
        status = append_commit(append, inbox, &uid);
    append_free(&append);
    free(body);
    return status;
}

static void act_append(struct queue_peer *peer)
{
    change_inbox(peer, append_two);
}

static void look_append(struct queue_peer *peer)
{
    look_at_rest(peer);
    unsigned more = queue_peer_count_in(peer, ALICE, "INBOX") - 2;
    fault_expect(more != 1, "both are there, or neither");
    fault_as_told(CHANGED, more / 2);
    struct mailbox *inbox = open_box(peer, ALICE, "INBOX");
    for (uint32_t uid = 3; uid < 3 + more; uid++) {
        struct buffer body;
        const struct mailbox_entry *entry = mailbox_entry_from(inbox, uid);
        uint64_t size = entry->size;
        buffer_init(&body, 2 << 20);
        fault_expect(mailbox_read(queue_store(peer->queue), entry->message, 0, 2 << 20, &body) ==
                         OK,
                     "it can be read");
        fault_expect(body.length == size && text_find(buffer_text(&body), 'a') == 0 &&
                         body.data[size - 1] == 'a',
                     "it is whole");
        buffer_finish(&body);
    }
    mailbox_close(&inbox);
}

TEST("messages appended together are there together, or none is")
{
    fault_peer_loop(&(struct fault_peer){"APPEND", prepare, act_append, look_append, true});
}

/* ---- STORE ---- */

static enum status flag_both(struct queue_peer *peer, struct mailbox *inbox)
{
    uint32_t uids[] = {1, 2};
    uint64_t modseq, keyword = mailbox_keyword_add(inbox, TEXT("$Work"));
    unused(peer);
    return mailbox_flag_many(inbox, uids, 2, FLAG_FLAGGED | keyword, 0, &modseq);
}

static void act_flags(struct queue_peer *peer)
{
    change_inbox(peer, flag_both);
}

static void look_flags(struct queue_peer *peer)
{
    look_at_rest(peer);
    struct mailbox *inbox = open_box(peer, ALICE, "INBOX");
    uint64_t first = mailbox_entry_find(inbox, 1)->flags;
    fault_expect(first == mailbox_entry_find(inbox, 2)->flags, "both have them, or neither");
    bool has = first == (FLAG_FLAGGED | mailbox_keyword_find(inbox, TEXT("$Work")));
    fault_expect(has || first == 0, "all flags, or none");
    fault_as_told(CHANGED, has);
    mailbox_close(&inbox);
}

TEST("flags are set on all messages, or on none")
{
    fault_peer_loop(&(struct fault_peer){"STORE", prepare, act_flags, look_flags});
}

/* ---- EXPUNGE, and what is kept of it ---- */

static enum status expunge_first(struct queue_peer *peer, struct mailbox *inbox)
{
    unused(peer);
    return mailbox_expunge(inbox, (uint32_t[]){1}, 1);
}

static void act_expunge(struct queue_peer *peer)
{
    change_inbox(peer, expunge_first);
}

static void look_expunge(struct queue_peer *peer)
{
    look_at_rest(peer);
    unsigned there = queue_peer_count_in(peer, ALICE, "INBOX");
    fault_as_told(CHANGED, 2 - there);
    fault_expect(count_kept(peer) == 2 - there, "it is in one place");
}

TEST("a message that is expunged is kept for a while, and never in two places")
{
    fault_peer_loop(&(struct fault_peer){"EXPUNGE", prepare, act_expunge, look_expunge});
}

static void prepare_kept(struct queue_peer *peer)
{
    prepare(peer);
    struct mailbox *inbox = open_box(peer, ALICE, "INBOX");
    fault_expect(expunge_first(peer, inbox) == OK, "it is prepared");
    mailbox_close(&inbox);
}

static enum status restore(struct queue_peer *peer, struct mailbox *inbox)
{
    uint64_t restored;
    struct keeping_choice choice = {.owner = ALICE};
    unused(inbox);
    return keeping_restore(queue_store(peer->queue), &choice, &restored);
}

static void act_restore(struct queue_peer *peer)
{
    change_inbox(peer, restore);
}

static void look_restore(struct queue_peer *peer)
{
    look_at_rest(peer);
    unsigned there = queue_peer_count_in(peer, ALICE, "INBOX");
    fault_as_told(CHANGED, there - 1);
    fault_expect(count_kept(peer) == 2 - there, "it is in one place");
}

TEST("what was removed comes back once, or stays kept")
{
    fault_peer_loop(&(struct fault_peer){"undelete", prepare_kept, act_restore, look_restore});
}

static enum status let_go(struct queue_peer *peer, struct mailbox *inbox)
{
    unused(inbox);
    return kept_expire(queue_store(peer->queue), ALICE, INT64_MAX, 0);
}

static void act_let_go(struct queue_peer *peer)
{
    change_inbox(peer, let_go);
}

/* It goes in several records, and nobody is told of the first. */
static void look_let_go(struct queue_peer *peer)
{
    look_at_rest(peer);
    fault_expect(queue_peer_count_in(peer, ALICE, "INBOX") == 1, "what is not kept is not touched");
    fault_expect(!fault_was_kept(CHANGED) || count_kept(peer) == 0,
                 "it is gone when that was told");
}

TEST("what was kept long enough goes, and nothing else")
{
    fault_peer_loop(&(struct fault_peer){"end of keeping", prepare_kept, act_let_go, look_let_go});
}

/* ---- MOVE ---- */

static enum status move_both(struct queue_peer *peer, struct mailbox *inbox)
{
    uint32_t uids[] = {1, 2}, first;
    unsigned count = 2;
    struct mailbox *other = mailbox_find(queue_store(peer->queue), ALICE, TEXT("other"));
    fault_expect(other != NULL, "the other mailbox is there");
    return mailbox_copy(inbox, other, uids, &count, true, &first);
}

static void act_move(struct queue_peer *peer)
{
    change_inbox(peer, move_both);
}

static void look_move(struct queue_peer *peer)
{
    look_at_rest(peer);
    unsigned moved = queue_peer_count_in(peer, ALICE, "other");
    fault_expect(moved != 1 && queue_peer_count_in(peer, ALICE, "INBOX") == 2 - moved,
                 "each is in one place");
    fault_as_told(CHANGED, moved / 2);
}

TEST("messages that are moved are in one mailbox or in the other")
{
    fault_peer_loop(&(struct fault_peer){"MOVE", prepare, act_move, look_move});
}
