/* The manual page and the help, from the rows. */
#include <string.h>

#include "base/check.h"
#include "settings/object.h"

/* Words of running text: what mdoc would take for markup is made plain. */
static void put_roff(struct text text, struct buffer *out)
{
    if (text.length > 0 && (text.data[0] == '.' || text.data[0] == '\''))
        buffer_append(out, TEXT("\\&"));
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\\')
            buffer_append(out, TEXT("\\e"));
        else
            buffer_append_byte(out, text.data[i]);
    }
}

/* New sentence, new line: as mdoc asks for, so that spacing is the reader's. */
static void put_sentences(struct text text, struct buffer *out)
{
    while (text.length > 0) {
        size_t end = text_find_text(text, TEXT(". "));
        struct text sentence = text_head(text, end < text.length ? end + 1 : end);
        put_roff(sentence, out);
        buffer_append_byte(out, '\n');
        text = text_from_position(text, sentence.length + 1);
    }
}

/* Where the form does not say which words there are. */
static void put_words(const struct setting_row *row, const char *indent, struct buffer *out)
{
    if (row->type->syntax == NULL || row->choices == NULL)
        return;
    buffer_printf(out, "%sThe words:", indent);
    for (unsigned i = 0; row->choices[i] != NULL; i++)
        buffer_printf(out, "%s %s", i == 0 ? "" : ",", row->choices[i]);
    buffer_append(out, TEXT(".\n"));
}

static void put_bounds(const struct setting_row *row, struct buffer *out)
{
    buffer_append(out, TEXT("Range: "));
    row->type->write_bound(row->low, out);
    buffer_append(out, TEXT(" to "));
    row->type->write_bound(row->high, out);
    buffer_append(out, TEXT(".\n"));
}

static void put_default(const struct setting_row *row, struct buffer *out)
{
    const char *standard = row->standard != NULL ? row->standard : row->otherwise;
    if (standard == NULL)
        return;
    buffer_append(out, TEXT("Default: "));
    put_roff(text_from(standard), out);
    buffer_append(out, TEXT(".\n"));
}

static void put_manual_row(const struct setting_row *row, struct buffer *out)
{
    struct text statement = setting_row_statement(row), clause = setting_row_clause(row);
    bool own_clause = text_equals(clause, TEXT("times"));
    buffer_printf(out, ".It Ic %.*s", TEXT_ARG(statement));
    if (clause.length > 0 && setting_row_find(row->kind, statement, TEXT("")) != NULL)
        buffer_append(out, TEXT(" No ..."));
    if (clause.length > 0 && !own_clause)
        buffer_printf(out, " Ic %.*s", TEXT_ARG(clause));
    struct buffer syntax;
    buffer_init(&syntax, 400);
    setting_row_put_syntax(row, &syntax);
    /* "|" and brackets are delimiters to mdoc unless escaped. */
    struct text rest = buffer_text(&syntax), word;
    buffer_append(out, TEXT(" Ar"));
    while (text_word(&rest, &word))
        buffer_printf(out, " %s%.*s", strchr("|[](.", word.data[0]) ? "\\&" : "", TEXT_ARG(word));
    buffer_finish(&syntax);
    buffer_append_byte(out, '\n');
    put_sentences(text_from(row->help), out);
    put_words(row, "", out);
    if (row->type->write_bound != NULL && row->same_as == NULL)
        put_bounds(row, out);
    put_default(row, out);
}

static void put_manual_kind(enum setting_kind_id id, struct buffer *out)
{
    const struct setting_kind *kind = &setting_kinds[id];
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(id, &count);
    if (id == KIND_TOP)
        buffer_append(out, TEXT(".Ss Outside of blocks\n"));
    else
        buffer_printf(out, ".Ss %s%s%s {\n", kind->word, kind->names[0] == '\0' ? "" : " ",
                      kind->names);
    put_sentences(text_from(kind->help), out);
    buffer_append(out, TEXT(".Bl -tag -width Ds\n"));
    for (unsigned i = 0; i < count; i++)
        put_manual_row(&rows[i], out);
    buffer_append(out, TEXT(".El\n"));
}

static const char manual_head[] =
    ".Dd November 23, 2026\n"
    ".Dt MAILROOT.CONF 5\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm mailroot.conf\n"
    ".Nd settings of the mail system mailroot\n"
    ".Sh DESCRIPTION\n"
    "A line is words.\n"
    "The sign # begins a comment.\n"
    "Double quotes keep spaces; inside them \\e\\(dq is a quote and \\e\\e a backslash.\n"
    "A { at the end of a line opens a block, a } alone closes it; blocks do not nest.\n"
    "A block of one statement may stand on one line.\n"
    "A later block of the same name continues it.\n"
    "What is a list may be repeated, anything else is set once.\n"
    "The order of statements and blocks has no meaning, but that of a list's values has.\n"
    ".Pp\n"
    "Sizes are written with a unit: B, KB, MB, GB or TB, each 1024 times the one before.\n"
    "Times are written with a unit: ms, s, m (minutes), h, d or w.\n"
    "Files are relative to the directory of the file that names them.\n"
    ".Bl -tag -width Ds\n"
    ".It Ic include Ar PATTERN\n"
    "Reads the files whose names match, in the order of their names.\n"
    "It stands outside of blocks.\n"
    ".El\n";

static const char manual_reports[] =
    ".Sh REPORT TEXTS\n"
    "The directory that\n"
    ".Ic reports texts\n"
    "names has a file for each language, named like\n"
    ".Pa de.txt\n"
    "or\n"
    ".Pa pt-BR.txt .\n"
    "For a language that is shipped it holds what is to be another; what any other language lacks\n"
    "is said in English.\n"
    ".Ic mailroot report texts en\n"
    "prints a whole file to begin with,\n"
    ".Ic mailroot config check\n"
    "tells what is wrong in which line, and\n"
    ".Ic mailroot report show\n"
    "what it looks like.\n"
    ".Pp\n"
    "A file is UTF-8.\n"
    ".Li [name]\n"
    "on a line of its own begins a text, which ends before the next one; one that is empty says\n"
    "nothing.\n"
    "Lines that begin with\n"
    ".Li #\n"
    "are comments; a line of text that begins with that or with\n"
    ".Li \\&[\n"
    "has a\n"
    ".Li \\e\n"
    "in front.\n"
    "The texts are:\n"
    ".Bl -tag -width Ds\n"
    ".It Li from\n"
    "The name in the field From.\n"
    ".It Li subject failed , subject delayed , subject delivered , subject relayed , subject "
    "expanded\n"
    "The subject, by the worst that happened to a recipient.\n"
    ".It Li opening , closing\n"
    "The first and the last words.\n"
    ".It Li failed , delayed , delivered , relayed , expanded\n"
    "What happened, before the recipients that it happened to.\n"
    ".It Li answered , reason\n"
    "Before the answer of the host\n"
    ".Li {remote} ,\n"
    "or our own reason.\n"
    ".It Li until\n"
    "How long delivery is still tried\n"
    ".Pq Li {until} .\n"
    ".It Li lost\n"
    "That the message could not be read any more, and is not returned.\n"
    ".It Li code 5.1.1\n"
    "What to do about a failure with this status;\n"
    ".Li x\n"
    "stands for any number:\n"
    ".Li x.1.1 , x.1.x , 5.x.x , x.x.x .\n"
    "The closest one is taken.\n"
    ".El\n"
    ".Pp\n"
    "In all of them\n"
    ".Li {host}\n"
    "is this server, and, but for\n"
    ".Li from ,\n"
    ".Li {to}\n"
    "who gets the report,\n"
    ".Li {subject} ,\n"
    ".Li {arrived}\n"
    "and\n"
    ".Li {id}\n"
    "of the message that it is about.\n"
    "Those about one recipient also have\n"
    ".Li {recipient}\n"
    "and\n"
    ".Li {status} .\n"
    "A brace is written twice.\n";

static const char manual_tail[] =
    ".Sh FILES\n"
    ".Bl -tag -width Ds\n"
    ".It Pa /etc/mailroot/mailroot.conf\n"
    "The file that is read unless another one is named.\n"
    ".It Pa /etc/mailroot/secrets\n"
    "Passwords, one to a file; never in the settings.\n"
    ".El\n"
    ".Sh EXAMPLES\n"
    "A domain with three users, a certificate, and a provider that takes all other mail:\n"
    ".Bd -literal -offset indent\n"
    "host mx.example.org\n"
    "certificate mx.pem key mx.key\n"
    "\n"
    "domain example.org {\n"
    "    user alice bob carol\n"
    "}\n"
    "\n"
    "connector provider {\n"
    "    to *\n"
    "    smart-host smtp.example.net:587 tls verify login us secret provider\n"
    "}\n"
    ".Ed\n";

void settings_manual(struct buffer *out)
{
    buffer_append(out, text_from(manual_head));
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        put_manual_kind(kind, out);
    setting_profile_manual(out);
    setting_role_manual(out);
    buffer_append(out, text_from(manual_reports));
    buffer_append(out, text_from(manual_tail));
}

static void put_help_row(const struct setting_row *row, struct buffer *out)
{
    struct text clause = setting_row_clause(row);
    bool behind = clause.length > 0 &&
                  setting_row_find(row->kind, setting_row_statement(row), TEXT("")) != NULL;
    if (behind && !text_equals(clause, TEXT("times")))
        buffer_printf(out, "    %.*s ... %.*s ", TEXT_ARG(setting_row_statement(row)),
                      TEXT_ARG(clause));
    else if (behind)
        buffer_printf(out, "    %.*s ... ", TEXT_ARG(setting_row_statement(row)));
    else
        buffer_printf(out, "    %s ", row->name);
    setting_row_put_syntax(row, out);
    buffer_printf(out, "\n        %s\n", row->help);
    put_words(row, "        ", out);
    const char *standard = row->standard != NULL ? row->standard : row->otherwise;
    if (standard != NULL)
        buffer_printf(out, "        default: %s\n", standard);
}

bool settings_help(struct text block, struct buffer *out)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        if (!text_equals(block, text_from(setting_kinds[kind].word)))
            continue;
        unsigned count;
        const struct setting_row *rows = setting_kind_rows(kind, &count);
        buffer_printf(out, "%s\n", setting_kinds[kind].help);
        for (unsigned i = 0; i < count; i++)
            put_help_row(&rows[i], out);
        return true;
    }
    return false;
}

void settings_blocks(struct buffer *out)
{
    for (unsigned kind = KIND_TOP + 1; kind < KIND_COUNT; kind++)
        buffer_printf(out, "%s%s", kind == KIND_TOP + 1 ? "" : ", ", setting_kinds[kind].word);
}
