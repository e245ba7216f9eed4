/* Archives of mail: what is written is read back, by us and by tar(1), however it is cut. */
#include "mail/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "test.h"

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

static void put_file(struct buffer *out, const char *path, const char *flags, struct text bytes)
{
    struct tar_entry entry = {.path = text_from(path),
                              .size = bytes.length,
                              .date_ms = INT64_C(1795000000123),
                              .notes = {{TEXT("flags"), text_from(flags)}},
                              .note_count = 1};
    tar_put_head(out, &entry);
    buffer_append(out, bytes);
    tar_put_padding(out, bytes.length);
}

/* A level of 150 letters is too long for the head of old. */
static const char long_path[] =
    "mail/"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    "/1.eml";

static void put_archive(struct buffer *out)
{
    struct tar_entry box = {.is_directory = true, .path = TEXT("mail/Entw\xc3\xbcrfe")};
    buffer_init(out, 1 << 20);
    tar_put_head(out, &box);
    put_file(out, "mail/Entw\xc3\xbcrfe/1.eml", "\\Seen kw", TEXT("a\0b\r\n"));
    put_file(out, long_path, "", TEXT(""));
    tar_put_end(out);
}

static void expect_archive(struct text bytes, size_t cut)
{
    struct source source = {bytes, cut};
    struct byte_pipe pipe = {&source, NULL, take};
    struct tar_reader reader;
    struct tar_entry entry;
    struct arena arena;
    struct buffer body;
    bool end;
    arena_init(&arena);
    buffer_init(&body, 4096);
    tar_reader_init(&reader, &pipe);
    EXPECT(tar_next(&reader, &arena, &entry, &end) == OK && !end && entry.is_directory);
    EXPECT_TEXT(entry.path, "mail/Entw\xc3\xbcrfe");
    EXPECT(tar_next(&reader, &arena, &entry, &end) == OK && !end && !entry.is_directory);
    EXPECT(entry.size == 5 && entry.date_ms == INT64_C(1795000000123));
    EXPECT_TEXT(tar_note(&entry, TEXT("flags")), "\\Seen kw");
    EXPECT_TEXT(tar_note(&entry, TEXT("other")), "");
    for (size_t before = SIZE_MAX; before != body.length;) {
        before = body.length;
        EXPECT(tar_read(&reader, 2, &body) == OK);
    }
    EXPECT(text_equals(buffer_text(&body), TEXT("a\0b\r\n")));
    EXPECT(tar_next(&reader, &arena, &entry, &end) == OK && !end);
    EXPECT_TEXT(entry.path, long_path);
    EXPECT(tar_next(&reader, &arena, &entry, &end) == OK && end);
    tar_reader_finish(&reader);
    buffer_finish(&body);
    arena_finish(&arena);
}

TEST("an archive is read back as it was written, however it is cut")
{
    struct buffer out;
    put_archive(&out);
    static const size_t cuts[] = {1, 7, 511, 512, 513, 100000};
    for (unsigned i = 0; i < sizeof(cuts) / sizeof(*cuts); i++)
        expect_archive(buffer_text(&out), cuts[i]);
    buffer_finish(&out);
}

TEST("tar(1) lists what was written")
{
    struct buffer out;
    char path[] = "/tmp/mailroot-tar-XXXXXX", command[256], line[512] = "";
    put_archive(&out);
    int fd = mkstemp(path);
    EXPECT(fd >= 0 && write(fd, out.data, out.length) == (ssize_t)out.length);
    close(fd);
    snprintf(command, sizeof(command), "LC_ALL=C.UTF-8 tar -xOf %s '%s'/1.eml | od -An -tx1", path,
             "mail/Entw\xc3\xbcrfe");
    FILE *listed = popen(command, "r");
    EXPECT(listed != NULL && fgets(line, sizeof(line), listed) != NULL);
    EXPECT(pclose(listed) == 0);
    EXPECT_TEXT(text_from(line), " 61 00 62 0d 0a\n");
    unlink(path);
    buffer_finish(&out);
}

/* The paths of all its files, one a line; or why it is refused. How it ended. */
static enum status list(struct text archive, struct buffer *out)
{
    struct source source = {archive, 4096};
    struct byte_pipe pipe = {&source, NULL, take};
    struct tar_reader reader;
    struct tar_entry entry;
    struct arena arena;
    bool end = false;
    enum status status = OK;
    arena_init(&arena);
    buffer_init(out, 1 << 16);
    tar_reader_init(&reader, &pipe);
    while (status == OK && !end) {
        status = tar_next(&reader, &arena, &entry, &end);
        if (status == OK && !end && !entry.is_directory)
            buffer_printf(out, "%.*s\n", TEXT_ARG(entry.path));
    }
    if (status != OK)
        buffer_printf(out, "%s\n", fail_reason());
    tar_reader_finish(&reader);
    arena_finish(&arena);
    return status;
}

TEST("long paths are read as tar(1) packs them, in each of its forms that has them")
{
    static const char *const forms[] = {"gnu", "oldgnu", "posix", "ustar"};
    char folder[] = "/tmp/mailroot-tar-XXXXXX", command[1200], expected[400];
    static char bytes[64 << 10];
    EXPECT(mkdtemp(folder) != NULL);
    snprintf(expected, sizeof(expected), "%s\nmail/1.eml\n", long_path);
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct buffer listed;
        snprintf(command, sizeof(command),
                 "cd %s && mkdir -p \"$(dirname %s)\" && touch %s mail/1.eml && "
                 "tar --format=%s -cf - %s mail/1.eml",
                 folder, long_path, long_path, forms[i], long_path);
        FILE *packed = popen(command, "r");
        EXPECT(packed != NULL);
        size_t length = fread(bytes, 1, sizeof(bytes), packed);
        EXPECT(pclose(packed) == 0);
        list(text_of(bytes, length), &listed);
        EXPECT_TEXT(buffer_text(&listed), expected);
        buffer_finish(&listed);
    }
    snprintf(command, sizeof(command), "rm -r %s", folder);
    EXPECT(system(command) == 0);
}

/* A head for the file that follows, with this record. */
static void put_record(struct buffer *out, const char *record)
{
    struct tar_entry entry = {
        .path = TEXT("a"), .notes = {{TEXT("n"), text_from(record)}}, .note_count = 1};
    tar_put_head(out, &entry);
    tar_put_end(out);
}

/* Put other bytes in the place of some, of the same length. */
static void put_over(struct buffer *out, const char *at, const char *bytes)
{
    size_t place = text_find_text(buffer_text(out), text_from(at));
    EXPECT(place < out->length && strlen(at) == strlen(bytes));
    memcpy(out->data + place, bytes, strlen(bytes));
}

TEST("records that are none, or say what can't be, are refused or passed over")
{
    static const struct {
        const char *other, *listed;
    } rows[] = {
        {"20 size=00000000000\n", "a\n"},
        {"20 size=0000000000x\n", "an entry's head is malformed\n"},
        {"20 mtime=0000000000\n", "a\n"},
        {"20 mtime=000000000x\n", "a\n"},
        {"20 mtime=0000000.1x\n", "a\n"},
        {"20 mtime=00000000.1\n", "a\n"},
        {"20 path=bcdefghijkl\n", "bcdefghijkl\n"},
        {"20 pathxbcdefghijkl\n", "an entry's head is malformed\n"},
        {"29 path=bcdefghijkl\n", "an entry's head is malformed\n"},
        {"02 path=bcdefghijkl\n", "an entry's head is malformed\n"},
        {"xx path=bcdefghijkl\n", "an entry's head is malformed\n"},
        {"20 path=bcdefghijkl.", "an entry's head is malformed\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buffer out, listed;
        buffer_init(&out, 1 << 16);
        put_record(&out, "12345");
        put_over(&out, "20 MAILROOT.n=12345\n", rows[i].other);
        list(buffer_text(&out), &listed);
        EXPECT_TEXT(buffer_text(&listed), rows[i].listed);
        buffer_finish(&listed);
        buffer_finish(&out);
    }
}

TEST("an archive that was cut short, or is none, is refused")
{
    struct buffer out, listed;
    put_archive(&out);
    for (size_t length = 0; length + 1024 < out.length; length += 97) {
        EXPECT(list(text_head(buffer_text(&out), length), &listed) == REFUSED);
        buffer_finish(&listed);
    }
    buffer_finish(&out);
}

/* A head with this at its place, and its sum as it then is; two entries of nothing follow. */
static void expect_head(size_t at, const char *bytes, const char *listed)
{
    struct buffer out, said;
    unsigned sum = 0;
    put_archive(&out);
    memcpy(out.data + at, bytes, strlen(bytes));
    memset(out.data + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += (unsigned char)out.data[i];
    snprintf(out.data + 148, 8, "%06o", sum);
    list(buffer_text(&out), &said);
    EXPECT_TEXT(buffer_text(&said), listed);
    buffer_finish(&said);
    buffer_finish(&out);
}

TEST("a head with a size or a time that is none is refused, and links are passed over")
{
    char all[400];
    snprintf(all, sizeof(all), "mail/Entw\xc3\xbcrfe/1.eml\n%s\n", long_path);
    enum { AT_SIZE = 124, AT_TIME = 136, AT_TYPE = 156 };
    expect_head(AT_SIZE, "00000000009", "this is no tar archive\n");
    expect_head(AT_SIZE, "-0000000000", "this is no tar archive\n");
    expect_head(AT_TIME, "0000000000x", "this is no tar archive\n");
    expect_head(AT_SIZE, "00001000000", "an entry's head is too long\n");
    expect_head(AT_TYPE, "2", all);
    expect_head(AT_TYPE, "3", all);
}

TEST("records with numbers beyond all measure are refused or passed over")
{
    static const struct {
        const char *record, *listed;
    } rows[] = {{"28 size=9223372036854775808\n", "an entry's head is malformed\n"},
                {"28 mtime=922337203685477580\n", "a\n"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buffer out, listed;
        buffer_init(&out, 1 << 16);
        put_record(&out, "1234567890123");
        put_over(&out, "28 MAILROOT.n=1234567890123\n", rows[i].record);
        list(buffer_text(&out), &listed);
        EXPECT_TEXT(buffer_text(&listed), rows[i].listed);
        buffer_finish(&listed);
        buffer_finish(&out);
    }
}

static enum status take_too_much(void *context, struct buffer *out)
{
    static const char zeros[1 << 20];
    unused(context);
    while (buffer_append(out, text_of(zeros, sizeof(zeros))))
        ;
    return OK;
}

TEST("an archive whose pieces are too large is refused")
{
    struct byte_pipe pipe = {NULL, NULL, take_too_much};
    struct tar_reader reader;
    struct tar_entry entry = {.path = TEXT("a")};
    struct arena arena;
    bool end;
    arena_init(&arena);
    tar_reader_init(&reader, &pipe);
    EXPECT(tar_next(&reader, &arena, &entry, &end) == REFUSED);
    tar_reader_finish(&reader);
    arena_finish(&arena);
}

TEST("a file larger than old heads could tell, and with more notes than are read, is read back")
{
    struct tar_entry entry = {.path = TEXT("a"), .size = UINT64_C(1) << 40}, read;
    struct buffer out, body;
    struct arena arena;
    bool end;
    arena_init(&arena);
    buffer_init(&out, 1 << 20);
    buffer_init(&body, 100);
    for (unsigned i = 0; i < TAR_NOTES_MAX; i++)
        entry.notes[entry.note_count++] =
            (struct tar_note){arena_printf(&arena, "n%u", i), TEXT("v")};
    tar_put_head(&out, &entry);
    /* All records are there twice, before the head of the file itself. */
    struct buffer twice;
    enum { FILE_HEAD = 512 };
    buffer_init(&twice, 1 << 20);
    buffer_append(&twice, text_head(buffer_text(&out), out.length - FILE_HEAD));
    buffer_append(&twice, buffer_text(&out));
    struct source source = {buffer_text(&twice), 4096};
    struct byte_pipe pipe = {&source, NULL, take};
    struct tar_reader reader;
    tar_reader_init(&reader, &pipe);
    EXPECT(tar_next(&reader, &arena, &read, &end) == OK && !end);
    EXPECT(read.size == entry.size && read.note_count == TAR_NOTES_MAX);
    EXPECT_TEXT(tar_note(&read, TEXT("n7")), "v");
    EXPECT(tar_read(&reader, 0, &body) == OK && body.length == 0);
    EXPECT(tar_read(&reader, 10, &body) == REFUSED); /* there is nothing of it */
    tar_reader_finish(&reader);
    buffer_finish(&body);
    buffer_finish(&twice);
    buffer_finish(&out);
    arena_finish(&arena);
}
