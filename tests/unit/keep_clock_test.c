/* By which clock what was kept goes. */
#include "base/clock.h"
#include "queue/keep_clock.h"
#include "test.h"

enum { LOOK_MS = 10 * MINUTE };
static const int64_t noon_ms = 1800000000LL * SECOND;

/* A wall clock of its own beside the monotonic one. */
struct scene {
    struct keep_clock clock;
    int64_t wall_ms, monotonic_ms;
};

static int64_t look(struct scene *scene)
{
    return keep_clock_now(&scene->clock, scene->wall_ms, scene->monotonic_ms);
}

/* The latest instant it was during that time, looked at as often as the queue does. */
static int64_t latest_in(struct scene *scene, int64_t duration_ms)
{
    int64_t latest = look(scene);
    for (int64_t passed = 0; passed < duration_ms; passed += LOOK_MS) {
        scene->wall_ms += LOOK_MS;
        scene->monotonic_ms += LOOK_MS;
        int64_t now = look(scene);
        latest = now > latest ? now : latest;
    }
    return latest;
}

static struct scene settled(void)
{
    struct scene scene = {.wall_ms = noon_ms, .monotonic_ms = 5 * MINUTE};
    latest_in(&scene, HOUR);
    return scene;
}

TEST("nothing is old enough in the first hour of a start, then the wall clock counts")
{
    struct scene scene = {.wall_ms = noon_ms, .monotonic_ms = 5 * MINUTE};
    EXPECT(latest_in(&scene, HOUR - LOOK_MS) == 0);
    EXPECT(latest_in(&scene, LOOK_MS) == scene.wall_ms);
    EXPECT(latest_in(&scene, 3 * DAY) == scene.wall_ms);
}

TEST("a wrong clock that is set right within the first hour has nothing go")
{
    struct scene scene = {.wall_ms = noon_ms + 3000LL * DAY, .monotonic_ms = 5 * MINUTE};
    EXPECT(latest_in(&scene, 30 * MINUTE) == 0);
    scene.wall_ms -= 3000LL * DAY;
    EXPECT(latest_in(&scene, 50 * MINUTE) == 0);
    EXPECT(latest_in(&scene, DAY) == scene.wall_ms);
}

TEST("a clock set forward counts after a day, and not at all when it is set back before")
{
    struct scene scene = settled();
    int64_t before_ms = scene.wall_ms;
    scene.wall_ms += 40LL * DAY;
    EXPECT(latest_in(&scene, DAY - LOOK_MS) == before_ms + DAY - LOOK_MS);
    EXPECT(latest_in(&scene, LOOK_MS) == scene.wall_ms);
    before_ms = scene.wall_ms;
    scene.wall_ms += 400LL * DAY;
    EXPECT(latest_in(&scene, HOUR) == before_ms + HOUR);
    scene.wall_ms -= 400LL * DAY;
    EXPECT(latest_in(&scene, 3 * DAY) == scene.wall_ms);
}

TEST("a clock set forward once more within the day has to stand for a day again")
{
    struct scene scene = settled();
    int64_t before_ms = scene.wall_ms;
    scene.wall_ms += 40LL * DAY;
    latest_in(&scene, DAY - HOUR);
    scene.wall_ms += DAY;
    EXPECT(latest_in(&scene, DAY - HOUR) == before_ms + 2 * (DAY - HOUR));
    EXPECT(latest_in(&scene, HOUR) == scene.wall_ms);
}

TEST("a clock set back counts at once, and one that drifts always")
{
    struct scene scene = settled();
    scene.wall_ms -= 40LL * DAY;
    EXPECT(look(&scene) == scene.wall_ms);
    for (int i = 0; i < 1000; i++) {
        scene.wall_ms += LOOK_MS + SECOND;
        scene.monotonic_ms += LOOK_MS;
        EXPECT(look(&scene) == scene.wall_ms);
    }
}
