/* What is known of users and groups, and what follows from it for mail to them. */
#include "directory/attribute.h"

#include <stdio.h>
#include <string.h>

#include "directory/describe.h"
#include "directory/stamp.h"
#include "directory_scene.h"
#include "settings/query.h"

static enum status set(struct scene *scene, const char *key, const char *name, const char *value)
{
    enum attribute which = attribute_find(text_from(name));
    EXPECT(which < ATTRIBUTES);
    return attribute_set(scene->directory, text_from(key), which, text_from(value));
}

/* What mail from the sender, logged in or not, comes to: "kind address[ status]", by commas. */
static const char *sent(struct scene *scene, const char *sender, const char *user, const char *to)
{
    static const char *const kinds[] = {"mailbox", "remote", "unknown", "loop", "refused", "at"};
    struct text key = text_from(to), all = TEXT("");
    struct directory_facts facts = {text_from(sender), text_from(user), .size = 5000};
    struct directory_question question = {.keys = &key, .count = 1, .facts = &facts};
    struct directory_answer answer;
    EXPECT(directory_resolve(scene->directory, &question, &scene->arena, &answer) == OK);
    for (unsigned i = 0; i < answer.target_count; i++) {
        const struct directory_target *target = &answer.targets[i];
        struct text status = target->kind == TARGET_EXPAND_AT ? target->reason : target->status;
        all = arena_printf(&scene->arena, "%.*s%s%s %.*s%s%.*s", TEXT_ARG(all), i > 0 ? ", " : "",
                           kinds[target->kind], TEXT_ARG(target->address),
                           status.length > 0 ? " " : "", TEXT_ARG(status));
    }
    return all.data;
}

#define EXPECT_SENT(scene, sender, user, to, expected)                                             \
    EXPECT_TEXT(text_from(sent(scene, sender, user, to)), expected)

static void populate(struct scene *scene)
{
    add_user(scene, "alice@example.test");
    add_user(scene, "carol@example.test");
    EXPECT(set(scene, "alice@example.test", "department", "Sales") == OK);
    EXPECT(set(scene, "bob@example.test", "department", "sales") == OK);
    EXPECT(set(scene, "bob@example.test", "city", "Oslo") == OK);
}

static void filters(struct scene *scene)
{
    populate(scene);
    EXPECT(directory_group_set_filter(scene->directory, TEXT("sales@example.test"),
                                      TEXT("(&(department=sales)(!(city=Bergen)))")) == OK);
    EXPECT_SENT(scene, "x@far.test", "", "sales@example.test",
                "mailbox bob@example.test, mailbox alice@example.test");
    EXPECT(set(scene, "bob@example.test", "city", "Bergen") == OK);
    EXPECT(set(scene, "carol@example.test", "department", "SALES") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "sales@example.test",
                "mailbox alice@example.test, mailbox carol@example.test");
    EXPECT(add_member(scene, LIST_GROUP, "sales@example.test", "box@far.test") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "sales@example.test",
                "remote box@far.test, mailbox alice@example.test, mailbox carol@example.test");
    EXPECT(set(scene, "sales@example.test", "filter", "(department=nobody)") == OK);
    EXPECT(directory_list_remove(scene->directory, LIST_GROUP, TEXT("sales@example.test"),
                                 &TEXT("box@far.test"), 1, &(bool){false}) == OK);
    EXPECT_SENT(scene, "x@far.test", "", "sales@example.test", "refused sales@example.test 5.2.4");
}

/* shows: C06 */
TEST("a group by a filter has as members whom it means at that moment, and whoever is listed")
{
    scene_run(filters);
}

static void filter_errors(struct scene *scene)
{
    populate(scene);
    EXPECT(directory_group_set_filter(scene->directory, TEXT("g@example.test"),
                                      TEXT("(shoe=42)")) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "no user has an attribute 'shoe'");
    EXPECT(directory_group_set_filter(scene->directory, TEXT("g@example.test"),
                                      TEXT("(&(city=Oslo)")) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()),
                "the filter is malformed at character 14: a \")\" is missing");
    EXPECT(directory_accepts(scene->directory, TEXT("g@example.test")) == REFUSED);
}

TEST("a filter that says nothing of users is refused with the place of the mistake")
{
    scene_run(filter_errors);
}

static void restricted(struct scene *scene)
{
    populate(scene);
    EXPECT(add_member(scene, LIST_GROUP, "staff@example.test", "bob@example.test") == OK);
    EXPECT(set(scene, "alice@example.test", "accept-from", "@staff *@friends.test") == OK);
    EXPECT_SENT(scene, "bob@example.test", "bob@example.test", "alice@example.test",
                "mailbox alice@example.test");
    EXPECT_SENT(scene, "x@friends.test", "", "alice@example.test", "mailbox alice@example.test");
    EXPECT_SENT(scene, "x@far.test", "", "alice@example.test", "refused alice@example.test 5.7.1");
    /* Who is logged in is believed before what he says. */
    EXPECT_SENT(scene, "bob@example.test", "carol@example.test", "alice@example.test",
                "refused alice@example.test 5.7.1");
    EXPECT_SENT(scene, "", "", "alice@example.test", "mailbox alice@example.test");
    EXPECT(set(scene, "bob@example.test", "reject-from", "carol@example.test") == OK);
    EXPECT_SENT(scene, "carol@example.test", "", "bob@example.test",
                "refused bob@example.test 5.7.1");
    EXPECT(set(scene, "staff@example.test", "require-login", "on") == OK);
    EXPECT_SENT(scene, "carol@example.test", "", "staff@example.test",
                "refused staff@example.test 5.7.1");
    EXPECT_SENT(scene, "alice@example.test", "alice@example.test", "staff@example.test",
                "mailbox bob@example.test");
    EXPECT(set(scene, "staff@example.test", "receive-limit", "4KB") == OK);
    EXPECT_SENT(scene, "alice@example.test", "alice@example.test", "staff@example.test",
                "refused staff@example.test 5.2.3");
}

/* shows: C08 */
TEST("users and groups take mail from whom they say, and from nobody else")
{
    scene_run(restricted);
}

static void forwarding(struct scene *scene)
{
    populate(scene);
    EXPECT(set(scene, "alice@example.test", "forward-to", "Box@far.test") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "alice@example.test", "remote Box@far.test");
    EXPECT(set(scene, "alice@example.test", "forward-keep", "on") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "alice@example.test",
                "mailbox alice@example.test, remote Box@far.test");
    EXPECT(set(scene, "bob@example.test", "forward-to", "carol@example.test") == OK);
    EXPECT(set(scene, "carol@example.test", "forward-to", "bob@example.test") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "bob@example.test", "loop bob@example.test");
    EXPECT(set(scene, "carol@example.test", "forward-keep", "on") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "bob@example.test", "mailbox carol@example.test");
}

/* shows: C10 */
TEST("a user's mail is forwarded, with a copy kept or not; round in a circle it is reported")
{
    scene_run(forwarding);
}

static void expansion_host(struct scene *scene)
{
    populate(scene);
    EXPECT(add_member(scene, LIST_GROUP, "branch@example.test", "bob@example.test") == OK);
    EXPECT(set(scene, "branch@example.test", "expand-at", "Branch.example.test") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "branch@example.test",
                "at branch@example.test branch.example.test");
    EXPECT(set(scene, "branch@example.test", "expand-at", "mx.example.test") == OK);
    EXPECT_SENT(scene, "x@far.test", "", "branch@example.test", "mailbox bob@example.test");
}

TEST("a group with another expansion host is not expanded here")
{
    scene_run(expansion_host);
}

static void groups_told(struct scene *scene)
{
    struct text key = TEXT("outer@example.test");
    struct directory_facts facts = {.sender = TEXT("x@far.test")};
    struct directory_question question = {.keys = &key, .count = 1, .facts = &facts};
    struct directory_answer answer;
    struct directory_description description;
    populate(scene);
    EXPECT(add_member(scene, LIST_GROUP, "inner@example.test", "bob@example.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "outer@example.test", "inner@example.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "outer@example.test", "alice@example.test") == OK);
    EXPECT(set(scene, "outer@example.test", "hide-members", "on") == OK);
    EXPECT(set(scene, "outer@example.test", "owner", "carol@example.test") == OK);
    EXPECT(set(scene, "outer@example.test", "reports-to", "owner") == OK);
    EXPECT(set(scene, "inner@example.test", "reports-to", "nobody") == OK);
    EXPECT(directory_resolve(scene->directory, &question, &scene->arena, &answer) == OK);
    EXPECT(answer.target_count == 2);
    const struct directory_group *alice = &answer.groups[answer.targets[0].group - 1];
    const struct directory_group *bob = &answer.groups[answer.targets[1].group - 1];
    EXPECT_TEXT(answer.targets[0].address, "alice@example.test");
    EXPECT_TEXT(alice->owner, "carol@example.test");
    EXPECT(alice->hides_members && !alice->nobody_hears);
    EXPECT(bob->hides_members && bob->nobody_hears && bob->owner.length == 0);
    EXPECT(directory_look_up(scene->directory, key, &scene->arena, &description) == OK);
    EXPECT(description.kind == DESCRIBED_HIDDEN && description.member_count == 0);
}

TEST("the innermost group says who hears of failures, and a hidden one hides all below it")
{
    scene_run(groups_told);
}

static void note_contact(void *context, struct text key, const struct attributes *attributes)
{
    struct buffer *out = context;
    buffer_printf(out, "%.*s=%.*s;", TEXT_ARG(key),
                  TEXT_ARG(attributes->values[ATTRIBUTE_DISPLAY_NAME]));
}

static void contacts(struct scene *scene)
{
    struct buffer out;
    struct arena arena;
    struct directory_description found;
    populate(scene);
    arena_init(&arena);
    buffer_init(&out, 1000);
    EXPECT(set(scene, "jane@elsewhere.test", "display-name", "Jane Doe") == OK);
    EXPECT(set(scene, "jane@elsewhere.test", "city", "Oslo") == OK);
    EXPECT(set(scene, "zoe@elsewhere.test", "display-name", "Zoe") == OK);
    EXPECT(set(scene, "jane@elsewhere.test", "forward-to", "a@example.test") == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()),
                "forward-to is not for a contact, as jane@elsewhere.test is");
    contacts_list(scene->directory, note_contact, &out);
    EXPECT_TEXT(buffer_text(&out), "jane@elsewhere.test=Jane Doe;zoe@elsewhere.test=Zoe;");
    EXPECT(directory_look_up(scene->directory, TEXT("jane@elsewhere.test"), &arena, &found) == OK);
    EXPECT(found.kind == DESCRIBED_CONTACT);
    EXPECT_TEXT(found.name, "Jane Doe");
    EXPECT(set(scene, "zoe@elsewhere.test", "display-name", "") == OK);
    EXPECT(directory_look_up(scene->directory, TEXT("zoe@elsewhere.test"), &arena, &found) ==
           REFUSED);
    buffer_finish(&out);
    arena_finish(&arena);
}

TEST("an address of another domain that has a name is a contact")
{
    scene_run(contacts);
}

static void values(struct scene *scene)
{
    populate(scene);
    EXPECT(set(scene, "alice@example.test", "send-limit", "lots") == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()),
                "'lots' is no value of send-limit; write it like 10MB, 0 or none");
    EXPECT(set(scene, "alice@example.test", "owner", "bob@example.test") == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "owner is not for a user, as alice@example.test is");
    EXPECT(set(scene, "nobody@example.test", "city", "Oslo") == REFUSED);
    EXPECT(set(scene, "alice@example.test", "primary-address", "a@example.test") == REFUSED);
    EXPECT(set(scene, "alice@example.test", "accept-from", "a@@b") == REFUSED);
    EXPECT(directory_user_remove(scene->directory, TEXT("alice@example.test")) == OK);
    add_user(scene, "alice@example.test");
    struct attributes attributes;
    attributes_load(scene->directory, TEXT("alice@example.test"), &scene->arena, &attributes);
    EXPECT(attributes.values[ATTRIBUTE_DEPARTMENT].length == 0);
}

TEST("attributes have their form, and go with the user")
{
    scene_run(values);
}

static void kinds_of_values(struct scene *scene)
{
    static const char alice[] = "alice@example.test", group[] = "g@example.test";
    static const struct {
        const char *key, *name, *value;
        enum status status;
    } rows[] = {
        {alice, "forward-to", "bob@example.test", OK},
        {alice, "forward-to", "b@@ob", REFUSED},
        {alice, "forward-keep", "on", OK},
        {alice, "forward-keep", "off", OK},
        {alice, "forward-keep", "yes", REFUSED},
        {alice, "recipient-limit", "4294967295", OK},
        {alice, "recipient-limit", "4294967296", REFUSED},
        {alice, "recipient-limit", "10KB", REFUSED},
        {alice, "send-limit", "0", OK},
        {alice, "send-limit", "4294967296", REFUSED},
        {alice, "send-limit", "5GB", OK},
        {group, "reports-to", "owner", OK},
        {group, "reports-to", "nobody", OK},
        {group, "reports-to", "everybody", REFUSED},
        {group, "expand-at", "mx2.example.test", OK},
        {group, "expand-at", "a..b", REFUSED},
        {group, "filter", "(title=x)", OK},
        {group, "filter", "(title=x", REFUSED},
        {group, "filter", "(shoe-size=45)", REFUSED},
        {group, "title", "none of a group", REFUSED},
        {"f@elsewhere.test", "forward-to", "bob@example.test", REFUSED},
    };
    static char longest[5000];
    memset(longest, 'x', sizeof(longest));
    populate(scene);
    EXPECT(add_member(scene, LIST_GROUP, group, alice) == OK);
    EXPECT(set(scene, "f@elsewhere.test", "display-name", "A Friend") == OK);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        enum status status = set(scene, rows[i].key, rows[i].name, rows[i].value);
        if (status != rows[i].status)
            fprintf(stderr, "%s %s\n", rows[i].name, rows[i].value);
        EXPECT(status == rows[i].status);
    }
    EXPECT(attribute_set(scene->directory, text_from(alice), attribute_find(TEXT("title")),
                         text_of(longest, sizeof(longest))) == REFUSED);
    EXPECT(attribute_find(TEXT("shoe-size")) == ATTRIBUTES);
}

TEST("an attribute takes the values of its kind, of whom it is for")
{
    scene_run(kinds_of_values);
}

static void names_in_filters(struct scene *scene)
{
    static const struct {
        const char *filter;
        bool holds; /* for alice */
    } rows[] = {
        {"(uid=alice)", true},
        {"(mailNickname=ALICE)", true},
        {"(userPrincipalName=alice@example.test)", true},
        {"(address=bob@example.test)", false},
        {"(objectClass=person)", true},
        {"(objectCategory=group)", false},
        {"(mail=alice@example.test)", true},
        {"(displayName=*li*)", true},
        {"(sn=*)", false},
        {"(!(sn=*))", true},
        {"(|(sn=x)(uid=al*))", true},
        {"(&(uid=al*)(sn=x))", false},
        {"(uid>=alice)", true},
        {"(uid<=alic)", false},
        {"(uid=*ic*ce)", false},
    };
    populate(scene);
    EXPECT(set(scene, "alice@example.test", "display-name", "Alice") == OK);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const char *group =
            arena_printf(&scene->arena, "g%u@example.test", i).data; /* one for each */
        EXPECT(directory_group_set_filter(scene->directory, text_from(group),
                                          text_from(rows[i].filter)) == OK);
        bool holds = strstr(sent(scene, "x@far.test", "", group), "alice@example.test") != NULL;
        if (holds != rows[i].holds)
            fprintf(stderr, "%s\n", rows[i].filter);
        EXPECT(holds == rows[i].holds);
    }
}

TEST("filters name what the directory says of users, and what follows from their addresses")
{
    scene_run(names_in_filters);
}

static void limits(struct scene *scene)
{
    struct directory_rights rights;
    populate(scene);
    EXPECT(add_member(scene, LIST_ALIAS, "al@example.test", "alice@example.test") == OK);
    EXPECT(set(scene, "alice@example.test", "send-limit", "10KB") == OK);
    EXPECT(set(scene, "alice@example.test", "recipient-limit", "7") == OK);
    EXPECT(directory_user_rights(scene->directory, TEXT("alice@example.test"), TEXT("default"),
                                 &rights) == OK);
    EXPECT(rights.may_submit && rights.may_relay);
    EXPECT(rights.send_bytes == 10 << 10 && rights.recipients == 7);
    struct text key = TEXT("bob@example.test");
    struct directory_facts facts = {.sender = TEXT("al@example.test")};
    struct directory_question question = {.keys = &key, .count = 1, .facts = &facts};
    struct directory_answer answer;
    EXPECT(directory_resolve(scene->directory, &question, &scene->arena, &answer) == OK);
    EXPECT_TEXT(answer.user, "alice@example.test");
    EXPECT(answer.send_bytes == 10 << 10);
}

TEST("a sender is known by any of his addresses, and his own limits with him")
{
    scene_run(limits);
}

static void written(struct scene *scene)
{
    static const char *const good[][2] = {
        {"(a=b)", "(a=b)"},
        {" ( & ( a=b ) (|(c=*)(d>=9)) ) ", "(&(a=b )(|(c=*)(d>=9)))"},
        {"(a~=x)", "(a=x)"},
        {"(a=x*\\2a*y)", "(a=x*\\2a*y)"},
    };
    static const char *const bad[] = {"",        "a=b",           "(a=b",    "(a=b))",
                                      "(&)",     "(!(a=b)(c=d))", "(a=\\4)", "(a:=b)",
                                      "(a>=b*)", "(=b)",          "(a=)",    "(a=b)x"};
    struct query *query;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        struct buffer out;
        buffer_init(&out, 1000);
        EXPECT(query_parse(text_from(good[i][0]), &scene->arena, &query) == OK);
        query_write(query, &out);
        EXPECT_TEXT(buffer_text(&out), good[i][1]);
        buffer_finish(&out);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        EXPECT(query_parse(text_from(bad[i]), &scene->arena, &query) == REFUSED);
}

TEST("search filters are read as RFC 4515 writes them, and nothing else is")
{
    scene_run(written);
}

static void use_settings(struct scene *scene, const char *text)
{
    struct settings *others = scene_settings(text);
    directory_use_settings(scene->directory, others);
    settings_release(&others);
}

/* Waits until the policies have given this address to somebody. */
static bool is_given(struct scene *scene, const char *address)
{
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    while (directory_list_kind(scene->directory, text_from(address)) == 0 &&
           clock_monotonic_ms() < deadline_ms)
        task_yield();
    return directory_list_kind(scene->directory, text_from(address)) == LIST_ADDRESS;
}

static struct text primary_of(struct scene *scene, const char *user)
{
    struct attributes attributes;
    attributes_load(scene->directory, text_from(user), &scene->arena, &attributes);
    return attributes.values[ATTRIBUTE_PRIMARY_ADDRESS];
}

#define POLICIES                                                                                   \
    "domain example.test {\n user bob\n address %d@example.test\n}\ndomain example.net {\n}\n"     \
    "recipients sales {\n priority 10\n for \"(department=sales)\"\n"                              \
    " address %g.%s@example.net %1g%3s@example.test\n}\n"                                          \
    "recipients others {\n priority 20\n for \"(city=*)\"\n address %r-_%m@example.net\n}\n"

static void name(struct scene *scene, const char *user, const char *given, const char *surname)
{
    EXPECT(set(scene, user, "given-name", given) == OK);
    EXPECT(set(scene, user, "surname", surname) == OK);
}

static void policies(struct scene *scene)
{
    populate(scene);
    name(scene, "alice@example.test", "J\xc3\xb8rgen", "\xc3\x85sberg");
    name(scene, "bob@example.test", "Jorgen", "Asberg");
    EXPECT(set(scene, "carol@example.test", "city", "Oslo") == OK);
    use_settings(scene, POLICIES);
    EXPECT(is_given(scene, "jorgen.asberg@example.net"));
    EXPECT(is_given(scene, "jorgen.asberg2@example.net"));
    EXPECT(is_given(scene, "jasb@example.test") && is_given(scene, "jasb2@example.test"));
    EXPECT(is_given(scene, "carol@example.net"));
    EXPECT_SENT(scene, "x@far.test", "", "jorgen.asberg2@example.net",
                "mailbox alice@example.test");
    EXPECT_TEXT(primary_of(scene, "bob@example.test"), "Jorgen.Asberg@example.net");
    EXPECT_TEXT(primary_of(scene, "alice@example.test"), "Jorgen.Asberg2@example.net");
    /* Nobody else gets it, and it stays his under another policy. */
    EXPECT(directory_user_add(scene->directory, TEXT("jasb@example.test"), TEXT(""), TEXT("")) ==
           REFUSED);
    EXPECT(add_member(scene, LIST_ALIAS, "jasb@example.test", "carol@example.test") == REFUSED);
    EXPECT(set(scene, "alice@example.test", "display-name", "The boss") == OK);
    EXPECT(set(scene, "alice@example.test", "department", "board") == OK);
    EXPECT(is_given(scene, "theboss@example.test"));
    EXPECT_SENT(scene, "x@far.test", "", "jasb2@example.test", "mailbox alice@example.test");
    EXPECT(directory_user_remove(scene->directory, TEXT("alice@example.test")) == OK);
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    while (directory_list_kind(scene->directory, TEXT("jasb2@example.test")) != 0 &&
           clock_monotonic_ms() < deadline_ms)
        task_yield();
    EXPECT(directory_accepts(scene->directory, TEXT("jasb2@example.test")) == REFUSED);
}

/* shows: C12 C11 */
TEST("recipient policies give addresses once, with a number where somebody has that")
{
    scene_run(policies);
}

static void note_problem(void *context, struct text address, struct text words, bool is_clash)
{
    struct scene *scene = context;
    scene->noted = arena_printf(&scene->arena, "%.*s%.*s%s: %.*s\n", TEXT_ARG(scene->noted),
                                TEXT_ARG(address), is_clash ? "!" : "", TEXT_ARG(words));
}

static void clashes(struct scene *scene)
{
    populate(scene);
    name(scene, "alice@example.test", "Jo", "Berg");
    use_settings(scene, POLICIES);
    EXPECT(is_given(scene, "jber@example.test"));
    use_settings(scene, "domain example.test {\n user bob JBer\n}\n");
    EXPECT_SENT(scene, "x@far.test", "", "jber@example.test", "refused jber@example.test 5.1.4");
    stamp_check(scene->directory, note_problem, scene);
    EXPECT_TEXT(scene->noted, "jber@example.test!: a user and an address of another; mail is "
                              "refused (5.1.4)\n");
}

/* shows: C11 */
TEST("an address that two hold gets no mail, and is told of")
{
    scene_run(clashes);
}
