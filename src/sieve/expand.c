/* Strings with variables in them (RFC 5229). */
#include "base/check.h"
#include "sieve/run.h"

enum { EXPANDED_MAX = 1 << 20 };

static bool is_name_byte(char c, bool first)
{
    bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
    return is_letter || c == '_' || (!first && c >= '0' && c <= '9');
}

bool variable_name_is_valid(struct text name)
{
    if (text_starts_with_nocase(name, TEXT("global.")))
        name = text_from_position(name, 7);
    for (size_t i = 0; i < name.length; i++)
        if (!is_name_byte(name.data[i], i == 0))
            return false;
    return name.length > 0 && name.length <= 64;
}

/* "3" of "${3}"; CAPTURES when it is no number. */
static unsigned capture_number(struct text name)
{
    uint32_t number;
    return text_to_u32(name, &number) && number < CAPTURES ? number : CAPTURES;
}

/* What stands between "${" and "}", when that is a name. */
static bool reference_at(struct text string, struct text *name)
{
    if (!text_starts_with(string, TEXT("${")))
        return false;
    *name = text_from_position(string, 2);
    size_t end = text_find(*name, '}');
    if (end == name->length)
        return false;
    *name = text_head(*name, end);
    uint32_t number;
    return text_to_u32(*name, &number) || variable_name_is_valid(*name);
}

bool has_variables(struct text string)
{
    return text_find_text(string, TEXT("${")) < string.length;
}

static bool is_declared_global(const struct sieve_run *run, struct text name)
{
    for (unsigned i = 0; i < run->variable_count; i++)
        if (run->variables[i].scope == run->scope && run->variables[i].value.data == NULL &&
            text_equals_nocase(run->variables[i].name, name))
            return true;
    return false;
}

static struct variable *variable_find(struct sieve_run *run, struct text *name, unsigned *scope)
{
    *scope = run->scope;
    if (text_starts_with_nocase(*name, TEXT("global."))) {
        *name = text_from_position(*name, 7);
        *scope = GLOBAL_SCOPE;
    } else if (is_declared_global(run, *name)) {
        *scope = GLOBAL_SCOPE;
    }
    for (unsigned i = 0; i < run->variable_count; i++)
        if (run->variables[i].scope == *scope && run->variables[i].value.data != NULL &&
            text_equals_nocase(run->variables[i].name, *name))
            return &run->variables[i];
    return NULL;
}

struct text variable_get(struct sieve_run *run, struct text name)
{
    unsigned scope, number = capture_number(name);
    if (number < CAPTURES)
        return run->captures[number];
    struct variable *variable = variable_find(run, &name, &scope);
    return variable == NULL ? TEXT("") : variable->value;
}

static struct variable *variable_new(struct sieve_run *run, const struct sieve_node *node)
{
    if (run->variables == NULL)
        run->variables = arena_array(run->arena, VARIABLES_MAX, sizeof(*run->variables));
    if (run->variable_count < VARIABLES_MAX)
        return &run->variables[run->variable_count++];
    run_fail(run, node, "too many variables");
    return NULL;
}

bool variable_set(struct sieve_run *run, const struct sieve_node *node, struct text name,
                  struct text value)
{
    unsigned scope;
    struct variable *variable = variable_find(run, &name, &scope);
    if (variable == NULL)
        variable = variable_new(run, node);
    if (variable == NULL)
        return false;
    variable->scope = scope;
    variable->name = name;
    variable->value = arena_copy(run->arena, text_head(value, VARIABLE_BYTES_MAX));
    return true;
}

void act_global(struct sieve_run *run, const struct sieve_node *node)
{
    for (unsigned i = 0; i < node->arguments[0].string_count; i++) {
        struct text name = node->arguments[0].strings[i];
        if (!variable_name_is_valid(name)) {
            run_fail(run, node, "that is no name of a variable");
            return;
        }
        struct variable *declared = is_declared_global(run, name) ? NULL : variable_new(run, node);
        if (declared != NULL)
            *declared = (struct variable){.scope = run->scope, .name = name};
    }
}

/* A string with its variables put in. */
static struct text expand(struct sieve_run *run, struct text string)
{
    struct buffer out;
    struct text name;
    if ((run->script->extensions & EXT(VARIABLES)) == 0 || !has_variables(string))
        return string;
    buffer_init(&out, EXPANDED_MAX);
    while (!text_is_empty(string)) {
        if (reference_at(string, &name)) {
            buffer_append(&out, variable_get(run, name));
            string = text_from_position(string, name.length + 3);
            continue;
        }
        buffer_append_byte(&out, string.data[0]);
        string = text_from_position(string, 1);
    }
    struct text expanded = arena_copy(run->arena, buffer_text(&out));
    buffer_finish(&out);
    return expanded;
}

struct text argument_text(struct sieve_run *run, const struct sieve_node *node, unsigned i)
{
    const struct sieve_argument *argument = &node->arguments[i];
    return argument->is_there ? expand(run, argument->strings[0]) : TEXT("");
}

const struct text *argument_list(struct sieve_run *run, const struct sieve_argument *argument)
{
    struct text *list = arena_array(run->arena, argument->string_count, sizeof(*list));
    for (unsigned i = 0; i < argument->string_count; i++)
        list[i] = expand(run, argument->strings[i]);
    return list;
}

struct text tag_text(struct sieve_run *run, const struct sieve_node *node, enum sieve_tag_name tag)
{
    const struct sieve_argument *argument = node_tag(node, tag);
    return argument->is_there ? expand(run, argument->strings[0]) : TEXT("");
}
