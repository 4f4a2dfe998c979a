#!/bin/sh
# The researcher's door: our text for a layer, given back, edited, spoiled.
#     door.sh TULLE MAKE_MODELS
. "$(dirname "$0")/../expect.sh"
tulle=$1
glyphs=$(cd "$(dirname "$0")/../.." && pwd)/samples/glyphs/glyphs.onnx
enter_work "$2"
export XDG_CACHE_HOME="$work/cache"

nothing_left() {
    [ -z "$(ls tmp)" ] || fault "files left in the temporary folder: $*"
}

# ---- as it was written ----

expect 0 '' alone run conv.onnx --input image.npy --output ours.npy
rm -f k.c
expect 0 'wrote k.c' alone inspect conv.onnx conv1 --export k.c
check gcc -std=gnu11 -march=native -fsyntax-only k.c
expect 0 '' alone run conv.onnx --input image.npy --output again.npy --kernel-source conv1=k.c
check cmp -s ours.npy again.npy
expect 0 'random inputs: fine' alone verify conv.onnx --kernel-source conv1=k.c
expect 0 "'conv1', in turns: k.c takes .* ours ([a-z_]*) .* times ours" alone bench conv.onnx --kernel-source conv1=k.c
grep -q "note: layer 'conv1' from k.c agrees with the reference" err || fault "bench does not say that it checked the layer"
expect 0 '^conv0_0, lines' alone inspect conv.onnx conv1 --kernel-source conv1=k.c --show nests
for target in scalar generic generic-sse4.2; do
    rm -f "$target.c"
    expect 0 '' alone inspect "$glyphs" conv4 --export "$target.c" --target $target
    expect 0 'random inputs: fine' alone verify "$glyphs" --kernel-source "conv4=$target.c" --target $target
done
for seed in 1 2 3; do
    rm -f random.c
    expect 0 '' alone inspect "$glyphs" conv5 --export random.c --select random:$seed
    expect 0 'random inputs: fine' alone verify "$glyphs" --kernel-source conv5=random.c --select random:$seed
done
rm -f k4.c
expect 0 '' alone inspect "$glyphs" conv4 --export k4.c --target generic-neon
expect 0 '' alone inspect "$glyphs" conv4 --kernel-source conv4=k4.c --show nests --target generic-neon

# ---- edited, and wrong ----

sed 's/^static void conv0_0(.*/static void conv0_0(const struct tulle_context *c, int part, int parts)\n{\n    float *y = c->outputs[0];\n    if (part + 1 == parts)\n        y[7] = 12345;\n}\n\n__attribute__((unused)) static void before(const struct tulle_context *c, int part, int parts)/' k.c >wrong.c
expect 4 "conv1.*differs from the reference on the same inputs" alone verify conv.onnx --kernel-source conv1=wrong.c
expect 4 "wrong.c: layer 'conv1' differs from the reference on the same inputs" alone bench conv.onnx --kernel-source conv1=wrong.c
expect 0 '' alone run conv.onnx --input image.npy --output wrong.npy --kernel-source conv1=wrong.c

# ---- right in one part alone, or not within its own memory ----

# begun FILE NAME STATEMENT: the file with the statement first in the function.
begun() {
    awk -v statement="    $3" -v head="^static void $2\\\\(" '{ print } $0 ~ head { getline; print; print statement }' "$1"
}

# misbehaves PATTERN STATEMENT [OPTION...]: told by verify, and by bench before it times anything.
misbehaves() {
    told=$1
    begun g4.c conv3_0 "$2" >own.c
    cmp -s g4.c own.c && fault "'$2' changes nothing"
    shift 2
    expect 4 "own.c $told" alone verify "$glyphs" --kernel-source conv4=own.c "$@"
    expect 4 "own.c $told" alone bench "$glyphs" --kernel-source conv4=own.c "$@"
}

rm -f g4.c
expect 0 '' alone inspect "$glyphs" conv4 --export g4.c --target generic
for statement in 'if (part == 1) return;' 'if (parts == 3) return;'; do
    misbehaves "gives another '[^ ]*' in [23] parts" "$statement" --target generic
done
misbehaves "wrote to 'conv3_relu', which is not its own" '*(float *)(void *)c->workspace = 1;' --target generic
[ "$(uname -m)" != x86_64 ] || misbehaves "leaves the processor with other rules" '__builtin_ia32_ldmxcsr(0x9fc0);' --target generic
rm -f g4.c
expect 0 '' alone inspect "$glyphs" conv4 --export g4.c --target generic --threads 2
misbehaves "gives another '[^ ]*' in [23] parts" 'if (part == 1) return;' --threads 2 --target generic
begun k.c conv0_0 '*(volatile char *)(unsigned long)model_conv0_weights = 1;' >weights.c
expect 5 'weights.c crashed in stage conv0_0: it left its memory' alone run conv.onnx --input image.npy --kernel-source conv1=weights.c
expect 5 'weights.c crashed in stage conv0_0: it left its memory' alone bench conv.onnx --kernel-source conv1=weights.c
begun k.c conv0_0 '*(volatile char *)(unsigned long)c->inputs[0] = 1;' >input.c
expect 5 'input.c crashed in stage conv0_0: it left its memory' alone bench conv.onnx --kernel-source conv1=input.c

# ---- not what the layer needs: each with its place ----

# refused PATTERN SED: k.c, spoiled.
refused() {
    sed "$2" k.c >bad.c
    cmp -s k.c bad.c && fault "'$2' changes nothing"
    expect 1 "$1" alone run conv.onnx --input image.npy --kernel-source conv1=bad.c
}

line=$(grep -n '^static void conv0_0(' k.c | cut -d: -f1)
refused "bad.c:$((line + 1)):13: 'conv0_0' is 'void (const struct tulle_context \*, int)', and must be 'void (const struct tulle_context \*, int, int)'" \
    's/^static void conv0_0(const struct tulle_context \*c, int part, int parts)/enum { parts = 1 };\
static void conv0_0(const struct tulle_context *c, int part)/'
refused "bad.c: stage 0, '[a-z ]*', is missing: 'static void conv0_0(const struct tulle_context \*c, int part, int parts)'" 's/conv0_0/conv0_one/'
refused "bad.c:$line:13: 'conv0_7' is one stage too many: the layer has" 's/^static void conv0_0(.*/static void conv0_7(void) {}\n&/'
refused "bad.c:$line:6: 'conv0_0' must be static" 's/^static void conv0_0/void conv0_0/'
refused "bad.c:$line:12: 'runs' keeps a value between calls" 's/^static void conv0_0/static int runs;\n&/'
refused "bad.c:$line:32: error: .*undeclared identifier 'nothing'" 's/^static void conv0_0/static int runs(void) { return nothing; }\n&/'
: >there.h
mkfifo pipe.h
for header in there.h pipe.h /dev/zero; do
    refused "bad.c:$line:10: fatal error: '$header' file not found" "s#^static void conv0_0#\#include \"$header\"\n&#"
done
refused "^tulle: error: bad.c: 'no_such_function' is not in it" 's/^static void conv0_0/void no_such_function(void);\nstatic __attribute__((used)) void calls(void) { no_such_function(); }\n&/'
refused "bad.c: 'puts' is not in it" 's/^static void conv0_0/int puts(const char *);\n#define CAT(a, b) a##b\nstatic __attribute__((used)) void calls(void) { CAT(pu, ts)("x"); }\n&/'
refused "bad.c: 'runs' keeps a value between calls, or runs outside of them (section .bss)" \
    's/^static void conv0_0/#define VARIABLE static __attribute__((used)) int runs;\n__asm__(".local runs\\n.comm runs,4,4");\n&/'
refused "bad.c: '[^']*' keeps a value between calls, or runs outside of them (section .init_array)" \
    's/^static void conv0_0/static __attribute__((constructor)) void begins(void) { __asm__ volatile (""); }\n&/'
refused "bad.c: 'shown' is seen by other layers" 's/^static void conv0_0/__asm__(".globl shown\\nshown:");\n&/'
refused "bad.c: 'also' is seen by other layers" 's/^static void conv0_0/static void conv0_0(const struct tulle_context *c, int part, int parts);\nextern void also(const struct tulle_context *, int, int) __attribute__((alias("conv0_0")));\n&/'
refused "bad.c: stage 0, '[a-z ]*', is missing" 's/conv0_0/conv0_00/'
refused "^tulle: error: bad.c: it was written for another plan; these have changed: what a stage is given" 's/contract interface ./contract interface x/'
refused "bad.c: it was written for another plan; these have changed: where its values lie in memory" 's/contract places ./contract places x/'
refused "bad.c: it was written for another plan; these have changed: the kernel and its tiling ([a-z_]*:[0-9,]*, and in the file mine)" 's/contract kernel .*/contract kernel mine/'
refused "the file does not say what it rests on: it lacks the lines 'contract weights'" '/contract weights/d'
grep -q "hint: 'tulle inspect MODEL conv1 --export FILE'" err || fault "no hint how to export again"
expect 1 'these have changed: the instruction set (portable, and in the file' alone run conv.onnx --input image.npy --kernel-source conv1=k.c --target generic

{ cat k.c; printf 'static int open_end(void) {\\\n'; } >bad.c
expect 1 "^bad.c:$(($(wc -l <bad.c) + 1)):[0-9]*: error: " alone run conv.onnx --input image.npy --kernel-source conv1=bad.c
{ printf '\357\273\277'; cat k.c; } >bad.c
expect 0 '' alone run conv.onnx --input image.npy --output again.npy --kernel-source conv1=bad.c
check cmp -s ours.npy again.npy
{ echo '/* contract kernel mine */'; cat k.c; } >bad.c
expect 0 '' alone run conv.onnx --input image.npy --kernel-source conv1=bad.c

# ---- what somebody has edited is not written over ----

cp k.c edited.c
expect 0 '' alone inspect conv.onnx conv1 --export edited.c
echo '/* mine */' >>edited.c
cp edited.c mine.c
expect 1 'edited.c: it has been edited' alone inspect conv.onnx conv1 --export edited.c
expect 1 'mine.c: it has been edited' alone inspect conv.onnx conv1 --export mine.c --kernel-source conv1=mine.c
check cmp -s edited.c mine.c

# ---- crashes: with layer, stage, file and line, on a thread of the pool too ----

# crashes PATTERN STATEMENT COMMAND...: k.c with the statement first in its stage, and a function that never ends its recursion.
crashes() {
    where=$1 statement=$2
    shift 2
    awk -v statement="    $statement" '{ print } /^static void conv0_0\(/ { getline; print; print statement }' k.c |
        sed 's/^static void conv0_0/static int down(volatile char *p, int n) { volatile char big[9999]; big[n % 99] = 1; return down(big, n + 1) + p[0]; }\n&/' >crash.c
    expect 5 "error: node 'conv1' (Conv): crash.c crashed in $where" alone "$@" --kernel-source conv1=crash.c
    if [ "${where#down}" = "$where" ]; then at=$(grep -n -F -e "    $statement" crash.c | cut -d: -f1); else at=$(grep -n '^static int down' crash.c | cut -d: -f1); fi
    grep -q "^crash.c:$at: " err || fault "not the line, $at: $(cat err)"
}

crashes 'stage conv0_0: it left its memory' '*(volatile int *)(c->workspace + (1L << 40)) = part;' run conv.onnx --input image.npy
crashes 'stage conv0_0: it left its memory' '*(volatile int *)(c->workspace + (1L << 40)) = part;' verify conv.onnx
crashes 'stage conv0_0: it left its memory' '*(volatile int *)(c->workspace + (1L << 40)) = part;' bench conv.onnx
crashes 'down: it left its memory' 'part = down(c->workspace, part);' run conv.onnx --input image.npy
crashes 'stage conv0_0: it met an instruction' '__builtin_trap();' verify conv.onnx
crashes 'stage conv0_0: it left its memory' '__builtin_memset((char *)c->outputs[0] - (1L << 45), 0, 100000 + (size_t)part);' run conv.onnx --input image.npy
crashes 'stage conv0_0: it ' '((void (*)(void))(size_t)(0x1230 + (size_t)part))();' run conv.onnx --input image.npy
begun k.c conv0_0 '
#line 7 "elsewhere"
    __builtin_trap();' >crash.c
expect 5 '^elsewhere:7$' alone run conv.onnx --input image.npy --kernel-source conv1=crash.c
[ "$(uname -m)" != x86_64 ] || crashes 'stage conv0_0: it divided by zero' 'volatile int zero = 0; part = part / zero;' verify conv.onnx
rm -f k.c
expect 0 '' alone inspect conv.onnx conv1 --export k.c --threads 2
crashes 'stage conv0_0: it left its memory' 'if (part == 1) *(volatile int *)(c->workspace + (1L << 40)) = part;' run conv.onnx --input image.npy --threads 2
crashes 'down: it left its memory' 'if (part == 1) part = down(c->workspace, part);' run conv.onnx --input image.npy --threads 2
rm -f k.c
expect 0 '' alone inspect conv.onnx conv1 --export k.c

# ---- hostile ----

head -c 100000 /dev/urandom >noise.c
expect 1 'noise.c: it is no C text: byte [0-9]* is' alone run conv.onnx --input image.npy --kernel-source conv1=noise.c
truncate -s 20M huge.c
expect 1 'huge.c: 21.* MB are too many' alone run conv.onnx --input image.npy --kernel-source conv1=huge.c
expect 2 'nowhere.c: cannot be read' alone run conv.onnx --input image.npy --kernel-source conv1=nowhere.c
: >empty.c
expect 2 'empty.c: cannot be read: the file is empty' alone run conv.onnx --input image.npy --kernel-source conv1=empty.c
expect 2 'it is a folder' alone run conv.onnx --input image.npy --kernel-source conv1=tmp
expect 2 'it is not a regular file' alone run conv.onnx --input image.npy --kernel-source conv1=/dev/zero
{ cat k.c; printf 'static int deep(void) { return '; head -c 200000 /dev/zero | tr '\0' '('; echo '1; }'; } >deep.c
expect 1 'deep.c:[0-9]*:[0-9]*: .*error: ' alone run conv.onnx --input image.npy --kernel-source conv1=deep.c
{ cat k.c; printf 'static int long_sum(int a) { return a'; yes '+a' | head -n 30000 | tr -d '\n'; echo '; }'; } >sum.c
expect 1 'nested too deep' alone run conv.onnx --input image.npy --kernel-source conv1=sum.c
{ cat k.c; printf 'static int longer(int a) { return a'; yes '+a' | head -n 1000000 | tr -d '\n'; echo '; }'; } >longer.c
expect 5 'longer.c: the compiler crashed: is an expression too long' alone run conv.onnx --input image.npy --kernel-source conv1=longer.c
{ cat k.c; printf 'static int '; head -c 30000 /dev/zero | tr '\0' '*'; echo 'stars;'; } >stars.c
expect 5 'stars.c: the compiler crashed' alone run conv.onnx --input image.npy --kernel-source conv1=stars.c
printf '/* \033[31m */\n' | cat - k.c >escape.c
expect 1 'it is no C text: byte 3 is 27' alone run conv.onnx --input image.npy --kernel-source conv1=escape.c

# ---- wrong use ----

expect 1 "there is no layer named 'conv'" alone run conv.onnx --input image.npy --kernel-source conv=k.c
grep -q "did you mean 'conv1'" err || fault "the nearest layer is not named"
expect 1 'takes NAME=VALUE' alone run conv.onnx --input image.npy --kernel-source k.c
expect 1 "layer 'conv1' has two files" alone run conv.onnx --input image.npy --kernel-source conv1=k.c --kernel-source conv1=k.c
expect 1 'needs the compiler in this process: leave out --cc' "$tulle" run conv.onnx --input image.npy --kernel-source conv1=k.c --cc gcc
expect 1 "does not take '--kernel-source'" alone compile conv.onnx --kernel-source conv1=k.c
expect 1 'export is about one layer' alone inspect conv.onnx --export k.c
cp conv.onnx same.onnx
expect 1 'would overwrite the model' alone inspect same.onnx conv1 --export same.onnx
check cmp -s conv.onnx same.onnx

echo "$checks checks, $faults faults"
[ "$faults" -eq 0 ]
