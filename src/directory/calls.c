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
    if (kind > DESCRIBED_CONTACT || !is_one_line(out->address, DIRECTORY_KEY_MAX) ||
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
           service != SERVICE_FETCHED && service != SERVICE_LINK_STATE;
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

static bool is_flag(uint8_t byte)
{
    return byte <= 1;
}

void directory_expand_encode(const struct directory_question *question, struct buffer *out)
{
    const struct directory_facts *facts = question->facts;
    wire_put_u8(out, facts != NULL);
    if (facts != NULL) {
        wire_put_text(out, facts->sender);
        wire_put_text(out, facts->login);
        wire_put_u64(out, facts->size);
        wire_put_u8(out, facts->is_internal);
    }
    wire_put_u32(out, question->count);
    for (unsigned i = 0; i < question->count; i++)
        wire_put_text(out, question->keys[i]);
}

static bool is_key_or_empty(struct text key)
{
    return key.length == 0 || directory_key_is_valid(key);
}

static bool get_expand_facts(struct wire_reader *in, struct arena *arena,
                             struct directory_question *question)
{
    uint8_t has_facts = wire_get_u8(in);
    if (has_facts == 0 || !is_flag(has_facts))
        return is_flag(has_facts);
    struct directory_facts *facts = arena_alloc(arena, sizeof(*facts));
    question->facts = facts;
    facts->sender = wire_get_text(in);
    facts->login = wire_get_text(in);
    facts->size = wire_get_u64(in);
    uint8_t is_internal = wire_get_u8(in);
    facts->is_internal = is_internal == 1;
    return is_flag(is_internal) && is_key_or_empty(facts->sender) && is_key_or_empty(facts->login);
}

bool directory_expand_decode(struct text bytes, struct arena *arena,
                             struct directory_question *question)
{
    struct wire_reader in = wire_reader_of(bytes);
    *question = (struct directory_question){0};
    if (!get_expand_facts(&in, arena, question))
        return false;
    question->count = wire_get_u32(&in);
    /* Each takes at least the four bytes of its length: a count that lies allocates nothing. */
    if (question->count > DIRECTORY_TARGETS_MAX || question->count > in.rest.length / 4)
        return false;
    struct text *keys = arena_array(arena, question->count, sizeof(*keys));
    question->keys = keys;
    for (unsigned i = 0; i < question->count; i++) {
        keys[i] = wire_get_text(&in);
        if (!directory_key_is_valid(keys[i]))
            return false;
    }
    return wire_end(&in);
}

void directory_rights_encode(struct text user, struct text server, struct buffer *out)
{
    wire_put_text(out, user);
    wire_put_text(out, server);
}

bool directory_rights_decode(struct text bytes, struct text *user, struct text *server)
{
    struct wire_reader in = wire_reader_of(bytes);
    *user = wire_get_text(&in);
    *server = wire_get_text(&in);
    return wire_end(&in) && directory_key_is_valid(*user) && server->length <= DIRECTORY_HOST_MAX;
}

void directory_rights_answer_encode(const struct directory_rights *rights, struct buffer *out)
{
    wire_put_u8(out, rights->may_submit);
    wire_put_u8(out, rights->may_relay);
    wire_put_u64(out, rights->send_bytes);
    wire_put_u64(out, rights->recipients);
}

bool directory_rights_answer_decode(struct text bytes, struct directory_rights *rights)
{
    struct wire_reader in = wire_reader_of(bytes);
    uint8_t may_submit = wire_get_u8(&in), may_relay = wire_get_u8(&in);
    rights->may_submit = may_submit == 1;
    rights->may_relay = may_relay == 1;
    rights->send_bytes = wire_get_u64(&in);
    rights->recipients = wire_get_u64(&in);
    return wire_end(&in) && is_flag(may_submit) && is_flag(may_relay);
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

/* What follows the address of a target depends on what it is. */
static void put_target(const struct directory_target *target, struct buffer *out)
{
    wire_put_u8(out, (uint8_t)target->kind);
    wire_put_u32(out, target->recipient);
    wire_put_u16(out, (uint16_t)target->group);
    wire_put_text(out, target->address);
    if (target->kind == TARGET_MAILBOX)
        wire_put_u64(out, target->receive_bytes);
    if (target->kind == TARGET_REFUSED)
        wire_put_text(out, target->status);
    if (target->kind == TARGET_REFUSED || target->kind == TARGET_EXPAND_AT)
        wire_put_text(out, target->reason);
}

void directory_answer_encode(const struct directory_answer *answer, struct buffer *out)
{
    wire_put_u8(out, answer->depends);
    wire_put_text(out, answer->user);
    wire_put_u64(out, answer->send_bytes);
    wire_put_u64(out, answer->recipients);
    wire_put_u32(out, answer->group_count);
    for (unsigned i = 0; i < answer->group_count; i++) {
        const struct directory_group *group = &answer->groups[i];
        wire_put_text(out, group->address);
        wire_put_text(out, group->owner);
        wire_put_u8(out, group->nobody_hears);
        wire_put_u8(out, group->hides_members);
    }
    wire_put_u32(out, answer->target_count);
    for (unsigned i = 0; i < answer->target_count; i++)
        put_target(&answer->targets[i], out);
}

static bool is_address(struct text address)
{
    return address.length > 0 && address.length <= DIRECTORY_KEY_MAX + 2;
}

static bool get_groups(struct wire_reader *in, struct arena *arena, struct directory_answer *out)
{
    enum { LEAST_BYTES = 10 }; /* of one group */
    out->group_count = wire_get_u32(in);
    if (out->group_count > DIRECTORY_GROUPS_MAX || out->group_count > in->rest.length / LEAST_BYTES)
        return false;
    out->groups = arena_array(arena, out->group_count, sizeof(*out->groups));
    for (unsigned i = 0; i < out->group_count; i++) {
        struct directory_group *group = &out->groups[i];
        group->address = wire_get_text(in);
        group->owner = wire_get_text(in);
        uint8_t nobody_hears = wire_get_u8(in), hides_members = wire_get_u8(in);
        group->nobody_hears = nobody_hears == 1;
        group->hides_members = hides_members == 1;
        if (!is_address(group->address) || group->owner.length > DIRECTORY_KEY_MAX + 2 ||
            !is_flag(nobody_hears) || !is_flag(hides_members))
            return false;
    }
    return true;
}

/* Status and reason go into reports and replies. */
static bool get_target(struct wire_reader *in, const struct directory_answer *answer,
                       unsigned asked, struct directory_target *target)
{
    enum { STATUS_MAX = 8, REASON_MAX = 255 };
    uint8_t kind = wire_get_u8(in);
    target->kind = (enum directory_target_kind)kind;
    target->recipient = wire_get_u32(in);
    target->group = wire_get_u16(in);
    target->address = wire_get_text(in);
    target->receive_bytes = kind == TARGET_MAILBOX ? wire_get_u64(in) : DIRECTORY_NO_LIMIT;
    if (kind == TARGET_REFUSED)
        target->status = wire_get_text(in);
    if (kind == TARGET_REFUSED || kind == TARGET_EXPAND_AT)
        target->reason = wire_get_text(in);
    return kind <= TARGET_EXPAND_AT && target->recipient < asked && is_address(target->address) &&
           target->group <= answer->group_count &&
           (kind != TARGET_REFUSED || target->status.length > 0) &&
           is_one_line(target->status, STATUS_MAX) && is_one_line(target->reason, REASON_MAX);
}

bool directory_answer_decode(struct text bytes, unsigned asked, struct arena *arena,
                             struct directory_answer *out)
{
    enum { LEAST_BYTES = 11 }; /* of one target */
    struct wire_reader in = wire_reader_of(bytes);
    *out = (struct directory_answer){0};
    uint8_t depends = wire_get_u8(&in);
    out->depends = depends == 1;
    out->user = wire_get_text(&in);
    out->send_bytes = wire_get_u64(&in);
    out->recipients = wire_get_u64(&in);
    if (!is_flag(depends) || !is_key_or_empty(out->user) || !get_groups(&in, arena, out))
        return false;
    out->target_count = wire_get_u32(&in);
    if (out->target_count > DIRECTORY_TARGETS_MAX ||
        out->target_count > in.rest.length / LEAST_BYTES)
        return false;
    out->targets = arena_array(arena, out->target_count, sizeof(*out->targets));
    for (unsigned i = 0; i < out->target_count; i++)
        if (!get_target(&in, out, asked, &out->targets[i]))
            return false;
    return wire_end(&in);
}
