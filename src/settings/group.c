/* Types of values: routing groups, their members, and connectors that lead to them. */
#include "base/check.h"
#include "settings/names.h"
#include "settings/parser.h"
#include "settings/types.h"

enum { COST_MOST = 100, SMTP_PORT = 25, LINK_STATE_PORT = 691 };

static bool parse_name(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return setting_name_is_valid(word) ||
           setting_reader_no_value(in, word, "a name is letters, digits, '-', '_' and '.'");
}

static bool parse_host(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    return setting_domain_normalise(word, &in->parser->object->arena, value) ||
           setting_reader_no_value(in, word, "write a host name like mx.example.org");
}

static void write_name(const struct setting_row *row, const void *value, struct buffer *out)
{
    unused(row);
    setting_word_write(*(const struct text *)value, false, out);
}

/* member NAME [at HOST[:PORT]] [mail HOST[:PORT]] */

static bool read_endpoint(struct setting_reader *in, uint16_t port, struct setting_smart_host *host)
{
    const struct setting_word *word = setting_reader_peek(in);
    if (word == NULL)
        return setting_reader_error(in, TEXT("write it like mx.example.org:691 or [192.0.2.1]:691"),
                                    "%s: a host is missing", setting_reader_where(in));
    struct text behind = text_from_position(word->text, text_find_last(word->text, ':'));
    bool has_port = behind.length > 0 && text_find(behind, ']') == behind.length;
    if (!setting_type_smart_host.parse(in, host))
        return false;
    if (!has_port)
        host->port = port;
    return true;
}

static bool parse_member(struct setting_reader *in, void *value)
{
    struct setting_member *member = value;
    if (!parse_host(in, &member->name))
        return false;
    member->at = (struct setting_smart_host){member->name, LINK_STATE_PORT};
    member->mail = (struct setting_smart_host){member->name, SMTP_PORT};
    while (setting_reader_at(in, "at") || setting_reader_at(in, "mail")) {
        bool is_mail = setting_reader_at(in, "mail");
        in->next++;
        if (!read_endpoint(in, is_mail ? SMTP_PORT : LINK_STATE_PORT,
                           is_mail ? &member->mail : &member->at))
            return false;
    }
    return true;
}

static void write_endpoint(const char *word, struct text name, uint16_t port,
                           const struct setting_smart_host *host, struct buffer *out)
{
    if (text_equals(host->host, name) && host->port == port)
        return;
    buffer_printf(out, " %s ", word);
    setting_word_write(host->host, false, out);
    if (host->port != port)
        buffer_printf(out, ":%u", host->port);
}

static void write_member(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_member *member = value;
    unused(row);
    setting_word_write(member->name, false, out);
    write_endpoint("at", member->name, LINK_STATE_PORT, &member->at, out);
    write_endpoint("mail", member->name, SMTP_PORT, &member->mail, out);
}

/* to-group GROUP ... [cost N] */

static bool read_cost(struct setting_reader *in, struct setting_group_arrow *arrow)
{
    in->next++;
    if (setting_reader_peek(in) == NULL)
        return setting_reader_error(in, TEXT("write: cost 10"), "'cost' needs a value");
    struct text word = setting_reader_take(in);
    if (text_to_u32(word, &arrow->cost) && arrow->cost >= 1 && arrow->cost <= COST_MOST)
        return true;
    return setting_reader_error(in, TEXT(""), "cost %.*s is outside 1..%d",
                                TEXT_ARG(setting_shown(word)), COST_MOST);
}

/* The cost behind several groups is each one's. */
static bool parse_arrow(struct setting_reader *in, void *value)
{
    struct setting_group_arrow *arrow = value;
    arrow->cost = 1;
    arrow->place = in->parser->line;
    arrow->place.column = in->words.words[in->next].column;
    if (setting_reader_at(in, "cost"))
        return setting_reader_no_value(in, setting_reader_take(in),
                                       "write a routing group before it");
    if (!parse_name(in, &arrow->group))
        return false;
    unsigned next = in->next;
    while (setting_reader_peek(in) != NULL && !setting_reader_at(in, "cost"))
        in->next++;
    bool is_last = in->next == next;
    if (setting_reader_at(in, "cost") && !read_cost(in, arrow))
        return false;
    if (!is_last)
        in->next = next;
    return true;
}

static void write_arrow(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_group_arrow *arrow = value;
    unused(row);
    setting_word_write(arrow->group, text_equals(arrow->group, TEXT("cost")), out);
    if (arrow->cost != 1)
        buffer_printf(out, " cost %u", arrow->cost);
}

const struct setting_type setting_type_name = {
    .syntax = "NAME", .parse = parse_name, .write = write_name};
const struct setting_type setting_type_hosts = {.syntax = "HOST ...",
                                                .size = sizeof(struct text),
                                                .list = true,
                                                .parse = parse_host,
                                                .write = write_name};
const struct setting_type setting_type_members = {
    .syntax = "NAME [at HOST[:PORT]] [mail HOST[:PORT]] ...",
    .size = sizeof(struct setting_member),
    .list = true,
    .parse = parse_member,
    .write = write_member};
const struct setting_type setting_type_arrows = {.syntax = "GROUP ... [cost N]",
                                                 .size = sizeof(struct setting_group_arrow),
                                                 .list = true,
                                                 .parse = parse_arrow,
                                                 .write = write_arrow};
