/* Settings in several files: pieces parted by 0xff are main.conf, 1.conf, 2.conf, which may include
 * each other. Oracle: they are refused with a reason, or what was read is, piece by piece and in
 * order, lines of those files; sent to another role it is the same. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "settings/settings.h"
#include "settings/source.h"

enum { FILES = 3, SOURCE_MAX = 64 << 20 };

static const char *const names[FILES] = {"main.conf", "1.conf", "2.conf"};
static struct text contents[FILES];

static char folder[] = "/tmp/settings-fuzz-XXXXXX"; /* of this process */

/* Of a file in it. */
static const char *path_of(const char *name)
{
    static char path[sizeof(folder) + 20];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    for (int i = 0; i < FILES; i++)
        unlink(path_of(names[i]));
    rmdir(folder);
}

static void need_folder(void)
{
    static bool is_there;
    if (is_there)
        return;
    check(mkdtemp(folder) != NULL && atexit(remove_folder) == 0);
    is_there = true;
}

static void write_files(struct text input)
{
    for (int i = 0; i < FILES; i++) {
        if (!text_split(&input, (char)0xff, &contents[i]))
            contents[i] = TEXT("");
        int fd = open(path_of(names[i]), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        check(fd >= 0 &&
              write(fd, contents[i].data, contents[i].length) == (ssize_t)contents[i].length);
        close(fd);
        if (text_starts_with(contents[i],
                             TEXT("\xef\xbb\xbf"))) /* it is no part of the first line */
            contents[i] = text_from_position(contents[i], 3);
    }
}

/* The line of that number in the file, and all behind it. */
static struct text from_line(struct text bytes, uint32_t number)
{
    struct text line;
    while (--number > 0)
        check(text_split(&bytes, '\n', &line));
    return bytes;
}

static void expect_piece(const struct settings_piece *piece)
{
    for (int i = 0; i < FILES; i++) {
        if (!text_ends_with_nocase(piece->file, text_from(names[i])))
            continue;
        check(text_starts_with(from_line(contents[i], piece->first_line), piece->bytes));
        return;
    }
    check(text_is_empty(piece->bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings_source *source, *sent;
    struct buffer wire, again;
    need_folder();
    write_files(text_of(data, size));
    if (settings_read(path_of(names[0]), &source) != OK) {
        check(fail_reason()[0] != '\0');
        return 0;
    }
    buffer_init(&wire, SOURCE_MAX);
    buffer_init(&again, SOURCE_MAX);
    for (unsigned i = 0; i < source->piece_count; i++)
        expect_piece(&source->pieces[i]);
    check(settings_source_encode(source, &wire) == OK);
    check(settings_source_decode(buffer_text(&wire), &sent) == OK);
    check(settings_source_encode(sent, &again) == OK);
    check(text_equals(buffer_text(&wire), buffer_text(&again)));
    settings_source_free(&source);
    settings_source_free(&sent);
    buffer_finish(&wire);
    buffer_finish(&again);
    return 0;
}
