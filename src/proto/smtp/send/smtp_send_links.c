#include "proto/smtp/send/smtp_send_links.h"

#include "base/logline.h"
#include "proto/smtp/client/smtp_client_links.h"
#include "queue/links/links.h"

enum { STEPS_MOST = 4, PACKET_MAX = 3 << 20 };

/* One talk: what the store wants said, step by step. */
struct links_talk {
    const struct smtp_sender *sender;
    struct smtp_client *client;
    struct text connector;
    bool is_plain; /* packets as they are: port 691 */
    struct smtp_client_trouble said;
};

/* YIELDS. */
static enum status say(struct links_talk *talk, struct text packet, struct buffer *answer)
{
    if (talk->is_plain)
        return smtp_client_say_packet(talk->client, packet, answer);
    enum status status = smtp_client_say_links(talk->client, packet, answer, &talk->said);
    return status == OK ? OK : fail_within(status, "%s", talk->said.words);
}

/* YIELDS. */
static enum status run(struct links_talk *talk)
{
    struct buffer packet, answer;
    enum status status = OK;
    buffer_init(&packet, PACKET_MAX);
    buffer_init(&answer, PACKET_MAX);
    for (unsigned step = 0; status == OK && step < STEPS_MOST; step++) {
        buffer_reset(&packet, 0);
        status = queue_link_say(talk->sender->context->store, talk->connector,
                                step == 0 ? 0 : step - 1, buffer_text(&answer), &packet);
        buffer_reset(&answer, 0);
        if (status != OK || packet.length == 0)
            break;
        status = say(talk, buffer_text(&packet), &answer);
    }
    buffer_finish(&answer);
    buffer_finish(&packet);
    return status;
}

static void log_talk(const struct smtp_connection *connection, struct text connector,
                     enum status status)
{
    log_info("smtp.links", "connector=%s host=%s status=%s reason=%s", log_text(connector),
             log_text(text_from(connection->relay)), log_text(text_from(status_name(status))),
             log_text(text_from(status == OK ? "" : fail_reason())));
}

void smtp_links_when_sending(const struct smtp_sender *sender, struct smtp_connection *connection,
                             const struct setting_connector *connector)
{
    if (connector->arrow_count == 0 || connection->client == NULL ||
        !smtp_client_is_in_step(connection->client))
        return;
    struct links_talk talk = {
        .sender = sender, .client = connection->client, .connector = connector->name};
    log_talk(connection, connector->name, run(&talk));
}

static enum status talk_over(const struct smtp_sender *sender, struct smtp_connection *connection,
                             const struct settings *settings,
                             const struct setting_connector *connector)
{
    struct links_talk talk = {.sender = sender,
                              .client = connection->client,
                              .connector = connector->name,
                              .is_plain = text_starts_with(connector->name, TEXT("links:"))};
    if (!talk.is_plain && connector->arrow_count == 0)
        return OK; /* that it is there is all there is to know */
    if (talk.is_plain && smtp_client_begin_links(talk.client, settings->host, &talk.said) != OK)
        return try_later("%s", talk.said.words);
    return run(&talk);
}

enum status smtp_links_talk(const struct smtp_sender *sender, struct text name)
{
    struct settings *settings = settings_hold(sender->context->settings);
    const struct setting_connector *connector = smtp_connector_find(settings, name);
    struct smtp_connection connection = {.settings_version = settings->version};
    struct smtp_client_trouble trouble;
    struct arena arena;
    enum status status;
    arena_init(&arena);
    if (connector == &settings->direct) {
        status = refused("there is no such connector");
    } else if (smtp_attempt_connect(sender, connector, settings, &arena, &connection, &trouble) !=
               OK) {
        status = try_later("%s", trouble.words);
    } else {
        status = talk_over(sender, &connection, settings, connector);
        /* That the hosts do not talk of links to us is told, but they are there. */
        if (status != OK && connector->arrow_count > 0) {
            log_talk(&connection, name, status);
            status = OK;
        }
        if (status == REFUSED)
            status = try_later("%s", fail_reason());
    }
    smtp_connection_close(&connection);
    arena_finish(&arena);
    settings_release(&settings);
    return status;
}
