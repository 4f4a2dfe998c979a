/* What is found in a C text: facts, in plain C. Plugin and compiler share it. */
#ifndef TULLE_JIT_READING_H
#define TULLE_JIT_READING_H

typedef enum JitFactKind {
    FACT_FUNCTION,                   /* with a body */
    FACT_LOOP,                       /* a jump by goto is one, too */
    FACT_ARRAY, FACT_STATIC,         /* a local one; any variable of static storage, local ones too */
    FACT_CALL, FACT_ASSEMBLER
} JitFactKind;

typedef enum JitCallee {
    CALLEE_OWN, CALLEE_COMPILER,     /* the text has its body; a builtin, or of clang's headers */
    CALLEE_CHOICE,                   /* through a pointer that is one of the text's functions: of a constant table, or chosen by ?: */
    CALLEE_FOREIGN, CALLEE_POINTER   /* declared alone; through any other pointer */
} JitCallee;

/* What the condition of a loop depends on; 0: constants alone. */
enum { FROM_SHARE = 1, FROM_TABLE = 2, FROM_ELSEWHERE = 4 };     /* parts and their number; constant tables; anything else */

#define JIT_MOST_EXTENTS 6
#define JIT_STAGE_TYPE "void (const struct tulle_context *, int, int)"

typedef struct JitFact {
    JitFactKind kind;
    int line, column, end_line;
    int function;                    /* the fact that it stands in; -1: at file level */
    int depth;                       /* loops around it, in its function */
    const char *name, *type;         /* type: in C; of a call its result, or through a pointer that of the function */
    const char *text;                /* of a loop: as it is written, up to its body; of a call through a pointer: what is called */
    long long trips;                 /* of a loop: how often it runs; -1: not known before it runs */
    unsigned from;                   /* of a loop whose trips are not known */
    JitCallee callee;
    int visible, taken;              /* a function seen outside of the text; used as a value */
    int changes;                     /* a variable that may be written */
    int rank;
    long long extents[JIT_MOST_EXTENTS];      /* of an array; -1: not known */
} JitFact;

typedef struct JitReading {          /* in the order of the text */
    JitFact *facts;
    int count;
    struct JitTexts *texts;          /* what the facts' words are kept in; NULL where an arena has them */
} JitReading;

#endif
