#include "sasl/gss_token.h"

enum {
    TAG_APPLICATION = 0x60,
    TAG_OID = 0x06,
    LONG_LENGTH = 0x80,
    LENGTH_BYTES_MAX = 4,
    NEGOTIATE = 1,
    NEGOTIATE_FIXED = 32,
    AUTHENTICATE = 3,
    AUTHENTICATE_FIXED = 64,
    VERSION_BYTES = 8,
    CHECK_BYTES = 16, /* a MIC, or whatever stands in its place */
    LM_ANSWER_BYTES = 24,
    NT_ANSWER_LEAST = 48,
    FLAG_UNICODE = 1,
    DOMAIN_FIELD = 28, /* length, room, offset */
    USER_FIELD = 36,
    FLAGS = 60,
};

#define NTLM_SIGNATURE TEXT("NTLMSSP\0")

static const struct text mechanism_oids[] = {
    [SASL_GSS_KERBEROS] = TEXT("\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"),
    [SASL_GSS_NEGOTIATE] = TEXT("\x2b\x06\x01\x05\x05\x02"),
    [SASL_GSS_NTLMSSP] = TEXT("\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"),
};

static unsigned byte_at(struct text bytes, size_t position)
{
    return (unsigned char)bytes.data[position];
}

/* DER: one byte, or how many bytes follow and these. Taken off *bytes. */
static bool take_length(struct text *bytes, size_t *out)
{
    if (text_is_empty(*bytes))
        return false;
    unsigned first = byte_at(*bytes, 0);
    *bytes = text_from_position(*bytes, 1);
    *out = first;
    if (first < LONG_LENGTH)
        return true;
    size_t count = first - LONG_LENGTH;
    if (count == 0 || count > LENGTH_BYTES_MAX || count > bytes->length)
        return false;
    *out = 0;
    for (size_t i = 0; i < count; i++)
        *out = *out << 8 | byte_at(*bytes, i);
    *bytes = text_from_position(*bytes, count);
    return true;
}

bool sasl_gss_token_kind(struct text token, enum sasl_gss_kind *out)
{
    size_t length;
    *out = SASL_GSS_NTLMSSP;
    if (text_starts_with(token, NTLM_SIGNATURE))
        return true;
    if (text_is_empty(token) || byte_at(token, 0) != TAG_APPLICATION)
        return false;
    token = text_from_position(token, 1);
    if (!take_length(&token, &length) || length != token.length || text_is_empty(token) ||
        byte_at(token, 0) != TAG_OID)
        return false;
    token = text_from_position(token, 1);
    if (!take_length(&token, &length) || length > token.length)
        return false;
    struct text oid = text_head(token, length);
    for (enum sasl_gss_kind kind = SASL_GSS_KERBEROS; kind <= SASL_GSS_NTLMSSP; kind++)
        if (text_equals(oid, mechanism_oids[kind])) {
            *out = kind;
            return true;
        }
    return false;
}

static uint32_t little_endian(struct text bytes, size_t position, unsigned count)
{
    uint32_t value = 0;
    for (unsigned i = count; i > 0; i--)
        value = value << 8 | byte_at(bytes, position + i - 1);
    return value;
}

static bool field(struct text message, size_t position, struct text *out)
{
    size_t length = little_endian(message, position, 2);
    size_t offset = little_endian(message, position + 4, 4);
    *out = text_head(text_from_position(message, offset), length);
    return out->length == length;
}

/* Names of users here are ASCII: anything else is nobody, and need not be told apart. */
static bool put_name(struct text name, bool is_unicode, struct buffer *out)
{
    size_t step = is_unicode ? 2 : 1;
    if (name.length % step != 0)
        return false;
    for (size_t i = 0; i < name.length; i += step) {
        bool is_high = is_unicode && name.data[i + 1] != '\0';
        unsigned byte = byte_at(name, i);
        bool is_plain = !is_high && byte > ' ' && byte < 0x7f;
        if (!buffer_append_byte(out, is_plain ? (char)byte : '?'))
            return false;
    }
    return true;
}

bool sasl_ntlm_claim(struct text token, struct buffer *out)
{
    struct text message = text_from_position(token, text_find_text(token, NTLM_SIGNATURE));
    struct text domain, user;
    if (message.length < AUTHENTICATE_FIXED ||
        little_endian(message, NTLM_SIGNATURE.length, 4) != AUTHENTICATE)
        return false;
    bool is_unicode = (little_endian(message, FLAGS, 4) & FLAG_UNICODE) != 0;
    if (!field(message, DOMAIN_FIELD, &domain) || !field(message, USER_FIELD, &user))
        return false;
    if (!put_name(domain, is_unicode, out))
        return false;
    if (domain.length > 0)
        buffer_append_byte(out, '\\');
    return put_name(user, is_unicode, out) && user.length > 0;
}

/* The part of a message behind its fixed fields, and what they say of it. */
struct ntlm_form {
    uint32_t type;
    size_t fixed; /* without a version */
    const size_t *fields;
    unsigned field_count;
    size_t least; /* bytes, with a version: what the plug-in reads without asking */
};

static const size_t negotiate_fields[] = {16, 24};
static const size_t authenticate_fields[] = {12, 20, DOMAIN_FIELD, USER_FIELD, 44, 52};
static const struct ntlm_form ntlm_forms[] = {
    {NEGOTIATE, NEGOTIATE_FIXED, negotiate_fields, 2, NEGOTIATE_FIXED + VERSION_BYTES},
    {AUTHENTICATE, AUTHENTICATE_FIXED, authenticate_fields, 6,
     AUTHENTICATE_FIXED + VERSION_BYTES + CHECK_BYTES},
};

/* Where the payload begins: the lowest offset that a field has. False: one points outside. */
static bool find_payload(struct text message, const struct ntlm_form *form, size_t *begin)
{
    *begin = message.length;
    for (unsigned i = 0; i < form->field_count; i++) {
        size_t position = form->fields[i];
        size_t length = little_endian(message, position, 2);
        size_t offset = little_endian(message, position + 4, 4);
        if (length == 0)
            continue;
        if (offset < form->fixed || offset > message.length || length > message.length - offset)
            return false;
        if (offset < *begin)
            *begin = offset;
    }
    return true;
}

/* The same message with room for a version, and offsets that know of it. */
static void insert_version(struct text message, const struct ntlm_form *form, struct buffer *out)
{
    static const char version[VERSION_BYTES] = {0};
    buffer_append(out, text_head(message, form->fixed));
    buffer_append(out, text_of(version, sizeof(version)));
    buffer_append(out, text_from_position(message, form->fixed));
    for (unsigned i = 0; i < form->field_count && !out->overflowed; i++) {
        size_t position = form->fields[i] + 4;
        uint32_t offset = little_endian(message, position, 4) + VERSION_BYTES;
        for (unsigned byte = 0; byte < 4; byte++)
            out->data[position + byte] = (char)(offset >> 8 * byte & 0xff);
    }
}

/* MS-NLMP 2.2.2.8: the second version's answer has a fixed part of its own. The first's, 24 bytes,
 * can be turned back into the password's hash by whoever reads along. */
static bool has_sound_answers(struct text message)
{
    size_t lm = little_endian(message, 12, 2), nt = little_endian(message, 20, 2);
    return (lm == 0 || lm == LM_ANSWER_BYTES) && nt >= NT_ANSWER_LEAST;
}

bool sasl_ntlm_normalise(struct text token, struct buffer *out)
{
    size_t begin;
    if (!text_starts_with(token, NTLM_SIGNATURE) || token.length < NEGOTIATE_FIXED)
        return false;
    const struct ntlm_form *form = &ntlm_forms[0];
    if (little_endian(token, NTLM_SIGNATURE.length, 4) == AUTHENTICATE)
        form = &ntlm_forms[1];
    if (little_endian(token, NTLM_SIGNATURE.length, 4) != form->type ||
        token.length < form->fixed || !find_payload(token, form, &begin))
        return false;
    if (form->type == AUTHENTICATE && !has_sound_answers(token))
        return false;
    if (begin < form->fixed + VERSION_BYTES)
        insert_version(token, form, out);
    else
        buffer_append(out, token);
    return !out->overflowed && out->length >= form->least;
}
