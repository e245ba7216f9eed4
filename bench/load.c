/* A load of SMTP transactions, cheap enough to share the machine with the server it measures: one
 * epoll loop, one constant message, MAIL, RCPT and DATA pipelined as mail servers do.
 *
 *     load PORT CONNECTIONS MESSAGES BYTES PER-CONNECTION RECIPIENT [HOPS]
 *
 * PORT may be lmtp:PORT. With HOPS a % in RECIPIENT becomes the message's number modulo HOPS:
 * user@%.example.
 *
 * Prints "seconds <s> median-ms <m> p99-ms <p>"; a latency is from MAIL to the last reply. Any
 * reply but 2xx and 3xx ends it with status 1. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES = 2048, ENVELOPE_BYTES = 512, EVENTS = 256 };

enum step { GREETING, HELLO, ENVELOPE, BODY, QUIT };

struct connection {
    int fd;
    enum step step;
    unsigned replies_due;
    unsigned sent; /* messages, on this connection */
    double began;  /* of the current message */
    char line[LINE_BYTES];
    size_t line_length;
    const char *out; /* still to be written */
    size_t out_length;
    char envelope[ENVELOPE_BYTES];
};

static struct {
    int epoll;
    struct sockaddr_in address;
    unsigned messages, per_connection; /* per_connection 0: no limit */
    unsigned started, done;
    unsigned hops; /* 0: all go to the one recipient */
    const char *recipient, *hello;
    char *body;
    size_t body_length;
    double *latencies;
} load;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(struct connection *connection, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (connection->out_length ? EPOLLOUT : 0),
                                .data.ptr = connection};
    if (epoll_ctl(load.epoll, operation, connection->fd, &event) != 0)
        die("epoll_ctl");
}

static void flush(struct connection *connection)
{
    size_t before = connection->out_length;
    while (connection->out_length > 0) {
        ssize_t count = write(connection->fd, connection->out, connection->out_length);
        if (count < 0 && errno == EAGAIN)
            break;
        if (count < 0)
            die("write");
        connection->out += count;
        connection->out_length -= (size_t)count;
    }
    if (before > 0)
        watch(connection, EPOLL_CTL_MOD);
}

static void say(struct connection *connection, enum step step, const char *bytes, size_t length,
                unsigned replies)
{
    connection->step = step;
    connection->replies_due = replies;
    connection->out = bytes;
    connection->out_length = length;
    flush(connection);
}

static void open_connection(struct connection *connection)
{
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        die("socket");
    int on = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(connection->fd, (struct sockaddr *)&load.address, sizeof(load.address)) != 0)
        die("connect");
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    connection->step = GREETING;
    connection->replies_due = 1;
    connection->sent = 0;
    connection->line_length = connection->out_length = 0;
    watch(connection, EPOLL_CTL_ADD);
}

static void write_envelope(char *out)
{
    const char *mark = load.hops > 0 ? strchr(load.recipient, '%') : NULL;
    char number[16] = "";
    int before = (int)(mark == NULL ? strlen(load.recipient) : (size_t)(mark - load.recipient));
    if (mark != NULL)
        snprintf(number, sizeof(number), "%u", load.started % load.hops);
    snprintf(out, ENVELOPE_BYTES,
             "MAIL FROM:<load@elsewhere.test>\r\nRCPT TO:<%.*s%s%s>\r\nDATA\r\n", before,
             load.recipient, number, mark == NULL ? "" : mark + 1);
}

/* The next message on this connection, or its end. */
static void next_message(struct connection *connection)
{
    bool is_full = load.per_connection > 0 && connection->sent == load.per_connection;
    if (load.started == load.messages || is_full) {
        say(connection, QUIT, "QUIT\r\n", 6, 1);
        return;
    }
    write_envelope(connection->envelope);
    load.started++;
    connection->sent++;
    connection->began = now();
    say(connection, ENVELOPE, connection->envelope, strlen(connection->envelope), 3);
}

static void close_connection(struct connection *connection)
{
    close(connection->fd);
    connection->fd = -1;
    if (load.started < load.messages)
        open_connection(connection);
}

/* All replies of the step are there. */
static void advance(struct connection *connection)
{
    switch (connection->step) {
    case GREETING:
        say(connection, HELLO, load.hello, strlen(load.hello), 1);
        break;
    case HELLO:
        next_message(connection);
        break;
    case ENVELOPE:
        say(connection, BODY, load.body, load.body_length, 1);
        break;
    case BODY:
        load.latencies[load.done++] = now() - connection->began;
        next_message(connection);
        break;
    case QUIT:
        close_connection(connection);
        break;
    }
}

static void take_line(struct connection *connection, const char *line, size_t length)
{
    if (length > 3 && line[3] == '-')
        return;
    if (line[0] != '2' && line[0] != '3') {
        fprintf(stderr, "load: unexpected reply: %.*s\n", (int)length, line);
        exit(1);
    }
    if (--connection->replies_due == 0)
        advance(connection);
}

static void receive(struct connection *connection)
{
    char *start = connection->line;
    ssize_t count =
        read(connection->fd, start + connection->line_length, LINE_BYTES - connection->line_length);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0)
        die("the server closed the connection");
    size_t length = connection->line_length + (size_t)count;
    char *end;
    while (connection->fd >= 0 && (end = memchr(start, '\n', length)) != NULL) {
        size_t line_length = (size_t)(end - start) + 1;
        length -= line_length;
        connection->line_length = 0;
        take_line(connection, start, line_length);
        start += line_length;
    }
    memmove(connection->line, start, length);
    connection->line_length = length;
}

static void prepare(size_t bytes, const char *recipient)
{
    load.body = malloc(bytes + 512);
    load.latencies = calloc(load.messages, sizeof(*load.latencies));
    if (load.body == NULL || load.latencies == NULL)
        die("memory");
    size_t length = (size_t)sprintf(load.body,
                                    "From: <load@elsewhere.test>\r\nTo: <%s>\r\nSubject: load\r\n"
                                    "Date: Mon, 23 Nov 2026 20:00:00 +0000\r\n\r\n",
                                    recipient);
    while (length + 72 < bytes) {
        memset(load.body + length, 'x', 70);
        memcpy(load.body + length + 70, "\r\n", 2);
        length += 72;
    }
    memcpy(load.body + length, ".\r\n", 3);
    load.body_length = length + 3;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void print_result(double seconds)
{
    qsort(load.latencies, load.done, sizeof(*load.latencies), compare);
    printf("seconds %.4f median-ms %.3f p99-ms %.3f\n", seconds,
           load.latencies[load.done / 2] * 1e3,
           load.latencies[(size_t)((double)load.done * 0.99)] * 1e3);
}

int main(int count, char **arguments)
{
    if (count != 7 && count != 8) {
        fprintf(stderr,
                "usage: load PORT CONNECTIONS MESSAGES BYTES PER-CONNECTION RECIPIENT [HOPS]\n");
        return 2;
    }
    bool is_lmtp = strncmp(arguments[1], "lmtp:", 5) == 0;
    unsigned long port = strtoul(arguments[1] + (is_lmtp ? 5 : 0), NULL, 10);
    load.hello = is_lmtp ? "LHLO load.test\r\n" : "EHLO load.test\r\n";
    load.address = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    unsigned connections = (unsigned)strtoul(arguments[2], NULL, 10);
    load.messages = (unsigned)strtoul(arguments[3], NULL, 10);
    load.per_connection = (unsigned)strtoul(arguments[5], NULL, 10);
    load.recipient = arguments[6];
    load.hops = count == 8 ? (unsigned)strtoul(arguments[7], NULL, 10) : 0;
    prepare(strtoul(arguments[4], NULL, 10), arguments[6]);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *all = calloc(connections, sizeof(*all));
    if (load.epoll < 0 || all == NULL)
        die("start");
    double began = now();
    for (unsigned i = 0; i < connections; i++)
        open_connection(&all[i]);
    while (load.done < load.messages) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(load.epoll, events, EVENTS, 30000);
        if (ready == 0)
            errno = ETIMEDOUT;
        if (ready <= 0)
            die("no answer");
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                flush(connection);
            if (connection->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT)
                receive(connection);
        }
    }
    print_result(now() - began);
    return 0;
}
