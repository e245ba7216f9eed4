/* From a stranger to a mailbox of ours. */
#include <inttypes.h>

#include "mail/address.h"
#include "queue/internal.h"
#include "queue/look/diagnose.h"
#include "queue/look/probe.h"

enum { SMTP_PORT = 25 };

/* The door that strangers come to: the first that speaks SMTP, before all at port 25. */
struct door {
    const struct setting_server *server;
    const struct setting_listen *listen;
};

static struct door find_door(const struct settings *settings)
{
    struct door door = {0};
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        for (unsigned k = 0; k < server->listen_count; k++) {
            const struct setting_listen *listen = &server->listens[k];
            bool is_better =
                door.listen == NULL || (net_address_port(&listen->address) == SMTP_PORT &&
                                        net_address_port(&door.listen->address) != SMTP_PORT);
            if (listen->service == SERVICE_SMTP && is_better)
                door = (struct door){server, listen};
        }
    }
    return door;
}

static void look_at_listening(const struct door *door, struct findings *findings)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    const struct net_address *address = &door->listen->address;
    bool is_alone = net_address_is_loopback(address);
    bool is_usual = net_address_port(address) == SMTP_PORT;
    findings_add(findings, is_alone || !is_usual ? FINDING_WARNING : FINDING_OK, "listens",
                 is_alone    ? TEXT("only this machine reaches it: listen *:25 smtp")
                 : !is_usual ? TEXT("other servers come to port 25: listen *:25 smtp, or have that "
                                    "port passed on to this one")
                             : TEXT(""),
                 "server %.*s listens at %s", TEXT_ARG(door->server->name),
                 net_address_text(address, text));
}

/* Who may connect at all. */
static void look_at_peers(const struct setting_server *server, struct text place,
                          struct findings *findings)
{
    if (server->refused_count > 0)
        findings_add(findings, FINDING_WARNING, "refuse", place,
                     "%u networks or names are refused: is the other server one of them?",
                     server->refused_count);
    if (server->filter_count > 0)
        findings_add(findings, FINDING_WARNING, "filter",
                     TEXT("mailroot filter check IP-ADDRESS --from ADDRESS --to ADDRESS"),
                     "mail from strangers is filtered: would that of the other server be taken?");
    if (server->admitted_count > 0)
        findings_add(findings, FINDING_WARNING, "admit", place,
                     "only %u networks or names are talked to: is the other server one of them?",
                     server->admitted_count);
}

/* What the settings let strangers do there. */
static void look_at_policy(const struct door *door, struct findings *findings)
{
    const struct setting_server *server = door->server;
    struct text place =
        arena_printf(findings->arena, "see server %.*s (%.*s:%u)", TEXT_ARG(server->name),
                     TEXT_ARG(server->place.file), server->place.line);
    if (server->needs_login)
        findings_add(
            findings, FINDING_FAULT, "anonymous",
            arena_printf(findings->arena, "take away `anonymous no`; %.*s", TEXT_ARG(place)),
            "nobody may send to it without a login, so no other server can");
    else
        findings_add(findings, FINDING_OK, "anonymous", TEXT(""),
                     "other servers may send to it without a login");
    if (server->tls == TLS_REQUIRE && server->tls_for != TLS_FOR_LOGIN)
        findings_add(findings, FINDING_WARNING, "tls", TEXT("`tls offer` takes mail from them too"),
                     "servers without TLS are refused");
    look_at_peers(server, place, findings);
    if (server->max_message_bytes > 0)
        findings_add(findings, FINDING_OK, "limits", TEXT(""),
                     "messages up to %" PRIu64 " bytes, %u recipients, %u connections, %u from one "
                     "address",
                     server->max_message_bytes, server->max_recipients, server->max_connections,
                     server->max_connections_per_address);
    findings_add(findings, FINDING_OK, "relay", TEXT(""),
                 "%u networks may relay; for mailboxes here that does not matter",
                 server->relay_network_count);
}

static void look_at_room(struct queue *queue, struct findings *findings)
{
    struct queue_counts counts = queue_counts_now(queue);
    if (queue_check_room(queue) != OK)
        findings_add(findings, FINDING_FAULT, "space",
                     TEXT("make room on the disk, or lower `limit free-space`"), "%s",
                     fail_reason());
    if (counts.messages >= queue->settings->max_queue_messages)
        findings_add(findings, FINDING_FAULT, "space",
                     TEXT("see why they wait: mailroot queue hops; or raise `limit queue`"),
                     "%" PRIu64 " messages wait, and no more are taken", counts.messages);
}

static void on_line(void *context, const struct queue_route_line *line)
{
    struct findings *findings = context;
    struct text kind = text_from(line->kind);
    if (text_equals(kind, TEXT("mailbox")))
        findings_add(findings, FINDING_OK, "recipient", TEXT(""), "it leads to the mailbox %.*s",
                     TEXT_ARG(line->target));
    else if (text_equals(kind, TEXT("next-hop")))
        findings_add(findings, FINDING_OK, "recipient",
                     TEXT("see also: mailroot diagnose outbound"), "it leads on to %.*s",
                     TEXT_ARG(line->target));
    else if (!text_equals(kind, TEXT("other")))
        findings_add(findings, FINDING_FAULT, "recipient",
                     TEXT("mailroot user add, or mailroot alias add"), "%.*s: %s",
                     TEXT_ARG(line->target), line->kind);
}

static void look_at_recipient(struct queue *queue, const struct queue_diagnosis *question,
                              struct findings *findings)
{
    struct queue_route_question route = {.to = question->address};
    if (queue_route(queue, &route, on_line, findings) != OK)
        findings_add(findings, FINDING_FAULT, "directory", TEXT("mailroot status; mailroot serve"),
                     "%s", fail_reason());
}

/* By the address others would use, except that a door at any address is tried at this machine's
 * own. */
static struct text listens_text(const struct setting_listen *listen, struct arena *arena)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    unsigned port = net_address_port(&listen->address);
    if (net_address_is_any(&listen->address))
        return arena_printf(arena, "127.0.0.1:%u", port);
    return arena_copy(arena, text_from(net_address_text(&listen->address, text)));
}

static enum status look_from_outside(struct queue *queue, const struct door *door,
                                     const struct queue_diagnosis *question, struct text domain,
                                     struct findings *findings)
{
    struct queue_probe probe = {.kind = QUEUE_PROBE_OWN,
                                .domain = domain,
                                .port = net_address_port(&door->listen->address),
                                .host = door->server->host,
                                .asks_recipient = true,
                                .from = question->from,
                                .recipient = question->address};
    probe.listens = listens_text(door->listen, findings->arena);
    enum status status = queue_look(queue, &probe, findings);
    if (status != OK)
        findings_add(findings, FINDING_FAULT, "sender", TEXT("mailroot status; mailroot serve"),
                     "%s", fail_reason());
    return status;
}

static enum status diagnose(struct queue *queue, const struct settings *settings,
                            const struct queue_diagnosis *question, struct findings *findings)
{
    struct mail_address address;
    if (mail_address_parse(question->address, findings->arena, &address) != OK) {
        findings_add(findings, FINDING_FAULT, "address", TEXT("write it as user@domain"),
                     "%.*s: %s", TEXT_ARG(text_head(question->address, 300)), fail_reason());
        return OK;
    }
    const struct setting_domain *domain = settings_domain_find(settings, address.domain_ascii);
    if (domain == NULL) {
        findings_add(findings, FINDING_FAULT, "domain",
                     arena_printf(findings->arena, "write: domain %.*s { user ... }",
                                  TEXT_ARG(address.domain_ascii)),
                     "%.*s is no domain of ours", TEXT_ARG(address.domain_ascii));
        return OK;
    }
    findings_add(findings, FINDING_OK, "domain", TEXT(""), "%.*s is ours (%.*s:%u)",
                 TEXT_ARG(domain->name), TEXT_ARG(domain->place.file), domain->place.line);
    look_at_recipient(queue, question, findings);
    struct door door = find_door(settings);
    if (door.listen == NULL) {
        findings_add(findings, FINDING_FAULT, "listens",
                     TEXT("write in a server block: listen *:25 smtp"),
                     "no server listens for mail of other servers");
        return OK;
    }
    look_at_listening(&door, findings);
    look_at_policy(&door, findings);
    look_at_room(queue, findings);
    return look_from_outside(queue, &door, question, address.domain_ascii, findings);
}

enum status queue_diagnose_inbound(struct queue *queue, const struct queue_diagnosis *question,
                                   struct findings *findings)
{
    struct settings *settings = settings_hold(queue->settings);
    enum status status = diagnose(queue, settings, question, findings);
    settings_release(&settings);
    return status;
}
