/* Strict parsing of mail addresses. What is refused here is refused to the peer, so each reason
 * says what is wrong with the address in words its owner can act on. Only canonical forms leave
 * this file: two spellings of one mailbox give one text. */
#include "mail/address.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "base/encoding.h"

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_non_ascii(char c)
{
    return (unsigned char)c >= 0x80;
}

/* RFC 5322 3.2.3 atext, with UTF8-non-ascii added by RFC 6531 3.3. */
static bool is_atext(char c)
{
    return is_alphanumeric(c) || is_non_ascii(c) ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool has_non_ascii(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (is_non_ascii(text.data[i]))
            return true;
    return false;
}

/* C0, DEL, and C1 as UTF-8 writes it. No control byte has business in an address, however it is
 * quoted: it could end a line or a string further on. */
static bool has_control(struct text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 32 || byte == 127)
            return true;
        unsigned char next = i + 1 < text.length ? (unsigned char)text.data[i + 1] : 0;
        if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
            return true;
    }
    return false;
}

static bool starts_with_byte(struct text text, char c)
{
    return text.length > 0 && text.data[0] == c;
}

static struct text lower(struct text text, struct arena *arena)
{
    struct text copy = arena_copy(arena, text);
    char *out = (char *)copy.data;
    for (size_t i = 0; i < copy.length; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] - 'A' + 'a');
    return copy;
}

/* Local part */

static bool is_dot_atom(struct text text)
{
    bool after_dot = true;
    for (size_t i = 0; i < text.length; i++) {
        bool dot = text.data[i] == '.';
        if (dot ? after_dot : !is_atext(text.data[i]))
            return false;
        after_dot = dot;
    }
    return !after_dot;
}

/* As short as it can be written: a dot-atom where that is possible (RFC 5321 4.1.2: a quoted
 * string that could be an atom SHOULD be written as one). */
static size_t written_length(struct text local_part)
{
    if (is_dot_atom(local_part))
        return local_part.length;
    size_t length = local_part.length + 2;
    for (size_t i = 0; i < local_part.length; i++)
        length += local_part.data[i] == '"' || local_part.data[i] == '\\';
    return length;
}

/* RFC 5321 4.1.2 Quoted-string at the start of *rest. */
static enum status take_quoted(struct text *rest, struct arena *arena, struct text *out)
{
    struct text in = *rest;
    char *unquoted = arena_alloc(arena, in.length + 1);
    size_t length = 0, i = 1;
    while (i < in.length && in.data[i] != '"') {
        if (in.data[i] == '\\' && ++i < in.length && is_non_ascii(in.data[i]))
            return refused("a backslash in the local part stands before a non-ASCII character");
        if (i < in.length)
            unquoted[length++] = in.data[i++];
    }
    if (i >= in.length)
        return refused("the quoted local part does not end");
    *rest = text_from_position(in, i + 1);
    *out = text_of(unquoted, length);
    return OK;
}

static enum status take_dot_string(struct text *rest, struct arena *arena, struct text *out)
{
    size_t length = text_find(*rest, '@');
    struct text written = text_head(*rest, length);
    for (size_t i = 0; i < length; i++) {
        char c = written.data[i];
        if (c == '.' && i == 0)
            return refused("the local part begins with a dot");
        if (c == '.' && written.data[i - 1] == '.')
            return refused("the local part has two dots in a row");
        if (c == ' ')
            return refused("a space stands in the local part without quotes");
        if (c != '.' && !is_atext(c))
            return refused("'%c' stands in the local part without quotes", c);
    }
    if (length > 0 && written.data[length - 1] == '.')
        return refused("the local part ends with a dot");
    *out = arena_copy(arena, written);
    *rest = text_from_position(*rest, length);
    return OK;
}

/* *rest is free of control bytes already. */
static enum status take_local_part(struct text *rest, struct arena *arena, struct text *out)
{
    enum status status = starts_with_byte(*rest, '"') ? take_quoted(rest, arena, out)
                                                      : take_dot_string(rest, arena, out);
    if (status != OK)
        return status;
    if (out->length == 0)
        return refused("the local part is empty");
    if (!utf8_is_valid(*out))
        return refused("the local part is not well-formed UTF-8");
    if (written_length(*out) > MAIL_LOCAL_PART_MAX)
        return refused("the local part is longer than %d bytes", MAIL_LOCAL_PART_MAX);
    return OK;
}

/* Domain */

/* RFC 5321 4.1.2 sub-domain, RFC 1034 3.1 lengths. */
static enum status check_label(struct text label)
{
    if (label.length == 0)
        return refused("a domain label is empty");
    if (label.length > 63)
        return refused("a domain label is longer than 63 bytes");
    if (label.data[0] == '-' || label.data[label.length - 1] == '-')
        return refused("a domain label begins or ends with a hyphen");
    for (size_t i = 0; i < label.length; i++)
        if (!is_alphanumeric(label.data[i]) && label.data[i] != '-')
            return refused("the domain holds '%c'", label.data[i]);
    return OK;
}

/* An ASCII name. What an A-label decodes to is not our affair: to SMTP and DNS it is a name as
 * good as any, and names outside IDNA2008 are in use. */
static enum status check_ascii_domain(struct text domain)
{
    if (domain.length == 0)
        return refused("the domain is empty");
    if (domain.length > MAIL_DOMAIN_MAX)
        return refused("the domain is longer than %d bytes", MAIL_DOMAIN_MAX);
    for (size_t start = 0; start <= domain.length;) {
        struct text label = text_before(text_from_position(domain, start), '.');
        enum status status = check_label(label);
        if (status != OK)
            return status;
        start += label.length + 1;
    }
    return OK;
}

/* RFC 5890-5892 with the mapping of UTS 46, non-transitional. */
static enum status to_a_labels(struct text domain, struct arena *arena, struct text *ascii)
{
    /* The limit before the work: mapping never makes three bytes of UTF-8 less than one. */
    if (domain.length > 3 * MAIL_DOMAIN_MAX)
        return refused("the domain is longer than %d bytes", MAIL_DOMAIN_MAX);
    if (!utf8_is_valid(domain) || has_control(domain))
        return refused("the domain is not well-formed UTF-8");
    struct text ended = arena_copy(arena, domain);
    uint8_t *found = NULL;
    int result =
        idn2_lookup_u8((const uint8_t *)ended.data, &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (result != IDN2_OK)
        return refused("the domain is no international name: %s", idn2_strerror(result));
    *ascii = lower(text_from((const char *)found), arena);
    idn2_free(found);
    return check_ascii_domain(*ascii);
}

/* Every spelling of a name is kept as one: as the U-labels that its A-labels stand for. A-labels
 * that were written beside U-labels may decode to what no U-label can be; then there is no name
 * that means the same in both forms. */
static enum status international_domain(struct text domain, struct arena *arena, struct text *ascii,
                                        struct text *unicode)
{
    struct text again;
    char *decoded = NULL;
    enum status status = to_a_labels(domain, arena, ascii);
    if (status != OK)
        return status;
    int result = idn2_to_unicode_8z8z(ascii->data, &decoded, 0);
    if (result != IDN2_OK)
        return refused("the domain is no international name: %s", idn2_strerror(result));
    *unicode = arena_copy(arena, text_from(decoded));
    idn2_free(decoded);
    if (unicode->length > MAIL_DOMAIN_MAX)
        return refused("the domain is longer than %d bytes", MAIL_DOMAIN_MAX);
    status = to_a_labels(*unicode, arena, &again);
    if (status == OK && !text_equals(again, *ascii))
        return refused("the domain is no international name: its labels do not agree");
    return status;
}

/* RFC 5321 4.1.3. Addresses are written back by the system, so one address has one text. */
static enum status parse_literal(struct text text, struct arena *arena, struct mail_address *out)
{
    char host[INET6_ADDRSTRLEN], printed[INET6_ADDRSTRLEN];
    unsigned char address[sizeof(struct in6_addr)];
    if (text.length < 2 || text.data[text.length - 1] != ']')
        return refused("the address literal does not end with ']'");
    struct text inner = text_head(text_from_position(text, 1), text.length - 2);
    bool six = text_starts_with_nocase(inner, TEXT("IPv6:"));
    int family = six ? AF_INET6 : AF_INET;
    if (six)
        inner = text_from_position(inner, 5);
    if (!text_copy(inner, host, sizeof(host)) || inet_pton(family, host, address) != 1)
        return refused("the address literal is neither IPv4 nor IPv6");
    inet_ntop(family, address, printed, sizeof(printed));
    out->domain = arena_printf(arena, "[%s%s]", six ? "IPv6:" : "", printed);
    out->domain_ascii = out->domain;
    out->is_literal = true;
    return OK;
}

static enum status parse_domain(struct text text, struct arena *arena, struct mail_address *out)
{
    if (starts_with_byte(text, '['))
        return parse_literal(text, arena, out);
    if (has_non_ascii(text))
        return international_domain(text, arena, &out->domain_ascii, &out->domain);
    enum status status = check_ascii_domain(text);
    if (status == OK)
        out->domain = out->domain_ascii = lower(text, arena);
    return status;
}

bool mail_domain_to_ascii(struct text domain, struct arena *arena, struct text *out)
{
    struct text ignored;
    if (has_non_ascii(domain))
        return international_domain(domain, arena, out, &ignored) == OK;
    if (check_ascii_domain(domain) != OK)
        return false;
    *out = lower(domain, arena);
    return true;
}

/* Addresses and paths */

enum status mail_address_parse(struct text text, struct arena *arena, struct mail_address *out)
{
    struct mail_address found = {0};
    if (has_control(text))
        return refused("the address holds a control character");
    enum status status = take_local_part(&text, arena, &found.local_part);
    if (status != OK)
        return status;
    if (!starts_with_byte(text, '@'))
        return refused(text.length == 0 ? "the address has no domain"
                                        : "no '@' follows the quoted local part");
    status = parse_domain(text_from_position(text, 1), arena, &found);
    if (status != OK)
        return status;
    found.is_international = has_non_ascii(found.local_part) || has_non_ascii(found.domain);
    *out = found;
    return OK;
}

/* The position of the ">" that ends a path: not one inside a quoted string. */
static size_t path_end(struct text text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '"')
            quoted = !quoted;
        else if (c == '\\' && quoted)
            i++;
        else if (c == '>' && !quoted)
            return i;
    }
    return text.length;
}

/* RFC 5321 appendix C: "@a,@b:" in front of the mailbox must be accepted and should be ignored. */
static enum status drop_source_route(struct text *path, struct arena *arena)
{
    size_t colon = text_find(*path, ':');
    struct text route = text_head(*path, colon), hop;
    if (colon == path->length)
        return refused("the source route does not end with a colon");
    if (route.data[colon - 1] == ',')
        return refused("the source route ends with a comma");
    while (text_split(&route, ',', &hop)) {
        struct mail_address ignored = {0};
        if (!starts_with_byte(hop, '@'))
            return refused("a source route hop does not begin with '@'");
        enum status status = parse_domain(text_from_position(hop, 1), arena, &ignored);
        if (status != OK)
            return fail_within(status, "source route");
    }
    *path = text_from_position(*path, colon + 1);
    return OK;
}

enum status mail_path_parse(struct text *rest, struct arena *arena, struct mail_address *out,
                            bool *is_null)
{
    if (!starts_with_byte(*rest, '<'))
        return refused("the path does not begin with '<'");
    size_t end = path_end(*rest);
    if (end == rest->length)
        return refused("the path does not end with '>'");
    struct text path = text_head(text_from_position(*rest, 1), end - 1);
    if (has_control(path))
        return refused("the address holds a control character");
    struct mail_address found = {0};
    enum status status = OK;
    *is_null = path.length == 0;
    if (starts_with_byte(path, '@'))
        status = drop_source_route(&path, arena);
    /* RFC 5321 4.5.1: <postmaster> must be known without a domain. */
    if (status == OK && text_equals_nocase(path, TEXT("postmaster")))
        found.local_part = arena_copy(arena, path);
    else if (status == OK && !*is_null)
        status = mail_address_parse(path, arena, &found);
    if (status != OK)
        return status;
    *rest = text_from_position(*rest, end + 1);
    *out = found;
    return OK;
}

/* Printing */

static struct text join(struct text local_part, struct text domain, struct arena *arena)
{
    const char *at = domain.length == 0 ? "" : "@";
    if (is_dot_atom(local_part))
        return arena_printf(arena, "%.*s%s%.*s", TEXT_ARG(local_part), at, TEXT_ARG(domain));
    char *quoted = arena_alloc(arena, 2 * local_part.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < local_part.length; i++) {
        if (local_part.data[i] == '"' || local_part.data[i] == '\\')
            quoted[length++] = '\\';
        quoted[length++] = local_part.data[i];
    }
    return arena_printf(arena, "\"%.*s\"%s%.*s", (int)length, quoted, at, TEXT_ARG(domain));
}

struct text mail_address_text(const struct mail_address *address, struct arena *arena)
{
    if (address->local_part.length == 0)
        return TEXT("");
    return join(address->local_part, address->domain, arena);
}

struct text mail_address_key(const struct mail_address *address, struct arena *arena)
{
    if (address->local_part.length == 0)
        return TEXT("");
    return join(lower(address->local_part, arena), address->domain_ascii, arena);
}
