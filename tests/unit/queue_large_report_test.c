/* Reports that grow: about many recipients, each with much to be told, and with an original that
 * hardly fits. */
#include <string.h>

#include "filter_scene.h"

enum { REPLY_BYTES = 900, LINE_BYTES = 100 };

static struct arena arena;

/* A group of so many elsewhere. */
static void add_many(struct queue_peer *peer, const char *group, unsigned count)
{
    struct directory_member *members = arena_array(&arena, count, sizeof(*members));
    for (unsigned i = 0; i < count; i++)
        members[i].key = members[i].address = arena_printf(&arena, "member%04u@far.example", i);
    EXPECT(directory_list_add(peer->addresses, LIST_GROUP, text_from(group), members, count) == OK);
}

/* The next host refuses so many, with a long reply to each. */
static void refuse_all(struct queue_peer *peer, unsigned most)
{
    char *reply = arena_alloc(&arena, REPLY_BYTES + 1);
    memset(reply, 'w', REPLY_BYTES);
    unsigned count = 0;
    while (count < most) {
        struct queue_job *job = queue_peer_lease_one(peer, &arena);
        struct queue_outcome *outcomes =
            arena_array(&arena, job->recipient_count, sizeof(*outcomes));
        for (unsigned i = 0; i < job->recipient_count; i++)
            outcomes[i] = (struct queue_outcome){.number = job->recipients[i].number,
                                                 .status = REFUSED,
                                                 .remote_host = TEXT("mx.far.example"),
                                                 .enhanced = TEXT("5.7.1"),
                                                 .reply = text_of(reply, REPLY_BYTES)};
        EXPECT(queue_peer_tell(peer, job, outcomes) == OK);
        count += job->recipient_count;
    }
}

/* A message with so much in its header and its body that is refused for so many: bob's report. */
static struct text report_of(struct queue_peer *peer, unsigned recipients, unsigned header_lines,
                             unsigned body_lines)
{
    struct buffer message;
    buffer_init(&message, 1 << 20);
    for (unsigned i = 0; i < header_lines; i++)
        buffer_printf(&message, "X-Long: %0*u\r\n", LINE_BYTES, i);
    buffer_append(&message, TEXT("Subject: s\r\n\r\n"));
    for (unsigned i = 0; i < body_lines; i++)
        buffer_printf(&message, "body %0*u\r\n", LINE_BYTES, i);
    add_many(peer, "all@local.test", recipients);
    struct queue_peer_mail mail = {.sender = TEXT(BOB),
                                   .body = buffer_text(&message),
                                   .to = {TEXT("all@local.test")},
                                   .to_count = 1};
    EXPECT(queue_peer_mail(peer, &mail) == OK);
    refuse_all(peer, recipients);
    EXPECT(queue_peer_await(peer, BOB, 1));
    buffer_finish(&message);
    return queue_peer_read(peer, BOB, 0, &arena);
}

static unsigned count_of(struct text text, const char *part)
{
    unsigned count = 0;
    for (size_t at; (at = text_find_text(text, text_from(part))) < text.length; count++)
        text = text_from_position(text, at + 1);
    return count;
}

static void header_fits(struct queue_peer *peer)
{
    queue_peer_add_settings(peer, "reports original 512KB\n");
    struct text report = report_of(peer, 200, 1, 4500);
    EXPECT(count_of(report, "\r\nAction: failed\r\n") == 200);
    EXPECT(has(report, "\r\nX-Long: ") && !has(report, "\r\nbody "));
}

TEST("a report that does not fit beside its original comes with the header")
{
    run_with_directory(&arena, header_fits);
}

static void nothing_fits(struct queue_peer *peer)
{
    struct text report = report_of(peer, 330, 560, 1);
    EXPECT(count_of(report, "\r\nAction: failed\r\n") == 330);
    EXPECT(!has(report, "\r\nX-Long: ") && count_of(report, "wwww") > 1000 * 330);
}

TEST("and without it where that does not fit either")
{
    run_with_directory(&arena, nothing_fits);
}

static void many_words(struct queue_peer *peer)
{
    struct text report = report_of(peer, 1000, 1, 1);
    EXPECT(count_of(report, "\r\nAction: failed\r\n") == 1000);
    EXPECT(has(report, "member0000@far.example") && has(report, "member0999@far.example"));
    EXPECT(has(report, "wwww") && queue_counters_now(peer->queue)->bad == 0);
}

TEST("of a thousand whose host had much to say the sender hears all the same, with fewer words")
{
    run_with_directory(&arena, many_words);
}
