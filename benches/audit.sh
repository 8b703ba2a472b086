#!/usr/bin/env bash
# Times audits of a synthetic log beside the peers in benches/peers, in turns, from files and over loopback
# HTTP. Needs bash 5, go, nginx, GNU time, and the peers built (see benches/peers/README.md).
#
#   cargo run --release --example synthetic_log -- LOG --records 10000000 >LOG.key    once
#   (cd benches/peers && go build -o bin/ ./cmd/...)                                  once; needs the network
#   benches/audit.sh LOG LOG.key [RUNS]
#
# Folders are made below TMPDIR: a file system in memory is best, since ext4 is slow at creating files near
# many that were deleted just now.
set -euo pipefail
export LC_ALL=C
log=$(realpath "$1")
key=$(cat "$2")
runs=${3:-5}
cd "$(dirname "$0")/.."
cargo build --quiet --release
sumcheck=${CARGO_TARGET_DIR:-$PWD/target}/release/sumcheck
peers=$PWD/benches/peers/bin
work=$(mktemp -d)
cleanup() {
    kill $(jobs -p) 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap cleanup EXIT

port=19300
cat >"$work/nginx.conf" <<EOF
user $(id -un);
worker_processes 2;
daemon off;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path $work/t1;
    proxy_temp_path $work/t2;
    fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4;
    scgi_temp_path $work/t5;
    server { listen 127.0.0.1:$port backlog=4096; root $log; }
}
EOF
nginx -c "$work/nginx.conf" -p "$work" &
url=http://127.0.0.1:$port
until curl -s -o "$work/out" "$url/latest"; do sleep 0.05; done

records=$(sed -n 2p "$log/latest")
clean_env=(env -i PATH="$PATH" HOME="$work/home" GOENV=off)

# Appends "wall cpu MiB" of a command to the file of its name.
once() { # name, command
    local name=$1 code=0
    shift
    "${clean_env[@]}" time -o "$work/time" -f '%e %U %S %M' "$@" >"$work/out" 2>&1 || code=$?
    # 4 is what a planted duplicate is told with.
    if [ "$code" != 0 ] && [ "$code" != 4 ]; then
        cat "$work/out" >&2
        exit 1
    fi
    tail -n 1 "$work/time" | awk '{print $1, $2 + $3, $4 / 1024}' >>"$work/$name.times"
}
audit() { # name, source, arguments
    local name=$1 source=$2
    shift 2
    rm -rf "$work/state"
    once "$name" "$sumcheck" --home "$work/state" --sumdb "$key $source" "$@"
}
row() { # name, words
    sort -n "$work/$1.times" | awk -v records="$records" -v words="$2" '
        { wall[NR] = $1; cpu[NR] = $2; if ($3 > most) most = $3 }
        END {
            middle = int((NR + 1) / 2)
            printf "| %s | %.2f s | %.2f M/s | %.2f s | %.0f MiB |\n",
                words, wall[middle], records / wall[middle] / 1e6, cpu[middle], most
        }'
}

for _ in $(seq "$runs"); do
    audit files "file://$log" audit
    audit hashes "file://$log" audit --hashes-only
    audit check "file://$log" audit --check-tiles
    audit mirror "file://$log" mirror
    once nothing "$sumcheck" --home "$work/state" --sumdb "$key file://$log" mirror
    once loop "$peers/goloop" "$log" "$key"
    once loop-all "$peers/goloop" -tiles -dups "$log" "$key"
    once fsck "$peers/fsck" "$log" "$key"
    once torchwood "$peers/torchwood" "$log" "$key"
    audit http "$url" audit
    once loop-http "$peers/goloop" "$url" "$key"
    once fsck-http "$peers/fsck" "$url" "$key"
done

echo "$records records, medians of $runs"
echo
echo "| from files | wall | records | processor | peak memory |"
echo "|---|---|---|---|---|"
row files "sumcheck audit"
row check "sumcheck audit --check-tiles"
row hashes "sumcheck audit --hashes-only"
row mirror "sumcheck mirror"
row nothing "sumcheck mirror, nothing new"
row loop "Go loop on x/mod"
row loop-all "Go loop, with tiles and duplicates"
row fsck "tessera fsck"
row torchwood "torchwood"
echo
echo "| over loopback HTTP, nginx on the same cores | wall | records | processor | peak memory |"
echo "|---|---|---|---|---|"
row http "sumcheck audit"
row loop-http "Go loop on x/mod"
row fsck-http "tessera fsck"

echo
echo "| 20 ms before each answer | wall | records | processor | requests under way |"
echo "|---|---|---|---|---|"
for concurrency in 16 64 256; do
    "$peers/slow" -listen 127.0.0.1:19400 "$log" >"$work/slow" &
    slow=$!
    until curl -s -o "$work/out" http://127.0.0.1:19400/latest; do sleep 0.05; done
    audit "slow-$concurrency" http://127.0.0.1:19400 --concurrency "$concurrency" audit --to "$records"
    kill -INT $slow
    wait $slow || true
    row "slow-$concurrency" "--concurrency $concurrency" |
        awk -F'|' -v most="$(awk '{print $3}' "$work/slow")" -v OFS='|' '{ $6 = " " most " "; print }'
done
