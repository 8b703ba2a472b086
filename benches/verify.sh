#!/usr/bin/env bash
# Times `sumcheck verify` on a recorded go.sum of 2,398 lines beside gosumcheck (golang.org/x/mod),
# both against the same loopback server, in turn; then with all state present, beside `go version`.
# Needs bash 5, go, curl and GNU time.
#
#   benches/verify.sh [RUNS]     medians of RUNS runs (5 if not given)
#
# The homes are below TMPDIR. On ext4, choose one that is on a real disk and far from folders where
# thousands of files were deleted in the last minutes: creating a file there searches through them
# all, and that would be what is measured.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/.."
runs=${1:-5}
warm_runs=$((runs * 8))
capture=$PWD/../shared/captures/terraform
key=sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8
interop=$PWD/tests/interop/bin/interop
gosumcheck=$PWD/tests/interop/bin/gosumcheck
sumcheck=${CARGO_TARGET_DIR:-$PWD/target}/release/sumcheck
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$work"' EXIT

cargo build --quiet --release
(cd tests/interop && go build -o "$interop" . && go build -o "$gosumcheck" golang.org/x/mod/gosumcheck)

# A home of its own for each run, and never one where another was just removed.
number=0
new_home() { number=$((number + 1)); home=$work/home$number; mkdir "$home"; }

fail() { echo "$1" >&2; cat "$work/stdout" "$work/stderr" >&2; exit 1; }

# Appends "wall user sys KiB" of a command to a file. The wall time holds the start of env and time,
# about a millisecond, for every command alike. Without GONOSUMDB, gosumcheck would run `go env`.
measure() {
    local out=$1 from to
    shift
    from=${EPOCHREALTIME/./}
    env -i PATH="$PATH" HOME="$home" GOENV=off GOTOOLCHAIN=local GONOSUMDB=none.invalid \
        GOMODCACHE="$home/none" GOPATH="$home/none" \
        time -o "$work/time" -f '%U %S %M' "$@" >"$work/stdout" 2>"$work/stderr" || fail "$1 failed"
    to=${EPOCHREALTIME/./}
    echo "$(((to - from) / 1000)).$(printf %03d $(((to - from) % 1000))) $(cat "$work/time")" >>"$out"
}

# Median of what awk makes of each line of a file.
median() {
    awk "{print $1}" "$2" | sort -n |
        awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2}'
}

WALL_MS='$1' CPU_MS='1000 * ($2 + $3)' PEAK_MIB='$4 / 1024'

row() { # name, file, counts of the server
    printf '%-12s wall %8.1f ms   processor %7.0f ms   peak %5.1f MiB   %s\n' "$1" \
        "$(median "$WALL_MS" "$2")" "$(median "$CPU_MS" "$2")" "$(median "$PEAK_MIB" "$2")" "$3"
}

ratio() { # file, file of the peer
    local value
    printf '%-12s' ratio
    for value in "$WALL_MS" "$CPU_MS" "$PEAK_MIB"; do
        printf ' %.2f' "$(awk "BEGIN {print $(median "$value" "$1") / ($(median "$value" "$2") + 1e-9)}")"
    done
    printf ' (wall, processor, peak)\n\n'
}

serve() { # delay, further arguments → url
    "$interop" replay --dir "$capture/sum.golang.org" --delay "$@" >"$work/url" &
    server=$!
    until [ -s "$work/url" ]; do sleep 0.02; done
    url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$work/url")
}

stop() { kill "$server"; wait "$server" 2>/dev/null || true; : >"$work/url"; }

for delay in 0ms 20ms 100ms; do
    echo "cold, $delay added to each answer, medians of $runs:"
    ours=$work/ours-$delay theirs=$work/theirs-$delay
    for _ in $(seq "$runs"); do
        serve "$delay"
        new_home
        measure "$ours" "$sumcheck" --sumdb "$key $url" verify "$capture/go.sum"
        our_stats=$(curl -s "$url/stats")
        stop
        # gosumcheck begins with no head, and needs tiles of older heads that no recording has.
        serve "$delay" --newest-heads
        new_home
        measure "$theirs" "$gosumcheck" -u "$url" "$capture/go.sum"
        # Its exit code says nothing; that it has nothing to say does.
        [ ! -s "$work/stdout" ] || fail "gosumcheck found something:"
        their_stats=$(curl -s "$url/stats")
        stop
    done
    row sumcheck "$ours" "$our_stats"
    row gosumcheck "$theirs" "$their_stats"
    ratio "$ours" "$theirs"
done

echo "warm, the same file, medians of $warm_runs:"
serve 0ms
new_home
verify=("$sumcheck" --sumdb "$key $url" verify "$capture/go.sum")
measure "$work/first" "${verify[@]}"
curl -s "$url/stats" >/dev/null
measure "$work/warm" "${verify[@]}"
measure "$work/go" go version

# Milliseconds from just before the start of a command to its end, with nothing between.
warm() {
    local out=$1 from to
    shift
    from=${EPOCHREALTIME/./}
    "$@" >"$work/stdout" 2>"$work/stderr" || fail "$1 failed"
    to=${EPOCHREALTIME/./}
    echo "$(((to - from) / 1000)).$(printf %03d $(((to - from) % 1000)))" >>"$out"
}
export HOME=$home GOENV=off GOTOOLCHAIN=local GONOSUMDB=none.invalid
export GOMODCACHE=$home/none GOPATH=$home/none
for _ in $(seq "$warm_runs"); do
    warm "$work/warm-ms" "${verify[@]}"
    warm "$work/go-ms" go version
done
for name in warm go; do
    printf '%-12s wall %8.1f ms   peak %5.1f MiB\n' "${name/warm/sumcheck}" \
        "$(median '$1' "$work/$name-ms")" "$(median "$PEAK_MIB" "$work/$name")"
done
curl -s "$url/stats"
