/* Settings files that include others: what is read, in which order, and what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/source.h"
#include "settings_scene.h"
#include "test.h"

static void write_file(const char *directory, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void remove_files(const char *directory, const char *const *names)
{
    char path[200];
    for (; *names != NULL; names++) {
        snprintf(path, sizeof(path), "%s/%s", directory, *names);
        unlink(path);
    }
    EXPECT(rmdir(directory) == 0);
}

TEST("included files are read in the order of their names, in the place of the line")
{
    static const char *const names[] = {"main", "20.conf", "10.conf", "a~", NULL};
    char directory[] = "/tmp/settings-test-XXXXXX", path[200];
    EXPECT(mkdtemp(directory) != NULL);
    write_file(directory, "main",
               "host a.b\ndomain first.example\ninclude *.conf\n"
               "domain last.example\nfoo\n");
    write_file(directory, "20.conf", "domain c.example\nbar\n");
    write_file(directory, "10.conf", "domain b.example\n" QUIET "certificate c key k");
    write_file(directory, "a~", "nonsense\n");
    snprintf(path, sizeof(path), "%s/main", directory);
    struct settings_source *source;
    EXPECT(settings_read(path, &source) == OK);

    struct parsed parsed = settings_parse_source(source);
    char expected[600];
    snprintf(expected, sizeof(expected), "%s/20.conf:2:1: unknown word 'bar'\n     2 | bar\n",
             directory);
    EXPECT(strstr(parsed.said, expected) != NULL);
    snprintf(expected, sizeof(expected), "%s/main:5:1: unknown word 'foo'\n     5 | foo\n",
             directory);
    EXPECT(strstr(parsed.said, expected) != NULL);
    EXPECT(strstr(parsed.said, "nonsense") == NULL);
    parsed_free(&parsed);

    write_file(directory, "main",
               "host a.b\ndomain first.example\ninclude *.conf\n"
               "domain last.example\n");
    write_file(directory, "20.conf", "domain c.example\n");
    EXPECT(settings_read(path, &source) == OK);
    parsed = settings_parse_source(source);
    EXPECT(parsed.settings != NULL && parsed.settings->domain_count == 4);
    EXPECT_TEXT(parsed.settings->domains[1].name, "b.example");
    EXPECT_TEXT(parsed.settings->domains[3].name, "last.example");
    EXPECT(parsed.settings->domains[3].place.line == 4);
    snprintf(expected, sizeof(expected), "%s/c", directory);
    EXPECT_TEXT(parsed.settings->certificates[0].certificate_file, expected);
    parsed_free(&parsed);
    remove_files(directory, names);
}

TEST("an include that cannot be read, or includes itself, is refused with the reason")
{
    static const char *const names[] = {"main", NULL};
    char directory[] = "/tmp/settings-test-XXXXXX", path[200], expected[600];
    EXPECT(mkdtemp(directory) != NULL);
    struct settings_source *source;
    snprintf(path, sizeof(path), "%s/main", directory);
    EXPECT(settings_read(path, &source) == REFUSED && source == NULL);
    snprintf(expected, sizeof(expected), "cannot open %s: No such file or directory", path);
    assert_string_equal(fail_reason(), expected);
    write_file(directory, "main", "\ninclude other\n");
    EXPECT(settings_read(path, &source) == REFUSED && source == NULL);
    snprintf(expected, sizeof(expected), "%s:2: cannot open %s/other: No such file or directory",
             path, directory);
    assert_string_equal(fail_reason(), expected);
    write_file(directory, "main", "include main\n");
    EXPECT(settings_read(path, &source) == REFUSED);
    EXPECT(strstr(fail_reason(), "depth") != NULL);
    EXPECT(settings_read("/dev/zero", &source) == REFUSED);
    remove_files(directory, names);
}

/* Of a main file with this text, in a folder of this name below. */
static void read_main(const char *folder, const char *text, enum status wanted, const char *reason)
{
    static const char *const names[] = {"main", NULL};
    char directory[] = "/tmp/settings-test-XXXXXX", inner[100], path[200];
    struct settings_source *source;
    EXPECT(mkdtemp(directory) != NULL);
    snprintf(inner, sizeof(inner), "%s/%s", directory, folder);
    EXPECT(mkdir(inner, 0700) == 0);
    write_file(inner, "main", text);
    snprintf(path, sizeof(path), "%s/main", inner);
    EXPECT(settings_read(path, &source) == wanted);
    if (wanted != OK)
        EXPECT(strstr(fail_reason(), reason) != NULL);
    settings_source_free(&source);
    remove_files(inner, names);
    EXPECT(rmdir(directory) == 0);
}

TEST("a folder's name is taken as it is, an included name with a slash in front from the root")
{
    read_main("a[b]*", "include none*\n", OK, "");
    read_main("a[b]*", "include ./main\n", REFUSED, "depth");
    read_main("x", "include /tmp/settings-test-none/*.conf\n", OK, "");
    read_main("x", "include /tmp/settings-test-none/a.conf\n", REFUSED,
              "cannot open /tmp/settings-test-none/a.conf: No such file");
    read_main("x", "include /tmp\n", REFUSED, "cannot read /tmp: it is no regular file");
}

TEST("a main file without a folder in its name includes from where the command runs")
{
    static const char *const names[] = {"main", "other", NULL};
    char directory[] = "/tmp/settings-test-XXXXXX", *before = getcwd(NULL, 0);
    struct settings_source *source;
    EXPECT(mkdtemp(directory) != NULL && chdir(directory) == 0);
    write_file(".", "main", "host a.b\n" QUIET "include other\n");
    write_file(".", "other",
               "\xef\xbb\xbf"
               "domain x.example\ncertificate ././c key /k\n");
    EXPECT(settings_read("main", &source) == OK);
    EXPECT(chdir(before) == 0);
    struct parsed parsed = settings_parse_source(source);
    EXPECT(parsed.settings != NULL && parsed.settings->domain_count == 1);
    char expected[200];
    snprintf(expected, sizeof(expected), "%s/c", directory);
    EXPECT_TEXT(parsed.settings->certificates[0].certificate_file, expected);
    EXPECT_TEXT(parsed.settings->certificates[0].key_file, "/k");
    parsed_free(&parsed);
    remove_files(directory, names);
    free(before);
}

TEST("a mark of UTF-8 in front of a file is no part of its first line")
{
    read_main("x",
              "\xef\xbb\xbf"
              "include ./none?.conf\n",
              OK, "");
    read_main("x",
              "\xef\xbb\xbf"
              "include ./main\n",
              REFUSED, "depth");
}

TEST("a path of the settings is below the folder of the file that has it")
{
    static const struct {
        const char *file, *written, *path;
    } cases[] = {
        {"/etc/m/main", "c", "/etc/m/c"},
        {"/main", "c", "/c"},
        {"/main", ".", "/"},
        {"/main", "./", "/"},
        {"main", "c", "/c"},
        {"main", ".", "/"},
        {"sub/main", "./c", "/sub/c"},
        {"sub/main", "/c", "/c"},
        {"sub/main", ".", "/sub"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct settings_source *source;
        char lines[200];
        snprintf(lines, sizeof(lines), "host a.b\n" QUIET "certificate %s key /k\n",
                 cases[i].written);
        EXPECT(settings_source_of(text_from(cases[i].file), text_from(lines), &source) == OK);
        struct parsed parsed = settings_parse_source(source);
        EXPECT(parsed.settings != NULL);
        EXPECT_TEXT(parsed.settings->certificates[0].certificate_file, cases[i].path);
        parsed_free(&parsed);
    }
}

TEST("settings of too many files, or of one that is too large, are refused")
{
    enum { FILES = 1000 };
    char directory[] = "/tmp/settings-test-XXXXXX", path[200], name[60];
    struct settings_source *source;
    EXPECT(mkdtemp(directory) != NULL);
    snprintf(path, sizeof(path), "%s/main", directory);
    write_file(directory, "main", "include *.conf\n");
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%u.conf", i);
        write_file(directory, name, "");
    }
    EXPECT(settings_read(path, &source) == REFUSED);
    EXPECT(strstr(fail_reason(), "there are more than 1000 settings files") != NULL);
    EXPECT(truncate(path, SETTINGS_SOURCE_MAX + 1) == 0);
    EXPECT(settings_read(path, &source) == REFUSED);
    EXPECT(strstr(fail_reason(), "it is larger than 4 MiB") != NULL);
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "%s/%u.conf", directory, i);
        unlink(name);
    }
    unlink(path);
    EXPECT(rmdir(directory) == 0);
}

TEST("settings on their way from one role to another are taken whole, or refused")
{
    struct settings_source *source, *got;
    struct buffer sent, narrow;
    buffer_init(&sent, SETTINGS_SOURCE_MAX);
    buffer_init(&narrow, 20);
    EXPECT(settings_source_of(TEXT("main"), TEXT("host a.b\n"), &source) == OK);
    EXPECT(settings_source_encode(source, &narrow) == REFUSED);
    EXPECT(settings_source_encode(source, &sent) == OK);
    struct text whole = buffer_text(&sent);
    for (size_t length = 0; length < whole.length; length++) {
        EXPECT(settings_source_decode(text_head(whole, length), &got) == REFUSED);
        EXPECT(got == NULL);
    }
    EXPECT(settings_source_decode(whole, &got) == OK);
    settings_source_free(&got);
    EXPECT(settings_source_decode(text_of(whole.data, SETTINGS_SOURCE_MAX + 1), &got) == REFUSED);
    settings_source_free(&source);
    buffer_finish(&narrow);
    buffer_finish(&sent);
}
