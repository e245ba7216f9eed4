/* Files that programs put into a pickup folder: which of them become mail, under which limits, and
 * what they say of it. */
#include <string.h>

#include "pickup_scene.h"
#include "settings_scene.h"

/* The only bad file there is: why. It is taken away. */
static void expect_bad(const struct queue_peer *peer, const char *why)
{
    char name[300], said[500] = "";
    find(peer, "bad", ".BDR", name);
    FILE *file = fopen(path_of(peer, name), "r");
    EXPECT(file != NULL && fgets(said, sizeof(said), file) != NULL);
    fclose(file);
    if (strstr(said, why) == NULL)
        fail_msg("'%s' is not in '%s'", why, said);
    EXPECT(unlink(path_of(peer, name)) == 0);
    find(peer, "bad", ".BAD", name);
    EXPECT(unlink(path_of(peer, name)) == 0);
}

static struct text repeated(const char *line, unsigned times, const char *rest, struct arena *arena)
{
    struct buffer out;
    buffer_init(&out, 64 << 20);
    for (unsigned i = 0; i < times; i++)
        buffer_printf(&out, line, i);
    buffer_append(&out, text_from(rest));
    struct text text = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return text;
}

/* ---- limits ---- */

static void limits(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    start(peer, "server sub {\n    listen 127.0.0.1:587 submission\n    limit hops 5\n"
                "    limit recipients 100\n}\n");
    put(peer, "in/round", repeated("Received: from %u by x\n", 6, TO_ALICE, &arena));
    expect_bad(peer, "it goes round in a circle: there are 7 Received fields");
    put(peer, "in/many", repeated("x-receiver: a%u@far.example\n", 101, TO_ALICE, &arena));
    expect_bad(peer, "it has 101 recipients, more than 100");
    EXPECT(queue_counts_now(peer->queue).items == 0);
    put(peer, "in/most", repeated("Received: from %u by x\n", 4, TO_ALICE, &arena));
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    put(peer, "in/all", repeated("x-receiver: a%u@far.example\n", 100, TO_ALICE, &arena));
    expect_gone(peer, "in/all");
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    arena_finish(&arena);
}

TEST("a file that goes in a circle, or to too many, is bad mail, and one less of each is mail")
{
    queue_peer_run_at(&now, limits);
}

static void of_two_servers(struct queue_peer *peer)
{
    char lines[500];
    struct arena arena;
    arena_init(&arena);
    make(peer, "two");
    make(peer, "two/Pickup");
    snprintf(lines, sizeof(lines),
             "server sub {\n    listen 127.0.0.1:587 submission\n    limit recipients 100\n}\n"
             "server two {\n    listen 127.0.0.1:1587 submission\n    folders %s/two\n}\n",
             peer->directory);
    start(peer, lines);
    struct text many = repeated("x-receiver: a%u@far.example\n", 101, TO_ALICE, &arena);
    put(peer, "in/many", many);
    expect_bad(peer, "more than 100");
    put(peer, "two/Pickup/many", many);
    expect_gone(peer, "two/Pickup/many");
    EXPECT(queue_counts_now(peer->queue).messages == 1);
    arena_finish(&arena);
}

TEST("what is in a server's own folder is taken under its limits, all else under the first's")
{
    queue_peer_run_at(&now, of_two_servers);
}

static void server_goes(struct queue_peer *peer)
{
    enum { FILES = 20 };
    char lines[500], name[50];
    make(peer, "two");
    make(peer, "two/Pickup");
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof(name), "two/Pickup/%u", i);
        write_file(peer, name, TEXT(TO_ALICE));
    }
    snprintf(lines, sizeof(lines),
             QUIET "server two {\n    listen 127.0.0.1:1587 submission\n"
                   "    folders %s/two\n}\n",
             peer->directory);
    start(peer, lines);
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && queue_peer_count(peer, "alice@local.test") == 0;
         i++)
        queue_peer_work();
    EXPECT(queue_peer_count(peer, "alice@local.test") < FILES);
    set(peer, QUIET);
    EXPECT(queue_peer_await(peer, "alice@local.test", FILES));
}

TEST("what is being looked at when its server goes away is taken in all the same")
{
    queue_peer_run_at(&now, server_goes);
}

static void large(struct queue_peer *peer)
{
    struct arena arena;
    arena_init(&arena);
    static const char no_limit[] =
        "server sub {\n    listen 127.0.0.1:587 submission\n    limit message 0\n}\n";
    start(peer, no_limit);
    struct text bytes =
        repeated("%u hello hello hello hello hello hello hello\n", 800000, "", &arena);
    struct text file = arena_printf(&arena, TO_ALICE "%.*s", TEXT_ARG(bytes));
    EXPECT(file.length > 35 << 20);
    put(peer, "in/large", file);
    /* Settings that come meanwhile take nothing from under it. */
    for (unsigned i = 0; i < QUEUE_PEER_ROUNDS && is_there(peer, "in/large"); i++) {
        set(peer, no_limit);
        queue_peer_work();
    }
    EXPECT(queue_peer_await(peer, "alice@local.test", 1));
    struct text there = queue_peer_read(peer, "alice@local.test", 0, &arena);
    size_t ends = 0;
    for (size_t i = 0; i + 1 < there.length; i++)
        ends += there.data[i] == '\r' && there.data[i + 1] == '\n';
    EXPECT(ends > 800000 && there.length > bytes.length + 800000);
    EXPECT(
        text_ends_with_nocase(there, TEXT("799999 hello hello hello hello hello hello hello\r\n")));
    arena_finish(&arena);
}

TEST("without a limit a file of any size is taken whole, while settings change as well")
{
    queue_peer_run_at(&now, large);
}

/* ---- what it says of the mail ---- */

static void expect_international(struct queue_peer *peer, const char *bytes, bool is_international)
{
    struct arena arena;
    arena_init(&arena);
    put(peer, "in/mail", text_from(bytes));
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->terms.is_international == is_international);
    EXPECT(queue_peer_sent(peer, job) == OK);
    arena_finish(&arena);
}

static void international(struct queue_peer *peer)
{
    start(peer, "");
    expect_international(peer, "From: a@local.test\nTo: x@far.example\n\ngr\303\274n\n", false);
    expect_international(peer, "To: x@far.example\nSubject: gr\303\274n\n\nx\n", true);
    expect_international(peer,
                         "x-sender: j\303\274rgen@local.test\nx-receiver: x@far.example\n"
                         "From: a@local.test\n\nx\n",
                         true);
    expect_international(peer,
                         "x-sender: a@local.test\nx-receiver: j\303\274rgen@far.example\n"
                         "From: a@local.test\n\nx\n",
                         true);
}

TEST("a header, a sender or a recipient beyond ASCII makes it international mail, a body does not")
{
    queue_peer_run_at(&now, international);
}

static void without_domain(struct queue_peer *peer)
{
    struct arena arena;
    char text[500];
    arena_init(&arena);
    make(peer, "in");
    snprintf(text, sizeof(text), "host lonely.example\nlimit free-space 1MB\npickup %s/in\n",
             peer->directory);
    queue_peer_set_settings(peer, text);
    queue_peer_close(peer);
    queue_peer_open(peer);
    put(peer, "in/mail", TEXT("To: root\nSubject: x\n\nx\n"));
    const struct queue_job *job = queue_peer_lease_one(peer, &arena);
    EXPECT(job != NULL && job->recipient_count == 1);
    EXPECT_TEXT(job->recipients[0].address, "root@lonely.example");
    EXPECT_TEXT(job->sender, "postmaster@lonely.example");
    EXPECT(queue_peer_sent(peer, job) == OK);
    arena_finish(&arena);
}

TEST("on a host without a domain of its own the host's name completes addresses")
{
    queue_peer_run_at(&now, without_domain);
}
