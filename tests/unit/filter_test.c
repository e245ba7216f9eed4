/* Scripts at delivery: each action over the whole way from the front to mailboxes and hops. */

#include "base/clock.h"
#include "filter_scene.h"
#include "mail/srs.h"
#include "store/hierarchy.h"

static void files(struct queue_peer *peer)
{
    struct mailbox_entry entry, kept;
    set_script(peer, ALICE,
               "require [\"fileinto\", \"mailbox\", \"imap4flags\", \"copy\"];\n"
               "if header :contains \"subject\" \"invoice\" {\n"
               "  fileinto :create :copy :flags [\"\\\\Flagged\", \"$Pay\"] \"Bills/2026\";\n}\n"
               "fileinto \"inbox\";");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(only_entry(peer, ALICE, "Bills/2026", &entry));
    EXPECT(only_entry(peer, ALICE, "INBOX", &kept));
    EXPECT(kept.message == entry.message && kept.flags == 0);
    struct mailbox *box = mailbox_find(queue_store(peer->queue), TEXT(ALICE), TEXT("Bills/2026"));
    EXPECT(entry.flags == (FLAG_FLAGGED | mailbox_keyword_find(box, TEXT("$Pay"))));
    EXPECT(is_told(peer, entry.message,
                   "script=\"main\" line=3 action=fileinto mailbox=\"Bills/2026\" uid=1"));
}

TEST("fileinto puts one message into several mailboxes, with flags, and the story tells the line")
{
    queue_peer_run(files);
}

static void files_by_use(struct queue_peer *peer)
{
    struct mailbox_entry entry;
    set_script(peer, ALICE,
               "require [\"fileinto\", \"special-use\"];\n"
               "if header :contains \"subject\" \"invoice\" {\n"
               "  fileinto :specialuse \"\\\\Junk\" \"Rubbish\"; }\n"
               "else { fileinto \"Nowhere\"; }");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(only_entry(peer, ALICE, "Junk", &entry));
    uint64_t id = queue_peer_deliver(peer, FAR, ALICE);
    EXPECT(only_entry(peer, ALICE, "INBOX", &entry) && entry.message == id);
    EXPECT(is_told(peer, id, "reason=\"there is no mailbox Nowhere\""));
}

TEST("fileinto finds a mailbox by its use; one that is not there means the inbox")
{
    queue_peer_run(files_by_use);
}

static void discards(struct queue_peer *peer)
{
    set_script(peer, ALICE, "discard;");
    struct queue_peer_mail mail = {
        .sender = TEXT(FAR), .body = TEXT(MESSAGE), .to = {TEXT(ALICE), TEXT(BOB)}, .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_count(peer, ALICE) == 0);
    EXPECT(is_told(peer, mail.id, "line=1 action=discard"));
    struct arena arena;
    struct message message;
    arena_init(&arena);
    EXPECT(!store_message(queue_store(peer->queue), mail.id, &arena, &message));
    arena_finish(&arena);
    mail.to_count = 2;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_count(peer, ALICE) == 0 && queue_peer_count(peer, BOB) == 1);
}

TEST("what one throws away is gone for him alone, and leaves a story and nothing else")
{
    queue_peer_run(discards);
}

static void redirects(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    set_script(peer, ALICE,
               "require \"copy\"; redirect \"Other@Elsewhere.example\";\n"
               "redirect :copy \"" BOB "\";");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(queue_peer_count(peer, ALICE) == 0 && queue_peer_count(peer, BOB) == 1);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "Other@elsewhere.example");
    EXPECT(text_starts_with(jobs[0].sender, TEXT("SRS0=")));
    EXPECT(text_ends_with_nocase(jobs[0].sender, TEXT("=remote.example=far@local.test")));
    EXPECT_TEXT(jobs[0].body, "Delivered-To: " ALICE "\r\n" MESSAGE);
    EXPECT(jobs[0].size == jobs[0].body.length);
    EXPECT(queue_peer_sent(peer, &jobs[0]) == OK);
    /* Our own senders are not rewritten. */
    queue_peer_deliver(peer, BOB, ALICE);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].sender, BOB);
    arena_finish(&arena);
}

TEST("a redirected message goes on to mailboxes and hops, from a sender of ours")
{
    queue_peer_run(redirects);
}

static void goes_round(struct queue_peer *peer)
{
    set_script(peer, ALICE, "redirect \"" BOB "\";");
    set_script(peer, BOB, "redirect \"" ALICE "\";");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(queue_peer_count(peer, ALICE) + queue_peer_count(peer, BOB) == 1);
    struct queue_peer_mail mail = {
        .sender = TEXT(FAR), .body = TEXT(MESSAGE), .to = {TEXT(ALICE), TEXT(BOB)}, .to_count = 2};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_count(peer, ALICE) + queue_peer_count(peer, BOB) == 2);
    unsigned bobs = queue_peer_count(peer, BOB);
    set_script(peer, BOB, "redirect \"x@far.example\";");
    EXPECT(send_to(peer, "Delivered-To: " BOB "\r\n" MESSAGE, BOB) == OK);
    EXPECT(queue_peer_count(peer, BOB) == bobs + 1);
    set_script(peer, BOB, "redirect \"nobody@local.test\";");
    EXPECT(send_to(peer, MESSAGE, BOB) == OK);
    EXPECT(queue_peer_count(peer, BOB) == bobs + 2);
    EXPECT(queue_counts_now(peer->queue).items == 0);
}

TEST("what is redirected round, or to nobody, is kept")
{
    queue_peer_run(goes_round);
}

static void rejects(struct queue_peer *peer)
{
    struct arena arena;
    struct text words;
    arena_init(&arena);
    set_script(peer, ALICE, "require \"reject\"; reject text:\nNo\r\nthanks.\n.\n;");
    EXPECT(send_to(peer, MESSAGE, ALICE) == REFUSED);
    EXPECT(queue_rejection(text_from(fail_reason()), &words));
    EXPECT_TEXT(words, "No thanks.");
    struct queue_result results[2] = {{OK, TEXT("")}};
    struct queue_peer_mail mail = {.sender = TEXT("carol@local.test"),
                                   .body = TEXT(MESSAGE),
                                   .to = {TEXT(ALICE), TEXT(BOB)},
                                   .to_count = 2,
                                   .lmtp = true,
                                   .arena = &arena,
                                   .results = results};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(results[0].status == REFUSED && results[1].status == OK);
    EXPECT(queue_rejection(results[0].reason, &words));
    EXPECT_TEXT(words, "No thanks.");
    mail.lmtp = false;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(queue_peer_count(peer, BOB) == 2);
    EXPECT(queue_peer_await(peer, "carol@local.test", 1));
    struct text report = queue_peer_read(peer, "carol@local.test", 0, &arena);
    EXPECT(has(report, "5.7.1") && has(report, "No thanks.") && has(report, ALICE));
    arena_finish(&arena);
}

TEST("a rejection is a refusal in the session where it can be, and else a report")
{
    queue_peer_run(rejects);
}

static void answers(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    set_script(peer, ALICE,
               "require \"vacation\"; vacation :days 2 :subject \"Gr\xc3\xbc\xc3\x9f"
               "e\" "
               "\"Away until M\xc3\xa4rz.\";");
    for (int i = 0; i < 3; i++) {
        struct queue_peer_mail mail = {.sender = TEXT("carol@local.test"),
                                       .body = TEXT("References: <m0@far>\r\n" MESSAGE),
                                       .to = {TEXT(ALICE)},
                                       .to_count = 1};
        EXPECT(queue_peer_mail(peer, &mail) == OK);
    }
    EXPECT(queue_peer_await(peer, "carol@local.test", 1));
    EXPECT(queue_peer_count(peer, ALICE) == 3);
    EXPECT(queue_counts_now(peer->queue).items == 0);
    struct text answer = queue_peer_read(peer, "carol@local.test", 0, &arena);
    EXPECT(has(answer, "Return-Path: <>\r\n"));
    EXPECT(has(answer, "\r\nFrom: " ALICE "\r\nTo: carol@local.test\r\n"));
    EXPECT(has(answer, "\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"));
    EXPECT(has(answer, "\r\nIn-Reply-To: <m1@far>\r\nReferences: <m0@far>\r\n <m1@far>\r\n"));
    EXPECT(has(answer, "\r\nAuto-Submitted: auto-replied\r\n"));
    EXPECT(has(answer, "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                       "Away until M=C3=A4rz."));
    arena_finish(&arena);
}

TEST("who is away answers each sender once, as RFC 5230 and RFC 3834 have it")
{
    queue_peer_run(answers);
}

static void answers_again(struct queue_peer *peer)
{
    int64_t now = clock_wall_ms();
    clock_set_for_test(&now);
    set_script(peer, ALICE, "require \"vacation\"; vacation :days 2 \"Away.\";");
    static const struct queue_peer_mail mail = {.sender = {"carol@local.test", 16},
                                                .body = {MESSAGE, sizeof(MESSAGE) - 1},
                                                .to = {{ALICE, sizeof(ALICE) - 1}},
                                                .to_count = 1};
    struct queue_peer_mail first = mail, second = mail, third = mail;
    EXPECT(queue_peer_mail(peer, &first) == OK);
    EXPECT(queue_peer_await(peer, "carol@local.test", 1));
    now += 2 * (int64_t)DAY - 1000;
    EXPECT(queue_peer_mail(peer, &second) == OK);
    EXPECT(is_told(peer, second.id, "reason=\"answered not long ago\""));
    queue_peer_close(peer);
    queue_peer_open(peer);
    now += 1000;
    EXPECT(queue_peer_mail(peer, &third) == OK);
    EXPECT(queue_peer_await(peer, "carol@local.test", 2));
    clock_set_for_test(NULL);
}

TEST("after its days a sender is answered again, and what is remembered outlives a restart")
{
    queue_peer_run(answers_again);
}

static void notifies(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    set_script(peer, ALICE,
               "require \"enotify\"; notify :importance \"1\" :message \"Mail!\" "
               "\"mailto:carol@local.test\";");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(queue_peer_await(peer, "carol@local.test", 1));
    struct text note = queue_peer_read(peer, "carol@local.test", 0, &arena);
    EXPECT(has(note, "\r\nSubject: Mail!\r\n"));
    EXPECT(has(note, "Auto-Submitted: auto-notified; owner-email=\"" ALICE "\"\r\n"));
    EXPECT(has(note, "Importance: high\r\n"));
    EXPECT(queue_peer_count(peer, ALICE) == 1);
    arena_finish(&arena);
}

TEST("a note goes to whom the script names")
{
    queue_peer_run(notifies);
}

static void duplicates(struct queue_peer *peer)
{
    set_script(peer, ALICE, "require \"duplicate\"; if duplicate { discard; }");
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(queue_peer_count(peer, ALICE) == 1);
    queue_peer_close(peer);
    queue_peer_open(peer);
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(queue_peer_count(peer, ALICE) == 1);
    EXPECT(send_to(peer, "Message-ID: <m2@far>\r\n\r\n", ALICE) == OK);
    EXPECT(queue_peer_count(peer, ALICE) == 2);
}

TEST("a duplicate is known again, after a restart too")
{
    queue_peer_run(duplicates);
}

static struct text filled_message(struct arena *arena, size_t bytes)
{
    struct buffer out;
    buffer_init(&out, bytes + 1024);
    buffer_append(&out, TEXT(HEADER "\r\n"));
    while (out.length < bytes)
        buffer_printf(&out, "line %zu of a long message\r\n", out.length);
    struct text text = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

static void edits(struct queue_peer *peer)
{
    static const size_t sizes[] = {100, 3 << 20};
    struct arena arena;
    arena_init(&arena);
    set_script(peer, ALICE,
               "require \"editheader\"; deleteheader \"Subject\"; "
               "addheader \"X-Seen\" \"yes\";");
    for (unsigned i = 0; i < 2; i++) {
        struct queue_peer_mail mail = {.sender = TEXT(FAR),
                                       .body = filled_message(&arena, sizes[i]),
                                       .to = {TEXT(ALICE), TEXT(BOB)},
                                       .to_count = 2};
        EXPECT(queue_peer_mail(peer, &mail) == OK);
        struct text prefix = TEXT("Return-Path: <" FAR ">\r\n");
        struct text his = queue_peer_read(peer, ALICE, i, &arena);
        struct text other = queue_peer_read(peer, BOB, i, &arena);
        EXPECT(text_equals(text_from_position(other, prefix.length), mail.body));
        his = text_from_position(his, prefix.length);
        EXPECT(text_starts_with(his, TEXT("X-Seen: yes\r\nFrom: ")));
        EXPECT(!has(text_head(his, 300), "Subject:"));
        size_t body = text_find_text(his, TEXT("\r\n\r\n"));
        size_t old_body = text_find_text(mail.body, TEXT("\r\n\r\n"));
        EXPECT(text_equals(text_from_position(his, body), text_from_position(mail.body, old_body)));
    }
    arena_finish(&arena);
}

TEST("an edited header is the owner's alone; small and large bodies stay as they are")
{
    queue_peer_run(edits);
}

static void goes_wrong(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    set_script(peer, ALICE, "require \"ihave\"; error \"I give up\";");
    uint64_t id = queue_peer_deliver(peer, FAR, ALICE);
    queue_peer_deliver(peer, FAR, ALICE);
    EXPECT(queue_peer_await(peer, ALICE, 3));
    EXPECT(is_told(peer, id, "the script went wrong"));
    struct text last = queue_peer_read(peer, ALICE, 2, &arena);
    if (!has(last, "Mail filter"))
        last = queue_peer_read(peer, ALICE, 1, &arena);
    EXPECT(has(last, "From: Mail filter <postmaster@local.test>\r\n"));
    EXPECT(has(last, "I give up"));
    set_script(peer, ALICE, "this is no script");
    queue_peer_deliver(peer, FAR, ALICE);
    EXPECT(queue_peer_count(peer, ALICE) == 4);
    EXPECT(queue_counts_now(peer->queue).items == 0);
    arena_finish(&arena);
}

TEST("a script that fails keeps the message, and its owner hears of it once a day")
{
    queue_peer_run(goes_wrong);
}

static void details(struct queue_peer *peer)
{
    struct mailbox_entry entry;
    set_script(peer, ALICE,
               "require [\"envelope\", \"subaddress\", \"fileinto\", \"mailbox\"];\n"
               "if envelope :detail \"to\" \"bills\" { fileinto :create \"B\"; }");
    EXPECT(send_to(peer, MESSAGE, "alice+bills@local.test") == OK);
    EXPECT(only_entry(peer, ALICE, "B", &entry));
    EXPECT(queue_peer_count(peer, ALICE) == 0);
    EXPECT(send_to(peer, MESSAGE, ALICE) == OK);
    EXPECT(queue_peer_count(peer, ALICE) == 1);
}

TEST("a script sees the tag of the address that was used")
{
    queue_peer_run(details);
}

static void bodies(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    set_script(peer, ALICE,
               "require [\"body\", \"fileinto\", \"mailbox\"];\n"
               "if body :contains \"of a long message\" { fileinto :create \"B\"; }");
    struct queue_peer_mail mail = {.sender = TEXT(FAR),
                                   .body = filled_message(&arena, 3 << 20),
                                   .to = {TEXT(ALICE)},
                                   .to_count = 1};
    struct mailbox_entry entry;
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(only_entry(peer, ALICE, "B", &entry) && entry.message == mail.id);
    arena_finish(&arena);
}

TEST("a script looks into the body of a large message")
{
    queue_peer_run(bodies);
}

static void alias(struct queue_peer *peer)
{
    struct arena arena;
    struct queue_job *jobs;
    arena_init(&arena);
    queue_peer_deliver(peer, "x@third.example", "alias@local.test");
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT(text_ends_with_nocase(jobs[0].sender, TEXT("=third.example=x@local.test")));
    EXPECT_TEXT(jobs[0].body, "Subject: hello\r\n\r\nbody\r\n");
    EXPECT(queue_peer_report(peer, &jobs[0], REFUSED, false, "5.1.1", "no") == OK);
    EXPECT(queue_peer_lease(peer, 10, &arena, &jobs) == 1);
    EXPECT_TEXT(jobs[0].recipients[0].address, "x@third.example");
    EXPECT_TEXT(jobs[0].sender, "");
    arena_finish(&arena);
}

TEST("an alias that leads elsewhere rewrites the sender, and our own report goes to him himself")
{
    queue_peer_run(alias);
}

static void held(struct queue_peer *peer)
{
    int64_t now = clock_wall_ms();
    struct mailbox_entry entry;
    clock_set_for_test(&now);
    set_script(peer, ALICE, "require [\"fileinto\", \"mailbox\"]; fileinto :create \"B\";");
    struct queue_peer_mail mail = {.sender = TEXT(FAR),
                                   .body = TEXT(MESSAGE),
                                   .to = {TEXT(ALICE)},
                                   .to_count = 1,
                                   .terms = {.hold_until_ms = now + HOUR}};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    EXPECT(!only_entry(peer, ALICE, "B", &entry));
    now += HOUR;
    EXPECT(queue_retry(peer->queue, mail.id, TEXT("")) == 1);
    for (int i = 0; i < QUEUE_PEER_ROUNDS && !only_entry(peer, ALICE, "B", &entry); i++)
        queue_peer_work();
    EXPECT(only_entry(peer, ALICE, "B", &entry) && entry.message == mail.id);
    clock_set_for_test(NULL);
}

TEST("what was held is filtered when it is released")
{
    queue_peer_run(held);
}
