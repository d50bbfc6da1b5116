# shellcheck shell=bash
# The real things that shbuild is held against.
: "${tmp:?}" "${cache:?}" "${mirror:?}" "${top:?}"

# start_registry: docker-registry on a free loopback port; sets $registry.
start_registry() {
	cat >"$tmp/registry.yml" <<-END
		version: 0.1
		log: {accesslog: {disabled: true}}
		storage: {filesystem: {rootdirectory: $tmp/registry}}
		http: {addr: "127.0.0.1:0"}
	END
	docker-registry serve "$tmp/registry.yml" >"$tmp/registry.log" 2>&1 &
	pids+=($!)
	within 10 grep -q 'listening on' "$tmp/registry.log" || { cat "$tmp/registry.log" && exit 1; }
	registry=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$tmp/registry.log")
}

# debian_base: pushes a Debian 12 as $registry/debian:12. Its tarball is made once a month.
debian_base() {
	local tar=$cache/debian-12.tar layout=$tmp/base
	if [ -z "$(find "$tar" -mtime -30 2>/dev/null)" ]; then
		echo "e2e: mmdebstrap of Debian 12 from $mirror"
		# Its root is a sub-id, which must be able to reach the folder.
		TMPDIR=/var/tmp mmdebstrap --mode=unshare --format=tar --variant=minbase --include=ca-certificates bookworm "$tar.new" "$mirror" \
			>"$tmp/mmdebstrap.log" 2>&1 || { tail "$tmp/mmdebstrap.log" && exit 1; }
		mv "$tar.new" "$tar"
	fi
	umoci init --layout "$layout"
	umoci new --image "$layout:12"
	umoci raw add-layer --image "$layout:12" "$tar" >/dev/null
	umoci config --image "$layout:12" --config.cmd bash \
		--config.env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	skopeo copy -q --dest-tls-verify=false "oci:$layout:12" "docker://$registry/debian:12"
}

# podman as this user.
runtime=crun
engine() {
	podman --root "$tmp/podman" --runroot "$tmp/podman-run" --cgroup-manager=cgroupfs --events-backend=file \
		--runtime "$(command -v "$runtime")" "$@"
}

# choose_runtime: crun cannot run where both versions of cgroups are mounted; there, runc can.
choose_runtime() {
	for runtime in crun runc; do
		command -v $runtime >/dev/null || continue
		engine pull -q --tls-verify=false "$registry/debian:12" >/dev/null 2>"$tmp/podman.err" || continue
		if inside debian:12 true >/dev/null; then return; fi
	done
	echo 'e2e: podman can run nothing here' && cat "$tmp/podman.err" && exit 1
}

# pulled IMAGE [TAG]: podman pulls it from the registry.
pulled() { engine pull -q --tls-verify=false "$registry/$1"; }

# inside IMAGE COMMAND…: what COMMAND prints in a podman container.
inside() {
	local image=$1
	shift
	engine run --rm --pull=never --network=host "$registry/$image" "$@" 2>"$tmp/podman.err" || { cat "$tmp/podman.err" && return 1; }
}

# in_userns COMMAND…: as the root of this user's sub-ids.
in_userns() { unshare --user --map-auto --map-root-user "$@"; }

# ms COMMAND…: its milliseconds in $ms; its output goes to $tmp/log.
# shellcheck disable=SC2034
ms() {
	local start=${EPOCHREALTIME/./}
	"$@" >"$tmp/log" 2>&1 || { tail -n 30 "$tmp/log" && return 1; }
	ms=$(((${EPOCHREALTIME/./} - start) / 1000))
}

# with_uidmap: two images for docker, with newuidmap and newgidmap in them and sub-ids for the user 1000: ladder-setuid, as
# Debian has them, and ladder-capable, with file capabilities instead of the setuid bit.
with_uidmap() {
	local how
	[ ! -e "$tmp/uidmap" ] || return 0
	mkdir "$tmp/uidmap"
	cat >"$tmp/uidmap/Dockerfile" <<-END
		FROM $registry/debian:12 AS setuid
		RUN apt-get update -q && apt-get install -q -y --no-install-recommends uidmap libcap2-bin
		RUN useradd --create-home --uid 1000 bob && echo 1000:100000:65536 | tee /etc/subuid >/etc/subgid
		FROM setuid AS capable
		RUN chmod u-s /usr/bin/new?idmap && setcap cap_setuid=ep /usr/bin/newuidmap && setcap cap_setgid=ep /usr/bin/newgidmap
	END
	for how in setuid capable; do
		shbuild -t "ladder-$how" --target "$how" -o "type=docker,dest=$tmp/uidmap/$how.tar" "$tmp/uidmap/Dockerfile" >"$tmp/uidmap.log" 2>&1 ||
			{ cat "$tmp/uidmap.log" && return 1; }
		docker -H "$SHBUILD_E2E_DOCKER" load -q -i "$tmp/uidmap/$how.tar" >/dev/null
	done
}

# self_image: $tmp/self.tar, the image of examples/self, for docker and podman.
self_image() {
	[ ! -e "$tmp/self.tar" ] || return 0
	SOURCE_DATE_EPOCH=0 shbuild --build-arg BASE="$registry/debian:12" --build-context "bin=$top/bin" -t registry.example/shbuild \
		-o "type=docker,dest=$tmp/self.tar" "$top/examples/self/Dockerfile"
}
