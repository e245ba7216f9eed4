#include "proc/instance.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/logline.h"
#include "proc/role_tls.h"

enum { SECRETS_MAX = 1 << 20, FILES_MAX = 4 << 20 };

struct role_instance {
    struct role_context context;
    struct task_group group;
    const struct role_program *program;
    void *state;
    bool started;
};

static struct rpc_channel *channel_to(struct role_instance *instance, enum role_kind peer)
{
    const struct role_program *program = instance->program;
    return rpc_channel_new(role_find(peer)->name, program->methods[peer],
                           program->method_count[peer], instance->state, &instance->group);
}

struct role_instance *role_instance_new(const struct role_program *program, unsigned number)
{
    struct role_instance *instance = calloc(1, sizeof(*instance));
    check(instance != NULL);
    struct role_context *context = &instance->context;
    task_group_init(&instance->group);
    context->role = role_find(program->kind);
    context->number = number;
    context->group = &instance->group;
    context->admin_fd = -1;
    buffer_init(&context->secrets, SECRETS_MAX);
    buffer_init(&context->files, FILES_MAX);
    if (program->kind == ROLE_FRONT)
        context->tickets = tls_tickets_new();
    task_event_init(&context->reloaded);
    instance->program = program;
    instance->state = program->new_state(context);
    unsigned peers = context->role->peers;
    if ((peers & 1u << ROLE_STORE) != 0)
        context->store = channel_to(instance, ROLE_STORE);
    if ((peers & 1u << ROLE_AUTH) != 0)
        context->auth = channel_to(instance, ROLE_AUTH);
    if ((peers & 1u << ROLE_SEND) != 0)
        context->send = channel_to(instance, ROLE_SEND);
    /* Also of those that come later: at its start the program watches them all. */
    for (unsigned i = 0; i < ROLE_FRONTS_MAX && (peers & 1u << ROLE_FRONT) != 0; i++)
        context->fronts[i] = channel_to(instance, ROLE_FRONT);
    return instance;
}

void role_instance_disk(struct role_instance *instance, const struct role_disk *disk)
{
    instance->context.disk = disk;
}

void role_configuration_encode(const struct role_configuration *configuration, struct buffer *out)
{
    wire_put_u64(out, configuration->version);
    wire_put_text(out, configuration->source);
    wire_put_text(out, configuration->files);
    wire_put_text(out, configuration->secrets);
}

bool role_configuration_decode(struct text bytes, struct role_configuration *configuration)
{
    struct wire_reader in = wire_reader_of(bytes);
    configuration->version = wire_get_u64(&in);
    configuration->source = wire_get_text(&in);
    configuration->files = wire_get_text(&in);
    configuration->secrets = wire_get_text(&in);
    return wire_end(&in);
}

void memory_report_encode(const struct memory_now *now, struct buffer *out)
{
    wire_put_u64(out, now->limit);
    wire_put_u64(out, now->held);
    wire_put_u64(out, now->drawn);
    for (unsigned i = 0; i < MEMORY_ASKS; i++)
        wire_put_u64(out, now->refused[i]);
}

bool memory_report_decode(struct text bytes, struct memory_now *now)
{
    struct wire_reader in = wire_reader_of(bytes);
    now->limit = wire_get_u64(&in);
    now->held = wire_get_u64(&in);
    now->drawn = wire_get_u64(&in);
    for (unsigned i = 0; i < MEMORY_ASKS; i++)
        now->refused[i] = wire_get_u64(&in);
    return wire_end(&in);
}

static enum status parse_settings(const struct role_configuration *configuration,
                                  struct settings **out)
{
    struct settings_source *source = NULL;
    struct buffer errors;
    buffer_init(&errors, 64 << 10);
    enum status status = settings_source_decode(configuration->source, &source);
    if (status == OK)
        status = settings_parse(source, configuration->version, &errors, out);
    settings_source_free(&source);
    buffer_finish(&errors);
    return status;
}

/* Those before are wiped: they may be secrets. */
static void take_texts(struct buffer *into, struct text texts)
{
    size_t limit = into->limit;
    buffer_forget(into);
    buffer_init(into, limit);
    buffer_append(into, texts);
}

enum status role_instance_configure(struct role_instance *instance,
                                    const struct role_configuration *configuration)
{
    struct role_context *context = &instance->context;
    struct settings *settings = NULL;
    struct tls_context **server_tls = NULL;
    enum status status = parse_settings(configuration, &settings);
    if (status == OK && context->role->kind == ROLE_FRONT)
        status = role_tls_open(settings, configuration->files, context->tickets, &server_tls);
    if (status != OK) {
        settings_release(&settings);
        return status;
    }
    role_tls_close(context->settings, &context->server_tls);
    if (context->settings == NULL && instance->program->prepare != NULL)
        instance->program->prepare(settings);
    settings_release(&context->settings);
    context->settings = settings;
    context->server_tls = server_tls;
    take_texts(&context->secrets, configuration->secrets);
    take_texts(&context->files,
               context->role->kind == ROLE_FRONT ? TEXT("") : configuration->files);
    task_event_tell_all(&context->reloaded);
    return OK;
}

enum status role_instance_tickets(struct role_instance *instance, struct text keys)
{
    struct tls_tickets *tickets = instance->context.tickets;
    if (tickets == NULL)
        return refused("role %s seals no tickets", instance->context.role->name);
    return tls_tickets_set(tickets, keys);
}

const struct settings *role_instance_settings(const struct role_instance *instance)
{
    return instance->context.settings;
}

enum status role_instance_connect(struct role_instance *instance, enum role_kind kind,
                                  unsigned number, int fd)
{
    struct role_context *context = &instance->context;
    struct rpc_channel *channel = NULL;
    if (kind == ROLE_STORE)
        channel = context->store;
    else if (kind == ROLE_AUTH)
        channel = context->auth;
    else if (kind == ROLE_SEND)
        channel = context->send;
    else if (kind == ROLE_FRONT && number < ROLE_FRONTS_MAX)
        channel = context->fronts[number];
    if (channel == NULL) {
        close(fd);
        return refused("role %s has no such channel", context->role->name);
    }
    rpc_channel_connect(channel, fd);
    return OK;
}

enum status role_instance_listen(struct role_instance *instance, struct text server,
                                 enum service service, int fd)
{
    struct role_context *context = &instance->context;
    unsigned place = 0;
    while (place < context->listener_count && context->listeners[place].fd >= 0)
        place++;
    if (place == ROLE_LISTENERS_MAX) {
        close(fd);
        return refused("more than %d listeners", ROLE_LISTENERS_MAX);
    }
    if (place == context->listener_count)
        context->listener_count++;
    context->listeners[place] = (struct role_listener){
        .fd = fd, .server = text_of(text_to_string(server), server.length), .service = service};
    task_event_tell_all(&context->reloaded);
    return OK;
}

static bool is_bound_to(int fd, struct text address)
{
    struct net_address bound = {.length = sizeof(struct sockaddr_un)};
    char text[NET_ADDRESS_TEXT_BYTES];
    return getsockname(fd, &bound.any, &bound.length) == 0 &&
           text_equals(text_from(net_address_text(&bound, text)), address);
}

void role_instance_unlisten(struct role_instance *instance, struct text address)
{
    struct role_context *context = &instance->context;
    for (unsigned i = 0; i < context->listener_count; i++) {
        struct role_listener *listener = &context->listeners[i];
        if (listener->fd >= 0 && is_bound_to(listener->fd, address))
            listener->closing = true;
    }
    task_event_tell_all(&context->reloaded);
}

void role_instance_admin(struct role_instance *instance, int fd)
{
    instance->context.admin_fd = fd;
}

void role_instance_seats(struct role_instance *instance, struct seats *seats)
{
    check(instance->context.seats == NULL);
    instance->context.seats = seats;
}

enum status role_instance_end_server(struct role_instance *instance, struct text server)
{
    if (instance->program->end_server == NULL)
        return refused("role %s has no servers", instance->context.role->name);
    if (instance->started)
        instance->program->end_server(instance->state, server);
    return OK;
}

enum status role_instance_start(struct role_instance *instance)
{
    enum status status = instance->program->start(instance->state);
    instance->started = status == OK;
    return status;
}

void role_instance_stop(struct role_instance **instance)
{
    struct role_instance *stopped = *instance;
    if (stopped == NULL)
        return;
    *instance = NULL;
    struct role_context *context = &stopped->context;
    /* The program ends what it began while its own calls still work; those of others no longer find
     * it. The yield lets handlers begin that were started just now, so that it knows of them. */
    rpc_channel_refuse(context->store);
    rpc_channel_refuse(context->auth);
    rpc_channel_refuse(context->send);
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        rpc_channel_refuse(context->fronts[i]);
    task_yield();
    stopped->program->stop(stopped->state);
    task_group_cancel(&stopped->group);
    rpc_channel_close(&context->store);
    rpc_channel_close(&context->auth);
    rpc_channel_close(&context->send);
    for (unsigned i = 0; i < ROLE_FRONTS_MAX; i++)
        rpc_channel_close(&context->fronts[i]);
    task_group_finish(&stopped->group);
    for (unsigned i = 0; i < context->listener_count; i++) {
        if (context->listeners[i].fd >= 0)
            close(context->listeners[i].fd);
        free((char *)(uintptr_t)context->listeners[i].server.data);
    }
    if (context->admin_fd >= 0)
        close(context->admin_fd);
    seats_free(&context->seats);
    role_tls_close(context->settings, &context->server_tls);
    tls_tickets_free(&context->tickets);
    settings_release(&context->settings);
    buffer_forget(&context->secrets);
    buffer_finish(&context->files);
    free(stopped);
}

/* The value behind a name in wire texts name, value, name, value ... */
static struct text text_behind(const struct buffer *texts, struct text name)
{
    struct wire_reader in = wire_reader_of(buffer_text(texts));
    while (!in.bad && in.rest.length > 0) {
        struct text found = wire_get_text(&in), value = wire_get_text(&in);
        if (text_equals(found, name))
            return value;
    }
    return TEXT("");
}

struct text role_secret(const struct role_context *context, struct text name)
{
    return text_behind(&context->secrets, name);
}

struct text role_file(const struct role_context *context, struct text path)
{
    return text_behind(&context->files, path);
}
