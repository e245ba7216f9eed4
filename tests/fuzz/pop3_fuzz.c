/* POP3 after the login. Oracle: however the bytes are cut, the answers are the same; nothing is
 * removed without QUIT; a message is never sent unstuffed. */
#include "front_world.h"

static const char message[] = "A: b\r\n\r\n.one\r\n..\r\nlast";
static unsigned removals;

static uint64_t message_size(void *state, unsigned index)
{
    unused(state);
    unused(index);
    return sizeof(message) - 1;
}

static void message_uid(void *state, unsigned index, char out[POP3_UID_BYTES])
{
    unused(state);
    snprintf(out, POP3_UID_BYTES, "u%u", index);
}

static enum status message_read(void *state, unsigned index, uint64_t offset, uint32_t length,
                                struct buffer *out)
{
    unused(state);
    unused(index);
    check(offset + length <= sizeof(message) - 1);
    buffer_append(out, text_of(message + offset, length));
    return OK;
}

static enum status message_remove(void *state, const unsigned *indexes, unsigned count)
{
    unused(state);
    for (unsigned i = 0; i < count; i++)
        check(indexes[i] < 3 && (i == 0 || indexes[i] > indexes[i - 1]));
    removals++;
    return OK;
}

static struct pop3_maildrop maildrop = {.count = 3,
                                        .size = message_size,
                                        .uid = message_uid,
                                        .read = message_read,
                                        .remove = message_remove};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    struct buffer input;
    buffer_init(&input, 8192);
    buffer_append(&input, TEXT("USER alice@example.test\r\nPASS secret word\r\n"));
    buffer_append(&input, text_of(data + 1, size - 1));
    char *heard[2];
    for (int i = 0; i < 2; i++) {
        world_open("login cleartext");
        peers.maildrop = &maildrop;
        removals = 0;
        heard[i] = world_talk((struct conversation){.service = SERVICE_POP3,
                                                    .input = buffer_text(&input),
                                                    .cut = i == 0 ? 0 : 1u + data[0]});
        check(removals <= 1);
        check(removals == 0 || strstr(heard[i], "+OK Goodbye, ") != NULL);
        check(strstr(heard[i], "\n.one") == NULL);
        world_close();
    }
    check(strcmp(heard[0], heard[1]) == 0);
    free(heard[0]);
    free(heard[1]);
    buffer_finish(&input);
    return 0;
}
