#!/bin/sh
# The guide's sample, as its README says; and libtulle's answers beside those of the command.
#     guide.sh TULLE LIBTULLE
tulle=$1 library=$2
python=${TULLE_PYTHON:-python3}
"$python" -c 'import numpy' 2>/dev/null || { echo "skipped: guide (no Python with numpy; TULLE_PYTHON names one)"; exit 77; }
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
model=samples/glyphs/glyphs.onnx
export PYTHONDONTWRITEBYTECODE=1

"$python" samples/guide/guide.py "$library" $model --target xeon-e5-2697v4 --formula paper --goal 0.6 >"$folder/told" || exit 1
cat "$folder/told"
"$python" - "$folder/told" <<'END' || exit 1
import re, sys
text = open(sys.argv[1], encoding="utf-8").read()
(uniform_ms, uniform_loss), (guided_ms, guided_loss) = [(float(a), float(b)) for a, b in re.findall(r": ([\d.]+) ms, .* loss ([\d.]+)", text)]
guided = text.split("\nguided")[1]
assert "restored  density 1.000" in guided and "stopped" in guided, "no layer was restored, or none stopped"
assert guided_ms < 1.03 * uniform_ms, "the guided network is slower"
assert guided_loss < 0.95 * uniform_loss, "guiding saved no accuracy"
END

printf 'conv3 0.05 # a comment\n\nfull 0.5\n' >"$folder/densities"
"$tulle" guide $model --target atom-c2750 --threads 2 --prune-file "$folder/densities" --max-time 0.3 --keep conv2 --json >"$folder/command" || exit 1
PYTHONPATH=samples/guide "$python" - "$library" $model "$folder/command" <<'END' || exit 1
import json, sys
import tulle_guide
library, model, path = sys.argv[1:]
command = json.load(open(path, encoding="utf-8"))
asked = dict(densities={"conv3": 0.05, "full": 0.5}, max_ms=0.3, keep=["conv2"])
assert tulle_guide.once(library, model, target="atom-c2750", threads=2, **asked) == command, "libtulle answers otherwise than the command"
with tulle_guide.Guide(library, model, target="atom-c2750", threads=2) as guide:
    answer = guide.ask(**asked)
    assert answer.keys() == command.keys() and abs(answer["now"]["predicted_ms"] / command["now"]["predicted_ms"] - 1) < 0.03
    try:
        guide.ask({"conv33": 0.5})
        raise SystemExit("an unknown layer was taken")
    except tulle_guide.GuideError as error:
        assert error.status == 1 and "did you mean 'conv3'" in str(error), error
END
