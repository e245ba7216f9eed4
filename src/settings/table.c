/* The kinds of blocks, and looking rows up. The rows are in rows_*.c. */
#include "settings/table.h"

#include "settings/rows.h"
#include "settings/settings.h"

#define KIND(type, member)                                                                         \
    .size = sizeof(struct type), .name_offset = offsetof(struct type, name),                       \
    .place_offset = offsetof(struct type, place),                                                  \
    .array_offset = offsetof(struct settings, member##s),                                          \
    .count_offset = offsetof(struct settings, member##_count)

const struct setting_kind setting_kinds[KIND_COUNT] = {
    [KIND_TOP] = {.rows = &setting_top_rows,
                  .word = "",
                  .names = "",
                  .size = sizeof(struct settings),
                  .most = 1,
                  .help = "Statements outside of blocks."},
    [KIND_DOMAIN] = {.rows = &setting_domain_rows,
                     .word = "domain",
                     .names = "NAME ...",
                     .names_most = 100,
                     .most = 100000,
                     KIND(setting_domain, domain),
                     .help =
                         "Mail for these domains is delivered here. The block may be left out."},
    [KIND_SERVER] = {.rows = &setting_server_rows,
                     .word = "server",
                     .names = "NAME",
                     .names_most = 1,
                     .most = 100,
                     KIND(setting_server, server),
                     .needs_braces = true,
                     .help = "A virtual server: where it listens, what it asks for and allows. "
                             "Without any such block there is one server, \"default\", on the "
                             "ports 25, 587, 110, 143 and 4190, and with a certificate on "
                             "465, 995 and 993."},
    [KIND_CONNECTOR] = {.rows = &setting_connector_rows,
                        .word = "connector",
                        .names = "NAME",
                        .names_most = 1,
                        .most = 10000,
                        KIND(setting_connector, connector),
                        .needs_braces = true,
                        .help = "How mail for some domains leaves. What no connector is for goes "
                                "by MX."},
    [KIND_POLICY] = {.rows = &setting_policy_rows,
                     .word = "policy",
                     .names = "DOMAIN",
                     .names_most = 1,
                     .most = 10000,
                     .size = sizeof(struct setting_policy),
                     .name_offset = offsetof(struct setting_policy, name),
                     .place_offset = offsetof(struct setting_policy, place),
                     .array_offset = offsetof(struct settings, policies),
                     .count_offset = offsetof(struct settings, policy_count),
                     .needs_braces = true,
                     .help = "What holds for mail to a domain, to all below a name (*.name), or "
                             "to all others (default). The longest match is taken, alone."},
    [KIND_GROUP] = {.rows = &setting_group_rows,
                    .word = "routing-group",
                    .names = "NAME",
                    .names_most = 1,
                    .most = 1,
                    .size = sizeof(struct setting_group),
                    .name_offset = offsetof(struct setting_group, name),
                    .place_offset = offsetof(struct setting_group, place),
                    .array_offset = offsetof(struct settings, groups),
                    .count_offset = offsetof(struct settings, group_count),
                    .needs_braces = true,
                    .help = "The routing group that this server is in: servers that reach each "
                            "other directly, and know of each other's connectors and of those of "
                            "the groups that connectors lead to (to-group). Each server describes "
                            "the connectors of its own file; one of the same name at several "
                            "servers is one connector with several bridgeheads."},
    [KIND_RECIPIENTS] = {.rows = &setting_recipients_rows,
                         .word = "recipients",
                         .names = "NAME",
                         .names_most = 1,
                         .most = 1000,
                         .size = sizeof(struct setting_recipients),
                         .name_offset = offsetof(struct setting_recipients, name),
                         .place_offset = offsetof(struct setting_recipients, place),
                         .array_offset = offsetof(struct settings, recipients),
                         .count_offset = offsetof(struct settings, recipients_count),
                         .needs_braces = true,
                         .help = "A recipient policy: the addresses that users get besides their "
                                 "own. Of those that mean a user the one with the lowest priority "
                                 "is his, alone; who has none gets those of his domain (address). "
                                 "An address that somebody has already is given with a number "
                                 "(jo2@). What a user got once he keeps. mailroot directory check "
                                 "tells of those."},
    [KIND_RETRY] = {.rows = &setting_retry_rows,
                    .word = "retry",
                    .names = "",
                    .size = sizeof(struct setting_retry),
                    .most = 1,
                    .needs_braces = true,
                    .help = "When delivery is tried again, and given up."},
    [KIND_FILTER] = {.rows = &setting_filter_rows,
                     .word = "filter",
                     .names = "",
                     .size = sizeof(struct setting_filter),
                     .most = 1,
                     .needs_braces = true,
                     .help = "Mail that is not wanted. It concerns strangers alone, where a server "
                             "says so (filter), in this order: when they connect accept and deny; "
                             "at MAIL the sender; at RCPT the recipient, then the block lists, "
                             "then SPF; when the header is there Sender ID. Nothing of it is for "
                             "who is logged in. mailroot filter check tells what would become of "
                             "a message."},
    [KIND_BLOCK_LIST] = {.rows = &setting_block_list_rows,
                         .word = "block-list",
                         .names = "NAME",
                         .names_most = 1,
                         .most = 20,
                         KIND(setting_block_list, block_list),
                         .needs_braces = true,
                         .help =
                             "A list of hosts in DNS from which mail is not wanted. The first "
                             "that has the client's address refuses its recipients. A list that "
                             "does not answer refuses nobody."},
};

/* What a later version will know, so that today's says so. */
static const struct {
    enum setting_kind_id kind;
    const char *word; /* a statement, or a block */
} laters[] = {
    {KIND_TOP, "acme"},      {KIND_TOP, "journal"},   {KIND_TOP, "metrics"},
    {KIND_TOP, "sink"},      {KIND_DOMAIN, "users"},  {KIND_DOMAIN, "authoritative"},
    {KIND_SERVER, "sender"}, {KIND_POLICY, "format"}, {KIND_POLICY, "use"},
    {KIND_RETRY, "hops"},
};

struct text setting_row_statement(const struct setting_row *row)
{
    return text_before(text_from(row->name), ' ');
}

struct text setting_row_clause(const struct setting_row *row)
{
    return text_after(text_from(row->name), ' ');
}

const struct setting_row *setting_kind_rows(enum setting_kind_id kind, unsigned *count)
{
    *count = setting_kinds[kind].rows->count;
    return setting_kinds[kind].rows->first;
}

const struct setting_row *setting_row_find(enum setting_kind_id kind, struct text statement,
                                           struct text clause)
{
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(kind, &count);
    for (unsigned i = 0; i < count; i++) {
        if (text_equals(setting_row_statement(&rows[i]), statement) &&
            text_equals(setting_row_clause(&rows[i]), clause))
            return &rows[i];
    }
    return NULL;
}

const struct setting_row *setting_row_kept(const struct setting_row *row)
{
    if (row->same_as == NULL)
        return row;
    struct text name = text_from(row->same_as);
    return setting_row_find(row->kind, text_before(name, ' '), text_after(name, ' '));
}

bool setting_statement_exists(enum setting_kind_id kind, struct text statement)
{
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(kind, &count);
    for (unsigned i = 0; i < count; i++) {
        if (text_equals(setting_row_statement(&rows[i]), statement))
            return true;
    }
    return false;
}

bool setting_is_later(enum setting_kind_id kind, struct text statement)
{
    for (unsigned i = 0; i < sizeof(laters) / sizeof(*laters); i++)
        if (laters[i].kind == kind && text_equals(text_from(laters[i].word), statement))
            return true;
    return false;
}

void setting_row_put_syntax(const struct setting_row *row, struct buffer *out)
{
    if (row->type->syntax != NULL) {
        buffer_append(out, text_from(row->type->syntax));
        return;
    }
    for (unsigned i = 0; row->choices[i] != NULL; i++)
        buffer_printf(out, "%s%s", i == 0 ? "" : " | ", row->choices[i]);
}
