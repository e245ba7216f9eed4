#include "main/report_verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "mail/report_text.h"
#include "main/report_files.h"
#include "main/site.h"

enum { EXIT_DONE = 0, EXIT_WRONG = 1, EXIT_TROUBLE = 2, SAMPLE_MAX = 1 << 20 };

static int complain(const char *what)
{
    fprintf(stderr, "mailroot: %s\n", what);
    return EXIT_TROUBLE;
}

/* ---- What there is ---- */

struct texts {
    struct settings *settings; /* NULL: there is no configuration yet */
    struct report_catalog *catalog;
};

/* EXIT_DONE, or what was told already. */
static int texts_open(const char *settings_path, struct texts *out)
{
    struct settings_source *source = NULL;
    struct buffer messages, files;
    enum status status = OK;
    *out = (struct texts){0};
    buffer_init(&messages, 256 << 10);
    buffer_init(&files, REPORT_FILES_MAX);
    if (access(settings_path, F_OK) == 0) {
        status = settings_read(settings_path, &source);
        if (status == OK)
            status = settings_parse(source, 1, &messages, &out->settings);
        if (status == OK)
            status = report_files_read(out->settings, &messages, &files);
        if (status != OK)
            buffer_printf(&messages, "mailroot: %s\n", fail_reason());
        settings_source_free(&source);
    }
    if (status == OK)
        out->catalog = report_files_catalog(buffer_text(&files));
    else
        fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
    buffer_finish(&messages);
    buffer_finish(&files);
    return status == OK ? EXIT_DONE : EXIT_WRONG;
}

static void texts_close(struct texts *texts)
{
    report_catalog_free(&texts->catalog);
    settings_release(&texts->settings);
}

int report_list_texts(const struct report_call *call)
{
    struct texts texts;
    if (call->count > 1)
        return complain("usage: mailroot report texts [LANGUAGE]");
    if (call->count == 1) {
        struct text shipped = report_texts_shipped(text_from(call->words[0]));
        if (text_is_empty(shipped))
            return complain("no texts are shipped in this language (mailroot report texts lists "
                            "those that are)");
        printf("%.*s", TEXT_ARG(shipped));
        return EXIT_DONE;
    }
    int exit_status = texts_open(call->settings_path, &texts);
    const struct report_texts *one;
    for (unsigned i = 0;
         exit_status == EXIT_DONE && (one = report_catalog_each(texts.catalog, i)) != NULL; i++) {
        struct text language = report_texts_language(one);
        bool is_shipped = !text_is_empty(report_texts_shipped(language));
        printf("%-12.*s %s\n", TEXT_ARG(language), is_shipped ? "shipped" : "own");
    }
    texts_close(&texts);
    return exit_status;
}

/* ---- A sample ---- */

/* By enum report_action; answer "": no host said anything. */
static const struct sample {
    const char *kind, *status, *answer;
} samples[] = {
    [REPORT_FAILED] = {"failed", "5.1.1", "550"},    [REPORT_DELAYED] = {"delayed", "4.4.1", "451"},
    [REPORT_DELIVERED] = {"delivered", "2.1.5", ""}, [REPORT_RELAYED] = {"relayed", "2.0.0", "250"},
    [REPORT_EXPANDED] = {"expanded", "2.1.5", ""},
};
enum { SAMPLES = sizeof(samples) / sizeof(*samples) };

struct asked {
    const struct sample *sample;
    struct text code, language;
    bool as_message;
};

static const struct sample *sample_find(const char *kind)
{
    for (unsigned i = 0; i < SAMPLES; i++)
        if (strcmp(kind, samples[i].kind) == 0)
            return &samples[i];
    return NULL;
}

static bool read_words(const struct report_call *call, struct asked *out)
{
    *out = (struct asked){.sample = call->count == 0 ? NULL : sample_find(call->words[0])};
    for (int i = 1; i < call->count; i++) {
        const char *word = call->words[i], *next = i + 1 < call->count ? call->words[i + 1] : NULL;
        if (strcmp(word, "--message") == 0) {
            out->as_message = true;
            continue;
        }
        if (next == NULL)
            return false;
        if (strcmp(word, "--code") == 0)
            out->code = text_from(next);
        else if (strcmp(word, "--language") == 0)
            out->language = text_from(next);
        else
            return false;
        i++;
    }
    return out->sample != NULL;
}

static const struct report_texts *language_of(const struct texts *texts, struct text asked)
{
    if (!text_is_empty(asked))
        return report_catalog_find(texts->catalog, asked);
    return texts->settings == NULL
               ? report_catalog_english(texts->catalog)
               : report_catalog_find(texts->catalog, texts->settings->report_language);
}

static void print_sample(const struct report *report, bool as_message)
{
    struct buffer out;
    buffer_init(&out, SAMPLE_MAX);
    if (as_message)
        report_compose(report, &out);
    else
        report_put_plain(&out, report);
    for (size_t i = 0; i < out.length; i++)
        if (as_message || out.data[i] != '\r')
            putchar(out.data[i]);
    buffer_finish(&out);
}

static struct report_recipient sample_recipient(const struct sample *sample, struct text code,
                                                int64_t now_ms, struct arena *arena)
{
    bool is_answered = sample->answer[0] != '\0';
    struct report_recipient recipient = {.address = TEXT("recipient@example.net"),
                                         .action = (enum report_action)(sample - samples),
                                         .status = code,
                                         .last_attempt_ms = now_ms,
                                         .will_retry_until_ms = now_ms + DAY};
    if (is_answered) {
        recipient.remote_host = TEXT("mx.example.net");
        recipient.diagnostic = arena_printf(arena, "%s %.*s as the other host says it",
                                            sample->answer, TEXT_ARG(code));
    }
    return recipient;
}

static int show(const struct texts *texts, const struct asked *asked, struct arena *arena)
{
    const struct settings *settings = texts->settings;
    const struct report_texts *english = report_catalog_english(texts->catalog);
    const struct report_texts *language = language_of(texts, asked->language);
    struct text code = text_is_empty(asked->code) ? text_from(asked->sample->status) : asked->code;
    if (language == NULL)
        return complain("there are no texts in this language (mailroot report texts lists those "
                        "there are)");
    if (!report_status_is_valid(code))
        return complain("a code is written like 5.1.1");
    int64_t now_ms = clock_wall_ms();
    struct report_recipient recipient = sample_recipient(asked->sample, code, now_ms, arena);
    struct text host = settings == NULL ? TEXT("mx.example.org") : settings->host;
    bool is_in_both = settings != NULL && settings->reports_are_bilingual && language != english;
    struct report report = {.reporting_host = host,
                            .to = TEXT("sender@example.org"),
                            .texts = language,
                            .more_texts = is_in_both ? english : NULL,
                            .subject = TEXT("A sample"),
                            .message_id_host = host,
                            .id = 1,
                            .original_id = 1,
                            .arrival_ms = now_ms,
                            .now_ms = now_ms,
                            .recipients = &recipient,
                            .recipient_count = 1,
                            .original = TEXT("Subject: A sample\r\n"),
                            .original_is_header_only = true};
    print_sample(&report, asked->as_message);
    return EXIT_DONE;
}

int report_show(const struct report_call *call)
{
    struct asked asked;
    struct texts texts;
    if (!read_words(call, &asked))
        return complain("usage: mailroot report show failed|delayed|delivered|relayed|expanded "
                        "[--code CODE] [--language TAG] [--message]");
    int exit_status = texts_open(call->settings_path, &texts);
    struct arena arena;
    arena_init(&arena);
    if (exit_status == EXIT_DONE)
        exit_status = show(&texts, &asked, &arena);
    arena_finish(&arena);
    texts_close(&texts);
    return exit_status;
}
