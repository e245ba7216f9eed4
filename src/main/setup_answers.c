/* The questions of `setup internet-mail`, and what may be answered. */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "main/setup.h"

enum { ANSWER_MAX = 400, HOST_NAME_MAX_BYTES = 256 };

static const char usage[] =
    "usage: mailroot setup internet-mail --domain DOMAIN ... --user NAME ... [--host HOST] "
    "[--smart-host HOST[:PORT] [--login USER --password-stdin]] [--listen 'ADDRESS:PORT SERVICE' "
    "...] [--data DIR] [--run DIR] [--force]; on a terminal it asks for what is missing";

/* An answer becomes a word of the settings: nothing that means something else there. */
static bool is_word(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 127 ||
            strchr("#\"{}\\", text.data[i]) != NULL)
            return false;
    return text.length > 0 && text.length <= 253;
}

/* One word, or with `listen` two. */
static bool are_words(struct text text)
{
    struct text word;
    unsigned count = 0;
    for (; text_word(&text, &word); count++)
        if (!is_word(word))
            return false;
    return count > 0;
}

struct taking {
    struct setup_answers *out;
    struct arena *arena;
};

static enum status add(struct text *list, unsigned *count, unsigned most, struct text value)
{
    if (*count == most)
        return refused("more than %u of them: write the rest into the file", most);
    list[(*count)++] = value;
    return OK;
}

/* An option with its value. */
static enum status take_valued(struct taking *taking, const char *option, struct text value)
{
    struct setup_answers *out = taking->out;
    if (strcmp(option, "--domain") == 0)
        return add(out->domains, &out->domain_count, SETUP_DOMAINS_MAX, value);
    if (strcmp(option, "--user") == 0)
        return add(out->users, &out->user_count, SETUP_USERS_MAX, value);
    if (strcmp(option, "--listen") == 0)
        return add(out->listens, &out->listen_count, SETUP_LISTENS_MAX, value);
    struct {
        const char *option;
        struct text *answer;
    } one[] = {{"--host", &out->host},
               {"--smart-host", &out->smart_host},
               {"--login", &out->login},
               {"--data", &out->data},
               {"--run", &out->run}};
    for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
        if (strcmp(option, one[i].option) == 0) {
            *one[i].answer = value;
            return OK;
        }
    return refused("%s", usage);
}

static enum status take_words(struct taking *taking, char **words, int count)
{
    enum status status = OK;
    for (int i = 0; i < count && status == OK; i++) {
        if (strcmp(words[i], "--force") == 0)
            taking->out->force = true;
        else if (i + 1 == count)
            return refused("%s", usage);
        else {
            status = take_valued(taking, words[i], text_from(words[i + 1]));
            i++;
        }
    }
    return status;
}

/* ---- asking ---- */

/* A line of standard input in the arena; `otherwise` when it is empty. */
static struct text read_line(struct arena *arena, struct text otherwise)
{
    char line[ANSWER_MAX];
    if (fgets(line, sizeof(line), stdin) == NULL)
        return otherwise;
    struct text text = text_trim(text_from(line));
    return text_is_empty(text) ? otherwise : arena_copy(arena, text);
}

static struct text ask(struct arena *arena, const char *question, struct text otherwise)
{
    printf("%s", question);
    if (!text_is_empty(otherwise))
        printf(" [%.*s]", TEXT_ARG(otherwise));
    printf(": ");
    fflush(stdout);
    return read_line(arena, otherwise);
}

static struct text ask_hidden(struct arena *arena, const char *question)
{
    struct termios before, silent;
    bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (is_terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    printf("%s: ", question);
    fflush(stdout);
    struct text answer = read_line(arena, TEXT(""));
    if (is_terminal)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    printf("\n");
    return answer;
}

/* What stands behind the first dot of this machine's name, when there is one. */
static struct text likely_domain(struct arena *arena)
{
    char name[HOST_NAME_MAX_BYTES] = "";
    if (gethostname(name, sizeof(name) - 1) != 0)
        return TEXT("");
    struct text rest = text_after(text_from(name), '.');
    return text_find(rest, '.') < rest.length ? arena_copy(arena, rest) : TEXT("");
}

static enum status ask_rest(struct taking *taking)
{
    struct setup_answers *out = taking->out;
    struct arena *arena = taking->arena;
    bool asks_ways = out->domain_count == 0 && text_is_empty(out->smart_host);
    if (out->domain_count == 0)
        out->domains[out->domain_count++] =
            ask(arena, "Domain of your mail addresses", likely_domain(arena));
    if (text_is_empty(out->host))
        out->host = ask(arena, "Name of this machine in the DNS",
                        arena_printf(arena, "mx.%.*s", TEXT_ARG(out->domains[0])));
    if (out->user_count == 0) {
        struct text names = ask(arena, "First users, the part before the @ (alice bob)", TEXT("")),
                    name;
        enum status status = OK;
        while (status == OK && text_word(&names, &name))
            status = add(out->users, &out->user_count, SETUP_USERS_MAX, name);
        if (status != OK)
            return status;
    }
    if (asks_ways)
        out->smart_host =
            ask(arena, "Send through a provider's host (empty: straight to others)", TEXT(""));
    if (asks_ways && !text_is_empty(out->smart_host))
        out->login = ask(arena, "Log in there as (empty: no login)", TEXT(""));
    if (asks_ways && !text_is_empty(out->login))
        out->password = ask_hidden(arena, "Password there");
    return OK;
}

/* ---- checking ---- */

static enum status check_each(const struct text *list, unsigned count, const char *what)
{
    for (unsigned i = 0; i < count; i++)
        if (!is_word(list[i]))
            return refused("'%.*s' is no %s", TEXT_ARG(text_head(list[i], 200)), what);
    return OK;
}

static enum status check_one(struct text answer, const char *what)
{
    return text_is_empty(answer) || is_word(answer)
               ? OK
               : refused("'%.*s' is no %s", TEXT_ARG(text_head(answer, 200)), what);
}

static enum status check_answers(const struct setup_answers *answers)
{
    if (answers->domain_count == 0 || answers->user_count == 0)
        return refused("%s", usage);
    if (!text_is_empty(answers->login) &&
        (text_is_empty(answers->smart_host) || text_is_empty(answers->password)))
        return refused("a login needs a smart host, and its password on standard input");
    enum status status = check_each(answers->domains, answers->domain_count, "domain");
    if (status == OK)
        status = check_each(answers->users, answers->user_count, "user name");
    if (status == OK)
        status = check_one(answers->host, "host name");
    if (status == OK)
        status = check_one(answers->smart_host, "host");
    if (status == OK)
        status = check_one(answers->login, "user name");
    if (status == OK)
        status = check_one(answers->data, "directory");
    if (status == OK)
        status = check_one(answers->run, "directory");
    for (unsigned i = 0; status == OK && i < answers->listen_count; i++)
        if (!are_words(answers->listens[i]))
            status = refused("'%.*s' is no ADDRESS:PORT SERVICE", TEXT_ARG(answers->listens[i]));
    return status;
}

enum status setup_answers_take(const struct setup_call *call, struct arena *arena,
                               struct setup_answers *out)
{
    struct taking taking = {.out = out, .arena = arena};
    *out = (struct setup_answers){0};
    enum status status = take_words(&taking, call->words, call->count);
    if (status == OK && call->password_stdin)
        out->password = read_line(arena, TEXT(""));
    else if (status == OK && isatty(STDIN_FILENO))
        status = ask_rest(&taking);
    if (status == OK && text_is_empty(out->host) && out->domain_count > 0)
        out->host = arena_printf(arena, "mx.%.*s", TEXT_ARG(out->domains[0]));
    return status == OK ? check_answers(out) : status;
}
