#!/usr/bin/env python3
"""The arithmetic of compare.py, and the patterns it measures: what can be checked without measuring."""
import math
import pathlib
import sys
import types
import unittest

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import intervals      # noqa: E402
import inside         # noqa: E402
import race           # noqa: E402
import tell_layers    # noqa: E402
import trained        # noqa: E402
import view           # noqa: E402


def row(**times):
    """Of a layer; kernels in front of an underscore's twin: sparse_0_1 is the sparse kernel at density 0.1."""
    entrants = {name: {"ms": [value] * 6, "kernel": "sparse_direct", "density": 1} for name, value in times.items()}
    return {"entrants": entrants, "densities": [0.1, 0.2, 0.4], "flops": 2e9}


class Intervals(unittest.TestCase):
    def test_fewer_than_six_values_have_no_interval(self):
        self.assertIsNone(intervals.rank(5))
        self.assertTrue(math.isnan(intervals.interval([1, 2, 3, 4, 5])[1]))

    def test_ends_are_values_that_hold_the_median_with_95_percent(self):
        self.assertEqual([intervals.rank(count) for count in (6, 8, 9, 12, 20)], [0, 0, 1, 2, 5])
        self.assertEqual(intervals.interval([9, 1, 2, 3, 4, 5, 6, 7, 8]), (5, 2, 8))

    def test_pairs_cancel_what_drifts(self):
        drift = [1, 2, 3, 4, 5, 6]
        self.assertEqual(intervals.pairs([6 * value for value in drift], [2 * value for value in drift]), (3, 3, 3))


class Tables(unittest.TestCase):
    def test_break_even_lies_on_the_power_law_between_two_densities(self):
        found = row(**{"tulle@0.1": 1.0, "tulle@0.2": 2.0, "tulle@0.4": 4.0, "tulle:dense_direct": 3.0})
        self.assertAlmostEqual(tell_layers.break_even(found, "tulle:dense_direct"), 0.3)

    def test_break_even_at_the_ends(self):
        found = row(**{"tulle@0.1": 1.0, "tulle@0.2": 2.0, "tulle@0.4": 4.0, "tulle:fast": 0.5, "tulle:slow": 9.0})
        self.assertEqual(tell_layers.break_even(found, "tulle:fast"), 0)
        self.assertEqual(tell_layers.break_even_text(found, "tulle:slow"), "40 % or more")

    def test_only_whole_intervals_above_count_as_slower_than_dense(self):
        found = row(**{"tulle@0.1": 2.0, "tulle@0.2": 1.0, "tulle:dense_direct": 1.5})
        found["entrants"]["tulle@0.4"] = {"ms": [1, 2, 1, 2, 1, 2], "kernel": "sparse_direct"}
        judged, slower = tell_layers.slower_than_dense([(1, [("resnet-64", found)])])
        self.assertEqual((judged, len(slower)), (3, 1))
        self.assertIn("at 10 %", slower[0])
        found["entrants"]["tulle@0.1"]["kernel"] = "dense_direct"
        self.assertEqual(tell_layers.slower_than_dense([(1, [("resnet-64", found)])]), (3, []))

    def test_alpha_is_time_over_that_of_the_nonzeros_at_peak(self):
        found = row(a=4.0)
        found["entrants"]["a"]["density"] = 0.1
        self.assertAlmostEqual(view.alpha(found, "a", 100e9), 2)

    def test_break_evens_are_summed_up_within_what_was_measured(self):
        found = row(**{"tulle@0.1": 1.0, "tulle@0.2": 2.0, "tulle@0.4": 4.0, "tulle:dense_direct": 3.0, "tulle:dense_winograd": 0.5})
        self.assertEqual(tell_layers.break_even_mean([("resnet-64", found)], False), "**30 %**")
        self.assertEqual(tell_layers.break_even_mean([("resnet-64", found)], True), "**10 %**")

    def test_the_share_of_peak_is_told_of_large_layers_without_transforms(self):
        found = row(**{"tulle:dense_implicit": 25.0, "tulle:dense_winograd": 10.0})
        rows = types.SimpleNamespace(peak=lambda: 100e9)
        self.assertIn("80 % in the worst, ResNet 64x56x56", tell_layers.peak_words(rows, [("resnet-64", found)]))
        self.assertEqual(tell_layers.peak_words(rows, [("resnet-64", {**found, "flops": 1e8})]), "")

    def test_numbers_keep_three_digits(self):
        self.assertEqual([view.number(value) for value in (0.012345, 1.0, 12.345, 1234.5, math.nan)], ["0.0123", "1.00", "12.3", "1234", "-"])

    def test_of_rows_for_one_cell_the_last_full_one_counts(self):
        base = {"kind": "layer", "name": "resnet-64", "threads": 1, "batch": 1, "scale": 1, "target": "native"}
        rows = [{**base, "densities": [0.1, 1], "mark": number} for number in (1, 2)] + [{**base, "densities": [1], "mark": 3}]
        options = types.SimpleNamespace(scale=1, target="native")
        self.assertEqual(view.Rows(rows, options).get("layer", "resnet-64")["mark"], 2)


class Regret(unittest.TestCase):
    @staticmethod
    def candidate(kernel, tiling, predicted, layout=None):
        return {"kernel": kernel, "tiling": [tiling, 2, 0, 0], "predicted_ms": predicted, "projected": False, "layout_in": layout, "layout_out": None}

    def layer(self, name, *candidates):
        return {**candidates[0], "name": name, "candidates": list(candidates)}

    def test_forces_near_tilings_of_near_kernels_upon_every_other_layer(self):
        make = self.candidate
        first = self.layer("a", make("slow", 1, 1), make("slow", 2, 1.1, {"top": 1, "left": 1}), make("slow", 3, 1.6), make("fast", 1, 2), make("far", 1, 3))
        second = self.layer("b", make("slow", 1, 1), make("fast", 1, 1.2))
        self.assertEqual(inside.forced({"layers": [first, second]}, set()), [{"a": "slow:2,2"}, {"b": "fast:1,2"}, {"a": "fast:1,2"}])
        self.assertEqual(inside.forced({"layers": [first, second]}, {"fast"}), [{"a": "slow:2,2"}])

    def test_counts_layers_where_another_kernel_is_faster(self):
        def program(kernel, first, second, predicted=2):
            return {"layers": [{"name": "a", "what": kernel, "ms": first, "predicted_ms": predicted},
                               {"name": "b", "what": "other", "ms": second, "predicted_ms": 1}]}
        entrants = {"chosen": program("slow", 3, 1), "1": program("fast", 2, 1.2), "2": program("fast", 2, 1.1), "3": program("fast reads x", 1, 1.1),
                    "4": program("fast", 1, 1.1, 1.5)}
        entrants["chosen"]["stand_ins"] = {"a": {"fast": 2, "slow": 2}, "b": {"other": 1}}
        entrants["4"]["layers"].append({"name": "a_add", "what": "elementwise", "ms": 0.1, "predicted_ms": 0.1})
        chosen, best, better = inside.regret(entrants)
        self.assertEqual((chosen, best), (4.1, 3.1))
        self.assertEqual(better, [("a", "slow", 3, "fast", 2)])


class Trained(unittest.TestCase):
    def test_patterns_have_the_density_and_no_equal_rows(self):
        for shape in ((256, 128, 3, 3), (256, 48, 5, 5), (128, 512, 1, 1)):
            for density in (0.03, 0.1, 0.25, 0.5):
                kept = trained.pruned_like(numpy.ones(shape, numpy.float32), density) != 0
                self.assertAlmostEqual(kept.mean(), density, delta=0.01 * density + 0.006)
                rows = [line.tobytes() for line in kept.reshape(len(kept), -1) if line.any()]
                self.assertEqual(len(set(rows)), len(rows))

    def test_full_rows_stay_in_line(self):
        counts = (trained.pruned_like(numpy.ones((64, 512, 3, 3), numpy.float32), 0.1) != 0).mean((1, 2, 3))
        self.assertGreater(counts[:16].mean(), 1.3 * counts[-16:].mean())


class Results(unittest.TestCase):
    def test_engines_that_disagree_are_found(self):
        self.assertIsNone(race.difference(numpy.ones(3), "b", numpy.ones(3) + 1e-5))
        for wrong in (numpy.array([1, 1, 1.1]), numpy.array([1, 1, numpy.nan])):
            self.assertIn("not the results of b", race.difference(wrong, "b", numpy.ones(3)))


if __name__ == "__main__":
    unittest.main()
