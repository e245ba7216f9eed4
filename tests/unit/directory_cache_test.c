#include <string.h>
#include <sys/socket.h>

#include "directory/cache.h"
#include "directory/calls.h"
#include "directory_scene.h"

/* The near end asks through the cache; the far end stands for auth and counts what reaches it. */
static struct {
    struct task_group group;
    struct rpc_channel *near, *far;
    struct directory_cache *cache;
    unsigned checks, expansions;
    bool change_while_asked;
} world;

static void serve_check(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct text key;
    EXPECT(directory_check_decode(request, &key));
    world.checks++;
    if (world.change_while_asked)
        rpc_tell(world.far, DIRECTORY_CHANGED, TEXT(""));
    if (text_starts_with(key, TEXT("nobody@")))
        rpc_fail(&call, REFUSED, "no such user here");
    else
        rpc_answer(&call, TEXT(""));
}

/* An alias leads to bob; everybody else is a mailbox. */
static void serve_expand(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct arena arena;
    struct directory_question question;
    struct directory_target targets[8];
    struct directory_answer result = {.targets = targets};
    struct buffer answer;
    arena_init(&arena);
    buffer_init(&answer, 4096);
    EXPECT(directory_expand_decode(request, &arena, &question));
    world.expansions++;
    result.target_count = question.count;
    if (question.facts != NULL && text_starts_with(question.facts->sender, TEXT("limited@"))) {
        result.user = question.facts->sender;
        result.send_bytes = 1000;
    }
    for (unsigned i = 0; i < question.count; i++) {
        struct text key = question.keys[i];
        bool is_alias = text_starts_with(key, TEXT("alias@"));
        result.depends |= text_starts_with(key, TEXT("choosy@"));
        targets[i] = (struct directory_target){.kind = TARGET_MAILBOX,
                                               .address = is_alias ? TEXT("bob@example.test") : key,
                                               .recipient = i,
                                               .receive_bytes = DIRECTORY_NO_LIMIT};
    }
    directory_answer_encode(&result, &answer);
    rpc_answer(&call, buffer_text(&answer));
    buffer_finish(&answer);
    arena_finish(&arena);
}

static void serve_changed(void *context, struct rpc_call *call, struct text message)
{
    unused(context);
    unused(call);
    unused(message);
    directory_cache_clear(world.cache);
}

static const struct rpc_method auth_methods[] = {
    {DIRECTORY_CHECK, RPC_INLINE, "check", serve_check},
    {DIRECTORY_EXPAND, RPC_INLINE, "expand", serve_expand},
};
static const struct rpc_method asker_methods[] = {
    {DIRECTORY_CHANGED, RPC_INLINE | RPC_ONE_WAY, "changed", serve_changed},
};

static void with_channels(void *argument)
{
    void (*body)(void);
    memcpy(&body, argument, sizeof(body));
    memset(&world, 0, sizeof(world));
    task_group_init(&world.group);
    world.cache = directory_cache_new();
    world.near = rpc_channel_new("auth", asker_methods, 1, NULL, &world.group);
    world.far = rpc_channel_new("front", auth_methods, 2, NULL, &world.group);
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    rpc_channel_connect(world.near, ends[0]);
    rpc_channel_connect(world.far, ends[1]);
    body();
    rpc_channel_close(&world.near);
    rpc_channel_close(&world.far);
    task_group_finish(&world.group);
    directory_cache_free(&world.cache);
}

static void run(void (*body)(void))
{
    task_loop_run(with_channels, &body);
}

static enum status ask(const char *key)
{
    return directory_cache_check(world.cache, world.near, text_from(key));
}

/* The mailbox that the last of these keys leads to; "" when it adds none. */
static const char *expand(const char *first, const char *second)
{
    static char mailbox[DIRECTORY_USER_MAX];
    struct text keys[] = {text_from(first), text_from(second)};
    unsigned asked = second == NULL ? 1 : 2;
    struct directory_question question = {.keys = keys, .count = asked};
    struct directory_answer answer;
    struct arena arena;
    arena_init(&arena);
    EXPECT(directory_cache_expand(world.cache, world.near, &question, &arena, &answer) == OK);
    const struct directory_target *last = &answer.targets[answer.target_count - 1];
    text_copy(last->recipient == asked - 1 ? last->address : TEXT(""), mailbox, sizeof(mailbox));
    arena_finish(&arena);
    return mailbox;
}

static void asked_once(void)
{
    EXPECT(ask("bob@example.test") == OK && ask("bob@example.test") == OK);
    EXPECT(world.checks == 1);
    EXPECT(ask("nobody@example.test") == REFUSED && ask("nobody@example.test") == REFUSED);
    EXPECT(world.checks == 3);
}

TEST("a good answer is asked for once, a refusal each time")
{
    run(asked_once);
}

static void change_told(void)
{
    EXPECT(ask("bob@example.test") == OK);
    rpc_tell(world.far, DIRECTORY_CHANGED, TEXT(""));
    EXPECT(ask("nobody@example.test") == REFUSED); /* this answer comes behind the message */
    EXPECT(ask("bob@example.test") == OK);
    EXPECT(world.checks == 3);
}

TEST("a change that was told of empties the cache")
{
    run(change_told);
}

static void change_raced(void)
{
    world.change_while_asked = true;
    EXPECT(ask("bob@example.test") == OK);
    world.change_while_asked = false;
    EXPECT(ask("bob@example.test") == OK);
    EXPECT(world.checks == 2);
}

TEST("an answer that a change overtook is not kept")
{
    run(change_raced);
}

static void expanded_from_memory(void)
{
    EXPECT_TEXT(text_from(expand("alias@example.test", NULL)), "bob@example.test");
    EXPECT_TEXT(text_from(expand("bob@example.test", NULL)), "bob@example.test");
    EXPECT(world.expansions == 2);
    EXPECT_TEXT(text_from(expand("alias@example.test", NULL)), "bob@example.test");
    /* Both lead to bob: he gets one copy, for the first. */
    EXPECT_TEXT(text_from(expand("alias@example.test", "bob@example.test")), "");
    EXPECT(world.expansions == 2);
    EXPECT_TEXT(text_from(expand("bob@example.test", "carol@example.test")), "carol@example.test");
    EXPECT(world.expansions == 3);
}

TEST("recipients known to be one mailbox each are expanded without a call, duplicates once")
{
    run(expanded_from_memory);
}

static uint64_t limit_of(const char *sender, const char *recipient)
{
    struct text key = text_from(recipient);
    struct directory_facts facts = {.sender = text_from(sender), .is_ours = true};
    struct directory_question question = {.keys = &key, .count = 1, .facts = &facts};
    struct directory_answer answer;
    struct arena arena;
    arena_init(&arena);
    EXPECT(directory_cache_expand(world.cache, world.near, &question, &arena, &answer) == OK);
    arena_finish(&arena);
    return answer.send_bytes;
}

static void senders_known(void)
{
    EXPECT(limit_of("limited@example.test", "bob@example.test") == 1000);
    EXPECT(limit_of("limited@example.test", "bob@example.test") == 1000);
    EXPECT(world.expansions == 1);
    EXPECT(limit_of("limited@example.test", "choosy@example.test") == 1000);
    EXPECT(limit_of("limited@example.test", "choosy@example.test") == 1000);
    EXPECT(world.expansions == 3);
}

TEST("a sender's limits are remembered, and recipients that choose their senders are asked each "
     "time")
{
    run(senders_known);
}

static void elsewhere_known(void)
{
    struct settings *settings = scene_settings("domain example.test\n");
    struct text keys[] = {TEXT("x@elsewhere.test"), TEXT("x@elsewhere.test"),
                          TEXT("bob@example.test")};
    struct directory_question question = {.keys = keys, .count = 2, .settings = settings};
    struct directory_answer answer;
    struct arena arena;
    arena_init(&arena);
    EXPECT(directory_cache_expand(world.cache, world.near, &question, &arena, &answer) == OK);
    EXPECT(answer.target_count == 1 && answer.targets[0].kind == TARGET_REMOTE);
    EXPECT_TEXT(answer.targets[0].address, "x@elsewhere.test");
    EXPECT(world.expansions == 0);
    question.count = 3;
    EXPECT(directory_cache_expand(world.cache, world.near, &question, &arena, &answer) == OK);
    EXPECT(world.expansions == 1);
    arena_finish(&arena);
    settings_release(&settings);
}

TEST("addresses outside our domains are told apart without a call, those inside are asked about")
{
    run(elsewhere_known);
}
