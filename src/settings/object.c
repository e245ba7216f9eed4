#include "settings/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { DOMAIN_KEY_MAX = 255 };

struct settings_object *settings_object_new(uint64_t version)
{
    struct settings_object *object = calloc(1, sizeof(*object));
    check(object != NULL);
    object->settings.version = version;
    object->holders = 1;
    object->domains = map_new();
    object->blocks_end = &object->blocks;
    arena_init(&object->arena);
    struct setting_place nowhere = {0};
    settings_object_add(object, KIND_TOP, TEXT(""), nowhere)->values = &object->settings;
    settings_object_add(object, KIND_RETRY, TEXT(""), nowhere)->values = &object->settings.retry;
    settings_object_add(object, KIND_FILTER, TEXT(""), nowhere)->values = &object->settings.filter;
    return object;
}

void settings_object_free(struct settings_object *object)
{
    map_free(&object->domains);
    arena_finish(&object->arena);
    free(object);
}

struct settings *settings_hold(struct settings *settings)
{
    ((struct settings_object *)settings)->holders++;
    return settings;
}

void settings_release(struct settings **settings)
{
    if (*settings == NULL)
        return;
    struct settings_object *object = (struct settings_object *)*settings;
    check(object->holders > 0);
    if (--object->holders == 0)
        settings_object_free(object);
    *settings = NULL;
}

struct setting_block *settings_object_add(struct settings_object *object, enum setting_kind_id kind,
                                          struct text name, struct setting_place place)
{
    const struct setting_kind *about = &setting_kinds[kind];
    unsigned rows;
    setting_kind_rows(kind, &rows);
    struct setting_block *block = arena_alloc(&object->arena, sizeof(*block));
    block->kind = kind;
    block->name = name;
    block->place = place;
    block->places = arena_array(&object->arena, rows, sizeof(*block->places));
    if (about->names_most > 0) {
        block->values = arena_alloc(&object->arena, about->size);
        memcpy((char *)block->values + about->name_offset, &name, sizeof(name));
        memcpy((char *)block->values + about->place_offset, &place, sizeof(place));
    }
    *object->blocks_end = block;
    object->blocks_end = &block->next;
    object->block_counts[kind]++;
    return block;
}

void settings_object_finish(struct settings_object *object)
{
    char *arrays[KIND_COUNT];
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const struct setting_kind *about = &setting_kinds[kind];
        if (about->names_most == 0)
            continue;
        unsigned count = object->block_counts[kind];
        arrays[kind] = arena_array(&object->arena, count, about->size);
        memcpy((char *)&object->settings + about->array_offset, &arrays[kind], sizeof(char *));
        memcpy((char *)&object->settings + about->count_offset, &count, sizeof(count));
    }
    for (struct setting_block *block = object->blocks; block != NULL; block = block->next) {
        const struct setting_kind *about = &setting_kinds[block->kind];
        if (about->names_most == 0)
            continue;
        block->values = memcpy(arrays[block->kind], block->values, about->size);
        arrays[block->kind] += about->size;
        if (block->kind == KIND_DOMAIN)
            map_put(object->domains, block->name, block->values);
    }
}

void *setting_block_value(const struct setting_block *block, const struct setting_row *row)
{
    return (char *)block->values + row->offset;
}

struct setting_place *setting_block_place(const struct setting_block *block,
                                          const struct setting_row *row)
{
    unsigned count;
    return &block->places[setting_row_kept(row) - setting_kind_rows(block->kind, &count)];
}

const struct setting_place *setting_block_row_place(const struct setting_block *block,
                                                    const char *name)
{
    struct text text = text_from(name);
    const struct setting_row *row =
        setting_row_find(block->kind, text_before(text, ' '), text_after(text, ' '));
    check(row != NULL);
    return setting_block_place(block, row);
}

const struct setting_place *setting_place_or_block(const struct setting_block *block,
                                                   const char *name)
{
    const struct setting_place *place = setting_block_row_place(block, name);
    return place->line > 0 ? place : &block->place;
}

unsigned *setting_block_list_count(const struct setting_block *block, const struct setting_row *row)
{
    return (unsigned *)((char *)block->values + row->count_offset);
}

const struct setting_server *settings_server_find(const struct settings *settings, struct text name)
{
    for (unsigned i = 0; i < settings->server_count; i++)
        if (text_equals(settings->servers[i].name, name))
            return &settings->servers[i];
    return NULL;
}

const struct setting_connector *settings_connector_find(const struct settings *settings,
                                                        struct text name)
{
    for (unsigned i = 0; i < settings->connector_count; i++)
        if (text_equals_nocase(settings->connectors[i].name, name))
            return &settings->connectors[i];
    return NULL;
}

const struct setting_domain *settings_domain_find(const struct settings *settings,
                                                  struct text domain)
{
    char key[DOMAIN_KEY_MAX];
    if (domain.length > sizeof(key))
        return NULL;
    for (size_t i = 0; i < domain.length; i++) {
        char c = domain.data[i];
        key[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    const struct settings_object *object = (const struct settings_object *)settings;
    return map_get(object->domains, text_of(key, domain.length));
}

static const struct setting_block *block_of(const struct settings *settings, const void *values,
                                            enum setting_kind_id kind)
{
    const struct setting_block *block = ((const struct settings_object *)settings)->blocks;
    while (block != NULL && (block->kind != kind || block->values != values))
        block = block->next;
    return block;
}

/* Of a row in the block that has these values; line 0: it is not written. */
static struct setting_place written_at(const struct settings *settings, const void *values,
                                       enum setting_kind_id kind, const char *name)
{
    const struct setting_block *block = block_of(settings, values, kind);
    return block == NULL ? (struct setting_place){0} : *setting_block_row_place(block, name);
}

/* The same, or else the block. */
static struct setting_place place_of(const struct settings *settings, const void *values,
                                     enum setting_kind_id kind, const char *name)
{
    struct setting_place place = written_at(settings, values, kind, name);
    const struct setting_block *block = block_of(settings, values, kind);
    return place.line > 0 || block == NULL ? place : block->place;
}

struct setting_place settings_connector_place(const struct settings *settings,
                                              const struct setting_connector *connector,
                                              const char *name)
{
    return place_of(settings, connector, KIND_CONNECTOR, name);
}

const struct setting_group *settings_group(const struct settings *settings)
{
    return settings->group_count == 0 ? NULL : settings->groups;
}

struct text settings_member_hop(const char *kind, struct text member, struct arena *arena)
{
    return arena_printf(arena, "%s:%.*s", kind, TEXT_ARG(member));
}

struct setting_place settings_retry_place(const struct settings *settings,
                                          const struct setting_retry *retry, const char *name)
{
    char row[64];
    snprintf(row, sizeof(row), "retry %s", name);
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        struct setting_place place = {0};
        if (&server->retry == retry)
            place = written_at(settings, server, KIND_SERVER, row);
        if (place.line > 0)
            return place;
    }
    return place_of(settings, &settings->retry, KIND_RETRY, name);
}

bool setting_retry_equals(const struct setting_retry *a, const struct setting_retry *b)
{
    bool equal = a->glitch_ms == b->glitch_ms && a->glitch_count == b->glitch_count &&
                 a->after_count == b->after_count && a->delay_notice_ms == b->delay_notice_ms &&
                 a->expire_ms == b->expire_ms && a->local_notice_ms == b->local_notice_ms &&
                 a->local_expire_ms == b->local_expire_ms;
    for (unsigned i = 0; equal && i < a->after_count; i++)
        equal = a->after_ms[i] == b->after_ms[i];
    return equal;
}

struct setting_place settings_filter_place(const struct settings *settings, const char *name)
{
    return place_of(settings, &settings->filter, KIND_FILTER, name);
}

struct setting_place settings_top_place(const struct settings *settings, const char *name)
{
    return place_of(settings, settings, KIND_TOP, name);
}

bool setting_client_logs_in(const struct setting_client_login *login)
{
    size_t named = login->user.length + login->secret.length + login->token_file.length +
                   login->keytab_file.length + login->tickets_file.length;
    return named > 0 || login->mechanisms != 0;
}
