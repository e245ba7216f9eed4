/* SASL exchanges as the auth role serves them, message by message. */
#include "directory/exchange.h"

#include "base/encoding.h"
#include "directory/certificates.h"
#include "directory/keys.h"
#include "directory/state.h"
#include "directory_scene.h"
#include "sasl/cram.h"
#include "sasl/scram.h"

struct talk {
    struct scene *scene;
    struct exchanges *exchanges;
    struct directory_sasl_facts facts;
    struct directory_sasl_answer answer;
    struct buffer challenge;
    char claimed[100];
    unsigned finished;
    enum exchange_outcome outcome;
};

static void note_finished(void *context, const struct exchange *exchange,
                          enum exchange_outcome outcome)
{
    struct talk *talk = context;
    text_copy(exchange->claimed, talk->claimed, sizeof(talk->claimed));
    talk->finished++;
    talk->outcome = outcome;
}

static void talk_begin(struct talk *talk, struct scene *scene, enum mechanism mechanism,
                       enum service service)
{
    *talk = (struct talk){.scene = scene, .exchanges = exchanges_new()};
    talk->facts = (struct directory_sasl_facts){.mechanism = mechanism,
                                                .service = service,
                                                .session = 42,
                                                .peer = TEXT("192.0.2.1:99"),
                                                .host = TEXT("mx.example.test")};
    buffer_init(&talk->challenge, DIRECTORY_SASL_MAX);
}

static void talk_end(struct talk *talk)
{
    exchanges_free(&talk->exchanges);
    buffer_finish(&talk->challenge);
}

static enum status say_to(struct talk *talk, uint64_t exchange, const struct text *response)
{
    const struct exchange_observer observer = {note_finished, talk};
    struct directory_sasl_request request = {.exchange = exchange,
                                             .facts = talk->facts,
                                             .has_response = response != NULL,
                                             .response = response == NULL ? TEXT("") : *response};
    buffer_reset(&talk->challenge, DIRECTORY_SASL_MAX);
    return exchanges_step(talk->exchanges, talk->scene->directory, &request, &observer,
                          &talk->challenge, &talk->answer);
}

static enum status begin(struct talk *talk)
{
    return say_to(talk, 0, NULL);
}

static enum status begin_with(struct talk *talk, struct text response)
{
    return say_to(talk, 0, &response);
}

static enum status say(struct talk *talk, struct text response)
{
    return say_to(talk, talk->answer.exchange, &response);
}

static void plain(struct scene *scene)
{
    static const struct {
        struct text response;
        enum status status;
        enum directory_sasl_outcome outcome;
    } cases[] = {
        {TEXT("\0alice@example.test\0secret"), OK, DIRECTORY_SASL_DONE},
        {TEXT("\0ALICE\0secret"), OK, DIRECTORY_SASL_DONE},
        {TEXT("alice\0alice@example.test\0secret"), OK, DIRECTORY_SASL_DONE},
        {TEXT("Alice@Example.test\0alice\0secret"), OK, DIRECTORY_SASL_DONE},
        {TEXT("\0EXAMPLE\\Alice\0secret"), OK, DIRECTORY_SASL_DONE},
        {TEXT("\0example.test\\alice\0secret"), OK, DIRECTORY_SASL_DONE},
        {TEXT("\0OTHER\\alice\0secret"), REFUSED, 0},
        {TEXT("bob\0alice\0secret"), REFUSED, 0},
        {TEXT("alice@example.net\0alice\0secret"), REFUSED, 0},
        {TEXT("\0alice\0wrong"), REFUSED, 0},
        {TEXT("\0nobody\0secret"), REFUSED, 0},
        {TEXT("\0alice"), OK, DIRECTORY_SASL_MALFORMED},
        {TEXT(""), OK, DIRECTORY_SASL_MALFORMED},
        {TEXT("\0\0secret"), OK, DIRECTORY_SASL_MALFORMED},
        {TEXT("\0alice\0"), OK, DIRECTORY_SASL_MALFORMED},
        {TEXT("\0alice\0secret\0x"), OK, DIRECTORY_SASL_MALFORMED},
        {TEXT("\0alice\xff\0secret"), OK, DIRECTORY_SASL_MALFORMED},
    };
    struct talk talk;
    char peer[32];
    add_user(scene, "alice@example.test");
    talk_begin(&talk, scene, MECHANISM_PLAIN, SERVICE_SUBMISSION);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        /* Each from elsewhere: guesses from one place would have to wait. */
        snprintf(peer, sizeof(peer), "192.0.2.%zu", i + 1);
        talk.facts.peer = text_from(peer);
        EXPECT(begin_with(&talk, cases[i].response) == cases[i].status);
        EXPECT(cases[i].status != OK || talk.answer.outcome == cases[i].outcome);
        if (cases[i].status == OK && cases[i].outcome == DIRECTORY_SASL_DONE)
            EXPECT_TEXT(text_from(talk.answer.user), "alice@example.test");
        EXPECT(talk.finished == i + 1);
    }
    EXPECT(begin(&talk) == OK && talk.answer.outcome == DIRECTORY_SASL_CHALLENGE);
    EXPECT_TEXT(talk.answer.challenge, "");
    EXPECT(say(&talk, TEXT("\0alice\0secret")) == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_DONE);
    talk_end(&talk);
}

TEST("PLAIN takes a name and a password, and lets nobody act as somebody else")
{
    scene_run(plain);
}

static void login(struct scene *scene)
{
    struct talk talk;
    add_user(scene, "alice@example.test");
    talk_begin(&talk, scene, MECHANISM_LOGIN, SERVICE_SUBMISSION);
    EXPECT(begin(&talk) == OK);
    EXPECT_TEXT(talk.answer.challenge, "Username:");
    EXPECT(say(&talk, TEXT("alice")) == OK);
    EXPECT_TEXT(talk.answer.challenge, "Password:");
    EXPECT(talk.finished == 0);
    EXPECT(say(&talk, TEXT("secret")) == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_DONE && talk.finished == 1);
    EXPECT_TEXT(text_from(talk.answer.user), "alice@example.test");
    EXPECT_TEXT(text_from(talk.claimed), "alice");
    EXPECT(begin_with(&talk, TEXT("alice")) == OK);
    EXPECT_TEXT(talk.answer.challenge, "Password:");
    EXPECT(say(&talk, TEXT("wrong")) == REFUSED);
    EXPECT_TEXT(text_from(fail_reason()), "authentication failed");
    EXPECT(say(&talk, TEXT("secret")) != OK); /* the exchange is over */
    EXPECT(begin_with(&talk, TEXT("a\0b")) == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_MALFORMED);
    talk_end(&talk);
}

TEST("LOGIN asks for the name and then for the password")
{
    scene_run(login);
}

static void bounded(struct scene *scene)
{
    struct talk talk;
    add_user(scene, "alice@example.test");
    talk_begin(&talk, scene, MECHANISM_LOGIN, SERVICE_SUBMISSION);
    EXPECT(begin_with(&talk, TEXT("alice")) == OK);
    uint64_t oldest = talk.answer.exchange;
    EXPECT(begin_with(&talk, TEXT("alice")) == OK);
    uint64_t second = talk.answer.exchange;
    for (unsigned i = 0; i < EXCHANGES_MAX - 1; i++)
        EXPECT(begin_with(&talk, TEXT("bob")) == OK && talk.answer.exchange != oldest);
    struct text password = TEXT("secret");
    EXPECT(say_to(&talk, oldest, &password) == TRY_LATER);
    EXPECT(say_to(&talk, second ^ (1ULL << 40), &password) == TRY_LATER);
    EXPECT(say_to(&talk, second, &password) == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_DONE);
    EXPECT(say_to(&talk, second, &password) == TRY_LATER);
    talk_end(&talk);
}

TEST("exchanges are bounded: the oldest is forgotten, and an id cannot be guessed or used again")
{
    scene_run(bounded);
}

static void crowded(struct scene *scene)
{
    struct talk talk;
    struct text password = TEXT("secret");
    add_user(scene, "alice@example.test");
    talk_begin(&talk, scene, MECHANISM_LOGIN, SERVICE_SUBMISSION);
    EXPECT(begin_with(&talk, TEXT("alice")) == OK);
    uint64_t patient = talk.answer.exchange;
    for (unsigned i = 0; i < 2 * EXCHANGES_MAX; i++) {
        EXPECT(begin_with(&talk, TEXT("bob")) == OK);
        exchanges_cancel(talk.exchanges, talk.answer.exchange);
    }
    EXPECT(say_to(&talk, patient, &password) == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_DONE);
    talk_end(&talk);
}

TEST("logins begun and cancelled without end push nobody else's out")
{
    scene_run(crowded);
}

static void expired(struct scene *scene)
{
    struct talk talk;
    int64_t now_ms = 1000000;
    talk_begin(&talk, scene, MECHANISM_LOGIN, SERVICE_SUBMISSION);
    clock_set_for_test(&now_ms);
    EXPECT(begin_with(&talk, TEXT("alice")) == OK);
    now_ms += DIRECTORY_SASL_MS - 1;
    EXPECT(say(&talk, TEXT("")) == OK && talk.answer.outcome == DIRECTORY_SASL_MALFORMED);
    EXPECT(begin_with(&talk, TEXT("alice")) == OK);
    now_ms += DIRECTORY_SASL_MS;
    EXPECT(say(&talk, TEXT("secret")) == TRY_LATER);
    EXPECT_TEXT(text_from(fail_reason()), "the login took too long");
    clock_set_for_test(NULL);
    talk_end(&talk);
}

TEST("an exchange that is not gone on with is forgotten")
{
    scene_run(expired);
}

static void session_taken(struct scene *scene)
{
    struct talk talk;
    struct directory_login login;
    char user[DIRECTORY_USER_MAX];
    add_user(scene, "alice@example.test");
    talk_begin(&talk, scene, MECHANISM_PLAIN, SERVICE_POP3);
    EXPECT(begin(&talk) == OK);
    uint64_t id = talk.answer.exchange;
    EXPECT(exchanges_take(talk.exchanges, id, &scene->arena, &login, user) == REFUSED);
    EXPECT(say(&talk, TEXT("\0alice\0secret")) == OK);
    EXPECT(say(&talk, TEXT("\0alice\0secret")) == REFUSED);
    EXPECT(exchanges_take(talk.exchanges, id, &scene->arena, &login, user) == OK);
    EXPECT_TEXT(text_from(user), "alice@example.test");
    EXPECT(login.service == SERVICE_POP3 && login.session == 42);
    EXPECT_TEXT(login.peer, "192.0.2.1:99");
    EXPECT(exchanges_take(talk.exchanges, id, &scene->arena, &login, user) == REFUSED);
    talk.facts.service = SERVICE_SUBMISSION;
    EXPECT(begin_with(&talk, TEXT("\0alice\0secret")) == OK);
    id = talk.answer.exchange;
    EXPECT(exchanges_take(talk.exchanges, id, &scene->arena, &login, user) == REFUSED);
    talk.facts.service = SERVICE_POP3;
    EXPECT(begin(&talk) == OK);
    exchanges_cancel(talk.exchanges, talk.answer.exchange);
    EXPECT(say(&talk, TEXT("\0alice\0secret")) == TRY_LATER);
    talk_end(&talk);
}

TEST("a mailbox session is taken once, after the login and never before")
{
    scene_run(session_taken);
}

/* ---- The calls ---- */

TEST("a SASL request with a service, mechanism or binding that cannot be is malformed")
{
    struct directory_sasl_request request = {.facts = {.mechanism = MECHANISM_PLAIN,
                                                       .service = SERVICE_SMTP,
                                                       .session = 7,
                                                       .peer = TEXT("192.0.2.1"),
                                                       .host = TEXT("mx.example.test")}},
                                  decoded;
    struct buffer bytes;
    buffer_init(&bytes, 4096);
    directory_sasl_request_encode(&request, &bytes);
    EXPECT(directory_sasl_request_decode(buffer_text(&bytes), &decoded));
    EXPECT(decoded.facts.session == 7 && !decoded.has_response);
    EXPECT(
        !directory_sasl_request_decode(text_head(buffer_text(&bytes), bytes.length - 1), &decoded));
    struct directory_sasl_request bad[4] = {request, request, request, request};
    bad[0].facts.mechanism = MECHANISM_COUNT;
    bad[1].facts.service = 99;
    bad[2].facts.tls_exporter = TEXT("x"); /* without TLS */
    bad[3].facts.peer = TEXT("");          /* else a broken front could go unthrottled */
    for (unsigned i = 0; i < 4; i++) {
        buffer_reset(&bytes, 4096);
        directory_sasl_request_encode(&bad[i], &bytes);
        EXPECT(!directory_sasl_request_decode(buffer_text(&bytes), &decoded));
    }
    request.exchange = 5; /* one that goes on has a response */
    buffer_reset(&bytes, 4096);
    directory_sasl_request_encode(&request, &bytes);
    EXPECT(!directory_sasl_request_decode(buffer_text(&bytes), &decoded));
    buffer_finish(&bytes);
}

/* ---- SCRAM ---- */

/* A client's side of one exchange, for a user whose password is typed in at a terminal. */
struct client {
    enum scram_hash hash;
    const char *header, *password;
    struct text binding;
    char bare[200], server_first[400], final[400], proof[100];
    struct scram_keys keys;
};

static struct text base64_of(struct text bytes, char *out, size_t room)
{
    struct buffer encoded;
    buffer_init(&encoded, room);
    EXPECT(base64_encode(bytes, &encoded) && text_copy(buffer_text(&encoded), out, room));
    buffer_finish(&encoded);
    return text_from(out);
}

/* The message before it is proved, from the server's first. */
static void client_read(struct client *client, struct text server_first)
{
    struct text rest = server_first, nonce, salt, iterations;
    struct buffer salt_bytes, binding;
    struct scram_digest salted;
    uint32_t count;
    char encoded[300];
    EXPECT(text_copy(server_first, client->server_first, sizeof(client->server_first)));
    EXPECT(scram_attribute(&rest, 'r', &nonce));
    EXPECT(scram_attribute(&rest, 's', &salt));
    EXPECT(scram_attribute(&rest, 'i', &iterations));
    EXPECT(text_starts_with(nonce, TEXT("client-nonce")) && nonce.length >= 36);
    EXPECT(text_to_u32(iterations, &count) && count == LOGIN_KEY_ITERATIONS);
    buffer_init(&salt_bytes, 100);
    buffer_init(&binding, 200);
    EXPECT(base64_decode(salt, &salt_bytes) && salt_bytes.length == LOGIN_KEY_SALT_BYTES);
    EXPECT(scram_salt_password(client->hash, text_from(client->password), buffer_text(&salt_bytes),
                               count, &salted));
    scram_keys_derive(client->hash, &salted, &client->keys);
    buffer_append(&binding, text_from(client->header));
    buffer_append(&binding, client->binding);
    base64_of(buffer_text(&binding), encoded, sizeof(encoded));
    snprintf(client->final, sizeof(client->final), "c=%s,r=%.*s", encoded, TEXT_ARG(nonce));
    buffer_finish(&salt_bytes);
    buffer_finish(&binding);
}

/* All three messages, joined. */
static struct text client_message(const struct client *client, char out[1200])
{
    snprintf(out, 1200, "%s,%s,%s", client->bare, client->server_first, client->final);
    return text_from(out);
}

static struct text client_final(struct client *client, char out[1200])
{
    char message[1200];
    struct scram_digest proof;
    scram_prove(client->hash, &client->keys, client_message(client, message), &proof);
    base64_of(text_of(proof.bytes, proof.length), client->proof, sizeof(client->proof));
    snprintf(out, 1200, "%s,p=%s", client->final, client->proof);
    return text_from(out);
}

static enum status client_begin(struct talk *talk, struct client *client, const char *name)
{
    char first[400];
    client->hash = talk->facts.mechanism == MECHANISM_SCRAM_SHA_1 ? SCRAM_SHA_1 : SCRAM_SHA_256;
    snprintf(client->bare, sizeof(client->bare), "n=%s,r=client-nonce", name);
    snprintf(first, sizeof(first), "%s%s", client->header, client->bare);
    return begin_with(talk, text_from(first));
}

/* From the first message to the acknowledgement; the status of the first step that fails. */
static enum status client_run(struct talk *talk, struct client *client, const char *name)
{
    char final[1200], message[1200], signature_text[100];
    enum status status = client_begin(talk, client, name);
    if (status != OK || talk->answer.outcome != DIRECTORY_SASL_CHALLENGE)
        return status;
    client_read(client, talk->answer.challenge);
    status = say(talk, client_final(client, final));
    if (status != OK || talk->answer.outcome != DIRECTORY_SASL_CHALLENGE)
        return status;
    struct scram_digest signature;
    scram_sign(client->hash, &client->keys.server, client_message(client, message), &signature);
    EXPECT(text_starts_with(talk->answer.challenge, TEXT("v=")));
    EXPECT_TEXT(text_from_position(talk->answer.challenge, 2),
                base64_of(text_of(signature.bytes, signature.length), signature_text, 100).data);
    return say(talk, TEXT(""));
}

static void set_keys(struct scene *scene, const char *key)
{
    EXPECT(login_keys_set(scene->directory, text_from(key), TEXT(CHEAP_HASH), TEXT("secret"),
                          false) == OK);
}

static void scram_logs_in(struct scene *scene)
{
    static const enum mechanism mechanisms[] = {MECHANISM_SCRAM_SHA_1, MECHANISM_SCRAM_SHA_256};
    add_user(scene, "alice@example.test");
    set_keys(scene, "alice@example.test");
    for (unsigned i = 0; i < 2; i++) {
        struct talk talk;
        talk_begin(&talk, scene, mechanisms[i], SERVICE_SUBMISSION);
        struct client client = {.header = "n,,", .password = "secret"};
        EXPECT(client_run(&talk, &client, "alice@example.test") == OK);
        EXPECT(talk.answer.outcome == DIRECTORY_SASL_DONE);
        EXPECT_TEXT(text_from(talk.answer.user), "alice@example.test");
        client.header = "y,a=alice,";
        EXPECT(client_run(&talk, &client, "Alice") == OK);
        EXPECT(talk.answer.outcome == DIRECTORY_SASL_DONE);
        client.header = "n,a=bob,";
        EXPECT(client_run(&talk, &client, "alice") == REFUSED);
        client.header = "n,,";
        client.password = "wrong";
        EXPECT(client_run(&talk, &client, "alice") == REFUSED);
        talk_end(&talk);
    }
}

TEST("SCRAM proves a password both ways without sending it")
{
    scene_run(scram_logs_in);
}

static void scram_first_login(struct scene *scene)
{
    struct talk talk;
    char hash[DIRECTORY_HASH_MAX];
    struct client client = {.header = "n,,", .password = "secret"};
    add_user(scene, "alice@example.test");
    talk_begin(&talk, scene, MECHANISM_SCRAM_SHA_256, SERVICE_SUBMISSION);
    EXPECT(client_run(&talk, &client, "alice") == REFUSED);
    talk.facts.mechanism = MECHANISM_PLAIN;
    EXPECT(begin_with(&talk, TEXT("\0alice\0secret")) == OK);
    talk.facts.mechanism = MECHANISM_SCRAM_SHA_256;
    EXPECT(client_run(&talk, &client, "alice") == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_DONE);
    /* Another password ends the keys of the one before. */
    EXPECT(password_hash(TEXT("new"), hash) == OK);
    EXPECT(directory_user_set_password(scene->directory, TEXT("alice@example.test"),
                                       text_from(hash)) == OK);
    EXPECT(client_run(&talk, &client, "alice") == REFUSED);
    EXPECT(directory_user_set_password(scene->directory, TEXT("alice@example.test"),
                                       TEXT(CHEAP_HASH)) == OK);
    EXPECT(client_run(&talk, &client, "alice") == OK);
    EXPECT(directory_user_enable(scene->directory, TEXT("alice@example.test"), false) == OK);
    EXPECT(client_run(&talk, &client, "alice") == REFUSED);
    talk_end(&talk);
}

TEST("an imported hash gets SCRAM keys at the first login, and they end with it")
{
    scene_run(scram_first_login);
}

static void first_of(struct talk *talk, const char *name, char out[400])
{
    struct client client = {.header = "n,,", .password = "x"};
    EXPECT(client_begin(talk, &client, name) == OK);
    EXPECT(talk->answer.outcome == DIRECTORY_SASL_CHALLENGE);
    client_read(&client, talk->answer.challenge);
    text_copy(text_after(text_from(client.server_first), ','), out, 400);
}

static void scram_decoys(struct scene *scene)
{
    struct talk talk;
    char nobody[400], again[400], other[400], no_address[400];
    talk_begin(&talk, scene, MECHANISM_SCRAM_SHA_256, SERVICE_SUBMISSION);
    first_of(&talk, "nobody@example.test", nobody);
    first_of(&talk, "NOBODY", again);
    first_of(&talk, "other@example.test", other);
    first_of(&talk, "bob", no_address); /* exists, without a password */
    assert_string_equal(nobody, again);
    assert_string_not_equal(nobody, other);
    talk_end(&talk);
    directory_close(&scene->directory);
    scene_open(scene);
    talk_begin(&talk, scene, MECHANISM_SCRAM_SHA_256, SERVICE_SUBMISSION);
    first_of(&talk, "nobody@example.test", again);
    assert_string_equal(nobody, again); /* as of those who exist */
    talk_end(&talk);
}

TEST("a user who does not exist gets a salt that stays the same, over restarts too")
{
    scene_run(scram_decoys);
}

static void scram_bindings(struct scene *scene)
{
    static const struct {
        enum mechanism mechanism;
        const char *header, *binding;
        enum status status;
    } cases[] = {
        {MECHANISM_SCRAM_SHA_256_PLUS, "p=tls-exporter,,", "exported", OK},
        {MECHANISM_SCRAM_SHA_256_PLUS, "p=tls-server-end-point,,", "end point", OK},
        {MECHANISM_SCRAM_SHA_256_PLUS, "p=tls-exporter,,", "of another channel", REFUSED},
        {MECHANISM_SCRAM_SHA_256_PLUS, "p=tls-exporter,,", "end point", REFUSED},
        {MECHANISM_SCRAM_SHA_256_PLUS, "p=tls-unique,,", "x", REFUSED},
        {MECHANISM_SCRAM_SHA_256_PLUS, "n,,", "", REFUSED},
        {MECHANISM_SCRAM_SHA_256_PLUS, "y,,", "", REFUSED},
        {MECHANISM_SCRAM_SHA_256, "n,,", "", OK},
        {MECHANISM_SCRAM_SHA_256, "y,,", "", REFUSED}, /* somebody took the -PLUS away */
        {MECHANISM_SCRAM_SHA_256, "p=tls-exporter,,", "exported", REFUSED},
    };
    struct talk talk;
    char peer[32];
    add_user(scene, "alice@example.test");
    set_keys(scene, "alice@example.test");
    talk_begin(&talk, scene, MECHANISM_SCRAM_SHA_256, SERVICE_SUBMISSION);
    talk.facts.is_tls = true;
    talk.facts.tls_exporter = TEXT("exported");
    talk.facts.tls_server_end_point = TEXT("end point");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client client = {.header = cases[i].header,
                                .password = "secret",
                                .binding = text_from(cases[i].binding)};
        snprintf(peer, sizeof(peer), "192.0.2.%zu", i);
        talk.facts.peer = text_from(peer);
        talk.facts.mechanism = cases[i].mechanism;
        EXPECT(client_run(&talk, &client, "alice") == cases[i].status);
    }
    talk_end(&talk);
}

TEST("SCRAM-PLUS holds on this channel alone, and its removal from the offer is noticed")
{
    scene_run(scram_bindings);
}

static void scram_malformed(struct scene *scene)
{
    static const char *const firsts[] = {
        "",
        "n,",
        "n,,",
        "x,,n=a,r=b",
        "n,n=a,r=b",
        "n,a=,n=a,r=b",
        "n,,r=b,n=a",
        "n,,m=x,n=a,r=b",
        "n,,n=a",
        "n,,n=a,r=",
        "n,,n=,r=b",
        "n,,n=a=,r=b",
        "n,,n=\xff,r=b",
        "p=,,n=a,r=b",
        "n,,n=a,r=a\x01",
    };
    struct talk talk;
    talk_begin(&talk, scene, MECHANISM_SCRAM_SHA_256, SERVICE_SUBMISSION);
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        EXPECT(begin_with(&talk, text_from(firsts[i])) == OK);
        EXPECT(talk.answer.outcome == DIRECTORY_SASL_MALFORMED);
    }
    static const char *const finals[] = {"", "c=biws", "c=biws,r=x",
                                         "r=x,c=biws,p=AA==", "c=biws,r=x,p=AA==,x=y"};
    for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
        EXPECT(begin_with(&talk, TEXT("n,,n=a,r=b")) == OK);
        EXPECT(say(&talk, text_from(finals[i])) == OK);
        EXPECT(talk.answer.outcome == DIRECTORY_SASL_MALFORMED);
    }
    EXPECT(begin_with(&talk, TEXT("n,,n=a,r=b")) == OK);
    EXPECT(say(&talk, TEXT("c=biws,r=another,p=AA==")) == REFUSED);
    talk_end(&talk);
}

TEST("SCRAM messages that are not of the grammar are malformed, and another nonce is refused")
{
    scene_run(scram_malformed);
}

static void cram(struct scene *scene)
{
    struct talk talk;
    struct cram_key key;
    char answer[CRAM_HEX_BYTES], response[200];
    add_user(scene, "alice@example.test");
    set_keys(scene, "alice@example.test");
    cram_key_make(TEXT("secret"), &key);
    talk_begin(&talk, scene, MECHANISM_CRAM_MD5, SERVICE_SUBMISSION);
    for (unsigned i = 0; i < 3; i++) {
        if (i == 1)
            EXPECT(login_keys_set(scene->directory, TEXT("alice@example.test"), TEXT(CHEAP_HASH),
                                  TEXT("secret"), true) == OK);
        if (i == 2)
            cram_key_make(TEXT("wrong"), &key);
        EXPECT(begin(&talk) == OK);
        EXPECT(text_ends_with_nocase(talk.answer.challenge, TEXT("@mx.example.test>")));
        cram_answer(&key, talk.answer.challenge, answer);
        snprintf(response, sizeof(response), "alice %.*s", CRAM_HEX_BYTES, answer);
        EXPECT(say(&talk, text_from(response)) == (i == 1 ? OK : REFUSED));
    }
    EXPECT(begin(&talk) == OK && say(&talk, TEXT("alice")) == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_MALFORMED);
    talk_end(&talk);
}

TEST("CRAM-MD5 works for users whose key for it was asked for, and for nobody else")
{
    scene_run(cram);
}

/* ---- EXTERNAL ---- */

static void external(struct scene *scene)
{
    static const char first[] =
        "\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10";
    static const char second[] = "abcdabcdabcdabcdabcdabcdabcdabcd";
    static const struct {
        const char *certificate, *mails, *response, *user; /* user NULL: REFUSED */
    } cases[] = {
        {first, "", "", "alice@example.test"},
        {first, "", "ALICE", "alice@example.test"},
        {first, "", "bob", NULL},
        {second, "", "", NULL},
        {second, "bob@example.test", "", "bob@example.test"},
        {second, "x@far.test\nbob@example.test", "", "bob@example.test"},
        {second, "bob@example.test", "alice", NULL},
        {first, "bob@example.test", "bob@example.test", "bob@example.test"},
        {second, "nobody@example.test", "", NULL},
        {second, "nobody@example.test", "no address@", NULL},
    };
    struct talk talk;
    add_user(scene, "alice@example.test");
    EXPECT(certificate_add(scene->directory, TEXT("alice@example.test"), text_of(first, 32)) == OK);
    talk_begin(&talk, scene, MECHANISM_EXTERNAL, SERVICE_SUBMISSION);
    talk.facts.is_tls = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        talk.facts.certificate = text_of(cases[i].certificate, 32);
        talk.facts.certificate_mails = text_from(cases[i].mails);
        EXPECT(begin_with(&talk, text_from(cases[i].response)) ==
               (cases[i].user == NULL ? REFUSED : OK));
        EXPECT_TEXT(text_from(talk.answer.user), cases[i].user == NULL ? "" : cases[i].user);
    }
    talk.facts.certificate = text_of(first, 32);
    EXPECT(directory_user_enable(scene->directory, TEXT("alice@example.test"), false) == OK);
    EXPECT(begin(&talk) == OK && talk.answer.outcome == DIRECTORY_SASL_CHALLENGE);
    EXPECT(say(&talk, TEXT("")) == REFUSED);
    EXPECT(begin_with(&talk, TEXT("a\0b")) == OK);
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_MALFORMED);
    talk_end(&talk);
}

TEST("a certificate is a user's when it was recorded as his, or names him and is vouched for")
{
    scene_run(external);
}

/* ---- Tokens ---- */

/* Of one Ed25519 key; for alice and for nobody, until the year 2096. */
#define KEY_SET                                                                                    \
    "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"t\",\"x\":"                         \
    "\"TASLqYvHVWC0H7JRxNskxWKt9zEVAY0DXWyv7K1ocuk\"}]}"
#define ALICE_TOKEN                                                                                \
    "eyJhbGciOiJFZERTQSIsImtpZCI6InQifQ.eyJpc3MiOiJodHRwczovL2lkLnRlc3QiLCJhdWQiOiJtY"             \
    "WlsIiwiZXhwIjo0MDAwMDAwMDAwLCJlbWFpbCI6IkFsaWNlQGV4YW1wbGUudGVzdCJ9.nvb0lXF6yWR8"             \
    "QrwvZXG4OYHtu0g8std27RGWUEoze7BOiWUxlomY1tpKmcjm3pd7rp2HVOdgN_P5XZnGk1NQCA"
#define NOBODY_TOKEN                                                                               \
    "eyJhbGciOiJFZERTQSIsImtpZCI6InQifQ.eyJpc3MiOiJodHRwczovL2lkLnRlc3QiLCJhdWQiOiJtY"             \
    "WlsIiwiZXhwIjo0MDAwMDAwMDAwLCJlbWFpbCI6Im5vYm9keUBleGFtcGxlLnRlc3QifQ._ozIK_xtsE"             \
    "kzDZzcF3mcuLnoqVxUQK54RXs2YFpWC2G6428biHpVSjabB4qqFHz3hZpfUqiO-qkVfvUJsK_xAA"

static void write_keys(const struct scene *scene, const char *keys)
{
    char path[100];
    snprintf(path, sizeof(path), "%s/jwks.json", scene->path);
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL && fputs(keys, file) >= 0 && fclose(file) == 0);
}

static void use_oauth(struct scene *scene)
{
    char text[400];
    snprintf(text, sizeof(text),
             "oauth jwks %s/jwks.json issuer https://id.test audience mail\n"
             "domain example.test {\n user bob\n}\n",
             scene->path);
    struct settings *settings = scene_settings(text);
    directory_use_settings(scene->directory, settings);
    settings_release(&settings);
}

struct bearer_case {
    struct text message;
    enum exchange_outcome outcome;
};

/* Play one message, and the last word where one is asked for. */
static void play_bearer(struct talk *talk, const struct bearer_case *one, const char *challenge)
{
    enum status status = begin_with(talk, one->message);
    if (one->outcome == EXCHANGE_FAILED) {
        EXPECT(status == OK && talk->answer.outcome == DIRECTORY_SASL_CHALLENGE);
        EXPECT_TEXT(talk->answer.challenge, challenge);
        EXPECT(say(talk, TEXT("\1")) == REFUSED);
    }
    EXPECT(talk->outcome == one->outcome);
    if (one->outcome == EXCHANGE_DONE)
        EXPECT_TEXT(text_from(talk->answer.user), "alice@example.test");
}

static void oauth_bearer(struct scene *scene)
{
    static const struct bearer_case cases[] = {
        {TEXT("n,a=alice@example.test,\1auth=Bearer " ALICE_TOKEN "\1\1"), EXCHANGE_DONE},
        {TEXT("n,,\1host=mx\1port=587\1auth=bearer " ALICE_TOKEN "\1\1"), EXCHANGE_DONE},
        {TEXT("y,a=ALICE,\1auth=Bearer " ALICE_TOKEN "\1\1"), EXCHANGE_DONE},
        {TEXT("n,a=bob,\1auth=Bearer " ALICE_TOKEN "\1\1"), EXCHANGE_FAILED},
        {TEXT("n,,\1auth=Bearer " NOBODY_TOKEN "\1\1"), EXCHANGE_FAILED},
        {TEXT("n,,\1auth=Bearer x" ALICE_TOKEN "\1\1"), EXCHANGE_FAILED},
        {TEXT("n,,\1auth=\1\1"), EXCHANGE_FAILED},
        {TEXT("n,,\1auth=Basic eA==\1\1"), EXCHANGE_MALFORMED},
        {TEXT("n,,\1auth=Bearer " ALICE_TOKEN "\1"), EXCHANGE_MALFORMED},
        {TEXT("n,,\1host=mx\1\1"), EXCHANGE_MALFORMED},
        {TEXT("p=tls-exporter,,\1auth=Bearer x\1\1"), EXCHANGE_MALFORMED},
        {TEXT("n,a=x=,\1auth=Bearer x\1\1"), EXCHANGE_MALFORMED},
        {TEXT("n,\1auth=Bearer x\1\1"), EXCHANGE_MALFORMED},
        {TEXT(""), EXCHANGE_MALFORMED},
    };
    struct talk talk;
    add_user(scene, "alice@example.test");
    write_keys(scene, KEY_SET);
    use_oauth(scene);
    talk_begin(&talk, scene, MECHANISM_OAUTHBEARER, SERVICE_SUBMISSION);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        play_bearer(&talk, &cases[i],
                    "{\"status\":\"invalid_token\",\"openid-configuration\":"
                    "\"https://id.test/.well-known/openid-configuration\"}");
    talk_end(&talk);
}

TEST("OAUTHBEARER takes a token that holds, of the user who is asked for")
{
    scene_run(oauth_bearer);
}

static void xoauth2(struct scene *scene)
{
    static const struct bearer_case cases[] = {
        {TEXT("user=alice@example.test\1auth=Bearer " ALICE_TOKEN "\1\1"), EXCHANGE_DONE},
        {TEXT("user=bob\1auth=Bearer " ALICE_TOKEN "\1\1"), EXCHANGE_FAILED},
        {TEXT("user=alice\1auth=Bearer nonsense\1\1"), EXCHANGE_FAILED},
        {TEXT("user=\1auth=Bearer x\1\1"), EXCHANGE_MALFORMED},
        {TEXT("auth=Bearer x\1\1"), EXCHANGE_MALFORMED},
        {TEXT("user=alice\1auth=Bearer x"), EXCHANGE_MALFORMED},
    };
    struct talk talk;
    add_user(scene, "alice@example.test");
    write_keys(scene, KEY_SET);
    use_oauth(scene);
    talk_begin(&talk, scene, MECHANISM_XOAUTH2, SERVICE_SUBMISSION);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        play_bearer(&talk, &cases[i], "{\"status\":\"401\",\"schemes\":\"bearer\"}");
    EXPECT(directory_user_enable(scene->directory, TEXT("alice@example.test"), false) == OK);
    const struct bearer_case disabled = {cases[0].message, EXCHANGE_FAILED};
    play_bearer(&talk, &disabled, "{\"status\":\"401\",\"schemes\":\"bearer\"}");
    talk_end(&talk);
}

TEST("XOAUTH2 takes the same token in its own words")
{
    scene_run(xoauth2);
}

static void oauth_keys(struct scene *scene)
{
    const struct text message = TEXT("user=alice\1auth=Bearer " ALICE_TOKEN "\1\1");
    struct talk talk;
    add_user(scene, "alice@example.test");
    use_oauth(scene);
    talk_begin(&talk, scene, MECHANISM_XOAUTH2, SERVICE_SUBMISSION);
    EXPECT(begin_with(&talk, message) == TRY_LATER); /* no file */
    write_keys(scene, KEY_SET);
    EXPECT(begin_with(&talk, message) == OK && talk.outcome == EXCHANGE_DONE);
    write_keys(scene, "{\"keys\":["); /* half written: the keys of before are good */
    EXPECT(begin_with(&talk, message) == OK && talk.outcome == EXCHANGE_DONE);
    write_keys(scene, "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                      "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
    EXPECT(begin_with(&talk, message) == OK); /* the issuer has another key now */
    EXPECT(talk.answer.outcome == DIRECTORY_SASL_CHALLENGE);
    talk_end(&talk);
}

TEST("new keys of the issuer are taken up, and a broken file leaves those of before")
{
    scene_run(oauth_keys);
}
