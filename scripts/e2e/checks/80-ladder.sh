# shellcheck shell=bash
# The ladder of isolation: in each place the rung that is expected, and a build with apt-get on it, or what it is
# refused with. See docs/isolation.md.
: "${tmp:?}" "${cache:?}" "${registry:?}" "${top:?}"

ladder=$tmp/ladder
mkdir "$ladder"
install -m 755 "$top/bin/shbuild" "$ladder/shbuild"
# What tells whether it went well is in the image: an owner that a maintainer script gives, one that COPY gives.
cat >"$ladder/Apt" <<-END
	FROM $registry/debian:12
	RUN apt-get update -q && apt-get install -q -y --no-install-recommends openssh-client && ssh -V && useradd -m bob
	COPY --chown=bob:1234 Apt /given
	RUN sleep 3600 & setsid sleep 3601 & env | grep -c APT_ || true; test -e /etc/passwd
END
cat >"$ladder/Small" <<-'END'
	FROM builtin:toybox
	COPY --chown=7:8 Small /given
	RUN id -u > /who && chown 3:4 /who && rm /bin/dd
END
chmod -R a+rX "$ladder"

# rung_is LOG RUNG…: the first line says it, and nothing more than that and its reason.
rung_is() {
	local log=$1
	shift
	grep -qE "^#0 isolation: $*( \(|$)" "$log" || { cat "$log" && fail "not on the rung $*"; }
}

# given LAYOUT: the owner of /given in the image of an OCI archive.
given() {
	local dir
	dir=$(mktemp -d "$tmp/given.XXXX")
	tar -xf "$1" -C "$dir"
	for blob in "$dir"/blobs/sha256/*; do tar -tvzf "$blob" --numeric-owner 2>/dev/null | awk '$6 == "given" { print $2 }'; done
}

# docked FLAGS RUNG FILE [IMAGE]: a build in a docker container.
docked() {
	local flags=$1 rung=$2 file=$3 image=${4:-ladder-debian} status=0
	# shellcheck disable=SC2086
	docker -H "$SHBUILD_E2E_DOCKER" run --rm --network host -v "$ladder:/ladder:ro" $flags "$image" \
		/ladder/shbuild build --root /tmp/state --progress plain -f "/ladder/$file" -o type=oci,dest=- /ladder \
		>"$tmp/docked.tar" 2>"$tmp/docked.log" || status=$?
	rung_is "$tmp/docked.log" "$rung"
	return $status
}

built_in_docker() {
	docked "$@" || { cat "$tmp/docked.log" && fail 'it failed'; }
	case $3 in
	Apt) same 'the owner of /given' "$(given "$tmp/docked.tar")" 1000/1234 ;;
	Small) same 'the owner of /given' "$(given "$tmp/docked.tar")" 7/8 ;;
	esac
	grep -m 1 '^#0 isolation' "$tmp/docked.log"
}

no_run() {
	if docked "$1" none Small; then fail 'it passed'; fi
	grep -qE '/ladder/Small:3:1: RUN: .*this place allows no RUN: no full: .*; no one-id: .*; no chroot: ' "$tmp/docked.log" || { cat "$tmp/docked.log" && fail 'no reason'; }
	grep -q '^hint: for full: ' "$tmp/docked.log" || fail 'no hint'
	grep -m 1 -o 'no chroot: .*' "$tmp/docked.log"
}

without_run() {
	sed '/^RUN/d' "$ladder/Small" >"$ladder/NoRun"
	docked "--user 1000 --cap-drop ALL --security-opt no-new-privileges" none NoRun || { cat "$tmp/docked.log" && fail 'it failed'; }
	same 'the owner of /given' "$(given "$tmp/docked.tar")" 7/8
}

on_host() {
	shbuild build --isolation "$1" --progress plain -f "$ladder/$2" -o "type=oci,dest=$tmp/host.tar" "$ladder" >"$tmp/host.log" 2>&1 || { cat "$tmp/host.log" && fail 'it failed'; }
	rung_is "$tmp/host.log" "$3"
	same 'the owner of /given' "$(given "$tmp/host.tar")" "$4"
	if pgrep -u "$(id -u)" -f '^(setsid )?sleep 360[01]' >/dev/null; then fail 'a process was left behind'; fi
}

# podded RUNG FILE OWNER [FLAG…]: a container that is in a user namespace with many ids, as a pod with hostUsers: false. It is
# inside one as it is: every container of podman's of an ordinary user is.
podded() {
	engine run --rm --network host "${@:4}" --tmpfs /state:exec -v "$ladder:/ladder:ro" "$registry/debian:12" \
		/ladder/shbuild build --root /state --progress plain -f "/ladder/$2" -o type=oci,dest=- /ladder \
		>"$tmp/podded.tar" 2>"$tmp/podded.log" || { cat "$tmp/podded.log" && fail 'it failed'; }
	rung_is "$tmp/podded.log" "$1"
	same 'the owner of /given' "$(given "$tmp/podded.tar")" "$3"
	grep -m 1 '^#0 isolation' "$tmp/podded.log"
}

# With SHBUILD_E2E_QUICK set apt-get is only in some of the places, each rung among them: it takes most of the time.
file=Apt with=apt-get owner=1000/1234
[ -z "${SHBUILD_E2E_QUICK:-}" ] || file=Small with='a RUN' owner=7/8
check 'one id on a host: apt-get, and owners that are kept' on_host one-id Apt 'one-id, as asked for' 1000/1234
check 'full on a host: apt-get' on_host full Apt 'full, [0-9]+ sub-ids, as asked for' 1000/1234
if [ -n "${SHBUILD_E2E_DOCKER:-}" ]; then
	docker -H "$SHBUILD_E2E_DOCKER" import "$cache/debian-12.tar" ladder-debian >/dev/null
	open='--security-opt seccomp=unconfined'
	check 'docker run, root: a chroot, apt-get' built_in_docker '' chroot Apt
	check "docker, no seccomp, root: full with the outer /proc, $with" built_in_docker "$open" 'full, every id, with the /proc of the outside' $file
	unmasked="$open --security-opt systempaths=unconfined"
	check 'docker, an unmasked /proc, root: full' built_in_docker "$unmasked" 'full, every id' Small
	check 'images with newuidmap' with_uidmap
	check "docker, no seccomp, user 1000, newuidmap by setuid: one id, $with" \
		built_in_docker "$open --user 1000" 'one-id, with the /proc of the outside' $file ladder-setuid
	check 'docker, no seccomp, user 1000, newuidmap with capabilities: full with the outer /proc, apt-get' \
		built_in_docker "$open --user 1000" 'full, 65536 sub-ids, with the /proc of the outside' Apt ladder-capable
	check "… and an unmasked /proc: full, $with" built_in_docker "$unmasked --user 1000" 'full, 65536 sub-ids' $file ladder-capable
	check "… and no-new-privileges: one id, $with" \
		built_in_docker "$unmasked --security-opt no-new-privileges --user 1000" one-id $file ladder-capable
	check 'docker, user 1000: no RUN' no_run '--user 1000'
	check 'docker, nothing allowed: no RUN' no_run '--user 1000 --cap-drop ALL --security-opt no-new-privileges'
	check 'docker, root without capabilities: no RUN' no_run '--cap-drop ALL'
	check 'docker, nothing allowed: all but RUN' without_run
else
	skip 'the ladder in docker' 'there is no dockerd'
fi
open=(--security-opt seccomp=unconfined --security-opt unmask=ALL)
check "podman, a container with many ids: full, $with" podded 'full, [0-9]+ sub-ids' $file $owner --cap-add SYS_ADMIN "${open[@]}"
check 'podman, the same without SYS_ADMIN: full, nested, apt-get' podded 'full, every id' Apt 1000/1234 "${open[@]}"
