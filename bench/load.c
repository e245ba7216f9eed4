/* A load of SMTP transactions, cheap enough to share the machine with the server it measures: one
 * epoll loop, one constant message, MAIL, RCPT and DATA pipelined where the server offers that.
 *
 *     load [-l] [-s] [-t] [-h HOPS] [-r RECIPIENTS]
 *          PORT CONNECTIONS MESSAGES BYTES PER-CONNECTION ADDRESS
 *     load -i [-t] PORT CONNECTIONS
 *
 * -l speaks LMTP, -s waits for each reply whatever is offered, -t begins with STARTTLS and believes
 * every certificate. With -h a % in ADDRESS becomes the message's number modulo HOPS:
 * user@%.example; with -r each message goes to so many, % being 0, 1, 2... PER-CONNECTION 0: no
 * limit. -i opens the connections, up to the answer to EHLO, says "idle", and holds them until its
 * standard input ends.
 *
 * Prints "seconds <s> median-ms <m> p99-ms <p> least <n> most <n>"; a latency is from MAIL to the
 * last reply, the numbers are of messages that one client, of as many as there are connections,
 * could give away. Any reply but 2xx and 3xx ends it with status 1. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "measure.h"

enum { LINE_BYTES = 2048, EVENTS = 256 };

enum step { GREETING, HELLO, STARTTLS, HANDSHAKE, ENVELOPE, BODY, QUIT };

struct connection {
    int fd;
    enum step step;
    unsigned replies_due;
    unsigned sent;  /* messages, on this connection */
    unsigned taken; /* the same, of all that this client had in turn, when answered */
    double began;   /* of the current message */
    char line[LINE_BYTES];
    size_t line_length;
    const char *out; /* still to be written */
    size_t out_length;
    char *envelope;
    const char *envelope_left; /* what has not been said of it */
    bool pipelines;
    SSL *tls; /* once STARTTLS was answered */
};

static struct {
    int epoll;
    struct sockaddr_in address;
    unsigned messages, per_connection; /* per_connection 0: no limit */
    unsigned started, done;
    unsigned hops; /* 0: all go to the one recipient */
    unsigned recipients, idle;
    bool idles, in_steps;
    SSL_CTX *tls; /* NULL: in clear text */
    const char *recipient, *hello;
    char *body;
    size_t body_length;
    double *latencies;
} load;

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

/* As write(2) and read(2). */
static ssize_t put(struct connection *connection, const void *bytes, size_t length)
{
    if (connection->tls == NULL)
        return write(connection->fd, bytes, length);
    int count = SSL_write(connection->tls, bytes, (int)length);
    if (count > 0)
        return count;
    errno = SSL_get_error(connection->tls, count) == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
}

static ssize_t get(struct connection *connection, void *bytes, size_t room)
{
    if (connection->tls == NULL)
        return read(connection->fd, bytes, room);
    int count = SSL_read(connection->tls, bytes, (int)room);
    if (count > 0)
        return count;
    errno = SSL_get_error(connection->tls, count) == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
    return -1;
}

static void flush(struct connection *connection)
{
    size_t before = connection->out_length;
    while (connection->out_length > 0) {
        ssize_t count = put(connection, connection->out, connection->out_length);
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
    connection->pipelines = false;
    connection->line_length = connection->out_length = 0;
    watch(connection, EPOLL_CTL_ADD);
}

/* The address with its % made a number. */
static char *write_recipient(char *out, unsigned number)
{
    const char *mark = strchr(load.recipient, '%');
    if (mark == NULL)
        return out + sprintf(out, "RCPT TO:<%s>\r\n", load.recipient);
    return out + sprintf(out, "RCPT TO:<%.*s%u%s>\r\n", (int)(mark - load.recipient),
                         load.recipient, number, mark + 1);
}

static size_t envelope_room(void)
{
    return 64 + load.recipients * (strlen(load.recipient) + 32);
}

static void write_envelope(char *out)
{
    out += sprintf(out, "MAIL FROM:<load@elsewhere.test>\r\n");
    for (unsigned i = 0; i < load.recipients; i++)
        out = write_recipient(out, load.hops > 0 ? load.started % load.hops : i);
    strcpy(out, "DATA\r\n");
}

static void say_envelope(struct connection *connection)
{
    const char *from = connection->envelope_left;
    size_t length = connection->pipelines ? strlen(from) : strcspn(from, "\n") + 1;
    connection->envelope_left = from + length;
    say(connection, ENVELOPE, from, length, connection->pipelines ? load.recipients + 2 : 1);
}

/* The next message on this connection, or its end. */
static void next_message(struct connection *connection)
{
    bool is_full = load.per_connection > 0 && connection->sent == load.per_connection;
    if (load.started == load.messages || is_full) {
        say(connection, QUIT, "QUIT\r\n", 6, 1);
        /* Exim waits up to 0.2 s for this before it answers, so as not to be the first to close. */
        if (connection->tls == NULL)
            shutdown(connection->fd, SHUT_WR);
        return;
    }
    write_envelope(connection->envelope);
    load.started++;
    connection->sent++;
    connection->began = now();
    connection->envelope_left = connection->envelope;
    say_envelope(connection);
}

static void close_connection(struct connection *connection)
{
    SSL_free(connection->tls);
    connection->tls = NULL;
    close(connection->fd);
    connection->fd = -1;
    if (load.started < load.messages)
        open_connection(connection);
}

static void say_hello(struct connection *connection)
{
    say(connection, HELLO, load.hello, strlen(load.hello), 1);
}

static void shake_hands(struct connection *connection)
{
    if (connection->tls == NULL) {
        connection->step = HANDSHAKE;
        connection->tls = SSL_new(load.tls);
        if (connection->tls == NULL || SSL_set_fd(connection->tls, connection->fd) != 1)
            die("TLS");
        SSL_set_connect_state(connection->tls);
    }
    int done = SSL_do_handshake(connection->tls);
    if (done == 1)
        say_hello(connection);
    else if (SSL_get_error(connection->tls, done) != SSL_ERROR_WANT_READ)
        die("TLS handshake");
}

static void after_hello(struct connection *connection)
{
    if (load.tls != NULL && connection->tls == NULL)
        say(connection, STARTTLS, "STARTTLS\r\n", 10, 1);
    else if (load.idles)
        load.idle++;
    else
        next_message(connection);
}

/* All replies of the step are there. */
static void advance(struct connection *connection)
{
    switch (connection->step) {
    case GREETING:
        say_hello(connection);
        break;
    case HELLO:
        after_hello(connection);
        break;
    case STARTTLS:
        shake_hands(connection);
        break;
    case HANDSHAKE: /* without replies */
        break;
    case ENVELOPE:
        if (*connection->envelope_left != '\0')
            say_envelope(connection);
        else
            say(connection, BODY, load.body, load.body_length, 1);
        break;
    case BODY:
        load.latencies[load.done++] = now() - connection->began;
        connection->taken++;
        next_message(connection);
        break;
    case QUIT:
        close_connection(connection);
        break;
    }
}

static void take_line(struct connection *connection, const char *line, size_t length)
{
    if (connection->step == HELLO && length >= 14 && strncasecmp(line + 4, "PIPELINING", 10) == 0)
        connection->pipelines = !load.in_steps;
    if (length > 3 && line[3] == '-')
        return;
    if (line[0] != '2' && line[0] != '3') {
        fprintf(stderr, "load: unexpected reply: %.*s\n", (int)length, line);
        exit(1);
    }
    if (--connection->replies_due == 0)
        advance(connection);
}

static void take_lines(struct connection *connection, size_t length)
{
    char *start = connection->line, *end;
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

/* TLS may hold more than the kernel tells of, so it is read until nothing is left. */
static void receive(struct connection *connection)
{
    while (connection->fd >= 0) {
        if (connection->step == HANDSHAKE) {
            shake_hands(connection);
            if (connection->step == HANDSHAKE)
                return;
        }
        ssize_t count = get(connection, connection->line + connection->line_length,
                            LINE_BYTES - connection->line_length);
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0)
            die("the server closed the connection");
        take_lines(connection, connection->line_length + (size_t)count);
        if (connection->tls == NULL)
            return;
    }
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

static void print_result(double seconds, const struct connection *all, unsigned connections)
{
    unsigned least = UINT_MAX, most = 0;
    for (unsigned i = 0; i < connections; i++) {
        least = all[i].taken < least ? all[i].taken : least;
        most = all[i].taken > most ? all[i].taken : most;
    }
    qsort(load.latencies, load.done, sizeof(*load.latencies), compare);
    printf("seconds %.4f median-ms %.3f p99-ms %.3f least %u most %u\n", seconds,
           load.latencies[load.done / 2] * 1e3,
           load.latencies[(size_t)((double)load.done * 0.99)] * 1e3, least, most);
}

static void usage(void)
{
    fprintf(stderr,
            "usage: load [-l] [-s] [-t] [-h HOPS] [-r RECIPIENTS] PORT CONNECTIONS MESSAGES "
            "BYTES PER-CONNECTION ADDRESS\n       load -i [-t] PORT CONNECTIONS\n");
    exit(2);
}

static unsigned number(const char *word)
{
    return (unsigned)strtoul(word, NULL, 10);
}

static void take_options(int count, char **arguments)
{
    load.hello = "EHLO load.test\r\n";
    load.recipients = 1;
    for (int option; (option = getopt(count, arguments, "lsth:r:i")) != -1;) {
        if (option == 'l')
            load.hello = "LHLO load.test\r\n";
        else if (option == 's')
            load.in_steps = true;
        else if (option == 't')
            load.tls = SSL_CTX_new(TLS_client_method());
        else if (option == 'h')
            load.hops = number(optarg);
        else if (option == 'r')
            load.recipients = number(optarg);
        else if (option == 'i')
            load.idles = true;
        else
            usage();
    }
    if (count - optind != (load.idles ? 2 : 6))
        usage();
    char **words = arguments + optind;
    load.address = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)number(words[0])),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load.messages = 1;
    load.recipient = "";
    if (load.idles)
        return;
    load.messages = number(words[2]);
    load.per_connection = number(words[4]);
    load.recipient = words[5];
    prepare(number(words[3]), words[5]);
}

static void one_round(void)
{
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

/* Until whoever started us has seen enough. */
static void hold(void)
{
    char byte;
    printf("idle\n");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
}

int main(int count, char **arguments)
{
    take_options(count, arguments);
    unsigned connections = number(arguments[optind + 1]);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct connection *all = calloc(connections, sizeof(*all));
    if (load.epoll < 0 || all == NULL)
        die("start");
    double began = now();
    for (unsigned i = 0; i < connections; i++) {
        all[i].envelope = malloc(envelope_room());
        open_connection(&all[i]);
    }
    while (load.idles ? load.idle < connections : load.done < load.messages)
        one_round();
    if (load.idles)
        hold();
    else
        print_result(now() - began, all, connections);
    return 0;
}
