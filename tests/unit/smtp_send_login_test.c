#include "proto/smtp/send/smtp_send_login.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/wire.h"
#include "task/task.h"
#include "test.h"

static char token_path[] = "/tmp/mailroot-token-XXXXXX";

struct scene {
    struct role_context context;
    struct setting_connector connector;
    void (*look)(struct scene *scene);
};

static void write_token(const char *text)
{
    int fd = open(token_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void run_scene(void *argument)
{
    struct scene *scene = argument;
    scene->look(scene);
}

static void run(struct scene *scene, void (*look)(struct scene *))
{
    scene->look = look;
    buffer_init(&scene->context.secrets, 1000);
    wire_put_text(&scene->context.secrets, TEXT("provider"));
    wire_put_text(&scene->context.secrets, TEXT("s3cret"));
    task_loop_run(run_scene, scene);
    buffer_finish(&scene->context.secrets);
}

static void find_password(struct scene *scene)
{
    struct smtp_send_login with;
    EXPECT(smtp_send_login_find(&scene->context, &scene->connector, &with) == OK);
    EXPECT_TEXT(with.login.identity.user, "us");
    EXPECT_TEXT(with.login.identity.password, "s3cret");
    EXPECT(text_is_empty(with.login.identity.token));
    EXPECT(with.login.identity.allowed == SASL_ANY_MECHANISM);
    /* A reload may take the secrets away meanwhile. */
    buffer_reset(&scene->context.secrets, 0);
    EXPECT_TEXT(with.login.identity.password, "s3cret");
    smtp_send_login_finish(&with);
}

TEST("the password is the secret that the connector names")
{
    static struct scene scene = {
        .connector.login = {.user = TEXT("us"), .secret = TEXT("provider")}};
    run(&scene, find_password);
}

static void find_secret_token(struct scene *scene)
{
    struct smtp_send_login with;
    EXPECT(smtp_send_login_find(&scene->context, &scene->connector, &with) == OK);
    EXPECT_TEXT(with.login.identity.token, "s3cret");
    EXPECT(text_is_empty(with.login.identity.password));
    smtp_send_login_finish(&with);
}

TEST("with mechanisms of bearers alone the secret is a token")
{
    static struct scene scene = {.connector.login = {.user = TEXT("us"),
                                                     .secret = TEXT("provider"),
                                                     .mechanisms = SASL_BIT(SASL_XOAUTH2)}};
    run(&scene, find_secret_token);
}

static void expect_token(struct scene *scene, const char *token)
{
    struct smtp_send_login with;
    EXPECT(smtp_send_login_find(&scene->context, &scene->connector, &with) == OK);
    EXPECT_TEXT(with.login.identity.token, token);
    EXPECT_TEXT(with.login.identity.password, "s3cret");
    smtp_send_login_finish(&with);
}

static void find_file_token(struct scene *scene)
{
    struct smtp_send_login with;
    write_token("first\n");
    expect_token(scene, "first");
    write_token("second");
    expect_token(scene, "second");
    write_token("");
    EXPECT(smtp_send_login_find(&scene->context, &scene->connector, &with) == TRY_LATER);
    EXPECT(strstr(fail_reason(), "is empty") != NULL);
    unlink(token_path);
    EXPECT(smtp_send_login_find(&scene->context, &scene->connector, &with) == TRY_LATER);
    EXPECT(strstr(fail_reason(), token_path) != NULL);
}

TEST("a token's file is read anew for each login, and the mail waits while it is missing")
{
    close(mkstemp(token_path));
    static struct scene scene = {
        .connector.login = {.user = TEXT("us"), .secret = TEXT("provider")}};
    scene.connector.login.token_file = text_from(token_path);
    run(&scene, find_file_token);
}
