#include "routing/group.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

const char *const link_reach_words[LINK_REACHES] = {[LINK_AVAILABLE] = "CONN_AVAIL",
                                                    [LINK_NOT_AVAILABLE] = "CONN_NOT_AVAIL",
                                                    [LINK_NOT_STARTED] = "VS_NOT_STARTED"};

struct link_id link_digest(struct text bytes)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char md5[EVP_MAX_MD_SIZE];
    struct link_id id;
    size_t length = 0;
    check(EVP_Q_digest(NULL, "MD5", NULL, bytes.data, bytes.length, md5, &length) == 1 &&
          length * 2 == LINK_ID_BYTES);
    for (size_t i = 0; i < length; i++) {
        id.hex[2 * i] = digits[md5[i] >> 4];
        id.hex[2 * i + 1] = digits[md5[i] & 15];
    }
    id.hex[LINK_ID_BYTES] = '\0';
    return id;
}

struct link_id link_id_of(const char *kind, struct text name)
{
    struct arena arena;
    arena_init(&arena);
    struct text whole = arena_printf(&arena, "%s:%.*s", kind, TEXT_ARG(name));
    char *bytes = (char *)whole.data;
    for (size_t i = 0; i < whole.length; i++)
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] | 0x20);
    struct link_id id = link_digest(whole);
    arena_finish(&arena);
    return id;
}

struct text link_id_text(const struct link_id *id)
{
    return text_of(id->hex, LINK_ID_BYTES);
}

bool link_id_equals(const struct link_id *a, const struct link_id *b)
{
    return memcmp(a->hex, b->hex, LINK_ID_BYTES) == 0;
}

/* RFC 1982: numbers go round, so that no number told by whoever it was can be the last. */
static int compare_numbers(uint32_t a, uint32_t b)
{
    return a == b ? 0 : (int32_t)(a - b) < 0 ? -1 : 1;
}

int link_version_compare(const struct link_version *a, const struct link_version *b)
{
    int order = compare_numbers(a->major, b->major);
    if (order == 0)
        order = compare_numbers(a->minor, b->minor);
    return order != 0 ? order : compare_numbers(a->user, b->user);
}

struct link_group *link_group_new(struct text name, struct text organisation)
{
    struct link_group *group = calloc(1, sizeof(*group));
    check(group != NULL);
    arena_init(&group->arena);
    group->name = arena_copy(&group->arena, name);
    group->organisation = arena_copy(&group->arena, organisation);
    group->id = link_id_of("group", name);
    return group;
}

void link_group_free(struct link_group **group)
{
    if (*group == NULL)
        return;
    arena_finish(&(*group)->arena);
    free(*group);
    *group = NULL;
}

/* The array with room for one more behind `count` elements: it doubles. */
static void *grown(struct link_group *group, void *elements, unsigned count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return elements;
    void *larger = arena_array(&group->arena, count == 0 ? 1 : count * 2, size);
    if (count > 0)
        memcpy(larger, elements, count * size);
    return larger;
}

struct link_member *link_add_member(struct link_group *group, struct text name)
{
    unsigned count = group->member_count;
    if (count >= LINK_MEMBERS_MAX)
        return NULL;
    group->members = grown(group, group->members, count, sizeof(*group->members));
    group->members[count] = (struct link_member){.name = arena_copy(&group->arena, name)};
    return &group->members[group->member_count++];
}

struct link_connector *link_add_connector(struct link_group *group, struct text name)
{
    unsigned count = group->connector_count;
    if (count >= LINK_CONNECTORS_MAX)
        return NULL;
    group->connectors = grown(group, group->connectors, count, sizeof(*group->connectors));
    group->connectors[count] =
        (struct link_connector){.facts.name = arena_copy(&group->arena, name), .is_up = true};
    return &group->connectors[group->connector_count++];
}

struct setting_space *link_add_space(struct link_group *group, struct link_connector *connector,
                                     struct text pattern, uint32_t cost)
{
    struct setting_connector *facts = &connector->facts;
    if (facts->space_count >= LINK_LIST_MAX)
        return NULL;
    facts->spaces = grown(group, facts->spaces, facts->space_count, sizeof(*facts->spaces));
    facts->spaces[facts->space_count] =
        (struct setting_space){.pattern = arena_copy(&group->arena, pattern), .cost = cost};
    return &facts->spaces[facts->space_count++];
}

struct link_arrow *link_add_arrow(struct link_group *group, struct link_connector *connector,
                                  const struct link_id *to, uint32_t cost)
{
    unsigned count = connector->arrow_count;
    if (count >= LINK_LIST_MAX)
        return NULL;
    connector->arrows = grown(group, connector->arrows, count, sizeof(*connector->arrows));
    connector->arrows[count] = (struct link_arrow){.group = *to, .cost = cost};
    return &connector->arrows[connector->arrow_count++];
}

struct link_bridgehead *link_add_bridgehead(struct link_group *group,
                                            struct link_connector *connector, struct text member)
{
    unsigned count = connector->bridgehead_count;
    if (count >= LINK_LIST_MAX)
        return NULL;
    connector->bridgeheads =
        grown(group, connector->bridgeheads, count, sizeof(*connector->bridgeheads));
    connector->bridgeheads[count] =
        (struct link_bridgehead){.member = arena_copy(&group->arena, member)};
    return &connector->bridgeheads[connector->bridgehead_count++];
}

bool link_add_target(struct link_group *group, struct link_connector *connector, struct text host)
{
    unsigned count = connector->target_count;
    if (count >= LINK_LIST_MAX)
        return false;
    connector->targets = grown(group, connector->targets, count, sizeof(*connector->targets));
    connector->targets[connector->target_count++] = arena_copy(&group->arena, host);
    return true;
}

bool link_add_sender(struct link_group *group, struct setting_senders *senders, struct text name)
{
    unsigned count = senders->name_count;
    if (count >= LINK_LIST_MAX)
        return false;
    senders->names = grown(group, senders->names, count, sizeof(*senders->names));
    senders->names[senders->name_count++] = arena_copy(&group->arena, name);
    return true;
}

struct link_member *link_member_find(const struct link_group *group, struct text name)
{
    for (unsigned i = 0; i < group->member_count; i++)
        if (text_equals_nocase(group->members[i].name, name))
            return &group->members[i];
    return NULL;
}

struct link_connector *link_connector_find(const struct link_group *group, struct text name)
{
    for (unsigned i = 0; i < group->connector_count; i++)
        if (text_equals_nocase(group->connectors[i].facts.name, name))
            return &group->connectors[i];
    return NULL;
}

struct link_bridgehead *link_bridgehead_find(const struct link_connector *connector,
                                             struct text member)
{
    for (unsigned i = 0; i < connector->bridgehead_count; i++)
        if (text_equals_nocase(connector->bridgeheads[i].member, member))
            return &connector->bridgeheads[i];
    return NULL;
}

bool link_connector_works(const struct link_connector *connector)
{
    bool works = connector->is_by_mx || connector->bridgehead_count == 0;
    for (unsigned i = 0; i < connector->bridgehead_count; i++)
        works |= connector->bridgeheads[i].reach == LINK_AVAILABLE;
    return works;
}
