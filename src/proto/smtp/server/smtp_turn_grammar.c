#include "proto/smtp/server/smtp_turn_grammar.h"

#include "mail/address.h"

static bool is_connector_name(struct text name)
{
    enum { NAME_MOST = 64 };
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] > '~')
            return false;
    return name.length > 0 && name.length <= NAME_MOST;
}

bool smtp_parse_etrn(struct text arguments, struct arena *arena, struct smtp_etrn *out)
{
    struct text node = text_trim(arguments);
    bool is_below = text_starts_with(node, TEXT("@"));
    bool is_connector = text_starts_with(node, TEXT("#"));
    struct text name = text_from_position(node, is_below || is_connector ? 1 : 0);
    out->kind = is_connector ? QUEUE_ETRN_CONNECTOR : is_below ? QUEUE_ETRN_BELOW : QUEUE_ETRN_NODE;
    if (!is_connector)
        return mail_domain_to_ascii(name, arena, &out->node);
    out->node = arena_copy(arena, name);
    return is_connector_name(name);
}

static bool is_among(struct text domain, const struct text *domains, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equals(domains[i], domain))
            return true;
    return false;
}

bool smtp_parse_atrn(struct text arguments, unsigned most, struct arena *arena,
                     struct text **domains, unsigned *count)
{
    struct text rest = text_trim(arguments), part, domain;
    *domains = arena_array(arena, most, sizeof(**domains));
    *count = 0;
    if (rest.length > 0 && rest.data[rest.length - 1] == ',')
        return false;
    while (text_split(&rest, ',', &part)) {
        if (!mail_domain_to_ascii(part, arena, &domain))
            return false;
        if (is_among(domain, *domains, *count))
            continue;
        if (*count == most)
            return false;
        (*domains)[(*count)++] = domain;
    }
    return true;
}
