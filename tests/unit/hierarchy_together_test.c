/* Names of mailboxes that are changed while others change them, or what is in them; and as many
 * and as long ones as there may be. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/logline.h"
#include "store/append.h"
#include "store/hierarchy.h"
#include "store/internal.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")

static struct mailbox *find(struct store_world *world, const char *name)
{
    return mailbox_find(world->store, ALICE, text_from(name));
}

static unsigned count_in(struct store_world *world, const char *name)
{
    struct mailbox *box = find(world, name);
    return box == NULL ? 0 : mailbox_totals(box).messages;
}

static struct mailbox *make(struct store_world *world, const char *name)
{
    EXPECT(mailbox_create(world->store, ALICE, text_from(name), 0) == NAMING_DONE);
    return find(world, name);
}

/* ---- One at a time ---- */

struct naming_task {
    struct store_world *world;
    int number, result;
    uint64_t id;
};

enum { CREATES, DELETES, DELETES_EMPTY, RENAMES, SETS_USES, BEGINS, WAYS };

static void change_names(void *argument)
{
    struct naming_task *task = argument;
    struct store *store = task->world->store;
    switch (task->number) {
    case CREATES:
        task->result = (int)mailbox_create(store, ALICE, TEXT("new"), 0);
        break;
    case DELETES:
        task->result = (int)mailbox_delete(store, ALICE, TEXT("a"));
        break;
    case DELETES_EMPTY:
        task->result = (int)mailbox_delete_empty(store, ALICE, TEXT("a"));
        break;
    case RENAMES:
        task->result = (int)mailbox_rename(store, ALICE, TEXT("a"), TEXT("new"));
        break;
    case SETS_USES:
        task->result = (int)mailbox_set_uses(store, task->id, USE_JUNK);
        break;
    default:
        task->result = (int)mailboxes_begin(store, ALICE);
    }
}

static void make_held(void *argument)
{
    struct naming_task *task = argument;
    task->result = (int)mailbox_create(task->world->store, ALICE, TEXT("held"), 0);
}

static void ends_while_waiting(struct store_world *world)
{
    struct naming_task tasks[WAYS], held = {.world = world, .result = -1};
    struct task_group waiting;
    task_group_init(&waiting);
    struct mailbox *a = make(world, "a");
    task_spawn(&world->group, "held", make_held, &held);
    for (int i = 0; i < WAYS; i++) {
        tasks[i] = (struct naming_task){.world = world, .number = i, .id = mailbox_id(a)};
        task_spawn(&waiting, "waiting", change_names, &tasks[i]);
    }
    task_yield();
    EXPECT(world->store->is_naming && held.result == -1);
    task_group_finish(&waiting);
    for (int i = 0; i < WAYS; i++)
        EXPECT(tasks[i].result == (i < SETS_USES ? (int)NAMING_LATER : (int)TRY_LATER));
    while (held.result == -1)
        task_yield();
    EXPECT(held.result == NAMING_DONE && find(world, "held") != NULL);
    EXPECT(find(world, "a") == a && mailbox_uses(a) == 0);
    EXPECT(find(world, "new") == NULL && find(world, "INBOX") == NULL);
    make(world, "new"); /* nobody holds it any more */
}

TEST("who waits for his turn to change names, and ends, changed nothing and lets the others go on")
{
    world_run(ends_while_waiting, 1);
}

/* ---- With mail on its way ---- */

static void append_one(struct store_world *world, struct mailbox *box)
{
    struct append *append = append_new(world->store, world_next_id, world);
    uint32_t uid;
    append_begin(append, 0, NULL, 0, 1000);
    EXPECT(append_bytes(append, TEXT("a: b\r\n\r\n")) == OK && append_end(append, false) == OK);
    EXPECT(append_commit(append, box, &uid) == OK);
    append_free(&append);
}

enum { BEFORE = 1200, LATE = 5 };

struct mailing {
    struct store_world *world;
    const char *name, *until; /* that one has messages */
    bool has_ended;
};

static void mail_late(void *argument)
{
    struct mailing *mailing = argument;
    while (mailing->until != NULL && count_in(mailing->world, mailing->until) == 0)
        task_yield();
    for (unsigned i = 0; i < LATE; i++)
        append_one(mailing->world, find(mailing->world, mailing->name));
    mailing->has_ended = true;
}

static void inbox_goes_on(struct store_world *world)
{
    struct mailing mailing = {world, "INBOX", "old", false};
    world_fill(world, world_inbox(world), BEFORE);
    task_spawn(&world->group, "mail", mail_late, &mailing);
    EXPECT(mailbox_rename(world->store, ALICE, TEXT("INBOX"), TEXT("old")) == NAMING_DONE);
    while (!mailing.has_ended)
        task_yield();
    EXPECT(count_in(world, "old") == BEFORE && count_in(world, "INBOX") == LATE);
}

TEST("mail that comes while INBOX is emptied into another mailbox stays in it")
{
    world_run(inbox_goes_on, 2);
}

static void empty_or_not(struct store_world *world)
{
    struct mailing mailing = {world, "full", NULL, false};
    EXPECT(mailbox_delete_empty(world->store, ALICE, TEXT("absent")) == NAMING_MISSING);
    make(world, "full");
    task_spawn(&world->group, "mail", mail_late, &mailing);
    task_yield();
    EXPECT(!mailing.has_ended && count_in(world, "full") == 0);
    EXPECT(mailbox_delete_empty(world->store, ALICE, TEXT("full")) == NAMING_MISSING);
    while (!mailing.has_ended)
        task_yield();
    EXPECT(mailbox_delete_empty(world->store, ALICE, TEXT("full")) == NAMING_MISSING);
    EXPECT(count_in(world, "full") == LATE);
    /* Looked for, and never mailed to: no record says of it. */
    EXPECT(world_inbox(world) != NULL);
    EXPECT(mailbox_delete_empty(world->store, ALICE, TEXT("INBOX")) == NAMING_DONE);
    EXPECT(find(world, "INBOX") == NULL);
    world_restart(world);
    EXPECT(find(world, "INBOX") == NULL && count_in(world, "full") == LATE);
}

TEST("a mailbox is empty only when nothing is on its way to it either")
{
    world_run(empty_or_not, 3);
}

/* A message to be kept on removal, and others beside it, while the mailbox goes. */
static void replaced_in_what_goes(struct store_world *world)
{
    struct mailbox *gone = make(world, "gone"), *other = make(world, "other");
    struct change changes[2];
    struct pending pending[2];
    uint32_t uid;
    struct uid_range range = {1, 1};
    world_fill(world, gone, 1);
    struct operation operations[] = {
        {.type = OPERATION_FLAGS, .flags = {mailbox_id(gone), 50, FLAG_SEEN, 0, &range, 1}},
        {.type = OPERATION_MAILBOX_DELETE, .mailbox_delete = mailbox_id(gone)}};
    struct append *append = append_new(world->store, world_next_id, world);
    append_begin(append, 0, NULL, 0, 1000);
    EXPECT(append_bytes(append, TEXT("a: b\r\n\r\n")) == OK && append_end(append, false) == OK);
    append_replaces(append, mailbox_id(gone), 1);
    for (unsigned i = 0; i < 2; i++) {
        change_init(&changes[i]);
        change_add(&changes[i], &operations[i]);
        store_append(world->store, &changes[i], &pending[i]);
    }
    EXPECT(append_commit(append, other, &uid) == OK);
    append_free(&append);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT(store_wait(world->store, &pending[i]) == OK);
        change_finish(&changes[i]);
    }
    EXPECT(find(world, "gone") == NULL && count_in(world, "other") == 1);
}

TEST("a message whose predecessor went with its mailbox meanwhile comes all the same")
{
    world_run(replaced_in_what_goes, 4);
}

/* ---- Made, or not after all ---- */

static void opened_while_made(struct store_world *world)
{
    struct naming_task held = {.world = world, .result = -1};
    log_setup("test", LOG_LEVEL_ERROR + 1);
    memory_disk_fail(world->disk, 1, EIO, true);
    task_spawn(&world->group, "held", make_held, &held);
    task_yield();
    struct mailbox *box = find(world, "held");
    EXPECT(box != NULL && held.result == -1);
    mailbox_open(box);
    while (held.result == -1)
        task_yield();
    EXPECT(held.result == NAMING_LATER && mailbox_is_deleted(box));
    EXPECT(find(world, "held") == NULL);
    EXPECT(mailbox_flag(box, 1, FLAG_SEEN, 0) == REFUSED);
    mailbox_close(&box);
    memory_disk_fail(world->disk, 0, 0, false);
    log_setup("test", LOG_LEVEL_ERROR);
    append_one(world, make(world, "held"));
    EXPECT(count_in(world, "held") == 1);
}

TEST("a mailbox that could not be made is as a deleted one to who has it open")
{
    world_run(opened_while_made, 5);
}

static void made_by_mail(struct store_world *world)
{
    struct mailbox *box = mailbox_make(world->store, ALICE, TEXT("made"), 0);
    append_one(world, box);
    mailbox_unmake(box); /* another record has said of it by now */
    EXPECT(find(world, "made") == box && count_in(world, "made") == 1);
}

TEST("a mailbox that mail has come to stays, though who wanted to make it could not")
{
    world_run(made_by_mail, 6);
}

/* ---- Many, and long ones ---- */

enum { LARGE_ONES = 250 };

static void name_of(char *out, const char *above, unsigned i)
{
    snprintf(out, 64, "%s/%u", above, i);
}

/* With as many keywords as a mailbox can have its record is large. */
static void make_large_ones(struct store_world *world)
{
    char name[64], keyword[MAILBOX_KEYWORD_BYTES_MAX + 1];
    memset(keyword, 'k', sizeof(keyword));
    for (unsigned i = 0; i < LARGE_ONES; i++) {
        name_of(name, "many", i);
        struct mailbox *box = make(world, name);
        for (unsigned k = 0; k < MAILBOX_KEYWORDS_MAX; k++) {
            keyword[0] = (char)('A' + k / 10), keyword[1] = (char)('0' + k % 10);
            EXPECT(mailbox_keyword_add(box, text_of(keyword, MAILBOX_KEYWORD_BYTES_MAX)) != 0);
        }
    }
}

static void renamed_in_parts(struct store_world *world)
{
    char name[64];
    make_large_ones(world);
    EXPECT(mailbox_rename(world->store, ALICE, TEXT("many"), TEXT("new/ones")) == NAMING_DONE);
    world_restart(world);
    for (unsigned i = 0; i < LARGE_ONES; i++) {
        name_of(name, "new/ones", i);
        EXPECT(find(world, name) != NULL);
        EXPECT(mailbox_keyword_count(find(world, name)) == MAILBOX_KEYWORDS_MAX);
        name_of(name, "many", i);
        EXPECT(find(world, name) == NULL);
    }
    EXPECT(find(world, "new") != NULL);
}

TEST("so many mailboxes that one record does not hold them are renamed all the same")
{
    world_run_large(renamed_in_parts, 7);
}

static void make_most(struct store_world *world)
{
    struct change change;
    change_init(&change);
    for (unsigned i = 0; i < MAILBOXES_MOST; i++) {
        char name[32];
        snprintf(name, sizeof(name), "m%u", i);
        mailbox_compose_box(mailbox_make(world->store, ALICE, text_from(name), 0), &change);
        if (i % 1000 == 999)
            EXPECT(store_commit(world->store, &change) == OK);
    }
    change_finish(&change);
}

static void too_many(struct store_world *world)
{
    make_most(world);
    EXPECT(mailbox_create(world->store, ALICE, TEXT("one more"), 0) == NAMING_TOO_MANY);
    EXPECT(mailbox_create(world->store, ALICE, TEXT("m7"), 0) == NAMING_EXISTS);
    EXPECT(mailbox_create(world->store, TEXT("bob@example.test"), TEXT("one more"), 0) ==
           NAMING_DONE);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("m7")) == NAMING_DONE);
    EXPECT(mailbox_create(world->store, ALICE, TEXT("one more"), 0) == NAMING_DONE);
}

TEST("an owner has so many mailboxes and no more")
{
    world_run_large(too_many, 8);
}

static void too_long(struct store_world *world)
{
    char bytes[KEY_BYTES];
    memset(bytes, 'n', sizeof(bytes));
    struct text long_one = text_of(bytes, sizeof(bytes));
    struct text owner = text_of(bytes, MAILBOX_NAMES_MAX - 2); /* even INBOX is too long */
    EXPECT(mailbox_delete(world->store, ALICE, long_one) == NAMING_MISSING);
    EXPECT(mailbox_rename(world->store, ALICE, long_one, TEXT("a")) == NAMING_MISSING);
    EXPECT(mailbox_rename(world->store, owner, TEXT("INBOX"), TEXT("a")) == NAMING_DONE);
    EXPECT(mailbox_find(world->store, owner, TEXT("INBOX")) == NULL);
    EXPECT(mailbox_totals(mailbox_find(world->store, owner, TEXT("a"))).messages == 0);
}

TEST("what has too long a name for a mailbox is none")
{
    world_run(too_long, 9);
}
