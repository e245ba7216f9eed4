/* The names of mailboxes: which there can be, where they may go, and that each change of them is
 * done or not done at all, whatever call of the disk fails. */
#include "store/hierarchy.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/logline.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

static bool has(struct store_world *world, const char *name)
{
    return mailbox_find(world->store, ALICE, text_from(name)) != NULL;
}

static enum naming make(struct store_world *world, const char *name)
{
    return mailbox_create(world->store, ALICE, text_from(name), 0);
}

static enum naming move(struct store_world *world, const char *from, const char *to)
{
    return mailbox_rename(world->store, ALICE, text_from(from), text_from(to));
}

static unsigned count_in(struct store_world *world, const char *name)
{
    struct mailbox *box = mailbox_find(world->store, ALICE, text_from(name));
    return box == NULL ? 0 : mailbox_totals(box).messages;
}

/* ---- Which names ---- */

static void odd_names(struct store_world *world)
{
    static const char *const names[] = {"",     "/",       "a/",       "/a",
                                        "a//b", "a\x01/b", "a/\x7f",   "a\nb",
                                        "\xff", "a/\xc3(", "\xc0\x80", "\xed\xa0\x80"};
    char longest[402];
    memset(longest, 'n', sizeof(longest));
    longest[401] = '\0';
    EXPECT(make(world, "a") == NAMING_DONE);
    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
        EXPECT(make(world, names[i]) == NAMING_MALFORMED);
        EXPECT(move(world, "a", names[i]) == NAMING_MALFORMED);
    }
    EXPECT(make(world, longest) == NAMING_MALFORMED);
    longest[400] = '\0';
    EXPECT(make(world, longest) == NAMING_DONE);
    EXPECT(make(world, "gr\xc3\xbc\xc3\x9f") == NAMING_DONE);
    char owner[MAILBOX_NAMES_MAX];
    memset(owner, 'o', sizeof(owner));
    EXPECT(mailbox_create(world->store, text_of(owner, sizeof(owner)), TEXT("b"), 0) ==
           NAMING_MALFORMED);
}

TEST("a name is UTF-8 without control characters and empty levels, and not too long")
{
    world_run(odd_names, 1);
}

/* ---- Where they may go ---- */

static void moves(struct store_world *world)
{
    char below[402] = "long/";
    memset(below + 5, 'n', 390);
    below[395] = '\0';
    EXPECT(make(world, "a/b/c") == NAMING_DONE);
    EXPECT(has(world, "a") && has(world, "a/b"));
    EXPECT(make(world, "a/b") == NAMING_EXISTS);
    EXPECT(move(world, "a", "a/b/d") == NAMING_WITHIN);
    EXPECT(move(world, "a", "a") == NAMING_EXISTS);
    EXPECT(move(world, "a", "INBOX") == NAMING_EXISTS);
    EXPECT(move(world, "absent", "new") == NAMING_MISSING);
    EXPECT(make(world, "ab") == NAMING_DONE); /* between "a" and "a/b" in no order of levels */
    EXPECT(move(world, "ab", "a") == NAMING_EXISTS);
    EXPECT(move(world, "a", "x/y") == NAMING_DONE);
    EXPECT(has(world, "x") && has(world, "x/y/b/c") && has(world, "ab") && !has(world, "a"));
    EXPECT(make(world, below) == NAMING_DONE);
    EXPECT(move(world, "long", "a name that is so long") == NAMING_MALFORMED);
    EXPECT(has(world, below));
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("INBOX")) == NAMING_INBOX);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("absent")) == NAMING_MISSING);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("x")) == NAMING_DONE);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("x")) == NAMING_HAS_CHILDREN);
    EXPECT(make(world, "z") == NAMING_DONE && make(world, "z/b") == NAMING_DONE);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("z")) == NAMING_DONE);
    EXPECT(move(world, "z", "x") == NAMING_DONE); /* neither is a mailbox: z/b goes below x */
    EXPECT(has(world, "x/b") && has(world, "x/y"));
    EXPECT(make(world, "z/y") == NAMING_DONE);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("z")) == NAMING_DONE);
    EXPECT(move(world, "z", "x") == NAMING_EXISTS); /* x/y is taken */
    EXPECT(has(world, "z/y"));
}

TEST("a mailbox goes with all below it to a name that is free, and not below itself")
{
    world_run(moves, 1);
}

static void inbox_moves(struct store_world *world)
{
    world_fill(world, world_inbox(world), 700); /* more than go at once */
    EXPECT(make(world, "taken") == NAMING_DONE);
    EXPECT(move(world, "INBOX", "taken") == NAMING_EXISTS);
    EXPECT(count_in(world, "INBOX") == 700);
    EXPECT(move(world, "INBOX", "old/mail") == NAMING_DONE);
    EXPECT(count_in(world, "INBOX") == 0 && count_in(world, "old/mail") == 700);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("old/mail")) == NAMING_DONE);
    EXPECT(!has(world, "old/mail") && has(world, "old"));
    world_restart(world);
    EXPECT(!has(world, "old/mail") && has(world, "old") && count_in(world, "INBOX") == 0);
}

TEST("of INBOX the messages go, and a mailbox is deleted with all that is in it")
{
    world_run(inbox_moves, 1);
}

static void uses_of_what_went(struct store_world *world)
{
    EXPECT(make(world, "a") == NAMING_DONE);
    uint64_t id = mailbox_id(mailbox_find(world->store, ALICE, TEXT("a")));
    EXPECT(mailbox_set_uses(world->store, id, USE_SENT) == OK);
    EXPECT(mailbox_uses(mailbox_find_id(world->store, id)) == USE_SENT);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("a")) == NAMING_DONE);
    EXPECT(mailbox_set_uses(world->store, id, USE_JUNK) == REFUSED);
}

TEST("what a mailbox is for is kept while there is one")
{
    world_run(uses_of_what_went, 1);
}

static bool count_to_two(void *context, struct text owner)
{
    unused(owner);
    return ++*(unsigned *)context < 2;
}

static bool count_name(void *context, struct text name)
{
    unused(name);
    return ++*(unsigned *)context < 2;
}

static void owners(struct store_world *world)
{
    static const char *const names[] = {"a@x.test", "b@x.test", "c@x.test"};
    unsigned count = 0;
    for (unsigned i = 0; i < 3; i++)
        EXPECT(mailboxes_begin(world->store, text_from(names[i])) == OK);
    mailbox_each_owner(world->store, count_to_two, &count);
    EXPECT(count == 2);
    count = 0;
    mailbox_each_subscription(world->store, text_from(names[0]), count_name, &count);
    EXPECT(count == 2);
}

TEST("who looks for owners, or what one is subscribed to, hears no more than he wants")
{
    world_run(owners, 1);
}

/* ---- Calls of the disk that fail ---- */

enum { UNCHANGED, CHANGED, MIXED };

/* One change of names: what it is, and how far it has come. */
struct change_of_names {
    enum naming (*act)(struct store_world *world);
    int (*look)(struct store_world *world);
};

static int either(bool is_old, bool is_new)
{
    return is_old == is_new ? MIXED : is_new ? CHANGED : UNCHANGED;
}

static enum naming act_create(struct store_world *world)
{
    return make(world, "x/y/z");
}

static int look_create(struct store_world *world)
{
    return either(!has(world, "x") && !has(world, "x/y") && !has(world, "x/y/z"),
                  has(world, "x") && has(world, "x/y") && has(world, "x/y/z"));
}

static enum naming act_rename(struct store_world *world)
{
    return move(world, "a", "n/m");
}

static int look_rename(struct store_world *world)
{
    bool is_old = has(world, "a") && has(world, "a/b") && !has(world, "n") && !has(world, "n/m");
    bool is_new = has(world, "n/m") && has(world, "n/m/b") && has(world, "n") && !has(world, "a");
    return count_in(world, is_new ? "n/m" : "a") == 3 ? either(is_old, is_new) : MIXED;
}

static enum naming act_subscribe(struct store_world *world)
{
    return mailbox_subscribe(world->store, ALICE, TEXT("later"), true) == OK ? NAMING_DONE
                                                                             : NAMING_LATER;
}

static int look_subscribe(struct store_world *world)
{
    bool is_new = mailbox_is_subscribed(world->store, ALICE, TEXT("later"));
    return either(!is_new, is_new);
}

static enum naming act_uses(struct store_world *world)
{
    uint64_t id = mailbox_id(mailbox_find(world->store, ALICE, TEXT("a")));
    return mailbox_set_uses(world->store, id, USE_DRAFTS) == OK ? NAMING_DONE : NAMING_LATER;
}

static int look_uses(struct store_world *world)
{
    unsigned uses = mailbox_uses(mailbox_find(world->store, ALICE, TEXT("a")));
    return either(uses == 0, uses == USE_DRAFTS);
}

static enum naming act_begin(struct store_world *world)
{
    return mailboxes_begin(world->store, TEXT("new@example.test")) == OK ? NAMING_DONE
                                                                         : NAMING_LATER;
}

static int look_begin(struct store_world *world)
{
    struct text owner = TEXT("new@example.test");
    bool has_sent = mailbox_find(world->store, owner, TEXT("Sent")) != NULL;
    bool is_told = mailbox_is_subscribed(world->store, owner, TEXT("Sent"));
    return either(!has_sent && !is_told, has_sent && is_told);
}

/* What is in it goes first, in a record of its own. */
static enum naming act_delete(struct store_world *world)
{
    return mailbox_delete(world->store, ALICE, TEXT("a"));
}

static int look_delete(struct store_world *world)
{
    return either(has(world, "a"), !has(world, "a") && has(world, "a/b"));
}

static enum naming act_move_inbox(struct store_world *world)
{
    return move(world, "INBOX", "old");
}

static int look_move_inbox(struct store_world *world)
{
    unsigned moved = count_in(world, "old");
    if (count_in(world, "INBOX") + moved != 2)
        return MIXED; /* one is lost, or there twice */
    return moved == 2 ? CHANGED : UNCHANGED;
}

/* The world of the change at hand, and how often the disk was called for it. */
static const struct change_of_names *at_hand;
static uint64_t failing, calls;
static int failing_errno;

static void fail_at(struct store_world *world)
{
    EXPECT(make(world, "a/b") == NAMING_DONE);
    world_fill(world, mailbox_find(world->store, ALICE, TEXT("a")), 3);
    world_fill(world, world_inbox(world), 2);
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, failing, failing_errno, false);
    enum naming result = at_hand->act(world);
    calls = memory_disk_calls(world->disk);
    memory_disk_fail(world->disk, 0, 0, false);
    int then = at_hand->look(world);
    EXPECT(result == NAMING_DONE || result == NAMING_LATER);
    EXPECT(then == (result == NAMING_DONE ? CHANGED : UNCHANGED));
    world_restart(world);
    int now = at_hand->look(world);
    EXPECT(now != MIXED && (result != NAMING_DONE || now == CHANGED));
    /* It goes on: what was not done can be. A new mailbox may be there, and INBOX not empty yet. */
    bool is_begun = at_hand->act == act_move_inbox && has(world, "old");
    if (now == UNCHANGED)
        EXPECT(at_hand->act(world) == (is_begun ? NAMING_EXISTS : NAMING_DONE));
    log_setup("test", LOG_LEVEL_ERROR);
}

static void expect_whole(const struct change_of_names *change)
{
    static const int errors[] = {EIO, ENOSPC};
    at_hand = change;
    for (unsigned i = 0; i < 2; i++) {
        failing_errno = errors[i];
        failing = 0;
        do {
            failing++;
            world_run(fail_at, 1);
        } while (failing <= calls);
        EXPECT(failing > 2);
    }
}

TEST("whatever call of the disk fails, a mailbox is made with those above it or not at all")
{
    expect_whole(&(struct change_of_names){act_create, look_create});
}

TEST("so it is renamed with those below it")
{
    expect_whole(&(struct change_of_names){act_rename, look_rename});
}

TEST("so it is deleted, and INBOX emptied into another without a loss")
{
    expect_whole(&(struct change_of_names){act_delete, look_delete});
    expect_whole(&(struct change_of_names){act_move_inbox, look_move_inbox});
}

TEST("so a user's first mailboxes, a subscription and what a mailbox is for are kept")
{
    expect_whole(&(struct change_of_names){act_begin, look_begin});
    expect_whole(&(struct change_of_names){act_subscribe, look_subscribe});
    expect_whole(&(struct change_of_names){act_uses, look_uses});
}
