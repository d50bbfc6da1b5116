# shellcheck shell=bash
# docs/doctor.md shows what doctor says in several places: each block below a line <!-- PLACE --> is compared with what is
# said there. With SHBUILD_DOCTOR_PAGE=FILE the page is written to FILE as it should be.
: "${tmp:?}" "${cache:?}" "${registry:?}" "${top:?}"

doctor=$tmp/doctor
mkdir "$doctor"
install -m 755 "$top/bin/shbuild" "$doctor/shbuild"

# said PLACE STATUS COMMAND…: keeps what COMMAND says, without what is this machine's: its versions, ids, sizes, cgroups. Of
# newuidmap and newgidmap, which run side by side, either may be the first to fail.
said() {
	local place=$1 want=$2 status=0
	shift 2
	"$@" >"$doctor/$place.raw" 2>&1 || status=$?
	sed -E -e 's/^shbuild [^,]+, Linux [^,]+/shbuild 1.0, Linux 6.12.0/' -e "s/, user $(id -u)\$/, user 1000/" -e "s#$HOME#/home/bob#g" \
		-e 's/: [0-9.]+[kKMGTP]?i?B of [0-9.]+[kKMGTP]?i?B free, (ext4|xfs|btrfs|tmpfs|overlay)$/: 20GiB of 100GiB free, \1/' \
		-e '/^full /{s/newgidmap/newuidmap/g; s/gid_map/uid_map/}' "$doctor/$place.raw" >"$doctor/$place.txt"
	without memory "$doctor/$place.txt"
	same "$place: status" "$status" "$want" || { cat "$doctor/$place.raw" && return 1; }
	sed -n '3p' "$doctor/$place.txt"
}

# on_this_machine PLACE STATUS COMMAND…: without the network, too, which is what happens to be installed.
on_this_machine() {
	said "$@"
	without network "$doctor/$1.txt"
	sed -i -E 's/, (xfs|btrfs|tmpfs)$/, ext4/' "$doctor/$1.txt"
}

# without TOPIC FILE: without that line and its arrow.
without() {
	awk -v topic="$1" '/^[^ ]/ { gone = $1 == topic } !gone' "$2" >"$2.new"
	mv "$2.new" "$2"
}

doctor_in_docker() {
	local place=$1 status=$2 image=$3
	shift 3
	said "$place" "$status" docker -H "$SHBUILD_E2E_DOCKER" run --rm -v "$doctor/shbuild:/usr/local/bin/shbuild:ro" "$@" "$image" shbuild doctor
}

doctor_in_podman() {
	said "$1" "$2" engine run --rm --network host -v "$doctor/shbuild:/usr/local/bin/shbuild:ro" "${@:3}" "$registry/debian:12" shbuild doctor
}

# page: docs/doctor.md with what was said in its blocks.
page() {
	awk -v dir="$doctor" '
		/^<!-- .* -->$/ { place = $2 }
		{ if (!skip || $0 == "```") print; if ($0 == "```") skip = 0 }
		place != "" && /^\$ / {
			file = dir "/" place ".txt"
			while ((getline line < file) > 0) print line
			close(file); skip = 1; place = ""
		}' "$top/docs/doctor.md" >"$doctor/page"
	[ -z "${SHBUILD_DOCTOR_PAGE:-}" ] || cp "$doctor/page" "$SHBUILD_DOCTOR_PAGE"
	diff -u "$top/docs/doctor.md" "$doctor/page"
	grep -c '^<!--' "$doctor/page" | sed 's/$/ places/'
}

SHBUILD_ROOT='' check 'doctor on a host' on_this_machine host 0 shbuild doctor
SHBUILD_ROOT='' check 'doctor on a host, without new privileges' on_this_machine no-new-privileges 0 setpriv --no-new-privs "$doctor/shbuild" doctor
check 'doctor in podman' doctor_in_podman podman 1
check 'doctor in podman, as a pod with hostUsers: false' doctor_in_podman podman-open 0 --security-opt seccomp=unconfined --security-opt unmask=ALL \
	--tmpfs /root/.local:exec
if [ -n "${SHBUILD_E2E_DOCKER:-}" ]; then
	state=(--tmpfs '/state:exec,dev,mode=1777' -e SHBUILD_ROOT=/state)
	open=(--security-opt seccomp=unconfined)
	docker -H "$SHBUILD_E2E_DOCKER" image inspect ladder-debian >/dev/null 2>&1 || docker -H "$SHBUILD_E2E_DOCKER" import "$cache/debian-12.tar" ladder-debian >/dev/null
	check 'images with newuidmap' with_uidmap
	check 'doctor in docker, root' doctor_in_docker docker 0 ladder-debian "${state[@]}"
	check 'doctor in docker, no seccomp' doctor_in_docker docker-open 0 ladder-debian "${state[@]}" "${open[@]}"
	check 'doctor in docker, no seccomp, user 1000' doctor_in_docker docker-user 0 ladder-setuid "${state[@]}" "${open[@]}" --user 1000
	check 'doctor in docker, with file capabilities' doctor_in_docker docker-capable 0 ladder-capable "${state[@]}" "${open[@]}" \
		--security-opt systempaths=unconfined --user 1000
	check 'doctor in docker, nothing allowed' doctor_in_docker docker-nothing 1 ladder-debian "${state[@]}" --user 1000 --cap-drop ALL --security-opt no-new-privileges
	check 'docs/doctor.md' page
else
	skip 'docs/doctor.md' 'there is no dockerd'
fi
