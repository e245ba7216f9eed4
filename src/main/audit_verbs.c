/* `audit relay`: the battery of tricks on the server that runs, and the ways that the settings
 * open.
 */
#include "main/audit_verbs.h"

#include <stdio.h>
#include <string.h>

#include "admin/findings.h"
#include "base/check.h"
#include "decide/exposure.h"
#include "main/audit_words.h"
#include "main/site.h"
#include "proto/smtp/send/smtp_relay_audit.h"

enum { SMTP_PORT = 25, MESSAGES_MAX = 1 << 20 };

int audit_complain(const char *what)
{
    fprintf(stderr, "mailroot: %s\n", what);
    return AUDIT_TROUBLE;
}

static struct settings *read_settings(const char *path, bool complains)
{
    struct settings_source *source = NULL;
    struct settings *settings = NULL;
    struct buffer messages;
    buffer_init(&messages, MESSAGES_MAX);
    if (settings_read(path, &source) != OK)
        buffer_printf(&messages, "%s\n", fail_reason());
    else if (settings_parse(source, 1, &messages, &settings) == OK)
        buffer_reset(&messages, 0); /* of warnings: `config check` tells them */
    settings_source_free(&source);
    if (complains)
        fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
    buffer_finish(&messages);
    return settings;
}

struct settings *audit_settings(const char *path)
{
    return read_settings(path, true);
}

int audit_conclude(const struct findings *findings, bool json)
{
    struct buffer out;
    buffer_init(&out, ADMIN_OUTPUT_MAX);
    enum status status = findings_conclude(findings, json, &out);
    fwrite(out.data, 1, out.length, stdout);
    buffer_finish(&out);
    if (status == OK)
        return AUDIT_DONE;
    fprintf(stderr, "mailroot: %s\n", fail_reason());
    return AUDIT_FAULT;
}

/* ---- audit relay ---- */

struct relay_audit {
    struct smtp_relay_audit asked;
    struct findings findings;
    const char *target; /* HOST:PORT; NULL: where the settings listen */
    const char *from;
    bool all, json;
    unsigned tried, taken;
    const struct settings *settings; /* or NULL */
    int exit_status;
};

static bool take_words(struct relay_audit *audit, const struct audit_call *call)
{
    for (int i = 0; i < call->count; i++) {
        char *word = call->words[i];
        if (strcmp(word, "--json") == 0)
            audit->json = true;
        else if (strcmp(word, "--all") == 0)
            audit->all = true;
        else if (strcmp(word, "--from") == 0 && i + 1 < call->count)
            audit->from = call->words[++i];
        else if (audit->target == NULL && word[0] != '-')
            audit->target = word;
        else
            return false;
    }
    return true;
}

static void on_try(void *context, const struct smtp_relay_try *tried)
{
    struct relay_audit *audit = context;
    audit->tried++;
    audit->taken += tried->is_taken;
    if (!tried->is_taken && !audit->all)
        return;
    findings_add(&audit->findings, tried->is_taken ? FINDING_FAULT : FINDING_OK, "try",
                 tried->is_taken ? TEXT("anybody can send to anybody so: see the ways below")
                                 : TEXT(""),
                 "from %.*s to %.*s: %.*s", TEXT_ARG(tried->sender), TEXT_ARG(tried->recipient),
                 TEXT_ARG(tried->reply));
}

/* YIELDS. */
static void ask_server(struct relay_audit *audit, const struct net_address *address)
{
    char text[NET_ADDRESS_TEXT_BYTES];
    audit->asked.server = *address;
    audit->tried = audit->taken = 0;
    net_address_text(address, text);
    enum status status = smtp_relay_audit(&audit->asked, on_try, audit);
    if (status != OK)
        findings_add(&audit->findings, FINDING_FAULT, "asked",
                     TEXT("mailroot status; mailroot serve"), "%s: after %u tries: %s", text,
                     audit->tried, fail_reason());
    else if (audit->taken == 0)
        findings_add(&audit->findings, FINDING_OK, "asked", TEXT(""),
                     "%s refuses all of %u ways to relay", text, audit->tried);
    else
        findings_add(&audit->findings, FINDING_FAULT, "asked",
                     TEXT("take away what lets it: the ways below"),
                     "%s would relay in %u of %u ways", text, audit->taken, audit->tried);
}

/* What is asked from a network that may relay proves nothing. */
static bool is_trusted_view(struct relay_audit *audit, const struct setting_server *server,
                            const struct net_address *address)
{
    const struct net_address *from = audit->asked.from != NULL ? audit->asked.from : address;
    const struct net_network *network =
        net_network_find(server->relay_networks, server->relay_network_count, from);
    char text[NET_ADDRESS_TEXT_BYTES], own[NET_ADDRESS_TEXT_BYTES];
    if (network == NULL || server->relay_all_except)
        return false;
    findings_add(&audit->findings, FINDING_WARNING, "asked",
                 TEXT("ask from an address that may not: --from ADDRESS, or from another machine"),
                 "server %.*s was not asked: from here, %s, relaying is allowed to %s",
                 TEXT_ARG(server->name), net_address_literal(from, own),
                 net_network_text(network, text));
    return true;
}

static void ask_servers(struct relay_audit *audit)
{
    const struct settings *settings = audit->settings;
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        for (unsigned k = 0; k < server->listen_count; k++) {
            struct net_address address = server->listens[k].address;
            uint16_t port = net_address_port(&address);
            if (server->listens[k].service != SERVICE_SMTP &&
                server->listens[k].service != SERVICE_SUBMISSION)
                continue;
            if (net_address_is_any(&address))
                check(net_address_parse(TEXT("127.0.0.1"), port, &address));
            if (!is_trusted_view(audit, server, &address))
                ask_server(audit, &address);
        }
    }
}

static void relay_task(void *argument)
{
    struct relay_audit *audit = argument;
    struct net_address address;
    if (audit->target == NULL)
        ask_servers(audit);
    else if (net_address_parse_endpoint(text_from(audit->target), SMTP_PORT, &address))
        ask_server(audit, &address);
    else
        audit->exit_status = audit_complain("audit relay wants an address: 192.0.2.1:25");
}

/* What the tricks are made of: a domain, a name and a user that are ours. */
static void name_ourselves(struct relay_audit *audit)
{
    const struct settings *settings = audit->settings;
    audit->asked.our_domain = TEXT("example.org");
    audit->asked.our_host = TEXT("localhost");
    audit->asked.our_user = TEXT("postmaster");
    if (settings == NULL)
        return;
    audit->asked.our_host = settings->host;
    if (settings->domain_count > 0)
        audit->asked.our_domain = settings->domains[0].name;
    if (settings->domain_count > 0 && settings->domains[0].user_count > 0)
        audit->asked.our_user = settings->domains[0].users[0];
}

static void run_relay(struct relay_audit *audit)
{
    struct net_address from;
    if (audit->from != NULL && !net_address_parse(text_from(audit->from), 0, &from)) {
        audit->exit_status = audit_complain("--from wants an address of this machine");
        return;
    }
    audit->asked.from = audit->from == NULL ? NULL : &from;
    name_ourselves(audit);
    if (tls_client_new(false, TEXT(""), &audit->asked.tls) != OK) {
        audit->exit_status = audit_complain(fail_reason());
        return;
    }
    task_loop_run(relay_task, audit);
    tls_release(&audit->asked.tls);
    if (audit->exit_status != AUDIT_DONE)
        return;
    if (audit->target == NULL)
        decide_ways_to_relay(audit->settings, &audit->findings);
    audit->exit_status = audit_conclude(&audit->findings, audit->json);
}

int audit_relay(const struct audit_call *call)
{
    struct relay_audit audit = {0};
    if (!take_words(&audit, call))
        return audit_complain(
            "usage: mailroot audit relay [ADDRESS:PORT] [--from ADDRESS] [--all]");
    struct arena arena;
    /* A server that is named is perhaps not ours: then names to try are all that they are for. */
    struct settings *settings = read_settings(call->settings_path, audit.target == NULL);
    if (settings == NULL && audit.target == NULL)
        return AUDIT_TROUBLE;
    audit.settings = settings;
    arena_init(&arena);
    findings_init(&audit.findings, &arena);
    run_relay(&audit);
    arena_finish(&arena);
    if (settings != NULL)
        settings_release(&settings);
    return audit.exit_status;
}
