/* A few threads, one queue, a semaphore to tell them and an eventfd to tell the loop. Jobs live on
 * the stacks of the tasks that wait for them. Whoever is told will want the lock, so nobody tells
 * another while he holds it. */
#include "task/offload.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "task/io.h"
#include "task/loop.h"

enum { OFFLOAD_THREADS = 4 };

struct job {
    struct list link;
    task_function *function;
    void *argument;
    struct task *task;
    bool done;
};

struct offload_pool {
    pthread_t threads[OFFLOAD_THREADS];
    unsigned thread_count;
    unsigned jobs;        /* given, and not known to have ended */
    sem_t wanted;         /* one for each job that waits, and for each thread when it is to end */
    pthread_mutex_t lock; /* of both lists */
    struct list waiting;  /* jobs */
    struct list done;     /* jobs; the loop is told of the first */
    struct task_io finished; /* an eventfd the threads add to */
};

static struct job *take_waiting(struct offload_pool *pool)
{
    struct job *job = NULL;
    pthread_mutex_lock(&pool->lock);
    if (!list_is_empty(&pool->waiting)) {
        job = list_entry(pool->waiting.next, struct job, link);
        list_remove(&job->link);
    }
    pthread_mutex_unlock(&pool->lock);
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
    struct offload_pool *pool = argument;
    for (;;) {
        while (sem_wait(&pool->wanted) != 0)
            check(errno == EINTR);
        struct job *job = take_waiting(pool);
        if (job == NULL)
            return NULL;
        job->function(job->argument);
        put_done(pool, job);
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
        pool->jobs--;
        task_wake(job->task, WAKE_TOLD);
    }
}

static struct offload_pool *pool_new(void)
{
    struct offload_pool *pool = calloc(1, sizeof(*pool));
    check(pool != NULL);
    pthread_mutex_init(&pool->lock, NULL);
    check(sem_init(&pool->wanted, 0, 0) == 0);
    list_init(&pool->waiting);
    list_init(&pool->done);
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(fd >= 0 && task_io_open(&pool->finished, fd) == OK);
    pool->finished.on_readable = jobs_finished;
    return pool;
}

void offload_pool_free(struct offload_pool **pool)
{
    if (*pool == NULL)
        return;
    for (unsigned i = 0; i < (*pool)->thread_count; i++)
        sem_post(&(*pool)->wanted);
    for (unsigned i = 0; i < (*pool)->thread_count; i++)
        pthread_join((*pool)->threads[i], NULL);
    int fd = (*pool)->finished.fd;
    task_io_close(&(*pool)->finished);
    close(fd);
    pthread_mutex_destroy(&(*pool)->lock);
    sem_destroy(&(*pool)->wanted);
    free(*pool);
    *pool = NULL;
}

static void give_to_thread(struct job *job)
{
    if (task_loop->offload == NULL)
        task_loop->offload = pool_new();
    struct offload_pool *pool = task_loop->offload;
    pool->jobs++;
    pthread_mutex_lock(&pool->lock);
    list_append(&pool->waiting, &job->link);
    pthread_mutex_unlock(&pool->lock);
    sem_post(&pool->wanted);
    pthread_t *thread = &pool->threads[pool->thread_count];
    if (pool->jobs > pool->thread_count && pool->thread_count < OFFLOAD_THREADS &&
        pthread_create(thread, NULL, worker, pool) == 0)
        pool->thread_count++;
    check(pool->thread_count > 0);
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

void task_offload(task_function *function, void *argument)
{
    struct job job = {.function = function, .argument = argument, .task = task_loop->running};
    if (task_simulation != NULL) {
        offload_simulated(&job);
        return;
    }
    give_to_thread(&job);
    await(&job);
}
