/* Whose mailbox is whose, and what is noted of it: identifiers, lists and notes at their bounds. */
#include "account/sharing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/absence.h"
#include "account/annotation.h"
#include "store/hierarchy.h"
#include "store/value.h"
#include "store_world.h"
#include "test.h"

#define ALICE TEXT("alice@example.test")
#define BOB TEXT("bob@example.test")

static struct mailbox *make(struct store_world *world, const char *name)
{
    EXPECT(mailbox_create(world->store, ALICE, text_from(name), 0) == NAMING_DONE);
    return mailbox_find(world->store, ALICE, text_from(name));
}

static bool set(struct store_world *world, const struct mailbox *box, const char *identifier,
                enum sharing_how how, unsigned rights)
{
    return sharing_change(world->store, mailbox_id(box), text_from(identifier), how, rights) == OK;
}

/* ---- Rights ---- */

static void who_is_meant(struct store_world *world)
{
    struct mailbox *box = make(world, "shared");
    EXPECT(set(world, box, "authenticated", SHARING_SET, RIGHT_LOOKUP | RIGHT_READ));
    EXPECT(set(world, box, "bob@example.test", SHARING_SET, RIGHT_INSERT));
    EXPECT(set(world, box, "carol@example.test", SHARING_SET, RIGHT_READ));
    EXPECT(sharing_rights(world->store, box, BOB) == (RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT));
    EXPECT(set(world, box, "-bob@example.test", SHARING_SET, RIGHT_READ | RIGHT_INSERT));
    EXPECT(sharing_rights(world->store, box, BOB) == RIGHT_LOOKUP);
    EXPECT(set(world, box, "-bob@example.test", SHARING_TAKE, RIGHT_READ));
    EXPECT(sharing_rights(world->store, box, BOB) == (RIGHT_LOOKUP | RIGHT_READ));
    EXPECT(set(world, box, "-bob@example.test", SHARING_ADD, RIGHT_LOOKUP));
    EXPECT(sharing_rights(world->store, box, BOB) == RIGHT_READ);
    EXPECT(sharing_rights(world->store, box, ALICE) == RIGHTS_ALL);
}

TEST("rights are given by each that means the user, and taken by each with a minus")
{
    world_run(who_is_meant, 1);
}

static bool take_first(void *context, struct text identifier, unsigned rights)
{
    unused(identifier), unused(rights);
    ++*(unsigned *)context;
    return false;
}

static void odd_list(struct store_world *world)
{
    char name[64];
    unsigned seen = 0;
    struct mailbox *box = make(world, "shared");
    snprintf(name, sizeof(name), "mailbox/%016llx/acl", (unsigned long long)mailbox_id(box));
    EXPECT(value_set(world->store, ALICE, text_from(name),
                     TEXT("?? bob@example.test\nlr carol@example.test")) == OK);
    EXPECT(sharing_rights(world->store, box, BOB) == 0);
    EXPECT(sharing_rights(world->store, box, TEXT("carol@example.test")) ==
           (RIGHT_LOOKUP | RIGHT_READ));
    sharing_each(world->store, box, take_first, &seen);
    EXPECT(seen == 1);
}

TEST("rights of a form we do not know give none")
{
    world_run(odd_list, 2);
}

static void full_list(struct store_world *world)
{
    char name[64];
    struct buffer list;
    struct mailbox *box = make(world, "shared");
    buffer_init(&list, 1 << 20);
    for (unsigned i = 0; i < SHARING_ENTRIES_MAX; i++)
        buffer_printf(&list, "%slr user%u@example.test", i == 0 ? "" : "\n", i);
    snprintf(name, sizeof(name), "mailbox/%016llx/acl", (unsigned long long)mailbox_id(box));
    EXPECT(value_set(world->store, ALICE, text_from(name), buffer_text(&list)) == OK);
    EXPECT(!set(world, box, "bob@example.test", SHARING_SET, RIGHT_READ));
    EXPECT(sharing_rights(world->store, box, BOB) == 0);
    EXPECT(set(world, box, "user7@example.test", SHARING_SET, 0));
    EXPECT(set(world, box, "bob@example.test", SHARING_SET, RIGHT_READ));
    EXPECT(sharing_rights(world->store, box, BOB) == RIGHT_READ);
    buffer_finish(&list);
}

TEST("a mailbox is shared with so many and no more")
{
    world_run(full_list, 3);
}

static void count_visible(void *context, struct mailbox *box)
{
    unused(box);
    ++*(unsigned *)context;
}

static unsigned visible_to(struct store_world *world, struct text user)
{
    unsigned count = 0;
    sharing_each_visible(world->store, user, count_visible, &count);
    return count;
}

static void gone_ones(struct store_world *world)
{
    struct mailbox *box = make(world, "shared"), *below = make(world, "shared/below");
    uint64_t id = mailbox_id(box), id_below = mailbox_id(below);
    EXPECT(set(world, box, "bob@example.test", SHARING_SET, RIGHT_LOOKUP));
    EXPECT(set(world, box, "alice@example.test", SHARING_SET, RIGHT_LOOKUP)); /* needless */
    EXPECT(sharing_inherit(world->store, id, id_below) == OK);
    EXPECT(visible_to(world, BOB) == 2 && visible_to(world, ALICE) == 0);
    EXPECT(set(world, below, "bob@example.test", SHARING_SET, RIGHT_READ));
    EXPECT(visible_to(world, BOB) == 1); /* there is one he may not see */
    mailbox_open(below);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("shared/below")) == NAMING_DONE);
    EXPECT(visible_to(world, BOB) == 1);
    mailbox_close(&below);
    EXPECT(sharing_inherit(world->store, id, id_below) == OK);
    EXPECT(sharing_inherit(world->store, id_below, id) == OK);
    EXPECT(sharing_change(world->store, id_below, BOB, SHARING_SET, RIGHT_READ) == REFUSED);
    EXPECT(sharing_delete_mailbox(world->store, ALICE, TEXT("shared")) == NAMING_DONE);
    EXPECT(visible_to(world, BOB) == 0);
}

TEST("a mailbox that is gone is shared with nobody, and no other inherits from it")
{
    world_run(gone_ones, 4);
}

static void identifiers(struct store_world *world)
{
    struct arena arena;
    struct text out;
    char name[SHARING_IDENTIFIER_MAX + 10];
    unused(world);
    arena_init(&arena);
    EXPECT(sharing_identifier(TEXT("-authenticated"), ALICE, &arena, &out));
    EXPECT_TEXT(out, "-authenticated");
    EXPECT(sharing_identifier(TEXT("anyone"), ALICE, &arena, &out));
    EXPECT(sharing_identifier(TEXT("bob"), ALICE, &arena, &out));
    EXPECT_TEXT(out, "bob@example.test");
    EXPECT(!sharing_identifier(TEXT("b b@example.test"), ALICE, &arena, &out));
    memset(name, 'n', sizeof(name));
    EXPECT(!sharing_identifier(text_of(name, sizeof(name)), ALICE, &arena, &out));
    EXPECT(!sharing_identifier(TEXT("\"b\nb\"@example.test"), ALICE, &arena, &out));
    EXPECT(!sharing_identifier(TEXT("b\xff@example.test"), ALICE, &arena, &out));
    arena_finish(&arena);
}

TEST("an identifier is an address, or one that means many")
{
    world_run(identifiers, 5);
}

/* ---- Notes ---- */

static enum annotating note(struct store_world *world, const struct mailbox *box, const char *name,
                            struct text value)
{
    struct annotation annotation = {text_from(name), value};
    return annotation_set(world->store, box == NULL ? 0 : mailbox_id(box), BOB, &annotation, 1);
}

static bool count_note(void *context, struct text name, struct text value)
{
    unused(name), unused(value);
    ++*(unsigned *)context;
    return true;
}

static unsigned notes_on(struct store_world *world, const struct mailbox *box, const char *name)
{
    struct annotation_scope scope = {world->store, box, BOB};
    unsigned count = 0;
    annotation_each(&scope, text_from(name), count_note, &count);
    return count;
}

static void names_of_notes(struct store_world *world)
{
    static const char *const wrong[] = {"/private/a//b",     "/private/a/", "/private/a b",
                                        "/private/a*",       "/private/a%", "/private/\x7f",
                                        "/private/\xc3\xa4", "/private",    "/other/a"};
    struct arena arena;
    struct text out;
    char name[ANNOTATION_NAME_MAX + 1];
    unused(world);
    arena_init(&arena);
    EXPECT(annotation_name(TEXT("/Private/Comment"), &arena, &out));
    EXPECT_TEXT(out, "/private/comment");
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        EXPECT(!annotation_name(text_from(wrong[i]), &arena, &out));
    memset(name, 'n', sizeof(name));
    memcpy(name, "/shared/", 8);
    EXPECT(annotation_name(text_of(name, ANNOTATION_NAME_MAX), &arena, &out));
    EXPECT(!annotation_name(text_of(name, ANNOTATION_NAME_MAX + 1), &arena, &out));
    arena_finish(&arena);
}

TEST("a note's name has levels of plain characters, none of them empty")
{
    world_run(names_of_notes, 6);
}

static void many_notes(struct store_world *world)
{
    struct mailbox *box = make(world, "noted");
    char name[64], *large = calloc(1, ANNOTATION_VALUE_MAX + 1);
    for (unsigned i = 0; i < ANNOTATIONS_MAX; i++) {
        snprintf(name, sizeof(name), "/private/a/%u", i);
        EXPECT(note(world, box, name, TEXT("v")) == ANNOTATING_DONE);
    }
    EXPECT(note(world, box, "/private/a-b", TEXT("v")) == ANNOTATING_TOO_MANY);
    EXPECT(note(world, box, "/shared/a", TEXT("v")) == ANNOTATING_DONE); /* counted by themselves */
    EXPECT(note(world, box, "/private/a/7", (struct text){NULL, 0}) == ANNOTATING_DONE);
    EXPECT(note(world, box, "/private/a-b", TEXT("v")) == ANNOTATING_DONE);
    EXPECT(notes_on(world, box, "/private/a") == ANNOTATIONS_MAX - 1);
    EXPECT(notes_on(world, box, "/private") == ANNOTATIONS_MAX);
    EXPECT(note(world, box, "/shared/b", text_of(large, ANNOTATION_VALUE_MAX + 1)) ==
           ANNOTATING_TOO_LARGE);
    struct annotation annotations[60];
    for (unsigned i = 0; i < 60; i++)
        annotations[i] =
            (struct annotation){TEXT("/shared/b"), text_of(large, ANNOTATION_VALUE_MAX)};
    EXPECT(annotation_set(world->store, mailbox_id(box), BOB, annotations, 60) ==
           ANNOTATING_TOO_LARGE); /* together */
    EXPECT(notes_on(world, box, "/shared/b") == 0);
    free(large);
}

TEST("there are so many notes on a mailbox, none too large, nor all that are set at once")
{
    world_run_large(many_notes, 7);
}

static void notes_on_what_goes(struct store_world *world)
{
    struct mailbox *box = make(world, "noted");
    uint64_t id = mailbox_id(box);
    struct annotation annotation = {TEXT("/shared/a"), TEXT("v")};
    EXPECT(note(world, NULL, "/private/a", TEXT("v")) == ANNOTATING_DONE);
    EXPECT(note(world, NULL, "/shared/a", TEXT("v")) == ANNOTATING_DONE);
    EXPECT(notes_on(world, NULL, "/private/a") == 1 && notes_on(world, NULL, "/shared") == 1);
    EXPECT(note(world, box, "/shared/a", TEXT("")) == ANNOTATING_DONE);
    EXPECT(notes_on(world, box, "/shared/a") == 1);
    EXPECT(mailbox_delete(world->store, ALICE, TEXT("noted")) == NAMING_DONE);
    EXPECT(annotation_set(world->store, id, BOB, &annotation, 1) == ANNOTATING_GONE);
    EXPECT(annotation_set(world->store, id, BOB, &annotation, 0) == ANNOTATING_DONE);
    EXPECT(notes_on(world, NULL, "/private/a") == 1);
}

TEST("notes of a mailbox go with it, and none is made on what is gone")
{
    world_run(notes_on_what_goes, 8);
}

/* ---- Absence ---- */

static enum status set_absence(struct store_world *world, struct absence absence)
{
    return absence_set(world->store, BOB, &absence);
}

static void odd_absences(struct store_world *world)
{
    char *large = calloc(1, ABSENCE_TEXT_MAX + 1);
    struct arena arena;
    struct absence absence;
    memset(large, 'a', ABSENCE_TEXT_MAX + 1);
    struct text inside = TEXT("away"), too_long = text_of(large, ABSENCE_TEXT_MAX + 1);
    EXPECT(set_absence(world, (struct absence){.inside = too_long}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.outside = too_long}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.inside = TEXT("\xff")}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.outside = text_of("a\0b", 3)}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){
                                  .subject = text_of(large, ABSENCE_SUBJECT_MAX + 1)}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.subject = TEXT("\xff")}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.subject = TEXT("a\nb")}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.subject = TEXT("a\x7f")}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.is_on = true}) == REFUSED);
    EXPECT(set_absence(world, (struct absence){.inside = inside, .from_ms = 9, .until_ms = 9}) ==
           REFUSED);
    arena_init(&arena);
    EXPECT(!absence_get(world->store, BOB, &arena, &absence));
    EXPECT(set_absence(world, (struct absence){.is_on = true, .inside = inside, .from_ms = 9}) ==
           OK);
    EXPECT(absence_get(world->store, BOB, &arena, &absence) && absence.is_on);
    EXPECT(absence_is_now(&absence, 9) && !absence_is_now(&absence, 8));
    struct buffer bytes;
    buffer_init(&bytes, 1000);
    absence_encode(&absence, &bytes);
    EXPECT(absence_decode(buffer_text(&bytes), &absence));
    EXPECT(!absence_decode(text_head(buffer_text(&bytes), bytes.length - 1), &absence));
    bytes.data[0]++; /* another form */
    EXPECT(!absence_decode(buffer_text(&bytes), &absence));
    buffer_finish(&bytes);
    arena_finish(&arena);
    free(large);
}

TEST("what is told of an absence is text of its size, and the time a time")
{
    world_run(odd_absences, 9);
}
