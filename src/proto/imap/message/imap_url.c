#include "proto/imap/message/imap_url.h"

#include "base/encoding.h"
#include "mail/date.h"

/* RFC 3986 2.1. No NUL. */
static bool decode(struct text encoded, struct arena *arena, struct text *out)
{
    char *bytes = arena_alloc(arena, encoded.length + 1);
    size_t length = 0;
    for (size_t i = 0; i < encoded.length; i++) {
        char c = encoded.data[i];
        if (c == '%') {
            int byte = hex_byte_value(text_from_position(encoded, i + 1));
            if (byte < 0)
                return false;
            c = (char)byte;
            i += 2;
        }
        if (c == '\0')
            return false;
        bytes[length++] = c;
    }
    *out = text_of(bytes, length);
    return true;
}

/* Take what stands before the next "/;" off *rest, and that. */
static struct text take_part(struct text *rest)
{
    size_t end = text_find_text(*rest, TEXT("/;"));
    struct text part = text_head(*rest, end);
    *rest = text_from_position(*rest, end + 2);
    return part;
}

/* "UID=20": the value behind this name. */
static bool value_of(struct text part, struct text name, struct text *value)
{
    *value = text_from_position(part, name.length);
    return text_starts_with_nocase(part, name) && value->length > 0;
}

static bool number_of(struct text part, struct text name, uint32_t *out)
{
    struct text value;
    return value_of(part, name, &value) && text_to_u32(value, out) && *out > 0;
}

/* "PARTIAL=0.1024"; without a length it goes to the end. */
static bool read_partial(struct text value, struct imap_url *out)
{
    struct text length = text_after(value, '.');
    out->is_partial = true;
    out->length = UINT32_MAX;
    return text_to_u64(text_before(value, '.'), &out->offset) &&
           (text_find(value, '.') == value.length ||
            (text_to_u32(length, &out->length) && out->length > 0));
}

/* ";UIDVALIDITY=1" may stand behind the mailbox. */
static bool read_mailbox(struct text part, struct arena *arena, struct imap_url *out)
{
    size_t end = text_find_last(part, ';');
    struct text parameter = text_from_position(part, end + 1);
    if (end < part.length && !number_of(parameter, TEXT("UIDVALIDITY="), &out->validity))
        return false;
    return end > 0 && decode(text_head(part, end), arena, &out->mailbox);
}

bool imap_url_read(struct text url, struct arena *arena, struct imap_url *out)
{
    struct text value, rest = text_from_position(url, 1);
    *out = (struct imap_url){.section = TEXT("")};
    if (!text_starts_with(url, TEXT("/")) || !read_mailbox(take_part(&rest), arena, out) ||
        !number_of(take_part(&rest), TEXT("UID="), &out->uid))
        return false;
    if (value_of(rest, TEXT("SECTION="), &value)) {
        value_of(take_part(&rest), TEXT("SECTION="), &value);
        if (!decode(value, arena, &out->section))
            return false;
    }
    if (rest.length == 0)
        return true;
    return value_of(rest, TEXT("PARTIAL="), &value) && read_partial(value, out);
}

/* Whole URLs */

/* Also an address in brackets, and a port. */
static bool is_host(struct text host)
{
    for (size_t i = 0; i < host.length; i++) {
        char c = host.data[i];
        bool is_name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_name && c != '.' && c != '-' && c != '_' && c != ':' && c != '[' && c != ']')
            return false;
    }
    return host.length > 0;
}

/* "joe;AUTH=*@example.com:143": how the user should log in is nothing to us. */
static bool read_authority(struct text authority, struct arena *arena, struct imap_full_url *out)
{
    size_t at = text_find_last(authority, '@');
    struct text user = text_head(authority, at == authority.length ? 0 : at);
    struct text login = text_from_position(user, text_find(user, ';')), value;
    out->host = at == authority.length ? authority : text_from_position(authority, at + 1);
    if (login.length > 0 && !value_of(login, TEXT(";AUTH="), &value))
        return false;
    return is_host(out->host) && decode(text_before(user, ';'), arena, &out->user);
}

/* Where the first of what RFC 4467 adds begins: no part before has a ";" of its own. */
static size_t find_authorization(struct text url)
{
    for (size_t i = 0; i < url.length; i++) {
        struct text rest = text_from_position(url, i);
        if (text_starts_with_nocase(rest, TEXT(";EXPIRE=")) ||
            text_starts_with_nocase(rest, TEXT(";URLAUTH=")))
            return i;
    }
    return url.length;
}

static const struct {
    const char *name;
    enum imap_url_access access;
    bool has_user;
} accesses[] = {
    {"submit+", IMAP_URL_ACCESS_SUBMIT, true},
    {"user+", IMAP_URL_ACCESS_USER, true},
    {"authuser", IMAP_URL_ACCESS_AUTHUSER, false},
    {"anonymous", IMAP_URL_ACCESS_ANONYMOUS, false},
};

static bool read_access(struct text access, struct arena *arena, struct imap_full_url *out)
{
    for (unsigned i = 0; i < sizeof(accesses) / sizeof(*accesses); i++) {
        struct text name = text_from(accesses[i].name);
        struct text user = text_from_position(access, name.length);
        if (!text_starts_with_nocase(access, name) || accesses[i].has_user != (user.length > 0))
            continue;
        out->access = accesses[i].access;
        return decode(user, arena, &out->access_user);
    }
    return false;
}

/* ";EXPIRE=2026-12-01T12:00:00Z;URLAUTH=submit+joe:internal:0191...", from its first ";" to the end
 * of the URL. */
static bool read_authorization(struct text url, struct text rest, struct arena *arena,
                               struct imap_full_url *out)
{
    struct text date, value;
    if (value_of(rest, TEXT(";EXPIRE="), &date)) {
        rest = text_from_position(date, text_find(date, ';'));
        if (!mail_date_parse_rfc3339(text_before(date, ';'), &out->expires_ms))
            return false;
    }
    if (!value_of(rest, TEXT(";URLAUTH="), &value))
        return false;
    size_t end = text_find(value, ':');
    struct text verifier = text_from_position(value, end);
    out->rump = text_head(url, url.length - verifier.length);
    if (verifier.length > 0) {
        verifier = text_from_position(verifier, 1);
        out->mechanism = text_before(verifier, ':');
        out->token = text_after(verifier, ':');
        if (out->mechanism.length == 0 || out->token.length == 0)
            return false;
    }
    return read_access(text_head(value, end), arena, out);
}

bool imap_full_url_read(struct text url, struct arena *arena, struct imap_full_url *out)
{
    struct text rest, empty = TEXT("");
    *out = (struct imap_full_url){.expires_ms = INT64_MAX,
                                  .access_user = empty,
                                  .rump = url,
                                  .mechanism = empty,
                                  .token = empty};
    if (!value_of(url, TEXT("imap://"), &rest))
        return false;
    size_t slash = text_find(rest, '/');
    struct text path = text_from_position(rest, slash);
    size_t end = find_authorization(path);
    struct text behind = text_from_position(path, end);
    return read_authority(text_head(rest, slash), arena, out) &&
           imap_url_read(text_head(path, end), arena, &out->message) &&
           (behind.length == 0 || read_authorization(url, behind, arena, out));
}
