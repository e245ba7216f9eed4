/* A group's block: written from what is known, and read back. What is read is written again and
 * must come out the same, so nothing is taken that we would not have said in these words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "routing/group.h"

enum { WORD_MAX = 8, COST_MOST = 100 };

/* "a2a0f896-d197-...", in capitals, as addresses have it. */
static void write_dashed(struct buffer *out, const struct link_id *id)
{
    for (unsigned i = 0; i < LINK_ID_BYTES; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            buffer_append_byte(out, '-');
        char c = id->hex[i];
        buffer_append_byte(out, c >= 'a' ? (char)(c & ~0x20) : c);
    }
}

static void write_counted(struct buffer *out, struct text text)
{
    buffer_printf(out, " {%zx}", text.length);
    buffer_append(out, text);
}

static void write_id(struct buffer *out, const char *kind, struct text name)
{
    struct link_id id = link_id_of(kind, name);
    buffer_printf(out, " %s", id.hex);
}

/* Our name as SMTP, X.400 and X.500 would write it: how others address the group as a whole. */
static void write_addresses(const struct link_group *group, struct buffer *out)
{
    struct buffer id, address;
    buffer_init(&id, 64);
    buffer_init(&address, 3 * LINK_TEXT_MAX);
    write_dashed(&id, &group->id);
    buffer_printf(&address, "*.%.*s", TEXT_ARG(buffer_text(&id)));
    write_counted(out, buffer_text(&address));
    buffer_reset(&address, SIZE_MAX);
    buffer_printf(&address, "c=US;a= ;p=%.*s;o=Exchange;cn=%.*s;*", TEXT_ARG(group->organisation),
                  TEXT_ARG(buffer_text(&id)));
    write_counted(out, buffer_text(&address));
    buffer_reset(&address, SIZE_MAX);
    buffer_printf(&address, "/o=%.*s/ou=%.*s/*/%.*s", TEXT_ARG(group->organisation),
                  TEXT_ARG(group->name), TEXT_ARG(buffer_text(&id)));
    write_counted(out, buffer_text(&address));
    buffer_finish(&address);
    buffer_finish(&id);
}

static void write_members(const struct link_group *group, struct buffer *out)
{
    buffer_append(out, TEXT(" ("));
    for (unsigned i = 0; i < group->member_count; i++) {
        const struct link_member *member = &group->members[i];
        write_id(out, "member", member->name);
        buffer_printf(out, " %s 1 0", member->is_connected ? "YES" : "NO");
        write_counted(out, member->name);
    }
    buffer_append(out, TEXT(" )"));
}

static bool is_group_name(struct text name)
{
    return text_starts_with(name, TEXT("@"));
}

static void write_names(const struct setting_senders *senders, bool groups, struct buffer *out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < senders->name_count; i++)
        count += is_group_name(senders->names[i]) == groups;
    buffer_printf(out, " %x (", count);
    for (unsigned i = 0; i < senders->name_count; i++)
        if (is_group_name(senders->names[i]) == groups)
            write_counted(out, senders->names[i]);
    buffer_append(out, count > 0 ? TEXT(" )") : TEXT(")"));
}

/* Schedule, scope, by MX, kinds of messages, size, priorities, whom it rejects, whom it accepts:
 * the last two 1 for everyone but the names in their lists, else 0 for these alone. */
static void write_words(const struct link_connector *connector, struct buffer *out)
{
    const struct setting_only *only = &connector->facts.only;
    const struct setting_senders *rejected = &connector->facts.rejected;
    const struct setting_senders *accepted = &connector->facts.accepted;
    uint64_t less = only->less_bytes;
    bool accepts_everyone = accepted->place.line == 0 || accepted->everyone;
    buffer_printf(out, " %x %x %x %x %x %x %x %x", connector->has_schedule, connector->is_for_group,
                  connector->is_by_mx, only->origin,
                  less == 0 || less > UINT32_MAX ? UINT32_MAX : (unsigned)less,
                  only->urgencies == 0 ? UINT32_MAX : only->urgencies,
                  rejected->place.line > 0 && rejected->everyone, accepts_everyone);
    write_names(accepted, false, out);
    write_names(rejected, false, out);
    write_names(accepted, true, out);
    write_names(rejected, true, out);
}

static void write_arrows(const struct link_connector *connector, struct buffer *out)
{
    buffer_append(out, TEXT(" ARROWS ("));
    for (unsigned i = 0; i < connector->facts.space_count; i++) {
        const struct setting_space *space = &connector->facts.spaces[i];
        buffer_append(out, TEXT(" {4}SMTP"));
        write_counted(out, space->pattern);
        buffer_printf(out, " %x", space->cost);
    }
    for (unsigned i = 0; i < connector->arrow_count; i++) {
        const struct link_arrow *arrow = &connector->arrows[i];
        buffer_append(out, TEXT(" {2}RG"));
        write_counted(out, link_id_text(&arrow->group));
        buffer_printf(out, " %x", arrow->cost);
    }
    buffer_append(out, TEXT(" )"));
}

static void write_connector(const struct link_group *group, const struct link_connector *connector,
                            struct arena *arena, struct buffer *out)
{
    struct text name = connector->facts.name;
    struct link_id id = link_id_of(
        "connector", arena_printf(arena, "%.*s/%.*s", TEXT_ARG(group->name), TEXT_ARG(name)));
    buffer_printf(out, " %s ( CONFIG {4}SMTP", id.hex);
    write_counted(out, arena_printf(arena, "_%s_S", id.hex));
    write_counted(out, connector->hosts);
    write_counted(out, arena_printf(arena, "/o=%.*s/ou=%.*s/cn=Connections/cn=%.*s",
                                    TEXT_ARG(group->organisation), TEXT_ARG(group->name),
                                    TEXT_ARG(name)));
    write_words(connector, out);
    write_arrows(connector, out);
    buffer_append(out, TEXT(" BH ("));
    for (unsigned i = 0; i < connector->bridgehead_count; i++) {
        const struct link_bridgehead *bridgehead = &connector->bridgeheads[i];
        write_id(out, "member", bridgehead->member);
        buffer_printf(out, " %s", link_reach_words[bridgehead->reach]);
        write_counted(out, bridgehead->member);
    }
    buffer_append(out, TEXT(" ) TARGBH ("));
    for (unsigned i = 0; i < connector->target_count; i++)
        write_counted(out, connector->targets[i]);
    buffer_printf(out, " ) STATE %s )", connector->is_up ? "UP" : "DOWN");
}

/* All behind the digest. */
static void write_content(const struct link_group *group, struct buffer *out)
{
    struct arena arena;
    arena_init(&arena);
    write_addresses(group, out);
    write_members(group, out);
    buffer_append(out, TEXT(" ("));
    for (unsigned i = 0; i < group->connector_count; i++) {
        write_connector(group, &group->connectors[i], &arena, out);
        arena_reset(&arena);
    }
    buffer_append(out, TEXT(" ) )"));
    arena_finish(&arena);
}

/* By the names, for that is what the ids are made of and people read. */

static int compare_members(const void *a, const void *b)
{
    const struct link_member *x = a, *y = b;
    return text_compare(x->name, y->name);
}

static int compare_connectors(const void *a, const void *b)
{
    const struct link_connector *x = a, *y = b;
    return text_compare(x->facts.name, y->facts.name);
}

static int compare_bridgeheads(const void *a, const void *b)
{
    const struct link_bridgehead *x = a, *y = b;
    return text_compare(x->member, y->member);
}

static void sort(void *elements, unsigned count, size_t size,
                 int (*compare)(const void *, const void *))
{
    if (count > 1)
        qsort(elements, count, size, compare);
}

bool link_group_seal(struct link_group *group)
{
    struct buffer content, block;
    buffer_init(&content, LINK_TABLE_MAX);
    buffer_init(&block, LINK_TABLE_MAX);
    sort(group->members, group->member_count, sizeof(*group->members), compare_members);
    sort(group->connectors, group->connector_count, sizeof(*group->connectors), compare_connectors);
    for (unsigned i = 0; i < group->connector_count; i++)
        sort(group->connectors[i].bridgeheads, group->connectors[i].bridgehead_count,
             sizeof(*group->connectors[i].bridgeheads), compare_bridgeheads);
    write_content(group, &content);
    group->digest = link_digest(buffer_text(&content));
    buffer_printf(&block, "( %s", group->id.hex);
    write_id(&block, "member", group->master);
    buffer_printf(&block, " %x %x %x %s", group->version.major, group->version.minor,
                  group->version.user, group->digest.hex);
    buffer_append(&block, buffer_text(&content));
    bool fits = !content.overflowed && !block.overflowed;
    group->block = fits ? arena_copy(&group->arena, buffer_text(&block)) : TEXT("");
    buffer_finish(&block);
    buffer_finish(&content);
    return fits;
}
