/* One kind of each alternative, as pieces of the message. */
#include "base/buffer.h"
#include "mail/alternative.h"
#include "test.h"

static const char mixed[] = "From: a\r\n"
                            "Content-Type: multipart/mixed; boundary=m\r\n"
                            "\r\n"
                            "--m\r\n"
                            "Content-Type: multipart/alternative; boundary=a\r\n"
                            "\r\n"
                            "--a\r\n"
                            "\r\n"
                            "plain\r\n"
                            "--a\r\n"
                            "Content-Type: multipart/related; boundary=r\r\n"
                            "\r\n"
                            "--r\r\n"
                            "Content-Type: text/html\r\n"
                            "\r\n"
                            "<b>html</b>\r\n"
                            "--r--\r\n"
                            "--a--\r\n"
                            "--m\r\n"
                            "Content-Type: image/png\r\n"
                            "\r\n"
                            "png\r\n"
                            "--m--\r\n";

static struct text reduce(struct arena *arena, const char *message, enum alternative_kind kind)
{
    struct alternative_pieces pieces;
    struct buffer out;
    buffer_init(&out, 1 << 16);
    if (!alternative_reduce(text_from(message), kind, arena, &pieces))
        return TEXT("(whole)");
    for (unsigned i = 0; i < pieces.count; i++)
        buffer_append(&out, text_of(message + pieces.at[i].offset, pieces.at[i].length));
    EXPECT(out.length == pieces.size);
    struct text reduced = arena_copy(arena, buffer_text(&out));
    buffer_finish(&out);
    return reduced;
}

TEST("a message that is an alternative becomes the chosen part under its own header")
{
    static const char message[] = "Content-Type: multipart/alternative; boundary=\"b\"\r\n"
                                  "From: a\r\n"
                                  "Content-Language: en\r\n"
                                  "MIME-Version: 1.0\r\n"
                                  "\r\n"
                                  "preamble\r\n"
                                  "--b\r\n"
                                  "Content-Type: text/plain;\r\n"
                                  " charset=utf-8\r\n"
                                  "X-Note: not shown\r\n"
                                  "\r\n"
                                  "plain\r\n"
                                  "\r\n"
                                  "--b\r\n"
                                  "Content-Type: text/html\r\n"
                                  "Content-Transfer-Encoding: base64\r\n"
                                  "\r\n"
                                  "PGI+\r\n"
                                  "--b--\r\n"
                                  "epilogue\r\n";
    struct arena arena;
    arena_init(&arena);
    EXPECT_TEXT(reduce(&arena, message, ALTERNATIVE_PLAIN),
                "From: a\r\nMIME-Version: 1.0\r\n"
                "Content-Type: text/plain;\r\n charset=utf-8\r\n\r\nplain\r\n\r\n");
    EXPECT_TEXT(reduce(&arena, message, ALTERNATIVE_HTML),
                "From: a\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n"
                "Content-Transfer-Encoding: base64\r\n\r\nPGI+\r\n");
    arena_finish(&arena);
}

TEST("a message that would come apart into very many pieces stays whole")
{
    static const char fields[] = "X: y\r\nContent-X: y\r\n";
    struct alternative_pieces pieces;
    struct arena arena;
    arena_init(&arena);
    for (unsigned more = 0; more < 2; more++) {
        struct buffer message;
        buffer_init(&message, 1 << 20);
        buffer_append(&message, TEXT("Content-Type: multipart/alternative; boundary=b\r\n"));
        /* The pieces behind them: the blank line, the text. */
        for (unsigned i = 0; i + 2 < ALTERNATIVE_PIECES_MOST + more; i++)
            buffer_append(&message, text_from(fields));
        buffer_append(&message, TEXT("\r\n--b\r\n\r\nplain\r\n--b--\r\n"));
        bool is_reduced =
            alternative_reduce(buffer_text(&message), ALTERNATIVE_PLAIN, &arena, &pieces);
        EXPECT(is_reduced == (more == 0));
        EXPECT(pieces.count == (more == 0 ? ALTERNATIVE_PIECES_MOST : 0));
        buffer_finish(&message);
    }
    arena_finish(&arena);
}

TEST("an alternative inside is replaced by the chosen part, and all else stays")
{
    struct arena arena;
    arena_init(&arena);
    EXPECT_TEXT(reduce(&arena, mixed, ALTERNATIVE_PLAIN),
                "From: a\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n"
                "\r\nplain\r\n"
                "--m\r\nContent-Type: image/png\r\n\r\npng\r\n--m--\r\n");
    EXPECT_TEXT(reduce(&arena, mixed, ALTERNATIVE_HTML),
                "From: a\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n"
                "Content-Type: multipart/related; boundary=r\r\n\r\n--r\r\n"
                "Content-Type: text/html\r\n\r\n<b>html</b>\r\n--r--\r\n"
                "--m\r\nContent-Type: image/png\r\n\r\npng\r\n--m--\r\n");
    arena_finish(&arena);
}

TEST("what has no such kind, is signed, or lies in a message inside stays whole")
{
    static const char only_html[] = "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
                                    "--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n";
    static const char in_signed[] =
        "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n"
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        "--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n--s--\r\n";
    static const char forwarded[] =
        "Content-Type: message/rfc822\r\n\r\n"
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        "--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\nx\r\n--b--\r\n";
    struct arena arena;
    arena_init(&arena);
    EXPECT_TEXT(reduce(&arena, only_html, ALTERNATIVE_PLAIN), "(whole)");
    EXPECT_TEXT(reduce(&arena, in_signed, ALTERNATIVE_PLAIN), "(whole)");
    EXPECT_TEXT(reduce(&arena, forwarded, ALTERNATIVE_HTML), "(whole)");
    EXPECT_TEXT(reduce(&arena, "Subject: x\r\n\r\ntext\r\n", ALTERNATIVE_PLAIN), "(whole)");
    EXPECT_TEXT(reduce(&arena, "", ALTERNATIVE_PLAIN), "(whole)");
    arena_finish(&arena);
}
