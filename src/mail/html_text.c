#include "mail/html_text.h"

#include <string.h>

#include "base/encoding.h"

enum state {
    IN_TEXT,
    IN_REFERENCE,   /* "&nam" */
    AFTER_LESS,     /* "<" */
    AFTER_LESS_END, /* "</" */
    IN_NAME,        /* "<nam" */
    IN_TAG,         /* up to ">" */
    IN_VALUE,       /* a quoted one of an attribute */
    AFTER_BANG,     /* "<!" */
    IN_COMMENT,     /* up to "-->" */
    IN_DECLARATION, /* up to ">" */
};

/* Elements whose content is nothing to read. */
static const char *const hiding[] = {"script", "style", "head", "title", "template", "noscript"};
enum { HIDING = sizeof(hiding) / sizeof(*hiding), RAW = 2 /* the first hold no markup */ };

/* Elements that do not part words. */
static const char *const inlines[] = {
    "a", "abbr", "b",    "big",   "code", "em",  "font", "i",  "ins", "del", "kbd", "mark",
    "q", "s",    "samp", "small", "span", "sub", "sup",  "tt", "u",   "var", "wbr", "strong"};

/* Character references (HTML 4's, what mail uses). The characters from 160 on in their order. */
static const char *const latin1[] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",
    "copy",   "ordf",   "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn",
    "sup2",   "sup3",   "acute",  "micro",  "para",   "middot", "cedil",  "sup1",   "ordm",
    "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave", "Aacute", "Acirc",  "Atilde",
    "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",   "Igrave",
    "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde",
    "Ouml",   "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",
    "szlig",  "agrave", "aacute", "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil",
    "egrave", "eacute", "ecirc",  "euml",   "igrave", "iacute", "icirc",  "iuml",   "eth",
    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide", "oslash", "ugrave",
    "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};
static const struct {
    const char *name;
    unsigned character;
} references[] = {
    {"amp", '&'},       {"lt", '<'},        {"gt", '>'},        {"quot", '"'},
    {"apos", '\''},     {"euro", 0x20AC},   {"hellip", 0x2026}, {"ndash", 0x2013},
    {"mdash", 0x2014},  {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201A},
    {"ldquo", 0x201C},  {"rdquo", 0x201D},  {"bdquo", 0x201E},  {"bull", 0x2022},
    {"trade", 0x2122},  {"lsaquo", 0x2039}, {"rsaquo", 0x203A}, {"OElig", 0x152},
    {"oelig", 0x153},   {"Scaron", 0x160},  {"scaron", 0x161},  {"Yuml", 0x178},
    {"ensp", 0x2002},   {"emsp", 0x2003},   {"thinsp", 0x2009}, {"zwnj", 0x200C},
    {"zwj", 0x200D},    {"rarr", 0x2192},   {"larr", 0x2190},   {"infin", 0x221E},
    {"dagger", 0x2020}, {"permil", 0x2030},
};
enum { LATIN1_FIRST = 160 };

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name_char(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

static struct text name_of(const struct html_text *html)
{
    return text_of(html->name, html->name_length);
}

static void begin_name(struct html_text *html, enum state state)
{
    html->state = state;
    html->name_length = 0;
}

/* A name that is longer than all we know is cut, and then is none of those. */
static void add_to_name(struct html_text *html, char c)
{
    if (html->name_length < HTML_NAME_BYTES)
        html->name[html->name_length++] = c;
}

void html_text_init(struct html_text *html)
{
    memset(html, 0, sizeof(*html));
}

static void put(struct html_text *html, struct buffer *out, struct text text)
{
    if (html->hidden == 0)
        buffer_append(out, text);
}

/* Character references */

/* "#228", "#xE4". Digits that do not fit were cut, and name nothing. */
static unsigned numeric(struct text digits)
{
    bool is_hex = digits.length > 0 && (digits.data[0] | 32) == 'x';
    unsigned value = 0;
    size_t i = is_hex ? 1 : 0;
    if (digits.length == i || digits.length >= HTML_NAME_BYTES - 1)
        return 0;
    for (; i < digits.length && value <= 0x10FFFF; i++) {
        char c = digits.data[i];
        if (c >= '0' && c <= '9')
            value = value * (is_hex ? 16 : 10) + (unsigned)(c - '0');
        else if (is_hex && is_letter(c) && (c | 32) <= 'f')
            value = value * 16 + (unsigned)((c | 32) - 'a') + 10;
        else
            return 0;
    }
    return value;
}

static unsigned character_of(struct text name)
{
    if (text_starts_with(name, TEXT("#")))
        return numeric(text_from_position(name, 1));
    for (unsigned i = 0; i < sizeof(references) / sizeof(*references); i++)
        if (text_equals(name, text_from(references[i].name)))
            return references[i].character;
    for (unsigned i = 0; i < sizeof(latin1) / sizeof(*latin1); i++)
        if (text_equals(name, text_from(latin1[i])))
            return LATIN1_FIRST + i;
    return 0;
}

/* The name is over; what names nothing is text as it stands. */
static void end_reference(struct html_text *html, bool has_semicolon, struct buffer *out)
{
    struct text name = name_of(html);
    unsigned character = character_of(name);
    html->state = IN_TEXT;
    if (html->hidden != 0)
        return;
    if (character >= ' ' && utf8_append(out, character))
        return;
    buffer_append_byte(out, '&');
    buffer_append(out, name);
    if (has_semicolon)
        buffer_append_byte(out, ';');
}

/* Tags */

static bool is_one_of(struct text name, const char *const *names, unsigned count, unsigned *which)
{
    for (*which = 0; *which < count; ++*which)
        if (text_equals_nocase(name, text_from(names[*which])))
            return true;
    return false;
}

/* The tag's name is over. */
static void meet_tag(struct html_text *html, struct buffer *out)
{
    unsigned which;
    if (is_one_of(name_of(html), hiding, HIDING, &which)) {
        if (html->is_end && html->hidden == which + 1)
            html->hidden = 0;
        else if (!html->is_end && html->hidden == 0)
            html->hidden = which + 1;
    }
    /* A head without its end ends where the body begins. */
    if (text_equals_nocase(name_of(html), TEXT("body")) && html->hidden > RAW)
        html->hidden = 0;
    if (!is_one_of(name_of(html), inlines, sizeof(inlines) / sizeof(*inlines), &which))
        put(html, out, TEXT("\n"));
}

/* In a script nothing is markup but its end; "<" and what follows it is the script's. */
static bool is_raw(const struct html_text *html)
{
    return html->hidden > 0 && html->hidden <= RAW;
}

static void end_name(struct html_text *html, char c, struct buffer *out)
{
    unsigned which;
    bool ends_raw =
        html->is_end && is_one_of(name_of(html), hiding, RAW, &which) && which + 1 == html->hidden;
    if (is_raw(html) && !ends_raw) {
        html->state = IN_TEXT;
        return;
    }
    meet_tag(html, out);
    html->state = c == '>' ? IN_TEXT : IN_TAG;
}

static void take_less(struct html_text *html, char c, struct buffer *out)
{
    html->is_end = html->state == AFTER_LESS_END;
    if (is_letter(c)) {
        begin_name(html, IN_NAME);
        add_to_name(html, c);
    } else if (!html->is_end && c == '/') {
        html->state = AFTER_LESS_END;
    } else if (!html->is_end && c == '!' && !is_raw(html)) {
        html->dashes = 0;
        html->state = AFTER_BANG;
    } else if ((html->is_end || c == '?') && !is_raw(html)) {
        html->state = c == '>' ? IN_TEXT : IN_DECLARATION;
    } else {
        /* "a < b" */
        put(html, out, html->is_end ? TEXT("</") : TEXT("<"));
        html->state = c == '<' ? AFTER_LESS : IN_TEXT;
        put(html, out, c == '<' ? TEXT("") : text_of(&c, 1));
    }
}

static void take_tag(struct html_text *html, char c)
{
    if (c == '>') {
        html->state = IN_TEXT;
    } else if (c == '"' || c == '\'') {
        html->quote = c;
        html->state = IN_VALUE;
    }
}

static void take_bang(struct html_text *html, char c)
{
    if (c == '-' && html->dashes == 0)
        html->dashes = 1;
    else if (c == '-')
        html->state = IN_COMMENT; /* "<!-->" is whole: its dashes count as the end's too */
    else
        html->state = c == '>' ? IN_TEXT : IN_DECLARATION;
    if (html->state == IN_COMMENT)
        html->dashes = 2;
}

static void take_comment(struct html_text *html, char c)
{
    if (c == '>' && html->dashes >= 2)
        html->state = IN_TEXT;
    html->dashes = c == '-' ? html->dashes + (html->dashes < 2) : 0;
}

static void take_text(struct html_text *html, char c, struct buffer *out)
{
    if (c == '<')
        html->state = AFTER_LESS;
    else if (c == '&' && html->hidden == 0)
        begin_name(html, IN_REFERENCE);
    else
        put(html, out, text_of(&c, 1));
}

static void take_reference(struct html_text *html, char c, struct buffer *out)
{
    if (is_name_char(c) || (c == '#' && html->name_length == 0)) {
        if (html->name_length < HTML_NAME_BYTES) {
            add_to_name(html, c);
            return;
        }
    }
    end_reference(html, c == ';', out);
    if (c != ';')
        take_text(html, c, out);
}

static void take(struct html_text *html, char c, struct buffer *out)
{
    switch ((enum state)html->state) {
    case IN_TEXT:
        take_text(html, c, out);
        return;
    case IN_REFERENCE:
        take_reference(html, c, out);
        return;
    case AFTER_LESS:
    case AFTER_LESS_END:
        take_less(html, c, out);
        return;
    case IN_NAME:
        if (c == '>' || c == '/' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
            end_name(html, c, out);
        else
            add_to_name(html, c);
        return;
    case IN_TAG:
        take_tag(html, c);
        return;
    case IN_VALUE:
        if (c == html->quote)
            html->state = IN_TAG;
        return;
    case AFTER_BANG:
        take_bang(html, c);
        return;
    case IN_COMMENT:
        take_comment(html, c);
        return;
    case IN_DECLARATION:
        if (c == '>')
            html->state = IN_TEXT;
        return;
    }
}

void html_text_feed(struct html_text *html, struct text bytes, struct buffer *out)
{
    for (size_t i = 0; i < bytes.length; i++)
        take(html, bytes.data[i], out);
}

void html_text_end(struct html_text *html, struct buffer *out)
{
    if (html->state == IN_REFERENCE)
        end_reference(html, false, out);
    else if (html->state == AFTER_LESS)
        put(html, out, TEXT("<"));
    html->state = IN_TEXT;
}
