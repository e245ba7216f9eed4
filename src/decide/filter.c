#include "decide/filter.h"

#include "decide/route.h"

enum { CODE_FIRST = 127, CODE_NO_ANSWER = 0x7fffff };

static bool is_at(const struct setting_filter_use *use, const struct net_address *local)
{
    for (unsigned i = 0; i < use->at_count; i++) {
        const struct net_address *at = &use->at[i];
        if (net_address_port(at) == net_address_port(local) &&
            (net_address_is_any(at) || net_address_same_host(at, local)))
            return true;
    }
    return use->at_count == 0;
}

uint32_t decide_filters(const struct setting_server *server, enum service service,
                        const struct net_address *local)
{
    uint32_t filters = 0;
    for (unsigned i = 0; i < server->filter_count && service == SERVICE_SMTP; i++)
        if (is_at(&server->filters[i], local))
            filters |= server->filters[i].filters;
    return filters;
}

static struct filter_decision because(const struct settings *settings, enum filter_verdict verdict,
                                      const char *rule, const char *row, struct text fact)
{
    return (struct filter_decision){
        verdict, {.rule = rule, .place = settings_filter_place(settings, row), .fact = fact}};
}

struct filter_decision decide_filter_address(const struct settings *settings,
                                             const struct net_address *address)
{
    const struct setting_filter *filter = &settings->filter;
    if (net_network_find(filter->accepted, filter->accepted_count, address) != NULL)
        return because(settings, FILTER_WANTED, "filter-accept", "accept", TEXT("peer"));
    if (net_network_find(filter->denied, filter->denied_count, address) != NULL)
        return because(settings, FILTER_UNWANTED, "filter-deny", "deny", TEXT("peer"));
    return (struct filter_decision){.verdict = FILTER_UNKNOWN};
}

static bool pattern_is_of(const struct setting_pattern *pattern, const struct mail_address *address)
{
    return (text_is_empty(pattern->local_part) ||
            text_equals_nocase(pattern->local_part, address->local_part)) &&
           decide_space_match(pattern->domain, address->domain_ascii) > 0;
}

static const struct setting_pattern *find_pattern(const struct setting_pattern *patterns,
                                                  unsigned count,
                                                  const struct mail_address *address)
{
    for (unsigned i = 0; i < count; i++)
        if (pattern_is_of(&patterns[i], address))
            return &patterns[i];
    return NULL;
}

struct filter_decision decide_filter_sender(const struct settings *settings,
                                            const struct mail_address *sender)
{
    const struct setting_filter *filter = &settings->filter;
    if (sender == NULL && filter->blank_senders)
        return because(settings, FILTER_UNWANTED, "filter-sender-blank", "sender blank", TEXT(""));
    const struct setting_pattern *pattern =
        sender == NULL ? NULL : find_pattern(filter->senders, filter->sender_count, sender);
    if (pattern != NULL)
        return because(settings, FILTER_UNWANTED, "filter-sender", "sender", pattern->written);
    return (struct filter_decision){.verdict = FILTER_UNKNOWN};
}

struct filter_decision decide_filter_recipient(const struct settings *settings,
                                               const struct mail_address *recipient)
{
    const struct setting_filter *filter = &settings->filter;
    const struct setting_pattern *pattern =
        find_pattern(filter->recipients, filter->recipient_count, recipient);
    if (pattern != NULL)
        return because(settings, FILTER_UNWANTED, "filter-recipient", "recipient",
                       pattern->written);
    return (struct filter_decision){.verdict = FILTER_UNKNOWN};
}

bool decide_filter_excepts(const struct settings *settings, const struct mail_address *recipient)
{
    const struct setting_filter *filter = &settings->filter;
    return find_pattern(filter->excepted, filter->excepted_count, recipient) != NULL;
}

enum filter_code decide_filter_code(const struct setting_block_list *list, uint32_t code)
{
    if (code >> 24 != CODE_FIRST)
        return FILTER_CODE_FOREIGN;
    /* As the large lists have it for who asks too much, or by a resolver that others share. */
    if (code >> 8 == CODE_NO_ANSWER)
        return FILTER_CODE_NO_ANSWER;
    bool counts = (list->code_count == 0 && list->mask == 0) || (code & list->mask) != 0;
    for (unsigned i = 0; i < list->code_count; i++)
        counts = counts || list->codes[i] == code;
    return counts ? FILTER_CODE_COUNTS : FILTER_CODE_OTHER;
}

static const struct filter_listing *find_listing(const struct filter_listing *listings,
                                                 unsigned count, struct text list)
{
    for (unsigned i = 0; i < count; i++)
        if (text_equals(listings[i].list, list))
            return &listings[i];
    return NULL;
}

const struct setting_block_list *decide_filter_listed(const struct settings *settings,
                                                      const struct filter_listing *listings,
                                                      unsigned count, uint32_t *code)
{
    for (unsigned i = 0; i < settings->block_list_count; i++) {
        const struct setting_block_list *list = &settings->block_lists[i];
        const struct filter_listing *listing = find_listing(listings, count, list->name);
        for (unsigned k = 0; listing != NULL && k < listing->code_count; k++) {
            *code = listing->codes[k];
            if (decide_filter_code(list, *code) == FILTER_CODE_COUNTS)
                return list;
        }
    }
    return NULL;
}

void decide_filter_reply(const struct setting_block_list *list, struct text address,
                         struct buffer *out)
{
    const struct text values[] = {address, list->name, list->zone};
    struct text rest = list->reply;
    while (rest.length > 0) {
        struct text plain = text_before(rest, '%');
        buffer_append(out, plain);
        rest = text_from_position(rest, plain.length);
        if (rest.length == 0)
            break;
        bool is_value = rest.length > 1 && rest.data[1] >= '0' && rest.data[1] <= '2';
        buffer_append(out, is_value ? values[rest.data[1] - '0'] : TEXT("%"));
        rest = text_from_position(rest, is_value ? 2 : 1);
    }
}

const struct net_address *decide_filter_origin(const struct settings *settings,
                                               const struct net_address *path, unsigned count)
{
    const struct setting_filter *filter = &settings->filter;
    for (unsigned i = 0; i < count; i++)
        if (net_network_find(filter->relays, filter->relay_count, &path[i]) == NULL)
            return &path[i];
    return NULL;
}
