/* The trivial SMTP server of the benchmarks, in two uses:
 *
 *     server PORT              the next hop: counts messages, keeps nothing
 *     server PORT LOG-FILE     the limit: what no durable server can pass on this machine;
 *                              all messages of a loop round are one write and one fdatasync
 *
 * A number on standard input asks for "done" on standard output when so many more messages have
 * come. It ends with its input. It believes every byte: no mail server, only a measure. */
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
#include <unistd.h>

enum {
    IN_BYTES = 64 << 10,
    MESSAGE_BYTES = 2 << 20,
    BATCH_BYTES = 64 << 20,
    LOG_BYTES = 256 << 20,
    EVENTS = 256
};

struct peer {
    int fd;
    bool in_data, awaits_sync;
    char in[IN_BYTES];
    size_t in_length;
    char out[4096];
    size_t out_length;
    char *message; /* kept only for the log */
    size_t message_length;
};

static struct {
    int epoll, listener, log;
    unsigned long awaited; /* messages until "done" is to be said; 0: nobody waits */
    char *batch;
    size_t batch_length;
    off_t log_end;
    struct peer *awaiting[EVENTS]; /* their message is in the batch */
    unsigned awaiting_count;
} server = {.log = -1};

static void die(const char *what)
{
    fprintf(stderr, "server: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void reply(struct peer *peer, const char *line)
{
    size_t length = strlen(line);
    if (peer->out_length + length > sizeof(peer->out))
        die("a client that reads no replies");
    memcpy(peer->out + peer->out_length, line, length);
    peer->out_length += length;
}

/* The replies are small; a socket that does not take them whole is not one of ours. */
static void flush(struct peer *peer)
{
    if (peer->out_length > 0 && write(peer->fd, peer->out, peer->out_length) < 0 &&
        errno != EPIPE && errno != ECONNRESET)
        die("write");
    peer->out_length = 0;
}

static void keep(struct peer *peer, const char *bytes, size_t length)
{
    if (server.log < 0)
        return;
    if (peer->message_length + length > MESSAGE_BYTES)
        die("message too large");
    memcpy(peer->message + peer->message_length, bytes, length);
    peer->message_length += length;
}

static void say_done(void)
{
    if (write(STDOUT_FILENO, "done\n", 5) != 5)
        die("standard output");
}

static void end_message(struct peer *peer)
{
    peer->in_data = false;
    if (server.awaited > 0 && --server.awaited == 0)
        say_done();
    if (server.log < 0) {
        reply(peer, "250 ok\r\n");
        return;
    }
    if (server.batch_length + peer->message_length > BATCH_BYTES)
        die("batch too large");
    memcpy(server.batch + server.batch_length, peer->message, peer->message_length);
    server.batch_length += peer->message_length;
    peer->message_length = 0;
    peer->awaits_sync = true;
    server.awaiting[server.awaiting_count++] = peer;
}

static void command(struct peer *peer, const char *line, size_t length)
{
    if (length >= 4 && strncasecmp(line, "DATA", 4) == 0) {
        peer->in_data = true;
        reply(peer, "354 go\r\n");
    } else if (length >= 4 && strncasecmp(line, "EHLO", 4) == 0) {
        reply(peer, "250-bench.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n");
    } else if (length >= 4 && strncasecmp(line, "QUIT", 4) == 0) {
        reply(peer, "221 bye\r\n");
    } else {
        reply(peer, "250 ok\r\n");
    }
}

/* Everything in the input buffer that is whole: lines of commands, and of messages. */
static void consume(struct peer *peer)
{
    char *start = peer->in, *end = peer->in + peer->in_length, *newline;
    while (!peer->awaits_sync && start < end &&
           (newline = memchr(start, '\n', (size_t)(end - start))) != NULL) {
        size_t length = (size_t)(newline - start) + 1;
        if (!peer->in_data)
            command(peer, start, length);
        else if (length == 3 && start[0] == '.')
            end_message(peer);
        else
            keep(peer, start, length);
        start += length;
    }
    peer->in_length = (size_t)(end - start);
    memmove(peer->in, start, peer->in_length);
    flush(peer);
}

static void close_peer(struct peer *peer)
{
    close(peer->fd);
    free(peer->message);
    free(peer);
}

static void receive(struct peer *peer)
{
    ssize_t count = read(peer->fd, peer->in + peer->in_length, IN_BYTES - peer->in_length);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0) {
        close_peer(peer);
        return;
    }
    peer->in_length += (size_t)count;
    consume(peer);
}

static void sync_batch(void)
{
    if (server.awaiting_count == 0)
        return;
    if (server.log_end + (off_t)server.batch_length > LOG_BYTES)
        server.log_end = 0;
    if (pwrite(server.log, server.batch, server.batch_length, server.log_end) < 0 ||
        fdatasync(server.log) != 0)
        die("log");
    server.log_end += (off_t)server.batch_length;
    server.batch_length = 0;
    struct peer *ready[EVENTS];
    unsigned count = server.awaiting_count;
    memcpy(ready, server.awaiting, sizeof(ready));
    server.awaiting_count = 0;
    for (unsigned i = 0; i < count; i++) {
        ready[i]->awaits_sync = false;
        reply(ready[i], "250 ok\r\n");
        consume(ready[i]);
    }
}

static void accept_peer(void)
{
    int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct peer *peer = calloc(1, sizeof(*peer));
    if (peer == NULL || (server.log >= 0 && (peer->message = malloc(MESSAGE_BYTES)) == NULL))
        die("memory");
    peer->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = peer};
    if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl");
    reply(peer, "220 bench.test\r\n");
    flush(peer);
}

static void start_listening(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(server.listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(server.listener, 1024) != 0)
        die("listen");
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &event) != 0)
        die("epoll_ctl");
}

static void open_log(const char *path)
{
    server.log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    server.batch = calloc(1, BATCH_BYTES);
    if (server.log < 0 || server.batch == NULL)
        die(path);
    for (off_t at = 0; at < LOG_BYTES; at += BATCH_BYTES)
        if (pwrite(server.log, server.batch, BATCH_BYTES, at) != BATCH_BYTES)
            die(path);
    if (fdatasync(server.log) != 0)
        die(path);
}

/* False at its end. */
static bool read_order(void)
{
    char order[32];
    ssize_t length = read(STDIN_FILENO, order, sizeof(order) - 1);
    if (length <= 0)
        return false;
    order[length] = '\0';
    server.awaited = strtoul(order, NULL, 10);
    return true;
}

int main(int count, char **arguments)
{
    if (count < 2) {
        fprintf(stderr, "usage: server PORT [LOG-FILE]\n");
        return 2;
    }
    if (count > 2)
        open_log(arguments[2]);
    start_listening((uint16_t)strtoul(arguments[1], NULL, 10));
    struct epoll_event orders = {.events = EPOLLIN, .data.ptr = &server};
    if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &orders) != 0)
        die("standard input");
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(server.epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == NULL)
                accept_peer();
            else if (events[i].data.ptr != &server)
                receive(events[i].data.ptr);
            else if (!read_order())
                return 0;
        }
        while (server.awaiting_count > 0)
            sync_batch();
    }
}
