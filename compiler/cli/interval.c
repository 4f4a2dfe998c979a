/* The interval of a median by order statistics: whatever the distribution of the samples. */
#include <math.h>

#include "compiler/cli/cli.h"

/* Of `count` samples fewer than that many lie on one side of the median in 2.5 of 100 cases at most. */
int interval_outside(int count)
{
    const double allowed = 0.025;
    double term = exp2(-count), sum = 0;     /* of the binomial distribution; count is a few hundred at most, so nothing underflows */
    int outside = -1;
    for (int i = 0; 2 * i <= count; i++) {
        sum += term;
        if (sum > allowed)
            break;
        outside = i;
        term *= (double)(count - i) / (i + 1);
    }
    return outside;
}
