/* Types of values: names of hosts, files and people. */
#include "settings/names.h"

#include <idn2.h>
#include <string.h>

#include "base/check.h"
#include "net/url.h"
#include "settings/address_template.h"
#include "settings/parser.h"
#include "settings/query.h"
#include "settings/settings.h"
#include "settings/types.h"

enum {
    DOMAIN_MAX = 253,
    LABEL_MAX = 63,
    LOCAL_PART_MAX = 64,
    NAME_MAX_BYTES = 64,
    PARTS_MAX = 100
};

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool is_ascii(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    }
    return true;
}

static bool is_number(struct text text)
{
    uint64_t number;
    return text_to_u64(text, &number);
}

/* Labels of letters, digits, hyphens and (as DNS has them) underscores. No top level domain is a
 * number (RFC 3696 2), so that an address is no name, nor is `to * cots 10` two more domains. */
static bool is_domain(struct text domain)
{
    if (domain.length == 0 || domain.length > DOMAIN_MAX || domain.data[domain.length - 1] == '.')
        return false;
    struct text rest = domain, label = TEXT("");
    while (text_split(&rest, '.', &label)) {
        if (label.length == 0 || label.length > LABEL_MAX || label.data[0] == '-' ||
            label.data[label.length - 1] == '-')
            return false;
        for (size_t i = 0; i < label.length; i++) {
            if (!is_name_byte(label.data[i]))
                return false;
        }
    }
    return !is_number(label);
}

static struct text lower_copy(struct arena *arena, struct text text)
{
    struct text copy = arena_copy(arena, text);
    char *bytes = (char *)copy.data;
    for (size_t i = 0; i < copy.length; i++) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] - 'A' + 'a');
    }
    return copy;
}

bool setting_domain_normalise(struct text domain, struct arena *arena, struct text *out)
{
    if (is_ascii(domain)) {
        *out = lower_copy(arena, domain);
        return is_domain(*out);
    }
    char international[1024], *ascii;
    if (!text_copy(domain, international, sizeof(international)))
        return false;
    /* UTS 46, non-transitional: as browsers and other mail systems map names. */
    if (idn2_lookup_u8((const uint8_t *)international, (uint8_t **)&ascii,
                       IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return false;
    *out = lower_copy(arena, text_from(ascii));
    idn2_free(ascii);
    return is_domain(*out);
}

static void write_text(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct text *text = value;
    if (text->length == 0)
        return;
    /* A value that looks like a clause of its statement must not be taken for one. */
    bool keyword = setting_row_find(row->kind, setting_row_statement(row), *text) != NULL ||
                   text_equals(*text, TEXT("then"));
    setting_word_write(*text, keyword, out);
}

static bool parse_host(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    if (setting_domain_normalise(word, &in->parser->object->arena, value))
        return true;
    return setting_reader_no_value(in, word,
                                   "a host name is letters, digits and hyphens between dots");
}

static bool parse_path(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    if (word.length == 0 || word.length > 4000)
        return setting_reader_no_value(in, word, "write the name of a file or directory");
    *(struct text *)value = settings_parser_path(in->parser, word);
    return true;
}

static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
            return false;
    }
    return true;
}

static bool parse_address(struct setting_reader *in, void *value)
{
    struct arena *arena = &in->parser->object->arena;
    struct text word = setting_reader_take(in), domain;
    size_t at = text_find_last(word, '@');
    if (at == 0 || at == word.length || at > LOCAL_PART_MAX || !is_printable(word) ||
        !setting_domain_normalise(text_from_position(word, at + 1), arena, &domain))
        return setting_reader_no_value(in, word, "write an address like postmaster@example.org");
    *(struct text *)value = arena_printf(arena, "%.*s@%.*s", (int)at, word.data, TEXT_ARG(domain));
    return true;
}

static bool parse_login(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    if (word.length == 0 || word.length > 255)
        return setting_reader_no_value(in, word, "write a user name of at most 255 bytes");
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return true;
}

static bool parse_word(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    if (word.length == 0 || word.length > 255)
        return setting_reader_no_value(in, word, "write a word of at most 255 bytes");
    for (size_t i = 0; i < word.length; i++)
        if (word.data[i] <= ' ' || word.data[i] > '~' || word.data[i] == '"' ||
            word.data[i] == '\\')
            return setting_reader_no_value(
                in, word, "write it in ASCII, without spaces, quotes and backslashes");
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return true;
}

static bool parse_url(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    struct https_url url;
    if (!https_url_parse(word, &url))
        return setting_reader_no_value(in, word, "write it like https://id.example.org/introspect");
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return true;
}

bool setting_name_is_valid(struct text name)
{
    if (name.length == 0 || name.length > NAME_MAX_BYTES || name.data[0] == '.')
        return false;
    for (size_t i = 0; i < name.length; i++) {
        if (!is_name_byte(name.data[i]) && name.data[i] != '.')
            return false;
    }
    return true;
}

static bool parse_secret(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    if (!setting_name_is_valid(word))
        return setting_reader_no_value(in, word,
                                       "it names a file in the secrets directory, without a path");
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return true;
}

/* REALM, or REALM domain DOMAIN: without, the domain of the same name. */
static bool parse_realm(struct setting_reader *in, void *value)
{
    struct arena *arena = &in->parser->object->arena;
    struct setting_realm *realm = value;
    struct text word = setting_reader_take(in), domain = word;
    if (word.length == 0 || word.length > DOMAIN_MAX || !is_printable(word) ||
        text_find(word, ':') < word.length || text_find(word, '\\') < word.length)
        return setting_reader_no_value(in, word, "write a realm like EXAMPLE.ORG");
    realm->name = arena_copy(arena, word);
    if (setting_reader_at(in, "domain")) {
        in->next++;
        if (setting_reader_peek(in) == NULL)
            return setting_reader_error(in, TEXT(""), "a domain is missing behind 'domain'");
        domain = setting_reader_take(in);
    }
    if (setting_domain_normalise(domain, arena, &realm->domain))
        return true;
    return setting_reader_no_value(in, domain, "write: REALM domain DOMAIN");
}

static void write_realm(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_realm *realm = value;
    unused(row);
    setting_word_write(realm->name, false, out);
    buffer_printf(out, " domain %.*s", TEXT_ARG(realm->domain));
}

static bool parse_user(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    if (text_find(word, '@') < word.length)
        return setting_reader_no_value(in, word, "write it without @, the domain is the block's");
    if (text_find(word, ',') < word.length || text_find(word, ';') < word.length)
        return setting_reader_no_value(in, word, "write users with spaces between them alone");
    if (word.length == 0 || word.length > LOCAL_PART_MAX || !is_printable(word))
        return setting_reader_no_value(in, word, "a user is 1 to 64 bytes without spaces");
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return true;
}

/* Its domain is written as the settings write domains, so that it can be compared. */
static bool parse_template(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in), domain;
    struct arena *arena = &in->parser->object->arena;
    struct text written = address_template_domain(word);
    if (address_template_check(word) != OK)
        return setting_reader_no_value(in, word, fail_reason());
    if (!setting_domain_normalise(written, arena, &domain))
        return setting_reader_no_value(in, word, "write a domain behind the @");
    *(struct text *)value =
        arena_printf(arena, "%.*s%.*s", TEXT_ARG(text_head(word, word.length - written.length)),
                     TEXT_ARG(domain));
    return true;
}

static bool parse_filter(struct setting_reader *in, void *value)
{
    struct text word = setting_reader_take(in);
    struct query *query;
    if (query_parse(word, &in->parser->scratch, &query) != OK)
        return setting_reader_no_value(in, word, fail_reason());
    *(struct text *)value = arena_copy(&in->parser->object->arena, word);
    return true;
}

bool setting_space_normalise(struct text word, struct arena *arena, struct text *out)
{
    struct text domain;
    size_t wildcard = text_starts_with(word, TEXT("*.")) ? 2 : text_starts_with(word, TEXT("*"));
    if (!setting_domain_normalise(text_from_position(word, wildcard), arena, &domain))
        return false;
    *out = arena_printf(arena, "%.*s%.*s", (int)wildcard, word.data, TEXT_ARG(domain));
    return true;
}

bool setting_block_name(enum setting_kind_id kind, struct text word, struct arena *arena,
                        struct text *out)
{
    if (kind == KIND_DOMAIN)
        return setting_domain_normalise(word, arena, out);
    bool is_both = text_starts_with(word, TEXT("*")) && !text_starts_with(word, TEXT("*."));
    if (kind == KIND_POLICY && !text_equals(word, TEXT("default")))
        return !is_both && setting_space_normalise(word, arena, out);
    *out = arena_copy(arena, word);
    return setting_name_is_valid(word);
}

bool setting_text_append(struct setting_reader *in, bool (*parse)(struct setting_reader *, void *),
                         struct text **texts, unsigned *texts_count)
{
    unsigned count = *texts_count;
    struct text text;
    if (!parse(in, &text))
        return false;
    if (count >= PARTS_MAX)
        return setting_reader_error(in, TEXT(""), "%s has more than %d values",
                                    setting_reader_where(in), PARTS_MAX);
    if ((count & (count - 1)) == 0) {
        struct text *larger =
            arena_array(&in->parser->object->arena, count == 0 ? 1 : count * 2, sizeof(text));
        if (count > 0)
            memcpy(larger, *texts, count * sizeof(text));
        *texts = larger;
    }
    (*texts)[(*texts_count)++] = text;
    return true;
}

/* `hold` or `hold for ACCOUNT ...`. */
static bool parse_hold(struct setting_reader *in, void *value)
{
    struct setting_connector *connector = value;
    connector->holds = true;
    const struct setting_word *word = setting_reader_peek(in);
    if (word == NULL)
        return true;
    in->next++;
    if (!setting_word_is(word, "for") || setting_reader_peek(in) == NULL)
        return setting_reader_error(in, TEXT("write: hold, or: hold for branch@example.org"),
                                    "%s: 'for' and an account are missing",
                                    setting_reader_where(in));
    while (setting_reader_peek(in) != NULL)
        if (!setting_text_append(in, parse_address, &connector->hold_accounts,
                                 &connector->hold_account_count))
            return false;
    return true;
}

static bool parse_drop(struct setting_reader *in, void *value)
{
    struct setting_domain *domain = value;
    domain->drops = true;
    return setting_reader_peek(in) == NULL || parse_path(in, &domain->drop_folder);
}

static void write_drop(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_domain *domain = value;
    unused(row);
    if (domain->drops)
        setting_word_write(domain->drop_folder, false, out);
}

/* RFC 1985 5: a domain, @domain, or #name. */
static bool parse_node(struct setting_reader *in, void *value)
{
    struct arena *arena = &in->parser->object->arena;
    struct text word = setting_reader_take(in), domain;
    bool below = text_starts_with(word, TEXT("@"));
    if (text_starts_with(word, TEXT("#")) && setting_name_is_valid(text_from_position(word, 1))) {
        *(struct text *)value = arena_copy(arena, word);
        return true;
    }
    if (!setting_domain_normalise(text_from_position(word, below ? 1 : 0), arena, &domain))
        return setting_reader_no_value(in, word, "write a domain, @domain or #name");
    *(struct text *)value = below ? arena_printf(arena, "@%.*s", TEXT_ARG(domain)) : domain;
    return true;
}

/* `atrn` or `atrn DOMAIN ...`, up to the next clause. */
static bool parse_atrn(struct setting_reader *in, void *value)
{
    struct setting_request *request = &((struct setting_connector *)value)->request;
    request->turns = true;
    while (setting_reader_peek(in) != NULL && !setting_reader_at_clause(in))
        if (!setting_text_append(in, parse_host, &request->domains, &request->domain_count))
            return false;
    return true;
}

static void write_atrn(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_request *request = &((const struct setting_connector *)value)->request;
    for (unsigned i = 0; i < request->domain_count; i++) {
        if (i > 0)
            buffer_append_byte(out, ' ');
        write_text(row, &request->domains[i], out);
    }
}

static void write_hold(const struct setting_row *row, const void *value, struct buffer *out)
{
    const struct setting_connector *connector = value;
    unused(row);
    for (unsigned i = 0; i < connector->hold_account_count; i++) {
        buffer_append(out, i == 0 ? TEXT("for ") : TEXT(" "));
        setting_word_write(connector->hold_accounts[i], false, out);
    }
}

const struct setting_type setting_type_hold = {.syntax = "[for ACCOUNT ...]",
                                               .repeats = true,
                                               .alone = true,
                                               .parse = parse_hold,
                                               .write = write_hold};
const struct setting_type setting_type_nodes = {.syntax = "NODE ...",
                                                .size = sizeof(struct text),
                                                .list = true,
                                                .parse = parse_node,
                                                .write = write_text};
const struct setting_type setting_type_drop = {
    .syntax = "[DIR]", .alone = true, .parse = parse_drop, .write = write_drop};
const struct setting_type setting_type_atrn = {.syntax = "[DOMAIN ...]",
                                               .repeats = true,
                                               .alone = true,
                                               .parse = parse_atrn,
                                               .write = write_atrn};
const struct setting_type setting_type_host = {
    .syntax = "HOST", .parse = parse_host, .write = write_text};
const struct setting_type setting_type_path = {
    .syntax = "FILE", .parse = parse_path, .write = write_text};
const struct setting_type setting_type_address = {
    .syntax = "ADDRESS", .parse = parse_address, .write = write_text};
const struct setting_type setting_type_accounts = {.syntax = "ACCOUNT ...",
                                                   .size = sizeof(struct text),
                                                   .list = true,
                                                   .parse = parse_address,
                                                   .write = write_text};
const struct setting_type setting_type_login = {
    .syntax = "USER", .parse = parse_login, .write = write_text};
const struct setting_type setting_type_word = {
    .syntax = "WORD", .parse = parse_word, .write = write_text};
const struct setting_type setting_type_url = {
    .syntax = "URL", .parse = parse_url, .write = write_text};
const struct setting_type setting_type_secret = {
    .syntax = "NAME", .parse = parse_secret, .write = write_text};
const struct setting_type setting_type_realms = {.syntax = "REALM [domain DOMAIN] ...",
                                                 .size = sizeof(struct setting_realm),
                                                 .list = true,
                                                 .parse = parse_realm,
                                                 .write = write_realm};
const struct setting_type setting_type_templates = {.syntax = "TEMPLATE ...",
                                                    .size = sizeof(struct text),
                                                    .list = true,
                                                    .parse = parse_template,
                                                    .write = write_text};
const struct setting_type setting_type_filter = {
    .syntax = "FILTER", .parse = parse_filter, .write = write_text};
const struct setting_type setting_type_users = {.syntax = "USER ...",
                                                .size = sizeof(struct text),
                                                .list = true,
                                                .parse = parse_user,
                                                .write = write_text};
