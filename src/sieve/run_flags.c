/* imap4flags (RFC 5232). */
#include <stdlib.h>

#include "sieve/match.h"

/* RFC 5232 2: a string may hold several, separated by spaces. A flag is an atom, perhaps behind a
 * backslash; what is none is passed over. */
static bool is_flag(struct text flag)
{
    if (text_starts_with(flag, TEXT("\\")))
        flag = text_from_position(flag, 1);
    for (size_t i = 0; i < flag.length; i++) {
        unsigned char c = (unsigned char)flag.data[i];
        if (c <= ' ' || c >= 127 || text_find(TEXT("(){%*\"\\]"), (char)c) < 8)
            return false;
    }
    return flag.length > 0 && flag.length <= 100;
}

static bool has_flag(const struct text *flags, unsigned count, struct text flag)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equals_nocase(flags[i], flag))
            return true;
    return false;
}

const struct text *flags_of(struct sieve_run *run, const struct text *strings, unsigned count,
                            unsigned *out_count)
{
    struct text *flags = arena_array(run->arena, FLAGS_MAX, sizeof(*flags));
    *out_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct text rest = strings[i], flag;
        while (*out_count < FLAGS_MAX && text_word(&rest, &flag))
            if (is_flag(flag) && !has_flag(flags, *out_count, flag))
                flags[(*out_count)++] = flag;
    }
    return flags;
}

static struct text joined(struct sieve_run *run, const struct text *flags, unsigned count)
{
    struct buffer out;
    buffer_init(&out, VARIABLE_BYTES_MAX);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(&out, "%s%.*s", i == 0 ? "" : " ", TEXT_ARG(flags[i]));
    struct text copy = arena_copy(run->arena, buffer_text(&out));
    buffer_finish(&out);
    return copy;
}

/* The flags of a variable, or the internal ones. */
static const struct text *flags_now(struct sieve_run *run, struct text variable, unsigned *count)
{
    *count = run->flag_count;
    if (text_is_empty(variable))
        return run->flags;
    struct text value = variable_get(run, variable);
    return flags_of(run, &value, 1, count);
}

static void flags_put(struct sieve_run *run, const struct sieve_node *node,
                      const struct text *flags, unsigned count)
{
    struct text variable = argument_text(run, node, 0);
    if (text_is_empty(variable)) {
        run->flags = flags;
        run->flag_count = count;
    } else if (variable_name_is_valid(variable)) {
        variable_set(run, node, variable, joined(run, flags, count));
    } else {
        run_fail(run, node, "that is no name of a variable");
    }
}

static const struct text *flags_given(struct sieve_run *run, const struct sieve_node *node,
                                      unsigned *count)
{
    return flags_of(run, argument_list(run, &node->arguments[1]), node->arguments[1].string_count,
                    count);
}

void act_setflag(struct sieve_run *run, const struct sieve_node *node)
{
    unsigned count;
    const struct text *flags = flags_given(run, node, &count);
    flags_put(run, node, flags, count);
}

void act_addflag(struct sieve_run *run, const struct sieve_node *node)
{
    unsigned now, given, count;
    const struct text *old = flags_now(run, argument_text(run, node, 0), &now);
    const struct text *more = flags_given(run, node, &given);
    struct text both[2] = {joined(run, old, now), joined(run, more, given)};
    const struct text *flags = flags_of(run, both, 2, &count);
    flags_put(run, node, flags, count);
}

void act_removeflag(struct sieve_run *run, const struct sieve_node *node)
{
    unsigned now, given, count = 0;
    const struct text *old = flags_now(run, argument_text(run, node, 0), &now);
    const struct text *gone = flags_given(run, node, &given);
    struct text *left = arena_array(run->arena, now, sizeof(*left));
    for (unsigned i = 0; i < now; i++)
        if (!has_flag(gone, given, old[i]))
            left[count++] = old[i];
    flags_put(run, node, left, count);
}

/* RFC 5232 2: a key with spaces is as many keys. They may be patterns, so they need be no flags. */
static void split_keys(struct sieve_run *run, struct matching *matching)
{
    struct text *words = arena_array(run->arena, FLAGS_MAX, sizeof(*words));
    unsigned count = 0;
    for (unsigned i = 0; i < matching->key_count; i++) {
        struct text rest = matching->keys[i], word;
        while (count < FLAGS_MAX && text_word(&rest, &word))
            words[count++] = word;
    }
    matching->keys = words;
    matching->key_count = count;
}

bool holds_hasflag(struct sieve_run *run, const struct sieve_node *node)
{
    struct matching matching;
    const struct text *variables = argument_list(run, &node->arguments[0]);
    unsigned variable_count = node->arguments[0].string_count;
    bool decided = false;
    match_begin(&matching, run, node, &node->arguments[1]);
    split_keys(run, &matching);
    for (unsigned i = 0; i < (variable_count == 0 ? 1 : variable_count) && !decided; i++) {
        unsigned count;
        const struct text *flags =
            flags_now(run, variable_count == 0 ? TEXT("") : variables[i], &count);
        for (unsigned j = 0; j < count && !decided; j++)
            decided = match_value(&matching, flags[j]);
    }
    return match_end(&matching);
}
