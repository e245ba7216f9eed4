/* The table is a sealed memfd. Each front keeps its own counts in private memory and publishes them
 * in its row: what others may have scribbled there is neither believed nor kept. */
#include "proc/seats.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"

enum { KINDS = 2, ROW_PLACES = KINDS * SEATS_BUCKETS };

struct row {
    _Atomic uint32_t counts[ROW_PLACES];
};

/* What is shared. */
struct table {
    _Alignas(64) char key[HASH_KEY_BYTES];
    _Alignas(64) struct row rows[];
};

struct seats {
    struct table *table;
    unsigned fronts, front;
    int fd; /* -1 but for the maker */
    char key[HASH_KEY_BYTES];
    uint32_t own[ROW_PLACES];
};

static size_t table_bytes(unsigned fronts)
{
    return offsetof(struct table, rows) + fronts * sizeof(struct row);
}

static enum status map_table(int fd, unsigned fronts, unsigned front, struct seats **out)
{
    void *table = mmap(NULL, table_bytes(fronts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (table == MAP_FAILED)
        return try_later("cannot map the table of connections: %m");
    struct seats *seats = calloc(1, sizeof(*seats));
    check(seats != NULL);
    seats->table = table;
    seats->fronts = fronts;
    seats->front = front;
    seats->fd = -1;
    *out = seats;
    return OK;
}

enum status seats_new(unsigned fronts, struct seats **out)
{
    check(fronts > 0);
    int fd = memfd_create("seats", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return try_later("cannot make the table of connections: %m");
    enum status status = OK;
    /* Sealed, or a front that was taken over could cut it short and kill all who touch it. */
    if (ftruncate(fd, (off_t)table_bytes(fronts)) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        status = try_later("cannot make the table of connections: %m");
    else
        status = map_table(fd, fronts, 0, out);
    if (status != OK) {
        close(fd);
        return status;
    }
    struct seats *seats = *out;
    random_bytes(seats->key, sizeof(seats->key));
    memcpy(seats->table->key, seats->key, sizeof(seats->key));
    seats->fd = fd;
    return OK;
}

int seats_descriptor(const struct seats *seats)
{
    return fcntl(seats->fd, F_DUPFD_CLOEXEC, 0);
}

enum status seats_map(int fd, unsigned front, struct seats **out)
{
    struct stat about;
    enum status status = REFUSED;
    unsigned fronts = 0;
    if (fstat(fd, &about) != 0)
        status = try_later("table of connections: %m");
    else if ((size_t)about.st_size < table_bytes(front + 1))
        status = refused("no row for front %u in the table of connections", front);
    else {
        fronts = (unsigned)(((size_t)about.st_size - table_bytes(0)) / sizeof(struct row));
        status = map_table(fd, fronts, front, out);
    }
    close(fd);
    if (status == OK)
        memcpy((*out)->key, (*out)->table->key, sizeof((*out)->key));
    return status;
}

void seats_free(struct seats **seats)
{
    struct seats *freed = *seats;
    if (freed == NULL)
        return;
    *seats = NULL;
    munmap(freed->table, table_bytes(freed->fronts));
    if (freed->fd >= 0)
        close(freed->fd);
    free(freed);
}

void seats_clear_row(struct seats *seats, unsigned front)
{
    check(front < seats->fronts);
    struct row *row = &seats->table->rows[front];
    for (uint32_t place = 0; place < ROW_PLACES; place++)
        atomic_store(&row->counts[place], 0);
}

/* Sequentially consistent, as are the loads of the sum: of two fronts that publish and then sum, at
 * least one sees the other. */
static void publish(struct seats *seats, uint32_t place)
{
    atomic_store(&seats->table->rows[seats->front].counts[place], seats->own[place]);
}

static uint64_t sum(const struct seats *seats, uint32_t place)
{
    uint64_t total = seats->own[place];
    for (unsigned i = 0; i < seats->fronts; i++)
        if (i != seats->front)
            total += atomic_load(&seats->table->rows[i].counts[place]);
    return total;
}

bool seats_take(struct seats *seats, enum seats_of kind, struct text name, uint32_t limit,
                uint32_t *place)
{
    uint32_t bucket = (uint32_t)(hash_keyed(seats->key, name) % SEATS_BUCKETS);
    *place = kind * SEATS_BUCKETS + bucket;
    seats->own[*place]++;
    publish(seats, *place);
    if (sum(seats, *place) <= limit)
        return true;
    seats_give_back(seats, *place);
    return false;
}

void seats_give_back(struct seats *seats, uint32_t place)
{
    check(place < ROW_PLACES && seats->own[place] > 0);
    seats->own[place]--;
    publish(seats, place);
}
