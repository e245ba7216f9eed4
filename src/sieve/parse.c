/* From tokens to a tree (RFC 5228 8.2). Everything that can be told wrong without a message is told
 * here, with its place; what the tree holds is then right as far as the table says. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "sieve/known.h"
#include "sieve/lexer.h"
#include "sieve/match.h"
#include "sieve/run.h"

enum { NESTING_MAX = 32, LIST_MAX = 1000 };

struct parser {
    struct sieve_lexer lexer;
    struct sieve_token token; /* the next, not taken */
    struct sieve_script *script;
    struct arena *arena;
    const struct sieve_library *library;
    struct buffer *error;
    bool failed;
    bool settled; /* ihave says of a branch before that it is the one that runs */
    unsigned nesting, include_depth;
    uint64_t open_scripts; /* included, and being read: a bit each */
};

static struct sieve_node *parse_script(struct parser *in);
static struct sieve_node *parse_commands(struct parser *in);
static struct sieve_node *parse_test(struct parser *in);

/* The first error is told; the ones that follow from it are not. Always NULL. */
static void *fail_at(struct parser *in, unsigned line, unsigned column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void *fail_at(struct parser *in, unsigned line, unsigned column, const char *format, ...)
{
    char words[300];
    va_list arguments;
    if (in->failed)
        return NULL;
    in->failed = true;
    va_start(arguments, format);
    vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    buffer_printf(in->error, "line %u, column %u: %s", line, column, words);
    return NULL;
}

#define FAIL(in, ...) fail_at(in, (in)->token.line, (in)->token.column, __VA_ARGS__)

static void advance(struct parser *in)
{
    sieve_lexer_next(&in->lexer, &in->token);
    if (in->token.kind == TOKEN_BAD)
        FAIL(in, "%.*s", TEXT_ARG(in->token.text));
    if (in->failed)
        in->token.kind = TOKEN_END;
}

static bool is_mark(const struct parser *in, char mark)
{
    return in->token.kind == TOKEN_MARK && in->token.mark == mark;
}

static bool take_mark(struct parser *in, char mark)
{
    if (!is_mark(in, mark))
        return false;
    advance(in);
    return true;
}

static bool expect_mark(struct parser *in, char mark, const char *where)
{
    if (take_mark(in, mark))
        return true;
    FAIL(in, "'%c' is missing %s", mark, where);
    return false;
}

static bool enter(struct parser *in)
{
    if (++in->nesting <= NESTING_MAX)
        return true;
    FAIL(in, "nested deeper than %d", NESTING_MAX);
    return false;
}

/* Strings */

/* ${hex: 40 24} and ${unicode: 40} (RFC 5228 2.4.2.4). */
static struct text decode_characters(struct parser *in, struct text string)
{
    if ((in->script->extensions & EXT(ENCODED_CHARACTER)) == 0)
        return string;
    struct text decoded;
    if (!sieve_characters_decode(string, in->arena, &decoded)) {
        FAIL(in, "the string has a ${unicode:} that is no character, or bytes that are not UTF-8");
        return string;
    }
    return decoded;
}

static struct text take_string(struct parser *in)
{
    struct text string = decode_characters(in, in->token.text);
    advance(in);
    return string;
}

/* "string" or [ "string", ... ]. */
static bool parse_strings(struct parser *in, struct sieve_argument *out)
{
    struct text *strings = arena_array(in->arena, 1, sizeof(*strings));
    unsigned capacity = 1;
    out->is_there = true;
    out->string_count = 0;
    if (in->token.kind == TOKEN_STRING) {
        strings[out->string_count++] = take_string(in);
        out->strings = strings;
        return !in->failed;
    }
    expect_mark(in, '[', "before a list of strings");
    do {
        if (in->token.kind != TOKEN_STRING || out->string_count == LIST_MAX)
            return FAIL(in, "a list holds strings, separated by commas, %d at most", LIST_MAX);
        if (out->string_count == capacity) {
            struct text *more = arena_array(in->arena, 2 * capacity, sizeof(*more));
            for (unsigned i = 0; i < capacity; i++)
                more[i] = strings[i];
            strings = more;
            capacity *= 2;
        }
        strings[out->string_count++] = take_string(in);
    } while (take_mark(in, ','));
    out->strings = strings;
    return expect_mark(in, ']', "at the end of the list");
}

/* Arguments */

static bool is_available(const struct parser *in, enum sieve_extension extension)
{
    return extension == EXT_NONE || (in->script->extensions & (UINT64_C(1) << extension)) != 0;
}

static bool argument_fits(const struct parser *in, char form)
{
    bool is_string = in->token.kind == TOKEN_STRING, is_list = is_mark(in, '[');
    return form == 'n' ? in->token.kind == TOKEN_NUMBER
                       : is_string || (is_list && (form == 'S' || form == '*'));
}

/* form: 'n', 's', 'S', or '*' for what an unknown verb may have. */
static bool parse_argument(struct parser *in, char form, struct sieve_argument *out)
{
    if (form == '*' && in->token.kind == TOKEN_NUMBER)
        form = 'n';
    if (!argument_fits(in, form))
        return FAIL(in, "a %s must stand here",
                    form == 'n'   ? "number"
                    : form == 's' ? "string"
                                  : "string or a list of strings");
    if (form != 'n')
        return parse_strings(in, out);
    out->is_there = true;
    out->number = in->token.number;
    advance(in);
    return !in->failed;
}

static enum sieve_tag_name find_tag(const struct sieve_verb *verb, struct text name)
{
    for (unsigned i = 0; i < TAG_NAMES; i++)
        if ((verb->tags & (UINT64_C(1) << i)) != 0 &&
            text_equals_nocase(name, text_from(sieve_tags[i].name)))
            return (enum sieve_tag_name)i;
    return TAG_NAMES;
}

/* RFC 5293 5: editheader has an :index of its own. RFC 6131 2: vacation has no :seconds of its own,
 * as duplicate does. */
static enum sieve_extension tag_extension(const struct sieve_verb *verb, enum sieve_tag_name name)
{
    if (name == TAG_INDEX && verb->extensions == EXT(EDITHEADER))
        return EXT_NONE;
    if (name == TAG_SECONDS && verb->extensions == EXT(VACATION))
        return EXT_VACATION_SECONDS;
    return sieve_tags[name].extension;
}

static bool parse_tag(struct parser *in, struct sieve_node *node)
{
    enum sieve_tag_name name = find_tag(node->verb, in->token.text);
    if (name == TAG_NAMES)
        return FAIL(in, "%s knows no %.*s", node->verb->name, TEXT_ARG(in->token.text));
    const struct sieve_tag_row *row = &sieve_tags[name];
    enum sieve_extension needed = tag_extension(node->verb, name);
    if (!is_available(in, needed))
        return FAIL(in, "%s needs: require \"%s\";", row->name, sieve_extensions[needed].name);
    if ((node->tag_bits & (row->excludes | (UINT64_C(1) << name))) != 0)
        return FAIL(in, "%s can't stand beside what stands here already", row->name);
    struct sieve_tag *tag = arena_alloc(in->arena, sizeof(*tag));
    tag->name = name;
    tag->next = node->tags;
    node->tags = tag;
    node->tag_bits |= UINT64_C(1) << name;
    advance(in);
    return row->argument == 0 || parse_argument(in, row->argument, &tag->argument);
}

static unsigned count_wanted(const char *forms, bool *one_is_optional)
{
    unsigned count = 0;
    *one_is_optional = false;
    for (; *forms != '\0'; forms++) {
        *one_is_optional |= *forms == '?';
        count += *forms != '?';
    }
    return count;
}

/* Give the arguments their places: the one that may be left out is missing when there are fewer. */
static bool place_arguments(struct parser *in, struct sieve_node *node,
                            const struct sieve_argument *given, unsigned count)
{
    bool one_is_optional;
    unsigned wanted = count_wanted(node->verb->arguments, &one_is_optional), taken = 0, place = 0;
    if (count > wanted || count + one_is_optional < wanted)
        return fail_at(in, node->line, node->column, "%s takes %u argument%s, not %u",
                       node->verb->name, wanted, wanted == 1 ? "" : "s", count);
    for (const char *form = node->verb->arguments; *form != '\0'; form++) {
        if (*form == '?') {
            if (count == wanted)
                continue;
            form++;
            place++;
            continue;
        }
        const struct sieve_argument *argument = &given[taken++];
        bool is_number = argument->strings == NULL;
        if ((*form == 'n') != is_number || (*form == 's' && argument->string_count != 1))
            return fail_at(in, node->line, node->column, "argument %u of %s must be a %s",
                           place + 1, node->verb->name,
                           *form == 'n'   ? "number"
                           : *form == 's' ? "string"
                                          : "list of strings");
        node->arguments[place++] = *argument;
    }
    return true;
}

static bool is_argument(const struct parser *in)
{
    return in->token.kind == TOKEN_STRING || in->token.kind == TOKEN_NUMBER || is_mark(in, '[');
}

static bool parse_arguments(struct parser *in, struct sieve_node *node)
{
    struct sieve_argument given[ARGUMENTS_MAX + 1] = {0};
    unsigned count = 0;
    while (!in->failed && (in->token.kind == TOKEN_TAG || is_argument(in))) {
        if (in->token.kind == TOKEN_TAG) {
            if (!parse_tag(in, node))
                return false;
        } else if (count == ARGUMENTS_MAX) {
            return FAIL(in, "too many arguments");
        } else if (!parse_argument(in, '*', &given[count++])) {
            return false;
        }
    }
    return !in->failed && place_arguments(in, node, given, count);
}

/* What is there (RFC 5463 4): what can never run is passed over unread, so that it may hold what is
 * not known here. */

/* Balanced brackets and any tokens, up to the one that closes. */
static void skip_to(struct parser *in, char open, char close)
{
    unsigned depth = 0;
    while (in->token.kind != TOKEN_END && (depth > 0 || !is_mark(in, close))) {
        depth += is_mark(in, open);
        depth -= is_mark(in, close);
        advance(in);
    }
}

/* A branch is behind one that runs, or its own test fails. */
static bool is_never_run(struct parser *in, const struct sieve_node *branch)
{
    bool was_settled = in->settled && branch->verb->act != act_if;
    enum sieve_known known = branch->tests == NULL ? NOT_KNOWN : sieve_known(branch->tests);
    in->settled = was_settled || known == KNOWN_TRUE;
    return was_settled || known == KNOWN_FALSE;
}

/* Tests and commands */

static bool parse_test_list(struct parser *in, struct sieve_node *node)
{
    struct sieve_node **last = &node->tests;
    enum sieve_known decides = node->verb->holds == holds_allof ? KNOWN_FALSE : KNOWN_TRUE;
    if (!expect_mark(in, '(', "before the tests"))
        return false;
    do {
        *last = parse_test(in);
        if (*last == NULL)
            return false;
        if (sieve_known(*last) == decides)
            skip_to(in, '(', ')');
        last = &(*last)->next;
    } while (take_mark(in, ','));
    return expect_mark(in, ')', "behind the tests");
}

static bool verb_is_available(struct parser *in, const struct sieve_verb *verb)
{
    if (verb->extensions == 0 || (verb->extensions & in->script->extensions) != 0)
        return true;
    unsigned first = EXT_NONE + 1;
    while ((verb->extensions & (UINT64_C(1) << first)) == 0)
        first++;
    return FAIL(in, "%s needs: require \"%s\";", verb->name, sieve_extensions[first].name);
}

/* What the tables cannot say. */
static bool check_node(struct parser *in, const struct sieve_node *node)
{
    const char *why = NULL;
    bool fine = match_check(node, in->script->extensions, &why) &&
                (node->verb->is_possible == NULL || node->verb->is_possible(node, &why));
    if (!fine)
        fail_at(in, node->line, node->column, "%s: %s", node->verb->name, why);
    return fine;
}

static struct sieve_node *new_node(struct parser *in, const struct sieve_verb *verb)
{
    struct sieve_node *node = arena_alloc(in->arena, sizeof(*node));
    node->verb = verb;
    node->line = in->token.line;
    node->column = in->token.column;
    return node;
}

/* What is behind the name, up to a block or the end. */
static bool parse_rest(struct parser *in, struct sieve_node *node)
{
    if (!verb_is_available(in, node->verb))
        return false;
    advance(in);
    if (!parse_arguments(in, node))
        return false;
    if (node->verb->tests == TESTS_LIST && !parse_test_list(in, node))
        return false;
    if (node->verb->tests == TESTS_ONE && (node->tests = parse_test(in)) == NULL)
        return false;
    if (node->verb->holds == holds_body)
        in->script->reads_body = true;
    return check_node(in, node);
}

/* RFC 5463 4: what is there may be used as if required. */
static void note_ihave(struct parser *in, const struct sieve_node *node)
{
    for (unsigned i = 0; i < node->arguments[0].string_count; i++) {
        enum sieve_extension extension = sieve_extension_find(node->arguments[0].strings[i]);
        if (extension != EXT_NONE)
            in->script->extensions |=
                (UINT64_C(1) << extension) | sieve_extensions[extension].implies;
    }
}

static struct sieve_node *parse_test(struct parser *in)
{
    if (in->token.kind != TOKEN_WORD)
        return FAIL(in, "a test must stand here");
    const struct sieve_verb *verb = sieve_verb_find(in->token.text, true);
    if (verb == NULL)
        return FAIL(in, "there is no test %.*s", TEXT_ARG(in->token.text));
    struct sieve_node *node = new_node(in, verb);
    if (!enter(in) || !parse_rest(in, node))
        return NULL;
    in->nesting--;
    if (verb->holds == holds_ihave)
        note_ihave(in, node);
    return node;
}

static bool parse_block(struct parser *in, struct sieve_node *node)
{
    bool is_skipped = is_never_run(in, node), settled = in->settled;
    if (!expect_mark(in, '{', "before the block"))
        return false;
    in->nesting++; /* no deeper than the test of its if went */
    if (is_skipped)
        skip_to(in, '{', '}');
    else
        node->block = parse_commands(in);
    in->settled = settled;
    in->nesting--;
    return expect_mark(in, '}', "behind the block") && !in->failed;
}

/* Which one it is of those that are included; behind them when it is new. */
static unsigned included_number(const struct sieve_script *script, bool is_global, struct text name)
{
    unsigned i = 0;
    while (i < script->included_count && (script->included[i].is_global != is_global ||
                                          !text_equals(script->included[i].name, name)))
        i++;
    return i;
}

/* include: the other script becomes a block of this one. */
static bool parse_included(struct parser *in, struct sieve_node *node)
{
    struct text name = node->arguments[0].strings[0], source;
    struct sieve_script *script = in->script;
    bool is_global = node_has(node, TAG_GLOBAL);
    bool found =
        in->library != NULL && in->library->find(in->library->context, is_global, name, &source);
    if (!found)
        return node_has(node, TAG_OPTIONAL) ||
               fail_at(in, node->line, node->column, "there is no script \"%.*s\"",
                       TEXT_ARG(text_head(name, 100)));
    unsigned number = included_number(script, is_global, name);
    /* RFC 6609 3.2: it has been included, and that is no error. */
    if (node_has(node, TAG_ONCE) && (in->open_scripts & UINT64_C(1) << number) != 0)
        return true;
    if (in->include_depth == SIEVE_INCLUDE_DEPTH_MAX || script->includes == SIEVE_INCLUDES_MAX)
        return fail_at(in, node->line, node->column, "too many scripts within scripts");
    if (number == script->included_count)
        script->included[script->included_count++] = (struct sieve_included){is_global, name};
    struct parser inner = *in;
    uint64_t extensions = script->extensions;
    script->extensions = 0;
    node->include_number = ++script->includes;
    node->include_script = number;
    inner.include_depth++;
    inner.open_scripts |= UINT64_C(1) << number;
    sieve_lexer_init(&inner.lexer, source, in->arena);
    advance(&inner);
    node->block = parse_script(&inner);
    script->extensions = extensions;
    in->failed = inner.failed;
    if (in->failed)
        buffer_printf(in->error, " (in the script \"%.*s\")", TEXT_ARG(text_head(name, 100)));
    return !in->failed;
}

static struct sieve_node *parse_command(struct parser *in)
{
    const struct sieve_verb *verb = sieve_verb_find(in->token.text, false);
    if (verb == NULL)
        return FAIL(in, "there is no command %.*s", TEXT_ARG(in->token.text));
    struct sieve_node *node = new_node(in, verb);
    if (!parse_rest(in, node))
        return NULL;
    if (verb->has_block)
        return parse_block(in, node) ? node : NULL;
    if (verb->act == act_include && !parse_included(in, node))
        return NULL;
    return expect_mark(in, ';', "at the end of the command") ? node : NULL;
}

static bool follows_if(const struct sieve_node *before)
{
    return before != NULL && (before->verb->act == act_if || before->verb->act == act_elsif);
}

static struct sieve_node *parse_commands(struct parser *in)
{
    struct sieve_node *first = NULL, *before = NULL, **last = &first;
    while (!in->failed && in->token.kind != TOKEN_END && !is_mark(in, '}')) {
        if (in->token.kind != TOKEN_WORD)
            return FAIL(in, "a command must stand here");
        struct sieve_node *node = parse_command(in);
        if (node == NULL)
            return NULL;
        bool continues = node->verb->act == act_elsif || node->verb->act == act_else;
        if (continues && !follows_if(before))
            return fail_at(in, node->line, node->column, "%s without an if before it",
                           node->verb->name);
        before = *last = node;
        last = &node->next;
    }
    return first;
}

static bool is_require(const struct parser *in)
{
    return in->token.kind == TOKEN_WORD && text_equals_nocase(in->token.text, TEXT("require"));
}

/* RFC 5228 3.2 */
static bool parse_require(struct parser *in)
{
    struct sieve_argument names = {0};
    unsigned line = in->token.line, column = in->token.column;
    advance(in);
    if (!parse_argument(in, 'S', &names))
        return false;
    for (unsigned i = 0; i < names.string_count; i++) {
        enum sieve_extension extension = sieve_extension_find(names.strings[i]);
        if (extension == EXT_NONE)
            return fail_at(in, line, column, "there is no extension \"%.*s\" here",
                           TEXT_ARG(text_head(names.strings[i], 100)));
        in->script->extensions |= (UINT64_C(1) << extension) | sieve_extensions[extension].implies;
    }
    return expect_mark(in, ';', "behind require");
}

static struct sieve_node *parse_script(struct parser *in)
{
    while (is_require(in) && parse_require(in))
        continue;
    struct sieve_node *commands = parse_commands(in);
    if (!in->failed && in->token.kind != TOKEN_END)
        FAIL(in, "there is no block that ends here");
    return commands;
}

enum status sieve_compile(struct text source, const struct sieve_library *library,
                          struct buffer *error, struct sieve_script **out)
{
    struct sieve_script *script = calloc(1, sizeof(*script));
    check(script != NULL);
    arena_init(&script->arena);
    struct parser in = {
        .script = script, .arena = &script->arena, .library = library, .error = error};
    sieve_lexer_init(&in.lexer, source, in.arena);
    if (source.length > SIEVE_SCRIPT_MAX)
        FAIL(&in, "the script is longer than %d bytes", SIEVE_SCRIPT_MAX);
    advance(&in);
    script->commands = parse_script(&in);
    if (in.failed) {
        sieve_script_free(&script);
        return refused("%.*s", TEXT_ARG(buffer_text(error)));
    }
    *out = script;
    return OK;
}

void sieve_script_free(struct sieve_script **script)
{
    if (*script == NULL)
        return;
    arena_finish(&(*script)->arena);
    free(*script);
    *script = NULL;
}

bool sieve_script_reads_body(const struct sieve_script *script)
{
    return script->reads_body;
}

const struct sieve_argument *node_tag(const struct sieve_node *node, enum sieve_tag_name name)
{
    static const struct sieve_argument none = {0};
    for (const struct sieve_tag *tag = node->tags; tag != NULL; tag = tag->next)
        if (tag->name == name)
            return &tag->argument;
    return &none;
}
