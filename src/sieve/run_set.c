#include <stdlib.h>
#include <string.h>
#include <unicase.h>

#include "sieve/run.h"

/* set (RFC 5229 4). Modifiers are applied in the order of their precedence. */

static struct text with_case(struct sieve_run *run, struct text value, bool upper)
{
    size_t length = 0;
    uint8_t *done = (upper ? u8_toupper : u8_tolower)((const uint8_t *)value.data, value.length,
                                                      NULL, NULL, NULL, &length);
    if (done == NULL)
        return value;
    struct text copy = arena_copy(run->arena, text_of(done, length));
    free(done);
    return copy;
}

static struct text with_first(struct sieve_run *run, struct text value, bool upper)
{
    size_t first = 1;
    while (first < value.length && ((unsigned char)value.data[first] & 0xc0) == 0x80)
        first++;
    struct text head = with_case(run, text_head(value, first), upper);
    struct text rest = text_from_position(value, first);
    return arena_printf(run->arena, "%.*s%.*s", TEXT_ARG(head), TEXT_ARG(rest));
}

static struct text quoted(struct sieve_run *run, struct text value, const char *special)
{
    struct buffer out;
    buffer_init(&out, 2 * value.length + 1);
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] != '\0' && strchr(special, value.data[i]) != NULL)
            buffer_append_byte(&out, '\\');
        buffer_append_byte(&out, value.data[i]);
    }
    struct text copy = arena_copy(run->arena, buffer_text(&out));
    buffer_finish(&out);
    return copy;
}

/* RFC 3986 2.3 */
static struct text url_encoded(struct sieve_run *run, struct text value)
{
    struct buffer out;
    buffer_init(&out, 3 * value.length + 1);
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        bool plain = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') ||
                     (c != '\0' && strchr("-._~", c) != NULL);
        if (plain)
            buffer_append_byte(&out, c);
        else
            buffer_printf(&out, "%%%02X", (unsigned char)c);
    }
    struct text copy = arena_copy(run->arena, buffer_text(&out));
    buffer_finish(&out);
    return copy;
}

static struct text character_count(struct sieve_run *run, struct text value)
{
    unsigned count = 0;
    for (size_t i = 0; i < value.length; i++)
        count += ((unsigned char)value.data[i] & 0xc0) != 0x80;
    return arena_printf(run->arena, "%u", count);
}

bool check_set(const struct sieve_node *node, const char **why)
{
    *why = "that is no name of a variable";
    return variable_name_is_valid(node->arguments[0].strings[0]);
}

void act_set(struct sieve_run *run, const struct sieve_node *node)
{
    struct text value = argument_text(run, node, 1);
    if (!run_work(run, node, value.length))
        return;
    if (node_has(node, TAG_LOWER) || node_has(node, TAG_UPPER))
        value = with_case(run, value, node_has(node, TAG_UPPER));
    if (node_has(node, TAG_LOWERFIRST) || node_has(node, TAG_UPPERFIRST))
        value = with_first(run, value, node_has(node, TAG_UPPERFIRST));
    if (node_has(node, TAG_QUOTEWILDCARD))
        value = quoted(run, value, "*?\\");
    if (node_has(node, TAG_QUOTEREGEX))
        value = quoted(run, value, "\\^$.[]|()?*+{}-");
    if (node_has(node, TAG_ENCODEURL))
        value = url_encoded(run, value);
    if (node_has(node, TAG_LENGTH))
        value = character_count(run, value);
    variable_set(run, node, node->arguments[0].strings[0], value);
}
