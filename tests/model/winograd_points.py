#!/usr/bin/env python3
"""What points of Winograd's F(2x2,3x3) and F(4x4,3x3) lose in f32, as multiples of what a direct sum loses: the table of docs/model.md. Needs numpy."""
import numpy as np

PAIRS = [("tiles of 2: 0, +-1", (1,)), ("0, +-1, +-2", (1, 2)), ("0, +-1, +-1/2", (1, 1 / 2)), ("0, +-3/4, +-3/2", (3 / 4, 3 / 2)),
         ("0, +-sqrt(1/2), +-sqrt(2)", (0.5 ** 0.5, 2 ** 0.5)), ("**0, +-5/8, +-3/2**", (5 / 8, 3 / 2))]
CHANNELS, TILES, ROUNDS = 128, 200, 4


def matrices(pairs):
    """B', G and A' for the points 0, +-pairs and infinity."""
    points = [0.0] + [sign * point for point in pairs for sign in (1, -1)]
    reach = len(points) + 1
    b, g, a = np.zeros((reach, reach)), np.zeros((reach, 3)), np.zeros((reach - 2, reach))
    for i, point in enumerate(points):
        others = [other for other in points if other != point]
        b[i, :reach - 1] = np.polynomial.polynomial.polyfromroots(others)
        g[i] = np.power(point, np.arange(3)) / np.prod([point - other for other in others])
        a[:, i] = np.power(point, np.arange(reach - 2))
    b[-1] = np.polynomial.polynomial.polyfromroots(points)
    g[-1, 2] = a[-1, -1] = 1
    return b, g, a


def both_axes(matrix, tiles):
    """In f32, a rounding after each axis at least."""
    half = np.einsum("ai,...ij->...aj", matrix.astype("f"), tiles).astype("f")
    return np.einsum("...aj,bj->...ab", half, matrix.astype("f")).astype("f")


def errors(pairs, random):
    """Largest and root of the mean square, of Winograd's results and of direct sums, both summed over channels one by one."""
    b, g, a = matrices(pairs)
    side = len(a)
    inputs = random.standard_normal((TILES, CHANNELS, side + 2, side + 2)).astype("f")
    weights = (random.standard_normal((CHANNELS, 3, 3)) / 20).astype("f")
    transformed = np.einsum("ai,cij,bj->cab", g, weights.astype("d"), g).astype("f")
    elements, products = both_axes(b, inputs), np.zeros((TILES, side + 2, side + 2), "f")
    right, direct = np.zeros((TILES, side, side)), np.zeros((TILES, side, side), "f")
    for c in range(CHANNELS):
        products = (products.astype("d") + transformed[c].astype("d") * elements[:, c]).astype("f")
        for r, s in np.ndindex(3, 3):
            terms = float(weights[c, r, s]) * inputs[:, c, r:r + side, s:s + side].astype("d")
            right += terms
            direct = (direct.astype("d") + terms).astype("f")
    return [measure(abs(found - right)) for found in (both_axes(a, products), direct) for measure in (np.max, lambda e: np.sqrt(np.mean(e ** 2)))]


def main():
    print("| points | largest | root mean square |\n| --- | --- | --- |")
    for name, pairs in PAIRS:
        largest, mean, direct_largest, direct_mean = np.mean([errors(pairs, np.random.default_rng(seed)) for seed in range(ROUNDS)], axis=0)
        print(f"| {name} | {largest / direct_largest:.1f} | {mean / direct_mean:.1f} |")


if __name__ == "__main__":
    main()
