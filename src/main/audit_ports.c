/* `ports`: where the settings listen, whether somebody answers there, and what each port is for;
 * and where we connect to, which a firewall must let out. */
#include <stdio.h>
#include <string.h>

#include "admin/words.h"
#include "base/clock.h"
#include "main/audit_words.h"
#include "net/listener.h"

enum { TRY_MS = 2 * SECOND };

static const struct {
    enum service service;
    const char *name;
    unsigned usual;
    const char *purpose;
} services[] = {
    {SERVICE_SMTP, "smtp", 25, "mail from other servers"},
    {SERVICE_SUBMISSION, "submission", 587, "users send, TLS by STARTTLS"},
    {SERVICE_SMTPS, "smtps", 465, "users send, TLS from the first byte"},
    {SERVICE_LMTP, "lmtp", 24, "mail handed over to mailboxes by another server"},
    {SERVICE_ODMR, "odmr", 366, "sites fetch the mail that is held for them (ATRN)"},
    {SERVICE_POP3, "pop3", 110, "users fetch their mail"},
    {SERVICE_POP3S, "pop3s", 995, "users fetch their mail, TLS from the first byte"},
    {SERVICE_IMAP, "imap", 143, "users read their mail"},
    {SERVICE_IMAPS, "imaps", 993, "users read their mail, TLS from the first byte"},
    {SERVICE_MANAGESIEVE, "managesieve", 4190, "users edit their filters"},
};
enum { SERVICES = sizeof(services) / sizeof(services[0]) };

static const struct {
    unsigned port;
    const char *name, *purpose;
} outgoing[] = {
    {25, "smtp", "mail to other servers, by TCP"},
    {53, "dns", "names, by UDP and TCP"},
    {443, "https", "MTA-STS policies of other domains, by TCP"},
};

struct ports {
    const struct settings *settings;
    bool json;
    struct buffer out;
};

static void print_row(struct ports *ports, const char *direction, unsigned port, const char *name,
                      const char *state, struct text where, const char *purpose)
{
    if (!ports->json) {
        buffer_printf(&ports->out, "%-4s %5u  %-12s %-7s %-32.*s %s\n", direction, port, name,
                      state, TEXT_ARG(where), purpose);
        return;
    }
    buffer_printf(&ports->out,
                  "{\"direction\":\"%s\",\"port\":%u,\"service\":\"%s\",\"state\":\"%s\"",
                  direction, port, name, state);
    verb_json_field(&ports->out, "where", where);
    verb_json_field(&ports->out, "purpose", text_from(purpose));
    buffer_append(&ports->out, TEXT("}\n"));
}

/* YIELDS. */
static bool is_open(const struct net_address *listens)
{
    struct net_address address = *listens;
    int fd;
    if (net_address_is_any(listens))
        (void)net_address_parse(TEXT("127.0.0.1"), net_address_port(listens), &address);
    if (net_dial(&address, clock_monotonic_ms() + TRY_MS, &fd) != OK)
        return false;
    struct stream *stream = stream_new(fd, &address);
    stream_close(&stream);
    return true;
}

static void print_listen(struct ports *ports, unsigned service, const struct setting_server *server,
                         const struct setting_listen *listen)
{
    char text[NET_ADDRESS_TEXT_BYTES], where[400];
    snprintf(where, sizeof(where), "%s (server %.*s)", net_address_text(&listen->address, text),
             TEXT_ARG(text_head(server->name, 100)));
    print_row(ports, "in", net_address_port(&listen->address), services[service].name,
              is_open(&listen->address) ? "open" : "closed", text_from(where),
              services[service].purpose);
}

/* Each listener of a service, or that there is none. YIELDS. */
static void print_service(struct ports *ports, unsigned service)
{
    const struct settings *settings = ports->settings;
    unsigned found = 0;
    for (unsigned i = 0; i < settings->server_count; i++)
        for (unsigned k = 0; k < settings->servers[i].listen_count; k++) {
            const struct setting_listen *listen = &settings->servers[i].listens[k];
            if (listen->service != services[service].service)
                continue;
            print_listen(ports, service, &settings->servers[i], listen);
            found++;
        }
    if (found == 0)
        print_row(ports, "in", services[service].usual, services[service].name, "off",
                  TEXT("no server listens for it"), services[service].purpose);
}

static void ports_task(void *argument)
{
    struct ports *ports = argument;
    for (unsigned i = 0; i < SERVICES; i++)
        print_service(ports, i);
    for (size_t i = 0; i < sizeof(outgoing) / sizeof(outgoing[0]); i++)
        print_row(ports, "out", outgoing[i].port, outgoing[i].name, "-", TEXT(""),
                  outgoing[i].purpose);
}

int audit_ports(const struct audit_call *call)
{
    struct ports ports = {.json = call->count == 1 && strcmp(call->words[0], "--json") == 0};
    if (call->count > ports.json)
        return audit_complain("usage: mailroot ports");
    struct settings *settings = audit_settings(call->settings_path);
    if (settings == NULL)
        return AUDIT_TROUBLE;
    ports.settings = settings;
    buffer_init(&ports.out, 1 << 20);
    task_loop_run(ports_task, &ports);
    fwrite(ports.out.data, 1, ports.out.length, stdout);
    buffer_finish(&ports.out);
    settings_release(&settings);
    return AUDIT_DONE;
}
