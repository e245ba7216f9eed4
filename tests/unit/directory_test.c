/* The directory on a real log and index: who is there, who an address means, what survives. */
#include "directory/directory.h"

#include "directory/describe.h"
#include "directory/state.h"
#include "directory_scene.h"
#include "mail/address.h"

static void reopen(struct scene *scene)
{
    directory_close(&scene->directory);
    scene_open(scene);
}

static enum status accepts(struct scene *scene, const char *key)
{
    return directory_accepts(scene->directory, text_from(key));
}

/* Everything these addresses lead to, as "kind recipient address" separated by commas. */
static const char *resolve(struct scene *scene, const char *first, const char *second)
{
    static const char *const kinds[] = {"mailbox", "remote", "unknown", "loop", "refused"};
    struct text keys[2] = {text_from(first), text_from(second)};
    struct directory_question question = {.keys = keys, .count = second == NULL ? 1 : 2};
    struct directory_answer answer;
    struct text all = TEXT("");
    EXPECT(directory_resolve(scene->directory, &question, &scene->arena, &answer) == OK);
    for (unsigned i = 0; i < answer.target_count; i++)
        all = arena_printf(&scene->arena, "%.*s%s%s %u %.*s", TEXT_ARG(all), i > 0 ? ", " : "",
                           kinds[answer.targets[i].kind], answer.targets[i].recipient,
                           TEXT_ARG(answer.targets[i].address));
    return all.data;
}

#define EXPECT_RESOLVED(scene, first, second, expected)                                            \
    EXPECT_TEXT(text_from(resolve(scene, first, second)), expected)

struct listed {
    struct arena *arena;
    struct text all;
};

static void list_one(void *context, const struct directory_user *user)
{
    struct listed *listed = context;
    listed->all = arena_printf(listed->arena, "%.*s%.*s%s ", TEXT_ARG(listed->all),
                               TEXT_ARG(user->key), user->file != NULL ? "(file)" : "");
}

static struct text users(struct scene *scene, const char *domain)
{
    struct listed listed = {&scene->arena, TEXT("")};
    directory_user_list(scene->directory, text_from(domain), list_one, &listed);
    return listed.all;
}

static void users_come_and_go(struct scene *scene)
{
    add_user(scene, "carol@example.test");
    add_user(scene, "alice@example.test");
    add_user(scene, "zoe@example.net");
    EXPECT_TEXT(users(scene, ""),
                "bob@example.test(file) zoe@example.net alice@example.test carol@example.test ");
    EXPECT_TEXT(users(scene, "example.net"), "zoe@example.net ");
    EXPECT(directory_user_remove(scene->directory, TEXT("carol@example.test")) == OK);
    EXPECT(directory_user_remove(scene->directory, TEXT("carol@example.test")) == REFUSED);
    EXPECT(accepts(scene, "carol@example.test") == REFUSED);
    EXPECT(accepts(scene, "alice@example.test") == OK);
    reopen(scene);
    EXPECT_TEXT(users(scene, "example.test"), "bob@example.test(file) alice@example.test ");
}

TEST("users are listed by domain, and a removed one is gone, also after opening anew")
{
    scene_run(users_come_and_go);
}

static void taken(struct scene *scene)
{
    add_user(scene, "alice@example.test");
    struct directory *directory = scene->directory;
    EXPECT(directory_user_add(directory, TEXT("alice@example.test"), TEXT(""), TEXT("")) ==
           REFUSED);
    EXPECT(directory_user_add(directory, TEXT("bob@example.test"), TEXT(""), TEXT("")) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()),
                "bob@example.test is a user already, named in /etc/mailroot.conf:2; to give it a "
                "password: mailroot user passwd bob@example.test");
    EXPECT(add_member(scene, LIST_ALIAS, "alice@example.test", "x@far.test") == REFUSED);
    EXPECT(add_member(scene, LIST_ALIAS, "info@example.test", "x@far.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "info@example.test", "y@far.test") == REFUSED);
    EXPECT(directory_user_add(directory, TEXT("info@example.test"), TEXT(""), TEXT("")) == REFUSED);
    EXPECT(directory_user_add(directory, TEXT("a@other.test"), TEXT(""), TEXT("")) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()),
                "other.test is none of our domains; to make it one, add \"domain other.test\" to "
                "mailroot.conf and reload");
}

TEST("an address has one meaning: who takes it again is refused and told why")
{
    scene_run(taken);
}

static void file_user(struct scene *scene)
{
    EXPECT(accepts(scene, "bob@example.test") == OK);
    EXPECT(directory_user_remove(scene->directory, TEXT("bob@example.test")) == REFUSED);
    EXPECT(directory_user_set_password(scene->directory, TEXT("bob@example.test"),
                                       TEXT(CHEAP_HASH)) == OK);
    EXPECT_TEXT(users(scene, ""), "bob@example.test(file) ");
    EXPECT(directory_user_remove(scene->directory, TEXT("bob@example.test")) == OK);
    EXPECT(accepts(scene, "bob@example.test") == OK);
}

TEST("a user named in the settings file exists whatever the directory records of him")
{
    scene_run(file_user);
}

static void populate(struct scene *scene)
{
    add_user(scene, "alice@example.test");
    EXPECT(add_member(scene, LIST_ALIAS, "info@example.test", "alice@example.test") == OK);
    EXPECT(add_member(scene, LIST_ALIAS, "info@example.test", "Box@far.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "all@example.test", "info@example.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "all@example.test", "bob@example.test") == OK);
}

#define POPULATED "mailbox 0 bob@example.test, mailbox 0 alice@example.test, remote 0 Box@far.test"

static void index_lost(struct scene *scene)
{
    populate(scene);
    EXPECT_RESOLVED(scene, "all@example.test", NULL, POPULATED);
    directory_close(&scene->directory);
    scene_shell(scene, "rm -r", "/index");
    scene_open(scene);
    EXPECT_RESOLVED(scene, "all@example.test", NULL, POPULATED);
    EXPECT(accepts(scene, "alice@example.test") == OK);
}

TEST("a lost index is made anew from the log and answers the same")
{
    scene_run(index_lost);
}

static void index_damaged(struct scene *scene)
{
    populate(scene);
    directory_close(&scene->directory);
    scene_shell(scene, "for f in", "/index/*; do [ -f \"$f\" ] && echo rubbish > \"$f\"; done");
    scene_open(scene);
    EXPECT_RESOLVED(scene, "all@example.test", NULL, POPULATED);
}

TEST("a damaged index is dropped and made anew")
{
    scene_run(index_damaged);
}

static void index_fails(struct scene *scene)
{
    populate(scene);
    index_close(&scene->directory->index); /* as good as failed, from now on */
    EXPECT(accepts(scene, "alice@example.test") == TRY_LATER);
    EXPECT(accepts(scene, "nobody@example.test") == TRY_LATER);
    EXPECT(directory_user_add(scene->directory, TEXT("new@example.test"), TEXT(""), TEXT("")) ==
           TRY_LATER);
    int64_t deadline_ms = clock_monotonic_ms() + MINUTE;
    while (accepts(scene, "alice@example.test") == TRY_LATER && clock_monotonic_ms() < deadline_ms)
        task_yield();
    EXPECT_RESOLVED(scene, "all@example.test", NULL, POPULATED);
    add_user(scene, "new@example.test");
    EXPECT(accepts(scene, "new@example.test") == OK);
}

TEST("while an index that failed is being rebuilt every answer is to try later")
{
    scene_run(index_fails);
}

static void crashed(struct scene *scene)
{
    populate(scene);
    /* A copy taken while it is open is what a crash leaves behind. */
    struct scene after = {.settings = scene->settings};
    snprintf(after.path, sizeof(after.path), "%.40s-crash", scene->path);
    char command[256];
    snprintf(command, sizeof(command), "cp -r '%s' '%s'", scene->path, after.path);
    EXPECT(system(command) == 0);
    task_group_init(&after.group);
    scene_open(&after);
    arena_init(&after.arena);
    EXPECT_RESOLVED(&after, "all@example.test", NULL, POPULATED);
    add_user(&after, "new@example.test");
    directory_close(&after.directory);
    task_group_finish(&after.group);
    arena_finish(&after.arena);
    scene_shell(&after, "rm -r", "");
}

TEST("what a change returned OK for is there after a crash")
{
    scene_run(crashed);
}

static void second_opener(struct scene *scene)
{
    struct directory *second;
    struct directory_options options = scene_options(scene);
    EXPECT(directory_open(&options, &second) == TRY_LATER);
    EXPECT(strstr(fail_reason(), "in use") != NULL);
}

TEST("a second opener is told that the directory is in use")
{
    scene_run(second_opener);
}

static void subaddresses(struct scene *scene)
{
    add_user(scene, "alice@example.test");
    add_user(scene, "alice+own@example.test");
    EXPECT_RESOLVED(scene, "alice+tag@example.test", "alice+own@example.test",
                    "mailbox 0 alice@example.test, mailbox 1 alice+own@example.test");
    EXPECT(accepts(scene, "alice+@example.test") == OK);
    EXPECT(accepts(scene, "+alice@example.test") == REFUSED);
    EXPECT(accepts(scene, "nobody+tag@example.test") == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "no such user here");
}

TEST("a subaddress leads to its user unless it is an address of its own")
{
    scene_run(subaddresses);
}

static void rewritten_senders(struct scene *scene)
{
    struct text out, none;
    EXPECT(directory_rewrite(scene->directory, TEXT("x@far.test"), TEXT("example.net"),
                             &scene->arena, &out) == OK);
    EXPECT(directory_rewrite(scene->directory, TEXT("x@far.test"), TEXT("other.test"),
                             &scene->arena, &none) == REFUSED);
    struct mail_address address;
    EXPECT(mail_address_parse(out, &scene->arena, &address) == OK);
    const char *key = mail_address_key(&address, &scene->arena).data;
    EXPECT(accepts(scene, key) == OK);
    EXPECT_RESOLVED(scene, key, NULL, "remote 0 x@far.test");
    reopen(scene);
    EXPECT(accepts(scene, key) == OK);
    EXPECT(accepts(scene, "srs0=aaaaaa=aa=far.test=x@example.net") == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "no such user here");
    int64_t later = clock_wall_ms() + 30 * (int64_t)DAY;
    clock_set_for_test(&later);
    EXPECT(accepts(scene, key) == REFUSED);
    clock_set_for_test(NULL);
    /* A sender of ours has nothing to come back to. */
    EXPECT(directory_rewrite(scene->directory, TEXT("bob@example.test"), TEXT("example.net"),
                             &scene->arena, &out) == OK);
    EXPECT(mail_address_parse(out, &scene->arena, &address) == OK);
    EXPECT(accepts(scene, mail_address_key(&address, &scene->arena).data) == REFUSED);
}

TEST("a sender who was rewritten is found again for some weeks, and nobody else is")
{
    scene_run(rewritten_senders);
}

static void standing(struct scene *scene)
{
    EXPECT(accepts(scene, "postmaster@example.net") == OK);
    EXPECT_RESOLVED(scene, "postmaster@example.net", "abuse@example.test",
                    "mailbox 0 bob@example.test");
    add_user(scene, "postmaster@example.test");
    EXPECT_RESOLVED(scene, "abuse@example.net", NULL, "mailbox 0 postmaster@example.test");
    struct settings *others = scene_settings("postmaster boss@far.test\ndomain empty.test {\n}\n");
    directory_use_settings(scene->directory, others);
    settings_release(&others);
    EXPECT_RESOLVED(scene, "abuse@empty.test", NULL, "remote 0 boss@far.test");
    others = scene_settings("domain empty.test {\n}\n");
    directory_use_settings(scene->directory, others);
    settings_release(&others);
    EXPECT(accepts(scene, "postmaster@empty.test") == TRY_LATER);
    EXPECT(accepts(scene, "bob@example.test") == REFUSED);
}

TEST("postmaster and abuse of each domain reach somebody")
{
    scene_run(standing);
}

static void loops(struct scene *scene)
{
    EXPECT(add_member(scene, LIST_ALIAS, "a@example.test", "b@example.test") == OK);
    EXPECT(add_member(scene, LIST_ALIAS, "b@example.test", "a@example.test") == OK);
    EXPECT(add_member(scene, LIST_ALIAS, "b@example.test", "bob@example.test") == OK);
    EXPECT_RESOLVED(scene, "a@example.test", NULL,
                    "loop 0 a@example.test, mailbox 0 bob@example.test");
    EXPECT(add_member(scene, LIST_ALIAS, "self@example.test", "self+x@example.test") == OK);
    EXPECT_RESOLVED(scene, "self@example.test", NULL, "loop 0 self@example.test");
}

TEST("an alias that leads back to itself is reported, and its other members get the mail")
{
    scene_run(loops);
}

static void deep(struct scene *scene)
{
    char list[32], member[32];
    for (int i = 1; i <= DIRECTORY_DEPTH_MAX + 1; i++) {
        snprintf(list, sizeof(list), "g%d@example.test", i);
        snprintf(member, sizeof(member), "g%d@example.test", i - 1);
        EXPECT(add_member(scene, LIST_GROUP, list, i == 1 ? "bob@example.test" : member) == OK);
    }
    EXPECT_RESOLVED(scene, "g10@example.test", NULL, "mailbox 0 bob@example.test");
    EXPECT_RESOLVED(scene, "g11@example.test", NULL, "loop 0 g1@example.test");
}

TEST("groups nest ten deep and no deeper")
{
    scene_run(deep);
}

static void duplicates(struct scene *scene)
{
    add_user(scene, "alice@example.test");
    EXPECT(add_member(scene, LIST_GROUP, "one@example.test", "alice@example.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "one@example.test", "x@far.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "one@example.test", "gone@example.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "both@example.test", "one@example.test") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "both@example.test", "alice+t@example.test") == OK);
    EXPECT_RESOLVED(scene, "both@example.test", "x@far.test",
                    "mailbox 0 alice@example.test, unknown 0 gone@example.test, "
                    "remote 0 x@far.test");
    EXPECT_RESOLVED(scene, "x@far.test", "one@example.test",
                    "remote 0 x@far.test, mailbox 1 alice@example.test, "
                    "unknown 1 gone@example.test");
}

TEST("nobody gets a message twice, however many ways lead to him")
{
    scene_run(duplicates);
}

static void fill_group(struct scene *scene, const char *key, unsigned first, unsigned count)
{
    enum { AT_ONCE = 5000 };
    for (unsigned done = 0; done < count; done += AT_ONCE) {
        struct arena arena;
        arena_init(&arena);
        struct directory_member *members = arena_array(&arena, AT_ONCE, sizeof(*members));
        for (unsigned i = 0; i < AT_ONCE; i++) {
            members[i].key = arena_printf(&arena, "u%u@far.test", first + done + i);
            members[i].address = members[i].key;
        }
        EXPECT(directory_list_add(scene->directory, LIST_GROUP, text_from(key), members, AT_ONCE) ==
               OK);
        arena_finish(&arena);
    }
}

static void large(struct scene *scene)
{
    struct directory_answer answer;
    const struct directory_target *targets;
    struct text keys[] = {TEXT("huge@example.test"), TEXT("bob@example.test")};
    struct directory_question one = {.keys = keys, .count = 1}, two = {.keys = keys, .count = 2};
    fill_group(scene, "half@example.test", 0, 5000);
    fill_group(scene, "more@example.test", 5000, 10000);
    EXPECT(add_member(scene, LIST_GROUP, "more@example.test", "one@far.test") == REFUSED);
    EXPECT(add_member(scene, LIST_GROUP, "huge@example.test", "more@example.test") == OK);
    EXPECT(directory_resolve(scene->directory, &one, &scene->arena, &answer) == OK);
    EXPECT(answer.target_count == 10000);
    EXPECT(add_member(scene, LIST_GROUP, "huge@example.test", "half@example.test") == OK);
    EXPECT(directory_resolve(scene->directory, &two, &scene->arena, &answer) == OK);
    targets = answer.targets;
    EXPECT(answer.target_count == 2);
    EXPECT(targets[0].kind == TARGET_REFUSED && targets[0].recipient == 0);
    EXPECT_TEXT(targets[0].status, "5.5.3");
    EXPECT(targets[1].kind == TARGET_MAILBOX && targets[1].recipient == 1);
    keys[1] = TEXT("half@example.test");
    EXPECT(directory_resolve(scene->directory, &two, &scene->arena, &answer) == OK);
    targets = answer.targets;
    EXPECT(answer.target_count == 5001 && targets[1].kind == TARGET_REMOTE &&
           targets[1].recipient == 1);
}

TEST("a group too large fails for itself alone and leaves no trace in the others' mail")
{
    scene_run(large);
}

static void emptied(struct scene *scene)
{
    bool removed;
    struct text members[] = {TEXT("alice@example.test"), TEXT("box@far.test")};
    populate(scene);
    EXPECT(directory_list_remove(scene->directory, LIST_ALIAS, TEXT("info@example.test"), members,
                                 1, &removed) == OK);
    EXPECT(!removed);
    EXPECT(directory_list_remove(scene->directory, LIST_ALIAS, TEXT("info@example.test"), members,
                                 1, &removed) == REFUSED);
    EXPECT(directory_list_remove(scene->directory, LIST_ALIAS, TEXT("info@example.test"),
                                 members + 1, 1, &removed) == OK);
    EXPECT(removed);
    EXPECT(accepts(scene, "info@example.test") == REFUSED);
    EXPECT(directory_list_remove(scene->directory, LIST_GROUP, TEXT("all@example.test"), NULL, 0,
                                 &removed) == OK);
    EXPECT(removed && accepts(scene, "all@example.test") == REFUSED);
    EXPECT(add_member(scene, LIST_GROUP, "all@example.test", "x@far.test") == OK);
    EXPECT_RESOLVED(scene, "all@example.test", NULL, "remote 0 x@far.test");
}

TEST("an alias without targets is no more, and nothing of a removed group comes back")
{
    scene_run(emptied);
}

static enum status look_up(struct scene *scene, const char *key, struct directory_description *out)
{
    return directory_look_up(scene->directory, text_from(key), &scene->arena, out);
}

static void described(struct scene *scene)
{
    struct directory_description found;
    add_user(scene, "alice@example.test");
    add_user(scene, "alice@example.net");
    EXPECT(add_member(scene, LIST_GROUP, "staff@example.net", "alice@example.net") == OK);
    EXPECT(add_member(scene, LIST_GROUP, "staff@example.net", "x@far.test") == OK);
    EXPECT(look_up(scene, "bob", &found) == OK && found.kind == DESCRIBED_USER);
    EXPECT_TEXT(found.address, "bob@example.test");
    EXPECT(look_up(scene, "staff", &found) == OK && found.kind == DESCRIBED_LIST);
    EXPECT(found.member_count == 2);
    EXPECT_TEXT(found.members[0], "alice@example.net");
    EXPECT_TEXT(found.members[1], "x@far.test");
    EXPECT(look_up(scene, "alice", &found) == OK && found.kind == DESCRIBED_SEVERAL);
    EXPECT(look_up(scene, "alice@example.net", &found) == OK && found.kind == DESCRIBED_USER);
    EXPECT(look_up(scene, "nobody", &found) == REFUSED);
    EXPECT(look_up(scene, "nobody@example.test", &found) == REFUSED);
}

TEST("a name is looked up in all our domains, and one that two have is nobody's")
{
    scene_run(described);
}
