"""Medians and 95 % intervals of repeated pairs, free of assumptions about how times are spread: an interval of the median ends at two of the
ratios themselves."""
import math
import statistics

CONFIDENCE = 0.95


def rank(count):
    """How many values may be left out at each end; None if even the smallest and largest do not hold the median with that confidence."""
    left, outside = None, 0
    for number in range(count // 2 + 1):
        outside += math.comb(count, number) / 2 ** count
        if 2 * outside > 1 - CONFIDENCE:
            return left
        left = number
    return left


def interval(values):
    """(median, low, high); the ends are NaN where there are too few values."""
    values = sorted(values)
    left = rank(len(values))
    ends = (math.nan, math.nan) if left is None else (values[left], values[-1 - left])
    return statistics.median(values), *ends


def pairs(first, second):
    """Of first over second, round by round."""
    return interval([a / b for a, b in zip(first, second)])


def spread(values):
    """Between the quarters, as a share of the median."""
    if len(values) < 4:
        return (max(values) - min(values)) / statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / statistics.median(values)
