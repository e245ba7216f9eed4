/* Archives of mail that come from anywhere. Oracle: an entry's bytes are as many as its head says,
 * and cut otherwise the archive reads the same. */
#include "base/check.h"
#include "mail/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct source {
    struct text rest;
    size_t cut;
};

static enum status take(void *context, struct buffer *out)
{
    struct source *source = context;
    struct text some = text_head(source->rest, source->cut);
    buffer_append(out, some);
    source->rest = text_from_position(source->rest, some.length);
    return OK;
}

/* All that was read, as one text. */
static void read_all(struct text bytes, size_t cut, struct buffer *out)
{
    struct source source = {bytes, cut};
    struct byte_pipe pipe = {&source, NULL, take};
    struct tar_reader reader;
    struct tar_entry entry;
    struct arena arena;
    bool end = false;
    arena_init(&arena);
    tar_reader_init(&reader, &pipe);
    enum status status = OK;
    while (status == OK && !end) {
        status = tar_next(&reader, &arena, &entry, &end);
        if (status != OK || end)
            break;
        buffer_append(out, entry.path);
        buffer_append(out, tar_note(&entry, TEXT("mailbox")));
        size_t begun = out->length;
        for (size_t before = SIZE_MAX; status == OK && before != out->length;) {
            before = out->length;
            status = tar_read(&reader, 1000, out);
        }
        check(status != OK || out->length - begun == entry.size);
    }
    buffer_printf(out, "%d", status);
    tar_reader_finish(&reader);
    arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole, cut;
    if (size < 1)
        return 0;
    buffer_init(&whole, 4 << 20);
    buffer_init(&cut, 4 << 20);
    read_all(text_of(data + 1, size - 1), 100000, &whole);
    read_all(text_of(data + 1, size - 1), 1u + data[0], &cut);
    check(text_equals(buffer_text(&whole), buffer_text(&cut)));
    buffer_finish(&whole);
    buffer_finish(&cut);
    return 0;
}
