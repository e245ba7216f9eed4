/* What terms of SPF records ask: DNS, the client's own names, and what macros stand for. */
#include "decide/spf_evaluation.h"

enum { EXPANDED_MAX = 4096 };

/* DNS */

bool spf_client_is_v4(const struct spf_evaluation *evaluation)
{
    return evaluation->ip.any.sa_family == AF_INET;
}

enum resolver_kind spf_address_kind(const struct spf_evaluation *evaluation)
{
    return spf_client_is_v4(evaluation) ? RESOLVER_A : RESOLVER_AAAA;
}

static enum status find_in(struct spf_evaluation *evaluation, enum resolver_kind kind,
                           struct text name, struct arena *arena, struct resolver_records *out)
{
    *out = (struct resolver_records){0};
    return spf_name_is_valid(name)
               ? evaluation->look_up(evaluation->context, kind, name, arena, out)
               : OK;
}

enum status spf_find(struct spf_evaluation *evaluation, enum resolver_kind kind, struct text name,
                     struct resolver_records *out)
{
    return find_in(evaluation, kind, name, evaluation->arena, out);
}

enum status spf_find_addresses(struct spf_evaluation *evaluation, enum resolver_kind kind,
                               struct text name, unsigned prefix_bits, struct spf_addresses *out)
{
    struct resolver_records records;
    struct arena scratch;
    arena_init(&scratch);
    enum status status = find_in(evaluation, kind, name, &scratch, &records);
    *out = (struct spf_addresses){.count = records.count};
    for (unsigned i = 0; i < records.count && !out->has_client; i++) {
        struct net_network network = {records.addresses[i], prefix_bits};
        out->has_client = net_network_contains(&network, &evaluation->ip);
    }
    arena_finish(&scratch);
    return status;
}

/* The client by name: 5.5 */

void spf_validate(struct spf_evaluation *evaluation)
{
    struct resolver_records names;
    struct spf_addresses addresses;
    char reverse[NET_REVERSE_NAME_BYTES];
    if (evaluation->has_validated)
        return;
    evaluation->has_validated = true;
    evaluation->validated =
        arena_array(evaluation->arena, SPF_HOSTS_MAX, sizeof(*evaluation->validated));
    if (!net_address_reverse_name(&evaluation->ip, reverse) ||
        spf_find(evaluation, RESOLVER_PTR, arena_copy(evaluation->arena, text_from(reverse)),
                 &names) != OK)
        return;
    for (unsigned i = 0; i < names.count && i < SPF_HOSTS_MAX; i++)
        if (spf_find_addresses(evaluation, spf_address_kind(evaluation), names.texts[i],
                               spf_client_is_v4(evaluation) ? 32 : 128, &addresses) == OK &&
            addresses.has_client)
            evaluation->validated[evaluation->validated_count++] = names.texts[i];
}

/* 7.3: the domain itself before its subdomains before others. */
static struct text validated_name(struct spf_evaluation *evaluation, struct text domain)
{
    struct text below = {0};
    spf_validate(evaluation);
    for (unsigned i = 0; i < evaluation->validated_count; i++) {
        struct text name = evaluation->validated[i];
        if (text_equals_nocase(name, domain))
            return name;
        if (below.data == NULL && spf_name_is_within(name, domain))
            below = name;
    }
    if (below.data != NULL)
        return below;
    return evaluation->validated_count > 0 ? evaluation->validated[0] : TEXT("unknown");
}

/* Macros */

static bool has_8bit(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] > 127)
            return true;
    return false;
}

bool spf_is_beyond_names(const struct spf_evaluation *evaluation, struct text spec)
{
    return has_8bit(evaluation->sender) && (spf_macro_has(spec, 's') || spf_macro_has(spec, 'l'));
}

struct text spf_expand(struct spf_evaluation *evaluation, struct text domain, struct text spec,
                       enum spf_macro_kind kind)
{
    const struct spf_facts *facts = evaluation->facts;
    struct spf_names names = {.sender = evaluation->sender,
                              .domain = domain,
                              .ip = &evaluation->ip,
                              .helo = facts->helo,
                              .receiver = facts->receiver,
                              .validated = TEXT("unknown"),
                              .now_s = facts->now_s};
    struct buffer expanded;
    struct text result = TEXT("");
    if (spf_macro_has(spec, 'p'))
        names.validated = validated_name(evaluation, domain);
    buffer_init(&expanded, EXPANDED_MAX);
    if (spf_macro_expand(spec, kind, &names, &expanded))
        result = arena_copy(evaluation->arena, buffer_text(&expanded));
    buffer_finish(&expanded);
    return result;
}

struct text spf_target(struct spf_evaluation *evaluation, struct text domain, struct text spec)
{
    if (text_is_empty(spec))
        return domain;
    if (spf_is_beyond_names(evaluation, spec))
        return TEXT("");
    return spf_name_shortened(spf_expand(evaluation, domain, spec, SPF_MACRO_DOMAIN));
}
