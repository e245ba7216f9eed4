#include "settings/extensions.h"
#include "smtp_client_scene.h"

/* Three messages to a server with PIPELINING, of which the client knows one ahead. How long the
 * server thinks is not known before it has taken the first, so the envelope of the third is the one
 * that leaves with the end of the second. */

#define TO_EHLO(...) "S:220 hi", "C:EHLO us", "S:250-hi", __VA_ARGS__, "S:250 PIPELINING"
#define ENVELOPE "C:MAIL FROM:<a@us>", "C:RCPT TO:<r0@them>", "C:DATA"
#define TAKEN "S:250 ok", "S:250 ok", "S:354 go"
#define FIRST ENVELOPE, TAKEN, "message", "nothing", "S:250 one"

static struct scene *scene_of_three(void)
{
    struct scene *scene = scene_for(1);
    scene->job_count = 3;
    scene->options.next = (struct smtp_client_next){find_next, scene};
    return scene;
}

static void expect_third(struct scene *scene, enum status status, const char *reply)
{
    EXPECT(scene->delivered[2] == OK && scene->outcomes[2][0].status == status);
    EXPECT_TEXT(scene->outcomes[2][0].reply, reply);
    EXPECT(scene->is_usable);
    done(&scene);
}

TEST("the envelope of the next message leaves with the end of this one")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "nothing", "S:250 two", TAKEN, "message", "nothing", "S:250 three"));
    EXPECT_TEXT(scene->outcomes[1][0].reply, "250 two");
    expect_third(scene, OK, "250 three");
}

TEST("a next message whose recipient is refused harms nobody, and has that refusal alone")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:250 two", "S:250 ok", "S:550 5.1.1 who", "S:554 5.5.1 nobody"));
    EXPECT(scene->outcomes[1][0].status == OK);
    EXPECT_TEXT(scene->outcomes[1][0].reply, "250 two");
    expect_third(scene, REFUSED, "550 5.1.1 who (in reply to RCPT TO)");
}

TEST("a next message whose sender is refused when this one was taken is refused for that")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:250 two", "S:550 5.7.1 not you", "S:503 no", "S:503 no"));
    EXPECT(scene->outcomes[1][0].status == OK);
    expect_third(scene, REFUSED, "550 5.7.1 not you (in reply to MAIL FROM)");
}

TEST("a message refused at its end is so alone, and the next goes on")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:554 5.6.0 not that", TAKEN, "message", "S:250 three"));
    EXPECT(scene->outcomes[1][0].status == REFUSED);
    expect_third(scene, OK, "250 three");
}

TEST("a server that is not done with a refused message is asked again after RSET")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:554 5.6.0 not that", "S:503 5.5.1 nested", "S:250 ok", "S:503 no",
                      "C:RSET", "S:250 ok", ENVELOPE, TAKEN, "message", "S:250 three"));
    EXPECT(scene->outcomes[1][0].status == REFUSED);
    expect_third(scene, OK, "250 three");
}

TEST("a server that leaves after a message leaves the next for a new connection")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:250 two", "hang up"));
    EXPECT(scene->outcomes[1][0].status == OK);
    EXPECT(scene->delivered[2] == TRY_LATER && scene->unfit == 0);
    done(&scene);
    scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:421 4.3.2 later", "hang up"));
    EXPECT(scene->outcomes[1][0].status == TRY_LATER);
    EXPECT(scene->delivered[2] == TRY_LATER && !scene->is_usable);
    done(&scene);
}

TEST("a server that loses what comes behind a message is used without PIPELINING")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:250 two", "rest", "stall"));
    EXPECT(scene->outcomes[1][0].status == OK && scene->delivered[2] == TRY_LATER);
    EXPECT(scene->unfit == EXTENSION_BIT(EXTENSION_PIPELINING));
    done(&scene);
}

TEST("nothing leaves ahead to a server that thinks long, or has had its number of messages")
{
    struct scene *scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), ENVELOPE, TAKEN, "message", "think", "S:250 one",
                      ENVELOPE, TAKEN, "message", "nothing", "S:250 two", ENVELOPE, TAKEN,
                      "message", "S:250 three"));
    expect_third(scene, OK, "250 three");
    scene = scene_of_three();
    scene->options.max_messages = 2;
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", "nothing",
                      "S:250 two", ENVELOPE, TAKEN, "message", "S:250 three"));
    EXPECT(scene->outcomes[2][0].status == OK && !scene->is_usable);
    done(&scene);
    scene = scene_of_three();
    run(scene, SCRIPT(TO_EHLO("S:250-LIMITS MAILMAX=2"), FIRST, ENVELOPE, TAKEN, "message",
                      "nothing", "S:250 two", ENVELOPE, TAKEN, "message", "S:250 three"));
    EXPECT(scene->outcomes[2][0].status == OK && !scene->is_usable);
    done(&scene);
}

TEST("what must be looked through or changed for the server does not leave ahead")
{
    struct scene *scene = scene_of_three();
    scene->jobs[2].terms.body = MAIL_BODY_8BIT;
    run(scene,
        SCRIPT(TO_EHLO("S:250-SIZE"), "C:MAIL*", "C:RCPT*", "C:DATA", TAKEN, "message", "S:250 one",
               "C:MAIL*", "C:RCPT*", "C:DATA", TAKEN, "message", "nothing", "S:250 two", "C:MAIL*",
               "C:RCPT*", "C:DATA", TAKEN, "message", "S:250 three"));
    expect_third(scene, OK, "250 three");
}

TEST("behind the last chunk goes an envelope without DATA; a body that fits goes with its own")
{
    struct scene *scene = scene_of_three();
    for (int i = 0; i < 3; i++) {
        scene->jobs[i].size = 100 << 10;
        scene->jobs[i].body = (struct text){0};
    }
    run(scene, SCRIPT(TO_EHLO("S:250-CHUNKING"), "C:MAIL*", "C:RCPT*", "S:250 ok", "S:250 ok",
                      "C:BDAT 102400 LAST", "bytes 102400", "S:250 one", "C:MAIL*", "C:RCPT*",
                      "S:250 ok", "S:250 ok", "C:BDAT 102400 LAST", "bytes 102400", "C:MAIL*",
                      "C:RCPT*", "nothing", "S:250 two", "S:250 ok", "S:250 ok",
                      "C:BDAT 102400 LAST", "bytes 102400", "S:250 three"));
    expect_third(scene, OK, "250 three");
    scene = scene_of_three();
    run(scene,
        SCRIPT(TO_EHLO("S:250-CHUNKING"), "C:MAIL*", "C:RCPT*", "C:BDAT 7 LAST", "bytes 7",
               "S:250 ok", "S:250 ok", "S:250 one", "C:MAIL*", "C:RCPT*", "C:BDAT 7 LAST",
               "bytes 7", "nothing", "S:250 ok", "S:250 ok", "S:250 two", "C:MAIL*", "C:RCPT*",
               "C:BDAT 7 LAST", "bytes 7", "S:250 ok", "S:250 ok", "S:250 three"));
    expect_third(scene, OK, "250 three");
}

TEST("a message is never sent into the envelope of another")
{
    struct scene *scene = scene_of_three();
    struct queue_job other = scene->jobs[2];
    other.id = 4711;
    scene->instead = &other;
    run(scene, SCRIPT(TO_EHLO("S:250-8BITMIME"), FIRST, ENVELOPE, TAKEN, "message", ENVELOPE,
                      "S:250 two", TAKEN));
    EXPECT(scene->outcomes[1][0].status == OK);
    EXPECT(scene->delivered[2] == TRY_LATER && !scene->is_usable);
    done(&scene);
}
