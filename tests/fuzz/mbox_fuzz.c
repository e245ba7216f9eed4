/* Files with messages that come from anywhere. Oracle: cut otherwise a message reads the same, and
 * written and read again it is what it was. */
#include "base/check.h"
#include "mail/mbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 20 };

/* One message of all lines. cut: pieces of a line at most so long, with LF never parted from CR. */
static void read_all(struct text bytes, size_t cut, struct buffer *out)
{
    struct arena arena;
    struct mbox_reader reader;
    bool is_begun = false;
    arena_init(&arena);
    mbox_reader_init(&reader, &arena);
    while (bytes.length > 0) {
        size_t length = text_find(bytes, '\n') + 1;
        length = length > bytes.length ? bytes.length : length;
        if (length > cut)
            length = bytes.data[cut - 1] == '\r' ? cut + 1 : cut;
        mbox_read(&reader, text_head(bytes, length), is_begun, out);
        is_begun = bytes.data[length - 1] != '\n';
        bytes = text_from_position(bytes, length);
    }
    (void)mbox_read_flags(&reader);
    arena_finish(&arena);
}

static void write_all(struct text bytes, size_t cut, struct buffer *out)
{
    struct mbox_writer writer;
    mbox_writer_init(&writer, TEXT("\\Seen work"));
    for (; bytes.length > 0; bytes = text_from_position(bytes, cut))
        mbox_write(&writer, text_head(bytes, cut), out);
    mbox_write_end(&writer, out);
}

static bool is_odd(struct text message)
{
    return message.length < 2 || message.data[message.length - 1] != '\n' ||
           text_find_text(message, TEXT("\r\r\n")) < message.length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer message, file, again;
    int64_t date_ms;
    if (size < 1 || size > 10000)
        return 0;
    struct text input = text_of(data + 1, size - 1);
    (void)mbox_is_from(text_before(input, '\n'), &date_ms);
    buffer_init(&message, MOST);
    buffer_init(&file, MOST);
    buffer_init(&again, MOST);
    read_all(input, SIZE_MAX, &message);
    /* Names of fields are looked at in the first piece of a line. */
    read_all(input, 4096, &again);
    check(text_equals(buffer_text(&message), buffer_text(&again)));
    if (!is_odd(buffer_text(&message))) {
        write_all(buffer_text(&message), 1u + data[0], &file);
        buffer_reset(&again, MOST);
        read_all(buffer_text(&file), SIZE_MAX, &again);
        check(text_equals(buffer_text(&message), buffer_text(&again)));
        for (struct text rest = buffer_text(&file), line; text_split(&rest, '\n', &line);)
            check(!text_starts_with(line, TEXT("From ")));
    }
    buffer_finish(&message);
    buffer_finish(&file);
    buffer_finish(&again);
    return 0;
}
