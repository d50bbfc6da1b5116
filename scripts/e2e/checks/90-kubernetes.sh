# shellcheck shell=bash
# examples/kubernetes: each grade, without a cluster. bin/manifests says how docker starts a container with the security
# context that the manifest has; for a pod in a user namespace of its own (hostUsers: false) podman does, whose containers
# are in one. The clone comes from a git server on loopback, and the push goes to a registry that wants the Secret's password.
: "${tmp:?}" "${registry:?}" "${top:?}"

kube=$tmp/kube
mkdir -p "$kube/secrets/registry-credentials" "$kube/repositories/dockerfiles/irssi" "$kube/repositories/site/site" "$kube/profiles"
cp "$top/examples/kubernetes/shbuild.json" "$kube/profiles"
chmod -R a+rX "$kube"

kube_servers() {
	cat >"$kube/registry.yml" <<-END
		version: 0.1
		log: {accesslog: {disabled: true}}
		storage: {filesystem: {rootdirectory: $kube/registry}}
		http: {addr: "127.0.0.1:0"}
		auth: {htpasswd: {realm: test, path: $kube/users}}
	END
	# build, secret
	perl -e 'print "build:" . crypt("secret", "\$2y\$05\$abcdefghijklmnopqrstuu") . "\n"' >"$kube/users"
	docker-registry serve "$kube/registry.yml" >"$kube/registry.log" 2>&1 &
	pids+=($!)
	within 10 grep -q 'listening on' "$kube/registry.log" || { cat "$kube/registry.log" && return 1; }
	locked=$(sed -n 's/.*listening on \(127\.0\.0\.1:[0-9]*\).*/\1/p' "$kube/registry.log")
	printf '{"auths": {"%s": {"auth": "%s"}}}' "$locked" "$(printf build:secret | base64)" >"$kube/secrets/registry-credentials/config.json"

	cat >"$kube/repositories/dockerfiles/irssi/Dockerfile" <<-END
		FROM $registry/debian:12
		RUN apt-get update && apt-get install -y --no-install-recommends irssi
		RUN useradd --create-home user && touch /home/user/notes && chown -R user:user /home/user
		USER user
		CMD ["irssi"]
	END
	cat >"$kube/repositories/site/Dockerfile" <<-END
		FROM $registry/debian:12
		COPY --chown=33:33 site /srv/site
		LABEL org.opencontainers.image.title=site
	END
	printf 'FROM builtin:toybox\nRUN true\n' >"$kube/repositories/site/Run"
	echo hello >"$kube/repositories/site/site/index.html"
	local repository port
	for repository in dockerfiles site; do
		git -C "$kube/repositories/$repository" init -q
		git -C "$kube/repositories/$repository" add .
		git -C "$kube/repositories/$repository" -c user.name=me -c user.email=me@example commit -q -m first
	done
	port=$((20000 + $$ % 20000))
	git daemon --reuseaddr --export-all --base-path="$kube/repositories" --listen=127.0.0.1 --port=$port >"$kube/git.log" 2>&1 &
	pids+=($!)
	git_server=git://127.0.0.1:$port
	within 10 git ls-remote -q "$git_server/site" >/dev/null 2>&1 || { cat "$kube/git.log" && return 1; }
}

kube_images() {
	self_image
	printf 'FROM %s\nRUN apt-get update && apt-get install -y --no-install-recommends git\n' "$registry/debian:12" >"$kube/Git"
	shbuild -t registry.example/git -o "type=docker,dest=$kube/git.tar" "$kube/Git"
	local image
	for image in shbuild git; do
		[ $image = git ] || cp "$tmp/self.tar" "$kube/shbuild.tar"
		docker -H "$SHBUILD_E2E_DOCKER" load -q -i "$kube/$image.tar"
		engine load -q -i "$kube/$image.tar"
	done
}

in_engine() {
	case $1 in
	docker) docker -H "$SHBUILD_E2E_DOCKER" "${@:2}" ;;
	podman) engine "${@:2}" ;;
	esac
}

# container ENGINE GRADE CONTAINER [ARG…]: runs one of a manifest's containers, with ARGs instead of its own.
container() {
	local engine=$1 grade=$2 name=$3 words i
	shift 3
	PROFILES=$kube/profiles SECRETS=$kube/secrets manifests "$engine" "$top/examples/kubernetes/$grade.yaml" "$name" >"$kube/words"
	mapfile -t words < <(sed -E -e "s#^(state|source|temporary):#kube-$grade-\1:#" -e "s#^https://git\.example/#$git_server/#" \
		-e "s#^registry\.example/(irssi|site):latest#$locked/$grade-\1:1#" "$kube/words")
	if [ $# != 0 ]; then
		for i in "${!words[@]}"; do [ "${words[i]}" != registry.example/shbuild:latest ] || break; done
		words=("${words[@]:0:i+1}" "$@")
	fi
	in_engine "$engine" run --rm --network host "${words[@]}"
}

# pod ENGINE GRADE IMAGE RUNG: its volumes, then its containers, one after the other; what is pushed is IMAGE.
pod() {
	local engine=$1 grade=$2 image=$3 rung=$4 volume
	for volume in state source temporary; do
		in_engine "$engine" volume create "kube-$grade-$volume" >/dev/null
		# An emptyDir is everybody's.
		in_engine "$engine" run --rm --network host --entrypoint chmod -v "kube-$grade-$volume:/v" registry.example/git 1777 /v
	done
	container "$engine" "$grade" clone >"$kube/log" 2>&1 || { cat "$kube/log" && fail 'clone'; }
	container "$engine" "$grade" build >"$kube/log" 2>&1 || { cat "$kube/log" && fail 'build'; }
	grep -qE "^#0 isolation: $rung( \(|\$)" "$kube/log" || { cat "$kube/log" && fail "not $rung"; }
	grep -qF "| [$grade]($grade.yaml) | \`${rung%%,*}\`" "$top/examples/kubernetes/README.md" || fail 'the README has another rung'
	if skopeo inspect --tls-verify=false "docker://$locked/$grade-$image:1" >/dev/null 2>&1; then fail 'the registry wants no password'; fi
	skopeo inspect --tls-verify=false --creds build:secret --config "docker://$locked/$grade-$image:1" >"$kube/config"
	grep -m 1 '^#0 isolation' "$kube/log"
}

# doctor_of ENGINE GRADE STATUS WORD: what shbuild doctor says there.
doctor_of() {
	local status=0
	container "$1" "$2" build doctor >"$kube/log" 2>&1 || status=$?
	same "status" "$status" "$3" || { cat "$kube/log" && return 1; }
	grep -E "^RUN: $4" "$kube/log" || { cat "$kube/log" && fail "not $4"; }
}

refused() {
	if container docker restricted build build -f /src/site/Run /src/site >"$kube/log" 2>&1; then fail 'it passed'; fi
	grep 'Run:2:1: RUN: .*this place allows no RUN' "$kube/log" || { cat "$kube/log" && fail 'no reason'; }
}

# irssi GRADE: the image that was pushed, in podman: the program, and the owner that a RUN gave.
irssi() {
	engine pull -q --tls-verify=false --creds build:secret "$locked/$1-irssi:1" >/dev/null
	same 'owner' "$(engine run --rm --network host "$locked/$1-irssi:1" stat -c %U /home/user/notes)" user
	engine run --rm --network host "$locked/$1-irssi:1" irssi --version
}

# profile_instead: docker with the seccomp profile that ships, instead of none.
profile_instead() {
	docker -H "$SHBUILD_E2E_DOCKER" run --rm --network none --security-opt "seccomp=$kube/profiles/shbuild.json" --security-opt systempaths=unconfined \
		registry.example/shbuild doctor --isolation full | grep '^RUN: yes'
	if docker -H "$SHBUILD_E2E_DOCKER" run --rm --network none registry.example/shbuild doctor >"$kube/log"; then fail 'no profile is needed at all'; fi
}

# played: the grade restricted as a whole pod, by podman kube play. podman 4.3 knows no Job, no hostUsers and no procMount,
# so it is this one. Its Secrets are not decoded, have no items, and crash it where optional is not said: so there is no push.
played() {
	{
		printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: registry-credentials}\ndata: {config.json: %s}\n---\n' \
			"$(base64 -w 0 "$kube/secrets/registry-credentials/config.json")"
		sed -E -e 's#^( *)image: .*#&\n\1imagePullPolicy: Never#' -e 's#^( *)secretName: .*#&\n\1optional: false#' -e '/^ *items:/,$d' -e 's#--push, ##' \
			-e "s#https://git\.example/#$git_server/#" "$top/examples/kubernetes/restricted.yaml"
	} >"$kube/pod.yaml"
	engine kube play --network host "$kube/pod.yaml" >"$kube/log" 2>&1 || { cat "$kube/log" && return 1; }
	local status
	status=$(engine wait shbuild-restricted-build)
	engine logs shbuild-restricted-build >"$kube/log" 2>&1
	engine inspect --format '{{.HostConfig.ReadonlyRootfs}} {{.EffectiveCaps}} {{.HostConfig.SecurityOpt}} {{.Config.User}}' shbuild-restricted-build >"$kube/context"
	engine kube down "$kube/pod.yaml" >/dev/null 2>&1
	same 'status' "$status" 0 || { cat "$kube/log" && return 1; }
	same 'security context' "$(cat "$kube/context")" 'true [] [no-new-privileges] 1000:1000'
	grep -qF 'named registry.example/site:latest' "$kube/log" || { cat "$kube/log" && fail 'no image'; }
	grep -m 1 '^#0 isolation: none' "$kube/log"
}

if [ -n "${SHBUILD_E2E_DOCKER:-}" ] && command -v manifests >/dev/null; then
	kube_servers
	check 'images of shbuild and git' kube_images
	check 'restricted: all but RUN, and a push' pod docker restricted site none
	check 'restricted: doctor' doctor_of docker restricted 1 'no; all but RUN works'
	check 'restricted: no RUN' refused
	check 'restricted: by podman kube play' played
	check 'legacy: clones, builds irssi/ as user 1000, pushes' pod docker legacy irssi 'full, 65536 sub-ids, with the /proc of the outside'
	check 'legacy: irssi runs' irssi legacy
	check 'legacy: doctor' doctor_of docker legacy 0 'yes, full, 65536 sub-ids, with the /proc of the outside'
	check 'baseline: clones, builds irssi/, pushes' pod podman baseline irssi 'full, every id'
	check 'baseline: irssi runs' irssi baseline
	check 'baseline: doctor' doctor_of podman baseline 0 'yes, full, every id'
	check 'the seccomp profile, in docker' profile_instead
else
	skip 'examples/kubernetes' 'there is no dockerd, or no bin/manifests'
fi
