/* Running work as a command would; see captured.h. */
#define _GNU_SOURCE
#include "captured.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char said[1 << 16];

Status captured(Work *work, void *argument)
{
    FILE *file = tmpfile();
    int before = dup(STDERR_FILENO);
    assert_true(file && before >= 0);
    dup2(fileno(file), STDERR_FILENO);
    Status status = context_run(work, argument);
    dup2(before, STDERR_FILENO);
    close(before);
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return status;
}

void assert_said(const char *words)
{
    if (!strstr(said, words))
        print_error("expected: %s\nsaid: %s\n", words, said);
    assert_non_null(strstr(said, words));
}

char *test_folder(void)
{
    char *folder = strdup("/tmp/tulle-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    return folder;
}

int test_entries(const char *folder)
{
    int count = -2;          /* . and .. */
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

void test_folder_remove(char *folder)
{
    assert_int_equal(rmdir(folder), 0);
    free(folder);
}
