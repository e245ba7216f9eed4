/* Encoding and decoding of requests to the directory and of its answers. */
#include "directory/calls.h"

#include <stdio.h>
#include <string.h>

#include "base/encoding.h"
#include "directory/record.h"

void directory_check_encode(struct text key, struct buffer *out)
{
    wire_put_text(out, key);
}

bool directory_check_decode(struct text bytes, struct text *key)
{
    struct wire_reader in = wire_reader_of(bytes);
    *key = wire_get_text(&in);
    return wire_end(&in) && directory_key_is_valid(*key);
}

void directory_describe_encode(struct text key, struct buffer *out)
{
    wire_put_text(out, key);
}

/* A local part is checked as the key it would be in some domain. */
bool directory_describe_decode(struct text bytes, struct text *key)
{
    char whole[DIRECTORY_KEY_MAX + 1];
    struct wire_reader in = wire_reader_of(bytes);
    *key = wire_get_text(&in);
    if (!wire_end(&in) || key->length > DIRECTORY_KEY_MAX - 2)
        return false;
    if (text_find(*key, '@') < key->length)
        return directory_key_is_valid(*key);
    int length = snprintf(whole, sizeof(whole), "%.*s@x", TEXT_ARG(*key));
    return directory_key_is_valid(text_of(whole, (size_t)length));
}

void directory_description_encode(const struct directory_description *description,
                                  struct buffer *out)
{
    wire_put_u8(out, (uint8_t)description->kind);
    wire_put_text(out, description->address);
    wire_put_text(out, description->name);
    wire_put_u32(out, description->member_count);
    for (unsigned i = 0; i < description->member_count; i++)
        wire_put_text(out, description->members[i]);
}

/* It goes into replies, where a line end would forge another. */
static bool is_one_line(struct text text, size_t most)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] < ' ' || text.data[i] == 127)
            return false;
    return text.length <= most && utf8_is_valid(text);
}

bool directory_description_decode(struct text bytes, struct arena *arena,
                                  struct directory_description *out)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t kind = wire_get_u8(&in);
    *out = (struct directory_description){.kind = (enum directory_described)kind};
    out->address = wire_get_text(&in);
    out->name = wire_get_text(&in);
    out->member_count = wire_get_u32(&in);
    if (kind > DESCRIBED_SEVERAL || !is_one_line(out->address, DIRECTORY_KEY_MAX) ||
        !is_one_line(out->name, DIRECTORY_NAME_MAX) || out->member_count > in.rest.length / 4)
        return false;
    out->members = arena_array(arena, out->member_count, sizeof(*out->members));
    for (unsigned i = 0; i < out->member_count; i++) {
        out->members[i] = wire_get_text(&in);
        if (!is_one_line(out->members[i], DIRECTORY_KEY_MAX + 2))
            return false;
    }
    return wire_end(&in);
}

void directory_login_encode(const struct directory_login *login, bool wants_session,
                            struct buffer *out)
{
    wire_put_u8(out, (uint8_t)login->service);
    wire_put_u8(out, wants_session);
    wire_put_u64(out, login->session);
    wire_put_text(out, login->user);
    wire_put_text(out, login->password);
    wire_put_text(out, login->peer);
}

static bool is_login_text(struct text text, size_t most)
{
    return text.length > 0 && text.length <= most && memchr(text.data, '\0', text.length) == NULL;
}

bool directory_has_mailbox(enum service service)
{
    return service >= SERVICE_POP3 && service <= SERVICE_LAST && service != SERVICE_ODMR &&
           service != SERVICE_FETCHED;
}

bool directory_login_decode(struct text bytes, struct directory_login *login, bool *wants_session)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t service = wire_get_u8(&in);
    uint8_t wants = wire_get_u8(&in);
    login->service = (enum service)service;
    *wants_session = wants == 1;
    login->session = wire_get_u64(&in);
    login->user = wire_get_text(&in);
    login->password = wire_get_text(&in);
    login->peer = wire_get_text(&in);
    return wire_end(&in) && service <= SERVICE_LAST && wants <= 1 &&
           (wants == 0 || directory_has_mailbox(login->service)) &&
           is_login_text(login->user, DIRECTORY_USER_MAX - 1) && utf8_is_valid(login->user) &&
           is_login_text(login->password, DIRECTORY_PASSWORD_MAX) &&
           is_login_text(login->peer, DIRECTORY_PEER_MAX) && utf8_is_valid(login->peer);
}

static void put_facts(const struct directory_sasl_facts *facts, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)facts->mechanism);
    wire_put_u8(out, (uint8_t)facts->service);
    wire_put_u64(out, facts->session);
    wire_put_text(out, facts->peer);
    wire_put_text(out, facts->host);
    wire_put_u8(out, facts->is_tls);
    wire_put_text(out, facts->tls_exporter);
    wire_put_text(out, facts->tls_server_end_point);
    wire_put_text(out, facts->tls_unique);
    wire_put_text(out, facts->certificate);
    wire_put_text(out, facts->certificate_mails);
}

static bool are_tls_facts_sound(const struct directory_sasl_facts *facts)
{
    size_t binding =
        facts->tls_exporter.length + facts->tls_server_end_point.length + facts->tls_unique.length;
    size_t certificate = facts->certificate.length;
    return facts->tls_exporter.length <= DIRECTORY_BINDING_MAX &&
           facts->tls_server_end_point.length <= DIRECTORY_BINDING_MAX &&
           facts->tls_unique.length <= DIRECTORY_BINDING_MAX &&
           (certificate == 0 || certificate == DIRECTORY_DIGEST_BYTES) &&
           facts->certificate_mails.length <= DIRECTORY_MAILS_MAX &&
           (certificate > 0 || facts->certificate_mails.length == 0) &&
           (facts->is_tls || binding + certificate == 0);
}

static bool get_facts(struct wire_reader *in, struct directory_sasl_facts *facts)
{
    uint8_t mechanism = wire_get_u8(in), service = wire_get_u8(in);
    facts->mechanism = (enum mechanism)mechanism;
    facts->service = (enum service)service;
    facts->session = wire_get_u64(in);
    facts->peer = wire_get_text(in);
    facts->host = wire_get_text(in);
    uint8_t is_tls = wire_get_u8(in);
    facts->is_tls = is_tls == 1;
    facts->tls_exporter = wire_get_text(in);
    facts->tls_server_end_point = wire_get_text(in);
    facts->tls_unique = wire_get_text(in);
    facts->certificate = wire_get_text(in);
    facts->certificate_mails = wire_get_text(in);
    return mechanism < MECHANISM_COUNT && service <= SERVICE_LAST && is_tls <= 1 &&
           are_tls_facts_sound(facts) && is_login_text(facts->peer, DIRECTORY_PEER_MAX) &&
           utf8_is_valid(facts->peer) && is_login_text(facts->host, DIRECTORY_HOST_MAX) &&
           utf8_is_valid(facts->host);
}

void directory_sasl_request_encode(const struct directory_sasl_request *request, struct buffer *out)
{
    wire_put_u64(out, request->exchange);
    if (request->exchange == 0)
        put_facts(&request->facts, out);
    wire_put_u8(out, request->has_response);
    wire_put_text(out, request->response);
}

bool directory_sasl_request_decode(struct text bytes, struct directory_sasl_request *request)
{
    *request = (struct directory_sasl_request){0};
    struct wire_reader in = wire_reader_of(bytes);
    request->exchange = wire_get_u64(&in);
    if (request->exchange == 0 && !get_facts(&in, &request->facts))
        return false;
    uint8_t has_response = wire_get_u8(&in);
    request->has_response = has_response == 1;
    request->response = wire_get_text(&in);
    /* Only at the beginning the client may have nothing to say. */
    return wire_end(&in) && has_response <= 1 && (request->exchange == 0 || has_response == 1) &&
           (has_response == 1 || request->response.length == 0) &&
           request->response.length <= DIRECTORY_SASL_MAX;
}

void directory_sasl_answer_encode(const struct directory_sasl_answer *answer, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)answer->outcome);
    wire_put_u64(out, answer->exchange);
    wire_put_text(out, answer->challenge);
    wire_put_text(out, text_from(answer->user));
}

bool directory_sasl_answer_decode(struct text bytes, struct directory_sasl_answer *answer)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t outcome = wire_get_u8(&in);
    answer->outcome = (enum directory_sasl_outcome)outcome;
    answer->exchange = wire_get_u64(&in);
    answer->challenge = wire_get_text(&in);
    struct text user = wire_get_text(&in);
    return wire_end(&in) && outcome <= DIRECTORY_SASL_MALFORMED &&
           (answer->exchange != 0 || outcome == DIRECTORY_SASL_MALFORMED) &&
           answer->challenge.length <= DIRECTORY_SASL_MAX &&
           (user.length > 0) == (outcome == DIRECTORY_SASL_DONE) &&
           memchr(user.data, '\0', user.length) == NULL &&
           text_copy(user, answer->user, DIRECTORY_USER_MAX);
}

void directory_exchange_encode(uint64_t exchange, struct buffer *out)
{
    wire_put_u64(out, exchange);
}

bool directory_exchange_decode(struct text bytes, uint64_t *exchange)
{
    struct wire_reader in = wire_reader_of(bytes);
    *exchange = wire_get_u64(&in);
    return wire_end(&in) && *exchange != 0;
}

void directory_expand_encode(const struct text *keys, unsigned count, struct buffer *out)
{
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++)
        wire_put_text(out, keys[i]);
}

bool directory_expand_decode(struct text bytes, struct arena *arena, struct text **keys,
                             unsigned *count)
{
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u32(&in);
    /* Each takes at least the four bytes of its length: a count that lies allocates nothing. */
    if (*count > DIRECTORY_TARGETS_MAX || *count > in.rest.length / 4)
        return false;
    *keys = arena_array(arena, *count, sizeof(**keys));
    for (unsigned i = 0; i < *count; i++) {
        (*keys)[i] = wire_get_text(&in);
        if (!directory_key_is_valid((*keys)[i]))
            return false;
    }
    return wire_end(&in);
}

void directory_forward_encode(struct text sender, struct text domain, struct buffer *out)
{
    wire_put_text(out, sender);
    wire_put_text(out, domain);
}

bool directory_forward_decode(struct text bytes, struct text *sender, struct text *domain)
{
    struct wire_reader in = wire_reader_of(bytes);
    *sender = wire_get_text(&in);
    *domain = wire_get_text(&in);
    return wire_end(&in);
}

void directory_targets_encode(const struct directory_target *targets, unsigned count,
                              struct buffer *out)
{
    wire_put_u32(out, count);
    for (unsigned i = 0; i < count; i++) {
        wire_put_u8(out, (uint8_t)targets[i].kind);
        wire_put_u32(out, targets[i].recipient);
        wire_put_text(out, targets[i].address);
    }
}

bool directory_targets_decode(struct text bytes, unsigned asked, struct arena *arena,
                              struct directory_target **targets, unsigned *count)
{
    enum { LEAST_BYTES = 9 }; /* of one target */
    struct wire_reader in = wire_reader_of(bytes);
    *count = wire_get_u32(&in);
    if (*count > DIRECTORY_TARGETS_MAX || *count > in.rest.length / LEAST_BYTES)
        return false;
    *targets = arena_array(arena, *count, sizeof(**targets));
    for (unsigned i = 0; i < *count; i++) {
        struct directory_target *target = &(*targets)[i];
        uint8_t kind = wire_get_u8(&in);
        target->kind = (enum directory_target_kind)kind;
        target->recipient = wire_get_u32(&in);
        target->address = wire_get_text(&in);
        if (kind > TARGET_LOOP || target->recipient >= asked || target->address.length == 0 ||
            target->address.length > DIRECTORY_KEY_MAX + 2)
            return false;
    }
    return wire_end(&in);
}
