/* The from-part lasts until the word "by" outside of comments. Of several addresses in comments the
 * last one in brackets counts: what a server adds of its own knowledge stands behind what it was
 * told. */
#include "mail/received.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool ends_word(char c)
{
    return is_space(c) || c == '(' || c == ')' || c == '[' || c == ']' || c == ';' || c == ',';
}

/* The word at the start, up to a space or what brackets it. */
static struct text word_at(struct text text)
{
    size_t length = 0;
    while (length < text.length && !ends_word(text.data[length]))
        length++;
    return text_head(text, length);
}

static bool parse_address(struct text word, struct net_address *out)
{
    bool is_v6 = text_starts_with_nocase(word, TEXT("IPv6:"));
    struct net_address address;
    if (!net_address_parse(text_from_position(word, is_v6 ? 5 : 0), 0, &address))
        return false;
    *out = address;
    return true;
}

/* What is found on the way. */
struct from_part {
    unsigned depth;    /* of comments */
    bool expects_name; /* "from" was the last word */
    bool in_brackets, has_bare, has_bracketed;
    struct net_address bare, bracketed;
};

static void take_word(struct from_part *from, struct text word)
{
    if (from->depth == 0)
        return;
    if (from->in_brackets)
        from->has_bracketed = parse_address(word, &from->bracketed) || from->has_bracketed;
    else
        from->has_bare = parse_address(word, &from->bare) || from->has_bare;
}

static void take_mark(struct from_part *from, char mark)
{
    if (mark == '(')
        from->depth++;
    else if (mark == ')' && from->depth > 0)
        from->depth--;
    from->in_brackets = mark == '[';
    from->expects_name = from->expects_name && is_space(mark);
}

/* The word, outside of comments, that ends the from-part. The client's name stands right behind
 * "from", and may be "by". */
static bool ends_from_part(const struct from_part *from, struct text word, unsigned words)
{
    return from->depth == 0 && !from->expects_name && words > 0 &&
           text_equals_nocase(word, TEXT("by"));
}

bool received_from_address(struct text body, struct net_address *out)
{
    struct from_part from = {0};
    for (unsigned words = 0; body.length > 0;) {
        struct text word = word_at(body);
        if (word.length == 0) {
            take_mark(&from, body.data[0]);
            body = text_from_position(body, 1);
            continue;
        }
        /* Without a from-part it came from no other host. */
        if (words == 0 && !text_equals_nocase(word, TEXT("from")))
            return false;
        if (ends_from_part(&from, word, words))
            break;
        take_word(&from, word);
        from.expects_name = words++ == 0;
        body = text_from_position(body, word.length);
    }
    if (from.has_bracketed)
        *out = from.bracketed;
    else if (from.has_bare)
        *out = from.bare;
    return from.has_bracketed || from.has_bare;
}
