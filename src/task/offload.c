/* A few threads, a queue, a semaphore to tell them and an eventfd to tell the loop; and the same
 * once more for work that can wait. Jobs live on the stacks of the tasks that wait for them.
 * Whoever is told will want the lock, so nobody tells another while he holds it. */
#include "task/offload.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "task/io.h"
#include "task/loop.h"

enum { OFFLOAD_THREADS = 4, SPARE_THREADS = 1 };
/* Of a busy processor a tenth of what another thread gets. */
enum { SPARE_NICE = 10 };

struct job {
    struct list link;
    struct offload_lane *lane;
    task_function *function;
    void *argument;
    struct task *task;
    bool done;
};

struct offload_lane {
    struct offload_pool *pool;
    bool is_spare;
    pthread_t threads[OFFLOAD_THREADS];
    unsigned thread_count, threads_most;
    unsigned jobs;       /* given, and not known to have ended */
    sem_t wanted;        /* one for each job that waits, and for each thread when it is to end */
    struct list waiting; /* jobs */
};

struct offload_pool {
    struct offload_lane usual, spare;
    pthread_mutex_t lock;    /* of all lists */
    struct list done;        /* jobs; the loop is told of the first */
    struct task_io finished; /* an eventfd the threads add to */
};

static struct job *take_waiting(struct offload_lane *lane)
{
    struct job *job = NULL;
    pthread_mutex_lock(&lane->pool->lock);
    if (!list_is_empty(&lane->waiting)) {
        job = list_entry(lane->waiting.next, struct job, link);
        list_remove(&job->link);
    }
    pthread_mutex_unlock(&lane->pool->lock);
    return job;
}

static void put_done(struct offload_pool *pool, struct job *job)
{
    pthread_mutex_lock(&pool->lock);
    bool is_first = list_is_empty(&pool->done);
    list_append(&pool->done, &job->link);
    pthread_mutex_unlock(&pool->lock);
    uint64_t one = 1;
    if (is_first)
        check(write(pool->finished.fd, &one, sizeof(one)) == sizeof(one));
}

static void *worker(void *argument)
{
    struct offload_lane *lane = argument;
    /* Linux gives each thread a niceness of its own. */
    if (lane->is_spare)
        setpriority(PRIO_PROCESS, 0, SPARE_NICE);
    for (;;) {
        while (sem_wait(&lane->wanted) != 0)
            check(errno == EINTR);
        struct job *job = take_waiting(lane);
        if (job == NULL)
            return NULL;
        job->function(job->argument);
        put_done(lane->pool, job);
    }
}

/* On the loop's stack, when a thread has told the eventfd. Each addition to it is an edge, and ones
 * do not fill it in any time: so it is never read. */
static void jobs_finished(struct task_io *io)
{
    struct offload_pool *pool = list_entry(io, struct offload_pool, finished);
    struct list done;
    pthread_mutex_lock(&pool->lock);
    list_move_all(&done, &pool->done);
    pthread_mutex_unlock(&pool->lock);
    list_each(link, &done)
    {
        struct job *job = list_entry(link, struct job, link);
        job->done = true;
        job->lane->jobs--;
        task_wake(job->task, WAKE_TOLD);
    }
}

static void lane_init(struct offload_lane *lane, struct offload_pool *pool, unsigned threads_most)
{
    lane->pool = pool;
    lane->threads_most = threads_most;
    check(sem_init(&lane->wanted, 0, 0) == 0);
    list_init(&lane->waiting);
}

static struct offload_pool *pool_new(void)
{
    struct offload_pool *pool = calloc(1, sizeof(*pool));
    check(pool != NULL);
    pthread_mutex_init(&pool->lock, NULL);
    lane_init(&pool->usual, pool, OFFLOAD_THREADS);
    lane_init(&pool->spare, pool, SPARE_THREADS);
    pool->spare.is_spare = true;
    list_init(&pool->done);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(fd >= 0 && task_io_open(&pool->finished, fd) == OK);
    pool->finished.on_readable = jobs_finished;
    return pool;
}

static void lane_finish(struct offload_lane *lane)
{
    for (unsigned i = 0; i < lane->thread_count; i++)
        sem_post(&lane->wanted);
    for (unsigned i = 0; i < lane->thread_count; i++)
        pthread_join(lane->threads[i], NULL);
    sem_destroy(&lane->wanted);
}

void offload_pool_free(struct offload_pool **pool)
{
    if (*pool == NULL)
        return;
    lane_finish(&(*pool)->usual);
    lane_finish(&(*pool)->spare);
    int fd = (*pool)->finished.fd;
    task_io_close(&(*pool)->finished);
    close(fd);
    pthread_mutex_destroy(&(*pool)->lock);
    free(*pool);
    *pool = NULL;
}

/* A thread for one job more, while there may be more threads. False: there is none at all. */
static bool has_thread(struct offload_lane *lane)
{
    pthread_t *thread = &lane->threads[lane->thread_count];
    if (lane->jobs >= lane->thread_count && lane->thread_count < lane->threads_most &&
        pthread_create(thread, NULL, worker, lane) == 0)
        lane->thread_count++;
    return lane->thread_count > 0;
}

static void give_to_thread(struct offload_lane *lane, struct job *job)
{
    job->lane = lane;
    lane->jobs++;
    pthread_mutex_lock(&lane->pool->lock);
    list_append(&lane->waiting, &job->link);
    pthread_mutex_unlock(&lane->pool->lock);
    sem_post(&lane->wanted);
}

void offload_run_in_place(struct loop *loop)
{
    while (!list_is_empty(&loop->in_place)) {
        struct job *job = list_entry(loop->in_place.next, struct job, link);
        list_remove(&job->link);
        job->function(job->argument);
        job->done = true;
        task_wake(job->task, WAKE_TOLD);
    }
}

void offload_forget(struct loop *loop, const struct task *task)
{
    for (struct list *link = loop->in_place.next, *next; link != &loop->in_place; link = next) {
        next = link->next;
        if (list_entry(link, struct job, link)->task == task)
            list_remove(link);
    }
}

static void await(const struct job *job)
{
    while (!job->done)
        task_park_uncancellable(NO_DEADLINE);
}

static void take_time(void)
{
    if (task_simulation->work_takes_ms == NULL)
        return;
    int64_t end_ms =
        clock_monotonic_ms() + task_simulation->work_takes_ms(task_simulation->context);
    while (clock_monotonic_ms() < end_ms)
        task_park_uncancellable(end_ms);
}

static void offload_simulated(struct job *job)
{
    take_time();
    list_append(&task_loop->in_place, &job->link);
    await(job);
    take_time();
}

static struct offload_pool *pool_of_loop(void)
{
    if (task_loop->offload == NULL)
        task_loop->offload = pool_new();
    return task_loop->offload;
}

static void offload(task_function *function, void *argument, bool is_spare)
{
    struct job job = {.function = function, .argument = argument, .task = task_loop->running};
    if (task_simulation != NULL) {
        offload_simulated(&job);
        return;
    }
    struct offload_pool *pool = pool_of_loop();
    struct offload_lane *lane = is_spare && has_thread(&pool->spare) ? &pool->spare : &pool->usual;
    check(has_thread(lane));
    give_to_thread(lane, &job);
    await(&job);
}

void task_offload(task_function *function, void *argument)
{
    offload(function, argument, false);
}

void task_offload_spare(task_function *function, void *argument)
{
    offload(function, argument, true);
}
