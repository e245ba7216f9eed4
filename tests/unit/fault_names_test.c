/* Mailboxes being renamed and deleted, scripts and stories being written, and a store being
 * verified, while the n-th call to the kernel fails. */
#include <stdlib.h>
#include <string.h>

#include "fault_peer.h"
#include "store/hierarchy.h"
#include "store/scripts.h"

#define ALICE TEXT("alice@local.test")

enum { CHANGED = 0, RECOVERED = 1, STORY = 4711 };

static struct store *store_of(struct queue_peer *peer)
{
    return queue_store(peer->queue);
}

static unsigned count_in(struct queue_peer *peer, const char *name)
{
    struct mailbox *box = mailbox_find(store_of(peer), ALICE, text_from(name));
    return box == NULL ? 0 : mailbox_totals(box).messages;
}

static bool has(struct queue_peer *peer, const char *name)
{
    return mailbox_find(store_of(peer), ALICE, text_from(name)) != NULL;
}

static void make(struct queue_peer *peer, const char *name)
{
    fault_expect(mailbox_create(store_of(peer), ALICE, text_from(name), 0) == NAMING_DONE,
                 "it is prepared");
}

/* Two messages in INBOX, and in a mailbox with one below. */
static void prepare(struct queue_peer *peer)
{
    uint32_t uids[] = {1, 2}, first;
    unsigned count = 2;
    fault_peer_deliver_two(peer);
    make(peer, "a/b");
    struct mailbox *inbox = mailbox_find(store_of(peer), ALICE, TEXT("INBOX"));
    fault_expect(inbox != NULL, "it is prepared");
    mailbox_open(inbox);
    fault_expect(mailbox_copy(inbox, mailbox_find(store_of(peer), ALICE, TEXT("a")), uids, &count,
                              false, &first) == OK,
                 "it is prepared");
    mailbox_close(&inbox);
}

static void change(struct queue_peer *peer, enum status (*what)(struct queue_peer *peer))
{
    fault_begin();
    fault_ask(CHANGED);
    fault_tell(CHANGED, what(peer));
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

static void look_at_rest(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    fault_peer_has_recovered(peer, RECOVERED);
    fault_expect(has(peer, "INBOX"), "INBOX is there");
}

/* ---- RENAME ---- */

static enum status rename_tree(struct queue_peer *peer)
{
    return mailbox_rename(store_of(peer), ALICE, TEXT("a"), TEXT("new/c")) == NAMING_DONE
               ? OK
               : TRY_LATER;
}

static void act_rename(struct queue_peer *peer)
{
    change(peer, rename_tree);
}

static void look_rename(struct queue_peer *peer)
{
    look_at_rest(peer);
    bool is_new = has(peer, "new/c");
    fault_as_told(CHANGED, is_new);
    fault_expect(has(peer, "new/c/b") == is_new && has(peer, "new") == is_new, "all went");
    fault_expect(has(peer, "a") != is_new && has(peer, "a/b") != is_new, "or nothing did");
    fault_expect(count_in(peer, is_new ? "new/c" : "a") == 2, "with its mail");
}

TEST("a mailbox is renamed with those below it, or has its old name")
{
    fault_peer_loop(&(struct fault_peer){"RENAME", prepare, act_rename, look_rename});
}

/* Each message by itself is in one of both: it goes in several records. */
static enum status rename_inbox(struct queue_peer *peer)
{
    return mailbox_rename(store_of(peer), ALICE, TEXT("INBOX"), TEXT("old")) == NAMING_DONE
               ? OK
               : TRY_LATER;
}

static void act_rename_inbox(struct queue_peer *peer)
{
    change(peer, rename_inbox);
}

static void look_rename_inbox(struct queue_peer *peer)
{
    look_at_rest(peer);
    fault_expect(count_in(peer, "INBOX") + count_in(peer, "old") == 2, "each is in one place");
    fault_expect(!fault_was_kept(CHANGED) || count_in(peer, "old") == 2, "as it was told");
}

TEST("what is in INBOX goes to a new mailbox, or stays in it")
{
    fault_peer_loop(
        &(struct fault_peer){"RENAME INBOX", prepare, act_rename_inbox, look_rename_inbox});
}

/* ---- DELETE ---- */

static enum status delete_box(struct queue_peer *peer)
{
    return mailbox_delete(store_of(peer), ALICE, TEXT("a")) == NAMING_DONE ? OK : TRY_LATER;
}

static void act_delete(struct queue_peer *peer)
{
    change(peer, delete_box);
}

static void look_delete(struct queue_peer *peer)
{
    look_at_rest(peer);
    fault_as_told(CHANGED, !has(peer, "a"));
    fault_expect(has(peer, "a/b") && count_in(peer, "INBOX") == 2, "nothing else went");
}

TEST("a mailbox is deleted when that is told, and nothing else with it")
{
    fault_peer_loop(&(struct fault_peer){"DELETE", prepare, act_delete, look_delete});
}

/* ---- Scripts ---- */

static void prepare_script(struct queue_peer *peer)
{
    fault_expect(script_put(store_of(peer), ALICE, TEXT("one"), TEXT("keep;")) == SCRIPT_DONE &&
                     script_activate(store_of(peer), ALICE, TEXT("one")) == SCRIPT_DONE,
                 "it is prepared");
    fault_peer_deliver_two(peer);
}

static enum status rename_script(struct queue_peer *peer)
{
    return script_rename(store_of(peer), ALICE, TEXT("one"), TEXT("two")) == SCRIPT_DONE
               ? OK
               : TRY_LATER;
}

static void act_script(struct queue_peer *peer)
{
    change(peer, rename_script);
}

static void look_script(struct queue_peer *peer)
{
    struct buffer source;
    look_at_rest(peer);
    buffer_init(&source, 1000);
    bool is_old = script_get(store_of(peer), ALICE, TEXT("one"), &source);
    bool is_new = script_get(store_of(peer), ALICE, TEXT("two"), &source);
    fault_expect(is_old != is_new, "it has one name");
    fault_as_told(CHANGED, is_new);
    script_active(store_of(peer), ALICE, &source);
    fault_expect(text_equals(buffer_text(&source), is_new ? TEXT("two") : TEXT("one")),
                 "and is still the active one");
    buffer_finish(&source);
}

TEST("a script is renamed whole, and stays active")
{
    fault_peer_loop(&(struct fault_peer){"RENAMESCRIPT", prepare_script, act_script, look_script});
}

/* ---- Looking ---- */

static void count_line(void *context, const char *line)
{
    unused(line);
    ++*(unsigned *)context;
}

static enum status verify(struct queue_peer *peer)
{
    unsigned lines = 0;
    enum status status = store_verify(store_of(peer), count_line, &lines);
    return status == OK ? OK : TRY_LATER;
}

static void act_verify(struct queue_peer *peer)
{
    change(peer, verify);
}

static void look_verify(struct queue_peer *peer)
{
    look_at_rest(peer);
    fault_expect(count_in(peer, "INBOX") == 2 && count_in(peer, "a") == 2, "all is there");
}

TEST("a store that is verified serves on, whatever fails for it")
{
    fault_peer_loop(&(struct fault_peer){"verify", prepare, act_verify, look_verify});
}

/* ---- Stories ---- */

static void ignore_story(void *context, int64_t wall_ms, struct text event, struct text text)
{
    unused(context), unused(wall_ms), unused(event), unused(text);
}

static enum status tell_and_forget(struct queue_peer *peer)
{
    store_story(store_of(peer), STORY, TEXT("sent"), TEXT("to=<bob@far.example>"));
    store_story_flush(store_of(peer));
    (void)store_stories(store_of(peer), STORY, ignore_story, NULL);
    return store_expire_stories(store_of(peer), INT64_MAX);
}

static void act_stories(struct queue_peer *peer)
{
    change(peer, tell_and_forget);
}

static void look_stories(struct queue_peer *peer)
{
    look_at_rest(peer);
    fault_expect(!fault_was_kept(CHANGED) ||
                     !store_stories(store_of(peer), STORY, ignore_story, NULL),
                 "what was to be forgotten is");
}

TEST("a story that is told, or forgotten, costs no mail")
{
    fault_peer_loop(&(struct fault_peer){"stories", prepare, act_stories, look_stories});
}
