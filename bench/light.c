/* Clients who each give a small message away once a second, over a connection of its own and step
 * by step, however busy the server is: how long they wait for its greeting and for its reply.
 *
 *     light PORT CLIENTS SECONDS ADDRESS
 *
 * Prints "sessions <n> refused <n> greeting-ms <median> <p99> reply-ms <median> <p99>": a
 * greeting's time counts from before connect(2), a reply's from MAIL to the answer to the message.
 * A client whose session took longer than a second begins the next at once. Every session is ended
 * that was begun, also those that are still busy after that time. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

enum { LINE_BYTES = 2048, EVENTS = 256, ANSWER_SECONDS = 60 };

enum step { GREETING, HELLO, MAIL, RCPT, DATA, BODY, QUIT, STEPS };

/* Said once the step before is answered, and how the answer must begin. */
static struct {
    const char *said;
    char answer;
} steps[STEPS] = {
    [GREETING] = {"", '2'},
    [HELLO] = {"EHLO light.test\r\n", '2'},
    [MAIL] = {"MAIL FROM:<light@elsewhere.test>\r\n", '2'},
    [RCPT] = {NULL, '2'},
    [DATA] = {"DATA\r\n", '3'},
    [BODY] = {"From: <light@elsewhere.test>\r\nSubject: a few words\r\n"
              "Date: Mon, 23 Nov 2026 20:00:00 +0000\r\n\r\nHow long does this take?\r\n.\r\n",
              '2'},
    [QUIT] = {"QUIT\r\n", '2'},
};

struct client {
    int fd; /* -1: waits for its time */
    enum step step;
    double starts; /* the next session may */
    double began;  /* connect, then MAIL */
    char line[LINE_BYTES];
    size_t line_length;
};

struct times {
    double *seconds;
    size_t count;
};

static struct {
    int epoll;
    struct sockaddr_in address;
    double end;
    unsigned busy, refused;
    struct times greetings, replies;
} light;

static void die(const char *what)
{
    fprintf(stderr, "light: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void note(struct times *times, double began)
{
    times->seconds[times->count++] = now() - began;
}

static void begin_session(struct client *client)
{
    client->began = now();
    client->starts = client->began + 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0)
        die("socket");
    int on = 1;
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(client->fd, (struct sockaddr *)&light.address, sizeof(light.address)) != 0 &&
        errno != EINPROGRESS)
        die("connect");
    client->step = GREETING;
    client->line_length = 0;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(light.epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        die("epoll_ctl");
    light.busy++;
}

static void end_session(struct client *client)
{
    close(client->fd);
    client->fd = -1;
    light.busy--;
}

static void refuse(struct client *client)
{
    light.refused++;
    end_session(client);
}

/* What is said is short: a socket that does not take it whole has no peer any more. */
static void advance(struct client *client)
{
    if (client->step == GREETING)
        note(&light.greetings, client->began);
    if (client->step == BODY)
        note(&light.replies, client->began);
    if (client->step == QUIT) {
        end_session(client);
        return;
    }
    client->step++;
    if (client->step == MAIL)
        client->began = now();
    const char *said = steps[client->step].said;
    if (write(client->fd, said, strlen(said)) != (ssize_t)strlen(said))
        refuse(client);
    else if (client->step == QUIT)
        shutdown(client->fd, SHUT_WR); /* Exim waits for it; see load.c */
}

static void take_line(struct client *client, const char *line, size_t length)
{
    if (length > 3 && line[3] == '-')
        return;
    if (line[0] == steps[client->step].answer)
        advance(client);
    else
        refuse(client);
}

static void receive(struct client *client)
{
    ssize_t count =
        read(client->fd, client->line + client->line_length, LINE_BYTES - client->line_length);
    if (count < 0 && errno == EAGAIN)
        return;
    if (count <= 0) {
        refuse(client);
        return;
    }
    client->line_length += (size_t)count;
    char *start = client->line, *end;
    while (client->fd >= 0 && (end = memchr(start, '\n', client->line_length)) != NULL) {
        size_t length = (size_t)(end - start) + 1;
        client->line_length -= length;
        take_line(client, start, length);
        start += length;
    }
    memmove(client->line, start, client->line_length);
}

/* Those whose time has come begin; returns when the next is to. */
static double begin_sessions(struct client *all, unsigned clients)
{
    double time = now(), next = time + ANSWER_SECONDS;
    for (unsigned i = 0; i < clients && time < light.end; i++) {
        if (all[i].fd >= 0)
            continue;
        if (all[i].starts <= time)
            begin_session(&all[i]);
        else if (all[i].starts < next)
            next = all[i].starts;
    }
    return next;
}

static void one_round(double next)
{
    struct epoll_event events[EVENTS];
    double left = next - now();
    int ready = epoll_wait(light.epoll, events, EVENTS, left > 0 ? (int)(left * 1e3) + 1 : 0);
    if (ready < 0 || (ready == 0 && left >= ANSWER_SECONDS - 1))
        die("no answer");
    for (int i = 0; i < ready; i++)
        receive(events[i].data.ptr);
}

static void print_times(const char *what, struct times *times)
{
    qsort(times->seconds, times->count, sizeof(*times->seconds), compare);
    size_t last = (size_t)((double)times->count * 0.99);
    printf(" %s-ms %.3f %.3f", what, times->count > 0 ? times->seconds[times->count / 2] * 1e3 : 0,
           times->count > 0 ? times->seconds[last] * 1e3 : 0);
}

static unsigned number(const char *word)
{
    return (unsigned)strtoul(word, NULL, 10);
}

int main(int count, char **arguments)
{
    if (count != 5) {
        fprintf(stderr, "usage: light PORT CLIENTS SECONDS ADDRESS\n");
        return 2;
    }
    unsigned clients = number(arguments[2]), seconds = number(arguments[3]);
    light.address = (struct sockaddr_in){.sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)number(arguments[1])),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char recipient[LINE_BYTES];
    snprintf(recipient, sizeof(recipient), "RCPT TO:<%s>\r\n", arguments[4]);
    steps[RCPT].said = recipient;
    light.epoll = epoll_create1(EPOLL_CLOEXEC);
    struct client *all = calloc(clients, sizeof(*all));
    size_t most = (size_t)clients * (seconds + 2);
    light.greetings.seconds = calloc(most, sizeof(double));
    light.replies.seconds = calloc(most, sizeof(double));
    if (light.epoll < 0 || all == NULL || light.greetings.seconds == NULL ||
        light.replies.seconds == NULL)
        die("start");
    double began = now();
    light.end = began + seconds;
    for (unsigned i = 0; i < clients; i++) {
        all[i].fd = -1;
        all[i].starts = began + (double)i / clients;
    }
    for (double next = began; now() < light.end || light.busy > 0; one_round(next))
        next = begin_sessions(all, clients);
    printf("sessions %zu refused %u", light.replies.count, light.refused);
    print_times("greeting", &light.greetings);
    print_times("reply", &light.replies);
    printf("\n");
    return 0;
}
