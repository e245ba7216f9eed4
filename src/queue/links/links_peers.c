/* Who is asked about links, and when: whoever has not heard what we know, everybody now and then,
 * and what is down again and again. Send does the talking. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "queue/links/links_internal.h"
#include "queue/turn/turn.h"

/* Who has something new to say all the time must not have everybody talk all the time. */
enum { TALK_MS = 2 * MINUTE, REST_MS = 200 };

struct talk {
    struct links *links;
    struct text hop; /* in the memory behind it */
};

/* The master talks with all members; the others with it, and with each other only while it is not
 * there, or nobody is known. */
static bool is_wanted(const struct links *links, const struct link_peer *peer)
{
    if (peer->member.length == 0)
        return peer->leads_to_group || !peer->answers;
    if (!peer->was_asked || link_server_is_master(links->server) ||
        link_server_group(links->server) == NULL)
        return true;
    struct text master = link_server_master(links->server);
    if (text_equals_nocase(peer->member, master))
        return true;
    list_each(link, &links->peers)
    {
        const struct link_peer *other = list_entry(link, struct link_peer, link);
        if (text_equals_nocase(other->member, master))
            return !other->answers;
    }
    return false;
}

/* When to talk with it next (monotonic). */
static int64_t peer_due(const struct links *links, const struct link_peer *peer)
{
    if (peer->is_running || !is_wanted(links, peer))
        return NO_DEADLINE;
    bool has_heard = link_id_equals(&peer->agreed, &link_server_table(links->server)->digest);
    bool is_news = peer->answers && !has_heard;
    return is_news || peer->is_urgent ? peer->rest_ms : peer->next_ms;
}

static enum status ask_send(struct queue *queue, struct text hop)
{
    struct rpc_reply reply = {0};
    enum status status =
        rpc_ask(queue->send, SEND_LINKS, hop, -1, clock_monotonic_ms() + TALK_MS, &reply);
    rpc_reply_finish(&reply);
    return status;
}

static void run_talk(void *argument)
{
    struct talk *talk = argument;
    struct links *links = talk->links;
    struct queue *queue = links->queue;
    uint64_t losses = queue->send_losses;
    bool has_send = rpc_channel_is_up(queue->send); /* at a start it may come later than we do */
    enum status status = ask_send(queue, talk->hop);
    struct link_peer *peer = links_peer(links, talk->hop);
    if (peer != NULL && !task_is_cancelled()) {
        const struct setting_group *group = settings_group(queue->settings);
        int64_t now = clock_monotonic_ms();
        peer->is_running = false;
        /* That send went away, is not there yet, or has not the new settings yet, says nothing of
         * the peer. */
        bool is_told =
            status == OK || (status == TRY_LATER && has_send && losses == queue->send_losses);
        peer->next_ms = now + (status == OK ? group->check_ms : is_told ? group->retry_ms : SECOND);
        peer->rest_ms = now + REST_MS;
        if (is_told) {
            peer->was_asked = true;
            links_note(links, peer, status == OK, status == OK ? NULL : fail_reason());
        }
    }
    task_event_tell_all(&links->news);
    free(talk);
}

static void begin_talk(struct links *links, struct link_peer *peer)
{
    struct talk *talk = malloc(sizeof(*talk) + peer->hop.length);
    check(talk != NULL);
    char *hop = (char *)(talk + 1);
    memcpy(hop, peer->hop.data, peer->hop.length);
    *talk = (struct talk){.links = links, .hop = {hop, peer->hop.length}};
    peer->is_running = true;
    peer->is_urgent = false;
    task_spawn(&links->queue->tasks, "link talk", run_talk, talk);
}

void links_talk_run(void *argument)
{
    struct links *links = argument;
    while (!task_is_cancelled()) {
        int64_t next_ms = NO_DEADLINE, settle_ms = link_server_due(links->server);
        if (settle_ms <= clock_monotonic_ms())
            links_settle(links);
        else if (settle_ms != INT64_MAX)
            next_ms = settle_ms;
        list_each(link, &links->peers)
        {
            struct link_peer *peer = list_entry(link, struct link_peer, link);
            int64_t due = peer_due(links, peer);
            if (due <= clock_monotonic_ms())
                begin_talk(links, peer);
            else if (due < next_ms)
                next_ms = due;
        }
        task_event_wait(&links->news, next_ms);
    }
}

/* What send asks meanwhile, and what fronts do. */

static enum status say(struct queue *queue, struct text request, struct buffer *out)
{
    struct links *links = queue->links;
    struct wire_reader in = wire_reader_of(request);
    struct text connector = wire_get_text(&in);
    uint8_t step = wire_get_u8(&in);
    struct text heard = wire_get_text(&in);
    if (!wire_end(&in))
        return refused("malformed request");
    struct link_peer *peer = link_server_is_on(links->server) ? links_peer(links, connector) : NULL;
    if (peer == NULL || (peer->member.length == 0 && !peer->leads_to_group))
        return OK;
    if (text_is_empty(heard)) {
        links_question(links, peer, out);
        return OK;
    }
    return links_hear(links, peer, step, heard, out);
}

static void answer_call(struct rpc_call *call, enum status status, const struct buffer *out)
{
    check(!out->overflowed); /* all parts of a packet have room, each with a table */
    if (status == OK)
        rpc_answer(&call, buffer_text(out));
    else
        rpc_fail(&call, status, fail_reason());
}

void queue_serve_link_say(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct buffer out;
    buffer_init(&out, RPC_FRAME_MAX - 64);
    enum status status = queue->serving ? say(queue, request, &out) : try_later("not open");
    answer_call(call, status, &out);
    buffer_finish(&out);
}

void queue_serve_link_answer(void *context, struct rpc_call *call, struct text request)
{
    struct queue *queue = context;
    struct queue_link_question question;
    struct buffer out;
    buffer_init(&out, RPC_FRAME_MAX - 64);
    enum status status = try_later("not open");
    if (!queue_link_question_decode(request, &question))
        status = refused("malformed request");
    else if (queue->serving)
        status = links_answer(queue->links, &question, &out);
    answer_call(call, status, &out);
    buffer_finish(&out);
}
