#include "proc/role_tls.h"

#include <stdlib.h>

#include "base/check.h"
#include "proc/role.h"

static struct text file_in(struct text files, struct text path)
{
    struct wire_reader in = wire_reader_of(files);
    while (!in.bad && in.rest.length > 0) {
        struct text found = wire_get_text(&in), bytes = wire_get_text(&in);
        if (text_equals(found, path))
            return bytes;
    }
    return TEXT("");
}

/* What a server's TLS is to be, all but certificates and authorities. */
static struct tls_server_options options_of(const struct setting_server *server)
{
    static const enum tls_ask asks[] = {
        [TLS_CERTIFICATE_NONE] = TLS_ASK_NOTHING,
        [TLS_CERTIFICATE_ASK] = TLS_ASK_OPTIONAL,
        [TLS_CERTIFICATE_REQUIRE] = TLS_ASK_REQUIRED,
    };
    return (struct tls_server_options){.only_1_3 = server->tls_only_1_3,
                                       .only_256 = server->tls_strength_256,
                                       .ask = asks[server->client_certificate],
                                       .scope = server->name};
}

static enum status open_server(const struct setting_server *server, struct text files,
                               struct tls_tickets *tickets, struct tls_context **out)
{
    struct tls_server_options options = options_of(server);
    struct tls_pair *pairs = calloc(server->certificate_count, sizeof(*pairs));
    check(pairs != NULL);
    for (unsigned i = 0; i < server->certificate_count; i++)
        pairs[i] = (struct tls_pair){file_in(files, server->certificates[i].certificate_file),
                                     file_in(files, server->certificates[i].key_file)};
    options.pairs = pairs;
    options.pair_count = server->certificate_count;
    options.tickets = tickets;
    options.authorities_pem = file_in(files, server->client_authorities_file);
    enum status status = tls_server_open(&options, out);
    free(pairs);
    return status == OK ? OK : fail_within(status, "server '%.*s'", TEXT_ARG(server->name));
}

enum status role_tls_open(const struct settings *settings, struct text files,
                          struct tls_tickets *tickets, struct tls_context ***out)
{
    struct tls_context **contexts =
        calloc(settings->server_count + 1, sizeof(struct tls_context *));
    check(contexts != NULL);
    enum status status = OK;
    for (unsigned i = 0; i < settings->server_count && status == OK; i++)
        if (settings->servers[i].certificate_count > 0)
            status = open_server(&settings->servers[i], files, tickets, &contexts[i]);
    if (status != OK)
        role_tls_close(settings, &contexts);
    *out = contexts;
    return status;
}

void role_tls_close(const struct settings *settings, struct tls_context ***contexts)
{
    if (*contexts == NULL)
        return;
    for (unsigned i = 0; i < settings->server_count; i++)
        tls_release(&(*contexts)[i]);
    free(*contexts);
    *contexts = NULL;
}

struct tls_context *role_server_tls(const struct role_context *context,
                                    const struct setting_server *server)
{
    const struct settings *settings = context->settings;
    for (unsigned i = 0; context->server_tls != NULL && i < settings->server_count; i++)
        if (text_equals(settings->servers[i].name, server->name))
            return context->server_tls[i];
    return NULL;
}
