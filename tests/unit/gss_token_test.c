#include "sasl/gss_token.h"

#include <string.h>

#include "test.h"

#define KERBEROS "\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"

static bool is_kind(struct text token, enum sasl_gss_kind wanted)
{
    enum sasl_gss_kind kind;
    return sasl_gss_token_kind(token, &kind) && kind == wanted;
}

TEST("first tokens are told apart by their framing")
{
    EXPECT(is_kind(TEXT(KERBEROS), SASL_GSS_KERBEROS));
    EXPECT(is_kind(TEXT("\x60\x81\x09\x06\x06\x2b\x06\x01\x05\x05\x02\xa0"), SASL_GSS_NEGOTIATE));
    EXPECT(is_kind(TEXT("NTLMSSP\0\1\0\0\0"), SASL_GSS_NTLMSSP));
}

TEST("what is cut short, lies about its length or is of another mechanism is none")
{
    struct text whole = TEXT(KERBEROS);
    enum sasl_gss_kind kind;
    for (size_t length = 0; length < whole.length; length++)
        EXPECT(!sasl_gss_token_kind(text_head(whole, length), &kind));
    EXPECT(!sasl_gss_token_kind(
        TEXT("\x60\x0e\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x80\x06\x01\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x85\x00\x00\x00\x00\x03\x06\x01\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x03\x06\x01\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x03\x06\x7f\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("NTLMSSP"), &kind));
}

/* An AUTHENTICATE_MESSAGE with its domain and its user behind the fixed part. */
static struct text authenticate(char out[200], struct text domain, struct text user, bool unicode)
{
    memset(out, 0, 200);
    memcpy(out, "NTLMSSP\0\3", 9);
    out[28] = (char)domain.length;
    out[32] = 64;
    out[36] = (char)user.length;
    out[40] = (char)(64 + domain.length);
    out[60] = unicode;
    memcpy(out + 64, domain.data, domain.length);
    memcpy(out + 64 + domain.length, user.data, user.length);
    return text_of(out, 64 + domain.length + user.length);
}

static void expect_claim(struct text token, const char *expected)
{
    struct buffer claim;
    buffer_init(&claim, 100);
    EXPECT(sasl_ntlm_claim(token, &claim) == (expected != NULL));
    if (expected != NULL)
        EXPECT_TEXT(buffer_text(&claim), expected);
    buffer_finish(&claim);
}

TEST("the user that an NTLM message speaks for is read, in both alphabets")
{
    char bytes[200];
    expect_claim(authenticate(bytes, TEXT("EX"), TEXT("alice"), false), "EX\\alice");
    expect_claim(authenticate(bytes, TEXT("E\0X\0"), TEXT("a\0l\0"), true), "EX\\al");
    expect_claim(authenticate(bytes, TEXT(""), TEXT("a\0\xe9\0\xe9\x01"), true), "a??");
    expect_claim(authenticate(bytes, TEXT(""), TEXT("a\r\n"), false), "a??");
}

TEST("an NTLM message whose fields point outside of it claims nothing")
{
    char bytes[200];
    struct text whole = authenticate(bytes, TEXT("EX"), TEXT("alice"), false);
    for (size_t length = 0; length < whole.length; length++)
        expect_claim(text_head(whole, length), NULL);
    bytes[43] = 0x7f;
    expect_claim(whole, NULL);
    expect_claim(authenticate(bytes, TEXT("EX"), TEXT("abc"), true), NULL);
    expect_claim(authenticate(bytes, TEXT("EX"), TEXT(""), false), NULL);
    expect_claim(TEXT("NTLMSSP\0\1\0\0\0"), NULL);
}

static size_t normalised(struct text message, char out[200])
{
    struct buffer whole;
    buffer_init(&whole, 200);
    size_t length = sasl_ntlm_normalise(message, &whole) ? whole.length : 0;
    if (length > 0)
        memcpy(out, whole.data, length);
    buffer_finish(&whole);
    return length;
}

TEST("a first NTLM message without a version gets one, and keeps what it says")
{
    char bytes[] = "NTLMSSP\0\1\0\0\0\6\x82\x08\0\2\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0EX", out[200];
    EXPECT(normalised(text_of(bytes, 34), out) == 42);
    EXPECT(memcmp(out, bytes, 20) == 0 && out[20] == 40 && memcmp(out + 40, "EX", 2) == 0);
    EXPECT(normalised(text_of(bytes, 33), out) == 0);
    EXPECT(normalised(text_of(bytes, 31), out) == 0);
    bytes[16] = 0;
    EXPECT(normalised(text_of(bytes, 32), out) == 40);
    bytes[8] = 2;
    EXPECT(normalised(text_of(bytes, 32), out) == 0);
}

/* An AUTHENTICATE_MESSAGE of the second version, with its payload at `begin`. */
static struct text answer(char out[200], size_t begin)
{
    memset(out, 0, 200);
    memcpy(out, "NTLMSSP\0\3", 9);
    out[20] = 48;
    out[24] = (char)begin;
    out[36] = 5;
    out[40] = (char)(begin + 48);
    memcpy(out + begin + 48, "alice", 5);
    return text_of(out, begin + 53);
}

TEST("a last NTLM message without a version gets one, and offsets that know of it")
{
    char bytes[200], out[200];
    EXPECT(normalised(answer(bytes, 64), out) == 64 + 8 + 53);
    EXPECT(out[24] == 72 && out[40] == 120);
    expect_claim(text_of(out, 125), "alice");
    EXPECT(normalised(answer(bytes, 72), out) == 72 + 53 && out[24] == 72);
}

TEST("an NTLM message whose answers are not those of the second version is refused")
{
    char bytes[200], out[200];
    static const char lengths[] = {0, 1, 16, 24, 25, 47};
    for (size_t i = 0; i < sizeof(lengths); i++) {
        struct text message = answer(bytes, 72);
        bytes[20] = lengths[i];
        EXPECT(normalised(message, out) == 0);
    }
    struct text message = answer(bytes, 72);
    bytes[12] = 8;
    EXPECT(normalised(message, out) == 0);
    message = answer(bytes, 63);
    EXPECT(normalised(message, out) == 0);
    message = answer(bytes, 72);
    EXPECT(normalised(text_head(message, message.length - 1), out) == 0);
}
