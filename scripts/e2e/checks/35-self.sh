# shellcheck shell=bash
# examples/self: the image of shbuild, built by it as an ordinary user, builds examples/hello in docker. The same image comes
# of it in every way to run it.
: "${tmp:?}" "${registry:?}" "${top:?}"

self_built() {
	self_image
	SOURCE_DATE_EPOCH=0 shbuild -o "type=oci,dest=$tmp/self.want,rewrite-timestamp=true" "$top/examples/hello/Dockerfile"
	du -m "$tmp/self.tar" | sed 's/\t.*/ MB/'
}

self_loaded() {
	docker -H "$SHBUILD_E2E_DOCKER" load -q -i "$tmp/self.tar"
	if docker -H "$SHBUILD_E2E_DOCKER" run --rm --network none --entrypoint /bin/sh registry.example/shbuild; then fail 'there is a shell'; fi >"$tmp/self.log" 2>&1
	docker -H "$SHBUILD_E2E_DOCKER" run --rm --network none registry.example/shbuild version
}

# self_in RUNG FLAG…: builds hello in a container.
self_in() {
	local rung=$1
	shift
	docker -H "$SHBUILD_E2E_DOCKER" run --rm --network none -e SOURCE_DATE_EPOCH=0 -v "$tmp/hello:/src:ro" "$@" \
		registry.example/shbuild build --progress plain -o type=oci,dest=-,rewrite-timestamp=true /src >"$tmp/self.oci" 2>"$tmp/self.log" || { cat "$tmp/self.log" && return 1; }
	grep -qE "^#0 isolation: $rung( \(|\$)" "$tmp/self.log" || { cat "$tmp/self.log" && fail "not $rung"; }
	same 'the index' "$(tar -xOf "$tmp/self.oci" index.json)" "$(tar -xOf "$tmp/self.want" index.json)"
	grep -m 1 '^#0 isolation' "$tmp/self.log"
}

self_no_run() {
	if self_in none "$@"; then fail 'it passed'; fi
	grep -q 'RUN: .*this place allows no RUN' "$tmp/self.log" || { cat "$tmp/self.log" && fail 'no reason'; }
	docker -H "$SHBUILD_E2E_DOCKER" run --rm --network none "$@" registry.example/shbuild doctor >"$tmp/self.log" && fail 'doctor says that RUN works'
	grep -m 1 '^RUN: no' "$tmp/self.log"
}

if [ -n "${SHBUILD_E2E_DOCKER:-}" ]; then
	cp -Rp "$top/examples/hello" "$tmp/hello"
	chmod -R a+rX "$tmp/hello"
	check 'shbuild builds the image of shbuild' self_built
	check 'docker loads it; it has no shell' self_loaded
	open=(--security-opt seccomp=unconfined)
	unmasked=("${open[@]}" --security-opt systempaths=unconfined)
	check 'self, as user 1000' self_in 'full, 65536 sub-ids' "${unmasked[@]}"
	check 'self, as root' self_in 'full, every id' "${unmasked[@]}" --user 0
	check 'self, as user 1000, with the outer /proc' self_in 'full, 65536 sub-ids, with the /proc of the outside' "${open[@]}"
	check 'self, as user 1000, without new privileges' self_in 'one-id, with the /proc of the outside' "${open[@]}" --security-opt no-new-privileges
	check 'self, as root, by docker run alone' self_in chroot --user 0
	check 'self, as user 1000, by docker run alone' self_no_run
else
	skip 'examples/self' 'there is no dockerd'
fi
