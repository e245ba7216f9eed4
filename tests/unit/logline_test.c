/* Log lines: what is written when, seen at the end of a pipe that stands for standard error. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/logline.h"
#include "test.h"

static struct {
    int before, reading;
    char bytes[16384];
} error;

static void capture_begin(void)
{
    int ends[2];
    EXPECT(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
    error.before = dup(STDERR_FILENO);
    error.reading = ends[0];
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

static void capture_end(void)
{
    dup2(error.before, STDERR_FILENO);
    close(error.before);
    close(error.reading);
}

/* What one write has brought, or ""; a pipe keeps no cuts, so this is asked after each. */
static struct text written(void)
{
    ssize_t length = read(error.reading, error.bytes, sizeof(error.bytes));
    return text_of(error.bytes, length > 0 ? (size_t)length : 0);
}

static bool has(struct text text, const char *words)
{
    return memmem(text.data, text.length, words, strlen(words)) != NULL;
}

TEST("a line is written at once where none are gathered")
{
    capture_begin();
    log_info("test.one", "n=1");
    struct text line = written();
    EXPECT(has(line, "level=info role=mailroot event=test.one n=1\n"));
    capture_end();
}

TEST("gathered lines wait until they are written, in their order")
{
    capture_begin();
    log_gather(true);
    log_info("test.one", "n=1");
    log_info("test.two", "n=2");
    EXPECT_TEXT(written(), "");
    log_write_gathered();
    struct text lines = written();
    EXPECT(has(lines, "event=test.one n=1\ntime="));
    EXPECT(has(lines, "event=test.two n=2\n"));
    log_write_gathered();
    EXPECT_TEXT(written(), "");
    log_gather(false);
    capture_end();
}

TEST("a warning does not wait, and takes along what came before it")
{
    capture_begin();
    log_gather(true);
    log_info("test.one", "n=1");
    log_warning("test.two", "n=2");
    struct text lines = written();
    EXPECT(has(lines, "event=test.one n=1\ntime="));
    EXPECT(has(lines, "level=warning role=mailroot event=test.two n=2\n"));
    log_gather(false);
    capture_end();
}

TEST("who stops gathering writes what waits")
{
    capture_begin();
    log_gather(true);
    log_info("test.one", "n=1");
    log_gather(false);
    EXPECT(has(written(), "event=test.one n=1\n"));
    log_info("test.two", "n=2");
    EXPECT(has(written(), "event=test.two n=2\n"));
    capture_end();
}

TEST("no more is gathered than a pipe takes in one piece, and no line is cut by that")
{
    enum { LINES = 100, PIECE = 4096 };
    char words[901];
    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    capture_begin();
    log_gather(true);
    unsigned lines = 0;
    for (unsigned i = 0; i < LINES; i++) {
        log_info("test.long", "words=%s.", words);
        struct text piece = written();
        EXPECT(piece.length <= PIECE);
        EXPECT(piece.length == 0 || piece.data[piece.length - 1] == '\n');
        for (size_t at = 0; at < piece.length; at++)
            lines += piece.data[at] == '\n';
    }
    log_gather(false);
    struct text rest = written();
    for (size_t at = 0; at < rest.length; at++)
        lines += rest.data[at] == '\n';
    EXPECT(lines == LINES);
    capture_end();
}

TEST("a line that is too long is cut, and ends all the same")
{
    static char words[5000];
    memset(words, 'w', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    capture_begin();
    log_info("test.long", "words=%s", words);
    struct text line = written();
    EXPECT(line.length < 2048 && line.data[line.length - 1] == '\n');
    capture_end();
}
