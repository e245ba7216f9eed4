/* Thousands of people who wait for mail: each logs in to IMAP over TLS, by a token that is signed
 * here, and idles in his INBOX. One epoll loop, cheap enough to share the machine with the server.
 *
 *     idle PORT SESSIONS KEY ISSUER AUDIENCE ADDRESS
 *
 * KEY is a file with the Ed25519 key of the tokens, their "kid" is ed25519. A % in ADDRESS becomes
 * the session's number. Says "idle" when all idle, then for each line of standard input waits until
 * all have been told EXISTS, and prints "first <s> median <s> last <s>", instants of
 * CLOCK_MONOTONIC. Ends with its input; any answer that is not OK ends it with status 1. */
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "measure.h"

enum { LINE_BYTES = 1024, EVENTS = 256, IN_FLIGHT = 64, TOKEN_BYTES = 2048 };

/* What was said last, and so what is waited for. */
enum step { HANDSHAKE, GREETING, LOGIN, SELECT, IDLE, IDLES };

struct session {
    int fd;
    enum step step;
    bool is_told;
    SSL *tls;
    char line[LINE_BYTES];
    size_t length;
};

static struct {
    struct session *all;
    unsigned count, started, idling, told;
    double *instants;
    struct sockaddr_in address;
    int epoll;
    SSL_CTX *tls;
    EVP_PKEY *key;
    const char *issuer, *audience, *person;
} world;

static void die(const char *what)
{
    fprintf(stderr, "idle: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* RFC 7515: without padding. */
static size_t put_base64url(char *out, const void *bytes, size_t length)
{
    size_t count = (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);
    for (size_t i = 0; i < count; i++)
        out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
    while (count > 0 && out[count - 1] == '=')
        count--;
    return count;
}

static size_t make_token(char *out, const char *address)
{
    static const char header[] = "{\"alg\":\"EdDSA\",\"kid\":\"ed25519\",\"typ\":\"JWT\"}";
    char claims[TOKEN_BYTES / 4];
    unsigned char signature[64];
    size_t signature_length = sizeof(signature);
    int length = snprintf(claims, sizeof(claims),
                          "{\"iss\":\"%s\",\"aud\":\"%s\",\"exp\":%ld,\"email\":\"%s\"}",
                          world.issuer, world.audience, (long)time(NULL) + 600, address);
    size_t at = put_base64url(out, header, sizeof(header) - 1);
    out[at++] = '.';
    at += put_base64url(out + at, claims, (size_t)length);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(context, NULL, NULL, NULL, world.key) != 1 ||
        EVP_DigestSign(context, signature, &signature_length, (unsigned char *)out, at) != 1)
        die("a token");
    EVP_MD_CTX_free(context);
    out[at++] = '.';
    return at + put_base64url(out + at, signature, signature_length);
}

static void say(struct session *session, enum step step, const char *bytes, size_t length)
{
    session->step = step;
    if (SSL_write(session->tls, bytes, (int)length) != (int)length)
        die("write");
}

/* OAUTHBEARER (RFC 7628). */
static void log_in(struct session *session)
{
    char address[128], plain[2 * TOKEN_BYTES], line[4 * TOKEN_BYTES];
    const char *mark = strchr(world.person, '%');
    int head = (int)(mark - world.person);
    snprintf(address, sizeof(address), "%.*s%u%s", head, world.person,
             (unsigned)(session - world.all), mark + 1);
    size_t at = (size_t)snprintf(plain, sizeof(plain), "n,,%cauth=Bearer ", 1);
    at += make_token(plain + at, address);
    plain[at++] = 1;
    plain[at++] = 1;
    int length = snprintf(line, sizeof(line), "a AUTHENTICATE OAUTHBEARER ");
    length += EVP_EncodeBlock((unsigned char *)line + length, (unsigned char *)plain, (int)at);
    memcpy(line + length, "\r\n", 2);
    say(session, LOGIN, line, (size_t)length + 2);
}

static void watch(struct session *session)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = session};
    if (epoll_ctl(world.epoll, EPOLL_CTL_ADD, session->fd, &event) != 0)
        die("epoll_ctl");
}

static void shake_hands(struct session *session)
{
    int done = SSL_do_handshake(session->tls);
    if (done == 1)
        session->step = GREETING;
    else if (SSL_get_error(session->tls, done) != SSL_ERROR_WANT_READ)
        die("TLS handshake");
}

static void start_next(void)
{
    if (world.started == world.count)
        return;
    struct session *session = &world.all[world.started++];
    session->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (session->fd < 0)
        die("socket");
    setsockopt(session->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(session->fd, (struct sockaddr *)&world.address, sizeof(world.address)) != 0)
        die("connect");
    fcntl(session->fd, F_SETFL, O_NONBLOCK);
    session->tls = SSL_new(world.tls);
    if (session->tls == NULL || SSL_set_fd(session->tls, session->fd) != 1)
        die("TLS");
    SSL_set_connect_state(session->tls);
    watch(session);
    shake_hands(session);
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

static void take_line(struct session *session, const char *line)
{
    if (begins(line, "a NO") || begins(line, "a BAD") || begins(line, "* BYE")) {
        fprintf(stderr, "idle: session %u: %s\n", (unsigned)(session - world.all), line);
        exit(1);
    }
    if (session->step == GREETING) {
        log_in(session);
    } else if (session->step == LOGIN && begins(line, "a OK")) {
        say(session, SELECT, "a SELECT INBOX\r\n", 16);
    } else if (session->step == SELECT && begins(line, "a OK")) {
        say(session, IDLE, "a IDLE\r\n", 8);
    } else if (session->step == IDLE && begins(line, "+")) {
        session->step = IDLES;
        world.idling++;
        start_next();
    } else if (session->step == IDLES && !session->is_told && strstr(line, " EXISTS") != NULL) {
        session->is_told = true;
        world.instants[world.told++] = now();
    }
}

static void take_lines(struct session *session)
{
    char *start = session->line, *end;
    while ((end = memchr(start, '\n', session->length)) != NULL) {
        session->length -= (size_t)(end - start) + 1;
        *end = '\0';
        take_line(session, start);
        start = end + 1;
    }
    memmove(session->line, start, session->length);
}

static void receive(struct session *session)
{
    int count;
    if (session->step == HANDSHAKE)
        shake_hands(session);
    if (session->step == HANDSHAKE)
        return;
    while ((count = SSL_read(session->tls, session->line + session->length,
                             (int)(LINE_BYTES - session->length))) > 0) {
        session->length += (size_t)count;
        take_lines(session);
    }
    if (SSL_get_error(session->tls, count) != SSL_ERROR_WANT_READ)
        die("the server closed the connection");
}

static void one_round(void)
{
    struct epoll_event events[EVENTS];
    int ready = epoll_wait(world.epoll, events, EVENTS, 120000);
    if (ready == 0)
        errno = ETIMEDOUT;
    if (ready <= 0)
        die("no answer");
    for (int i = 0; i < ready; i++)
        receive(events[i].data.ptr);
}

static void await_news(void)
{
    while (world.told < world.count)
        one_round();
    qsort(world.instants, world.count, sizeof(*world.instants), compare);
    printf("first %.4f median %.4f last %.4f\n", world.instants[0], world.instants[world.count / 2],
           world.instants[world.count - 1]);
    fflush(stdout);
    world.told = 0;
    for (unsigned i = 0; i < world.count; i++)
        world.all[i].is_told = false;
}

static void prepare(char **words)
{
    struct rlimit files;
    FILE *key = fopen(words[3], "r");
    world.count = (unsigned)strtoul(words[2], NULL, 10);
    world.address = (struct sockaddr_in){.sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)strtoul(words[1], NULL, 10)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    world.issuer = words[4];
    world.audience = words[5];
    world.person = words[6];
    world.key = key == NULL ? NULL : PEM_read_PrivateKey(key, NULL, NULL, NULL);
    world.tls = SSL_CTX_new(TLS_client_method());
    world.all = calloc(world.count, sizeof(*world.all));
    world.instants = calloc(world.count, sizeof(*world.instants));
    world.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (world.key == NULL || world.tls == NULL || world.all == NULL || world.instants == NULL ||
        world.epoll < 0 || strchr(world.person, '%') == NULL)
        die("start");
    fclose(key);
    SSL_CTX_set_mode(world.tls, SSL_MODE_RELEASE_BUFFERS);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int count, char **words)
{
    char line[16];
    if (count != 7) {
        fprintf(stderr, "usage: idle PORT SESSIONS KEY ISSUER AUDIENCE ADDRESS\n");
        return 2;
    }
    prepare(words);
    for (unsigned i = 0; i < IN_FLIGHT; i++)
        start_next();
    while (world.idling < world.count)
        one_round();
    printf("idle\n");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL)
        await_news();
    return 0;
}
