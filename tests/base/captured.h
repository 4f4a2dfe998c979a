/* For tests: runs work as a command would, and keeps what it said on stderr. */
#ifndef TULLE_CAPTURED_H
#define TULLE_CAPTURED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail                  /* the name is ours */

#include "compiler/base/base.h"

typedef Status Work(Context *ctx, void *argument);

extern char said[1 << 16];   /* by the last captured() */

Status captured(Work *work, void *argument);
void assert_said(const char *words);          /* fails with both texts if `said` does not hold them */

/* A temporary folder of the test's own, and how many entries it has. */
char *test_folder(void);
int test_entries(const char *folder);
void test_folder_remove(char *folder);

#endif
