#include "mail/transfer_decoding.h"

#include <string.h>

#include "test.h"

/* Whole, and a byte at a time. */
static void expect_decoded(enum mime_encoding encoding, struct text bytes, struct text expected)
{
    struct buffer whole, pieces;
    struct transfer_decoder decoder;
    buffer_init(&whole, 10000);
    buffer_init(&pieces, 10000);
    EXPECT(transfer_decode(encoding, bytes, &whole));
    EXPECT(text_equals(buffer_text(&whole), expected));
    transfer_decoder_init(&decoder, encoding);
    for (size_t i = 0; i < bytes.length; i++)
        EXPECT(transfer_decoder_feed(&decoder, text_of(bytes.data + i, 1), &pieces));
    EXPECT(transfer_decoder_end(&decoder, &pieces));
    EXPECT(text_equals(buffer_text(&pieces), expected));
    buffer_finish(&whole);
    buffer_finish(&pieces);
}

TEST("base64 is decoded over line ends, and up to its padding")
{
    expect_decoded(MIME_BASE64, TEXT("SGVs\r\nbG8=\r\n"), TEXT("Hello"));
    expect_decoded(MIME_BASE64, TEXT("SGVsbG8"), TEXT("Hello"));
    expect_decoded(MIME_BASE64, TEXT("SG!Vs bG8=SGVs"), TEXT("Hello"));
    expect_decoded(MIME_BASE64, TEXT("AAECAw=="), TEXT("\0\1\2\3"));
    expect_decoded(MIME_BASE64, TEXT(""), TEXT(""));
}

TEST("quoted-printable is decoded, its soft line ends and added blanks removed")
{
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("a=3Db=\r\nc =\n d  \r\ne\t\r\n"),
                   TEXT("a=bc  d\r\ne\r\n"));
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("gr=C3=bc=c3=9F"), TEXT("gr\xc3\xbc\xc3\x9f"));
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("a=  \r\nb=\t\nc"), TEXT("abc"));
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("a =20\r\n"), TEXT("a  \r\n"));
}

TEST("what is not quoted-printable stays as it is")
{
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("a=zz=4=C"), TEXT("a=zz=4=C"));
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("=\rx"), TEXT("=\rx"));
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("a==3D"), TEXT("a=="));
    expect_decoded(MIME_QUOTED_PRINTABLE, TEXT("end="), TEXT("end"));
}

TEST("other encodings pass")
{
    expect_decoded(MIME_8BIT, TEXT("a=3D\xff"), TEXT("a=3D\xff"));
    expect_decoded(MIME_ENCODING_UNKNOWN, TEXT("SGVs"), TEXT("SGVs"));
}

TEST("of a body that is too large the beginning is given")
{
    struct buffer out;
    buffer_init(&out, 3);
    EXPECT(!transfer_decode(MIME_BASE64, TEXT("SGVsbG8="), &out));
    EXPECT_TEXT(buffer_text(&out), "Hel");
    buffer_finish(&out);
}

TEST("wherever the room ends, what was decoded until there is given, and that it did not fit is "
     "told")
{
    static const char *const bodies[] = {"a  b=20\r\nc \td=zz=4=\rx  =20y=3D=4",
                                         "gr=C3=BCn =  \r\n e==3D\t\tf", "=41 \n=4x = =\tz"};
    for (unsigned i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct buffer whole, part;
        buffer_init(&whole, 1000);
        EXPECT(transfer_decode(MIME_QUOTED_PRINTABLE, text_from(bodies[i]), &whole));
        for (size_t room = 0; room <= whole.length; room++) {
            buffer_init(&part, room);
            EXPECT(transfer_decode(MIME_QUOTED_PRINTABLE, text_from(bodies[i]), &part) ==
                   (room == whole.length));
            EXPECT(text_starts_with(buffer_text(&whole), buffer_text(&part)));
            buffer_finish(&part);
        }
        buffer_finish(&whole);
    }
}

TEST("blanks without end within a line stay")
{
    enum { MANY = 200000 };
    static char line[MANY];
    struct buffer out;
    memset(line, ' ', sizeof(line));
    line[0] = 'a';
    line[MANY - 1] = 'b';
    buffer_init(&out, MANY);
    EXPECT(transfer_decode(MIME_QUOTED_PRINTABLE, text_of(line, MANY), &out));
    EXPECT(text_equals(buffer_text(&out), text_of(line, MANY)));
    buffer_finish(&out);
    buffer_init(&out, MANY - 1);
    EXPECT(!transfer_decode(MIME_QUOTED_PRINTABLE, text_of(line, MANY), &out));
    buffer_finish(&out);
    buffer_init(&out, 5000); /* and in pieces */
    EXPECT(!transfer_decode(MIME_8BIT, text_of(line, MANY), &out));
    EXPECT(out.length > 4000);
    buffer_finish(&out);
}
