/* The naive operators, accumulating in double: one source, compiled in (constant folding, verify) and pasted into output (scalar target,
   and whatever no faster kernel takes). Includes graph.

   Each text in reference/text/NAME.h defines one function NAME with the signature below, in terms of macros (T: element type, W: wide type ...)
   that the includer sets. Compiled in: included once a type. Pasted: the same text between #define and #undef lines. Texts include nothing, call only
   compiler builtins, and are clean under -Wall -Wextra -Wconversion -Werror with gcc 12 and clang 19. */
#ifndef TULLE_REFERENCE_H
#define TULLE_REFERENCE_H

#include "compiler/graph/graph.h"

/* p: whole numbers (sizes, strides), r: reals. Inputs may be unaligned only as far as their type allows; absent ones are NULL.
   Computes items begin .. end-1 of the call; each item writes elements of its own, so that any split gives the same bits. */
typedef void ReferenceFunction(const int64_t *p, const double *r, const void *const *in, void *const *out, int64_t begin, int64_t end);

typedef struct ReferenceDefine { const char *name, *value; } ReferenceDefine;

typedef struct ReferenceCall {
    const char *function;            /* the name in C, "ref_conv_f32"; equal names have equal text */
    const char *text;                /* body of reference/text/NAME.h */
    const ReferenceDefine *defines;  /* to set before the text and unset after it */
    int define_count;
    ReferenceFunction *run;          /* the same, compiled in */
    const int64_t *p; const char *const *p_names; int p_count;   /* names (NULL entries allowed) become comments in the output */
    const double *r;  const char *const *r_names; int r_count;
    int64_t items;                   /* independent shares */
    bool contiguous;                 /* item i is elements i*n/items .. (i+1)*n/items of output 0: an epilogue can follow within the share */
    bool in_place;                   /* out[0] may be in[0] */
} ReferenceCall;

/* Fills the call for a node in closed form (its epilogue apart). Several calls for one node are possible (Concat: one an input; Split: one an
   output), counted by `part` from 0. The operands of a part are described by `inputs` and `outputs` below. */
int  reference_parts(const Node *node);
void reference_call(const Graph *graph, const Node *node, int part, Arena *arena, ReferenceCall *call);   /* only if supported */
/* Which of the node's inputs and outputs the call takes, in order (Concat part 2 takes input 2 and output 0). Returned counts; indices in the arrays.
   An index of -1 stands for an absent optional operand or result: NULL is passed in its place; a part with no result at all is not run. No call
   takes more than REFERENCE_MOST of either. */
#define REFERENCE_MOST 5
int  reference_inputs(const Node *node, int part, int *indices, int most);
int  reference_outputs(const Node *node, int part, int *indices, int most);

/* Can the reference compute this node with these types? If not, why ("float16 arithmetic"), for the list of unsupported nodes. */
bool reference_supports(const Node *node, const char **why);

/* Runs a node, its epilogue included, on dense row-major data: inputs and outputs in the node's order, epilogue operands looked up by `operand`. */
void reference_run(const Graph *graph, const Node *node, const void *const *inputs, void *const *outputs,
                   const void *(*operand)(void *user, const Value *value), void *user, Arena *arena);

/* The bound of DESIGN.md for |result - reference| of an f32 layer is computed beside the result: sum of |w||x| and number of terms per element. */
bool reference_magnitudes(const Graph *graph, const Node *node, const void *const *inputs, double *sums, int64_t *terms, Arena *arena);

/* The text shared by all pasted texts (types, half-precision conversions), pasted once and first. */
const char *reference_prelude(void);

#endif
