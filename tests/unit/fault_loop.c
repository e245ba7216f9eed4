#include "fault_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "index/index.h"
#include "store/store.h"

enum {
    SECONDS_MOST = 60,    /* a run that takes longer hangs */
    EXIT_INDEX_LOST = 70, /* the store ends by itself, and its parent starts it anew */
    EXIT_BROKEN = 1,
    STRIDE_OF_LONG = 7,
    STRIDE_OF_MEMORY = 5,
    STRIDE_OF_SANITIZED = 5,
};

/* What became of the n-th row of the index before the scene begins. RocksDB has checksums: it is as
 * if we had written it so. */
enum damage { DAMAGE_NONE, DAMAGE_CUT, DAMAGE_GONE };

static const struct failure {
    const char *name;
    unsigned kinds;
    int error;
    enum damage damage;
} failures[] = {
    {"an I/O error", FAULT_FILES, EIO},
    {"a full disk",
     FAULT_OPEN | FAULT_WRITE | FAULT_SYNC | FAULT_RENAME | FAULT_ALLOCATE | FAULT_MAKE, ENOSPC},
    {"no descriptor", FAULT_OPEN, EMFILE},
    {"half a write", FAULT_WRITE, FAULT_SHORT},
    {"an interruption", FAULT_OPEN | FAULT_WRITE | FAULT_ALLOCATE, EINTR},
    {"no memory", FAULT_MEMORY, ENOMEM},
    {"a read that fails", FAULT_READ, EIO},
    {"an index that fails", FAULT_INDEX, EIO},
    {"memory that is refused", FAULT_ASK, ENOMEM},
    {"half a row of the index", .damage = DAMAGE_CUT},
    {"a row of the index that is gone", .damage = DAMAGE_GONE},
};

/* What the player was told of each step, bit by bit. Shared by the processes. */
struct told {
    unsigned asked, kept, refused; /* neither kept nor refused: it ended before it answered */
    unsigned struck;               /* the kind of the call that failed */
};

struct run {
    char directory[64];
    struct told *told;
    const struct failure *failure;
    uint64_t nth;
    bool is_cut; /* the power is cut at fault_end */
};

static struct run run;

/* Linked in place of memory_ask (base/memory.h). */
enum status __real_memory_ask(enum memory_for what, size_t bytes);
enum status __wrap_memory_ask(enum memory_for what, size_t bytes);
enum status __wrap_memory_ask(enum memory_for what, size_t bytes)
{
    return faults_take(FAULT_ASK) ? try_later("no memory for it at the moment")
                                  : __real_memory_ask(what, bytes);
}

void fault_begin(void)
{
    faults_arm(run.failure->kinds, run.failure->error, run.nth);
}

void fault_end(void)
{
    if (run.failure->damage == DAMAGE_NONE)
        run.told->struck = faults_struck();
    faults_arm(0, 0, 0);
    if (!run.is_cut)
        return;
    faults_cut_power();
    _exit(0);
}

void fault_ask(unsigned step)
{
    run.told->asked |= 1U << step;
}

void fault_tell(unsigned step, enum status status)
{
    *(status == OK ? &run.told->kept : &run.told->refused) |= 1U << step;
}

bool fault_was_kept(unsigned step)
{
    return (run.told->kept >> step & 1) != 0;
}

void fault_as_told(unsigned step, unsigned there)
{
    unsigned bit = 1U << step;
    fault_expect(there <= 1, "nothing is there twice");
    fault_expect(!fault_was_kept(step) || there == 1, "what was acknowledged is there");
    fault_expect(((run.told->refused | ~run.told->asked) & bit) == 0 || there == 0,
                 "what was refused is not there");
}

bool fault_is_of_index(void)
{
    return run.failure->damage != DAMAGE_NONE;
}

void fault_check(bool holds, const char *sentence, const char *condition)
{
    if (holds)
        return;
    fprintf(stderr, "not so: %s (%s)\n", sentence, condition);
    _exit(EXIT_BROKEN);
}

/* How a process that plays this ends, as waitpid tells. */
static int play(void (*part)(const char *directory), bool is_quiet)
{
    int how;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS_MOST);
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        int nowhere = is_quiet ? open("/dev/null", O_WRONLY) : -1;
        if (nowhere >= 0)
            dup2(nowhere, STDERR_FILENO);
        faults_watch(run.directory);
        part(run.directory);
        _exit(0);
    }
    EXPECT(waitpid(child, &how, 0) == child);
    return how;
}

/* ---- Damaged rows ---- */

struct damaging {
    struct index_batch *batch;
    uint64_t left;
};

static bool damage_one(void *context, struct text key, struct text value)
{
    struct damaging *damaging = context;
    if (--damaging->left > 0)
        return true;
    if (run.failure->damage == DAMAGE_GONE)
        index_batch_delete(damaging->batch, key);
    else
        index_batch_put(damaging->batch, key, text_of(value.data, value.length / 2));
    return false;
}

static void damage(const char *directory)
{
    char path[128];
    struct index *index;
    snprintf(path, sizeof(path), "%s/index", directory);
    run.told->struck = 0;
    if (access(path, F_OK) != 0)
        return;
    fault_expect(index_open(path, &index) == OK, "the index is there to be damaged");
    struct damaging damaging = {index_batch_new(index), run.nth};
    index_scan(index, TEXT(""), TEXT(""), damage_one, &damaging);
    run.told->struck = damaging.left == 0;
    index_batch_apply(damaging.batch, index_applied(index));
    index_batch_free(&damaging.batch);
    index_close(&index);
}

/* What it says is not promised then; it is made anew from the log, where all is. */
static void forget_index(const char *directory)
{
    fault_expect(store_forget_index(directory) == OK, "the index is forgotten");
}

/* ---- Runs ---- */

/* format names the directory as %1$s. */
static void shell(const char *format)
{
    char command[256];
    snprintf(command, sizeof(command), format, run.directory);
    EXPECT(system(command) == 0);
}

static bool may_end_so(int how)
{
    /* A scene may be told that what it had prepared is not there. */
    if (run.failure->damage != DAMAGE_NONE && WIFEXITED(how) && WEXITSTATUS(how) == EXIT_BROKEN)
        return true;
    if (WIFEXITED(how))
        return WEXITSTATUS(how) == 0 || WEXITSTATUS(how) == EXIT_INDEX_LOST ||
               WEXITSTATUS(how) == FAULT_EXIT_ASSERTED;
    return WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT && run.failure->kinds == FAULT_MEMORY;
}

/* False: no call failed any more. */
static bool run_one(const struct fault_scene *scene)
{
    struct told *told = run.told;
    shell("rm -rf '%1$s' && cp -r '%1$s.prepared' '%1$s'");
    *told = (struct told){.struck = FAULT_FILES}; /* should it end before it says */
    bool is_damaged = run.failure->damage != DAMAGE_NONE;
    if (is_damaged)
        EXPECT(play(damage, false) == 0);
    if (told->struck == 0)
        return false;
    int how = play(scene->act, is_damaged || run.failure->kinds == FAULT_MEMORY);
    bool ended_well = may_end_so(how);
    if (is_damaged && ended_well)
        EXPECT(play(forget_index, false) == 0);
    int seen = ended_well ? play(scene->look, false) : 0;
    if (!ended_well || seen != 0)
        fail_msg("%s: %s at call %u (of kind %u), then %s: %s %x; asked %x, kept %x, refused %x",
                 scene->name, run.failure->name, (unsigned)run.nth, told->struck,
                 run.is_cut ? "a power cut" : "a stop", ended_well ? "looking ends" : "it ends",
                 (unsigned)(ended_well ? seen : how), told->asked, told->kept, told->refused);
    return told->struck != 0;
}

/* From one n to the next; 0: not at all. */
static unsigned stride_of(const struct fault_scene *scene)
{
    const char *wanted = getenv("MAILROOT_FAULTS");
    bool all = wanted != NULL && strcmp(wanted, "all") == 0;
    unsigned stride = scene->is_long ? STRIDE_OF_LONG : 1;
#ifdef MAILROOT_ASAN
    if (run.failure->kinds == FAULT_MEMORY)
        return 0; /* the sanitizer's malloc stands before ours */
    stride = STRIDE_OF_SANITIZED * (scene->is_long ? 3 : 1);
#endif
    if (run.failure->kinds == FAULT_MEMORY)
        stride = STRIDE_OF_MEMORY;
    return all ? 1 : stride;
}

/* Another one each time, so that each has its turn. */
static uint64_t first_of(unsigned stride)
{
    return 1 + (uint64_t)clock_wall_ms() % stride;
}

/* After an I/O error the process stops at each point, and at each the power is cut as well; after
 * the others one or the other, in turn. */
static unsigned fail_each(const struct fault_scene *scene)
{
    unsigned stride = stride_of(scene), points = 0;
    bool both = run.failure->kinds == FAULT_FILES;
    for (unsigned ending = 0; ending < (both ? 2 : 1) && stride > 0; ending++) {
        bool struck = true;
        for (run.nth = first_of(stride); struck; run.nth += stride) {
            run.is_cut = both ? ending == 1 : points % 2 == 1;
            struck = run_one(scene);
            points += struck;
        }
    }
    return points;
}

void fault_loop(const struct fault_scene *scene)
{
    unsigned points = 0;
    int64_t start_ms = clock_monotonic_ms();
    snprintf(run.directory, sizeof(run.directory), "/tmp/mailroot-fault-XXXXXX");
    EXPECT(mkdtemp(run.directory) != NULL);
    run.told =
        mmap(NULL, sizeof(*run.told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT(run.told != MAP_FAILED);
    EXPECT(play(scene->prepare, false) == 0);
    shell("cp -r '%1$s' '%1$s.prepared'");
    for (unsigned i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        run.failure = &failures[i];
        if (failures[i].kinds != FAULT_MEMORY || scene->memory_too)
            points += fail_each(scene);
    }
    print_message("%s: %u points in %d ms\n", scene->name, points,
                  (int)(clock_monotonic_ms() - start_ms));
    EXPECT(points > 0);
    munmap(run.told, sizeof(*run.told));
    shell("rm -rf '%1$s' '%1$s.prepared'");
}
