/* The auth role as its peers see it: real calls over real sockets, the store played by the test. */
#include "main/programs.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include "directory/calls.h"
#include "directory/turn.h"
#include "directory_scene.h"
#include "proc/role.h"
#include "queue/client.h"

/* The ends of the channels that front and store hold, and what the store was told. */
static struct world {
    unsigned changes_told; /* to front */
    char path[64];
    struct role_context context;
    struct task_group group;
    void *auth;
    struct rpc_channel *front, *store; /* towards auth */
    struct rpc_channel *auth_front, *auth_store;
    char session[256];
    int session_fd;
    bool store_refuses;
} world;

static void serve_session(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct wire_reader in = wire_reader_of(request);
    unsigned service = wire_get_u8(&in);
    struct text user = wire_get_text(&in);
    unsigned long long session = wire_get_u64(&in);
    struct text peer = wire_get_text(&in);
    EXPECT(wire_end(&in));
    snprintf(world.session, sizeof(world.session), "%u %.*s %llu %.*s", service, TEXT_ARG(user),
             session, TEXT_ARG(peer));
    int fd = rpc_take_fd(call);
    EXPECT(fd >= 0 && write(fd, "+OK", 3) == 3);
    close(fd);
    if (world.store_refuses)
        rpc_fail(&call, TRY_LATER, "mailbox in use");
    else
        rpc_answer(&call, TEXT(""));
}

static void serve_changed(void *context, struct rpc_call *call, struct text message)
{
    unused(context);
    unused(call);
    EXPECT(text_is_empty(message));
    world.changes_told++;
}

static const struct rpc_method front_methods[] = {
    {DIRECTORY_CHANGED, RPC_INLINE | RPC_ONE_WAY, "changed", serve_changed},
};

static void serve_turn(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    struct directory_turn turn;
    struct arena arena;
    struct buffer verdict;
    arena_init(&arena);
    int fd = rpc_take_fd(call);
    EXPECT(fd >= 0 && directory_turn_decode(request, &arena, &turn));
    close(fd);
    snprintf(world.session, sizeof(world.session), "%.*s %llu %u", TEXT_ARG(turn.account),
             (unsigned long long)turn.session, turn.domain_count);
    buffer_init(&verdict, 16);
    directory_turn_put_verdict(TURN_NO_MAIL, &verdict);
    rpc_answer(&call, buffer_text(&verdict));
    buffer_finish(&verdict);
    arena_finish(&arena);
}

static const struct rpc_method store_methods[] = {
    {STORE_SESSION, 0, "store.session", serve_session},
    {STORE_TURN, 0, "store.turn", serve_turn},
};

static void connect_pair(struct rpc_channel *a, struct rpc_channel *b)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(a, ends[0]);
    rpc_channel_connect(b, ends[1]);
}

static struct settings *settings_of(const char *rest)
{
    char text[512];
    snprintf(text, sizeof(text), "data %s\n%s", world.path, rest);
    return scene_settings(text);
}

static void world_open(void)
{
    const struct role_program *program = &auth_program;
    task_group_init(&world.group);
    world.context =
        (struct role_context){.role = role_find(ROLE_AUTH), .group = &world.group, .admin_fd = -1};
    world.context.settings = settings_of("domain example.test {\n user bob\n}\n");
    task_event_init(&world.context.reloaded);
    world.auth = program->new_state(&world.context);
    world.auth_front = rpc_channel_new("front", program->methods[ROLE_FRONT],
                                       program->method_count[ROLE_FRONT], world.auth, &world.group);
    world.auth_store = rpc_channel_new("store", program->methods[ROLE_STORE],
                                       program->method_count[ROLE_STORE], world.auth, &world.group);
    world.front = rpc_channel_new("auth", front_methods, 1, NULL, &world.group);
    world.store = rpc_channel_new("auth", store_methods, 2, NULL, &world.group);
    world.context.store = world.auth_store;
    world.context.fronts[0] = world.auth_front;
    connect_pair(world.front, world.auth_front);
    connect_pair(world.store, world.auth_store);
}

static void world_close(void)
{
    auth_program.stop(world.auth);
    rpc_channel_close(&world.front);
    rpc_channel_close(&world.store);
    rpc_channel_close(&world.auth_front);
    rpc_channel_close(&world.auth_store);
    task_group_finish(&world.group);
    settings_release(&world.context.settings);
}

static void world_main(void *argument)
{
    void (*play)(void);
    memcpy(&play, argument, sizeof(play));
    world_open();
    play();
    world_close();
}

/* alice's password is "secret". */
static void make_alice(void *unused_argument)
{
    unused(unused_argument);
    struct scene scene = {0};
    snprintf(scene.path, sizeof(scene.path), "%.40s/directory", world.path);
    check(mkdir(scene.path, 0700) == 0);
    scene.settings = settings_of("domain example.test {\n}\n");
    task_group_init(&scene.group);
    scene_open(&scene);
    add_user(&scene, "alice@example.test");
    directory_close(&scene.directory);
    task_group_finish(&scene.group);
    settings_release(&scene.settings);
}

static void world_run(void (*play)(void))
{
    world = (struct world){.path = "/tmp/auth-test-XXXXXX"};
    EXPECT(mkdtemp(world.path) != NULL);
    task_loop_run(make_alice, NULL);
    task_loop_run(world_main, &play);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", world.path);
    EXPECT(system(command) == 0);
}

static char user[DIRECTORY_USER_MAX];

static enum status login(const char *name, const char *password, int fd)
{
    struct directory_login attempt = {.user = text_from(name),
                                      .password = text_from(password),
                                      .service = SERVICE_POP3,
                                      .session = 42,
                                      .peer = TEXT("192.0.2.1")};
    return directory_login(world.front, &attempt, fd, user);
}

static void check_and_expand(void)
{
    EXPECT(directory_check(world.front, TEXT("alice@example.test")) == TRY_LATER);
    EXPECT(auth_program.start(world.auth) == OK);
    EXPECT(directory_check(world.front, TEXT("alice@example.test")) == OK);
    EXPECT(directory_check(world.front, TEXT("carol@example.test")) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "no such user here");
    EXPECT(directory_check(world.front, TEXT("no address")) == REFUSED);
    struct arena arena;
    struct directory_answer answer;
    arena_init(&arena);
    struct text keys[] = {TEXT("alice+x@example.test"), TEXT("far@far.test"),
                          TEXT("alice@example.test")};
    struct directory_question question = {.keys = keys, .count = 3};
    EXPECT(directory_expand(world.store, &question, &arena, &answer) == OK);
    EXPECT(answer.target_count == 2 && answer.targets[0].kind == TARGET_MAILBOX &&
           answer.targets[1].kind == TARGET_REMOTE);
    EXPECT_TEXT(answer.targets[0].address, "alice@example.test");
    EXPECT(answer.targets[1].recipient == 1);
    /* Each peer may ask for what is its own. */
    EXPECT(directory_expand(world.front, &question, &arena, &answer) != OK);
    EXPECT(directory_check(world.store, TEXT("alice@example.test")) != OK);
    arena_finish(&arena);
}

TEST("front may ask who is there, the store who gets it, and neither the other's question")
{
    world_run(check_and_expand);
}

static void hand_over(void)
{
    EXPECT(auth_program.start(world.auth) == OK);
    int ends[2];
    char greeting[4] = "";
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    EXPECT(login("alice", "secret", ends[1]) == OK);
    EXPECT_TEXT(text_from(user), "alice@example.test");
    EXPECT_TEXT(text_from(world.session), "4 alice@example.test 42 192.0.2.1");
    EXPECT(read(ends[0], greeting, 3) == 3);
    EXPECT(read(ends[0], greeting, 3) == 0); /* no end was left open on the way */
    close(ends[0]);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    world.session[0] = '\0';
    EXPECT(login("alice", "wrong", ends[1]) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "authentication failed");
    EXPECT(world.session[0] == '\0' && read(ends[0], greeting, 3) == 0);
    close(ends[0]);
    EXPECT(login("alice", "secret", -1) == OK);
    EXPECT(world.session[0] == '\0');
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    world.store_refuses = true;
    EXPECT(login("alice", "secret", ends[1]) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), "mailbox in use");
    close(ends[0]);
}

TEST("after a login the store, and only then, gets the session, and its answer decides")
{
    world_run(hand_over);
}

static void reloaded(void)
{
    EXPECT(auth_program.start(world.auth) == OK);
    EXPECT(directory_check(world.front, TEXT("dora@new.test")) == REFUSED);
    settings_release(&world.context.settings);
    world.context.settings = settings_of("domain new.test {\n user dora\n}\n");
    unsigned told = world.changes_told;
    task_event_tell_all(&world.context.reloaded);
    EXPECT(directory_check(world.front, TEXT("dora@new.test")) == OK);
    EXPECT(world.changes_told == told + 1); /* front and store forget what they heard before */
    EXPECT(directory_check(world.front, TEXT("alice@example.test")) == REFUSED);
}

TEST("new settings hold from the next request on")
{
    world_run(reloaded);
}

struct late_login {
    enum status status;
};

static void guess_until_later(void *argument)
{
    struct late_login *late = argument;
    do
        late->status = login("alice", "wrong", -1);
    while (late->status == REFUSED);
}

static void stop_meanwhile(void)
{
    EXPECT(auth_program.start(world.auth) == OK);
    struct late_login late = {OK};
    struct task_group guessing;
    task_group_init(&guessing);
    task_spawn(&guessing, "guess", guess_until_later, &late);
    /* The sixth guess waits a second or more. */
    EXPECT(task_group_wait(&guessing, clock_monotonic_ms() + 300) == TRY_LATER);
    auth_program.stop(world.auth);
    EXPECT(task_group_wait(&guessing, clock_monotonic_ms() + MINUTE) == OK);
    EXPECT(late.status == TRY_LATER);
    world.auth = auth_program.new_state(&world.context); /* for world_close to stop */
}

TEST("stopping answers logins that wait, and leaves none behind")
{
    world_run(stop_meanwhile);
}

#define SERVER(more) "server s {\n listen 127.0.0.1:25 smtp\n tls none\n" more "}\n"

static enum status sasl_login(struct rpc_channel *front, const struct directory_sasl_facts *facts,
                              struct text response)
{
    struct directory_sasl_answer answer;
    struct arena arena;
    arena_init(&arena);
    enum status status = directory_sasl_begin(front, facts, &response, &arena, &answer);
    arena_finish(&arena);
    return status;
}

/* On the session 42 of that front. */
static enum status smtp_login(struct rpc_channel *front, struct text response)
{
    const struct directory_sasl_facts facts = {.mechanism = MECHANISM_PLAIN,
                                               .service = SERVICE_SMTP,
                                               .session = 42,
                                               .peer = TEXT("192.0.2.1:25"),
                                               .host = TEXT("mx.example.test"),
                                               .is_tls = true};
    return sasl_login(front, &facts, response);
}

static void use_settings(const char *rest)
{
    settings_release(&world.context.settings);
    world.context.settings = settings_of(rest);
}

/* What a front that was taken over would say, to be alice without her password. */
static enum status claim_certificate(enum service service, const char *mails)
{
    static const char digest[DIRECTORY_DIGEST_BYTES] = "made up";
    const struct directory_sasl_facts facts = {.mechanism = MECHANISM_EXTERNAL,
                                               .service = service,
                                               .session = 42,
                                               .peer = TEXT("192.0.2.1:25"),
                                               .host = TEXT("mx.example.test"),
                                               .is_tls = true,
                                               .certificate = text_of(digest, sizeof(digest)),
                                               .certificate_mails = text_from(mails)};
    return sasl_login(world.front, &facts, TEXT(""));
}

static void claim_certificates(void)
{
    EXPECT(auth_program.start(world.auth) == OK);
    use_settings("domain example.test {\n}\n" SERVER("login plain\n"));
    EXPECT(claim_certificate(SERVICE_SMTP, "alice@example.test") == REFUSED);
    EXPECT(smtp_login(world.front, TEXT("\0alice\0secret")) == OK);
    use_settings("domain example.test {\n}\n" SERVER("login external\n"));
    EXPECT(claim_certificate(SERVICE_SMTP, "alice@example.test") == REFUSED);
    EXPECT(smtp_login(world.front, TEXT("\0alice\0secret")) == REFUSED);
    use_settings("domain example.test {\n}\n" SERVER(
        "login external\n tls client-certificate ask\n tls authorities clients.pem\n"));
    EXPECT(claim_certificate(SERVICE_IMAP, "alice@example.test") == REFUSED);
    EXPECT(claim_certificate(SERVICE_SMTP, "alice@example.test") == OK);
}

TEST("a login by what no server of that service offers is refused, whatever front claims")
{
    world_run(claim_certificates);
}

/* Asks for the mail of whoever is logged in there; account: what front claims. */
static enum status ask_for_mail(struct rpc_channel *front, uint64_t session, const char *account)
{
    struct text domain = TEXT("held.test");
    struct directory_turn turn = {.account = text_from(account),
                                  .session = session,
                                  .peer = TEXT("192.0.2.1:25"),
                                  .domains = &domain,
                                  .domain_count = 1};
    enum directory_turn_verdict verdict = TURN_VERDICTS;
    int ends[2];
    char byte;
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    world.session[0] = '\0';
    enum status status = directory_turn(front, &turn, ends[1], &verdict);
    EXPECT(status != OK || verdict == TURN_NO_MAIL);
    EXPECT(read(ends[0], &byte, 1) == 0); /* no end was left open on the way */
    close(ends[0]);
    return status;
}

static void turn_over(void)
{
    struct rpc_channel *other_front = rpc_channel_new("auth", NULL, 0, NULL, &world.group);
    struct rpc_channel *auth_other =
        rpc_channel_new("front", auth_program.methods[ROLE_FRONT],
                        auth_program.method_count[ROLE_FRONT], world.auth, &world.group);
    connect_pair(other_front, auth_other);
    world.context.fronts[1] = auth_other;
    use_settings("domain example.test {\n user bob\n}\n" SERVER(
        "") "connector c {\n to held.test\n hold for alice@example.test\n}\n");
    EXPECT(auth_program.start(world.auth) == OK);
    EXPECT(ask_for_mail(world.front, 42, "alice@example.test") == TRY_LATER);
    EXPECT(smtp_login(world.front, TEXT("\0alice\0secret")) == OK);
    EXPECT(ask_for_mail(world.front, 43, "") == TRY_LATER);
    EXPECT(ask_for_mail(other_front, 42, "alice@example.test") == TRY_LATER);
    EXPECT(ask_for_mail(world.front, 42, "bob@example.test") == TRY_LATER);
    EXPECT(ask_for_mail(world.front, 42, "") == TRY_LATER);
    EXPECT(world.session[0] == '\0'); /* the store was never told */
    EXPECT(ask_for_mail(world.front, 42, "alice@example.test") == OK);
    EXPECT_TEXT(text_from(world.session), "alice@example.test 42 1");
    /* With the front's process its sessions are gone. */
    rpc_channel_close(&world.front);
    while (rpc_channel_is_up(world.auth_front))
        task_yield();
    world.front = rpc_channel_new("auth", front_methods, 1, NULL, &world.group);
    connect_pair(world.front, world.auth_front);
    EXPECT(ask_for_mail(world.front, 42, "alice@example.test") == TRY_LATER);
    auth_program.stop(world.auth);
    world.context.fronts[1] = NULL;
    rpc_channel_close(&other_front);
    rpc_channel_close(&auth_other);
    world.auth = auth_program.new_state(&world.context); /* for world_close to stop */
}

/* shows: V14 V16 */
TEST("a session is turned round for the account that auth saw log in on it, whatever front claims")
{
    world_run(turn_over);
}
