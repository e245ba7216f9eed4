#include "main/cert_verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/check.h"
#include "base/clock.h"
#include "main/cert_files.h"
#include "net/tls_certificate.h"

enum {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
    NAMES_MAX = 32,
    FILES_MAX = 16,
    SELF_SIGNED_DAYS = 3650,
    SOON_DAYS = 14
};

/* A verb under way: what was asked, filled up from the settings. */
struct cert {
    struct settings *settings; /* or NULL: they can't be read */
    struct text names[NAMES_MAX];
    unsigned name_count;
    const char *files[FILES_MAX]; /* words without an option */
    unsigned file_count;
    const char *certificate, *key, *out, *usage;
    const char *key_from; /* import: where the key is now */
    uint32_t days;
    bool rsa, new_key, json;
    struct arena arena;
};

static int complain(const char *what)
{
    fprintf(stderr, "mailroot: %s\n", what);
    return EXIT_REFUSED;
}

/* ---- what was asked ---- */

static bool take_valued(struct cert *cert, const char *option, const char *value)
{
    if (strcmp(option, "--name") == 0 && cert->name_count < NAMES_MAX)
        cert->names[cert->name_count++] = text_from(value);
    else if (strcmp(option, "--certificate") == 0)
        cert->certificate = value;
    else if (strcmp(option, "--key") == 0)
        cert->key = value;
    else if (strcmp(option, "--out") == 0)
        cert->out = value;
    else
        return strcmp(option, "--days") == 0 && text_to_u32(text_from(value), &cert->days) &&
               cert->days > 0 && cert->days < 36500;
    return true;
}

static bool take_words(struct cert *cert, const struct cert_call *call)
{
    for (int i = 0; i < call->count; i++) {
        const char *word = call->words[i];
        if (strcmp(word, "--rsa") == 0)
            cert->rsa = true;
        else if (strcmp(word, "--new-key") == 0)
            cert->new_key = true;
        else if (strcmp(word, "--json") == 0)
            cert->json = true;
        else if (strncmp(word, "--", 2) != 0 && cert->file_count < FILES_MAX)
            cert->files[cert->file_count++] = word;
        else if (i + 1 == call->count || !take_valued(cert, word, call->words[++i]))
            return false;
    }
    return true;
}

/* Settings with errors, or none, are no reason not to make a certificate. */
static void read_settings(struct cert *cert, const char *path)
{
    struct settings_source *source = NULL;
    struct buffer messages;
    buffer_init(&messages, 1 << 20);
    if (settings_read(path, &source) == OK)
        settings_parse(source, 1, &messages, &cert->settings);
    settings_source_free(&source);
    buffer_finish(&messages);
}

static bool has_name(const struct cert *cert, struct text name)
{
    for (unsigned i = 0; i < cert->name_count; i++)
        if (text_equals_nocase(cert->names[i], name))
            return true;
    return false;
}

/* The names by which the servers greet are those that clients look for. */
static void add_names_of_settings(struct cert *cert)
{
    const struct settings *settings = cert->settings;
    if (settings == NULL || cert->name_count > 0)
        return;
    cert->names[cert->name_count++] = settings->host;
    for (unsigned i = 0; i < settings->server_count && cert->name_count < NAMES_MAX; i++)
        if (!has_name(cert, settings->servers[i].host))
            cert->names[cert->name_count++] = settings->servers[i].host;
}

static void add_files_of_settings(struct cert *cert)
{
    bool has_pair = cert->settings != NULL && cert->settings->certificate_count > 0;
    const struct setting_certificate *pair = has_pair ? &cert->settings->certificates[0] : NULL;
    if (cert->certificate == NULL)
        cert->certificate =
            has_pair ? arena_copy(&cert->arena, pair->certificate_file).data : "cert.pem";
    if (cert->key == NULL)
        cert->key = has_pair ? arena_copy(&cert->arena, pair->key_file).data : "key.pem";
}

static bool cert_begin(struct cert *cert, const struct cert_call *call, const char *usage)
{
    *cert = (struct cert){.usage = usage, .days = SELF_SIGNED_DAYS};
    arena_init(&cert->arena);
    if (!take_words(cert, call)) {
        fprintf(stderr, "mailroot: usage: mailroot %s\n", usage);
        arena_finish(&cert->arena);
        return false;
    }
    read_settings(cert, call->settings_path);
    return true;
}

static int cert_end(struct cert *cert, int status)
{
    settings_release(&cert->settings);
    arena_finish(&cert->arena);
    return status;
}

/* REFUSED when a name could not stand in a certificate, or there is none. */
static enum status check_names(const struct cert *cert)
{
    if (cert->name_count == 0)
        return refused("no name: give --name HOST, or set 'host' in the configuration");
    for (unsigned i = 0; i < cert->name_count; i++) {
        struct text name = cert->names[i];
        bool good = name.length > 0 && name.length <= 253;
        for (size_t k = 0; k < name.length && good; k++)
            good = (name.data[k] >= 'a' && name.data[k] <= 'z') ||
                   (name.data[k] >= 'A' && name.data[k] <= 'Z') ||
                   (name.data[k] >= '0' && name.data[k] <= '9') ||
                   strchr("-_.*", name.data[k]) != NULL;
        if (!good)
            return refused("'%.*s' is no host name", TEXT_ARG(name));
    }
    return OK;
}

static void print_names(const struct cert *cert)
{
    for (unsigned i = 0; i < cert->name_count; i++)
        printf("%s%.*s", i == 0 ? "" : ", ", TEXT_ARG(cert->names[i]));
}

/* ---- cert self-sign ---- */

static enum status self_sign(struct cert *cert, struct buffer *key, struct buffer *certificate)
{
    enum status status = check_names(cert);
    if (status == OK)
        status = tls_key_make(cert->rsa ? TLS_KEY_RSA : TLS_KEY_ECDSA, key);
    if (status == OK)
        status = tls_certificate_self_sign(cert->names, cert->name_count, cert->days,
                                           buffer_text(key), certificate);
    if (status == OK)
        status = cert_file_create(cert->key, 0600, buffer_text(key));
    if (status != OK)
        return status;
    status = cert_file_create(cert->certificate, 0644, buffer_text(certificate));
    if (status != OK)
        unlink(cert->key); /* made just now, and of no use alone */
    return status;
}

int cert_self_sign(const struct cert_call *call)
{
    struct cert cert;
    if (!cert_begin(&cert, call,
                    "cert self-sign [--name HOST ...] [--certificate FILE] [--key FILE] "
                    "[--days N] [--rsa]"))
        return EXIT_USAGE;
    add_names_of_settings(&cert);
    add_files_of_settings(&cert);
    struct buffer key, certificate;
    buffer_init(&key, CERT_FILE_MAX);
    buffer_init(&certificate, CERT_FILE_MAX);
    enum status status = self_sign(&cert, &key, &certificate);
    if (status != OK)
        complain(fail_reason());
    else
        printf("made %s and %s\n", cert.certificate, cert.key);
    buffer_forget(&key);
    buffer_finish(&certificate);
    return cert_end(&cert, status == OK ? EXIT_DONE : EXIT_REFUSED);
}

/* ---- cert request ---- */

/* The key in use stays unless another is wanted: who publishes it by DANE need change nothing. */
static enum status request_key(struct cert *cert, struct buffer *key)
{
    if (cert->new_key)
        cert->key = arena_printf(&cert->arena, "%s.new", cert->key).data;
    if (access(cert->key, F_OK) == 0) {
        if (cert->new_key)
            return refused("%s exists already: import its certificate, or remove it", cert->key);
        printf("the request is for the key in %s (--new-key makes another)\n", cert->key);
        return site_file_read(cert->key, key);
    }
    enum status status = tls_key_make(cert->rsa ? TLS_KEY_RSA : TLS_KEY_ECDSA, key);
    if (status == OK)
        status = cert_file_create(cert->key, 0600, buffer_text(key));
    if (status == OK)
        printf("made the key %s\n", cert->key);
    return status;
}

static enum status request(struct cert *cert, struct buffer *key, struct buffer *out)
{
    enum status status = check_names(cert);
    if (status == OK)
        status = request_key(cert, key);
    if (status == OK)
        status = tls_certificate_request(cert->names, cert->name_count, buffer_text(key), out);
    /* A request holds no secret, and an older one no truth: it may be written over. */
    return status == OK ? cert_file_replace(cert->out, 0644, buffer_text(out)) : status;
}

int cert_request(const struct cert_call *call)
{
    struct cert cert;
    if (!cert_begin(&cert, call,
                    "cert request [--name HOST ...] [--key FILE] [--new-key] [--rsa] [--out FILE]"))
        return EXIT_USAGE;
    add_names_of_settings(&cert);
    add_files_of_settings(&cert);
    if (cert.out == NULL)
        cert.out = arena_printf(&cert.arena, "%s.csr", cert.certificate).data;
    struct buffer key, out;
    buffer_init(&key, CERT_FILE_MAX);
    buffer_init(&out, CERT_FILE_MAX);
    enum status status = request(&cert, &key, &out);
    if (status == OK) {
        printf("made the request %s for ", cert.out);
        print_names(&cert);
        printf("\nsend it to your authority; then: mailroot cert import ANSWER-FILE\n");
    } else {
        complain(fail_reason());
    }
    buffer_forget(&key);
    buffer_finish(&out);
    return cert_end(&cert, status == OK ? EXIT_DONE : EXIT_REFUSED);
}

/* ---- cert import ---- */

static enum status order_for_key(const char *path, struct text pem, struct buffer *key,
                                 struct buffer *chain)
{
    unsigned unused_count = 0;
    buffer_reset(key, 0);
    enum status status = site_file_read(path, key);
    if (status == OK && tls_certificate_order(pem, buffer_text(key), chain, &unused_count) != OK)
        status = fail_within(REFUSED, "%s", path);
    if (status == OK && unused_count > 0)
        printf("%u certificates that are not needed were left out\n", unused_count);
    return status;
}

/* The key that was named; else the pending one of a request, when the certificate is for that, or
 * the one in use. */
static enum status find_key(struct cert *cert, struct text pem, struct buffer *key,
                            struct buffer *chain)
{
    const char *pending = arena_printf(&cert->arena, "%s.new", cert->key).data;
    if (cert->key_from != NULL)
        return order_for_key(cert->key_from, pem, key, chain);
    cert->key_from = pending;
    if (access(pending, F_OK) == 0 && order_for_key(pending, pem, key, chain) == OK)
        return OK;
    cert->key_from = cert->key;
    if (access(cert->key, F_OK) == 0)
        return order_for_key(cert->key, pem, key, chain);
    return refused("there is no key at %s: say --key FILE, or begin with: mailroot cert request",
                   cert->key);
}

/* What is no error, but may well be a mistake. */
static enum status look_at(struct cert *cert, struct text chain)
{
    struct tls_certificate *list;
    unsigned count;
    if (tls_certificate_read(chain, &cert->arena, &list, &count) != OK)
        return REFUSED;
    int64_t now = clock_wall_ms();
    if (list[0].until_ms < now)
        return refused("the certificate has expired; ask your authority for a new one");
    if (list[0].from_ms > now)
        printf("warning: the certificate is not valid yet; is the clock right?\n");
    if (list[0].until_ms < now + SOON_DAYS * DAY)
        printf("warning: the certificate expires in less than %d days\n", SOON_DAYS);
    for (unsigned i = 0; i < cert->name_count; i++)
        if (!tls_certificate_is_for(chain, cert->names[i]))
            printf("warning: the certificate is not for %.*s, by which we greet\n",
                   TEXT_ARG(cert->names[i]));
    if (!tls_certificate_is_known(chain))
        printf("warning: no authority of this system stands behind the certificate%s\n",
               list[0].is_self_signed ? ": it is self-signed"
                                      : "; perhaps a certificate of the chain is missing");
    return OK;
}

/* The certificate last: the key it needs is there then, and a server that looks between the two
 * waits. */
static enum status install(struct cert *cert, const char *key_path, const struct buffer *key,
                           const struct buffer *chain)
{
    enum status status = OK;
    if (strcmp(cert->key_from, key_path) != 0)
        status = cert_file_replace(key_path, 0600, buffer_text(key));
    if (status == OK)
        status = cert_file_replace(cert->certificate, 0644, buffer_text(chain));
    const char *pending = arena_printf(&cert->arena, "%s.new", key_path).data;
    if (status == OK && strcmp(cert->key_from, pending) == 0)
        unlink(pending);
    return status;
}

static enum status import(struct cert *cert, struct buffer *pem, struct buffer *key,
                          struct buffer *chain)
{
    enum status status = OK;
    cert->key_from = cert->key;
    cert->key = NULL;
    add_files_of_settings(cert);
    add_names_of_settings(cert);
    for (unsigned i = 0; i < cert->file_count && status == OK; i++) {
        status = site_file_read(cert->files[i], pem);
        buffer_append_byte(pem, '\n');
    }
    if (status == OK)
        status = find_key(cert, buffer_text(pem), key, chain);
    if (status == OK)
        status = look_at(cert, buffer_text(chain));
    return status == OK ? install(cert, cert->key, key, chain) : status;
}

int cert_import(const struct cert_call *call)
{
    struct cert cert;
    if (!cert_begin(&cert, call, "cert import FILE ... [--key FILE] [--certificate FILE]"))
        return EXIT_USAGE;
    if (cert.file_count == 0) {
        complain("cert import needs the file that your authority sent");
        return cert_end(&cert, EXIT_USAGE);
    }
    struct buffer pem, key, chain;
    buffer_init(&pem, CERT_FILE_MAX);
    buffer_init(&key, CERT_FILE_MAX);
    buffer_init(&chain, CERT_FILE_MAX);
    enum status status = import(&cert, &pem, &key, &chain);
    if (status == OK)
        printf("installed %s and %s; a running server takes them up by itself\n", cert.certificate,
               cert.key);
    else
        complain(fail_reason());
    buffer_forget(&pem); /* a key may stand among the certificates */
    buffer_forget(&key);
    buffer_finish(&chain);
    return cert_end(&cert, status == OK ? EXIT_DONE : EXIT_REFUSED);
}

/* ---- cert show ---- */

static const char *date_of(int64_t ms, char out[16])
{
    time_t seconds = (time_t)(ms / SECOND);
    struct tm fields;
    gmtime_r(&seconds, &fields);
    strftime(out, 16, "%Y-%m-%d", &fields);
    return out;
}

static const char *hex_of(const unsigned char bytes[32], const char *between, char out[96])
{
    size_t at = 0;
    for (int i = 0; i < 32; i++)
        at += (size_t)snprintf(out + at, 96 - at, "%s%02x", i == 0 ? "" : between, bytes[i]);
    return out;
}

static long long days_left(const struct tls_certificate *certificate)
{
    int64_t left = certificate->until_ms - clock_wall_ms();
    return left < 0 ? (left - DAY + 1) / DAY : left / DAY;
}

static void show_text(const char *path, const struct tls_certificate *list, unsigned count)
{
    char from[16], until[16], hex[96];
    const struct tls_certificate *own = &list[0];
    printf("%s\n  names        ", path);
    for (unsigned i = 0; i < own->name_count; i++)
        printf("%s%.*s", i == 0 ? "" : ", ", TEXT_ARG(own->names[i]));
    printf("\n  subject      %.*s\n  issuer       %.*s%s\n", TEXT_ARG(own->subject),
           TEXT_ARG(own->issuer), own->is_self_signed ? " (self-signed)" : "");
    printf("  key          %.*s\n", TEXT_ARG(own->key));
    printf("  valid        %s to %s, %lld days left\n", date_of(own->from_ms, from),
           date_of(own->until_ms, until), days_left(own));
    printf("  fingerprint  SHA-256 %s\n", hex_of(own->fingerprint, ":", hex));
    for (unsigned i = 1; i < count; i++)
        printf("  chain        %.*s\n", TEXT_ARG(list[i].subject));
    if (own->name_count > 0)
        printf("  publish      _25._tcp.%.*s. IN TLSA 3 1 1 %s\n", TEXT_ARG(own->names[0]),
               hex_of(own->key_hash, "", hex));
}

static void show_json(const char *path, const struct tls_certificate *own)
{
    struct buffer out;
    char hex[96], date[16];
    buffer_init(&out, 1 << 20);
    buffer_append(&out, TEXT("{\"file\":"));
    admin_json_text(&out, text_from(path));
    buffer_append(&out, TEXT(",\"names\":["));
    for (unsigned i = 0; i < own->name_count; i++) {
        buffer_append(&out, i == 0 ? TEXT("") : TEXT(","));
        admin_json_text(&out, own->names[i]);
    }
    buffer_append(&out, TEXT("],\"subject\":"));
    admin_json_text(&out, own->subject);
    buffer_append(&out, TEXT(",\"issuer\":"));
    admin_json_text(&out, own->issuer);
    buffer_append(&out, TEXT(",\"key\":"));
    admin_json_text(&out, own->key);
    buffer_printf(&out, ",\"from\":\"%s\"", date_of(own->from_ms, date));
    buffer_printf(&out, ",\"until\":\"%s\",\"days_left\":%lld", date_of(own->until_ms, date),
                  days_left(own));
    buffer_printf(&out, ",\"sha256\":\"%s\"", hex_of(own->fingerprint, "", hex));
    buffer_printf(&out, ",\"tlsa\":\"3 1 1 %s\"}\n", hex_of(own->key_hash, "", hex));
    fwrite(out.data, 1, out.length, stdout);
    buffer_finish(&out);
}

static enum status show_file(struct cert *cert, const char *path)
{
    struct tls_certificate *list;
    unsigned count;
    struct buffer pem;
    buffer_init(&pem, CERT_FILE_MAX);
    enum status status = site_file_read(path, &pem);
    if (status == OK) {
        status = tls_certificate_read(buffer_text(&pem), &cert->arena, &list, &count);
        if (status != OK)
            fail_within(status, "%s", path);
    }
    if (status == OK && cert->json)
        show_json(path, &list[0]);
    else if (status == OK)
        show_text(path, list, count);
    buffer_forget(&pem); /* its key may stand in the same file */
    return status;
}

/* A pair that would not be served is shown all the same; what is wrong is said behind it. */
static enum status show_pairs(struct cert *cert, const struct setting_certificate *pairs,
                              unsigned count)
{
    enum status worst = OK;
    for (unsigned i = 0; i < count; i++) {
        const char *path = arena_copy(&cert->arena, pairs[i].certificate_file).data;
        const char *key = arena_copy(&cert->arena, pairs[i].key_file).data;
        if (show_file(cert, path) == OK && cert_files_check(path, key) == OK)
            continue;
        complain(fail_reason());
        worst = REFUSED;
    }
    return worst;
}

static enum status show_settings(struct cert *cert)
{
    const struct settings *settings = cert->settings;
    if (settings == NULL)
        return refused(
            "the configuration has errors (mailroot config check), and no file is named");
    enum status worst = show_pairs(cert, settings->certificates, settings->certificate_count);
    unsigned count = settings->certificate_count;
    for (unsigned i = 0; i < settings->server_count; i++) {
        const struct setting_server *server = &settings->servers[i];
        if (server->certificates == settings->certificates)
            continue;
        count += server->certificate_count;
        if (show_pairs(cert, server->certificates, server->certificate_count) != OK)
            worst = REFUSED;
    }
    if (count == 0)
        return refused("the configuration names no certificate: begin with mailroot cert request, "
                       "or cert self-sign");
    return worst == OK ? OK : refused("not all certificates can be served");
}

int cert_show(const struct cert_call *call)
{
    struct cert cert;
    if (!cert_begin(&cert, call, "cert show [FILE ...] [--json]"))
        return EXIT_USAGE;
    enum status status = OK;
    for (unsigned i = 0; i < cert.file_count && status == OK; i++)
        status = show_file(&cert, cert.files[i]);
    if (cert.file_count == 0)
        status = show_settings(&cert);
    if (status != OK)
        complain(fail_reason());
    return cert_end(&cert, status == OK ? EXIT_DONE : EXIT_REFUSED);
}
