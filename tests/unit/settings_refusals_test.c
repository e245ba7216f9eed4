/* What the settings may not say, statement by statement: each is refused with its place and the
 * remedy, and no settings come of it. */
#include <stdio.h>
#include <string.h>

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
};

TEST("what can't be said of a domain, of retries or of a routing group is refused")
{
    EXPECT_REFUSALS(of_domains, "host a.example\n" QUIET "domain d.example {\n", "\n}\n");
    EXPECT_REFUSALS(of_retries, "host a.example\n" QUIET "retry {\n", "\n}\n");
    EXPECT_REFUSALS(of_groups, "host a.example\n" QUIET "routing-group g {\n", "\n}\n");
}
