/* SASL exchanges as the auth role serves them, message by message. */
#include "directory/exchange.h"

#include "directory/state.h"
#include "directory_scene.h"

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
