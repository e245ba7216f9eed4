/* What the directory is asked and answers: the first byte says which. Oracle: what decodes keeps
 * the promises of its header, and encodes to the very bytes it came from. */
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "directory/calls.h"
#include "directory/record.h"

enum {
    CHECK,
    LOGIN,
    EXPAND,
    ANSWER,
    SASL_REQUEST,
    SASL_ANSWER,
    DESCRIBE,
    DESCRIPTION,
    RIGHTS,
    CALLS
};

static void try_check(struct text bytes, struct buffer *again)
{
    struct text key;
    if (!directory_check_decode(bytes, &key))
        return;
    check(directory_key_is_valid(key));
    directory_check_encode(key, again);
    check(text_equals(buffer_text(again), bytes));
}

static void try_login(struct text bytes, struct buffer *again)
{
    struct directory_login login;
    bool wants_session;
    if (!directory_login_decode(bytes, &login, &wants_session))
        return;
    check(login.user.length > 0 && login.user.length < DIRECTORY_USER_MAX);
    check(login.password.length > 0 && login.password.length <= DIRECTORY_PASSWORD_MAX);
    check(login.peer.length > 0 && login.peer.length <= DIRECTORY_PEER_MAX);
    check(memchr(login.password.data, '\0', login.password.length) == NULL);
    check(utf8_is_valid(login.user) && login.service <= SERVICE_LAST);
    check(!wants_session || directory_has_mailbox(login.service));
    directory_login_encode(&login, wants_session, again);
    check(text_equals(buffer_text(again), bytes));
}

static void try_expand(struct text bytes, struct arena *arena, struct buffer *again)
{
    struct directory_question question;
    bool good = directory_expand_decode(bytes, arena, &question);
    check(arena->used_bytes <= 8 * bytes.length + 4096);
    if (!good)
        return;
    for (unsigned i = 0; i < question.count; i++)
        check(directory_key_is_valid(question.keys[i]));
    directory_expand_encode(&question, again);
    check(text_equals(buffer_text(again), bytes));
}

static void check_one_line(struct text text)
{
    check(text_find(text, '\r') == text.length && text_find(text, '\n') == text.length);
}

static void try_answer(struct text bytes, struct arena *arena, struct buffer *again)
{
    enum { ASKED = 3 };
    struct directory_answer answer;
    bool good = directory_answer_decode(bytes, ASKED, arena, &answer);
    check(arena->used_bytes <= 16 * bytes.length + 4096);
    if (!good)
        return;
    check(answer.target_count <= DIRECTORY_TARGETS_MAX);
    for (unsigned i = 0; i < answer.target_count; i++) {
        const struct directory_target *target = &answer.targets[i];
        check(target->kind <= TARGET_EXPAND_AT && target->recipient < ASKED &&
              target->address.length > 0 && target->group <= answer.group_count);
        check_one_line(target->status);
        check_one_line(target->reason);
    }
    directory_answer_encode(&answer, again);
    check(text_equals(buffer_text(again), bytes));
}

static void try_rights(struct text bytes, struct buffer *again)
{
    struct text user, server;
    struct directory_rights rights;
    if (directory_rights_decode(bytes, &user, &server)) {
        check(directory_key_is_valid(user));
        directory_rights_encode(user, server, again);
        check(text_equals(buffer_text(again), bytes));
    } else if (directory_rights_answer_decode(bytes, &rights)) {
        directory_rights_answer_encode(&rights, again);
        check(text_equals(buffer_text(again), bytes));
    }
}

static void try_sasl_request(struct text bytes, struct buffer *again)
{
    struct directory_sasl_request request;
    if (!directory_sasl_request_decode(bytes, &request))
        return;
    const struct directory_sasl_facts *facts = &request.facts;
    check(request.response.length <= DIRECTORY_SASL_MAX);
    check(request.exchange == 0 || request.has_response);
    check(facts->mechanism < MECHANISM_COUNT && facts->service <= SERVICE_LAST);
    check(request.exchange != 0 || (facts->peer.length > 0 && utf8_is_valid(facts->peer)));
    check(facts->is_tls || facts->tls_exporter.length + facts->certificate.length == 0);
    check(facts->certificate.length == 0 || facts->certificate.length == DIRECTORY_DIGEST_BYTES);
    directory_sasl_request_encode(&request, again);
    check(text_equals(buffer_text(again), bytes));
}

static void try_sasl_answer(struct text bytes, struct buffer *again)
{
    struct directory_sasl_answer answer;
    if (!directory_sasl_answer_decode(bytes, &answer))
        return;
    check((answer.user[0] != '\0') == (answer.outcome == DIRECTORY_SASL_DONE));
    check(strlen(answer.user) < DIRECTORY_USER_MAX);
    directory_sasl_answer_encode(&answer, again);
    check(text_equals(buffer_text(again), bytes));
}

static void try_describe(struct text bytes, struct buffer *again)
{
    struct text key;
    if (!directory_describe_decode(bytes, &key))
        return;
    check(key.length > 0 && key.length <= DIRECTORY_KEY_MAX);
    directory_describe_encode(key, again);
    check(text_equals(buffer_text(again), bytes));
}

static void try_description(struct text bytes, struct arena *arena, struct buffer *again)
{
    struct directory_description description;
    bool good = directory_description_decode(bytes, arena, &description);
    check(arena->used_bytes <= 8 * bytes.length + 4096);
    if (!good)
        return;
    check_one_line(description.address);
    check_one_line(description.name);
    for (unsigned i = 0; i < description.member_count; i++)
        check_one_line(description.members[i]);
    directory_description_encode(&description, again);
    check(text_equals(buffer_text(again), bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct text bytes = text_of(data + 1, size - 1);
    struct arena arena;
    struct buffer again;
    arena_init(&arena);
    buffer_init(&again, size + 64);
    if (data[0] % CALLS == CHECK)
        try_check(bytes, &again);
    else if (data[0] % CALLS == LOGIN)
        try_login(bytes, &again);
    else if (data[0] % CALLS == EXPAND)
        try_expand(bytes, &arena, &again);
    else if (data[0] % CALLS == ANSWER)
        try_answer(bytes, &arena, &again);
    else if (data[0] % CALLS == SASL_REQUEST)
        try_sasl_request(bytes, &again);
    else if (data[0] % CALLS == SASL_ANSWER)
        try_sasl_answer(bytes, &again);
    else if (data[0] % CALLS == DESCRIBE)
        try_describe(bytes, &again);
    else if (data[0] % CALLS == DESCRIPTION)
        try_description(bytes, &arena, &again);
    else
        try_rights(bytes, &again);
    buffer_finish(&again);
    arena_finish(&arena);
    return 0;
}
