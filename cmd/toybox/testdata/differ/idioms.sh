# What Dockerfiles do. One snippet a line, see differ_test.go.
set -eux; { echo 'install: --no-document'; echo 'update: --no-document'; } > gemrc; mkdir -p etc && mv gemrc etc/; cat etc/gemrc
set -eux; savedAptMark="a b"; for pkg in $savedAptMark; do echo "$pkg"; done | sort -u | tr '\n' ' '; [ -z "$savedAptMark" ] || echo kept
set -eux; find d -type f -executable -not \( -name '*tk*' \) -exec echo '{}' ';' | awk '/=>/ { print $(NF-1) }' 2>/dev/null || true; echo end
set -ex; find . -depth \( \( -type d -a \( -name s -o -name tests \) \) -o \( -type f -a \( -name '*.pyc' -o -name '*.c' \) \) \) -exec rm -rf '{}' +
set -eu; arch="$(uname -m)"; case "$arch" in 'x86_64') url=amd64; sha=1 ;; 'aarch64') url=arm64; sha=2 ;; *) echo >&2 "unsupported: $arch"; exit 1 ;; esac; echo ${url:+known} ${sha:+sum}
echo "$(sha256sum words | cut -d' ' -f1) *words" | sha256sum -c - && mkdir -p usr/src && tar -cf - words | tar -x -C usr/src
sed -ri -e 's/^(Listen) .*/\1 8080/' -e 's!^(\s*ServerName)\s+\S+!\1 example!g' conf && grep -E '^(Listen|\s*ServerName)' conf
sed -ne 's/^key = \(.*\)/\1/p' conf; v=$(sed -n 's/^Listen //p' conf); test "$v" -eq 80 && echo port
cat > entry.sh <<'EOF' && chmod +x entry.sh && ./entry.sh serve --x
	#!/bin/sh
	set -e
	if [ "${1#-}" != "$1" ]; then
		set -- app "$@"
	fi
	if [ "$1" = 'serve' -a "$(id -u)" -ge 0 ]; then
		find . -maxdepth 1 -name 'w*' -exec ls {} +
	fi
	exec echo "$@"
	EOF
while IFS=: read -r user x uid rest; do [ "$uid" -ge 2 ] 2>/dev/null || continue; printf '%-6s %4d\n' "$user" "$uid"; done < table
for f in d/*.txt d/*.c; do b=$(basename "$f" .txt); [ -f "$f" ] && cp "$f" "out-$b"; done; ls out-*
ls d | while read -r name; do echo "<$name>"; done | tr '\n' ,
find d -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
find . -type f -name '*.txt' | sed 's|^\./||' | sort | while read f; do mkdir -p "mirror/$(dirname "$f")" && cp -p "$f" "mirror/$f"; done
[ -e .env ] && . ./.env || echo 'A=1' > .env; set -a; . ./.env; set +a; env | grep '^A='
(cd d && tar cf - .) | (mkdir copy && cd copy && tar xpf -); diff -r d copy 2>/dev/null || cmp d/a.txt copy/a.txt
rm -rf /nosuch/tmp/* /nosuch/var/tmp/* && : > log && truncate -s 0 log && test ! -s log && echo clean
ln -sf ../words d/current && readlink -f d/current | sed "s|$PWD|.|" && [ "$(cat d/current | head -n1)" = pear ] && echo same
printf '%s\n' '[core]' 'a = b' '' > conf.d && tr -d '\r' < conf.d | grep -v '^$' | tee conf.e | wc -l
n=0; until [ $n -ge 3 ]; do n=$((n+1)); false && break || sleep 0.01; done; echo tried $n
retry() { i=0; while ! "$@"; do i=$((i+1)); [ $i -lt 3 ] || return 1; done; }; retry test -f nosuch || echo failed; retry test -f words && echo ok
version=1.2.3-rc4; major=${version%%.*}; rest=${version#*.}; echo $major ${rest%%.*} ${version%-*}; [ "${version#*rc}" != "$version" ] && echo candidate
test "$(printf '%s\n' 1.10 1.9 | sort -V | tail -n1)" = 1.10 && echo newer; expr 3 \* 4; seq -s ' ' 1 5; date -u -d @0 +%Y-%m-%dT%H:%M:%SZ
install -d -m 0755 opt/app && install -m 0644 words opt/app/ && install -D -m 0700 run opt/bin/run && opt/bin/run x && stat -c '%a %n' opt/app opt/app/words opt/bin/run
grep -rl apple . | sort | xargs sed -i 's/apple/pear/g' && grep -c pear words; grep -q pear words || exit 1; if grep -qs x nosuch; then echo no; fi
{ echo start; cat noend; echo; } | grep -n . ; cut -d: -f1 table | sort | uniq -c | sort -rn | head -3; tail -n +2 table | head -n1 | cut -d: -f6
timeout 5 sh -c 'until [ -f words ]; do sleep 0.1; done' && echo there; (sleep 0.05; echo late > late) & wait; cat late
sh -c 'exec sleep 2' >/dev/null & pid=$!; sleep 0.1; kill "$pid" && wait "$pid" || echo "ended $?"
export PATH="$PWD/bin:$PATH"; mkdir bin; printf '#!/bin/sh\necho tool "$@"\n' > bin/tool; chmod 755 bin/tool; tool a; command -v tool | sed "s|$PWD|.|"
chmod -R a-w d; ls -ld d d/a.txt | cut -c1-10; chmod -R u+w d; echo 'a:b' | tr ':' '\n' | tac; mkdir -p a/b && ls a | head -c 1
printf 'y\nn\n' | { read a; read b; echo "$a$b"; }; yes | head -c 4 | wc -c; echo "PATH" | tr A-Z a-z | rev; base64 < words | base64 -d | cmp - words && echo equal
cp -a d e && rm -rf e/s && cp -r d/. e && find e -newer words | sort | wc -l; du -s empty | cut -f1; touch -r words e/x; [ e/x -nt d ] || echo old; find e -name x -newer words
dir=$(mktemp -d) && trap 'rm -rf "$dir"; echo removed' EXIT && echo x > "$dir/f" && cat "$dir/f" && false || echo not; ls "$dir"
set -e; f=$(ls nosuch 2>/dev/null) || f=none; echo $f; g=$(cat words | head -n1); echo $g; [ -n "$g" ] && h=yes; echo ${h:-no}; ! grep -q zzz words; echo status $?
