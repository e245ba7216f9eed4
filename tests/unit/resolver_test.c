#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "net/resolver.h"
#include "task/io.h"
#include "test.h"

/* The resolver against a DNS server of a few lines (RFC 1035 4), which answers from this table. */

enum { A = 1, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28, TLSA = 52 };
enum { NAME_ERROR = 3, SERVER_FAILURE = 2 };

static const struct record {
    const char *name; /* lower case, no final dot */
    uint16_t type;
    struct text data;
} zone[] = {
    {"two.example", MX, TEXT("\0\024\001b\003two\007example\0")},
    {"two.example", MX, TEXT("\0\012\001a\003two\007example\0")},
    {"two.example", MX, TEXT("\0\005\003192\0010\0012\0011\0")},
    {"null.example", MX, TEXT("\0\0\0")},
    {"bad.example", MX, TEXT("\0\1\003192\0010\0012\0011\0")},
    {"plain.example", A, TEXT("\300\0\2\1")},
    {"plain.example", AAAA, TEXT("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7")},
    {"_25._tcp.plain.example", TLSA, TEXT("\3\1\1\1\2\3\4")},
    {"_mta-sts.plain.example", TXT, TEXT("\011v=STSv1; \005id=1;")},
    {"9.2.0.192.list.example", A, TEXT("\177\0\0\2")},
    {"9.2.0.192.list.example", A, TEXT("\177\0\0\012")},
    {"alias.example", CNAME, TEXT("\003two\007example\0")},
};

struct dns_server {
    int fd;
    struct net_address address;
};

static bool name_exists(const char *name)
{
    for (size_t i = 0; i < sizeof(zone) / sizeof(zone[0]); i++)
        if (strcmp(zone[i].name, name) == 0)
            return true;
    return false;
}

static void put_u16(struct buffer *out, unsigned value)
{
    buffer_append_byte(out, (char)(value >> 8));
    buffer_append_byte(out, (char)value);
}

static void put_name(struct buffer *out, const char *name)
{
    struct text rest = text_from(name), label;
    while (text_split(&rest, '.', &label)) {
        buffer_append_byte(out, (char)label.length);
        buffer_append(out, label);
    }
    buffer_append_byte(out, 0);
}

static void put_record(struct buffer *out, const char *name, unsigned type, struct text data)
{
    put_name(out, name);
    put_u16(out, type);
    put_u16(out, 1);
    put_u16(out, 0);
    put_u16(out, 300);
    put_u16(out, (unsigned)data.length);
    buffer_append(out, data);
}

static unsigned put_answers(struct buffer *out, const char *name, unsigned type)
{
    unsigned count = 0;
    for (size_t i = 0; i < sizeof(zone) / sizeof(zone[0]); i++)
        if (strcmp(zone[i].name, name) == 0 && (zone[i].type == type || zone[i].type == CNAME)) {
            put_record(out, name, zone[i].type, zone[i].data);
            count++;
            if (zone[i].type == CNAME)
                count += put_answers(out, "two.example", type);
        }
    return count;
}

/* The question's name in lower case; false for a broken question. */
static bool read_question(const unsigned char *packet, size_t size, char name[256], size_t *end)
{
    size_t at = 12, used = 0;
    while (at < size && packet[at] != 0) {
        size_t length = packet[at++];
        if (at + length >= size || used + length + 1 > 255)
            return false;
        if (used > 0)
            name[used++] = '.';
        for (size_t i = 0; i < length; i++)
            name[used++] = (char)(packet[at + i] |
                                  (packet[at + i] >= 'A' && packet[at + i] <= 'Z' ? 0x20 : 0));
        at += length;
    }
    name[used] = '\0';
    *end = at + 5;
    return *end <= size;
}

static void answer(struct dns_server *server, const unsigned char *packet, size_t size,
                   const struct sockaddr_in *from)
{
    char name[256];
    size_t end;
    if (size < 12 || !read_question(packet, size, name, &end) ||
        strcmp(name, "silent.example") == 0)
        return;
    unsigned type = (unsigned)packet[end - 4] << 8 | packet[end - 3];
    struct buffer out, answers;
    buffer_init(&out, 4096);
    buffer_init(&answers, 2048);
    unsigned count = put_answers(&answers, name, type);
    unsigned code = strstr(name, "broken.example") != NULL ? SERVER_FAILURE
                    : name_exists(name)                    ? 0
                                                           : NAME_ERROR;
    buffer_append(&out, text_of(packet, 2));
    put_u16(&out, 0x8580 | code);
    put_u16(&out, 1);
    put_u16(&out, count);
    put_u16(&out, count == 0);
    put_u16(&out, 0);
    buffer_append(&out, text_of(packet + 12, end - 12));
    buffer_append(&out, buffer_text(&answers));
    if (count == 0)
        put_record(&out, "example", SOA,
                   TEXT("\0\0\0\0\0\1\0\0\16\20\0\0\16\20\0\0\16\20\0\0\1\54"));
    sendto(server->fd, out.data, out.length, 0, (const struct sockaddr *)from, sizeof(*from));
    buffer_finish(&out);
    buffer_finish(&answers);
}

static void serve_dns(void *argument)
{
    struct dns_server *server = argument;
    struct task_io io;
    unsigned char packet[1500];
    EXPECT(task_io_open(&io, server->fd) == OK);
    for (;;) {
        struct sockaddr_in from;
        socklen_t length = sizeof(from);
        ssize_t size =
            recvfrom(server->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &length);
        if (size > 0)
            answer(server, packet, (size_t)size, &from);
        else if (task_io_wait(&io, TASK_READ, NO_DEADLINE) != OK)
            break;
    }
    task_io_close(&io);
    close(server->fd);
}

static struct resolver *resolver;
static struct arena arena;

static void with_server(void *argument)
{
    void (*act)(void) = *(void (**)(void))argument;
    struct task_group group;
    struct dns_server server = {socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), {0}};
    EXPECT(net_address_parse(TEXT("127.0.0.1"), 0, &server.address));
    EXPECT(bind(server.fd, &server.address.any, server.address.length) == 0);
    EXPECT(getsockname(server.fd, &server.address.any, &server.address.length) == 0);
    task_group_init(&group);
    arena_init(&arena);
    task_spawn(&group, "dns", serve_dns, &server);
    struct resolver_options options = {.servers = &server.address, .server_count = 1};
    EXPECT(resolver_new(&options, &resolver) == OK);
    act();
    resolver_free(&resolver);
    task_group_finish(&group);
    arena_finish(&arena);
}

static void run(void (*act)(void))
{
    task_loop_run(with_server, &act);
}

static enum status find_mx(struct text domain, struct resolver_mx **list, unsigned *count,
                           bool *null_mx)
{
    struct resolver_mx_facts facts;
    enum status status = resolver_find_mx(resolver, domain, &arena, list, count, &facts);
    EXPECT(!facts.is_secure); /* nothing here is signed */
    *null_mx = facts.is_null;
    return status;
}

static void look_up_mx(void)
{
    struct resolver_mx *list;
    unsigned count;
    bool null_mx;
    EXPECT(find_mx(TEXT("two.example"), &list, &count, &null_mx) == OK && count == 2);
    EXPECT_TEXT(list[0].host, "a.two.example");
    EXPECT_TEXT(list[1].host, "b.two.example");
    EXPECT(find_mx(TEXT("alias.example"), &list, &count, &null_mx) == OK && count == 2);
    EXPECT(find_mx(TEXT("plain.example"), &list, &count, &null_mx) == OK && count == 1);
    EXPECT_TEXT(list[0].host, "plain.example");
    EXPECT(find_mx(TEXT("null.example"), &list, &count, &null_mx) == REFUSED && null_mx);
    EXPECT(find_mx(TEXT("bad.example"), &list, &count, &null_mx) == REFUSED && !null_mx);
    EXPECT(find_mx(TEXT("no.example"), &list, &count, &null_mx) == REFUSED && !null_mx);
    EXPECT_TEXT(text_from(fail_reason()), "domain does not exist");
    EXPECT(find_mx(TEXT("broken.example"), &list, &count, &null_mx) == TRY_LATER);
    EXPECT(find_mx(TEXT("a\0b.example"), &list, &count, &null_mx) == REFUSED);
    EXPECT(find_mx(TEXT("[192.0.2.1"), &list, &count, &null_mx) == REFUSED);
}

TEST("MX look-ups follow aliases, skip garbage, and tell no mail from no answer")
{
    run(look_up_mx);
}

static void look_up_addresses(void)
{
    struct resolver_host host;
    char text[NET_ADDRESS_TEXT_BYTES];
    EXPECT(resolver_find_host(resolver, TEXT("plain.example"), 25, &arena, &host) == OK);
    EXPECT(host.count == 2 && !host.is_secure);
    EXPECT_TEXT(host.canonical, "plain.example");
    EXPECT_TEXT(text_from(net_address_text(&host.addresses[0], text)), "[2001:db8::7]:25");
    EXPECT_TEXT(text_from(net_address_text(&host.addresses[1], text)), "192.0.2.1:25");
    EXPECT(resolver_find_host(resolver, TEXT("null.example"), 25, &arena, &host) == REFUSED);
}

TEST("a host's addresses come IPv6 first, with the port")
{
    run(look_up_addresses);
}

static struct resolver_records records_of(enum resolver_kind kind, const char *name)
{
    struct resolver_records records;
    EXPECT(resolver_find_records(resolver, kind, text_from(name),
                                 clock_monotonic_ms() + 10 * SECOND, &arena, &records) == OK);
    return records;
}

static void look_up_plain_records(void)
{
    struct resolver_records records = records_of(RESOLVER_A, "plain.example");
    EXPECT(records.exists && records.count == 1);
    EXPECT(net_address_is_v4(&records.addresses[0]));
    EXPECT(records_of(RESOLVER_AAAA, "plain.example").count == 1);
    records = records_of(RESOLVER_MX, "two.example");
    EXPECT(records.count == 3); /* one of them names no host */
    unsigned hosts = 0;
    for (unsigned i = 0; i < records.count; i++)
        hosts += !text_is_empty(records.texts[i]);
    EXPECT(hosts == 2);
    records = records_of(RESOLVER_MX, "null.example");
    EXPECT(records.count == 1);
    EXPECT_TEXT(records.texts[0], "");
    records = records_of(RESOLVER_MX, "plain.example"); /* no implicit one */
    EXPECT(records.exists && records.count == 0);
    EXPECT(!records_of(RESOLVER_TXT, "no.example").exists);
    struct text broken = TEXT("broken.example");
    EXPECT(resolver_find_records(resolver, RESOLVER_A, broken, clock_monotonic_ms() + 10 * SECOND,
                                 &arena, &records) == TRY_LATER);
}

static void look_up_records(void)
{
    struct tls_tlsa *records;
    struct text *texts;
    unsigned count;
    EXPECT(resolver_find_tlsa(resolver, TEXT("plain.example"), 25, &arena, &records, &count) == OK);
    EXPECT(count == 0); /* there is one, but nothing proves it */
    EXPECT(resolver_find_tlsa(resolver, TEXT("two.example"), 25, &arena, &records, &count) == OK);
    EXPECT(count == 0);
    EXPECT(resolver_find_tlsa(resolver, TEXT("broken.example"), 25, &arena, &records, &count) ==
           TRY_LATER);
    EXPECT(resolver_find_txt(resolver, TEXT("_mta-sts.plain.example"), &arena, &texts, &count) ==
           OK);
    EXPECT(count == 1);
    EXPECT_TEXT(texts[0], "v=STSv1; id=1;");
    EXPECT(resolver_find_txt(resolver, TEXT("no.example"), &arena, &texts, &count) == OK);
    EXPECT(count == 0);
    look_up_plain_records();
    bool is_alias;
    EXPECT(resolver_has_secure_alias(resolver, TEXT("alias.example"), &is_alias) == OK);
    EXPECT(!is_alias);
}

TEST("TLSA records count only when they are proven, TXT strings are joined")
{
    run(look_up_records);
}

static void look_up_listings(void)
{
    struct net_address address;
    struct resolver_listing listings[] = {{.zone = TEXT("list.example")},
                                          {.zone = TEXT("no.example")},
                                          {.zone = TEXT("broken.example")},
                                          {.zone = TEXT("bad\\zone")}};
    EXPECT(net_address_parse(TEXT("192.0.2.9"), 25, &address));
    EXPECT(resolver_find_listings(resolver, &address, clock_monotonic_ms() + 20 * SECOND, &arena,
                                  listings, 4) == OK);
    EXPECT(listings[0].status == OK && listings[0].count == 2);
    EXPECT(listings[0].codes[0] + listings[0].codes[1] == 0x7f000002 + 0x7f00000au);
    EXPECT(listings[1].status == OK && listings[1].count == 0);
    EXPECT(listings[2].status == TRY_LATER);
    EXPECT(listings[3].status == REFUSED);
    address.any.sa_family = AF_UNIX;
    EXPECT(resolver_find_listings(resolver, &address, clock_monotonic_ms(), &arena, listings, 1) ==
           REFUSED);
}

TEST("several block lists are asked at once, and one that fails spoils no other")
{
    run(look_up_listings);
}

static void set_up_with_anchors(void *argument)
{
    struct resolver_options options = {.trust_anchors = text_from(argument)};
    resolver = NULL;
    EXPECT(resolver_new(&options, &resolver) == REFUSED);
    EXPECT(resolver == NULL);
}

TEST("trust anchors that are none are refused")
{
    task_loop_run(set_up_with_anchors, "example. IN DS 1 8 2 nonsense\n");
    task_loop_run(set_up_with_anchors, "; nothing here\n\n");
}

static void ask_in_vain(void *status)
{
    struct resolver_mx *list;
    unsigned count;
    bool null_mx;
    *(enum status *)status = find_mx(TEXT("silent.example"), &list, &count, &null_mx);
}

static void give_up(void)
{
    struct task_group askers;
    enum status results[20] = {OK};
    task_group_init(&askers);
    for (int i = 0; i < 20; i++)
        task_spawn(&askers, "asker", ask_in_vain, &results[i]);
    task_sleep(20);
    EXPECT(askers.count == 20);
    task_group_finish(&askers);
    for (int i = 0; i < 20; i++)
        EXPECT(results[i] == TRY_LATER);
    look_up_mx(); /* and others are answered still */
}

TEST("a cancelled look-up ends at once and its answer, if any, harms nobody")
{
    run(give_up);
}
