#!/usr/bin/env bash
# Times `sumcheck verify` on a recorded go.sum of 2,398 lines beside gosumcheck (golang.org/x/mod),
# both against the same loopback server, in turn. Needs go, curl and GNU time.
#
#   benches/verify.sh [RUNS]     medians of RUNS runs (5 if not given)
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
capture=$PWD/../shared/captures/terraform
key=sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8
interop=$PWD/tests/interop/bin/interop
gosumcheck=$PWD/tests/interop/bin/gosumcheck
sumcheck=${CARGO_TARGET_DIR:-$PWD/target}/release/sumcheck
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

cargo build --quiet --release
(cd tests/interop && go build -o "$interop" . && go build -o "$gosumcheck" golang.org/x/mod/gosumcheck)

# A home of its own for each run, and never one where another was just removed: some file systems
# are slow to create files where many were deleted.
number=0
new_home() { number=$((number + 1)); home=$work/home$number; mkdir "$home"; }

# Appends "wall user sys KiB" of a command to a file; what it prints goes to nowhere.
measure() {
    local out=$1
    shift
    env -i PATH="$PATH" HOME="$home" GOENV=off GOFLAGS= GOMODCACHE="$home/none" GOPATH="$home/none" \
        time -a -o "$out" -f '%e %U %S %M' "$@" >/dev/null 2>"$work/stderr" ||
        { cat "$work/stderr" >&2; exit 1; }
}

# Median of column $2 in file $1.
median() { awk -v c="$2" '{print $c}' "$1" | sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }

row() {
    local name=$1 file=$2
    local cpu=$work/cpu
    awk '{print $2+$3}' "$file" >"$cpu"
    printf '%-12s wall %6.2f s   processor %5.2f s   peak %4d MiB   %s\n' "$name" \
        "$(median "$file" 1)" "$(median "$cpu" 1)" "$(($(median "$file" 4) / 1024))" "$3"
}

serve() { # delay, further arguments → url
    "$interop" replay --dir "$capture/sum.golang.org" --delay "$1" ${2:-} >"$work/url" &
    until [ -s "$work/url" ]; do sleep 0.05; done
    url=$(sed 's/.*"url":"\([^"]*\)".*/\1/' "$work/url")
    server=$!
}

stop() { kill "$server" && wait "$server" 2>/dev/null || true; : >"$work/url"; }

for delay in 0ms 20ms 100ms; do
    echo "cold, $delay added to each answer, median of $runs:"
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
        their_stats=$(curl -s "$url/stats")
        stop
    done
    row sumcheck "$ours" "$our_stats"
    row gosumcheck "$theirs" "$their_stats"
done

echo "warm, the same file, median of $((runs * 4)):"
serve 0ms
new_home
measure "$work/first" "$sumcheck" --sumdb "$key $url" verify "$capture/go.sum"
curl -s "$url/stats" >/dev/null
for _ in $(seq $((runs * 4))); do
    measure "$work/warm" "$sumcheck" --sumdb "$key $url" verify "$capture/go.sum"
    measure "$work/go" go version
done
row sumcheck "$work/warm" "$(curl -s "$url/stats")"
row "go version" "$work/go" ""
