#include "sasl/bearer.h"

#define SEPARATOR '\x01'

/* The scheme in any case. */
static bool take_token(struct text value, struct text *token)
{
    struct text scheme = TEXT("Bearer ");
    *token = TEXT("");
    if (text_is_empty(value)) /* RFC 7628 4.3 */
        return true;
    if (!text_starts_with_nocase(value, scheme))
        return false;
    *token = text_trim(text_from_position(value, scheme.length));
    return !text_is_empty(*token);
}

/* key=value pairs, each ended by ^A, and one more ^A behind the last. */
static bool take_pairs(struct text rest, struct bearer *out)
{
    bool has_auth = false;
    while (rest.length > 1 && rest.data[0] != SEPARATOR) {
        size_t end = text_find(rest, SEPARATOR);
        struct text pair = text_head(rest, end), name = text_before(pair, '=');
        if (end == rest.length || text_is_empty(name) || name.length == pair.length)
            return false;
        if (text_equals(name, TEXT("auth"))) {
            if (has_auth || !take_token(text_after(pair, '='), &out->token))
                return false;
            has_auth = true;
        }
        rest = text_from_position(rest, end + 1);
    }
    return has_auth && rest.length == 1 && rest.data[0] == SEPARATOR;
}

/* gs2-header ("n,a=user,"), ^A, pairs. There is nothing to bind a channel with. */
bool bearer_parse(struct text message, struct bearer *out)
{
    struct text header = text_before(message, SEPARATOR);
    if (!text_starts_with(header, TEXT("n,")) && !text_starts_with(header, TEXT("y,")))
        return false;
    struct text name = text_from_position(header, 2);
    if (text_is_empty(name) || name.data[name.length - 1] != ',')
        return false;
    name.length--;
    out->user = text_from_position(name, 2);
    if (!text_is_empty(name) && (!text_starts_with(name, TEXT("a=")) || text_is_empty(out->user)))
        return false;
    return text_find(out->user, ',') == out->user.length &&
           take_pairs(text_from_position(message, header.length + 1), out);
}

/* "user=name^Aauth=Bearer token^A^A" */
bool bearer_parse_xoauth2(struct text message, struct bearer *out)
{
    struct text user = TEXT("user="), first = text_before(message, SEPARATOR);
    if (!text_starts_with(first, user))
        return false;
    out->user = text_from_position(first, user.length);
    return !text_is_empty(out->user) && text_find(out->user, '\0') == out->user.length &&
           take_pairs(text_from_position(message, first.length + 1), out);
}
