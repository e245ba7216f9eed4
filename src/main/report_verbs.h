/* The verbs `report ...` that need no server: what delivery reports say, and in which languages. */
#ifndef MAIN_REPORT_VERBS_H
#define MAIN_REPORT_VERBS_H

/* words: those behind "report show" and so on. The exit status: 0, 1 something in the settings or
 * the texts is wrong, 2 wrong usage. */
struct report_call {
    const char *settings_path;
    char **words;
    int count;
};
/* KIND [--code CODE] [--language TAG] [--message]: a sample. */
int report_show(const struct report_call *call);
/* [LANGUAGE]: the languages there are, or the file that is shipped for one. */
int report_list_texts(const struct report_call *call);

#endif
