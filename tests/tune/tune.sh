#!/bin/sh
# tune, and --tuned: a file that is whole at all times, goes on where it was interrupted, belongs to one machine, and is not trusted.
#     tune.sh TULLE MAKE_MODELS GLYPHS
. "$(dirname "$0")/../expect.sh"
tulle=$1 glyphs=$3
enter_work "$2"
cp "$glyphs" glyphs.onnx || exit 1

nothing_left() {
    [ -z "$(ls tmp)" ] || fault "files left in the temporary folder: $*"
    if ls ./*.tmp .??* ./*.tuned.* 2>/dev/null | grep -q .; then fault "an unfinished output was left: $*"; ls -a; fi
}

# count WORD FILE: lines that begin with it
count() {
    grep -c "^ *$1 " "$2"
}

# ---- a file, and what it is for ----

expect 0 'wrote glyphs.tuned: .* measured' "$tulle" tune glyphs.onnx --candidates 2
programs() { sed -n 's/^wrote .*: \([0-9]*\) program.*/\1/p' err; }
proof=0
grep -q 'layers changed' out && proof=3      # loads of the program that is best; it is proven again each time
fresh=$(($(programs) - proof))
check [ "$fresh" -ge 2 ]
check [ "$(count machine glyphs.tuned)" = 1 ]
layers=$(count layer glyphs.tuned)
check [ "$layers" -gt 8 ]
check [ "$(count model glyphs.tuned)" = "$layers" ]
check [ "$(count best glyphs.tuned)" = "$layers" ]
check [ "$(count tried glyphs.tuned)" -gt "$layers" ]
check grep -q 'layer [0-9a-f]* conv1 (Conv+Relu \[1,16,28,28\], 1 thread)' glyphs.tuned

for command in verify explain; do
    expect 0 '' "$tulle" $command glyphs.onnx --tuned glyphs.tuned
    check [ "$(grep -c 'layers are as tuned' err)" = 0 ]
done
expect 0 'whole run' "$tulle" bench glyphs.onnx --tuned glyphs.tuned
expect 0 'conv1' "$tulle" explain glyphs.onnx --tuned glyphs.tuned --json
mkdir one two
expect 0 'wrote one/net.c' "$tulle" compile glyphs.onnx --tuned glyphs.tuned -o one/net.c
expect 0 'wrote two/net.c' "$tulle" compile glyphs.onnx --tuned glyphs.tuned -o two/net.c
check cmp -s one/net.c two/net.c

# Every line of it is followed: the kernel of a layer is the one that stands there as the best. Of the first layer that had a choice another one is made it.
awk '/^layer/ { name = $3 } /^ *tried/ && !done { other = $0; sub("tried", "best ", other); layer = name; kernel = $2; tiling = $3 }
     /^ *best/ && other != "" && !done { print other; print layer, kernel, tiling >"expected"; done = 1; next } { print }' glyphs.tuned >other.tuned
check [ -s expected ]
read -r layer kernel tiling <expected
expect 0 '' "$tulle" compile glyphs.onnx --tuned other.tuned -o other.c
check grep -q " $kernel  *$tiling .* $layer\$" other.c

# A model with nothing to choose has a file, too.
expect 0 "nothing is surely faster" "$tulle" tune add.onnx
expect 0 '' "$tulle" explain add.onnx --tuned add.tuned

# ---- it goes on ----

cp glyphs.tuned before.tuned
expect 0 '' "$tulle" tune glyphs.onnx --candidates 2
check [ $(($(programs) % 3)) = 0 ]      # nothing but proofs
check [ "$(count layer glyphs.tuned)" = "$layers" ]
tried=$(count tried glyphs.tuned)
check [ "$tried" = "$(count tried before.tuned)" ]
expect 0 '' "$tulle" tune glyphs.onnx --candidates 3
check [ "$(count tried glyphs.tuned)" -gt "$tried" ]

# Cold caches are another machine; what was measured with warm ones goes before.
expect 0 '"cold": true' "$tulle" tune add.onnx -o cold.tuned --cold --json
check grep -q '^machine .*, cold caches$' cold.tuned
expect 0 '' "$tulle" explain add.onnx --tuned cold.tuned
expect 0 '"cold": false' "$tulle" tune add.onnx -o cold.tuned --json
check [ "$(count machine cold.tuned)" = 2 ]

# Threads and models stand side by side.
expect 1 "has no layer of this model" "$tulle" bench glyphs.onnx --threads 2 --tuned glyphs.tuned
expect 0 '"programs": ' "$tulle" tune glyphs.onnx --candidates 1 --threads 2 -o glyphs.tuned --json
check [ "$(count layer glyphs.tuned)" = $((2 * layers)) ]
expect 0 '' "$tulle" tune conv.onnx --candidates 1 -o glyphs.tuned
check [ "$(count layer glyphs.tuned)" -gt $((2 * layers)) ]
expect 0 '' "$tulle" explain glyphs.onnx --threads 2 --tuned glyphs.tuned
expect 0 '' "$tulle" run conv.onnx --input image.npy --tuned glyphs.tuned

# Interrupted in its first program, in a later one, and while it writes: the file is whole, or not there yet.
rm -f net.tuned
for seconds in 0.2 1 2 3; do
    checks=$((checks + 1))
    env --default-signal=INT "$tulle" tune glyphs.onnx -o net.tuned >out 2>err &      # a shell starts background jobs with SIGINT ignored
    tuning=$!
    sleep $seconds
    kill -INT $tuning 2>/dev/null
    wait $tuning
    [ $? -ne 0 ] || [ -s net.tuned ] || fault "it ended well, and wrote nothing"
    nothing_left "tune, interrupted after $seconds s"
    [ ! -e net.tuned ] || "$tulle" tune conv.onnx --candidates 1 -o net.tuned >out 2>err || fault "not to be gone on with after $seconds s: $(cat err)"
done

# ---- files that were put together ----

# Of layers that stand there twice the later ones count; what is only for readers stays as it is.
sed "s/ conv1 / it's \\\\ conv1 /; s/ 1 thread)/ one thread)/" before.tuned >said.tuned
cat other.tuned said.tuned >both.tuned
expect 0 '' "$tulle" compile glyphs.onnx --tuned both.tuned -o one/net.c
expect 0 '' "$tulle" compile glyphs.onnx --tuned before.tuned -o two/net.c
check cmp -s one/net.c two/net.c
expect 0 '' "$tulle" tune conv.onnx --candidates 1 -o both.tuned
check [ "$(count machine both.tuned)" = 1 ]
check [ "$(grep -c "it's \\\\ conv1 .* one thread)" both.tuned)" = 1 ]
expect 0 '' "$tulle" compile glyphs.onnx --tuned both.tuned -o one/net.c
check cmp -s one/net.c two/net.c
# Of another version: taken, with a word; measured again.
sed 's/^tulle .*/tulle 0.0.1/' before.tuned >old.tuned
expect 0 "measured by tulle 0.0.1" "$tulle" explain glyphs.onnx --tuned old.tuned
expect 0 '' "$tulle" tune conv.onnx --candidates 1 -o old.tuned
check [ "$(count layer old.tuned)" -lt "$layers" ]
: >empty.tuned
expect 0 '' "$tulle" tune add.onnx -o empty.tuned

# ---- what is refused ----

expect 1 "cannot be read" "$tulle" run glyphs.onnx --tuned missing.tuned
expect 1 "measured on 'generic-sse4.2" "$tulle" compile glyphs.onnx --target generic-sse4.2 --tuned before.tuned -o -
expect 1 "it is for '" "$tulle" compile glyphs.onnx --target generic-sse4.2 --tuned before.tuned -o -
expect 1 "leave one of them out" "$tulle" run glyphs.onnx --tuned before.tuned --optimize size
expect 1 "leave one of them out" "$tulle" tune glyphs.onnx --select random:1
expect 1 "does not take" "$tulle" tune glyphs.onnx --tuned before.tuned
expect 1 "does not take --kernel" "$tulle" tune glyphs.onnx --kernel conv6=dense_direct
expect 1 "takes 1024 at most" "$tulle" tune glyphs.onnx --candidates 2000000000
expect 1 "has no layer of this model" "$tulle" explain glyphs.onnx --batch 8 --tuned before.tuned
expect 1 "has no layer of this model" "$tulle" explain glyphs.onnx --no-asm --tuned before.tuned
grep -v '^  best' before.tuned >unfinished.tuned
expect 1 "was not finished" "$tulle" explain glyphs.onnx --tuned unfinished.tuned
expect 1 "cannot write" "$tulle" tune glyphs.onnx -o missing/glyphs.tuned
expect 1 "overwrite the model" "$tulle" tune glyphs.onnx -o glyphs.onnx
expect 1 "kept in a file" "$tulle" tune glyphs.onnx -o -
expect 1 "cannot be loaded on this machine" "$tulle" tune glyphs.onnx --target generic-neon -o neon.tuned
expect 2 "" "$tulle" tune missing.onnx
check [ ! -e neon.tuned ]

# broken LINE PATTERN: with this line behind the last one
broken() {
    cp before.tuned broken.tuned
    printf '%b\n' "$1" >>broken.tuned
    expect 1 "$2" "$tulle" explain glyphs.onnx --tuned broken.tuned
    expect 1 "line $(($(wc -l <before.tuned) + 1))" "$tulle" tune glyphs.onnx -o broken.tuned
}
broken 'what' 'lines begin with'
broken 'layer 12' 'sixteen digits'
broken '  model x' 'are expected'
broken '  model dense_gemm 1 plain plain 1 1 1 1' 'comes first, and once'
broken '  tried dense_gemm 1 plain plain 1 1 1 -1' 'a number is expected'
broken '  tried dense_gemm 1 plain plain 1 1 1 nan' 'a number is expected'
broken '  tried dense_gemm 1 1,2,3 plain 1 1 1 1' 'a layout is'
broken '  tried dense_gemm 1 1,2,3,4,99999999999 plain 1 1 1 1' 'a layout is'
broken '  best dense_gemm 99 plain plain 1 1 1 1' 'one best choice'
head -c 100000 /dev/zero >zero.tuned
expect 1 'text is expected' "$tulle" explain glyphs.onnx --tuned zero.tuned
printf 'layer 0123456789abcdef x\n' >early.tuned
expect 1 'must stand before the first layer' "$tulle" explain glyphs.onnx --tuned early.tuned
# Escapes of terminals do not reach one; what there is no such kernel or layout of is no choice.
printf 'machine \033[31mred\n' >red.tuned
expect 1 'can be shown' "$tulle" explain glyphs.onnx --tuned red.tuned
check [ "$(grep -c "$(printf '\033')" err)" = 0 ]
printf 'machine x\r\nlayer 0123456789abcdef y\r\n  model a 1 plain plain 1 1 1 1\r\n  best a 2 plain plain 1 1 1 1\r\n' >best.tuned
expect 1 'line 4: the best is one of those' "$tulle" explain glyphs.onnx --tuned best.tuned
awk '/^ *(model|tried|best)/ { $2 = "no_kernel" } { print }' before.tuned >unknown.tuned
expect 1 'has no layer of this model' "$tulle" explain glyphs.onnx --tuned unknown.tuned

echo "$checks checks, $faults faults"
[ "$faults" -eq 0 ]
