#include "main/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "main/mailbox_archive.h"
#include "proto/imap/imap_name.h"

enum { PATH_BYTES = 1024, KEYWORDS_MAX = 26, PIECE = 256 << 10 };

/* A dot within a level: between levels it stands for "/". */
#define ENCODED_DOT "&AC4-"

/* The letters of a file's name. */
static const struct {
    const char *flag;
    char letter;
} letters[] = {
    {"\\Draft", 'D'}, {"\\Flagged", 'F'}, {"\\Answered", 'R'}, {"\\Seen", 'S'}, {"\\Deleted", 'T'}};
enum { LETTERS = sizeof(letters) / sizeof(*letters) };

/* One folder. */
struct folder {
    char path[PATH_BYTES];
    struct text keywords[KEYWORDS_MAX]; /* in arena */
    unsigned keyword_count;
    struct arena arena;
};

/* Writing */

struct writing {
    const char *root;
    struct text mailbox; /* of the folder, in its arena */
    struct folder folder;
    int64_t begun_s; /* wall */
    unsigned number;
};

/* "a.b" in a level's name would be two levels. */
static struct text folder_name(struct arena *arena, struct text mailbox)
{
    struct buffer out;
    struct text name = TEXT("");
    if (text_equals(mailbox, TEXT("INBOX")))
        return name;
    buffer_init(&out, 8192);
    imap_utf7_encode(mailbox, &out);
    for (size_t i = 0; i < out.length; i++) {
        char byte = out.data[i];
        name = byte == '.'
                   ? arena_printf(arena, "%.*s" ENCODED_DOT, TEXT_ARG(name))
                   : arena_printf(arena, "%.*s%c", TEXT_ARG(name), byte == '/' ? '.' : byte);
    }
    buffer_finish(&out);
    return arena_printf(arena, ".%.*s", TEXT_ARG(name));
}

static enum status make_directory(const char *path)
{
    return mkdir(path, 0700) == 0 ? OK : refused("cannot make %s: %m", path);
}

static bool join(char out[PATH_BYTES], const char *path, const char *name)
{
    int length = snprintf(out, PATH_BYTES, "%s/%s", path, name);
    return length > 0 && length < PATH_BYTES;
}

static enum status make_folder(struct folder *folder, bool is_root)
{
    static const char *const parts[] = {"cur", "new", "tmp"};
    char path[PATH_BYTES];
    enum status status = is_root ? OK : make_directory(folder->path);
    for (unsigned i = 0; i < 3 && status == OK; i++)
        status = join(path, folder->path, parts[i]) ? make_directory(path)
                                                    : refused("a name is too long");
    return status;
}

static enum status write_keywords(const struct folder *folder)
{
    char path[PATH_BYTES];
    if (folder->keyword_count == 0)
        return OK;
    FILE *file = join(path, folder->path, "dovecot-keywords") ? fopen(path, "we") : NULL;
    if (file == NULL)
        return try_later("cannot write %s: %m", path);
    for (unsigned i = 0; i < folder->keyword_count; i++)
        fprintf(file, "%u %.*s\n", i, TEXT_ARG(folder->keywords[i]));
    return fclose(file) == 0 ? OK : try_later("cannot write %s: %m", path);
}

static enum status leave_folder(struct writing *writing)
{
    enum status status = write_keywords(&writing->folder);
    arena_finish(&writing->folder.arena);
    return status;
}

static enum status enter_folder(void *context, struct text mailbox)
{
    struct writing *writing = context;
    struct folder *folder = &writing->folder;
    enum status status = leave_folder(writing);
    memset(folder, 0, sizeof(*folder));
    arena_init(&folder->arena);
    writing->mailbox = arena_copy(&folder->arena, mailbox);
    struct text name = folder_name(&folder->arena, mailbox);
    bool is_root = text_is_empty(name);
    int length = snprintf(folder->path, PATH_BYTES, "%s%s%.*s", writing->root, is_root ? "" : "/",
                          TEXT_ARG(name));
    if (status == OK && (length < 0 || length >= PATH_BYTES))
        status = refused("a name is too long");
    return status == OK ? make_folder(folder, is_root) : status;
}

/* Its letter; '\0' when there is no room: the keyword is left out. */
static char keyword_letter(struct folder *folder, struct text keyword)
{
    unsigned i = 0;
    while (i < folder->keyword_count && !text_equals(folder->keywords[i], keyword))
        i++;
    if (i == KEYWORDS_MAX)
        return '\0';
    if (i == folder->keyword_count)
        folder->keywords[folder->keyword_count++] = arena_copy(&folder->arena, keyword);
    return (char)('a' + i);
}

static void put_letters(struct folder *folder, struct text flags, struct buffer *out)
{
    struct text rest = flags, word;
    for (unsigned i = 0; i < LETTERS; i++, rest = flags)
        while (text_word(&rest, &word))
            if (text_equals_nocase(word, text_from(letters[i].flag)))
                buffer_append_byte(out, letters[i].letter);
    while (text_word(&rest, &word)) {
        char letter = text_starts_with(word, TEXT("\\")) ? '\0' : keyword_letter(folder, word);
        if (letter != '\0')
            buffer_append_byte(out, letter);
    }
}

static enum status copy_out(struct tar_reader *reader, int fd)
{
    struct buffer piece;
    enum status status = OK;
    buffer_init(&piece, PIECE);
    do {
        buffer_reset(&piece, PIECE);
        status = tar_read(reader, PIECE, &piece);
        for (size_t done = 0; status == OK && done < piece.length;) {
            ssize_t written = write(fd, piece.data + done, piece.length - done);
            if (written < 0)
                status = try_later("cannot write a message: %m");
            else
                done += (size_t)written;
        }
    } while (status == OK && piece.length > 0);
    buffer_finish(&piece);
    return status;
}

static enum status write_message(void *context, struct tar_reader *reader,
                                 const struct tar_entry *entry)
{
    struct writing *writing = context;
    struct buffer name;
    char path[PATH_BYTES];
    int64_t seconds = entry->date_ms / 1000;
    buffer_init(&name, 512);
    /* Names sort in the order of the mailbox; the file's time is the internal date. */
    buffer_printf(&name, "cur/%lld.P%010u.mailroot,S=%llu:2,", (long long)writing->begun_s,
                  ++writing->number, (unsigned long long)entry->size);
    put_letters(&writing->folder, tar_note(entry, TEXT("flags")), &name);
    buffer_append_byte(&name, '\0');
    bool fits = !name.overflowed && join(path, writing->folder.path, name.data);
    buffer_finish(&name);
    int fd = fits ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
        return try_later("cannot write a message: %m");
    enum status status = copy_out(reader, fd);
    struct timespec times[2] = {
        {.tv_sec = seconds, .tv_nsec = (long)(entry->date_ms % 1000) * 1000000}};
    times[1] = times[0];
    if (status == OK && futimens(fd, times) != 0)
        status = try_later("cannot write a message: %m");
    if (close(fd) != 0 && status == OK)
        status = try_later("cannot write a message: %m");
    return status;
}

enum status maildir_write(void *context, const struct byte_pipe *verb)
{
    struct writing *writing = calloc(1, sizeof(*writing));
    struct tar_reader reader;
    check(writing != NULL);
    writing->root = context;
    writing->begun_s = clock_wall_ms() / SECOND;
    arena_init(&writing->folder.arena);
    tar_reader_init(&reader, verb);
    enum status status = make_directory(writing->root);
    if (status == OK)
        status = mailbox_archive_read(
            &reader, &(struct mailbox_archive_visitor){writing, enter_folder, write_message});
    enum status left = leave_folder(writing);
    tar_reader_finish(&reader);
    free(writing);
    return status == OK ? left : status;
}

/* Reading */

/* One message, or a mailbox. */
static enum status give_head(const struct byte_pipe *verb, const struct tar_entry *entry)
{
    struct buffer out;
    buffer_init(&out, 2 * TAR_HEAD_MAX);
    tar_put_head(&out, entry);
    enum status status = verb->give(verb->context, buffer_text(&out));
    buffer_finish(&out);
    return status;
}

static struct text mailbox_name_of(struct arena *arena, const char *folder)
{
    struct text rest = text_from(folder + 1), dot = TEXT(ENCODED_DOT), decoded;
    struct text name = TEXT("");
    while (rest.length > 0) {
        bool is_dot = text_starts_with(rest, dot);
        char byte = is_dot ? '.' : rest.data[0] == '.' ? '/' : rest.data[0];
        name = arena_printf(arena, "%.*s%c", TEXT_ARG(name), byte);
        rest = text_from_position(rest, is_dot ? dot.length : 1);
    }
    return imap_utf7_decode(name, arena, &decoded) ? decoded : name;
}

static void read_keywords(struct folder *folder)
{
    char path[PATH_BYTES], line[256];
    FILE *file = join(path, folder->path, "dovecot-keywords") ? fopen(path, "re") : NULL;
    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL) {
        struct text rest = text_trim(text_from(line));
        uint32_t number;
        if (text_to_u32(text_before(rest, ' '), &number) && number < KEYWORDS_MAX) {
            folder->keywords[number] = arena_copy(&folder->arena, text_after(rest, ' '));
            folder->keyword_count =
                number >= folder->keyword_count ? number + 1 : folder->keyword_count;
        }
    }
    fclose(file);
}

static struct text flags_of(struct arena *arena, const struct folder *folder, const char *name)
{
    struct text flags = TEXT("");
    const char *at = strstr(name, ":2,");
    for (at = at == NULL ? "" : at + 3; *at != '\0'; at++) {
        unsigned keyword = (unsigned)(*at - 'a');
        if (*at >= 'a' && keyword < folder->keyword_count)
            flags = arena_printf(arena, "%.*s %.*s", TEXT_ARG(flags),
                                 TEXT_ARG(folder->keywords[keyword]));
        for (unsigned i = 0; i < LETTERS; i++)
            if (letters[i].letter == *at)
                flags = arena_printf(arena, "%.*s %s", TEXT_ARG(flags), letters[i].flag);
    }
    return text_trim(flags);
}

/* As many bytes as the head says, whatever becomes of the file meanwhile. */
static enum status give_file(const struct byte_pipe *verb, int fd, uint64_t size)
{
    struct buffer piece;
    enum status status = OK;
    buffer_init(&piece, PIECE);
    for (uint64_t left = size; left > 0 && status == OK;) {
        size_t some = left < PIECE ? (size_t)left : PIECE;
        buffer_reset(&piece, PIECE);
        ssize_t got = read(fd, buffer_reserve(&piece, some), some);
        if (got <= 0) {
            status = try_later("a message can't be read whole: %s",
                               got < 0 ? strerror(errno) : "it became shorter");
            break;
        }
        buffer_grew(&piece, (size_t)got);
        left -= (uint64_t)got;
        status = verb->give(verb->context, buffer_text(&piece));
    }
    buffer_reset(&piece, PIECE);
    tar_put_padding(&piece, size);
    if (status == OK && piece.length > 0)
        status = verb->give(verb->context, buffer_text(&piece));
    buffer_finish(&piece);
    return status;
}

static enum status read_message(const struct byte_pipe *verb, const struct folder *folder,
                                struct text mailbox, const char *path, const char *name)
{
    struct arena arena;
    struct stat facts;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        if (fd >= 0)
            close(fd);
        return fd < 0 ? try_later("cannot read %s: %m", path) : OK;
    }
    arena_init(&arena);
    struct tar_entry entry = {.path = arena_printf(&arena, "mail/%s.eml", name),
                              .size = (uint64_t)facts.st_size,
                              .date_ms = (int64_t)facts.st_mtim.tv_sec * 1000 +
                                         facts.st_mtim.tv_nsec / 1000000,
                              .note_count = 2};
    entry.notes[0] = (struct tar_note){TEXT("mailbox"), mailbox};
    entry.notes[1] = (struct tar_note){TEXT("flags"), flags_of(&arena, folder, name)};
    enum status status = give_head(verb, &entry);
    if (status == OK)
        status = give_file(verb, fd, entry.size);
    close(fd);
    arena_finish(&arena);
    return status;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_message(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* In the order of the names: those of a Maildir begin with a time. */
static enum status read_part(const struct byte_pipe *verb, const struct folder *folder,
                             struct text mailbox, const char *part)
{
    char path[PATH_BYTES], file[PATH_BYTES];
    struct dirent **names;
    int count =
        join(path, folder->path, part) ? scandir(path, &names, is_message, compare_names) : -1;
    enum status status = count < 0 ? refused("cannot read %s: %m", path) : OK;
    for (int i = 0; i < count; i++) {
        if (status == OK)
            status = join(file, path, names[i]->d_name)
                         ? read_message(verb, folder, mailbox, file, names[i]->d_name)
                         : refused("a name is too long");
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return status;
}

/* name: of the folder, "" for the Maildir itself. */
static enum status read_folder(const struct byte_pipe *verb, const char *root, const char *name)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    check(folder != NULL);
    arena_init(&folder->arena);
    int length =
        snprintf(folder->path, PATH_BYTES, "%s%s%s", root, name[0] == '\0' ? "" : "/", name);
    struct text mailbox = name[0] == '\0' ? TEXT("INBOX") : mailbox_name_of(&folder->arena, name);
    struct tar_entry entry = {.is_directory = true,
                              .path = TEXT("mail"),
                              .notes = {{TEXT("mailbox"), mailbox}},
                              .note_count = 1};
    enum status status = length < 0 || length >= PATH_BYTES ? refused("a name is too long") : OK;
    read_keywords(folder);
    if (status == OK)
        status = give_head(verb, &entry);
    if (status == OK)
        status = read_part(verb, folder, mailbox, "cur");
    if (status == OK)
        status = read_part(verb, folder, mailbox, "new");
    arena_finish(&folder->arena);
    free(folder);
    return status;
}

static int is_folder(const struct dirent *entry)
{
    return entry->d_name[0] == '.' && strcmp(entry->d_name, ".") != 0 &&
           strcmp(entry->d_name, "..") != 0;
}

enum status maildir_read(void *context, const struct byte_pipe *verb)
{
    const char *root = context;
    struct dirent **names;
    enum status status = read_folder(verb, root, "");
    int count = status == OK ? scandir(root, &names, is_folder, compare_names) : 0;
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        struct stat facts;
        if (status == OK && join(path, root, names[i]->d_name) && stat(path, &facts) == 0 &&
            S_ISDIR(facts.st_mode))
            status = read_folder(verb, root, names[i]->d_name);
        free(names[i]);
    }
    if (count > 0)
        free(names);
    struct buffer end;
    buffer_init(&end, 4096);
    tar_put_end(&end);
    if (status == OK)
        status = verb->give(verb->context, buffer_text(&end));
    buffer_finish(&end);
    return status;
}
