/* Mail that a script, a group or a directory that was away has its part in, while the n-th call
 * fails. */
#include "fault_peer.h"
#include "store/hierarchy.h"
#include "store/scripts.h"

#define ALICE TEXT("alice@local.test")

enum { MAIL = 0, RECOVERED = 1, ROUNDS_MOST = 400 };

static void look_at_rest(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    fault_peer_has_recovered(peer, RECOVERED);
}

static void count_unready(void *context, const struct queue_view *view)
{
    struct text state = text_from(view->state);
    *(unsigned *)context += text_equals(state, TEXT("answer")) ||
                            text_equals(state, TEXT("report")) ||
                            text_equals(state, TEXT("lookup"));
}

/* What the store has to write by itself, an answer or a report, is tried once at least. */
static void let_it_write(struct queue_peer *peer)
{
    unsigned unready = 1;
    for (unsigned i = 0; i < ROUNDS_MOST && unready > 0; i++) {
        unready = 0;
        queue_each(peer->queue, 0, count_unready, &unready);
        queue_peer_work();
    }
}

static void act_mail(struct queue_peer *peer, struct queue_peer_mail mail)
{
    fault_begin();
    fault_ask(MAIL);
    fault_tell(MAIL, queue_peer_mail(peer, &mail));
    let_it_write(peer);
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

/* How many jobs there are for this recipient, of all that are queued. */
static unsigned jobs_for(struct queue_peer *peer, struct text recipient)
{
    struct arena arena;
    struct queue_job *jobs;
    unsigned found = 0, count;
    arena_init(&arena);
    let_it_write(peer);
    while ((count = queue_peer_lease_left(peer, 10, &arena, &jobs)) > 0) {
        for (unsigned i = 0; i < count; i++) {
            for (unsigned k = 0; k < jobs[i].recipient_count; k++)
                found += text_equals(jobs[i].recipients[k].address, recipient);
            fault_expect(queue_peer_sent(peer, &jobs[i]) == OK, "it is sent");
        }
    }
    arena_finish(&arena);
    return found;
}

/* ---- A script ---- */

static const char script[] =
    "require [\"fileinto\", \"copy\", \"mailbox\", \"vacation\", \"editheader\", \"imap4flags\",\n"
    "    \"duplicate\", \"include\", \"variables\", \"envelope\", \"body\"];\n"
    "include :personal \"names\";\n"
    "if anyof (body :contains \"never said\", duplicate :uniqueid \"x\") { discard; }\n"
    "addheader \"X-Seen\" \"${who}\";\n"
    "fileinto :copy :create \"made\";\n"
    "fileinto :copy :flags \"\\\\Seen\" \"other\";\n"
    "redirect :copy \"far@remote.example\";\n"
    "redirect :copy \"group@local.test\";\n"
    "vacation :subject \"away\" :days 3 \"until Monday\";\n"
    "keep;\n";
static const char names[] = "require [\"variables\"];\nset \"who\" \"alice\";\n";

static void prepare_script(struct queue_peer *peer)
{
    struct store *store = queue_store(peer->queue);
    fault_expect(mailbox_create(store, ALICE, TEXT("other"), 0) == NAMING_DONE &&
                     script_put(store, ALICE, TEXT("names"), text_from(names)) == SCRIPT_DONE &&
                     script_put(store, ALICE, TEXT("main"), text_from(script)) == SCRIPT_DONE &&
                     script_activate(store, ALICE, TEXT("main")) == SCRIPT_DONE,
                 "it is prepared");
}

static void act_filtered(struct queue_peer *peer)
{
    act_mail(peer,
             (struct queue_peer_mail){
                 .sender = TEXT("a@far.example"),
                 .body = TEXT("From: a@far.example\r\nTo: alice@local.test\r\n"
                              "Message-ID: <1@far.example>\r\nSubject: hello\r\n\r\nbody\r\n"),
                 .to = {ALICE},
                 .to_count = 1});
}

static void look_filtered(struct queue_peer *peer)
{
    look_at_rest(peer);
    /* By her own filter, and as one of the group that it goes on to. */
    unsigned there = queue_peer_count_in(peer, ALICE, "made") > 0;
    fault_as_told(MAIL, there);
    fault_expect(
        queue_peer_count_in(peer, ALICE, "other") == queue_peer_count_in(peer, ALICE, "made") &&
            queue_peer_count_in(peer, ALICE, "INBOX") == queue_peer_count_in(peer, ALICE, "made"),
        "it is in each mailbox, or in none");
    fault_expect(queue_peer_count_in(peer, TEXT("bob@local.test"), "INBOX") == there,
                 "and with the group");
    fault_expect(jobs_for(peer, TEXT("a@far.example")) == there, "he is answered once");
}

TEST("what a script does with a message is done whole, or the message is refused")
{
    fault_peer_loop(&(struct fault_peer){"a script", prepare_script, act_filtered, look_filtered});
}

/* ---- A group, one of which is unknown ---- */

static void act_group(struct queue_peer *peer)
{
    act_mail(peer,
             (struct queue_peer_mail){.sender = TEXT("carol@local.test"),
                                      .body = TEXT("Subject: to all\r\n\r\nbody\r\n"),
                                      .to = {TEXT("group@local.test"), TEXT("alias@local.test")},
                                      .to_count = 2,
                                      .notify = NOTIFY_SUCCESS | NOTIFY_FAILURE});
}

static void look_group(struct queue_peer *peer)
{
    fault_peer_is_clean(peer);
    unsigned there = queue_peer_count_in(peer, ALICE, "INBOX");
    fault_as_told(MAIL, there);
    fault_expect(queue_peer_count_in(peer, TEXT("bob@local.test"), "INBOX") == there,
                 "all of the group have it, or none");
    fault_expect((jobs_for(peer, TEXT("far@remote.example")) > 0) == (there == 1),
                 "also who is elsewhere");
}

TEST("a message to a group is taken for all of it, or refused")
{
    fault_peer_loop(&(struct fault_peer){"a group", NULL, act_group, look_group});
}

/* ---- The directory was away ---- */

static void prepare_lookup(struct queue_peer *peer)
{
    peer->auth_is_down = true;
    fault_expect(
        fault_peer_mail(peer, "a@far.example", "bob@local.test", "x@remote.example", 3000) == OK,
        "it is prepared");
}

static void act_lookup(struct queue_peer *peer)
{
    fault_begin();
    queue_directory_back(peer->queue);
    let_it_write(peer);
    fault_end();
    fault_peer_recovers(peer, RECOVERED);
}

static void look_lookup(struct queue_peer *peer)
{
    look_at_rest(peer);
    queue_directory_back(peer->queue);
    fault_expect(queue_peer_await(peer, "bob@local.test", 1), "it arrives once");
    fault_expect(jobs_for(peer, TEXT("x@remote.example")) == 1, "and goes on once");
}

TEST("what waited for the directory goes on once it is there")
{
    fault_peer_loop(&(struct fault_peer){"lookup", prepare_lookup, act_lookup, look_lookup});
}
