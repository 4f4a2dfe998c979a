/* Where the numbers of a text come from: cells for variables, values and memory; what flows from cell to cell; and, once all is said, which sources
   each cell has. Neither the order of statements nor the fields of a structure count, so that a cell has rather one source too many. */
#ifndef TULLE_JIT_SOURCES_H
#define TULLE_JIT_SOURCES_H

typedef struct Sources Sources;

enum { CELL_CONSTANT = 0 };          /* the cell of constants: it has no source, and points nowhere */

Sources *sources_new(void);
void sources_free(Sources *sources);
int source_cell(Sources *sources, unsigned from);                  /* a new one; `from` has bits of plugin.h's FROM_ */
void source_add(Sources *sources, int cell, unsigned from);
int source_pointee(Sources *sources, int cell);                    /* what stands where the pointer points to, all elements as one */
void source_point(Sources *sources, int pointer, int memory);      /* the pointer may point there, too */
void source_flow(Sources *sources, int from, int to);
void source_unite(Sources *sources, int a, int b);                 /* one and the same from now on, and so what they point to */
void sources_solve(Sources *sources);
unsigned source_from(const Sources *sources, int cell);

#endif
