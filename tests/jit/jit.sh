#!/bin/sh
# The compiler in process: no program is called, nothing is left behind, results are those of a C compiler; objects are kept, and not trusted blindly.
#     jit.sh TULLE MAKE_MODELS
. "$(dirname "$0")/../expect.sh"
tulle=$1
enter_work "$2"
export XDG_CACHE_HOME="$work/cache"

nothing_left() {
    [ -z "$(ls tmp)" ] || fault "files left in the temporary folder: $*"
}

objects() {
    find cache/tulle/objects -type f | sort
}

# ---- the same results as with a C compiler ----

expect 0 '' "$tulle" run conv.onnx --input image.npy --output by-cc.npy --cc gcc
expect 0 '' alone run conv.onnx --input image.npy --output y.npy
check cmp -s y.npy by-cc.npy
expect 0 '' alone run conv.onnx --input image.npy --output two.npy --threads 2
check cmp -s two.npy by-cc.npy
for target in scalar generic generic-sse4.2; do
    expect 0 '' alone run conv.onnx --input image.npy --output y.npy --target $target
    expect 0 '' "$tulle" run conv.onnx --input image.npy --output by-cc.npy --target $target --cc gcc
    check cmp -s y.npy by-cc.npy
done
expect 0 '' alone verify conv.onnx
expect 0 'whole run' alone bench conv.onnx
expect 0 'wrote conv.tuned' alone tune conv.onnx --candidates 1
expect 0 'whole run' alone bench conv.onnx --tuned conv.tuned
expect 0 '' alone inspect conv.onnx
layer=$("$tulle" explain conv.onnx --json | sed -n 's/.*{"name": "\([^"]*\)", "op": "Conv".*/\1/p' | head -n 1)
expect 0 'what is compiled' alone inspect conv.onnx "$layer"
expect 0 'what is compiled' alone inspect conv.onnx "$layer" --target neoverse-n1
expect 1 'cannot be loaded on this machine' alone run conv.onnx --input image.npy --target generic-neon

# ---- the cache ----

rm -rf cache/tulle/objects
expect 0 '' alone run conv.onnx --input image.npy --output y.npy
objects >first
check [ -s first ]
check [ "$(stat -c %a cache/tulle/objects)" = 700 ]
sha256sum $(cat first) >sums
expect 0 '' alone run conv.onnx --input image.npy --output again.npy
objects | cmp -s - first || fault "a second run makes other objects"
check cmp -s y.npy again.npy
object=$(head -n 1 first)
# What is cut short, changed, or open to others is made again, and comes out the same.
for spoil in 'truncate -s -1' 'truncate -s 0' 'sed -i s/tulle/tolle/' 'chmod g+w'; do
    $spoil "$object"
    expect 0 '' alone run conv.onnx --input image.npy --output again.npy
    check cmp -s y.npy again.npy
    check sha256sum --status -c sums
    check [ "$(stat -c %a "$object")" = 600 ]
done
rm -rf cache/tulle/objects
expect 0 '' alone run conv.onnx --input image.npy --output again.npy --no-cache
check [ ! -e cache/tulle/objects ]
for folder in /dev/null/cache ""; do
    expect 0 '' env HOME= XDG_CACHE_HOME="$folder" PATH="$work/nothing" "$tulle" run conv.onnx --input image.npy --output again.npy
    check cmp -s y.npy again.npy
done

# ---- objects that are whole, and yet not what they should be ----

# sealed_by KEY FILE: the seal of these bytes under this key.
sealed_by() {
    printf '%s%s' "$(sha256sum <"$2" | cut -c 1-64)" "$1" | sha256sum | cut -c 1-64
}

# sealed FILE: an object, its seal, and the right name.
sealed() {
    head -c -64 "$1" >bare-object
    [ "$(tail -c 64 "$1")" = "$(sealed_by "$(basename "$1" .o)" bare-object)" ]
}

recovers() {
    expect 0 "$1" timeout 60 env PATH="$work/nothing" "$tulle" run conv.onnx --input image.npy --output again.npy
    check cmp -s y.npy again.npy
}

rm -rf cache/tulle/objects
recovers ''
other=$(sed -n 2p first)
for file in $(cat first); do check sealed "$file"; done
mv "$object" swapped && mv "$other" "$object" && mv swapped "$other"
recovers ''
check sha256sum --status -c sums
printf nonsense >bytes
printf '%s%s' nonsense "$(sealed_by "$(basename "$object" .o)" bytes)" >"$object"
chmod 600 "$object"
check sealed "$object"
recovers 'do not load, all are compiled again'
check sha256sum --status -c sums
rm "$object"
mkfifo "$object"
recovers ''
if [ -f "$object" ]; then check sha256sum --status -c sums; else fault "a pipe stays in an object's place"; rm -f "$object"; fi
for mode in 770 707; do
    rm -f "$object"
    chmod $mode cache/tulle/objects
    recovers 'others can write to'
    check [ ! -e "$object" ]
    chmod 700 cache/tulle/objects
done
recovers ''
! grep -q 'others can write' err || fault "a folder of ours alone is not trusted"
check sha256sum --status -c sums

# ---- nothing but clang's own headers ----

mkdir headers
for header in stddef stdint immintrin emmintrin; do echo '#error "not ours"' >headers/$header.h; done
expect 0 '' env CPATH="$work/headers" C_INCLUDE_PATH="$work/headers" PATH="$work/nothing" "$tulle" run conv.onnx --input image.npy --output again.npy --no-cache
check cmp -s y.npy again.npy
(cd headers && CPATH=. PATH="$work/nothing" "$tulle" run ../conv.onnx --input ../image.npy --output ../again.npy --no-cache) || fault "CPATH=. reaches the compiler"
check cmp -s y.npy again.npy

# ---- a plugin that is not there, or not the right one ----

# falls_back REASON: a copy of the program, with what now lies beside it, says why it calls a C compiler.
falls_back() {
    expect 0 "note: .*$1.*; a C compiler is called instead" copy/tulle run conv.onnx --input image.npy --output again.npy
    check cmp -s y.npy again.npy
}

mkdir copy
cp "$tulle" copy/tulle
plugin=copy/libtulle_jit.so
falls_back 'is not beside it'
echo nonsense >$plugin
falls_back 'cannot be loaded'
echo 'int nothing;' >plugin.c
gcc -shared -fPIC plugin.c -o $plugin
falls_back 'is none of tulle'
echo 'static const int version = 1; const void *tulle_jit_plugin(void) { return &version; }' >plugin.c
gcc -shared -fPIC plugin.c -o $plugin
falls_back 'another version'
sed 's#/clang/19#/clang/xx#g' "$(dirname "$tulle")/libtulle_jit.so" >$plugin
falls_back 'libclang-common-19-dev'

# ---- Ctrl-C while it compiles ----

# `env` because a shell starts background jobs with SIGINT ignored; env --default-signal undoes it.
for wait in 0.05 0.1 0.2 0.3 0.4 object; do
    rm -rf cache/tulle/objects
    env --default-signal=INT PATH="$work/nothing" "$tulle" run conv.onnx --input image.npy --output again.npy 2>/dev/null &
    process=$!
    if [ $wait = object ]; then
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            [ -z "$(ls cache/tulle/objects 2>/dev/null)" ] || break
            sleep 0.05
        done
    else
        sleep $wait
    fi
    kill -INT $process 2>/dev/null
    wait $process
    nothing_left "Ctrl-C after $wait"
    for file in cache/tulle/objects/*; do
        [ ! -e "$file" ] || check sealed "$file"
    done
done
recovers ''

echo "$checks checks, $faults faults"
[ "$faults" -eq 0 ]
