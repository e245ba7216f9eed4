/* Linked with --wrap of statvfs, by which the index and the queue look for room. */
#include "trouble.h"

#include <sys/statvfs.h>

#include "base/clock.h"
#include "holdings.h"
#include "keeper.h"
#include "ledger.h"

enum { FIRST_BITS = 9, NEXT_BITS = 12, LASTING_BITS = 20, FULL_BITS = 23 };

/* Of a site's medium. */
struct medium {
    int64_t broken_until_ms, full_until_ms;
};
static struct {
    struct weather *weather;
    bool is_armed;
    uint64_t calls, at; /* at: the next trouble; UINT64_MAX: never */
    struct medium media[SITES];
} now;

int __real_statvfs(const char *path, struct statvfs *out);
int __wrap_statvfs(const char *path, struct statvfs *out);

static uint32_t below(uint32_t bound)
{
    return weather_below(now.weather, WEATHER_INDEX_ERROR, bound);
}

void trouble_choose(struct weather *weather)
{
    now.weather = weather;
    now.is_armed = false;
    uint32_t once_in = weather->once_in[WEATHER_INDEX_ERROR];
    uint32_t first = 1 + below(16u << below(FIRST_BITS));
    now.at = once_in != 0 && below(once_in) == 0 ? first : UINT64_MAX;
}

void trouble_arm(bool is_armed)
{
    now.is_armed = is_armed;
    for (unsigned i = 0; i < SITES; i++)
        now.media[i] = (struct medium){0};
}

/* NULL: of no role. */
static struct medium *medium_now(void)
{
    unsigned process = holdings_taker();
    return now.is_armed && process != 0 ? &now.media[keeper_site_of(process)] : NULL;
}

/* One call alone for the most part. */
static void begin(struct medium *medium)
{
    int64_t now_ms = clock_monotonic_ms();
    now.at = now.calls + 1 + below(16u << below(NEXT_BITS));
    uint32_t kind = below(4);
    if (kind == 0)
        medium->broken_until_ms = now_ms + below(1u << below(LASTING_BITS));
    else if (kind == 1)
        medium->full_until_ms = now_ms + below(1u << below(FULL_BITS));
}

static const char *broken(enum trouble_call call)
{
    if ((call == TROUBLE_READ || call == TROUBLE_OPEN) && below(3) == 0)
        return "Corruption: block checksum mismatch: stored = 0, computed = 3735928559, type = 4";
    return call == TROUBLE_READ ? "IO error: While pread offset 0 len 4096: Input/output error"
                                : "IO error: While fsync: Input/output error";
}

const char *trouble_at(enum trouble_call call)
{
    struct medium *medium = medium_now();
    if (medium == NULL)
        return NULL;
    bool begins = ++now.calls >= now.at && weather_happens(now.weather, WEATHER_INDEX_ERROR);
    if (begins)
        begin(medium);
    int64_t now_ms = clock_monotonic_ms();
    bool is_full = now_ms < medium->full_until_ms;
    if (is_full && (begins || call == TROUBLE_OPEN || call == TROUBLE_FLUSH))
        return call == TROUBLE_READ ? NULL
                                    : "IO error: No space left on device: While appending to file";
    return begins || now_ms < medium->broken_until_ms ? broken(call) : NULL;
}

int __wrap_statvfs(const char *path, struct statvfs *out)
{
    int result = __real_statvfs(path, out);
    const struct medium *medium = medium_now();
    if (result == 0 && medium != NULL && clock_monotonic_ms() < medium->full_until_ms)
        out->f_bavail = 0;
    return result;
}
