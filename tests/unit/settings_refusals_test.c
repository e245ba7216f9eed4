/* What the settings may not say, statement by statement: each is refused with its place and the
 * remedy, and no settings come of it. */
#include <stdio.h>
#include <string.h>

#include "settings/table.h"
#include "settings_scene.h"
#include "test.h"

struct refusal {
    const char *statement, *said;
};

/* The statement in its block, behind what the block must have. */
static void expect_refusals(const struct refusal *refusals, unsigned count, const char *opening,
                            const char *closing)
{
    for (unsigned i = 0; i < count; i++) {
        char text[1024], said[512];
        snprintf(text, sizeof(text), "%s%s%s\n", opening, refusals[i].statement, closing);
        snprintf(said, sizeof(said), ": %s\n", refusals[i].said);
        struct parsed parsed = settings_of(text);
        if (parsed.settings != NULL || strstr(parsed.said, said) == NULL)
            fprintf(stderr, "%s\n%s", refusals[i].statement, parsed.said);
        EXPECT(parsed.settings == NULL);
        EXPECT(strstr(parsed.said, said) != NULL);
        parsed_free(&parsed);
    }
}

#define EXPECT_REFUSALS(refusals, opening, closing)                                                \
    expect_refusals(refusals, sizeof(refusals) / sizeof(*(refusals)), opening, closing)

static const struct refusal of_all[] = {
    {"host -a.example", "'-a.example' is no value of 'host'"},
    {"host a-.example", "'a-.example' is no value of 'host'"},
    {"host a..example", "'a..example' is no value of 'host'"},
    {"host a.example.", "'a.example.' is no value of 'host'"},
    {"memory 1KB", "the server takes more than that when nobody uses it"},
    {"memory lots", "'lots' is no value of 'memory'"},
    {"certificate cert.pem", "the certificate has no key"},
    {"certificate \"\" key key.pem", "'key' does not follow the certificate"},
    {"oauth keys jwks.json", "unexpected word 'keys' after 'oauth'"},
    {"oauth issuer https://x.example keys jwks.json", "unexpected word 'keys' after 'oauth'"},
    {"dns server 0.0.0.0", "'0.0.0.0' is no value of 'dns server'"},
    {"dns server /unix", "'/unix' is no value of 'dns server'"},
    {"dns server name.example", "'name.example' is no value of 'dns server'"},
    {"reports bilingual perhaps", "'perhaps' is no value of 'reports bilingual'"},
    {"reports original 1GB", "'reports original': 1GB is outside 0..512KB"},
    {"trace keep -1d", "'-1d' is no value of 'trace keep'"},
    {"trace keep 1", "'1' is no value of 'trace keep'"},
    {"badmail size 5XB", "'5XB' is no value of 'badmail size'"},
    {"host \"\"", "'' is no value of 'host'"},
    {"log directory \"\"", "'' is no value of 'log directory'"},
    {"oauth introspect http://x.example/i",
     "'http://x.example/i' is no value of 'oauth introspect'"},
    {"oauth introspect nonsense", "'nonsense' is no value of 'oauth introspect'"},
    {"oauth client \"\"", "'' is no value of 'oauth client'"},
    {"oauth issuer \"\"", "'' is no value of 'oauth issuer'"},
    {"oauth audience \"a b\"", "'a b' is no value of 'oauth audience'"},
    {"oauth audience a\\b", "'a\\b' is no value of 'oauth audience'"},
    {"kerberos realm", "'kerberos realm' needs a value"},
    {"kerberos realm \"\"", "'' is no value of 'kerberos realm'"},
    {"kerberos realm A:B domain a.example", "'A:B' is no value of 'kerberos realm'"},
    {"kerberos realm \"A B\" domain a.example", "'A B' is no value of 'kerberos realm'"},
    {"kerberos realm A\\B domain a.example", "'A\\B' is no value of 'kerberos realm'"},
    {"kerberos realm A domain", "a domain is missing behind 'domain'"},
    {"kerberos realm A domain a..b", "'a..b' is no value of 'kerberos realm'"},
    {"certificate cert.pem key", "the certificate has no key"},
    {"certificate cert.pem key \"\"", "the certificate has no key"},
    {"certificate cert.pem key k.pem key", "the certificate has no key"},
    {"include absent.conf more", "'include' needs one file name or pattern"},
    {"postmaster a b", "'a' is no value of 'postmaster'"},
    {"postmaster @b.example", "'@b.example' is no value of 'postmaster'"},
    {"postmaster \"a b@c.example\"", "'a b@c.example' is no value of 'postmaster'"},
    {"postmaster a@b..c", "'a@b..c' is no value of 'postmaster'"},
    {"dns server 192.0.2.1 ::", "'::' is no value of 'dns server'"},
    {"{", "this brace is misplaced"},
    {"}", "this '}' closes nothing"},
    {"domain {", "this domain has no name"},
    {"domain a..b {", "'a..b' is no name of a domain"},
    {"server a b {", "too many names for a server block"},
    {"server .. {", "'..' is no name of a server"},
    {"server x { listen", "this brace is misplaced"},
    {"server x { listen 127.0.0.1:2521 } more", "this brace is misplaced"},
    {"log session w3c size 1", "'size' is no value of 'log session'"},
    {"log session w3c size 99TB", "'size' is no value of 'log session'"},
    {"\"a \\n\" b", "a statement begins with a word"},
    {"data \"a", "this quote is not closed"},
    {"data \"a\" \"b", "this quote is not closed"},
};

TEST("what can't stand outside of blocks is refused")
{
    EXPECT_REFUSALS(of_all, "", "\nhost a.example\n" QUIET);
}

static const struct refusal of_servers[] = {
    {"listen", "'listen' in server 'x' needs a value"},
    {"listen 127.0.0.1", "'127.0.0.1' is no value of 'listen' in server 'x'"},
    {"listen 127.0.0.1:0 smtp", "'127.0.0.1:0' is no value of 'listen' in server 'x'"},
    {"listen 127.0.0.1:70000 smtp", "'127.0.0.1:70000' is no value of 'listen' in server 'x'"},
    {"listen host.example:25 smtp", "'host.example:25' is no value of 'listen' in server 'x'"},
    {"listen 127.0.0.1:2525 ftp", "'ftp' is no value of 'listen' in server 'x'"},
    {"listen 127.0.0.1:2525 smtp tls", "'tls' is no value of 'listen' in server 'x'"},
    {"relay", "'relay' in server 'x' needs a value"},
    {"relay nobody logged-in", "'relay' in server 'x' contradicts itself"},
    {"relay only logged-in", "'relay' in server 'x' contradicts itself"},
    {"relay logged-in only", "'relay' in server 'x' contradicts itself"},
    {"relay only", "'relay' in server 'x': 'only' needs a network"},
    {"relay all except", "'all' is no value of 'relay' in server 'x'"},
    {"relay all except 10.0.0.0/8", "'all' is no value of 'relay' in server 'x'"},
    {"relay everybody", "'everybody' is no value of 'relay' in server 'x'"},
    {"relay 10.0.0.0/99", "'10.0.0.0/99' is no value of 'relay' in server 'x'"},
    {"relay nobody 10.0.0.0/8", "'relay' in server 'x' contradicts itself"},
    {"etrn 10.0.0.0/99", "'10.0.0.0/99' is no value of 'etrn' in server 'x'"},
    {"etrn anybody", "'anybody' is no value of 'etrn' in server 'x'"},
    {"peer bob", "'bob' is no value of 'peer' in server 'x'"},
    {"peer 10.0.0.1 domain a..b", "'10.0.0.1' is no value of 'peer' in server 'x'"},
    {"refuse *.1.2.3", "'*.1.2.3' is no value of 'refuse' in server 'x'"},
    {"refuse 256.1.1.1", "'256.1.1.1' is no value of 'refuse' in server 'x'"},
    {"refuse a..b", "'a..b' is no value of 'refuse' in server 'x'"},
    {"greeting \"", "this quote is not closed"},
    {"limit connections x", "'x' is no value of 'limit connections' in server 'x'"},
    {"login tls cleartext none", "'none' and other words of 'login' contradict each other"},
    {"login none plain", "'none' and other words of 'login' contradict each other"},
    {"login oauth", "server 'x' has logins by token but there are no keys for them"},
    {"login gssapi", "server 'x' has logins by Kerberos but there is no keytab"},
    {"without nonsense", "'nonsense' is no value of 'without' in server 'x'"},
    {"filter nonsense", "'nonsense' is no value of 'filter' in server 'x'"},
    {"log session csv", "'session' is no value of 'log' in server 'x'"},
    {"log session w3c fortnightly", "'session' is no value of 'log' in server 'x'"},
    {"refuse", "'refuse' in server 'x' needs a value"},
    {"admit", "'admit' in server 'x' needs a value"},
    {"reverse-lookup perhaps", "'perhaps' is no value of 'reverse-lookup' in server 'x'"},
    {"fully-qualified \"\"", "'' is no value of 'fully-qualified' in server 'x'"},
    {"log directory \"\"", "'' is no value of 'log directory' in server 'x'"},
    {"log fields nonsense", "'nonsense' is no value of 'log fields' in server 'x'"},
    {"peer \"\"", "'' is no value of 'peer' in server 'x'"},
    {"peer @b.example", "'@b.example' is no value of 'peer' in server 'x'"},
    {"peer a@b.example domain", "'domain' is no value of 'peer' in server 'x'"},
    {"peer \"a b@c.example\"", "'a b@c.example' is no value of 'peer' in server 'x'"},
    {"limit message 1XB", "'1XB' is no value of 'limit message' in server 'x'"},
    {"limit message 9999999999999999TB",
     "'9999999999999999TB' is no value of 'limit message' in server 'x'"},
    {"listen 127.0.0.1:2525 smtp tls-required",
     "'tls-required' is no value of 'listen' in server 'x'"},
    {"listen 127.0.0.1:2525 smtp Smtp", "'Smtp' is no value of 'listen' in server 'x'"},
    {"xclient nobody", "'nobody' is no value of 'xclient' in server 'x'"},
    {"proxy 300.0.0.1", "'300.0.0.1' is no value of 'proxy' in server 'x'"},
};

TEST("what can't be said of a server is refused")
{
    EXPECT_REFUSALS(of_servers, "host a.example\nserver x {\n", "\n}\n");
}

static const struct refusal of_connectors[] = {
    {"to", "'to' in connector 'c' needs a value"},
    {"to a.example cost", "'cost' needs a value"},
    {"to a.example cost 0", "cost 0 is outside 1..100"},
    {"to a.example cost 101", "cost 101 is outside 1..100"},
    {"to a.example cost x", "cost x is outside 1..100"},
    {"to cost 10", "'cost' is no value of 'to' in connector 'c'"},
    {"to relay", "'relay' is no value of 'to' in connector 'c'"},
    {"to *.*", "'*.*' is no value of 'to' in connector 'c'"},
    {"to a.*", "'a.*' is no value of 'to' in connector 'c'"},
    {"smart-host", "'smart-host' in connector 'c' needs a value"},
    {"smart-host a.example:", "'a.example:' is no value of 'smart-host' in connector 'c'"},
    {"smart-host a.example:0", "'a.example:0' is no value of 'smart-host' in connector 'c'"},
    {"smart-host a.example:99999",
     "'a.example:99999' is no value of 'smart-host' in connector 'c'"},
    {"smart-host a.example:x", "'a.example:x' is no value of 'smart-host' in connector 'c'"},
    {"smart-host [1.2.3", "'[1.2.3' is no value of 'smart-host' in connector 'c'"},
    {"smart-host [1.2.3.4", "'[1.2.3.4' is no value of 'smart-host' in connector 'c'"},
    {"smart-host []", "'[]' is no value of 'smart-host' in connector 'c'"},
    {"smart-host [a b]", "'[a' is no value of 'smart-host' in connector 'c'"},
    {"hold for", "'hold' in connector 'c': 'for' and an account are missing"},
    {"hold for nobody", "'nobody' is no value of 'hold' in connector 'c'"},
    {"hold for a@b..c", "'a@b..c' is no value of 'hold' in connector 'c'"},
    {"only size < ", "'' is no value of 'only size' in connector 'c'"},
    {"only size 10MB", "'10MB' is no value of 'only size' in connector 'c'"},
    {"only size < 0", "'0' is no value of 'only size' in connector 'c'"},
    {"only size < 10MB 5", "unexpected word '5' after 'only'"},
    {"only priority urgent", "'urgent' is no value of 'only priority' in connector 'c'"},
    {"only messages some", "'some' is no value of 'only messages' in connector 'c'"},
    {"accept", "'accept' in connector 'c' needs a value"},
    {"accept from", "'accept' in connector 'c' names no senders"},
    {"accept from a@b c", "'c' is no value of 'accept' in connector 'c'"},
    {"accept from \"a b@c.example\"", "'a b@c.example' is no value of 'accept' in connector 'c'"},
    {"accept from everyone except", "'accept' in connector 'c' names no senders"},
    {"reject from @", "'@' is no value of 'reject' in connector 'c'"},
    {"reject everyone", "'reject' in connector 'c' names no senders"},
    {"schedule", "'schedule' in connector 'c' needs a value"},
    {"schedule 25:00-26:00", "'25:00-26:00' is no value of 'schedule' in connector 'c'"},
    {"schedule 10:00-10:60", "'10:00-10:60' is no value of 'schedule' in connector 'c'"},
    {"schedule 10:00-24:30", "'10:00-24:30' is no value of 'schedule' in connector 'c'"},
    {"schedule 24:00-24:00", "'24:00-24:00' is no value of 'schedule' in connector 'c'"},
    {"schedule xday 10:00-12:00", "'xday' is no value of 'schedule' in connector 'c'"},
    {"schedule 10:00-12:00 every", "'every' is no value of 'schedule' in connector 'c'"},
    {"schedule 10:00-12:00 every 30s", "'30s' is no time between connections"},
    {"schedule 10:00-12:00 every 2d", "'2d' is no time between connections"},
    {"schedule 10:00-12:00 every 90s", "'90s' is no time between connections"},
    {"schedule sat at", "'at' is no value of 'schedule' in connector 'c'"},
    {"schedule sat at 24:00", "'24:00' is no value of 'schedule' in connector 'c'"},
    {"schedule sat at noon", "'noon' is no value of 'schedule' in connector 'c'"},
    {"oversize > 10MB", "'oversize' in connector 'c' is not understood"},
    {"oversize 10MB send always", "'oversize' in connector 'c' is not understood"},
    {"oversize > big send always", "'oversize' in connector 'c' is not understood"},
    {"oversize > 10MB send", "'oversize' in connector 'c' is not understood"},
    {"oversize > 10MB send always now", "unexpected word 'now' after 'oversize'"},
    {"from nowhere", "connector 'c': there is no server 'nowhere'"},
    {"from ..", "'..' is no value of 'from' in connector 'c'"},
    {"tls sometimes", "'sometimes' is no value of 'tls' in connector 'c'"},
    {"tls none or require", "'require' stands alone"},
    {"without nonsense", "'nonsense' is no value of 'without' in connector 'c'"},
    {"hello hi", "'hi' is no value of 'hello' in connector 'c'"},
    {"scope world", "'world' is no value of 'scope' in connector 'c'"},
    {"to \"\"", "'' is no value of 'to' in connector 'c'"},
    {"to a.example *.", "'*.' is no value of 'to' in connector 'c'"},
    {"only size <", "'' is no value of 'only size' in connector 'c'"},
    {"login", "'login' in connector 'c' needs a value"},
    {"login us", "connector 'c' has a login without a secret"},
    {"accept from everyone except everyone", "'everyone' is no value of 'accept' in connector 'c'"},
    {"accept from "
     "@dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
     "ddddddddddddddddddddddd",
     "'@ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd' is no value of 'accept' "
     "in connector 'c'"},
    {"masquerade \"\"", "'' is no value of 'masquerade' in connector 'c'"},
    {"masquerade a..b", "'a..b' is no value of 'masquerade' in connector 'c'"},
    {"dns server 0.0.0.0:53", "'server' is no value of 'dns' in connector 'c'"},
    {"source 0.0.0.0", "unknown word 'source' in connector 'c'"},
    {"source 127.0.0.1:25", "unknown word 'source' in connector 'c'"},
    {"source host", "unknown word 'source' in connector 'c'"},
    {"log nonsense", "unknown word 'log' in connector 'c'"},
};

TEST("what can't be said of a connector is refused")
{
    EXPECT_REFUSALS(of_connectors, "host a.example\n" QUIET "connector c {\n", "\n}\n");
}

static const struct refusal of_domains[] = {
    {"user", "'user' in domain 'd.example' needs a value"},
    {"user a@b.example", "'a@b.example' is no value of 'user' in domain 'd.example'"},
    {"user a,b", "'a,b' is no value of 'user' in domain 'd.example'"},
    {"user a;b", "'a;b' is no value of 'user' in domain 'd.example'"},
    {"user \"\"", "'' is no value of 'user' in domain 'd.example'"},
    {"user \"a b\"", "'a b' is no value of 'user' in domain 'd.example'"},
    {"keep-deleted x", "'x' is no value of 'keep-deleted' in domain 'd.example'"},
    {"unknown x", "unknown word 'unknown' in domain 'd.example'"},
    {"user \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
     "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is no value of 'user' in "
     "domain 'd.example'"},
    {"drop \"\"", "'' is no value of 'drop' in domain 'd.example'"},
    {"user a b c d e f,", "'f,' is no value of 'user' in domain 'd.example'"},
    {"address %u", "'%u' is no value of 'address' in domain 'd.example'"},
    {"addresses %", "unknown word 'addresses' in domain 'd.example'"},
    {"address %1", "'%1' is no value of 'address' in domain 'd.example'"},
};

static const struct refusal of_retries[] = {
    {"glitch 1m xmany", "unexpected word 'xmany' after 'glitch'"},
    {"after", "'after' in retry needs a value"},
    {"local notice 3d", "unexpected word 'notice' after 'local'"},
    {"expire 0", "'expire' in retry: 0 is outside 1s..60d"},
};

static const struct refusal of_groups[] = {
    {"member", "'member' in routing-group 'g' needs a value"},
    {"member a..b", "'a..b' is no value of 'member' in routing-group 'g'"},
    {"filter", "unknown word 'filter' in routing-group 'g'"},
    {"name ..", "unknown word 'name' in routing-group 'g'"},
    {"member mx.example at", "'member' in routing-group 'g': a host is missing"},
    {"member mx.example at [1.2.3", "'[1.2.3' is no value of 'member' in routing-group 'g'"},
    {"member mx.example at host:0", "'host:0' is no value of 'member' in routing-group 'g'"},
    {"member mx.example at host:99999",
     "'host:99999' is no value of 'member' in routing-group 'g'"},
    {"member mx.example mail", "'member' in routing-group 'g': a host is missing"},
    {"member mx.example mail nowhere:x",
     "'nowhere:x' is no value of 'member' in routing-group 'g'"},
    {"arrow", "unknown word 'arrow' in routing-group 'g'"},
    {"arrow a", "unknown word 'arrow' in routing-group 'g'"},
    {"arrow a cost", "unknown word 'arrow' in routing-group 'g'"},
    {"arrow a cost 0", "unknown word 'arrow' in routing-group 'g'"},
    {"arrow a cost 101", "unknown word 'arrow' in routing-group 'g'"},
    {"arrow a cost x", "unknown word 'arrow' in routing-group 'g'"},
    {"arrow .. cost 5", "unknown word 'arrow' in routing-group 'g'"},
    {"link a cost 5 more", "unknown word 'link' in routing-group 'g'"},
    {"link", "unknown word 'link' in routing-group 'g'"},
    {"link a", "unknown word 'link' in routing-group 'g'"},
    {"link a cost", "unknown word 'link' in routing-group 'g'"},
    {"link a cost 0", "unknown word 'link' in routing-group 'g'"},
    {"link .. cost 5", "unknown word 'link' in routing-group 'g'"},
    {"organisation", "'organisation' in routing-group 'g' needs a value"},
    {"organisation ..", "'..' is no value of 'organisation' in routing-group 'g'"},
    {"member [1.2.3", "'[1.2.3' is no value of 'member' in routing-group 'g'"},
    {"member [a b]", "'[a' is no value of 'member' in routing-group 'g'"},
    {"master a..b", "'a..b' is no value of 'master' in routing-group 'g'"},
    {"server \"\"", "'' is no value of 'server' in routing-group 'g'"},
};

TEST("what can't be said of a domain, of retries or of a routing group is refused")
{
    EXPECT_REFUSALS(of_domains, "host a.example\n" QUIET "domain d.example {\n", "\n}\n");
    EXPECT_REFUSALS(of_retries, "host a.example\n" QUIET "retry {\n", "\n}\n");
    EXPECT_REFUSALS(of_groups, "host a.example\n" QUIET "routing-group g {\n", "\n}\n");
}

static const struct refusal of_filters[] = {
    {"sender", "'sender' in filter needs a value"},
    {"connection", "unknown word 'connection' in filter"},
    {"block-list x", "unknown word 'block-list' in filter"},
    {"block a", "unknown word 'block' in filter"},
    {"block @", "unknown word 'block' in filter"},
    {"block \"a b@c.example\"", "unknown word 'block' in filter"},
    {"block *@a..b", "unknown word 'block' in filter"},
    {"block-list", "unknown word 'block-list' in filter"},
    {"relays 300.1.1.1", "'300.1.1.1' is no value of 'relays' in filter"},
    {"accept 10.0.0.0/99", "'10.0.0.0/99' is no value of 'accept' in filter"},
    {"sender @", "'@' is no value of 'sender' in filter"},
    {"sender @b.example", "'@b.example' is no value of 'sender' in filter"},
    {"sender a@b..c", "'a@b..c' is no value of 'sender' in filter"},
    {"sender *@", "'*@' is no value of 'sender' in filter"},
    {"sender a@b.example then perhaps", "'perhaps' is no value of 'sender then' in filter"},
    {"sender a@b.example then", "'sender then' in filter needs a value"},
    {"recipient \"\"", "'' is no value of 'recipient' in filter"},
    {"recipient a@", "'a@' is no value of 'recipient' in filter"},
    {"block-lists except @b.example", "'@b.example' is no value of 'block-lists except' in filter"},
    {"block-lists wait x", "'x' is no value of 'block-lists wait' in filter"},
    {"archive \"\"", "'' is no value of 'archive' in filter"},
};

static const struct refusal of_lists[] = {
    {"zone", "'zone' in block-list 'b' needs a value"},
    {"zone a..b", "'a..b' is no value of 'zone' in block-list 'b'"},
    {"at 127.0.0.1:53", "unknown word 'at' in block-list 'b'"},
    {"at nowhere", "unknown word 'at' in block-list 'b'"},
    {"refuse 127.0.0.300", "unknown word 'refuse' in block-list 'b'"},
    {"refuse 10.0.0.1/33", "unknown word 'refuse' in block-list 'b'"},
    {"refuse ::1", "unknown word 'refuse' in block-list 'b'"},
    {"accept 127.0.0.2 if", "unknown word 'accept' in block-list 'b'"},
    {"codes x", "'x' is no value of 'codes' in block-list 'b'"},
    {"codes 127.0.0.2 mask x", "'x' is no value of 'codes mask' in block-list 'b'"},
    {"codes ::1", "'::1' is no value of 'codes' in block-list 'b'"},
    {"codes 127.0.0.2 mask", "'codes mask' in block-list 'b' needs a value"},
};

TEST("what can't be said of filters and of lists in DNS is refused")
{
    EXPECT_REFUSALS(of_filters, "host a.example\n" QUIET "filter {\n", "\n}\n");
    EXPECT_REFUSALS(of_lists, "host a.example\n" QUIET "block-list b {\n", "\n}\n");
}

TEST("a realm of Kerberos is of the domain of its name unless another is written")
{
    struct parsed parsed = settings_of_clean("host a.example\n" QUIET "kerberos realm A.EXAMPLE\n");
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
    parsed = settings_of_clean("host a.example\n" QUIET "kerberos realm A domain b.example\n");
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

/* ---- Every statement there is ---- */

/* Settings, or what is wrong with the text. */
static void expect_an_answer(const char *text)
{
    struct parsed parsed = settings_of(text);
    if (parsed.settings == NULL && parsed.said[0] == '\0')
        fprintf(stderr, "%s", text);
    EXPECT(parsed.settings != NULL || parsed.said[0] != '\0');
    parsed_free(&parsed);
}

/* The row's statement with no, one and two words behind it, in a block of its kind. */
static void try_row(const struct setting_kind *kind, const struct setting_row *row)
{
    static const char *const words[] = {"x", "7", "192.0.2.1:25", "a@b.example", "\"\"", "for"};
    enum { WORDS = sizeof(words) / sizeof(*words) };
    bool is_top = kind->word[0] == '\0';
    char opening[100] = "", text[500];
    if (!is_top)
        snprintf(opening, sizeof(opening), "%s%s {\n", kind->word,
                 kind->names_most > 0 ? " b.example" : "");
    for (unsigned i = 0; i <= WORDS; i++)
        for (unsigned k = 0; k <= (i == WORDS ? 0 : WORDS); k++) {
            snprintf(text, sizeof(text), "host a.example\n%s%s %s %s\n%s", opening, row->name,
                     i < WORDS ? words[i] : "", i < WORDS && k < WORDS ? words[k] : "",
                     is_top ? "" : "}\n");
            expect_an_answer(text);
        }
}

TEST("each statement of each block is read or refused, whatever stands behind it")
{
    for (enum setting_kind_id kind = 0; kind < KIND_COUNT; kind++) {
        unsigned count;
        const struct setting_row *rows = setting_kind_rows(kind, &count);
        for (unsigned i = 0; i < count; i++)
            try_row(&setting_kinds[kind], &rows[i]);
    }
}

TEST("what a block may not have, and how many there may be, is told")
{
    struct buffer lines;
    buffer_init(&lines, 1 << 16);
    buffer_append(&lines, TEXT("host a.b\n"));
    for (unsigned i = 0; i < 21; i++)
        buffer_printf(&lines, "block-list l%u {\n    zone l%u.example\n}\n", i, i);
    buffer_append_byte(&lines, '\0');
    struct parsed parsed = settings_of(lines.data);
    EXPECT(strstr(parsed.said, "there are more than 20 block-lists") != NULL);
    parsed_free(&parsed);
    parsed = settings_of("host a.b\ndomain b.example {\n    include other\n}\n");
    EXPECT(strstr(parsed.said, "'include' cannot stand in a block") != NULL);
    parsed_free(&parsed);
    parsed = settings_of("host a.b\n" QUIET "domain b.example { }\n");
    EXPECT(parsed.settings != NULL && parsed.settings->domain_count == 1);
    parsed_free(&parsed);
    buffer_finish(&lines);
}
