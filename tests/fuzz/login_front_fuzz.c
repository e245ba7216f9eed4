/* POP3, IMAP and ManageSieve until the login, from the greeting on, in one of several worlds. The
 * first byte chooses the world, the second what fails, the third how the bytes are cut; what stands
 * behind the first 0xff is said under TLS. Oracle: however they are cut, the answers are the same,
 * but for the case ids in them; nobody who did not give the password gets to the mailbox. */
#include "front_odd_peers.h"

static const struct surroundings {
    enum service service;
    const char *lines;
    enum tls_policy tls;
    const char *starts_tls, *until; /* NULL: it is not begun */
} worlds[] = {
    {SERVICE_POP3, "login cleartext", TLS_NONE},
    {SERVICE_IMAP, "login cleartext", TLS_NONE},
    {SERVICE_MANAGESIEVE, "login cleartext", TLS_NONE},
    {SERVICE_POP3, "", TLS_OFFER, "STLS\r\n", "+OK Begin TLS"},
    {SERVICE_IMAP, "", TLS_OFFER, "s STARTTLS\r\n", "s OK "},
    {SERVICE_MANAGESIEVE, "", TLS_OFFER, "STARTTLS\r\n", "OK \"Begin TLS"},
    {SERVICE_POP3, "login plain", TLS_OFFER},
    {SERVICE_IMAP, "", TLS_REQUIRE},
    {SERVICE_MANAGESIEVE, "", TLS_REQUIRE},
    {SERVICE_POP3, "login cleartext\nlimit errors 3\nlimit session 2m", TLS_NONE},
    {SERVICE_IMAP, "login cleartext\nlimit errors 3\nlimit session 2m", TLS_NONE},
    {SERVICE_MANAGESIEVE, "login cleartext\nlimit errors 3\nlimit session 2m", TLS_NONE},
    {SERVICE_POP3, "refuse *.example", TLS_NONE},
    {SERVICE_IMAP, "refuse 192.0.2.0/24", TLS_NONE},
    {SERVICE_MANAGESIEVE, "proxy 192.0.2.0/24\nlogin cleartext", TLS_NONE},
};
enum { WORLDS = sizeof(worlds) / sizeof(worlds[0]) };

static const char message[] = "A: b\r\n\r\nsecret\r\n";

static uint64_t message_size(void *state, unsigned index)
{
    unused(state), unused(index);
    return sizeof(message) - 1;
}

static void message_uid(void *state, unsigned index, char out[POP3_UID_BYTES])
{
    unused(state), unused(index);
    snprintf(out, POP3_UID_BYTES, "uid");
}

static enum status message_read(void *state, unsigned index, uint64_t offset, uint32_t length,
                                struct buffer *out)
{
    unused(state), unused(index);
    buffer_append(out, text_of(message + offset, length));
    return OK;
}

static enum status message_remove(void *state, const unsigned *indexes, unsigned count)
{
    unused(state), unused(indexes);
    check(count == 1);
    return OK;
}

static struct pop3_maildrop maildrop = {.count = 1,
                                        .size = message_size,
                                        .uid = message_uid,
                                        .read = message_read,
                                        .remove = message_remove};

/* A refusal is told with an id of its own: "(mailroot 0SC0XXGWG052K)". */
static char *without_ids(char *heard)
{
    for (char *at = heard; (at = strstr(at, "(mailroot ")) != NULL; at++)
        for (char *id = at + 10; *id != '\0' && *id != ')'; id++)
            *id = '0';
    return heard;
}

static char *run(const uint8_t *data, struct text input, size_t cut)
{
    const struct surroundings *where = &worlds[data[0] % WORLDS];
    struct conversation talk = {
        .service = where->service, .input = input, .cut = cut, .time_flies = true};
    world_open(where->lines);
    peers.maildrop = &maildrop;
    odd_peers(data[1]);
    if (where->tls != TLS_NONE)
        world_add_tls(where->tls);
    if (where->starts_tls != NULL) {
        talk.input = text_from(where->starts_tls);
        talk.tls_until = text_from(where->until);
        talk.tls_input = input;
    }
    char *heard = without_ids(world_talk(talk));
    world_close();
    return heard;
}

static bool holds(struct text text, struct text part)
{
    return text_find_text(text, part) < text.length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > 4096)
        return 0;
    struct text input = text_of(data + 3, size - 3);
    char *whole = run(data, input, 0), *cut = run(data, input, 1u + data[2]);
    check(odd_is_same(whole, cut, worlds[data[0] % WORLDS].tls != TLS_NONE));
    /* In clear, or in base64 as the seeds have it: it can't be guessed. */
    if (!holds(input, TEXT("secret word")) && !holds(input, TEXT("c2VjcmV0")) &&
        !holds(input, TEXT("zZWNyZXQ")))
        check(strstr(whole, "\r\nsecret\r\n") == NULL);
    free(whole);
    free(cut);
    return 0;
}
