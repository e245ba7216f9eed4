#include "proto/smtp/send/smtp_send_login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "task/offload.h"

enum { TOKEN_MAX = 16 << 10 };

/* A small file, read on another thread. */
struct reading {
    char *path;
    struct buffer *out;
    int error; /* of errno; 0: read */
};

static void read_file(void *argument)
{
    struct reading *reading = argument;
    int fd = open(reading->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *room = buffer_reserve(reading->out, TOKEN_MAX);
    ssize_t length = fd < 0 ? -1 : read(fd, room, TOKEN_MAX);
    reading->error = length < 0 ? errno : 0;
    if (length > 0)
        buffer_grew(reading->out, (size_t)length);
    if (fd >= 0)
        close(fd);
}

/* YIELDS. */
static enum status read_token(struct text file, struct buffer *out)
{
    struct reading reading = {.path = text_to_string(file), .out = out};
    size_t before = out->length;
    enum status status = OK;
    task_offload(read_file, &reading);
    if (reading.error != 0)
        status = try_later("cannot read the token %s: %s", reading.path, strerror(reading.error));
    else if (out->length == before)
        status = try_later("the token %s is empty", reading.path);
    free(reading.path);
    return status;
}

/* A context of its own, which shows the certificate. */
static enum status open_tls(const struct role_context *context,
                            const struct setting_connector *connector, struct tls_context **out)
{
    const struct setting_certificate *setting = &connector->certificates[0];
    const struct tls_pair pair = {role_file(context, setting->certificate_file),
                                  role_file(context, setting->key_file)};
    struct text authorities = role_file(context, context->settings->authorities_file);
    enum status status = tls_client_new(true, authorities, out);
    if (status == OK)
        status = tls_client_identify(*out, &pair);
    return status;
}

/* What is in the secrets and in the token's file, copied: a reload replaces the first. YIELDS. */
static enum status read_secrets(const struct role_context *context,
                                const struct setting_client_login *settings,
                                struct smtp_send_login *with)
{
    struct sasl_identity *identity = &with->login.identity;
    buffer_append(&with->secrets, text_head(role_secret(context, settings->secret), TOKEN_MAX));
    struct text secret = buffer_text(&with->secrets);
    if ((identity->allowed & ~SASL_BEARER_MECHANISMS) == 0)
        identity->token = secret;
    else
        identity->password = secret;
    if (text_is_empty(settings->token_file))
        return OK;
    if (read_token(settings->token_file, &with->secrets) != OK)
        return TRY_LATER;
    identity->token = text_trim(text_from_position(buffer_text(&with->secrets), secret.length));
    return OK;
}

enum status smtp_send_login_find(const struct role_context *context,
                                 const struct setting_connector *connector,
                                 struct smtp_send_login *with)
{
    const struct setting_client_login *settings = &connector->login;
    *with = (struct smtp_send_login){.login.exps = connector->exps};
    buffer_init(&with->secrets, 2 * TOKEN_MAX);
    buffer_reserve(&with->secrets, 2 * TOKEN_MAX); /* it never moves */
    with->login.identity = (struct sasl_identity){
        .user = settings->user,
        .domain = settings->domain,
        .keytab = settings->keytab_file,
        .tickets = settings->tickets_file,
        .has_certificate = connector->certificate_count > 0,
        .allowed = settings->mechanisms != 0 ? settings->mechanisms : SASL_ANY_MECHANISM,
        .secrecy = settings->secrecy};
    enum status status =
        connector->certificate_count > 0 ? open_tls(context, connector, &with->tls) : OK;
    if (status == OK)
        status = read_secrets(context, settings, with);
    if (status != OK)
        smtp_send_login_finish(with);
    return status;
}

void smtp_send_login_finish(struct smtp_send_login *with)
{
    tls_release(&with->tls);
    buffer_forget(&with->secrets);
}
