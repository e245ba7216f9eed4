/* What `setup internet-mail` writes, and what it tells to do next. */
#include "main/setup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/cert_files.h"
#include "main/cert_verbs.h"
#include "main/site.h"
#include "net/address.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, FILE_MAX = 64 << 10 };

#define SECRET_NAME "smart-host"

struct setup {
    const char *path;              /* of the settings */
    struct text directory;         /* it is in */
    const char *certificate, *key; /* paths */
    struct setup_answers answers;
    struct arena arena;
    struct buffer text; /* of the settings */
};

/* ---- the file ---- */

static void put_head(struct setup *setup)
{
    const struct setup_answers *answers = &setup->answers;
    buffer_printf(&setup->text,
                  "# Written by `mailroot setup internet-mail`. After a change: mailroot reload.\n"
                  "# `mailroot config show --all` tells every setting and its default.\n\n"
                  "host %.*s    # the name others see; the DNS leads to it and back\n"
                  "certificate cert.pem key key.pem    # mailroot cert request: one that others "
                  "trust\n",
                  TEXT_ARG(answers->host));
    if (!text_is_empty(answers->data))
        buffer_printf(&setup->text, "data %.*s\n", TEXT_ARG(answers->data));
    if (!text_is_empty(answers->run))
        buffer_printf(&setup->text, "run %.*s\n", TEXT_ARG(answers->run));
}

static void put_domains(struct setup *setup)
{
    const struct setup_answers *answers = &setup->answers;
    for (unsigned i = 0; i < answers->domain_count; i++) {
        buffer_printf(&setup->text, "\ndomain %.*s {\n", TEXT_ARG(answers->domains[i]));
        if (i == 0) {
            buffer_append(&setup->text, TEXT("    user"));
            for (unsigned k = 0; k < answers->user_count; k++)
                buffer_printf(&setup->text, " %.*s", TEXT_ARG(answers->users[k]));
            buffer_append(&setup->text, TEXT("    # mailboxes\n"));
        }
        buffer_append(&setup->text, TEXT("}\n"));
    }
}

static void put_server(struct setup *setup)
{
    const struct setup_answers *answers = &setup->answers;
    buffer_append(&setup->text, TEXT("\nserver internet {\n"));
    for (unsigned i = 0; i < answers->listen_count; i++)
        buffer_printf(&setup->text, "    listen %.*s\n", TEXT_ARG(answers->listens[i]));
    if (answers->listen_count == 0)
        buffer_append(&setup->text, TEXT("    listen *:25 smtp          # from other servers\n"
                                         "    listen *:465 smtps        # users send\n"
                                         "    listen *:587 submission\n"
                                         "    listen *:993 imaps        # users read\n"
                                         "    listen *:995 pop3s\n"));
    buffer_append(&setup->text,
                  TEXT("    relay logged-in           # nobody else sends to other domains\n}\n"));
}

static void put_connector(struct setup *setup)
{
    const struct setup_answers *answers = &setup->answers;
    if (text_is_empty(answers->smart_host)) {
        buffer_append(&setup->text, TEXT("\n# Mail for other domains goes by their MX records.\n"));
        return;
    }
    buffer_printf(&setup->text,
                  "\nconnector provider {\n"
                  "    to *                      # all other mail\n"
                  "    smart-host %.*s\n",
                  TEXT_ARG(answers->smart_host));
    if (!text_is_empty(answers->login))
        buffer_printf(&setup->text,
                      "    login %.*s secret " SECRET_NAME "    # a file in secrets/\n",
                      TEXT_ARG(answers->login));
    buffer_append(&setup->text, TEXT("}\n"));
}

/* ---- writing ---- */

static enum status make_directory(const char *path, mode_t mode)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return OK;
    return refused("cannot make %s: %m", path);
}

/* The same parser that serves; its complaints are about lines we wrote from the answers. */
static enum status check_text(struct setup *setup)
{
    struct settings_source *source = NULL;
    struct settings *settings = NULL;
    struct buffer messages;
    char resolved[SITE_PATH_BYTES];
    snprintf(resolved, sizeof(resolved), "%.*s/mailroot.conf", TEXT_ARG(setup->directory));
    buffer_init(&messages, 1 << 20);
    enum status status =
        settings_source_of(text_from(resolved), buffer_text(&setup->text), &source);
    if (status == OK)
        status = settings_parse(source, 1, &messages, &settings);
    settings_source_free(&source);
    if (settings != NULL)
        settings_release(&settings);
    if (status != OK) {
        fprintf(stderr, "%.*s", TEXT_ARG(buffer_text(&messages)));
        status = refused("an answer cannot be: nothing was written");
    }
    buffer_finish(&messages);
    return status;
}

static enum status make_certificate(struct setup *setup)
{
    if (access(setup->certificate, F_OK) == 0 || access(setup->key, F_OK) == 0) {
        printf("kept %s and %s\n", setup->certificate, setup->key);
        return OK;
    }
    char *words[] = {(char *)(uintptr_t) "--name",
                     (char *)(uintptr_t)arena_copy(&setup->arena, setup->answers.host).data,
                     (char *)(uintptr_t) "--certificate",
                     (char *)(uintptr_t)setup->certificate,
                     (char *)(uintptr_t) "--key",
                     (char *)(uintptr_t)setup->key};
    struct cert_call call = {setup->path, words, sizeof(words) / sizeof(words[0])};
    return cert_self_sign(&call) == EXIT_DONE ? OK : refused("there is no certificate");
}

static enum status keep_secret(struct setup *setup)
{
    if (text_is_empty(setup->answers.login))
        return OK;
    const char *directory =
        arena_printf(&setup->arena, "%.*s/secrets", TEXT_ARG(setup->directory)).data;
    const char *path = arena_printf(&setup->arena, "%s/" SECRET_NAME, directory).data;
    enum status status = make_directory(directory, 0700);
    if (status == OK)
        status = cert_file_replace(path, 0600, setup->answers.password);
    if (status == OK)
        printf("wrote %s\n", path);
    return status;
}

/* What was there stays beside it, and in its place until the new one is there whole. */
static enum status write_settings(struct setup *setup)
{
    const char *before = arena_printf(&setup->arena, "%s.before", setup->path).data;
    bool was_there = access(setup->path, F_OK) == 0;
    if (was_there && ((unlink(before) != 0 && errno != ENOENT) || link(setup->path, before) != 0))
        return refused("cannot keep %s as %s: %m", setup->path, before);
    enum status status = cert_file_replace(setup->path, 0644, buffer_text(&setup->text));
    if (status == OK)
        printf("wrote %s\n", setup->path);
    return status;
}

static enum status write_all(struct setup *setup)
{
    if (access(setup->path, F_OK) == 0 && !setup->answers.force)
        return refused("%s is there already: --force puts another in its place and keeps it as "
                       "%s.before",
                       setup->path, setup->path);
    put_head(setup);
    put_domains(setup);
    put_server(setup);
    put_connector(setup);
    enum status status = check_text(setup);
    if (status == OK)
        status = make_directory(arena_copy(&setup->arena, setup->directory).data, 0755);
    if (status == OK)
        status = make_certificate(setup);
    if (status == OK)
        status = keep_secret(setup);
    return status == OK ? write_settings(setup) : status;
}

/* ---- what to do next ---- */

static void tell_record(struct text name, const char *type, const char *value, const char *why)
{
    printf("  %-28.*s %-5s %-36s %s\n", TEXT_ARG(name), type, value, why);
}

/* The addresses by which others may reach this machine. */
static void tell_addresses(const struct setup *setup)
{
    struct ifaddrs *list;
    unsigned told = 0;
    if (getifaddrs(&list) != 0)
        list = NULL;
    for (const struct ifaddrs *at = list; at != NULL; at = at->ifa_next) {
        struct net_address address = {0};
        char text[NET_ADDRESS_TEXT_BYTES];
        int family = at->ifa_addr == NULL ? AF_UNSPEC : at->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6)
            continue;
        address.length = family == AF_INET ? sizeof(address.v4) : sizeof(address.v6);
        memcpy(&address.any, at->ifa_addr, address.length);
        if (net_address_is_loopback(&address) ||
            (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr)))
            continue;
        net_address_literal(&address, text);
        tell_record(setup->answers.host, family == AF_INET ? "A" : "AAAA",
                    family == AF_INET6 ? text + strlen("IPv6:") : text,
                    "this machine; or what leads to it");
        told++;
    }
    if (told == 0)
        tell_record(setup->answers.host, "A", "(this machine's address)", "");
    if (list != NULL)
        freeifaddrs(list);
}

static void tell_dns(struct setup *setup)
{
    const struct setup_answers *answers = &setup->answers;
    const char *host = arena_printf(&setup->arena, "%.*s.", TEXT_ARG(answers->host)).data;
    const char *spf = text_is_empty(answers->smart_host) ? "\"v=spf1 mx -all\""
                                                         : "\"v=spf1 mx include:PROVIDER -all\"";
    printf("\nPublish in the DNS:\n");
    tell_addresses(setup);
    for (unsigned i = 0; i < answers->domain_count; i++) {
        tell_record(answers->domains[i], "MX", arena_printf(&setup->arena, "10 %s", host).data,
                    "others find you");
        tell_record(answers->domains[i], "TXT", spf,
                    text_is_empty(answers->smart_host) ? "nobody else sends in your name"
                                                       : "your provider tells what to include");
    }
    tell_record(TEXT("(the address)"), "PTR", host, "ask whoever gave you the address");
}

static void tell_next(const struct setup *setup)
{
    const struct setup_answers *answers = &setup->answers;
    struct text domain = answers->domains[0];
    printf("\nThen:\n");
    for (unsigned i = 0; i < answers->user_count; i++)
        printf("  mailroot user passwd %.*s@%.*s\n", TEXT_ARG(answers->users[i]), TEXT_ARG(domain));
    printf("  mailroot serve\n"
           "  mailroot diagnose inbound %.*s@%.*s      and see what is still missing\n"
           "  mailroot diagnose outbound SOMEBODY@ELSEWHERE\n"
           "  mailroot audit relay; mailroot audit security\n",
           TEXT_ARG(answers->users[0]), TEXT_ARG(domain));
}

/* Beside the settings; without its links and dots where the directory is there already. */
static void find_places(struct setup *setup)
{
    char *copy = text_to_string(text_from(setup->path));
    const char *directory = dirname(copy);
    char *resolved = realpath(directory, NULL);
    setup->directory =
        arena_copy(&setup->arena, text_from(resolved != NULL ? resolved : directory));
    free(resolved);
    free(copy);
    setup->certificate =
        arena_printf(&setup->arena, "%.*s/cert.pem", TEXT_ARG(setup->directory)).data;
    setup->key = arena_printf(&setup->arena, "%.*s/key.pem", TEXT_ARG(setup->directory)).data;
}

int setup_internet_mail(const struct setup_call *call)
{
    struct setup setup = {.path = call->settings_path};
    int exit_status = EXIT_DONE;
    arena_init(&setup.arena);
    buffer_init(&setup.text, FILE_MAX);
    find_places(&setup);
    if (setup_answers_take(call, &setup.arena, &setup.answers) != OK)
        exit_status = EXIT_USAGE;
    else if (write_all(&setup) != OK)
        exit_status = EXIT_REFUSED;
    if (exit_status == EXIT_DONE) {
        tell_dns(&setup);
        tell_next(&setup);
    } else {
        fprintf(stderr, "mailroot: %s\n", fail_reason());
    }
    if (!text_is_empty(setup.answers.password))
        explicit_bzero((char *)(uintptr_t)setup.answers.password.data,
                       setup.answers.password.length);
    buffer_finish(&setup.text);
    arena_finish(&setup.arena);
    return exit_status;
}
