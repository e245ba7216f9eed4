#include "main/sendmail.h"

#include <getopt.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "folder/message.h"
#include "mail/header.h"
#include "main/sendmail_spool.h"

enum { READ_BYTES = 64 << 10, WORDS_MAX = 4 };

struct sending {
    const struct sendmail_host *host;
    const char *settings_path;
    char mode; /* of -b */
    bool reads_header, ignores_dots, flushes;
    const char *full_name, *login;
    struct text notify;
    struct folder_envelope envelope;
    struct arena arena;
    struct spool spool;
    struct buffer bytes; /* read and not yet written */
    bool at_line_start, has_ended;
};

static int complain(int exit_status, const char *what)
{
    fprintf(stderr, "sendmail: %s\n", what);
    return exit_status;
}

static int exit_of(enum status status)
{
    switch (status) {
    case OK:
        return EX_OK;
    case REFUSED:
        return complain(EX_DATAERR, fail_reason());
    case TRY_LATER:
        break;
    }
    return complain(EX_TEMPFAIL, fail_reason());
}

/* ---- reading standard input ---- */

/* Take a line as it came to the end of bytes; a lone dot ends the message where that counts. */
static void take_line(struct sending *sending, struct text line)
{
    bool is_dot = text_equals(line, TEXT(".\n")) || text_equals(line, TEXT(".\r\n")) ||
                  text_equals(line, TEXT("."));
    if (is_dot && sending->at_line_start && !sending->ignores_dots) {
        sending->has_ended = true;
        return;
    }
    buffer_append(&sending->bytes, line);
    sending->at_line_start = line.length > 0 && line.data[line.length - 1] == '\n';
}

/* Lines until there are some bytes, or the end. */
static void read_more(struct sending *sending)
{
    char line[2048];
    size_t before = sending->bytes.length;
    while (!sending->has_ended && sending->bytes.length - before < READ_BYTES) {
        size_t length = 0;
        int c = EOF;
        while (length < sizeof(line) && (c = getchar_unlocked()) != EOF) {
            line[length++] = (char)c;
            if (c == '\n')
                break;
        }
        if (length > 0)
            take_line(sending, text_of(line, length));
        if (c == EOF)
            sending->has_ended = true;
    }
}

/* The start, up to the blank line. */
static enum status read_header(struct sending *sending, struct text *section, size_t *used)
{
    do {
        read_more(sending);
        *section = folder_header_section(buffer_text(&sending->bytes), used);
        /* One that stops before the last byte that was read stops for good. */
    } while (!sending->has_ended && *used == sending->bytes.length &&
             sending->bytes.length <= FOLDER_HEADER_MAX);
    return section->length > FOLDER_HEADER_MAX
               ? refused("the header is larger than %d bytes", FOLDER_HEADER_MAX)
               : OK;
}

/* ---- sending ---- */

/* RFC 5322 3.6.2: who writes, as the machine knows him. */
static enum status write_from(struct sending *sending, struct text section)
{
    struct header_field field;
    if (header_find(section, TEXT("From"), &field))
        return OK;
    struct text name = text_from(sending->full_name);
    struct buffer line;
    buffer_init(&line, 2048);
    buffer_append(&line, TEXT("From: \""));
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '"' || name.data[i] == '\\')
            buffer_append_byte(&line, '\\');
        if ((unsigned char)name.data[i] >= ' ')
            buffer_append_byte(&line, name.data[i]);
    }
    struct text sender = sending->envelope.sender;
    if (sender.length == 0)
        sender = text_from(sending->login);
    buffer_printf(&line, "\" <%.*s>\n", TEXT_ARG(sender));
    enum status status = line.overflowed ? refused("the name is too long")
                                         : spool_write(&sending->spool, buffer_text(&line));
    buffer_finish(&line);
    return status;
}

static enum status write_message(struct sending *sending, struct text section, size_t used)
{
    enum status status = write_from(sending, section);
    if (status == OK)
        status = spool_write(&sending->spool, section);
    if (status == OK) /* a first line that is no field begins the body */
        status = spool_write(&sending->spool, TEXT("\n"));
    buffer_consume(&sending->bytes, used);
    while (status == OK && (sending->bytes.length > 0 || !sending->has_ended)) {
        status = spool_write(&sending->spool, buffer_text(&sending->bytes));
        buffer_reset(&sending->bytes, READ_BYTES);
        read_more(sending);
    }
    return status;
}

/* Every address must be one; the server gives those without a domain theirs. */
static enum status check_addresses(struct sending *sending)
{
    struct folder_envelope *envelope = &sending->envelope;
    struct text ignored;
    enum status status = OK;
    if (envelope->sender.length > 0)
        status = folder_address(envelope->sender, TEXT("localhost"), &sending->arena, &ignored);
    for (unsigned i = 0; i < envelope->receiver_count && status == OK; i++) {
        envelope->receivers[i].notify = sending->notify;
        status = folder_address(envelope->receivers[i].address, TEXT("localhost"), &sending->arena,
                                &ignored);
    }
    return status;
}

static int send_message(struct sending *sending)
{
    struct text section;
    size_t used;
    enum status status = read_header(sending, &section, &used);
    if (status == OK && sending->reads_header)
        status = folder_header_receivers(section, TEXT(""), &sending->arena, &sending->envelope);
    if (status == OK && sending->envelope.receiver_count == 0)
        return complain(EX_USAGE, "nobody is named who should get the message");
    if (status == OK)
        status = check_addresses(sending);
    if (status == OK)
        status = spool_begin(&sending->spool, &sending->envelope);
    if (status == OK)
        status = write_message(sending, section, used);
    if (status == OK && ferror(stdin))
        status = try_later("cannot read standard input: %m");
    if (status == OK)
        status = spool_commit(&sending->spool);
    int exit_status = exit_of(status);
    spool_abandon(&sending->spool);
    return exit_status;
}

/* -bv: what can be said without asking the server. */
static int verify(struct sending *sending)
{
    int exit_status = EX_OK;
    for (unsigned i = 0; i < sending->envelope.receiver_count; i++) {
        struct text address = sending->envelope.receivers[i].address, canonical;
        if (folder_address(address, TEXT("localhost"), &sending->arena, &canonical) == OK) {
            printf("%.*s ... well-formed\n", TEXT_ARG(address));
            continue;
        }
        printf("%.*s ... %s\n", TEXT_ARG(address), fail_reason());
        exit_status = EX_DATAERR;
    }
    return exit_status;
}

/* ---- the command line ---- */

static void find_user(struct sending *sending)
{
    static const char nobody[] = "nobody";
    const struct passwd *user = getpwuid(getuid());
    sending->login =
        user == NULL ? nobody : arena_copy(&sending->arena, text_from(user->pw_name)).data;
    /* The first part of the comment is the name; "&" in it stands for the login. */
    struct text name = user == NULL ? TEXT("") : text_before(text_from(user->pw_gecos), ',');
    size_t at = text_find(name, '&');
    if (at < name.length)
        name = arena_printf(&sending->arena, "%.*s%c%s%.*s", TEXT_ARG(text_head(name, at)),
                            sending->login[0] & ~32, sending->login + 1,
                            TEXT_ARG(text_from_position(name, at + 1)));
    sending->full_name = arena_copy(&sending->arena, name).data;
}

static bool take_option(struct sending *sending, int option, const char *value)
{
    unsigned bits;
    switch (option) {
    case 'b':
        sending->mode = value[0];
        break;
    case 't':
        sending->reads_header = true;
        break;
    case 'i':
        sending->ignores_dots = true;
        break;
    case 'o':
        sending->ignores_dots |= value[0] == 'i';
        break;
    case 'O':
        sending->ignores_dots |= strcmp(value, "IgnoreDots") == 0;
        break;
    case 'q':
        sending->flushes = true;
        break;
    case 'f':
    case 'r':
        sending->envelope.sender = text_trim(text_from(value));
        if (text_equals(sending->envelope.sender, TEXT("<>")))
            sending->envelope.sender = TEXT("");
        break;
    case 'F':
        sending->full_name = value;
        break;
    case 'C':
        sending->settings_path = value;
        break;
    case 'N':
        sending->notify = text_from(value);
        return folder_notify_parse(sending->notify, &bits);
    case 'R':
        sending->envelope.return_headers_only = text_equals_nocase(text_from(value), TEXT("hdrs"));
        return sending->envelope.return_headers_only ||
               text_equals_nocase(text_from(value), TEXT("full"));
    case 'V':
        sending->envelope.envelope_id = text_from(value);
        return sending->envelope.envelope_id.length <= 64;
    default: /* those that say how another sendmail works inside */
        return option != '?' && option != ':';
    }
    return true;
}

/* -A takes c or m, and so on: all that programs are known to write. */
static const char options[] = ":A:B:C:D:F:GIL:M:N:O:R:UV:X:b:d:e:f:gh:imno:p:q::r:stvx";

static int take_arguments(struct sending *sending, int count, char **arguments)
{
    int option;
    opterr = 0;
    while ((option = getopt(count, arguments, options)) != -1) {
        char what[80];
        if (take_option(sending, option, optarg))
            continue;
        snprintf(what, sizeof(what), "option -%c: unknown, or its value is (see sendmail(8))",
                 option == '?' || option == ':' ? optopt : option);
        return complain(EX_USAGE, what);
    }
    for (; optind < count; optind++) {
        struct text list = text_from(arguments[optind]), part;
        /* As others do: several in one word, with commas between. */
        while (text_split(&list, ',', &part)) {
            struct folder_receiver receiver = {.address = text_trim(part)};
            if (receiver.address.length > 0 &&
                folder_envelope_add(&sending->envelope, &sending->arena, &receiver) != OK)
                return complain(EX_USAGE, fail_reason());
        }
    }
    return EX_OK;
}

static int run_verb(const struct sending *sending, const char *first, const char *second,
                    const char *third)
{
    const char *words[WORDS_MAX] = {first, second, third};
    int count = second == NULL ? 1 : 3;
    int result = sending->host->run_verb(sending->settings_path, count, (char **)words);
    return result == 0 ? EX_OK : geteuid() == 0 ? EX_UNAVAILABLE : EX_NOPERM;
}

static int run_mode(struct sending *sending)
{
    switch (sending->mode) {
    case 'p':
        return run_verb(sending, "mailq", NULL, NULL);
    case 'i':
        return EX_OK; /* aliases are in the directory, and count from the moment they are made */
    case 'v':
        return verify(sending);
    case 's':
        return sendmail_smtp(&sending->spool);
    case 'm':
        if (sending->flushes && !sending->reads_header && sending->envelope.receiver_count == 0)
            return run_verb(sending, "queue", "retry", "--all");
        return send_message(sending);
    default:
        return complain(EX_USAGE, "there is no such mode; the server is started by mailroot serve");
    }
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* The mode that goes with the name; 0: it is none of ours. */
static char mode_of(const char *name)
{
    static const struct {
        const char *name;
        char mode;
    } names[] = {{"sendmail", 'm'}, {"mailq", 'p'}, {"newaliases", 'i'}};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(base_name(name), names[i].name) == 0)
            return names[i].mode;
    return 0;
}

bool sendmail_is_name(const char *name)
{
    return mode_of(name) != 0;
}

int sendmail_run(int count, char **arguments, const struct sendmail_host *host)
{
    struct sending sending = {.host = host,
                              .settings_path = host->settings_path,
                              .mode = mode_of(arguments[0]),
                              .envelope = {.has_sender = true},
                              .at_line_start = true};
    arena_init(&sending.arena);
    buffer_init(&sending.bytes, FOLDER_HEADER_MAX + 2 * READ_BYTES);
    find_user(&sending);
    sending.envelope.sender = text_from(sending.login);
    int exit_status = take_arguments(&sending, count, arguments);
    if (exit_status == EX_OK) {
        spool_find(sending.settings_path, &sending.arena, &sending.spool);
        exit_status = run_mode(&sending);
    }
    buffer_finish(&sending.bytes);
    arena_finish(&sending.arena);
    return exit_status;
}
