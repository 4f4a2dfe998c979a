/* Private to graph: the words of the graph's text, and complaints about them. */
#ifndef TULLE_LEXER_H
#define TULLE_LEXER_H

#include <locale.h>

#include "compiler/graph/graph.h"

typedef struct Lexer {
    Context *ctx;
    const char *text, *at, *end;
} Lexer;

/* Ends the command with the line, the column, the line itself and a caret under `place`. */
_Noreturn void lexer_fail(const Lexer *lexer, const char *place, const char *format, ...) PRINTF_LIKE(3, 4);

/* All skip blanks and comments first, but never the end of a line. */
bool lexer_line_end(Lexer *lexer);
bool lexer_accept(Lexer *lexer, const char *mark);        /* "(", "=" ...: these characters, whatever follows */
void lexer_expect(Lexer *lexer, const char *mark);
bool lexer_accept_word(Lexer *lexer, const char *word);   /* the whole word */
bool lexer_at(Lexer *lexer, char c);
const char *lexer_place(Lexer *lexer);                    /* where the next word starts: for lexer_fail */
const char *lexer_identifier(Lexer *lexer, const char *what);
const char *lexer_name(Lexer *lexer);                     /* letters, digits and _.:/- or a quoted string */
const char *lexer_quoted(Lexer *lexer);
int64_t lexer_whole(Lexer *lexer, int64_t least, int64_t most);
uint64_t lexer_unsigned(Lexer *lexer);
double lexer_real(Lexer *lexer);
locale_t lexer_locale(void);                              /* in which numbers are written and read, whatever the user's is */
void lexer_hex(Lexer *lexer, unsigned char *data, size_t bytes);

#endif
