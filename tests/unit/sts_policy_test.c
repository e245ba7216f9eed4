#include "net/sts_policy.h"
#include "net/tls.h"
#include "test.h"

static bool id_of(struct text a, struct text b, struct text *id)
{
    struct text records[] = {a, b};
    return sts_record_id(records, b.data == NULL ? 1 : 2, id);
}

TEST("a TXT record announces a policy by its id, and two of them none")
{
    struct text none = {0}, id;
    EXPECT(id_of(TEXT("v=STSv1; id=20160831085700Z;"), none, &id));
    EXPECT_TEXT(id, "20160831085700Z");
    EXPECT(id_of(TEXT("v=spf1 -all"), TEXT("v=STSv1 ;more=x;id=7"), &id));
    EXPECT_TEXT(id, "7");
    EXPECT(!id_of(TEXT("v=STSv1; id=1;"), TEXT("v=STSv1; id=2;"), &id));
    EXPECT(!id_of(TEXT("v=STSv1;"), none, &id));
    EXPECT(!id_of(TEXT("v=STSv2; id=1;"), none, &id));
    EXPECT(!id_of(TEXT("v=STSv1; id=a-b;"), none, &id));
    EXPECT(!id_of(TEXT("v=STSv1; id=;"), none, &id));
    EXPECT(!id_of(TEXT("v=STSv1; id=123456789012345678901234567890123;"), none, &id));
    EXPECT(!id_of(TEXT("v=STSv1; id=1; id=2"), none, &id));
    EXPECT(!id_of(TEXT("id=1; v=STSv1"), none, &id));
}

static struct arena arena;

static bool parse(const char *text, struct sts_policy *out)
{
    return sts_policy_parse(text_from(text), &arena, out);
}

TEST("a policy is read as RFC 8461 has it, with what we don't know skipped")
{
    struct sts_policy policy;
    arena_init(&arena);
    EXPECT(parse("version: STSv1\r\nmode: enforce\r\nmx: Mail.example.com\r\nmx: *.example.net\r\n"
                 "mx: backupmx.example.com\r\nmax_age: 604800\r\nfuture: x\r\n",
                 &policy));
    EXPECT(policy.mode == STS_POLICY_ENFORCE && policy.max_age_s == 604800);
    EXPECT(policy.mx_count == 3);
    EXPECT_TEXT(policy.mx[0], "mail.example.com");
    EXPECT(parse("version:STSv1\nmode:testing\nmx:a.b\nmax_age:0", &policy));
    EXPECT(policy.mode == STS_POLICY_TESTING);
    EXPECT(parse("version: STSv1\nmode: none\nmax_age: 86400\n", &policy));
    EXPECT(policy.mode == STS_POLICY_NONE);
    EXPECT(parse("version: STSv1\nmode: none\nmode: enforce\nmax_age: 86400\n", &policy));
    EXPECT(policy.mode == STS_POLICY_NONE);
    arena_finish(&arena);
}

TEST("what is no whole policy is none")
{
    static const char *const bad[] = {
        "",
        "mode: enforce\nmx: a.b\nmax_age: 1\n",
        "version: STSv1\nmx: a.b\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.b\n",
        "version: STSv1\nmode: enforce\nmax_age: 1\n",
        "version: STSv2\nmode: none\nmax_age: 1\n",
        "version: STSv1\nmode: perhaps\nmx: a.b\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: 31557601\n",
        "version: STSv1\nmode: enforce\nmx: a.b\nmax_age: -1\n",
        "version: STSv1\nmode: enforce\nmx: a.*.b\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx:\nmax_age: 1\n",
        "<html>not found</html>",
    };
    struct sts_policy policy;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (parse(bad[i], &policy))
            fail_msg("taken: %s", bad[i]);
    arena_finish(&arena);
}

TEST("a pattern's star stands for one label")
{
    struct text mx[] = {TEXT("*.example.net"), TEXT("mail.example.com")};
    struct sts_policy policy = {.mx = mx, .mx_count = 2};
    EXPECT(sts_policy_names(&policy, TEXT("mx.EXAMPLE.net")));
    EXPECT(sts_policy_names(&policy, TEXT("mail.example.com")));
    EXPECT(!sts_policy_names(&policy, TEXT("example.net")));
    EXPECT(!sts_policy_names(&policy, TEXT("a.mx.example.net")));
    EXPECT(!sts_policy_names(&policy, TEXT("mx.example.com")));
    EXPECT(!sts_policy_names(&policy, TEXT(".example.net")));
    EXPECT(!sts_policy_names(&policy, TEXT("")));
}

TEST("TLSA records that SMTP can't use are told from those it can")
{
    char digest[64] = {1};
    struct tls_tlsa record = {3, 1, 1, text_of(digest, 32)};
    EXPECT(tls_tlsa_is_usable(&record));
    record.usage = 2;
    EXPECT(tls_tlsa_is_usable(&record));
    record.usage = 1; /* RFC 7672 3.1.3 */
    EXPECT(!tls_tlsa_is_usable(&record));
    record = (struct tls_tlsa){3, 2, 1, text_of(digest, 32)};
    EXPECT(!tls_tlsa_is_usable(&record));
    record = (struct tls_tlsa){3, 1, 2, text_of(digest, 32)};
    EXPECT(!tls_tlsa_is_usable(&record));
    record = (struct tls_tlsa){3, 1, 3, text_of(digest, 32)};
    EXPECT(!tls_tlsa_is_usable(&record));
    record = (struct tls_tlsa){3, 0, 0, text_of(digest, 32)};
    EXPECT(!tls_tlsa_is_usable(&record));
}
