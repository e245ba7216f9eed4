/* What auth is asked and answers, on the way between roles: whole and within its limits, or not at
 * all. */
#include "directory/calls.h"

#include <string.h>

#include "directory/record.h"
#include "test.h"

static char letters[DIRECTORY_SASL_MAX + 8192];

/* So many letters. */
static struct text long_text(size_t length)
{
    memset(letters, 'x', sizeof(letters));
    return text_of(letters, length);
}

static struct buffer bytes;
static struct arena arena;

static void begin(void)
{
    buffer_init(&bytes, 1 << 20);
    arena_init(&arena);
}

static void end(void)
{
    buffer_finish(&bytes);
    arena_finish(&arena);
}

typedef bool decodes(struct text whole);

/* What was encoded is taken (or is not), and nothing that was cut is. */
static void expect(decodes *decode, bool is_good)
{
    struct text whole = buffer_text(&bytes);
    EXPECT(decode(whole) == is_good);
    for (size_t length = 0; length < whole.length; length += 1 + whole.length / 500)
        EXPECT(!decode(text_head(whole, length)));
    buffer_reset(&bytes, 1 << 20);
}

static bool takes_login(struct text whole)
{
    struct directory_login login;
    bool wants;
    return directory_login_decode(whole, &login, &wants);
}

static void login(struct directory_login login, bool wants_session, bool is_good)
{
    directory_login_encode(&login, wants_session, &bytes);
    expect(takes_login, is_good);
}

TEST("a login names a service, and a mailbox is wanted only of one that has them")
{
    struct directory_login good = {.service = SERVICE_IMAP,
                                   .session = 7,
                                   .user = TEXT("alice"),
                                   .password = TEXT("secret"),
                                   .peer = TEXT("192.0.2.1:4711")},
                           odd = good;
    begin();
    login(good, true, true);
    odd.service = SERVICE_LAST + 1;
    login(odd, true, false);
    login(odd, false, false);
    EXPECT(!directory_has_mailbox(SERVICE_LAST + 1));
    odd = good;
    odd.service = SERVICE_SMTP;
    login(odd, false, true);
    login(odd, true, false);
    odd = good;
    odd.user = long_text(DIRECTORY_USER_MAX);
    login(odd, true, false);
    odd = good;
    odd.password = long_text(DIRECTORY_PASSWORD_MAX + 1);
    login(odd, true, false);
    end();
}

static bool takes_request(struct text whole)
{
    struct directory_sasl_request request;
    return directory_sasl_request_decode(whole, &request);
}

static void request(struct directory_sasl_request request, bool is_good)
{
    directory_sasl_request_encode(&request, &bytes);
    expect(takes_request, is_good);
}

TEST("a step of a login has facts of its session, and a response within limits")
{
    struct directory_sasl_request good = {.facts = {.service = SERVICE_IMAP,
                                                    .session = 7,
                                                    .peer = TEXT("192.0.2.1:4711"),
                                                    .host = TEXT("mx.example.org"),
                                                    .is_tls = true},
                                          .has_response = true,
                                          .response = TEXT("AGFsaWNl")},
                                  odd = good;
    char digest[DIRECTORY_DIGEST_BYTES] = "digest";
    begin();
    request(good, true);
    odd.has_response = false;
    request(odd, false);
    odd.response = TEXT("");
    request(odd, true);
    odd = good;
    odd.response = long_text(DIRECTORY_SASL_MAX + 1);
    request(odd, false);
    odd = good;
    odd.facts.certificate = text_of(digest, sizeof(digest));
    odd.facts.certificate_mails = TEXT("alice@example.org");
    request(odd, true);
    odd.facts.is_tls = false;
    request(odd, false);
    odd.facts.is_tls = true;
    odd.facts.certificate_mails = long_text(DIRECTORY_MAILS_MAX + 1);
    request(odd, false);
    odd.facts.certificate_mails = TEXT("alice@example.org");
    odd.facts.certificate = TEXT("short");
    request(odd, false);
    end();
}

static bool takes_answer(struct text whole)
{
    struct directory_sasl_answer answer;
    return directory_sasl_answer_decode(whole, &answer);
}

static void answer(enum directory_sasl_outcome outcome, uint64_t exchange, struct text challenge,
                   struct text user, bool is_good)
{
    wire_put_u8(&bytes, (uint8_t)outcome);
    wire_put_u64(&bytes, exchange);
    wire_put_text(&bytes, challenge);
    wire_put_text(&bytes, user);
    expect(takes_answer, is_good);
}

TEST("the answer to a step names a user when it is the last, and only then")
{
    begin();
    answer(DIRECTORY_SASL_CHALLENGE, 7, TEXT("abc"), TEXT(""), true);
    answer(DIRECTORY_SASL_CHALLENGE, 7, TEXT("abc"), TEXT("alice"), false);
    answer(DIRECTORY_SASL_CHALLENGE, 7, long_text(DIRECTORY_SASL_MAX + 1), TEXT(""), false);
    answer(DIRECTORY_SASL_DONE, 7, TEXT(""), TEXT("alice@example.org"), true);
    answer(DIRECTORY_SASL_DONE, 7, TEXT(""), TEXT(""), false);
    answer(DIRECTORY_SASL_DONE, 0, TEXT(""), TEXT("alice@example.org"), false);
    answer(DIRECTORY_SASL_DONE, 7, TEXT(""), long_text(DIRECTORY_USER_MAX), false);
    answer(DIRECTORY_SASL_DONE, 7, TEXT(""), text_of("al\0ce", 5), false);
    answer(DIRECTORY_SASL_MALFORMED, 0, TEXT(""), TEXT(""), true);
    answer(DIRECTORY_SASL_MALFORMED + 1, 7, TEXT(""), TEXT(""), false);
    end();
}

static bool takes_exchange(struct text whole)
{
    uint64_t exchange;
    return directory_exchange_decode(whole, &exchange);
}

static bool takes_rights(struct text whole)
{
    struct text user, server;
    return directory_rights_decode(whole, &user, &server);
}

static bool takes_name(struct text whole)
{
    struct text key;
    return directory_describe_decode(whole, &key);
}

static bool takes_expansion(struct text whole)
{
    struct directory_answer expanded;
    return directory_answer_decode(whole, 1, &arena, &expanded);
}

TEST("what else is asked is within its limits")
{
    begin();
    directory_exchange_encode(7, &bytes);
    expect(takes_exchange, true);
    directory_exchange_encode(0, &bytes);
    expect(takes_exchange, false);
    directory_rights_encode(TEXT("alice@example.org"), TEXT("internet"), &bytes);
    expect(takes_rights, true);
    directory_rights_encode(TEXT("alice@example.org"), long_text(DIRECTORY_HOST_MAX + 1), &bytes);
    expect(takes_rights, false);
    directory_describe_encode(TEXT("alice"), &bytes);
    expect(takes_name, true);
    directory_describe_encode(TEXT("alice@example.org"), &bytes);
    expect(takes_name, true);
    directory_describe_encode(long_text(DIRECTORY_KEY_MAX - 1), &bytes);
    expect(takes_name, false);
    end();
}

static void expansion(struct text target, struct text owner, bool is_good)
{
    struct directory_group group = {.address = TEXT("all@example.org"), .owner = owner};
    struct directory_target one = {.kind = TARGET_REMOTE, .address = target, .group = 1};
    struct directory_answer expanded = {
        .groups = &group, .group_count = 1, .targets = &one, .target_count = 1};
    directory_answer_encode(&expanded, &bytes);
    expect(takes_expansion, is_good);
}

TEST("addresses that a recipient leads to are addresses")
{
    begin();
    expansion(TEXT("x@remote.example"), TEXT("owner@example.org"), true);
    expansion(TEXT("x@remote.example"), TEXT(""), true);
    expansion(TEXT(""), TEXT(""), false);
    expansion(long_text(DIRECTORY_KEY_MAX + 3), TEXT(""), false);
    expansion(TEXT("x@remote.example"), long_text(DIRECTORY_KEY_MAX + 3), false);
    end();
}

/* ---- What the directory's log has ---- */

static bool takes_record(struct directory_record record)
{
    struct directory_record read;
    buffer_reset(&bytes, 1 << 20);
    directory_record_encode(&record, &bytes);
    struct text whole = buffer_text(&bytes);
    bool is_good = directory_record_decode((uint16_t)record.type, whole, &read);
    for (size_t length = 0; length < whole.length && length < 1000; length++)
        EXPECT(!directory_record_decode((uint16_t)record.type, text_head(whole, length), &read));
    return is_good;
}

TEST("a record of the directory is within its limits, or is none")
{
    struct directory_record user = {.type = RECORD_USER,
                                    .key = TEXT("alice@example.org"),
                                    .hash = TEXT("$y$x"),
                                    .name = TEXT("Alice"),
                                    .enabled = true},
                            odd = user;
    begin();
    EXPECT(takes_record(user));
    odd.hash = long_text(DIRECTORY_HASH_MAX + 1);
    EXPECT(!takes_record(odd));
    odd = user;
    odd.name = long_text(DIRECTORY_NAME_MAX + 1);
    EXPECT(!takes_record(odd));
    odd = user;
    odd.name = TEXT("two\nlines");
    EXPECT(!takes_record(odd));
    struct directory_record attribute = {.type = RECORD_ATTRIBUTE,
                                         .key = TEXT("alice@example.org"),
                                         .attribute = TEXT("phone"),
                                         .value = TEXT("1")};
    EXPECT(takes_record(attribute));
    attribute.value = long_text(DIRECTORY_VALUE_MAX + 1);
    EXPECT(!takes_record(attribute));
    EXPECT(!directory_key_is_valid(long_text(DIRECTORY_KEY_MAX + 1)));
    end();
}
