#include "main/report_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/logline.h"
#include "base/wire.h"
#include "main/site.h"

struct reading {
    const struct settings *settings;
    struct report_catalog *catalog;
    struct buffer *messages, *out;
};

static int is_text_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && report_catalog_is_file(text_from(entry->d_name));
}

static int compare(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* The last failure, with the place of its setting in front. */
static enum status fail_at(struct setting_place place)
{
    return place.line == 0
               ? fail_within(REFUSED, "reports")
               : fail_within(REFUSED, "%.*s:%u:%u", TEXT_ARG(place.file), place.line, place.column);
}

static enum status read_one(struct reading *reading, const char *path)
{
    struct buffer bytes;
    buffer_init(&bytes, REPORT_TEXTS_FILE_MAX + 1);
    enum status status = site_file_read(path, &bytes);
    if (status == OK)
        status = report_catalog_add(reading->catalog, text_from(path), buffer_text(&bytes),
                                    reading->messages);
    wire_put_text(reading->out, text_from(path));
    wire_put_text(reading->out, buffer_text(&bytes));
    buffer_finish(&bytes);
    if (status == OK && reading->out->overflowed)
        status = refused("the files are larger than %d bytes together", REPORT_FILES_MAX);
    return status;
}

/* All files, so that every error is told; the reason is that of the last one that is not right. */
static enum status read_directory(struct reading *reading, const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_text_file, compare);
    if (count < 0)
        return refused("%s: %m (make the directory, or leave the setting out)", directory);
    enum status status = OK;
    char reason[REASON_BYTES] = "";
    for (int i = 0; i < count; i++) {
        char path[SITE_PATH_BYTES];
        snprintf(path, sizeof(path), "%.700s/%s", directory, entries[i]->d_name);
        if (read_one(reading, path) != OK) {
            status = REFUSED;
            snprintf(reason, sizeof(reason), "%s", fail_reason());
        }
        free(entries[i]);
    }
    free(entries);
    return status == OK ? OK : refused("%s", reason);
}

static enum status check_language(const struct reading *reading, struct text language,
                                  struct setting_place place)
{
    if (text_is_empty(language) || report_catalog_find(reading->catalog, language) != NULL)
        return OK;
    struct text shown = text_head(language, 40);
    refused("there are no texts of reports in '%.*s' (put %.*s.txt into the directory of reports "
            "texts; mailroot report texts lists what there is)",
            TEXT_ARG(shown), TEXT_ARG(shown));
    return fail_at(place);
}

static enum status check_languages(const struct reading *reading)
{
    const struct settings *settings = reading->settings;
    enum status status = check_language(reading, settings->report_language,
                                        settings_top_place(settings, "reports language"));
    for (unsigned i = 0; i < settings->domain_count && status == OK; i++)
        status = check_language(reading, settings->domains[i].language, settings->domains[i].place);
    return status;
}

enum status report_files_read(const struct settings *settings, struct buffer *messages,
                              struct buffer *out)
{
    struct reading reading = {settings, report_catalog_new(), messages, out};
    enum status status = OK;
    if (!text_is_empty(settings->report_texts_folder)) {
        char *directory = text_to_string(settings->report_texts_folder);
        status = read_directory(&reading, directory);
        if (status != OK)
            status = fail_at(settings_top_place(settings, "reports texts"));
        free(directory);
    }
    if (status == OK)
        status = check_languages(&reading);
    report_catalog_free(&reading.catalog);
    return status;
}

struct report_catalog *report_files_catalog(struct text files)
{
    struct report_catalog *catalog = report_catalog_new();
    struct wire_reader in = wire_reader_of(files);
    struct buffer errors;
    buffer_init(&errors, 64 << 10);
    while (!wire_end(&in) && !in.bad) {
        struct text path = wire_get_text(&in), bytes = wire_get_text(&in);
        /* They were right a moment ago, when the parent read them. */
        if (!in.bad && report_catalog_add(catalog, path, bytes, &errors) != OK)
            log_warning("queue.report_texts", "file=%s reason=%s", log_text(path),
                        log_text(text_from(fail_reason())));
    }
    buffer_finish(&errors);
    return catalog;
}
