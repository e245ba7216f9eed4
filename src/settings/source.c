/* Reading the settings files: the only part of the settings that touches the disk. */
#include "settings/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/check.h"
#include "base/wire.h"
#include "settings/grammar.h"

enum {
    INCLUDE_DEPTH_MAX = 8,
    FILES_MAX = 1000,
    PIECE_OVERHEAD = 12, /* two lengths and a line number */
};

/* One settings_read under way. */
struct reading {
    struct settings_source *source;
    struct arena scratch;
    unsigned files;
};

static struct settings_source *source_new(struct text directory)
{
    struct settings_source *source = calloc(1, sizeof(*source));
    check(source != NULL);
    arena_init(&source->arena);
    source->directory = arena_copy(&source->arena, directory);
    source->encoded_bytes = 8 + directory.length;
    return source;
}

void settings_source_free(struct settings_source **source)
{
    if (*source == NULL)
        return;
    arena_finish(&(*source)->arena);
    free(*source);
    *source = NULL;
}

/* file and bytes must live as long as the source. */
static enum status add_piece(struct settings_source *source, struct settings_piece piece)
{
    source->encoded_bytes += PIECE_OVERHEAD + piece.file.length + piece.bytes.length;
    if (source->encoded_bytes > SETTINGS_SOURCE_MAX)
        return refused("the settings are larger than 4 MiB");
    source->pieces =
        arena_grow(&source->arena, source->pieces, source->piece_count, sizeof(*source->pieces));
    source->pieces[source->piece_count++] = piece;
    return OK;
}

enum status settings_source_of(struct text file, struct text bytes, struct settings_source **out)
{
    struct settings_source *source = source_new(TEXT("/"));
    struct settings_piece piece = {arena_copy(&source->arena, file), 1,
                                   arena_copy(&source->arena, bytes)};
    enum status status = add_piece(source, piece);
    if (status != OK)
        settings_source_free(&source);
    *out = source;
    return status;
}

static enum status read_bytes(int fd, const char *path, size_t size, struct arena *arena,
                              struct text *out)
{
    char *bytes = arena_alloc(arena, size + 1);
    size_t length = 0;
    while (length < size) {
        ssize_t got = read(fd, bytes + length, size - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return refused("cannot read %s: %m", path);
        if (got == 0)
            break;
        length += (size_t)got;
    }
    *out = text_of(bytes, length);
    return OK;
}

static enum status read_whole(const char *path, struct arena *arena, struct text *out)
{
    /* O_NONBLOCK: a FIFO of that name must not hold us. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return refused("cannot open %s: %m", path);
    struct stat info;
    enum status status;
    if (fstat(fd, &info) != 0)
        status = refused("cannot read %s: %m", path);
    else if (!S_ISREG(info.st_mode))
        status = refused("cannot read %s: it is no regular file", path);
    else if (info.st_size > SETTINGS_SOURCE_MAX)
        status = refused("cannot read %s: it is larger than 4 MiB", path);
    else
        status = read_bytes(fd, path, (size_t)info.st_size, arena, out);
    close(fd);
    return status;
}

static enum status read_file(struct reading *reading, const char *path, unsigned depth);

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The pattern behind the directory of the including file, whose own name is taken literally. */
static const char *include_pattern(struct reading *reading, struct text file, struct text pattern)
{
    struct buffer out;
    buffer_init(&out, SETTINGS_SOURCE_MAX);
    size_t slash = text_find_last(file, '/');
    struct text directory = slash < file.length ? text_head(file, slash + 1) : TEXT("");
    if (text_starts_with(pattern, TEXT("/")))
        directory = TEXT("");
    for (size_t i = 0; i < directory.length; i++) {
        if (strchr("*?[\\", directory.data[i]) != NULL)
            buffer_append_byte(&out, '\\');
        buffer_append_byte(&out, directory.data[i]);
    }
    buffer_append(&out, pattern);
    struct text text = arena_copy(&reading->scratch, buffer_text(&out));
    buffer_finish(&out);
    return text.data;
}

static enum status read_included(struct reading *reading, struct text file, struct text pattern,
                                 unsigned depth)
{
    const char *whole = include_pattern(reading, file, pattern);
    bool wild = text_find(pattern, '*') < pattern.length ||
                text_find(pattern, '?') < pattern.length ||
                text_find(pattern, '[') < pattern.length;
    glob_t found;
    int code = glob(whole, GLOB_NOSORT | (wild ? 0 : GLOB_NOCHECK), NULL, &found);
    if (code == GLOB_NOMATCH)
        return OK;
    if (code != 0)
        return refused("cannot look for %s: %s", whole,
                       code == GLOB_NOSPACE ? "out of memory" : "a directory cannot be read");
    /* By bytes: glob's own order depends on the locale. */
    qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), compare_paths);
    enum status status = OK;
    for (size_t i = 0; i < found.gl_pathc && status == OK; i++)
        status = read_file(reading, found.gl_pathv[i], depth + 1);
    globfree(&found);
    return status;
}

/* An include counts only outside blocks; the parser reports those inside. A line with a flaw is
 * the parser's to report, too. */
static bool is_include(struct reading *reading, struct text line, bool *inside,
                       struct text *pattern)
{
    struct setting_words words;
    struct setting_flaw flaw;
    if (!setting_line_split(line, &reading->scratch, &words, &flaw) || words.count == 0)
        return false;
    const struct setting_word *last = &words.words[words.count - 1];
    if (setting_word_is(last, "{") || setting_word_is(last, "}")) {
        *inside = setting_word_is(last, "{");
        return false;
    }
    if (*inside || words.count != 2 || !setting_word_is(&words.words[0], "include"))
        return false;
    *pattern = words.words[1].text;
    return true;
}

static enum status read_file(struct reading *reading, const char *path, unsigned depth)
{
    if (depth > INCLUDE_DEPTH_MAX)
        return refused("%s is included at a depth of more than %d files", path, INCLUDE_DEPTH_MAX);
    if (++reading->files > FILES_MAX)
        return refused("there are more than %d settings files", FILES_MAX);
    struct settings_source *source = reading->source;
    struct settings_piece piece = {arena_copy(&source->arena, text_from(path)), 1, TEXT("")};
    struct text bytes;
    enum status status = read_whole(path, &source->arena, &bytes);
    if (status != OK)
        return status;
    if (text_starts_with(bytes, TEXT("\xef\xbb\xbf"))) /* as some editors begin a file */
        bytes = text_from_position(bytes, 3);

    struct text rest = bytes, line, pattern;
    piece.bytes = text_head(rest, 0);
    uint32_t number = 0;
    bool inside = false;
    while (status == OK && setting_line_next(&rest, &line)) {
        number++;
        arena_reset(&reading->scratch);
        bool include = is_include(reading, line, &inside, &pattern);
        piece.bytes.length = bytes.length - rest.length - (size_t)(piece.bytes.data - bytes.data);
        if (!include)
            continue;
        status = add_piece(source, piece);
        if (status != OK)
            break;
        status = read_included(reading, piece.file, pattern, depth);
        if (status != OK && depth == 0)
            return fail_within(status, "%s:%u", path, number);
        piece.bytes = text_of(bytes.data + (bytes.length - rest.length), 0);
        piece.first_line = number + 1;
    }
    return status == OK ? add_piece(source, piece) : status;
}

enum status settings_read(const char *path, struct settings_source **out)
{
    *out = NULL;
    char *directory = getcwd(NULL, 0);
    if (directory == NULL)
        return refused("cannot tell the working directory: %m");
    struct reading reading = {.source = source_new(text_from(directory))};
    free(directory);
    arena_init(&reading.scratch);
    enum status status = read_file(&reading, path, 0);
    arena_finish(&reading.scratch);
    if (status != OK)
        settings_source_free(&reading.source);
    *out = reading.source;
    return status;
}

enum status settings_source_encode(const struct settings_source *source, struct buffer *out)
{
    wire_put_text(out, source->directory);
    wire_put_u32(out, source->piece_count);
    for (unsigned i = 0; i < source->piece_count; i++) {
        wire_put_text(out, source->pieces[i].file);
        wire_put_u32(out, source->pieces[i].first_line);
        wire_put_text(out, source->pieces[i].bytes);
    }
    return out->overflowed ? refused("the settings do not fit in %zu bytes", out->limit) : OK;
}

enum status settings_source_decode(struct text bytes, struct settings_source **out)
{
    *out = NULL;
    if (bytes.length > SETTINGS_SOURCE_MAX)
        return refused("the settings are larger than 4 MiB");
    struct wire_reader in = wire_reader_of(bytes);
    struct settings_source *source = source_new(wire_get_text(&in));
    uint32_t count = wire_get_u32(&in);
    enum status status = OK;
    for (uint32_t i = 0; i < count && !in.bad && status == OK; i++) {
        struct settings_piece piece = {arena_copy(&source->arena, wire_get_text(&in)), 0, TEXT("")};
        piece.first_line = wire_get_u32(&in);
        piece.bytes = arena_copy(&source->arena, wire_get_text(&in));
        status = add_piece(source, piece);
    }
    if (status == OK && !wire_end(&in))
        status = refused("the settings sent are malformed");
    if (status != OK)
        settings_source_free(&source);
    *out = source;
    return status;
}
