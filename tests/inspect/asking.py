"""The program that is asked, named on the command line, and ways to ask it."""
import json
import os
import pathlib
import subprocess
import sys

root = pathlib.Path(__file__).resolve().parents[2]
tulle = os.path.abspath(sys.argv[1])
glyphs = str(root / "samples/glyphs/glyphs.onnx")
with_llvm = os.path.exists(os.path.join(os.path.dirname(tulle), "libtulle_jit.so"))
# Of a sanitized program: gcc's leak checker takes what stands before a loaded library's thread-local variables for their size, and runs into nowhere.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":intercept_tls_get_addr=0"


def call(*arguments, code=0, program=tulle, **more):
    done = subprocess.run([program, "inspect", *arguments], capture_output=True, text=True, **more)
    assert done.returncode == code, (arguments, done.returncode, done.stderr)
    assert "warning" not in done.stderr, done.stderr         # LLVM's own
    return done


def inspect(*arguments, **more):
    return json.loads(call(*arguments, "--json", **more).stdout)


def refused(words, *arguments, code=1):
    done = call(*arguments, code=code)
    assert words in done.stderr, (words, done.stderr)
