/* Tables of verbs as text; the rows of blocks are told by settings/settings.h. */
#include "main/help.h"

#include <stdlib.h>
#include <string.h>

#include "settings/settings.h"

static int row_compare(const void *left, const void *right)
{
    const struct help_row *a = left, *b = right;
    return strcmp(a->name, b->name);
}

void help_overview(struct help_row *rows, unsigned count, struct buffer *out)
{
    qsort(rows, count, sizeof(*rows), row_compare);
    buffer_append(out, TEXT("usage: mailroot [--config FILE] VERB [ARGUMENT ...]\n\n"));
    for (unsigned i = 0; i < count; i++)
        buffer_printf(out, "  %-24s%s\n", rows[i].name, rows[i].help);
    buffer_append(out,
                  TEXT("\nmailroot help VERB tells the arguments (help queue, help queue list); "
                       "help BLOCK the\nstatements of a block of the configuration: settings, "));
    settings_blocks(out);
    buffer_append(out, TEXT(".\n"));
}

/* "queue" and "queue list" begin "queue list"; "que" does not. */
static bool begins_with_words(struct text name, struct text words)
{
    return text_starts_with(name, words) &&
           (name.length == words.length || name.data[words.length] == ' ');
}

bool help_verbs(const struct help_row *rows, unsigned count, struct text words, struct buffer *out)
{
    bool found = false;
    for (unsigned i = 0; i < count; i++) {
        if (!begins_with_words(text_from(rows[i].name), words))
            continue;
        found = true;
        buffer_printf(out, "  mailroot %s%s%s\n      %s\n", rows[i].name,
                      rows[i].usage[0] == '\0' ? "" : " ", rows[i].usage, rows[i].help);
    }
    return found;
}

bool help_about(const struct help_row *rows, unsigned count, char **words, unsigned word_count,
                struct buffer *out)
{
    struct buffer joined;
    buffer_init(&joined, 64 << 10);
    for (unsigned i = 0; i < word_count; i++)
        buffer_printf(&joined, "%s%s", i == 0 ? "" : " ", words[i]);
    struct text name = buffer_text(&joined);
    bool found = help_verbs(rows, count, name, out);
    found |= settings_help(text_equals(name, TEXT("settings")) ? TEXT("") : name, out);
    buffer_finish(&joined);
    return found;
}
