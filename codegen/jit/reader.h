/* Inside the plugin: what the files of the reader share. reader.c finds functions and declarations, loops.c the bounds
   of loops; values.c follows their expressions. */
#ifndef TULLE_JIT_READER_H
#define TULLE_JIT_READER_H

#include <clang-c/Index.h>
#include <stdbool.h>

#include "codegen/jit/plugin.h"
#include "codegen/jit/sources.h"

enum { JIT_MOST_DEPTH = 1000 };      /* of statements and expressions within others: what is deeper is not read at all */

typedef struct Declared {            /* a variable, parameter or function that an expression names */
    CXCursor cursor;
    int cell;                        /* of a variable: its value; of an array: what points to its elements; of a function: what it returns */
    int writes;                      /* of a variable: where it is changed after its declaration */
    int address;                     /* of a variable: a cell that is from elsewhere once its address is taken */
    int fact;                        /* of a function of the text: its number among the facts; else -1 */
    bool called, taken;              /* of a function: by name; as a value */
} Declared;

typedef struct Argument { int call; unsigned number; int cell; } Argument;    /* of a call through a pointer: the fact's number */

typedef struct LoopCells {           /* of a loop: what decides whether it goes on; from elsewhere if it may have no end; its step if worked out */
    int bound, fault, step;
    bool worked_out;
} LoopCells;

typedef enum ReaderPlace { PLACE_TEXT, PLACE_HEADER, PLACE_NOWHERE } ReaderPlace;      /* nowhere: the compiler's own */

typedef struct Reader {
    CXTranslationUnit unit;
    CXFile file;                     /* of the text itself */
    const char *text;
    size_t length;
    JitReading *reading;
    int fact_capacity;
    LoopCells *cells;                /* by fact */
    Sources *sources;
    Declared *declared;              /* a hash table */
    int declared_count, declared_capacity;
    Argument *arguments;
    int argument_count, argument_capacity;
    CXCursor *children;              /* of all that is being visited, as a stack */
    int child_count, child_capacity;
    int function, loops, depth;      /* the function's fact; loops around; how deep the recursion is */
    int elsewhere;                   /* the cell of what is neither of the other sources */
    int result;                      /* the cell of what the function returns */
    bool shown;                      /* the address that is taken next is for reading alone */
    bool too_deep;
} Reader;

/* ---- reader.c ---- */

/* An element more of a vector. Out of memory: the end. */
void *reader_grow(void *items, int count, int *capacity, size_t size);
/* A cursor's children: the first one's place on the stack; `count` gets how many. reader_drop() once they are done. */
int reader_children(Reader *reader, CXCursor cursor, int *count);
void reader_drop(Reader *reader, int first);
Declared *reader_declared(Reader *reader, CXCursor declaration);     /* made if need be; valid until the next call */
unsigned reader_offset(CXSourceLocation location);                   /* in the text */
unsigned reader_start(CXCursor cursor);
ReaderPlace reader_place(const Reader *reader, CXCursor cursor);
const char *reader_between(Reader *reader, unsigned from, unsigned to);    /* on one line, kept with the reading */
const char *reader_type(Reader *reader, CXType type);                /* in C, kept likewise */
JitFact *reader_fact(Reader *reader, JitFactKind kind, CXCursor cursor, CXString name);
void read_statement(Reader *reader, CXCursor cursor);                /* expressions among them */
void read_variable(Reader *reader, CXCursor cursor);

/* ---- expressions.c ---- */

CXCursor expression_bare(Reader *reader, CXCursor expression);       /* without parentheses and conversions around it */
bool expression_number(CXCursor expression, long long *number);      /* an integer that is known */
Declared *expression_variable(Reader *reader, CXCursor expression);  /* that a bare name stands for; NULL */
Declared *expression_base(Reader *reader, CXCursor expression);      /* that a place is part of, or found by: "a" of a[i].b and of a->b; NULL */

/* ---- loops.c ---- */

void read_loop(Reader *reader, CXCursor loop);

/* ---- values.c ---- */

int value_of(Reader *reader, CXCursor expression);                   /* its cell */
void value_assign(Reader *reader, CXCursor expression, int place);   /* it flows there */
void value_initial(Reader *reader, CXCursor variable, int cell);     /* what a declaration says that the variable begins with */
bool type_constant(CXType type);                                     /* it, or what an array has, cannot be changed */

#endif
