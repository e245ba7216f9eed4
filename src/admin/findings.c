#include "admin/findings.h"

#include "admin/words.h"

static void print_json(const struct finding *finding, struct buffer *out)
{
    buffer_printf(out, "{\"result\":\"%s\"", finding_level_name(finding->level));
    verb_json_field(out, "step", finding->step);
    verb_json_field(out, "text", finding->words);
    verb_json_field(out, "remedy", finding->remedy);
    buffer_append(out, TEXT("}\n"));
}

static void print_line(const struct finding *finding, struct buffer *out)
{
    buffer_printf(out, "%-5s %-11.*s ", finding_level_name(finding->level),
                  TEXT_ARG(finding->step));
    verb_clean(out, finding->words);
    if (!text_is_empty(finding->remedy)) {
        buffer_printf(out, "\n%-18s-> ", "");
        verb_clean(out, finding->remedy);
    }
    buffer_append_byte(out, '\n');
}

void findings_print(const struct findings *findings, bool json, struct buffer *out)
{
    for (unsigned i = 0; i < findings->count; i++) {
        if (json)
            print_json(&findings->list[i], out);
        else
            print_line(&findings->list[i], out);
    }
}

enum status findings_conclude(const struct findings *findings, bool json, struct buffer *out)
{
    const struct finding *fault = findings_first(findings, FINDING_FAULT);
    findings_print(findings, json, out);
    if (fault == NULL) {
        if (!json)
            buffer_append(out, findings_first(findings, FINDING_WARNING) == NULL
                                   ? TEXT("nothing is wrong\n")
                                   : TEXT("nothing is wrong for certain; see the warnings\n"));
        return OK;
    }
    if (text_is_empty(fault->remedy))
        return refused("first cause: %.*s: %.*s", TEXT_ARG(fault->step),
                       TEXT_ARG(text_head(fault->words, 300)));
    return refused("first cause: %.*s: %.*s -> %.*s", TEXT_ARG(fault->step),
                   TEXT_ARG(text_head(fault->words, 200)), TEXT_ARG(text_head(fault->remedy, 220)));
}
