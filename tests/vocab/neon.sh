#!/bin/sh
# The NEON vocabulary on a machine that is not aarch64: cross-compiled, and run under qemu. Arguments: source folder, build folder.
set -eu
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
    if ! command -v $tool >/dev/null; then
        echo "skipped: $tool is not installed"
        exit 77
    fi
done
aarch64-linux-gnu-gcc -std=gnu11 -O2 -static -ffp-contract=off -Wall -Wextra -Wconversion -Werror -I"$1" \
    -DVOCABULARY='"targets/vocab/neon.h"' -DSUPPORTED=1 -DFUSED=1 -o "$2/vocab_neon" "$1/tests/vocab/vocab_test.c" -lm
exec qemu-aarch64 "$2/vocab_neon"
