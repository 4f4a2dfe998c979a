/* guide's files. Includes cli.h's folders. */
#ifndef TULLE_CLI_GUIDE_H
#define TULLE_CLI_GUIDE_H

#include "compiler/cli/cli.h"
#include "compiler/plan/guide.h"

void guide_table(Context *ctx, const Guide *guide);

#endif
