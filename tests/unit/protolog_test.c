/* Protocol logs: how rows stand in files, what the files are called, and what is left of them when
 * a disk is full or the machine goes down. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "protolog/file.h"
#include "protolog/name.h"
#include "settings/server.h"
#include "test.h"

enum { ALL_FIELDS = (1 << PROTOLOG_FIELDS) - 1 };

#define FIELD(name) (UINT32_C(1) << PROTOLOG_##name)
static const uint32_t default_fields =
    FIELD(TIME) | FIELD(C_IP) | FIELD(CS_METHOD) | FIELD(CS_URI_STEM) | FIELD(SC_STATUS);

/* 2005-04-12 14:00:01 and 2006-08-18 20:17:37, UTC. */
static const int64_t rcpt_ms = INT64_C(1113314401) * 1000, mail_ms = INT64_C(1155932257) * 1000;

static const struct protolog_row rcpt = {
    .service = SERVICE_SMTP,
    .wall_ms = INT64_C(1113314401000),
    .server = {"1", 1},
    .peer = {"10.0.0.9", 8},
    .user = {"client", 6},
    .address = {"10.0.0.1", 8},
    .port = 25,
    .verb = {"RCPT", 4},
    .arguments = {"TO:<b@x>", 8},
    .status = {"250", 3},
    .sent = 31,
    .received = 29,
};

static struct protolog_row mail_row(void)
{
    return (struct protolog_row){
        .service = SERVICE_SMTP,
        .wall_ms = mail_ms,
        .server = TEXT("1"),
        .peer = TEXT("10.3.5.1"),
        .user = TEXT("Nwtraders.com"),
        .address = TEXT("10.200.200.1"),
        .port = 25,
        .verb = TEXT("MAIL"),
        .arguments = TEXT("FROM:<maria@Nwtraders.com>"),
        .status = TEXT("250"),
        .sent = 0,
        .received = 42,
        .took_ms = 90,
    };
}

static struct setting_log log_of(enum protolog_format format, uint32_t fields)
{
    return (struct setting_log){.form = {.format = format, .every = PROTOLOG_DAILY},
                                .fields = fields};
}

static void local_time_is(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void expect_row(const struct setting_log *log, const struct protolog_row *row,
                       const char *expected)
{
    const struct protolog_site site = {log, TEXT("SMTPSVC1"), TEXT("MAIL01")};
    struct buffer out;
    buffer_init(&out, PROTOLOG_LINE_MAX);
    protolog_write_row(&site, row, &out);
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
}

/* shows: L02 */
TEST("a row in W3C format has the fields that are wanted by default")
{
    struct setting_log log = log_of(PROTOLOG_W3C, default_fields);
    struct protolog_row row = mail_row();
    expect_row(&log, &row, "20:17:37 10.3.5.1 MAIL - 250\n");
}

/* shows: L02 */
TEST("a row in W3C format has all fields where they are wanted")
{
    struct setting_log log = log_of(PROTOLOG_W3C, ALL_FIELDS);
    expect_row(&log, &rcpt,
               "2005-04-12 14:00:01 10.0.0.9 client SMTPSVC1 MAIL01 10.0.0.1 25 RCPT - "
               "+TO:<b@x> 250 0 31 29 0 SMTP - - - -\n");
}

/* shows: L20 */
TEST("a row in IIS format is parted by commas and has the keyword of MAIL with the verb")
{
    struct setting_log log = log_of(PROTOLOG_IIS, 0);
    log.is_local = true;
    local_time_is("EST5");
    struct protolog_row row = mail_row();
    expect_row(&log, &row,
               "10.3.5.1, Nwtraders.com, 8/18/06, 15:17:37, SMTPSVC1, MAIL01, 10.200.200.1, 90, "
               "42, 0, 250, 0, MAIL FROM, -, FROM:<maria@Nwtraders.com>,\n");
}

/* shows: L21 */
TEST("a row in NCSA format has the local time and how far it is from UTC")
{
    struct setting_log log = log_of(PROTOLOG_NCSA, 0);
    log.is_local = true;
    local_time_is("PDT7");
    struct protolog_row row = mail_row();
    expect_row(&log, &row,
               "10.3.5.1 - Nwtraders.com [18/Aug/2006:13:17:37 -0700] "
               "\"MAIL FROM -?+FROM:<maria@Nwtraders.com> SMTP\" 250 0\n");
    local_time_is("IST-5:30");
    row.verb = TEXT("QUIT");
    row.arguments = TEXT("");
    expect_row(&log, &row,
               "10.3.5.1 - Nwtraders.com [19/Aug/2006:01:47:37 +0530] \"QUIT - SMTP\" 250 0\n");
}

/* shows: L23 */
TEST("what is said to another host, and what he answers, are rows of their own")
{
    struct setting_log log = log_of(PROTOLOG_W3C, ALL_FIELDS);
    struct protolog_row row = {.kind = PROTOLOG_COMMAND,
                               .wall_ms = rcpt_ms,
                               .peer = TEXT("192.0.2.7"),
                               .port = 25,
                               .verb = TEXT("MAIL"),
                               .arguments = TEXT("FROM:<a@x> SIZE=12"),
                               .sent = 25};
    expect_row(&log, &row,
               "2005-04-12 14:00:01 192.0.2.7 OutboundConnectionCommand SMTPSVC1 MAIL01 - 25 MAIL "
               "- FROM:<a@x>+SIZE=12 0 0 25 0 0 SMTP - - - -\n");
    row = (struct protolog_row){.kind = PROTOLOG_RESPONSE,
                                .wall_ms = rcpt_ms,
                                .peer = TEXT("192.0.2.7"),
                                .port = 25,
                                .arguments = TEXT("250 2.1.0 ok"),
                                .status = TEXT("250"),
                                .received = 14,
                                .took_ms = 3};
    expect_row(&log, &row,
               "2005-04-12 14:00:01 192.0.2.7 OutboundConnectionResponse SMTPSVC1 MAIL01 - 25 - - "
               "250+2.1.0+ok 250 0 0 14 3 SMTP - - - -\n");
}

TEST("a file in W3C format begins with its directives, the others do not")
{
    struct buffer out;
    buffer_init(&out, 1000);
    struct setting_log log = log_of(PROTOLOG_W3C, default_fields);
    protolog_write_header(&log, mail_ms, &out);
    EXPECT_TEXT(buffer_text(&out), "#Software: mailroot\n#Version: 1.0\n"
                                   "#Date: 2006-08-18 20:17:37\n"
                                   "#Fields: time c-ip cs-method cs-uri-stem sc-status\n");
    buffer_reset(&out, 0);
    log = log_of(PROTOLOG_IIS, default_fields);
    protolog_write_header(&log, mail_ms, &out);
    EXPECT(out.length == 0);
    buffer_finish(&out);
}

TEST("nothing that a client sends ends a line, begins a field or passes for a directive")
{
    struct protolog_row row = mail_row();
    row.verb = TEXT("#Fields:");
    row.user = TEXT("");
    row.arguments = TEXT("a b\r\n\t\"c\", \x7f\xc3\xa9");
    struct setting_log log =
        log_of(PROTOLOG_W3C, FIELD(CS_METHOD) | FIELD(CS_USERNAME) | FIELD(CS_URI_QUERY));
    expect_row(&log, &row, "- %23Fields: +a+b%0D%0A%09\"c\",+%7F%C3%A9\n");
    log.fields = FIELD(CS_METHOD);
    expect_row(&log, &row, "%23Fields:\n");
    log = log_of(PROTOLOG_NCSA, 0);
    expect_row(&log, &row,
               "10.3.5.1 - - [18/Aug/2006:20:17:37 +0000] "
               "\"%23Fields: -?+a+b%0D%0A%09%22c%22,+%7F%C3%A9 SMTP\" 250 0\n");
    log = log_of(PROTOLOG_IIS, 0);
    expect_row(&log, &row,
               "10.3.5.1, -, 8/18/06, 20:17:37, SMTPSVC1, MAIL01, 10.200.200.1, 90, 42, 0, 250, "
               "0, %23Fields:, -, a b%0D%0A%09\"c\"%2C %7F%C3%A9,\n");
}

/* Names */

static void expect_name(enum protolog_format format, enum protolog_every every, int64_t wall_ms,
                        const char *expected)
{
    char name[PROTOLOG_FILE_NAME_BYTES];
    struct setting_log log = {.form = {.format = format, .every = every}};
    protolog_file_name(&log, wall_ms, 7, name);
    EXPECT_TEXT(text_from(name), expected);
}

/* shows: L03 */
TEST("files are named by format and by the time at which they begin, or numbered")
{
    expect_name(PROTOLOG_W3C, PROTOLOG_DAILY, mail_ms, "ex060818.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_HOURLY, mail_ms, "ex06081820.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_WEEKLY, mail_ms, "ex060803.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_MONTHLY, mail_ms, "ex0608.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_UNLIMITED, mail_ms, "extend7.log");
    expect_name(PROTOLOG_IIS, PROTOLOG_DAILY, mail_ms, "in060818.log");
    expect_name(PROTOLOG_IIS, PROTOLOG_BY_SIZE, mail_ms, "inetsv7.log");
    expect_name(PROTOLOG_NCSA, PROTOLOG_DAILY, mail_ms, "nc060818.log");
    expect_name(PROTOLOG_NCSA, PROTOLOG_BY_SIZE, mail_ms, "ncsa7.log");
}

TEST("the weeks of a month begin on Sundays")
{
    const int64_t first_ms = INT64_C(1793491200000); /* Sunday, 2026-11-01 */
    expect_name(PROTOLOG_W3C, PROTOLOG_WEEKLY, first_ms, "ex261101.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_WEEKLY, first_ms + 7 * (int64_t)DAY - 1, "ex261101.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_WEEKLY, first_ms + 7 * (int64_t)DAY, "ex261102.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_WEEKLY, first_ms + 29 * (int64_t)DAY, "ex261105.log");
    expect_name(PROTOLOG_W3C, PROTOLOG_WEEKLY, first_ms - 1, "ex261005.log");
}

TEST("only names that a log gives are taken for files of a log")
{
    uint32_t number;
    EXPECT(protolog_name_parse(TEXT("ex060818.log"), PROTOLOG_OFF, &number) && number == 0);
    EXPECT(protolog_name_parse(TEXT("ncsa12.log"), PROTOLOG_OFF, &number) && number == 12);
    EXPECT(protolog_name_parse(TEXT("inetsv3.log"), PROTOLOG_IIS, &number) && number == 3);
    EXPECT(!protolog_name_parse(TEXT("inetsv3.log"), PROTOLOG_W3C, &number));
    const struct text others[] = {TEXT("ex.log"),        TEXT("ex0608181.log"), TEXT("extend.log"),
                                  TEXT("extend0.log"),   TEXT("ex060818.txt"),  TEXT("exam.log"),
                                  TEXT("ex060818.log~"), TEXT(".log"),          TEXT("")};
    for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++)
        EXPECT(!protolog_name_parse(others[i], PROTOLOG_OFF, &number));
}

/* Files */

struct scene {
    char directory[40];
    struct setting_log log;
    struct protolog_file *file;
    struct protolog_tally tally;
};

static void scene_init(struct scene *scene, enum protolog_format format, enum protolog_every every)
{
    *scene = (struct scene){.directory = "/tmp/protolog-test-XXXXXX",
                            .log = log_of(format, default_fields)};
    EXPECT(mkdtemp(scene->directory) != NULL);
    scene->log.form.every = every;
    scene->log.directory = text_from(scene->directory);
    scene->file = protolog_file_new(TEXT("SMTPSVC1"));
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *walk)
{
    unused(about);
    unused(type);
    unused(walk);
    return remove(path);
}

static void scene_finish(struct scene *scene)
{
    protolog_file_free(&scene->file);
    EXPECT(nftw(scene->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

static const char *path_of(const struct scene *scene, const char *name)
{
    static char path[100];
    snprintf(path, sizeof(path), "%s/SMTPSVC1/%s", scene->directory, name);
    return path;
}

static void put_at(struct scene *scene, int64_t wall_ms)
{
    const struct protolog_site site = {&scene->log, TEXT("SMTPSVC1"), TEXT("MAIL01")};
    const struct protolog_disk disk = {NULL, 0};
    struct protolog_row row = mail_row();
    row.wall_ms = wall_ms;
    protolog_file_put(scene->file, &site, &disk, &row, &scene->tally);
}

static void flush(struct scene *scene)
{
    protolog_file_flush(scene->file, &scene->tally);
}

static char *content(const struct scene *scene, const char *name)
{
    static char bytes[8192];
    int fd = open(path_of(scene, name), O_RDONLY);
    EXPECT(fd >= 0);
    ssize_t length = read(fd, bytes, sizeof(bytes) - 1);
    EXPECT(length >= 0);
    bytes[length] = '\0';
    close(fd);
    return bytes;
}

static void write_file(const struct scene *scene, const char *name, const char *bytes)
{
    char directory[60];
    snprintf(directory, sizeof(directory), "%s/SMTPSVC1", scene->directory);
    mkdir(directory, 0700);
    int fd = open(path_of(scene, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    EXPECT(fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    close(fd);
}

static unsigned count_of(const char *text, const char *piece)
{
    unsigned count = 0;
    while ((text = strstr(text, piece)) != NULL) {
        text++;
        count++;
    }
    return count;
}

TEST("a new file begins with its directives when its time has come, and files only go forward")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    put_at(&scene, mail_ms);
    put_at(&scene, mail_ms + DAY);
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(count_of(content(&scene, "ex060818.log"), " MAIL ") == 1);
    const char *second = content(&scene, "ex060819.log");
    EXPECT(count_of(second, " MAIL ") == 2);
    EXPECT(strncmp(second, "#Software: ", 11) == 0);
    EXPECT(scene.tally.written == 3 && scene.tally.lost == 0);
    scene_finish(&scene);
}

TEST("a full file is followed by the next number, also after a restart")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_NCSA, PROTOLOG_BY_SIZE);
    scene.log.form.most_bytes = 300;
    for (int i = 0; i < 6; i++)
        put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(count_of(content(&scene, "ncsa1.log"), "MAIL FROM") == 3);
    EXPECT(count_of(content(&scene, "ncsa2.log"), "MAIL FROM") == 3);
    protolog_file_free(&scene.file);
    scene.file = protolog_file_new(TEXT("SMTPSVC1"));
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(count_of(content(&scene, "ncsa2.log"), "MAIL FROM") == 3);
    EXPECT(count_of(content(&scene, "ncsa3.log"), "MAIL FROM") == 1);
    scene_finish(&scene);
}

TEST("what a crash left of a line is cut off, and the file goes on with its directives")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    write_file(&scene, "ex060818.log", "#Fields: time\n20:00:00\n20:00:0");
    put_at(&scene, mail_ms);
    flush(&scene);
    const char *text = content(&scene, "ex060818.log");
    EXPECT(strncmp(text, "#Fields: time\n20:00:00\n#Software: ", 34) == 0);
    EXPECT(strstr(text, "20:00:0\n") == NULL);
    scene_finish(&scene);
}

TEST("files that were last written too long ago are removed, and others left alone")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    const char *const names[] = {"ex060701.log", "inetsv4.log", "notes.log"};
    const struct timespec long_ago[2] = {{.tv_sec = mail_ms / 1000 - 40 * 86400},
                                         {.tv_sec = mail_ms / 1000 - 40 * 86400}};
    for (unsigned i = 0; i < 3; i++) {
        write_file(&scene, names[i], "x\n");
        EXPECT(utimensat(AT_FDCWD, path_of(&scene, names[i]), long_ago, 0) == 0);
    }
    write_file(&scene, "ex060817.log", "y\n");
    scene.log.keep_ms = 30 * (int64_t)DAY;
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(access(path_of(&scene, "ex060701.log"), F_OK) != 0);
    EXPECT(access(path_of(&scene, "inetsv4.log"), F_OK) != 0);
    EXPECT(access(path_of(&scene, "notes.log"), F_OK) == 0);
    EXPECT(access(path_of(&scene, "ex060817.log"), F_OK) == 0);
    scene_finish(&scene);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    EXPECT(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

TEST("a disk that takes half a batch is left with whole lines, and told about when it takes more")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    put_at(&scene, mail_ms);
    flush(&scene);
    limit_file_size(200);
    for (int i = 0; i < 5; i++)
        put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(scene.tally.written == 1 && scene.tally.lost == 5 && scene.tally.error == EFBIG);
    EXPECT(count_of(content(&scene, "ex060818.log"), " MAIL ") == 1);
    limit_file_size(0);
    put_at(&scene, mail_ms + 1);
    flush(&scene);
    const char *text = content(&scene, "ex060818.log");
    EXPECT(strstr(text, "250\n#Remark: 5 rows before this line could not be written\n20:") != NULL);
    EXPECT(count_of(text, "#Fields") == 1);
    EXPECT(scene.tally.written == 2);
    scene_finish(&scene);
}

TEST("a file whose directives the disk did not take gets them later")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    limit_file_size(10);
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(content(&scene, "ex060818.log")[0] == '\0');
    limit_file_size(0);
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(strncmp(content(&scene, "ex060818.log"), "#Software: ", 11) == 0);
    scene_finish(&scene);
}

TEST("a file that somebody removed is made anew")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(unlink(path_of(&scene, "ex060818.log")) == 0);
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(count_of(content(&scene, "ex060818.log"), " MAIL ") == 1);
    scene_finish(&scene);
}

TEST("a name that leads elsewhere is not followed")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    char target[60];
    snprintf(target, sizeof(target), "%s/victim", scene.directory);
    write_file(&scene, "other", "");
    EXPECT(symlink(target, path_of(&scene, "ex060818.log")) == 0);
    put_at(&scene, mail_ms);
    flush(&scene);
    EXPECT(scene.tally.lost == 1);
    EXPECT(access(target, F_OK) != 0);
    scene_finish(&scene);
}

TEST("less than the reserve of the data's own disk is left alone")
{
    struct scene scene;
    scene_init(&scene, PROTOLOG_W3C, PROTOLOG_DAILY);
    const struct protolog_site site = {&scene.log, TEXT("SMTPSVC1"), TEXT("MAIL01")};
    const struct protolog_disk disk = {scene.directory, UINT64_MAX};
    struct protolog_row row = mail_row();
    protolog_file_put(scene.file, &site, &disk, &row, &scene.tally);
    flush(&scene);
    EXPECT(scene.tally.lost == 1 && scene.tally.error == ENOSPC);
    scene_finish(&scene);
}
