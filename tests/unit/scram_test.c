#include "sasl/scram.h"

#include <string.h>

#include "base/encoding.h"
#include "test.h"

static struct text bytes_of(const struct scram_digest *digest)
{
    return text_of((const char *)digest->bytes, digest->length);
}

static struct text decoded(const char *base64, struct buffer *out)
{
    buffer_init(out, 1000);
    EXPECT(base64_decode(text_from(base64), out));
    return buffer_text(out);
}

static void expect_base64(const struct scram_digest *digest, const char *expected)
{
    struct buffer encoded;
    buffer_init(&encoded, 100);
    base64_encode(bytes_of(digest), &encoded);
    EXPECT_TEXT(buffer_text(&encoded), expected);
    buffer_finish(&encoded);
}

/* One exchange of an RFC: its salt and messages, and what must come out. */
struct vector {
    enum scram_hash hash;
    const char *salt;
    const char *messages;
    const char *proof;
    const char *signature;
};

static const struct vector vectors[] = {
    /* RFC 5802 5 */
    {SCRAM_SHA_1, "QSXCR+Q6sek8bf92",
     "n=user,r=fyko+d2lbbFgONRv9qkxdawL,"
     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096,"
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
     "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    /* RFC 7677 3 */
    {SCRAM_SHA_256, "W22ZaJ0SNY7soEsUEjb6gQ==",
     "n=user,r=rOprNGfwEbeRWgbNEkqO,"
     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
     "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
};

TEST("proof and signature are those of RFC 5802 and RFC 7677")
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        const struct vector *vector = &vectors[i];
        struct buffer salt;
        struct scram_digest salted, proof, signature;
        struct scram_keys keys;
        struct text messages = text_from(vector->messages);
        EXPECT(scram_salt_password(vector->hash, TEXT("pencil"), decoded(vector->salt, &salt), 4096,
                                   &salted));
        scram_keys_derive(vector->hash, &salted, &keys);
        scram_prove(vector->hash, &keys, messages, &proof);
        expect_base64(&proof, vector->proof);
        scram_sign(vector->hash, &keys.server, messages, &signature);
        expect_base64(&signature, vector->signature);
        EXPECT(scram_proof_holds(vector->hash, &keys.stored, messages, bytes_of(&proof)));
        proof.bytes[3] ^= 1;
        EXPECT(!scram_proof_holds(vector->hash, &keys.stored, messages, bytes_of(&proof)));
        EXPECT(!scram_proof_holds(vector->hash, &keys.stored, messages, TEXT("short")));
        EXPECT(scram_digest_equals(&signature, bytes_of(&signature)));
        EXPECT(!scram_digest_equals(&signature, TEXT("")));
        scram_keys_forget(&keys);
        EXPECT(keys.client.bytes[0] == 0 && keys.client.length == 0);
        buffer_finish(&salt);
    }
}

TEST("too few and too many iterations are refused")
{
    struct scram_digest salted;
    EXPECT(!scram_salt_password(SCRAM_SHA_256, TEXT("p"), TEXT("salt"), 0, &salted));
    EXPECT(!scram_salt_password(SCRAM_SHA_256, TEXT("p"), TEXT("salt"), 4095, &salted));
    EXPECT(!scram_salt_password(SCRAM_SHA_256, TEXT("p"), TEXT("salt"), 1000001, &salted));
}

TEST("a name with commas and equals signs comes back as it was")
{
    struct buffer encoded, plain;
    buffer_init(&encoded, 100);
    buffer_init(&plain, 100);
    EXPECT(scram_name_encode(TEXT("a,b=c,=2C"), &encoded));
    EXPECT_TEXT(buffer_text(&encoded), "a=2Cb=3Dc=2C=3D2C");
    EXPECT(scram_name_decode(buffer_text(&encoded), &plain));
    EXPECT_TEXT(buffer_text(&plain), "a,b=c,=2C");
    buffer_finish(&encoded);
    buffer_finish(&plain);
}

TEST("a name that is encoded wrongly is refused")
{
    static const char *const wrong[] = {"a=", "a=2", "a=2c", "=41", "a,b", "=3"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct buffer plain;
        buffer_init(&plain, 100);
        EXPECT(!scram_name_decode(text_from(wrong[i]), &plain));
        buffer_finish(&plain);
    }
    struct buffer encoded;
    buffer_init(&encoded, 100);
    EXPECT(!scram_name_encode(text_of("a\0b", 3), &encoded));
    buffer_finish(&encoded);
}

TEST("attributes are taken in their order and no other")
{
    struct text message = TEXT("r=a=b,s=c,i=4096"), value;
    EXPECT(!scram_attribute(&message, 's', &value));
    EXPECT(scram_attribute(&message, 'r', &value));
    EXPECT_TEXT(value, "a=b");
    EXPECT(scram_attribute(&message, 's', &value));
    EXPECT(scram_attribute(&message, 'i', &value));
    EXPECT_TEXT(value, "4096");
    EXPECT(text_is_empty(message) && !scram_attribute(&message, 'i', &value));
}
