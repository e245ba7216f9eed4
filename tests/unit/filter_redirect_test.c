/* Where scripts send a message on: to groups, round in circles, where it is not taken; and in whose
 * name it leaves. */
#include "filter_scene.h"
#include "mail/srs.h"

#define CAROL "carol@local.test"

static struct arena arena;

static struct queue_peer_mail mail_to(const char *first, const char *second)
{
    return (struct queue_peer_mail){.sender = TEXT(FAR),
                                    .body = TEXT(MESSAGE),
                                    .to = {text_from(first), text_from(second)},
                                    .to_count = 2};
}

static void to_group(struct queue_peer *peer)
{
    ADD_GROUP(peer, "board@local.test", "x@board.example");
    ADD_GROUP(peer, "staff@local.test", BOB, CAROL, "x@staff.example");
    set_attribute(peer, "board@local.test", ATTRIBUTE_OWNER, ALICE);
    set_attribute(peer, "board@local.test", ATTRIBUTE_REPORTS_TO, "owner");
    set_attribute(peer, "staff@local.test", ATTRIBUTE_OWNER, CAROL);
    set_attribute(peer, "staff@local.test", ATTRIBUTE_REPORTS_TO, "owner");
    set_script(peer, ALICE, "redirect \"staff@local.test\";");
    struct queue_peer_mail mail = mail_to("board@local.test", ALICE);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, ALICE, 0) && holds(peer, BOB, 1) && holds(peer, CAROL, 1));
    struct queue_job *jobs = take_jobs(peer, 2, &arena);
    struct queue_job *staff = text_equals(jobs[0].domain, TEXT("staff.example")) ? jobs : jobs + 1;
    struct queue_job *board = staff == jobs ? jobs + 1 : jobs;
    EXPECT_TEXT(staff->sender, CAROL);
    EXPECT(text_starts_with(staff->body, TEXT("Delivered-To: " ALICE "\r\n")));
    EXPECT_TEXT(board->sender, ALICE);
    EXPECT_TEXT(board->body, MESSAGE);
}

TEST("what a script sends to a group reaches its members, and reports go to that group's owner")
{
    run_with_directory(&arena, to_group);
}

static void takes_no_mail(struct queue_peer *peer)
{
    static const char *const places[] = {"loop@local.test", CAROL, "gone@local.test"};
    ADD_ALIAS(peer, "loop@local.test", "circle@local.test");
    ADD_ALIAS(peer, "circle@local.test", "loop@local.test");
    set_attribute(peer, CAROL, ATTRIBUTE_ACCEPT_FROM, BOB);
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        set_script(peer, ALICE, arena_printf(&arena, "redirect \"%s\";", places[i]).data);
        uint64_t id = queue_peer_deliver(peer, FAR, ALICE);
        EXPECT(holds(peer, ALICE, i + 1));
        EXPECT(is_told(peer, id, arena_printf(&arena, "%s takes no mail", places[i]).data));
    }
    EXPECT(holds(peer, CAROL, 0) && queue_counts_now(peer->queue).items == 0);
}

TEST("what is redirected to a loop, to who refuses it or to nobody is kept, and the story says why")
{
    run_with_directory(&arena, takes_no_mail);
}

static void has_it_already(struct queue_peer *peer)
{
    set_script(peer, ALICE, "redirect \"" BOB "\";");
    struct queue_peer_mail mail = mail_to(ALICE, BOB);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, ALICE, 0) && holds(peer, BOB, 1));

    set_script(peer, ALICE, "redirect \"" CAROL "\"; redirect \"x@far.example\";");
    set_script(peer, BOB, "redirect \"" CAROL "\"; redirect \"x@far.example\";");
    mail = mail_to(ALICE, BOB);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, ALICE, 0) && holds(peer, BOB, 1) && holds(peer, CAROL, 1));
    EXPECT(take_jobs(peer, 1, &arena)->recipient_count == 1);
}

TEST("who is sent it by two, or has it already, gets it once, and nobody keeps it for that")
{
    run_with_directory(&arena, has_it_already);
}

static void was_elsewhere(struct queue_peer *peer)
{
    set_script(peer, ALICE, "redirect \"x@far.example\";");
    EXPECT(send_to(peer, "Delivered-To: " BOB "\r\nDelivered-To:\r\n" MESSAGE, ALICE) == OK);
    EXPECT(holds(peer, ALICE, 0));
    take_jobs(peer, 1, &arena);
    EXPECT(send_to(peer, "Delivered-To:\r\n Alice@LOCAL.test\r\n" MESSAGE, ALICE) == OK);
    EXPECT(holds(peer, ALICE, 1));
}

TEST("what came by another's mailbox is sent on; what came by this one, however written, is kept")
{
    run_with_directory(&arena, was_elsewhere);
}

static void from_hand_to_hand(struct queue_peer *peer)
{
    char source[100], user[8][40];
    for (unsigned i = 0; i < 8; i++) {
        snprintf(user[i], sizeof(user[i]), "user%u@local.test", i);
        snprintf(source, sizeof(source), "redirect \"user%u@local.test\";", i + 1);
        add_user(peer, user[i]);
        set_script(peer, user[i], source);
    }
    EXPECT(send_to(peer, MESSAGE, user[0]) == OK);
    for (unsigned i = 0; i < 8; i++)
        EXPECT(holds(peer, user[i], i == 5));
}

TEST("sent on from hand to hand a message stays where it is after five times")
{
    run_with_directory(&arena, from_hand_to_hand);
}

static void to_thousands(struct queue_peer *peer)
{
    enum { MEMBERS = 203 };
    struct buffer source;
    buffer_init(&source, 1000);
    for (unsigned i = 0; i < 10; i++)
        buffer_printf(&source, "redirect \"x%u@far.example\";", i);
    buffer_append_byte(&source, '\0');
    char user[40];
    unsigned kept = 0;
    for (unsigned i = 0; i < MEMBERS; i++) {
        snprintf(user, sizeof(user), "user%u@local.test", i);
        add_user(peer, user);
        set_script(peer, user, source.data);
        ADD_GROUP(peer, "all@local.test", user);
    }
    EXPECT(send_to(peer, MESSAGE, "all@local.test") == OK);
    for (unsigned i = 0; i < MEMBERS; i++) {
        snprintf(user, sizeof(user), "user%u@local.test", i);
        kept += queue_peer_count(peer, user);
    }
    /* 1 asked for, and 199 times 10 */
    EXPECT(kept == MEMBERS - 199);
    EXPECT(take_jobs(peer, 1, &arena)->recipient_count == 10);
    buffer_finish(&source);
}

TEST("a message is sent on to two thousand at most, and beyond them it is kept")
{
    run_with_directory(&arena, to_thousands);
}

/* What of the job's only recipient is asked to be told. */
static unsigned notify_of_job(struct queue_peer *peer, const char *script, unsigned notify)
{
    struct queue_peer_mail mail = mail_to(ALICE, "");
    mail.to_count = 1;
    mail.notify = notify;
    mail.sender = TEXT(BOB); /* who hears in his mailbox, and not by a job */
    set_script(peer, ALICE, script);
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_sent(peer, job) == OK);
    return job->recipients[0].notify;
}

static void notifications(struct queue_peer *peer)
{
    static const char one[] = "redirect \"x@far.example\";",
                      two[] = "redirect \"x@far.example\"; redirect \"y@far.example\";",
                      copy[] = "require [\"copy\", \"fileinto\"]; fileinto \"INBOX\"; "
                               "redirect :copy \"x@far.example\";";
    enum { BOTH = NOTIFY_SUCCESS | NOTIFY_FAILURE };
    EXPECT(notify_of_job(peer, one, BOTH) == BOTH);
    EXPECT(notify_of_job(peer, two, BOTH) == NOTIFY_FAILURE);
    EXPECT(notify_of_job(peer, two, NOTIFY_SUCCESS) == NOTIFY_NEVER);
    EXPECT(notify_of_job(peer, two, NOTIFY_FAILURE) == NOTIFY_FAILURE);
    EXPECT(notify_of_job(peer, copy, BOTH) == NOTIFY_NEVER);
    EXPECT(holds(peer, ALICE, 1));
}

/* RFC 3461 5.2.7 */
TEST("of a copy nobody is told, and of what went to several no success is")
{
    run_with_directory(&arena, notifications);
}

static void directory_goes_away(struct queue_peer *peer)
{
    struct queue_peer_mail mail = mail_to(ALICE, "");
    mail.to_count = 1;
    queue_peer_deliver(peer, FAR, ALICE); /* from now on she is known without asking */
    static const char *const scripts[] = {
        "redirect \"" BOB "\";", "redirect \"x@far.example\"; redirect \"x@other.example\";"};
    for (unsigned i = 0; i < 2; i++) {
        set_script(peer, ALICE, scripts[i]);
        peer->auth_is_down = true;
        EXPECT(queue_peer_mail(peer, &mail) == TRY_LATER);
        peer->auth_is_down = false;
        EXPECT(holds(peer, ALICE, 1) && holds(peer, BOB, i));
        EXPECT(queue_counts_now(peer->queue).items == 0);
        EXPECT(queue_peer_mail(peer, &mail) == OK);
        EXPECT(holds(peer, ALICE, 1) && holds(peer, BOB, 1));
    }
    take_jobs(peer, 2, &arena);
}

TEST("without a directory to say where a script sends it the message is not taken, nor any of it")
{
    run_with_directory(&arena, directory_goes_away);
}

/* The address that a message of far@remote.example to alice leaves in. */
static struct text rewritten_sender(struct queue_peer *peer, const char *sender)
{
    queue_peer_deliver(peer, sender, ALICE);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(queue_peer_sent(peer, job) == OK);
    return job->sender;
}

static void names(struct queue_peer *peer)
{
    set_script(peer, ALICE, "redirect \"x@far.example\";");
    EXPECT(text_ends_with_nocase(rewritten_sender(peer, FAR), TEXT("=far@local.test")));
    /* RFC 5321 4.5.3.1.1: rewritten it would be longer than an address may be. */
    static const char longer[] = "a-local-part-that-is-very-long@host.with-a-long-name.example";
    EXPECT_TEXT(rewritten_sender(peer, longer), ALICE);
    set_script(peer, ALICE, "redirect \"x@far.example\"; redirect \"x@farther.example\";");
    queue_peer_deliver(peer, longer, ALICE);
    struct queue_job *jobs = take_jobs(peer, 2, &arena);
    for (unsigned i = 0; i < 2; i++) {
        EXPECT_TEXT(jobs[i].sender, ALICE);
        EXPECT(queue_peer_sent(peer, &jobs[i]) == OK);
    }
    ADD_ALIAS(peer, "alias@local.test", "y@other.example");
    queue_peer_deliver(peer, longer, "alias@local.test");
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT_TEXT(job->sender, longer);
    EXPECT(queue_peer_sent(peer, job) == OK);
    set_script(peer, ALICE, "redirect \"x@far.example\";");
    queue_peer_add_settings(peer, "domain back.test {\n}\nforward domain back.test\n");
    EXPECT(text_ends_with_nocase(rewritten_sender(peer, FAR), TEXT("=far@back.test")));
    queue_peer_add_settings(peer, "forward srs off\n");
    EXPECT_TEXT(rewritten_sender(peer, FAR), FAR);
}

TEST("mail is sent on in the name of the domain that is set; a sender too long for that stays")
{
    run_with_directory(&arena, names);
}

static void answered_by_hand(struct queue_peer *peer)
{
    set_script(peer, ALICE, "redirect \"x@far.example\";");
    struct text made = rewritten_sender(peer, FAR);
    queue_peer_deliver(peer, "z@third.example", arena_printf(&arena, "%.*s", TEXT_ARG(made)).data);
    struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT_TEXT(job->recipients[0].address, FAR);
    EXPECT_TEXT(job->sender, "z@third.example");
    EXPECT(queue_peer_sent(peer, job) == OK);
    /* What only looks like one of ours may be somebody's name. */
    static const char *const others[] = {"srs0=old@local.test",
                                         "srs0=hash=aa=remote.example=far@local.test"};
    for (unsigned i = 0; i < 2; i++) {
        ADD_ALIAS(peer, others[i], "y@other.example");
        queue_peer_deliver(peer, BOB, others[i]);
        job = queue_peer_lease_one(peer, &arena);
        EXPECT_TEXT(job->recipients[0].address, "y@other.example");
        EXPECT(queue_peer_sent(peer, job) == OK);
    }
}

TEST("mail to a sender that we rewrote goes to him, as its writer's; an alias that looks so does "
     "not")
{
    run_with_directory(&arena, answered_by_hand);
}
