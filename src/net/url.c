#include "net/url.h"

static bool is_host(struct text host)
{
    for (size_t i = 0; i < host.length; i++) {
        char c = host.data[i];
        bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '.')
            return false;
    }
    return host.length > 0 && host.length <= 253 && host.data[0] != '-' && host.data[0] != '.';
}

static bool is_path(struct text path)
{
    for (size_t i = 0; i < path.length; i++)
        if (path.data[i] <= ' ' || path.data[i] > '~' || path.data[i] == '#' ||
            path.data[i] == '"' || path.data[i] == '\\')
            return false;
    return true;
}

bool https_url_parse(struct text url, struct https_url *out)
{
    struct text scheme = TEXT("https://");
    uint32_t port = 443;
    if (!text_starts_with_nocase(url, scheme))
        return false;
    struct text rest = text_from_position(url, scheme.length);
    struct text authority = text_before(rest, '/');
    struct text digits = text_after(authority, ':');
    out->path = text_from_position(rest, authority.length);
    if (out->path.length == 0)
        out->path = TEXT("/");
    out->host = text_before(authority, ':');
    bool has_port = out->host.length < authority.length;
    if (has_port && (!text_to_u32(digits, &port) || port == 0 || port > UINT16_MAX))
        return false;
    out->port = (uint16_t)port;
    return is_host(out->host) && is_path(out->path);
}
