#include "proc/seats.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

enum { LIMIT = 20 };

/* A front process, as far as the table goes: a mapping of its own. */
static struct seats *front_of(struct seats *parent, unsigned number)
{
    struct seats *seats = NULL;
    EXPECT(seats_map(seats_descriptor(parent), number, &seats) == OK);
    return seats;
}

static bool take(struct seats *seats, const char *host, uint32_t *place)
{
    return seats_take(seats, SEATS_OF_HOST, text_from(host), LIMIT, place);
}

static struct seats *parent, *a, *b;
static uint32_t place;

static void open_two_fronts(void)
{
    EXPECT(seats_new(2, &parent) == OK);
    a = front_of(parent, 0);
    b = front_of(parent, 1);
}

static void close_two_fronts(void)
{
    seats_free(&a);
    seats_free(&b);
    seats_free(&parent);
}

/* How many more the front admits. */
static unsigned fill(struct seats *seats)
{
    unsigned count = 0;
    while (take(seats, "192.0.2.1 main", &place))
        count++;
    return count;
}

TEST("two fronts together admit exactly the limit")
{
    open_two_fronts();
    for (unsigned i = 0; i < LIMIT; i++)
        EXPECT(take(i % 3 == 0 ? a : b, "192.0.2.1 main", &place));
    EXPECT(!take(a, "192.0.2.1 main", &place));
    EXPECT(!take(b, "192.0.2.1 main", &place));
    close_two_fronts();
}

TEST("one seat given back is one seat to take, in whichever front")
{
    open_two_fronts();
    EXPECT(fill(a) == LIMIT);
    EXPECT(fill(b) == 0);
    seats_give_back(a, place);
    EXPECT(fill(b) == 1);
    seats_give_back(b, place);
    EXPECT(fill(a) == 1);
    close_two_fronts();
}

TEST("a limit that was lowered below the count refuses, one that was raised admits")
{
    open_two_fronts();
    EXPECT(fill(a) == LIMIT);
    EXPECT(!seats_take(b, SEATS_OF_HOST, TEXT("192.0.2.1 main"), LIMIT / 2, &place));
    EXPECT(seats_take(b, SEATS_OF_HOST, TEXT("192.0.2.1 main"), LIMIT + 1, &place));
    close_two_fronts();
}

TEST("a server's many connections are none of the host that has its hash")
{
    open_two_fronts();
    EXPECT(seats_take(a, SEATS_OF_SERVER, TEXT("same"), 1, &place));
    EXPECT(seats_take(b, SEATS_OF_HOST, TEXT("same"), 1, &place));
    EXPECT(!seats_take(b, SEATS_OF_SERVER, TEXT("same"), 1, &place));
    close_two_fronts();
}

TEST("when a front has died and its row was cleared, only the others' connections count")
{
    open_two_fronts();
    for (unsigned i = 0; i < 5; i++)
        EXPECT(take(b, "192.0.2.1 main", &place));
    EXPECT(fill(a) == LIMIT - 5);
    seats_free(&a);
    EXPECT(fill(b) == 0);
    seats_clear_row(parent, 0);
    EXPECT(fill(b) == LIMIT - 5);
    seats_give_back(b, place);
    a = front_of(parent, 0);
    EXPECT(fill(a) == 1);
    EXPECT(fill(b) == 0);
    close_two_fronts();
}

TEST("at each start a name falls into another bucket")
{
    uint32_t first[4], again[4];
    for (unsigned start = 0; start < 2; start++) {
        open_two_fronts();
        for (unsigned i = 0; i < 4; i++) {
            char host[20];
            snprintf(host, sizeof(host), "192.0.2.%u main", i);
            EXPECT(take(a, host, start == 0 ? &first[i] : &again[i]));
            EXPECT(take(b, host, &place) && place == (start == 0 ? first[i] : again[i]));
        }
        close_two_fronts();
    }
    EXPECT(memcmp(first, again, sizeof(first)) != 0);
}

TEST("nobody who has the table can cut it short or unseal it")
{
    open_two_fronts();
    int fd = seats_descriptor(parent);
    EXPECT(ftruncate(fd, 0) != 0 && errno == EPERM);
    EXPECT(ftruncate(fd, 1 << 30) != 0 && errno == EPERM);
    EXPECT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) != 0 && errno == EPERM);
    close(fd);
    close_two_fronts();
}

TEST("what another scribbles into a row neither ends its front nor stays")
{
    open_two_fronts();
    EXPECT(take(a, "192.0.2.1 main", &place));
    seats_clear_row(parent, 0);
    seats_give_back(a, place); /* not one below nothing */
    EXPECT(fill(b) == LIMIT);
    seats_give_back(b, place);
    seats_clear_row(parent, 1);
    EXPECT(fill(b) == 1);
    EXPECT(fill(a) == 0);
    close_two_fronts();
}

TEST("a front without a row is refused, and so is what is no table")
{
    struct seats *none = NULL;
    open_two_fronts();
    EXPECT(seats_map(seats_descriptor(parent), 2, &none) == REFUSED);
    EXPECT(seats_map(memfd_create("empty", MFD_CLOEXEC), 0, &none) == REFUSED);
    EXPECT(seats_map(-1, 0, &none) == TRY_LATER);
    EXPECT(none == NULL);
    close_two_fronts();
}

/* What is taken at this moment over both threads, and the most there ever was. */
static atomic_uint taken, most;

static void *crowd(void *argument)
{
    struct seats *seats = argument;
    for (unsigned admitted = 0; admitted < 50000;) {
        uint32_t mine;
        if (!seats_take(seats, SEATS_OF_HOST, TEXT("h"), 1, &mine))
            continue;
        admitted++;
        unsigned now = atomic_fetch_add(&taken, 1) + 1;
        if (now > atomic_load(&most))
            atomic_store(&most, now);
        atomic_fetch_sub(&taken, 1);
        seats_give_back(seats, mine);
    }
    return NULL;
}

TEST("fronts that race for the last seat are never both admitted")
{
    pthread_t thread;
    open_two_fronts();
    EXPECT(pthread_create(&thread, NULL, crowd, b) == 0);
    crowd(a);
    EXPECT(pthread_join(thread, NULL) == 0);
    EXPECT(atomic_load(&most) == 1);
    EXPECT(fill(a) == LIMIT);
    close_two_fronts();
}
