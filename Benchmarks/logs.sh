# shellcheck shell=bash disable=SC2154,SC2034,SC2317
# The rows of the table that are about log files and packages, for Benchmarks/run, which sets work, base, gb, here, runs and
# rows.

readonly package_log_bytes=${BENCH_PACKAGE_LOG:-500000000} rotated_count=256 rotated_bytes=$((4 << 20))
readonly emerge_log=$base/emerge-$package_log_bytes-$seed.log dpkg_log=$base/dpkg-$package_log_bytes-$seed.log
readonly rotated_log=$base/rotated-$rotated_bytes-$seed.log
readonly long_log_bytes=$((package_log_bytes * 4))
readonly long_log=$base/emerge-$long_log_bytes-$seed.log
# The logs, and what the unit stores of the longest one.
readonly logs_room=$((package_log_bytes * 2 + long_log_bytes * 2 + rotated_count * rotated_bytes * 2))

make_logs_data() {
    make_log() { "$here/make-package-log" "$1" "$2" "$seed" >"$3"; }
    made "$emerge_log" make_log emerge "$package_log_bytes"
    made "$dpkg_log" make_log dpkg "$package_log_bytes"
    made "$long_log" make_log emerge "$long_log_bytes"
    made "$rotated_log" make_log emerge "$rotated_bytes"
}

# Of a pattern that nothing matches no line is printed: this is reading and parsing alone. 66 is the answer to it.
on_one_core() { taskset --cpu-list 0 "$@" >"$work/output" 2>&1; }
parse() {
    local status=0
    on_one_core "$gb" packages log no-such-package --log-only --manager "$1" --log "$2" || status=$?
    [ "$status" -eq 66 ] || { cat "$work/output" >&2; fail "parsing ended with $status"; }
}
gb_emerge() { parse portage "$emerge_log"; }
gb_dpkg() { parse dpkg "$dpkg_log"; }
# What a shell script would do: the two kinds of lines that tell what is installed.
# shellcheck disable=SC2016
plain_emerge() {
    on_one_core awk '/ ::: completed emerge / { for (i = 1; i <= NF; i++) if ($i == "to") here[$(i - 1)] = 1 }
        / >>> unmerge success: / { delete here[$NF] } END { for (name in here) count++; print count }' "$emerge_log"
}
# shellcheck disable=SC2016
plain_dpkg() {
    on_one_core awk '$3 == "status" && $4 == "installed" { here[$5] = $6 }
        $3 == "status" && ($4 == "config-files" || $4 == "not-installed") { delete here[$5] }
        END { for (name in here) count++; print count }' "$dpkg_log"
}

# parser_row WHAT SECONDS THEIRS BYTES: the goal is a rate.
parser_row() {
    local rate
    rate=$(awk -v bytes="$4" -v seconds="$2" 'BEGIN { printf "%.0f", bytes / 1e6 / seconds }')
    printf '| %s | %s s, %s MB/s | %s s | %s | ≥ 100 MB/s | %s |\n' "$1" "$2" "$rate" "$3" "$(ratio "$2" "$3")" \
        "$(awk -v rate="$rate" 'BEGIN { print (rate >= 100 ? "yes" : "**no**") }')"
}


prepare_rotated() {
    local number
    rm -rf "$work/rotated" "$work/logs-data" "$work/logs-state" "$work/plain"*
    mkdir "$work/rotated"
    mkdir -m 700 "$work/logs-data" "$work/logs-state" "$work/plain"
    for ((number = 1; number <= rotated_count; number++)); do
        # Each another file: of hard links one would be all of them.
        cp --reflink=auto -- "$rotated_log" "$work/rotated/app.log.$number"
    done
}
gb_rotated() {
    quietly "$gb" generator once --now Logs --config-dir "$work/logs"
    [ -z "$(ls "$work/rotated")" ] || fail "log files are left"
}
plain_rotated() {
    local number
    for ((number = rotated_count; number >= 1; number--)); do
        zstd -3 --quiet --stdout <"$work/rotated/app.log.$number" | tee "$work/plain/$number.data" |
            sha512sum >"$work/plain/$number.info"
        sync "$work/plain/$number.data" "$work/plain/$number.info" "$work/plain"
        rm "$work/rotated/app.log.$number"
    done
}

measure_logs() {
    make_logs_data
    cat "$emerge_log" "$dpkg_log" "$rotated_log" >/dev/null
    printf 'parsing logs of %s MB\n' $((package_log_bytes / 1000000)) >&2
    by_turns "$runs" prepare_nothing gb_emerge plain_emerge
    rows+=("$(parser_row "emerge.log parsed, one core, against awk" "$ours" "$theirs" "$(stat --format=%s "$emerge_log")")")
    by_turns "$runs" prepare_nothing gb_dpkg plain_dpkg
    rows+=("$(parser_row "dpkg.log parsed, one core, against awk" "$ours" "$theirs" "$(stat --format=%s "$dpkg_log")")")

    printf '%s rotated log files\n' "$rotated_count" >&2
    configuration logs "$work/logs-data" '{ zstd: { level: 3, workers: 0 } }' none
    ln -s "$repository/units/logfile" "$work/logs/units/Logs"
    cat >"$work/logs/units/Logs.config" <<END
inputs:
  app:
    directory: $work/rotated
    pattern: '(app)\\.log\\.(?<oldserial>[0-9]+)'
    source: /bench/\\1
    after_store: delete
    settle: 0s
    when_unknown: take
END
    by_turns "$runs" prepare_rotated gb_rotated plain_rotated
    rows+=("$(row "log files, $rotated_count × $((rotated_bytes >> 20)) MiB, stored one by one and deleted" "$ours" "$theirs" 1.05)")
    rm -rf "$work/rotated" "$work/logs-data" "$work/logs-state" "$work/plain"*

    printf 'packages of a log of %s MB\n' $((long_log_bytes / 1000000)) >&2
    mkdir -p "$work/gentoo/var/log" "$work/gentoo/var/db/pkg/sys-apps/portage-3.0"
    printf '0\n' >"$work/gentoo/var/db/pkg/sys-apps/portage-3.0/SLOT"
    printf 'sys-apps\n' >"$work/gentoo/var/db/pkg/sys-apps/portage-3.0/CATEGORY"
    printf 'portage-3.0\n' >"$work/gentoo/var/db/pkg/sys-apps/portage-3.0/PF"
    ln "$long_log" "$work/gentoo/var/log/emerge.log"
    configuration packages "$work/packages-data" '{ zstd: { level: 3, workers: 0 } }' none
    ln -s "$repository/units/packages" "$work/packages/units/Gentoo"
    printf 'base: /bench/packages\nroot: %s\nmanager: portage\n' "$work/gentoo" >"$work/packages/units/Gentoo.config"
    peak "gb with packages" "$gb" generator once --now Gentoo --config-dir "$work/packages"
    rows+=("$(memory_row "memory of gb: packages, a log of $((long_log_bytes / 1000000)) MB" "$own" 64)")
    rm -rf "$work/packages-data" "$work/gentoo"
}
