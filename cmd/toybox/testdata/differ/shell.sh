# One snippet a line, see differ_test.go.
set -eu; echo a; false; echo b
(set -eu; echo ${nosuch}; echo b) || echo failed
set -e; if false; then :; fi; false || true; ! true; echo reached
set -e; f() { false; echo in; }; f || echo or; f; echo no
set -e; (false; echo x) || echo y; x=$(false); echo z
set -x; echo a 2>/dev/null; set +x; echo b
set -o errexit; set -o nounset; set +e; false; echo on
echo $0 $# "$@"; set -- a 'b c' d; echo $# "$2"; shift; echo $1; for x; do echo "<$x>"; done; echo "$*"; IFS=,; echo "$*"
sh -c 'echo $0 $1 $#' name x y; sh -c 'exit 3'; echo $?; sh -ec 'false; echo no'; echo $?; sh -s a b <<X
	echo \$1 \$2
	X
echo 'echo script $0 $1' > s.sh; sh s.sh arg; chmod +x s.sh; ./s.sh x; sh ./nosuch || echo failed; . ./s.sh; echo 'exit 4' > t; sh t; echo $?
./run a "b c"; echo '#!/bin/nosuch' > bad; chmod +x bad; ./bad; echo $?; ./words; echo $?; nosuch; echo $?; ./d; echo $?; ./nosuch; echo $?
trap 'echo bye' EXIT; echo hi; exit 3
trap 'echo bye' 0; (exit 2); echo $?
trap 'echo term; exit 7' TERM; kill -TERM $$; echo not
trap 'echo usr1' USR1; kill -USR1 $$; echo after; trap - USR1; trap '' TERM; kill $$; echo still
trap 'echo int' INT TERM; kill -s INT $$; kill -15 $$; echo end
trap 'rm -f tmpfile' EXIT; touch tmpfile; false
f() { trap 'echo inner' EXIT; echo f; }; f; echo after
sh -c 'kill -TERM $$'; echo $?; sh -c 'kill -9 $$'; echo $?; sh -c 'exit 300'; echo $?
sleep 0.05 & wait; echo $?; sleep 0.05 & wait $!; echo $?; (exit 3) & wait $!; echo $?; false & wait; echo $?
(echo a; sleep 0.1; echo b) & wait; echo c; { sleep 0.05; echo bg > out; } & wait $!; cat out
sleep 5 & pid=$!; kill $pid; wait $pid; echo $?
sleep 5 & kill -9 $!; wait $!; echo $?
sleep 0.2 & p=$!; kill -0 $p && echo alive; wait $p; kill -0 $p 2>/dev/null || echo gone
sh -c 'sleep 2 >/dev/null 2>&1 & echo $! > pid; wait' & while [ ! -s pid ]; do sleep 0.02; done; kill $(cat pid); wait; rm pid; echo done
sh -c 'trap "echo got; exit 5" TERM; touch ready; while :; do sleep 0.05; done' & while [ ! -e ready ]; do sleep 0.02; done; kill $!; wait $!; echo $?
cat <<X
	a $HOME $(echo b) `echo c` \$d
	X
cat <<'X'
	a $HOME $(echo b) \$d
	X
cat <<-X | tr a-z A-Z
		indented
		X
cat > f <<A && cat > g <<B
	one
	A
	two
	B
while read -r a b; do echo "[$a|$b]"; done < conf; read x < words; echo $x; echo 'a:b' | { IFS=: read -r p q; echo $q; }; printf 'no end' | { read x; echo $? $x; }; echo 'a\wb' | { read x; echo "$x"; }
echo a > f; echo b >> f; cat < f; echo err >&2 2>/dev/null; { echo o; echo e >&2; } > both 2>&1; : > empty; cat f both; ls nosuch > o 2> e; test -s e && echo has; echo x >| f; exec > g; echo in g
{ echo out; echo err >&2; } 2>&1 >/dev/null | cat; echo a 1>&2 2>/dev/null; sh -c 'echo err >&2' 2>f; cat f; echo x > nosuch/y || echo failed; cat < nosuch || echo failed
echo a | { cat; echo b; } | tr a-z A-Z | rev; seq 5 | while read n; do s=$((s+n)); done; echo ${s-unset}; true | false; echo $?; false | true; echo $?; yes | head -n1; echo $?
x=abc.tar.gz; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${#x} ${x:-d} ${y:-d} ${y-e} ${y:=f} $y ${x:+alt} ${z+alt}; (echo ${nosuch:?message}; echo no) || echo failed
echo $((1+2*3)) $((7/2)) $((7%3)) $((1<<4)) $((5>3)) $((x=4)) $x $((x+=2)) $((0x10)) $((010)) $((-3)) $((!0)) $((1?2:3)); i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i
case abc in a*) echo 1;; *) echo 2;; esac; case x in y|x) echo yes;; esac; case "$HOME" in /*) echo abs;; esac; case a in [!b]) echo nb;; esac; case 5 in [0-9]) echo digit;; esac
for f in *.x words d/*; do echo $f; done; for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done; for i in a b; do for j in 1 2; do break 2; done; done; echo $i$j; until true; do :; done; echo [w]ords 'w*' w\*
[ -f words ] && [ -d d ] && [ -L link ] && [ -x run ] && [ ! -e nosuch ] && [ -s words ] && [ ! -s empty ] && [ -r words ] && [ -h dangling ] && echo all; [ -e dangling ]; echo $?; test a = a -a b = b; echo $?; test 1 -eq 1 -o 1 -eq 2; echo $?
[ 1 -lt 2 ] && [ 2 -ge 2 ] && [ a != b ] && [ -n x ] && [ -z "" ] && echo ok; [ "" ]; echo $?; [ ]; echo $?; [ nosuch -nt words ]; echo $?; [ d -nt words ] || [ words -ot d ] || echo same; [ d/a.txt -ef d/a.txt ]; echo $?; [ x; echo $?; test; echo $?; env test -f words; echo $?; env [ a = a ]; echo $?
echo a b; echo -n x; echo; printf '%s-%d %5s|%-5s|%05d %x %o %c%%\n' a 1 b c 42 255 8 xyz; printf '%s\n' a b c; printf 'a\tb\n'; printf '\101\n'; printf '%b\n' 'x\ty'; printf %s; printf '%d\n' 0x10; printf '%.2f\n' 3.14159; printf '%s %s\n' a b c; env printf 'x%sy\n' 1; env echo -n a
f() { local x=1; echo $x $1 $#; return 3; }; f a b; echo $? ${x-unset}; g() { f; }; g; unset -f f; f; echo $?; f() ( cd d; pwd; exit 2 ); f; echo $?; pwd | tail -c 5
cd d && pwd; cd - >/dev/null; cd nosuch || echo failed; cd; pwd; cd d/s/..; ls; (cd s; ls); pwd; CDPATH=; cd /; pwd; cd "$HOME/d/slink" && pwd && pwd -P && cd .. && pwd
eval 'x=5; echo $x'; a=x; eval "echo \$$a"; command -v cd; command -v nosuch || echo none; command ls d; type cd > /dev/null; echo $?; hash -r; alias ll='ls'; unalias ll; readonly R=1; echo $R; export E=1; sh -c 'echo $E'; unset E; sh -c 'echo ${E-none}'
A=1 sh -c 'echo $A'; echo ${A-none}; A=1 B=2 env | grep -c '^[AB]='; x=2; export x; sh -c 'echo $x'; PATH=/nosuch ls; echo $?; IFS=:; for p in $PATH; do :; done; echo ok; y='a  b'; IFS=' '; echo $y; echo "$y"
umask; umask 077; umask; umask -S; (umask 0; umask); umask; echo > f; mkdir g; sh -c umask; umask u=rwx,g=rx,o=; umask; touch h
umask 077 && cp run copied && ln -s x y && tar cf t.tar run && tar xf t.tar && rm t.tar; stat -c %a run copied
exec sh -c 'echo replaced $0'; echo no
exec nosuch; echo no
(exec echo sub); echo after; exec 2>/dev/null; nosuch; echo $?
getopts ab: o -b x; echo $o $OPTARG; while getopts xy:z opt -x -y 1 -q 2>/dev/null; do echo $opt ${OPTARG-}; done; echo $OPTIND
echo `echo a \`echo b\``; echo $(echo "x $(echo 'y)')"); echo "a\$b\"c\`d"; echo 'it'\''s'; echo a\
	b; echo a; # comment
{ echo a; }; (echo b); if [ a ]; then echo c; elif x; then :; else :; fi; ! false && echo d; true && false || echo e; while false; do :; done; echo $?; : ; echo "$(printf 'a\n\n\n')x"
echo "${HOME}" | tail -c 6; echo ~ | tail -c 6; x=~; echo $x | tail -c 6; echo $$ | grep -c '[0-9]'; sh -c 'echo $PPID' | grep -c .; echo "$-" | grep -c .; x='*.x'; echo $x "$x"; set -f; echo w*; set +f; echo w*
if ! command -v nosuch >/dev/null 2>&1; then echo missing; fi; test -z "$(ls -A d/nosuch 2>/dev/null)" && echo none; [ "$(id -u)" -ge 0 ] && echo n; test "$(cat words | wc -l)" -eq 6 && echo six; n=$(wc -l < words); echo $((n+1))
sh -c 'syntax error here ('; echo $?; sh -c 'if'; echo $?; sh -c ')' ; echo $?; sh -n -c 'echo no'; sh -z; echo $?; sh -o nosuch -c :; echo $?; sh -c; echo $?
cat /dev/stdin < words | head -1; echo hi > /dev/stdout; echo err > /dev/stderr; echo x | tee /dev/stderr 2>&1 | wc -l; cat /proc/self/comm | grep -c .; cat < /dev/null; echo x > /dev/null;:
find . -name words -exec sh -c 'echo got "$1" $#' _ {} \; ; printf 'a\nb\n' | while IFS= read -r l; do sh -c 'cat >/dev/null; echo "$1"' _ "$l" </dev/null; done
set -eux; apk() { echo apk "$@"; }; apk add --no-cache curl 2>/dev/null && rm -rf /nosuch/* && mkdir -p app/bin && cd app && echo '#!/bin/sh' > bin/x && chmod +x bin/x; ls -l bin | tail -1 | cut -c1-10
addr=http://h/x-1.2.tar.gz; f=${addr##*/}; v=${f#x-}; echo "${v%.tar.gz}"; echo "$f" | sed 's/.*-\([0-9.]*\)\.tar.*/\1/'; case "$(uname -m)" in x86_64) a=amd64;; aarch64) a=arm64;; *) exit 1;; esac; echo $a; { echo "[s]"; echo "k=$v"; } > c.ini; cat c.ini
sh -c 'f() { echo "$1"; }; echo() { printf "mine: %s\n" "$1"; }; f x; echo y' | cat
