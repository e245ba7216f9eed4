/* An IMAP session while the n-th call fails, or a row of the index is damaged: each command has one
 * answer, in order, or the session ends; and nobody else is harmed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "fault_peer.h"
#include "proto/imap/imap.h"
#include "store/hierarchy.h"

#define ALICE TEXT("alice@local.test")

enum { RECOVERED = 0, HEARD_MOST = 16 << 20, PART_LINES = 3000 };

/* ---- What is in her mailboxes ---- */

static const char parts[] =
    "From: Bob <bob@far.example>\r\nTo: alice@local.test\r\nSubject: =?utf-8?q?three_parts?=\r\n"
    "Date: Sat, 28 Nov 2026 08:00:00 +0000\r\nMessage-ID: <2@far.example>\r\n"
    "References: <1@far.example>\r\nList-Id: <list.far.example>\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>caf=E9 and tea</p>\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\nFrom: c@far.example\r\n"
    "Content-Type: text/plain\r\n\r\nthe inner text\r\n"
    "--b\r\nContent-Type: application/octet-stream; name=large\r\n"
    "Content-Transfer-Encoding: base64\r\n\r\n";

static struct text message_of_parts(struct arena *arena)
{
    static const char line[] = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJz\r\n";
    struct buffer out;
    buffer_init(&out, 1 << 20);
    buffer_append(&out, text_from(parts));
    for (unsigned i = 0; i < PART_LINES; i++)
        buffer_append(&out, text_from(line));
    buffer_append(&out, TEXT("--b--\r\n"));
    struct text message = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return message;
}

static void mail_alice(struct queue_peer *peer, struct text body)
{
    struct queue_peer_mail mail = {
        .sender = TEXT("a@far.example"), .body = body, .to = {ALICE}, .to_count = 1};
    fault_expect(queue_peer_mail(peer, &mail) == OK, "it is prepared");
}

static void prepare(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    mail_alice(peer, TEXT("From: Ann <ann@far.example>\r\nTo: Alice <alice@local.test>\r\n"
                          "Subject: first\r\nMessage-ID: <1@far.example>\r\n"
                          "Date: Fri, 27 Nov 2026 08:00:00 +0000\r\n\r\nsome words of tea\r\n"));
    mail_alice(peer, message_of_parts(&arena));
    mail_alice(peer, TEXT("no field at all\r\n"));
    for (unsigned i = 0; i < 3; i++)
        fault_expect(mailbox_create(queue_store(peer->queue), ALICE,
                                    arena_printf(&arena, "box%u", i), 0) == NAMING_DONE,
                     "it is prepared");
    arena_finish(&arena);
}

/* ---- The session; MAILROOT_SHOW in the environment: what was heard ---- */

struct talk {
    struct queue_peer *peer;
    const char *const *commands; /* "" at the end of one: bytes of a literal follow */
    unsigned count;
    int pair[2];
    struct buffer heard;
};

static void serve(void *argument)
{
    struct talk *talk = argument;
    struct accounts accounts = {.store = queue_store(talk->peer->queue),
                                .settings = talk->peer->settings};
    struct imap_options options = {.store = accounts.store,
                                   .accounts = &accounts,
                                   .user = ALICE,
                                   .session = 1,
                                   .peer = TEXT("192.0.2.9"),
                                   .append_bytes = 1 << 20,
                                   .max_errors = 1000};
    struct stream *stream = stream_new(talk->pair[0], NULL);
    imap_serve_mailboxes(stream, &options);
    stream_close(&stream);
}

/* How many answers there are: each is to the command that is next. */
static unsigned count_answers(struct text heard)
{
    unsigned count = 0;
    struct text line;
    while (text_split(&heard, '\n', &line)) {
        char tag[16];
        snprintf(tag, sizeof(tag), "t%u ", count);
        if (!text_starts_with(line, text_from(tag)))
            continue;
        struct text answer = text_from_position(line, strlen(tag));
        fault_expect(text_starts_with(answer, TEXT("OK")) || text_starts_with(answer, TEXT("NO")) ||
                         text_starts_with(answer, TEXT("BAD")),
                     "a command is answered");
        count++;
    }
    return count;
}

/* One command after the other, each when the one before is answered. */
static void say(void *argument)
{
    struct talk *talk = argument;
    struct stream *stream = stream_new(talk->pair[1], NULL);
    unsigned said = 0;
    enum status status = OK;
    while (status == OK) {
        unsigned answered = count_answers(buffer_text(&talk->heard));
        if (answered == talk->count)
            break;
        if (answered == said) {
            char tag[16];
            snprintf(tag, sizeof(tag), "t%u ", said);
            stream_write(stream, text_from(tag));
            stream_write(stream, text_from(talk->commands[said++]));
            stream_write(stream, TEXT("\r\n"));
            stream_flush(stream);
        }
        status = stream_fill(stream);
        buffer_append(&talk->heard, stream_buffered(stream));
        stream_consume(stream, stream_buffered(stream).length);
    }
    stream_close(&stream);
}

static void talk(struct queue_peer *peer, const char *const *commands, unsigned count)
{
    struct talk talk = {.peer = peer, .commands = commands, .count = count};
    struct task_group sessions;
    buffer_init(&talk.heard, HEARD_MOST);
    fault_expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, talk.pair) == 0,
                 "a pair of sockets");
    task_group_init(&sessions);
    fault_begin();
    if (mailboxes_begin(queue_store(peer->queue), ALICE) == OK) {
        task_spawn(&sessions, "server", serve, &talk);
        task_spawn(&sessions, "client", say, &talk);
        task_group_wait(&sessions, NO_DEADLINE);
    }
    fault_end();
    task_group_finish(&sessions);
    if (getenv("MAILROOT_SHOW") != NULL)
        fwrite(talk.heard.data, 1, talk.heard.length, stderr);
    buffer_finish(&talk.heard);
    fault_peer_recovers(peer, RECOVERED);
}

static void look(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    fault_peer_has_recovered(peer, RECOVERED);
}

#define TALK(name, ...)                                                                            \
    static void name(struct queue_peer *peer)                                                      \
    {                                                                                              \
        static const char *const commands[] = {__VA_ARGS__};                                       \
        talk(peer, commands, sizeof(commands) / sizeof(commands[0]));                              \
    }

TALK(act_read, "SELECT INBOX (CONDSTORE)", "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE PREVIEW)",
     "FETCH 2 (BODY[] BODY[HEADER] BODY[1] BODY[1.MIME] BODY[2.HEADER] BODY[2.1] BODY[3]<7.100>)",
     "FETCH 1:* (RFC822.SIZE SAVEDATE EMAILID THREADID BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])",
     "FETCH 2 (BINARY[1] BINARY[2.1] BINARY.PEEK[3]<5.50> BINARY.SIZE[3])",
     "FETCH 1:* BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)]", "UID FETCH 1:* (PREVIEW (LAZY))",
     "FETCH 2 (BODY.PEEK[TEXT] RFC822.HEADER)", "CLOSE")

TEST("what is read is read, or refused, or the session ends")
{
    fault_peer_loop(&(struct fault_peer){"IMAP FETCH", prepare, act_read, look, .is_long = true});
}

TALK(act_search, "SELECT INBOX", "SEARCH TEXT tea", "SEARCH BODY inner SUBJECT three",
     "SEARCH HEADER List-Id list", "UID SEARCH RETURN (MIN MAX COUNT SAVE) FROM ann",
     "FETCH $ FLAGS", "SORT (SUBJECT REVERSE DATE) UTF-8 ALL", "SORT (FROM TO CC SIZE) UTF-8 ALL",
     "THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL",
     "SEARCH SENTSINCE 1-Jan-2026 SENTBEFORE 1-Jan-2027 LARGER 100",
     "ESEARCH IN (personal) RETURN (COUNT ALL) TEXT tea", "SEARCH RETURN (PARTIAL 1:2) ALL",
     "SEARCH FUZZY TEXT words", "STORE 1 +FLAGS (\\Seen)", "CLOSE")

TEST("what is looked for is found, or refused, or the session ends")
{
    fault_peer_loop(
        &(struct fault_peer){"IMAP SEARCH", prepare, act_search, look, .is_long = true});
}

TALK(act_change, "SELECT INBOX", "APPEND box0 (\\Seen) {19+}\r\nSubject: one\r\n\r\none",
     "APPEND box0 {3+}\r\none (\\Flagged) {3+}\r\ntwo",
     "APPEND box1 CATENATE (URL \"/INBOX/;UID=2/;SECTION=1\" TEXT {3+}\r\nend)", "COPY 1:2 box1",
     "MOVE 3 box2", "STORE 1:2 +FLAGS (\\Flagged work)",
     "STORE 2 (UNCHANGEDSINCE 1) FLAGS.SILENT (\\Seen)", "REPLACE 1 INBOX {3+}\r\nnew",
     "UID EXPUNGE 1:*", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "UNSELECT", "CREATE box3/below",
     "RENAME box3 box4", "DELETE box2", "STATUS INBOX (MESSAGES UNSEEN SIZE DELETED HIGHESTMODSEQ)")

TEST("what is changed is changed, or refused, or the session ends")
{
    fault_peer_loop(
        &(struct fault_peer){"IMAP changes", prepare, act_change, look, .is_long = true});
}

TALK(act_names, "LIST \"\" * RETURN (STATUS (MESSAGES UNSEEN) SUBSCRIBED CHILDREN SPECIAL-USE)",
     "SUBSCRIBE box0", "LSUB \"\" *", "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" %",
     "SETMETADATA box0 (/private/comment \"one\" /shared/comment \"two\")",
     "GETMETADATA (DEPTH infinity MAXSIZE 100) box0 (/private/comment /shared/comment)",
     "GETMETADATA \"\" (/shared/admin /private/comment)", "SETACL box0 bob@local.test lrs",
     "GETACL box0", "MYRIGHTS box0", "LISTRIGHTS box0 bob@local.test", "GETQUOTAROOT INBOX",
     "NAMESPACE", "NOTIFY SET STATUS (personal (MessageNew MessageExpunge FlagChange MailboxName))",
     "SETMETADATA \"\" (/private/comment NIL)", "CREATE new (USE (\\Drafts))", "NOTIFY NONE",
     "GENURLAUTH \"imap://alice@local.test@mx.local.test/INBOX/;UID=1;URLAUTH=anonymous\" INTERNAL",
     "RESETKEY INBOX", "DELETEACL box0 bob@local.test", "UNSUBSCRIBE box0")

TEST("what is told of mailboxes is told, or refused, or the session ends")
{
    fault_peer_loop(
        &(struct fault_peer){"IMAP mailboxes", prepare, act_names, look, .is_long = true});
}
