/* Prints the table of operators, one row a line, for schemas.py. */
#include "frontends/importer.h"

int main(void)
{
    for (int i = 0; i < operator_row_count; i++)
        printf("%s %d %d %d %s\n", operator_rows[i].name, operator_rows[i].since, operator_rows[i].fewest, operator_rows[i].most,
               operator_rows[i].attributes);
    return 0;
}
