"""Pictures, differences between two kernels, and machines from files, as `tulle inspect` tells them."""
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import onnx

from asking import call, glyphs, inspect, refused, tulle, with_llvm


def check_pictures(folder):
    path = os.path.join(folder, "zeros.svg")
    hostile = os.path.join(folder, "hostile.onnx")
    model = onnx.load(glyphs)
    next(node for node in model.graph.node if node.name == "conv3").name = "<b>&\"'\x1b[31m"
    onnx.save(model, hostile)
    for file, layer in ((glyphs, "conv3"), (glyphs, "conv10"), (glyphs, "full"), (hostile, "<b>&\"'\x1b[31m")):
        call(file, layer, "--svg", path, "--show", "zeros")
        text = pathlib.Path(path).read_text(encoding="utf-8")
        tree = ElementTree.fromstring(text)
        assert tree.tag.endswith("svg") and len(tree) > 20 and "\x1b" not in text
        assert call(file, layer, "--svg", "-").stdout == text
    assert "\x1b" not in call(hostile, "<b>&\"'\x1b[31m").stdout + call(hostile).stdout
    refused("nothing to draw", glyphs, "mean", "--svg", path)
    refused("--svg is about one layer", glyphs, "--svg", path)
    refused("cannot both go", glyphs, "conv3", "--svg", "-", "--json")
    refused("overwrite the model", hostile, "<b>&\"'\x1b[31m", "--svg", hostile)


def patched(before, hunks):
    """The text behind, from the text before and what is said to differ."""
    result, at = [], 0
    for hunk in re.split(r"^@@ line (\d+), line \d+ @@\n", hunks, flags=re.M)[1:]:
        if hunk.isdigit():
            result += before[at:int(hunk) - 1]
            at = int(hunk) - 1
            continue
        for line in hunk.splitlines():
            if line[:1] in (" ", "-"):
                assert before[at] == line[1:], (before[at], line)
                at += 1
            if line[:1] in (" ", "+"):
                result.append(line[1:])
    return result + before[at:]


def check_differences():
    pair = ["sparse_direct:1,9", "sparse_direct:1,14"]
    arguments = [glyphs, "conv4", "--target", "neoverse-n1"]
    for show in ("c", "source"):
        texts = [call(*arguments, "--kernel", f"conv4={one}", "--show", show).stdout.splitlines() for one in pair]
        said = call(*arguments, "--diff", *pair, "--show", show).stdout
        assert patched(texts[0], said[said.index("@@"):]) == texts[1]
        removed, added = map(int, re.search(r": (\d+) lines only in A \(-\), (\d+) only in B", said).groups())
        assert (removed, added) == (len(re.findall("^-", said, re.M)), len(re.findall(r"^\+", said, re.M))) and removed < added < 40
    other = ["sparse_direct:1,9", "sparse_inline"]
    for show in ("c", "assembly") if with_llvm else ("c",):      # of the latter too much differs to look for the fewest lines
        texts = [call(*arguments, "--kernel", f"conv4={one}", "--show", show).stdout.splitlines() for one in other]
        said = call(*arguments, "--diff", *other, "--show", show).stdout
        assert patched(texts[0], said[said.index("@@"):]) == texts[1]
        assert ("too different" in said) == (show == "assembly")
    same = call(*arguments, "--diff", pair[0], pair[0], "--show", "c").stdout
    assert "0 lines only in A (-), 0 only in B (+)" in same and "@@" not in same
    both = inspect(*arguments, "--diff", *pair)
    assert [both[side]["layer"]["tiling"] for side in "ab"] == ["1,9", "1,14"]
    if with_llvm:
        assert [both[side]["loops"]["loops"][0]["multiply_adds"] for side in "ab"] == [9, 14]
        assert "cycles, simulated" in call(*arguments, "--diff", *pair).stdout
    refused("needs two values", *arguments, "--diff", "sparse_direct")
    refused("did you mean 'sparse_direct'", *arguments, "--diff", "sparse_direct", "sparse_dierct")
    refused("--diff is about one layer", glyphs, "--diff", *pair)


def check_machines(folder):
    path = os.path.join(folder, "board.target")
    text = subprocess.run([tulle, "targets", "atom-c2750"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^core +silvermont", text, re.M)
    for words, core in ((text, "silvermont"), (re.sub(r"^core .*\n", "", text, flags=re.M), None), (text.replace("silvermont", "no-such-core"), None)):
        pathlib.Path(path).write_text(words, encoding="utf-8")
        if with_llvm:
            assert inspect(glyphs, "conv4", "--target-file", path)["loops"]["core"] == core
            assert (core is not None) == ("no throughput" not in call(glyphs, "conv4", "--target-file", path).stdout)
    native = re.sub(r"^core .*\n", "", subprocess.run([tulle, "targets", "native"], capture_output=True, text=True, check=True).stdout, flags=re.M)
    for words, core in ((native + "core silvermont\n", "silvermont"), (native, None)):       # it may be another machine's
        pathlib.Path(path).write_text(words, encoding="utf-8")
        if with_llvm and os.uname().machine == "x86_64":
            assert inspect(glyphs, "conv4", "--target-file", path)["loops"]["core"] == core, core
    refused("is a GPU", glyphs, "conv4", "--target", "v100", code=3)
