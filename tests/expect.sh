# Sourced by tests of commands: what was checked, what was wrong, and one way to say what a command must do.
checks=0 faults=0

fault() {
    faults=$((faults + 1))
    echo "FAULT: $*"
}

# expect CODE PATTERN COMMAND...: runs it; the exit code and a line of its output (either stream) must be as said. Leaves them in `out` and `err`.
expect() {
    code=$1 pattern=$2
    shift 2
    checks=$((checks + 1))
    "$@" >out 2>err </dev/null
    got=$?
    if [ "$got" != "$code" ]; then fault "exit code $got, not $code: $*"; cat err; fi
    if [ -n "$pattern" ] && ! cat out err | grep -q -e "$pattern"; then fault "no '$pattern' in the output of: $*"; cat out err; fi
    nothing_left "$@"
}

# What more must hold after each command, if the test has more to say.
nothing_left() { :; }

check() {
    checks=$((checks + 1))
    "$@" || fault "not so: $*"
}

# enter_work MAKE_MODELS: into a folder that goes at the end, with models, a place for temporary files, and an empty folder for a PATH.
enter_work() {
    work=$(mktemp -d) || exit 1
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    "$1" "$work" || exit 1
    cd "$work" || exit 1
    mkdir tmp nothing
    export TMPDIR="$work/tmp" LC_ALL=C
    unset CC
}

# The program $tulle without any compiler to be found.
alone() {
    env PATH="$work/nothing" "$tulle" "$@"
}
