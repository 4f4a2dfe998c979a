#!/bin/sh
# Proves the package list: runs the README's commands on clean clones, each in a bare Debian 12 root of its own.
#     sh tests/bare.sh [COMMAND...]      default: "sh samples/demo.sh" and "sh tests/check.sh", each twice (the second run must find nothing to do)
# Needs root, debootstrap, and a Debian mirror; FOLDER (default /var/tmp/tulle-bare) takes about 3 GB a command.
set -e
cd "$(dirname "$0")/.."
folder=${FOLDER-/var/tmp/tulle-bare}
[ "$(id -u)" -eq 0 ] || { echo "tests/bare.sh: needs root to make a root file system" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "tests/bare.sh: needs debootstrap (apt-get install debootstrap)" >&2; exit 1; }
[ $# -gt 0 ] || set -- "sh samples/demo.sh" "sh tests/check.sh"

mkdir -p "$folder"
[ -f "$folder/bare.tar" ] || {
    debootstrap --variant=minbase bookworm "$folder/bare" >"$folder/debootstrap.log"
    tar -C "$folder/bare" -cf "$folder/bare.tar" .
    rm -rf "$folder/bare"
}

# A root with only what debootstrap gives, the network's settings, and a clean clone of this checkout.
make_root() {
    mkdir "$1"
    tar -C "$1" -xf "$folder/bare.tar"
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    # A network that intercepts TLS has its authority here; without one this changes nothing.
    if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
        mkdir -p "$1/usr/local/share/tulle-bare"
        cp -L /etc/ssl/certs/ca-certificates.crt "$1/usr/local/share/tulle-bare/"
    fi
    mount -t proc proc "$1/proc"
    mount --bind /dev "$1/dev"
    git clone -q --no-hardlinks . "$1/tulle"
}

drop_root() {
    umount "$1/dev" "$1/proc" 2>/dev/null || true
    rm -rf --one-file-system "$1"
}

number=0
for command in "$@"; do
    number=$((number + 1))
    root=$folder/root-$number
    [ ! -d "$root" ] || drop_root "$root"
    trap 'drop_root "$root"' EXIT INT TERM
    make_root "$root"
    for run in first second; do
        start=$(date +%s)
        status=0
        chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=/usr/local/share/tulle-bare/ca-certificates.crt \
            sh -c "cd /tulle && $command" >"$folder/$number-$run.log" 2>&1 || status=$?
        echo "$command, $run run: exit $status after $(($(date +%s) - start)) s ($folder/$number-$run.log)"
        tail -n 3 "$folder/$number-$run.log" | sed 's/^/    /'
        [ "$status" -eq 0 ] || exit 1
    done
    drop_root "$root"
done
