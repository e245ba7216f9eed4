#include "main/certificates.h"

#include <stdio.h>

#include "admin/admin.h"
#include "base/clock.h"
#include "base/logline.h"
#include "net/tls_certificate.h"

/* Looked at by time and size, not by inotify: that sees neither what a link's target does nor a
 * network's file. */
enum { LOOK_MS = 3 * SECOND, WARN_AGAIN_MS = 24 * HOUR };

/* The server's own certificate of a pair; all in the arena. */
static bool read_own(const struct site *site, const struct site_pair *pair, struct arena *arena,
                     struct tls_certificate **out)
{
    unsigned count;
    struct text pem = buffer_text(&site->files.list[pair->certificate].bytes);
    return tls_certificate_read(pem, arena, out, &count) == OK;
}

/* Whole days, downwards: on the last day 0, from then on below. */
static int64_t days_left(const struct tls_certificate *certificate)
{
    int64_t left = certificate->until_ms - clock_wall_ms();
    return left < 0 ? (left - DAY + 1) / DAY : left / DAY;
}

static void warn_of_one(const struct site *site, const struct site_pair *pair)
{
    struct arena arena;
    struct tls_certificate *own;
    arena_init(&arena);
    if (read_own(site, pair, &arena, &own)) {
        int64_t days = days_left(own);
        const char *path = site->files.list[pair->certificate].path;
        if (days < 0)
            log_error("tls.certificate-expired",
                      "file=%s days=%lld remedy=\"mailroot cert request, then cert import\"",
                      log_text(text_from(path)), (long long)-days);
        else if (days < CERTIFICATE_WARN_DAYS)
            log_warning("tls.certificate-expires",
                        "file=%s days-left=%lld remedy=\"mailroot cert request, then cert import\"",
                        log_text(text_from(path)), (long long)days);
    }
    arena_finish(&arena);
}

static void warn(const struct site *site)
{
    for (unsigned i = 0; i < site->files.pair_count; i++)
        warn_of_one(site, &site->files.pairs[i]);
}

void certificates_watch(void *argument)
{
    const struct certificates *certificates = argument;
    int64_t warn_ms = 0;
    do {
        int64_t now = clock_monotonic_ms();
        bool changed =
            !*certificates->is_changing && site_files_refresh(&certificates->site->files);
        if (changed)
            certificates->changed(certificates->context);
        if (changed || now >= warn_ms) {
            warn(certificates->site);
            warn_ms = now + WARN_AGAIN_MS;
        }
    } while (task_sleep(LOOK_MS) == OK);
}

static const char *state_of(const struct site_pair *pair, int64_t days)
{
    if (pair->is_broken)
        return "broken";
    return days < 0 ? "expired" : days < CERTIFICATE_WARN_DAYS ? "expires-soon" : "ok";
}

static void describe_json(const char *path, const struct site_pair *pair,
                          const struct tls_certificate *own, struct buffer *out)
{
    buffer_append(out, TEXT("{\"certificate\":"));
    admin_json_text(out, text_from(path));
    buffer_append(out, TEXT(",\"names\":["));
    for (unsigned i = 0; i < own->name_count; i++) {
        buffer_append(out, i == 0 ? TEXT("") : TEXT(","));
        admin_json_text(out, own->names[i]);
    }
    buffer_printf(out, "],\"days_left\":%lld,\"state\":\"%s\"", (long long)days_left(own),
                  state_of(pair, days_left(own)));
    if (pair->is_broken) {
        buffer_append(out, TEXT(",\"reason\":"));
        admin_json_text(out, text_from(pair->reason));
    }
    buffer_append(out, TEXT("}\n"));
}

static void describe_text(const char *path, const struct site_pair *pair,
                          const struct tls_certificate *own, struct buffer *out)
{
    struct text name = own->name_count > 0 ? own->names[0] : own->subject;
    int64_t days = days_left(own);
    buffer_printf(out, "certificate %.*s (%s): ", TEXT_ARG(name), path);
    if (days < 0)
        buffer_printf(out, "EXPIRED %lld days ago\n", (long long)-days);
    else
        buffer_printf(out, "%lld days left%s\n", (long long)days,
                      days < CERTIFICATE_WARN_DAYS ? ", EXPIRES SOON" : "");
    if (pair->is_broken)
        buffer_printf(out, "    the files on disk are BROKEN: %s\n", pair->reason);
}

void certificates_describe(const struct site *site, bool json, struct buffer *out)
{
    for (unsigned i = 0; i < site->files.pair_count; i++) {
        const struct site_pair *pair = &site->files.pairs[i];
        const char *path = site->files.list[pair->certificate].path;
        struct arena arena;
        struct tls_certificate *own;
        arena_init(&arena);
        if (read_own(site, pair, &arena, &own)) {
            if (json)
                describe_json(path, pair, own, out);
            else
                describe_text(path, pair, own, out);
        }
        arena_finish(&arena);
    }
}
