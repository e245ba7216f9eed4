/* What is said of links, and what is made of what is heard. */
#include "queue/links/links_internal.h"
#include "routing/packet.h"

/* "{hhhhhhhh}" and the bytes. */
static struct text counted(struct text bytes, struct arena *arena)
{
    return arena_printf(arena, "{%08zx}%.*s", bytes.length, TEXT_ARG(bytes));
}

/* The table, as it stands behind ORGINFO. */
static struct text our_table(const struct links *links, struct arena *arena)
{
    struct buffer text;
    buffer_init(&text, LINK_TABLE_MAX + LINK_ID_BYTES);
    link_table_write(link_server_table(links->server), &text);
    struct text out = counted(buffer_text(&text), arena);
    buffer_finish(&text);
    return out;
}

static struct link_id our_organisation(const struct links *links)
{
    return link_id_of("organisation", settings_group(links->queue->settings)->organisation);
}

static void add(struct link_state_packet *packet, enum link_state_word word, struct text arguments)
{
    packet->parts[packet->part_count++] = (struct link_state_part){word, arguments};
}

void links_question(struct links *links, struct link_peer *peer, struct buffer *out)
{
    const struct link_group *own = link_server_group(links->server);
    const struct link_group *said = link_server_own(links->server);
    struct link_version version = own == NULL ? (struct link_version){0} : own->version;
    struct link_id organisation = our_organisation(links);
    struct link_state_packet packet = {0};
    struct arena arena;
    arena_init(&arena);
    /* First, so that the answer about the table has it already. */
    if (said != NULL && text_equals_nocase(peer->member, link_server_master(links->server)))
        add(&packet, LINK_STATE_REPORT, counted(said->block, &arena));
    add(&packet, LINK_STATE_DIGEST_QUERY,
        arena_printf(&arena, "%s %s %x %x", organisation.hex,
                     link_server_table(links->server)->digest.hex, version.major, version.minor));
    link_state_write(&packet, out);
    arena_finish(&arena);
    peer->said = link_server_table(links->server)->digest;
}

/* "ORGINFO {hhhhhhhh}table" of a RESPONSE. */
static bool table_of_response(struct text arguments, struct text *table)
{
    struct text word = text_before(arguments, ' ');
    return text_equals(word, TEXT("ORGINFO")) &&
           link_state_counted(text_from_position(arguments, word.length + 1), table);
}

/* *differs: the other side's table is another than ours now. */
static enum status hear_part(struct links *links, struct link_peer *peer,
                             const struct link_state_part *part, bool *differs)
{
    struct text table;
    if (part->word == LINK_STATE_DONE_RESPONSE)
        return OK;
    if (part->word != LINK_STATE_RESPONSE)
        return refused("a question where an answer should be");
    *differs = true;
    if (text_is_empty(part->arguments))
        return OK; /* its table is too large to be told so */
    if (!table_of_response(part->arguments, &table))
        return refused("malformed RESPONSE");
    enum status status = link_server_take_table(links->server, table);
    if (status != OK)
        return status;
    links_settle(links);
    const struct link_id *ours = &link_server_table(links->server)->digest;
    *differs = !text_equals(text_head(table, LINK_ID_BYTES), link_id_text(ours));
    if (!*differs)
        peer->said = *ours;
    return OK;
}

enum status links_hear(struct links *links, struct link_peer *peer, unsigned step,
                       struct text packet, struct buffer *out)
{
    struct link_state_packet heard, next = {0};
    bool differs = false;
    enum status status = link_state_parse(packet, &heard);
    for (unsigned i = 0; status == OK && i < heard.part_count; i++)
        status = hear_part(links, peer, &heard.parts[i], &differs);
    if (status != OK)
        return status;
    if (differs && step == 0) {
        struct arena arena;
        arena_init(&arena);
        add(&next, LINK_STATE_ORGINFO, our_table(links, &arena));
        link_state_write(&next, out);
        arena_finish(&arena);
        peer->said = link_server_table(links->server)->digest;
        return OK;
    }
    peer->agreed = peer->said; /* ours may be another by now: it has not heard of that */
    return OK;
}

/* The other side asks */

static void answer_table(const struct links *links, struct text their_digest, struct arena *arena,
                         struct link_state_packet *out)
{
    const struct link_id *ours = &link_server_table(links->server)->digest;
    if (text_equals_nocase(their_digest, link_id_text(ours)))
        add(out, LINK_STATE_DONE_RESPONSE, TEXT(""));
    else
        add(out, LINK_STATE_RESPONSE,
            arena_printf(arena, "ORGINFO %.*s", TEXT_ARG(our_table(links, arena))));
}

static enum status answer_query(const struct links *links, struct text arguments,
                                struct arena *arena, struct link_state_packet *out)
{
    struct link_state_query query;
    struct link_id organisation = our_organisation(links);
    if (!link_state_query_parse(arguments, &query))
        return refused("malformed DIGEST_QUERY");
    if (text_equals_nocase(query.organisation, link_id_text(&organisation)))
        answer_table(links, query.digest, arena, out);
    else
        add(out, LINK_STATE_DONE_RESPONSE, TEXT(""));
    return OK;
}

static enum status answer_info(struct links *links, struct text arguments, struct arena *arena,
                               struct link_state_packet *out)
{
    struct text table;
    if (!link_state_counted(arguments, &table))
        return refused("malformed ORGINFO");
    enum status status = link_server_take_table(links->server, table);
    if (status != OK)
        return status;
    links_settle(links);
    answer_table(links, text_head(table, LINK_ID_BYTES), arena, out);
    return OK;
}

static enum status answer_report(struct links *links, bool is_member, struct text arguments,
                                 struct link_state_packet *out)
{
    struct text report;
    if (!is_member || !link_state_counted(arguments, &report))
        return refused("malformed REPORT, or none of a member");
    enum status status = link_server_take_report(links->server, report);
    if (status != OK)
        return status;
    links_settle(links);
    add(out, LINK_STATE_DONE_RESPONSE, TEXT(""));
    return OK;
}

enum status links_answer(struct links *links, const struct queue_link_question *question,
                         struct buffer *out)
{
    struct link_state_packet asked, answer = {0};
    struct arena arena;
    if (!link_server_is_on(links->server))
        return refused("this server is in no routing group");
    arena_init(&arena);
    enum status status = link_state_parse(question->packet, &asked);
    for (unsigned i = 0; status == OK && i < asked.part_count; i++) {
        struct text arguments = asked.parts[i].arguments;
        switch (asked.parts[i].word) {
        case LINK_STATE_DIGEST_QUERY:
            status = answer_query(links, arguments, &arena, &answer);
            break;
        case LINK_STATE_ORGINFO:
            status = answer_info(links, arguments, &arena, &answer);
            break;
        case LINK_STATE_REPORT:
            status = answer_report(links, question->is_member, arguments, &answer);
            break;
        case LINK_STATE_DONE:
            if (!text_is_empty(arguments))
                status = refused("malformed DONE");
            add(&answer, LINK_STATE_DONE_RESPONSE, TEXT(""));
            break;
        case LINK_STATE_RESPONSE:
        case LINK_STATE_DONE_RESPONSE:
            status = refused("an answer to nothing that was asked");
            break;
        }
    }
    if (status == OK)
        link_state_write(&answer, out);
    arena_finish(&arena);
    return status;
}
