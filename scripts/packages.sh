# Sourced by samples/demo.sh and tests/check.sh: the one list of Debian packages, and how a missing one is installed.

# To build tulle, and to compile what it writes.
BUILD_PACKAGES="cmake ninja-build gcc libc6-dev libprotobuf-c-dev protobuf-c-compiler"

# The rest is for tests: other compilers and machines, and ONNX's own tests in Python.
TEST_PACKAGES="$BUILD_PACKAGES g++ clang-19 llvm llvm-19-dev libclang-19-dev libclang-cpp19-dev libomp-19-dev libclang-rt-19-dev libcmocka-dev
qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross python3-venv ca-certificates"

# missing_packages NAME...: prints those that are not installed.
missing_packages() {
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || printf '%s ' "$package"
    done
}

# need_packages NAME...: installs what is missing, as root or through sudo; says what to do when it cannot.
need_packages() {
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "This needs Debian packages, and there is no apt-get here. Install what provides: $missing" >&2
        return 1
    fi
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root=sudo
        command -v sudo >/dev/null 2>&1 || { echo "Missing packages; as root, run: apt-get install $missing" >&2; return 1; }
    fi
    echo "Installing: $missing" >&2
    # shellcheck disable=SC2086  # a list of words is meant
    $as_root apt-get update -qq >&2 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >&2
}

# build_tulle PRESET [TARGET]: builds what changed; configures each time, since packages may have come meanwhile. The target `tulle` alone needs no package
# of the tests.
build_tulle() {
    folder=build
    [ "$1" = release ] || folder=build-$1
    cmake --preset "$1" >"$folder.log" 2>&1 || { cat "$folder.log" >&2; return 1; }
    rm -f "$folder.log"
    cmake --build --preset "$1" ${2:+--target "$2"}
}
