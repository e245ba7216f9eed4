/* `audit security`: settings that are weaker than they could be, and files that others may read. */
#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "decide/exposure.h"
#include "main/audit_words.h"
#include "main/site.h"
#include "net/tls_certificate.h"

enum { SOON_DAYS = 14, CERTIFICATE_MAX = 1 << 20 };

/* A file or directory that none but its owner (and maybe its group) should get at. */
static void look_at_mode(struct findings *findings, const char *path, mode_t forbidden,
                         const char *what)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return;
    bool is_open = (about.st_mode & forbidden) != 0;
    findings_add(findings, is_open ? FINDING_FAULT : FINDING_OK, "files",
                 is_open ? arena_printf(findings->arena, "chmod %s %s",
                                        S_ISDIR(about.st_mode) ? "go-rwx" : "o-rwx,g-w", path)
                         : TEXT(""),
                 "%s %s gives others %s than it should", what, path, is_open ? "more" : "no more");
}

static void look_at_secrets(const char *settings_path, struct findings *findings)
{
    char *copy = text_to_string(text_from(settings_path));
    char directory[SITE_PATH_BYTES];
    snprintf(directory, sizeof(directory), "%.700s/secrets", dirname(copy));
    free(copy);
    look_at_mode(findings, directory, S_IWGRP | S_IRWXO, "the directory of secrets");
    DIR *entries = opendir(directory);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        char path[sizeof(directory) + sizeof(entry->d_name) + 1];
        snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
        if (entry->d_name[0] != '.')
            look_at_mode(findings, path, S_IWGRP | S_IRWXO, "the secret");
    }
    if (entries != NULL)
        closedir(entries);
}

static void look_at_certificate(struct findings *findings, const struct setting_certificate *pair)
{
    struct buffer pem;
    struct tls_certificate *list;
    unsigned count;
    buffer_init(&pem, CERTIFICATE_MAX);
    struct text path = arena_copy(findings->arena, pair->certificate_file);
    if (site_file_read(path.data, &pem) != OK ||
        tls_certificate_read(buffer_text(&pem), findings->arena, &list, &count) != OK) {
        findings_add(findings, FINDING_FAULT, "certificate", TEXT("mailroot cert self-sign"), "%s",
                     fail_reason());
        buffer_finish(&pem);
        return;
    }
    long long left = (list[0].until_ms - clock_wall_ms()) / DAY;
    bool ends = left < SOON_DAYS, is_known = tls_certificate_is_known(buffer_text(&pem));
    findings_add(findings,
                 left < 0            ? FINDING_FAULT
                 : ends || !is_known ? FINDING_WARNING
                                     : FINDING_OK,
                 "certificate",
                 ends ? TEXT("renew it: mailroot cert request")
                 : !is_known
                     ? TEXT("users' programs will warn: mailroot cert request gets one from "
                            "an authority")
                     : TEXT(""),
                 "%s is good for %lld days%s", path.data, left,
                 is_known ? "" : ", and no authority of this system stands behind it");
    buffer_finish(&pem);
}

static void look_at_certificates(const struct settings *settings, struct findings *findings)
{
    for (unsigned i = 0; i < settings->certificate_count; i++) {
        struct text key = arena_copy(findings->arena, settings->certificates[i].key_file);
        look_at_certificate(findings, &settings->certificates[i]);
        look_at_mode(findings, key.data, S_IWGRP | S_IRWXO, "the key");
    }
}

static void look_at_data(const struct settings *settings, struct findings *findings)
{
    for (enum role_kind kind = 0; kind < ROLE_PARENT; kind++) {
        if (role_find(kind)->data == NULL)
            continue;
        struct text path = role_directory(role_find(kind), settings, findings->arena);
        look_at_mode(findings, path.data, S_IRWXG | S_IRWXO, "the data");
    }
}

int audit_security(const struct audit_call *call)
{
    bool json = call->count == 1 && strcmp(call->words[0], "--json") == 0;
    if (call->count > json)
        return audit_complain("usage: mailroot audit security");
    struct settings *settings = audit_settings(call->settings_path);
    if (settings == NULL)
        return AUDIT_TROUBLE;
    struct arena arena;
    struct findings findings;
    arena_init(&arena);
    findings_init(&findings, &arena);
    decide_weaknesses(settings, &findings);
    look_at_certificates(settings, &findings);
    look_at_mode(&findings, call->settings_path, S_IWGRP | S_IWOTH, "the configuration");
    look_at_secrets(call->settings_path, &findings);
    look_at_data(settings, &findings);
    int exit_status = audit_conclude(&findings, json);
    arena_finish(&arena);
    settings_release(&settings);
    return exit_status;
}
