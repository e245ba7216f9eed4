/* SMTP and LMTP from the greeting on, in one of several worlds: other settings of the server, under
 * STARTTLS or not, and far ends that fail (front_odd_peers.h). The first byte chooses the world,
 * the second what fails, the third how the bytes are cut; what stands behind the first 0xff is said
 * under TLS where there is some. Oracle: however they are cut, the replies and the messages are the
 * same; there are never more messages than replies of success. */
#include "front_odd_peers.h"

static const struct surroundings {
    enum service service;
    enum tls_policy tls;
    bool starts_tls, keeps_open;
    const char *lines; /* of the server's block; one that is closed may be followed by others */
} worlds[] = {
    {SERVICE_SMTP, .lines = "limit unknown-recipients 2\ntarpit 1s"},
    {SERVICE_SUBMISSION, .lines = "login cleartext"},
    {SERVICE_SUBMISSION, TLS_REQUIRE, .starts_tls = true, .lines = ""},
    {SERVICE_SMTP, TLS_OFFER, .starts_tls = true, .lines = ""},
    {SERVICE_LMTP, .lines = "limit unknown-recipients 0"},
    {SERVICE_SMTP, .lines = "xclient 192.0.2.0/24\nlimit connections-per-address 1\n"
                            "relay 10.0.0.0/8\nrefuse 192.0.2.77"},
    {SERVICE_SMTP,
     .lines = "limit message 64KB\nlimit hops 5\nlimit recipients 100\nlimit errors 3"},
    {SERVICE_SMTP, .lines = "limit session-size 100KB\nlimit hold 1h\nlimit deliver-by 1h"},
    {SERVICE_SMTP, .lines =
                       "filter connection sender recipient spf sender-id\n}\nfilter {\n"
                       "sender *@bad.test blank\nrecipient bob@example.test\ndeny 192.0.2.77\n"
                       "spf softfail discard\nspf permerror refuse\nspf temperror later\n"
                       "sender-id fail refuse\nsender-id softfail discard\nrelays 198.51.100.0/24"},
    {SERVICE_SMTP, .lines =
                       "filter sender spf\n}\nfilter {\nsender *@bad.test then discard archive\n"
                       "spf fail accept"},
    {SERVICE_SMTP, .lines = "relay 192.0.2.0/24\nresolve-senders everyone\nverify on\nexpand on"},
    {SERVICE_SMTP, .lines = "refuse *.example\nreverse-lookup on"},
    {SERVICE_SMTP, .lines = "refuse 192.0.2.0/24"},
    {SERVICE_SMTP, .lines = "proxy 192.0.2.0/24\nhello-name required\nbare-addresses taken"},
    {SERVICE_SUBMISSION,
     .lines = "login cleartext\nsubmit from alice@example.test\nrelay-users from bob@example.test\n"
              "unknown-recipients report\nresolve-senders logged-in"},
    {SERVICE_SMTP, .keeps_open = true,
     .lines = "without chunking dsn\nlimit idle 1m\nlimit session 90s"},
    {SERVICE_SMTP, .lines = "verify off\nexpand off\netrn any"},
    {SERVICE_SMTP, TLS_REQUIRE, .lines = "login cleartext"},
};
enum { WORLDS = sizeof(worlds) / sizeof(worlds[0]), INPUT_MAX = 4 << 20 };

struct outcome {
    char *codes;
    struct buffer bodies;
    unsigned messages;
};

static bool is_ours(struct text name)
{
    static const struct text names[] = {TEXT("Received"), TEXT("Date"), TEXT("Message-ID"),
                                        TEXT("Authentication-Results"), TEXT("Received-SPF")};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (text_equals_nocase(name, names[i]))
            return true;
    return false;
}

/* Ids and dates are others each time; fields of ours stand above the message's own. */
static void add_body(struct text body, struct buffer *out)
{
    struct text rest = body;
    struct header_field field;
    while (header_next(&rest, &field) && is_ours(field.name))
        body = rest;
    buffer_append(out, body);
    buffer_append(out, TEXT("<end of message>"));
}

static struct outcome run(const uint8_t *data, struct text input, size_t cut)
{
    const struct surroundings *where = &worlds[data[0] % WORLDS];
    struct conversation talk = {
        .service = where->service, .input = input, .cut = cut, .time_flies = true};
    talk.keeps_open = where->keeps_open;
    struct outcome outcome = {0};
    world_open(where->lines);
    odd_peers(data[1]);
    if (where->tls != TLS_NONE)
        world_add_tls(where->tls);
    if (where->starts_tls) {
        talk.input = TEXT("EHLO x\r\nSTARTTLS\r\n");
        talk.tls_until = TEXT("220 2.0.0 ");
        talk.tls_input = input;
    }
    char *heard = world_talk(talk);
    outcome.codes = strdup(world_codes(heard));
    outcome.messages = peers.message_count;
    buffer_init(&outcome.bodies, WORLD_BYTES);
    for (unsigned i = 0; i < peers.message_count; i++)
        add_body(buffer_text(&peers.messages[i].body), &outcome.bodies);
    free(heard);
    world_close();
    return outcome;
}

static unsigned count_of(const char *codes, const char *code)
{
    unsigned count = 0;
    for (; (codes = strstr(codes, code)) != NULL; codes += strlen(code))
        count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > 4096)
        return 0;
    struct buffer input;
    buffer_init(&input, INPUT_MAX);
    odd_expand(text_of(data + 3, size - 3), &input);
    size_t piece = input.length > size ? 1000u + data[2] : 1u + data[2];
    struct outcome whole = run(data, buffer_text(&input), 0);
    struct outcome cut = run(data, buffer_text(&input), piece);
    bool is_tls = worlds[data[0] % WORLDS].tls != TLS_NONE;
    check(odd_is_same(whole.codes, cut.codes, is_tls));
    if (strcmp(whole.codes, cut.codes) == 0) {
        check(whole.messages == cut.messages && whole.messages <= count_of(whole.codes, "250"));
        check(text_equals(buffer_text(&whole.bodies), buffer_text(&cut.bodies)));
    }
    free(whole.codes);
    free(cut.codes);
    buffer_finish(&whole.bodies);
    buffer_finish(&cut.bodies);
    buffer_finish(&input);
    return 0;
}
