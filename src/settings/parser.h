/* One settings_parse under way, and the reader that the types of values read words with. */
#ifndef SETTINGS_PARSER_H
#define SETTINGS_PARSER_H

#include "base/map.h"
#include "settings/errors.h"
#include "settings/grammar.h"
#include "settings/object.h"
#include "settings/source.h"

/* All lists together; bounds memory when many domains share one block. */
enum { SETTING_VALUES_MAX = 1000000 };

struct settings_parser {
    const struct settings_source *source;
    struct settings_object *object;
    struct settings_errors errors;
    struct arena scratch; /* of the line */
    struct setting_place line;
    struct map *blocks; /* "kind name" to struct setting_block */
    unsigned value_count;

    /* The open block: several domains may share one. The top when open_line is 0. */
    struct setting_block **open;
    unsigned open_count;
    struct setting_place opened;
    uint32_t opened_length;
    struct arena open_arena; /* of `open` */
    bool skipping;           /* the open block is unknown, and that has been said */
};

/* The words of a statement, from the left. */
struct setting_reader {
    struct settings_parser *parser;
    struct setting_block *block;
    const struct setting_row *row;
    struct setting_words words;
    unsigned next;
};

/* The next word, or NULL; left where it is. */
const struct setting_word *setting_reader_peek(const struct setting_reader *in);
/* It is this one. */
bool setting_reader_at(const struct setting_reader *in, const char *keyword);
/* Take it; there is one. */
struct text setting_reader_take(struct setting_reader *in);
/* The next word is a clause's and not a value. */
bool setting_reader_at_clause(const struct setting_reader *in);
/* An error about the last word taken. Returns false. */
bool setting_reader_error(struct setting_reader *in, struct text hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The word, taken last, is no value of the setting; hint: how one is written. Returns false. */
bool setting_reader_no_value(struct setting_reader *in, struct text word, const char *hint);
/* "'cost' in connector 'provider'": the setting read now, for messages. */
const char *setting_reader_where(struct setting_reader *in);
/* A relative name, from the directory of the file being read; in the object's arena. */
struct text settings_parser_path(struct settings_parser *parser, struct text path);

/* Read the words behind a statement's first into `block`. False when an error was reported. */
bool settings_statement_read(struct setting_reader *in);
/* Give every row of the block that is not set its default. */
void settings_defaults_apply(struct settings_parser *parser, struct setting_block *block);
/* Fill in what follows from other settings, and check what no row can check alone. */
void settings_complete(struct settings_parser *parser);
void settings_check(struct settings_parser *parser);
void settings_check_role(struct settings_parser *parser); /* a part of it */
void settings_check_filters(struct settings_parser *parser);

#endif
