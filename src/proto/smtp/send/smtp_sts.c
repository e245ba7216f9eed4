#include "proto/smtp/send/smtp_sts.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/logline.h"
#include "base/map.h"
#include "net/https.h"
#include "task/task.h"

enum {
    DOMAINS_MAX = 10000,
    BYTES_MAX = 16 << 20,         /* of all policies together */
    FETCHES_MAX = 2,              /* at a time: each takes a thread of a small pool */
    FETCH_MS = 20 * SECOND,       /* RFC 8461 3.3: a minute at most */
    WAIT_MS = 45 * SECOND,        /* for others to fetch */
    FAILED_AGAIN_MS = 5 * MINUTE, /* 3.3: not more often, while the id stays */
    REFRESH_MS = 24 * HOUR,       /* 10.2: long before it ends */
    HTTPS_PORT = 443
};

/* What is known of a domain. It stays while a task fetches for it. */
struct known {
    struct text domain;   /* the map's key, owned */
    struct buffer policy; /* as fetched; empty: none */
    char id[STS_ID_MAX + 1], failed_id[STS_ID_MAX + 1];
    int64_t fetched_ms, ends_ms; /* monotonic */
    int64_t failed_ms;           /* 0: never */
    bool is_fetching;
};

struct smtp_sts {
    struct map *domains;
    size_t bytes;
    unsigned fetches;
    struct task_event fetched; /* told when a fetch has ended */
};

struct smtp_sts *smtp_sts_new(void)
{
    struct smtp_sts *sts = calloc(1, sizeof(*sts));
    check(sts != NULL);
    sts->domains = map_new();
    task_event_init(&sts->fetched);
    return sts;
}

static void known_free(struct smtp_sts *sts, struct known *known)
{
    sts->bytes -= known->policy.length;
    map_remove(sts->domains, known->domain);
    buffer_finish(&known->policy);
    free((char *)(uintptr_t)known->domain.data);
    free(known);
}

void smtp_sts_free(struct smtp_sts **sts)
{
    struct smtp_sts *freed = *sts;
    if (freed == NULL)
        return;
    *sts = NULL;
    for (;;) {
        size_t position = 0;
        void *known;
        if (!map_next(freed->domains, &position, NULL, &known))
            break;
        known_free(freed, known);
    }
    map_free(&freed->domains);
    free(freed);
}

static bool has_policy(const struct known *known)
{
    return known->policy.length > 0 && clock_monotonic_ms() < known->ends_ms;
}

/* Make room: what has no policy goes first, whatever is met first after that. */
static void evict(struct smtp_sts *sts)
{
    for (int pass = 0; pass < 2; pass++) {
        size_t position = 0;
        void *value;
        struct known *victim = NULL;
        if (map_count(sts->domains) < DOMAINS_MAX && sts->bytes < BYTES_MAX)
            return;
        while (victim == NULL && map_next(sts->domains, &position, NULL, &value)) {
            struct known *known = value;
            if (!known->is_fetching && (pass == 1 || !has_policy(known)))
                victim = known;
        }
        if (victim != NULL) {
            known_free(sts, victim);
            return;
        }
    }
}

static struct known *known_for(struct smtp_sts *sts, struct text domain)
{
    struct known *known = map_get(sts->domains, domain);
    if (known != NULL)
        return known;
    evict(sts);
    known = calloc(1, sizeof(*known));
    check(known != NULL);
    known->domain = text_of(text_to_string(domain), domain.length);
    buffer_init(&known->policy, STS_POLICY_MAX);
    map_put(sts->domains, known->domain, known);
    return known;
}

/* The id that the domain announces now; "" none, or it cannot be told. YIELDS. */
static struct text announced_id(const struct smtp_sts_means *means, struct text domain,
                                struct arena *arena)
{
    struct text *records, id;
    unsigned count;
    struct text name = arena_printf(arena, "_mta-sts.%.*s", TEXT_ARG(domain));
    if (resolver_find_txt(means->resolver, name, arena, &records, &count) != OK ||
        !sts_record_id(records, count, &id))
        return TEXT("");
    return id;
}

/* RFC 8461 3.3. YIELDS. */
static enum status get_policy(const struct smtp_sts_means *means, struct text domain,
                              struct arena *arena, struct buffer *out)
{
    const struct settings *settings = means->settings;
    struct https_request request = {
        .host = arena_printf(arena, "mta-sts.%.*s", TEXT_ARG(domain)),
        .path = TEXT("/.well-known/mta-sts.txt"),
        .proxy = settings->http_proxy.length > 0 ? &settings->http_proxy : NULL,
        .timeout_ms = FETCH_MS,
        .media_type = TEXT("text/plain"),
    };
    struct resolver_host host = {0};
    if (request.proxy == NULL &&
        resolver_find_host(means->resolver, request.host, HTTPS_PORT, arena, &host) != OK)
        return TRY_LATER;
    request.addresses = host.addresses;
    request.address_count = host.count;
    /* A copy: a reload may replace the role's while another thread reads. */
    request.roots_pem = arena_copy(arena, role_file(means->role, settings->authorities_file));
    return https_get(&request, out);
}

/* A policy that is none counts as one that could not be fetched. */
static bool keep(struct smtp_sts *sts, struct known *known, struct text id, struct buffer *bytes,
                 const struct sts_policy *policy)
{
    if (!text_copy(id, known->id, sizeof(known->id)))
        return false;
    sts->bytes += bytes->length - known->policy.length;
    buffer_finish(&known->policy);
    known->policy = *bytes;
    known->fetched_ms = clock_monotonic_ms();
    known->ends_ms = known->fetched_ms + (int64_t)policy->max_age_s * SECOND;
    known->failed_ms = 0;
    return true;
}

/* One fetch; what is known is another afterwards, or the failure is noted. YIELDS. */
static void fetch(struct smtp_sts *sts, const struct smtp_sts_means *means, struct known *known,
                  struct text id, struct arena *arena)
{
    struct buffer bytes;
    struct sts_policy policy;
    buffer_init(&bytes, STS_POLICY_MAX);
    known->is_fetching = true;
    sts->fetches++;
    enum status status = get_policy(means, known->domain, arena, &bytes);
    if (status == OK && !sts_policy_parse(buffer_text(&bytes), arena, &policy))
        status = try_later("what came is no policy");
    sts->fetches--;
    known->is_fetching = false;
    if (status == OK && keep(sts, known, id, &bytes, &policy)) {
        log_info("mta-sts.policy", "domain=%s mode=%d max-age=%u", log_text(known->domain),
                 policy.mode, policy.max_age_s);
    } else {
        known->failed_ms = clock_monotonic_ms();
        text_copy(id, known->failed_id, sizeof(known->failed_id));
        log_warning("mta-sts.fetch", "domain=%s reason=%s kept=%s", log_text(known->domain),
                    log_text(text_from(fail_reason())), has_policy(known) ? "yes" : "no");
        buffer_finish(&bytes);
    }
    task_event_tell_all(&sts->fetched);
}

static bool is_due(const struct known *known, struct text id)
{
    int64_t now = clock_monotonic_ms();
    if (text_is_empty(id))
        return false;
    if (known->failed_ms != 0 && now - known->failed_ms < FAILED_AGAIN_MS &&
        text_equals(text_from(known->failed_id), id))
        return false;
    return !has_policy(known) || !text_equals(text_from(known->id), id) ||
           now - known->fetched_ms >= REFRESH_MS;
}

/* Fetch when that is due, or wait for who does. YIELDS. */
static void bring_up_to_date(struct smtp_sts *sts, const struct smtp_sts_means *means,
                             struct text domain, struct text id, struct arena *arena)
{
    int64_t deadline_ms = clock_monotonic_ms() + WAIT_MS;
    for (;;) {
        struct known *known = known_for(sts, domain);
        if (!is_due(known, id))
            return;
        if (!known->is_fetching && sts->fetches < FETCHES_MAX) {
            fetch(sts, means, known, id, arena);
            return;
        }
        if (task_event_wait(&sts->fetched, deadline_ms) != OK)
            return;
    }
}

bool smtp_sts_find(struct smtp_sts *sts, const struct smtp_sts_means *means, struct text domain,
                   struct arena *arena, struct sts_policy *out)
{
    struct text id = announced_id(means, domain, arena);
    /* Nothing announced and nothing remembered: most domains. */
    if (text_is_empty(id) && map_get(sts->domains, domain) == NULL)
        return false;
    bring_up_to_date(sts, means, domain, id, arena);
    const struct known *known = map_get(sts->domains, domain);
    if (known == NULL || !has_policy(known))
        return false;
    struct text copy = arena_copy(arena, buffer_text(&known->policy));
    return sts_policy_parse(copy, arena, out) && out->mode != STS_POLICY_NONE;
}
