/* The guide as JSON, for the command and the library. Includes plan. */
#ifndef TULLE_GUIDE_JSON_H
#define TULLE_GUIDE_JSON_H

#include "compiler/plan/guide.h"

const char *verdict_name(Verdict verdict);   /* "dense", "prune", "stop", "restore" */
/* One object and a newline; docs/guide.md describes it. `projection`: what was changed for the question's sake; NULL: nothing. */
void guide_json(FILE *stream, const Guide *guide, const char *projection);

#endif
