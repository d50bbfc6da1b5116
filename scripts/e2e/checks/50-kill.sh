# shellcheck shell=bash
# SIGKILL during a RUN: no process, no mount, no damage.
: "${tmp:?}" "${registry:?}"

mkdir "$tmp/kill"
nap=$((100000 + RANDOM)) # a number of seconds that only this RUN sleeps
cat >"$tmp/kill/Dockerfile" <<END
FROM $registry/debian:12
RUN mkdir /before
RUN sleep $nap & (setsid sleep $nap & sleep $nap &) ; echo begun > /half; sleep $nap
END

sleeps() { pgrep -u "$(id -u)" -f "sleep $nap" || grep -lzx "$nap" /proc/[0-9]*/cmdline 2>/dev/null; }
asleep() { [ "$(sleeps | wc -l)" -ge 4 ]; }
awake() { [ -z "$(sleeps)" ]; }
mounts() { grep -lF "$SHBUILD_ROOT" /proc/[0-9]*/mountinfo 2>/dev/null; }

killed() {
	local pid
	shbuild --progress plain "$tmp/kill/Dockerfile" &
	pid=$!
	within 30 asleep || fail "the RUN did not begin: $(sleeps)"
	echo "$(sleeps | wc -l) sleeping in $(mounts | wc -l) processes with mounts"
	kill -9 $pid
	wait $pid || true
	within 5 awake || fail "still there: $(sleeps | xargs ps -o pid,ppid,args -p)"
	[ -z "$(mounts)" ] || fail "mounts in: $(mounts)"
	echo 'no process, no mount'
}

# interrupted: the polite way; 130, as shells have it.
interrupted() {
	local pid status=0
	setsid shbuild "$tmp/kill/Dockerfile" &
	pid=$!
	within 30 asleep
	kill -INT "$(pgrep -s "$pid" -o shbuild || echo "$pid")"
	wait $pid || status=$?
	within 5 awake || fail 'still there'
	same 'exit status' "$status" 130
	echo 'exit status 130, nothing left'
}

next_build() {
	sed "s/^RUN sleep.*/RUN test -d \/before \&\& test ! -e \/half \&\& echo whole/" "$tmp/kill/Dockerfile" >"$tmp/kill/again"
	shbuild --progress plain "$tmp/kill/again"
	local drafts
	drafts=$(in_userns find "$SHBUILD_ROOT" -path '*tmp/*' -name half)
	same 'left-overs of the killed build' "$drafts" ''
	echo 'works, and the left-overs are gone'
}

check 'kill -9 during a RUN leaves no process and no mount' killed
check 'the next build works' next_build
check 'an interrupt ends it at once' interrupted
