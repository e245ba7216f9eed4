#include "main/sieve_verbs.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "mail/charset.h"
#include "main/site_files.h"
#include "sieve/sieve.h"

enum { FILE_MAX = 64 << 20, EXIT_DONE = 0, EXIT_WRONG = 1, EXIT_TROUBLE = 2, INCLUDED_MAX = 64 };

/* The files at work: the script, the message, and the scripts that the first one includes, which
 * are looked for beside it. */
struct files {
    const char *script_path;
    struct buffer script, message;
    struct buffer included[INCLUDED_MAX];
    unsigned included_count;
};

static int complain(const char *what)
{
    fprintf(stderr, "mailroot: %s\n", what);
    return EXIT_TROUBLE;
}

static void files_init(struct files *files, const char *script_path)
{
    *files = (struct files){.script_path = script_path};
    buffer_init(&files->script, SIEVE_SCRIPT_MAX + 1);
    buffer_init(&files->message, FILE_MAX);
}

static void files_finish(struct files *files)
{
    buffer_finish(&files->script);
    buffer_finish(&files->message);
    for (unsigned i = 0; i < files->included_count; i++)
        buffer_finish(&files->included[i]);
}

/* include "name": name, or name.sieve, in the script's own directory. */
static bool find_beside(void *context, bool is_global, struct text name, struct text *source)
{
    struct files *files = context;
    unused(is_global);
    if (files->included_count == INCLUDED_MAX || text_is_empty(name) || name.length > 200 ||
        text_find(name, '/') < name.length || text_find(name, '\0') < name.length)
        return false;
    char *beside = strdup(files->script_path);
    check(beside != NULL);
    const char *directory = dirname(beside);
    struct buffer *bytes = &files->included[files->included_count++];
    static const char *const endings[] = {"", ".sieve"};
    bool found = false;
    buffer_init(bytes, SIEVE_SCRIPT_MAX + 1);
    for (size_t i = 0; i < 2 && !found; i++) {
        char path[1024];
        int length =
            snprintf(path, sizeof(path), "%s/%.*s%s", directory, TEXT_ARG(name), endings[i]);
        found = length > 0 && (size_t)length < sizeof(path) && site_file_read(path, bytes) == OK;
    }
    free(beside);
    *source = buffer_text(bytes);
    return found;
}

/* EXIT_DONE with *out, or what was told already. */
static int compile(struct files *files, struct sieve_script **out)
{
    struct sieve_library library = {.context = files, .find = find_beside};
    struct buffer error;
    if (site_file_read(files->script_path, &files->script) != OK)
        return complain(fail_reason());
    buffer_init(&error, 4096);
    enum status status = sieve_compile(buffer_text(&files->script), &library, &error, out);
    if (status != OK)
        fprintf(stderr, "%s: %.*s\n", files->script_path, TEXT_ARG(buffer_text(&error)));
    buffer_finish(&error);
    return status == OK ? EXIT_DONE : EXIT_WRONG;
}

int sieve_check(const struct sieve_call *call)
{
    if (call->count != 1)
        return complain("usage: mailroot sieve check SCRIPT");
    struct files files;
    struct sieve_script *script = NULL;
    files_init(&files, call->words[0]);
    int exit_status = compile(&files, &script);
    if (exit_status == EXIT_DONE)
        printf("%s: no errors\n", files.script_path);
    sieve_script_free(&script);
    files_finish(&files);
    return exit_status;
}

/* ---- sieve test ---- */

struct test {
    const char *script, *message;
    struct text from, to;
    struct text charset;                 /* of text that names none */
    const char *mailboxes[INCLUDED_MAX]; /* that exist */
    unsigned mailbox_count;
};

static bool read_words(const struct sieve_call *call, struct test *out)
{
    *out = (struct test){.from = TEXT("sender@example.test"),
                         .to = TEXT("user@example.test"),
                         .charset = TEXT("windows-1252")};
    for (int i = 0; i < call->count; i++) {
        const char *word = call->words[i], *next = i + 1 < call->count ? call->words[i + 1] : NULL;
        if (strncmp(word, "--", 2) == 0 && next == NULL)
            return false;
        if (strcmp(word, "--from") == 0)
            out->from = text_from(next);
        else if (strcmp(word, "--to") == 0)
            out->to = text_from(next);
        else if (strcmp(word, "--charset") == 0)
            out->charset = text_from(next);
        else if (strcmp(word, "--mailbox") == 0 && out->mailbox_count < INCLUDED_MAX)
            out->mailboxes[out->mailbox_count++] = next;
        else if (strncmp(word, "--", 2) == 0 || out->message != NULL)
            return false;
        else if (out->script == NULL)
            out->script = word;
        else
            out->message = word;
        i += strncmp(word, "--", 2) == 0;
    }
    return out->message != NULL;
}

static bool mailbox_exists(void *context, struct text name)
{
    const struct test *test = context;
    for (unsigned i = 0; i < test->mailbox_count; i++)
        if (text_equals(text_from(test->mailboxes[i]), name))
            return true;
    return text_equals_nocase(name, TEXT("INBOX"));
}

static void trace(void *context, unsigned line, struct text words)
{
    unused(context);
    printf("  line %-4u %.*s\n", line, TEXT_ARG(words));
}

static void print_action(const struct sieve_action *action)
{
    static const char *const names[] = {
        [SIEVE_KEEP] = "keep in the inbox", [SIEVE_FILEINTO] = "file into",
        [SIEVE_REDIRECT] = "send on to",    [SIEVE_DISCARD] = "throw away",
        [SIEVE_REJECT] = "refuse, saying",  [SIEVE_VACATION] = "answer to",
        [SIEVE_NOTIFY] = "notify",
    };
    printf("  %s", names[action->kind]);
    if (action->mailbox.length > 0)
        printf(" \"%.*s\"", TEXT_ARG(action->mailbox));
    if (action->special_use.length > 0)
        printf(" (or what is %.*s)", TEXT_ARG(action->special_use));
    if (action->address.length > 0)
        printf(" %.*s", TEXT_ARG(action->address));
    for (unsigned i = 0; i < action->flag_count; i++)
        printf("%s %.*s", i == 0 ? " with" : "", TEXT_ARG(action->flags[i]));
    if (action->text.length > 0)
        printf(" \"%.*s\"", TEXT_ARG(text_trim(action->text)));
    if (action->line > 0)
        printf("    (line %u)\n", action->line);
    else
        printf("    (no rule says otherwise)\n");
}

static void print_result(const struct sieve_result *result)
{
    printf("what happens:\n");
    for (unsigned i = 0; i < result->action_count; i++)
        print_action(&result->actions[i]);
    if (result->header_changed)
        printf("the header is then:\n%.*s", TEXT_ARG(result->header));
    if (result->error.length > 0)
        printf("the script went wrong, so the message is kept: %.*s\n", TEXT_ARG(result->error));
}

static int run_test(struct files *files, struct test *test)
{
    struct sieve_script *script = NULL;
    int exit_status = compile(files, &script);
    if (exit_status != EXIT_DONE)
        return exit_status;
    if (site_file_read(test->message, &files->message) != OK) {
        sieve_script_free(&script);
        return complain(fail_reason());
    }
    struct text bytes = buffer_text(&files->message);
    struct sieve_message message = {.bytes = text_head(bytes, SIEVE_MESSAGE_SEEN),
                                    .size = bytes.length,
                                    .sender = test->from,
                                    .recipient = test->to};
    struct sieve_world world = {.context = test,
                                .now_ms = clock_wall_ms(),
                                .user = test->to,
                                .charset = charset_number(test->charset),
                                .host = TEXT("localhost"),
                                .spam_percent = -1,
                                .mailbox_exists = mailbox_exists,
                                .trace = trace};
    struct sieve_result result;
    struct arena arena;
    arena_init(&arena);
    printf("what is looked at:\n");
    sieve_run(script, &message, &world, &arena, &result);
    print_result(&result);
    arena_finish(&arena);
    sieve_script_free(&script);
    return result.error.length > 0 ? EXIT_WRONG : EXIT_DONE;
}

int sieve_test(const struct sieve_call *call)
{
    struct test test;
    if (!read_words(call, &test))
        return complain("usage: mailroot sieve test SCRIPT MESSAGE [--from ADDRESS] [--to ADDRESS] "
                        "[--mailbox NAME ...] [--charset NAME]");
    if (!charset_is_known(test.charset))
        return complain("the charset is not known; default-charset in mailroot.conf(5) lists them");
    struct files files;
    files_init(&files, test.script);
    int exit_status = run_test(&files, &test);
    files_finish(&files);
    return exit_status;
}
