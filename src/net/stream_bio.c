/* How OpenSSL reads and writes a stream's socket: as a plain stream does, by readiness, so that it
 * does not ask the kernel again once a read took less than there was room for. */
#include <errno.h>
#include <openssl/bio.h>
#include <pthread.h>
#include <sys/socket.h>

#include "base/check.h"
#include "net/stream_internal.h"

static int read_socket(BIO *bio, char *out, int room)
{
    struct stream *stream = BIO_get_data(bio);
    ssize_t count;
    BIO_clear_retry_flags(bio);
    if ((stream->io.ready & TASK_READ) == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    do
        count = recv(stream->io.fd, out, (size_t)room, MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    else if (count == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    else if (count > 0 && count < room)
        task_io_drained(&stream->io);
    return (int)count;
}

static int write_socket(BIO *bio, const char *bytes, int length)
{
    const struct stream *stream = BIO_get_data(bio);
    ssize_t count;
    BIO_clear_retry_flags(bio);
    do
        count = send(stream->io.fd, bytes, (size_t)length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return (int)count;
}

/* What OpenSSL asks of a transport: whether it is at its end, and to send what it holds, which is
 * nothing. */
static long control(BIO *bio, int request, long number, void *pointer)
{
    unused(number);
    unused(pointer);
    if (request == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return request == BIO_CTRL_FLUSH;
}

static int begin(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

/* Made once: it must outlive every stream. */
static struct {
    pthread_once_t once;
    BIO_METHOD *method;
} transport = {PTHREAD_ONCE_INIT, NULL};

static void make_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    check(method != NULL && BIO_meth_set_create(method, begin) == 1);
    check(BIO_meth_set_read(method, read_socket) == 1);
    check(BIO_meth_set_write(method, write_socket) == 1);
    check(BIO_meth_set_ctrl(method, control) == 1);
    transport.method = method;
}

BIO *stream_bio_new(struct stream *stream)
{
    pthread_once(&transport.once, make_method);
    BIO *bio = BIO_new(transport.method);
    check(bio != NULL);
    BIO_set_data(bio, stream);
    return bio;
}
