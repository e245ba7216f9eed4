/* Whole SMTP and LMTP sessions against a directory and a queue that only remember. */
#include "front_world.h"
#include "test.h"

#define HELLO "EHLO client.test\r\n"
#define FOUR_HOPS "Received: 1\r\nReceived: 2\r\nReceived: 3\r\nReceived: 4\r\n"
#define ENVELOPE HELLO "MAIL FROM:<carol@else.test>\r\nRCPT TO:<alice@example.test>\r\n"

static void expect_codes_of(struct conversation talk, const char *codes)
{
    char *heard = world_talk(talk);
    if (strcmp(world_codes(heard), codes) != 0)
        print_error("%s", heard);
    assert_string_equal(world_codes(heard), codes);
    free(heard);
}

static void expect_codes(const char *input, const char *codes)
{
    expect_codes_of((struct conversation){.input = text_from(input)}, codes);
}

static void expect_reply(const char *input, const char *part)
{
    char *heard = world_talk((struct conversation){.input = text_from(input)});
    if (strstr(heard, part) == NULL)
        print_error("%s", heard);
    EXPECT(strstr(heard, part) != NULL);
    free(heard);
}

/* The message as the client meant it: what stands behind the Received field. */
static struct text body_of(unsigned message)
{
    struct text body = buffer_text(&peers.messages[message].body);
    struct header_field received;
    EXPECT(header_next(&body, &received));
    EXPECT_TEXT(received.name, "Received");
    return body;
}

TEST("a pipelined session is answered line by line and its message is queued whole")
{
    world_open("");
    expect_codes(ENVELOPE "DATA\r\nSubject: hi\r\n\r\n..dot\r\nline\r\n.\r\nQUIT\r\n",
                 "220 250 250 250 354 250 221");
    EXPECT(peers.message_count == 1);
    EXPECT_TEXT(body_of(0), "Subject: hi\r\n\r\n.dot\r\nline\r\n");
    assert_string_equal(peers.messages[0].sender, "carol@else.test");
    assert_string_equal(peers.messages[0].recipients[0], "alice@example.test");
    world_close();
}

TEST("Received tells who sent by what to whom")
{
    world_open("");
    expect_codes(ENVELOPE "DATA\r\n.\r\n", "220 250 250 250 354 250");
    struct text body = buffer_text(&peers.messages[0].body);
    EXPECT(text_starts_with(body, TEXT("Received: from client.test ([192.0.2.9])\r\n"
                                       "\tby mx.example.test (mailroot) with ESMTP id ")));
    EXPECT(text_find_text(body, TEXT("\r\n\tfor <alice@example.test>;\r\n\t")) < body.length);
    world_close();
}

TEST("a front proxy may speak for a client, a host that mail is fetched from may not")
{
    struct text input = TEXT("XCLIENT ADDR=192.0.2.1 LOGIN=alice@example.test\r\nQUIT\r\n");
    world_open("xclient 192.0.2.0/24\n");
    expect_codes_of((struct conversation){.input = input}, "220 220 221");
    expect_codes_of((struct conversation){.input = input, .service = SERVICE_FETCHED},
                    "220 500 221");
    world_close();
}

TEST("a login that a front proxy tells is the user's, however it writes him")
{
    world_open("xclient 192.0.2.0/24\n");
    expect_codes("XCLIENT LOGIN=Alice@Example.TEST\r\n" ENVELOPE "DATA\r\nA: b\r\n\r\nx\r\n.\r\n",
                 "220 220 250 250 250 354 250");
    assert_string_equal(peers.messages[0].login, "alice@example.test");
    world_close();
}

TEST("no spelling of a line end but CRLF ends the data, and none smuggles a second message")
{
    static const char *const ends[] = {"\n.\n",   "\n.\r\n",   "\r\n.\n",   "\r.\r",
                                       "\r\n.\r", "\r.\r\n",   "\n.\r",     "\r\n.\r\r\n",
                                       "\r.\n",   "\n\n.\r\n", "\r\r\n.\n", "\r\n\x00.\n"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        char input[1000];
        snprintf(input, sizeof(input),
                 ENVELOPE "DATA\r\nA: b\r\n\r\none%sMAIL FROM:<evil@else.test>\r\n"
                          "RCPT TO:<bob@example.test>\r\nDATA\r\nB: c\r\n\r\ntwo\r\n.\r\nQUIT\r\n",
                 ends[i]);
        world_open("");
        if (strchr(ends[i], '.') != NULL) {
            expect_codes(input, "220 250 250 250 354 550 221");
            EXPECT(peers.message_count == 0);
        }
        world_close();
    }
}

TEST("a message of any bytes and line lengths survives, however the wire cuts it")
{
    static char input[80000];
    size_t length = (size_t)snprintf(input, sizeof(input), ENVELOPE "DATA\r\nA: b\r\n\r\n");
    size_t start = length;
    for (unsigned i = 0; i < 60000; i++) {
        char byte = (char)(i * 31 + i / 256);
        input[length++] = byte == '\r' || byte == '\n' ? '\0' : byte;
    }
    size_t sent = length - start;
    memcpy(input + length, "\r\n.\r\n", 5);
    for (size_t cut = 0; cut < 5000; cut = cut * 3 + 4001) {
        world_open("");
        expect_codes_of((struct conversation){.input = text_of(input, length + 5), .cut = cut},
                        "220 250 250 250 354 250");
        struct text body = text_from_position(body_of(0), strlen("A: b\r\n\r\n"));
        EXPECT(body.length == sent + 2 && memcmp(body.data, input + start, sent) == 0);
        EXPECT(peers.messages[0].is_8bit);
        world_close();
    }
}

TEST("a message that begins with a space does not go on with our own field above it")
{
    static const char *const ways[] = {"DATA\r\n for <x@y>\r\nA: b\r\n.\r\n",
                                       "BDAT 18 LAST\r\n for <x@y>\r\nA: b\r\n"};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        char input[400];
        snprintf(input, sizeof(input), ENVELOPE "%s", ways[i]);
        world_open("");
        expect_codes(input, i == 0 ? "220 250 250 250 354 250" : "220 250 250 250 250");
        EXPECT_TEXT(body_of(0), "\r\n for <x@y>\r\nA: b\r\n");
        world_close();
    }
}

TEST("binary BDAT takes any bytes and joins its chunks")
{
    world_open("");
    expect_codes(HELLO "MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<alice@example.test>\r\n"
                       "BDAT 7\r\nA: b\r\n\r"
                       "BDAT 5\r\n\n\n.\r\n"
                       "BDAT 0 LAST\r\nQUIT\r\n",
                 "220 250 250 250 250 250 250 221");
    EXPECT_TEXT(body_of(0), "A: b\r\n\r\n\n.\r\n");
    EXPECT(peers.messages[0].terms.body == MAIL_BODY_BINARY);
    world_close();
}

TEST("a body that is binary by name alone is kept as what it is")
{
    world_open("");
    expect_codes(HELLO "MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<alice@example.test>\r\n"
                       "BDAT 11 LAST\r\nA: b\r\n\r\nc\r\n",
                 "220 250 250 250 250");
    EXPECT(peers.messages[0].terms.body == MAIL_BODY_7BIT);
    expect_codes(HELLO "MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<alice@example.test>\r\n"
                       "BDAT 12 LAST\r\nA: b\r\n\r\n\xff"
                       "c\r\n",
                 "220 250 250 250 250");
    EXPECT(peers.messages[1].terms.body == MAIL_BODY_8BIT);
    world_close();
}

TEST("a refused BDAT swallows its octets, so that they are never commands")
{
    world_open("");
    expect_codes(HELLO "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "220 250 503 250");
    expect_codes("BDAT 6\r\nQUIT\r\nNOOP\r\n", "220 503 250");
    expect_codes(ENVELOPE "BDAT x\r\nNOOP\r\n", "220 250 250 250 501");
    world_close();
}

TEST("DATA, MAIL and RCPT after BDAT are out of order until RSET")
{
    world_open("");
    expect_codes(ENVELOPE "BDAT 2\r\nabDATA\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\n"
                          "RSET\r\nMAIL FROM:<>\r\nQUIT\r\n",
                 "220 250 250 250 250 503 503 503 250 250 221");
    EXPECT(peers.message_count == 0);
    world_close();
}

TEST("commands out of order are refused and the session goes on")
{
    world_open("");
    expect_codes("MAIL FROM:<>\r\n" HELLO "RCPT TO:<alice@example.test>\r\nDATA\r\n"
                 "MAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\nSTARTTLS\r\nQUIT\r\n",
                 "220 503 250 503 503 250 503 503 503 221");
    world_close();
}

TEST("every simple verb has its reply")
{
    world_open("");
    expect_codes("HELO x.test\r\nNOOP a\r\nRSET\r\nVRFY alice\r\nHELP\r\nEXPN list\r\nXYZZY\r\n"
                 "EHLO\r\nEHLO a b\r\nVRFY\r\nRSET x\r\nLHLO x\r\nQUIT\r\n",
                 "220 250 250 250 252 214 502 500 501 501 501 501 500 221");
    world_close();
}

TEST("a line ended by a bare LF is never run, nor is what follows it up to a CRLF")
{
    world_open("");
    expect_codes(HELLO "MAIL FROM:<a@else.test>\nRSET\r\nNOOP\r\n", "220 250 500 500 250");
    expect_codes(HELLO "NOOP\rNOOP\r\nNOOP\r\n", "220 250 500 250");
    expect_codes_of((struct conversation){.input = TEXT("NOOP\0x\r\nNOOP\r\n")}, "220 500 250");
    world_close();
}

TEST("a line that is too long is refused once and the next one is read")
{
    static char input[40100];
    world_open("");
    for (size_t length = 12287; length < 40000; length += 9237) {
        memset(input, 'a', length);
        snprintf(input + length, 100, "\r\nNOOP\r\n");
        for (size_t cut = 0; cut < 9000; cut += 4096)
            expect_codes_of((struct conversation){.input = text_from(input), .cut = cut},
                            "220 500 250");
        snprintf(input + length, 100, "\nRSET\r\nNOOP\r\n");
        expect_codes(input, "220 500 500 250");
    }
    world_close();
}

TEST("too many errors end the session")
{
    world_open("limit errors 3");
    expect_codes("X\r\nX\r\nX\r\nNOOP\r\n", "220 500 500 500 421");
    expect_codes("EHLO\r\nX\r\nEHLO\r\nNOOP\r\n", "220 501 500 501 421");
    world_close();
}

TEST("an idle client is told so and let go")
{
    world_open("limit idle 5m");
    expect_codes_of(
        (struct conversation){.input = TEXT(HELLO), .keeps_open = true, .time_flies = true},
        "220 250 421");
    world_close();
}

TEST("a session ends when its time is over, however busy")
{
    world_open("limit session 2m\nlimit idle 90s");
    char *heard = world_talk((struct conversation){
        .input = TEXT(ENVELOPE "DATA\r\nand silence"), .keeps_open = true, .time_flies = true});
    EXPECT(strstr(heard, "421 4.4.2") != NULL);
    EXPECT(peers.message_count == 0);
    free(heard);
    world_close();
}

TEST("recipients are local, or allowed, or refused with the reason")
{
    world_open("");
    expect_codes(HELLO "MAIL FROM:<>\r\nRCPT TO:<nobody@example.test>\r\n"
                       "RCPT TO:<x@relay.test>\r\nRCPT TO:<later@example.test>\r\n"
                       "RCPT TO:<Postmaster>\r\nRCPT TO:<ALICE@Example.Test>\r\n",
                 "220 250 250 550 550 451 250 250");
    expect_reply(HELLO "MAIL FROM:<>\r\nRCPT TO:<x@relay.test>\r\n", "550 5.7.1 ");
    expect_reply(HELLO "MAIL FROM:<>\r\nRCPT TO:<no@example.test>\r\n", "550 5.1.1 ");
    EXPECT(strstr(peers.stories, "reason=not-own-domain fact=\"relay.test\"") != NULL);
    EXPECT(strstr(peers.stories, "setting=/etc/m.conf:3") != NULL);
    world_close();
}

TEST("classic open relay forms are refused")
{
    static const char *const forms[] = {"<x@relay.test>",
                                        "<\"x@relay.test\"@other.test>",
                                        "<x%relay.test@other.test>",
                                        "<relay.test!x@other.test>",
                                        "<x@[192.0.2.1]>",
                                        "<@example.test:x@relay.test>",
                                        "<x@example.test.relay.test>",
                                        "x@relay.test",
                                        "<\"x@relay.test\">",
                                        "<x@relay.test@example.test>"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        char input[300];
        snprintf(input, sizeof(input), HELLO "MAIL FROM:<a@example.test>\r\nRCPT TO:%s\r\nDATA\r\n",
                 forms[i]);
        world_open("");
        char *heard = world_talk((struct conversation){.input = text_from(input)});
        const char *codes = world_codes(heard);
        if (strcmp(codes, "220 250 250 550 503") != 0 && strcmp(codes, "220 250 250 501 503") != 0)
            fail_msg("%s: %s", forms[i], heard);
        free(heard);
        world_close();
    }
}

TEST("a relay network may send anywhere, others may not")
{
    world_open("relay 192.0.2.0/24");
    expect_codes(HELLO "MAIL FROM:<>\r\nRCPT TO:<x@relay.test>\r\n", "220 250 250 250");
    world_close();
    world_open("relay 198.51.100.0/24");
    expect_codes(HELLO "MAIL FROM:<>\r\nRCPT TO:<x@relay.test>\r\n", "220 250 250 550");
    world_close();
}

TEST("every refusal ends with a case id under which the story is kept")
{
    world_open("");
    char *heard = world_talk((struct conversation){
        .input = TEXT(HELLO "MAIL FROM:<>\r\nRCPT TO:<x@relay.test> NOTIFY=NEVER\r\n")});
    char *id = strstr(heard, "(mailroot ");
    EXPECT(id != NULL);
    uint64_t number = 0;
    EXPECT(id_parse(text_of(id + 10, 13), &number) && number == peers.story_id);
    EXPECT(strstr(peers.stories, "smtp.refused session=") != NULL);
    EXPECT(strstr(peers.stories, "command=\"RCPT TO:<x@relay.test> NOTIFY=NEVER\"") != NULL);
    free(heard);
    world_close();
}

TEST("sizes are refused as announced, and as counted")
{
    static char body[70000];
    static char input[80000];
    memset(body, 'x', sizeof(body) - 1);
    world_open("limit message 64KB");
    expect_codes(HELLO "MAIL FROM:<> SIZE=65537\r\nMAIL FROM:<> SIZE=65536\r\n", "220 250 552 250");
    snprintf(input, sizeof(input), ENVELOPE "DATA\r\n%s\r\n.\r\nNOOP\r\n", body);
    expect_codes(input, "220 250 250 250 354 552 250");
    snprintf(input, sizeof(input), ENVELOPE "BDAT 69999 LAST\r\n%sNOOP\r\n", body);
    expect_codes(input, "220 250 250 250 552 250");
    EXPECT(peers.message_count == 0);
    world_close();
}

TEST("a message with too many hops is a loop")
{
    world_open("limit hops 5");
    expect_codes(ENVELOPE "DATA\r\n" FOUR_HOPS "\r\nReceived: 5\r\n.\r\n",
                 "220 250 250 250 354 250");
    expect_codes(ENVELOPE "DATA\r\n" FOUR_HOPS "Received: 5\r\n\r\n\r\n.\r\n",
                 "220 250 250 250 354 554");
    world_close();
}

/* A message whose body goes to the store in chunks. */
static char *large_message(void)
{
    enum { LINES = 5000, LINE = 72 };
    static const char head[] = ENVELOPE "DATA\r\nA: b\r\n\r\n", tail[] = ".\r\nNOOP\r\n";
    char *input = malloc(sizeof(head) + LINES * LINE + sizeof(tail));
    char *at = stpcpy(input, head);
    for (unsigned i = 0; i < LINES; i++)
        at += snprintf(at, LINE + 1, "%070u\r\n", i);
    stpcpy(at, tail);
    return input;
}

/* shows: R14 */
TEST("a queue that fails is told at the end and the session stays in step")
{
    world_open("");
    char *large = large_message();
    peers.append_status = TRY_LATER;
    expect_codes(large, "220 250 250 250 354 451 250");
    peers.is_full = true;
    expect_codes(large, "220 250 250 250 354 452 250");
    peers.append_status = OK;
    peers.commit_status = TRY_LATER;
    expect_codes(ENVELOPE "DATA\r\n.\r\nNOOP\r\n", "220 250 250 250 354 452 250");
    peers.is_full = false;
    expect_codes(ENVELOPE "DATA\r\n.\r\nNOOP\r\n", "220 250 250 250 354 451 250");
    peers.commit_status = REFUSED;
    expect_codes(ENVELOPE "DATA\r\n.\r\nNOOP\r\n", "220 250 250 250 354 554 250");
    EXPECT(peers.message_count == 0);
    peers.commit_status = OK;
    expect_codes(large, "220 250 250 250 354 250 250");
    EXPECT(peers.message_count == 1 && peers.messages[0].body.length > 5000 * 72);
    free(large);
    world_close();
}

TEST("a client that goes away in the middle of its data leaves no message")
{
    world_open("");
    expect_codes(ENVELOPE "DATA\r\nA: b\r\n\r\nhalf", "220 250 250 250 354");
    expect_codes(ENVELOPE "DATA\r\nA: b\r\n\r\nhalf\r\n.", "220 250 250 250 354");
    expect_codes(ENVELOPE "BDAT 5\r\nA: b", "220 250 250 250");
    EXPECT(peers.message_count == 0);
    world_close();
}

TEST("LMTP answers for each recipient, takes no remote ones, and knows no EHLO")
{
    world_open("");
    peers.lmtp_results[1] = REFUSED;
    expect_codes_of(
        (struct conversation){.service = SERVICE_LMTP,
                              .input = TEXT("EHLO x\r\nLHLO x\r\nMAIL FROM:<>\r\n"
                                            "RCPT TO:<alice@example.test>\r\n"
                                            "RCPT TO:<x@relay.test>\r\n"
                                            "RCPT TO:<bob@example.test>\r\nDATA\r\n.\r\nQUIT\r\n")},
        "220 500 250 250 250 550 250 354 250 550 221");
    world_close();
}

TEST("a recipient's own words stand in the refusal, as far as a reply can hold them")
{
    world_open("");
    peers.lmtp_results[0] = REFUSED;
    peers.lmtp_reason = QUEUE_REJECTED_REASON "gr\xc3\xbc\xc3\x9f nobody";
    struct conversation talk = {.service = SERVICE_LMTP,
                                .input = TEXT("LHLO x\r\nMAIL FROM:<>\r\n"
                                              "RCPT TO:<alice@example.test>\r\n"
                                              "DATA\r\n.\r\nQUIT\r\n")};
    char *heard = world_talk(talk);
    EXPECT(strstr(heard, "550 5.7.1 The recipient does not take it: gr???? nobody (mailroot ") !=
           NULL);
    free(heard);
    world_close();
}

#define BY_URL                                                                                     \
    HELLO "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQgd29yZA==\r\n"                            \
          "MAIL FROM:<alice@example.test>\r\nRCPT TO:<alice@example.test>\r\n"

TEST("what a URL leads to comes in pieces, and a message that lacks one goes nowhere")
{
    world_open("login cleartext");
    expect_codes_of((struct conversation){.service = SERVICE_SUBMISSION,
                                          .input = TEXT(BY_URL "BURL url:good LAST\r\n")},
                    "220 250 235 250 250 250");
    EXPECT(peers.message_count == 1);
    EXPECT(text_find_text(buffer_text(&peers.messages[0].body),
                          TEXT("Subject: by URL\r\n\r\nThe body.\r\n")) <
           peers.messages[0].body.length);
    EXPECT(strstr(peers.stories, "smtp.url url=\"url:good\" size=30") != NULL);
    expect_codes_of((struct conversation){.service = SERVICE_SUBMISSION,
                                          .input = TEXT(BY_URL "BURL url:short LAST\r\n")},
                    "220 250 235 250 250 451");
    expect_codes_of(
        (struct conversation){.service = SERVICE_SUBMISSION,
                              .input = TEXT(BY_URL "BURL url:good\r\nBURL other LAST\r\n"
                                                   "BDAT 0 LAST\r\n")},
        "220 250 235 250 250 250 451 503");
    EXPECT(peers.message_count == 1);
    EXPECT(strstr(peers.stories, "the disk is slow") != NULL);
    world_close();
}

TEST("submission wants a login first, and adds what the header lacks")
{
    world_open("login cleartext");
    expect_codes_of((struct conversation){.service = SERVICE_SUBMISSION,
                                          .input = TEXT(HELLO "MAIL FROM:<a@example.test>\r\n")},
                    "220 250 530");
    expect_codes_of(
        (struct conversation){
            .service = SERVICE_SUBMISSION,
            .input = TEXT(HELLO "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQgd29yZA==\r\n"
                                "AUTH PLAIN =\r\nMAIL FROM:<alice@example.test>\r\nAUTH LOGIN\r\n"
                                "RCPT TO:<x@relay.test>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n")},
        "220 250 235 503 250 503 250 354 250");
    struct text body = body_of(0);
    EXPECT(text_starts_with(body, TEXT("Date: ")));
    EXPECT(text_find_text(body, TEXT("\r\nMessage-ID: <")) < body.length);
    EXPECT(text_ends_with_nocase(body, TEXT("@mx.example.test>\r\nSubject: x\r\n\r\n")));
    assert_string_equal(peers.messages[0].login, "alice@example.test");
    EXPECT(strstr(peers.stories, "AGFsaWNl") == NULL);
    world_close();
}

TEST("AUTH LOGIN asks for name and password; a star cancels; bad base64 is refused")
{
    world_open("login cleartext");
    expect_codes(HELLO "AUTH LOGIN\r\nYWxpY2VAZXhhbXBsZS50ZXN0\r\nc2VjcmV0IHdvcmQ=\r\nNOOP\r\n",
                 "220 250 334 334 235 250");
    expect_codes(HELLO "AUTH PLAIN\r\n*\r\nAUTH LOGIN !\r\nAUTH CRAM-MD5\r\nAUTH PLAIN =\r\n"
                       "AUTH\r\nAUTH PLAIN a b\r\nAUTH LOGIN AA==\r\n",
                 "220 250 334 501 501 504 501 501 501 501");
    EXPECT(strstr(peers.stories, "c2Vj") == NULL);
    world_close();
}

TEST("after three wrong passwords the session ends")
{
    world_open("login cleartext");
    expect_codes_of((struct conversation){.input = TEXT(HELLO "AUTH PLAIN AGEAYg==\r\n"
                                                              "AUTH PLAIN AGEAYg==\r\n"
                                                              "AUTH PLAIN AGEAYg==\r\nNOOP\r\n"),
                                          .time_flies = true},
                    "220 250 535 535 535 421");
    EXPECT(strstr(peers.stories, "AGEA") == NULL);
    world_close();
}

TEST("a login that is misspelled, refused or out of place is in no story")
{
    world_open("");
    expect_codes(HELLO " AUTH PLAIN c2VjcmV0\r\nAUTH\tPLAIN c2VjcmV0\r\nAUTH LOGIN\r\n"
                       "c2VjcmV0\r\nSecrets\r\n",
                 "220 250 500 500 538 500 500");
    expect_codes("AUTH LOGIN\r\nSecrets\r\nPASS Secrets\r\n", "220 503 500 500");
    expect_codes_of((struct conversation){.service = SERVICE_LMTP,
                                          .input = TEXT("AUTH PLAIN c2VjcmV0\r\nSecrets\r\n")},
                    "220 500 500");
    EXPECT(strstr(peers.stories, "c2Vj") == NULL && strstr(peers.stories, "Secrets") == NULL);
    expect_codes("FROB a b\r\n", "220 500");
    EXPECT(strstr(peers.stories, "command=\"FROB\"") != NULL);
    world_close();
}

TEST("passwords are not taken without TLS, and not offered")
{
    world_open("");
    char *heard = world_talk((struct conversation){
        .input = TEXT(HELLO "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQgd29yZA==\r\n")});
    assert_string_equal(world_codes(heard), "220 250 538");
    EXPECT(strstr(heard, "AUTH PLAIN") == NULL && strstr(heard, "STARTTLS") == NULL);
    free(heard);
    world_close();
}

TEST("STARTTLS forgets what was said and throws away what was injected")
{
    world_open("");
    world_add_tls(TLS_OFFER);
    char *heard = world_talk((struct conversation){
        .input = TEXT(HELLO "STARTTLS\r\nRSET\r\n"),
        .tls_until = TEXT("220 2.0.0 "),
        .tls_input = TEXT("MAIL FROM:<>\r\n" HELLO
                          "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQgd29yZA==\r\n"
                          "STARTTLS\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.test>\r\n"
                          "DATA\r\n.\r\nQUIT\r\n")});
    assert_string_equal(world_codes(heard), "220 250 220 503 250 235 503 250 250 354 250 221");
    EXPECT(strstr(heard, "250-STARTTLS") != NULL &&
           strstr(heard, "250-AUTH SCRAM-SHA-256-PLUS ") != NULL);
    struct text body = buffer_text(&peers.messages[0].body);
    EXPECT(text_find_text(body, TEXT(" with ESMTPSA id ")) < body.length);
    EXPECT(text_find_text(body, TEXT("\r\n\t(TLSv1.3 ")) < body.length);
    free(heard);
    world_close();
}

TEST("a server that requires TLS does nothing else before it")
{
    world_open("");
    world_add_tls(TLS_REQUIRE);
    expect_codes(HELLO "NOOP\r\nMAIL FROM:<>\r\nRSET\r\nBDAT 6\r\nQUIT\r\nHELP\r\nQUIT\r\n",
                 "220 250 250 530 530 530 530 221");
    world_close();
}

TEST("SMTPS is TLS from the first byte")
{
    world_open("");
    world_add_tls(TLS_OFFER);
    char *heard =
        world_talk((struct conversation){.service = SERVICE_SMTPS, .input = TEXT("EHLO x\r\n")});
    assert_string_equal(heard, "");
    free(heard);
    world_close();
}

TEST("refused networks and too many connections are told at the door")
{
    world_open("refuse 192.0.2.0/24");
    expect_codes("EHLO x\r\n", "554");
    world_close();
    world_open("limit connections 1");
    struct line_seat seat;
    struct net_address other;
    EXPECT(net_address_parse(TEXT("192.0.2.77"), 1, &other));
    EXPECT(line_seat_take(&seat, &world.front, &world.role.settings->servers[0], &other));
    expect_codes("EHLO x\r\n", "421");
    line_seat_give_back(&seat);
    expect_codes("EHLO x\r\n", "220 250");
    world_close();
}

TEST("connections from one address are limited, and the one refused takes no seat of the server")
{
    world_open("limit connections 2\nlimit connections-per-address 1");
    struct line_seat seats[3];
    struct net_address one, other;
    const struct setting_server *server = &world.role.settings->servers[0];
    EXPECT(net_address_parse(TEXT("192.0.2.77"), 1, &one));
    EXPECT(net_address_parse(TEXT("192.0.2.78"), 1, &other));
    EXPECT(line_seat_take(&seats[0], &world.front, server, &one));
    EXPECT(!line_seat_take(&seats[1], &world.front, server, &one));
    assert_string_equal(fail_reason(), "too many connections from your address");
    /* The hosts share a bucket in one run of 16384; then the second is refused too. */
    if (line_seat_take(&seats[2], &world.front, server, &other))
        line_seat_give_back(&seats[2]);
    else
        assert_string_equal(fail_reason(), "too many connections from your address");
    line_seat_give_back(&seats[0]);
    EXPECT(line_seat_take(&seats[1], &world.front, server, &one));
    line_seat_give_back(&seats[1]);
    world_close();
}

TEST("parameters reach the envelope")
{
    world_open("");
    expect_codes(HELLO
                 "MAIL FROM:<a@else.test> RET=HDRS ENVID=q+2B1 BODY=8BITMIME SMTPUTF8\r\n"
                 "RCPT TO:<bob@example.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@x.test\r\n"
                 "DATA\r\n.\r\n",
                 "220 250 250 250 354 250");
    const struct world_message *message = &peers.messages[0];
    assert_string_equal(message->envelope_id, "q+1");
    assert_string_equal(message->original_recipient, "rfc822;b+2Bc@x.test");
    EXPECT(message->notify == (NOTIFY_SUCCESS | NOTIFY_DELAY));
    EXPECT(message->return_headers_only && message->is_8bit && !message->is_international);
    world_close();
}

/* shows: V27 */
TEST("what strangers say of urgency and submitters does not count")
{
    world_open("");
    expect_codes(HELLO "MAIL FROM:<a@else.test> MT-PRIORITY=7 BY=100;NT\r\n"
                       "RCPT TO:<bob@example.test>\r\n"
                       "DATA\r\nMT-Priority: 9\r\ntls-required:  no \r\n\r\n.\r\n",
                 "220 250 250 250 354 250");
    const struct mail_terms *terms = &peers.messages[0].terms;
    EXPECT(terms->priority == 0 && terms->tls_is_optional && !terms->requires_tls);
    EXPECT(terms->by == MAIL_BY_NOTIFY && terms->by_trace);
    expect_codes(HELLO "MAIL FROM:<a@else.test> MT-PRIORITY=-2\r\n"
                       "RCPT TO:<bob@example.test>\r\n"
                       "DATA\r\nMT-Priority: 9\r\n\r\n.\r\n",
                 "220 250 250 250 354 250");
    EXPECT(peers.messages[1].terms.priority == -2);
    world_close();
}

/* shows: V27 */
TEST("a relay network is believed, by parameter before header")
{
    world_open("relay 192.0.2.0/24\nlogin cleartext");
    expect_codes(HELLO "MAIL FROM:<a@else.test> MT-PRIORITY=7 AUTH=b+2Bc@else.test\r\n"
                       "RCPT TO:<bob@example.test>\r\nDATA\r\nMT-Priority: 9\r\n\r\n.\r\n"
                       "MAIL FROM:<a@else.test>\r\nRCPT TO:<bob@example.test>\r\n"
                       "DATA\r\nMT-Priority: -4\r\n\r\n.\r\n",
                 "220 250 250 250 354 250 250 250 354 250");
    EXPECT(peers.messages[0].terms.priority == 7 && peers.messages[1].terms.priority == -4);
    assert_string_equal(peers.messages[0].submitter, "b+c@else.test");
    world_close();
}

/* shows: V27 */
TEST("a time to deliver is counted from now, a held message's from its release")
{
    int64_t before = clock_wall_ms();
    world_open("login cleartext");
    expect_codes(HELLO "AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABzZWNyZXQgd29yZA==\r\n"
                       "MAIL FROM:<a@else.test> BY=100;R\r\nRCPT TO:<bob@example.test>\r\n"
                       "DATA\r\n.\r\n"
                       "MAIL FROM:<a@else.test> HOLDFOR=1000 BY=100;R\r\n"
                       "RCPT TO:<bob@example.test>\r\nDATA\r\n.\r\n",
                 "220 250 235 250 250 354 250 250 250 354 250");
    int64_t after = clock_wall_ms();
    const struct mail_terms *plain = &peers.messages[0].terms, *held = &peers.messages[1].terms;
    EXPECT(plain->by == MAIL_BY_RETURN && plain->hold_until_ms == 0);
    EXPECT(plain->by_ms >= before + 100 * SECOND && plain->by_ms <= after + 100 * SECOND);
    EXPECT(held->hold_until_ms >= before + 1000 * SECOND);
    EXPECT(held->by_ms == held->hold_until_ms + 100 * SECOND);
    world_close();
}

TEST("international addresses need SMTPUTF8")
{
    world_open("relay 192.0.2.0/24");
    expect_codes(HELLO "MAIL FROM:<j\xc3\xbcrg@else.test>\r\n"
                       "MAIL FROM:<j\xc3\xbcrg@else.test> SMTPUTF8\r\n"
                       "RCPT TO:<\xc3\xbc@relay.test>\r\nDATA\r\n.\r\n"
                       "MAIL FROM:<>\r\nRCPT TO:<\xc3\xbc@relay.test>\r\n",
                 "220 250 553 250 250 354 250 250 553");
    EXPECT(peers.messages[0].is_international);
    world_close();
}

TEST("no more recipients than allowed")
{
    struct buffer input;
    buffer_init(&input, 1 << 16);
    buffer_printf(&input, ENVELOPE);
    for (int i = 0; i < 101; i++)
        buffer_printf(&input, "RCPT TO:<bob@example.test>\r\n");
    buffer_printf(&input, "DATA\r\n.\r\n");
    world_open("limit recipients 100");
    char *heard = world_talk((struct conversation){.input = buffer_text(&input)});
    EXPECT(strstr(world_codes(heard), "250 452 452 354 250") != NULL);
    EXPECT(peers.messages[0].recipient_count == 100);
    free(heard);
    buffer_finish(&input);
    world_close();
}
