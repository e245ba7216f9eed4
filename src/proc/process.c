/* A role in a process of its own: it does what the parent asks over descriptor 3, and ends when the
 * parent says so or is gone. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/id.h"
#include "base/logline.h"
#include "base/memory.h"
#include "proc/folders.h"
#include "proc/instance.h"
#include "proc/login_files.h"
#include "proc/sandbox.h"

enum { PARENT_FD = 3 };

struct process {
    const struct role_program *program;
    struct role_instance *instance;
    struct rpc_channel *parent;
    struct task_group group;
    struct task_event ended, started;
    unsigned number;
    size_t machine; /* memory_of_machine, for files can't be read any more once confined */
    bool confined, starting, ending;
};

static void finish(struct rpc_call **call, enum status status)
{
    if (status == OK)
        rpc_answer(call, TEXT(""));
    else
        rpc_fail(call, status, fail_reason());
}

static enum log_level level_of(const struct settings *settings)
{
    switch (settings->log_level) {
    case LOG_TO_DEBUG:
        return LOG_LEVEL_DEBUG;
    case LOG_TO_WARNING:
        return LOG_LEVEL_WARNING;
    case LOG_TO_INFO:
        break;
    }
    return LOG_LEVEL_INFO;
}

static unsigned folders_of_role(const struct role *role, const struct settings *settings,
                                struct arena *arena, const char ***out)
{
    struct folder_place *places;
    if ((role->may & MAY_USE_FOLDERS) == 0)
        return 0;
    unsigned count = folders_list(settings, arena, &places);
    *out = arena_array(arena, count, sizeof(**out));
    for (unsigned i = 0; i < count; i++)
        (*out)[i] = places[i].path.data;
    return count;
}

/* Before the first thread and the first stranger's byte. */
static enum status confine(struct process *process)
{
    const struct role *role = role_find(process->program->kind);
    const struct settings *settings = role_instance_settings(process->instance);
    log_setup(role->name, level_of(settings));
    if (process->confined || settings->sandbox_off)
        return OK;
    struct buffer granted;
    buffer_init(&granted, 500);
    struct arena arena;
    const char *readable[LOGIN_FILES_MAX], **writable = NULL;
    arena_init(&arena);
    struct text data = role->data != NULL ? role_directory(role, settings, &arena) : TEXT("");
    unsigned folders = folders_of_role(role, settings, &arena, &writable);
    const struct sandbox sandbox = {.data_directory = data,
                                    .readable = readable,
                                    .readable_count =
                                        login_files(settings, role->kind, &arena, readable),
                                    .writable = writable,
                                    .writable_count = folders,
                                    .required = settings->sandbox_required};
    enum status status = sandbox_enter(role, &sandbox, &granted);
    arena_finish(&arena);
    process->confined = status == OK;
    if (status == OK)
        log_info("role.confined", "number=%u pid=%d granted=%s", process->number, (int)getpid(),
                 log_text(text_trim(buffer_text(&granted))));
    buffer_finish(&granted);
    return status;
}

static void serve_configure(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    struct role_configuration configuration;
    enum status status = REFUSED;
    if (!role_configuration_decode(request, &configuration))
        status = refused("malformed configuration");
    else if ((status = role_instance_configure(process->instance, &configuration)) == OK) {
        memory_limit(role_memory(role_find(process->program->kind),
                                 role_instance_settings(process->instance), process->machine));
        status = confine(process);
    }
    finish(&call, status);
}

static void serve_connect(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    struct wire_reader in = wire_reader_of(request);
    enum role_kind kind = wire_get_u8(&in);
    uint32_t number = wire_get_u32(&in);
    int fd = rpc_take_fd(call);
    enum status status = fd < 0 || !wire_end(&in)
                             ? refused("malformed request")
                             : role_instance_connect(process->instance, kind, number, fd);
    finish(&call, status);
}

static void serve_listen(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    struct wire_reader in = wire_reader_of(request);
    struct text server = wire_get_text(&in);
    enum service service = wire_get_u8(&in);
    int fd = rpc_take_fd(call);
    enum status status = fd < 0 || !wire_end(&in)
                             ? refused("malformed request")
                             : role_instance_listen(process->instance, server, service, fd);
    finish(&call, status);
}

static void serve_unlisten(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    struct wire_reader in = wire_reader_of(request);
    role_instance_unlisten(process->instance, wire_get_text(&in));
    finish(&call, OK);
}

static void serve_admin(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    unused(request);
    role_instance_admin(process->instance, rpc_take_fd(call));
    finish(&call, OK);
}

static void serve_seats(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    struct seats *seats = NULL;
    unused(request);
    enum status status = seats_map(rpc_take_fd(call), process->number, &seats);
    if (status == OK)
        role_instance_seats(process->instance, seats);
    finish(&call, status);
}

static void serve_tickets(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    finish(&call, role_instance_tickets(process->instance, request));
}

static void serve_end_server(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    finish(&call, role_instance_end_server(process->instance, request));
}

static void serve_memory(void *context, struct rpc_call *call, struct text request)
{
    unused(context);
    unused(request);
    struct memory_now now = memory_now();
    struct buffer report;
    buffer_init(&report, 256);
    memory_report_encode(&now, &report);
    rpc_answer(&call, buffer_text(&report));
    buffer_finish(&report);
}

static void serve_start(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    unused(request);
    process->starting = true;
    enum status status = role_instance_start(process->instance);
    process->starting = false;
    finish(&call, status);
    task_event_tell_all(&process->started);
}

static void serve_stop(void *context, struct rpc_call *call, struct text request)
{
    struct process *process = context;
    unused(request);
    /* The parent may be handing over a socket to a role that was replaced just now. */
    rpc_channel_refuse(process->parent);
    while (process->starting)
        task_event_wait(&process->started, NO_DEADLINE);
    role_instance_stop(&process->instance);
    finish(&call, OK);
    process->ending = true;
    task_event_tell_all(&process->ended);
}

static const struct rpc_method methods[] = {
    {PARENT_CONFIGURE, 0, "configure", serve_configure},
    {PARENT_CONNECT, 0, "connect", serve_connect},
    {PARENT_LISTEN, 0, "listen", serve_listen},
    {PARENT_UNLISTEN, 0, "unlisten", serve_unlisten},
    {PARENT_ADMIN, 0, "admin", serve_admin},
    {PARENT_START, 0, "start", serve_start},
    {PARENT_STOP, 0, "stop", serve_stop},
    {PARENT_SEATS, 0, "seats", serve_seats},
    {PARENT_TICKETS, 0, "tickets", serve_tickets},
    {PARENT_END_SERVER, 0, "end-server", serve_end_server},
    {PARENT_MEMORY, RPC_INLINE, "memory", serve_memory},
};

/* Without a parent nobody hands over sockets: end at once. What was acknowledged is on disk. */
static void parent_gone(void *argument)
{
    struct process *process = argument;
    log_write_gathered();
    if (!process->ending)
        _exit(EXIT_FAILURE);
}

static void process_task(void *argument)
{
    struct process *process = argument;
    task_group_init(&process->group);
    task_event_init(&process->ended);
    task_event_init(&process->started);
    process->instance = role_instance_new(process->program, process->number);
    process->parent = rpc_channel_new("parent", methods, sizeof(methods) / sizeof(*methods),
                                      process, &process->group);
    rpc_channel_on_down(process->parent, parent_gone, process);
    rpc_channel_connect(process->parent, PARENT_FD);
    while (!process->ending)
        task_event_wait(&process->ended, NO_DEADLINE);
    task_yield(); /* the answer to stop goes out */
    rpc_channel_close(&process->parent);
    task_group_finish(&process->group);
}

/* A core file has keys, passwords and mail in it. With a limit of 0 the kernel still pipes one to a
 * collector such as systemd-coredump; with 1 it does neither. */
static void write_no_core(void)
{
    const struct rlimit neither = {1, 1};
    setrlimit(RLIMIT_CORE, &neither);
}

void process_prepare(void)
{
    signal(SIGPIPE, SIG_IGN);
    write_no_core();
    /* Sessions come and go; giving the top of the heap back each time costs two calls a message. */
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_TOP_PAD, 256 << 10);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

int role_process_main(const struct role_program *program, int count, char **arguments)
{
    struct process process = {.program = program};
    uint32_t number = 0;
    const struct role *role = role_find(program->kind);
    if (count != 2 || !text_to_u32(text_from(arguments[1]), &number) ||
        fcntl(PARENT_FD, F_GETFL) < 0) {
        log_error("role.start", "reason=\"a role is started by mailroot serve, not by hand\"");
        return EXIT_FAILURE;
    }
    process.number = number;
    process.machine = memory_of_machine();
    /* Of each of these there is one at a time. */
    id_set_origin(program->kind == ROLE_FRONT ? number : ROLE_FRONTS_MAX + program->kind);
    log_setup(role->name, LOG_LEVEL_INFO);
    process_prepare();
    signal(SIGHUP, SIG_IGN); /* the parent's terminal; it tells us in its own way */
    signal(SIGINT, SIG_IGN);
    fcntl(PARENT_FD, F_SETFD, FD_CLOEXEC);
    fcntl(PARENT_FD, F_SETFL, fcntl(PARENT_FD, F_GETFL) | O_NONBLOCK);
    task_loop_run(process_task, &process);
    return EXIT_SUCCESS;
}
