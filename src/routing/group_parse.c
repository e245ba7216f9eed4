/* A group's block, read. Whatever a peer writes is read by this first, so it knows bounds before it
 * knows meaning; at the end the block is written anew and must be the bytes that came. */
#include <string.h>

#include "routing/group.h"

enum { COST_MOST = 100, HEX_MOST = 8 };

struct reading {
    struct text rest;
    struct link_group *group;
    const char *trouble; /* the first; NULL: none */
};

static bool bad(struct reading *in, const char *trouble)
{
    if (in->trouble == NULL)
        in->trouble = trouble;
    return false;
}

/* The literal, with the space before it. */
static bool take(struct reading *in, struct text literal)
{
    if (in->trouble != NULL || !text_starts_with(in->rest, literal))
        return bad(in, "a part is not where it should be");
    in->rest = text_from_position(in->rest, literal.length);
    return true;
}

static bool at(const struct reading *in, struct text literal)
{
    return in->trouble == NULL && text_starts_with(in->rest, literal);
}

static bool read_hex(struct text digits, uint32_t *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.length; i++) {
        char c = digits.data[i];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && !(c >= 'a' && c <= 'f'))
            return false;
        *out = *out << 4 | (uint32_t)(is_digit ? c - '0' : c - 'a' + 10);
    }
    return digits.length > 0 && digits.length <= HEX_MOST;
}

static bool take_number(struct reading *in, uint32_t most, uint32_t *out)
{
    if (!take(in, TEXT(" ")))
        return false;
    struct text digits = text_before(text_head(in->rest, HEX_MOST + 1), ' ');
    if (!read_hex(digits, out) || *out > most)
        return bad(in, "a number is none, or too large");
    in->rest = text_from_position(in->rest, digits.length);
    return true;
}

/* " {n}" and n printable bytes. */
static bool take_counted(struct reading *in, struct text *out)
{
    uint32_t length;
    if (!take(in, TEXT(" {")))
        return false;
    struct text digits = text_before(text_head(in->rest, HEX_MOST + 1), '}');
    if (!read_hex(digits, &length) || length > 3 * LINK_TEXT_MAX)
        return bad(in, "a length is none, or too large");
    in->rest = text_from_position(in->rest, digits.length);
    if (!take(in, TEXT("}")) || in->rest.length < length)
        return bad(in, "a length reaches beyond the end");
    *out = text_head(in->rest, length);
    for (size_t i = 0; i < length; i++)
        if (out->data[i] < ' ' || out->data[i] > '~')
            return bad(in, "a text has a byte that is not printable");
    in->rest = text_from_position(in->rest, length);
    return true;
}

/* A name of something: not empty, and not long. */
static bool take_name(struct reading *in, struct text *out)
{
    if (!take_counted(in, out))
        return false;
    if (out->length == 0 || out->length > LINK_TEXT_MAX)
        return bad(in, "a name has no fit length");
    return true;
}

static bool take_id(struct reading *in, struct link_id *out)
{
    if (!take(in, TEXT(" ")) || in->rest.length < LINK_ID_BYTES)
        return bad(in, "an id is not whole");
    memcpy(out->hex, in->rest.data, LINK_ID_BYTES);
    out->hex[LINK_ID_BYTES] = '\0';
    for (unsigned i = 0; i < LINK_ID_BYTES; i++)
        if (strchr("0123456789abcdef", out->hex[i]) == NULL || out->hex[i] == '\0')
            return bad(in, "an id is not hexadecimal");
    in->rest = text_from_position(in->rest, LINK_ID_BYTES);
    return true;
}

/* ` {n}/o=ORG/ou=GROUP/rest`: the two names, and what follows. */
static bool take_path(struct reading *in, struct text *organisation, struct text *group,
                      struct text *rest)
{
    struct text path;
    if (!take_counted(in, &path) || !text_starts_with(path, TEXT("/o=")))
        return bad(in, "a name has no organisation");
    path = text_from_position(path, 3);
    size_t end = text_find_text(path, TEXT("/ou="));
    *organisation = text_head(path, end);
    path = text_from_position(path, end + 4);
    *group = text_before(path, '/');
    *rest = text_after(path, '/');
    if (group->length == 0 || group->length > LINK_TEXT_MAX || organisation->length > LINK_TEXT_MAX)
        return bad(in, "a name has no group");
    return true;
}

static bool take_members(struct reading *in)
{
    struct link_id id;
    struct text name;
    take(in, TEXT(" ("));
    while (in->trouble == NULL && !at(in, TEXT(" )"))) {
        take_id(in, &id);
        bool is_connected = at(in, TEXT(" YES"));
        take(in, is_connected ? TEXT(" YES 1 0") : TEXT(" NO 1 0"));
        if (!take_name(in, &name))
            return false;
        struct link_member *member = link_add_member(in->group, name);
        if (member == NULL)
            return bad(in, "there are too many members");
        member->is_connected = is_connected;
    }
    return take(in, TEXT(" )"));
}

static bool take_names(struct reading *in, struct setting_senders *senders)
{
    uint32_t count;
    struct text name;
    if (!take_number(in, LINK_LIST_MAX, &count) || !take(in, TEXT(" (")))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!take_name(in, &name) || !link_add_sender(in->group, senders, name))
            return bad(in, "there are too many names");
    if (count > 0)
        senders->place.line = 1;
    return take(in, count > 0 ? TEXT(" )") : TEXT(")"));
}

static bool take_words(struct reading *in, struct link_connector *connector)
{
    struct setting_connector *facts = &connector->facts;
    uint32_t schedule, scope, by_mx, origin, less, urgencies, rejects, accepts;
    if (!take_number(in, 1, &schedule) || !take_number(in, 1, &scope) ||
        !take_number(in, 1, &by_mx) || !take_number(in, ORIGIN_NON_SYSTEM, &origin) ||
        !take_number(in, UINT32_MAX, &less) || !take_number(in, UINT32_MAX, &urgencies) ||
        !take_number(in, 1, &rejects) || !take_number(in, 1, &accepts))
        return false;
    connector->has_schedule = schedule == 1;
    connector->is_for_group = scope == 1;
    connector->is_by_mx = by_mx == 1;
    facts->only.origin = (enum setting_origin)origin;
    facts->only.less_bytes = less == UINT32_MAX ? 0 : less;
    facts->only.urgencies = urgencies == UINT32_MAX ? 0 : urgencies;
    facts->rejected.everyone = rejects == 1;
    facts->accepted.everyone = accepts == 1;
    facts->rejected.place.line = rejects;
    facts->accepted.place.line = accepts == 0;
    return take_names(in, &facts->accepted) && take_names(in, &facts->rejected) &&
           take_names(in, &facts->accepted) && take_names(in, &facts->rejected);
}

static bool take_arrow(struct reading *in, struct link_connector *connector)
{
    struct text what, kind;
    struct link_id to;
    uint32_t cost;
    if (!take_name(in, &kind) || !take_name(in, &what) || !take_number(in, COST_MOST, &cost) ||
        cost == 0)
        return bad(in, "an arrow is malformed");
    if (text_equals(kind, TEXT("SMTP"))) {
        if (link_add_space(in->group, connector, what, cost) == NULL)
            return bad(in, "there are too many address spaces");
        return true;
    }
    if (!text_equals(kind, TEXT("RG")) || what.length != LINK_ID_BYTES)
        return bad(in, "an arrow is of no known kind");
    memcpy(to.hex, what.data, LINK_ID_BYTES);
    to.hex[LINK_ID_BYTES] = '\0';
    if (link_add_arrow(in->group, connector, &to, cost) == NULL)
        return bad(in, "there are too many arrows");
    return true;
}

static bool take_bridgehead(struct reading *in, struct link_connector *connector)
{
    struct link_id id;
    struct text name;
    unsigned reach = 0;
    if (!take_id(in, &id) || !take(in, TEXT(" ")))
        return false;
    while (reach < LINK_REACHES && !at(in, text_from(link_reach_words[reach])))
        reach++;
    if (reach == LINK_REACHES)
        return bad(in, "a bridgehead's state is not known");
    take(in, text_from(link_reach_words[reach]));
    if (!take_name(in, &name))
        return false;
    struct link_bridgehead *bridgehead = link_add_bridgehead(in->group, connector, name);
    if (bridgehead == NULL)
        return bad(in, "there are too many bridgeheads");
    bridgehead->reach = (enum link_reach)reach;
    return true;
}

static bool take_state(struct reading *in, struct link_connector *connector)
{
    struct text host;
    take(in, TEXT(" ARROWS ("));
    while (in->trouble == NULL && !at(in, TEXT(" )")))
        take_arrow(in, connector);
    take(in, TEXT(" ) BH ("));
    while (in->trouble == NULL && !at(in, TEXT(" )")))
        take_bridgehead(in, connector);
    take(in, TEXT(" ) TARGBH ("));
    while (in->trouble == NULL && !at(in, TEXT(" )")))
        if (take_name(in, &host) && !link_add_target(in->group, connector, host))
            bad(in, "there are too many hosts");
    connector->is_up = at(in, TEXT(" ) STATE UP"));
    return take(in, connector->is_up ? TEXT(" ) STATE UP )") : TEXT(" ) STATE DOWN )"));
}

static bool take_connector(struct reading *in)
{
    static const char connections[] = "cn=Connections/cn=";
    struct link_id id;
    struct text alias, hosts, organisation, group, name;
    if (!take_id(in, &id) || !take(in, TEXT(" ( CONFIG {4}SMTP")) || !take_counted(in, &alias) ||
        !take_counted(in, &hosts) || !take_path(in, &organisation, &group, &name) ||
        !text_starts_with(name, text_from(connections)))
        return bad(in, "a connector is malformed");
    name = text_from_position(name, sizeof(connections) - 1);
    if (name.length == 0 || link_connector_find(in->group, name) != NULL)
        return bad(in, "a connector has no name, or another's");
    struct link_connector *connector = link_add_connector(in->group, name);
    if (connector == NULL)
        return bad(in, "there are too many connectors");
    connector->hosts = arena_copy(&in->group->arena, hosts);
    return take_words(in, connector) && take_state(in, connector);
}

/* What is before the members tells who it is about: the group is made from that. */
static bool take_head(struct reading *in, struct link_id *master)
{
    struct link_id id, digest;
    struct link_version version;
    struct text smtp, x400, organisation, name, rest;
    if (!take(in, TEXT("(")) || !take_id(in, &id) || !take_id(in, master) ||
        !take_number(in, UINT32_MAX, &version.major) ||
        !take_number(in, UINT32_MAX, &version.minor) ||
        !take_number(in, UINT32_MAX, &version.user) || !take_id(in, &digest) ||
        !take_counted(in, &smtp) || !take_counted(in, &x400) ||
        !take_path(in, &organisation, &name, &rest))
        return false;
    in->group = link_group_new(name, organisation);
    in->group->version = version;
    return true;
}

static bool find_master(struct reading *in, const struct link_id *master)
{
    for (unsigned i = 0; i < in->group->member_count; i++) {
        struct link_id id = link_id_of("member", in->group->members[i].name);
        if (link_id_equals(&id, master))
            in->group->master = in->group->members[i].name;
    }
    if (in->group->master.length == 0)
        return bad(in, "the master is no member");
    return true;
}

static bool take_group(struct reading *in)
{
    struct text before = in->rest;
    struct link_id master;
    if (!take_head(in, &master) || !take_members(in) || !find_master(in, &master))
        return false;
    take(in, TEXT(" ("));
    while (in->trouble == NULL && !at(in, TEXT(" )")))
        take_connector(in);
    if (!take(in, TEXT(" ) )")) || !link_group_seal(in->group))
        return bad(in, "the block is too large");
    struct text read = text_head(before, before.length - in->rest.length);
    if (!text_equals(read, in->group->block))
        return bad(in, "it is not in canonical form, or its ids or digest are not its own");
    return true;
}

enum status link_group_parse(struct text *rest, struct link_group **out)
{
    struct reading in = {.rest = text_head(*rest, LINK_TABLE_MAX)};
    *out = NULL;
    if (!take_group(&in)) {
        link_group_free(&in.group);
        return refused("%s", in.trouble);
    }
    *rest = text_from_position(*rest, in.group->block.length);
    *out = in.group;
    return OK;
}
