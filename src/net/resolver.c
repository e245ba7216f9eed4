/* The resolver over libunbound: its own thread does the iterating and validating, our loop watches
 * one descriptor and takes the answers. A waiting task owns its query; when it gives up it cancels,
 * after which libunbound never calls back. */
#include "net/resolver.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unbound.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "net/dns_answer.h"
#include "task/io.h"
#include "task/offload.h"

enum {
    LOOKUP_MS = 30 * SECOND,
    MOST_MX = 100,
    MOST_ADDRESSES = 64,
    MOST_RECORDS = 1000,
    MOST_NAMES = 16,
    MOST_CODES = 32,    /* of one block list */
    MOST_CONFIRMED = 5, /* names of an address: each costs a question */
    ANCHOR_MAX = 2048
};
enum {
    TYPE_A = 1,
    TYPE_CNAME = 5,
    TYPE_PTR = 12,
    TYPE_MX = 15,
    TYPE_TXT = 16,
    TYPE_AAAA = 28,
    TYPE_TLSA = 52,
    CLASS_IN = 1
};
enum { RCODE_OK = 0, RCODE_NXDOMAIN = 3 };

static const char root_key_file[] = "/usr/share/dns/root.key";

struct resolver {
    struct ub_ctx *context;
    struct task_io io;
};

/* One question; lives on its task's stack. */
struct query {
    struct task_event answered;
    struct ub_result *result;
    int id;
    int error;
    bool is_done;
};

static void take_answers(struct task_io *io)
{
    struct resolver *resolver = (struct resolver *)((char *)io - offsetof(struct resolver, io));
    ub_process(resolver->context);
}

/* libunbound takes a server as "address@port". */
static enum status use_server(struct ub_ctx *context, const struct net_address *server)
{
    char host[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
    bool is_v6 = server->any.sa_family == AF_INET6;
    const void *bytes = is_v6 ? (const void *)&server->v6.sin6_addr : &server->v4.sin_addr;
    if (inet_ntop(server->any.sa_family, bytes, host, sizeof(host)) == NULL)
        return refused("a DNS server needs an Internet address");
    uint16_t port = ntohs(is_v6 ? server->v6.sin6_port : server->v4.sin_port);
    snprintf(text, sizeof(text), "%s@%u", host, port == 0 ? 53U : port);
    int error = ub_ctx_set_fwd(context, text);
    return error == 0 ? OK : refused("DNS server %s: %s", text, ub_strerror(error));
}

/* A server on this machine is trusted to validate, and may well serve private zones that the signed
 * root denies: validating its answers again would refuse them. */
static bool is_trusted(const struct resolver_options *options)
{
    for (unsigned i = 0; i < options->server_count; i++)
        if (net_address_is_loopback(&options->servers[i]))
            return true;
    return false;
}

static enum status use_anchors(struct ub_ctx *context, struct text anchors)
{
    struct text line;
    unsigned used = 0;
    while (text_split(&anchors, '\n', &line)) {
        char record[ANCHOR_MAX];
        line = text_trim(text_before(line, ';'));
        if (text_is_empty(line))
            continue;
        if (!text_copy(line, record, sizeof(record)) || ub_ctx_add_ta(context, record) != 0)
            return refused("'%.*s' is no trust anchor: write DS or DNSKEY records, one a line",
                           TEXT_ARG(text_head(line, 60)));
        used++;
    }
    return used > 0 ? OK : refused("there is no trust anchor in the file");
}

static enum status set_up_validation(struct ub_ctx *context, const struct resolver_options *options)
{
    if (!text_is_empty(options->trust_anchors))
        return use_anchors(context, options->trust_anchors);
    if (!is_trusted(options) && access(root_key_file, R_OK) == 0)
        ub_ctx_add_ta_file(context, root_key_file);
    return OK;
}

static enum status set_up(struct ub_ctx *context, const struct resolver_options *wanted)
{
    static const char *const options[][2] = {
        {"do-not-query-localhost:", "no"},
        /* Names and networks that libunbound answers itself by default; private sites have them. */
        {"unblock-lan-zones:", "yes"},
        {"insecure-lan-zones:", "yes"},
        /* A name server that died is asked again soon, so that mail goes when it is back. By
         * default each silence doubles the wait up to two minutes, and then it is not asked for
         * fifteen. What is known of a server is forgotten after so many seconds; before that it is
         * probed, which needs a wait of more than 12,000 ms. */
        {"infra-cache-max-rtt:", "13000"},
        {"infra-keep-probing:", "yes"},
        {"infra-host-ttl:", "15"},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        int error = ub_ctx_set_option(context, options[i][0], options[i][1]);
        if (error != 0)
            return refused("resolver option %s %s", options[i][0], ub_strerror(error));
    }
    for (unsigned i = 0; i < wanted->server_count; i++) {
        enum status status = use_server(context, &wanted->servers[i]);
        if (status != OK)
            return status;
    }
    if (wanted->server_count == 0)
        ub_ctx_resolvconf(context, NULL); /* absent: we ask the root servers ourselves */
    enum status status = set_up_validation(context, wanted);
    if (status != OK)
        return status;
    int error = ub_ctx_async(context, 1);
    /* One more name that it would answer itself. Any change of local data also makes libunbound
     * read its options now instead of at the first question: that takes some 100 KiB of stack,
     * which no task has. */
    if (error == 0)
        error = ub_ctx_zone_remove(context, "test.");
    /* Servers that the settings name may know this machine's own addresses better. */
    if (error == 0 && wanted->server_count > 0)
        error = ub_ctx_zone_remove(context, "127.in-addr.arpa.");
    if (error == UB_INITFAIL && !text_is_empty(wanted->trust_anchors))
        return refused("resolver: a trust anchor is not usable");
    return error == 0 ? OK : try_later("resolver: %s", ub_strerror(error));
}

struct set_up {
    struct ub_ctx *context;
    const struct resolver_options *options;
    enum status status;
    struct reason reason;
};

/* On a thread of the pool. */
static void set_up_offloaded(void *argument)
{
    struct set_up *call = argument;
    call->context = ub_ctx_create();
    call->status = call->context == NULL ? try_later("resolver: cannot start")
                                         : set_up(call->context, call->options);
    call->reason = fail_keep();
}

static enum status set_up_away(struct resolver *resolver, const struct resolver_options *options)
{
    struct set_up call = {.options = options};
    task_offload(set_up_offloaded, &call);
    resolver->context = call.context;
    return fail_again(call.status, call.reason.text);
}

enum status resolver_new(const struct resolver_options *options, struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));
    check(resolver != NULL);
    resolver->io.fd = -1;
    enum status status = set_up_away(resolver, options);
    if (status == OK)
        status = task_io_open(&resolver->io, ub_fd(resolver->context));
    if (status != OK) {
        resolver_free(&resolver);
        return status;
    }
    resolver->io.on_readable = take_answers;
    *out = resolver;
    return OK;
}

void resolver_free(struct resolver **resolver)
{
    if (*resolver == NULL)
        return;
    if ((*resolver)->io.fd >= 0)
        task_io_close(&(*resolver)->io);
    if ((*resolver)->context != NULL)
        ub_ctx_delete((*resolver)->context);
    free(*resolver);
    *resolver = NULL;
}

static void on_answer(void *argument, int error, struct ub_result *result)
{
    struct query *query = argument;
    query->error = error;
    query->result = result;
    query->is_done = true;
    task_event_tell_all(&query->answered);
}

static void query_start(struct resolver *resolver, struct query *query, const char *name, int type)
{
    *query = (struct query){0};
    task_event_init(&query->answered);
    query->error =
        ub_resolve_async(resolver->context, name, type, CLASS_IN, query, on_answer, &query->id);
    query->is_done = query->error != 0;
}

/* OK: there is a trustworthy answer, maybe "no such name". YIELDS. */
static enum status query_wait(struct resolver *resolver, struct query *query, int64_t deadline_ms)
{
    while (!query->is_done)
        if (task_event_wait(&query->answered, deadline_ms) != OK && !query->is_done) {
            ub_cancel(resolver->context, query->id);
            return fail_within(TRY_LATER, "DNS");
        }
    if (query->error != 0)
        return try_later("DNS: %s", ub_strerror(query->error));
    if (query->result->bogus)
        return try_later("DNS: the answer for %s fails validation", query->result->qname);
    int rcode = query->result->rcode;
    if (rcode != RCODE_OK && rcode != RCODE_NXDOMAIN)
        return try_later("DNS: server failure (rcode %d)", rcode);
    return OK;
}

static void query_finish(struct query *query)
{
    ub_resolve_free(query->result);
    query->result = NULL;
}

static struct text record_at(const struct ub_result *result, unsigned index)
{
    if (result->data == NULL || result->data[index] == NULL || result->len[index] < 0)
        return (struct text){0};
    return text_of(result->data[index], (size_t)result->len[index]);
}

static unsigned record_count(const struct ub_result *result)
{
    unsigned count = 0;
    while (result->data != NULL && count < MOST_RECORDS && result->data[count] != NULL)
        count++;
    return count;
}

/* All the usable hosts of an answer that has MX records. */
static enum status take_mx(const struct ub_result *result, struct arena *arena,
                           struct resolver_mx **out, unsigned *count, bool *is_null)
{
    unsigned records = record_count(result);
    struct resolver_mx *list = arena_array(arena, records, sizeof(*list));
    unsigned hosts = 0;
    bool has_null = false;
    for (unsigned i = 0; i < records; i++) {
        enum dns_mx_kind kind = dns_mx_parse(record_at(result, i), arena, &list[hosts]);
        hosts += kind == DNS_MX_HOST;
        has_null = has_null || kind == DNS_MX_NULL;
    }
    /* RFC 7505 3: a null MX stands alone; beside others it is a mistake and skipped. */
    if (hosts == 0) {
        *is_null = has_null;
        return refused(has_null ? "the domain accepts no mail (null MX)"
                                : "no MX record of the domain names a host");
    }
    dns_mx_order(list, hosts);
    *out = list;
    *count = hosts < MOST_MX ? hosts : MOST_MX;
    return OK;
}

static enum status take_implicit_mx(struct text domain, struct arena *arena,
                                    struct resolver_mx **out, unsigned *count)
{
    *out = arena_alloc(arena, sizeof(**out));
    **out = (struct resolver_mx){.host = arena_copy(arena, domain)};
    *count = 1;
    return OK;
}

/* A name as libunbound takes it. REFUSED when none could exist. */
static enum status check_name(struct text name, char out[DNS_NAME_TEXT_MAX + 1])
{
    if (text_is_empty(name) || memchr(name.data, '\0', name.length) != NULL ||
        memchr(name.data, '\\', name.length) != NULL ||
        !text_copy(name, out, DNS_NAME_TEXT_MAX + 1))
        return refused("not a domain name");
    return OK;
}

/* One question and its answer, in *query, which is to be finished whatever comes. YIELDS. */
static enum status ask_until(struct resolver *resolver, struct text name, int type,
                             int64_t deadline_ms, struct query *query)
{
    char string[DNS_NAME_TEXT_MAX + 1];
    *query = (struct query){0};
    enum status status = check_name(name, string);
    if (status != OK)
        return status;
    query_start(resolver, query, string, type);
    return query_wait(resolver, query, deadline_ms);
}

/* YIELDS. */
static enum status ask(struct resolver *resolver, struct text name, int type, struct query *query)
{
    return ask_until(resolver, name, type, clock_monotonic_ms() + LOOKUP_MS, query);
}

enum status resolver_find_mx(struct resolver *resolver, struct text domain, struct arena *arena,
                             struct resolver_mx **out, unsigned *count,
                             struct resolver_mx_facts *facts)
{
    struct query query;
    *count = 0;
    *facts = (struct resolver_mx_facts){0};
    enum status status = ask(resolver, domain, TYPE_MX, &query);
    if (status == OK)
        facts->is_secure = query.result->secure != 0;
    if (status == OK && query.result->nxdomain)
        status = refused("domain does not exist");
    else if (status == OK && query.result->havedata)
        status = take_mx(query.result, arena, out, count, &facts->is_null);
    else if (status == OK)
        status = take_implicit_mx(domain, arena, out, count);
    query_finish(&query);
    return status;
}

static void take_addresses(const struct ub_result *result, uint16_t port, unsigned most,
                           struct resolver_host *out)
{
    for (unsigned i = 0; i < record_count(result) && out->count < most; i++) {
        struct text data = record_at(result, i);
        struct net_address *address = &out->addresses[out->count];
        *address = (struct net_address){0};
        if (data.length == sizeof(address->v4.sin_addr)) {
            address->length = sizeof(address->v4);
            address->v4.sin_family = AF_INET;
            address->v4.sin_port = htons(port);
            memcpy(&address->v4.sin_addr, data.data, data.length);
        } else if (data.length == sizeof(address->v6.sin6_addr)) {
            address->length = sizeof(address->v6);
            address->v6.sin6_family = AF_INET6;
            address->v6.sin6_port = htons(port);
            memcpy(&address->v6.sin6_addr, data.data, data.length);
        } else {
            continue;
        }
        out->count++;
    }
}

/* The name behind the last CNAME; not when it could not be a host's. */
static void take_canonical(const struct ub_result *result, struct arena *arena,
                           struct resolver_host *out)
{
    struct text name = text_from(result->canonname);
    if (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    if (!text_is_empty(name) && name.length <= DNS_NAME_TEXT_MAX &&
        memchr(name.data, '\\', name.length) == NULL)
        out->canonical = arena_copy(arena, name);
}

enum status resolver_find_host(struct resolver *resolver, struct text host, uint16_t port,
                               struct arena *arena, struct resolver_host *out)
{
    char name[DNS_NAME_TEXT_MAX + 1];
    *out = (struct resolver_host){.canonical = host, .is_secure = true};
    enum status status = check_name(host, name);
    if (status != OK)
        return status;
    struct query queries[2]; /* asked together */
    query_start(resolver, &queries[0], name, TYPE_AAAA);
    query_start(resolver, &queries[1], name, TYPE_A);
    int64_t deadline_ms = clock_monotonic_ms() + LOOKUP_MS;
    out->addresses = arena_array(arena, MOST_ADDRESSES, sizeof(*out->addresses));
    enum status worst = OK;
    for (int i = 0; i < 2; i++) {
        status = query_wait(resolver, &queries[i], deadline_ms);
        if (status == OK) {
            take_addresses(queries[i].result, port, MOST_ADDRESSES, out);
            take_canonical(queries[i].result, arena, out);
            out->is_secure = out->is_secure && queries[i].result->secure;
        } else { /* it says nothing of the other: who forges one must not make both unproven */
            worst = status;
        }
        query_finish(&queries[i]);
    }
    if (out->count > 0)
        return OK;
    return worst != OK ? worst : refused("host has no address");
}

enum status resolver_has_secure_alias(struct resolver *resolver, struct text host, bool *out)
{
    struct query query;
    enum status status = ask(resolver, host, TYPE_CNAME, &query);
    *out = status == OK && query.result->secure && query.result->havedata;
    query_finish(&query);
    return status;
}

enum status resolver_find_tlsa(struct resolver *resolver, struct text host, uint16_t port,
                               struct arena *arena, struct tls_tlsa **out, unsigned *count)
{
    struct query query;
    *count = 0;
    struct text name = arena_printf(arena, "_%u._tcp.%.*s", port, TEXT_ARG(host));
    enum status status = ask(resolver, name, TYPE_TLSA, &query);
    if (status == OK && query.result->secure && query.result->havedata) {
        struct tls_tlsa *list = arena_array(arena, TLS_TLSA_MAX, sizeof(*list));
        unsigned records = record_count(query.result);
        for (unsigned i = 0; i < records && *count < TLS_TLSA_MAX; i++)
            *count += dns_tlsa_parse(record_at(query.result, i), arena, &list[*count]);
        *out = list;
    }
    query_finish(&query);
    return status;
}

static void take_records(const struct ub_result *result, enum resolver_kind kind,
                         struct arena *arena, struct resolver_records *out)
{
    unsigned records = record_count(result);
    if (kind == RESOLVER_A || kind == RESOLVER_AAAA) {
        struct resolver_host host = {.addresses =
                                         arena_array(arena, records, sizeof(*out->addresses))};
        take_addresses(result, 0, records, &host);
        out->addresses = host.addresses;
        out->count = host.count;
        return;
    }
    out->texts = arena_array(arena, records, sizeof(*out->texts));
    for (unsigned i = 0; i < records; i++) {
        struct text data = record_at(result, i);
        struct text *text = &out->texts[out->count];
        struct resolver_mx mx = {.host = TEXT("")};
        *text = TEXT("");
        if (kind == RESOLVER_MX && dns_mx_parse(data, arena, &mx) == DNS_MX_HOST)
            *text = mx.host;
        else if (kind == RESOLVER_PTR)
            (void)dns_host_parse(data, arena, text);
        out->count += kind != RESOLVER_TXT || dns_txt_parse(data, arena, text);
    }
}

enum status resolver_find_records(struct resolver *resolver, enum resolver_kind kind,
                                  struct text name, int64_t deadline_ms, struct arena *arena,
                                  struct resolver_records *out)
{
    static const int types[] = {[RESOLVER_A] = TYPE_A,
                                [RESOLVER_AAAA] = TYPE_AAAA,
                                [RESOLVER_MX] = TYPE_MX,
                                [RESOLVER_PTR] = TYPE_PTR,
                                [RESOLVER_TXT] = TYPE_TXT};
    struct query query;
    *out = (struct resolver_records){0};
    enum status status = ask_until(resolver, name, types[kind], deadline_ms, &query);
    if (status == OK) {
        out->exists = !query.result->nxdomain;
        take_records(query.result, kind, arena, out);
    }
    query_finish(&query);
    return status;
}

enum status resolver_find_txt(struct resolver *resolver, struct text name, struct arena *arena,
                              struct text **out, unsigned *count)
{
    struct resolver_records records;
    enum status status = resolver_find_records(resolver, RESOLVER_TXT, name,
                                               clock_monotonic_ms() + LOOKUP_MS, arena, &records);
    *out = records.texts;
    *count = records.count;
    return status;
}

/* YIELDS. */
static enum status find_names(struct resolver *resolver, const struct net_address *address,
                              int64_t deadline_ms, struct arena *arena, struct text **out,
                              unsigned *count)
{
    struct query query;
    char name[NET_REVERSE_NAME_BYTES];
    *count = 0;
    if (!net_address_reverse_name(address, name))
        return refused("not an Internet address");
    query_start(resolver, &query, name, TYPE_PTR);
    enum status status = query_wait(resolver, &query, deadline_ms);
    if (status == OK) {
        struct text *list = arena_array(arena, MOST_NAMES, sizeof(*list));
        unsigned records = record_count(query.result);
        for (unsigned i = 0; i < records && *count < MOST_NAMES; i++)
            *count += dns_host_parse(record_at(query.result, i), arena, &list[*count]);
        *out = list;
    }
    query_finish(&query);
    return status;
}

enum status resolver_find_names(struct resolver *resolver, const struct net_address *address,
                                struct arena *arena, struct text **out, unsigned *count)
{
    return find_names(resolver, address, clock_monotonic_ms() + LOOKUP_MS, arena, out, count);
}

/* One of its addresses is this one. YIELDS. */
static enum status confirm(struct resolver *resolver, struct text name,
                           const struct net_address *address, int64_t deadline_ms, bool *out)
{
    char string[DNS_NAME_TEXT_MAX + 1];
    struct net_address held[MOST_CONFIRMED * 4];
    struct resolver_host host = {.addresses = held};
    struct query query;
    enum status status = check_name(name, string);
    if (status != OK)
        return status;
    query_start(resolver, &query, string, net_address_is_v4(address) ? TYPE_A : TYPE_AAAA);
    status = query_wait(resolver, &query, deadline_ms);
    if (status == OK)
        take_addresses(query.result, 0, sizeof(held) / sizeof(held[0]), &host);
    for (unsigned i = 0; i < host.count; i++)
        *out = *out || net_address_same_host(&held[i], address);
    query_finish(&query);
    return status;
}

enum status resolver_find_peer(struct resolver *resolver, const struct net_address *address,
                               int64_t deadline_ms, struct arena *arena, struct resolver_peer *out)
{
    struct text *names;
    unsigned count;
    *out = (struct resolver_peer){0};
    enum status status = find_names(resolver, address, deadline_ms, arena, &names, &count);
    for (unsigned i = 0; i < count && i < MOST_CONFIRMED && status == OK && !out->is_confirmed;
         i++) {
        status = confirm(resolver, names[i], address, deadline_ms, &out->is_confirmed);
        if (i == 0 || out->is_confirmed)
            out->name = names[i];
    }
    return status;
}

static void take_codes(const struct ub_result *result, struct arena *arena,
                       struct resolver_listing *out)
{
    unsigned records = record_count(result);
    out->codes = arena_array(arena, MOST_CODES, sizeof(*out->codes));
    for (unsigned i = 0; i < records && out->count < MOST_CODES; i++) {
        struct text data = record_at(result, i);
        uint32_t code;
        if (data.length != sizeof(code))
            continue;
        memcpy(&code, data.data, sizeof(code));
        out->codes[out->count++] = ntohl(code);
    }
}

enum status resolver_find_listings(struct resolver *resolver, const struct net_address *address,
                                   int64_t deadline_ms, struct arena *arena,
                                   struct resolver_listing *listings, unsigned count)
{
    char reversed[NET_REVERSED_BYTES], name[DNS_NAME_TEXT_MAX + 1];
    if (!net_address_reversed(address, reversed))
        return refused("not an Internet address");
    struct query *queries = arena_array(arena, count, sizeof(*queries));
    for (unsigned i = 0; i < count; i++) {
        struct text asked = arena_printf(arena, "%s.%.*s", reversed, TEXT_ARG(listings[i].zone));
        listings[i] = (struct resolver_listing){.zone = listings[i].zone};
        listings[i].status = check_name(asked, name);
        if (listings[i].status == OK)
            query_start(resolver, &queries[i], name, TYPE_A);
    }
    for (unsigned i = 0; i < count; i++) {
        if (listings[i].status != OK)
            continue;
        listings[i].status = query_wait(resolver, &queries[i], deadline_ms);
        if (listings[i].status == OK)
            take_codes(queries[i].result, arena, &listings[i]);
        query_finish(&queries[i]);
    }
    return OK;
}
