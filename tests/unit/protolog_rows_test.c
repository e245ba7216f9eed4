/* Rows of protocol logs on their way: from what is said on a stream, by way of the store's channel,
 * into files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "protolog/session.h"
#include "protolog/writer.h"
#include "settings_scene.h"
#include "test.h"

static struct {
    char directory[40];
    struct parsed parsed;
    struct task_group group;
    struct rpc_channel *near, *far;
    struct protolog_writer *writer;
    struct protolog_gather *gather;
    unsigned batches;
    void (*body)(void);
} world;

static void serve_rows(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(call);
    world.batches++;
    protolog_writer_take(world.writer, request);
}

static const struct rpc_method methods[] = {
    {PROTOLOG_ROWS, RPC_INLINE | RPC_ONE_WAY, "rows", serve_rows},
};

static void connect_both(void)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    rpc_channel_connect(world.near, ends[0]);
    rpc_channel_connect(world.far, ends[1]);
}

/* All that is under way is in the files then. */
static void settle(void)
{
    protolog_gather_free(&world.gather);
    for (int i = 0; i < 100; i++)
        task_yield();
    protolog_writer_free(&world.writer);
}

static void act(void *argument)
{
    unused(argument);
    task_group_init(&world.group);
    world.near = rpc_channel_new("store", NULL, 0, NULL, &world.group);
    world.far = rpc_channel_new("front", methods, 1, NULL, &world.group);
    connect_both();
    world.writer = protolog_writer_new();
    protolog_writer_configure(world.writer, world.parsed.settings);
    world.gather = protolog_gather_new(world.near);
    world.body();
    settle();
    task_group_cancel(&world.group);
    rpc_channel_close(&world.near);
    rpc_channel_close(&world.far);
    task_group_finish(&world.group);
}

static void play(const char *log, void (*body)(void))
{
    char text[400], command[60];
    memset(&world, 0, sizeof(world));
    strcpy(world.directory, "/tmp/protolog-rows-XXXXXX");
    EXPECT(mkdtemp(world.directory) != NULL);
    snprintf(text, sizeof(text),
             "host mail.example.test\nlimit free-space 0\nserver 1 {\n    listen *:25 *:110 *:143 "
             "*:4190\n    log %s unlimited directory %s\n    log fields cs-username cs-method "
             "cs-uri-query sc-status sc-bytes cs-bytes\n}\n",
             log, world.directory);
    world.parsed = settings_of(text);
    EXPECT(world.parsed.settings != NULL);
    world.body = body;
    task_loop_run(act, NULL);
    parsed_free(&world.parsed);
    snprintf(command, sizeof(command), "rm -r %s", world.directory);
    EXPECT(system(command) == 0);
}

static const char *content(const char *site)
{
    static char bytes[64 << 10];
    char path[120];
    snprintf(path, sizeof(path), "%s/%s/extend1.log", world.directory, site);
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(bytes, 1, sizeof(bytes) - 1, file);
    bytes[length] = '\0';
    if (file != NULL)
        fclose(file);
    return bytes;
}

static unsigned lines_with(const char *site, const char *piece)
{
    char path[120], line[2048];
    unsigned count = 0;
    snprintf(path, sizeof(path), "%s/%s/extend1.log", world.directory, site);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, piece) != NULL;
    if (file != NULL)
        fclose(file);
    return count;
}

/* The lines behind the directives. */
static void expect_lines(const char *site, const char *expected)
{
    const char *text = content(site);
    const char *fields = strstr(text, "#Fields:");
    EXPECT(fields != NULL);
    EXPECT_TEXT(text_after(text_from(fields), '\n'), expected);
}

/* A session to which answers are written, in pieces as odd as they come. */
struct talk {
    struct stream *stream;
    struct protolog_session *session;
    int client_fd;
};

static struct talk talk_begin(enum service service)
{
    int ends[2];
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    struct talk talk = {.stream = stream_new(ends[0], NULL), .client_fd = ends[1]};
    talk.session = protolog_session_new(world.gather, &world.parsed.settings->servers[0], service,
                                        talk.stream);
    return talk;
}

static void talk_end(struct talk *talk)
{
    protolog_session_free(&talk->session);
    stream_close(&talk->stream);
    close(talk->client_fd);
}

static void say(struct talk *talk, const char *verb, const char *arguments, const char *answer,
                size_t piece)
{
    struct protolog_command command;
    struct text rest = text_from(answer);
    protolog_command_begin(&command, talk->session, 100);
    for (; rest.length > 0; rest = text_from_position(rest, piece))
        stream_write(talk->stream, text_head(rest, piece));
    protolog_command_end(talk->session, text_from(verb), text_from(arguments), 130);
    stream_write(talk->stream, TEXT("599 nobody sees this\r\n"));
}

static void say_smtp(void)
{
    char login[8] = "", greeted[16] = "";
    struct talk talk = talk_begin(SERVICE_SMTP);
    protolog_session_name(talk.session, login, greeted);
    say(&talk, "EHLO", "client", "250-mx\r\n250-STARTTLS\r\n250 OK\r\n", 1);
    strcpy(greeted, "client");
    say(&talk, "DATA", "", "354 go ahead\r\n250 2.0.0 taken\r\n", 5);
    strcpy(login, "alice");
    say(&talk, "RCPT", "TO:<a b>", "550 5.1.1 no\r\n", 1000);
    say(&talk, "?", "", "421 4.4.2 12 34\r\n", 3);
    say(&talk, "NOOP", "", "", 1);
    talk_end(&talk);
    settle();
    expect_lines("SMTPSVC1", "- EHLO +client 250 30 30\n"
                             "client DATA - 250 31 30\n"
                             "alice RCPT +TO:<a+b> 550 14 30\n"
                             "alice ? - 421 17 30\n"
                             "alice NOOP - 0 0 30\n");
}

TEST("the status of an SMTP command is that of the last line that answers it")
{
    play("w3c", say_smtp);
}

static void say_others(void)
{
    struct talk pop3 = talk_begin(SERVICE_POP3), imap = talk_begin(SERVICE_IMAP);
    struct talk sieve = talk_begin(SERVICE_MANAGESIEVE);
    for (size_t piece = 1; piece < 8; piece += 6) {
        say(&pop3, "CAPA", "", "+OK list\r\nTOP\r\n-x\r\n.\r\n", piece);
        say(&imap, "NOOP", "", "* OK still\r\n* BAD\r\ntag-1.long NO not\r\n", piece);
        say(&sieve, "CAPABILITY", "", "\"NO\" \"x\"\r\nOK\r\n", piece);
    }
    say(&pop3, "DELE", "1", "-ERR no\r\n", 100);
    talk_end(&pop3);
    talk_end(&imap);
    talk_end(&sieve);
    settle();
    expect_lines("POP3SVC1", "- CAPA - +OK 22 30\n- CAPA - +OK 22 30\n- DELE +1 -ERR 9 30\n");
    expect_lines("IMAP4SVC1", "- NOOP - NO 38 30\n- NOOP - NO 38 30\n");
    expect_lines("SIEVESVC1", "- CAPABILITY - OK 14 30\n- CAPABILITY - OK 14 30\n");
}

TEST("the status of a mailbox protocol is that of the line which ends the answer")
{
    play("w3c", say_others);
}

static void say_early(void)
{
    struct talk talk = talk_begin(SERVICE_POP3);
    struct protolog_command command;
    protolog_command_begin(&command, talk.session, 0);
    protolog_command_say(talk.session, TEXT("+OK"));
    protolog_command_end(talk.session, TEXT("PASS"), TEXT(""), 20);
    protolog_command_end(talk.session, TEXT("PASS"), TEXT(""), 9999);
    talk_end(&talk);
    settle();
    expect_lines("POP3SVC1", "- PASS - +OK 0 20\n");
}

TEST("a command has one row, whatever follows")
{
    play("w3c", say_early);
}

static void begin_without_log(void)
{
    struct talk talk = talk_begin(SERVICE_SMTP);
    EXPECT(talk.session == NULL);
    talk_end(&talk);
}

TEST("a session of a server without a log has nothing of it")
{
    play("off", begin_without_log);
}

static struct protolog_row row_of(const char *server, const char *verb)
{
    return (struct protolog_row){.service = SERVICE_SMTP,
                                 .wall_ms = clock_wall_ms(),
                                 .server = text_from(server),
                                 .verb = text_from(verb)};
}

static void lose_the_store(void)
{
    struct protolog_row row = row_of("1", "NOOP");
    char arguments[PROTOLOG_ARGUMENTS_MAX];
    memset(arguments, 'x', sizeof(arguments));
    row.arguments = text_of(arguments, sizeof(arguments));
    rpc_channel_close(&world.far);
    for (int i = 0; i < 100; i++)
        task_yield();
    EXPECT(!rpc_channel_is_up(world.near));
    for (int i = 0; i < 5000; i++)
        protolog_gather_put(world.gather, &row);
    world.far = rpc_channel_new("front", methods, 1, NULL, &world.group);
    connect_both();
    settle();
    const char *text = content("SMTPSVC1");
    EXPECT(strstr(text, " NOOP ") != NULL);
    EXPECT(world.batches == 1);
}

TEST("while the store is away some rows are kept, and no more than fit")
{
    play("w3c", lose_the_store);
}

static void put_strange_rows(void)
{
    struct protolog_row row = row_of("2", "NOSUCH");
    protolog_gather_put(world.gather, &row);
    row = row_of("../1", "CLIMB");
    protolog_gather_put(world.gather, &row);
    row = row_of("1", "FUTURE");
    row.wall_ms += 1000 * (int64_t)DAY;
    protolog_gather_put(world.gather, &row);
    protolog_writer_take(world.writer, TEXT("\0\0\0\0\0\0\0\1garbage"));
    protolog_writer_take(world.writer, TEXT(""));
    settle();
    EXPECT(strstr(content("SMTPSVC1"), "FUTURE") != NULL);
    EXPECT(content("SMTPSVC2")[0] == '\0');
    EXPECT(content("SMTPSVC../1")[0] == '\0');
}

TEST("rows of servers that are not there, and what is none, write nothing")
{
    play("w3c", put_strange_rows);
}

static void overrun_the_disk(void)
{
    struct protolog_row row = row_of("1", "NOOP");
    struct buffer batch;
    buffer_init(&batch, 2 * PROTOLOG_ROW_MAX);
    wire_put_u32(&batch, 0);
    wire_put_u32(&batch, 1);
    protolog_row_encode(&row, &batch);
    unsigned most = (4 << 20) / (unsigned)(batch.length + sizeof(uint32_t));
    for (unsigned i = 0; i < 3 * most; i++)
        protolog_writer_take(world.writer, buffer_text(&batch));
    buffer_finish(&batch);
    settle();
    EXPECT(lines_with("SMTPSVC1", " NOOP ") == most);
}

TEST("rows that come faster than a disk takes them are dropped, and take no more memory")
{
    play("w3c", overrun_the_disk);
}
