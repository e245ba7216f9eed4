/* Archives of mail that come from anywhere. Oracle: an entry's bytes are as many as its head says,
 * cut otherwise the archive reads the same, and so does one that is written of what was read. */
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

static void show(const struct tar_entry *entry, struct buffer *out)
{
    buffer_append(out, entry->path);
    buffer_printf(out, " %d %lld\n", entry->is_directory, (long long)entry->date_ms);
    for (unsigned i = 0; i < entry->note_count; i++)
        buffer_printf(out, "%.*s=%.*s\n", TEXT_ARG(entry->notes[i].name),
                      TEXT_ARG(entry->notes[i].value));
    check(entry->note_count == 0 ||
          text_equals(tar_note(entry, entry->notes[0].name), entry->notes[0].value));
}

/* All that was read, as one text; again: as an archive. OK when it was read to its end. */
static enum status read_all(struct text bytes, size_t cut, struct buffer *out, struct buffer *again)
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
        show(&entry, out);
        tar_put_head(again, &entry);
        size_t begun = out->length;
        for (size_t before = SIZE_MAX; status == OK && before != out->length;) {
            before = out->length;
            status = tar_read(&reader, 1000, out);
        }
        check(status != OK || out->length - begun == entry.size);
        buffer_append(again, text_from_position(buffer_text(out), begun));
        tar_put_padding(again, entry.size);
    }
    tar_put_end(again);
    buffer_printf(out, "%d", status);
    tar_reader_finish(&reader);
    arena_finish(&arena);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer whole, cut, archive, unused_archive;
    if (size < 1)
        return 0;
    buffer_init(&whole, 4 << 20);
    buffer_init(&cut, 4 << 20);
    buffer_init(&archive, 64 << 20);
    buffer_init(&unused_archive, 64 << 20);
    struct text input = text_of(data + 1, size - 1);
    enum status status = read_all(input, 100000, &whole, &archive);
    check(read_all(input, 1u + data[0], &cut, &unused_archive) == status);
    check(text_equals(buffer_text(&whole), buffer_text(&cut)));
    if (status == OK) {
        buffer_reset(&cut, 4 << 20);
        check(read_all(buffer_text(&archive), 100000, &cut, &unused_archive) == OK);
        check(text_equals(buffer_text(&whole), buffer_text(&cut)));
    }
    buffer_finish(&whole);
    buffer_finish(&cut);
    buffer_finish(&archive);
    buffer_finish(&unused_archive);
    return 0;
}
