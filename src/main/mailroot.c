/* The command: serves as the parent, checks settings, and carries verbs to the role that knows. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/check.h"
#include "main/audit_verbs.h"
#include "main/cert_verbs.h"
#include "main/help.h"
#include "main/mailbox_files.h"
#include "main/parent.h"
#include "main/report_verbs.h"
#include "main/sendmail.h"
#include "main/sendmail_spool.h"
#include "main/setup.h"
#include "main/sieve_verbs.h"
#include "main/site.h"

#define DEFAULT_SETTINGS "/etc/mailroot/mailroot.conf"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_TROUBLE = 2, PASSWORD_MAX = 1024, SHOW_MAX = 4 << 20 };

struct command {
    const char *settings_path;
    bool one_process, password_stdin, help;
    int count;
    char **words; /* verb and arguments */
};

struct local_verb {
    const char *name, *usage, *help;
    int (*run)(struct command *command);
};

static int complain(const char *what)
{
    fprintf(stderr, "mailroot: %s\n", what);
    return EXIT_TROUBLE;
}

/* The files of the settings, parsed; messages on standard error. */
static enum status load_settings(const char *path, struct settings **out)
{
    struct settings_source *source = NULL;
    struct buffer messages;
    buffer_init(&messages, SHOW_MAX);
    enum status status = settings_read(path, &source);
    if (status != OK)
        buffer_printf(&messages, "%s\n", fail_reason());
    else
        status = settings_parse(source, 1, &messages, out);
    settings_source_free(&source);
    fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
    buffer_finish(&messages);
    return status;
}

/* ---- verbs that need no server ---- */

static int run_solo(struct command *command, const char *mode, char **words, int count)
{
    char path[SITE_PATH_BYTES];
    if (!site_program_path("solo", path))
        return complain("its own program 'solo' is missing: is mailroot installed?");
    char **arguments = calloc((size_t)count + 4, sizeof(*arguments));
    check(arguments != NULL);
    arguments[0] = "mailroot-solo";
    arguments[1] = (char *)(uintptr_t)mode;
    arguments[2] = (char *)(uintptr_t)command->settings_path;
    memcpy(arguments + 3, words, (size_t)count * sizeof(*words));
    execv(path, arguments);
    perror(path);
    free(arguments);
    return EXIT_TROUBLE;
}

static int run_serve(struct command *command)
{
    if (command->one_process)
        return run_solo(command, "serve", command->words, 0);
    return parent_serve(command->settings_path);
}

static int run_config_check(struct command *command)
{
    struct settings *settings = NULL;
    const char *path = command->count > 2 ? command->words[2] : command->settings_path;
    if (load_settings(path, &settings) != OK)
        return EXIT_REFUSED;
    settings_release(&settings);
    struct site site;
    struct buffer messages;
    buffer_init(&messages, SHOW_MAX);
    /* Once more with what the file names: certificate, key, secrets. Its warnings were shown. */
    enum status status = site_load(path, 1, &messages, &site);
    if (status != OK) {
        fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
    } else {
        status = site_check_secrets(&site);
        if (status != OK)
            fprintf(stderr, "%s\n", fail_reason());
        site_free(&site);
    }
    buffer_finish(&messages);
    if (status == OK)
        printf("%s: no errors\n", path);
    return status == OK ? EXIT_DONE : EXIT_REFUSED;
}

/* The words behind "cert request" and its like. */
static struct cert_call cert_call_of(struct command *command)
{
    return (struct cert_call){command->settings_path, command->words + 2, command->count - 2};
}

static int run_cert_request(struct command *command)
{
    struct cert_call call = cert_call_of(command);
    return cert_request(&call);
}

static int run_cert_self_sign(struct command *command)
{
    struct cert_call call = cert_call_of(command);
    return cert_self_sign(&call);
}

static int run_cert_import(struct command *command)
{
    struct cert_call call = cert_call_of(command);
    return cert_import(&call);
}

static int run_cert_show(struct command *command)
{
    struct cert_call call = cert_call_of(command);
    return cert_show(&call);
}

static int run_sieve_check(struct command *command)
{
    struct sieve_call call = {command->words + 2, command->count - 2};
    return sieve_check(&call);
}

static int run_sieve_test(struct command *command)
{
    struct sieve_call call = {command->words + 2, command->count - 2};
    return sieve_test(&call);
}

static int run_report_show(struct command *command)
{
    struct report_call call = {command->settings_path, command->words + 2, command->count - 2};
    return report_show(&call);
}

static int run_report_texts(struct command *command)
{
    struct report_call call = {command->settings_path, command->words + 2, command->count - 2};
    return report_list_texts(&call);
}

/* The words behind "audit relay" and its like. */
static struct audit_call audit_call_of(struct command *command, int words)
{
    return (struct audit_call){command->settings_path, command->words + words,
                               command->count - words};
}

static int run_audit_relay(struct command *command)
{
    struct audit_call call = audit_call_of(command, 2);
    return audit_relay(&call);
}

static int run_audit_security(struct command *command)
{
    struct audit_call call = audit_call_of(command, 2);
    return audit_security(&call);
}

static int run_ports(struct command *command)
{
    struct audit_call call = audit_call_of(command, 1);
    return audit_ports(&call);
}

static int run_setup(struct command *command)
{
    struct setup_call call = {command->settings_path, command->words + 2, command->count - 2,
                              command->password_stdin};
    return setup_internet_mail(&call);
}

static int print(struct buffer *out)
{
    fwrite(out->data, 1, out->length, stdout);
    buffer_finish(out);
    return EXIT_DONE;
}

static int run_queue_import(struct command *command)
{
    struct arena arena;
    struct spool spool;
    if (command->count != 3)
        return complain("usage: mailroot queue import FILE");
    arena_init(&arena);
    spool_find(command->settings_path, &arena, &spool);
    enum status status = spool_import(&spool, command->words[2]);
    arena_finish(&arena);
    if (status == OK)
        return EXIT_DONE;
    complain(fail_reason());
    return status == REFUSED ? EXIT_REFUSED : EXIT_TROUBLE;
}

static int run_roles(struct command *command)
{
    unused(command);
    struct buffer out;
    buffer_init(&out, SHOW_MAX);
    role_describe(&out);
    return print(&out);
}

static int run_manual(struct command *command)
{
    unused(command);
    struct buffer out;
    buffer_init(&out, SHOW_MAX);
    settings_manual(&out);
    return print(&out);
}

static int run_help(struct command *command);

static const struct local_verb local_verbs[] = {
    {"serve", "[--one-process]", "Run the server in the foreground.", run_serve},
    {"setup internet-mail", "--domain DOMAIN --user NAME [--host HOST] [--smart-host HOST] ...",
     "A first configuration, from a few answers; and what to put into the DNS.", run_setup},
    {"config check", "[FILE]", "Find every error in the configuration; change nothing.",
     run_config_check},
    {"cert request", "[--name HOST ...] [--new-key] [--rsa]",
     "Make a key and a request to send to a certificate authority.", run_cert_request},
    {"cert self-sign", "[--name HOST ...] [--days N] [--rsa]",
     "Make a certificate and its key for a first run.", run_cert_self_sign},
    {"cert import", "FILE ... [--key FILE]",
     "Check what the authority sent, put it in order, install it.", run_cert_import},
    {"cert show", "[FILE ...]", "Names, dates, fingerprint and TLSA record of certificates.",
     run_cert_show},
    {"audit relay", "[ADDRESS:PORT] [--from ADDRESS] [--all]",
     "Try on the server what spammers try; and every way to relay that is open.", run_audit_relay},
    {"audit security", "", "What is weaker than it could be, in settings and files.",
     run_audit_security},
    {"ports", "", "Where the servers listen, whether they answer, and what for.", run_ports},
    {"sieve check", "SCRIPT", "Find what is wrong in a Sieve script.", run_sieve_check},
    {"sieve test",
     "SCRIPT MESSAGE [--from ADDRESS] [--to ADDRESS] [--mailbox NAME ...] [--charset NAME]",
     "Which rule of a script does what to a message; nothing is done.", run_sieve_test},
    {"report show", "KIND [--code CODE] [--language TAG] [--message]",
     "What a report of that kind says: failed, delayed, delivered, relayed, expanded.",
     run_report_show},
    {"report texts", "[LANGUAGE]",
     "The languages of reports; or the file of one that is shipped, to be changed.",
     run_report_texts},
    {"queue import", "FILE", "Put what queue export wrote back into the queue.", run_queue_import},
    {"roles", "", "What each process may do, and whom it talks to.", run_roles},
    {"manual", "", "The manual page mailroot.conf(5), made from the settings table.", run_manual},
    {"help", "[VERB|BLOCK]",
     "This list; a verb's arguments; the statements of a block of the configuration.", run_help},

};
enum { LOCAL_VERBS = sizeof(local_verbs) / sizeof(*local_verbs) };

/* The verbs of both tables, in an array that the caller frees. */
static struct help_row *help_rows(unsigned *count)
{
    struct help_row *rows = calloc(LOCAL_VERBS + admin_verb_count, sizeof(*rows));
    check(rows != NULL);
    *count = 0;
    for (int i = 0; i < LOCAL_VERBS; i++)
        rows[(*count)++] =
            (struct help_row){local_verbs[i].name, local_verbs[i].usage, local_verbs[i].help};
    for (unsigned i = 0; i < admin_verb_count; i++)
        rows[(*count)++] =
            (struct help_row){admin_verbs[i].name, admin_verbs[i].usage, admin_verbs[i].help};
    return rows;
}

static int help_all(FILE *to)
{
    unsigned count;
    struct help_row *rows = help_rows(&count);
    struct buffer out;
    buffer_init(&out, SHOW_MAX);
    help_overview(rows, count, &out);
    buffer_printf(&out, "Most listings take --json. The default configuration is %s.\n",
                  DEFAULT_SETTINGS);
    free(rows);
    fwrite(out.data, 1, out.length, to);
    buffer_finish(&out);
    return to == stdout ? EXIT_DONE : EXIT_TROUBLE;
}

/* "help queue", "help queue list", "help server". */
static int help_words(char **words, int count)
{
    unsigned row_count;
    struct buffer out;
    if (count == 0)
        return help_all(stdout);
    struct help_row *rows = help_rows(&row_count);
    buffer_init(&out, SHOW_MAX);
    bool found = help_about(rows, row_count, words, (unsigned)count, &out);
    free(rows);
    if (found)
        return print(&out);
    buffer_finish(&out);
    return complain("no such command, nor block of the configuration (mailroot help lists them)");
}

static int run_help(struct command *command)
{
    return help_words(command->words + 1, command->count - 1);
}

/* Words that are no verb, or the first of several: what could have been meant. */
static int complain_of_verb(const struct command *command)
{
    unsigned count;
    struct buffer out;
    struct help_row *rows = help_rows(&count);
    buffer_init(&out, SHOW_MAX);
    bool found = help_verbs(rows, count, text_from(command->words[0]), &out);
    if (found)
        fprintf(stderr, "mailroot: which of these?\n%.*s", TEXT_ARG(buffer_text(&out)));
    free(rows);
    buffer_finish(&out);
    return found ? EXIT_TROUBLE : complain("no such command (mailroot help lists them)");
}

static const struct local_verb *local_verb_find(const struct text *words, unsigned count)
{
    for (int i = 0; i < LOCAL_VERBS; i++)
        if (admin_words_match(local_verbs[i].name, words, count) > 0)
            return &local_verbs[i];
    return NULL;
}

/* ---- verbs that a role serves ---- */

/* From the terminal without echo, twice; or one line of standard input. */
static bool read_password(const struct command *command, char out[PASSWORD_MAX])
{
    bool from_terminal = !command->password_stdin && isatty(STDIN_FILENO);
    struct termios before, silent;
    if (from_terminal) {
        fprintf(stderr, "Password: ");
        tcgetattr(STDIN_FILENO, &before);
        silent = before;
        silent.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    bool read = fgets(out, PASSWORD_MAX, stdin) != NULL;
    if (from_terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fprintf(stderr, "\n");
    }
    if (read)
        out[strcspn(out, "\r\n")] = '\0';
    return read && out[0] != '\0';
}

/* A hash among the arguments stands for the password. */
static bool wants_password(const struct command *command, const struct admin_verb *verb)
{
    for (int i = 0; i < command->count; i++)
        if (strcmp(command->words[i], "--hash") == 0)
            return false;
    return verb->input == ADMIN_PASSWORD;
}

/* The offline program reads it as we did the password: from its standard input. Never in a file. */
static void pass_on_input(struct text input)
{
    int memory = memfd_create("input", MFD_CLOEXEC);
    check(memory >= 0);
    check(write(memory, input.data, input.length) == (ssize_t)input.length);
    check(lseek(memory, 0, SEEK_SET) == 0);
    dup2(memory, STDIN_FILENO);
    close(memory);
}

struct asking {
    struct command *command;
    const struct settings *settings;
    const struct admin_verb *verb;
    struct text input;
    int exit_status;
    bool not_running;
};

static enum status ask_for_files(const char *path, const struct text *words, unsigned count,
                                 struct buffer *out)
{
    struct stream *stream;
    enum status status = admin_dial(path, &stream);
    if (status != OK)
        return status;
    status = mailbox_files_run(stream, words, count, out);
    stream_close(&stream);
    return status;
}

static void ask_task(void *argument)
{
    struct asking *asking = argument;
    char path[108];
    struct text words[ADMIN_WORDS_MAX];
    unsigned count = 0;
    for (int i = 0; i < asking->command->count; i++)
        words[count++] = text_from(asking->command->words[i]);
    struct buffer out;
    buffer_init(&out, ADMIN_OUTPUT_MAX);
    enum status status = refused("the run directory's name is too long");
    if (site_socket_path(asking->settings, asking->verb->role, path))
        status = mailbox_files_is_verb(words, count)
                     ? ask_for_files(path, words, count, &out)
                     : admin_ask(path, words, count, asking->input, &out);
    asking->not_running =
        status == TRY_LATER && text_equals(text_from(fail_reason()), TEXT("not running"));
    if (status != OK && !asking->not_running)
        complain(fail_reason());
    asking->exit_status = status == OK        ? EXIT_DONE
                          : status == REFUSED ? EXIT_REFUSED
                                              : EXIT_TROUBLE;
    print(&out);
}

/* What the parent would answer from memory is in the file; what a role would, in its data. */
static int run_without_server(struct command *command, const struct admin_verb *verb)
{
    if (verb->role != ROLE_PARENT || strcmp(verb->name, "config show") == 0)
        return run_solo(command, "verb", command->words, command->count);
    return complain("the server is not running (mailroot serve)");
}

/* What the verb needs beside its words. False: it was told what is missing. */
static bool read_input(const struct command *command, const struct admin_verb *verb, unsigned used,
                       struct buffer *out)
{
    buffer_reserve(out, PASSWORD_MAX); /* one block: no outgrown copy of a password stays */
    if (verb->input == ADMIN_FILE && (unsigned)command->count == used) {
        fprintf(stderr, "mailroot: usage: %s %s\n", verb->name, verb->usage);
        return false;
    }
    if (verb->input == ADMIN_FILE) {
        if (site_file_read(command->words[command->count - 1], out) == OK)
            return true;
        complain(fail_reason());
        return false;
    }
    char password[PASSWORD_MAX] = "";
    bool wanted = wants_password(command, verb);
    bool read = !wanted || read_password(command, password);
    buffer_append(out, text_from(password));
    explicit_bzero(password, sizeof(password));
    if (!read)
        complain("a password is needed: type it, or give it on standard input");
    return read;
}

/* used: as many words of the command are the verb's name. */
static int run_admin_verb(struct command *command, const struct admin_verb *verb, unsigned used)
{
    struct settings *settings = NULL;
    struct buffer input;
    if (load_settings(command->settings_path, &settings) != OK)
        return EXIT_TROUBLE;
    buffer_init(&input, ADMIN_INPUT_MAX);
    struct asking asking = {.command = command, .settings = settings, .verb = verb};
    if (!read_input(command, verb, used, &input)) {
        settings_release(&settings);
        buffer_forget(&input);
        return EXIT_TROUBLE;
    }
    asking.input = buffer_text(&input);
    task_loop_run(ask_task, &asking);
    settings_release(&settings);
    if (asking.not_running)
        pass_on_input(asking.input);
    buffer_forget(&input);
    return asking.not_running ? run_without_server(command, verb) : asking.exit_status;
}

/* Options stand before or behind the verb; what is no option of ours belongs to the verb. */
static bool take_options(struct command *command, int count, char **arguments)
{
    bool json = false;
    command->words = arguments;
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--config") == 0 && i + 1 < count)
            command->settings_path = arguments[++i];
        else if (strcmp(arguments[i], "--one-process") == 0)
            command->one_process = true;
        else if (strcmp(arguments[i], "--password-stdin") == 0)
            command->password_stdin = true;
        else if (strcmp(arguments[i], "--help") == 0)
            command->help = true;
        else if (strcmp(arguments[i], "--json") == 0)
            json = true;
        else
            command->words[command->count++] = arguments[i];
    }
    if (json) /* one word was taken out, so there is room for it behind the verb */
        command->words[command->count++] = (char *)(uintptr_t) "--json";
    return (command->count > 0 || command->help) && command->count <= ADMIN_WORDS_MAX;
}

/* For the command under its other names: of a running server alone. */
static int run_verb(const char *settings_path, int count, char **given)
{
    struct command command = {.settings_path = settings_path, .count = count, .words = given};
    struct text words[ADMIN_WORDS_MAX];
    struct settings *settings = NULL;
    unsigned used;
    for (int i = 0; i < count; i++)
        words[i] = text_from(given[i]);
    const struct admin_verb *verb = admin_verb_find(words, (unsigned)count, &used);
    check(verb != NULL);
    if (load_settings(settings_path, &settings) != OK)
        return EXIT_TROUBLE;
    struct asking asking = {.command = &command, .settings = settings, .verb = verb};
    task_loop_run(ask_task, &asking);
    settings_release(&settings);
    if (asking.not_running)
        return complain("the server does not answer: it is not running, or not to you");
    return asking.exit_status;
}

int main(int count, char **arguments)
{
    const char *from_environment = getenv("MAILROOT_CONFIG");
    struct command command = {.settings_path =
                                  from_environment != NULL ? from_environment : DEFAULT_SETTINGS};
    if (sendmail_is_name(arguments[0])) {
        struct sendmail_host host = {command.settings_path, run_verb};
        return sendmail_run(count, arguments, &host);
    }
    if (!take_options(&command, count, arguments)) {
        return help_all(stderr);
    }
    if (command.help)
        return help_words(command.words, command.count);
    struct text words[ADMIN_WORDS_MAX];
    for (int i = 0; i < command.count; i++)
        words[i] = text_from(command.words[i]);
    const struct local_verb *local = local_verb_find(words, (unsigned)command.count);
    if (local != NULL)
        return local->run(&command);
    unsigned used;
    const struct admin_verb *verb = admin_verb_find(words, (unsigned)command.count, &used);
    if (verb == NULL)
        return complain_of_verb(&command);
    return run_admin_verb(&command, verb, used);
}
