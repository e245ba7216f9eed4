/* What scripts have written to others: in whose name, how often, by which bytes; and refusals,
 * where nobody waits for a reply. */
#include "account/absence.h"
#include "base/clock.h"
#include "filter_scene.h"
#include "queue/filter/answer.h"
#include "queue/internal.h"
#include "store/value.h"

#define CAROL "carol@local.test"
#define AWAY "require [\"vacation\", \"vacation-seconds\"]; vacation :seconds 0 "

static struct arena arena;
static int64_t now;

static void run_here(void (*test)(struct queue_peer *peer))
{
    now = 1790000000000;
    clock_set_for_test(&now);
    run_with_directory(&arena, test);
    clock_set_for_test(NULL);
}

/* From carol; its id. */
static uint64_t send_from_carol(struct queue_peer *peer, const char *to)
{
    struct queue_peer_mail mail = {
        .sender = TEXT(CAROL), .body = TEXT(MESSAGE), .to = {text_from(to)}, .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    return mail.id;
}

static struct text answer_to_carol(struct queue_peer *peer, const char *to)
{
    unsigned count = queue_peer_count(peer, CAROL);
    send_from_carol(peer, to);
    EXPECT(queue_peer_await(peer, CAROL, count + 1));
    return queue_peer_read(peer, CAROL, count, &arena);
}

static void in_whose_name(struct queue_peer *peer)
{
    ADD_ALIAS(peer, "sales@local.test", ALICE);
    ADD_GROUP(peer, "staff@local.test", ALICE, BOB);
    set_script(peer, ALICE, AWAY "\"Away.\";");
    EXPECT(has(answer_to_carol(peer, ALICE), "\r\nFrom: " ALICE "\r\n"));
    EXPECT(has(answer_to_carol(peer, "sales@local.test"), "\r\nFrom: sales@local.test\r\n"));
    EXPECT(has(answer_to_carol(peer, "staff@local.test"), "\r\nFrom: " ALICE "\r\n"));
    set_script(peer, BOB, "redirect \"sales@local.test\";");
    EXPECT(has(answer_to_carol(peer, BOB), "\r\nFrom: " ALICE "\r\n"));

    set_script(peer, ALICE, AWAY ":from \"Sales@local.test\" \"Away.\";");
    EXPECT(has(answer_to_carol(peer, "sales@local.test"), "\r\nFrom: Sales@local.test\r\n"));
    EXPECT(has(answer_to_carol(peer, ALICE), "\r\nFrom: " ALICE "\r\n"));
    set_script(peer, ALICE, AWAY ":from \"staff@local.test\" \"Away.\";");
    EXPECT(has(answer_to_carol(peer, "staff@local.test"), "\r\nFrom: " ALICE "\r\n"));
}

/* RFC 5230 5.1 */
TEST("an answer is from who is away, by the name he was asked for when that is his alone")
{
    run_here(in_whose_name);
}

struct sending {
    struct queue_peer *peer;
    uint64_t id;
};

static void send_one(void *argument)
{
    struct sending *sending = argument;
    sending->id = send_from_carol(sending->peer, ALICE);
}

static void two_at_once(struct queue_peer *peer)
{
    struct task_group group;
    struct sending sendings[2] = {{.peer = peer}, {.peer = peer}};
    task_group_init(&group);
    set_script(peer, ALICE, "require \"vacation\"; vacation \"Away.\";");
    for (unsigned i = 0; i < 2; i++)
        task_spawn(&group, "send", send_one, &sendings[i]);
    task_group_wait(&group, NO_DEADLINE);
    EXPECT(holds(peer, ALICE, 2));
    EXPECT(queue_peer_await(peer, CAROL, 1));
    EXPECT(is_told(peer, sendings[0].id, "answered not long ago") +
               is_told(peer, sendings[1].id, "answered not long ago") ==
           1);
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

TEST("two messages that come at once get one answer")
{
    run_here(two_at_once);
}

static bool find_memory(void *context, struct text name, struct text value)
{
    struct text *found = context;
    unused(value);
    *found = arena_copy(&arena, name);
    return false;
}

static void forgotten(struct queue_peer *peer)
{
    struct text name = TEXT("");
    struct store *store = queue_store(peer->queue);
    set_script(peer, ALICE, "require \"vacation\"; vacation \"Away.\";");
    answer_to_carol(peer, ALICE);
    uint64_t id = send_from_carol(peer, ALICE);
    EXPECT(is_told(peer, id, "answered not long ago"));
    value_each(store, TEXT(ALICE), TEXT("memory/"), find_memory, &name);
    EXPECT(value_set(store, TEXT(ALICE), name, TEXT("?")) == OK);
    answer_to_carol(peer, ALICE);
}

TEST("a memory of an answer that can't be read is none")
{
    run_here(forgotten);
}

static void bytes(struct queue_peer *peer)
{
    set_script(peer, ALICE,
               AWAY ":mime text:\nContent-Type: text/plain; charset=utf-8\n"
                    "Content-Transfer-Encoding: 8bit\n\nBin in M\xc3\xbcnchen.\n.\n;");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    struct queue_job *job = take_jobs(peer, 1, &arena);
    EXPECT(has(job->body, "\r\n\r\nBin in M\xc3\xbcnchen.\r\n"));
    EXPECT(job->terms.body == MAIL_BODY_8BIT && !job->terms.is_international);
    EXPECT(queue_peer_sent(peer, job) == OK);

    set_script(peer, ALICE, AWAY "\"Bin in M\xc3\xbcnchen.\";");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    job = take_jobs(peer, 1, &arena);
    EXPECT(job->terms.body == MAIL_BODY_7BIT && !job->terms.is_international);
    EXPECT(queue_peer_sent(peer, job) == OK);
}

TEST("an answer with 8-bit bytes says so to the next hop, and one without does not")
{
    run_here(bytes);
}

static void international(struct queue_peer *peer)
{
    static const char to_joerg[] = "To: j\xc3\xb6rg@local.test\r\n\r\n";
    add_user(peer, "j\xc3\xb6rg@local.test");
    set_script(peer, "j\xc3\xb6rg@local.test", AWAY "\"Away.\";");
    EXPECT(send_to(peer, to_joerg, "j\xc3\xb6rg@local.test") == OK);
    struct queue_job *job = take_jobs(peer, 1, &arena);
    EXPECT(job->terms.is_international);
    EXPECT(has(job->body, "\r\nFrom: j\xc3\xb6rg@local.test\r\n") ||
           text_starts_with(job->body, TEXT("From: j\xc3\xb6rg@local.test\r\n")));
    EXPECT(queue_peer_sent(peer, job) == OK);

    set_script(peer, ALICE, AWAY "\"Away.\";");
    struct queue_peer_mail mail = {.sender = TEXT("z\xc3\xbc@remote.example"),
                                   .body = TEXT(MESSAGE),
                                   .to = {TEXT(ALICE)},
                                   .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    job = take_jobs(peer, 1, &arena);
    EXPECT(job->terms.is_international);
    EXPECT_TEXT(job->recipients[0].address, "z\xc3\xbc@remote.example");
}

/* RFC 6531 */
TEST("an answer from or to an address that is not ASCII needs hosts that take such")
{
    run_here(international);
}

static bool is_not_answered(struct queue_peer *peer, uint64_t id)
{
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && queue_counts_now(peer->queue).items > 0; i++)
        queue_peer_work();
    return queue_counts_now(peer->queue).items == 0 && !is_told(peer, id, "answer=");
}

static void in_vain(struct queue_peer *peer)
{
    struct buffer source;
    buffer_init(&source, 200000);
    buffer_append(&source, TEXT("require [\"vacation\", \"variables\"]; set \"v\" \""));
    for (unsigned i = 0; i < 16000; i++)
        buffer_append(&source, TEXT("\xc3\xbc"));
    buffer_append(&source, TEXT("\"; vacation \""));
    for (unsigned i = 0; i < 30; i++)
        buffer_append(&source, TEXT("${v}\n"));
    buffer_append(&source, TEXT("\";\0"));
    set_script(peer, ALICE, source.data);
    buffer_finish(&source);
    uint64_t id = send_from_carol(peer, ALICE);
    EXPECT(holds(peer, ALICE, 1));
    EXPECT(is_not_answered(peer, id) && is_told(peer, id, "reason=\"it is too long\""));

    set_script(peer, ALICE, AWAY "\"Away.\";");
    struct queue_peer_mail mail = {.sender = TEXT("gone@local.test"),
                                   .body = TEXT(MESSAGE),
                                   .to = {TEXT(ALICE)},
                                   .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, ALICE, 2));
    EXPECT(is_not_answered(peer, mail.id) && is_told(peer, mail.id, "to=gone@local.test reason="));
}

TEST("an answer that is too long, or that nobody takes, ends with a word in the story")
{
    run_here(in_vain);
}

static void set_absence(struct queue_peer *peer, bool is_on, int64_t from_ms)
{
    struct absence absence = {.is_on = is_on,
                              .answers_outside = true,
                              .from_ms = from_ms,
                              .inside = TEXT("Out of office.")};
    EXPECT(absence_set(queue_store(peer->queue), TEXT(ALICE), &absence) == OK);
}

/* By which words carol is answered; "" when she is not. */
static struct text words_to_carol(struct queue_peer *peer)
{
    unsigned count = queue_peer_count(peer, CAROL);
    now += (int64_t)100 * DAY; /* all are answered anew */
    send_from_carol(peer, ALICE);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && queue_counts_now(peer->queue).items > 0; i++)
        queue_peer_work();
    EXPECT(queue_peer_count(peer, CAROL) <= count + 1);
    struct text answer = queue_peer_read(peer, CAROL, count, &arena);
    return text_trim(text_from_position(answer, text_find_text(answer, TEXT("\r\n\r\n"))));
}

static void absences(struct queue_peer *peer)
{
    set_absence(peer, true, 0);
    EXPECT_TEXT(words_to_carol(peer), "Out of office.");
    set_absence(peer, true, now + (int64_t)150 * DAY);
    EXPECT_TEXT(words_to_carol(peer), "");
    EXPECT_TEXT(words_to_carol(peer), "Out of office.");
    set_absence(peer, false, 0);
    EXPECT_TEXT(words_to_carol(peer), "");
}

TEST("who is out of office is answered for from the set day on, and not when it is switched off")
{
    run_here(absences);
}

static void beside_a_script(struct queue_peer *peer)
{
    static const struct {
        const char *script, *words;
    } rows[] = {
        {"keep;", "Out of office."},
        {"require \"fileinto\"; fileinto \"Junk\";", "Out of office."},
        {"redirect \"" BOB "\";", "Out of office."},
        {"require \"vacation\"; vacation \"By my script.\";", "By my script."},
        {"discard;", ""},
    };
    set_absence(peer, true, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set_script(peer, ALICE, rows[i].script);
        EXPECT_TEXT(words_to_carol(peer), rows[i].words);
    }
    set_script(peer, ALICE, "require \"reject\"; reject \"No.\";");
    unsigned count = queue_peer_count(peer, CAROL);
    struct queue_peer_mail mail = {
        .sender = TEXT(CAROL), .body = TEXT(MESSAGE), .to = {TEXT(ALICE)}, .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == REFUSED);
    EXPECT(queue_counts_now(peer->queue).items == 0 && holds(peer, CAROL, count));
}

TEST("who is out of office is answered for when his script takes the message and says nothing")
{
    run_here(beside_a_script);
}

static void rejections(struct queue_peer *peer)
{
    ADD_GROUP(peer, "staff@local.test", ALICE, BOB);
    set_script(peer, ALICE, "require \"reject\"; reject \"\x01No\x7f\x7fthanks\t\r\n, Carol\";");
    struct text report = answer_to_carol(peer, "staff@local.test");
    EXPECT(has(report, "5.7.1") && has(report, " No thanks , Carol") && has(report, ALICE));
    EXPECT(holds(peer, ALICE, 0) && holds(peer, BOB, 1));
    set_script(peer, BOB, "redirect \"" ALICE "\";");
    report = answer_to_carol(peer, BOB);
    EXPECT(has(report, "5.7.1") && has(report, "No thanks") && has(report, ALICE));
    EXPECT(holds(peer, ALICE, 0) && holds(peer, BOB, 1));

    uint64_t id = queue_peer_deliver(peer, "", "staff@local.test");
    EXPECT(is_told(peer, id, "action=reject"));
    EXPECT(queue_counts_now(peer->queue).items == 0);
    EXPECT(holds(peer, ALICE, 0) && holds(peer, BOB, 1 + 1));
}

/* RFC 5429 2.1.1 */
TEST("a member's rejection, and that of who was sent it on, is a report; nobody is told nothing")
{
    run_here(rejections);
}

/* The item of a message that waits for its next host becomes an answer of these bytes. */
static uint64_t put_answer(struct queue_peer *peer, struct text bytes, unsigned recipients)
{
    struct item_recipient to[2] = {{.address = TEXT(CAROL)}, {.address = TEXT(BOB)}};
    struct item item = {
        .kind = ITEM_ANSWER, .recipients = to, .recipient_count = recipients, .answer = bytes};
    struct change change;
    uint64_t id = queue_peer_deliver(peer, BOB, "x@far.example");
    change_init(&change);
    change_item(&change, id, 1, &item);
    EXPECT(store_commit(queue_store(peer->queue), &change) == OK);
    change_finish(&change);
    queue_peer_close(peer);
    queue_peer_open(peer);
    return id;
}

static void unreadable(struct queue_peer *peer)
{
    struct buffer bytes;
    struct answer_facts facts = {.kind = ANSWER_NOTIFY,
                                 .owner = TEXT(ALICE),
                                 .from = TEXT(ALICE),
                                 .subject = TEXT("s"),
                                 .text = TEXT("t")};
    buffer_init(&bytes, 1000);
    answer_encode(&facts, &bytes);
    put_answer(peer, buffer_text(&bytes), 1);
    EXPECT(queue_peer_await(peer, CAROL, 1));
    struct text whole = arena_copy(&arena, buffer_text(&bytes)), later = arena_copy(&arena, whole),
                none = arena_copy(&arena, whole);
    *(char *)later.data = ANSWER_TROUBLE + 1;
    *(char *)none.data = 0;
    const struct text wrong[] = {later, none, text_head(whole, 9), whole};
    for (unsigned i = 0; i < 4; i++) {
        uint64_t id = put_answer(peer, wrong[i], i == 3 ? 2 : 1);
        EXPECT(is_not_answered(peer, id) && is_told(peer, id, "the item is malformed"));
    }
    EXPECT(holds(peer, CAROL, 1) && holds(peer, BOB, 0));
    buffer_finish(&bytes);
}

TEST("an answer that can't be read, of a later version for one, is given up and nobody hears")
{
    arena_init(&arena);
    queue_peer_run(unreadable);
    arena_finish(&arena);
}
