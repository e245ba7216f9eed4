/* Mail to groups and their like, from the front to mailboxes, hops and reports: who is hidden, who
 * refuses, how much is told, and what holds for who sends it. */
#include "filter_scene.h"
#include "settings_scene.h"

#define CAROL "carol@local.test"

static struct arena arena;

/* From bob, who is told of everything. */
static struct queue_peer_mail mail_of_bob(const char *first, const char *second)
{
    return (struct queue_peer_mail){.sender = TEXT(BOB),
                                    .body = TEXT(MESSAGE),
                                    .to = {text_from(first), text_from(second)},
                                    .to_count = second[0] == '\0' ? 1 : 2,
                                    .arena = &arena};
}

static struct text next_report(struct queue_peer *peer, unsigned n)
{
    EXPECT(queue_peer_await(peer, BOB, n + 1));
    return queue_peer_read(peer, BOB, n, &arena);
}

static void successes(struct queue_peer *peer)
{
    ADD_GROUP(peer, "open@local.test", CAROL, "x@far.example");
    ADD_GROUP(peer, "hidden@local.test", CAROL, "y@far.example");
    set_attribute(peer, "hidden@local.test", ATTRIBUTE_HIDE_MEMBERS, "on");
    struct queue_peer_mail mail = mail_of_bob(ALICE, "open@local.test");
    mail.notify = NOTIFY_SUCCESS;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    struct text report = next_report(peer, 0);
    EXPECT(has(report, "Final-Recipient: rfc822; " ALICE "\r\nAction: delivered\r\n"));
    EXPECT(has(report, "Final-Recipient: rfc822; open@local.test\r\nAction: expanded\r\n"));
    EXPECT(!has(report, CAROL) && !has(report, "x@far.example"));

    mail = mail_of_bob(ALICE, "hidden@local.test");
    mail.notify = NOTIFY_SUCCESS;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    report = next_report(peer, 1);
    EXPECT(has(report, "Final-Recipient: rfc822; " ALICE "\r\nAction: delivered\r\n"));
    EXPECT(!has(report, "hidden@local.test\r\n") && !has(report, "expanded"));
    EXPECT(holds(peer, CAROL, 2));
}

/* RFC 3461 5.2.7 */
TEST("of a group its sender hears that it was expanded, and of one that hides its members nothing")
{
    run_with_directory(&arena, successes);
}

static void refusals(struct queue_peer *peer)
{
    struct text status, words;
    struct queue_result results[2] = {{OK, TEXT("")}};
    ADD_GROUP(peer, "staff@local.test", ALICE, CAROL);
    set_attribute(peer, CAROL, ATTRIBUTE_ACCEPT_FROM, ALICE);
    struct queue_peer_mail mail = mail_of_bob(CAROL, "");
    EXPECT(queue_peer_mail(peer, &mail) == REFUSED);
    EXPECT(queue_status_reason(text_from(fail_reason()), &status, &words));
    EXPECT_TEXT(status, "5.7.1");
    EXPECT(has(words, "takes mail from some senders alone"));

    mail = mail_of_bob(ALICE, CAROL);
    mail.lmtp = true;
    mail.results = results;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(results[0].status == OK && results[1].status == REFUSED);
    EXPECT(queue_status_reason(results[1].reason, &status, &words));
    EXPECT_TEXT(status, "5.7.1");
    EXPECT(holds(peer, ALICE, 1) && queue_counts_now(peer->queue).items == 0);

    static const char *const beside[] = {"x@far.example", CAROL, "staff@local.test", ""};
    for (unsigned i = 0; i < 2; i++) {
        mail = mail_of_bob(beside[2 * i], beside[2 * i + 1]);
        EXPECT(queue_peer_mail(peer, &mail) == OK);
        struct text report = next_report(peer, i);
        EXPECT(has(report, "Final-Recipient: rfc822; " CAROL "\r\nAction: failed\r\n"
                           "Status: 5.7.1\r\n"));
        EXPECT(!has(report, "x@far.example\r\nAction"));
    }
    EXPECT(holds(peer, ALICE, 2) && holds(peer, CAROL, 0));
    EXPECT(take_jobs(peer, 1, &arena)->recipient_count == 1);
}

TEST("who refuses a sender says why in the reply where he is alone, and beside others by a report")
{
    run_with_directory(&arena, refusals);
}

static void circles(struct queue_peer *peer)
{
    enum { DEPTH = DIRECTORY_DEPTH_MAX };
    struct text status, words;
    char group[40], member[40];
    for (unsigned i = 0; i <= DEPTH; i++) {
        snprintf(group, sizeof(group), "level%u@local.test", i);
        snprintf(member, sizeof(member), "level%u@local.test", i + 1);
        ADD_GROUP(peer, group, i == DEPTH ? CAROL : member);
    }
    ADD_GROUP(peer, "round@local.test", "round@local.test");
    static const char *const groups[] = {"level0@local.test", "round@local.test"};
    for (unsigned i = 0; i < 2; i++) {
        struct queue_peer_mail mail = mail_of_bob(groups[i], "");
        EXPECT(queue_peer_mail(peer, &mail) == REFUSED);
        EXPECT(queue_status_reason(text_from(fail_reason()), &status, &words));
        EXPECT_TEXT(status, "5.4.6");
        EXPECT(has(words, "contains itself, or is nested too deep"));
        mail = mail_of_bob(groups[i], ALICE);
        EXPECT(queue_peer_mail(peer, &mail) == OK);
        EXPECT(has(next_report(peer, i), "\r\nStatus: 5.4.6\r\n"));
    }
    EXPECT(holds(peer, CAROL, 0) && holds(peer, ALICE, 2));
    struct queue_peer_mail mail = mail_of_bob("level1@local.test", "");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, CAROL, 1));
}

TEST(
    "a group that is in itself, or lies too deep, takes no mail and says so by a status of its own")
{
    run_with_directory(&arena, circles);
}

static void stories(struct queue_peer *peer)
{
    char user[40];
    for (unsigned i = 0; i < 50; i++) {
        snprintf(user, sizeof(user), "user%02u@local.test", i);
        add_user(peer, user);
        ADD_GROUP(peer, "all@local.test", user);
    }
    add_user(peer, "vera@local.test");
    set_script(peer, "vera@local.test", "keep;");
    ADD_GROUP(peer, "all@local.test", "vera@local.test", "zoe@local.test");
    struct queue_peer_mail mail = mail_of_bob("all@local.test", "x@dropped.test");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, "user00@local.test", 1) && holds(peer, "user49@local.test", 1));
    EXPECT(holds(peer, "vera@local.test", 1));
    EXPECT(has(next_report(peer, 0), "Final-Recipient: rfc822; zoe@local.test\r\n"));
    EXPECT(is_told(peer, mail.id, "recipient=user49@local.test"));
    EXPECT(!is_told(peer, mail.id, "recipient=vera@local.test"));
    EXPECT(!is_told(peer, mail.id, "recipient=zoe@local.test"));
    /* vera, zoe, the folder, and that it was expanded */
    EXPECT(is_told(peer, mail.id, "not-told=4"));
    mail = mail_of_bob("x@dropped.test", "");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(is_told(peer, mail.id, "folder=/nonexistent/drop"));
}

TEST("the story of a message tells of fifty recipients one by one, and of more a count")
{
    run_with_directory(&arena, stories);
}

static void nonsense(struct queue_peer *peer)
{
    struct queue_peer_mail mail = mail_of_bob("no address", ALICE);
    EXPECT(queue_peer_mail(peer, &mail) == REFUSED);
    EXPECT(holds(peer, ALICE, 0) && queue_counts_now(peer->queue).items == 0);

    queue_peer_add_settings(peer, "connector out {\n to far.example\n by mx\n"
                                  " accept from everyone except @staff@local.test\n}\n");
    mail = mail_of_bob(ALICE, "x@far.example");
    mail.sender = mail.login = TEXT("no address");
    set_attribute(peer, ALICE, ATTRIBUTE_REJECT_FROM, "no@local.test");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, ALICE, 1));
    EXPECT_TEXT(take_jobs(peer, 1, &arena)->connector, "out");
}

TEST("a front's recipient that is no address is refused, and a sender that is none is nobody")
{
    run_with_directory(&arena, nonsense);
}

static void new_domain(struct queue_peer *peer)
{
    struct settings *newer = settings_made("host mx.local.test\ndomain local.test {\n"
                                           " user alice bob carol\n}\n"
                                           "domain extra.test {\n user dora\n}\n");
    directory_use_settings(peer->addresses, newer);
    ADD_GROUP(peer, "staff@local.test", "dora@extra.test", "gone@extra.test");
    struct queue_peer_mail mail = mail_of_bob("staff@local.test", "");
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(holds(peer, "dora@extra.test", 1));
    EXPECT(has(next_report(peer, 0), "rfc822; gone@extra.test\r\nAction: failed\r\n"
                                     "Status: 5.1.1\r\n"));
    directory_use_settings(peer->addresses, peer->settings);
    settings_release(&newer);
}

TEST("a domain that the directory knows already and the queue does not yet gets its mail")
{
    run_with_directory(&arena, new_domain);
}

/* The status of the refusal; "" it was taken. */
static struct text status_of(struct queue_peer *peer, const char *login, const char *to)
{
    struct text status, words;
    struct queue_peer_mail mail = mail_of_bob(to, "");
    mail.login = text_from(login);
    mail.body = arena_printf(&arena, "%s%03000d\r\n", MESSAGE, 0);
    if (queue_peer_mail(peer, &mail) == OK)
        return TEXT("");
    EXPECT(queue_status_reason(text_from(fail_reason()), &status, &words));
    return arena_copy(&arena, status);
}

static void limits(struct queue_peer *peer)
{
    ADD_GROUP(peer, "staff@local.test", ALICE, CAROL, BOB);
    EXPECT_TEXT(status_of(peer, "", "staff@local.test"), "");
    set_attribute(peer, BOB, ATTRIBUTE_RECIPIENT_LIMIT, "2");
    EXPECT_TEXT(status_of(peer, "", "staff@local.test"), "");
    EXPECT_TEXT(status_of(peer, BOB, "staff@local.test"), "5.5.3");
    EXPECT_TEXT(status_of(peer, BOB, ALICE), "");
    set_attribute(peer, BOB, ATTRIBUTE_RECIPIENT_LIMIT, "0");
    EXPECT_TEXT(status_of(peer, BOB, "staff@local.test"), "");
    set_attribute(peer, BOB, ATTRIBUTE_SEND_LIMIT, "1KB");
    EXPECT_TEXT(status_of(peer, BOB, ALICE), "5.2.3");
    EXPECT_TEXT(status_of(peer, "", ALICE), "5.2.3");
    set_attribute(peer, BOB, ATTRIBUTE_SEND_LIMIT, "0");
    EXPECT_TEXT(status_of(peer, BOB, ALICE), "");
    queue_peer_add_settings(peer, "limit send-size 1KB\nlimit addressed 2\n");
    EXPECT_TEXT(status_of(peer, BOB, ALICE), "");
    EXPECT_TEXT(status_of(peer, CAROL, ALICE), "5.2.3");
    EXPECT_TEXT(status_of(peer, "relay@far.example", ALICE), "5.2.3");
    set_attribute(peer, ALICE, ATTRIBUTE_RECEIVE_LIMIT, "2KB");
    EXPECT_TEXT(status_of(peer, BOB, ALICE), "5.2.3");
}

TEST("the limits of who sends hold when the message is taken, his own before those of all")
{
    run_with_directory(&arena, limits);
}
