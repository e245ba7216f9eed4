/* Whole POP3 sessions: the login in front, the mailbox behind a socket pair. */
#include "front_world.h"
#include "test.h"

enum { DROP_MAX = 8 };

/* A maildrop of texts. */
static struct drop {
    struct text messages[DROP_MAX];
    unsigned removed[DROP_MAX], removed_count, removals, releases, removals_then;
    bool reads_fail, removal_fails;
    struct pop3_maildrop maildrop;
} drop;

static uint64_t drop_size(void *state, unsigned index)
{
    return ((struct drop *)state)->messages[index].length;
}

static void drop_uid(void *state, unsigned index, char out[POP3_UID_BYTES])
{
    unused(state);
    snprintf(out, POP3_UID_BYTES, "uid-%u", index + 100);
}

static enum status drop_read(void *state, unsigned index, uint64_t offset, uint32_t length,
                             struct buffer *out)
{
    struct drop *self = state;
    if (self->reads_fail)
        return try_later("bad medium");
    struct text rest = text_from_position(self->messages[index], offset);
    buffer_append(out, text_head(rest, length));
    return OK;
}

static enum status drop_remove(void *state, const unsigned *indexes, unsigned count)
{
    struct drop *self = state;
    self->removals++;
    if (self->removal_fails)
        return try_later("log is full");
    memcpy(self->removed, indexes, count * sizeof(*indexes));
    self->removed_count = count;
    return OK;
}

/* RFC 1939 6: it comes behind the removal. */
static void drop_release(void *state)
{
    struct drop *self = state;
    self->releases++;
    self->removals_then = self->removals;
}

static void open_drop(unsigned count, const char *const *messages)
{
    world_open("login cleartext");
    memset(&drop, 0, sizeof(drop));
    for (unsigned i = 0; i < count; i++)
        drop.messages[i] = text_from(messages[i]);
    drop.maildrop = (struct pop3_maildrop){.state = &drop,
                                           .count = count,
                                           .size = drop_size,
                                           .uid = drop_uid,
                                           .read = drop_read,
                                           .remove = drop_remove,
                                           .release = drop_release};
    peers.maildrop = &drop.maildrop;
}

static char *pop3(const char *input)
{
    return world_talk((struct conversation){.service = SERVICE_POP3, .input = text_from(input)});
}

static void expect_heard(const char *input, const char *expected)
{
    char *heard = pop3(input);
    assert_string_equal(heard, expected);
    free(heard);
}

#define LOGIN "USER alice@example.test\r\nPASS secret word\r\n"
#define LOGGED_IN "+OK mailroot POP3 ready\r\n+OK Password?\r\n"

TEST("what is pipelined behind the password reaches the mailbox")
{
    static const char *const messages[] = {"A: 1\r\n\r\none\r\n", "A: 2\r\n\r\n.two\r\n..\r\n"};
    open_drop(2, messages);
    expect_heard(LOGIN "STAT\r\nLIST\r\nLIST 2\r\nUIDL\r\nUIDL 1\r\nNOOP\r\nQUIT\r\n",
                 LOGGED_IN "+OK maildrop has 2 messages\r\n+OK 2 31\r\n"
                           "+OK List follows\r\n1 13\r\n2 18\r\n.\r\n+OK 2 18\r\n"
                           "+OK List follows\r\n1 uid-100\r\n2 uid-101\r\n.\r\n+OK 1 uid-100\r\n"
                           "+OK\r\n+OK Goodbye, 0 messages deleted\r\n");
    EXPECT(drop.removals == 0);
    world_close();
}

TEST("dots are stuffed, and a message without a last CRLF gets one")
{
    static const char *const messages[] = {".\r\n..\r\na.\r\n.b", "", "x\n.\r\n"};
    open_drop(3, messages);
    expect_heard(LOGIN "RETR 1\r\nRETR 2\r\nRETR 3\r\nQUIT\r\n",
                 LOGGED_IN "+OK maildrop has 3 messages\r\n"
                           "+OK 13 octets\r\n..\r\n...\r\na.\r\n..b\r\n.\r\n"
                           "+OK 0 octets\r\n.\r\n"
                           "+OK 5 octets\r\nx\n..\r\n.\r\n"
                           "+OK Goodbye, 0 messages deleted\r\n");
    world_close();
}

TEST("TOP gives the header, the blank line and so many lines")
{
    static const char *const messages[] = {"A: b\r\nC: d\r\n\r\n1\r\n2\r\n3\r\n"};
    open_drop(1, messages);
    expect_heard(LOGIN
                 "TOP 1 0\r\nTOP 1 2\r\nTOP 1 99\r\nTOP 1\r\nTOP 2 1\r\nTOP 1 1 1\r\nQUIT\r\n",
                 LOGGED_IN "+OK maildrop has 1 messages\r\n"
                           "+OK 23 octets\r\nA: b\r\nC: d\r\n\r\n.\r\n"
                           "+OK 23 octets\r\nA: b\r\nC: d\r\n\r\n1\r\n2\r\n.\r\n"
                           "+OK 23 octets\r\nA: b\r\nC: d\r\n\r\n1\r\n2\r\n3\r\n.\r\n"
                           "-ERR TOP needs a message number and a number of lines\r\n"
                           "-ERR No such message\r\n"
                           "-ERR TOP needs a message number and a number of lines\r\n"
                           "+OK Goodbye, 0 messages deleted\r\n");
    world_close();
}

TEST("messages are removed at QUIT, and not when the client just goes away")
{
    static const char *const messages[] = {"1\r\n", "2\r\n", "3\r\n"};
    open_drop(3, messages);
    free(pop3(LOGIN "DELE 1\r\nDELE 3\r\n"));
    EXPECT(drop.removals == 0 && drop.releases == 0);
    free(pop3(LOGIN "DELE 2\r\nRSET\r\nQUIT\r\n"));
    EXPECT(drop.removals == 0);
    expect_heard(LOGIN "DELE 1\r\nDELE 1\r\nRETR 1\r\nDELE 3\r\nSTAT\r\nLIST\r\nDELE 4\r\nQUIT\r\n",
                 LOGGED_IN "+OK maildrop has 3 messages\r\n"
                           "+OK Message 1 deleted\r\n-ERR The message is deleted\r\n"
                           "-ERR The message is deleted\r\n+OK Message 3 deleted\r\n+OK 1 3\r\n"
                           "+OK List follows\r\n2 3\r\n.\r\n-ERR No such message\r\n"
                           "+OK Goodbye, 2 messages deleted\r\n");
    EXPECT(drop.removed_count == 2 && drop.removed[0] == 0 && drop.removed[1] == 2);
    EXPECT(drop.releases == 2 && drop.removals_then == 1);
    drop.removal_fails = true;
    char *heard = pop3(LOGIN "DELE 1\r\nQUIT\r\n");
    EXPECT(strstr(heard, "-ERR [SYS/TEMP]") != NULL);
    free(heard);
    world_close();
}

TEST("a large message goes out whole, byte for byte")
{
    enum { SIZE = 3000000 };
    char *bytes = malloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = i % 79 == 77 ? '\r' : i % 79 == 78 ? '\n' : (char)('.' + i % 50);
    bytes[SIZE - 2] = '\r';
    bytes[SIZE - 1] = '\n';
    open_drop(1, (const char *const[]){""});
    drop.messages[0] = text_of(bytes, SIZE);
    char *heard = pop3(LOGIN "RETR 1\r\nQUIT\r\n");
    char *at = strstr(heard, "octets\r\n") + 8;
    for (size_t i = 0; i < SIZE; i++) {
        if (bytes[i] == '.' && (i == 0 || bytes[i - 1] == '\n'))
            EXPECT(*at++ == '.');
        if (*at++ != bytes[i])
            fail_msg("differs at %zu", i);
    }
    assert_string_equal(at, ".\r\n+OK Goodbye, 0 messages deleted\r\n");
    free(heard);
    free(bytes);
    world_close();
}

TEST("a message that can't be read is refused, not cut short")
{
    open_drop(1, (const char *const[]){"x\r\n"});
    drop.reads_fail = true;
    char *heard = pop3(LOGIN "RETR 1\r\nNOOP\r\n");
    EXPECT(strstr(heard, "-ERR [SYS/TEMP] The message can't be read at the moment\r\n+OK\r\n") !=
           NULL);
    free(heard);
    world_close();
}

TEST("wrong passwords are refused alike, late, and three times at most")
{
    open_drop(0, NULL);
    char *heard = world_talk((struct conversation){
        .service = SERVICE_POP3,
        .input = TEXT("USER nobody\r\nPASS x\r\nUSER alice@example.test\r\nPASS x\r\n"
                      "AUTH PLAIN AGEAYg==\r\nCAPA\r\n"),
        .time_flies = true});
    unsigned refusals = 0;
    for (char *at = heard; (at = strstr(at, "-ERR [AUTH] User name or password is wrong")); at++)
        refusals++;
    EXPECT(refusals == 3 && strstr(heard, "Capabilities") == NULL);
    EXPECT(strstr(peers.stories, "pop3.refused session=") != NULL);
    EXPECT(strstr(peers.stories, "PASS x") == NULL && strstr(peers.stories, "AGEA") == NULL);
    free(heard);
    world_close();
}

TEST("AUTH PLAIN and LOGIN open the mailbox too")
{
    open_drop(0, NULL);
    expect_heard("AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQgd29yZA==\r\nSTAT\r\n",
                 "+OK mailroot POP3 ready\r\n+OK maildrop has 0 messages\r\n+OK 0 0\r\n");
    expect_heard("AUTH LOGIN\r\nYWxpY2VAZXhhbXBsZS50ZXN0\r\nc2VjcmV0IHdvcmQ=\r\n",
                 "+OK mailroot POP3 ready\r\n+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n"
                 "+OK maildrop has 0 messages\r\n");
    expect_heard(
        "AUTH\r\nAUTH PLAIN\r\n*\r\nAUTH NTLM\r\nPASS x\r\nUSER\r\nSTAT\r\nAPOP a b\r\nQUIT\r\n",
        "+OK mailroot POP3 ready\r\n+OK Mechanisms follow\r\nSCRAM-SHA-256\r\n"
        "SCRAM-SHA-1\r\nPLAIN\r\nLOGIN\r\n.\r\n+ \r\n"
        "-ERR Login cancelled\r\n-ERR Mechanism not known\r\n-ERR USER first\r\n"
        "-ERR USER needs a name\r\n-ERR Command not known, or not before the login\r\n"
        "-ERR Command not known, or not before the login\r\n+OK Goodbye\r\n");
    world_close();
}

TEST("without TLS passwords are neither offered nor taken; STLS changes that")
{
    open_drop(0, NULL);
    world.role.settings->servers[0].login_plain_without_tls = false;
    world.role.settings->servers[0].login_needs_tls = true;
    world_add_tls(TLS_OFFER);
    char *heard = world_talk((struct conversation){
        .service = SERVICE_POP3,
        .input = TEXT("CAPA\r\nUSER alice@example.test\r\nSTLS\r\nPASS injected\r\n"),
        .tls_until = TEXT("+OK Begin TLS"),
        .tls_input = TEXT("CAPA\r\nPASS secret word\r\n" LOGIN "STAT\r\nQUIT\r\n")});
    char *tls = strstr(heard, "+OK Begin TLS\r\n");
    EXPECT(strstr(heard, "-ERR [AUTH] Passwords are taken under TLS only") != NULL);
    EXPECT(strstr(heard, "STLS\r\n") < tls && strstr(heard, "SASL") > tls);
    EXPECT(strstr(tls, "-ERR USER first\r\n+OK Password?\r\n+OK maildrop has 0 messages\r\n"
                       "+OK 0 0\r\n+OK Goodbye") != NULL);
    EXPECT(strstr(heard, "injected") == NULL);
    free(heard);
    world_close();
}

TEST("an idle mailbox session is closed and removes nothing")
{
    open_drop(1, (const char *const[]){"x\r\n"});
    char *heard = world_talk((struct conversation){.service = SERVICE_POP3,
                                                   .input = TEXT(LOGIN "DELE 1\r\n"),
                                                   .keeps_open = true,
                                                   .time_flies = true});
    EXPECT(strstr(heard, "-ERR [SYS/TEMP] Nothing heard for too long, closing\r\n") != NULL);
    EXPECT(drop.removals == 0);
    free(heard);
    world_close();
}
