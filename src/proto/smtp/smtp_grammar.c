#include "proto/smtp/smtp_grammar.h"

#include "base/encoding.h"
#include "queue/client.h"

enum { ENVID_MAX = 100, ORCPT_MAX = 500 };

/* What the parameters of both commands are gathered in. */
struct parameters {
    struct arena *arena;
    unsigned without;
    struct smtp_mail *mail;
    struct smtp_rcpt *rcpt;
    unsigned seen; /* bit per row */
};

struct parameter {
    const char *name;
    enum extension extension; /* it came with */
    bool has_value;
    bool (*take)(struct parameters *parameters, struct text value);
};

static bool is_printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < 33 || text.data[i] > 126)
            return false;
    return true;
}

/* xtext whose meaning is printable too: it is copied into delivery reports, where a hidden line end
 * would forge a field. Spaces are allowed (RFC 3461 4.4 ENVID may hold them). */
static bool decode_xtext(struct text value, struct arena *arena, struct text *out)
{
    struct buffer decoded;
    buffer_init(&decoded, ORCPT_MAX);
    bool good = is_printable(value) && xtext_decode(value, &decoded);
    for (size_t i = 0; good && i < decoded.length; i++)
        good = decoded.data[i] >= 32 && decoded.data[i] < 127;
    *out = good ? arena_copy(arena, buffer_text(&decoded)) : TEXT("");
    buffer_finish(&decoded);
    return good;
}

static bool take_size(struct parameters *parameters, struct text value)
{
    return value.length <= 20 && text_to_u64(value, &parameters->mail->size);
}

static bool take_body(struct parameters *parameters, struct text value)
{
    bool is_8bit = text_equals_nocase(value, TEXT("8BITMIME"));
    parameters->mail->terms.body = is_8bit ? MAIL_BODY_8BIT : MAIL_BODY_7BIT;
    return is_8bit || text_equals_nocase(value, TEXT("7BIT"));
}

static bool take_smtputf8(struct parameters *parameters, struct text value)
{
    parameters->mail->terms.is_international = true;
    return text_is_empty(value);
}

static bool take_ret(struct parameters *parameters, struct text value)
{
    parameters->mail->terms.return_headers_only = text_equals_nocase(value, TEXT("HDRS"));
    return parameters->mail->terms.return_headers_only || text_equals_nocase(value, TEXT("FULL"));
}

static bool take_envid(struct parameters *parameters, struct text value)
{
    return value.length <= ENVID_MAX &&
           decode_xtext(value, parameters->arena, &parameters->mail->terms.envelope_id);
}

/* RFC 4954 5: who submitted it first. Checked and not used: nobody is trusted to say so. */
static bool take_auth(struct parameters *parameters, struct text value)
{
    struct text ignored;
    return text_equals(value, TEXT("<>")) || decode_xtext(value, parameters->arena, &ignored);
}

static bool take_notify(struct parameters *parameters, struct text value)
{
    static const struct {
        const char *word;
        unsigned bit;
    } words[] = {{"NEVER", NOTIFY_NEVER},
                 {"SUCCESS", NOTIFY_SUCCESS},
                 {"FAILURE", NOTIFY_FAILURE},
                 {"DELAY", NOTIFY_DELAY}};
    unsigned notify = 0;
    struct text word;
    if (text_is_empty(value) || value.data[value.length - 1] == ',')
        return false;
    while (text_split(&value, ',', &word)) {
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (text_equals_nocase(word, text_from(words[i].word)))
                bit = words[i].bit;
        if (bit == 0 || (notify & bit) != 0)
            return false;
        notify |= bit;
    }
    parameters->rcpt->notify = notify;
    /* RFC 3461 4.1: NEVER stands alone. */
    return notify == NOTIFY_NEVER || (notify & NOTIFY_NEVER) == 0;
}

/* RFC 3461 4.2: addr-type ";" xtext. */
static bool take_orcpt(struct parameters *parameters, struct text value)
{
    struct text type = text_before(value, ';'), address = text_after(value, ';'), ignored;
    if (value.length > ORCPT_MAX || text_is_empty(type) || text_is_empty(address) ||
        !is_printable(value))
        return false;
    for (size_t i = 0; i < type.length; i++) {
        char c = type.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    /* RFC 6533 3: utf-8 addresses have an encoding of their own, passed on unread. */
    if (!text_equals_nocase(type, TEXT("utf-8")) &&
        !decode_xtext(address, parameters->arena, &ignored))
        return false;
    parameters->rcpt->original_recipient = arena_copy(parameters->arena, value);
    return true;
}

static const struct parameter mail_parameters[] = {
    {"SIZE", EXTENSION_SIZE, true, take_size},
    {"BODY", EXTENSION_8BITMIME, true, take_body},
    {"SMTPUTF8", EXTENSION_SMTPUTF8, false, take_smtputf8},
    {"RET", EXTENSION_DSN, true, take_ret},
    {"ENVID", EXTENSION_DSN, true, take_envid},
    {"AUTH", EXTENSION_AUTH, true, take_auth},
};
static const struct parameter rcpt_parameters[] = {
    {"NOTIFY", EXTENSION_DSN, true, take_notify},
    {"ORCPT", EXTENSION_DSN, true, take_orcpt},
};

static enum smtp_syntax take_parameter(const struct parameter *rows, unsigned count,
                                       struct parameters *parameters, struct text word)
{
    struct text name = text_before(word, '='), value = text_after(word, '=');
    bool has_value = name.length < word.length;
    for (unsigned i = 0; i < count; i++) {
        if (!text_equals_nocase(name, text_from(rows[i].name)) ||
            (parameters->without & EXTENSION_BIT(rows[i].extension)) != 0)
            continue;
        bool is_first = (parameters->seen & 1u << i) == 0;
        parameters->seen |= 1u << i;
        if (is_first && has_value == rows[i].has_value && rows[i].take(parameters, value))
            return SMTP_SYNTAX_FINE;
        refused("bad value of %s", rows[i].name);
        return SMTP_SYNTAX_VALUE;
    }
    refused("parameter not known");
    return SMTP_SYNTAX_UNKNOWN;
}

static enum smtp_syntax take_parameters(const struct parameter *rows, unsigned count,
                                        struct parameters *parameters, struct text rest)
{
    struct text word;
    if (rest.length > 0 && rest.data[0] != ' ') {
        refused("no space after the address");
        return SMTP_SYNTAX_BAD;
    }
    while (text_word(&rest, &word)) {
        enum smtp_syntax syntax = take_parameter(rows, count, parameters, word);
        if (syntax != SMTP_SYNTAX_FINE)
            return syntax;
    }
    return SMTP_SYNTAX_FINE;
}

/* "FROM:" and a path. A space after the colon is wrong but common, and hides nothing. */
static enum smtp_syntax take_path(struct text *rest, struct text keyword, struct arena *arena,
                                  struct mail_address *address, bool *is_null)
{
    if (!text_starts_with_nocase(*rest, keyword)) {
        refused("%.*s<address> is missing", TEXT_ARG(keyword));
        return SMTP_SYNTAX_BAD;
    }
    *rest = text_from_position(*rest, keyword.length);
    while (rest->length > 0 && rest->data[0] == ' ')
        *rest = text_from_position(*rest, 1);
    if (mail_path_parse(rest, arena, address, is_null) != OK)
        return SMTP_SYNTAX_ADDRESS;
    return SMTP_SYNTAX_FINE;
}

enum smtp_syntax smtp_parse_mail(struct text arguments, unsigned without, struct arena *arena,
                                 struct smtp_mail *out)
{
    *out = (struct smtp_mail){0};
    struct parameters parameters = {.arena = arena, .without = without, .mail = out};
    enum smtp_syntax syntax =
        take_path(&arguments, TEXT("FROM:"), arena, &out->sender, &out->is_null);
    if (syntax != SMTP_SYNTAX_FINE)
        return syntax;
    if (!out->is_null && text_is_empty(out->sender.domain)) {
        refused("the sender has no domain");
        return SMTP_SYNTAX_ADDRESS;
    }
    return take_parameters(mail_parameters, sizeof(mail_parameters) / sizeof(mail_parameters[0]),
                           &parameters, arguments);
}

enum smtp_syntax smtp_parse_rcpt(struct text arguments, unsigned without, struct arena *arena,
                                 struct smtp_rcpt *out)
{
    *out = (struct smtp_rcpt){0};
    struct parameters parameters = {.arena = arena, .without = without, .rcpt = out};
    bool is_null = false;
    enum smtp_syntax syntax = take_path(&arguments, TEXT("TO:"), arena, &out->recipient, &is_null);
    if (syntax != SMTP_SYNTAX_FINE)
        return syntax;
    if (is_null) {
        refused("the recipient is empty");
        return SMTP_SYNTAX_ADDRESS;
    }
    return take_parameters(rcpt_parameters, sizeof(rcpt_parameters) / sizeof(rcpt_parameters[0]),
                           &parameters, arguments);
}

bool smtp_parse_bdat(struct text arguments, struct smtp_bdat *out)
{
    struct text size, last = TEXT(""), extra;
    if (!text_word(&arguments, &size) || !text_to_u64(size, &out->size))
        return false;
    out->is_last = text_word(&arguments, &last);
    return (!out->is_last || text_equals_nocase(last, TEXT("LAST"))) &&
           !text_word(&arguments, &extra);
}

/* Looser than RFC 5321 4.1.1.1, as any server must be: underscores and names without a dot are
 * common. Tight enough that the name cannot disturb the Received field it is written into. */
bool smtp_is_helo_name(struct text name)
{
    for (size_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool mark = c == '.' || c == '-' || c == '_' || c == ':';
        bool bracket = (c == '[' && i == 0) || (c == ']' && i + 1 == name.length);
        if (!letter && !mark && !bracket)
            return false;
    }
    return name.length > 0 && name.length <= MAIL_DOMAIN_MAX;
}
