# shellcheck shell=bash
# A file from a stranger: whatever the script tries outside a RUN, the machine is out of its reach.
: "${tmp:?}"

hostile=$tmp/hostile
mkdir "$hostile"
ln -s /etc "$hostile/etc"
ln -s /etc/passwd "$hostile/passwd"
echo 'echo harmless' >"$hostile/lib.sh"

# wrote LINE…: writes the script. LEAK is split, as an error message shows the line.
wrote() { printf 'FROM builtin:toybox\n%s\n' "${*//LEAK/LE\"\"AK}" >"$hostile/build.sh"; }

# refused LINE…: the script stops with an error at its second line, shows nothing of the machine and changes nothing.
refused() {
	local status=0
	wrote "$*"
	shbuild --progress plain --context "$hostile" "$hostile/build.sh" >"$tmp/hostile.out" 2>&1 || status=$?
	cat "$tmp/hostile.out"
	[ $status != 0 ] || fail 'it passed'
	if grep -E 'root:[x*]:|LEAK' "$tmp/hostile.out"; then fail 'it leaked'; fi
	[ ! -e "$tmp/written" ] || fail 'it wrote'
	grep -qE 'build\.sh:[0-9]+:[0-9]+: ' "$tmp/hostile.out" || fail 'no position'
	grep -m 1 -E 'build\.sh:[0-9]+:[0-9]+: ' "$tmp/hostile.out" | sed 's|.*/build\.sh|build.sh|'
}

# blind LINE…: the script may go on, but learns nothing.
blind() {
	wrote "$*"
	SECRET=LEAK shbuild --progress plain --context "$hostile" "$hostile/build.sh" >"$tmp/hostile.out" 2>&1 || true
	if grep -E 'root:[x*]:|LEAK' "$tmp/hostile.out"; then fail 'it leaked'; fi
	[ ! -e "$tmp/written" ] || fail 'it wrote'
}

while IFS= read -r line; do
	check "refused: $line" refused "$line"
done <<END
cat /etc/passwd
/bin/cat /etc/passwd
echo x > $tmp/written
echo x > written
. /etc/profile
curl http://127.0.0.1/
eval 'curl http://127.0.0.1/'
command id
exec id
read -r x < /etc/passwd; echo "LEAK \$x"
read -r x < etc/passwd; echo "LEAK \$x"
read -r x < passwd; echo "LEAK \$x"
read -r x < ../kill/Dockerfile; echo "LEAK \$x"
. passwd
mapfile -t lines < /etc/passwd; echo "LEAK"
x=\$(< /etc/passwd); echo "LEAK \$x"
cd /etc && echo LEAK
COPY ../kill/Dockerfile /x
COPY passwd/../../kill /x
USERNS 0
END

# shellcheck disable=SC2016
while IFS= read -r line; do
	check "learns nothing: $line" blind "$line"
done <<'END'
if [ -r /etc/shadow ]; then echo LEAK; fi
if [ -r /etc/passwd ]; then echo LEAK; fi
if [ -e etc/passwd ] || [ -r passwd ]; then echo LEAK; fi
if [ -d /root ] || [ -d /proc/1 ]; then echo LEAK; fi
for f in /etc/*; do [ "$f" = '/etc/*' ] || echo LEAK; done
for f in etc/* ../*; do case $f in *'*') ;; *) echo LEAK ;; esac; done
echo "$SECRET"
[ -z "$HOME$USER$SHBUILD_ROOT" ] || echo LEAK
[ ~root = '~root' ] || echo LEAK
RUN echo "$SECRET"; cat /proc/1/environ
END

# A link of the context is copied as a link: it points into the image then.
link_stays_inside() {
	printf 'FROM builtin:toybox\nCOPY passwd /copied\nRUN readlink /copied; cat /copied\n' >"$hostile/Dockerfile"
	shbuild --progress plain "$hostile/Dockerfile" >"$tmp/hostile.out" 2>&1 || true
	if grep -F "$(id -un):" "$tmp/hostile.out"; then fail "the host's file is in the image"; fi
	grep -m 1 'hostile/Dockerfile:' "$tmp/hostile.out" | sed 's|.*/||'
}
check 'COPY does not follow a link out of the context' link_stays_inside
