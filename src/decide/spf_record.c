#include "decide/spf_record.h"

#include <ctype.h>

#include "decide/spf_macro.h"

static const char *const result_names[SPF_RESULTS] = {
    [SPF_NONE] = "none",           [SPF_NEUTRAL] = "neutral",   [SPF_PASS] = "pass",
    [SPF_FAIL] = "fail",           [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror",
    [SPF_PERMERROR] = "permerror",
};

const char *spf_result_name(enum spf_result result)
{
    return result_names[result];
}

/* Which record counts */

static struct text version_of(struct text record)
{
    return text_before(record, ' ');
}

/* RFC 4406 3.1: "spf2." minor "/" scope *("," scope). A later minor version says no less. */
static bool names_scope(struct text version, enum spf_scope scope)
{
    struct text wanted = scope == SPF_SCOPE_PRA ? TEXT("pra") : TEXT("mfrom");
    struct text minor, scopes, name;
    uint32_t number;
    if (scope == SPF_SCOPE_SPF || !text_starts_with_nocase(version, TEXT("spf2.")))
        return false;
    minor = text_from_position(text_before(version, '/'), TEXT("spf2.").length);
    scopes = text_after(version, '/');
    if (!text_to_u32(minor, &number))
        return false;
    while (text_split(&scopes, ',', &name))
        if (text_equals_nocase(name, wanted))
            return true;
    return false;
}

unsigned spf_record_select(const struct text *records, unsigned count, enum spf_scope scope,
                           struct text *out)
{
    struct text first = TEXT(""), second = TEXT("");
    unsigned ones = 0, twos = 0;
    for (unsigned i = 0; i < count; i++) {
        struct text version = version_of(records[i]);
        if (text_equals_nocase(version, TEXT("v=spf1")) && ones++ == 0)
            first = records[i];
        else if (names_scope(version, scope) && twos++ == 0)
            second = records[i];
    }
    *out = twos > 0 ? second : first;
    return twos > 0 ? twos : ones;
}

/* What it says */

enum argument { NO_DOMAIN, MAY_HAVE_DOMAIN, NEEDS_DOMAIN, NETWORK };

static const struct mechanism_row {
    const char *name;
    enum spf_mechanism mechanism;
    enum argument argument;
    bool has_prefixes;
} mechanisms[] = {
    {"all", SPF_ALL, NO_DOMAIN, false},       {"include", SPF_INCLUDE, NEEDS_DOMAIN, false},
    {"a", SPF_A, MAY_HAVE_DOMAIN, true},      {"mx", SPF_MX, MAY_HAVE_DOMAIN, true},
    {"ptr", SPF_PTR, MAY_HAVE_DOMAIN, false}, {"ip4", SPF_IP4, NETWORK, false},
    {"ip6", SPF_IP6, NETWORK, false},         {"exists", SPF_EXISTS, NEEDS_DOMAIN, false},
};

static const struct mechanism_row *find_mechanism(struct text name)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(*mechanisms); i++)
        if (text_equals_nocase(name, text_from(mechanisms[i].name)))
            return &mechanisms[i];
    return NULL;
}

/* 5.6: a number without zeros in front. */
static bool take_prefix(struct text text, unsigned most, unsigned *out)
{
    uint32_t number;
    bool is_padded = text.length > 1 && text.data[0] == '0';
    if (is_padded || !text_to_u32(text, &number) || number > most)
        return false;
    *out = number;
    return true;
}

/* Where the digits at the end begin. */
static size_t digits_at_end(struct text text)
{
    size_t start = text.length;
    while (start > 0 && isdigit((unsigned char)text.data[start - 1]))
        start--;
    return start;
}

/* 5.3: take "/24", "//64" or "/24//64" off the end, where a domain-spec can have no slash. */
static bool take_prefixes(struct text *argument, struct spf_directive *out)
{
    size_t start = digits_at_end(*argument);
    struct text number = text_from_position(*argument, start);
    if (start >= 2 && argument->data[start - 1] == '/' && argument->data[start - 2] == '/') {
        if (!take_prefix(number, 128, &out->v6_bits))
            return false;
        *argument = text_head(*argument, start - 2);
        start = digits_at_end(*argument);
        number = text_from_position(*argument, start);
    }
    if (start >= 1 && argument->data[start - 1] == '/') {
        if (!take_prefix(number, 32, &out->v4_bits))
            return false;
        *argument = text_head(*argument, start - 1);
    }
    return true;
}

/* 5.6. Bits beyond the prefix may be anything. */
static bool take_network(struct text argument, bool is_v6, struct net_network *out)
{
    struct text address = text_before(argument, '/');
    bool has_prefix = address.length < argument.length;
    out->prefix_bits = is_v6 ? 128 : 32;
    if (text_starts_with(address, TEXT("[")) || !net_address_parse(address, 0, &out->address))
        return false;
    if ((out->address.any.sa_family == AF_INET6) != is_v6)
        return false;
    return !has_prefix ||
           take_prefix(text_after(argument, '/'), out->prefix_bits, &out->prefix_bits);
}

/* What stands behind the mechanism's name: "", ":argument", "/24". */
static bool take_argument(const struct mechanism_row *row, struct text rest, struct arena *arena,
                          struct spf_directive *out)
{
    out->v4_bits = 32;
    out->v6_bits = 128;
    bool has_colon = text_starts_with(rest, TEXT(":"));
    if (row->argument == NETWORK) {
        struct net_network *network = arena_alloc(arena, sizeof(*network));
        out->network = network;
        return has_colon &&
               take_network(text_from_position(rest, 1), row->mechanism == SPF_IP6, network);
    }
    if (row->has_prefixes && !take_prefixes(&rest, out))
        return false;
    if (text_is_empty(rest))
        return row->argument != NEEDS_DOMAIN;
    if (row->argument == NO_DOMAIN || !has_colon)
        return false;
    out->domain = text_from_position(rest, 1);
    return spf_macro_check(out->domain, SPF_MACRO_DOMAIN);
}

/* 4.6.2: the qualifiers, "+" when there is none. */
static enum spf_result take_qualifier(struct text *term)
{
    static const struct {
        char c;
        enum spf_result result;
    } rows[] = {{'+', SPF_PASS}, {'-', SPF_FAIL}, {'~', SPF_SOFTFAIL}, {'?', SPF_NEUTRAL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (term->data[0] == rows[i].c) {
            *term = text_from_position(*term, 1);
            return rows[i].result;
        }
    return SPF_PASS;
}

static size_t name_length(struct text term)
{
    size_t length = 0;
    while (length < term.length &&
           (isalnum((unsigned char)term.data[length]) ||
            (length > 0 &&
             (term.data[length] == '-' || term.data[length] == '_' || term.data[length] == '.'))))
        length++;
    return length > 0 && isdigit((unsigned char)term.data[0]) ? 0 : length;
}

/* 6: "redirect" and "exp" once each; others must be well formed and are ignored. */
static enum status take_modifier(struct text term, size_t length, struct spf_record *out)
{
    struct text name = text_head(term, length), value = text_from_position(term, length + 1);
    bool is_redirect = text_equals_nocase(name, TEXT("redirect"));
    bool is_known = is_redirect || text_equals_nocase(name, TEXT("exp"));
    struct text *known = is_redirect ? &out->redirect : &out->exp;
    if (!spf_macro_check(value, is_known ? SPF_MACRO_DOMAIN : SPF_MACRO_ANY))
        return refused("'%.*s' has no value that can be read", TEXT_ARG(term));
    if (is_known && known->data != NULL)
        return refused("'%.*s' stands there twice", TEXT_ARG(name));
    if (is_known)
        *known = value;
    return OK;
}

static enum status take_directive(struct text term, struct arena *arena, struct spf_directive *out)
{
    struct text rest = term;
    out->term = term;
    out->result = take_qualifier(&rest);
    size_t length = name_length(rest);
    const struct mechanism_row *row = find_mechanism(text_head(rest, length));
    if (row == NULL)
        return refused("'%.*s' is no mechanism", TEXT_ARG(term));
    out->mechanism = row->mechanism;
    if (!take_argument(row, text_from_position(rest, length), arena, out))
        return refused("'%.*s' cannot be read", TEXT_ARG(term));
    return OK;
}

enum status spf_record_parse(struct text record, struct arena *arena, struct spf_record *out)
{
    *out = (struct spf_record){0};
    if (record.length > SPF_RECORD_MAX)
        return refused("the record is longer than %d bytes", SPF_RECORD_MAX);
    struct text rest = text_after(record, ' '), term;
    size_t most = rest.length / 2 + 1;
    if (most > SPF_TERMS_MAX)
        most = SPF_TERMS_MAX;
    out->directives = arena_array(arena, most, sizeof(*out->directives));
    while (text_split(&rest, ' ', &term)) {
        if (text_is_empty(term))
            continue;
        if (out->count == most)
            return refused("the record has more than %d terms", SPF_TERMS_MAX);
        size_t length = name_length(term);
        bool is_modifier = length > 0 && length < term.length && term.data[length] == '=';
        enum status status = is_modifier
                                 ? take_modifier(term, length, out)
                                 : take_directive(term, arena, &out->directives[out->count]);
        if (status != OK)
            return status;
        out->count += !is_modifier;
    }
    return OK;
}
