/* A few threads, one queue, an eventfd to tell the loop. Jobs live on the stacks of the tasks
 * that wait for them. */
#include "task/offload.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
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
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    struct list waiting;     /* jobs, under lock */
    struct list done;        /* jobs, under lock */
    unsigned idle;           /* threads waiting for a job, under lock */
    bool ending;             /* under lock */
    struct task_io finished; /* an eventfd the threads add to */
};

static void *worker(void *argument)
{
    struct offload_pool *pool = argument;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (list_is_empty(&pool->waiting) && !pool->ending) {
            pool->idle++;
            pthread_cond_wait(&pool->wanted, &pool->lock);
            pool->idle--;
        }
        if (list_is_empty(&pool->waiting))
            break;
        struct job *job = list_entry(pool->waiting.next, struct job, link);
        list_remove(&job->link);
        pthread_mutex_unlock(&pool->lock);
        job->function(job->argument);
        pthread_mutex_lock(&pool->lock);
        list_append(&pool->done, &job->link);
        uint64_t one = 1;
        check(write(pool->finished.fd, &one, sizeof(one)) == sizeof(one));
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* On the loop's stack, when a thread has told the eventfd. */
static void jobs_finished(struct task_io *io)
{
    struct offload_pool *pool = list_entry(io, struct offload_pool, finished);
    uint64_t count;
    check(read(io->fd, &count, sizeof(count)) == sizeof(count) || errno == EAGAIN);
    struct list done;
    pthread_mutex_lock(&pool->lock);
    list_move_all(&done, &pool->done);
    pthread_mutex_unlock(&pool->lock);
    list_each(link, &done)
    {
        struct job *job = list_entry(link, struct job, link);
        job->done = true;
        task_wake(job->task, WAKE_TOLD);
    }
}

static struct offload_pool *pool_new(void)
{
    struct offload_pool *pool = calloc(1, sizeof(*pool));
    check(pool != NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wanted, NULL);
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
    pthread_mutex_lock(&(*pool)->lock);
    (*pool)->ending = true;
    pthread_cond_broadcast(&(*pool)->wanted);
    pthread_mutex_unlock(&(*pool)->lock);
    for (unsigned i = 0; i < (*pool)->thread_count; i++)
        pthread_join((*pool)->threads[i], NULL);
    int fd = (*pool)->finished.fd;
    task_io_close(&(*pool)->finished);
    close(fd);
    pthread_mutex_destroy(&(*pool)->lock);
    pthread_cond_destroy(&(*pool)->wanted);
    free(*pool);
    *pool = NULL;
}

static void give_to_thread(struct job *job)
{
    if (task_loop->offload == NULL)
        task_loop->offload = pool_new();
    struct offload_pool *pool = task_loop->offload;
    pthread_mutex_lock(&pool->lock);
    list_append(&pool->waiting, &job->link);
    if (pool->idle > 0)
        pthread_cond_signal(&pool->wanted);
    else if (pool->thread_count < OFFLOAD_THREADS &&
             pthread_create(&pool->threads[pool->thread_count], NULL, worker, pool) == 0)
        pool->thread_count++;
    check(pool->thread_count > 0);
    pthread_mutex_unlock(&pool->lock);
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

void task_offload(task_function *function, void *argument)
{
    struct job job = {.function = function, .argument = argument, .task = task_loop->running};
    if (task_simulation != NULL)
        list_append(&task_loop->in_place, &job.link);
    else
        give_to_thread(&job);
    while (!job.done)
        task_park_uncancellable(NO_DEADLINE);
}
