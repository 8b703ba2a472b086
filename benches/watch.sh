#!/usr/bin/env bash
# Times rounds of a watch and its pages with one tree head in the home and with those of five years, in turns, and
# beside them an audit of the same records and a file that is served as it is. Needs bash 5, curl, GNU time and
# python3 (which puts the heads into the database and serves the log).
#
#   benches/watch.sh [RUNS]
set -euo pipefail
export LC_ALL=C
runs=${1:-9}
cd "$(dirname "$0")/.."
cargo build --quiet --release --bin sumcheck --example synthetic_log
target=${CARGO_TARGET_DIR:-$PWD/target}/release
sumcheck=$target/sumcheck
work=$(mktemp -d)
cleanup() {
    kill $(jobs -p) 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap cleanup EXIT

# A head an hour for five years is 43,800.
"$target/examples/synthetic_log" "$work/log" --records 1000000 --head-every 22 >"$work/key"
port=19320
python3 -m http.server --directory "$work/log" --bind 127.0.0.1 $port >"$work/served" 2>&1 &
until curl -s -o "$work/out" "http://127.0.0.1:$port/latest"; do sleep 0.05; done
sumdb="$(cat "$work/key") http://127.0.0.1:$port"
clean_env=(env -i PATH="$PATH" HOME="$work" GOENV=off GONOSUMDB= GOPROXY=off)

settings() { # name, where it listens
    printf 'home = "%s/%s"\n[watch]\nstandard-error = false\nlisten = "%s"\n[[watch.log]]\nsumdb = "%s"\n' \
        "$work" "$1" "$2" "$sumdb"
}
settings one 127.0.0.1:19321 >"$work/one.toml"
settings years 127.0.0.1:19322 >"$work/years.toml"

# Appends "seconds MiB" of a command to the file of its name.
once() { # name, command
    local name=$1
    shift
    "${clean_env[@]}" time -o "$work/time" -f '%e %M' "$@" >"$work/out" 2>&1
    awk '{ print $1, $2 / 1024 }' "$work/time" >>"$work/$name"
}
median() { sort -g | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

for home in one years; do
    "${clean_env[@]}" "$sumcheck" watch --once --config "$work/$home.toml" >"$work/out" 2>&1
done
python3 - "$work" <<'PYTHON'
import base64, datetime, pathlib, sqlite3, sys
work = pathlib.Path(sys.argv[1])
database = sqlite3.connect(work / "years" / "sumcheck.db")
log, source = database.execute("SELECT log_id, source FROM heads").fetchone()
heads = sorted(int(head.name) for head in (work / "log" / "heads").iterdir())
now = datetime.datetime.now(datetime.timezone.utc)
before = None
for number, size in enumerate(heads):
    note = (work / "log" / "heads" / str(size)).read_bytes()
    seen_at = now - datetime.timedelta(hours=len(heads) - number)
    database.execute(
        "INSERT OR IGNORE INTO heads VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (log, size, base64.b64decode(note.split(b"\n")[2]), note, seen_at.strftime("%Y-%m-%dT%H:%M:%SZ"), source,
         before, "extension" if before else "first"))
    before = size
database.commit()
PYTHON

for _ in $(seq "$runs"); do
    once round-one "$sumcheck" watch --once --config "$work/one.toml"
    once round-years "$sumcheck" watch --once --config "$work/years.toml"
    rm -rf "$work/first" "$work/audited"
    { settings first off; echo 'begin = "start"'; } >"$work/first.toml"
    once round-first "$sumcheck" watch --once --concurrency 4 --config "$work/first.toml"
    once audit "$sumcheck" audit --concurrency 4 --home "$work/audited" --sumdb "$sumdb"
done
for name in round-one round-years round-first audit; do
    printf '%-12s %6s s %6.0f MiB\n' "$name" "$(median <"$work/$name")" "$(awk '{ print $2 }' "$work/$name" | median)"
done

for home in one years; do
    "${clean_env[@]}" "$sumcheck" watch --config "$work/$home.toml" >"$work/out" 2>&1 &
done
for path in /style.css / /heads /metrics /readyz /api/v1/status; do
    for home in one:19321 years:19322; do
        url=http://127.0.0.1:${home#*:}$path
        until curl -s -o "$work/out" "$url"; do sleep 0.05; done
        for _ in $(seq 30); do
            curl -s -o "$work/out" -w '%{time_total}\n' "$url"
        done | median | awk -v page="$path ${home%:*}" '{ printf "%-24s %6.1f ms\n", page, 1000 * $1 }'
    done
done
