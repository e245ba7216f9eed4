/* A whole SMTP session cut at fuzzed places. Oracle: however the bytes are cut, the replies and the
 * messages are the same; and there are never more messages than replies to DATA or BDAT LAST. */
#include "front_world.h"

/* Ids and dates differ between two runs of the same bytes. */
static struct text without_stamp(struct text body)
{
    struct header_field received;
    check(header_next(&body, &received));
    return body;
}

struct outcome {
    char *codes;
    struct buffer bodies;
    unsigned messages;
};

static struct outcome run(struct text input, size_t cut, enum service service)
{
    struct outcome outcome = {0};
    world_open("limit unknown-recipients 0"); /* who guesses waits in real time */
    char *heard = world_talk((struct conversation){.service = service, .input = input, .cut = cut});
    outcome.codes = strdup(world_codes(heard));
    outcome.messages = peers.message_count;
    buffer_init(&outcome.bodies, WORLD_BYTES);
    for (unsigned i = 0; i < peers.message_count; i++) {
        buffer_append(&outcome.bodies, without_stamp(buffer_text(&peers.messages[i].body)));
        buffer_append(&outcome.bodies, TEXT("<end of message>"));
    }
    free(heard);
    world_close();
    return outcome;
}

static unsigned count_of(const char *codes, const char *code)
{
    unsigned count = 0;
    while ((codes = strstr(codes, code)) != NULL) {
        count++;
        codes += 3;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    enum service service = (data[0] & 1) != 0 ? SERVICE_LMTP : SERVICE_SMTP;
    struct text input = text_of(data + 1, size - 1);
    struct buffer whole;
    buffer_init(&whole, 8192);
    buffer_append(&whole, service == SERVICE_LMTP ? TEXT("LHLO x\r\n") : TEXT("EHLO x\r\n"));
    buffer_append(&whole, TEXT("MAIL FROM:<>\r\nRCPT TO:<alice@example.test>\r\n"));
    buffer_append(&whole, input);
    struct outcome a = run(buffer_text(&whole), 0, service);
    struct outcome b = run(buffer_text(&whole), 1 + data[0] / 2, service);
    check(strcmp(a.codes, b.codes) == 0);
    check(a.messages == b.messages);
    check(text_equals(buffer_text(&a.bodies), buffer_text(&b.bodies)));
    check(a.messages <= count_of(a.codes, "250"));
    free(a.codes);
    free(b.codes);
    buffer_finish(&a.bodies);
    buffer_finish(&b.bodies);
    buffer_finish(&whole);
    return 0;
}
