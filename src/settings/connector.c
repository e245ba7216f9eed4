/* Types of values: which mail a connector takes, and where what nobody here knows goes. */
#include <inttypes.h>

#include "base/check.h"
#include "settings/names.h"
#include "settings/number.h"
#include "settings/parser.h"
#include "settings/types.h"

enum { COST_MOST = 100, LOCAL_PART_MAX = 64 };

static const struct setting_word *take_word(struct setting_reader *in)
{
    return &in->words.words[in->next++];
}

static struct setting_place place_here(const struct setting_reader *in)
{
    struct setting_place place = in->parser->line;
    place.column = in->words.words[in->next].column;
    return place;
}

/* to DOMAIN ... [cost N] [relay] */

static bool is_about_spaces(const struct setting_word *word)
{
    return setting_word_is(word, "cost") || setting_word_is(word, "relay");
}

static bool read_cost(struct setting_reader *in, struct setting_space *space)
{
    const struct setting_word *word = setting_reader_peek(in);
    if (word == NULL)
        return setting_reader_error(in, TEXT("write: cost 10"), "'cost' needs a value");
    in->next++;
    if (text_to_u32(word->text, &space->cost) && space->cost >= 1 && space->cost <= COST_MOST)
        return true;
    struct text shown = setting_shown(word->text);
    return setting_reader_error(in, TEXT(""), "cost %.*s is outside 1..%d", TEXT_ARG(shown),
                                COST_MOST);
}

static bool read_about_spaces(struct setting_reader *in, struct setting_space *space)
{
    const struct setting_word *word;
    while ((word = setting_reader_peek(in)) != NULL && is_about_spaces(word)) {
        in->next++;
        if (setting_word_is(word, "relay"))
            space->relays = true;
        else if (!read_cost(in, space))
            return false;
    }
    return true;
}

/* What stands behind several domains is said of each. */
static bool parse_space(struct setting_reader *in, void *value)
{
    struct setting_space *space = value;
    space->cost = 1;
    space->place = place_here(in);
    const struct setting_word *word = take_word(in);
    bool is_all = setting_word_is(word, "*");
    if (is_about_spaces(word))
        return setting_reader_no_value(in, word->text, "write a domain before it");
    if (is_all)
        space->pattern = TEXT("*");
    else if (!setting_space_normalise(word->text, &in->parser->object->arena, &space->pattern))
        return setting_reader_no_value(in, word->text, "write a domain, *.domain, *domain or *");
    unsigned next = in->next;
    while (setting_reader_peek(in) != NULL && !is_about_spaces(setting_reader_peek(in)))
        in->next++;
    bool is_last = in->next == next;
    if (!read_about_spaces(in, space))
        return false;
    if (!is_last)
        in->next = next;
    return true;
}

static void write_space(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_space *space = value;
    unused(row);
    bool is_keyword =
        text_equals(space->pattern, TEXT("cost")) || text_equals(space->pattern, TEXT("relay"));
    setting_word_write(space->pattern, is_keyword, out);
    buffer_printf(out, " cost %" PRIu32 "%s", space->cost, space->relays ? " relay" : "");
}

/* accept from ..., reject from ... */

static const char senders_hint[] = "write user@example.org, *@example.org, or @group";

/* "@group" is of the first domain; settings_complete adds it. */
static bool parse_sender(struct setting_reader *in, void *value)
{
    struct arena *arena = &in->parser->object->arena;
    const struct setting_word *word = take_word(in);
    bool is_group = text_starts_with(word->text, TEXT("@"));
    struct text address = is_group ? text_from_position(word->text, 1) : word->text;
    size_t at = text_find_last(address, '@');
    struct text local = text_head(address, at), domain = TEXT("");
    bool good = local.length > 0 && local.length <= LOCAL_PART_MAX &&
                text_find(local, ' ') == local.length && text_find(local, '@') == local.length;
    bool has_domain = at < address.length;
    if (good && has_domain)
        good = setting_domain_normalise(text_from_position(address, at + 1), arena, &domain);
    if (!good || (!has_domain && !is_group))
        return setting_reader_no_value(in, word->text, senders_hint);
    *(struct text *)value = arena_printf(arena, "%s%.*s%s%.*s", is_group ? "@" : "",
                                         TEXT_ARG(local), has_domain ? "@" : "", TEXT_ARG(domain));
    return true;
}

static bool parse_senders(struct setting_reader *in, void *value)
{
    struct setting_senders *senders = value;
    senders->place = place_here(in);
    bool good = setting_reader_at(in, "from");
    in->next++;
    senders->everyone = good && setting_reader_at(in, "everyone");
    in->next += senders->everyone;
    if (senders->everyone && setting_reader_peek(in) == NULL)
        return true;
    if (senders->everyone) {
        good = setting_reader_at(in, "except");
        in->next++;
    }
    if (!good || setting_reader_peek(in) == NULL)
        return setting_reader_error(
            in, TEXT("write: from everyone, from everyone except SENDER ..., or from SENDER ..."),
            "%s names no senders", setting_reader_where(in));
    while (setting_reader_peek(in) != NULL)
        if (!setting_text_append(in, parse_sender, &senders->names, &senders->name_count))
            return false;
    return true;
}

static void write_senders(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_senders *senders = value;
    unused(row);
    if (senders->place.line == 0)
        return;
    buffer_append(out, TEXT("from"));
    if (senders->everyone)
        buffer_append(out, senders->name_count > 0 ? TEXT(" everyone except") : TEXT(" everyone"));
    for (unsigned i = 0; i < senders->name_count; i++) {
        buffer_append_byte(out, ' ');
        setting_word_write(senders->names[i], false, out);
    }
}

/* from SERVER ... */

static bool parse_name(struct setting_reader *in, void *value)
{
    const struct setting_word *word = take_word(in);
    if (!setting_name_is_valid(word->text))
        return setting_reader_no_value(in, word->text, "write the name of a server block");
    *(struct text *)value = arena_copy(&in->parser->object->arena, word->text);
    return true;
}

static void write_name(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    setting_word_write(*(const struct text *)value, false, out);
}

/* only size < 20MB */

static bool parse_below(struct setting_reader *in, void *value)
{
    const struct setting_word *word = take_word(in);
    struct text size = text_from_position(word->text, 1);
    if (!text_starts_with(word->text, TEXT("<")))
        return setting_reader_no_value(in, word->text, "write: size < 20MB");
    if (text_is_empty(size) && setting_reader_peek(in) != NULL)
        size = take_word(in)->text;
    if (setting_number_read(SETTING_SIZE, size, value) && *(uint64_t *)value > 0)
        return true;
    return setting_reader_no_value(in, size, "write: size < 20MB");
}

static void write_below(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    if (*(const uint64_t *)value == 0)
        return;
    buffer_append(out, TEXT("< "));
    setting_number_write(SETTING_SIZE, *(const uint64_t *)value, out);
}

static bool parse_flag(struct setting_reader *in, void *value)
{
    *(bool *)value = true;
    if (setting_reader_peek(in) == NULL || setting_reader_at_clause(in))
        return true;
    return setting_reader_no_value(in, take_word(in)->text, "it stands alone");
}

static void write_flag(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    unused(value);
    unused(out);
}

/* unresolved forward HOST */

static bool parse_unresolved(struct setting_reader *in, void *value)
{
    const struct setting_word *word = take_word(in);
    if (setting_word_is(word, "forward") && setting_reader_peek(in) != NULL)
        return setting_type_smart_host.parse(in, value);
    return setting_reader_no_value(in, word->text, "write: unresolved forward HOST");
}

static void write_unresolved(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_smart_host *host = value;
    if (text_is_empty(host->host))
        return;
    buffer_append(out, TEXT("forward "));
    setting_type_smart_host.write(row, value, out);
}

/* copy of reports to ADDRESS */

static bool parse_copy(struct setting_reader *in, void *value)
{
    static const char *const words[] = {"of", "reports", "to"};
    bool good = true;
    for (unsigned i = 0; i < 3 && good; i++) {
        good = setting_reader_at(in, words[i]);
        in->next += good;
    }
    if (good && setting_reader_peek(in) != NULL)
        return setting_type_address.parse(in, value);
    if (setting_reader_peek(in) != NULL)
        in->next++;
    return setting_reader_error(in, TEXT("write: copy of reports to ADDRESS"),
                                "%s is not understood", setting_reader_where(in));
}

static void write_copy(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct text *address = value;
    unused(row);
    if (text_is_empty(*address))
        return;
    buffer_append(out, TEXT("of reports to "));
    setting_word_write(*address, false, out);
}

const struct setting_type setting_type_spaces = {.syntax = "DOMAIN ... [cost N] [relay]",
                                                 .size = sizeof(struct setting_space),
                                                 .list = true,
                                                 .parse = parse_space,
                                                 .write = write_space};
const struct setting_type setting_type_senders = {
    .syntax = "from everyone [except SENDER ...] | from SENDER ...",
    .parse = parse_senders,
    .write = write_senders};
const struct setting_type setting_type_names = {.syntax = "SERVER ...",
                                                .size = sizeof(struct text),
                                                .list = true,
                                                .parse = parse_name,
                                                .write = write_name};
const struct setting_type setting_type_below = {
    .syntax = "< SIZE", .parse = parse_below, .write = write_below};
const struct setting_type setting_type_flag = {
    .syntax = "", .alone = true, .parse = parse_flag, .write = write_flag};
const struct setting_type setting_type_unresolved = {
    .syntax = "forward HOST[:PORT]", .parse = parse_unresolved, .write = write_unresolved};
const struct setting_type setting_type_copy = {
    .syntax = "of reports to ADDRESS", .parse = parse_copy, .write = write_copy};
