/* Filters: what the settings say of them, and what follows from it. */
#include "decide/filter.h"

#include <stdlib.h>
#include <string.h>

#include "queue/block_lists.h"
#include "settings_scene.h"
#include "test.h"

#define SITE                                                                                       \
    "host mx.a.example\ndomain a.example\n"                                                        \
    "server in {\n listen 127.0.0.1:25 *:26 smtp 127.0.0.1:27 lmtp\n"                              \
    " filter sender recipient at 127.0.0.1:25 connection\n}\n"                                     \
    "server out {\n listen 127.0.0.1:28 smtp\n}\n"
#define LISTS                                                                                      \
    "block-list one {\n zone one.example\n codes 127.0.0.2 127.0.0.4 mask 0.0.1.0\n}\n"            \
    "block-list two {\n zone two.example\n reply \"%2: %0 %1 %3 100%\"\n}\n"
#define FILTER(lines) SITE "filter {\n" lines "}\n" LISTS

static struct parsed parsed;
static struct arena arena;

static const struct settings *site(const char *text)
{
    parsed = settings_of_clean(text);
    arena_init(&arena);
    return parsed.settings;
}

static void site_free(void)
{
    arena_finish(&arena);
    parsed_free(&parsed);
}

static struct net_address address_of(const char *text)
{
    struct net_address address;
    EXPECT(net_address_parse_endpoint(text_from(text), 4711, &address));
    return address;
}

static uint32_t filters_at(const struct settings *settings, const char *local, enum service service)
{
    struct net_address address = address_of(local);
    for (unsigned i = 0; i < settings->server_count; i++)
        for (unsigned k = 0; k < settings->servers[i].listen_count; k++)
            if (net_address_port(&settings->servers[i].listens[k].address) ==
                net_address_port(&address))
                return decide_filters(&settings->servers[i], service, &address);
    return 0;
}

TEST("a filter is applied at the listeners that its server says, to mail from strangers alone")
{
    const struct settings *settings = site(FILTER(""));
    EXPECT(filters_at(settings, "127.0.0.1:25", SERVICE_SMTP) ==
           (FILTER_CONNECTION | FILTER_SENDER | FILTER_RECIPIENT));
    EXPECT(filters_at(settings, "192.0.2.1:26", SERVICE_SMTP) == FILTER_CONNECTION);
    EXPECT(filters_at(settings, "127.0.0.1:27", SERVICE_LMTP) == 0);
    EXPECT(filters_at(settings, "127.0.0.1:25", SERVICE_FETCHED) == 0);
    EXPECT(filters_at(settings, "127.0.0.1:28", SERVICE_SMTP) == 0);
    site_free();
}

static enum filter_verdict verdict_of(const struct settings *settings, const char *address)
{
    struct net_address peer = address_of(address);
    return decide_filter_address(settings, &peer).verdict;
}

TEST("who is in accept is wanted, also when deny has him")
{
    const struct settings *settings =
        site(FILTER("accept 192.0.2.0/25 2001:db8::1\ndeny 192.0.2.0/24 2001:db8::/32\n"));
    EXPECT(verdict_of(settings, "192.0.2.1") == FILTER_WANTED);
    EXPECT(verdict_of(settings, "192.0.2.129") == FILTER_UNWANTED);
    EXPECT(verdict_of(settings, "[::ffff:192.0.2.129]") == FILTER_UNWANTED);
    EXPECT(verdict_of(settings, "[2001:db8::1]") == FILTER_WANTED);
    EXPECT(verdict_of(settings, "[2001:db8::2]") == FILTER_UNWANTED);
    EXPECT(verdict_of(settings, "198.51.100.1") == FILTER_UNKNOWN);
    struct net_address peer = address_of("192.0.2.129");
    struct filter_decision decision = decide_filter_address(settings, &peer);
    EXPECT(decision.reason.place.line > 0 && strcmp(decision.reason.rule, "filter-deny") == 0);
    site_free();
}

static bool is_sender(const struct settings *settings, const char *text)
{
    struct mail_address address;
    EXPECT(mail_address_parse(text_from(text), &arena, &address) == OK);
    return decide_filter_sender(settings, &address).verdict == FILTER_UNWANTED;
}

TEST("senders are named by address, by domain, below a domain, or in every domain")
{
    const struct settings *settings =
        site(FILTER("sender a@x.example *@y.example *.z.example *@*w.example root@*\n"));
    EXPECT(is_sender(settings, "A@X.example") && !is_sender(settings, "b@x.example"));
    EXPECT(is_sender(settings, "b@y.example") && !is_sender(settings, "b@c.y.example"));
    EXPECT(is_sender(settings, "b@c.z.example") && !is_sender(settings, "b@z.example"));
    EXPECT(is_sender(settings, "b@c.w.example") && is_sender(settings, "b@w.example"));
    EXPECT(is_sender(settings, "root@anything.example"));
    EXPECT(decide_filter_sender(settings, NULL).verdict == FILTER_UNKNOWN);
    site_free();
    settings = site(FILTER("sender blank\n"));
    EXPECT(decide_filter_sender(settings, NULL).verdict == FILTER_UNWANTED);
    EXPECT(!is_sender(settings, "a@x.example"));
    site_free();
}

TEST("recipients are named as senders are, and block lists know exceptions")
{
    const struct settings *settings =
        site(FILTER("recipient closed@a.example\nblock-lists except postmaster@*\n"));
    struct mail_address closed, postmaster;
    EXPECT(mail_address_parse(TEXT("closed@a.example"), &arena, &closed) == OK);
    EXPECT(mail_address_parse(TEXT("postmaster@a.example"), &arena, &postmaster) == OK);
    EXPECT(decide_filter_recipient(settings, &closed).verdict == FILTER_UNWANTED);
    EXPECT(decide_filter_recipient(settings, &postmaster).verdict == FILTER_UNKNOWN);
    EXPECT(decide_filter_excepts(settings, &postmaster) &&
           !decide_filter_excepts(settings, &closed));
    site_free();
}

TEST("an answer counts by the codes and bits that the list's settings name")
{
    const struct settings *settings = site(FILTER(""));
    const struct setting_block_list *one = &settings->block_lists[0],
                                    *two = &settings->block_lists[1];
    EXPECT(decide_filter_code(one, 0x7f000002) == FILTER_CODE_COUNTS);
    EXPECT(decide_filter_code(one, 0x7f000006) == FILTER_CODE_OTHER);
    EXPECT(decide_filter_code(one, 0x7f000108) == FILTER_CODE_COUNTS);
    EXPECT(decide_filter_code(two, 0x7f000006) == FILTER_CODE_COUNTS);
    EXPECT(decide_filter_code(two, 0x7fffffff) == FILTER_CODE_NO_ANSWER);
    EXPECT(decide_filter_code(two, 0x7fff00fe) == FILTER_CODE_COUNTS);
    EXPECT(decide_filter_code(two, 0xcb007101) == FILTER_CODE_FOREIGN);
    site_free();
}

TEST("the first list in the settings' order that has the address is the one that is told")
{
    const struct settings *settings = site(FILTER(""));
    uint32_t other = 0x7f000006, listed = 0x7f000002, code;
    struct filter_listing listings[] = {{.list = TEXT("two"), .codes = &other, .code_count = 1},
                                        {.list = TEXT("one"), .codes = &other, .code_count = 1},
                                        {.list = TEXT("gone"), .codes = &listed, .code_count = 1}};
    EXPECT(decide_filter_listed(settings, listings, 3, &code) == &settings->block_lists[1]);
    EXPECT(code == other);
    listings[1].codes = &listed;
    EXPECT(decide_filter_listed(settings, listings, 3, &code) == &settings->block_lists[0]);
    listings[1] = listings[0] = (struct filter_listing){.list = TEXT("one"), .is_unknown = true};
    EXPECT(decide_filter_listed(settings, listings, 3, &code) == NULL);
    EXPECT(decide_filter_listed(settings, NULL, 0, &code) == NULL);
    site_free();
}

TEST("the reply tells address, list and zone where it wants to")
{
    const struct settings *settings = site(FILTER(""));
    struct buffer reply;
    buffer_init(&reply, 200);
    decide_filter_reply(&settings->block_lists[0], TEXT("192.0.2.1"), &reply);
    EXPECT_TEXT(buffer_text(&reply), "192.0.2.1 has been blocked by one");
    buffer_reset(&reply, 200);
    decide_filter_reply(&settings->block_lists[1], TEXT("192.0.2.1"), &reply);
    EXPECT_TEXT(buffer_text(&reply), "two.example: 192.0.2.1 two %3 100%");
    buffer_finish(&reply);
    site_free();
}

TEST("behind relays of our own stands who gave it to the last of them")
{
    const struct settings *settings = site(FILTER("relays 10.0.0.0/8\n"));
    struct net_address path[] = {address_of("10.0.0.1"), address_of("10.0.0.2"),
                                 address_of("192.0.2.1"), address_of("10.0.0.3"),
                                 address_of("192.0.2.2")};
    EXPECT(decide_filter_origin(settings, path, 5) == &path[2]);
    EXPECT(decide_filter_origin(settings, path, 2) == NULL);
    EXPECT(decide_filter_origin(settings, path + 2, 1) == &path[2]);
    site_free();
}

TEST("what block lists said is read as it was written, and nothing else is")
{
    uint32_t codes[] = {0x7f000002, 0x7f00000a};
    struct filter_listing listings[] = {{.list = TEXT("one"), .codes = codes, .code_count = 2},
                                        {.list = TEXT("two"), .is_unknown = true}};
    struct filter_listing *read;
    struct buffer bytes;
    unsigned count;
    arena_init(&arena);
    buffer_init(&bytes, 1000);
    block_lists_encode(listings, 2, &bytes);
    EXPECT(block_lists_decode(buffer_text(&bytes), &arena, &read, &count) && count == 2);
    EXPECT_TEXT(read[0].list, "one");
    EXPECT(read[0].code_count == 2 && read[0].codes[1] == codes[1] && !read[0].is_unknown);
    EXPECT(read[1].is_unknown && read[1].code_count == 0);
    for (size_t length = 0; length < bytes.length; length++)
        EXPECT(!block_lists_decode(text_head(buffer_text(&bytes), length), &arena, &read, &count));
    EXPECT(!block_lists_decode(TEXT("\x15"), &arena, &read, &count));
    buffer_finish(&bytes);
    arena_finish(&arena);
}

TEST("filters that nobody applies, and lists without a zone, are told")
{
    struct parsed said = settings_of("host mx.a.example\n" QUIET
                                     "filter {\n deny 192.0.2.0/24\n sender a@b.example\n}\n"
                                     "block-list one {\n zone one.example\n}\n");
    EXPECT(said.settings != NULL);
    EXPECT(strstr(said.said, ":4:7: 'deny' has no effect: no server has the statement 'filter "
                             "connection'") != NULL);
    EXPECT(strstr(said.said, "'sender' has no effect") != NULL);
    EXPECT(strstr(said.said, "block-list 'one' is asked by no server") != NULL);
    parsed_free(&said);
    said = settings_of("host mx.a.example\nserver in {\n listen 127.0.0.1:25 127.0.0.1:24\n"
                       " filter sender at 127.0.0.1:24\n filter spam\n}\n"
                       "filter {\n sender then drop archive\n}\nblock-list one {\n codes 1.2.3.4\n"
                       " codes mask 127.0.0.0\n}\n");
    EXPECT(said.settings == NULL);
    EXPECT(strstr(said.said, "server 'in' does not listen for mail of others at '127.0.0.1:24'"));
    EXPECT(strstr(said.said, "'spam' is no value of 'filter'") != NULL);
    EXPECT(strstr(said.said, "a message that is dropped at its sender is never there") != NULL);
    EXPECT(strstr(said.said, "block-list 'one' has no zone") != NULL);
    EXPECT(strstr(said.said, "'1.2.3.4' is no value of 'codes'") != NULL);
    EXPECT(strstr(said.said, "'127.0.0.0' is no value of 'codes mask'") != NULL);
    parsed_free(&said);
}

TEST("filters are shown as they are read")
{
    const struct settings *settings =
        site(FILTER("accept 192.0.2.0/24\nrelays 10.0.0.0/8\nblock-lists wait 2s except p@*\n"
                    "sender a@x.example blank then discard archive\nrecipient "
                    "*@y.example\n"));
    settings_expect_round_trip(settings);
    char *shown = settings_shown(settings, false, false);
    EXPECT(strstr(shown, "filter sender recipient at 127.0.0.1:25 connection") != NULL);
    EXPECT(strstr(shown, "codes 127.0.0.2 127.0.0.4 mask 0.0.1.0") != NULL);
    free(shown);
    site_free();
}
