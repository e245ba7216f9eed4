#include "mail/mime.h"

#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "test.h"

static struct arena arena;

static struct mime_tree scan(struct text message)
{
    struct mime_tree tree;
    mime_scan(message, MIME_LIMITS_DEFAULT, &arena, &tree);
    return tree;
}

static struct text body_of(struct text message, const struct mime_part *part)
{
    return text_head(text_from_position(message, part->body_start), part->body_length);
}

static struct text header_of(struct text message, const struct mime_part *part)
{
    return text_head(text_from_position(message, part->header_start), part->header_length);
}

static void expect_type(const struct mime_part *part, const char *type)
{
    EXPECT_TEXT(
        arena_printf(&arena, "%.*s/%.*s", TEXT_ARG(part->type.value), TEXT_ARG(part->type.subtype)),
        type);
}

static struct text parameter_of(const char *field, const char *name, const char **charset)
{
    struct mime_field *parsed = arena_alloc(&arena, sizeof(*parsed));
    mime_field_parse(text_from(field), &arena, parsed);
    const struct mime_parameter *found = mime_parameter_find(parsed, text_from(name));
    if (found == NULL)
        return TEXT("(none)");
    if (charset != NULL)
        *charset = arena_copy(&arena, found->charset).data;
    return found->value;
}

TEST("a message without MIME is one part of plain text")
{
    struct text message = TEXT("Subject: x\r\n\r\none\r\ntwo\r\n");
    struct mime_tree tree = scan(message);
    EXPECT(tree.part_count == 1 && !tree.is_cut && tree.root->first_child == NULL);
    expect_type(tree.root, "text/plain");
    EXPECT_TEXT(header_of(message, tree.root), "Subject: x\r\n\r\n");
    EXPECT_TEXT(body_of(message, tree.root), "one\r\ntwo\r\n");
    EXPECT(tree.root->body_lines == 2 && tree.root->encoding == MIME_7BIT);
}

TEST("the parts of a multipart end before the line end of the boundary")
{
    struct text message = TEXT("Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n"
                               "--b\r\n\r\none\r\n\r\n"
                               "--b  \r\nContent-Type: Image/PNG\r\nContent-ID: <1@x>\r\n"
                               "Content-Transfer-Encoding: BASE64\r\n\r\niVBO\r\n"
                               "--b--\r\nepilogue\r\n--b\r\nstill epilogue\r\n");
    struct mime_tree tree = scan(message);
    struct mime_part *first = tree.root->first_child, *second = first->next;
    EXPECT(tree.part_count == 3 && second->next == NULL);
    EXPECT_TEXT(header_of(message, first), "\r\n");
    EXPECT_TEXT(body_of(message, first), "one\r\n");
    EXPECT(first->body_lines == 1);
    expect_type(second, "image/png");
    EXPECT_TEXT(second->id, "<1@x>");
    EXPECT(second->encoding == MIME_BASE64);
    EXPECT_TEXT(second->encoding_name, "BASE64");
    EXPECT_TEXT(body_of(message, second), "iVBO");
    EXPECT(second->body_lines == 0);
}

TEST("a boundary of an outer multipart ends all that is open inside")
{
    struct text message = TEXT("Content-Type: multipart/mixed; boundary=outer\n\n"
                               "--outer\nContent-Type: multipart/alternative; boundary=outer-in\n\n"
                               "--outer-in\n\nplain\n"
                               "--outer\nContent-Type: text/html\n\nhtml\n");
    struct mime_tree tree = scan(message);
    struct mime_part *inner = tree.root->first_child;
    EXPECT(tree.part_count == 4);
    EXPECT_TEXT(body_of(message, inner->first_child), "plain");
    EXPECT_TEXT(body_of(message, inner->next), "html\n");
    expect_type(inner->next, "text/html");
}

TEST("a message in a message is a part, with the structure it has")
{
    struct text message = TEXT("Content-Type: multipart/digest; boundary=d\r\n\r\n"
                               "--d\r\n\r\nSubject: a\r\n\r\nfirst\r\n"
                               "--d\r\nContent-Type: message/rfc822\r\n"
                               "Content-Transfer-Encoding: base64\r\n\r\nU3Vi\r\n--d--\r\n");
    struct mime_tree tree = scan(message);
    struct mime_part *first = tree.root->first_child;
    EXPECT(tree.part_count == 4);
    expect_type(first, "message/rfc822");
    EXPECT_TEXT(header_of(message, first->first_child), "Subject: a\r\n\r\n");
    EXPECT_TEXT(body_of(message, first->first_child), "first");
    expect_type(first->first_child, "text/plain");
    EXPECT(first->next->first_child == NULL);
    EXPECT(mime_part_next(first) == first->first_child);
    EXPECT(mime_part_next(first->first_child) == first->next);
    EXPECT(mime_part_next(first->next) == NULL);
}

TEST("parts of no length stay inside their parents")
{
    static const char *const messages[] = {
        "Content-Type: multipart/a; boundary=b\r\n\r\n--b\r\n--b\r\n\r\n--b--\r\n",
        "Content-Type: multipart/a; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "--b--",
        "Content-Type: multipart/a; boundary=b\r\n\r\n--b\r\n"
        "Content-Type: multipart/b; boundary=c\r\n\r\n--c\r\n--b--",
        "Content-Type: multipart/a; boundary=b\r\n\r\n--b", ""};
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct text message = text_from(messages[i]);
        struct mime_tree tree = scan(message);
        for (struct mime_part *part = tree.root; part != NULL; part = mime_part_next(part)) {
            EXPECT(part->header_start + part->header_length == part->body_start);
            EXPECT(part->body_start + part->body_length <= message.length);
            if (part->parent != NULL) {
                EXPECT(part->header_start >= part->parent->body_start);
                EXPECT(part->body_start + part->body_length <=
                       part->parent->body_start + part->parent->body_length);
            }
        }
    }
}

TEST("a multipart whose boundary is missing or never seen has no parts")
{
    EXPECT(scan(TEXT("Content-Type: multipart/mixed\r\n\r\n--\r\n\r\n")).part_count == 1);
    EXPECT(scan(TEXT("Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n")).part_count ==
           1);
    EXPECT(scan(TEXT("Content-Type: multipart/mixed; boundary=x\r\n\r\n-x\r\n")).part_count == 1);
}

TEST("a type that cannot be read is plain text, and the first of two counts")
{
    expect_type(scan(TEXT("Content-Type: text\r\n\r\n")).root, "text/plain");
    expect_type(scan(TEXT("Content-Type: ; a=b\r\n\r\n")).root, "text/plain");
    expect_type(scan(TEXT("Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n")).root, "a/b");
}

TEST("parameters are read with quotes, comments and folding")
{
    const char *field = " text / plain (a ; b=c) ; CHARSET=us-ascii (Plain) ;\r\n"
                        "\tname=\"a \\\"b\\\"; c\" ; x = y; z; w=";
    EXPECT_TEXT(parameter_of(field, "charset", NULL), "us-ascii");
    EXPECT_TEXT(parameter_of(field, "Name", NULL), "a \"b\"; c");
    EXPECT_TEXT(parameter_of(field, "x", NULL), "y");
    EXPECT_TEXT(parameter_of(field, "z", NULL), "(none)");
    EXPECT_TEXT(parameter_of(field, "w", NULL), "");
    EXPECT_TEXT(parameter_of("a/b; c=\"open", "c", NULL), "open");
    EXPECT_TEXT(parameter_of("attachment; filename=a=b/c.txt", "filename", NULL), "a=b/c.txt");
}

TEST("continuations of RFC 2231 are joined by number, the charset kept")
{
    const char *charset = NULL;
    EXPECT_TEXT(
        parameter_of("a; n*1*=%20b; n*0*=UTF-8'de'%C3%BC; n*2=\"%20\"; n*4=x", "n", &charset),
        "\xc3\xbc b%20");
    EXPECT_TEXT(text_from(charset), "utf-8");
    EXPECT_TEXT(parameter_of("a; n=plain; n*=utf-8''ext%zz", "n", NULL), "ext%zz");
    EXPECT_TEXT(parameter_of("a; n=first; n=second", "n", NULL), "first");
    EXPECT_TEXT(parameter_of("a; n*01=x; n*99999999999=y; n*-1=z; n*1=w", "n", NULL), "(none)");
    EXPECT_TEXT(parameter_of("a; *=x; **=y; =z; n*=no-quotes", "n", NULL), "no-quotes");
}

TEST("depth and number of parts are limited, and the tree says so")
{
    struct buffer message;
    struct mime_tree tree;
    buffer_init(&message, 1 << 20);
    for (int i = 0; i < 200; i++)
        buffer_printf(&message, "Content-Type: message/rfc822\r\n\r\n");
    tree = scan(buffer_text(&message));
    EXPECT(tree.part_count == 101 && tree.is_cut);
    buffer_reset(&message, 0);
    buffer_printf(&message, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (int i = 0; i < 20; i++)
        buffer_printf(&message, "--b\r\n\r\npart %d\r\n", i);
    mime_scan(buffer_text(&message), (struct mime_limits){.max_depth = 1, .max_parts = 5}, &arena,
              &tree);
    EXPECT(tree.part_count == 5 && tree.is_cut);
    EXPECT_TEXT(body_of(buffer_text(&message), tree.root->last_child), "part 3");
    buffer_finish(&message);
}

TEST("nested boundaries that begin alike do not make the scan quadratic")
{
    struct buffer message;
    char boundary[80];
    buffer_init(&message, 8 << 20);
    memset(boundary, 'x', sizeof(boundary));
    for (int i = 0; i < 99; i++)
        buffer_printf(&message,
                      "Content-Type: multipart/mixed; boundary=%.60s%02d\r\n\r\n--%.60s%02d\r\n",
                      boundary, i, boundary, i);
    while (message.length < 4 << 20)
        buffer_printf(&message, "--%.62s\r\n", boundary);
    clock_t start = clock(); /* of the processor, however many share it */
    EXPECT(scan(buffer_text(&message)).part_count == 100);
    EXPECT(clock() - start < 10 * CLOCKS_PER_SEC);
    buffer_finish(&message);
}
