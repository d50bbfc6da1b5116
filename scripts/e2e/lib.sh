# shellcheck shell=bash
# Checks and their counts.
: "${tmp:?}" # the suite's temporary folder
passed=0 failed=0 skipped=0

# check WHAT COMMAND…: runs COMMAND under `set -e`, away from this shell's variables. Prints WHAT and the last line
# that it wrote; all of what it wrote if it failed.
check() {
	local what=$1 status=0
	shift
	(
		set -e
		"$@"
	) >"$tmp/said" 2>&1 </dev/null &
	wait $! || status=$? # not in a condition, where set -e would be off
	if [ $status = 0 ]; then
		passed=$((passed + 1))
		printf 'ok      %s%s\n' "$what" "$(tail -n 1 "$tmp/said" | sed 's/^/: /')"
	else
		failed=$((failed + 1))
		printf 'FAILED  %s (exit status %d)\n' "$what" $status
		tail -n 40 "$tmp/said" | sed 's/^/        /'
	fi
}

# skip WHAT WHY: counted and named; CI fails on it, since a machine for CI can have everything.
skip() {
	skipped=$((skipped + 1))
	printf 'skipped %s: %s\n' "$1" "$2"
	[ -z "${CI:-}" ] || failed=$((failed + 1))
}

# same WHAT GOT WANT
same() { [ "$2" = "$3" ] || fail "$1: got"$'\n'"$2"$'\n'"want"$'\n'"$3"; }

fail() {
	printf '%s\n' "$*"
	return 1
}

# within SECONDS COMMAND…: waits until COMMAND succeeds.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt "$end" ] || return 1
		sleep 0.1
	done
}

# stop PID…: ends processes that this suite started.
stop() {
	local pid
	for pid; do
		kill "$pid" 2>/dev/null || continue
		within 5 gone "$pid" || kill -9 "$pid" 2>/dev/null || true
	done
}
gone() { ! kill -0 "$1" 2>/dev/null; }
