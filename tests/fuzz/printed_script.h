/* A compiled Sieve script as text again, in one form: tags by their number, nothing left out that
 * has a place. What scripts include is named, not printed. */
#ifndef TESTS_FUZZ_PRINTED_SCRIPT_H
#define TESTS_FUZZ_PRINTED_SCRIPT_H

#include "base/check.h"
#include "sieve/tree.h"

static void print_string(struct text string, struct buffer *out)
{
    buffer_append(out, TEXT("\""));
    for (size_t i = 0; i < string.length; i++)
        buffer_printf(out, string.data[i] == '"' || string.data[i] == '\\' ? "\\%c" : "%c",
                      string.data[i]);
    buffer_append(out, TEXT("\""));
}

/* As large ones are written: the digits alone have 32 bits. */
static void print_number(uint64_t number, struct buffer *out)
{
    unsigned unit = 0;
    for (; number > UINT32_MAX; unit++)
        number >>= 10;
    buffer_printf(out, "%u%.1s", (unsigned)number, &"\0KMG"[unit]);
}

/* form: 'n', 's' or 'S', as in the tables. */
static void print_argument(const struct sieve_argument *argument, char form, struct buffer *out)
{
    buffer_append(out, TEXT(" "));
    if (form == 'n')
        print_number(argument->number, out);
    if (form == 'S')
        buffer_append(out, TEXT("["));
    for (unsigned i = 0; form != 'n' && i < argument->string_count; i++) {
        if (i > 0)
            buffer_append(out, TEXT(", "));
        print_string(argument->strings[i], out);
    }
    if (form == 'S')
        buffer_append(out, TEXT("]"));
}

static void print_arguments(const struct sieve_node *node, struct buffer *out)
{
    unsigned place = 0;
    for (int tag = 0; tag < TAG_NAMES; tag++) {
        const struct sieve_tag_row *row = &sieve_tags[tag];
        if (!node_has(node, (enum sieve_tag_name)tag))
            continue;
        buffer_printf(out, " %s", row->name);
        if (row->argument != 0)
            print_argument(node_tag(node, (enum sieve_tag_name)tag), row->argument, out);
    }
    for (const char *form = node->verb->arguments; *form != '\0'; form++) {
        if (*form == '?')
            continue;
        if (node->arguments[place].is_there)
            print_argument(&node->arguments[place], *form, out);
        place++;
    }
}

static void print_test(const struct sieve_node *test, struct buffer *out)
{
    buffer_printf(out, " %s", test->verb->name);
    print_arguments(test, out);
    if (test->verb->tests == TESTS_LIST)
        buffer_append(out, TEXT(" ("));
    for (const struct sieve_node *inner = test->tests; inner != NULL; inner = inner->next) {
        print_test(inner, out);
        if (inner->next != NULL)
            buffer_append(out, TEXT(","));
    }
    if (test->verb->tests == TESTS_LIST)
        buffer_append(out, TEXT(")"));
}

static void print_commands(const struct sieve_node *node, struct buffer *out)
{
    for (; node != NULL; node = node->next) {
        buffer_printf(out, "%s", node->verb->name);
        print_arguments(node, out);
        if (node->tests != NULL)
            print_test(node->tests, out);
        if (node->verb->has_block) {
            buffer_append(out, TEXT(" {\r\n"));
            print_commands(node->block, out);
            buffer_append(out, TEXT("}\r\n"));
        } else {
            buffer_append(out, TEXT(";\r\n"));
        }
    }
}

static void print_script(const struct sieve_script *script, struct buffer *out)
{
    for (unsigned i = EXT_NONE + 1; i < EXT_COUNT; i++)
        if ((script->extensions & (UINT64_C(1) << i)) != 0)
            buffer_printf(out, "require \"%s\";\r\n", sieve_extensions[i].name);
    print_commands(script->commands, out);
}

#endif
