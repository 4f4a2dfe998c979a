#!/bin/sh
# The whole binary as users call it: help, exit codes, messages, files written and left.
#     cli.sh TULLE MAKE_MODELS
. "$(dirname "$0")/../expect.sh"
tulle=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
"$2" "$work" || exit 1
cd "$work" || exit 1
mkdir tmp
export TMPDIR="$work/tmp"
export LC_ALL=C
unset CC

# Nothing temporary may stay.
nothing_left() {
    if [ -n "$(ls tmp)" ]; then fault "files left in the temporary folder: $*"; rm -rf tmp/*; fi
    if ls ./*.tmp ./*.?????? 2>/dev/null | grep -v -e '\.weights$' | grep -q .; then fault "an unfinished output was left: $*"; ls; fi
}

absent() {
    for file in "$@"; do
        checks=$((checks + 1))
        [ ! -e "$file" ] || fault "$file was written"
    done
}

present() {
    for file in "$@"; do
        checks=$((checks + 1))
        [ -s "$file" ] || fault "$file is missing or empty"
    done
}

same() {
    checks=$((checks + 1))
    cmp -s "$1" "$2" || fault "$1 and $2 differ"
}

# ---- help and wrong use ----

expect 1 'usage: tulle COMMAND' "$tulle"
expect 0 'usage: tulle COMMAND' "$tulle" --help
expect 0 '^tulle [0-9]' "$tulle" --version
for command in compile build run bench verify explain guide targets; do
    expect 0 "usage: tulle $command" "$tulle" $command --help
    expect 0 "^examples:" "$tulle" help $command
    [ ! -s err ] || fault "the help of $command is on stderr"
    for option in $(sed -n 's/^  \(--[-a-z]*\).*/\1/p' out); do
        checks=$((checks + 1))
        "$tulle" $command "$option=" nowhere.onnx >/dev/null 2>err
        ! grep -q -e 'unknown option' -e 'does not take' err || fault "$command --help lists $option, but the parser does not know it"
    done
done
expect 0 'passes, in order' "$tulle" compile --help
expect 1 "did you mean 'compile'" "$tulle" complie add.onnx
expect 1 "did you mean '--version'" "$tulle" --versoin
expect 1 "did you mean '--threads'" "$tulle" run add.onnx --thread 2
expect 1 "'tulle compile' does not take '--tolerance'" "$tulle" compile add.onnx --tolerance 2
expect 3 'planned, but not there yet' "$tulle" compile add.onnx --calibrate folder
expect 3 'f16' "$tulle" compile add.onnx --dtype f16
expect 1 "did you mean 'f32'" "$tulle" compile add.onnx --dtype f33
expect 1 'no model is given' "$tulle" compile
expect 1 'one model at a time' "$tulle" compile add.onnx conv.onnx
expect 1 'whole number' "$tulle" run add.onnx --threads 0
expect 1 'whole number' "$tulle" run add.onnx --threads 99999999999999999999
expect 1 'a number from 0 on' "$tulle" compile add.onnx --threshold nan
expect 1 'needs a value' "$tulle" compile add.onnx --target
expect 1 'takes no value' "$tulle" compile add.onnx --single-file=yes
for select in random random: random:x random:-1 random:99999999999999999999 cheapest; do
    expect 1 'random: and a whole number' "$tulle" compile nowhere.onnx --select $select
done
expect 0 'layer' "$tulle" compile conv.onnx --select random:7 -o drawn.c
expect 1 'NAME=VALUE' "$tulle" compile signs.onnx --dim batch
expect 1 'no target named' "$tulle" compile add.onnx --target nativ
expect 1 "did you mean 'native'" "$tulle" compile add.onnx --target nativ
expect 1 'no kernel named' "$tulle" compile conv.onnx --kernel conv1=sparce
expect 1 'the kernels are ' "$tulle" compile nowhere.onnx --kernel conv1=x
expect 1 "did you mean 'reference'" "$tulle" compile nowhere.onnx --kernel conv1=refernce
expect 1 "did you mean 'conv1'" "$tulle" compile conv.onnx --kernel conv=reference
expect 1 "no tiling '77,7' for this layer" "$tulle" compile conv.onnx --target generic-avx2 --kernel conv1=dense_direct:77,7
expect 1 'its tilings here: ' "$tulle" compile conv.onnx --target generic-avx2 --kernel conv1=dense_direct:77,7
expect 1 "did you mean 'size'" "$tulle" compile conv.onnx --optimize sise
expect 3 'the smallest program has' "$tulle" compile conv.onnx --max-code 10
expect 0 'layer' "$tulle" compile conv.onnx --optimize size --max-code 100000 --no-asm --no-winograd --strict-nonfinite -o small.c
expect 1 'no pass named' "$tulle" compile add.onnx --dump fuze
for prefix in 9lives int while tulle ref 'a-b' '' class; do
    expect 1 'cannot begin names in C' "$tulle" compile add.onnx -o bad.c --prefix "$prefix"
done
absent bad.c bad.h add.c conv.c
expect 2 'nowhere.onnx' "$tulle" compile nowhere.onnx
expect 2 'is a folder' "$tulle" compile tmp
expect 3 'Frobnicate' "$tulle" compile unknown.onnx
expect 3 'Transmogrify' "$tulle" compile unknown.onnx
expect 3 'width' "$tulle" compile signs.onnx
absent unknown.c unknown.h signs.c

# ---- compile ----

expect 0 'wrote add.c' "$tulle" compile add.onnx
present add.c add.h
[ ! -s out ] || fault "talk on standard output"
expect 0 'wrote net.c' "$tulle" compile large.onnx -o net.c --target generic
present net.c net.h net.weights
expect 0 '' "$tulle" compile large.onnx -o single.c --single-file --target generic
present single.c
absent single.weights
expect 0 'my_run' "$tulle" compile add.onnx -o - --prefix my --target generic
mv out piped.c
expect 0 '' gcc -O1 -c piped.c -o piped.o
expect 0 '' gcc -O1 -c net.c -I. -o net.o
expect 0 '' gcc -O1 -c single.c -o single.o
expect 0 'relu\|Relu' "$tulle" compile add.onnx --dump fuse
mkdir here
(cd here && "$tulle" compile ../add.onnx 2>/dev/null)
same add.c here/add.c
same add.h here/add.h
expect 0 '' "$tulle" compile add.onnx -o "odd name-1.c"
present "odd name-1.c"
grep -q odd_name_1_run "odd name-1.h" || fault "the prefix is not the sanitised name"
expect 0 '' "$tulle" compile add.onnx -o ref.c --target scalar
expect 0 '' gcc -c ref.c -o ref.o
expect 1 "ends in '.h'" "$tulle" compile add.onnx -o add.h
cp add.onnx model
expect 1 'overwrite the model' "$tulle" build model
same model add.onnx
expect 1 'cannot write' "$tulle" compile add.onnx -o nowhere/add.c
expect 1 'a directory\|a folder\|directory' "$tulle" compile add.onnx -o here
if [ -w /dev/full ]; then
    checks=$((checks + 1))
    "$tulle" compile add.onnx -o - >/dev/full 2>err
    [ $? = 1 ] || fault "a full disk behind standard output is not exit code 1"
fi

# ---- targets ----

expect 0 '^native' "$tulle" targets
expect 0 '"targets": \[' "$tulle" targets --json
expect 1 'no target named' "$tulle" targets add.onnx

# ---- run ----

expect 0 'largest' "$tulle" run add.onnx --input a=six.npy --input b=six.npy
expect 0 '"outputs"' "$tulle" run add.onnx --input a=six.npy --input b=six.npy --json
expect 0 '' "$tulle" run add.onnx --input a=six.npy --input b=six.npy --output y.npy --output y=y.pb --output all.npz --threads 2
present y.npy y.pb all.npz
expect 0 '' "$tulle" run add.onnx --input=a=y.pb --input b=y.npy --output twice.npy
expect 0 '' "$tulle" run add.onnx --input a=six.npy --input b=six.npy --output -
same out y.npy
expect 1 "'b' is missing" "$tulle" run add.onnx --input a=six.npy
expect 1 "'a', 'b'" "$tulle" run add.onnx --input c=six.npy
expect 2 '\[6\].*\[2,3\]' "$tulle" run add.onnx --input a=flat.npy --input b=six.npy
expect 2 'a second time' "$tulle" run add.onnx --input a=six.npy --input a=six.npy
expect 2 'write NAME=FILE' "$tulle" run add.onnx --input six.npy
expect 2 'neither .npy nor .npz' "$tulle" run add.onnx --input a=add.onnx --input b=six.npy
expect 2 'cannot be opened' "$tulle" run add.onnx --input a=missing.npy
expect 1 "there is none named 'z'" "$tulle" run add.onnx --input a=six.npy --input b=six.npy --output z=z.npy
expect 1 'cannot write' "$tulle" run add.onnx --input a=six.npy --input b=six.npy --output nowhere/z.npy
expect 1 '2 outputs' "$tulle" run signs.onnx --dim width=3 --batch 2 --input six.npy --output z.npy
expect 0 '' "$tulle" run signs.onnx --dim width=3 --dim batch=2 --input six.npy --output z.npz
absent z.npy
present z.npz

# ---- verify ----

expect 0 'random inputs: fine' "$tulle" verify conv.onnx
expect 0 'random inputs: fine' "$tulle" verify conv.onnx --target scalar --threads 2
expect 0 '"passed": true' "$tulle" verify conv.onnx --json
mkdir test_data_set_0 test_data_set_1
for folder in test_data_set_0 test_data_set_1; do
    cp six.npy $folder/input_0.npy
    cp six.npy $folder/input_1.npy
    cp y.pb $folder/output_0.pb
done
expect 0 'test_data_set_1: fine' "$tulle" verify add.onnx
cp six.npy test_data_set_1/output_0.npy
rm test_data_set_1/output_0.pb
expect 4 "output 'y' is not what the test data says" "$tulle" verify add.onnx
expect 4 'test_data_set_0: fine' "$tulle" verify add.onnx
expect 4 '"passed": false' "$tulle" verify add.onnx --json --quick
expect 0 'test_data_set_0: fine' "$tulle" verify add.onnx test_data_set_0
rm test_data_set_1/output_0.npy
expect 0 'test_data_set_1: fine, 1 layer' "$tulle" verify add.onnx test_data_set_1 --quick
! grep -q 'outputs within' out || fault "verify compares outputs that are not there"
rm test_data_set_1/input_1.npy
expect 2 "no input_1.pb for input 'b'" "$tulle" verify add.onnx test_data_set_1/

# ---- verify finds what is wrong: a compiler that puts a fault into one stage ----

rm -r test_data_set_0 test_data_set_1

# wrong LAYER CODE: makes ./wrong-cc, which runs CODE after the layer's first stage.
wrong() {
    cat >wrong-cc <<END
#!/bin/sh
for word; do
    case \$word in
        */model.c)
            sed -i -e '/^static tulle_stage .const program_stages/,/};/s/ $1_0,/ broken_0,/' \\
                -e '/^static tulle_stage .const program_stages/i static void broken_0(const struct tulle_context *c, int part, int parts) { $1_0(c, part, parts); $2 }' "\$word" ;;
    esac
done
exec gcc "\$@"
END
    chmod +x wrong-cc
}

wrong conv0 'if (part == 0) ((float *)c->outputs[0])[45] += 1;'
expect 4 "node 'conv1' (Conv), kernel [a-z_]*, differs.*'y'\[0,1,0,3\] is .* (1 of 168 elements differ)" "$tulle" verify conv.onnx --cc ./wrong-cc --target scalar
expect 4 '"layer": "conv1", "kernel": "reference", "tensor": "y", "index": \[0,1,0,3\]' "$tulle" verify conv.onnx --cc ./wrong-cc --target scalar --json
wrong abs1 'if (part == 0) ((float *)c->outputs[1])[2] = __builtin_nanf("");'
expect 4 "node 'size' (Abs).*is nan" "$tulle" verify signs.onnx --dim width=3 --cc ./wrong-cc
wrong conv0 'if (part == parts - 1) ((float *)c->outputs[0])[167] += (float)(parts > 2);'
expect 4 "differs between 1 and 3 threads" "$tulle" verify conv.onnx --cc ./wrong-cc --kernel conv1=reference
wrong conv0 '((volatile float *)c->outputs[0])[168] = 0;'
expect 5 "crashed in node 'conv1' (Conv)" "$tulle" verify conv.onnx --cc ./wrong-cc
wrong conv0 '*(volatile float *)(const volatile float *)c->inputs[0] = 0;'
expect 5 "crashed in node 'conv1' (Conv)" "$tulle" verify conv.onnx --cc ./wrong-cc
wrong conv0 'if (parts == 1) ((volatile float *)c->outputs[0])[84 + (int)((const volatile float *)c->inputs[0])[84]] = 0;'
expect 5 "crashed in" "$tulle" verify conv.onnx --cc ./wrong-cc
wrong conv0 '__builtin_trap();'
expect 5 "lacks an instruction" "$tulle" run conv.onnx --input image.npy --cc ./wrong-cc

# ---- bench ----

expect 0 '^layer .*median ms  *spread  *predicted  *error .*of roof$' "$tulle" bench conv.onnx
expect 0 'whole run: median [0-9.]* ms, least [0-9.]* ms, spread' "$tulle" bench conv.onnx --threads 2
expect 0 'hot ms' "$tulle" bench conv.onnx --hot
expect 0 '^cold: the caches were swept before each run' "$tulle" bench conv.onnx --cold --threads 2
expect 0 '"cold": true' "$tulle" bench conv.onnx --cold --json
cp out cold.json
expect 0 'earlier run was cold, this one is not' "$tulle" bench conv.onnx --compare cold.json
expect 0 '"layers": \[' "$tulle" bench conv.onnx --json --repeat 20
grep -q '"cold": false' out || fault "a run that is not cold does not say so"
cp out before.json
for word in '"runs": [1-9][0-9]' '"name": "conv1", "op": "Conv", "kernel": "[a-z_]*", "density": [0-9.]*, "median_ms": [0-9]' '"roof_share": [0-9]'; do
    checks=$((checks + 1))
    grep -q "$word" before.json || fault "no $word in the JSON"
done
expect 0 '"runs": [0-9]\{5\}' "$tulle" bench conv.onnx --json --repeat 10000
! grep -q peak_bytes before.json out || fault "the compiler's memory is told as the model's"
# Counters: what the machine allows; the rest is null, and the table says why.
expect 0 '^\(a run takes\|no hardware counters:\) ' "$tulle" bench conv.onnx --threads 2
for counter in cycles instructions l1_misses cache_misses branch_misses page_faults cpu_ns; do
    checks=$((checks + 1))
    [ "$(grep -o "\"$counter\": \(null\|[0-9][0-9.e+]*\)[,}]" before.json | wc -l)" -ge 2 ] || fault "no $counter of the whole and of layers in the JSON"
done
# The first of the file is the whole's: the layers' sum, where it is a number; and more than nothing.
sums_hold() {
    grep -o '"cpu_ns": [0-9a-z.e+]*' "$1" | awk '{ if ($2 == "null") exit; if (NR == 1) whole = $2; else sum += $2 }
        END { exit NR > 0 && (whole + 0 < 0 || (whole != "" && (whole == 0 || sum - whole > whole * 1e-4 || whole - sum > whole * 1e-4))) }'
}
sums_hold before.json || fault "CPU time of the layers is not that of the whole"
grep -q '"cycles": [0-9]' before.json || grep -q '^no hardware counters: .' out || fault "it is not said why there are no counters"
grep -q '"counters_missing": \("\|null\)' before.json || fault "JSON does not say why counters are missing"
expect 0 '"counters_missing": ' "$tulle" bench conv.onnx --cold --json
sums_hold out || fault "CPU time of the layers is not that of the whole in cold runs"
# Too few files for all threads: nothing is told as if those that have counters were all.
if grep -q '"cpu_ns": [0-9]' before.json; then
    expect 0 '"cpu_ns": null.*"counters_missing": "each thread needs' sh -c "ulimit -n 14; exec '$tulle' bench conv.onnx --threads 16 --json"
    ! grep -q '"cpu_ns": [0-9]' out || fault "some threads' CPU time is told as that of all"
fi
# Another engine: Pythons that lack it, that are none, and options that do not go with it.
chmod_python() {
    printf '#!/bin/sh\n%s\n' "$1" >no-python
    chmod +x no-python
}
# against STATUS PATTERN SCRIPT: a Python that does this, and nothing of it stays.
against() {
    chmod_python "$3"
    expect "$1" "$2" env TULLE_PYTHON=./no-python timeout 60 "$tulle" bench conv.onnx --against onnxruntime
}
against 1 "--against onnxruntime: './no-python' ended with status 3 while it started" 'exit 3'
! grep -q 'pip install' err || fault "onnxruntime is said to be missing"
expect 1 "'./nowhere' cannot be run" env TULLE_PYTHON=./nowhere "$tulle" bench conv.onnx --against onnxruntime
against 1 'has no onnxruntime: No module named' 'echo "missing No module named onnxruntime"'
grep -q 'pip install onnxruntime' err || fault "it is not said how to get onnxruntime"
against 1 'it said: error .x1b' "printf 'error \\033[31mred\\n'"
against 1 'ended by signal 9 .*while it loaded the model' 'echo ready 1; kill -9 $$'
grep -q 'enough memory' err || fault "it is not asked whether there is enough memory"
against 1 'ended by signal 11 .*while it ran it; its last words: last .x1b' "echo ready 1; echo loaded; printf 'first\\nlast \\033[31mred\\n\\n' >&2; kill -11 \$\$"
for count in 0 -1 many 100001 99999999999999999999 '1 2' ''; do
    against 1 'times of a turn, not 1 to 100000' "echo ready 1; echo loaded; echo times $count; sleep 1"
done
against 1 'its times are no times' "echo ready 1; echo loaded; printf 'times 1\\n\\0\\0\\0\\0\\0\\0\\0\\0'; sleep 1"
against 1 'closed its output' 'echo ready 1; exec >&- <&-; sleep 30'
# What it started ends with it.
against 1 'it said: nonsense' 'sleep 1000 & echo $! >sleeper; echo nonsense; wait'
sleep 0.2
! kill -0 "$(cat sleeper)" 2>/dev/null || [ "$(cut -d ' ' -f 3 "/proc/$(cat sleeper)/stat")" = Z ] || fault "what the Python started outlives it"
mkdir elsewhere
expect 1 'does not go with --against' env TULLE_PYTHON=./nowhere "$tulle" bench conv.onnx --against onnxruntime --allow-external-data elsewhere
expect 1 "'./nowhere' cannot be run" env TULLE_PYTHON=./nowhere "$tulle" bench conv.onnx --against onnxruntime --allow-external-data .
expect 1 "did you mean 'onnxruntime'" "$tulle" bench conv.onnx --against onnxruntim
for option in '--threshold 0.1' '--prune 0.5' --cold; do
    expect 1 'not go with --against' "$tulle" bench conv.onnx --against onnxruntime $option
done
expect 1 'takes 16777216 at most' "$tulle" bench conv.onnx --repeat 16777217
expect 0 'earlier  *faster$' "$tulle" bench conv.onnx --compare before.json
! grep -q 'the earlier run' err || fault "the same circumstances are told as others"
grep -q '^whole run: .*; earlier [0-9.]* ms, [0-9.]*x$' out || fault "whole runs are not compared"
expect 0 'the earlier run had threads 1, this one has 2' "$tulle" bench conv.onnx --compare before.json --threads 2
sed 's/"batch": 1/"batch": 3/; s/"target": "[^"]*"/"target": "other\\u001b"/' before.json >changed.json
expect 0 'the earlier run had batch 3, this one has 1' "$tulle" bench conv.onnx --compare changed.json
grep -q 'the earlier run was for target other.*, this one is for native' err || fault "another target is not told"
sed 's/"median_ms": [0-9.e-]*/"median_ms": -1/g' before.json >changed.json
expect 1 'changed.json: none of its layers' "$tulle" bench conv.onnx --compare changed.json
sed 's/"conv1"/"\\u0063\\u006fnv1"/' before.json >changed.json
expect 0 'faster$' "$tulle" bench conv.onnx --compare changed.json
expect 0 '"earlier_ms": [0-9]' "$tulle" bench conv.onnx --compare before.json --json
for text in '{' '{"layers": 3}' '{"layers": []}' '[1, 2' '{"layers": [{"name": "other", "median_ms": 1}]}'; do
    printf '%s' "$text" >bad.json
    expect 1 'bad.json: ' "$tulle" bench conv.onnx --compare bad.json
done
for text in '"\q"' '"\u12g4"' '"\u 123"' '"\u0000"' '"\ud83d' 'nonsense' 'nan' 'inf' '0x10' '+1' '01' '1.' '.5' '1e' '1e999' '-' '1 2' '"a
b"'; do
    printf '%s' "$text" >bad.json
    expect 1 'bad.json: line 1: this is no JSON: ' "$tulle" bench conv.onnx --compare bad.json
done
for text in '"\ud83d\ude00 \ud83d \u00e9\n"' '-0.5e+3' '0' ' [1e-5, 10, {"a": null}] '; do
    printf '%s' "$text" >good.json
    expect 1 'good.json: there are no layers in it' "$tulle" bench conv.onnx --compare good.json
done
{ cat before.json; printf '\000'; } >bad.json
expect 1 'stands behind its end' "$tulle" bench conv.onnx --compare bad.json
truncate -s 65M bad.json
expect 1 'larger than 64 MB' "$tulle" bench conv.onnx --compare bad.json
awk 'BEGIN { for (i = 0; i < 100000; i++) printf "[" }' >bad.json
expect 1 'nested too deep' "$tulle" bench conv.onnx --compare bad.json
expect 2 'nowhere.json: cannot be read' "$tulle" bench conv.onnx --compare nowhere.json
expect 0 'whole run' "$tulle" bench reshape.onnx
{ printf '\223NUMPY\001\000\071\000'; printf "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }"; printf '\002\0\0\0\0\0\0\0\003\0\0\0\0\0\0\0'; } >other.npy
expect 2 'another value than the one' "$tulle" run reshape.onnx --input x=six.npy --input shape=other.npy
expect 2 'another value than the one' "$tulle" bench reshape.onnx --input shape=other.npy

case $(uname -m) in aarch64) foreign=generic-avx2 ;; *) foreign=generic-neon ;; esac
for cc in '' --cc=gcc --cc=aarch64-linux-gnu-gcc; do
    expect 1 "code for target '$foreign' cannot be loaded on this machine" "$tulle" run conv.onnx --input image.npy --target $foreign $cc
done

# ---- build ----

expect 0 'wrote conv' "$tulle" build conv.onnx
for prefix in bench npy report; do      # the runtime's own names must not meet the model's
    expect 0 'wrote' "$tulle" build add.onnx --prefix $prefix -o prefixed
done
expect 0 'whole run: median' ./conv --bench
expect 0 'conv1' ./conv --bench --threads 2
expect 0 '^   Machine:   isa .*, ghz [0-9]' "$tulle" compile conv.onnx -o -
expect 0 '^   Predicted: [0-9.]* ms, bound by [a-zA-Z0-9]*; [0-9.]* ms alone' "$tulle" compile conv.onnx --target generic-avx2 -o -
checks=$((checks + 1))
! grep -q 'Machine:' out || fault "a machine's numbers stand in the output for one that its name says all of"
expect 0 '"predicted_ms": [0-9].*"hot_ms": null, "predicted_hot_ms": [0-9]' ./conv --bench --json
expect 0 '"hot_ms": [0-9]' ./conv --bench --hot --json
expect 0 'hot ms' ./conv --bench --hot
expect 0 'predictions are for 1' ./conv --bench --threads 2
expect 1 'goes with --bench' ./conv --hot
expect 0 '^cold: the caches were swept' ./conv --bench --cold
expect 0 '"cold": true' ./conv --bench --cold --threads 2 --json
expect 1 'cold goes with --bench' ./conv --cold
expect 0 'largest' ./conv --input image.npy
expect 0 '' ./conv --input x=image.npy --output y=conv-y.npy
expect 0 '' "$tulle" run conv.onnx --input image.npy --output conv-run.npy
same conv-y.npy conv-run.npy
expect 0 '' ./conv --input image.npy --output -
same out conv-y.npy
expect 0 'inputs:' ./conv --help
expect 0 'target native' ./conv --version
expect 1 'is missing' ./conv
expect 1 'unknown argument' ./conv --quick
expect 1 'needs a value' ./conv --input
expect 1 'number from 1' ./conv --input image.npy --threads 0
expect 2 'has shape \[2,3\]' ./conv --input six.npy
expect 1 'cannot be written' ./conv --input image.npy --output nowhere/y.npy
if [ -w /dev/full ]; then
    checks=$((checks + 1))
    ./conv --input image.npy --output - >/dev/full 2>err
    [ $? = 1 ] || fault "an executable does not notice a full disk"
    for how in --help --version '--bench --json'; do
        checks=$((checks + 1))
        # shellcheck disable=SC2086  # words are meant
        ./conv $how >/dev/full 2>err
        [ $? = 1 ] && grep -q 'cannot be written' err || fault "'conv $how' does not tell that standard output is full"
    done
fi
expect 0 '' "$tulle" build signs.onnx --dim width=3 --batch 2 -o signs --static
expect 0 '' ./signs --input six.npy --output signs.npz
same signs.npz z.npz
expect 2 "inputs are 'x'" ./signs --input signs.npz
expect 0 'wrote libconv.a' "$tulle" build conv.onnx -o libconv.a
expect 0 'wrote libadd.so' "$tulle" build add.onnx -o libadd.so
present conv.h add.h
nm -g --defined-only libconv.a | grep ' [A-Z] ' | grep -v ' conv_' && fault "libconv.a shows names without the prefix"
nm -D --defined-only libadd.so | grep ' [A-Z] ' | grep -v ' add_' && fault "libadd.so shows names without the prefix"
cat >both.c <<'END'
#include "conv.h"
#include "add.h"
#include <stdlib.h>
int main(void)
{
    float a[6] = {1, 2, 3, 4, 5, 6}, y[6];
    const void *inputs[] = {a, a};
    void *outputs[] = {y}, *workspace = aligned_alloc(ADD_ALIGNMENT, ADD_WORKSPACE_BYTES(1) + ADD_ALIGNMENT);
    int status = add_run(inputs, outputs, workspace, ADD_WORKSPACE_BYTES(1), 1);
    free(workspace);
    return status != TULLE_OK || y[5] != 12 || conv_model()->input_count != 1;
}
END
expect 0 '' gcc -Wall -Wextra -Werror both.c libconv.a ./libadd.so -fopenmp -lm -o both
expect 0 '' ./both
expect 1 "'no-such-cc' is not installed" "$tulle" build conv.onnx -o unbuilt --cc no-such-cc
expect 1 'gcc-riscv64-linux-gnu' "$tulle" build conv.onnx -o unbuilt --cc riscv64-linux-gnu-gcc
printf '#!/bin/sh\necho "it hurts" >&2\nexit 3\n' >broken-cc
chmod +x broken-cc
expect 5 'it hurts' "$tulle" build conv.onnx -o unbuilt --cc ./broken-cc
expect 1 'for executables' "$tulle" build conv.onnx -o unbuilt.a --static
printf '#!/bin/sh\nfor word; do [ "$word" = -fopenmp ] && exit 1; done\nexec gcc "$@"\n' >serial-cc
chmod +x serial-cc
expect 0 'no OpenMP' "$tulle" build conv.onnx -o serial --cc ./serial-cc
expect 0 'whole run' ./serial --bench --threads 2
expect 0 'largest' "$tulle" run conv.onnx --input image.npy --threads 2 --cc ./serial-cc
! grep -q OpenMP err || fault "a compiler without OpenMP is told of, though the threads are not its own"
absent unbuilt unbuilt.a

# ---- signals: the compiler and all that it started end with tulle, and nothing stays ----

# runs PROCESS: is it there, and no zombie?
runs() {
    grep -q '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status" 2>/dev/null
}

printf '#!/bin/sh\nsleep 53 &\necho $! >"$TMPDIR/../../sleeper"\nwait\n' >slow-cc
chmod +x slow-cc
for signal in INT TERM HUP; do
    checks=$((checks + 1))
    rm -f sleeper
    # `env` because a shell starts background jobs with SIGINT ignored; env --default-signal undoes it.
    env --default-signal=INT "$tulle" build conv.onnx -o unbuilt --cc ./slow-cc 2>/dev/null &
    process=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        [ -s sleeper ] && break
        sleep 0.1
    done
    kill -$signal $process
    wait $process
    [ $? -gt 128 ] || fault "SIG$signal does not end it as a signal"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        runs "$(cat sleeper)" || break
        sleep 0.2                    # it was killed, and may need a moment to die
    done
    ! runs "$(cat sleeper)" || fault "SIG$signal leaves the compiler running"
    [ -z "$(ls tmp)" ] || fault "SIG$signal leaves $(ls tmp)"
done
absent unbuilt

echo "$checks checks, $faults faults"
[ "$faults" -eq 0 ]
