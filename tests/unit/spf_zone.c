#include "spf_zone.h"

#include "base/check.h"

static const char *const types[] = {[RESOLVER_A] = "A",
                                    [RESOLVER_AAAA] = "AAAA",
                                    [RESOLVER_MX] = "MX",
                                    [RESOLVER_PTR] = "PTR",
                                    [RESOLVER_TXT] = "TXT"};

enum status spf_zone_look_up(void *context, enum resolver_kind kind, struct text name,
                             struct arena *arena, struct resolver_records *out)
{
    struct spf_zone *zone = context;
    *out = (struct resolver_records){.addresses =
                                         arena_array(arena, zone->count, sizeof(*out->addresses)),
                                     .texts = arena_array(arena, zone->count, sizeof(*out->texts))};
    zone->asked++;
    check(text_copy(name, zone->last, sizeof(zone->last)));
    if (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    for (unsigned i = 0; i < zone->count; i++) {
        const struct spf_row *row = &zone->rows[i];
        if (!text_equals_nocase(name, text_from(row->name)))
            continue;
        out->exists = true;
        if (!text_equals(text_from(row->type), text_from(types[kind])))
            continue;
        if (row->value == NULL)
            return try_later("DNS: server failure");
        if (kind == RESOLVER_A || kind == RESOLVER_AAAA)
            check(net_address_parse(text_from(row->value), 0, &out->addresses[out->count]));
        else
            out->texts[out->count] = text_from(row->value);
        out->count++;
    }
    return OK;
}
