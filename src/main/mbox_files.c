#include "main/mbox_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "mail/mbox.h"
#include "main/mailbox_archive.h"

enum { PATH_BYTES = 1024, PIECE = 64 << 10, DEPTH_MAX = 50, LINE_BYTES = 4096 };

#define SUFFIX ".mbox"

/* Writing */

struct writing {
    const char *root;
    FILE *file; /* of the mailbox; NULL: none yet */
    struct arena arena;
    struct buffer out;
};

/* A level can then be neither "..", nor hidden, nor end as a file does. */
static struct text escaped(struct arena *arena, struct text level)
{
    struct text out = TEXT("");
    for (size_t i = 0; i < level.length; i++) {
        char byte = level.data[i];
        const char *form = byte == '.' || byte == '%' ? "%.*s%%%02X" : "%.*s%c";
        out = arena_printf(arena, form, TEXT_ARG(out), byte);
    }
    return out;
}

static enum status close_file(struct writing *writing)
{
    FILE *file = writing->file;
    writing->file = NULL;
    if (file == NULL)
        return OK;
    bool failed = ferror(file) != 0;
    failed = fflush(file) != 0 || fsync(fileno(file)) != 0 || failed;
    return fclose(file) != 0 || failed ? try_later("cannot write a mailbox: %m") : OK;
}

/* "root/a/b.mbox", with the directories above. */
static enum status open_file(void *context, struct text mailbox)
{
    struct writing *writing = context;
    char path[PATH_BYTES];
    struct text level;
    enum status status = close_file(writing);
    arena_reset(&writing->arena);
    struct text at = arena_printf(&writing->arena, "%s", writing->root);
    while (status == OK && text_split(&mailbox, '/', &level)) {
        bool is_last = text_is_empty(mailbox);
        struct text name = escaped(&writing->arena, level);
        at = arena_printf(&writing->arena, "%.*s/%.*s%s", TEXT_ARG(at), TEXT_ARG(name),
                          is_last ? SUFFIX : "");
        if (!text_copy(at, path, sizeof(path)))
            status = refused("a name is too long");
        else if (!is_last && mkdir(path, 0700) != 0 && access(path, F_OK) != 0)
            status = refused("cannot make %s: %m", path);
    }
    int fd = status == OK ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    writing->file = fd < 0 ? NULL : fdopen(fd, "w");
    if (status == OK && writing->file == NULL)
        status = refused("cannot make %s: %m", path);
    return status;
}

static void flush_out(struct writing *writing)
{
    fwrite(writing->out.data, 1, writing->out.length, writing->file);
    buffer_reset(&writing->out, 3 * PIECE);
}

/* Who sent it stands in its first line, if it was delivered here. */
static struct text sender_of(struct text head)
{
    struct text start = TEXT("Return-Path: <");
    if (!text_starts_with(head, start))
        return TEXT("");
    return text_before(text_before(text_from_position(head, start.length), '\r'), '>');
}

static enum status write_message(void *context, struct tar_reader *reader,
                                 const struct tar_entry *entry)
{
    struct writing *writing = context;
    struct mbox_writer writer;
    struct buffer piece;
    enum status status = OK;
    bool is_first = true;
    if (writing->file == NULL)
        return OK;
    buffer_init(&piece, PIECE);
    mbox_writer_init(&writer, tar_note(entry, TEXT("flags")));
    do {
        buffer_reset(&piece, PIECE);
        status = tar_read(reader, PIECE, &piece);
        if (status == OK && is_first)
            mbox_put_from(&writing->out, sender_of(buffer_text(&piece)), entry->date_ms);
        is_first = false;
        mbox_write(&writer, buffer_text(&piece), &writing->out);
        flush_out(writing);
    } while (status == OK && piece.length > 0);
    buffer_reset(&writing->out, 3 * PIECE);
    mbox_write_end(&writer, &writing->out);
    flush_out(writing);
    buffer_finish(&piece);
    return status == OK && ferror(writing->file) ? try_later("cannot write a message: %m") : status;
}

enum status mbox_files_write(void *context, const struct byte_pipe *verb)
{
    struct writing writing = {.root = context};
    struct tar_reader reader;
    arena_init(&writing.arena);
    buffer_init(&writing.out, 3 * PIECE);
    tar_reader_init(&reader, verb);
    enum status status =
        mkdir(writing.root, 0700) == 0 ? OK : refused("cannot make %s: %m", writing.root);
    if (status == OK)
        status = mailbox_archive_read(
            &reader, &(struct mailbox_archive_visitor){&writing, open_file, write_message});
    enum status closed = close_file(&writing);
    tar_reader_finish(&reader);
    buffer_finish(&writing.out);
    arena_finish(&writing.arena);
    return status == OK ? closed : status;
}

/* Reading */

struct reading {
    const struct byte_pipe *verb;
    FILE *file;
    struct text mailbox;
    int64_t date_ms; /* of the message that begins where the file stands */
    unsigned number;
    char line[LINE_BYTES];
};

/* The next line, or as much of it as fits, never with LF parted from its CR. */
static size_t read_line(struct reading *reading)
{
    size_t length = 0;
    int byte = 0;
    while (length < LINE_BYTES && byte != '\n' && (byte = getc_unlocked(reading->file)) != EOF)
        reading->line[length++] = (char)byte;
    if (length == LINE_BYTES && byte == '\r') {
        ungetc(byte, reading->file);
        length--;
    }
    return length;
}

/* Where the bytes of a message go; verb NULL: they are only counted. */
struct sink {
    const struct byte_pipe *verb;
    struct buffer out;
    uint64_t size;
};

/* YIELDS. */
static enum status empty_sink(struct sink *sink, size_t above)
{
    enum status status = OK;
    if (sink->out.length <= above)
        return OK;
    if (sink->verb != NULL)
        status = sink->verb->give(sink->verb->context, buffer_text(&sink->out));
    sink->size += sink->out.length;
    buffer_reset(&sink->out, PIECE);
    return status;
}

/* Read the message where the file stands, which is behind the next message's line then. *more:
 * there is one. YIELDS. */
static enum status read_message(struct reading *reading, struct mbox_reader *reader,
                                struct sink *sink, bool *more)
{
    size_t length;
    bool is_begun = false, is_first = true;
    enum status status = OK;
    *more = false;
    buffer_init(&sink->out, PIECE);
    while (status == OK && !*more && (length = read_line(reading)) > 0) {
        struct text line = text_of(reading->line, length);
        *more = !is_begun && (reader->has_blank || is_first) &&
                mbox_is_from(text_trim(line), &reading->date_ms);
        if (!*more)
            mbox_read(reader, line, is_begun, &sink->out);
        is_begun = line.data[length - 1] != '\n';
        is_first = false;
        status = empty_sink(sink, PIECE - 2 * LINE_BYTES);
    }
    if (status == OK)
        status = empty_sink(sink, 0);
    buffer_finish(&sink->out);
    return status;
}

/* An archive has the size before the bytes: so they are read twice. YIELDS. */
static enum status give_message(struct reading *reading, bool *more)
{
    struct mbox_reader reader;
    struct arena arena;
    struct buffer head;
    off_t begin = ftello(reading->file);
    int64_t date_ms = reading->date_ms;
    struct sink counted = {0}, given = {.verb = reading->verb};
    arena_init(&arena);
    mbox_reader_init(&reader, &arena);
    enum status status = read_message(reading, &reader, &counted, more);
    struct tar_entry entry = {
        .path = arena_printf(&arena, "mail/%010u.eml", ++reading->number),
        .size = counted.size,
        .date_ms = date_ms,
        .notes = {{TEXT("mailbox"), reading->mailbox}, {TEXT("flags"), mbox_read_flags(&reader)}},
        .note_count = 2};
    buffer_init(&head, 2 * TAR_HEAD_MAX);
    tar_put_head(&head, &entry);
    if (status == OK && fseeko(reading->file, begin, SEEK_SET) != 0)
        status = refused("an mbox is read twice, and this is no plain file");
    if (status == OK)
        status = reading->verb->give(reading->verb->context, buffer_text(&head));
    mbox_reader_init(&reader, &arena);
    if (status == OK)
        status = read_message(reading, &reader, &given, more);
    buffer_reset(&head, 2 * TAR_HEAD_MAX);
    tar_put_padding(&head, given.size);
    if (status == OK && given.size != entry.size)
        status = try_later("the file was changed while it was read");
    if (status == OK && head.length > 0)
        status = reading->verb->give(reading->verb->context, buffer_text(&head));
    buffer_finish(&head);
    arena_finish(&arena);
    return status;
}

static enum status give_mailbox(struct reading *reading)
{
    struct tar_entry entry = {.is_directory = true,
                              .path = TEXT("mail"),
                              .notes = {{TEXT("mailbox"), reading->mailbox}},
                              .note_count = 1};
    struct buffer head;
    buffer_init(&head, 2 * TAR_HEAD_MAX);
    tar_put_head(&head, &entry);
    enum status status = reading->verb->give(reading->verb->context, buffer_text(&head));
    buffer_finish(&head);
    return status;
}

static enum status read_file(const struct byte_pipe *verb, const char *path, struct text mailbox)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    check(reading != NULL);
    *reading = (struct reading){.verb = verb, .mailbox = mailbox, .file = fopen(path, "re")};
    enum status status = reading->file == NULL ? try_later("cannot read %s: %m", path) : OK;
    if (status == OK)
        status = give_mailbox(reading);
    size_t length = status == OK ? read_line(reading) : 0;
    bool more =
        length > 0 && mbox_is_from(text_trim(text_of(reading->line, length)), &reading->date_ms);
    if (length > 0 && !more)
        status = refused("%s does not begin as an mbox does", path);
    while (status == OK && more)
        status = give_message(reading, &more);
    if (status == OK && ferror(reading->file))
        status = try_later("cannot read %s: %m", path);
    if (reading->file != NULL)
        fclose(reading->file);
    free(reading);
    return status;
}

bool mbox_files_is_one(const char *path)
{
    char start[5] = "";
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t length = fread(start, 1, sizeof(start), file);
    fclose(file);
    return text_equals(text_of(start, length), TEXT("From "));
}

static struct text unescaped(struct arena *arena, struct text level)
{
    struct text out = TEXT("");
    while (level.length > 0) {
        bool is_dot = text_starts_with(level, TEXT("%2E"));
        bool is_escape = is_dot || text_starts_with(level, TEXT("%25"));
        char byte = is_dot ? '.' : level.data[0];
        out = arena_printf(arena, "%.*s%c", TEXT_ARG(out), byte);
        level = text_from_position(level, is_escape ? 3 : 1);
    }
    return out;
}

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* above: the mailbox it is, "" at the top. */
static enum status read_directory(const struct byte_pipe *verb, const char *path, struct text above,
                                  unsigned depth);

static enum status read_one(const struct byte_pipe *verb, const char *path, struct text name,
                            struct text above, unsigned depth)
{
    struct arena arena;
    struct stat facts;
    enum status status = OK;
    if (lstat(path, &facts) != 0)
        return try_later("cannot read %s: %m", path);
    arena_init(&arena);
    bool is_named = S_ISREG(facts.st_mode) && text_ends_with_nocase(name, TEXT(SUFFIX));
    if (is_named)
        name = text_head(name, name.length - (sizeof(SUFFIX) - 1));
    struct text mailbox =
        arena_printf(&arena, "%.*s%s%.*s", TEXT_ARG(above), text_is_empty(above) ? "" : "/",
                     TEXT_ARG(unescaped(&arena, name)));
    if (S_ISDIR(facts.st_mode))
        status = read_directory(verb, path, mailbox, depth + 1);
    else if (S_ISREG(facts.st_mode) && (is_named || mbox_files_is_one(path)))
        status = read_file(verb, path, mailbox);
    arena_finish(&arena);
    return status;
}

static enum status read_directory(const struct byte_pipe *verb, const char *path, struct text above,
                                  unsigned depth)
{
    struct arena arena; /* a path on the task's stack would be too much, DEPTH_MAX times */
    struct dirent **names;
    if (depth > DEPTH_MAX)
        return refused("%s lies too deep", path);
    int count = scandir(path, &names, is_shown, alphasort);
    enum status status = count < 0 ? refused("cannot read %s: %m", path) : OK;
    arena_init(&arena);
    for (int i = 0; i < count; i++) {
        const char *file = arena_printf(&arena, "%s/%s", path, names[i]->d_name).data;
        if (status == OK)
            status = read_one(verb, file, text_from(names[i]->d_name), above, depth);
        arena_reset(&arena);
        free(names[i]);
    }
    arena_finish(&arena);
    if (count >= 0)
        free(names);
    return status;
}

enum status mbox_files_read(void *context, const struct byte_pipe *verb)
{
    const char *path = context;
    struct stat facts;
    struct buffer end;
    if (stat(path, &facts) != 0)
        return refused("cannot read %s: %m", path);
    enum status status = S_ISDIR(facts.st_mode) ? read_directory(verb, path, TEXT(""), 0)
                                                : read_file(verb, path, TEXT("INBOX"));
    buffer_init(&end, 4096);
    tar_put_end(&end);
    if (status == OK)
        status = verb->give(verb->context, buffer_text(&end));
    buffer_finish(&end);
    return status;
}
