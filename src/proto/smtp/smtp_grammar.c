#include "proto/smtp/smtp_grammar.h"

#include "base/check.h"
#include "base/encoding.h"
#include "mail/date.h"
#include "mail/orcpt.h"
#include "queue/client.h"

enum { ENVID_MAX = 100, SUBMITTER_MAX = 500, SECONDS_DIGITS_MAX = 9 };

/* What the parameters of both commands are gathered in. */
struct parameters {
    struct arena *arena;
    const struct smtp_style *style;
    struct smtp_mail *mail;
    struct smtp_rcpt *rcpt;
    unsigned seen;    /* bit per row */
    bool not_offered; /* the value belongs to an extension that is not there */
};

struct parameter {
    const char *name;
    enum extension extension; /* it came with */
    bool has_value;
    bool (*take)(struct parameters *parameters, struct text value);
};

/* xtext whose meaning is printable too: it is copied into delivery reports, where a hidden line end
 * would forge a field. Spaces are allowed (RFC 3461 4.4 ENVID may hold them). */
static bool decode_xtext(struct text value, struct arena *arena, struct text *out)
{
    struct buffer decoded;
    buffer_init(&decoded, SUBMITTER_MAX);
    bool good = xtext_decode(value, &decoded);
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

/* RFC 6152 2, RFC 3030 3. */
static bool take_body(struct parameters *parameters, struct text value)
{
    static const struct {
        const char *word;
        enum mail_body body;
    } words[] = {
        {"7BIT", MAIL_BODY_7BIT}, {"8BITMIME", MAIL_BODY_8BIT}, {"BINARYMIME", MAIL_BODY_BINARY}};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!text_equals_nocase(value, text_from(words[i].word)))
            continue;
        parameters->mail->terms.body = words[i].body;
        parameters->not_offered =
            words[i].body == MAIL_BODY_BINARY &&
            (parameters->style->without & EXTENSION_BIT(EXTENSION_BINARYMIME)) != 0;
        return !parameters->not_offered;
    }
    return false;
}

static bool take_smtputf8(struct parameters *parameters, struct text value)
{
    unused(value);
    parameters->mail->terms.is_international = true;
    return true;
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

/* RFC 4954 5: the mailbox that submitted it first, as far as anyone knows. */
static bool take_auth(struct parameters *parameters, struct text value)
{
    struct text *submitter = &parameters->mail->terms.submitter;
    struct mail_address address;
    if (!decode_xtext(value, parameters->arena, submitter))
        return false;
    return text_equals(*submitter, TEXT("<>")) ||
           mail_address_parse(*submitter, parameters->arena, &address) == OK;
}

static bool take_requiretls(struct parameters *parameters, struct text value)
{
    unused(value);
    parameters->mail->terms.requires_tls = true;
    return true;
}

/* One to nine digits. */
static bool read_seconds(struct text digits, int64_t *out)
{
    uint64_t seconds;
    if (digits.length > SECONDS_DIGITS_MAX || !text_to_u64(digits, &seconds))
        return false;
    *out = (int64_t)seconds;
    return true;
}

/* RFC 2852 4: ["+" / "-"] seconds ";" ("N" / "R") ["T"]. */
static bool take_by(struct parameters *parameters, struct text value)
{
    struct smtp_mail *mail = parameters->mail;
    struct text time = text_before(value, ';'), mode = text_after(value, ';');
    bool is_negative = text_starts_with(time, TEXT("-"));
    bool is_signed = is_negative || text_starts_with(time, TEXT("+"));
    if (!read_seconds(text_from_position(time, is_signed), &mail->by_seconds))
        return false;
    if (is_negative)
        mail->by_seconds = -mail->by_seconds;
    mail->terms.by_trace = mode.length == 2 && (mode.data[1] | 32) == 't';
    if (mode.length != 1u + mail->terms.by_trace)
        return false;
    if ((mode.data[0] | 32) == 'n') {
        mail->terms.by = MAIL_BY_NOTIFY;
        return true;
    }
    mail->terms.by = MAIL_BY_RETURN;
    /* What is late already could only be returned at once. */
    return (mode.data[0] | 32) == 'r' && mail->by_seconds > 0;
}

static bool take_hold_for(struct parameters *parameters, struct text value)
{
    struct smtp_mail *mail = parameters->mail;
    return read_seconds(value, &mail->hold_seconds) && mail->hold_until_ms == 0;
}

static bool take_hold_until(struct parameters *parameters, struct text value)
{
    struct smtp_mail *mail = parameters->mail;
    return mail_date_parse_rfc3339(value, &mail->hold_until_ms) && mail->hold_until_ms > 0 &&
           mail->hold_seconds == 0;
}

static bool take_priority(struct parameters *parameters, struct text value)
{
    parameters->mail->has_priority = true;
    return mail_priority_parse(value, &parameters->mail->terms.priority);
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
    if (value.data[value.length - 1] == ',')
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

/* RFC 3461 4.2, RFC 6533 3. Kept in ASCII, so that it can go on to any next hop. */
static bool take_orcpt(struct parameters *parameters, struct text value)
{
    struct text type;
    struct buffer address, ascii;
    buffer_init(&address, ORCPT_MAX);
    buffer_init(&ascii, ORCPT_ASCII_MAX);
    bool good = value.length <= ORCPT_MAX && orcpt_decode(value, &type, &address) &&
                orcpt_to_ascii(value, &ascii);
    if (good)
        parameters->rcpt->original_recipient = arena_copy(parameters->arena, buffer_text(&ascii));
    buffer_finish(&address);
    buffer_finish(&ascii);
    return good;
}

static const struct parameter mail_parameters[] = {
    {"SIZE", EXTENSION_SIZE, true, take_size},
    {"BODY", EXTENSION_8BITMIME, true, take_body},
    {"SMTPUTF8", EXTENSION_SMTPUTF8, false, take_smtputf8},
    {"RET", EXTENSION_DSN, true, take_ret},
    {"ENVID", EXTENSION_DSN, true, take_envid},
    {"AUTH", EXTENSION_AUTH, true, take_auth},
    {"REQUIRETLS", EXTENSION_REQUIRETLS, false, take_requiretls},
    {"BY", EXTENSION_DELIVERBY, true, take_by},
    {"HOLDFOR", EXTENSION_FUTURERELEASE, true, take_hold_for},
    {"HOLDUNTIL", EXTENSION_FUTURERELEASE, true, take_hold_until},
    {"MT-PRIORITY", EXTENSION_MTPRIORITY, true, take_priority},
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
            (parameters->style->without & EXTENSION_BIT(rows[i].extension)) != 0)
            continue;
        bool is_first = (parameters->seen & 1u << i) == 0;
        parameters->seen |= 1u << i;
        bool has_form = has_value == rows[i].has_value && has_value == !text_is_empty(value);
        if (is_first && has_form && rows[i].take(parameters, value))
            return SMTP_SYNTAX_FINE;
        refused("bad value of %s", rows[i].name);
        return parameters->not_offered ? SMTP_SYNTAX_UNKNOWN : SMTP_SYNTAX_VALUE;
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

/* An address up to the next space, read as if it stood in < and >. One that is quoted, or has
 * either sign itself, could be meant in two ways. */
static enum status take_bare(struct text *rest, struct arena *arena, struct mail_address *address,
                             bool *is_null)
{
    struct text word = text_before(*rest, ' ');
    for (size_t i = 0; i < word.length; i++)
        if (word.data[i] == '<' || word.data[i] == '>' || word.data[i] == '"')
            return refused("not an address");
    if (text_is_empty(word))
        return refused("the address is missing");
    struct text path = arena_printf(arena, "<%.*s>", TEXT_ARG(word));
    *rest = text_from_position(*rest, word.length);
    return mail_path_parse(&path, arena, address, is_null);
}

/* "FROM:" and a path. A space after the colon is wrong but common, and hides nothing. */
static enum smtp_syntax take_path(struct text *rest, const struct parameters *parameters,
                                  struct text keyword, struct mail_address *address, bool *is_null)
{
    if (!text_starts_with_nocase(*rest, keyword)) {
        refused("%.*s<address> is missing", TEXT_ARG(keyword));
        return SMTP_SYNTAX_BAD;
    }
    *rest = text_from_position(*rest, keyword.length);
    while (rest->length > 0 && rest->data[0] == ' ')
        *rest = text_from_position(*rest, 1);
    bool is_bare = parameters->style->takes_bare && !text_starts_with(*rest, TEXT("<"));
    enum status status = is_bare ? take_bare(rest, parameters->arena, address, is_null)
                                 : mail_path_parse(rest, parameters->arena, address, is_null);
    return status == OK ? SMTP_SYNTAX_FINE : SMTP_SYNTAX_ADDRESS;
}

enum smtp_syntax smtp_parse_mail(struct text arguments, const struct smtp_style *style,
                                 struct arena *arena, struct smtp_mail *out)
{
    *out = (struct smtp_mail){0};
    struct parameters parameters = {.arena = arena, .style = style, .mail = out};
    enum smtp_syntax syntax =
        take_path(&arguments, &parameters, TEXT("FROM:"), &out->sender, &out->is_null);
    if (syntax != SMTP_SYNTAX_FINE)
        return syntax;
    if (!out->is_null && text_is_empty(out->sender.domain)) {
        refused("the sender has no domain");
        return SMTP_SYNTAX_ADDRESS;
    }
    return take_parameters(mail_parameters, sizeof(mail_parameters) / sizeof(mail_parameters[0]),
                           &parameters, arguments);
}

enum smtp_syntax smtp_parse_rcpt(struct text arguments, const struct smtp_style *style,
                                 struct arena *arena, struct smtp_rcpt *out)
{
    *out = (struct smtp_rcpt){0};
    struct parameters parameters = {.arena = arena, .style = style, .rcpt = out};
    bool is_null = false;
    enum smtp_syntax syntax =
        take_path(&arguments, &parameters, TEXT("TO:"), &out->recipient, &is_null);
    if (syntax != SMTP_SYNTAX_FINE)
        return syntax;
    if (is_null) {
        refused("the recipient is empty");
        return SMTP_SYNTAX_ADDRESS;
    }
    return take_parameters(rcpt_parameters, sizeof(rcpt_parameters) / sizeof(rcpt_parameters[0]),
                           &parameters, arguments);
}

/* What ends BDAT and BURL: "LAST", or nothing. */
static bool take_last(struct text arguments, bool *is_last)
{
    struct text last = TEXT(""), extra;
    *is_last = text_word(&arguments, &last);
    return (!*is_last || text_equals_nocase(last, TEXT("LAST"))) && !text_word(&arguments, &extra);
}

bool smtp_parse_bdat(struct text arguments, struct smtp_bdat *out)
{
    struct text size;
    return text_word(&arguments, &size) && text_to_u64(size, &out->size) &&
           take_last(arguments, &out->is_last);
}

bool smtp_parse_burl(struct text arguments, struct smtp_burl *out)
{
    return text_word(&arguments, &out->url) && take_last(arguments, &out->is_last);
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
