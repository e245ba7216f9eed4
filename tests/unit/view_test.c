/* Sequence numbers: what a session knows moves only when it is told. */
#include <stdio.h>
#include <stdlib.h>

#include "base/logline.h"
#include "queue_peer.h"
#include "store/append.h"
#include "store/hierarchy.h"
#include "store/value.h"
#include "store/view.h"

struct scene {
    char directory[64];
    struct task_group group;
    struct store *store;
    uint64_t last_id;
    void (*test)(struct scene *scene);
};

static void open_store(struct scene *scene)
{
    task_group_init(&scene->group);
    struct store_options options = {.directory = scene->directory,
                                    .index_in_memory = true,
                                    .segment_bytes = 1 << 20,
                                    .group = &scene->group};
    EXPECT(store_open(&options, &scene->store) == OK);
}

static void close_store(struct scene *scene)
{
    store_close(&scene->store);
    task_group_finish(&scene->group);
}

static void scene_task(void *argument)
{
    struct scene *scene = argument;
    open_store(scene);
    scene->test(scene);
    close_store(scene);
}

static void run(void (*test)(struct scene *scene))
{
    struct scene scene = {.test = test};
    log_setup("test", LOG_LEVEL_ERROR);
    snprintf(scene.directory, sizeof(scene.directory), "/tmp/mailroot-view-XXXXXX");
    check(mkdtemp(scene.directory) != NULL);
    task_loop_run(scene_task, &scene);
    queue_peer_remove(scene.directory);
}

#define ALICE TEXT("alice@example.test")

static uint64_t next_id(void *context)
{
    return ++((struct scene *)context)->last_id;
}

static uint32_t put(struct scene *scene, const char *name, const char *body)
{
    struct mailbox *box = mailbox_find_or_make(scene->store, ALICE, text_from(name));
    struct append *append = append_new(scene->store, next_id, scene);
    uint32_t uid;
    append_begin(append, 0, NULL, 0, 1000);
    EXPECT(append_bytes(append, text_from(body)) == OK);
    EXPECT(append_end(append, false) == OK);
    EXPECT(append_commit(append, box, &uid) == OK);
    append_free(&append);
    return uid;
}

static struct mailbox *inbox(struct scene *scene)
{
    return mailbox_find_or_make(scene->store, ALICE, TEXT("INBOX"));
}

static void put_some(struct scene *scene, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        put(scene, "INBOX", "a: b\r\n\r\nc\r\n");
}

static void expunge(struct scene *scene, uint32_t uid)
{
    EXPECT(mailbox_expunge(inbox(scene), &uid, 1) == OK);
}

/* Every number has a UID and back, and UIDs ascend. */
static void expect_numbers(const struct view *view, unsigned count)
{
    EXPECT(view_count(view) == count);
    uint32_t before = 0;
    for (unsigned number = 1; number <= count; number++) {
        uint32_t uid = view_uid(view, number);
        EXPECT(uid > before);
        EXPECT(view_number(view, uid) == number);
        before = uid;
    }
    EXPECT(view_uid(view, 0) == 0 && view_uid(view, count + 1) == 0);
    EXPECT(view_last_uid(view) == before);
}

static void numbers_stay(struct scene *scene)
{
    struct view view, other;
    unsigned number;
    uint32_t uid;
    put_some(scene, 10);
    view_open(&view, inbox(scene));
    view_open(&other, inbox(scene));
    expunge(scene, 3);
    expunge(scene, 7);
    expunge(scene, 1);
    expect_numbers(&view, 10);
    EXPECT(view_uid(&view, 4) == 4 && view_number(&view, 7) == 7);
    EXPECT(view_next(&view, 1)->uid == 2 && view_next(&view, 7)->uid == 8);
    EXPECT(view_has_gone(&view, 2, 3) && !view_has_gone(&view, 4, 6));
    EXPECT(view_tell_gone(&view, &number, &uid) && number == 1 && uid == 1);
    EXPECT(view_tell_gone(&view, &number, &uid) && number == 2 && uid == 3);
    expect_numbers(&view, 8);
    expunge(scene, 2); /* while it is being told */
    EXPECT(view_tell_gone(&view, &number, &uid) && number == 1 && uid == 2);
    EXPECT(view_tell_gone(&view, &number, &uid) && number == 4 && uid == 7);
    EXPECT(!view_tell_gone(&view, &number, &uid));
    expect_numbers(&view, 6);
    expect_numbers(&other, 10);
    view_close(&view);
    view_close(&other);
}

TEST("numbers stay as they are until the session is told, each session for itself")
{
    run(numbers_stay);
}

static void new_ones_wait(struct scene *scene)
{
    struct view view;
    put_some(scene, 2);
    view_open(&view, inbox(scene));
    put_some(scene, 2);
    expect_numbers(&view, 2);
    EXPECT(view_has_new(&view) && view_number(&view, 3) == 0 && view_next(&view, 3) == NULL);
    expunge(scene, 4); /* never told of, so never to be told as gone */
    EXPECT(view_tell_new(&view) == 3);
    expect_numbers(&view, 3);
    EXPECT(!view_has_new(&view) && view.gone_count == 0);
    view_close(&view);
}

TEST("new messages have no number until the session is told")
{
    run(new_ones_wait);
}

static void against_a_model(struct scene *scene)
{
    enum { MOST = 400 };
    struct view view;
    uint32_t model[MOST];
    unsigned count = 0, seed = 7;
    view_open(&view, inbox(scene));
    for (unsigned round = 0; round < 300; round++) {
        seed = seed * 1103515245 + 12345;
        unsigned what = seed >> 16, number;
        uint32_t uid;
        if (what % 3 == 0)
            put_some(scene, 1);
        else if (what % 3 == 1)
            expunge(scene, 1 + what / 3 % (mailbox_uid_next(inbox(scene)) + 1));
        else if (what % 2 == 0 && view_has_new(&view)) {
            view_tell_new(&view);
            while (count < view_count(&view)) {
                model[count] = view_uid(&view, count + 1);
                count++;
            }
        } else if (view_tell_gone(&view, &number, &uid)) {
            EXPECT(model[number - 1] == uid);
            count--;
            memmove(&model[number - 1], &model[number], (count - number + 1) * sizeof(*model));
        }
        expect_numbers(&view, count);
        for (unsigned i = 0; i < count; i++)
            EXPECT(view_uid(&view, i + 1) == model[i]);
    }
    view_close(&view);
}

TEST("whatever comes and goes, a session that counts along agrees")
{
    run(against_a_model);
}

/* Names */

static enum naming create(struct scene *scene, const char *name)
{
    return mailbox_create(scene->store, ALICE, text_from(name), 0);
}

static void say(void *context, const char *line)
{
    unused(context);
    print_message("%s\n", line);
}

static void ids_and_validities(struct scene *scene)
{
    EXPECT(create(scene, "a/b") == NAMING_DONE && create(scene, "a") == NAMING_EXISTS);
    struct mailbox *box = mailbox_find(scene->store, ALICE, TEXT("a/b"));
    uint64_t id = mailbox_id(box);
    uint32_t validity = mailbox_uid_validity(box);
    EXPECT(mailbox_rename(scene->store, ALICE, TEXT("a"), TEXT("x/y")) == NAMING_DONE);
    box = mailbox_find(scene->store, ALICE, TEXT("x/y/b"));
    EXPECT(box != NULL && mailbox_id(box) == id && mailbox_uid_validity(box) == validity);
    EXPECT(mailbox_find(scene->store, ALICE, TEXT("a/b")) == NULL);
    EXPECT(mailbox_delete(scene->store, ALICE, TEXT("x/y/b")) == NAMING_DONE);
    close_store(scene); /* the highest id was the one deleted */
    open_store(scene);
    EXPECT(create(scene, "x/y/b") == NAMING_DONE);
    box = mailbox_find(scene->store, ALICE, TEXT("x/y/b"));
    EXPECT(mailbox_id(box) > id && mailbox_uid_validity(box) > validity);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

TEST("a mailbox keeps id and UIDVALIDITY when renamed, and nobody gets them after it")
{
    run(ids_and_validities);
}

static void after_restart(struct scene *scene)
{
    uint32_t uids[3], first;
    unsigned count = 2;
    uint64_t modseq;
    struct buffer value;
    EXPECT(mailboxes_begin(scene->store, ALICE) == OK);
    put(scene, "INBOX", "one");
    put(scene, "INBOX", "two");
    EXPECT(create(scene, "to") == NAMING_DONE);
    struct mailbox *from = inbox(scene), *to = mailbox_find(scene->store, ALICE, TEXT("to"));
    mailbox_open(from);
    uids[0] = 1, uids[1] = 2;
    uint64_t keyword = mailbox_keyword_add(from, TEXT("work"));
    EXPECT(mailbox_flag_many(from, uids, 1, keyword | FLAG_SEEN, 0, &modseq) == OK);
    EXPECT(mailbox_copy(from, to, uids, &count, true, &first) == OK && count == 2 && first == 1);
    mailbox_close(&from);
    close_store(scene);
    open_store(scene);
    to = mailbox_find(scene->store, ALICE, TEXT("to"));
    mailbox_open(to);
    const struct mailbox_entry *entry = mailbox_entry_find(to, 1);
    EXPECT(entry->flags == (mailbox_keyword_find(to, TEXT("WORK")) | FLAG_SEEN));
    EXPECT(entry->flags != FLAG_SEEN && mailbox_entry_find(to, 2)->flags == 0);
    EXPECT(mailbox_totals(to).messages == 2 && mailbox_totals(to).unseen == 1);
    mailbox_close(&to);
    EXPECT(mailbox_uses(mailbox_find(scene->store, ALICE, TEXT("Sent"))) == USE_SENT);
    buffer_init(&value, 100);
    EXPECT(value_get(scene->store, ALICE, TEXT("subscription/Sent"), &value));
    buffer_finish(&value);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

TEST("copies, keywords, uses and values are there after a restart")
{
    run(after_restart);
}

/* Fill and empty segments until the first ones were given back. */
static void churn(struct scene *scene)
{
    static char body[60000];
    memset(body, 'x', sizeof(body));
    body[sizeof(body) - 1] = '\0';
    for (unsigned i = 0; i < 120; i++) {
        uint32_t uid = put(scene, "churn", body);
        struct mailbox *box = mailbox_find(scene->store, ALICE, TEXT("churn"));
        EXPECT(mailbox_expunge(box, &uid, 1) == OK);
        while (store_reclaim(scene->store, false) == OK)
            continue;
    }
}

static void reclaimed(struct scene *scene)
{
    EXPECT(mailboxes_begin(scene->store, ALICE) == OK && create(scene, "kept/here") == NAMING_DONE);
    uint32_t uid = put(scene, "kept/here", "still the same"), first;
    unsigned count = 1;
    struct mailbox *box = mailbox_find(scene->store, ALICE, TEXT("kept/here"));
    EXPECT(create(scene, "gone") == NAMING_DONE);
    mailbox_open(box);
    /* A copy whose original goes: the record of the copy outlives the message's own. */
    EXPECT(mailbox_copy(box, box, &uid, &count, false, &first) == OK);
    EXPECT(mailbox_expunge(box, &uid, 1) == OK);
    mailbox_close(&box);
    EXPECT(mailbox_delete(scene->store, ALICE, TEXT("gone")) == NAMING_DONE);
    uint64_t oldest = log_first_segment(store_log(scene->store));
    churn(scene);
    EXPECT(log_first_segment(store_log(scene->store)) > oldest + 2);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
    close_store(scene); /* the index is made anew from what is left */
    open_store(scene);
    box = mailbox_find(scene->store, ALICE, TEXT("kept/here"));
    EXPECT(mailbox_uid_next(box) == 3 && mailbox_totals(box).messages == 1);
    EXPECT(mailbox_is_subscribed(scene->store, ALICE, TEXT("Sent")));
    EXPECT(mailbox_find(scene->store, ALICE, TEXT("gone")) == NULL);
    EXPECT(store_verify(scene->store, say, NULL) == OK);
}

TEST("names, copies, subscriptions and UIDs outlive the segments they were written in")
{
    run(reclaimed);
}

struct gaps {
    char text[200];
};

static void note_gap(void *context, uint32_t first, uint32_t last)
{
    struct gaps *gaps = context;
    size_t used = strlen(gaps->text);
    snprintf(gaps->text + used, sizeof(gaps->text) - used, "%u:%u ", first, last);
}

static void vanished(struct scene *scene)
{
    struct gaps gaps = {""};
    put_some(scene, 10);
    struct mailbox *box = inbox(scene);
    mailbox_open(box);
    EXPECT(mailbox_expunge(box, (uint32_t[]){2, 3, 9}, 3) == OK);
    uint64_t known = mailbox_modseq(box);
    EXPECT(mailbox_expunge(box, (uint32_t[]){4, 10}, 2) == OK);
    mailbox_vanished(box, known, note_gap, &gaps);
    assert_string_equal(gaps.text, "4:4 10:10 ");
    gaps.text[0] = '\0';
    mailbox_vanished(box, 1, note_gap, &gaps);
    assert_string_equal(gaps.text, "2:4 9:10 ");
    mailbox_close(&box);
}

TEST("what vanished since a session was here is told, and no more where that is known")
{
    run(vanished);
}
